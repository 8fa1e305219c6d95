//! Estimators of the gradient side by side, on one model and one batch.

use super::moments::{Quality, RunningMoments};
use super::{Estimate, Estimator};
use crate::config::{Gradient, Latent, Target};
use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::Batch;
use crate::model::posterior::draw_noise;
use crate::numeric::random::{self, Purpose, Xoshiro128PlusPlus};
use serde::Serialize;
use std::time::Instant;

/// Draws that a network learns its baseline from before it is measured.
const PREPARATION: usize = 500;
/// Draws of the reference, as multiples of those of an estimator: of the direction that bias is
/// measured along, and of the value along it.
const REFERENCE: (usize, usize) = (2, 4);
/// Samples of the reference of the ELBO with bits.
const REFERENCE_SAMPLES: usize = 16;

/// A comparison of estimators on one model and one batch.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The model as it is.
    pub vae: &'a Vae,
    /// The readings of each gradient.
    pub batch: &'a Batch,
    /// Which estimators.
    pub gradients: &'a [Gradient],
    /// Each with so many samples of a reading.
    pub samples: &'a [usize],
    /// Gradients of each, at least two.
    pub draws: usize,
    /// The seed of all draws.
    pub seed: u64,
}

/// All of them side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Variance {
    /// Readings in a batch.
    pub readings: usize,
    /// Gradients of each estimator.
    pub draws: usize,
    /// The kind of latents of the model.
    pub latent: Latent,
    /// Numbers in the encoder.
    pub encoder_parameters: usize,
    /// Numbers in the decoder and the likelihood.
    pub decoder_parameters: usize,
    /// Each estimator with each number of samples that it works with.
    pub rows: Vec<Row>,
}

/// One estimator with one number of samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Which.
    pub gradient: Gradient,
    /// Samples of each reading.
    pub samples: usize,
    /// The bound whose gradient it estimates.
    pub target: Target,
    /// Its gradient in the encoder.
    pub encoder: Quality,
    /// Its gradient in the decoder and the likelihood.
    pub decoder: Quality,
    /// In the encoder.
    pub bias: Bias,
    /// Wall-clock time of one gradient.
    pub milliseconds: f64,
    /// The time of one gradient over that of the first row.
    pub relative_cost: f64,
}

/// The distance of the mean gradient in the encoder from a reference of its target, along the direction of
/// the reference, as a part of the reference's length. The reference is an unbiased estimator with
/// draws of its own: doubly reparameterized with Gaussian latents, leave-one-out or VIMCO with bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bias {
    /// The difference over the length.
    pub fraction: f64,
    /// Its standard error, by the draws of both.
    pub standard_error: f64,
}

/// The expected gradient in the encoder.
struct Reference {
    target: Target,
    /// A vector of unit length.
    direction: Vec<f64>,
    /// The mean along it, and its variance.
    along: RunningMoments,
}

impl Variance {
    /// Measures every estimator with every number of samples that it works with.
    ///
    /// # Errors
    /// The errors of [`Gradient::check`] where an estimator works with none of the numbers,
    /// [`Error::Tensor`].
    pub fn new(setting: &Setting<'_>) -> Result<Self, Error> {
        let latent = setting.vae.latent();
        let mut references = vec![];
        let mut rows: Vec<Row> = vec![];
        for &samples in setting.samples {
            for &gradient in setting.gradients {
                if gradient.check(latent, samples).is_ok() {
                    let target = gradient.target(samples);
                    let reference = setting.reference(&mut references, target)?;
                    let mut row = setting.row(gradient, samples, reference)?;
                    let first = rows
                        .first()
                        .map_or(row.milliseconds, |row| row.milliseconds);
                    row.relative_cost = row.milliseconds / first;
                    rows.push(row);
                }
            }
        }
        let count = |wanted: bool| {
            let parameters = setting.vae.parameters().into_iter();
            let of = parameters.filter(|(name, _)| Vae::is_of_encoder(name) == wanted);
            of.map(|(_, var)| var.elem_count()).sum()
        };
        Ok(Self {
            readings: setting.batch.inputs.dim(0)?,
            draws: setting.draws,
            latent,
            encoder_parameters: count(true),
            decoder_parameters: count(false),
            rows,
        })
    }
}

