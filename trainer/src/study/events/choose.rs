//! Settings of the alarms for a wanted number of false alarms, by normal windows alone.

use super::alarms::{Settings, bet};
use crate::error::Error;
use crate::numeric::tail::{PART, Tail};
use crate::readings::Readings;
use crate::readings::RunConfig;
use crate::readings::device::device_scores;
use crate::readings::splits::Splits;
use elbow::monitor::{MartingaleSettings, Smoother, SmootherSettings, Transition, WatchSettings};
use elbow::{Calibration, Estimator, Model, Nats, Probability, Score};
use serde::Serialize;

/// Time constants that are tried: 2^0 to 2^5 windows.
const TIME_CONSTANTS: std::ops::RangeInclusive<u8> = 0..=5;
/// Windows for each that a time constant averages over, at least, of which its smoothed scores are worth something.
const ENOUGH: usize = 8;
/// The fault that is to be found soon lowers scores by so many of their standard deviations.
const FAULT: i64 = 3;
/// Windows after which a fault counts as found, at the latest.
const PATIENCE: usize = 1024;
/// Times at which the fault begins, about.
const STARTS: usize = 500;

/// The scores of normal windows, in the order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Normal {
    /// Those of windows that follow each other without a gap, stretch by stretch.
    stretches: Vec<Vec<Score>>,
}

impl Normal {
    /// Scores `readings`, windows of stretches of these `lengths` one behind the other; window i draws from stream i of `seed`.
    ///
    /// # Errors
    /// [`Error::Setting`] where a reading cannot be scored.
    pub fn new(
        model: &Model<'_>,
        readings: &Readings,
        lengths: &[usize],
        estimator: Estimator,
        seed: u64,
    ) -> Result<Self, Error> {
        let scores = device_scores(model, readings, None, estimator, seed)?;
        let mut scores = scores.into_iter();
        let stretch = |&length: &usize| scores.by_ref().take(length).collect();
        Ok(Self {
            stretches: lengths.iter().map(stretch).collect(),
        })
    }

    /// Scores the validation windows of `run`: normal ones that the model has not learned from.
    ///
    /// # Errors
    /// [`Error::Data`] where the data of the run cannot be read, [`Error::Setting`] where they are no stream or no window of
    /// them was held out.
    pub fn of_run(
        model: &Model<'_>,
        run: &RunConfig,
        estimator: Estimator,
        seed: u64,
    ) -> Result<Self, Error> {
        let splits = Splits::load(&run.settings)?;
        if splits.stretches.is_empty() {
            return Err(Error::Setting(format!(
                "no window of {} was held out from training: give a normal stream by --normal-stream",
                run.settings.data.source
            )));
        }
        let table = &splits.validation.table;
        let (readings, _) = Readings::from_table(table, model.exponents());
        Self::new(model, &readings, &splits.stretches, estimator, seed)
    }

    /// Windows.
    pub fn windows(&self) -> usize {
        self.stretches.iter().map(Vec::len).sum()
    }

    /// The smoothed score of each window without a floor.
    fn smoothed(&self, time_constant: u8) -> Result<Vec<Nats>, Error> {
        let settings = SmootherSettings {
            time_constant,
            enter: Nats::MIN,
            leave: Nats::MIN,
            floor: Nats::MIN,
        };
        let start = smoother(settings)?;
        let all = self.stretches.iter().flat_map(|stretch| {
            let mut smoother = start;
            stretch.iter().map(move |score| {
                smoother.update(score.elbo());
                smoother.score().unwrap_or(score.elbo())
            })
        });
        Ok(all.collect())
    }

    /// Alarms by the smoothed score.
    ///
    /// # Errors
    /// [`Error::Setting`]: settings that make no sense.
    pub fn alarms(&self, settings: SmootherSettings) -> Result<usize, Error> {
        let start = smoother(settings)?;
        let raised = self.stretches.iter().map(|stretch| {
            let mut smoother = start;
            let transitions = stretch.iter().map(|score| smoother.update(score.elbo()));
            transitions.filter(|&is| is == Transition::Raised).count()
        });
        Ok(raised.sum())
    }

