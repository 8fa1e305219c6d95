//! A model, a workspace and a generator: everything that an application calls.

use crate::distribution::{Likelihood, kl_to_standard_normal};
use crate::estimator::Estimator;
use crate::fixed::{multiply, square_root};
use crate::model::Model;
use crate::rng::{self, Xoshiro128PlusPlus};
use crate::score::{Estimate, ReadingError, Score};
use crate::vae;
use crate::workspace::{Scratch, WorkspaceError};
use core::fmt;
use rand_core::Rng;

/// Scores, encodes, samples, decodes and generates with one model in one workspace. Many sessions
/// may share a model.
#[derive(Debug)]
pub struct Session<'s, R = Xoshiro128PlusPlus> {
    model: &'s Model<'s>,
    scratch: Scratch<'s>,
    rng: R,
    /// `sqrt(Z)`, Q16.16: the distance of sigma points in standard deviations.
    spread: i32,
}

/// q(z|x) of the last reading that was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posterior<'s> {
    /// Means, Q16.16.
    pub mean: &'s [i32],
    /// Log-variances, Q16.16.
    pub log_variance: &'s [i32],
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
        Self::with_rng(model, workspace, rng::stream(seed, 0))
    }

    /// Draws from the start of stream `stream` of `seed` from now on. With one stream for each
    /// reading, a score does not depend on the readings before it.
    pub fn reseed(&mut self, seed: u64, stream: u64) {
        self.rng = rng::stream(seed, stream);
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
        let mut scratch = Scratch::new(model, workspace)?;
        vae::prior(&mut scratch);
        let spread = square_root((model.latents() as u64) << 32) as i32;
        Ok(Self {
            model,
            scratch,
            rng,
            spread,
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
        self.encode(reading)?;
        let kl = kl_to_standard_normal(self.scratch.mean, self.scratch.log_variance);
        let estimate = match estimator {
            Estimator::PosteriorMean => {
                vae::at_mean(self.model, None, &mut self.scratch);
                Estimate {
                    mean: self.log_likelihood(reading),
                    standard_error: None,
                    passes: 1,
                }
            }
            Estimator::SigmaPoints => Estimate::sigma_points(self.model.latents, |latent, sign| {
                let deviation = self.scratch.deviation.get(latent).copied().unwrap_or(0);
                let offset = sign * multiply(self.spread, deviation);
                vae::at_mean(self.model, Some((latent, offset)), &mut self.scratch);
                self.log_likelihood(reading)
            }),
            Estimator::MonteCarlo { samples: 0 } => return Err(ReadingError::NoSamples),
            Estimator::MonteCarlo { samples } => Estimate::monte_carlo(samples, |fresh, sign| {
                if fresh {
                    vae::draw_noise(&mut self.rng, &mut self.scratch);
                }
                vae::reparameterize(self.model, sign, &mut self.scratch);
                self.log_likelihood(reading)
            }),
        };
        Ok(estimate.score(estimator, kl, |elbo| self.model.p_value(estimator, elbo)))
    }

    /// q(z|x) of a raw reading.
    ///
    /// # Errors
    /// [`ReadingError`]: a reading of another length or with impossible counts.
    pub fn encode(&mut self, reading: &[i16]) -> Result<Posterior<'_>, ReadingError> {
        check_reading(self.model, reading)?;
        vae::encode(self.model, reading, &mut self.scratch);
        Ok(self.posterior())
    }

    /// q(z|x) of the last reading that was encoded or scored; the prior before the first.
    #[must_use]
    pub fn posterior(&self) -> Posterior<'_> {
        Posterior {
            mean: self.scratch.mean,
            log_variance: self.scratch.log_variance,
        }
    }

    /// Draws z from [`Session::posterior`]; fixed point with [`Model::latent_fraction_bits`].
    pub fn sample(&mut self) -> &[i16] {
        vae::draw_noise(&mut self.rng, &mut self.scratch);
        vae::reparameterize(self.model, 1, &mut self.scratch);
        self.scratch.latents
    }

    /// `E[x|z]` of `latents`, which have [`Model::latent_fraction_bits`], into `mean`, in raw
    /// reading units, Q16.16.
    ///
    /// # Errors
    /// [`LengthError`] where `latents` or `mean` has not the length that the model says.
    pub fn decode(&mut self, latents: &[i16], mean: &mut [i32]) -> Result<(), LengthError> {
        check_length("latents", latents.len(), self.model.latents())?;
        check_length("mean", mean.len(), self.model.inputs())?;
        let outputs = vae::decode(self.model, latents, self.scratch.even, self.scratch.odd);
        self.model.likelihood.mean(outputs, mean);
        Ok(())
    }

    /// Draws z from the prior N(0, I) and gives `E[x|z]` as [`Session::decode`] does. The
    /// posterior at hand is lost.
    ///
    /// # Errors
    /// [`LengthError`] where `mean` has not as many elements as the model has inputs.
    pub fn generate(&mut self, mean: &mut [i32]) -> Result<(), LengthError> {
        check_length("mean", mean.len(), self.model.inputs())?;
        vae::prior(&mut self.scratch);
        self.sample();
        let Scratch {
            latents, even, odd, ..
        } = &mut self.scratch;
        self.model
            .likelihood
            .mean(vae::decode(self.model, latents, even, odd), mean);
        Ok(())
    }

    /// `log p(x|z)` at the latents at hand, Q47.16.
    fn log_likelihood(&mut self, reading: &[i16]) -> i64 {
        let Scratch {
            latents, even, odd, ..
        } = &mut self.scratch;
        let outputs = vae::decode(self.model, latents, even, odd);
        self.model.likelihood.log_density(reading, outputs)
    }
}

