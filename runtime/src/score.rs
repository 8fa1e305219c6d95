//! The bound: how one reading, the passes over it and their statistics become a [`Score`]. No
//! layer is known here; a pass is a closure.

use crate::calibration::Calibration;
use crate::estimator::Estimator;
use crate::fixed::{Nats, Probability, mean, saturate, square_root};
use crate::length::LengthError;
use crate::log_sum_exp::LogSumExp;
#[cfg(feature = "bits")]
use crate::log_sum_exp::relative;
use crate::mask::MaskError;
use crate::statistic::Statistic;
use core::num::NonZeroU32;

/// What the model says about one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Score {
    pub(crate) estimator: Estimator,
    pub(crate) reconstruction: Nats,
    pub(crate) kl: Nats,
    pub(crate) elbo: Nats,
    pub(crate) standard_error: Option<Nats>,
    pub(crate) verdict: Verdict,
    pub(crate) passes: u16,
}

impl Score {
    /// The bound on log p(x), estimated; the higher, the more ordinary the reading. The evidence
    /// lower bound `E_q[log p(x|z)] - KL(q(z|x) || p(z))`, but for
    /// [`Estimator::ImportanceWeighted`], whose bound is tighter.
    #[must_use]
    pub fn elbo(&self) -> Nats {
        self.elbo
    }

    /// The estimate of `E_q[log p(x|z)]`.
    #[must_use]
    pub fn reconstruction(&self) -> Nats {
        self.reconstruction
    }

    /// `KL(q(z|x) || p(z))` in closed form, or its bound where the prior is a mixture; see
    /// [`crate::distribution::Prior::divergence`].
    #[must_use]
    pub fn kl(&self) -> Nats {
        self.kl
    }

    /// The standard error of [`Score::elbo`]: over the antithetic pairs that were drawn, or by the
    /// delta method over the importance weights; none for deterministic estimators, below two
    /// pairs, and below two weights.
    #[must_use]
    pub fn standard_error(&self) -> Option<Nats> {
        self.standard_error
    }

    /// The chance that a normal reading is judged to be as strange, by the image's calibration; see
    /// [`crate::Calibration`]. Of the bound alone, or of several statistics joined; see [`crate::statistic`]. Certainty
    /// where the image has no calibration.
    #[must_use]
    pub fn p_value(&self) -> Probability {
        self.verdict.p_value
    }

    /// `-ln p` of [`Score::p_value`], which goes on where the p-value has no more bits: by it the strangest of
    /// many readings are ordered.
    #[cfg(feature = "statistics")]
    #[must_use]
    pub fn surprise(&self) -> Nats {
        self.verdict.surprise
    }

    /// The statistic that the p-value is owed to.
    #[must_use]
    pub fn statistic(&self) -> Statistic {
        #[cfg(feature = "statistics")]
        return self.verdict.statistic;
        #[cfg(not(feature = "statistics"))]
        Statistic::Bound
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

/// What the calibration makes of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Verdict {
    pub(crate) p_value: Probability,
    #[cfg(feature = "statistics")]
    pub(crate) surprise: Nats,
    #[cfg(feature = "statistics")]
    pub(crate) statistic: Statistic,
}

impl Verdict {
    /// That of no calibration.
    pub(crate) const NONE: Self = Self {
        p_value: Probability::ONE,
        #[cfg(feature = "statistics")]
        surprise: Nats::ZERO,
        #[cfg(feature = "statistics")]
        statistic: Statistic::Bound,
    };

    /// What `table` makes of a score of `statistic`.
    pub(crate) fn of(table: Option<&Calibration<'_>>, score: Nats, statistic: Statistic) -> Self {
        let _ = statistic;
        table.map_or(Self::NONE, |table| Self {
            p_value: table.p_value(score),
            #[cfg(feature = "statistics")]
            surprise: table.surprise(score),
            #[cfg(feature = "statistics")]
            statistic,
        })
    }
}

/// Why a reading was not scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
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
    /// The estimator has 0 samples, or no passes over such latents.
    NoPasses,
    /// The mask is for another number of inputs, or observes none of these.
    Mask(MaskError),
    /// A buffer for results has another length than the model says.
    Buffer(LengthError),
    /// The estimator needs a feature of this crate that this build leaves out.
    LeftOut {
        /// The feature.
        feature: &'static str,
    },
}

/// Decoder passes on their way to a [`Score`], one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accumulator {
    passes: u16,
    /// Of `log p(x|z)`, Q47.16.
    sum: i64,
    kept: Kept,
}

/// What is kept beside the sum.
#[derive(Clone, Copy, Debug)]
enum Kept {
    /// Nothing: the estimator is deterministic.
    None,
    /// The spread of the means of antithetic pairs, and the first half of a pair.
    Pairs(Spread, Option<i64>),
    /// The importance weights.
    Weights(LogSumExp),
    /// What passes of known probability give in the mean.
    #[cfg(feature = "bits")]
    Codes(Expectation),
}

