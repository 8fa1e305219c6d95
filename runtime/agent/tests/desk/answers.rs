//! What a board answers.

use crate::machine::{Machine, Power, SLOT, frames, image, reply};
use elbow::{Estimator, Mask, Model, Session};
use elbow_agent::agent::End;
use elbow_agent::protocol::{
    Identity, MISSING, Question, Refusal, Reply, Request, Samples, Scored, SlotState, Storage,
};

/// A board that runs an image, which was confirmed.
pub(crate) fn board_with(bytes: &[u8]) -> Machine {
    let mut machine = Machine::new();
    machine.update(bytes, &Power::lasting(None));
    assert_eq!(reply(&machine.ask(&[Request::Confirm])[0]), Reply::Done);
    machine
}

fn raw(reading: &[i16]) -> Vec<u8> {
    reading
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

#[test]
fn an_image_is_tried_confirmed_and_replaced() {
    let ((old, _), (new, _)) = (image(1), image(2));
    let (old_identity, new_identity) = (Identity::of(&old), Identity::of(&new));
    let mut machine = Machine::new();
    let empty = machine.hello();
    assert_eq!((empty.running, empty.states), (None, [SlotState::Empty; 2]));

    let replies = machine.update(&old, &Power::lasting(None));
    assert!(
        replies
            .iter()
            .all(|frame| !matches!(reply(frame), Reply::Refused(_)))
    );
    let trial = machine.hello();
    assert_eq!(trial.running, Some((old_identity, true)));
    assert_eq!(trial.states, [SlotState::Tried, SlotState::Empty]);
    // There is nothing else that could run.
    assert_eq!(machine.hello(), trial);
    let refused = machine.ask(&[Request::Rollback, Request::Restart]);
    assert_eq!(reply(&refused[0]), Reply::Refused(Refusal::NoOther));
    // A restart that is asked for again, because its reply was lost, does not end the trial.
    assert_eq!(reply(&refused[1]), Reply::Refused(Refusal::NothingNew));

    let confirmed = machine.ask(&[Request::SelfTest, Request::Confirm, Request::Confirm]);
    let replies: Vec<_> = confirmed.iter().map(|frame| reply(frame)).collect();
    let done = Reply::Done;
    assert_eq!(replies, [done, done, Reply::Refused(Refusal::NotOnTrial)]);
    assert_eq!(machine.hello().running, Some((old_identity, false)));

    // Not confirmed: the old one runs after another restart.
    machine.update(&new, &Power::lasting(None));
    assert_eq!(machine.hello().running, Some((new_identity, true)));
    let back = machine.hello();
    assert_eq!(back.running, Some((old_identity, false)));
    assert_eq!(back.states, [SlotState::Good, SlotState::Tried]);

    machine.update(&new, &Power::lasting(None));
    let begun = Request::Begin(old_identity);
    let replies = machine.ask(&[begun, Request::Confirm]);
    assert_eq!(reply(&replies[0]), Reply::Refused(Refusal::OnTrial));
    assert_eq!(reply(&replies[1]), Reply::Done);
    assert_eq!(machine.hello().running, Some((new_identity, false)));
    // Back to the old one, and not back again.
    let replies = machine.ask(&[Request::Rollback, Request::Restart]);
    assert_eq!(replies.len(), 2);
    let back = machine.hello();
    assert_eq!(back.running, Some((old_identity, false)));
    assert_eq!(back.states, [SlotState::Good, SlotState::Rejected]);
    let refused = machine.ask(&[Request::Rollback]);
    assert_eq!(reply(&refused[0]), Reply::Refused(Refusal::NoOther));
}

#[test]
fn scores_are_those_of_the_host() {
    let (bytes, readings) = image(3);
    let model = Model::parse(&bytes).unwrap();
    let mut machine = board_with(&bytes);
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let mask = vec![0b1; model.inputs().div_ceil(8)];
    let estimators = [
        Estimator::PosteriorMean,
        Estimator::SigmaPoints,
        Estimator::MonteCarlo { samples: 5 },
        Estimator::ImportanceWeighted { samples: 3 },
    ];
    for (stream, reading) in (0..).zip(&readings) {
        for estimator in estimators {
            for observed in [&[][..], &mask] {
                let question = Question {
                    estimator,
                    seed: 9,
                    stream,
                    observed,
                    reading: &raw(reading),
                };
                let answer = machine.ask(&[Request::Score(question)]);
                session.reseed(9, stream);
                let on_host = match observed {
                    [] => Mask::ALL,
                    bits => Mask::new(bits, model.inputs()).unwrap(),
                };
                let expected = session.score_observed(reading, on_host, estimator).unwrap();
                assert_eq!(reply(&answer[0]), Reply::Score(Scored::of(&expected)));
            }
        }
    }
}

#[test]
fn a_board_tells_what_it_is_and_what_its_image_takes() {
    let (bytes, _) = image(1);
    let model = Model::parse(&bytes).unwrap();
    let mut machine = board_with(&bytes);
    let answer = machine.ask(&[Request::Hello]);
    let Reply::Hello(hello) = reply(&answer[0]) else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (hello.board, hello.chip, hello.storage),
        ("host", "none", Storage::Ram)
    );
    assert_eq!((hello.message, hello.reading), (290, 64));
    assert_eq!(
        (hello.workspace, hello.image),
        (8 * 2048, SLOT as u32 - 128)
    );
    let running = hello.running.unwrap();
    assert_eq!((running.name, running.slot), (model.name(), 0));
    assert_eq!(running.workspace as usize, 8 * model.workspace_words());
    assert_eq!(running.reading as usize, model.reading_length());
    for index in 0..running.columns {
        let answer = machine.ask(&[Request::Column { index }]);
        let Reply::Column(column) = reply(&answer[0]) else {
            panic!("{answer:?}");
        };
        let expected = model.column(index.into()).unwrap();
        assert_eq!(
            (column.name, column.unit),
            (expected.name(), expected.unit())
        );
        assert_eq!(column.offset, expected.offset());
        assert_eq!(column.exponent, expected.exponent());
    }
    let answer = machine.ask(&[Request::Sensor { index: 0 }]);
    assert!(matches!(reply(&answer[0]), Reply::Sensor(sensor) if sensor.name == "clock"));
}

