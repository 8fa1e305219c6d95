//! The bound: how one reading, the passes over it and their statistics become a [`Score`]. No
//! layer is known here; a pass is a closure.

use crate::estimator::Estimator;
use crate::fixed::{Nats, Probability, mean, saturate, square_root};
use core::fmt;
use core::num::NonZeroU32;

/// What the model says about one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    pub(crate) estimator: Estimator,
    pub(crate) reconstruction: Nats,
    pub(crate) kl: Nats,
    pub(crate) elbo: Nats,
    pub(crate) standard_error: Option<Nats>,
    pub(crate) p_value: Probability,
    pub(crate) passes: u16,
}

impl Score {
    /// The evidence lower bound `E_q[log p(x|z)] - KL(q(z|x) || p(z))` on log p(x), estimated;
    /// the higher, the more ordinary the reading.
    #[must_use]
    pub fn elbo(&self) -> Nats {
        self.elbo
    }

    /// The estimate of `E_q[log p(x|z)]`.
    #[must_use]
    pub fn reconstruction(&self) -> Nats {
        self.reconstruction
    }

    /// `KL(q(z|x) || p(z))`, in closed form.
    #[must_use]
    pub fn kl(&self) -> Nats {
        self.kl
    }

    /// The standard error of [`Score::elbo`] over the antithetic pairs that were drawn; none for
    /// deterministic estimators and below two pairs.
    #[must_use]
    pub fn standard_error(&self) -> Option<Nats> {
        self.standard_error
    }

    /// The chance that a normal reading scores this low, by the image's calibration; see
    /// [`crate::Calibration`]. Certainty where the image has no calibration.
    #[must_use]
    pub fn p_value(&self) -> Probability {
        self.p_value
    }

    /// Decoder passes that it took.
    #[must_use]
    pub fn passes(&self) -> u16 {
        self.passes
    }

    /// The estimator that was asked for.
    #[must_use]
    pub fn estimator(&self) -> Estimator {
        self.estimator
    }
}

/// Why a reading was not scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingError {
    /// The reading has not as many numbers as the model has inputs.
    Length {
        /// Numbers in the reading.
        have: usize,
        /// Inputs of the model.
        need: usize,
    },
    /// A count that cannot occur: the likelihood gives it no probability at all.
    OutsideSupport {
        /// Which input.
        index: usize,
        /// What was read there.
        value: i16,
        /// The largest count; the smallest is zero.
        largest: u8,
    },
    /// [`Estimator::MonteCarlo`] with no samples.
    NoSamples,
}

impl fmt::Display for ReadingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length { have, need } => {
                write!(f, "the reading has {have} numbers, the model takes {need}")
            }
            Self::OutsideSupport {
                index,
                value,
                largest,
            } => {
                write!(
                    f,
                    "input {index} reads {value}, the model counts from 0 to {largest}"
                )
            }
            Self::NoSamples => {
                f.write_str("an estimator with 0 samples has no estimate: ask for 1 or more")
            }
        }
    }
}

impl core::error::Error for ReadingError {}

/// An estimate of `E_q[log p(x|z)]`, Q47.16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Estimate {
    pub(crate) mean: i64,
    pub(crate) standard_error: Option<Nats>,
    pub(crate) passes: u16,
}

impl Estimate {
    /// Joins the estimate with the divergence.
    pub(crate) fn score(
        self,
        estimator: Estimator,
        kl: i64,
        p_value: impl FnOnce(Nats) -> Probability,
    ) -> Score {
        let elbo = Nats::saturating_from_wide(self.mean.saturating_sub(kl));
        Score {
            estimator,
            reconstruction: Nats::saturating_from_wide(self.mean),
            kl: Nats::saturating_from_wide(kl),
            elbo,
            standard_error: self.standard_error,
            p_value: p_value(elbo),
            passes: self.passes,
        }
    }

    /// The mean of `2 * latents` passes at the sigma points; `pass(j, sign)` is
    /// `log p(x | mu + sign sqrt(Z) sigma_j e_j)`.
    pub(crate) fn sigma_points(latents: u16, mut pass: impl FnMut(usize, i32) -> i64) -> Self {
        let mut sum = 0;
        for latent in 0..usize::from(latents) {
            sum += pass(latent, 1);
            sum += pass(latent, -1);
        }
        // At most 1024 latents.
        let passes = 2 * latents;
        let count = NonZeroU32::new(passes.into()).unwrap_or(NonZeroU32::MIN);
        Self {
            mean: mean(sum, count),
            standard_error: None,
            passes,
        }
    }

