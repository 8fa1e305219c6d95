//! A Gaussian q(z|x) with independent latents.

use super::{Offsets, SigmaPoints};
use crate::distribution::{LARGEST_MEAN, LogVarianceRange, Mixture, Prior};
use crate::estimator::Estimator;
use crate::fixed::{FRACTION_BITS, WideSum, multiply, saturate_i16};
use crate::kernel::Outputs;
use crate::memory::take;
use crate::score::ReadingError;
use crate::transcendental::exp;

/// q(z|x) of the last reading that was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Posterior<'s> {
    /// Means, Q16.16.
    pub mean: &'s [i32],
    /// Log-variances, Q16.16.
    pub log_variance: &'s [i32],
}

impl Posterior<'_> {
    /// The squared distance of the mean from the prior's, `sum_j mu_j^2`: how far out
    /// among all readings this one lies, in units of the prior.
    #[must_use]
    pub fn squared_distance(&self) -> WideSum {
        WideSum(self.mean.iter().map(|&mean| square(mean)).sum())
    }
}

/// The state of a posterior, in the caller's workspace. All numbers are Q16.16, one for each latent.
#[derive(Debug)]
pub(crate) struct Gaussian<'w> {
    pub(crate) mean: &'w mut [i32],
    pub(crate) log_variance: &'w mut [i32],
    /// Standard deviations.
    deviation: &'w mut [i32],
    /// A draw of standard normals, or how far a pair of sigma points is from the mean.
    noise: &'w mut [i32],
}

/// Where the latents of a pass go.
#[derive(Debug)]
pub(crate) struct Place<'l> {
    /// As many as there are latents, or more.
    pub(crate) latents: &'l mut [i16],
    pub(crate) fraction_bits: u32,
}

impl Place<'_> {
    /// Puts Q16.16 numbers there, rounded half up to the fraction bits of latents, saturating.
    #[inline(always)]
    fn put(self, values: impl Iterator<Item = i32>) {
        let shift = FRACTION_BITS
            .saturating_sub(self.fraction_bits)
            .clamp(1, 15);
        for (latent, value) in self.latents.iter_mut().zip(values) {
            *latent = saturate_i16(value.saturating_add(1 << (shift - 1)) >> shift);
        }
    }
}

impl<'w> Gaussian<'w> {
    /// Bytes of a workspace that each latent takes.
    pub(crate) const BYTES_PER_LATENT: usize = 4 * size_of::<i32>();

    /// Takes the memory of so many latents off the front of `rest`.
    #[inline(always)]
    pub(crate) fn take(rest: &mut &'w mut [u8], latents: usize) -> Option<Self> {
        Some(Self {
            mean: take(rest, latents)?,
            log_variance: take(rest, latents)?,
            deviation: take(rest, latents)?,
            noise: take(rest, latents)?,
        })
    }

