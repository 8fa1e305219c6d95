//! Chips that many have on their desk, and what a score takes on them.
//!
//! Clocks, memories and currents are those of the data sheets that are named; a chip whose current is not stated there as a number
//! for each megahertz has no estimate of energy. No common part has a Cortex-M55.

use super::{Cost, CostModel};
use crate::config::Core;
use crate::error::Error;
use elbow::Model;

/// Supply of the estimates of energy, volts.
pub const VOLTS: f64 = 3.0;

/// A chip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chip {
    /// Its name.
    pub name: &'static str,
    /// Its core; a Cortex-M0+ counts as an M0, whose code it runs.
    pub core: Core,
    /// Whether that is a Cortex-M0+.
    pub plus: bool,
    /// The highest clock, MHz.
    pub megahertz: f64,
    /// Flash, KiB; none where it is another chip.
    pub flash: Option<usize>,
    /// RAM, KiB.
    pub ram: usize,
    /// Supply current of the running core, µA/MHz.
    pub microamperes: Option<f64>,
    /// The data sheet.
    pub source: &'static str,
}

/// The chips, small ones first.
pub const CHIPS: [Chip; 12] = {
    use Core::{M0, M3, M4, M7, M33, Rv32imac, Rv32imc};
    [
        Chip {
            name: "STM32L031K6",
            core: M0,
            plus: true,
            megahertz: 32.0,
            flash: Some(32),
            ram: 8,
            microamperes: Some(76.0),
            source: "DS10668",
        },
        Chip {
            name: "STM32F030C8",
            core: M0,
            plus: false,
            megahertz: 48.0,
            flash: Some(64),
            ram: 8,
            microamperes: None,
            source: "DS9773",
        },
        Chip {
            name: "STM32G030C8",
            core: M0,
            plus: true,
            megahertz: 64.0,
            flash: Some(64),
            ram: 8,
            microamperes: None,
            source: "DS12991",
        },
        Chip {
            name: "RP2040",
            core: M0,
            plus: true,
            megahertz: 133.0,
            flash: None,
            ram: 264,
            microamperes: None,
            source: "RP2040",
        },
        Chip {
            name: "STM32F103C8",
            core: M3,
            plus: false,
            megahertz: 72.0,
            flash: Some(64),
            ram: 20,
            microamperes: None,
            source: "DS5319",
        },
        Chip {
            name: "CH32V203C8",
            core: Rv32imac,
            plus: false,
            megahertz: 144.0,
            flash: Some(64),
            ram: 20,
            microamperes: None,
            source: "CH32V203DS0",
        },
        Chip {
            name: "ESP32-C3FH4",
            core: Rv32imc,
            plus: false,
            megahertz: 160.0,
            flash: Some(4096),
            ram: 400,
            microamperes: None,
            source: "ESP32-C3 Series",
        },
        Chip {
            name: "STM32L412KB",
            core: M4,
            plus: false,
            megahertz: 80.0,
            flash: Some(128),
            ram: 40,
            microamperes: Some(79.0),
            source: "DS12469",
        },
        Chip {
            name: "nRF52840",
            core: M4,
            plus: false,
            megahertz: 64.0,
            flash: Some(1024),
            ram: 256,
            microamperes: Some(52.0),
            source: "4413_417",
        },
        Chip {
            name: "STM32F411CE",
            core: M4,
            plus: false,
            megahertz: 100.0,
            flash: Some(512),
            ram: 128,
            microamperes: Some(100.0),
            source: "DS10314",
        },
        Chip {
            name: "STM32U575ZI",
            core: M33,
            plus: false,
            megahertz: 160.0,
            flash: Some(2048),
            ram: 786,
            microamperes: Some(19.5),
            source: "DS13737",
        },
        Chip {
            name: "STM32H743ZI",
            core: M7,
            plus: false,
            megahertz: 480.0,
            flash: Some(2048),
            ram: 1024,
            microamperes: None,
            source: "DS12110",
        },
    ]
};

/// Cycles of an instruction on `core`, an assumption: QEMU counts instructions, and memory decides how long one takes.
pub fn cycles_per_instruction(core: Core) -> f64 {
    match core {
        Core::M7 | Core::M55 => 1.0,
        Core::M0 | Core::M3 | Core::M4 | Core::M33 | Core::Rv32imc | Core::Rv32imac => 1.5,
    }
}

/// What a score of a model takes on a chip.
#[derive(Clone, Copy, Debug)]
pub struct OnChip {
    /// The chip.
    pub chip: Chip,
    /// Flash, RAM and instructions.
    pub cost: Cost,
    /// The deepest stack among the RAM.
    pub stack_bytes: usize,
    /// The largest relative error of the instructions.
    pub error: f64,
    /// Estimated time.
    pub milliseconds: Option<f64>,
    /// Estimated energy at [`VOLTS`].
    pub microjoules: Option<f64>,
}

impl OnChip {
    /// Whether flash and RAM suffice.
    pub fn fits(&self) -> bool {
        let holds = |kib: usize, bytes: usize| bytes <= 1024 * kib;
        let flash = self.chip.flash;
        flash.is_none_or(|flash| holds(flash, self.cost.flash_bytes))
            && holds(self.chip.ram, self.cost.ram_bytes)
    }
}

/// What a score of `model` by sigma points takes on each of [`CHIPS`].
///
/// # Errors
/// [`Error::Setting`] where nothing was measured on a core.
pub fn on_chips(model: &Model<'_>) -> Result<Vec<OnChip>, Error> {
    let mut models: Vec<(Core, CostModel)> = vec![];
    let mut estimates = vec![];
    for chip in CHIPS {
        if models.iter().all(|(core, _)| *core != chip.core) {
            models.push((chip.core, CostModel::of(chip.core)?));
        }
        let costs = models.iter().find(|(core, _)| *core == chip.core);
        let Some((_, costs)) = costs else { continue };
        let cost = costs.cost(model);
        let seconds = cost.instructions.map(|instructions| {
            instructions as f64 * cycles_per_instruction(chip.core) / (1e6 * chip.megahertz)
        });
        let watts = chip
            .microamperes
            .map(|current| 1e-6 * current * chip.megahertz * VOLTS);
        estimates.push(OnChip {
            chip,
            cost,
            stack_bytes: costs.stack_bytes(),
            error: costs.largest_error(model),
            milliseconds: seconds.map(|seconds| 1e3 * seconds),
            microjoules: seconds
                .zip(watts)
                .map(|(seconds, watts)| 1e6 * seconds * watts),
        });
    }
    Ok(estimates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_are_told_once_with_their_source() {
        for (at, chip) in CHIPS.iter().enumerate() {
            assert!(!chip.source.is_empty() && chip.megahertz > 0.0);
            assert!(CHIPS[..at].iter().all(|other| other.name != chip.name));
        }
    }
}
