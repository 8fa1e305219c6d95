//! A model, a workspace and a generator: everything that an application calls.

mod inputs;
pub(crate) mod passes;
#[cfg(feature = "statistics")]
mod verdict;

#[cfg(feature = "sampling")]
use crate::decision::{Decision, Question};
use crate::estimator::Estimator;
use crate::fixed::{FRACTION_BITS, Nats, WideSum, mean};
use crate::kernel::{LANES, Outputs};
use crate::length::{LengthError, check_length};
use crate::mask::Mask;
use crate::model::Model;
use crate::posterior::Posterior;
use crate::rng::{self, Xoshiro128PlusPlus};
use crate::score::{Accumulator, ReadingError, Score, Verdict};
use crate::statistic::Statistic;
use crate::workspace::{Scratch, WorkspaceError};
use core::num::NonZeroU32;
use rand_core::Rng;

/// Scores, encodes, samples, decodes and generates with one model in one workspace. Many sessions
/// may share a model.
#[derive(Debug)]
pub struct Session<'s, R = Xoshiro128PlusPlus> {
    model: &'s Model<'s>,
    scratch: Scratch<'s>,
    rng: Generator<R>,
}

/// What a session has of its generator: without sampling nothing.
#[cfg(feature = "sampling")]
type Generator<R> = R;
#[cfg(not(feature = "sampling"))]
type Generator<R> = core::marker::PhantomData<R>;

#[cfg(feature = "sampling")]
fn generator<R>(make: impl FnOnce() -> R) -> Generator<R> {
    make()
}

#[cfg(not(feature = "sampling"))]
fn generator<R>(_: impl FnOnce() -> R) -> Generator<R> {
    core::marker::PhantomData
}

impl<'s> Session<'s> {
    /// A session that draws from stream 0 of `seed`.
    ///
    /// # Errors
    /// [`WorkspaceError`] where the workspace is smaller than [`Model::workspace_words`].
    pub fn new(
        model: &'s Model<'s>,
        workspace: &'s mut [u64],
        seed: u64,
    ) -> Result<Self, WorkspaceError> {
        Self::over(model, workspace, generator(|| rng::stream(seed, 0)))
    }

    /// Draws from the start of stream `stream` of `seed` from now on. With one stream for each
    /// reading, a score does not depend on the readings before it.
    pub fn reseed(&mut self, seed: u64, stream: u64) {
        self.rng = generator(|| rng::stream(seed, stream));
    }
}

impl<'s, R: Rng> Session<'s, R> {
    /// A session that draws from a generator of your own.
    ///
    /// # Errors
    /// [`WorkspaceError`] where the workspace is smaller than [`Model::workspace_words`].
    pub fn with_rng(
        model: &'s Model<'s>,
        workspace: &'s mut [u64],
        rng: R,
    ) -> Result<Self, WorkspaceError> {
        Self::over(model, workspace, generator(|| rng))
    }

