//! Log densities and divergences in nats, on integers.
//!
//! Everything here sums per-input or per-latent terms into a wide Q47.16 integer; narrowing to
//! [`crate::Nats`] happens once, in [`crate::score`].

mod binomial;
mod gaussian;
mod kl;

pub use binomial::{Binomial, LARGEST_LOGIT};
pub use gaussian::{Gaussian, LARGEST_DEVIATION};
pub use kl::{LARGEST_MEAN, kl_to_standard_normal};

/// The likelihood p(x|z) of one reading, inputs independent given the latents.
///
/// The decoder's output layer gives one wide number `o_i` for each input, in Q16.16: a logit or a
/// standardized mean.
#[derive(Clone, Copy, Debug)]
pub enum Likelihood<'a> {
    /// Counts in `0..=trials`; Bernoulli is the case of one trial.
    Binomial(Binomial<'a>),
    /// Real readings with one standard deviation for each input.
    Gaussian(Gaussian<'a>),
}

impl Likelihood<'_> {
    /// `log p(x|z)` in nats, Q47.16, of the reading `x` under the decoder's outputs.
    pub(crate) fn log_density(&self, x: &[i16], outputs: impl Iterator<Item = i32>) -> i64 {
        match self {
            Self::Binomial(binomial) => binomial.log_density(x, outputs),
            Self::Gaussian(gaussian) => gaussian.log_density(x, outputs),
        }
    }

    /// `E[x|z]` in the units of raw readings, Q16.16, into `mean`.
    pub(crate) fn mean(&self, outputs: impl Iterator<Item = i32>, mean: &mut [i32]) {
        match self {
            Self::Binomial(binomial) => binomial.mean(outputs, mean),
            Self::Gaussian(gaussian) => gaussian.mean(outputs, mean),
        }
    }

    /// The first reading outside the support of the likelihood, with its index.
    pub(crate) fn outside_support(&self, x: &[i16]) -> Option<(usize, i16)> {
        match self {
            Self::Binomial(binomial) => binomial.outside_support(x),
            Self::Gaussian(_) => None,
        }
    }
}
