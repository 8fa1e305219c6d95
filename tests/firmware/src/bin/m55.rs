//! Cortex-M55 on Arm's MPS3 with AN547.
#![no_std]
#![no_main]

/// 256 KiB: as many inputs as a model may have, with all that is kept of them.
#[cortex_m_rt::entry]
fn main() -> ! {
    static mut WORDS: elbow::Workspace<32768> = elbow::Workspace::new();
    elbow_firmware::run(WORDS)
}
