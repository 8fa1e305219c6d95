//! Plain structures that both sides read, and the conversions from and to those of the runtime.
#![allow(non_camel_case_types, reason = "their names in C")]

use crate::code::{ELBOW_E_RANGE, Fault};
use core::ffi::{c_char, c_void};
#[cfg(feature = "adapt")]
use elbow::adapt::{Adapted, Adapter, Stage};
use elbow::estimator::UnknownEstimator;
use elbow::monitor::{Event, Transition};
use elbow::text::ScoreLine;
use elbow::{Estimator, Nats, Probability, Score, Statistic};

/// How a bound is estimated: ELBOW_POSTERIOR_MEAN, ELBOW_SIGMA_POINTS, ELBOW_MONTE_CARLO + K,
/// ELBOW_IMPORTANCE_WEIGHTED + K with K from 1 to 65535 passes, or ELBOW_ENUMERATION.
pub type elbow_estimator = u32;

/// One pass at the posterior mean: fast, and biased upward.
pub const ELBOW_POSTERIOR_MEAN: elbow_estimator = 0x0100_0000;
/// Two passes for each latent, at fixed points: the usual choice, which latents that are bits have not.
pub const ELBOW_SIGMA_POINTS: elbow_estimator = 0x0200_0000;
/// Plus K, from 1 to 65535: K passes at random draws, with a standard error.
pub const ELBOW_MONTE_CARLO: elbow_estimator = 0x0300_0000;
/// Plus K, from 1 to 65535: the tighter bound of K importance-weighted draws.
pub const ELBOW_IMPORTANCE_WEIGHTED: elbow_estimator = 0x0400_0000;
/// A pass for each code of up to 12 latents that are bits: the bound itself.
pub const ELBOW_ENUMERATION: elbow_estimator = 0x0500_0000;

/// One nat in the units of bounds and divergences, Q16.16.
pub const ELBOW_NAT: i32 = 65536;
/// Certainty in the units of probabilities, Q1.31.
pub const ELBOW_CERTAIN: u32 = 0x8000_0000;
/// In place of a standard error where there is none.
pub const ELBOW_NO_STANDARD_ERROR: i32 = -1;
/// Bytes that the text of a score may take, with its final NUL.
pub const ELBOW_CSV_BYTES: usize = 192;

/// Statistic: the bound on log p(x).
pub const ELBOW_BOUND: u8 = 0;
/// Statistic: how well the latents explain the reading.
pub const ELBOW_RECONSTRUCTION: u8 = 1;
/// Statistic: the distance to the nearest of a few typical readings.
pub const ELBOW_PROTOTYPES: u8 = 2;
/// Statistic: how far out the numbers lie one by one.
pub const ELBOW_COLUMNS: u8 = 3;
/// Statistic: one that this header does not know.
pub const ELBOW_OTHER_STATISTIC: u8 = 255;

/// Side: the bound is surely above the threshold.
pub const ELBOW_ABOVE: u8 = 0;
/// Side: the bound is surely below the threshold.
pub const ELBOW_BELOW: u8 = 1;
/// Side: the passes were spent before it was sure.
pub const ELBOW_UNSURE: u8 = 2;

/// Nothing was learned.
pub const ELBOW_FACTORY: u8 = 0;
/// The alignment is learned.
pub const ELBOW_LEARNING: u8 = 1;
/// Scores are counted.
pub const ELBOW_CALIBRATING: u8 = 2;
/// What was learned judges.
pub const ELBOW_READY: u8 = 3;

/// Transition: there was no alarm and there is none.
pub const ELBOW_QUIET: u8 = 0;
/// Transition: the alarm begins.
pub const ELBOW_RAISED: u8 = 1;
/// Transition: the alarm goes on.
pub const ELBOW_ALARM: u8 = 2;
/// Transition: the alarm ends.
pub const ELBOW_CLEARED: u8 = 3;

