//! The gradient of bits by antithetic pairs.

use super::{Estimate, Sampled, total};
use crate::error::Error;
use crate::model::objective::Batch;
use crate::model::posterior::opposite;
use crate::model::{Posterior, Vae};
use candle_core::Tensor;

/// The gradient of the ELBO by pairs of opposite draws, `b = 1[u < p]` and `b' = 1[1 - u < p]`. In the logit `l_i` of each bit
/// it is
///
/// ```text
/// 1/2 (f(b) - f(b')) (b_i - b'_i) sigmoid(|l_i|)          f = log p(x, z) - log q(z|x)
/// ```
///
/// (Dong, Mnih and Tucker, "DisARM: an antithetic gradient estimator for binary latent variables", NeurIPS 2020, equation
/// 7; U2G of Yin et al., "Probabilistic best subset selection via gradient-based optimization", 2020, is the same): unbiased, and
/// of no larger variance than the score function of two samples less their mean. It is the mean over the pairs that the first half
/// of `noise`, (samples, batch, latents), makes; in the decoder the mean over all samples. The samples are an even number.
///
/// # Errors
/// [`Error::Tensor`], or [`Error::Setting`] where the latents are no bits.
pub(super) fn disarm(vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Estimate, Error> {
    let proposal = vae.posterior(&batch.inputs)?;
    let Posterior::Bernoulli(bits) = &proposal else {
        return Err(Error::Setting(
            "the gradient disarm is of bits: use --latent bernoulli, or leave --gradient out"
                .into(),
        ));
    };
    let (samples, readings, _) = noise.dims3()?;
    let pairs = samples / 2;
    let first = noise.narrow(0, 0, pairs)?;
    let noise = Tensor::cat(&[&first, &opposite(vae.latent(), &first)?], 0)?;
    let latents = proposal.sample(&noise)?.detach();
    let sampled = Sampled::at(vae, batch, &proposal, &latents)?;
    let halves = |tensor: &Tensor| -> Result<Tensor, Error> {
        Ok((tensor.narrow(0, 0, pairs)? - tensor.narrow(0, pairs, pairs)?)?)
    };
    let log_weights = (&sampled.log_joint - &sampled.log_posterior)?.detach();
    let signals = (halves(&log_weights)? * 0.5)?.unsqueeze(2)?;
    let chances = bits.mean()?.detach();
    let certainty = chances.maximum(&chances.affine(-1.0, 1.0)?)?;
    let of_logits = halves(&latents)?.broadcast_mul(&signals)?.mean(0)?;
    let encoder = (&bits.logits * (of_logits * certainty)?)?.sum_all()?;
    let decoder = sampled.log_joint.mean(0)?.sum_all()?;
    let surrogate = ((encoder + decoder)? * (-1.0 / readings as f64))?;
    Ok(Estimate {
        gradients: surrogate.backward()?,
        reconstruction: total(&sampled.log_likelihoods.mean(0)?)?,
        kl: total(&sampled.divergence)?,
        bound: sampled.log_weights()?.elbos().iter().sum(),
    })
}
