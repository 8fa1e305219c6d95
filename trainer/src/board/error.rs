//! What can go wrong between this machine and a board.

use elbow_agent::protocol::Refusal;

/// Why a board did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// There is no such port, or it cannot be opened.
    #[error(
        "cannot open {port}: {cause}; check the name of the port, and that no other program has it open"
    )]
    Port {
        /// The port.
        port: String,
        /// The reason.
        cause: serialport::Error,
    },
    /// Nothing that is a reply came.
    #[error(
        "{port} does not answer ({tries} tries of {seconds} s): check the cable, --baud, and that the board runs an agent; --timeout and --tries wait longer"
    )]
    Silent {
        /// The port.
        port: String,
        /// Requests that were sent.
        tries: u32,
        /// Seconds that each had.
        seconds: f64,
    },
    /// The port is gone.
    #[error("the line {port} is cut: {cause}; connect the board again and repeat the command")]
    Cut {
        /// The port.
        port: String,
        /// The reason.
        cause: std::io::Error,
    },
    /// The board speaks another version of the protocol.
    #[error(
        "the board speaks version {version} of the protocol, and this program version {}: build program and firmware from one version",
        elbow_agent::protocol::VERSION
    )]
    Version {
        /// The board's version.
        version: u8,
    },
    /// The board refused.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The reply is none to the request.
    #[error(
        "the board answers something else than it was asked: build program and firmware from one version"
    )]
    Unexpected,
    /// Two scores differ.
    #[error("reading {index}, counted from 0 as by `trainer score`, differs: {what}")]
    Different {
        /// The reading.
        index: usize,
        /// The integers that differ, on the board and here.
        what: String,
    },
    /// The board runs another image.
    #[error("the board runs {running}, and not {wanted}: send it by `trainer board flash-image`")]
    OtherImage {
        /// What it runs.
        running: String,
        /// What it should run.
        wanted: String,
    },
    /// The new image did not pass its self-test after the restart.
    #[error(
        "after the restart the board runs {running}, and not {wanted}: the new image failed there, and the old one was kept"
    )]
    Reverted {
        /// What it runs.
        running: String,
        /// What it was sent.
        wanted: String,
    },
}

impl BoardError {
    /// The exit code of a program that ends with it: 2 where what it was given cannot be used, 1 where its work failed.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Port { .. } | Self::OtherImage { .. } => 2,
            // The board is too small for it.
            Self::Refused(
                Refusal::TooLong { .. } | Refusal::Workspace { .. } | Refusal::Reading { .. },
            ) => 2,
            _ => 1,
        }
    }
}