/// What a model needs, and what it takes in.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct elbow_needs {
    /// Bytes of the image.
    pub image_bytes: usize,
    /// RAM of a session in bytes, a multiple of 8.
    pub workspace_bytes: usize,
    /// RAM of a watch in bytes, a multiple of 8; 0 for a model of whole readings.
    pub watch_bytes: usize,
    /// Numbers in a reading: inputs, then conditions.
    pub reading_length: usize,
    /// Numbers of a reading that are scored.
    pub inputs: usize,
    /// Numbers of a reading under which the others are scored.
    pub conditions: usize,
    /// Numbers in a latent vector.
    pub latents: usize,
    /// Fraction bits of latents.
    pub latent_fraction_bits: u32,
    /// Columns of the data: the numbers of a reading, or the channels of a stream.
    pub columns: usize,
}

/// A column of the data. A raw integer stands for (raw + offset) * 2^exponent in its unit. Name and unit lie in the image,
/// are UTF-8 and have no final NUL.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct elbow_column {
    /// The first byte of the name.
    pub name: *const c_char,
    /// Bytes of the name.
    pub name_bytes: usize,
    /// The first byte of the unit.
    pub unit: *const c_char,
    /// Bytes of the unit.
    pub unit_bytes: usize,
    /// Added to a raw integer.
    pub offset: i64,
    /// The power of two that is multiplied then.
    pub exponent: i8,
}

/// A raw integer.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct elbow_raw {
    /// The integer nearest to the value.
    pub value: i16,
    /// Whether the value lay beyond 16 bits.
    pub saturated: bool,
}

/// What a model says about a reading. Nats are Q16.16, 65536 to a nat; the p-value is Q1.31, 2147483648 for certainty.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct elbow_score {
    /// The bound on log p(x), in nats: the higher, the more ordinary the reading.
    pub elbo: i32,
    /// The estimate of E[log p(x|z)], in nats.
    pub reconstruction: i32,
    /// The divergence of the posterior from the prior, in nats.
    pub kl: i32,
    /// The standard error of the bound, in nats, or ELBOW_NO_STANDARD_ERROR.
    pub standard_error: i32,
    /// The chance that a normal reading is judged to be as strange.
    pub p_value: u32,
    /// -ln p in nats, which goes on where the p-value has no more bits; 0 where `statistics` is left out.
    pub surprise: i32,
    /// Decoder passes that it took.
    pub passes: u16,
    /// The statistic that the p-value is owed to, such as ELBOW_BOUND.
    pub statistic: u8,
}

/// What is to be decided.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct elbow_question {
    /// The bound that divides, in nats, Q16.16.
    pub threshold: i32,
    /// The wanted chance to be right, Q1.31: at most ELBOW_CERTAIN.
    pub confidence: u32,
    /// Decoder passes that may be spent; at least one.
    pub max_passes: u16,
}

/// On which side of a threshold a reading lies.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct elbow_decision {
    /// The estimate of the bound that decided, in nats, Q16.16.
    pub bound: i32,
    /// Decoder passes that it took.
    pub passes: u16,
    /// ELBOW_ABOVE, ELBOW_BELOW or ELBOW_UNSURE.
    pub side: u8,
}

/// Settings of a watch.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct elbow_watch_settings {
    /// The estimator of the scores of windows.
    pub estimator: elbow_estimator,
    /// The false-alarm rate of a window that raises the alarm, Q1.31; 0 for 1 in 100.
    pub enter: u32,
    /// The larger rate that ends it, Q1.31; 0 for 1 in 10.
    pub leave: u32,
    /// Scores are smoothed over 2^this windows, 0 to 16.
    pub time_constant: u8,
}

