//! Estimators of the gradient of the bound in the parameters of a model.
//!
//! Those that go through the samples need Gaussian latents; those by the score function work with any.
//! Each is a surrogate whose gradient, with its learning signals computed in f64 and entered as
//! constants, is the estimate.

mod baseline;
mod coefficients;
mod disarm;
mod moments;
mod variance;

pub use coefficients::{Coefficients, LogWeights};
pub use moments::{Quality, RunningMoments};
pub use variance::{Bias, Row, Setting, Variance};

use crate::config::{ElboForm, Gradient};
use crate::error::Error;
use crate::model::objective::{Batch, Bound, Weighting};
use crate::model::posterior::draw_noise;
use crate::model::{Posterior, Prior, Vae};
use crate::numeric::random::{self, Purpose, Xoshiro128PlusPlus};
use crate::train::State;
use baseline::{Average, Learned};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use disarm::disarm;

/// An estimator and what it has learned from earlier batches.
#[derive(Debug)]
pub struct Estimator {
    gradient: Gradient,
    baseline: Baseline,
    /// The draws that a baseline starts from.
    rng: Xoshiro128PlusPlus,
}

#[derive(Debug)]
enum Baseline {
    /// Zero, or of the batch itself.
    None,
    /// Not yet started.
    Unprimed,
    Average(Average),
    Learned(Box<Learned>),
}

/// An estimate, and the bound at its samples without the likelihood's constant.
#[derive(Debug)]
pub struct Estimate {
    /// The gradients of minus the mean bound over the readings, in every parameter that it depends on: an
    /// optimizer descends them.
    pub gradients: GradStore,
    /// Sum over the readings of `E_q[log p(x|z)]`, nats.
    pub reconstruction: f64,
    /// Sum over the readings of `KL(q(z|x) || p(z))`, nats.
    pub kl: f64,
    /// Sum over the readings of the importance-weighted bound, nats; the ELBO with one sample.
    pub bound: f64,
}

impl Estimator {
    /// An estimator that has learned nothing.
    pub fn new(gradient: Gradient, seed: u64) -> Self {
        let baseline = match gradient {
            Gradient::MovingAverage | Gradient::Learned => Baseline::Unprimed,
            _ => Baseline::None,
        };
        Self {
            gradient,
            baseline,
            rng: random::stream(seed, Purpose::ControlVariate),
        }
    }

    /// The gradient from the samples that `noise`, (samples, batch, latents), makes: normals, or
    /// numbers uniform in [0, 1) for bits ([`draw_noise`]). A baseline that learns starts from
    /// draws of its own, and learns from these after it has been used.
    ///
    /// # Errors
    /// The errors of [`Gradient::check`], [`Error::Tensor`].
    pub fn estimate(
        &mut self,
        vae: &Vae,
        batch: &Batch,
        noise: &Tensor,
    ) -> Result<Estimate, Error> {
        self.gradient.check(vae.latent(), noise.dim(0)?)?;
        match self.gradient {
            Gradient::Reparameterized => reparameterized(vae, batch, noise),
            Gradient::StickingTheLanding => pathwise(vae, batch, noise, 1),
            Gradient::DoublyReparameterized => pathwise(vae, batch, noise, 2),
            Gradient::Disarm => disarm(vae, batch, noise),
            _ => self.by_score(vae, batch, noise),
        }
    }

