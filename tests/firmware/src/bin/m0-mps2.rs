//! Armv6-M code of the Cortex-M0 on Arm's MPS2 with AN385, which has a timer at the processor's clock and more memory.
#![no_std]
#![no_main]

/// As many inputs as a model may have, and 64 KiB for its workspace.
#[cortex_m_rt::entry]
fn main() -> ! {
    static mut WORKSPACE: elbow::Workspace<8192> = elbow::Workspace::new();
    static mut VALUES: [i32; 16384] = [0; 16384];
    elbow_firmware::run(WORKSPACE, VALUES)
}