/// The results of a window of a stream.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct elbow_event {
    /// The score of the window.
    pub score: elbow_score,
    /// The number of the window, from 0.
    pub window: u32,
    /// The number of its last sample, from 0.
    pub sample: u32,
    /// The smoothed score, in nats, Q16.16.
    pub smoothed: i32,
    /// The running mean of scores against the calibration, in standard errors, Q16.16.
    pub drift_z: i32,
    /// The running deviation of scores over the calibration's, Q16.16.
    pub drift_ratio: u32,
    /// The nats that the channel to blame lacks, Q16.16; 0 without an alarm.
    pub shortfall: i32,
    /// The channel to blame; 0 without an alarm.
    pub channel: u16,
    /// ELBOW_QUIET, ELBOW_RAISED, ELBOW_ALARM or ELBOW_CLEARED.
    pub transition: u8,
    /// Whether the scores have drifted.
    pub drifted: bool,
}

/// What an adapter takes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct elbow_adapt_needs {
    /// Bytes of RAM beside the adapter itself.
    pub ram_bytes: usize,
    /// Bytes of memory for its state.
    pub memory_bytes: usize,
}

/// Settings of an adapter.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct elbow_adapt_settings {
    /// The estimator of all scores.
    pub estimator: elbow_estimator,
    /// Readings that channels are aligned by, such as 200.
    pub learn: u32,
    /// Readings behind them whose scores are counted, such as 200: n serve false-alarm rates from 1 in n + 1 on.
    pub calibrate: u32,
    /// Scores lower than this many deviations below the mean of the factory are not counted, Q16.16; UINT32_MAX counts all.
    pub trust: u32,
}

/// What an adapter makes of a reading.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct elbow_adapted {
    /// The score of the aligned reading. Its p-value is the factory's.
    pub score: elbow_score,
    /// The p-value on this machine, Q1.31.
    pub p_value: u32,
    /// -ln of it in nats, Q16.16, which goes on where counting ends.
    pub surprise: i32,
    /// The running mean of scores against the factory's, in standard errors, Q16.16; 0 without a calibration.
    pub drift_z: i32,
    /// Readings that the stage after this reading has taken in, and how many it takes until the next; 0 where none follows.
    pub done: u32,
    /// See done.
    pub of: u32,
    /// The stage after this reading: ELBOW_FACTORY, ELBOW_LEARNING, ELBOW_CALIBRATING or ELBOW_READY.
    pub stage: u8,
    /// Whether the scores have drifted from the factory's.
    pub drifted: bool,
}

/// A memory that outlives power, for the state of an adapter. Both functions return 0 when they have done it, and call nothing of
/// this header with the same adapter.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct elbow_memory {
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Bytes of the memory: at least elbow_adapt_needs.memory_bytes.
    pub bytes: u32,
    /// Bytes of a page that is erased at once; 1 where nothing has to be erased.
    pub page_bytes: u32,
    /// Bytes that are written at once, a power of two up to 32.
    pub unit_bytes: u32,
    /// Reads length bytes from place at on, into bytes.
    pub read: Option<
        unsafe extern "C" fn(context: *mut c_void, at: u32, bytes: *mut c_void, length: u32) -> i32,
    >,
    /// Writes length bytes from place at on, whole units; where bytes is NULL it sets them to 0xff instead, whole pages.
    pub write: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            at: u32,
            bytes: *const c_void,
            length: u32,
        ) -> i32,
    >,
}

#[cfg(feature = "adapt")]
impl elbow_adapted {
    /// What `adapter` made of a reading.
    pub(crate) fn new(adapted: &Adapted, adapter: &Adapter<'_>) -> Self {
        let progress = adapter.progress();
        Self {
            score: adapted.score.into(),
            p_value: adapted.p_value.to_bits(),
            surprise: adapted.surprise.to_bits(),
            drift_z: adapted.drift.map_or(0, |drift| drift.z),
            done: progress.done,
            of: progress.of,
            stage: match adapter.stage() {
                Stage::Factory => ELBOW_FACTORY,
                Stage::Learning => ELBOW_LEARNING,
                Stage::Calibrating => ELBOW_CALIBRATING,
                Stage::Ready => ELBOW_READY,
            },
            drifted: adapted.drift.is_some_and(|drift| drift.drifted),
        }
    }
}

