//! The state of the posterior of a model that may be of either kind.

use super::bernoulli::Bernoulli;
use super::gaussian::Gaussian;
use super::{Place, Posterior, PosteriorKind};
use crate::distribution::Prior;
use crate::estimator::Estimator;
use crate::fixed::Nats;
use crate::kernel::Outputs;

/// What the posterior at hand is.
#[derive(Debug)]
pub(crate) enum State<'w> {
    Gaussian(Gaussian<'w>),
    Bernoulli(Bernoulli<'w>),
}

impl State<'_> {
    /// As [`Gaussian::view`].
    pub(crate) fn view(&self) -> Posterior<'_> {
        match self {
            Self::Gaussian(gaussian) => gaussian.view(),
            Self::Bernoulli(bernoulli) => bernoulli.view(),
        }
    }

    /// Takes the outputs of the heads.
    #[inline(always)]
    pub(crate) fn set(&mut self, heads: Outputs<'_>, kind: PosteriorKind) {
        match self {
            Self::Gaussian(gaussian) => gaussian.set(heads, kind),
            Self::Bernoulli(bernoulli) => bernoulli.set(heads),
        }
    }

    /// Hands `watch` what it has of the heads, as bytes.
    pub(crate) fn watch(&self, watch: impl FnMut(&[u8])) {
        match self {
            Self::Gaussian(gaussian) => gaussian.watch(watch),
            Self::Bernoulli(bernoulli) => bernoulli.watch(watch),
        }
    }

    /// `KL(q(z|x) || p(z))`, Q47.16.
    pub(crate) fn divergence(&self, prior: &Prior<'_>) -> i64 {
        match self {
            Self::Gaussian(gaussian) => gaussian.divergence(prior),
            Self::Bernoulli(bernoulli) => bernoulli.divergence(prior),
        }
    }

    /// Puts the part of each latent in the divergence into `parts`.
    pub(crate) fn parts(&self, prior: &Prior<'_>, parts: &mut [Nats]) {
        match self {
            Self::Gaussian(gaussian) => gaussian.parts(prior, parts),
            Self::Bernoulli(bernoulli) => bernoulli.parts(prior, parts),
        }
    }

    /// Sets the posterior to the prior, of a mixture to the component that `word` draws.
    pub(crate) fn set_to_prior(&mut self, prior: &Prior<'_>, word: impl FnOnce() -> u32) {
        match self {
            Self::Gaussian(gaussian) => gaussian.set_to_prior(prior, word),
            Self::Bernoulli(bernoulli) => bernoulli.set_to_prior(prior),
        }
    }

    /// As [`Gaussian::place`] and [`Bernoulli::place`].
    pub(crate) fn place(
        &mut self,
        prior: &Prior<'_>,
        estimator: Estimator,
        pass: u16,
        word: impl FnMut() -> u32,
        place: Place<'_>,
    ) -> i64 {
        match self {
            Self::Gaussian(gaussian) => gaussian.place(prior, estimator, pass, word, place),
            Self::Bernoulli(bernoulli) => bernoulli.place(prior, estimator, pass, word, place),
        }
    }

    /// Draws a sample.
    #[cfg(feature = "sampling")]
    pub(crate) fn sample(
        &mut self,
        prior: &Prior<'_>,
        word: impl FnMut() -> u32,
        place: Place<'_>,
    ) {
        match self {
            Self::Gaussian(gaussian) => gaussian.sample(prior, word, place),
            Self::Bernoulli(bernoulli) => bernoulli.sample(word, place),
        }
    }

    /// Puts the latents of [`Estimator::PosteriorMean`] into `place`.
    pub(crate) fn at_mean(&self, place: Place<'_>) {
        match self {
            Self::Gaussian(gaussian) => gaussian.at_mean(place),
            Self::Bernoulli(bernoulli) => bernoulli.at_mode(place),
        }
    }
}
