//! Armv6-M code of the Cortex-M0 on Arm's MPS2 with AN385, which has a timer at the processor's clock and more memory.
#![no_std]
#![no_main]

/// 256 KiB: as many inputs as a model may have, with all that is kept of them.
#[cortex_m_rt::entry]
fn main() -> ! {
    static mut WORDS: elbow::Workspace<32768> = elbow::Workspace::new();
    elbow_firmware::run(WORDS)
}
