//! Marks: what happened to an image since it was described.

use super::slot::UNIT;

/// What happened to an image. Each mark is written at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The image was started for the first time. Counts as soon as one of its bits is written.
    Tried,
    /// The image is good. Counts only when all of its bits are written.
    Good,
    /// The image is not to be started any more. Counts as soon as one of its bits is written.
    Rejected,
}

/// The bytes of a mark.
pub(super) const WRITTEN: [u8; UNIT] = [0x5a; UNIT];

/// The bytes of flash that was erased.
pub(super) const ERASED: [u8; UNIT] = [0xff; UNIT];

impl Mark {
    /// Where the mark is in a slot.
    pub(super) const fn at(self) -> usize {
        match self {
            Self::Tried => UNIT,
            Self::Good => 2 * UNIT,
            Self::Rejected => 3 * UNIT,
        }
    }

    /// Whether the slot with these bytes has the mark.
    #[must_use]
    pub fn is_in(self, slot: &[u8]) -> bool {
        let bytes = slot.get(self.at()..).unwrap_or_default();
        let bytes = bytes.get(..UNIT).unwrap_or_default();
        match self {
            Self::Good => bytes == WRITTEN,
            Self::Tried | Self::Rejected => bytes != ERASED,
        }
    }

    /// Whether it can be written to the slot with these bytes.
    pub(super) fn is_blank(self, slot: &[u8]) -> bool {
        let bytes = slot.get(self.at()..).unwrap_or_default();
        bytes.get(..UNIT) == Some(&ERASED)
    }
}
