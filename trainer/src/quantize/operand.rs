//! Numbers that layers take in and hand on, and how many bits they have.

use serde::{Deserialize, Serialize};

/// 1.0 as Q16.16.
pub(crate) const Q16: f64 = elbow::fixed::ONE as f64;
/// The largest number of 8 bits that is used, weight, input or activation: the lowest is its negative.
pub const LARGEST_I8: i16 = 127;
/// The largest activation of 13 bits of 16, as many as leave accumulators room.
const LARGEST_I13: i16 = 4095;
/// A row's accumulator stays below this for every input, with room below the runtime's bound for
/// the rounding of weights and bias.
pub(super) const LARGEST_ACCUMULATOR: f64 = 0.99 * elbow::internal::ACCUMULATOR_BOUND as f64;

/// Numbers that a layer takes in: `value_c = scales[c] * (q_c - zero_point)`.
#[derive(Clone, Debug, Default)]
pub struct Operand {
    /// Scale of each number: what a step is worth.
    pub scales: Vec<f64>,
    /// The one that stands for 0.0.
    pub zero_point: i16,
    /// The largest magnitude of q.
    pub largest: f64,
}

impl Operand {
    /// The activations of a rectified layer, `q_max` at most, whose units have steps worth `scales`. 0.0 is the lowest
    /// one, so that all levels are used.
    pub fn rectified(scales: Vec<f64>, q_max: i16) -> Self {
        Self {
            scales,
            zero_point: -q_max,
            largest: q_max.into(),
        }
    }

    /// Latents and conditions, `count` of them, with so many fraction bits.
    pub fn latents(count: usize, fraction_bits: u8) -> Self {
        Self {
            scales: vec![0.5f64.powi(fraction_bits.into()); count],
            zero_point: 0,
            largest: 32768.0,
        }
    }
}

/// How many bits the activations of a hidden layer have, or the inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Width {
    /// 8.
    #[default]
    I8,
    /// 13 of 16, as many as leave accumulators room; of inputs all.
    I16,
}

impl Width {
    /// The largest activation.
    pub fn largest(self) -> i16 {
        match self {
            Self::I8 => LARGEST_I8,
            Self::I16 => LARGEST_I13,
        }
    }

    /// The largest magnitude of an input. The 16 bits are all used: what an input reads far from its centre is to leave those
    /// near it apart, and where the bound of accumulators is near, weights get coarser.
    pub fn largest_input(self) -> u16 {
        match self {
            Self::I8 => LARGEST_I8.unsigned_abs(),
            Self::I16 => i16::MAX.unsigned_abs(),
        }
    }

    /// The output scales with which activations just reach `ranges`.
    pub fn finest(self, ranges: &[f64]) -> Vec<f64> {
        let levels = 2.0 * f64::from(self.largest());
        ranges.iter().map(|range| range / levels).collect()
    }
}

/// The fewest fraction bits of a latent's 16.
pub(super) const LEAST_FRACTION_BITS: u8 = 6;

/// The largest latent, magnitude, that 16 bits hold in any image.
pub(super) const LARGEST_LATENT: f64 = (1 << (15 - LEAST_FRACTION_BITS)) as f64;