    /// Lets a baseline learn from `draws` draws of a sample of each reading, before it is used.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn prepare(&mut self, vae: &Vae, batch: &Batch, draws: usize) -> Result<(), Error> {
        for _ in 0..draws {
            let elbos = self.independent_elbos(vae, batch)?;
            self.learn(batch, &elbos)?;
        }
        Ok(())
    }

    /// Keeps what it has learned.
    pub(super) fn put(&self, state: &mut State) -> Result<(), Error> {
        state.put_stream("baseline", &self.rng);
        match &self.baseline {
            Baseline::None | Baseline::Unprimed => Ok(()),
            Baseline::Average(average) => average.put(state),
            Baseline::Learned(learned) => learned.put(state),
        }
    }

    /// Continues from what [`Estimator::put`] kept, for readings of `inputs` numbers.
    pub(super) fn resume(
        &mut self,
        state: &State,
        inputs: usize,
        device: &Device,
    ) -> Result<(), Error> {
        self.rng = state.stream("baseline")?;
        if !Average::is_in(state) {
            return Ok(());
        }
        self.baseline = if self.gradient == Gradient::Learned {
            Baseline::Learned(Box::new(Learned::from_state(state, inputs, device)?))
        } else {
            Baseline::Average(Average::from_state(state)?)
        };
        Ok(())
    }

    /// The ELBO of each reading at one sample that nothing else sees.
    fn independent_elbos(&mut self, vae: &Vae, batch: &Batch) -> Result<Vec<f64>, Error> {
        let shape = (1, batch.inputs.dim(0)?, vae.latents());
        let noise = draw_noise(vae.latent(), shape, &mut self.rng, batch.inputs.device())?;
        Ok(Sampled::new(vae, batch, &noise)?.log_weights()?.elbos())
    }

    fn learn(&mut self, batch: &Batch, elbos: &[f64]) -> Result<(), Error> {
        match &mut self.baseline {
            Baseline::None => {}
            Baseline::Average(average) => average.update(elbos),
            Baseline::Learned(learned) => learned.update(batch, elbos)?,
            Baseline::Unprimed if self.gradient == Gradient::Learned => {
                let (device, inputs) = (batch.inputs.device(), batch.inputs.dim(1)?);
                let learned = Learned::new(inputs, elbos, &mut self.rng, device)?;
                self.baseline = Baseline::Learned(Box::new(learned));
            }
            Baseline::Unprimed => self.baseline = Baseline::Average(Average::new(elbos)),
        }
        Ok(())
    }

    fn by_score(&mut self, vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Estimate, Error> {
        if matches!(self.baseline, Baseline::Unprimed) {
            self.prepare(vae, batch, 1)?;
        }
        let sampled = Sampled::new(vae, batch, noise)?;
        let weights = sampled.log_weights()?;
        let coefficients = match (self.gradient, &self.baseline) {
            (Gradient::Vimco, _) => weights.vimco(),
            (Gradient::LeaveOneOut, _) => weights.leave_one_out(),
            (_, Baseline::Average(average)) => weights.score(|_| average.mean()),
            (_, Baseline::Learned(learned)) => {
                let predictions = learned.predict(batch)?;
                weights.score(|reading| predictions[reading])
            }
            _ => weights.score(|_| 0.0),
        };
        self.learn(batch, &weights.elbos())?;
        sampled.estimate(&weights, &coefficients)
    }
}

/// Samples that no gradient goes through, and log densities at them, each (samples, batch).
struct Sampled {
    log_likelihoods: Tensor,
    /// `log p(x|z) + log p(z)`.
    log_joint: Tensor,
    log_posterior: Tensor,
    /// `KL(q(z|x) || p(z))`, (batch).
    divergence: Tensor,
}