#[test]
fn what_cannot_be_done_is_refused_by_its_numbers() {
    let (bytes, readings) = image(1);
    let mut machine = board_with(&bytes);
    let question = |reading| {
        Request::Score(Question {
            estimator: Estimator::SigmaPoints,
            seed: 0,
            stream: 0,
            observed: &[],
            reading,
        })
    };
    let long = [0; 2 * 64 + 2];
    let whole = raw(&readings[0]);
    let short = &whole[2..];
    let identity = Identity::of(&bytes);
    let damaged = Identity {
        length: 32,
        ..identity
    };
    let chunk = |offset, bytes| Request::Chunk { offset, bytes };
    for (requests, expected) in [
        (
            vec![Request::Sensor { index: 2 }],
            Refusal::Index { asked: 2, have: 2 },
        ),
        (vec![Request::Fetch], Refusal::NotRecording),
        (
            vec![question(&long)],
            Refusal::Reading {
                have: 64,
                bytes: 130,
            },
        ),
        (
            vec![question(&long[..3])],
            Refusal::Reading { have: 64, bytes: 3 },
        ),
        (vec![question(short)], Refusal::Score { code: 220 }),
        (vec![Request::Commit], Refusal::NotBegun),
        (vec![chunk(0, &[])], Refusal::NotBegun),
        (
            vec![Request::Begin(Identity {
                length: SLOT as u32,
                crc: 0,
            })],
            Refusal::TooLong {
                have: SLOT as u32 - 128,
                need: SLOT as u32,
            },
        ),
        (
            vec![Request::Begin(identity), chunk(32, &[0; 32])],
            Refusal::Order { have: 0 },
        ),
        (
            vec![Request::Begin(identity), chunk(0, &[0; 31])],
            Refusal::Order { have: 0 },
        ),
        (
            vec![Request::Begin(identity), Request::Commit],
            Refusal::Order { have: 0 },
        ),
        (
            vec![Request::Begin(damaged), chunk(0, &[0; 32]), Request::Commit],
            // The CRC-32C of 32 zeros: RFC 3720, appendix B.4.
            Refusal::Checksum {
                need: identity.crc,
                have: 0x8a91_36aa,
            },
        ),
        (
            vec![
                Request::Begin(Identity::of(&[0; 32])),
                chunk(0, &[0; 32]),
                Request::Commit,
            ],
            Refusal::Image { code: 100 },
        ),
        (vec![Request::Confirm], Refusal::NotOnTrial),
        (vec![Request::Rollback], Refusal::NoOther),
    ] {
        let answers = machine.ask(&requests);
        let last = answers.last().unwrap();
        assert_eq!(reply(last), Reply::Refused(expected), "{requests:?}");
        assert_eq!(
            machine.hello().running,
            Some((identity, false)),
            "{requests:?}"
        );
    }
}

