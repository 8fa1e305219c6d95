//! Boards that QEMU emulates, and whether a model fits them.

use crate::config::Core;
use crate::error::Error;
use crate::export::budget::CostModel;
use elbow::Model;

/// Bytes of a KiB.
const KIB: usize = 1024;

/// A board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Its name, which is that of the machine in QEMU.
    pub name: &'static str,
    /// What it is, and its chip.
    pub chip: &'static str,
    /// Its core.
    pub core: Core,
    /// The first address of its flash.
    pub flash_origin: u32,
    /// Flash, KiB.
    pub flash_kib: usize,
    /// RAM in one piece, from 0x20000000 on, KiB.
    pub ram_kib: usize,
    /// The target of the compiler.
    pub triple: &'static str,
    /// What GCC calls the core.
    pub gcc_flags: &'static str,
}

/// The boards, small ones first. Memories are those of the examples in `firmware-examples`.
pub const BOARDS: [Board; 3] = [
    Board {
        name: "microbit",
        chip: "BBC micro:bit v1, nRF51822 QFAA",
        core: Core::M0,
        flash_origin: 0,
        flash_kib: 256,
        ram_kib: 16,
        triple: "thumbv6m-none-eabi",
        gcc_flags: "-mcpu=cortex-m0",
    },
    Board {
        name: "lm3s6965evb",
        chip: "Stellaris LM3S6965 evaluation kit",
        core: Core::M3,
        flash_origin: 0,
        flash_kib: 256,
        ram_kib: 64,
        triple: "thumbv7m-none-eabi",
        gcc_flags: "-mcpu=cortex-m3",
    },
    Board {
        name: "netduinoplus2",
        chip: "Netduino Plus 2, STM32F405RG",
        core: Core::M4,
        flash_origin: 0x0800_0000,
        flash_kib: 1024,
        ram_kib: 128,
        triple: "thumbv7em-none-eabihf",
        gcc_flags: "-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16",
    },
];

/// Bytes that a program takes, about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Of flash: the image, the code, the values to score.
    pub flash_bytes: usize,
    /// Of RAM: the workspace, the stack, a reading.
    pub ram_bytes: usize,
}

impl Needs {
    /// Those of a program on `core` that scores `values` numbers, eight bytes each, by `model`, and has `program` bytes of its own
    /// beside the least product.
    ///
    /// # Errors
    /// [`Error::Setting`] where nothing is known of the core.
    pub fn of(model: &Model<'_>, core: Core, values: usize, program: usize) -> Result<Self, Error> {
        let cost = CostModel::of(core)?.cost(model);
        let workspace = model.workspace_words();
        let of_watch = model.watch_words().unwrap_or(workspace) - workspace;
        Ok(Self {
            flash_bytes: cost.flash_bytes + program + 8 * values,
            ram_bytes: cost.ram_bytes + 8 * of_watch,
        })
    }
}

impl Board {
    /// The board of that name.
    ///
    /// # Errors
    /// [`Error::Setting`], which has all names.
    pub fn named(name: &str) -> Result<&'static Self, Error> {
        let found = BOARDS.iter().find(|board| board.name == name);
        found.ok_or_else(|| Error::Setting(format!("--board {name} is unknown: choose {}", all())))
    }

    /// Makes sure that what the model called `name` needs is there.
    ///
    /// # Errors
    /// [`Error::Setting`], which has both numbers of each memory that is too small.
    pub fn check(&self, name: &str, needs: Needs) -> Result<(), Error> {
        let memories = [
            ("flash", needs.flash_bytes, self.flash_kib * KIB),
            ("RAM", needs.ram_bytes, self.ram_kib * KIB),
        ];
        let lacking = memories.into_iter().filter(|(_, needs, has)| needs > has);
        let lacking: Vec<String> = lacking
            .map(|(memory, needs, has)| {
                format!("about {needs} bytes of {memory}, and there are {has}")
            })
            .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        Err(Error::Setting(format!(
            "{name} does not fit the {}: it needs {}; train it by `trainer fit --flash {}K --ram {}K --core {}`, or choose a larger board (`trainer new` lists them)",
            self.name,
            lacking.join(", and "),
            self.flash_kib,
            self.ram_kib,
            self.core
        )))
    }
}

/// All boards in a few words.
#[must_use]
pub fn all() -> String {
    let words = |board: Board| {
        format!(
            "{} ({}, {} KiB of flash, {} KiB of RAM)",
            board.name, board.core, board.flash_kib, board.ram_kib
        )
    };
    BOARDS.map(words).join(", ")
}

/// A table of all boards.
#[must_use]
pub fn table() -> String {
    let row = |[board, core, flash, ram, chip]: [&str; 5]| {
        format!("{board:<14}  {core:<4}  {flash:>9}  {ram:>8}  {chip}\n")
    };
    let rows = BOARDS.iter().map(|board| {
        row([
            board.name,
            &board.core.to_string(),
            &format!("{} KiB", board.flash_kib),
            &format!("{} KiB", board.ram_kib),
            board.chip,
        ])
    });
    row(["board", "core", "flash", "RAM", "what it is"]) + &rows.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_does_not_fit_is_refused_with_both_numbers() {
        let needs = Needs {
            flash_bytes: 300_000,
            ram_bytes: 16_385,
        };
        let line = BOARDS[0].check("pump", needs).unwrap_err().to_string();
        let start = "pump does not fit the microbit: it needs about 300000 bytes of flash, and there are 262144, and about 16385 bytes of RAM, and there are 16384; train it by `trainer fit --flash 256K --ram 16K --core m0`";
        assert!(line.starts_with(start), "{line}");
        let line = BOARDS[1].check("pump", needs).unwrap_err().to_string();
        assert!(!line.contains("RAM, and"), "{line}");
        assert_eq!(BOARDS[2].check("pump", needs).ok(), Some(()));
    }

    #[test]
    fn the_examples_have_the_same_memories() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware-examples");
        for board in BOARDS {
            let script = examples.join(board.name).join("memory.x");
            let script = std::fs::read_to_string(script).unwrap();
            for (name, origin, kib) in [
                ("FLASH", board.flash_origin, board.flash_kib),
                ("RAM  ", 0x2000_0000, board.ram_kib),
            ] {
                let line = format!("{name} : ORIGIN = {origin:#010x}, LENGTH = {kib}K");
                assert!(script.contains(&line), "{}: {line}", board.name);
            }
        }
    }
}
