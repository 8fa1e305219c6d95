//! RAM that behaves as flash does.

use super::Slot;
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// RAM in the place of flash, for boards whose flash is not written: pages of 1024 bytes are erased to ones, and only erased words
/// of 4 bytes can be written.
///
/// Where no start-up code clears the RAM, its content survives a restart, and power must stay on.
#[derive(Debug)]
pub struct RamFlash<'a> {
    bytes: &'a mut [u8],
}

impl<'a> RamFlash<'a> {
    /// Takes RAM with any content.
    #[must_use]
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes }
    }

    /// The bytes from `offset` on.
    fn part(&mut self, offset: u32, length: usize) -> Result<&mut [u8], NorFlashErrorKind> {
        let bytes = self.bytes.get_mut(offset as usize..);
        let bytes = bytes.and_then(|bytes| bytes.get_mut(..length));
        bytes.ok_or(NorFlashErrorKind::OutOfBounds)
    }
}

impl ErrorType for RamFlash<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for RamFlash<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        check_read(self, offset, bytes.len())?;
        let part = self.part(offset, bytes.len())?;
        for (place, &mut byte) in bytes.iter_mut().zip(part) {
            *place = byte;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for RamFlash<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        self.part(from, to.saturating_sub(from) as usize)?
            .fill(0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        let part = self.part(offset, bytes.len())?;
        if part.iter().any(|&byte| byte != 0xff) {
            return Err(NorFlashErrorKind::Other);
        }
        for (place, &byte) in part.iter_mut().zip(bytes) {
            *place = byte;
        }
        Ok(())
    }
}

impl Slot for RamFlash<'_> {
    fn bytes(&self) -> &[u8] {
        self.bytes
    }
}
