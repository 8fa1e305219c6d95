//! Computes scores as a device does, by its own functions, on all cores.

use crate::error::Error;
use crate::numeric::parallel::{cores, on_all};
use crate::readings::Readings;
use crate::readings::masks::Masks;
use elbow::{Estimator, Mask, Model, ReadingError, Score, Session};

/// Shares of the readings that a thread takes one after another, about: whoever is done early takes more.
const SHARES: usize = 8;

/// The score of each reading as the device computes it: reading `i` draws from stream `i` of
/// `seed`. With `masks`, that of what they observe.
///
/// # Errors
/// [`Error::Setting`] where a reading cannot be scored: one line that names it.
pub fn device_scores(
    model: &Model<'_>,
    readings: &Readings,
    masks: Option<&Masks>,
    estimator: Estimator,
    seed: u64,
) -> Result<Vec<Score>, Error> {
    device_scores_from(
        model,
        readings,
        masks,
        estimator,
        Streams { seed, first: 0 },
    )
}

/// The random streams of readings: reading `i` of some draws from stream `first + i` of `seed`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streams {
    /// The seed of all streams.
    pub(crate) seed: u64,
    /// The stream of the first reading, which is its number among all readings.
    pub(crate) first: usize,
}

/// The same of readings that are a part of others.
///
/// # Errors
/// The errors of [`device_scores`].
pub(crate) fn device_scores_from(
    model: &Model<'_>,
    readings: &Readings,
    masks: Option<&Masks>,
    estimator: Estimator,
    streams: Streams,
) -> Result<Vec<Score>, Error> {
    on_device_from(model, readings, masks, streams, |session, row, observed| {
        session.score_observed(row, observed, estimator)
    })
}

/// Calls `work` for each reading and its mask, on a device that draws from stream `i` of
/// `seed` for reading `i`. Runs on all cores; the result does not depend on how many.
///
/// # Errors
/// [`Error::Setting`]: one line that names the reading.
pub fn on_device<T: Send>(
    model: &Model<'_>,
    readings: &Readings,
    masks: Option<&Masks>,
    seed: u64,
    work: impl Fn(&mut Session<'_>, &[i16], Mask<'_>) -> Result<T, ReadingError> + Sync,
) -> Result<Vec<T>, Error> {
    on_device_from(model, readings, masks, Streams { seed, first: 0 }, work)
}

fn on_device_from<T: Send>(
    model: &Model<'_>,
    readings: &Readings,
    masks: Option<&Masks>,
    Streams { seed, first }: Streams,
    work: impl Fn(&mut Session<'_>, &[i16], Mask<'_>) -> Result<T, ReadingError> + Sync,
) -> Result<Vec<T>, Error> {
    let share = readings.len().div_ceil(cores() * SHARES).max(1);
    let part = |session: &mut Session<'_>, part: usize| -> Result<Vec<T>, Error> {
        let one = |reading: usize| {
            let number = first + reading;
            session.reseed(seed, number as u64);
            let fault = |error: &dyn std::fmt::Display| {
                Error::Setting(format!("reading {}: {error}", number + 1))
            };
            let observed = masks.map_or(Ok(Mask::ALL), |masks| masks.mask_of(reading));
            let observed = observed.map_err(|error| fault(&error))?;
            work(session, readings.row(reading), observed).map_err(|error| fault(&error))
        };
        let start = part * share;
        (start..readings.len().min(start + share))
            .map(one)
            .collect()
    };
    let parts = on_all(readings.len().div_ceil(share), |parts| {
        let mut workspace = vec![0u64; model.workspace_words()];
        let mut session = Session::new(model, &mut workspace, seed)
            .map_err(|error| Error::Setting(error.to_string()))?;
        Ok(parts.map(|at| (at, part(&mut session, at))).collect())
    })?;
    Ok(parts.into_iter().flatten().collect())
}

/// Each reading with its gaps filled in as the device does, in the units of the data.
///
/// # Errors
/// [`Error::Setting`]: one line that names the reading.
pub fn imputed(
    model: &Model<'_>,
    readings: &Readings,
    masks: Option<&Masks>,
) -> Result<Vec<Vec<f64>>, Error> {
    let units = Units::of(model);
    on_device(model, readings, masks, 0, |session, row, observed| {
        let mut filled = vec![0i32; model.inputs()];
        session.impute(row, observed, &mut filled)?;
        // Conditions stay as they are.
        let behind = row[model.inputs()..].iter();
        filled.extend(behind.map(|&condition| i32::from(condition) << 16));
        Ok(units.values(filled.iter().map(|&value| f64::from(value) / 65536.0)))
    })
}

/// For each number of a model's readings what is added to a raw one, and what one is then worth in the units of the
/// data.
#[derive(Clone, Debug)]
pub struct Units(Vec<(f64, f64)>);

impl Units {
    /// The units of `model`.
    pub fn of(model: &Model<'_>) -> Self {
        let numbers = model.exponents().iter().enumerate();
        let units = numbers.map(|(index, &exponent)| {
            // The columns of a stream are its channels, what is made of their windows has no offset.
            let column = model.column(index).filter(|_| model.stream().is_none());
            let offset = column.map_or(0, |column| column.offset());
            (offset as f64, 2f64.powi(exponent.into()))
        });
        Self(units.collect())
    }

    /// The values of the first numbers of a reading, which are `raw`.
    pub fn values(&self, raw: impl IntoIterator<Item = f64>) -> Vec<f64> {
        let numbers = raw.into_iter().zip(&self.0);
        numbers
            .map(|(raw, (offset, step))| (raw + offset) * step)
            .collect()
    }
}

/// The bounds of `scores`, in nats.
pub fn elbos(scores: &[Score]) -> Vec<f64> {
    scores.iter().map(|score| score.elbo().to_f64()).collect()
}
