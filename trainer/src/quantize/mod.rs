//! Quantization: from trained floats to the integers of an image.
//!
//! Weights are `i8`, or of four bits, with a scale for each row, hidden activations `i8` with a scale for each unit,
//! which the next layer's weights take in; heads and outputs leave their accumulators as Q16.16.
//! Where a multiplier needs rounding, the row's weight scale takes the rounding up, so that the
//! factor from weights to outputs is exact.
//!
//! A rectified unit may have any scale of its own: `relu(s x) = s relu(x)` (Nagel et al.,
//! "Data-free quantization through weight equalization and bias correction", 2019, section 4.1). So no unit has to
//! make do with the few levels that the loudest of its layer leaves it; how many of its own each uses is what
//! costs the fewest nats.
//!
//! A [`Plan`] says of each layer what its numbers reach and how its weights are rounded; [`choose`] makes one from a
//! [`CalibrationSet`]: readings that were learned from, and the same with noise. The latter matter: an
//! activation that saturates on an anomalous reading makes the reading look more normal than it is, which an anomaly
//! detector must not miss. A plan, a model in floats and a calibration set determine the integers.

mod balance;
mod calibration_set;
mod choose;
mod compensate;
mod correction;
mod fold;
mod image;
mod loss;
mod operand;
mod plan;
mod prior;
mod ranges;
mod rounding;
mod rows;
mod scheme;
mod search;
mod sensitivity;
#[cfg(test)]
mod tests;

pub use calibration_set::{CalibrationSet, perturbed};
pub use choose::{Choices, choose, four_bits, measure, sensitivities};
pub use correction::restored;
pub use fold::fold;
pub use image::{Label, quantize};
pub use loss::{Judge, Loss};
pub use operand::{LARGEST_I8, Operand, Width};
pub use plan::{ActivationPlan, LatentPlan, LayerPlan, Plan, Rounding};
pub use ranges::Ranges;
pub use rows::Rows;
pub(crate) use scheme::output_scales;
pub use scheme::{LayerScheme, Scheme};
pub use search::Affords;
pub use sensitivity::Sensitivity;

pub(crate) use operand::Q16;
