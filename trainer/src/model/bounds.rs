//! What the parameters of a likelihood beside the decoder's may be.

use crate::error::Error;
use crate::readings::Normalization;
use candle_core::{Device, Tensor};

/// The range of the parameters beside the decoder's.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub(super) lowest: Tensor,
    pub(super) highest: Tensor,
}

impl Bounds {
    pub(super) fn new(bounds: &[(f32, f32)], device: &Device) -> Result<Self, Error> {
        let of = |end: fn(&(f32, f32)) -> f32| Tensor::from_iter(bounds.iter().map(end), device);
        Ok(Self {
            lowest: of(|bounds| bounds.0)?,
            highest: of(|bounds| bounds.1)?,
        })
    }
}

/// The largest unit of a location that an image has a multiplier for, in raw units.
const LARGEST_UNIT: f64 = 32_767.0;

/// The bounds of `ln sigma` of a number, in network units: below them the readings resolve nothing, above them an image has
/// no multiplier for the unit, which is `sigma` times `e^log_unit`.
pub(super) fn scale_bounds(
    normalization: &Normalization,
    number: usize,
    log_unit: f64,
) -> (f32, f32) {
    let unit = f64::from(normalization.units[number]);
    let lowest = (normalization.floors[number] / unit).ln();
    let highest = (LARGEST_UNIT / unit).ln() - log_unit;
    // The highest rounds down: at the bound a unit is to have a multiplier.
    (lowest as f32, (highest as f32).next_down())
}
