//! Garbage on the line, damaged frames, and requests in any order.

use crate::answers::board_with;
use crate::machine::{Machine, Power, frames, image, reply};
use crate::support::{Dice, check};
use elbow::Estimator;
use elbow_agent::protocol::{
    Identity, Question, Receiver, Refusal, Reply, Request, decode, encode,
};

/// Bytes of any kind: noise, zeros, pieces of frames.
fn garbage(dice: &mut Dice, frames: &[Vec<u8>]) -> Vec<u8> {
    let length = dice.size(0, 400);
    match dice.size(0, 3) {
        0 => (0..length).map(|_| dice.word() as u8).collect(),
        1 => vec![dice.word() as u8; length],
        2 => {
            let frame = &frames[dice.size(0, frames.len() - 1)];
            frame[..dice.size(0, frame.len())].to_vec()
        }
        _ => {
            let mut frame = frames[dice.size(0, frames.len() - 1)].clone();
            for _ in 0..dice.size(1, 3) {
                let at = dice.size(0, frame.len() - 1);
                frame[at] ^= 1 << dice.size(0, 7);
            }
            frame
        }
    }
}

/// A request with any numbers and bytes.
fn request<'a>(dice: &mut Dice, bytes: &'a [u8], images: &[Identity]) -> Request<'a> {
    let some = |dice: &mut Dice| &bytes[..dice.size(0, 200)];
    match dice.size(0, 12) {
        0 => Request::Hello,
        1 => Request::Sensor {
            index: dice.word() as u16 % 4,
        },
        2 => Request::Column {
            index: dice.word() as u16 % 64,
        },
        3 => Request::Record {
            period: dice.word() >> dice.size(0, 31),
        },
        4 => Request::Fetch,
        5 => Request::Score(Question {
            estimator: Estimator::MonteCarlo {
                samples: dice.size(0, 5) as u16,
            },
            seed: dice.word().into(),
            stream: dice.word().into(),
            observed: if dice.once_in(2) { &[] } else { some(dice) },
            reading: some(dice),
        }),
        6 => Request::SelfTest,
        7 => Request::Begin(dice.pick(images)),
        8 => Request::Chunk {
            offset: 32 * (dice.word() % 8),
            bytes: some(dice),
        },
        9 => Request::Commit,
        10 => Request::Restart,
        11 => Request::Confirm,
        _ => Request::Rollback,
    }
}

#[test]
fn a_board_survives_garbage_and_answers_what_is_whole() {
    let (bytes, _) = image(1);
    let identity = Identity::of(&bytes);
    let mut machine = board_with(&bytes);
    let requests = [
        Request::Hello,
        Request::Fetch,
        Request::SelfTest,
        Request::Sensor { index: 1 },
    ];
    let whole: Vec<Vec<u8>> = requests.iter().map(|one| machine.frame(one)).collect();
    check(1, 2000, |dice| {
        let mut line: Vec<u8> = (0..dice.size(1, 5))
            .flat_map(|_| garbage(dice, &whole))
            .collect();
        line.extend(machine.frame(&Request::Hello));
        let (line, _) = machine.run(&line, &Power::lasting(None));
        let replies = frames(&line);
        let Some(Reply::Hello(hello)) = replies.last().map(|frame| reply(frame)) else {
            panic!("{replies:?}");
        };
        assert_eq!(hello.running.map(|running| running.image), Some(identity));
    });
}

#[test]
fn requests_in_any_order_leave_an_image_that_runs() {
    let ((old, _), (new, _)) = (image(1), image(2));
    let images = [Identity::of(&old), Identity::of(&new)];
    check(2, 300, |dice| {
        let mut machine = board_with(&old);
        let bytes: Vec<u8> = (0..256).map(|_| dice.word() as u8).collect();
        for _ in 0..dice.size(1, 12) {
            if dice.once_in(4) {
                // Whole updates lead further than single requests.
                let image = if dice.once_in(2) { &old } else { &new };
                let cut = dice.once_in(2).then(|| dice.size(0, 2000));
                machine.update(image, &Power::lasting(cut));
            }
            let count = dice.size(1, 6);
            let requests: Vec<_> = (0..count).map(|_| request(dice, &bytes, &images)).collect();
            machine.ask(&requests);
            let running = machine.hello().running.expect("an image runs");
            assert!(images.contains(&running.0));
        }
    });
}

#[test]
fn decoders_of_both_sides_take_any_bytes() {
    check(3, 20_000, |dice| {
        let mut body: Vec<u8> = (0..dice.size(0, 80)).map(|_| dice.word() as u8).collect();
        let _ = decode::<Request<'_>>(&body);
        // With a checksum that matches, and a small number in front, messages are decoded too.
        body.splice(0..0, [1, 5, dice.size(0, 15) as u8]);
        body.extend(elbow_agent::protocol::checksum(&body).to_le_bytes());
        if let Ok((number, request)) = decode::<Request<'_>>(&body) {
            again(number, &request, |frame| {
                assert_eq!(decode(frame), Ok((number, request)));
            });
        }
        if let Ok((number, answer)) = decode::<Reply<'_>>(&body) {
            again(number, &answer, |frame| {
                let (_, same) = decode::<Reply<'_>>(frame).unwrap();
                // Floats may be NaN, which equals nothing.
                assert_eq!(format!("{same:?}"), format!("{answer:?}"));
            });
        }
    });
}

/// Sends a message, and hands on the frame that is received.
fn again(number: u32, message: &impl serde::Serialize, look: impl FnOnce(&[u8])) {
    let mut buffer = [0; 512];
    let frame = encode(number, message, &mut buffer).unwrap();
    let mut receiver = Receiver::new([0; 512]);
    let ends = frame.iter().filter(|&&byte| receiver.feed(byte)).count();
    assert_eq!(ends, 1);
    look(receiver.frame());
}

#[test]
fn other_versions_and_unknown_requests_are_refused() {
    let mut machine = Machine::new();
    let seal =
        |body: &[u8]| {
            let whole = [body, &elbow_agent::protocol::checksum(body).to_le_bytes()].concat();
            let mut line = vec![0];
            // No group of these is longer than a code says.
            line.extend(whole.split(|&byte| byte == 0).flat_map(|group| {
                std::iter::once(group.len() as u8 + 1).chain(group.iter().copied())
            }));
            line.push(0);
            line
        };
    for (body, refusal) in [
        (&[2, 7, 99, 99][..], Refusal::Version { asked: 2 }),
        (&[1, 7, 99], Refusal::Message),
        (&[1, 7], Refusal::Message),
    ] {
        let (line, _) = machine.run(&seal(body), &Power::lasting(None));
        let replies = frames(&line);
        assert_eq!(decode(&replies[0]), Ok((7, Reply::Refused(refusal))));
    }
}
