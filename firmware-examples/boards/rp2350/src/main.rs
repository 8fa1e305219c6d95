//! A detector on a Raspberry Pi Pico 2; `pico.rs` has the pins.
#![no_std]
#![no_main]

#[path = "../../pico.rs"]
mod pico;

use elbow_examples_shared::detector::Memory;
use panic_halt as _;
use rp235x_hal as hal;

/// Tells the boot ROM what this program is.
#[unsafe(link_section = ".start_block")]
#[used]
static PROGRAM: hal::block::ImageDef = hal::block::ImageDef::secure_exe();

/// The trained model; it stays in flash.
static IMAGE: &[u8] = elbow::include_image!(env!("ELBOW_IMAGE_PATH"));

#[hal::entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::new();
    pico::run(IMAGE, MEMORY)
}
