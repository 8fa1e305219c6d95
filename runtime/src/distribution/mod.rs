//! Log densities and divergences in nats, on integers.
//!
//! A likelihood turns the wide outputs of the decoder into one term for each observed input, as
//! they come, in as many lanes as there are latents at once; nothing is stored. Terms are Q16.16
//! and sum up in Q47.16; narrowing to [`crate::Nats`] happens once, in [`crate::score`].

mod binomial;
mod heterogeneous;
mod kl;
mod location;
mod log_variance;
mod prior;
#[cfg(all(target_arch = "x86_64", feature = "image"))]
mod x86;

pub use binomial::{Binomial, LARGEST_LOGIT};
pub use heterogeneous::{Heterogeneous, Kind, LARGEST_COUNT, LARGEST_FAILURES, Place, UNSEEN};
pub use kl::LARGEST_MEAN;
pub(crate) use location::LARGEST_LOG_NORMALIZER;
pub use location::{Family, LARGEST_DEVIATION, LARGEST_LOG_DEVIATION, Location};
pub use log_variance::LogVarianceRange;
#[cfg(feature = "bits")]
pub use prior::{Coins, LARGEST_LOG_ODDS};
pub use prior::{Mixture, Prior};

#[cfg(feature = "image")]
use crate::fixed::WideSum;
use crate::kernel::{LANES, Outputs};
use crate::mask::Mask;

