//! Scores, in one go or in slices: the encoder, groups of decoder passes, the verdict.

use super::{Session, passes};
use crate::estimator::Estimator;
use crate::kernel::{LANES, Outputs};
use crate::mask::Mask;
use crate::rng::Xoshiro128PlusPlus;
use crate::score::{Accumulator, ReadingError, Score, Verdict};
use crate::session::inputs::check_reading;
#[cfg(feature = "statistics")]
use crate::session::verdict::{self, Comparison};
use crate::statistic::Statistic;
use core::task::Poll;
use rand_core::Rng;

/// A score in slices, for programs with other work to do in between: [`Session::start`] begins it, [`Scoring::poll`]
/// computes the next slice.
///
/// The slices are the encoder, then groups of decoder passes, then the prototypes, then the verdict (p-value and statistics). The score is
/// bit for bit that of [`Session::score`], whatever the size of the groups. A score that is dropped before its end costs
/// nothing more; the random numbers that it drew are spent.
///
/// ```
/// # use elbow::{Estimator, ReadingError, Score, Session};
/// # use core::task::Poll;
/// # fn other_work() {}
/// fn score(session: &mut Session<'_>, reading: &[i16]) -> Result<Score, ReadingError> {
///     let mut scoring = session.start(reading, Estimator::SigmaPoints)?;
///     loop {
///         if let Poll::Ready(score) = scoring.poll(4) {
///             return Ok(score);
///         }
///         other_work(); // In a task of an executor: `yield_now().await`.
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Scoring<'p, 's, R = Xoshiro128PlusPlus> {
    pub(super) session: &'p mut Session<'s, R>,
    pub(super) reading: &'p [i16],
    pub(super) observed: Mask<'p>,
    pub(super) progress: Progress,
}

/// How far a score is, apart from its session and its reading: for those who cannot borrow from slice to slice, such as the
/// interface for C.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub(super) estimator: Estimator,
    /// Passes of the whole score.
    pub(super) total: u16,
    encoded: bool,
    pub(super) accumulator: Accumulator,
    #[cfg(feature = "statistics")]
    comparison: Comparison,
}

/// The next thing to compute of a score.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slice {
    /// q(z|x).
    Encoder,
    /// Decoder passes until there are so many.
    Passes {
        /// Of the first pass on.
        until: u16,
    },
    /// Distances to prototypes.
    #[cfg(feature = "statistics")]
    Prototypes,
    /// What all of it makes.
    Verdict,
}

impl<'s, R: Rng> Session<'s, R> {
    /// The score of a raw reading.
    ///
    /// # Errors
    /// [`ReadingError`]: a reading of another length or with impossible counts, or no samples.
    pub fn score(&mut self, reading: &[i16], estimator: Estimator) -> Result<Score, ReadingError> {
        self.score_observed(reading, Mask::ALL, estimator)
    }

    /// The score of the observed inputs of a raw reading: a bound on the log probability of these
    /// alone. What stands at the others does not matter. The p-value is that of a whole reading's
    /// score and means little here.
    ///
    /// # Errors
    /// [`ReadingError`]: a reading or mask of another length, impossible counts, or no samples.
    pub fn score_observed(
        &mut self,
        reading: &[i16],
        observed: Mask<'_>,
        estimator: Estimator,
    ) -> Result<Score, ReadingError> {
        let total = self.passes(estimator)?;
        self.encode_observed(reading, observed)?;
        let mut accumulator = Accumulator::new(estimator);
        self.run(reading, observed, estimator, total, &mut accumulator);
        Ok(self.finish(reading, observed, estimator, &accumulator, None))
    }

