//! Reference terms of each input in the bound, which a device compares terms with to say
//! which input, or which channel of a stream, is to blame.

use crate::error::Error;
use crate::readings::Readings;
use crate::readings::device::on_device;
use crate::readings::masks::Masks;
use elbow::{Estimator, Model, Nats};

/// The mean of `log p(x_i|z)` over `normal` readings, one number for each input, in nats: by sigma
/// points on the device's integers, over the readings that observe it. Empty without readings.
///
/// # Errors
/// [`Error::Setting`] where a reading cannot be scored: one line that names it.
pub fn typical_terms(
    model: &Model<'_>,
    normal: &Readings,
    observed: Option<&Masks>,
) -> Result<Vec<f64>, Error> {
    if normal.is_empty() {
        return Ok(vec![]);
    }
    let terms = on_device(model, normal, observed, 0, |session, reading, observed| {
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
    let mean = |input: usize| {
        let there = (0..normal.len())
            .filter(|&row| observed.is_none_or(|observed| observed.observes(row, input)));
        let (sum, count) = there.fold((0, 0.0), |(sum, count), row| {
            (sum + terms[row][input], count + 1.0)
        });
        sum as f64 / (65536.0 * f64::max(count, 1.0))
    };
    Ok((0..model.inputs()).map(mean).collect())
}