/// The likelihood p(x|z) of one reading, inputs independent given the latents.
///
/// The decoder's output layer gives one or two wide numbers for each input, in Q16.16: a logit, a
/// standardized location, or a standardized location and a log-deviation.
///
/// Exhaustive on purpose: a compiler error names each place of the trainer that has to learn a new likelihood.
#[derive(Clone, Copy, Debug)]
pub enum Likelihood<'a> {
    /// Counts in `0..=trials`; Bernoulli is the case of one trial.
    Binomial(Binomial<'a>),
    /// Real readings around a location, normal or Laplace.
    Location(Location<'a>),
    /// A kind for each input: flags, states, counts and real readings.
    Heterogeneous(Heterogeneous<'a>),
}

impl<'a> Likelihood<'a> {
    /// The binomial that it is.
    pub(crate) fn binomial(&self) -> Option<&Binomial<'a>> {
        match self {
            Self::Binomial(binomial) if cfg!(feature = "counts") => Some(binomial),
            _ => None,
        }
    }

    /// Rows of the output layer for each input.
    #[must_use]
    pub fn rows_per_input(&self) -> usize {
        match self {
            Self::Location(location) if cfg!(feature = "locations") => location.rows_per_input(),
            _ => 1,
        }
    }

    /// `log p(x|z)` of whole readings from all outputs of the decoder, the rows of the output layer: the sum of the
    /// terms of a score, in nats.
    #[cfg(feature = "image")]
    #[must_use]
    pub fn log_density_of(&self, x: &[i16], outputs: &[i32]) -> WideSum {
        let rows = self.rows_per_input();
        let mut states = heterogeneous::States::default();
        let inputs = x.iter().enumerate().zip(outputs.chunks(rows.max(1)));
        let mut sum = 0i64;
        for ((input, &x), outputs) in inputs {
            let output = outputs.first().copied().unwrap_or(0);
            let log_deviation = outputs.get(1).copied().unwrap_or(0);
            sum += match self {
                Self::Binomial(binomial) => binomial.density(binomial.count(x), output).into(),
                Self::Location(location) => {
                    let x = location.standardized(input, x);
                    location.density(x, output, log_deviation).into()
                }
                Self::Heterogeneous(heterogeneous) => {
                    let mut densities = [0; LANES];
                    let of_input = (input, x, true);
                    let settled =
                        heterogeneous.take(&mut states, of_input, &[output], &mut densities);
                    settled.map_or(0, |_| densities[0].into())
                }
            };
        }
        WideSum(sum)
    }

    /// Hands `term` the log density of each observed input, `log p(x_i|z)` in Q16.16 nats, in each of
    /// `lanes` lanes, in order: `term(i, lane, density)`. `outputs` are the rows of the output layer.
    #[inline]
    pub(crate) fn visit(
        &self,
        reading: &[i16],
        observed: Mask<'_>,
        lanes: usize,
        mut outputs: Outputs<'_>,
        mut term: impl FnMut(usize, usize, i32),
    ) {
        let mut x = reading.iter().enumerate();
        match self {
            Self::Binomial(binomial) if cfg!(feature = "counts") => {
                while let Some(rows) = outputs.next() {
                    for (logits, (input, &x)) in rows.iter().zip(&mut x) {
                        if observed.observes(input) {
                            let count = binomial.count(x);
                            for (lane, &logit) in logits.iter().enumerate().take(lanes) {
                                term(input, lane, binomial.density(count, logit));
                            }
                        }
                    }
                }
            }
            Self::Location(location) if cfg!(feature = "locations") => {
                let paired = location.has_predicted_scale();
                while let Some(mut rows) = outputs.next() {
                    // Both rows of an input are in one band.
                    while let Some((locations, others)) = rows.split_first() {
                        let (log_deviations, others) = match others.split_first() {
                            Some(log_deviation) if paired => log_deviation,
                            _ => (locations, others),
                        };
                        rows = others;
                        let Some((input, &x)) = x.next() else {
                            return;
                        };
                        if observed.observes(input) {
                            let standard = location.standardized(input, x);
                            let row = locations.iter().zip(log_deviations).enumerate().take(lanes);
                            for (lane, (&at, &log_deviation)) in row {
                                let log_deviation = if paired { log_deviation } else { 0 };
                                let density = location.density(standard, at, log_deviation);
                                term(input, lane, density);
                            }
                        }
                    }
                }
            }
            Self::Heterogeneous(heterogeneous) if cfg!(feature = "heterogeneous") => {
                heterogeneous.visit(reading, observed, lanes, outputs, term);
            }
            // Parsing refuses what was left out.
            _ => {}
        }
    }

    /// `log p(x|z)` over the observed inputs in each of `lanes` lanes, Q47.16.
    #[inline(never)]
    pub(crate) fn log_density(
        &self,
        x: &[i16],
        observed: Mask<'_>,
        lanes: usize,
        outputs: Outputs<'_>,
    ) -> [i64; LANES] {
        #[cfg(all(target_arch = "x86_64", feature = "image"))]
        if let Self::Location(location) = self
            && observed.is_whole()
            && x86::suits(location)
        {
            return x86::log_density(location, x, outputs);
        }
        let mut sums = [0; LANES];
        self.visit(x, observed, lanes, outputs, |_, lane, term| {
            if let Some(sum) = sums.get_mut(lane) {
                *sum += i64::from(term);
            }
        });
        sums
    }

    /// `E[x|z]` of the first lane, in the units of raw readings, Q16.16, into `mean`.
    #[inline(never)]
    pub(crate) fn mean(&self, mut outputs: Outputs<'_>, mean: &mut [i32]) {
        if let Self::Heterogeneous(heterogeneous) = self
            && cfg!(feature = "heterogeneous")
        {
            return heterogeneous.mean(outputs, mean);
        }
        let mut inputs = mean.iter_mut().enumerate();
        let mut is_location = true;
        while let Some(rows) = outputs.next() {
            for &[output, ..] in rows {
                // The log-deviation behind a location does not move the mean.
                if is_location {
                    let Some((input, mean)) = inputs.next() else {
                        return;
                    };
                    *mean = match self {
                        Self::Binomial(binomial) if cfg!(feature = "counts") => {
                            binomial.mean(output)
                        }
                        Self::Location(location) if cfg!(feature = "locations") => {
                            location.mean(input, output)
                        }
                        // Parsing refuses what was left out.
                        _ => 0,
                    };
                }
                is_location = !is_location || self.rows_per_input() == 1;
            }
        }
    }

    /// The first observed reading outside the support of the likelihood, with its index.
    pub(crate) fn outside_support(&self, x: &[i16], observed: Mask<'_>) -> Option<(usize, i16)> {
        self.binomial()?.outside_support(x, observed)
    }
}
