//! Requests and replies over a serial line, asked again where the line loses them.

use super::error::BoardError;
use elbow_agent::protocol::{FrameError, Receiver, Reply, Request, decode, encode};
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// Bytes of a frame, at most: more than any board has room for.
const LONGEST_FRAME: usize = 1 << 16;

/// How long a port may wait for a byte, so that the time of a try is kept.
const LOOK: Duration = Duration::from_millis(20);

/// How long and how often to ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// Time for a reply.
    pub timeout: Duration,
    /// Times that a request is sent, at least once.
    pub tries: u32,
}

/// A line to a board.
#[derive(Debug)]
pub struct Link<P> {
    port: P,
    name: String,
    patience: Patience,
    receiver: Receiver<Vec<u8>>,
    /// Bytes that came, and were not looked at yet.
    pending: Vec<u8>,
    /// The number of the last request.
    number: u32,
    /// Requests that were sent again.
    repeated: usize,
}

impl Link<Box<dyn serialport::SerialPort>> {
    /// Opens the serial device `name`.
    ///
    /// # Errors
    /// [`BoardError::Port`].
    pub fn open(name: &str, baud: u32, patience: Patience) -> Result<Self, BoardError> {
        let port = serialport::new(name, baud).timeout(LOOK).open();
        let port = port.map_err(|cause| BoardError::Port {
            port: name.to_owned(),
            cause,
        })?;
        Ok(Self::new(port, name, patience))
    }
}

impl<P: Read + Write> Link<P> {
    /// A line over `port`, which is called `name` in messages, and whose reads end within a part of a second with
    /// [`ErrorKind::TimedOut`] where nothing comes.
    pub fn new(port: P, name: &str, patience: Patience) -> Self {
        Self {
            port,
            name: name.to_owned(),
            patience,
            receiver: Receiver::new(vec![0; LONGEST_FRAME]),
            pending: vec![],
            // Another one than of programs before this one, whose replies may still come.
            number: RandomState::new().hash_one(0) as u32,
            repeated: 0,
        }
    }

