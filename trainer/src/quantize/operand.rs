//! Numbers that layers take in and hand on, and how many bits they have.

use serde::{Deserialize, Serialize};

/// Levels of weights on either side of zero.
pub(super) const SYMMETRIC_LEVELS: f64 = 127.0;
/// A row's accumulator stays below this for every input, with room below the runtime's bound for
/// the rounding of weights and bias.
pub(super) const LARGEST_ACCUMULATOR: f64 = 0.99 * elbow::internal::ACCUMULATOR_BOUND as f64;

/// Numbers that a layer hands on: `value_c = scales[c] * (q_c - zero_point)`.
#[derive(Clone, Debug)]
pub struct Operand {
    /// Of each number.
    pub scales: Vec<f64>,
    /// The one that stands for 0.0.
    pub zero_point: i16,
    /// The largest magnitude of q.
    pub largest: f64,
}

impl Operand {
    /// The activations of a rectified layer whose units have steps worth `scales`.
    pub fn rectified(scales: Vec<f64>, width: Width) -> Self {
        let ceiling = width.ceiling();
        Self {
            scales,
            zero_point: -ceiling,
            largest: ceiling.into(),
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
    /// The largest activation. The zero point of rectified ones is as far below zero: 0.0 is the lowest
    /// one, so that all levels are used.
    pub fn ceiling(self) -> i16 {
        match self {
            Self::I8 => 127,
            Self::I16 => 4095,
        }
    }

    /// The largest magnitude of an input. The 16 bits are all used: what an input reads far from its centre is to leave those
    /// near it apart, and where the bound of accumulators is near, weights get coarser.
    pub fn input_ceiling(self) -> u16 {
        match self {
            Self::I8 => 127,
            Self::I16 => i16::MAX.unsigned_abs(),
        }
    }

    /// The steps with which activations just reach `ranges`.
    pub fn finest(self, ranges: &[f64]) -> Vec<f64> {
        let levels = 2.0 * f64::from(self.ceiling());
        ranges.iter().map(|range| range / levels).collect()
    }
}

/// The fewest fraction bits of a latent's 16.
pub(super) const LEAST_FRACTION_BITS: u8 = 6;

/// The largest latent, magnitude, that 16 bits hold in any image.
pub(super) const LARGEST_LATENT: f64 = (1 << (15 - LEAST_FRACTION_BITS)) as f64;
