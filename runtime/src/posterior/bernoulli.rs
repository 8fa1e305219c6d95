//! Independent bits as q(z|x).

use super::{Place, Posterior};
use crate::distribution::{LARGEST_LOG_ODDS, Prior};
use crate::estimator::Estimator;
use crate::fixed::{FRACTION_BITS, Nats, ONE};
use crate::kernel::Outputs;
use crate::memory::take;
use crate::transcendental::{sigmoid, softplus};

/// The state of a posterior of bits, in the caller's workspace: one number for each latent. The first three are Q16.16.
#[derive(Debug)]
pub(crate) struct Bernoulli<'w> {
    /// `l_j`, the log-odds that bit j is one.
    logits: &'w mut [i32],
    /// `p_j`, its chance.
    mean: &'w mut [i32],
    /// `ln p_j (1 - p_j)`.
    log_variance: &'w mut [i32],
    /// The uniform words of a draw.
    words: &'w mut [u32],
    /// `sum_j softplus(l_j)`, Q16.16: `log q(z|x)` is what the logits of the ones exceed it by. At most `2^30`, that of 1024 latents.
    normalizer: i32,
}

impl<'w> Bernoulli<'w> {
    /// The logit of each latent.
    pub(super) const HEADS: usize = 1;

    /// Bytes of a workspace that each latent takes.
    pub(super) const BYTES_PER_LATENT: usize = 4 * size_of::<i32>();

    /// Takes the memory of so many latents off the front of `rest`.
    pub(super) fn take(rest: &mut &'w mut [u8], latents: usize) -> Option<Self> {
        Some(Self {
            logits: take(rest, latents)?,
            mean: take(rest, latents)?,
            log_variance: take(rest, latents)?,
            words: take(rest, latents)?,
            normalizer: 0,
        })
    }