impl Setting<'_> {
    /// Checks that each estimator works with some of the numbers of samples.
    ///
    /// # Errors
    /// One line that says what to change.
    pub fn check(gradients: &[Gradient], samples: &[usize], latent: Latent) -> Result<(), Error> {
        let most = samples.iter().copied().max().unwrap_or(0);
        gradients
            .iter()
            .try_for_each(|gradient| gradient.check(latent, most))
    }

    /// `draws` gradients, in the encoder and in the decoder, and the seconds that each took.
    fn draw(
        &self,
        (gradient, samples, draws): (Gradient, usize, usize),
        rng: &mut Xoshiro128PlusPlus,
        mut see: impl FnMut(&[f64], &[f64]),
    ) -> Result<f64, Error> {
        let Self { vae, batch, .. } = *self;
        let mut estimator = Estimator::new(gradient, self.seed);
        if gradient == Gradient::Learned {
            estimator.prepare(vae, batch, PREPARATION)?;
        }
        let shape = (samples, batch.inputs.dim(0)?, vae.latents());
        let mut seconds = 0.0;
        for _ in 0..draws {
            let noise = draw_noise(vae.latent(), shape, rng, batch.inputs.device())?;
            let start = Instant::now();
            let estimate = estimator.estimate(vae, batch, &noise)?;
            seconds += start.elapsed().as_secs_f64();
            let (encoder, decoder) = estimate.ascent(vae)?;
            see(&encoder, &decoder);
        }
        Ok(seconds / draws as f64)
    }

    fn row(&self, gradient: Gradient, samples: usize, reference: &Reference) -> Result<Row, Error> {
        let mut rng = random::stream(self.seed, Purpose::Variance);
        let (mut encoder, mut decoder) = (RunningMoments::default(), RunningMoments::default());
        let mut along = RunningMoments::default();
        let case = (gradient, samples, self.draws);
        let seconds = self.draw(case, &mut rng, |of_encoder, of_decoder| {
            encoder.add(of_encoder);
            decoder.add(of_decoder);
            along.add(&[dot(of_encoder, &reference.direction)]);
        })?;
        Ok(Row {
            gradient,
            samples,
            target: reference.target,
            encoder: encoder.quality(),
            decoder: decoder.quality(),
            bias: Bias::new(&along, &reference.along),
            milliseconds: 1000.0 * seconds,
            relative_cost: 1.0,
        })
    }

    /// The reference of `target`, computed where it is not yet in `known`.
    fn reference<'k>(
        &self,
        known: &'k mut Vec<Reference>,
        target: Target,
    ) -> Result<&'k Reference, Error> {
        let at = match known
            .iter()
            .position(|reference| reference.target == target)
        {
            Some(at) => at,
            None => {
                known.push(self.new_reference(target)?);
                known.len() - 1
            }
        };
        Ok(&known[at])
    }

    fn new_reference(&self, target: Target) -> Result<Reference, Error> {
        let is_differentiable = self.vae.latent().is_differentiable();
        let (gradient, samples) = match target {
            Target::Elbo if is_differentiable => (Gradient::DoublyReparameterized, 1),
            Target::Elbo => (Gradient::LeaveOneOut, REFERENCE_SAMPLES),
            Target::ImportanceWeighted(samples) if is_differentiable => {
                (Gradient::DoublyReparameterized, samples)
            }
            Target::ImportanceWeighted(samples) => (Gradient::Vimco, samples),
        };
        // Draws that no row has.
        let mut rng = random::stream(self.seed, Purpose::Reference);
        let mut mean = RunningMoments::default();
        let case = (gradient, samples, REFERENCE.0 * self.draws);
        self.draw(case, &mut rng, |encoder, _| mean.add(encoder))?;
        let length = dot(mean.mean(), mean.mean()).sqrt();
        let direction: Vec<f64> = mean.mean().iter().map(|value| value / length).collect();
        let mut along = RunningMoments::default();
        let case = (gradient, samples, REFERENCE.1 * self.draws);
        self.draw(case, &mut rng, |encoder, _| {
            along.add(&[dot(encoder, &direction)]);
        })?;
        Ok(Reference {
            target,
            direction,
            along,
        })
    }
}

impl Bias {
    fn new(along: &RunningMoments, reference: &RunningMoments) -> Self {
        let length = reference.mean()[0];
        let error = along.standard_errors()[0].hypot(reference.standard_errors()[0]);
        Self {
            fraction: (along.mean()[0] - length) / length.abs(),
            standard_error: error / length.abs(),
        }
    }
}

impl Estimate {
    /// The gradient of the mean bound, nats, in all variables of the encoder and in all others, in the
    /// order of [`Vae::parameters`].
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn ascent(&self, vae: &Vae) -> Result<(Vec<f64>, Vec<f64>), Error> {
        let mut halves = (vec![], vec![]);
        for (name, var) in vae.parameters() {
            let half = if Vae::is_of_encoder(&name) {
                &mut halves.0
            } else {
                &mut halves.1
            };
            match self.gradients.get(var) {
                None => half.extend(std::iter::repeat_n(0.0, var.elem_count())),
                Some(gradient) => {
                    let values = gradient.flatten_all()?.to_vec1::<f32>()?;
                    half.extend(values.into_iter().map(|value| -f64::from(value)));
                }
            }
        }
        Ok(halves)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
