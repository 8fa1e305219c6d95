//! A slot: an image, what is known of it, and its marks.

use super::mark::{Mark, WRITTEN};
use crate::protocol::{Identity, Refusal, SlotReport, SlotState, checksum};
use embedded_storage::nor_flash::NorFlash;

/// Bytes of a description, and of a mark: a multiple of what flash writes at once.
pub(super) const UNIT: usize = 32;

/// Bytes that chunks of an image are a multiple of, but for the last one.
pub const CHUNK_UNIT: usize = UNIT;

/// Where the image is in a slot: behind its description and three marks.
pub const IMAGE_AT: usize = 4 * UNIT;

/// The first bytes of a description.
const MAGIC: [u8; 4] = *b"ELBS";

/// Where the checksum of a description is.
const CHECKSUM_AT: usize = UNIT - 4;

/// A stretch of flash for one image, which can be read in place.
///
/// It starts at a multiple of 8 bytes ([`elbow::format::ALIGNMENT`]), and its length is a multiple of `ERASE_SIZE`. Writes must
/// be possible of any multiple of `WRITE_SIZE`, which divides 32.
pub trait Slot: NorFlash {
    /// All of its bytes.
    fn bytes(&self) -> &[u8];
}

/// Bytes that an image in a slot may have.
#[must_use]
pub fn capacity(slot: &impl Slot) -> usize {
    slot.bytes().len().saturating_sub(IMAGE_AT)
}

/// What is known of a whole image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// The number of the update that brought it; the newest image has the highest one.
    pub generation: u32,
    /// Its length and checksum.
    pub image: Identity,
}

impl Description {
    /// The bytes in flash.
    fn to_bytes(self) -> [u8; UNIT] {
        let mut bytes = [0xff; UNIT];
        let numbers = [self.generation, self.image.length, self.image.crc];
        let fields = MAGIC
            .into_iter()
            .chain(numbers.into_iter().flat_map(u32::to_le_bytes));
        for (place, byte) in bytes.iter_mut().zip(fields) {
            *place = byte;
        }
        if let Some((body, sum)) = bytes.split_at_mut_checked(CHECKSUM_AT) {
            let computed = checksum(body).to_le_bytes();
            for (place, byte) in sum.iter_mut().zip(computed) {
                *place = byte;
            }
        }
        bytes
    }

    /// The description in a slot; none where there is no whole one.
    #[must_use]
    pub fn of(slot: &[u8]) -> Option<Self> {
        let bytes = slot.get(..UNIT)?;
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let is_whole =
            bytes.starts_with(&MAGIC) && word(CHECKSUM_AT)? == checksum(bytes.get(..CHECKSUM_AT)?);
        if !is_whole {
            return None;
        }
        Some(Self {
            generation: word(4)?,
            image: Identity {
                length: word(8)?,
                crc: word(12)?,
            },
        })
    }

    /// The bytes of the image that is described, in its slot.
    #[must_use]
    pub fn image(self, slot: &[u8]) -> Option<&[u8]> {
        let length = usize::try_from(self.image.length).ok()?;
        slot.get(IMAGE_AT..)?.get(..length)
    }
}

/// The state of a slot.
#[must_use]
pub fn report(slot: &[u8]) -> SlotReport {
    let Some(description) = Description::of(slot) else {
        return SlotReport {
            state: SlotState::Empty,
            image: Identity::default(),
        };
    };
    let state = match [Mark::Rejected, Mark::Good, Mark::Tried].map(|mark| mark.is_in(slot)) {
        [true, ..] => SlotState::Rejected,
        [_, true, _] => SlotState::Good,
        [.., true] => SlotState::Tried,
        _ => SlotState::New,
    };
    SlotReport {
        state,
        image: description.image,
    }
}

/// Writes bytes to a slot, and reads them again. The length is padded by ones to a multiple of 32.
pub(crate) fn program<S: Slot>(slot: &mut S, at: usize, bytes: &[u8]) -> Result<(), Refusal> {
    // The compiler refuses flash that cannot be written so.
    const { assert!(UNIT.is_multiple_of(S::WRITE_SIZE)) };
    let (whole, rest) = bytes.as_chunks::<UNIT>();
    let mut last = [0xff; UNIT];
    for (place, &byte) in last.iter_mut().zip(rest) {
        *place = byte;
    }
    let rest_at = at + whole.as_flattened().len();
    if !whole.is_empty() {
        write(slot, at, whole.as_flattened())?;
    }
    if !rest.is_empty() {
        write(slot, rest_at, &last)?;
    }
    let written = slot
        .bytes()
        .get(at..)
        .and_then(|bytes_there| bytes_there.get(..bytes.len()));
    if written == Some(bytes) {
        Ok(())
    } else {
        Err(Refusal::Flash)
    }
}

fn write<S: Slot>(slot: &mut S, at: usize, bytes: &[u8]) -> Result<(), Refusal> {
    let at = u32::try_from(at).map_err(|_| Refusal::Flash)?;
    slot.write(at, bytes).map_err(|_| Refusal::Flash)
}

