//! The emulated boards.
//!
//! Addresses are also in `firmware/boards/<name>/memory.x`, which the linker reads; a test holds the two together.

use crate::error::Error;

/// A stretch of a board's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The first address.
    pub origin: u32,
    /// Bytes.
    pub length: u32,
}

/// A microcontroller that QEMU emulates.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    /// The name of the board, of its firmware binary and of its folder below `firmware/boards`.
    pub name: &'static str,
    /// The processor.
    pub core: &'static str,
    /// What it stands for.
    pub description: &'static str,
    /// The target triple.
    pub triple: &'static str,
    /// The processor for `-C target-cpu`, where the triple alone does not say enough.
    pub cpu: Option<&'static str>,
    /// QEMU's name of the machine.
    pub machine: &'static str,
    /// QEMU's name of the processor, where the machine takes any.
    pub processor: Option<&'static str>,
    /// Where the firmware is.
    pub flash: Region,
    /// Where the model image is, read in place as flash would be.
    pub model: Region,
    /// The stack, at the bottom of the RAM: one that is too deep faults, and overwrites nothing.
    pub stack: Region,
    /// Statics.
    pub ram: Region,
}

impl Region {
    const fn new(origin: u32, length: u32) -> Self {
        Self { origin, length }
    }
}

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

/// Armv6-M code where instructions can be counted: the timer of [`BOARDS`]' m0 is not clocked like its processor, and
/// larger models do not fit there. The map is that of all MPS2 boards with a Cortex-M3, M4 or M7: 4 MiB of SSRAM for
/// code, 4 MiB for data.
const M0_MPS2: Board = Board {
    name: "m0-mps2",
    core: "Cortex-M0",
    description: "Arm MPS2 with AN385, running Armv6-M code",
    triple: "thumbv6m-none-eabi",
    cpu: None,
    machine: "mps2-an385",
    processor: None,
    flash: Region::new(0x0000_0000, MIB),
    model: Region::new(0x0010_0000, 3 * MIB),
    stack: Region::new(0x2000_0000, 64 * KIB),
    ram: Region::new(0x2001_0000, 4 * MIB - 64 * KIB),
};

/// RISC-V without atomic instructions. The machine's RAM serves as flash, too: firmware lets nothing be written there.
const RV32IMC: Board = Board {
    name: "rv32imc",
    core: "RISC-V RV32IMC",
    description: "QEMU's virt, as ESP32-C3 and CH32V: multiply and divide, compressed instructions",
    triple: "riscv32imc-unknown-none-elf",
    cpu: None,
    machine: "virt",
    processor: Some("rv32,a=off,f=off,d=off,h=off,s=off,u=off"),
    flash: Region::new(0x8000_0000, MIB),
    model: Region::new(0x8010_0000, 3 * MIB),
    stack: Region::new(0x8040_0000, 64 * KIB),
    ram: Region::new(0x8041_0000, 4 * MIB - 64 * KIB),
};

