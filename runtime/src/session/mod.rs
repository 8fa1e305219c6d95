//! A model, a workspace and a generator: everything that an application calls.

mod explaining;
mod inputs;
pub(crate) mod passes;
mod scoring;
#[cfg(feature = "statistics")]
mod verdict;

pub use explaining::Explaining;
pub use scoring::{Progress, Scoring};

#[cfg(feature = "sampling")]
use crate::decision::{Decision, Question};
use crate::estimator::Estimator;
use crate::fixed::{FRACTION_BITS, Nats};
use crate::kernel::LANES;
use crate::length::{LengthError, check_length};
use crate::mask::Mask;
use crate::model::Model;
use crate::posterior::Posterior;
#[cfg(feature = "bits")]
use crate::posterior::PosteriorKind;
use crate::rng::{self, Xoshiro128PlusPlus};
use crate::score::{Accumulator, ReadingError};
use crate::workspace::{Scratch, WorkspaceError};
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
        self.encode_checked(reading, observed);
        Ok(self.posterior())
    }

    /// q(z|x) of the last reading that was encoded or scored; before the first the prior, of a mixture
    /// its first component.
    #[must_use]
    pub fn posterior(&self) -> Posterior<'_> {
        self.scratch.posterior.view()
    }

    /// Puts the part of each latent in the divergence of [`Session::posterior`] from the prior into `parts`, in nats.
    /// They sum up to [`Score::kl`](crate::Score::kl), but for the rounding of each part.
    ///
    /// # Errors
    /// [`LengthError`] where `parts` has not as many elements as the model has latents.
    pub fn divergence_parts(&self, parts: &mut [Nats]) -> Result<(), LengthError> {
        check_length("latents", parts.len(), self.model.latents())?;
        self.scratch.posterior.parts(&self.model.prior, parts);
        Ok(())
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
    /// reading units, Q16.16. Where latents are bits, each but 0 is one.
    ///
    /// # Errors
    /// [`LengthError`] where `latents` or `mean` has not the length that the model says.
    #[cfg(feature = "generation")]
    pub fn decode(&mut self, latents: &[i16], mean: &mut [i32]) -> Result<(), LengthError> {
        check_length("latents", latents.len(), self.model.latents())?;
        check_length("mean", mean.len(), self.model.inputs())?;
        let places = self.scratch.latents.iter_mut();
        #[cfg(feature = "bits")]
        if self.model.posterior == PosteriorKind::Bernoulli {
            let one = 1 << self.model.latent_fraction_bits().min(14);
            let bits = places.zip(latents);
            bits.for_each(|(place, &z)| *place = if z == 0 { 0 } else { one });
            self.decode_mean(mean);
            return Ok(());
        }
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

    /// Runs the encoder on a reading that was checked.
    #[inline(always)]
    fn encode_checked(&mut self, reading: &[i16], observed: Mask<'_>) {
        passes::encode(
            self.model,
            reading,
            observed,
            &mut self.scratch,
            passes::unwatched,
        );
    }

    /// Puts the latents of pass `pass` of `estimator` into a lane, and gives
    /// `log p(z) - log q(z|x)`, Q47.16, where the estimator needs it, of an enumerated pass `log q(z|x)`.
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
