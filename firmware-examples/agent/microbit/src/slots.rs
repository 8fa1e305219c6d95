//! Two slots for images in the flash of the nRF51822. nRF51 Series Reference Manual, "NVMC".
#![allow(unsafe_code)]

use core::ptr;
use elbow_agent::flash::Slot;
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use nrf51_pac::NVMC;

/// Bytes of a page, which is erased at once.
const PAGE: usize = 1024;

/// Bytes of a word, which is written at once.
const WORD: usize = 4;

unsafe extern "C" {
    static __slots_start: u8;
    static __slots_end: u8;
}

/// Half of the flash that the linker script sets aside.
pub(crate) struct NvmcSlot<'c> {
    controller: &'c NVMC,
    address: usize,
    length: usize,
}

/// The slots, as long as nobody else has the controller.
pub(crate) fn slots(controller: &mut NVMC) -> [NvmcSlot<'_>; 2] {
    let controller = &*controller;
    let start = (&raw const __slots_start).expose_provenance();
    let length = ((&raw const __slots_end).addr() - start) / 2;
    [start, start + length].map(|address| NvmcSlot {
        controller,
        address,
        length,
    })
}

impl NvmcSlot<'_> {
    fn wait(&self) {
        while self.controller.ready.read().ready().is_busy() {}
    }
}

impl ErrorType for NvmcSlot<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for NvmcSlot<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        check_read(self, offset, bytes.len())?;
        let from = self.bytes().get(offset as usize..).unwrap_or_default();
        for (place, &byte) in bytes.iter_mut().zip(from) {
            *place = byte;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.length
    }
}

impl NorFlash for NvmcSlot<'_> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        self.controller.config.write(|w| w.wen().een());
        for page in (from..to).step_by(PAGE) {
            let address = self.address as u32 + page;
            // SAFETY: the page lies in this slot, of which nobody holds a reference now, and no code lies there.
            self.controller
                .erasepage()
                .write(|w| unsafe { w.bits(address) });
            self.wait();
        }
        self.controller.config.write(|w| w.wen().ren());
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        self.controller.config.write(|w| w.wen().wen());
        let (words, _) = bytes.as_chunks::<WORD>();
        let start = self.address + offset as usize;
        for (address, &word) in (start..).step_by(WORD).zip(words) {
            let address = ptr::with_exposed_provenance_mut::<u32>(address);
            // SAFETY: the word lies in this slot, of which nobody holds a reference now; it is aligned, and the
            // controller takes it while it is enabled.
            unsafe { address.write_volatile(u32::from_le_bytes(word)) };
            self.wait();
        }
        self.controller.config.write(|w| w.wen().ren());
        Ok(())
    }
}

impl Slot for NvmcSlot<'_> {
    fn bytes(&self) -> &[u8] {
        let start = ptr::with_exposed_provenance::<u8>(self.address);
        // SAFETY: the linker script gives these addresses to flash that exists on the board and that nothing is
        // linked into; it changes only by the methods above, which borrow the slot alone.
        unsafe { &*ptr::slice_from_raw_parts(start, self.length) }
    }
}