#[test]
fn an_image_that_needs_more_workspace_never_runs() {
    let (bytes, _) = image(1);
    let words = Model::parse(&bytes).unwrap().workspace_words() as u32;
    let mut machine = Machine::new();
    machine.workspace = words as usize - 1;
    let replies = machine.update(&bytes, &Power::lasting(None));
    let refused = Refusal::Workspace {
        have: 8 * words - 8,
        need: 8 * words,
    };
    assert_eq!(reply(&replies[replies.len() - 2]), Reply::Refused(refused));
    assert_eq!(machine.hello().running, None);
}

#[test]
fn a_request_that_comes_again_has_its_reply_again() {
    let (bytes, _) = image(1);
    let mut machine = board_with(&bytes);
    let begin = machine.frame(&Request::Begin(Identity::of(&bytes)));
    let first = Request::Chunk {
        offset: 0,
        bytes: &bytes[..32],
    };
    let first = machine.frame(&first);
    let (line, _) = machine.run(
        &[&begin[..], &first, &first, &first].concat(),
        &Power::lasting(None),
    );
    let replies = frames(&line);
    assert_eq!(reply(&replies[1]), Reply::Written { length: 32 });
    assert_eq!(replies[1..], [replies[1].as_slice(); 3]);
    // A greeting is always answered anew.
    let hello = machine.frame(&Request::Hello);
    let (line, end) = machine.run(&[&hello[..], &hello].concat(), &Power::lasting(None));
    assert_eq!((frames(&line).len(), end), (2, End::Closed));
}

#[test]
fn samples_come_in_order_with_their_times_and_what_was_lost_is_told() {
    let mut machine = Machine::new();
    // The clock wraps during the record.
    machine.clock = u32::MAX - 3000;
    let period = 1000;
    let mut line = machine.frame(&Request::Record { period });
    // Time passes, byte by byte.
    line.extend([0; 50]);
    line.extend(machine.frame(&Request::Fetch));
    line.extend([0; 400]);
    line.extend(machine.frame(&Request::Fetch));
    line.extend(machine.frame(&Request::Fetch));
    line.extend(machine.frame(&Request::Record { period: 0 }));
    line.extend(machine.frame(&Request::Fetch));
    let replies = frames(&machine.run(&line, &Power::lasting(None)).0);
    let mut expected_number = 0;
    let mut lost_in_all = 0;
    let mut count = 0;
    let mut started = None;
    for frame in &replies[1..4] {
        let Reply::Samples(Samples { first, lost, bytes }) = reply(frame) else {
            panic!("{frame:?}");
        };
        expected_number += lost - lost_in_all;
        lost_in_all = lost;
        assert_eq!(first, expected_number);
        for sample in bytes.chunks(8) {
            let time = u32::from_le_bytes(sample[..4].try_into().unwrap());
            let late = time - expected_number * period;
            assert!(late < 100, "{expected_number}: {late}");
            let clock = i16::from_le_bytes([sample[4], sample[5]]);
            let start = clock.wrapping_sub(time as i16);
            assert_eq!(*started.get_or_insert(start), start);
            assert_eq!(sample[6..8], MISSING.to_le_bytes());
            expected_number += 1;
            count += 1;
        }
    }
    // 400 bytes and the request behind them take 36 ms, the first reply 7 ms; there is room for 12 samples.
    assert!((25..33).contains(&lost_in_all), "{lost_in_all}");
    assert!(count >= 24, "{count}");
    assert_eq!(reply(&replies[5]), Reply::Refused(Refusal::NotRecording));
}
