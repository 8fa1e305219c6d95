//! A new image on its way into a slot.

use super::check::check;
use crate::flash::{CHUNK_UNIT, Description, IMAGE_AT, Slot, capacity, describe, erase, program};
use crate::protocol::{Identity, Refusal};

/// An update under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Update {
    image: Identity,
    /// Bytes of the image that are there.
    written: usize,
}

impl Update {
    /// Clears the description in `slot`, and the marks.
    pub(super) fn begin<S: Slot>(slot: &mut S, image: Identity) -> Result<Self, Refusal> {
        let have = u32::try_from(capacity(slot)).unwrap_or(u32::MAX);
        if image.length > have {
            let need = image.length;
            return Err(Refusal::TooLong { have, need });
        }
        erase(slot, 0, IMAGE_AT)?;
        Ok(Self { image, written: 0 })
    }

    /// Writes the bytes from `offset` on; how many there are then.
    pub(super) fn write<S: Slot>(
        &mut self,
        slot: &mut S,
        offset: u32,
        bytes: &[u8],
    ) -> Result<u32, Refusal> {
        let order = Refusal::Order {
            have: self.written(),
        };
        let length = self.image.length as usize;
        let end = self.written.saturating_add(bytes.len());
        let is_whole = bytes.len().is_multiple_of(CHUNK_UNIT) || end == length;
        if offset != self.written() || end > length || !is_whole {
            return Err(order);
        }
        let (from, to) = (IMAGE_AT + self.written, IMAGE_AT + end);
        erase(slot, from, to)?;
        program(slot, from, bytes)?;
        self.written = end;
        Ok(self.written())
    }

    /// Checks the image, and describes it, from when on it is whole. It is newer than that of `generation`.
    pub(super) fn commit<S: Slot>(
        self,
        slot: &mut S,
        generation: u32,
        workspace: &mut [u64],
    ) -> Result<(), Refusal> {
        let order = Refusal::Order {
            have: self.written(),
        };
        if self.written() != self.image.length {
            return Err(order);
        }
        let description = Description {
            generation: generation.saturating_add(1),
            image: self.image,
        };
        let image = description.image(slot.bytes()).ok_or(order)?;
        check(image, self.image, workspace)?;
        describe(slot, description)
    }

    fn written(&self) -> u32 {
        u32::try_from(self.written).unwrap_or(u32::MAX)
    }
}