    /// Alarms by a martingale.
    ///
    /// # Errors
    /// [`Error::Setting`]: settings that make no sense.
    pub fn bets(&self, settings: MartingaleSettings) -> Result<usize, Error> {
        let start = bet(Some(settings))?;
        let raised = self.stretches.iter().map(|stretch| {
            let mut martingale = start;
            let transitions = stretch
                .iter()
                .filter_map(|score| martingale.as_mut().map(|bet| bet.update(score.surprise())));
            transitions.filter(|&is| is == Transition::Raised).count()
        });
        Ok(raised.sum())
    }

    /// Windows until the alarm is raised, on average, after scores are lowered by `shift` at one of about [`STARTS`] times.
    fn delay(&self, settings: SmootherSettings, shift: i64) -> Result<f64, Error> {
        let start = smoother(settings)?;
        let step = self.windows().div_ceil(STARTS);
        let (mut sum, mut starts) = (0.0, 0.0);
        for stretch in &self.stretches {
            let mut normal = start;
            for (at, score) in stretch.iter().enumerate() {
                if at % step == 0 && !normal.is_alarm() {
                    let mut faulty = normal;
                    let mut after = stretch[at..].iter().chain(stretch.iter().cycle());
                    let mut raises = |_: &usize| {
                        let lowered = after
                            .next()
                            .map_or(0, |score| i64::from(score.elbo().to_bits()) - shift);
                        faulty.update(nats(lowered)).is_alarm()
                    };
                    let found = (0..PATIENCE).find(|window| raises(window));
                    sum += found.unwrap_or(PATIENCE) as f64;
                    starts += 1.0;
                }
                normal.update(score.elbo());
            }
        }
        Ok(sum / starts)
    }
}

/// So many units of Q16.16, saturating.
fn nats(bits: i64) -> Nats {
    Nats::from_bits(bits.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
}

fn smoother(settings: SmootherSettings) -> Result<Smoother, Error> {
    Smoother::new(settings).map_err(|error| Error::Setting(error.to_string()))
}

/// What is asked of the alarms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// False alarms for each normal window, above 0 and below 1.
    pub per_window: f64,
    /// Base-two logarithm of the windows that scores are averaged over, where that is given.
    pub time_constant: Option<u8>,
    /// The score above which the alarm ends, where that is given; else halfway to the mean of normal scores.
    pub leave: Option<Nats>,
}

/// Settings that were chosen, and what the windows say of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Chosen {
    /// Base-two logarithm of the windows that scores are averaged over.
    pub time_constant: u8,
    /// The alarm is raised where the smoothed score is below this, Q16.16 nats.
    pub enter_q16: i32,
    /// The alarm ends where it is above this.
    pub leave_q16: i32,
    /// Lower scores count as this one.
    pub floor_q16: i32,
    /// Normal windows that were looked at.
    pub windows: usize,
    /// Alarms on them by the smoothed score.
    pub alarms: usize,
    /// Whether the threshold lies below all of their smoothed scores, where only the fitted tail says how rare alarms are.
    pub extrapolated: bool,
    /// Alarms on them by the martingale, where there is one.
    pub martingale_alarms: Option<usize>,
}

/// Chooses the settings of both alarms by `normal` windows.
///
/// For each smoothing, the alarm is raised below the highest score at which these windows raise no more alarms than are
/// wanted. Where less than one is wanted in all of them, the threshold is extrapolated: a generalized Pareto tail of the
/// smoothed scores says below which one a window lies as seldom as alarms are wanted, which is cautious, since one alarm is
/// several such windows. Of the smoothings, that is taken by which a fault is found soonest that lowers the scores of these windows by
/// three standard deviations, as exponentially weighted charts are designed (Lucas and Saccucci, "Exponentially weighted moving average
/// control schemes", Technometrics 32(1), 1990). The martingale needs no choice: its threshold is the
/// logarithm of the windows from one false alarm to the next.
///
/// # Errors
/// [`Error::Setting`]: no calibration, no normal window, or an end of the alarm below its start.
pub fn choose(
    model: &Model<'_>,
    estimator: Estimator,
    normal: &Normal,
    wanted: &Wanted,
) -> Result<(Settings, Chosen), Error> {
    let table = calibration(model, estimator)?;
    let windows = normal.windows();
    if windows == 0 {
        return Err(Error::Setting(
            "there is no normal window to choose the alarm by: give a longer --normal-stream"
                .into(),
        ));
    }
    let tried = match wanted.time_constant {
        Some(constant) => constant..=constant,
        None => TIME_CONSTANTS,
    };
    let mut best: Option<(f64, WatchSettings, bool)> = None;
    for constant in tried {
        let is_long = windows >= ENOUGH << constant.min(16);
        if wanted.time_constant.is_none() && constant > 0 && !is_long {
            continue;
        }
        let (settings, extrapolated) = highest(table, estimator, normal, wanted, constant)?;
        let shift = FAULT * i64::from(table.standard_deviation().to_bits());
        let delay = normal.delay(settings.smoother, shift)?;
        if best.is_none_or(|(least, ..)| delay < least) {
            best = Some((delay, settings, extrapolated));
        }
    }
    let (_, watch, extrapolated) =
        best.ok_or_else(|| Error::Setting("no time constant was tried".into()))?;
    let settings = Settings {
        watch,
        martingale: martingale(model, estimator, Some(wanted.per_window)),
    };
    let SmootherSettings {
        time_constant,
        enter,
        leave,
        floor,
    } = watch.smoother;
    let bets = settings
        .martingale
        .map(|bet| normal.bets(bet))
        .transpose()?;
    let chosen = Chosen {
        time_constant,
        enter_q16: enter.to_bits(),
        leave_q16: leave.to_bits(),
        floor_q16: floor.to_bits(),
        windows,
        alarms: normal.alarms(watch.smoother)?,
        extrapolated,
        martingale_alarms: bets,
    };
    Ok((settings, chosen))
}

