//! Networks that fit a budget of flash, RAM and instructions on a core.
//!
//! The hidden layers and the latents of the settings are scaled by one factor, so that their proportions
//! stay, to the largest network that meets every limit. Flash and RAM are those of a draft: an image with
//! random weights, written as the trained one will be. Instructions are those of a cost model that is
//! fitted to counts of the emulator, with its largest error on top.

pub mod chips;
mod costs;
mod shape;

use crate::config::Limits;
pub use costs::{Cost, CostModel};

use crate::config::capability::Feature;
use crate::config::{Config, Core, HiddenLayer, ModelConfig};
use crate::error::Error;
use elbow::Model;
use elbow::format::AlignedImage;
use elbow::image::WriteError;
use serde::Serialize;

/// Hidden layers grow and shrink by so many units: kernels compute them in fours and eights.
const STEP: usize = 8;
/// Latents by so many: passes run four at once, two of each latent.
const LATENT_STEP: usize = 2;
/// The widest layer has at most so many times the numbers of a reading, unless the settings ask for more.
const WIDEST: usize = 2;
/// Hidden layers may be wider by this part of themselves than their proportion to the latents says: a third.
const LEFT_OVER: usize = 3;
/// Bytes by which an image may be longer than a draft of it: its header's numbers are as short as their
/// values are small.
pub const HEADER_SLACK: usize = 32;

/// The budget of a run, and what came of it, as `summary.json` has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// The core that it is for.
    pub core: Core,
    /// Limits of a score.
    pub limits: Limits,
    /// Cost of a score.
    pub cost: Cost,
    /// The largest relative error of `cost.instructions` on models that were measured.
    pub instructions_error: f64,
}

/// One limit, and what a model takes of it.
struct Held {
    option: &'static str,
    limit: u64,
    taken: u64,
    what: &'static str,
}

impl Limits {
    /// Each limit beside what is taken of it, the error of the instructions on top.
    fn beside(&self, cost: &Cost, error: f64) -> Vec<Held> {
        let margin = |count| (count as f64 * (1.0 + error)).ceil() as u64;
        // What nobody knows keeps no limit.
        let instructions = cost.instructions.map_or(u64::MAX, margin);
        let all = [
            (
                "--flash",
                self.flash,
                cost.flash_bytes as u64,
                "bytes of flash",
            ),
            ("--ram", self.ram, cost.ram_bytes as u64, "bytes of RAM"),
            (
                "--instructions",
                self.instructions,
                instructions,
                "instructions",
            ),
        ];
        let held = all.into_iter().filter_map(|(option, limit, taken, what)| {
            Some(Held {
                option,
                limit: limit?,
                taken,
                what,
            })
        });
        held.collect()
    }
}

impl Budget {
    /// The cost of a score of `model` beside the limits.
    ///
    /// # Errors
    /// [`Error::Setting`] where nothing is known of the core.
    pub fn of(model: &Model<'_>, core: Core, limits: Limits) -> Result<Self, Error> {
        Ok(Self::new(&CostModel::of(core)?, model, core, limits))
    }

    fn new(costs: &CostModel, model: &Model<'_>, core: Core, limits: Limits) -> Self {
        Self {
            core,
            limits,
            cost: costs.cost(model),
            instructions_error: costs.largest_error(model),
        }
    }

    fn held(&self) -> Vec<Held> {
        self.limits.beside(&self.cost, self.instructions_error)
    }

    /// Whether every limit is met.
    pub fn is_met(&self) -> bool {
        self.held().iter().all(|held| held.taken <= held.limit)
    }

    /// One line: what is taken of each limit.
    pub fn describe(&self) -> String {
        let held = self.held().into_iter();
        let each = held.map(|held| format!("{} of {} {}", held.taken, held.limit, held.what));
        let each = each.collect::<Vec<_>>().join(", ");
        format!("on {}: {each}", self.core)
    }
}

