//! Anytime scoring: which side of a threshold a reading lies on, at as few passes as suffice.
//!
//! A reading is looked at after 1 pass at the posterior mean, then after 2, 4, 8, ... passes more
//! at draws in antithetic pairs, and a last time when no further pair may be spent. At each look
//! the bound is an estimate with a known spread, and the question is answered as soon as the
//! threshold lies beyond the margin
//!
//! ```text
//! margin = z(confidence, looks) * spread
//! ```
//!
//! * After the pass at the mean the estimate is what normal readings taught: the pass's bound minus
//!   its mean excess over the ELBO, with the deviation of that excess ([`Noise`], measured by the
//!   exporter on held-out normal readings).
//! * After `n` pairs the variance of a pair is pooled from the exporter's, which counts as
//!   [`PRIOR_PAIRS`] pairs, and the pairs at hand (the scale of the posterior under a scaled
//!   inverse chi-squared prior: Gelman et al., "Bayesian data analysis", section 3.3); the spread
//!   is its root over `sqrt(n)`. The pass at the mean is not part of this estimate.
//!
//! `z` is the two-sided standard normal quantile, where the chance of error `1 - confidence` is
//! shared out equally over all looks that there may be (Bonferroni), so that looking often does not
//! make errors likelier. It is at most 6.34, which a confidence of one asks for. The confidence is
//! as good as the spread is normal and the exporter's readings are like these.

use crate::calibration::Noise;
use crate::fixed::{Nats, Probability, mean, multiply, saturate, square_root};
use crate::gaussian::standard_normal;
use crate::score::Accumulator;
use core::num::NonZeroU32;

/// How many pairs of one's own the exporter's variance of a pair weighs.
pub const PRIOR_PAIRS: u32 = 4;

/// What is to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Question {
    /// The bound that divides.
    pub threshold: Nats,
    /// The wanted chance to be right.
    pub confidence: Probability,
    /// Decoder passes that may be spent, at most; at least one. An even number leaves one unspent,
    /// since draws come in pairs.
    pub max_passes: u16,
}

/// On which side of the threshold a reading lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Side {
    /// The bound is surely above: an ordinary reading.
    Above,
    /// The bound is surely below: an anomalous one.
    Below,
    /// The passes were spent before it was sure. [`Decision::bound`] is the best guess.
    Unsure,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Decision {
    /// On which side.
    pub side: Side,
    /// The estimate of the ELBO that decided.
    pub bound: Nats,
    /// Decoder passes that it took.
    pub passes: u16,
}

impl Question {
    /// Passes that may be spent on draws: whole pairs, whose spread is known. A draw without its
    /// mirror image scatters more than that.
    pub(crate) fn samples(&self) -> u16 {
        self.max_passes.saturating_sub(1) & !1
    }

    /// How often there may be a look: after one pass, then after 2, 4, 8, ... more, and at the end.
    pub(crate) fn looks(&self) -> u32 {
        let samples = u32::from(self.samples());
        1 + u32::BITS - samples.saturating_sub(1).leading_zeros()
    }

    /// The ELBO as the bound of the pass at the mean tells it, Q47.16.
    pub(crate) fn first_estimate(&self, bound: i64, noise: Noise) -> i64 {
        bound - i64::from(noise.mean_excess)
    }

    /// The two-sided quantile for one of `looks` looks, Q16.16.
    fn quantile(&self, looks: u32) -> i32 {
        // The chance of error at one look and on one side, (1 - c) / (2 looks), in 2^-32.
        let error = Probability::ONE.to_bits() - self.confidence.to_bits();
        let word = error.checked_div(looks).unwrap_or(0);
        standard_normal(word).saturating_neg().max(0)
    }

    /// The verdict on an estimate (Q47.16) with a spread (Q16.16).
    fn judge(&self, bound: i64, spread: i32, looks: u32, passes: u16) -> Option<Decision> {
        let margin = i64::from(multiply(self.quantile(looks), spread));
        let above = bound - i64::from(self.threshold.to_bits());
        let side = match above {
            _ if above > margin => Side::Above,
            _ if above < -margin => Side::Below,
            _ => return None,
        };
        let bound = Nats::saturating_from_wide(bound);
        Some(Decision {
            side,
            bound,
            passes,
        })
    }

    pub(crate) fn after_first_pass(
        &self,
        bound: i64,
        noise: Noise,
        looks: u32,
    ) -> Option<Decision> {
        if noise.mean_deviation == i32::MAX {
            return None;
        }
        let bound = self.first_estimate(bound, noise);
        self.judge(bound, noise.mean_deviation, looks, 1)
    }

    pub(crate) fn after_pairs(
        &self,
        bound: i64,
        accumulator: &Accumulator,
        noise: Noise,
        looks: u32,
    ) -> Option<Decision> {
        let pairs = u32::from(accumulator.passes() / 2);
        let count = NonZeroU32::new(pairs)?;
        let degrees = NonZeroU32::new(PRIOR_PAIRS + pairs - 1)?;
        // Variances in 2^-16 nat^2.
        let known = (i64::from(noise.pair_deviation) * i64::from(noise.pair_deviation)) >> 16;
        let own = accumulator.sum_of_squares();
        let variance = mean(known.min(1 << 40) * i64::from(PRIOR_PAIRS) + own, degrees);
        let of_mean = mean(variance << 8, count).unsigned_abs();
        // The root of 2^-24 nat^2 is in 2^-12 nats.
        let spread = saturate(i64::from(square_root(of_mean)) << 4);
        self.judge(bound, spread, looks, accumulator.passes() + 1)
    }

    pub(crate) fn undecided(&self, bound: i64, samples: u16) -> Decision {
        Decision {
            side: Side::Unsure,
            bound: Nats::saturating_from_wide(bound),
            passes: samples.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(confidence: f64, max_passes: u16) -> Question {
        Question {
            threshold: Nats::from_bits(-100 << 16),
            confidence: Probability::new(confidence),
            max_passes,
        }
    }

    #[test]
    fn looks_double() {
        let looks = |passes| question(0.99, passes).looks();
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 9, 10, 17].map(looks),
            [1, 1, 2, 2, 3, 3, 4, 4, 5]
        );
        assert_eq!(looks(u16::MAX), 17);
    }

    #[test]
    fn quantiles_share_the_error() {
        // Two-sided 95 %: 1.95996; shared by five looks 99 %: 2.57583.
        // Shared by two looks 100 %: the largest draw, at 2^-33.
        for (confidence, looks, z) in [
            (0.95, 1, 1.959_964),
            (0.95, 5, 2.575_829),
            (1.0, 2, 6.337_94),
            (0.0, 1, 0.0),
        ] {
            let got = f64::from(question(confidence, 1).quantile(looks)) / 65536.0;
            assert!((got - z).abs() < 1e-3, "{got}");
        }
    }

    #[test]
    fn one_pass_decides_where_the_threshold_is_far() {
        let noise = Noise {
            mean_excess: 2 << 16,
            mean_deviation: 1 << 16,
            pair_deviation: 3 << 16,
        };
        let question = question(0.95, 1);
        let after = |nats: f64| {
            let decision = question.after_first_pass((nats * 65536.0) as i64, noise, 1);
            decision.map(|decision| decision.side)
        };
        // The margin is 1.96 nats around -100 + 2.
        assert_eq!(after(-96.0), Some(Side::Above));
        assert_eq!(after(-96.1), None);
        assert_eq!(after(-99.9), None);
        assert_eq!(after(-100.0), Some(Side::Below));
    }
}