impl Accumulator {
    pub(crate) fn new(estimator: Estimator) -> Self {
        let kept = match estimator {
            Estimator::MonteCarlo { .. } if cfg!(feature = "sampling") => {
                Kept::Pairs(Spread::default(), None)
            }
            Estimator::ImportanceWeighted { .. } if cfg!(feature = "importance-weighting") => {
                Kept::Weights(LogSumExp::default())
            }
            #[cfg(feature = "bits")]
            Estimator::Enumeration => Kept::Codes(Expectation::default()),
            _ => Kept::None,
        };
        Self {
            passes: 0,
            sum: 0,
            kept,
        }
    }

    /// Takes one pass in: `log p(x|z)` and `log p(z) - log q(z|x)`, or of an enumerated pass `log q(z|x)`, both Q47.16.
    pub(crate) fn add(&mut self, log_likelihood: i64, log_ratio: i64) {
        self.passes = self.passes.saturating_add(1);
        self.sum += log_likelihood;
        match &mut self.kept {
            Kept::Pairs(spread, pending) if cfg!(feature = "sampling") => match pending.take() {
                Some(first) => spread.add((first + log_likelihood) >> 1),
                None => *pending = Some(log_likelihood),
            },
            Kept::Weights(weights) if cfg!(feature = "importance-weighting") => {
                weights.add(log_likelihood + log_ratio);
            }
            #[cfg(feature = "bits")]
            Kept::Codes(expectation) => expectation.add(log_likelihood, weight(log_ratio)),
            _ => {}
        }
    }

    /// Passes taken in.
    pub(crate) fn passes(&self) -> u16 {
        self.passes
    }

    /// What the weights of enumerated passes sum up to, about 2^28.
    #[cfg(feature = "bits")]
    pub(crate) fn total_weight(&self) -> Option<NonZeroU32> {
        match &self.kept {
            Kept::Codes(expectation) => NonZeroU32::new(expectation.total),
            _ => None,
        }
    }

    /// The mean of `log p(x|z)`, Q47.16; zero of no passes.
    fn reconstruction(&self) -> i64 {
        #[cfg(feature = "bits")]
        if let Kept::Codes(expectation) = &self.kept {
            return expectation.mean();
        }
        NonZeroU32::new(self.passes.into()).map_or(0, |passes| mean(self.sum, passes))
    }

    /// The bound, given the divergence in closed form, Q47.16.
    pub(crate) fn bound(&self, kl: i64) -> i64 {
        self.bound_of(self.reconstruction(), kl)
    }

    /// [`Accumulator::bound`], given its reconstruction too.
    fn bound_of(&self, reconstruction: i64, kl: i64) -> i64 {
        match &self.kept {
            Kept::Weights(weights) if cfg!(feature = "importance-weighting") => weights.log_mean(),
            _ => reconstruction.saturating_sub(kl),
        }
    }

    /// Of the means of antithetic pairs around their mean, `sum_i (v_i - mean)^2`, in 2^-16 nat^2;
    /// zero for other estimators.
    pub(crate) fn sum_of_squares(&self) -> i64 {
        match &self.kept {
            Kept::Pairs(spread, _) => spread.sum_of_squares(),
            _ => 0,
        }
    }

    /// See [`Score::standard_error`].
    fn standard_error(&self) -> Option<Nats> {
        match &self.kept {
            Kept::Pairs(spread, _) if cfg!(feature = "sampling") => spread.standard_error(),
            Kept::Weights(weights) if cfg!(feature = "importance-weighting") => {
                weights.standard_error()
            }
            _ => None,
        }
    }

    /// The score of the passes so far, of which `verdict` judges the bound and the reconstruction.
    pub(crate) fn score(
        &self,
        estimator: Estimator,
        kl: i64,
        verdict: impl FnOnce(Nats, Nats) -> Verdict,
    ) -> Score {
        let reconstruction = self.reconstruction();
        let elbo = Nats::saturating_from_wide(self.bound_of(reconstruction, kl));
        let reconstruction = Nats::saturating_from_wide(reconstruction);
        Score {
            estimator,
            reconstruction,
            kl: Nats::saturating_from_wide(kl),
            elbo,
            standard_error: self.standard_error(),
            verdict: verdict(elbo, reconstruction),
            passes: self.passes,
        }
    }
}

/// The probability of a pass, 28 fraction bits, of its logarithm in nats, Q47.16.
#[cfg(feature = "bits")]
pub(crate) fn weight(log_density: i64) -> u32 {
    relative(log_density.min(0)) as u32
}