    fn over(
        model: &'s Model<'s>,
        workspace: &'s mut [u64],
        rng: Generator<R>,
    ) -> Result<Self, WorkspaceError> {
        let mut scratch = Scratch::new(model, workspace)?;
        // No conditions but their centres until there are some.
        scratch.latents.fill(0);
        scratch.posterior.set_to_prior(&model.prior, || 0);
        Ok(Self {
            model,
            scratch,
            rng,
        })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &'s Model<'s> {
        self.model
    }

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
        Ok(self.finish(reading, observed, estimator, &accumulator))
    }

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
        let total = self.passes(estimator)?;
        check_length("inputs", inputs.len(), self.model.inputs()).map_err(ReadingError::Buffer)?;
        check_length("latents", latents.len(), self.model.latents())
            .map_err(ReadingError::Buffer)?;
        self.encode_observed(reading, observed)?;
        let accumulator = self.run_terms(reading, observed, estimator, total, inputs);
        self.scratch.posterior.parts(&self.model.prior, latents);
        Ok(self.finish(reading, observed, estimator, &accumulator))
    }

    /// Whether the bound of a raw reading lies above or below the threshold of `question`, at as
    /// few decoder passes as its confidence allows: see [`crate::decision`].
    ///
    /// # Errors
    /// [`ReadingError`]: a reading of another length or with impossible counts, or no passes.
    #[cfg(feature = "sampling")]
    pub fn decide(
        &mut self,
        reading: &[i16],
        question: &Question,
    ) -> Result<Decision, ReadingError> {
        if question.max_passes == 0 {
            return Err(ReadingError::NoPasses);
        }
        self.encode(reading)?;
        let kl = self.divergence();
        let noise = self.model.noise;
        // One pass at the mean: enough where it is far from the threshold.
        self.place(Estimator::PosteriorMean, 0, 0);
        let [first, ..] = self.log_likelihoods(reading, Mask::ALL, 1);
        let looks = question.looks();
        if let Some(decision) = question.after_first_pass(first - kl, noise, looks) {
            return Ok(decision);
        }
        let samples = question.samples();
        let estimator = Estimator::MonteCarlo { samples };
        let mut accumulator = Accumulator::new(estimator);
        let mut next = 2;
        while accumulator.passes() < samples {
            let until = samples.min(next);
            self.run(reading, Mask::ALL, estimator, until, &mut accumulator);
            let bound = accumulator.bound(kl);
            if let Some(decision) = question.after_pairs(bound, &accumulator, noise, looks) {
                return Ok(decision);
            }
            next = next.saturating_mul(2);
        }
        let bound = if samples == 0 {
            question.first_estimate(first - kl, noise)
        } else {
            accumulator.bound(kl)
        };
        Ok(question.undecided(bound, accumulator.passes()))
    }

    /// q(z|x) of a raw reading.
    ///
    /// # Errors
    /// [`ReadingError`]: a reading of another length or with impossible counts.
    pub fn encode(&mut self, reading: &[i16]) -> Result<Posterior<'_>, ReadingError> {
        self.encode_observed(reading, Mask::ALL)
    }

    /// q(z|x) given the observed inputs of a raw reading.
    ///
    /// # Errors
    /// [`ReadingError`]: a reading or mask of another length, or impossible counts.
    pub fn encode_observed(
        &mut self,
        reading: &[i16],
        observed: Mask<'_>,
    ) -> Result<Posterior<'_>, ReadingError> {
        inputs::check_reading(self.model, reading, observed)?;
        passes::encode(
            self.model,
            reading,
            observed,
            &mut self.scratch,
            passes::unwatched,
        );
        Ok(self.posterior())
    }

    /// q(z|x) of the last reading that was encoded or scored; before the first the prior, of a mixture
    /// its first component.
    #[must_use]
    pub fn posterior(&self) -> Posterior<'_> {
        self.scratch.posterior.view()
    }

    /// Draws z from [`Session::posterior`]; fixed point with [`Model::latent_fraction_bits`].
    #[cfg(feature = "sampling")]
    pub fn sample(&mut self) -> &[i16] {
        let place = passes::lane(self.model, self.scratch.latents, 0);
        let posterior = &mut self.scratch.posterior;
        posterior.sample(&self.model.prior, || word(&mut self.rng), place);
        self.scratch
            .latents
            .get(..self.model.latents())
            .unwrap_or_default()
    }

    /// Sets the conditions under which [`Session::decode`] and [`Session::generate`] decode, raw numbers
    /// as in a reading. Each reading that is encoded or scored brings its own along; before the first
    /// they are at their centres.
    ///
    /// # Errors
    /// [`LengthError`] where there are not [`Model::conditions`] of them.
    #[cfg(feature = "generation")]
    pub fn condition(&mut self, conditions: &[i16]) -> Result<(), LengthError> {
        check_length("conditions", conditions.len(), self.model.conditions())?;
        inputs::condition(self.model, conditions, |_| true, &mut self.scratch);
        Ok(())
    }

    /// `E[x|z]` of `latents`, which have [`Model::latent_fraction_bits`], into `mean`, in raw
    /// reading units, Q16.16.
    ///
    /// # Errors
    /// [`LengthError`] where `latents` or `mean` has not the length that the model says.
    #[cfg(feature = "generation")]
    pub fn decode(&mut self, latents: &[i16], mean: &mut [i32]) -> Result<(), LengthError> {
        check_length("latents", latents.len(), self.model.latents())?;
        check_length("mean", mean.len(), self.model.inputs())?;
        let places = self.scratch.latents.iter_mut();
        places.zip(latents).for_each(|(place, &z)| *place = z);
        self.decode_mean(mean);
        Ok(())
    }

    /// `E[x|z]` at the mean of [`Session::posterior`], as [`Session::decode`] gives it: after a reading was encoded, scored or
    /// explained, what the model makes of it.
    ///
    /// # Errors
    /// [`LengthError`] where `mean` has not as many elements as the model has inputs.
    #[cfg(feature = "generation")]
    pub fn reconstruct(&mut self, mean: &mut [i32]) -> Result<(), LengthError> {
        check_length("mean", mean.len(), self.model.inputs())?;
        self.place(Estimator::PosteriorMean, 0, 0);
        self.decode_mean(mean);
        Ok(())
    }

    /// Draws z from the prior and gives `E[x|z]` as [`Session::decode`] does. The
    /// posterior at hand is lost.
    ///
    /// # Errors
    /// [`LengthError`] where `mean` has not as many elements as the model has inputs.
    #[cfg(feature = "generation")]
    pub fn generate(&mut self, mean: &mut [i32]) -> Result<(), LengthError> {
        check_length("mean", mean.len(), self.model.inputs())?;
        let rng = &mut self.rng;
        let posterior = &mut self.scratch.posterior;
        posterior.set_to_prior(&self.model.prior, || word(rng));
        self.sample();
        self.decode_mean(mean);
        Ok(())
    }

    /// The reading with its gaps filled in: `E[x_i|z]` at the posterior mean given the observed
    /// inputs, and the observed inputs as they are, into `filled`, in raw reading units, Q16.16.
    ///
    /// # Errors
    /// [`ReadingError`]: a reading, mask or buffer of another length, or impossible counts.
    #[cfg(feature = "generation")]
    pub fn impute(
        &mut self,
        reading: &[i16],
        observed: Mask<'_>,
        filled: &mut [i32],
    ) -> Result<(), ReadingError> {
        check_length("filled", filled.len(), self.model.inputs()).map_err(ReadingError::Buffer)?;
        self.encode_observed(reading, observed)?;
        self.place(Estimator::PosteriorMean, 0, 0);
        self.decode_mean(filled);
        for (input, (filled, &x)) in filled.iter_mut().zip(reading).enumerate() {
            if observed.observes(input) {
                *filled = i32::from(x) << FRACTION_BITS;
            }
        }
        Ok(())
    }

    /// Runs all passes one at a time, and puts the mean term of each input into `inputs`, in nats.
    fn run_terms(
        &mut self,
        reading: &[i16],
        observed: Mask<'_>,
        estimator: Estimator,
        total: u16,
        inputs: &mut [WideSum],
    ) -> Accumulator {
        let count = NonZeroU32::new(total.into()).unwrap_or(NonZeroU32::MIN);
        let mut accumulator = Accumulator::new(estimator);
        let likelihood = &self.model.likelihood;
        let reading = reading.get(..self.model.inputs()).unwrap_or_default();
        inputs.fill(WideSum::ZERO);
        self.each_pass(1, estimator, total, &mut accumulator, |lanes, outputs| {
            let mut sums = [0; LANES];
            likelihood.visit(reading, observed, lanes, outputs, |input, lane, term| {
                if let Some(sum) = sums.get_mut(lane) {
                    *sum += i64::from(term);
                }
                if let Some(input) = inputs.get_mut(input) {
                    input.0 += i64::from(term);
                }
            });
            sums
        });
        for WideSum(input) in inputs {
            *input = mean(*input, count);
        }
        accumulator
    }

    /// The score of a whole reading, and the mean term of each input, in nats.
    pub(crate) fn score_terms(
        &mut self,
        reading: &[i16],
        estimator: Estimator,
        inputs: &mut [WideSum],
    ) -> Result<Score, ReadingError> {
        let total = self.passes(estimator)?;
        self.encode(reading)?;
        let accumulator = self.run_terms(reading, Mask::ALL, estimator, total, inputs);
        Ok(self.finish(reading, Mask::ALL, estimator, &accumulator))
    }

    /// As [`Model::passes`]; the number of latents is at hand here.
    fn passes(&self, estimator: Estimator) -> Result<u16, ReadingError> {
        let latents = self.posterior().mean.len();
        self.model.posterior.passes(estimator, latents as u16)
    }

    /// Runs passes until `accumulator` has `until` of them, four latents at a time where there are
    /// as many left.
    fn run(
        &mut self,
        reading: &[i16],
        observed: Mask<'_>,
        estimator: Estimator,
        until: u16,
        accumulator: &mut Accumulator,
    ) {
        let likelihood = &self.model.likelihood;
        let reading = reading.get(..self.model.inputs()).unwrap_or_default();
        self.each_pass(LANES, estimator, until, accumulator, |lanes, outputs| {
            likelihood.log_density(reading, observed, lanes, outputs)
        });
    }

    /// Runs passes until `accumulator` has `until` of them, at most `most` latents at a time;
    /// `log_likelihoods` gives `log p(x|z)` in each lane, Q47.16.
    fn each_pass(
        &mut self,
        most: usize,
        estimator: Estimator,
        until: u16,
        accumulator: &mut Accumulator,
        mut log_likelihoods: impl FnMut(usize, Outputs<'_>) -> [i64; LANES],
    ) {
        while accumulator.passes() < until {
            let lanes = usize::from(until - accumulator.passes()).min(most);
            let mut log_ratios = [0; LANES];
            for (lane, log_ratio) in log_ratios.iter_mut().enumerate().take(lanes) {
                let pass = accumulator.passes().saturating_add(lane as u16);
                *log_ratio = self.place(estimator, pass, lane);
            }
            let outputs = passes::decode(self.model, &mut self.scratch, lanes, passes::unwatched);
            let sums = log_likelihoods(lanes, outputs);
            for (log_likelihood, log_ratio) in sums.into_iter().zip(log_ratios).take(lanes) {
                accumulator.add(log_likelihood, log_ratio);
            }
        }
    }

    /// Puts the latents of pass `pass` of `estimator` into a lane, and gives
    /// `log p(z) - log q(z|x)`, Q47.16, where the estimator needs it.
    fn place(&mut self, estimator: Estimator, pass: u16, lane: usize) -> i64 {
        let (model, rng) = (self.model, &mut self.rng);
        let place = passes::lane(model, self.scratch.latents, lane);
        let posterior = &mut self.scratch.posterior;
        posterior.place(&model.prior, estimator, pass, || word(rng), place)
    }

    /// `log p(x|z)` over the observed inputs for the latents in so many lanes, Q47.16.
    fn log_likelihoods(
        &mut self,
        reading: &[i16],
        observed: Mask<'_>,
        lanes: usize,
    ) -> [i64; LANES] {
        let model = self.model;
        let outputs = passes::decode(model, &mut self.scratch, lanes, passes::unwatched);
        let reading = reading.get(..model.inputs()).unwrap_or_default();
        model
            .likelihood
            .log_density(reading, observed, lanes, outputs)
    }

    /// `E[x|z]` at the latents in the first lane.
    fn decode_mean(&mut self, mean: &mut [i32]) {
        let outputs = passes::decode(self.model, &mut self.scratch, 1, passes::unwatched);
        self.model.likelihood.mean(outputs, mean);
    }

    /// `KL(q(z|x) || p(z))`, Q47.16.
    fn divergence(&self) -> i64 {
        self.scratch.posterior.divergence(&self.model.prior)
    }

    fn finish(
        &mut self,
        reading: &[i16],
        observed: Mask<'_>,
        estimator: Estimator,
        accumulator: &Accumulator,
    ) -> Score {
        let (kl, model) = (self.divergence(), self.model);
        accumulator.score(estimator, kl, |elbo, reconstruction| {
            #[cfg(feature = "statistics")]
            if model.joins_statistics() {
                let activations = &mut *self.scratch.activations;
                let of_model = (elbo, reconstruction);
                return verdict::joined(model, reading, observed, of_model, estimator, activations);
            }
            let _ = (reconstruction, reading, observed);
            Verdict::of(model.calibration(estimator), elbo, Statistic::Bound)
        })
    }
}

/// Draws a uniform word.
#[cfg(feature = "sampling")]
fn word<R: Rng>(rng: &mut Generator<R>) -> u32 {
    rng.next_u32()
}

#[cfg(not(feature = "sampling"))]
fn word<R>(_: &mut Generator<R>) -> u32 {
    0
}
