//! `trainer board` at a pseudo-terminal, whose other end is nobody, garbage, or the program of a board.

use crate::fixture::{Fixture, fixture};
use crate::support::program::{Folder, Noise, ends_with_code, fails_with, json, trainer};
use elbow_agent::agent::{Agent, End, Memory};
use elbow_agent::board::{Board, Received};
use elbow_agent::flash::RamFlash;
use elbow_agent::protocol::{Receiver, Reply, Sensor, Storage, decode, encode};
use serialport::{SerialPort, TTYPort};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Options that wait for less than a second.
const SHORT: [&str; 4] = ["--timeout", "0.2", "--tries", "2"];

/// What a board does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// The bound of this reading is off by one.
    Score(usize),
    /// It falls silent after so many replies.
    Silence(usize),
}

/// A board at one end of a pseudo-terminal.
struct Desk {
    port: TTYPort,
    receiver: Receiver<Vec<u8>>,
    fault: Fault,
    replies: usize,
    scores: usize,
    begun: Instant,
    ends: Arc<AtomicBool>,
}

impl Desk {
    /// The frame that goes out for the one that the agent has sent.
    fn send_frame(&mut self) {
        let frame = self.receiver.frame().to_vec();
        let (number, mut reply): (u32, Reply<'_>) = decode(&frame).unwrap();
        if let Reply::Score(score) = &mut reply {
            score.elbo += i32::from(self.fault == Fault::Score(self.scores));
            self.scores += 1;
        }
        let mut buffer = [0; 1024];
        let frame = encode(number, &reply, &mut buffer).unwrap();
        self.replies += 1;
        if !matches!(self.fault, Fault::Silence(after) if self.replies > after) {
            self.port.write_all(frame).unwrap();
        }
    }
}

impl Board for Desk {
    const NAME: &'static str = "a board of the tests";
    const CHIP: &'static str = "this machine";
    const STORAGE: Storage = Storage::Ram;
    const SENSORS: &'static [Sensor<'static>] = &[Sensor {
        name: "sawtooth",
        unit: "V",
        offset: 0.0,
        scale: 0.5,
    }];

    fn send(&mut self, byte: u8) {
        if self.receiver.feed(byte) {
            self.send_frame();
        }
    }

    fn receive(&mut self) -> Received {
        let mut byte = [0];
        match self.port.read(&mut byte) {
            Ok(1) => Received::Byte(byte[0]),
            _ if self.ends.load(Ordering::SeqCst) => Received::Closed,
            _ => Received::Nothing,
        }
    }

    fn microseconds(&mut self) -> u32 {
        self.begun.elapsed().as_micros() as u32
    }

    fn sample(&mut self, counts: &mut [i16]) {
        counts[0] = (self.begun.elapsed().as_millis() % 100) as i16;
    }
}

/// A board that answers until it is dropped.
struct Running {
    path: String,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _other_end: TTYPort,
}

impl Running {
    /// A board with slots of `slot` bytes and so many words of workspace.
    fn new(fault: Fault, slot: usize, words: usize) -> Self {
        let (port, other_end, path) = terminal();
        let ends = Arc::new(AtomicBool::new(false));
        let asked = ends.clone();
        let work = move || {
            let mut slots = [(); 2].map(|()| vec![0u64; slot / 8]);
            let mut end = End::Restart;
            while end == End::Restart {
                let desk = Desk {
                    port: port.try_clone_native().unwrap(),
                    receiver: Receiver::new(vec![0; 1024]),
                    fault,
                    replies: 0,
                    scores: 0,
                    begun: Instant::now(),
                    ends: asked.clone(),
                };
                let [first, second] = &mut slots;
                let slots = [first, second].map(|words| RamFlash::new(bytes_of(words)));
                let memory = Memory {
                    request: &mut [0; 1088],
                    reply: &mut [0; 640],
                    samples: &mut [0; 600],
                    reading: &mut [0; 256],
                    workspace: &mut vec![0; words],
                };
                end = Agent::new(desk, slots, memory).serve();
            }
        };
        Self {
            path,
            ends,
            thread: Some(std::thread::spawn(work)),
            _other_end: other_end,
        }
    }

    fn port(&self) -> [&str; 2] {
        ["--port", &self.path]
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || std::thread::panicking());
    }
}

fn bytes_of(words: &mut [u64]) -> &mut [u8] {
    bytemuck::cast_slice_mut(words)
}

/// A pseudo-terminal: one end, the other one, which keeps it alive, and the path of that.
fn terminal() -> (TTYPort, TTYPort, String) {
    let (mut port, other_end) = TTYPort::pair().unwrap();
    port.set_timeout(Duration::from_millis(5)).unwrap();
    let path = other_end.name().unwrap();
    (port, other_end, path)
}