/// The networks of `settings`, scaled to the largest that meet `limits` on the core of the settings, and their
/// budget. `numbers` are those of a reading; `draft` writes the image that networks would give, with
/// whatever weights.
///
/// # Errors
/// [`Error::Setting`] where even the smallest networks break a limit: one line with each of these, and by how
/// much.
pub fn size(
    settings: &Config,
    limits: Limits,
    numbers: usize,
    draft: impl Fn(&ModelConfig) -> Result<AlignedImage, Error>,
) -> Result<(ModelConfig, Budget), Error> {
    if limits.instructions.is_some() {
        Feature::Instructions.check(settings)?;
    }
    let costs = CostModel::of(settings.export.core)?;
    let budget = |steps: usize, of_latents: usize| -> Result<(ModelConfig, Budget), Error> {
        let scaled = scaled(&settings.model, (steps * STEP, of_latents * STEP), numbers);
        let image = draft(&scaled)?;
        let model = Model::parse(&image).map_err(WriteError::Image)?;
        let mut budget = Budget::new(&costs, &model, settings.export.core, limits);
        budget.cost.flash_bytes += HEADER_SLACK;
        Ok((scaled, budget))
    };
    let smallest = budget(1, 1)?;
    if !smallest.1.is_met() {
        return Err(refusal(&smallest, numbers));
    }
    let widest = widest(&settings.model);
    let most = widest.max(WIDEST * numbers).div_ceil(STEP);
    let (mut best, mut fits, mut beyond) = (smallest, 1, most + 1);
    // Costs grow with the widths.
    while fits + 1 < beyond {
        let middle = fits.midpoint(beyond);
        let candidate = budget(middle, middle)?;
        if candidate.1.is_met() {
            (best, fits) = (candidate, middle);
        } else {
            beyond = middle;
        }
    }
    // Latents come in steps of two, each of which may cost much: what is left is for the hidden layers.
    for steps in fits + 1..=most.min(fits + fits.div_ceil(LEFT_OVER)) {
        let candidate = budget(steps, fits)?;
        if !candidate.1.is_met() {
            break;
        }
        best = candidate;
    }
    Ok(best)
}

/// The widest hidden layer of the settings; as wide as there are latents where there is none.
fn widest(model: &ModelConfig) -> usize {
    let hidden = model.encoder.iter().chain(&model.decoder);
    let widest = hidden.map(|layer| layer.units()).max();
    widest.unwrap_or(model.latents).max(1)
}

/// The networks with the widest hidden layer of `units`, the other hidden layers in proportion, and the latents in
/// proportion to a layer of `of_latents`.
fn scaled(model: &ModelConfig, (units, of_latents): (usize, usize), numbers: usize) -> ModelConfig {
    let scale = |width: usize, units: usize| {
        (width as f64 * units as f64 / widest(model) as f64).round() as usize
    };
    let layers = |layers: &[HiddenLayer]| {
        let scaled = layers.iter().map(|layer| {
            let units = scale(layer.units(), units).next_multiple_of(STEP);
            layer.with_units(units.max(STEP))
        });
        scaled.collect()
    };
    // More latents than half the numbers stay unused as a rule.
    let most = model.latents.max(numbers / 2);
    let latents = scale(model.latents, of_latents).min(most);
    ModelConfig {
        encoder: layers(&model.encoder),
        decoder: layers(&model.decoder),
        latents: latents.next_multiple_of(LATENT_STEP).max(LATENT_STEP),
        ..model.clone()
    }
}

/// The hidden widths and the latents, in the order of the data.
#[must_use]
pub fn widths(model: &ModelConfig) -> String {
    let hidden = |layers: &[HiddenLayer]| {
        layers
            .iter()
            .map(HiddenLayer::to_string)
            .collect::<Vec<_>>()
    };
    let latents = vec![format!("z{}", model.latents)];
    [hidden(&model.encoder), latents, hidden(&model.decoder)]
        .concat()
        .join("-")
}

/// Why even the smallest networks do not do.
fn refusal((model, budget): &(ModelConfig, Budget), numbers: usize) -> Error {
    let broken = budget.held().into_iter();
    let broken = broken.filter(|held| held.taken > held.limit);
    let each = broken.map(|held| {
        let code = match held.option {
            "--flash" => format!(
                " ({} of them code, with the features {})",
                budget.cost.code_bytes, budget.cost.features
            ),
            _ => String::new(),
        };
        format!(
            "{} {} cannot be met: {} {}{code} are needed, {} more",
            held.option,
            held.limit,
            held.taken,
            held.what,
            held.taken - held.limit
        )
    });
    Error::Setting(format!(
        "{}; this is of the smallest network for readings of {numbers} numbers on {}, {}: raise the limit, name fewer layers, or judge by the bound alone (--judged-by bound)",
        each.collect::<Vec<_>>().join(", and "),
        budget.core,
        widths(model)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_scaled_in_proportion_and_in_steps() {
        let model = ModelConfig {
            encoder: vec![64.into(), 32.into()],
            decoder: vec![48.into()],
            ..ModelConfig::default()
        };
        let shape =
            |units, of_latents, numbers| widths(&scaled(&model, (units, of_latents), numbers));
        assert_eq!(shape(64, 64, 64), "64-32-z8-48");
        assert_eq!(shape(128, 128, 64), "128-64-z16-96");
        assert_eq!(shape(8, 8, 64), "8-8-z2-8");
        assert_eq!(shape(72, 64, 64), "72-40-z8-56");
        // Half as many latents as numbers, but as many as were asked for.
        assert_eq!(shape(640, 640, 40), "640-320-z20-480");
        assert_eq!(shape(640, 640, 4), "640-320-z8-480");
    }
}
