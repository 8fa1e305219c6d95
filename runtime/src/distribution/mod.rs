//! Log densities and divergences in nats, on integers.
//!
//! A likelihood turns the wide outputs of the decoder into one term for each observed input, as
//! they come, in as many lanes as there are latents at once; nothing is stored. Terms are Q16.16
//! and sum up in Q47.16; narrowing to [`crate::Nats`] happens once, in [`crate::score`].

mod binomial;
mod kl;
mod location;

pub use binomial::{Binomial, LARGEST_LOGIT};
pub use kl::{LARGEST_MEAN, kl_of_latent, kl_to_standard_normal};
pub(crate) use location::LARGEST_LOG_NORMALIZER;
pub use location::{Family, LARGEST_DEVIATION, LARGEST_LOG_DEVIATION, Location};

use crate::mask::Mask;

/// The likelihood p(x|z) of one reading, inputs independent given the latents.
///
/// The decoder's output layer gives one or two wide numbers for each input, in Q16.16: a logit, a
/// standardized location, or a standardized location and a log-deviation.
#[derive(Clone, Copy, Debug)]
pub enum Likelihood<'a> {
    /// Counts in `0..=trials`; Bernoulli is the case of one trial.
    Binomial(Binomial<'a>),
    /// Real readings around a location, normal or Laplace.
    Location(Location<'a>),
}

impl Likelihood<'_> {
    /// Rows of the output layer for each input.
    #[must_use]
    pub fn rows_per_input(&self) -> usize {
        match self {
            Self::Binomial(_) => 1,
            Self::Location(location) => location.rows_per_input(),
        }
    }

    /// Hands `term` the log density of each observed input, `log p(x_i|z)` in Q16.16 nats, in each
    /// lane, in order. `outputs` are the rows of the output layer.
    pub(crate) fn visit<const K: usize>(
        &self,
        x: &[i16],
        observed: Mask<'_>,
        outputs: impl Iterator<Item = [i32; K]>,
        term: impl FnMut(usize, [i32; K]),
    ) {
        match self {
            Self::Binomial(binomial) => binomial.visit(x, observed, outputs, term),
            Self::Location(location) => location.visit(x, observed, outputs, term),
        }
    }

    /// `log p(x|z)` over the observed inputs in each lane, Q47.16.
    pub(crate) fn log_density<const K: usize>(
        &self,
        x: &[i16],
        observed: Mask<'_>,
        outputs: impl Iterator<Item = [i32; K]>,
    ) -> [i64; K] {
        let mut sums = [0; K];
        self.visit(x, observed, outputs, |_, terms| {
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += i64::from(term);
            }
        });
        sums
    }

    /// `E[x|z]` in the units of raw readings, Q16.16, into `mean`.
    pub(crate) fn mean(&self, outputs: impl Iterator<Item = [i32; 1]>, mean: &mut [i32]) {
        let outputs = outputs.map(|[output]| output);
        match self {
            Self::Binomial(binomial) => binomial.mean(outputs, mean),
            Self::Location(location) => location.mean(outputs, mean),
        }
    }

    /// The first observed reading outside the support of the likelihood, with its index.
    pub(crate) fn outside_support(&self, x: &[i16], observed: Mask<'_>) -> Option<(usize, i16)> {
        match self {
            Self::Binomial(binomial) => binomial.outside_support(x, observed),
            Self::Location(_) => None,
        }
    }
}