/// Passes of known probability: their sum, each weighed by its own, as deviations from the first, which are clamped to 2^18
/// nats.
#[cfg(feature = "bits")]
#[derive(Clone, Copy, Debug, Default)]
struct Expectation {
    first: i64,
    /// 44 fraction bits; below 2^63, since weights sum up to about 2^28.
    sum: i64,
    /// Of the weights, 28 fraction bits.
    total: u32,
}

#[cfg(feature = "bits")]
impl Expectation {
    fn add(&mut self, value: i64, weight: u32) {
        if self.total == 0 {
            self.first = value;
        }
        let deviation = (value - self.first).clamp(-(1 << 34), 1 << 34);
        self.sum = self
            .sum
            .saturating_add(deviation.saturating_mul(weight.into()));
        self.total = self.total.saturating_add(weight);
    }

    fn mean(&self) -> i64 {
        let deviation = NonZeroU32::new(self.total).map_or(0, |total| mean(self.sum, total));
        self.first + deviation
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

    /// `sum (v - mean)^2` in 2^-16 nat^2.
    fn sum_of_squares(&self) -> i64 {
        let centre = NonZeroU32::new(self.count).map_or(0, |count| mean(self.sum, count));
        self.squares - 2 * centre * self.sum + i64::from(self.count) * centre * centre
    }

    /// `sqrt(sum (v - mean)^2 / (n (n - 1)))`; none below two values.
    fn standard_error(&self) -> Option<Nats> {
        let pairs = self.count.checked_mul(self.count.checked_sub(1)?)?;
        let pairs = NonZeroU32::new(pairs)?;
        let squares = self.sum_of_squares();
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
    extern crate std;
    use super::*;

    fn accumulate(estimator: Estimator, passes: &[(f64, f64)]) -> Score {
        let mut accumulator = Accumulator::new(estimator);
        let wide = |nats: f64| (nats * 65536.0).round() as i64;
        for &(log_likelihood, log_ratio) in passes {
            accumulator.add(wide(log_likelihood), wide(log_ratio));
        }
        accumulator.score(estimator, 2 << 16, |_, _| Verdict::NONE)
    }

    #[test]
    fn means_subtract_the_divergence() {
        let score = accumulate(Estimator::SigmaPoints, &[(-1.0, 9.0), (-2.0, 9.0)]);
        assert_eq!((score.elbo().to_f64(), score.passes()), (-3.5, 2));
        assert_eq!(score.standard_error(), None);
        let estimator = Estimator::MonteCarlo { samples: 5 };
        let passes = [1.0, 2.0, 3.0, 4.0, 5.0].map(|x| (x, 9.0));
        let score = accumulate(estimator, &passes);
        assert_eq!(score.elbo().to_f64(), 1.0);
        // Pair means 1.5 and 3.5: sample variance 2, standard error 1.
        assert_eq!(score.standard_error().unwrap().to_bits(), 65536);
        let score = accumulate(estimator, &passes[..3]);
        assert_eq!(score.standard_error(), None);
    }

    /// Log weights whose highest comes early, late or in between, spread by `scale` nats.
    fn log_weights(count: usize, scale: f64, word: &mut u32) -> std::vec::Vec<f64> {
        let next = |_| {
            *word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(*word) / 4_294_967_296.0).ln() * scale - 100.0
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn log_mean_exp_matches_floats() {
        let mut word = 5u32;
        for count in [1, 2, 3, 10, 100, 5000, 65535] {
            for scale in [0.0, 0.1, 1.0, 3.0, 50.0, 20_000.0] {
                let logs = log_weights(count, scale, &mut word);
                let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let weights = logs.iter().map(|log| (log - highest).exp());
                let (k, sum) = (count as f64, weights.clone().sum::<f64>());
                let exact = highest + (sum / k).ln();
                let samples = count as u16;
                let passes: std::vec::Vec<_> = logs.iter().map(|&log| (log + 7.0, -7.0)).collect();
                let score = accumulate(Estimator::ImportanceWeighted { samples }, &passes);
                let got = score.elbo().to_f64();
                let exact_or_saturated = exact.max(-32768.0);
                assert!(
                    (got - exact_or_saturated).abs() < 2e-4,
                    "{count} {scale}: {got} {exact}"
                );
                if count > 1 {
                    let squares: f64 = weights.map(|weight| weight * weight).sum();
                    let error = ((k * squares / (sum * sum) - 1.0).max(0.0) / (k - 1.0)).sqrt();
                    let got = score.standard_error().unwrap().to_f64();
                    assert!(
                        (got - error).abs() < 0.003 + 0.003 * error,
                        "{count} {scale}: {got} {error}"
                    );
                }
            }
        }
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
        let mut far = Accumulator::new(Estimator::PosteriorMean);
        far.add(-(1 << 60), 0);
        let score = far.score(Estimator::PosteriorMean, 1 << 60, |_, _| Verdict::NONE);
        assert_eq!(score.elbo, Nats::MIN);
    }
}
