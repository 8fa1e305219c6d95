//! A detector on a Raspberry Pi Pico; `pico.rs` has the pins.
#![no_std]
#![no_main]

#[path = "../../pico.rs"]
mod pico;

use elbow_examples_shared::detector::Memory;
use panic_halt as _;
use rp2040_hal as hal;

/// Sets the flash up, before this program runs.
#[unsafe(link_section = ".boot2")]
#[used]
static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;

/// The trained model; it stays in flash.
static IMAGE: &[u8] = elbow::include_image!(env!("ELBOW_IMAGE_PATH"));

#[hal::entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::new();
    pico::run(IMAGE, MEMORY)
}