/// The bounds of normal windows, by which alarms are set.
///
/// # Errors
/// [`Error::Setting`] where the image has none.
pub fn calibration<'m>(
    model: &'m Model<'_>,
    estimator: Estimator,
) -> Result<&'m Calibration<'m>, Error> {
    let table = model
        .calibration(estimator)
        .filter(|table| table.knots() > 0);
    table.ok_or_else(|| Error::Setting(elbow::monitor::WatchError::NoCalibration.to_string()))
}

/// The settings of the highest threshold by which `normal` raises no more alarms than are wanted, or of a lower one, and whether it
/// is extrapolated.
fn highest(
    table: &Calibration<'_>,
    estimator: Estimator,
    normal: &Normal,
    wanted: &Wanted,
    constant: u8,
) -> Result<(WatchSettings, bool), Error> {
    let settings = |enter: Nats| {
        let halfway = (i64::from(enter.to_bits()) + i64::from(table.mean().to_bits())) / 2;
        let leave = wanted.leave.unwrap_or_else(|| nats(halfway).max(enter));
        WatchSettings::from_thresholds(estimator, table, constant, enter, leave)
    };
    let mut smoothed = normal.smoothed(constant)?;
    smoothed.sort_unstable();
    let lowest = smoothed.first().copied().unwrap_or(Nats::MIN);
    let expected = wanted.per_window * smoothed.len() as f64;
    if expected < 1.0 {
        let negative: Vec<f64> = smoothed.iter().map(|score| -score.to_f64()).collect();
        let enter = Tail::fit(&negative, PART).map_or(lowest, |tail| {
            let value = -tail.value(-wanted.per_window.ln());
            // `as` saturates.
            Nats::from_bits((value * 65536.0).floor() as i32).min(lowest)
        });
        return Ok((settings(enter), true));
    }
    let allowed = expected as usize;
    let (mut best, mut rank) = (settings(lowest), 0);
    while rank < smoothed.len() / 2 {
        let tried = settings(smoothed[rank]);
        let alarms = normal.alarms(tried.smoother)?;
        if alarms <= allowed {
            best = tried;
        } else if alarms > 2 * allowed + 2 {
            break;
        }
        rank += 1 + rank / 8;
    }
    Ok((best, false))
}

/// The settings of the martingale for a chance of false alarms, or the usual ones; none where the calibration of `model` has too few
/// readings to bet by. P-values below what was counted count as the smallest that was.
pub fn martingale(
    model: &Model<'_>,
    estimator: Estimator,
    chance: Option<f64>,
) -> Option<MartingaleSettings> {
    let usual = MartingaleSettings::default();
    let settings = MartingaleSettings {
        threshold: chance.map_or(usual.threshold, |chance| {
            MartingaleSettings::threshold(Probability::new(chance))
        }),
        ceiling: MartingaleSettings::threshold(model.p_values(estimator)?.smallest_counted()),
        ..usual
    };
    bet(Some(settings)).is_ok().then_some(settings)
}