/// Every board: Cortex-M, smallest core first, then RISC-V.
pub static BOARDS: [Board; 8] = [
    Board {
        name: "m0",
        core: "Cortex-M0",
        description: "BBC micro:bit (nRF51822): 256 KiB of flash, 16 KiB of RAM, no divide, no long multiply",
        triple: "thumbv6m-none-eabi",
        cpu: None,
        machine: "microbit",
        processor: None,
        flash: Region::new(0x0000_0000, 160 * KIB),
        model: Region::new(0x0002_8000, 96 * KIB),
        stack: Region::new(0x2000_0000, 8 * KIB),
        ram: Region::new(0x2000_2000, 8 * KIB),
    },
    Board {
        name: "m3",
        core: "Cortex-M3",
        description: "Arm MPS2 with AN385: long multiply and divide",
        triple: "thumbv7m-none-eabi",
        machine: "mps2-an385",
        ..M0_MPS2
    },
    Board {
        name: "m4",
        core: "Cortex-M4F",
        description: "Arm MPS2 with AN386: DSP extension, single-precision FPU",
        triple: "thumbv7em-none-eabihf",
        machine: "mps2-an386",
        ..M0_MPS2
    },
    Board {
        name: "m7",
        core: "Cortex-M7",
        description: "Arm MPS2 with AN500: the m4 image's instructions on a faster core",
        triple: "thumbv7em-none-eabihf",
        machine: "mps2-an500",
        ..M0_MPS2
    },
    Board {
        name: "m33",
        core: "Cortex-M33",
        description: "Arm MPS2 with AN505: Armv8-M in its secure state, DSP extension",
        triple: "thumbv8m.main-none-eabihf",
        cpu: Some("cortex-m33"),
        machine: "mps2-an505",
        processor: None,
        flash: Region::new(0x1000_0000, MIB),
        model: Region::new(0x1010_0000, 3 * MIB),
        stack: Region::new(0x3800_0000, 64 * KIB),
        ram: Region::new(0x3801_0000, 4 * MIB - 64 * KIB),
    },
    Board {
        name: "m55",
        core: "Cortex-M55",
        description: "Arm MPS3 with AN547: Armv8.1-M with Helium vectors; the model is in the QSPI flash",
        triple: "thumbv8m.main-none-eabihf",
        cpu: Some("cortex-m55"),
        machine: "mps3-an547",
        processor: None,
        flash: Region::new(0x0000_0000, 512 * KIB),
        model: Region::new(0x3800_0000, 8 * MIB),
        stack: Region::new(0x2000_0000, 64 * KIB),
        ram: Region::new(0x2001_0000, 448 * KIB),
    },
    RV32IMC,
    Board {
        name: "rv32imac",
        core: "RISC-V RV32IMAC",
        description: "QEMU's virt, as ESP32-C6 and RP2350: atomic instructions, too",
        triple: "riscv32imac-unknown-none-elf",
        processor: Some("rv32,a=on,f=off,d=off,h=off,s=off,u=off"),
        ..RV32IMC
    },
];

/// Where the instructions of each core are counted, in the order of [`BOARDS`].
pub static COUNTED: [&Board; 8] = [
    &M0_MPS2, &BOARDS[1], &BOARDS[2], &BOARDS[3], &BOARDS[4], &BOARDS[5], &BOARDS[6], &BOARDS[7],
];

impl Board {
    /// Whether the core is a RISC-V; the others are Cortex-M.
    #[must_use]
    pub fn is_riscv(&self) -> bool {
        self.triple.starts_with("riscv32")
    }

    /// The core, by the name of the board in [`BOARDS`] that has it.
    #[must_use]
    pub fn core_name(&self) -> &'static str {
        self.name.split('-').next().unwrap_or(self.name)
    }

    /// The board of that name.
    ///
    /// # Errors
    ///
    /// There is none; the error lists those that exist.
    pub fn named(name: &str) -> Result<&'static Self, Error> {
        BOARDS
            .iter()
            .find(|board| board.name == name)
            .ok_or_else(|| Error::Board {
                name: name.to_owned(),
                known: BOARDS.iter().map(|board| board.name).collect(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// `128K`, `3M` or plain digits, decimal or hexadecimal.
    fn number(text: &str) -> u32 {
        let (digits, unit) = match text.as_bytes()[text.len() - 1] {
            b'K' => (&text[..text.len() - 1], KIB),
            b'M' => (&text[..text.len() - 1], MIB),
            _ => (text, 1),
        };
        let digits = digits.replace('_', "");
        let value = match digits.strip_prefix("0x") {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
            None => digits.parse(),
        };
        value.unwrap() * unit
    }

    /// The region of that name in a linker script: `NAME : ORIGIN = 0x0, LENGTH = 1M`.
    fn region(script: &str, name: &str) -> Region {
        let line = script
            .lines()
            .find(|line| line.trim().starts_with(name))
            .unwrap();
        let mut values = line
            .split(',')
            .map(|part| number(part.split('=').nth(1).unwrap().trim()));
        Region {
            origin: values.next().unwrap(),
            length: values.next().unwrap(),
        }
    }

    #[test]
    fn the_linker_scripts_have_the_same_addresses() {
        let boards = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/boards");
        for board in BOARDS.iter().chain([&M0_MPS2]) {
            let script = std::fs::read_to_string(boards.join(board.name).join("memory.x")).unwrap();
            for (name, expected) in [
                ("FLASH", board.flash),
                ("MODEL", board.model),
                ("STACK", board.stack),
                ("RAM", board.ram),
            ] {
                assert_eq!(region(&script, name), expected, "{name} of {}", board.name);
            }
        }
    }

    #[test]
    fn an_unknown_board_is_answered_with_the_known_ones() {
        let error = Board::named("m5").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no board \"m5\"; choose one of m0 m3 m4 m7 m33 m55 rv32imc rv32imac"
        );
    }
}