    /// The posterior as callers see it.
    pub(crate) fn view(&self) -> Posterior<'_> {
        Posterior {
            mean: self.mean,
            log_variance: self.log_variance,
        }
    }

    /// Takes the outputs of the heads: means, clamped to [`LARGEST_MEAN`], then log-variances, clamped to the range
    /// from `low` to `high`.
    #[inline(always)]
    pub(crate) fn set(&mut self, mut heads: Outputs<'_>, range: LogVarianceRange) {
        let mut means = self.mean.iter_mut();
        let mut log_variances = self.log_variance.iter_mut();
        while let Some(rows) = heads.next() {
            for &[head, ..] in rows {
                if let Some(mean) = means.next() {
                    *mean = head.clamp(-LARGEST_MEAN, LARGEST_MEAN);
                } else if let Some(log_variance) = log_variances.next() {
                    *log_variance = range.clamp(head);
                }
            }
        }
        self.set_deviations();
    }

    /// Sets the posterior to the prior: to N(0, I), or to the component of a mixture that `word` draws.
    pub(crate) fn set_to_prior(&mut self, prior: &Prior<'_>, word: impl FnOnce() -> u32) {
        self.mean.fill(0);
        self.log_variance.fill(0);
        if let Some(mixture) = prior.mixture()
            && let Some(component) = mixture.draw(word())
        {
            let means = self.mean.iter_mut().zip(component.mean);
            means.for_each(|(mean, &of)| *mean = of);
            let log_variances = self.log_variance.iter_mut().zip(component.log_variance);
            log_variances.for_each(|(log_variance, &of)| *log_variance = of);
        }
        self.set_deviations();
    }

    /// `sigma = exp(1/2 ln sigma^2)`.
    fn set_deviations(&mut self) {
        let variances = self.log_variance.iter();
        for (&log_variance, deviation) in variances.zip(self.deviation.iter_mut()) {
            *deviation = exp(log_variance >> 1);
        }
    }

    /// Decoder passes of `estimator`. All estimators can be asked for: a Gaussian has a mean, deviations and
    /// reparameterized draws.
    ///
    /// # Errors
    /// There would be none, or this build leaves the estimator out.
    pub(crate) fn passes(&self, estimator: Estimator) -> Result<u16, ReadingError> {
        if let Some(feature) = estimator.left_out() {
            return Err(ReadingError::LeftOut { feature });
        }
        match estimator.passes(self.mean.len() as u16) {
            0 => Err(ReadingError::NoSamples),
            passes => Ok(passes),
        }
    }

    /// Puts the latents of pass `pass` of `estimator` into `place`, and gives
    /// `log p(z) - log q(z|x)`, Q47.16, where the estimator needs it. `draw` draws standard normals.
    pub(crate) fn place(
        &mut self,
        prior: &Prior<'_>,
        estimator: Estimator,
        pass: u16,
        sigma_points: SigmaPoints,
        draw: impl FnOnce(&mut [i32]),
        place: Place<'_>,
    ) -> i64 {
        let sign = if pass.is_multiple_of(2) { 1 } else { -1 };
        match estimator {
            Estimator::PosteriorMean => {
                self.at_mean(place);
                0
            }
            Estimator::SigmaPoints => {
                if sign > 0 {
                    self.spread(sigma_points.offsets(pass / 2));
                }
                self.at_noise(sign, place);
                0
            }
            Estimator::MonteCarlo { .. } if cfg!(feature = "sampling") => {
                if sign > 0 {
                    draw(self.noise);
                }
                self.reparameterize(prior, sign, place)
            }
            Estimator::ImportanceWeighted { .. } if cfg!(feature = "importance-weighting") => {
                draw(self.noise);
                self.reparameterize(prior, 1, place)
            }
            // No score is begun with what was left out.
            Estimator::MonteCarlo { .. } | Estimator::ImportanceWeighted { .. } => 0,
        }
    }

    /// Draws a reparameterized sample.
    #[cfg(feature = "sampling")]
    pub(crate) fn sample(
        &mut self,
        prior: &Prior<'_>,
        draw: impl FnOnce(&mut [i32]),
        place: Place<'_>,
    ) {
        draw(self.noise);
        self.reparameterize(prior, 1, place);
    }

    /// Puts `z = mu + sign * sigma * eps` into `place`, the reparameterized sample for the noise at hand
    /// (Kingma and Welling, 2014, section 2.4); `sign` is 1 or -1. Gives `log p(z) - log q(z|x)`, in
    /// nats Q47.16: `1/2 sum_j eps_j^2 + ln sigma_j^2 - z_j^2` where the prior is N(0, I).
    fn reparameterize(&self, prior: &Prior<'_>, sign: i32, place: Place<'_>) -> i64 {
        let spread = self.deviation.iter().zip(self.noise.iter());
        let posterior = self.mean.iter().zip(self.log_variance.iter()).zip(spread);
        let mut twice = 0;
        place.put(
            posterior.map(|((&mean, &log_variance), (&deviation, &noise))| {
                let value = mean.saturating_add(sign * multiply(deviation, noise));
                twice += square(noise) + i64::from(log_variance) - square(value);
                value
            }),
        );
        match prior.mixture() {
            None => (twice + 1) >> 1,
            Some(mixture) => self.log_ratio(mixture, sign),
        }
    }

    /// The same where the prior is a mixture: `log p(z) + 1/2 sum_j eps_j^2 + ln sigma_j^2`.
    #[inline(never)]
    fn log_ratio(&self, mixture: &Mixture<'_>, sign: i32) -> i64 {
        let spread = self.deviation.iter().zip(self.noise.iter());
        let z = self.mean.iter().zip(spread);
        let z = z.map(|(&mean, (&deviation, &noise))| {
            mean.saturating_add(sign * multiply(deviation, noise))
        });
        let of_posterior = self.noise.iter().zip(self.log_variance.iter());
        let twice =
            of_posterior.map(|(&noise, &log_variance)| square(noise) + i64::from(log_variance));
        mixture.log_density(z) + ((twice.sum::<i64>() + 1) >> 1)
    }

    /// Puts `z = mu` into `place`.
    pub(crate) fn at_mean(&self, place: Place<'_>) {
        place.put(self.mean.iter().copied());
    }

    /// Makes the noise how far a pair of sigma points is from the mean: offsets, Q16.16, times sigma.
    fn spread(&mut self, offsets: Offsets) {
        let latents = self.noise.iter_mut().zip(self.deviation.iter());
        for ((noise, &deviation), offset) in latents.zip(offsets) {
            *noise = multiply(offset, deviation);
        }
    }

    /// Puts `z = mu + sign * noise` into `place`.
    fn at_noise(&self, sign: i32, place: Place<'_>) {
        let means = self.mean.iter().zip(self.noise.iter());
        place.put(means.map(|(&mean, &noise)| mean.saturating_add(sign * noise)));
    }
}

/// The square of a Q16.16 number, rounded half up, Q47.16.
fn square(value: i32) -> i64 {
    (i64::from(value) * i64::from(value) + (1 << 15)) >> FRACTION_BITS
}