    /// The mean of `samples` passes in antithetic pairs; `pass(fresh, sign)` is
    /// `log p(x | mu + sign sigma eps)`, where `fresh` says that eps is drawn anew.
    pub(crate) fn monte_carlo(samples: u16, mut pass: impl FnMut(bool, i32) -> i64) -> Self {
        let mut sum = 0;
        let mut spread = Spread::default();
        for _ in 0..samples / 2 {
            let pair = pass(true, 1) + pass(false, -1);
            spread.add(pair >> 1);
            sum += pair;
        }
        if samples % 2 == 1 {
            sum += pass(true, 1);
        }
        let count = NonZeroU32::new(samples.into()).unwrap_or(NonZeroU32::MIN);
        Self {
            mean: mean(sum, count),
            standard_error: spread.standard_error(),
            passes: samples,
        }
    }
}

/// Count, sum and sum of squares of deviations from the first value (the shifted-data form of the
/// sample variance: Chan, Golub and LeVeque, "Algorithms for computing the sample variance",
/// 1983), in 1/256 nat, each deviation clamped to 4096 nats; 32767 values cannot overflow it.
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    first: i64,
    count: u32,
    sum: i64,
    squares: i64,
}

impl Spread {
    fn add(&mut self, value: i64) {
        if self.count == 0 {
            self.first = value;
        }
        let deviation = ((value - self.first) >> 8).clamp(-(1 << 20), 1 << 20);
        self.count += 1;
        self.sum += deviation;
        self.squares += deviation * deviation;
    }

    /// `sqrt(sum (v - mean)^2 / (n (n - 1)))`; none below two values.
    fn standard_error(self) -> Option<Nats> {
        let count = NonZeroU32::new(self.count)?;
        let pairs = NonZeroU32::new(self.count.checked_mul(self.count - 1)?)?;
        let centre = mean(self.sum, count);
        let squares =
            self.squares - 2 * centre * self.sum + i64::from(self.count) * centre * centre;
        // The variance of the mean in 2^-16 nat^2; its root has 8 fraction bits, 16 where the
        // shift by 16 leaves room.
        let bits = if squares < 1 << 46 {
            square_root(mean(squares << 16, pairs).unsigned_abs()).into()
        } else {
            i64::from(square_root(mean(squares, pairs).unsigned_abs())) << 8
        };
        Some(Nats::from_bits(saturate(bits)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigma_points_visit_each_latent_twice() {
        let mut visited = [[0; 2]; 3];
        let estimate = Estimate::sigma_points(3, |latent, sign| {
            visited[latent][usize::from(sign < 0)] += 1;
            10 * latent as i64 + i64::from(sign)
        });
        assert_eq!(visited, [[1; 2]; 3]);
        assert_eq!(
            (estimate.mean, estimate.passes, estimate.standard_error),
            (10, 6, None)
        );
    }

    #[test]
    fn monte_carlo_pairs_its_noise() {
        let mut calls = [(false, 0); 5];
        let mut at = 0;
        let estimate = Estimate::monte_carlo(5, |fresh, sign| {
            calls[at] = (fresh, sign);
            at += 1;
            at as i64 * 65536
        });
        assert_eq!(
            calls,
            [(true, 1), (false, -1), (true, 1), (false, -1), (true, 1)]
        );
        assert_eq!(estimate.mean, 3 * 65536);
        // Pair means 1.5 and 3.5: sample variance 2, standard error 1.
        assert_eq!(estimate.standard_error.unwrap().to_bits(), 65536);
        assert_eq!(Estimate::monte_carlo(3, |_, _| 7).standard_error, None);
    }

    #[test]
    fn standard_error_matches_floats() {
        for scale in [0.01f64, 1.0, 50.0, 3000.0] {
            let mut spread = Spread::default();
            let mut values = [0f64; 100];
            let mut word = 1u32;
            for value in &mut values {
                word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *value = (f64::from(word) / 4_294_967_296.0 - 0.5) * scale - 20.0;
                spread.add((*value * 65536.0) as i64);
            }
            let centre = values.iter().sum::<f64>() / 100.0;
            let variance = values
                .iter()
                .map(|v| (v - centre) * (v - centre))
                .sum::<f64>()
                / 9900.0;
            let got = spread.standard_error().unwrap().to_f64();
            assert!(
                (got - variance.sqrt()).abs() < 0.01 * variance.sqrt() + 0.001,
                "{got}"
            );
        }
    }

    #[test]
    fn scores_saturate() {
        let certain = |_| Probability::ONE;
        let far = Estimate {
            mean: -(1 << 60),
            standard_error: None,
            passes: 1,
        };
        assert_eq!(
            far.score(Estimator::PosteriorMean, 1 << 60, certain).elbo,
            Nats::MIN
        );
    }
}
