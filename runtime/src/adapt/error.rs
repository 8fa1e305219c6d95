//! Errors of adaptation.

use crate::format::ImageError;
use crate::monitor::MonitorError;
use crate::score::ReadingError;
use crate::workspace::WorkspaceError;
use core::fmt;

/// Errors of an [`super::Adapter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AdaptError {
    /// The bytes are no reference of this version, or damaged.
    Reference,
    /// The reference belongs to another image.
    Identity {
        /// The checksum of the image.
        image: u32,
        /// The checksum in the reference.
        reference: u32,
    },
    /// The reference knows another number of channels than the readings have.
    Channels {
        /// Channels of the reference.
        have: usize,
        /// Numbers of a reading.
        need: usize,
    },
    /// No readings are to be counted.
    Calibrate,
    /// The session is one of another model.
    Session,
    /// The bytes are no image: its checksum cannot be read.
    Image(ImageError),
    /// The memory is too small.
    Workspace(WorkspaceError),
    /// The factory's calibration has no deviation to measure drift by.
    Monitor(MonitorError),
    /// The reading cannot be scored.
    Reading(ReadingError),
}

/// Why a medium cannot keep a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MediumError {
    /// Each of the two copies has too little room.
    Small {
        /// Bytes for a copy.
        have: u32,
        /// Bytes of the state.
        need: u32,
    },
    /// It is written in units that are too large.
    Unit {
        /// Bytes of a unit.
        have: usize,
        /// The most.
        most: usize,
    },
}

/// Errors of a [`super::Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StoreError<E> {
    /// The medium cannot keep a state.
    Unfit(MediumError),
    /// The medium refused.
    Medium(E),
}

impl<E: fmt::Debug> fmt::Display for StoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit(error) => write!(f, "{error}"),
            Self::Medium(error) => write!(f, "the memory of the state refused: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for StoreError<E> {}
