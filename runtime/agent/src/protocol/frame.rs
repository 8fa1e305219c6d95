//! Frames: a message with its version, its number and its checksum, between zeros.

use cobs::{DecodeResult, DecoderState, EncoderState, PushResult};
use core::fmt;
use crc::{CRC_32_ISCSI, Crc, Digest};
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

/// The version of the protocol: the first byte of every frame. Changes whenever a message does.
pub const VERSION: u8 = 1;

/// Bytes of a frame beside its message, at most: version, number, checksum.
pub const OVERHEAD: usize = 1 + 5 + CHECKSUM_BYTES;

/// Bytes of the checksum.
const CHECKSUM_BYTES: usize = 4;

/// CRC-32 as of iSCSI (Castagnoli): another polynomial than that of images, so that both do not miss the same damage.
static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The CRC-32 (iSCSI) of `bytes`.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The frame is shorter than any, or its checksum does not match.
    Damaged,
    /// The frame is of another version of the protocol.
    Version {
        /// Its version.
        version: u8,
        /// Its number.
        number: u32,
    },
    /// The checksum matches, and the bytes are no message of this version.
    Message {
        /// Its number.
        number: u32,
    },
    /// The message does not fit the buffer.
    Full {
        /// Bytes of the buffer.
        have: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("the frame is damaged"),
            Self::Version { version, .. } => write!(
                f,
                "the frame is of version {version} of the protocol, and this program speaks version {VERSION}"
            ),
            Self::Message { .. } => f.write_str("the frame holds no message of this version"),
            Self::Full { have } => write!(f, "the message does not fit a buffer of {have} bytes"),
        }
    }
}

impl core::error::Error for FrameError {}

/// The frame of `message`, which has this `number`, at the front of `buffer`. It begins with a zero, which ends whatever
/// was on the line before.
///
/// # Errors
/// [`FrameError::Full`].
pub fn encode<'b>(
    number: u32,
    message: &impl Serialize,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], FrameError> {
    let have = buffer.len();
    let full = FrameError::Full { have };
    let stuffed = Stuffed::new(buffer).ok_or(full)?;
    let length = postcard::serialize_with_flavor(&(VERSION, number, message), stuffed);
    let length = length.map_err(|_| full)?;
    buffer.get(..length).ok_or(full)
}

/// The number and the message of a frame that a [`Receiver`] gave.
///
/// # Errors
/// [`FrameError`].
pub fn decode<'b, M: Deserialize<'b>>(frame: &'b [u8]) -> Result<(u32, M), FrameError> {
    let end = frame.len().checked_sub(CHECKSUM_BYTES);
    let (body, sum) = end
        .and_then(|end| frame.split_at_checked(end))
        .ok_or(FrameError::Damaged)?;
    let (&version, body) = body.split_first().ok_or(FrameError::Damaged)?;
    let mut digest = CRC.digest();
    digest.update(&[version]);
    digest.update(body);
    if digest.finalize().to_le_bytes() != sum {
        return Err(FrameError::Damaged);
    }
    let numbered = postcard::take_from_bytes::<u32>(body);
    let (number, body) = numbered.map_err(|_| FrameError::Damaged)?;
    if version != VERSION {
        return Err(FrameError::Version { version, number });
    }
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok((number, message)),
        _ => Err(FrameError::Message { number }),
    }
}

/// A frame on its way into a buffer: stuffed by COBS, its checksum counted.
struct Stuffed<'b> {
    buffer: &'b mut [u8],
    at: usize,
    state: EncoderState,
    digest: Digest<'static, u32>,
}

impl<'b> Stuffed<'b> {
    /// The zero in front of a frame, and the place of its first code.
    const FRONT: usize = 1;

    fn new(buffer: &'b mut [u8]) -> Option<Self> {
        *buffer.first_mut()? = 0;
        Some(Self {
            buffer,
            at: Self::FRONT + 1,
            state: EncoderState::default(),
            digest: CRC.digest(),
        })
    }

    fn put(&mut self, at: usize, byte: u8) -> postcard::Result<()> {
        let place = self.buffer.get_mut(at);
        *place.ok_or(postcard::Error::SerializeBufferFull)? = byte;
        Ok(())
    }

    fn stuff(&mut self, byte: u8) -> postcard::Result<()> {
        match self.state.push(byte) {
            PushResult::AddSingle(byte) => self.put(self.at, byte)?,
            PushResult::ModifyFromStartAndSkip((at, code)) => self.put(Self::FRONT + at, code)?,
            PushResult::ModifyFromStartAndPushAndSkip((at, code, byte)) => {
                self.put(Self::FRONT + at, code)?;
                self.put(self.at, byte)?;
                self.at += 1;
            }
        }
        self.at += 1;
        Ok(())
    }
}

impl Flavor for Stuffed<'_> {
    type Output = usize;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.digest.update(&[byte]);
        self.stuff(byte)
    }

    fn finalize(mut self) -> postcard::Result<usize> {
        for byte in self.digest.clone().finalize().to_le_bytes() {
            self.stuff(byte)?;
        }
        let (at, code) = self.state.clone().finalize();
        self.put(Self::FRONT + at, code)?;
        self.put(self.at, 0)?;
        Ok(self.at + 1)
    }
}

