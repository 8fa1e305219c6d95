//! Cortex-M0 on the BBC micro:bit (nRF51822).
#![no_std]
#![no_main]

/// 8,000 bytes, and 8 KiB of stack.
#[cortex_m_rt::entry]
fn main() -> ! {
    static mut WORDS: elbow::Workspace<1000> = elbow::Workspace::new();
    elbow_firmware::run(WORDS)
}