/// The estimator that a number means.
pub(crate) fn estimator(number: elbow_estimator) -> Result<Estimator, UnknownEstimator> {
    let kind = number & 0xff00_0000;
    let samples = u16::try_from(number & 0x00ff_ffff).map_err(|_| UnknownEstimator)?;
    match (kind, samples) {
        (ELBOW_POSTERIOR_MEAN, 0) => Ok(Estimator::PosteriorMean),
        (ELBOW_SIGMA_POINTS, 0) => Ok(Estimator::SigmaPoints),
        (ELBOW_MONTE_CARLO, 1..) => Ok(Estimator::MonteCarlo { samples }),
        (ELBOW_IMPORTANCE_WEIGHTED, 1..) => Ok(Estimator::ImportanceWeighted { samples }),
        #[cfg(feature = "bits")]
        (ELBOW_ENUMERATION, 0) => Ok(Estimator::Enumeration),
        _ => Err(UnknownEstimator),
    }
}

/// The probability that a number means.
pub(crate) fn probability(bits: u32) -> Result<Probability, Fault> {
    Probability::from_bits(bits).ok_or(Fault(ELBOW_E_RANGE))
}

impl From<Score> for elbow_score {
    fn from(score: Score) -> Self {
        Self {
            elbo: score.elbo().to_bits(),
            reconstruction: score.reconstruction().to_bits(),
            kl: score.kl().to_bits(),
            standard_error: score
                .standard_error()
                .map_or(ELBOW_NO_STANDARD_ERROR, Nats::to_bits),
            p_value: score.p_value().to_bits(),
            #[cfg(feature = "statistics")]
            surprise: score.surprise().to_bits(),
            #[cfg(not(feature = "statistics"))]
            surprise: 0,
            passes: score.passes(),
            statistic: match score.statistic() {
                Statistic::Bound => ELBOW_BOUND,
                Statistic::Reconstruction => ELBOW_RECONSTRUCTION,
                Statistic::Prototypes => ELBOW_PROTOTYPES,
                Statistic::Columns => ELBOW_COLUMNS,
                _ => ELBOW_OTHER_STATISTIC,
            },
        }
    }
}

impl elbow_score {
    /// The line that the runtime prints of it.
    pub(crate) fn line(&self, reading: u32) -> Result<ScoreLine, Fault> {
        let standard_error = Some(self.standard_error).filter(|&error| error >= 0);
        Ok(ScoreLine {
            reading,
            elbo: Nats::from_bits(self.elbo),
            reconstruction: Nats::from_bits(self.reconstruction),
            kl: Nats::from_bits(self.kl),
            standard_error: standard_error.map(Nats::from_bits),
            p_value: probability(self.p_value)?,
            passes: self.passes,
            statistic: match self.statistic {
                ELBOW_BOUND => Statistic::Bound,
                ELBOW_RECONSTRUCTION => Statistic::Reconstruction,
                ELBOW_PROTOTYPES => Statistic::Prototypes,
                ELBOW_COLUMNS => Statistic::Columns,
                _ => return Err(Fault(ELBOW_E_RANGE)),
            },
        })
    }
}

impl From<Event> for elbow_event {
    fn from(event: Event) -> Self {
        let blame = event.blame;
        Self {
            score: event.score.into(),
            window: event.window,
            sample: event.sample,
            smoothed: event.smoothed.to_bits(),
            drift_z: event.drift.z,
            drift_ratio: event.drift.ratio,
            shortfall: blame.map_or(0, |blame| blame.shortfall.to_bits()),
            channel: blame.map_or(0, |blame| blame.channel),
            transition: match event.transition {
                Transition::Quiet => ELBOW_QUIET,
                Transition::Raised => ELBOW_RAISED,
                Transition::Alarm => ELBOW_ALARM,
                Transition::Cleared => ELBOW_CLEARED,
            },
            drifted: event.drift.drifted,
        }
    }
}
