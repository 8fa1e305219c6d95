//! RISC-V without atomic instructions, as in ESP32-C3 and CH32V, on QEMU's virt.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

/// 256 KiB: as many inputs as a model may have, with all that is kept of them.
#[riscv_rt::entry]
fn main() -> ! {
    static mut WORDS: elbow::Workspace<32768> = elbow::Workspace::new();
    let words = &raw mut WORDS;
    // SAFETY: this function runs once, and nothing else knows of the static.
    elbow_firmware::run(unsafe { &mut *words })
}