    pub(super) fn view(&self) -> Posterior<'_> {
        Posterior {
            mean: self.mean,
            log_variance: self.log_variance,
        }
    }

    /// Takes the outputs of the heads: logits, clamped to [`LARGEST_LOG_ODDS`].
    #[inline(always)]
    pub(super) fn set(&mut self, mut heads: Outputs<'_>) {
        let mut logits = self.logits.iter_mut();
        while let Some(rows) = heads.next() {
            for (&[head, ..], logit) in rows.iter().zip(&mut logits) {
                *logit = head.clamp(-LARGEST_LOG_ODDS, LARGEST_LOG_ODDS);
            }
        }
        self.set_chances();
    }

    /// Hands `watch` the logits, as bytes.
    pub(super) fn watch(&self, mut watch: impl FnMut(&[u8])) {
        watch(bytemuck::cast_slice(self.logits));
    }

    /// Sets the posterior to the prior.
    pub(super) fn set_to_prior(&mut self, prior: &Prior<'_>) {
        for (logit, of_prior) in self.logits.iter_mut().zip(prior.log_odds()) {
            *logit = of_prior;
        }
        self.set_chances();
    }

    #[inline(never)]
    fn set_chances(&mut self) {
        self.normalizer = 0;
        let moments = self.mean.iter_mut().zip(self.log_variance.iter_mut());
        for (&logit, (mean, log_variance)) in self.logits.iter().zip(moments) {
            let softplus = softplus(logit);
            self.normalizer = self.normalizer.saturating_add(softplus);
            *mean = sigmoid(logit);
            *log_variance = logit - 2 * softplus;
        }
    }

    /// `KL(q(z|x) || p(z))`, Q47.16.
    pub(super) fn divergence(&self, prior: &Prior<'_>) -> i64 {
        self.divergences(prior).sum::<i64>().max(0)
    }

    /// Puts the part of each latent in the divergence into `parts`.
    pub(super) fn parts(&self, prior: &Prior<'_>, parts: &mut [Nats]) {
        for (part, divergence) in parts.iter_mut().zip(self.divergences(prior)) {
            *part = Nats::saturating_from_wide(divergence.max(0));
        }
    }

    /// Of each latent `p (l - m) - softplus(l) + softplus(m)` with the log-odds m of the prior, Q47.16: the closed form of
    /// `p ln(p / r) + (1 - p) ln((1 - p) / (1 - r))` for the prior's chance r.
    fn divergences(&self, prior: &Prior<'_>) -> impl Iterator<Item = i64> {
        let q = self.logits.iter().zip(self.mean.iter());
        q.zip(prior.log_odds()).map(|((&logit, &mean), of_prior)| {
            let product = i64::from(mean) * i64::from(logit - of_prior);
            let expected = (product + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS;
            expected - i64::from(softplus(logit)) + i64::from(softplus(of_prior))
        })
    }

    /// Puts the bits of pass `pass` of `estimator` into `place`. Gives what is to be known of them, Q47.16: `log p(z) - log q(z|x)` of
    /// an importance-weighted pass, `log q(z|x)` of an enumerated one. `word` draws uniform words.
    #[inline(never)]
    pub(super) fn place(
        &mut self,
        prior: &Prior<'_>,
        estimator: Estimator,
        pass: u16,
        word: impl FnMut() -> u32,
        place: Place<'_>,
    ) -> i64 {
        match estimator {
            Estimator::PosteriorMean => {
                self.at_mode(place);
                0
            }
            Estimator::Enumeration => self.at_code(pass ^ (pass >> 1), place),
            Estimator::MonteCarlo { .. } if cfg!(feature = "sampling") => {
                let mirror = if pass.is_multiple_of(2) {
                    self.draw(word);
                    0
                } else {
                    u32::MAX
                };
                self.toss(mirror, place, |_, _| {});
                0
            }
            Estimator::ImportanceWeighted { .. } if cfg!(feature = "importance-weighting") => {
                self.draw(word);
                let mut ratio = i64::from(self.normalizer);
                self.toss(0, place, |_, logit| ratio -= logit);
                self.log_prior(prior) + ratio
            }
            // No score is begun that bits have no passes for, or with what was left out.
            _ => 0,
        }
    }

    /// Draws a sample.
    #[cfg(feature = "sampling")]
    pub(super) fn sample(&mut self, word: impl FnMut() -> u32, place: Place<'_>) {
        self.draw(word);
        self.toss(0, place, |_, _| {});
    }

    /// Draws a uniform word for each bit.
    fn draw(&mut self, mut word: impl FnMut() -> u32) {
        self.words.iter_mut().for_each(|place| *place = word());
    }

    /// Whether bit j is one in the draw at hand: the upper half of its word, each bit changed that `mirror` has, is below the
    /// chance.
    fn tossed(&self, mirror: u32) -> impl Iterator<Item = bool> {
        let coins = self.words.iter().zip(self.mean.iter());
        coins.map(move |(&word, &mean)| ((word ^ mirror) >> 16).cast_signed() < mean)
    }

    /// Puts the draw at hand into `place`, or the opposite one, and hands `one` each bit that is one, with its logit.
    fn toss(&self, mirror: u32, place: Place<'_>, mut one: impl FnMut(usize, i64)) {
        let bits = self.tossed(mirror).zip(self.logits.iter()).enumerate();
        place.put(bits.map(|(index, (bit, &logit))| {
            if bit {
                one(index, i64::from(logit));
            }
            value(bit)
        }));
    }

    /// `log p(z)` of the draw at hand, Q47.16.
    #[inline(never)]
    fn log_prior(&self, prior: &Prior<'_>) -> i64 {
        let bits = self.tossed(0).zip(prior.log_odds());
        bits.map(|(bit, of_prior)| {
            let chosen = if bit { of_prior } else { 0 };
            i64::from(chosen) - i64::from(softplus(of_prior))
        })
        .sum()
    }

    /// Puts the bits of `code` into `place`, the lowest first, and gives `log q(z|x)`, Q47.16.
    fn at_code(&self, code: u16, place: Place<'_>) -> i64 {
        let mut log_density = -i64::from(self.normalizer);
        let logits = self.logits.iter().enumerate();
        place.put(logits.map(|(index, &logit)| {
            let bit = code >> (index & 15) & 1 == 1;
            if bit {
                log_density += i64::from(logit);
            }
            value(bit)
        }));
        log_density
    }

    /// Puts the most probable bits into `place`: those whose logits are above 0.
    pub(super) fn at_mode(&self, place: Place<'_>) {
        place.put(self.logits.iter().map(|&logit| value(logit > 0)));
    }
}

/// A bit in Q16.16.
fn value(bit: bool) -> i32 {
    if bit { ONE } else { 0 }
}
