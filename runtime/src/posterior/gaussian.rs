//! A Gaussian q(z|x) with independent latents.

use super::{Offsets, Place, Posterior, PosteriorKind, SigmaPoints, square};
use crate::distribution::{LARGEST_MEAN, LogVarianceRange, Mixture, Prior};
use crate::estimator::Estimator;
use crate::fixed::{Nats, multiply};
use crate::gaussian::standard_normal;
use crate::kernel::Outputs;
use crate::memory::take;
use crate::transcendental::exp;

/// The widest range that log-variances may be clamped to: -32 to 8 in Q16.16.
pub(super) const LOG_VARIANCE_LIMITS: LogVarianceRange = LogVarianceRange {
    lowest: -32 << 16,
    highest: 8 << 16,
};

/// The state of a posterior, in the caller's workspace. All numbers are Q16.16, one for each latent.
#[derive(Debug)]
pub(crate) struct Gaussian<'w> {
    mean: &'w mut [i32],
    log_variance: &'w mut [i32],
    /// Standard deviations.
    deviation: &'w mut [i32],
    /// A draw of standard normals, or how far a pair of sigma points is from the mean.
    noise: &'w mut [i32],
    sigma_points: SigmaPoints,
}

impl<'w> Gaussian<'w> {
    /// A mean and a log-variance.
    pub(super) const HEADS: usize = 2;

    /// Bytes of a workspace that each latent takes.
    pub(super) const BYTES_PER_LATENT: usize = 4 * size_of::<i32>();

    /// Takes the memory of so many latents off the front of `rest`.
    #[inline(always)]
    pub(super) fn take(rest: &mut &'w mut [u8], latents: usize) -> Option<Self> {
        Some(Self {
            mean: take(rest, latents)?,
            log_variance: take(rest, latents)?,
            deviation: take(rest, latents)?,
            noise: take(rest, latents)?,
            sigma_points: SigmaPoints::new(latents as u16),
        })
    }

    /// The posterior as callers see it.
    pub(crate) fn view(&self) -> Posterior<'_> {
        Posterior {
            mean: self.mean,
            log_variance: self.log_variance,
        }
    }

    /// Takes the outputs of the heads: means, clamped to [`LARGEST_MEAN`], then log-variances, clamped to their
    /// range.
    #[inline(always)]
    pub(crate) fn set(&mut self, mut heads: Outputs<'_>, kind: PosteriorKind) {
        let range = match kind {
            PosteriorKind::Gaussian { log_variance_range } => log_variance_range,
            // The state is of the kind of the model.
            #[cfg(feature = "bits")]
            PosteriorKind::Bernoulli => LOG_VARIANCE_LIMITS,
        };
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

    /// Hands `watch` what it has of the heads, as bytes.
    pub(crate) fn watch(&self, mut watch: impl FnMut(&[u8])) {
        watch(bytemuck::cast_slice(self.mean));
        watch(bytemuck::cast_slice(self.log_variance));
    }

    /// `KL(q(z|x) || p(z))`, Q47.16.
    pub(crate) fn divergence(&self, prior: &Prior<'_>) -> i64 {
        prior.divergence(self.mean, self.log_variance).to_bits()
    }

    /// Puts the part of each latent in the divergence into `parts`.
    pub(crate) fn parts(&self, prior: &Prior<'_>, parts: &mut [Nats]) {
        prior.parts(self.mean, self.log_variance, parts);
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

    /// Puts the latents of pass `pass` of `estimator` into `place`, and gives
    /// `log p(z) - log q(z|x)`, Q47.16, where the estimator needs it. `word` draws uniform words.
    pub(crate) fn place(
        &mut self,
        prior: &Prior<'_>,
        estimator: Estimator,
        pass: u16,
        word: impl FnMut() -> u32,
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
                    self.spread(self.sigma_points.offsets(pass / 2));
                }
                self.at_noise(sign, place);
                0
            }
            Estimator::MonteCarlo { .. } if cfg!(feature = "sampling") => {
                if sign > 0 {
                    self.draw(word);
                }
                self.reparameterize(prior, sign, place)
            }
            Estimator::ImportanceWeighted { .. } if cfg!(feature = "importance-weighting") => {
                self.draw(word);
                self.reparameterize(prior, 1, place)
            }
            // No score is begun with what was left out, or that Gaussians have no passes for.
            Estimator::MonteCarlo { .. } | Estimator::ImportanceWeighted { .. } => 0,
            #[cfg(feature = "bits")]
            Estimator::Enumeration => 0,
        }
    }

    /// Draws a reparameterized sample.
    #[cfg(feature = "sampling")]
    pub(crate) fn sample(
        &mut self,
        prior: &Prior<'_>,
        word: impl FnMut() -> u32,
        place: Place<'_>,
    ) {
        self.draw(word);
        self.reparameterize(prior, 1, place);
    }

    /// Draws standard normals, each from a uniform word.
    fn draw(&mut self, mut word: impl FnMut() -> u32) {
        for noise in self.noise.iter_mut() {
            *noise = standard_normal(word());
        }
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