fn check_reading(model: &Model<'_>, reading: &[i16]) -> Result<(), ReadingError> {
    if reading.len() != model.inputs() {
        return Err(ReadingError::Length {
            have: reading.len(),
            need: model.inputs(),
        });
    }
    let largest = match &model.likelihood {
        Likelihood::Binomial(binomial) => binomial.trials(),
        Likelihood::Gaussian(_) => return Ok(()),
    };
    match model.likelihood.outside_support(reading) {
        Some((index, value)) => Err(ReadingError::OutsideSupport {
            index,
            value,
            largest,
        }),
        None => Ok(()),
    }
}

/// A slice of the wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthError {
    /// Which one.
    pub what: &'static str,
    /// Its length.
    pub have: usize,
    /// The length that the model says.
    pub need: usize,
}

impl fmt::Display for LengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} has {} elements, the model says {}",
            self.what, self.have, self.need
        )
    }
}

impl core::error::Error for LengthError {}

fn check_length(what: &'static str, have: usize, need: usize) -> Result<(), LengthError> {
    if have == need {
        Ok(())
    } else {
        Err(LengthError { what, have, need })
    }
}

/// Why a self-test failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTestError {
    /// The workspace is too small for the model.
    Workspace(WorkspaceError),
    /// A score differs from the one in the image: this machine does not compute what the
    /// workstation computed.
    Score {
        /// The estimator whose score differs.
        estimator: Estimator,
        /// The score in the image, Q16.16 nats.
        expected: i32,
        /// The score computed here, Q16.16 nats.
        computed: i32,
    },
}

impl fmt::Display for SelfTestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace(error) => error.fmt(f),
            Self::Score {
                estimator,
                expected,
                computed,
            } => write!(
                f,
                "self-test: {estimator} gives {computed}/65536 nats here, the workstation computed {expected}/65536"
            ),
        }
    }
}

impl core::error::Error for SelfTestError {}

/// The estimators of the self-test, in the order of [`crate::format::Expected`]'s fields.
const SELF_TEST_ESTIMATORS: [Estimator; 3] = [
    Estimator::PosteriorMean,
    Estimator::SigmaPoints,
    Estimator::MonteCarlo { samples: 2 },
];

impl Model<'_> {
    /// Scores the reading that the image carries with each kind of estimator, and compares each
    /// score with the workstation's, bit for bit. Worth a call at every boot.
    ///
    /// # Errors
    /// [`SelfTestError`] names the first score that differs, or the workspace's size.
    pub fn self_test(&self, workspace: &mut [u64]) -> Result<(), SelfTestError> {
        let expected = self.self_test.expected;
        let expected = [
            expected.posterior_mean,
            expected.sigma_points,
            expected.monte_carlo,
        ];
        let computed = self
            .self_test_scores(workspace)
            .map_err(SelfTestError::Workspace)?;
        for ((estimator, expected), computed) in
            SELF_TEST_ESTIMATORS.into_iter().zip(expected).zip(computed)
        {
            if expected != computed {
                return Err(SelfTestError::Score {
                    estimator,
                    expected,
                    computed,
                });
            }
        }
        Ok(())
    }

    /// The scores of the self-test's reading as this machine computes them, Q16.16 nats.
    pub(crate) fn self_test_scores(
        &self,
        workspace: &mut [u64],
    ) -> Result<[i32; 3], WorkspaceError> {
        let mut session = Session::new(self, workspace, 0)?;
        // Parsing has checked that the reading can be scored.
        Ok(SELF_TEST_ESTIMATORS.map(|estimator| {
            let score = session.score(self.self_test.reading, estimator);
            score.map_or(0, |score| score.elbo().to_bits())
        }))
    }
}
