//! What is typical of each input's term in the bound: what a device compares terms with to say
//! which input, or which channel of a stream, is to blame.

use crate::error::Error;
use crate::readings::Readings;
use elbow::{Estimator, Mask, Model, Nats, Session};

/// The mean of `log p(x_i|z)` over `normal` readings, one number for each input, in nats: by sigma
/// points on the device's integers, all readings, on all cores. The sums are exact, so that the
/// result does not depend on how many cores there are. Empty without readings.
///
/// # Errors
/// [`Error::Setting`] where a reading cannot be scored: one line that names it.
pub fn typical_terms(model: &Model<'_>, normal: &Readings) -> Result<Vec<f64>, Error> {
    if normal.is_empty() {
        return Ok(vec![]);
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = normal.len().div_ceil(threads).max(1);
    let mut sums = vec![0i64; model.inputs()];
    std::thread::scope(|scope| {
        let starts = (0..normal.len()).step_by(share);
        let workers: Vec<_> = starts
            .map(|start| scope.spawn(move || sum_terms(model, normal, start, share)))
            .collect();
        for worker in workers {
            let part = worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            add(&mut sums, &part);
        }
        Ok::<(), Error>(())
    })?;
    let unit = 65536.0 * normal.len() as f64;
    Ok(sums.iter().map(|&sum| sum as f64 / unit).collect())
}

/// The sums over the readings from `start` on, at most `share` of them, Q47.16.
fn sum_terms(
    model: &Model<'_>,
    normal: &Readings,
    start: usize,
    share: usize,
) -> Result<Vec<i64>, Error> {
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(model, &mut workspace, 0)
        .map_err(|error| Error::Setting(error.to_string()))?;
    let mut terms = vec![0; model.inputs()];
    let mut latents = vec![Nats::ZERO; model.latents()];
    let mut sums = vec![0; model.inputs()];
    for (index, reading) in normal.iter().enumerate().skip(start).take(share) {
        let estimator = Estimator::SigmaPoints;
        session
            .explain(reading, Mask::ALL, estimator, &mut terms, &mut latents)
            .map_err(|error| Error::Setting(format!("reading {}: {error}", index + 1)))?;
        add(&mut sums, &terms);
    }
    Ok(sums)
}

fn add(sums: &mut [i64], terms: &[i64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}