/// Erases the pages that begin within these bytes of a slot.
pub(crate) fn erase<S: Slot>(slot: &mut S, from: usize, to: usize) -> Result<(), Refusal> {
    let page = const {
        assert!(S::ERASE_SIZE > 0);
        S::ERASE_SIZE
    };
    let bound = |at: usize| u32::try_from(at.next_multiple_of(page)).map_err(|_| Refusal::Flash);
    let (from, to) = (bound(from)?, bound(to)?);
    if from == to {
        return Ok(());
    }
    slot.erase(from, to).map_err(|_| Refusal::Flash)
}

/// Writes the description of the image that is in a slot.
///
/// # Errors
/// [`Refusal::Flash`].
pub fn describe<S: Slot>(slot: &mut S, description: Description) -> Result<(), Refusal> {
    program(slot, 0, &description.to_bytes())
}

impl Mark {
    /// Writes the mark to `slot`, unless it is there.
    ///
    /// # Errors
    /// [`Refusal::Flash`], also where a part of the mark was written before power was cut.
    pub fn write<S: Slot>(self, slot: &mut S) -> Result<(), Refusal> {
        if self.is_in(slot.bytes()) {
            return Ok(());
        }
        if !self.is_blank(slot.bytes()) {
            return Err(Refusal::Flash);
        }
        program(slot, self.at(), &WRITTEN)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::flash::RamFlash;
    use std::vec::Vec;

    const DESCRIPTION: Description = Description {
        generation: 7,
        image: Identity {
            length: 300,
            crc: 0x1234_5678,
        },
    };

    /// `ELBS`, 7, 300, the checksum of the image, twelve bytes of ones, and the checksum of all (computed bit by bit in Python).
    const BYTES: [u8; UNIT] = [
        b'E', b'L', b'B', b'S', 7, 0, 0, 0, 0x2c, 1, 0, 0, 0x78, 0x56, 0x34, 0x12, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 0x2f, 0x32, 0x4a, 0x32,
    ];

    fn memory() -> Vec<u8> {
        std::vec![0xa5; 2048]
    }

    #[test]
    fn a_description_has_these_bytes() {
        assert_eq!(DESCRIPTION.to_bytes(), BYTES);
        assert_eq!(Description::of(&BYTES), Some(DESCRIPTION));
        for bit in 0..8 * UNIT {
            let mut bytes = BYTES;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Description::of(&bytes), None, "{bit}");
        }
        assert_eq!(Description::of(&BYTES[..UNIT - 1]), None);
    }

    #[test]
    fn marks_lead_from_state_to_state_and_are_written_once() {
        let mut bytes = memory();
        let mut slot = RamFlash::new(&mut bytes);
        let state = |slot: &RamFlash<'_>| report(slot.bytes()).state;
        assert_eq!(state(&slot), SlotState::Empty);
        erase(&mut slot, 0, 1).unwrap();
        describe(&mut slot, DESCRIPTION).unwrap();
        assert_eq!(state(&slot), SlotState::New);
        for (mark, expected) in [
            (Mark::Tried, SlotState::Tried),
            (Mark::Good, SlotState::Good),
            (Mark::Rejected, SlotState::Rejected),
        ] {
            mark.write(&mut slot).unwrap();
            mark.write(&mut slot).unwrap();
            assert_eq!(state(&slot), expected);
        }
        // What is written is not written over.
        assert_eq!(describe(&mut slot, DESCRIPTION), Err(Refusal::Flash));
        assert_eq!(report(slot.bytes()).image, DESCRIPTION.image);
    }

    #[test]
    fn a_mark_that_was_cut_off_counts_where_that_is_the_careful_side() {
        let mut bytes = std::vec![0xff; 1024];
        for mark in [Mark::Tried, Mark::Good, Mark::Rejected] {
            bytes[mark.at() + 3] = 0x7f;
        }
        let found = [Mark::Tried, Mark::Good, Mark::Rejected].map(|mark| mark.is_in(&bytes));
        assert_eq!(found, [true, false, true]);
        assert_eq!(
            Mark::Good.write(&mut RamFlash::new(&mut bytes)),
            Err(Refusal::Flash)
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut bytes = memory();
        let mut slot = RamFlash::new(&mut bytes);
        assert_eq!(program(&mut slot, 128, &[1; 40]), Err(Refusal::Flash));
        erase(&mut slot, 0, 2048).unwrap();
        program(&mut slot, 128, &[1; 40]).unwrap();
        assert_eq!(slot.bytes()[128..168], [1; 40]);
        assert_eq!(slot.bytes()[168..192], [255; 24]);
        // Beyond the end.
        assert_eq!(program(&mut slot, 2040, &[1; 40]), Err(Refusal::Flash));
        assert_eq!(erase(&mut slot, 2048, 2049), Err(Refusal::Flash));
        assert_eq!(capacity(&slot), 2048 - 128);
    }
}