/// Frames out of the bytes of a line, which may be any.
#[derive(Debug)]
pub struct Receiver<B> {
    buffer: B,
    length: usize,
    state: DecoderState,
    is_whole: bool,
    is_too_long: bool,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Receiver<B> {
    /// Receives frames of at most as many bytes as `buffer` has.
    pub fn new(buffer: B) -> Self {
        Self {
            buffer,
            length: 0,
            state: DecoderState::Idle,
            is_whole: false,
            is_too_long: false,
        }
    }

    /// Bytes of a frame, at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buffer.as_ref().len()
    }

    /// Takes a byte in; whether it ends a frame, which [`Receiver::frame`] then has. What is no frame, or longer than the buffer, is left out.
    pub fn feed(&mut self, byte: u8) -> bool {
        if self.is_whole {
            self.start();
        }
        match self.state.feed(byte) {
            Ok(DecodeResult::NoData) => {}
            Ok(DecodeResult::DataContinue(byte)) => match self.buffer.as_mut().get_mut(self.length)
            {
                None => self.is_too_long = true,
                Some(place) => {
                    *place = byte;
                    self.length += 1;
                }
            },
            Ok(DecodeResult::DataComplete) if !self.is_too_long => self.is_whole = true,
            Ok(DecodeResult::DataComplete) | Err(_) => self.start(),
        }
        self.is_whole
    }

    /// The frame that the last byte has ended; empty where it has ended none.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        let length = if self.is_whole { self.length } else { 0 };
        self.buffer.as_ref().get(..length).unwrap_or_default()
    }

    fn start(&mut self) {
        self.length = 0;
        self.is_whole = false;
        self.is_too_long = false;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn received(line: &[u8]) -> Vec<Vec<u8>> {
        let mut receiver = Receiver::new([0; 1024]);
        let mut frames = Vec::new();
        for &byte in line {
            if receiver.feed(byte) {
                frames.push(receiver.frame().to_vec());
            }
        }
        frames
    }

    /// Version 1, number 300 as a varint, message 7, and the checksum of these four bytes (computed bit by bit in Python).
    const BYTES: [u8; 8] = [1, 0xac, 0x02, 7, 0xf2, 0xa3, 0x41, 0xaa];

    #[test]
    fn a_frame_has_these_bytes() {
        assert_eq!(checksum(b"123456789"), 0xe306_9283);
        let mut buffer = [0; 16];
        let frame = encode(300, &7u8, &mut buffer).unwrap();
        assert_eq!(frame[..2], [0, 9]);
        assert_eq!(frame[2..10], BYTES);
        assert_eq!(frame[10..], [0]);
        assert_eq!(received(frame), [BYTES]);
        assert_eq!(decode(&BYTES), Ok((300, 7u8)));
        for have in 0..frame.len() {
            let mut short = [0; 16];
            let error = encode(300, &7u8, &mut short[..have]);
            assert_eq!(error, Err(FrameError::Full { have }));
        }
    }

    #[test]
    fn zeros_and_long_runs_come_through() {
        for length in [0, 1, 252, 253, 254, 255, 256, 600] {
            for value in [0u8, 1, 255] {
                let message = std::vec![value; length];
                let mut buffer = [0; 1024];
                let frame = encode(1, &&message[..], &mut buffer).unwrap();
                let inside = &frame[1..frame.len() - 1];
                assert!(!inside.contains(&0), "{length} {value}");
                let frames = received(frame);
                assert_eq!(frames.len(), 1, "{length} {value}");
                assert_eq!(decode(&frames[0]), Ok((1, &message[..])));
            }
        }
    }

    #[test]
    fn every_damaged_bit_is_seen() {
        for bit in 0..8 * BYTES.len() {
            let mut bytes = BYTES;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode::<u8>(&bytes), Err(FrameError::Damaged), "{bit}");
        }
        for length in 0..BYTES.len() {
            let cut = decode::<u8>(&BYTES[..length]);
            assert_eq!(cut, Err(FrameError::Damaged), "{length}");
        }
    }

    #[test]
    fn other_versions_and_messages_are_told_apart() {
        let seal = |body: &[u8]| [body, &checksum(body).to_le_bytes()].concat();
        let (version, number) = (2, 300);
        assert_eq!(
            decode::<u8>(&seal(&[2, 0xac, 0x02, 9, 9, 9])),
            Err(FrameError::Version { version, number })
        );
        for body in [&[1, 0xac, 0x02][..], &[1, 0xac, 0x02, 7, 7]] {
            let error = decode::<u8>(&seal(body));
            assert_eq!(error, Err(FrameError::Message { number: 300 }));
        }
    }

    #[test]
    fn frames_are_found_between_garbage_and_what_is_too_long() {
        let mut buffer = [0; 16];
        let frame = encode(300, &7u8, &mut buffer).unwrap();
        let garbage = [&[9, 8, 7, 255, 1, 2][..], &[5; 3000]].concat();
        let line = [&garbage, frame, &frame[..5], frame, &[5; 3000], frame].concat();
        assert_eq!(received(&line), [BYTES; 3]);
        let mut receiver = Receiver::new([0; 7]);
        assert!(!frame.iter().any(|&byte| receiver.feed(byte)));
        assert_eq!(receiver.frame(), []);
    }
}
