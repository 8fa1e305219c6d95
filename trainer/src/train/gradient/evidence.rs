//! The importance-weighted bound, of either kind of latents.

use super::Sampled;
use crate::error::Error;
use crate::model::Vae;
use crate::model::posterior::draw_noise;
use crate::model::prepared::Prepared;
use crate::numeric::random::{self, Purpose};

/// Decoder passes that are computed at once: what bounds the memory.
const PASSES: usize = 8192;

/// `ln 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x)` of each reading, nats, at `samples` draws, always the same
/// ones: in expectation a lower bound on log p(x) (Burda, Grosse and Salakhutdinov, "Importance
/// weighted autoencoders", 2016, equation 8).
///
/// # Errors
/// [`Error::Tensor`].
pub fn log_evidence(vae: &Vae, data: &Prepared, samples: usize) -> Result<Vec<f64>, Error> {
    let mut rng = random::stream(0, Purpose::Evaluation);
    let mut bounds = Vec::with_capacity(data.readings.len());
    let rows = (PASSES / samples).max(1);
    for start in (0..data.readings.len()).step_by(rows) {
        let length = rows.min(data.readings.len() - start);
        let batch = data.narrow(start, length, None)?;
        let shape = (samples, length, vae.latents());
        let noise = draw_noise(vae.latent(), shape, &mut rng, batch.inputs.device())?;
        let of_rows = Sampled::new(vae, &batch, &noise)?.log_weights()?.bounds();
        let of_rows = of_rows.into_iter().zip(start..);
        bounds.extend(of_rows.map(|(bound, row)| bound + data.constant(row, None)));
    }
    Ok(bounds)
}
