//! Why a board did not do what it was asked.

use core::fmt;
use serde::{Deserialize, Serialize};

/// Why a board did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The request is of another version of the protocol.
    Version {
        /// The version of the request.
        asked: u8,
    },
    /// The request is no message of this version.
    Message,
    /// The reply does not fit the board's buffer.
    Reply,
    /// No image runs.
    NoImage,
    /// There is no sensor or column of that number.
    Index {
        /// The number.
        asked: u16,
        /// How many there are.
        have: u16,
    },
    /// Nothing is recorded.
    NotRecording,
    /// The reading has more numbers than the board has room for, or half a number.
    Reading {
        /// Numbers that there is room for.
        have: u32,
        /// Bytes of the reading.
        bytes: u32,
    },
    /// The reading is not scored; the number is that of the error in `runtime/ERRORS.md`.
    Score {
        /// The number of the error.
        code: u16,
    },
    /// The image is longer than a slot.
    TooLong {
        /// Bytes of a slot.
        have: u32,
        /// Bytes of the image.
        need: u32,
    },
    /// An image is on trial: the other one is kept until it is confirmed or rolled back.
    OnTrial,
    /// No image is on trial.
    NotOnTrial,
    /// No update was begun.
    NotBegun,
    /// The chunk does not begin where the last one ended, or is not a multiple of 32 bytes before the last one; or the image is not whole.
    Order {
        /// Bytes of the image that are there.
        have: u32,
    },
    /// The bytes that are there are not those that were announced.
    Checksum {
        /// The checksum that was announced.
        need: u32,
        /// That of the bytes.
        have: u32,
    },
    /// The image is refused; the number is that of the error in `runtime/ERRORS.md`.
    Image {
        /// The number of the error.
        code: u16,
    },
    /// The image needs more workspace than the board has.
    Workspace {
        /// Bytes that there are.
        have: u32,
        /// Bytes that it needs.
        need: u32,
    },
    /// The image fails its self-test; the number is that of the error in `runtime/ERRORS.md`.
    SelfTest {
        /// The number of the error.
        code: u16,
    },
    /// The flash did not take what was written.
    Flash,
    /// There is no other image to go back to.
    NoOther,
    /// The running image was rolled back, and the board was not restarted yet.
    RolledBack,
    /// The same image would run after a restart.
    NothingNew,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Version { asked } => write!(
                f,
                "the board does not speak version {asked} of the protocol: build program and firmware from one version"
            ),
            Self::Message => f.write_str(
                "the board does not know this request: build program and firmware from one version",
            ),
            Self::Reply => f.write_str("the board's reply does not fit its buffer"),
            Self::NoImage => {
                f.write_str("no image runs on the board: send one by `trainer board flash-image`")
            }
            Self::Index { asked, have } => {
                write!(f, "number {asked} was asked for, and there are {have}")
            }
            Self::NotRecording => {
                f.write_str("the board records nothing any more: it was restarted; record again")
            }
            Self::Reading { have, bytes } => write!(
                f,
                "the reading has {bytes} bytes, and the board has room for {have} numbers of 2 bytes"
            ),
            Self::Score { code } => write!(
                f,
                "the board does not score the reading: error {code} of runtime/ERRORS.md"
            ),
            Self::TooLong { have, need } => write!(
                f,
                "the image has {need} bytes, and a slot of the board {have}: train by --flash {have}"
            ),
            Self::OnTrial => f.write_str("an image is on trial: confirm it or roll it back first"),
            Self::NotOnTrial => f.write_str("no image is on trial"),
            Self::NotBegun => f.write_str("no update was begun: the board was restarted"),
            Self::Order { have } => {
                write!(f, "bytes of the image came out of order: {have} are there")
            }
            Self::Checksum { need, have } => write!(
                f,
                "the image arrived damaged: its checksum is {have:08x} and not {need:08x}; send it again"
            ),
            Self::Image { code } => write!(
                f,
                "the board refuses the image: error {code} of runtime/ERRORS.md"
            ),
            Self::Workspace { have, need } => write!(
                f,
                "the image needs {need} bytes of workspace, and the board has {have}: train by --ram"
            ),
            Self::SelfTest { code } => write!(
                f,
                "the image fails its self-test on the board: error {code} of runtime/ERRORS.md"
            ),
            Self::Flash => f.write_str("the flash of the board did not take what was written"),
            Self::RolledBack => {
                f.write_str("the running image was rolled back: restart the board first")
            }
            Self::NothingNew => f.write_str("the same image would run after a restart"),
            Self::NoOther => f.write_str("there is no other image to go back to"),
        }
    }
}

impl core::error::Error for Refusal {}
