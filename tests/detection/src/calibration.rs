//! False alarms at small rates, on simulated readings: of real ones there are never enough to see one in ten thousand.

use crate::error::Error;
use crate::interval::{self, Outside};
use crate::measure::{Judged, fit, score};
use crate::set::npy;
use crate::shipped::{Draws, correlated};
use elbow_tests::files;
use elbow_trainer::data::Table;
use elbow_trainer::numeric::tail::PART;
use serde::Serialize;
use std::path::Path;

/// Readings that are drawn and scored at a time.
const SHARE: u32 = 200_000;
/// Columns of a reading.
const COLUMNS: usize = 5;
/// Epochs: calibration holds whatever the model is, and this one fits well enough.
const EPOCHS: &str = "--epochs=30";
/// Counts that chance alone puts outside the bounds of a rate: one in a thousand.
const OUTSIDE: Outside = Outside(1e-3);
/// Standard deviations of a normal number with as much outside.
const DEVIATIONS: f64 = 3.29;

/// How many readings are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// To learn from.
    pub train: u32,
    /// Held out, to calibrate by.
    pub held_out: u32,
    /// Normal ones to test on; rounded up to a multiple of 200,000.
    pub fresh: u32,
}

impl Size {
    /// So many held out and fresh readings, and 4000 to learn from.
    #[must_use]
    pub const fn new(held_out: u32, fresh: u32) -> Self {
        Self {
            train: 4000,
            held_out,
            fresh,
        }
    }
}

/// What `cargo xtask detection --calibration` measures.
pub const SIZES: [Size; 2] = [Size::new(20_000, 4_000_000), Size::new(100_000, 4_000_000)];

/// Rates from what is common to what is only extrapolated.
pub const RATES: [f64; 5] = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/// False alarms at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// The rate that p-values promise.
    pub nominal: f64,
    /// Normal readings that p-values were counted among.
    pub calibrating: u64,
    /// Fresh normal readings.
    pub fresh: u64,
    /// Those whose p-value is at most the rate.
    pub alarms: u64,
    /// The least number of alarms that chance leaves, but for one time in two thousand.
    pub least: u64,
    /// The largest number of alarms that chance leaves, but for one time in two thousand.
    pub most: u64,
    /// Whether the rate is below what was counted, so that the tail says it.
    pub extrapolated: bool,
}

impl Rate {
    /// Whether the alarms are as many as chance leaves.
    #[must_use]
    pub fn holds(&self) -> bool {
        (self.least..=self.most).contains(&self.alarms)
    }
}

/// Trains, calibrates, and counts the alarms at each of `rates` among fresh normal readings.
///
/// # Errors
///
/// The trainer does not build or refuses, or a file cannot be written.
pub fn measure(size: Size, rates: &[f64]) -> Result<Vec<Rate>, Error> {
    let folder = files::temporary_folder()?;
    let path = |name: &str| folder.path().join(name);
    let (data, run, test) = (path("data.npy"), path("run"), path("test.npy"));
    // The trainer wants a reading to evaluate, too.
    let rows = size.train + size.held_out + 1;
    let part = |count: u32| f64::from(count) / f64::from(rows);
    simulate(&data, 0, rows)?;
    let arguments = [
        data.to_string_lossy().into_owned(),
        format!("--validation-fraction={}", part(size.held_out)),
        format!("--test-fraction={}", part(1)),
        EPOCHS.to_owned(),
    ];
    fit(&arguments, &run, 0, "")?;
    let calibrating = u64::from(size.held_out);
    let shares = size.fresh.div_ceil(SHARE);
    let mut alarms = vec![0; rates.len()];
    for share in 1..=shares {
        simulate(&test, share.into(), SHARE)?;
        let judged = score(&run, &test.to_string_lossy())?;
        for (alarms, &rate) in alarms.iter_mut().zip(rates) {
            let all = judged.iter().filter(|judged: &&Judged| judged.alarms(rate));
            *alarms += all.count() as u64;
        }
    }
    let fresh = u64::from(shares * SHARE);
    let counted = alarms.into_iter().zip(rates);
    let counted = counted.map(|(alarms, &nominal)| {
        let rank = (nominal * (calibrating as f64 + 1.0)).floor() as u64;
        let (least, most) = match rank {
            0 => extrapolated(fresh, nominal, calibrating),
            rank => interval::calibrated(fresh, rank, calibrating, OUTSIDE),
        };
        Rate {
            nominal,
            calibrating,
            fresh,
            alarms,
            least,
            most,
            extrapolated: rank == 0,
        }
    });
    Ok(counted.collect())
}

/// Writes so many readings of stream `stream`.
fn simulate(path: &Path, stream: u64, count: u32) -> Result<(), Error> {
    let mut draws = Draws::new(2, stream);
    let values = (0..count).flat_map(|_| correlated(&mut draws)).collect();
    Ok(files::write(path, npy(&Table::new(COLUMNS, values)?))?)
}

/// The interval of a count of alarms where the tail says the threshold.
///
/// With `x = ln(PART / rate)`, and `k` readings in a tail that is about exponential, a fit of the generalized Pareto
/// distribution by probability-weighted moments errs in the logarithm of the rate by a standard deviation of
/// `sqrt((x^4 / 3 - 4 x^3 / 3 + 7 x^2 / 3) / k)`, the variances and the covariance of scale and shape being 7/3, 4/3 and
/// -4/3 over `k` (Hosking and Wallis, "Parameter and quantile estimation for the generalized Pareto distribution", 1987,
/// with a shape of 0). The error of the count itself is Poisson's.
fn extrapolated(fresh: u64, rate: f64, calibrating: u64) -> (u64, u64) {
    let (x, k) = ((PART / rate).ln(), PART * calibrating as f64);
    let variance = (x.powi(4) - 4.0 * x.powi(3) + 7.0 * x.powi(2)) / (3.0 * k);
    let factor = (DEVIATIONS * variance.sqrt()).exp();
    let expected = fresh as f64 * rate;
    let (low, high) = (expected / factor, expected * factor);
    (
        (low - DEVIATIONS * low.sqrt()).max(0.0).floor() as u64,
        (high + DEVIATIONS * high.sqrt()).ceil() as u64,
    )
}