    /// How long and how often to ask.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// Asks so long and so often from now on.
    pub fn be(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// Requests that were sent more than once.
    pub fn repeated(&self) -> usize {
        self.repeated
    }

    /// The board's reply to `request`, which is no refusal.
    ///
    /// # Errors
    /// [`BoardError::Silent`], [`BoardError::Cut`], [`BoardError::Version`] or [`BoardError::Refused`].
    pub fn ask(&mut self, request: &Request<'_>) -> Result<Reply<'_>, BoardError> {
        self.number = self.number.wrapping_add(1);
        let mut buffer = vec![0; LONGEST_FRAME];
        let frame =
            encode(self.number, request, &mut buffer).map_err(|_| BoardError::Unexpected)?;
        let is_answered = self.exchange(frame)?;
        if !is_answered {
            return Err(BoardError::Silent {
                port: self.name.clone(),
                tries: self.patience.tries,
                seconds: self.patience.timeout.as_secs_f64(),
            });
        }
        match decode(self.receiver.frame()) {
            Ok((_, Reply::Refused(refusal))) => Err(refusal.into()),
            Ok((_, reply)) => Ok(reply),
            Err(_) => Err(BoardError::Unexpected),
        }
    }

    /// As [`Link::ask`], where the reply can only be [`Reply::Done`].
    ///
    /// # Errors
    /// As [`Link::ask`], and [`BoardError::Unexpected`].
    pub fn order(&mut self, request: &Request<'_>) -> Result<(), BoardError> {
        match self.ask(request)? {
            Reply::Done => Ok(()),
            _ => Err(BoardError::Unexpected),
        }
    }

    /// Sends a frame until its reply is in the receiver; false where none came.
    fn exchange(&mut self, frame: &[u8]) -> Result<bool, BoardError> {
        for attempt in 0..self.patience.tries.max(1) {
            self.repeated += usize::from(attempt > 0);
            self.write(frame)?;
            let end = Instant::now() + self.patience.timeout;
            while Instant::now() < end {
                while !self.pending.is_empty() {
                    let byte = self.pending.remove(0);
                    if self.receiver.feed(byte) && self.is_reply()? {
                        return Ok(true);
                    }
                }
                self.read()?;
            }
        }
        Ok(false)
    }

    /// Whether the frame that was received answers the last request. Others are old, or no frames.
    fn is_reply(&self) -> Result<bool, BoardError> {
        match decode::<Reply<'_>>(self.receiver.frame()) {
            Ok((number, _)) => Ok(number == self.number),
            Err(FrameError::Version { version, .. }) => Err(BoardError::Version { version }),
            Err(FrameError::Message { number }) if number == self.number => {
                Err(BoardError::Unexpected)
            }
            Err(_) => Ok(false),
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), BoardError> {
        let end = Instant::now() + self.patience.timeout;
        while !bytes.is_empty() {
            match self.port.write(bytes) {
                Ok(written) => bytes = &bytes[written.min(bytes.len())..],
                Err(cause) if is_pause(&cause) => {}
                Err(cause) => return Err(self.cut(cause)),
            }
            // Where the line takes no more, no reply will come either.
            if Instant::now() >= end {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), BoardError> {
        let mut bytes = [0; 1024];
        match self.port.read(&mut bytes) {
            Ok(0) => Err(self.cut(ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                self.pending.extend_from_slice(&bytes[..count]);
                Ok(())
            }
            Err(cause) if is_pause(&cause) => Ok(()),
            Err(cause) => Err(self.cut(cause)),
        }
    }

    fn cut(&self, cause: std::io::Error) -> BoardError {
        BoardError::Cut {
            port: self.name.clone(),
            cause,
        }
    }
}

/// Whether nothing came for a while.
fn is_pause(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbow_agent::protocol::{Refusal, checksum};
    use rand_core::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro128PlusPlus;

    const PATIENCE: Patience = Patience {
        timeout: Duration::from_millis(2),
        tries: 3,
    };

    /// A port whose other end does `work` with each request: what it sends back.
    struct Other<F> {
        work: F,
        receiver: Receiver<Vec<u8>>,
        line: Vec<u8>,
    }

    impl<F: FnMut(u32, Request<'_>) -> Vec<u8>> Other<F> {
        fn link(work: F) -> Link<Self> {
            let other = Self {
                work,
                receiver: Receiver::new(vec![0; 4096]),
                line: vec![],
            };
            Link::new(other, "port", PATIENCE)
        }
    }

    impl<F: FnMut(u32, Request<'_>) -> Vec<u8>> Write for Other<F> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            for &byte in bytes {
                if self.receiver.feed(byte) {
                    let (number, request) = decode(self.receiver.frame()).unwrap();
                    self.line.extend((self.work)(number, request));
                }
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<F> Read for Other<F> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let count = self.line.len().min(into.len()).min(7);
            if count == 0 {
                return Err(ErrorKind::TimedOut.into());
            }
            into[..count].copy_from_slice(&self.line[..count]);
            self.line.drain(..count);
            Ok(count)
        }
    }

    fn frame(number: u32, reply: &Reply<'_>) -> Vec<u8> {
        encode(number, reply, &mut [0; 256]).unwrap().to_vec()
    }

    #[test]
    fn a_lost_reply_is_asked_for_again_by_the_same_number() {
        let mut numbers = vec![];
        let mut link = Other::link(|number, request| {
            assert_eq!(request, Request::SelfTest);
            numbers.push(number);
            match numbers.len() {
                1 => vec![],
                2 => frame(number, &Reply::Done)[..4].to_vec(),
                // Late replies to others, and then the right one.
                _ => [
                    frame(number - 1, &Reply::Refused(Refusal::Flash)),
                    frame(number, &Reply::Done),
                ]
                .concat(),
            }
        });
        link.order(&Request::SelfTest).unwrap();
        assert_eq!(link.repeated(), 2);
        drop(link);
        assert_eq!(numbers, [numbers[0]; 3]);
    }

    #[test]
    fn each_fault_is_one_clear_line() {
        let silent = Other::link(|_, _| b"hello\r\n".to_vec()).order(&Request::Hello);
        assert_eq!(
            silent.unwrap_err().to_string(),
            "port does not answer (3 tries of 0.002 s): check the cable, --baud, and that the board runs an agent; --timeout and --tries wait longer"
        );
        let refusal = Refusal::NotBegun;
        let refused = Other::link(|number, _| frame(number, &Reply::Refused(refusal)));
        let refused = { refused }.order(&Request::Commit).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "no update was begun: the board was restarted"
        );
        let odd = Other::link(|number, _| frame(number, &Reply::Written { length: 1 }));
        let odd = { odd }.order(&Request::Commit);
        assert!(matches!(odd, Err(BoardError::Unexpected)));
        let newer = Other::link(|_, _| {
            let body = [2, 7];
            let [a, b, c, d] = checksum(&body).to_le_bytes();
            assert!(![a, b, c, d].contains(&0));
            vec![0, 7, 2, 7, a, b, c, d, 0]
        });
        let newer = { newer }.order(&Request::Commit);
        assert!(matches!(newer, Err(BoardError::Version { version: 2 })));
    }

    #[test]
    fn garbage_is_survived_and_never_taken_for_a_reply() {
        let mut random = Xoshiro128PlusPlus::seed_from_u64(1);
        let mut replies = 0;
        for _ in 0..300 {
            let mut tries = 0;
            let mut link = Other::link(|number, _| {
                tries += 1;
                let count = random.next_u32() % 300;
                let mut line: Vec<u8> = (0..count).map(|_| random.next_u32() as u8).collect();
                let mut reply = frame(number, &Reply::Written { length: 77 });
                if tries < 3 {
                    let at = 1 + random.next_u32() as usize % (reply.len() - 2);
                    reply[at] ^= 1 << (random.next_u32() % 8);
                }
                line.extend(reply);
                line
            });
            match link.ask(&Request::Commit) {
                Ok(reply) => assert_eq!(reply, Reply::Written { length: 77 }),
                Err(error) => panic!("{error}"),
            }
            drop(link);
            assert_eq!(tries, 3);
            replies += 1;
        }
        assert_eq!(replies, 300);
    }
}