fn board(words: &[&str], port: [&str; 2]) -> std::process::Output {
    trainer(&[&["board"], words, &port].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn without_a_board_one_line_says_so() {
    let absent = ["board", "show", "--port", "/dev/absent"];
    fails_with(
        &absent,
        &["cannot open /dev/absent", "check the name of the port"],
    );
    let short = ["board", "show", "--port", "x", "--timeout", "0"];
    assert_eq!(trainer(&short).status.code(), Some(2));
    let (_port, _other_end, path) = terminal();
    let show = [&["board", "show", "--port", &path], &SHORT[..]].concat();
    let line = ends_with_code(1, &show);
    let words = format!("{path} does not answer (2 tries of 0.2 s): check the cable");
    assert!(line.contains(&words), "{line}");
}

#[test]
fn garbage_is_not_an_answer() {
    let (mut port, _other_end, path) = terminal();
    let ends = Arc::new(AtomicBool::new(false));
    let asked = ends.clone();
    let noise = std::thread::spawn(move || {
        let mut noise = Noise(3);
        while !asked.load(Ordering::SeqCst) {
            let bytes: Vec<u8> = (0..200).map(|_| (256.0 * noise.next()) as u8).collect();
            // Where nobody reads, there is no room at times.
            let _ = port.write(&bytes);
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let show = [&["board", "show", "--port", &path], &SHORT[..]].concat();
    let line = ends_with_code(1, &show);
    ends.store(true, Ordering::SeqCst);
    noise.join().unwrap();
    assert!(line.contains("does not answer"), "{line}");
}

#[test]
fn a_score_that_differs_is_named() {
    let Fixture { run, csv, .. } = fixture();
    let desk = Running::new(Fault::Score(17), 16 * 1024, 512);
    let flashed = board(&["flash-image", run, "--json"], desk.port());
    assert_eq!(flashed.status.code(), Some(0), "{}", text(&flashed.stderr));
    assert_eq!(json(&text(&flashed.stdout))["running"]["on_trial"], false);
    let score = ["board", "score", run, csv, "--port", &desk.path];
    let line = ends_with_code(1, &score);
    let words = "reading 17, counted from 0 as by `trainer score`, differs: elbo is ";
    assert!(line.contains(words), "{line}");
    // The ones before are equal.
    let equal = board(&["score", run, csv, "--limit", "17", "--json"], desk.port());
    // Scores are counted from the start of the board.
    assert_eq!(equal.status.code(), Some(0), "{}", text(&equal.stderr));
    assert_eq!(json(&text(&equal.stdout))["readings"], 17);
}

#[test]
fn what_does_not_fit_or_is_not_there_is_refused() {
    let Fixture { run, digits, .. } = fixture();
    let small = Running::new(Fault::None, 2048, 512);
    let flash = ["board", "flash-image", run, "--port", &small.path];
    fails_with(&flash, &["the image has", "and a slot of the board 1920"]);
    let narrow = Running::new(Fault::None, 16 * 1024, 8);
    let flash = ["board", "flash-image", run, "--port", &narrow.path];
    fails_with(
        &flash,
        &["bytes of workspace, and the board has 64: train by --ram"],
    );
    let desk = Running::new(Fault::None, 16 * 1024, 512);
    let score = ["board", "score", run, "--port", &desk.path];
    fails_with(&score, &["the board runs no image, and not", "flash-image"]);
    let flashed = board(&["flash-image", digits], desk.port());
    assert_eq!(flashed.status.code(), Some(0), "{}", text(&flashed.stderr));
    fails_with(&score, &["the board runs digits (", "and not"]);
    let line = ends_with_code(1, &["board", "roll-back", "--port", &desk.path]);
    assert!(
        line.contains("there is no other image to go back to"),
        "{line}"
    );
}

#[test]
fn a_line_that_is_cut_leaves_what_was_recorded() {
    let folder = Folder::new();
    let out = folder.path("log.csv");
    // Two replies are on the board and its sensor, one begins the record.
    let desk = Running::new(Fault::Silence(13), 16 * 1024, 512);
    let words = [
        "record",
        "--out",
        &out,
        "--period",
        "0.01",
        "--samples",
        "100000",
    ];
    let cut = board(&[&words[..], &SHORT].concat(), desk.port());
    let errors = text(&cut.stderr);
    assert_eq!(cut.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("error: ") && errors.contains("does not answer"),
        "{errors}"
    );
    let log = std::fs::read_to_string(&out).unwrap();
    let mut lines = log.lines();
    assert_eq!(lines.next(), Some("time [s],sawtooth [V]"));
    let rows: Vec<&str> = lines.collect();
    assert!(
        errors.contains(&format!("{} samples of", rows.len())),
        "{errors}"
    );
    assert!((3..200).contains(&rows.len()), "{errors}");
    let first: Vec<&str> = rows[0].split(',').collect();
    assert_eq!(first[0].split('.').next(), Some("0"), "{log}");
}