    /// Begins [`Session::score`] in slices. The reading is checked; nothing is computed yet.
    ///
    /// # Errors
    /// As [`Session::score`].
    pub fn start<'p>(
        &'p mut self,
        reading: &'p [i16],
        estimator: Estimator,
    ) -> Result<Scoring<'p, 's, R>, ReadingError> {
        self.start_observed(reading, Mask::ALL, estimator)
    }

    /// Begins [`Session::score_observed`] in slices. The reading is checked; nothing is computed yet.
    ///
    /// # Errors
    /// As [`Session::score_observed`].
    pub fn start_observed<'p>(
        &'p mut self,
        reading: &'p [i16],
        observed: Mask<'p>,
        estimator: Estimator,
    ) -> Result<Scoring<'p, 's, R>, ReadingError> {
        let progress = Progress {
            estimator,
            total: self.passes(estimator)?,
            encoded: false,
            accumulator: Accumulator::new(estimator),
            #[cfg(feature = "statistics")]
            comparison: Comparison::NONE,
        };
        check_reading(self.model, reading, observed)?;
        Ok(self.resume(reading, observed, progress))
    }

    /// Goes on with a score of this session, from the progress that [`Scoring::pause`] gave. With another session or
    /// another reading the score means nothing.
    #[doc(hidden)]
    #[inline(always)]
    pub fn resume<'p>(
        &'p mut self,
        reading: &'p [i16],
        observed: Mask<'p>,
        progress: Progress,
    ) -> Scoring<'p, 's, R> {
        Scoring {
            session: self,
            reading,
            observed,
            progress,
        }
    }

    /// As [`Model::passes`](crate::Model::passes); the number of latents is at hand here.
    fn passes(&self, estimator: Estimator) -> Result<u16, ReadingError> {
        let latents = self.posterior().mean.len();
        self.model.posterior.passes(estimator, latents as u16)
    }

    /// Runs passes until `accumulator` has `until` of them, four latents at a time where there are
    /// as many left.
    pub(super) fn run(
        &mut self,
        reading: &[i16],
        observed: Mask<'_>,
        estimator: Estimator,
        until: u16,
        accumulator: &mut Accumulator,
    ) {
        let likelihood = &self.model.likelihood;
        let reading = reading.get(..self.model.inputs()).unwrap_or_default();
        self.each_pass(LANES, estimator, until, accumulator, |_, lanes, outputs| {
            likelihood.log_density(reading, observed, lanes, outputs)
        });
    }

    /// Runs passes until `accumulator` has `until` of them, at most `most` latents at a time;
    /// `log_likelihoods` gives `log p(x|z)` in each lane, Q47.16, and takes in what [`Self::place`] gave of each.
    pub(super) fn each_pass(
        &mut self,
        most: usize,
        estimator: Estimator,
        until: u16,
        accumulator: &mut Accumulator,
        mut log_likelihoods: impl FnMut(&[i64; LANES], usize, Outputs<'_>) -> [i64; LANES],
    ) {
        while accumulator.passes() < until {
            let lanes = usize::from(until - accumulator.passes()).min(most);
            let mut log_ratios = [0; LANES];
            for (lane, log_ratio) in log_ratios.iter_mut().enumerate().take(lanes) {
                let pass = accumulator.passes().saturating_add(lane as u16);
                *log_ratio = self.place(estimator, pass, lane);
            }
            let outputs = passes::decode(self.model, &mut self.scratch, lanes, passes::unwatched);
            let sums = log_likelihoods(&log_ratios, lanes, outputs);
            for (log_likelihood, log_ratio) in sums.into_iter().zip(log_ratios).take(lanes) {
                accumulator.add(log_likelihood, log_ratio);
            }
        }
    }

    /// The score of the passes in `accumulator`; `nearest` is the distance to the nearest prototype, where it is known.
    pub(super) fn finish(
        &mut self,
        reading: &[i16],
        observed: Mask<'_>,
        estimator: Estimator,
        accumulator: &Accumulator,
        nearest: Option<i32>,
    ) -> Score {
        let (kl, model) = (self.divergence(), self.model);
        accumulator.score(estimator, kl, |elbo, reconstruction| {
            #[cfg(feature = "statistics")]
            if model.joins_statistics() {
                let activations = &mut *self.scratch.activations;
                let of_model = (elbo, reconstruction);
                return verdict::joined(
                    model,
                    reading,
                    observed,
                    of_model,
                    nearest,
                    estimator,
                    activations,
                );
            }
            let _ = (reconstruction, reading, observed, nearest);
            Verdict::of(model.calibration(estimator), elbo, Statistic::Bound)
        })
    }
}

impl<R: Rng> Scoring<'_, '_, R> {
    /// Computes the next slice, and gives the score where that was the last one. Once ready, it stays ready.
    ///
    /// The first slice is the encoder, then come groups of `passes` decoder passes, or as many as are left; 0 counts as 1.
    /// Where the reading is compared with prototypes ([`Model::prototypes`](crate::Model::prototypes)), slices of 16 for each pass
    /// of a group follow. The last slice is the verdict. The decoder takes up to four passes at a time, and reads each
    /// weight once for all of them, so that multiples of 4 cost the least: slices of 1 take the shortest time each and
    /// the longest in all.
    pub fn poll(&mut self, passes: u16) -> Poll<Score> {
        match self.slice(passes) {
            Slice::Encoder => self.encode(),
            Slice::Passes { until } => self.run(until),
            #[cfg(feature = "statistics")]
            Slice::Prototypes => self.compare(passes),
            Slice::Verdict => return Poll::Ready(self.verdict()),
        }
        Poll::Pending
    }

    /// How far it is.
    #[doc(hidden)]
    #[must_use]
    pub fn pause(self) -> Progress {
        self.progress
    }

    /// The next slice, where a group has so many passes.
    pub(super) fn slice(&self, passes: u16) -> Slice {
        let Progress { encoded, total, .. } = self.progress;
        let done = self.progress.accumulator.passes();
        if !encoded {
            Slice::Encoder
        } else if done < total {
            let until = done.saturating_add(passes.max(1)).min(total);
            Slice::Passes { until }
        } else {
            #[cfg(feature = "statistics")]
            if self.nearest().is_none() {
                return Slice::Prototypes;
            }
            Slice::Verdict
        }
    }

    /// The distance to the nearest prototype; nothing while it is not known.
    fn nearest(&self) -> Option<i32> {
        #[cfg(feature = "statistics")]
        return self.progress.comparison.nearest(self.session.model);
        #[cfg(not(feature = "statistics"))]
        None
    }

    /// Compares the reading with prototypes, as many as go with so many passes.
    #[cfg(feature = "statistics")]
    pub(super) fn compare(&mut self, passes: u16) {
        let model = self.session.model;
        let activations = &mut *self.session.scratch.activations;
        self.progress
            .comparison
            .go_on(passes, model, self.reading, self.observed, activations);
    }

    /// Runs the encoder.
    pub(super) fn encode(&mut self) {
        self.session.encode_checked(self.reading, self.observed);
        self.progress.encoded = true;
    }

    /// Runs passes until there are `until` of them.
    fn run(&mut self, until: u16) {
        let Progress {
            estimator,
            accumulator,
            ..
        } = &mut self.progress;
        self.session
            .run(self.reading, self.observed, *estimator, until, accumulator);
    }

    /// The score, after all other slices.
    pub(super) fn verdict(&mut self) -> Score {
        let nearest = self.nearest();
        let Progress {
            estimator,
            accumulator,
            ..
        } = &self.progress;
        self.session.finish(
            self.reading,
            self.observed,
            *estimator,
            accumulator,
            nearest,
        )
    }
}
