//! Bounds of readings whose latents are bits, by candle, at the codes and at the draws of a device.

use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::Batch;
use crate::model::posterior::{draw_noise, opposite};
use candle_core::Tensor;
use elbow::estimator::MAX_ENUMERATED;
use rand_core::Rng;
use std::ops::Range;

/// Codes of a batch that pass through the decoder at once: they bound the memory.
const CODES: usize = 16;
/// The seed of the draws: that by which a device is compared with floats.
const SEED: u64 = 0;

/// The bound of each reading of `batch`, the readings `rows`, nats without the likelihood's constant: exactly, of as many bits as
/// are enumerated; otherwise at `samples` draws, one more of an odd number. Reading `i` draws from stream `i`, as on a device, so
/// that the two differ by what rounding does.
///
/// # Errors
/// [`Error::Tensor`].
pub(super) fn bounds(
    vae: &Vae,
    batch: &Batch,
    rows: Range<usize>,
    samples: usize,
) -> Result<Vec<f64>, Error> {
    if vae.latents() <= usize::from(MAX_ENUMERATED) {
        return enumerated(vae, batch);
    }
    let streams = rows.map(|row| elbow::rng::stream(SEED, row as u64));
    drawn(vae, batch, &mut streams.collect::<Vec<_>>(), samples)
}

/// `sum_z q(z|x) log p(x|z)` over all codes, less the divergence.
fn enumerated(vae: &Vae, batch: &Batch) -> Result<Vec<f64>, Error> {
    let proposal = vae.posterior(&batch.inputs)?;
    let (readings, latents) = (batch.inputs.dim(0)?, vae.latents());
    let mut bounds = numbers(&vae.divergence(&proposal)?)?;
    bounds.iter_mut().for_each(|bound| *bound = -*bound);
    for first in (0..1 << latents).step_by(CODES) {
        let codes = first..(first + CODES).min(1 << latents);
        let bit = |code: usize| (0..latents).map(move |at| (code >> at & 1) as f32);
        let bits: Vec<f32> = codes.clone().flat_map(bit).collect();
        let codes = Tensor::from_vec(bits, (codes.len(), 1, latents), batch.inputs.device())?;
        let codes = codes.broadcast_as((codes.dim(0)?, readings, latents))?;
        let codes = codes.contiguous()?;
        let chances = proposal.log_density(&codes)?.exp()?;
        let terms = (batch.log_likelihoods(vae, &codes)? * chances)?.sum(0)?;
        let terms = numbers(&terms)?;
        bounds
            .iter_mut()
            .zip(terms)
            .for_each(|(bound, term)| *bound += term);
    }
    Ok(bounds)
}

/// The mean at draws in antithetic pairs, those of one reading from one of `streams`.
fn drawn(
    vae: &Vae,
    batch: &Batch,
    streams: &mut [impl Rng],
    samples: usize,
) -> Result<Vec<f64>, Error> {
    let (latents, device) = (vae.latents(), batch.inputs.device());
    let mut sums = vec![0.0; streams.len()];
    let pairs = samples.div_ceil(2);
    for _ in 0..pairs {
        let of_each = streams
            .iter_mut()
            .map(|rng| draw_noise(vae.latent(), (1, 1, latents), rng, device));
        let noise = Tensor::cat(&of_each.collect::<Result<Vec<_>, _>>()?, 1)?;
        for noise in [opposite(vae.latent(), &noise)?, noise] {
            let elbos = batch.elbos_at(vae, &noise)?;
            let sums = sums.iter_mut().zip(elbos);
            sums.for_each(|(sum, elbo)| *sum += elbo);
        }
    }
    sums.iter_mut().for_each(|sum| *sum /= (2 * pairs) as f64);
    Ok(sums)
}

fn numbers(tensor: &Tensor) -> Result<Vec<f64>, Error> {
    let numbers = tensor.to_vec1::<f32>()?.into_iter();
    Ok(numbers.map(f64::from).collect())
}
