//! Cortex-M0 on the BBC micro:bit (nRF51822).
#![no_std]
#![no_main]

/// 4 KiB for the model and 4 KiB for a reading; the other 8 KiB are stack.
#[cortex_m_rt::entry]
fn main() -> ! {
    static mut WORKSPACE: elbow::Workspace<512> = elbow::Workspace::new();
    static mut VALUES: [i32; 1024] = [0; 1024];
    elbow_firmware::run(WORKSPACE, VALUES)
}
