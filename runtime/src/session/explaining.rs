//! Scores with what they are made of, in one go or in slices.

use super::Session;
use super::scoring::{Progress, Scoring, Slice};
use crate::estimator::Estimator;
use crate::fixed::{Nats, WideSum, mean_of_short};
use crate::kernel::LANES;
use crate::length::check_length;
use crate::mask::Mask;
use crate::rng::Xoshiro128PlusPlus;
#[cfg(feature = "bits")]
use crate::score::weight;
use crate::score::{ReadingError, Score};
use core::num::NonZeroU32;
use core::task::Poll;
use rand_core::Rng;

/// A score in slices, as [`Scoring`] is, with the part of each input in the reconstruction: [`Session::start_explained`]
/// begins it.
#[derive(Debug)]
pub struct Explaining<'p, 's, R = Xoshiro128PlusPlus> {
    scoring: Scoring<'p, 's, R>,
    /// Sums of terms until there is a score, then their means, in nats.
    inputs: &'p mut [WideSum],
    score: Option<Score>,
}

impl<'s, R: Rng> Session<'s, R> {
    /// The score of the observed inputs of a raw reading, bit for bit that of
    /// [`Session::score_observed`], and what it is made of: puts the mean of `log p(x_i|z)` over
    /// the estimator's passes into `inputs` (nats; 0 for inputs that are not observed),
    /// and each latent's part of the divergence into `latents`. The inputs sum up to the
    /// reconstruction and the latents to the divergence, but for the rounding of each part, at
    /// most half a unit of 2^-16. The decoder runs on one latent at a time.
    ///
    /// # Errors
    /// [`ReadingError`], also where `inputs` or `latents` has not the length that the model says.
    pub fn explain(
        &mut self,
        reading: &[i16],
        observed: Mask<'_>,
        estimator: Estimator,
        inputs: &mut [WideSum],
        latents: &mut [Nats],
    ) -> Result<Score, ReadingError> {
        check_length("latents", latents.len(), self.model.latents())
            .map_err(ReadingError::Buffer)?;
        let score = self
            .start_explained(reading, observed, estimator, inputs)?
            .score();
        self.scratch.posterior.parts(&self.model.prior, latents);
        Ok(score)
    }

    /// Begins [`Session::explain`] in slices. The reading is checked; nothing is computed yet. The parts of the latents are
    /// those of [`Session::divergence_parts`] after the score.
    ///
    /// # Errors
    /// As [`Session::explain`].
    pub fn start_explained<'p>(
        &'p mut self,
        reading: &'p [i16],
        observed: Mask<'p>,
        estimator: Estimator,
        inputs: &'p mut [WideSum],
    ) -> Result<Explaining<'p, 's, R>, ReadingError> {
        check_length("inputs", inputs.len(), self.model.inputs()).map_err(ReadingError::Buffer)?;
        let progress = self.start_observed(reading, observed, estimator)?.pause();
        inputs.fill(WideSum::ZERO);
        Ok(self.resume_explained(reading, observed, inputs, progress))
    }

    /// Goes on with a score of this session that has no verdict yet, as [`Session::resume`] does.
    pub(crate) fn resume_explained<'p>(
        &'p mut self,
        reading: &'p [i16],
        observed: Mask<'p>,
        inputs: &'p mut [WideSum],
        progress: Progress,
    ) -> Explaining<'p, 's, R> {
        Explaining {
            scoring: self.resume(reading, observed, progress),
            inputs,
            score: None,
        }
    }
}

impl<R: Rng> Explaining<'_, '_, R> {
    /// Computes the next slice, as [`Scoring::poll`] does, and gives the score where that was the last one; from then on
    /// the inputs hold their parts. Once ready, it stays ready. The decoder runs on one latent at a time, so that no
    /// number of passes is better than others.
    pub fn poll(&mut self, passes: u16) -> Poll<Score> {
        if let Some(score) = self.score {
            return Poll::Ready(score);
        }
        match self.scoring.slice(passes) {
            Slice::Encoder => self.scoring.encode(),
            Slice::Passes { until } => self.run(until),
            #[cfg(feature = "statistics")]
            Slice::Prototypes => self.scoring.compare(passes),
            Slice::Verdict => return Poll::Ready(self.verdict()),
        }
        Poll::Pending
    }

    /// All slices at once.
    pub(crate) fn score(&mut self) -> Score {
        self.scoring.encode();
        self.run(self.scoring.progress.total);
        self.verdict()
    }

    /// How far it is.
    pub(crate) fn pause(self) -> Progress {
        self.scoring.pause()
    }

    /// Runs passes until there are `until` of them, one at a time, and adds the term of each input, of enumerated passes
    /// weighed by their probability.
    fn run(&mut self, until: u16) {
        let Scoring {
            session,
            reading,
            observed,
            progress,
        } = &mut self.scoring;
        let likelihood = &session.model.likelihood;
        let reading = reading.get(..session.model.inputs()).unwrap_or_default();
        let (estimator, accumulator) = (progress.estimator, &mut progress.accumulator);
        let (observed, inputs) = (*observed, &mut *self.inputs);
        session.each_pass(
            1,
            estimator,
            until,
            accumulator,
            |ratios, lanes, outputs| {
                #[cfg_attr(
                    not(feature = "bits"),
                    allow(clippy::let_unit_value, reason = "all weigh alike")
                )]
                let weight = weight_of(estimator, ratios);
                let mut sums = [0; LANES];
                likelihood.visit(reading, observed, lanes, outputs, |input, lane, term| {
                    if let Some(sum) = sums.get_mut(lane) {
                        *sum += i64::from(term);
                    }
                    if let Some(input) = inputs.get_mut(input) {
                        input.0 += weighed(term, weight);
                    }
                });
                sums
            },
        );
    }

    /// The score, and of the sums of terms their means.
    fn verdict(&mut self) -> Score {
        let total = self.scoring.progress.total;
        let count = NonZeroU32::new(total.into()).unwrap_or(NonZeroU32::MIN);
        #[cfg(feature = "bits")]
        let count = self
            .scoring
            .progress
            .accumulator
            .total_weight()
            .unwrap_or(count);
        for WideSum(input) in &mut *self.inputs {
            *input = mean_of_short(*input, count);
        }
        let score = self.scoring.verdict();
        self.score = Some(score);
        score
    }
}

/// The weight of the pass in the first lane: of an enumerated one its probability.
#[cfg(feature = "bits")]
fn weight_of(estimator: Estimator, log_ratios: &[i64; LANES]) -> Option<u32> {
    let [log_ratio, ..] = *log_ratios;
    (estimator == Estimator::Enumeration).then(|| weight(log_ratio))
}

#[cfg(feature = "bits")]
#[inline(always)]
fn weighed(term: i32, weight: Option<u32>) -> i64 {
    weight.map_or(term.into(), |weight| i64::from(term) * i64::from(weight))
}

/// Without enumeration all passes weigh alike.
#[cfg(not(feature = "bits"))]
#[inline(always)]
fn weight_of(_: Estimator, _: &[i64; LANES]) {}

#[cfg(not(feature = "bits"))]
#[inline(always)]
fn weighed(term: i32, (): ()) -> i64 {
    term.into()
}
