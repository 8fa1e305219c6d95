//! A pseudo-terminal, and what happens to bytes between it and a board.

use crate::error::Error;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro128PlusPlus;
use serialport::{SerialPort, TTYPort};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long either end is waited for, before the other one is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What happens on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: bytes come as they were sent.
    None,
    /// After so many bytes nothing comes through any more, in either direction.
    Cut {
        /// Bytes.
        after: usize,
        /// Whether the board's power is cut at that moment.
        with_power: bool,
    },
    /// Bytes are lost, doubled and changed.
    Noise {
        /// One byte in so many.
        one_in: u32,
        /// The seed of which ones.
        seed: u64,
    },
}

/// The state of a line, shared with those who carry its bytes.
#[derive(Debug)]
struct State {
    fault: Fault,
    random: Xoshiro128PlusPlus,
    /// Bytes in both directions, since the start and since the last [`Line::set`].
    count: usize,
    since: usize,
    monitor: UnixStream,
}

/// A line between a pseudo-terminal and a board. It ends when the board does.
#[derive(Debug)]
pub struct Line {
    state: Arc<Mutex<State>>,
    port: String,
    /// Open, so that the pseudo-terminal stays one while no program has it open.
    _other_end: TTYPort,
}

impl Line {
    /// A line to the board whose serial port is `board` and whose power `monitor` cuts.
    ///
    /// # Errors
    ///
    /// There is no pseudo-terminal.
    pub fn new(board: &UnixStream, monitor: UnixStream) -> Result<Self, Error> {
        let pair = TTYPort::pair().map_err(std::io::Error::from);
        let (mut own, other_end) = pair.map_err(broken)?;
        let port = other_end.name().unwrap_or_default();
        let state = Arc::new(Mutex::new(State {
            fault: Fault::None,
            random: Xoshiro128PlusPlus::seed_from_u64(0),
            count: 0,
            since: 0,
            monitor,
        }));
        own.set_timeout(LOOK)
            .map_err(|error| broken(error.into()))?;
        board.set_read_timeout(Some(LOOK)).map_err(broken)?;
        let clone = || board.try_clone().map_err(broken);
        let (from_board, to_board) = (clone()?, clone()?);
        let into_port = own
            .try_clone_native()
            .map_err(|error| broken(error.into()))?;
        carry(own, to_board, state.clone());
        carry(from_board, into_port, state.clone());
        Ok(Self {
            state,
            port,
            _other_end: other_end,
        })
    }

    /// The path of the pseudo-terminal.
    #[must_use]
    pub fn port(&self) -> &str {
        &self.port
    }

    /// What happens on the line from now on.
    pub fn set(&self, fault: Fault) {
        let mut state = lock(&self.state);
        state.fault = fault;
        state.since = 0;
        if let Fault::Noise { seed, .. } = fault {
            state.random = Xoshiro128PlusPlus::seed_from_u64(seed);
        }
    }

    /// Bytes that were sent, in both directions.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.state).count
    }

    /// Whether nothing comes through any more.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        let state = lock(&self.state);
        matches!(state.fault, Fault::Cut { after, .. } if state.since > after)
    }
}

impl State {
    /// What comes of a byte.
    fn pass(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.count += 1;
        self.since += 1;
        match self.fault {
            Fault::None => out.push(byte),
            Fault::Cut { after, .. } if self.since <= after => out.push(byte),
            Fault::Cut { after, with_power } => {
                if with_power && self.since == after + 1 {
                    // Where the board is gone already, there is no power to be cut.
                    let _ = self.monitor.write_all(b"system_reset\n");
                }
            }
            Fault::Noise { one_in, .. } => match self.random.next_u32() % (3 * one_in) {
                0 => {}
                1 => out.extend([byte, byte]),
                2 => out.push(byte ^ 1 << (self.random.next_u32() % 8)),
                _ => out.push(byte),
            },
        }
    }
}

/// Carries bytes from one end to the other, as long as both are there.
fn carry(
    mut from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    state: Arc<Mutex<State>>,
) {
    std::thread::spawn(move || {
        let mut bytes = [0; 512];
        loop {
            let count = match from.read(&mut bytes) {
                Ok(0) => return,
                Ok(count) => count,
                Err(error) if is_pause(&error) => continue,
                Err(_) => return,
            };
            let mut out = vec![];
            for &byte in bytes.iter().take(count) {
                lock(&state).pass(byte, &mut out);
            }
            if to.write_all(&out).is_err() {
                return;
            }
        }
    });
}

fn is_pause(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted
    )
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn broken(source: std::io::Error) -> Error {
    Error::at(Path::new("a pseudo-terminal"))(source)
}
