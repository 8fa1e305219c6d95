//! Flash whose power can fail at any unit that is written and at any page that is erased.

use crate::support::Dice;
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// Flash that is written in units of `UNIT` bytes, each once after its page of 256 bytes was erased.
#[derive(Clone, Debug)]
pub(crate) struct Flash<const UNIT: usize> {
    pub(crate) bytes: Vec<u8>,
    /// Units and pages so far.
    pub(crate) steps: usize,
    /// The step at which power fails.
    fails_at: Option<usize>,
    /// What is left of a step that was cut.
    seed: u64,
}

impl<const UNIT: usize> Flash<UNIT> {
    pub(crate) fn new(bytes: Vec<u8>, fails_at: Option<usize>, seed: u64) -> Self {
        Self {
            bytes,
            steps: 0,
            fails_at,
            seed,
        }
    }

    /// Begins a step; whether power fails in the middle of it, and where it had failed before nothing is done at all.
    fn begin(&mut self) -> Result<bool, NorFlashErrorKind> {
        let step = self.steps;
        self.steps += 1;
        match self.fails_at {
            Some(fails_at) if step > fails_at => Err(NorFlashErrorKind::Other),
            fails_at => Ok(fails_at == Some(step)),
        }
    }
}

impl<const UNIT: usize> ErrorType for Flash<UNIT> {
    type Error = NorFlashErrorKind;
}

impl<const UNIT: usize> ReadNorFlash for Flash<UNIT> {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        check_read(self, offset, bytes.len())?;
        let start = offset as usize;
        bytes.copy_from_slice(&self.bytes[start..start + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const UNIT: usize> NorFlash for Flash<UNIT> {
    const WRITE_SIZE: usize = UNIT;
    const ERASE_SIZE: usize = 256;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        for start in (from as usize..to as usize).step_by(Self::ERASE_SIZE) {
            let is_cut = self.begin()?;
            let mut dice = Dice::new(self.seed);
            let page = &mut self.bytes[start..start + Self::ERASE_SIZE];
            for byte in page {
                // A cut erase leaves any bits up.
                *byte |= if is_cut { dice.word() as u8 } else { 0xff };
            }
            if is_cut {
                return Err(NorFlashErrorKind::Other);
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        for (index, unit) in bytes.chunks(UNIT).enumerate() {
            let is_cut = self.begin()?;
            let start = offset as usize + index * UNIT;
            let place = &mut self.bytes[start..start + UNIT];
            assert!(
                place.iter().all(|&byte| byte == 0xff),
                "a unit is written twice"
            );
            let mut dice = Dice::new(self.seed);
            for (place, &byte) in place.iter_mut().zip(unit) {
                // A cut write leaves any bits up that were to go down.
                *place = if is_cut {
                    byte | dice.word() as u8
                } else {
                    byte
                };
            }
            if is_cut {
                return Err(NorFlashErrorKind::Other);
            }
        }
        Ok(())
    }
}
