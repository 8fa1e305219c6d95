//! What is typical of each input's term in the bound: what a device compares terms with to say
//! which input, or which channel of a stream, is to blame.

use crate::error::Error;
use crate::readings::Readings;
use crate::readings::device::on_device;
use elbow::{Estimator, Model, Nats};

/// The mean of `log p(x_i|z)` over `normal` readings, one number for each input, in nats: by sigma
/// points on the device's integers, over all readings. Empty without readings.
///
/// # Errors
/// [`Error::Setting`] where a reading cannot be scored: one line that names it.
pub fn typical_terms(model: &Model<'_>, normal: &Readings) -> Result<Vec<f64>, Error> {
    if normal.is_empty() {
        return Ok(vec![]);
    }
    let terms = on_device(model, normal, None, 0, |session, reading, observed| {
        let mut inputs = vec![0; model.inputs()];
        let mut latents = vec![Nats::ZERO; model.latents()];
        session.explain(
            reading,
            observed,
            Estimator::SigmaPoints,
            &mut inputs,
            &mut latents,
        )?;
        Ok(inputs)
    })?;
    let unit = 65536.0 * normal.len() as f64;
    let mean = |input: usize| terms.iter().map(|terms| terms[input]).sum::<i64>() as f64 / unit;
    Ok((0..model.inputs()).map(mean).collect())
}