impl Sampled {
    fn new(vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Self, Error> {
        let proposal = vae.posterior(&batch.inputs)?;
        let latents = proposal.sample(noise)?.detach();
        Self::at(vae, batch, &proposal, &latents)
    }

    /// At `latents` (samples, batch, latents) from `proposal`.
    fn at(vae: &Vae, batch: &Batch, proposal: &Posterior, latents: &Tensor) -> Result<Self, Error> {
        let log_likelihoods = batch.log_likelihoods(vae, latents)?;
        Ok(Self {
            log_joint: (&log_likelihoods + vae.log_prior(latents)?)?,
            log_posterior: proposal.log_density(latents)?,
            divergence: vae.divergence(proposal)?,
            log_likelihoods,
        })
    }

    fn log_weights(&self) -> Result<LogWeights, Error> {
        host(&(&self.log_joint - &self.log_posterior)?)
    }

    fn estimate(
        &self,
        weights: &LogWeights,
        coefficients: &Coefficients,
    ) -> Result<Estimate, Error> {
        let shape = self.log_joint.dims2()?;
        let constant = |values: &[f64]| -> Result<Tensor, Error> {
            let values = values.iter().map(|&value| value as f32).collect();
            Ok(Tensor::from_vec(values, shape, self.log_joint.device())?)
        };
        let model = (&self.log_joint * constant(&coefficients.model)?)?;
        let posterior = (&self.log_posterior * constant(&coefficients.posterior)?)?;
        let surrogate = ((model + posterior)?.sum_all()? * (-1.0 / shape.1 as f64))?;
        Ok(Estimate {
            gradients: surrogate.backward()?,
            reconstruction: total(&self.log_likelihoods.mean(0)?)?,
            kl: total(&self.divergence)?,
            bound: weights.bounds().iter().sum(),
        })
    }
}

/// The gradient through the samples: with one of the ELBO (Kingma and Welling, "Auto-encoding variational
/// Bayes", 2014, equation 7), its divergence in closed form, or at the sample for a prior that is
/// learned; with more of the importance-weighted bound (Burda, Grosse and Salakhutdinov, "Importance
/// weighted autoencoders", 2016, equation 13).
fn reparameterized(vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Estimate, Error> {
    // The closed form bounds the divergence from a mixture.
    let at_the_sample = !matches!(vae.prior, Prior::Standard) && noise.dim(0)? == 1;
    through_samples(vae, batch, noise, at_the_sample.then_some(AT_THE_SAMPLE))
}

/// The gradient through the samples of the objective by `weighting`, or of the plain bound.
pub(super) fn through_samples(
    vae: &Vae,
    batch: &Batch,
    noise: &Tensor,
    weighting: Option<Weighting>,
) -> Result<Estimate, Error> {
    let bound = Bound::sample(vae, batch, noise)?;
    let objective = match weighting {
        None => bound.objective()?.mean_all()?,
        Some(weighting) => bound.weighted(vae, &weighting)?,
    };
    Ok(Estimate {
        gradients: objective.neg()?.backward()?,
        reconstruction: total(&bound.reconstruction)?,
        kl: total(&bound.kl)?,
        bound: total(&objective)? * batch.inputs.dim(0)? as f64,
    })
}

/// The ELBO as energy and entropy.
const AT_THE_SAMPLE: Weighting = Weighting {
    form: ElboForm::Entropy,
    weight: 1.0,
    free_bits: 0.0,
};

/// The gradient along the path of the samples: `sum_k v_k^power (d log w_k / d z_k) (d z_k / d phi)` in the
/// encoder, with `v` the normalized weights and `log w` of fixed parameters of q, and that of the
/// importance-weighted bound in the decoder. Power 1 sticks the landing (Roeder, Wu and Duvenaud,
/// "Sticking the landing", NeurIPS 2017, equation 8): biased with more than one sample. Power 2 is
/// doubly reparameterized (Tucker et al., "Doubly reparameterized gradient estimators for Monte Carlo
/// objectives", ICLR 2019, equation 8): unbiased.
fn pathwise(vae: &Vae, batch: &Batch, noise: &Tensor, power: i32) -> Result<Estimate, Error> {
    let proposal = vae.posterior(&batch.inputs)?;
    let path = proposal.sample(noise)?;
    let latents = Var::from_tensor(&path.detach())?;
    let log_likelihoods = batch.log_likelihoods(vae, &latents)?;
    let ratio = (vae.log_prior(&latents)? - proposal.detach().log_density(&latents)?)?;
    let log_weights = (&log_likelihoods + ratio)?;
    let weights = host(&log_weights)?;
    let (samples, readings) = log_weights.dims2()?;
    let constant = |power: i32| -> Result<Tensor, Error> {
        let values = weights.normalized().into_iter();
        let values: Vec<f32> = values.map(|value| value.powi(power) as f32).collect();
        Ok(Tensor::from_vec(
            values,
            (samples, readings),
            path.device(),
        )?)
    };
    let scale = -1.0 / readings as f64;
    let surrogate = ((&log_weights * constant(1)?)?.sum_all()? * scale)?;
    let mut gradients = surrogate.backward()?;
    if let Some(of_latents) = gradients.remove(&latents) {
        // It holds the first power of the weights already.
        let weighted = of_latents.broadcast_mul(&constant(power - 1)?.unsqueeze(2)?)?;
        let pushed = (path * weighted.detach())?.sum_all()?;
        gradients.extend(pushed.backward()?)?;
    }
    Ok(Estimate {
        gradients,
        reconstruction: total(&log_likelihoods.mean(0)?)?,
        kl: total(&vae.divergence(&proposal)?)?,
        bound: weights.bounds().iter().sum(),
    })
}

fn host(log_weights: &Tensor) -> Result<LogWeights, Error> {
    let values = log_weights.flatten_all()?.to_vec1::<f32>()?.into_iter();
    Ok(LogWeights::new(
        log_weights.dim(0)?,
        values.map(f64::from).collect(),
    ))
}

fn total(tensor: &Tensor) -> Result<f64, Error> {
    Ok(f64::from(tensor.sum_all()?.to_scalar::<f32>()?))
}
