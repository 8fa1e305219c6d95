//! What every call returns.

use core::ffi::CStr;
#[cfg(feature = "adapt")]
use elbow::adapt::{AdaptError, MediumError};
use elbow::estimator::UnknownEstimator;
use elbow::monitor::WatchError;
use elbow::{
    ImageError, LengthError, MaskError, ReadingError, SelfTestError, ThresholdError, WorkspaceError,
};

/// The number of an error; ELBOW_OK for none. Numbers keep their meaning in later versions.
#[allow(non_camel_case_types, reason = "its name in C")]
pub type elbow_code = u16;

/// No error.
pub const ELBOW_OK: elbow_code = 0;
/// The bytes do not start with ELBW.
pub const ELBOW_E_IMAGE_NOT_AN_IMAGE: elbow_code = 100;
/// The image does not start at a multiple of 8 bytes.
pub const ELBOW_E_IMAGE_MISALIGNED: elbow_code = 101;
/// The image is longer than the memory that holds it.
pub const ELBOW_E_IMAGE_TRUNCATED: elbow_code = 102;
/// The image has another version of the format.
pub const ELBOW_E_IMAGE_FORMAT_VERSION: elbow_code = 103;
/// The image was made for another version of the arithmetic.
pub const ELBOW_E_IMAGE_NUMERICS_VERSION: elbow_code = 104;
/// The image is damaged.
pub const ELBOW_E_IMAGE_CHECKSUM: elbow_code = 105;
/// The image needs a feature that this build leaves out.
pub const ELBOW_E_IMAGE_LEFT_OUT: elbow_code = 106;
/// The header is longer than the image.
pub const ELBOW_E_DEFECT_HEADER_BEYOND: elbow_code = 120;
/// The header does not decode.
pub const ELBOW_E_DEFECT_HEADER: elbow_code = 121;
/// Bytes follow the last field of the header.
pub const ELBOW_E_DEFECT_HEADER_TAIL: elbow_code = 122;
/// The number of inputs is out of range.
pub const ELBOW_E_DEFECT_INPUTS: elbow_code = 123;
/// The number of conditions is out of range.
pub const ELBOW_E_DEFECT_CONDITIONS: elbow_code = 124;
/// The ceiling of inputs is out of range.
pub const ELBOW_E_DEFECT_INPUT_CEILING: elbow_code = 125;
/// The number of the prior's components is out of range.
pub const ELBOW_E_DEFECT_COMPONENTS: elbow_code = 126;
/// The number of latents is out of range.
pub const ELBOW_E_DEFECT_LATENTS: elbow_code = 127;
/// The fraction bits of latents are out of range.
pub const ELBOW_E_DEFECT_LATENT_FRACTION_BITS: elbow_code = 128;
/// A number of the posterior is out of range.
pub const ELBOW_E_DEFECT_POSTERIOR: elbow_code = 129;
/// A deviation of the noise of single passes is negative.
pub const ELBOW_E_DEFECT_NOISE: elbow_code = 130;
/// The front end makes readings of another length.
pub const ELBOW_E_DEFECT_FRONT_END_LENGTH: elbow_code = 131;
/// The hop of windows is out of range.
pub const ELBOW_E_DEFECT_HOP: elbow_code = 132;
/// A tensor lies beyond the end of the image.
pub const ELBOW_E_DEFECT_TENSORS_BEYOND: elbow_code = 133;
/// Bytes follow the last tensor.
pub const ELBOW_E_DEFECT_TAIL: elbow_code = 134;
/// A multiplier is out of range.
pub const ELBOW_E_DEFECT_MULTIPLIER: elbow_code = 135;
/// A number of the prior is out of range.
pub const ELBOW_E_DEFECT_PRIOR: elbow_code = 136;
/// The binomial likelihood has no trials, or a wrong table.
pub const ELBOW_E_DEFECT_BINOMIAL: elbow_code = 137;
/// An input has an unknown kind, or a parameter of its kind is out of range.
pub const ELBOW_E_DEFECT_KINDS: elbow_code = 138;
/// A constant of the density is too large.
pub const ELBOW_E_DEFECT_LOG_NORMALIZER: elbow_code = 139;
/// The layers of a network do not end with the only one of wide outputs.
pub const ELBOW_E_DEFECT_LAYER_ORDER: elbow_code = 140;
/// The last layer of a network has a wrong number of outputs.
pub const ELBOW_E_DEFECT_OUTPUTS: elbow_code = 141;
/// A layer has no outputs.
pub const ELBOW_E_DEFECT_NO_OUTPUTS: elbow_code = 142;
/// A layer has too many weights.
pub const ELBOW_E_DEFECT_WEIGHTS: elbow_code = 143;
/// An accumulator could overflow.
pub const ELBOW_E_DEFECT_ACCUMULATOR: elbow_code = 144;
/// A zero point is beyond its layer's ceiling.
pub const ELBOW_E_DEFECT_ZERO_POINT: elbow_code = 145;
/// A calibration table does not ascend, or has a negative deviation.
pub const ELBOW_E_DEFECT_CALIBRATION: elbow_code = 146;
/// The reading of the self-test is impossible under the likelihood.
pub const ELBOW_E_DEFECT_SELF_TEST_READING: elbow_code = 147;
/// The statistics are out of order, or a number of one is.
pub const ELBOW_E_DEFECT_STATISTICS: elbow_code = 148;
/// The workspace is too small for the model.
pub const ELBOW_E_WORKSPACE: elbow_code = 200;
/// A layer gives other outputs here than on the workstation.
pub const ELBOW_E_SELF_TEST_LAYER: elbow_code = 210;
/// A score differs from the workstation's.
pub const ELBOW_E_SELF_TEST_SCORE: elbow_code = 211;
/// The reading has not as many numbers as the model has inputs.
pub const ELBOW_E_READING_LENGTH: elbow_code = 220;
/// The likelihood gives an input no probability.
pub const ELBOW_E_READING_OUTSIDE_SUPPORT: elbow_code = 221;
/// The estimator has 0 samples, or no passes over such latents.
pub const ELBOW_E_READING_NO_PASSES: elbow_code = 222;
/// The estimator needs a feature that this build leaves out.
pub const ELBOW_E_READING_LEFT_OUT: elbow_code = 223;
/// The mask has a wrong number of bytes.
pub const ELBOW_E_MASK_LENGTH: elbow_code = 230;
/// The mask observes no input.
pub const ELBOW_E_MASK_NOTHING_OBSERVED: elbow_code = 231;
/// A buffer has the wrong length.
pub const ELBOW_E_LENGTH: elbow_code = 240;
/// The calibration tells no false-alarm rate as rare as this one.
pub const ELBOW_E_THRESHOLD: elbow_code = 250;
/// A name is no estimator's.
pub const ELBOW_E_UNKNOWN_ESTIMATOR: elbow_code = 260;
/// The time constant is out of range.
pub const ELBOW_E_MONITOR_TIME_CONSTANT: elbow_code = 300;
/// The alarm would end below the score that raises it.
pub const ELBOW_E_MONITOR_HYSTERESIS: elbow_code = 301;
/// The floor of scores is above the score that raises the alarm.
pub const ELBOW_E_MONITOR_FLOOR: elbow_code = 302;
/// The reference deviation is not positive.
pub const ELBOW_E_MONITOR_DEVIATION: elbow_code = 303;
/// Scores would be clipped to 0 standard deviations.
pub const ELBOW_E_MONITOR_CLIP: elbow_code = 304;
/// The lower limit of the ratio exceeds the upper one.
pub const ELBOW_E_MONITOR_RATIO: elbow_code = 305;
/// The exponent of a power martingale is out of range.
pub const ELBOW_E_MONITOR_EPSILON: elbow_code = 306;
/// The log martingale that raises the alarm is not positive.
pub const ELBOW_E_MONITOR_EVIDENCE: elbow_code = 307;
/// Surprises are kept from ever raising the martingale.
pub const ELBOW_E_MONITOR_CEILING: elbow_code = 308;
/// The model takes whole readings, not a stream.
pub const ELBOW_E_WATCH_NO_STREAM: elbow_code = 320;
/// The image has no calibration.
pub const ELBOW_E_WATCH_NO_CALIBRATION: elbow_code = 321;
/// The bytes are no reference of channels, or damaged.
pub const ELBOW_E_ADAPT_REFERENCE: elbow_code = 340;
/// The reference is of another image.
pub const ELBOW_E_ADAPT_IDENTITY: elbow_code = 341;
/// The reference has another number of channels than a reading has numbers.
pub const ELBOW_E_ADAPT_CHANNELS: elbow_code = 342;
/// The session counts no readings.
pub const ELBOW_E_ADAPT_CALIBRATE: elbow_code = 343;
/// The session is one of another model.
pub const ELBOW_E_ADAPT_SESSION: elbow_code = 344;
/// Half of the memory is too small for the state.
pub const ELBOW_E_MEDIUM_SMALL: elbow_code = 350;
/// The memory is written in units that are too large.
pub const ELBOW_E_MEDIUM_UNIT: elbow_code = 351;
/// Windows have no channels.
pub const ELBOW_E_WINDOWS_NO_CHANNELS: elbow_code = 400;
/// Windows have no samples.
pub const ELBOW_E_WINDOWS_NO_SAMPLES: elbow_code = 401;
/// The hop is 0.
pub const ELBOW_E_WINDOWS_NO_HOP: elbow_code = 402;
/// The hop is longer than a window.
pub const ELBOW_E_WINDOWS_HOP: elbow_code = 403;
/// The storage is smaller than a window.
pub const ELBOW_E_WINDOWS_CAPACITY: elbow_code = 404;
/// A sample has not one number for each channel.
pub const ELBOW_E_WINDOWS_CHANNELS: elbow_code = 405;
/// The front end has no channels.
pub const ELBOW_E_FRONT_END_NO_CHANNELS: elbow_code = 420;
/// The number of samples is out of range.
pub const ELBOW_E_FRONT_END_SAMPLES: elbow_code = 421;
/// The number of features is out of range.
pub const ELBOW_E_FRONT_END_FEATURES: elbow_code = 422;
/// A feature has too many fraction bits.
pub const ELBOW_E_FRONT_END_FRACTION_BITS: elbow_code = 423;
/// A window of this length has no spectrum.
pub const ELBOW_E_FRONT_END_SPECTRUM: elbow_code = 424;
/// The number of bands is out of range.
pub const ELBOW_E_FRONT_END_BANDS: elbow_code = 425;
/// The buffer is smaller than the packet.
pub const ELBOW_E_TELEMETRY_BUFFER: elbow_code = 500;
/// A slice has a wrong number of latents.
pub const ELBOW_E_TELEMETRY_LATENTS: elbow_code = 501;
/// The bytes end before the packet does.
pub const ELBOW_E_TELEMETRY_TRUNCATED: elbow_code = 502;
/// The number of latents in the packet is no number.
pub const ELBOW_E_TELEMETRY_MALFORMED: elbow_code = 503;
/// The latents of the packet have too many fraction bits.
pub const ELBOW_E_TELEMETRY_FRACTION_BITS: elbow_code = 504;
/// A pointer is null that must not be.
pub const ELBOW_E_NULL: elbow_code = 700;
/// A pointer is not aligned as its type is.
pub const ELBOW_E_MISALIGNED: elbow_code = 701;
/// An array ends beyond the address space.
pub const ELBOW_E_TOO_LONG: elbow_code = 702;
/// Memory that the call writes overlaps other memory that the call uses.
pub const ELBOW_E_OVERLAP: elbow_code = 703;
/// A handle was not initialized, was moved, or its model was parsed anew.
pub const ELBOW_E_NOT_READY: elbow_code = 704;
/// A number is out of its range.
pub const ELBOW_E_RANGE: elbow_code = 705;
/// Another call has used the session before the score in slices was done.
pub const ELBOW_E_INTERRUPTED: elbow_code = 706;
/// A callback that reads or writes the memory of a state has not returned 0.
pub const ELBOW_E_MEMORY: elbow_code = 707;

/// The sentence on a code.
pub(crate) const fn meaning(code: elbow_code) -> &'static CStr {
    include!(concat!(env!("OUT_DIR"), "/meanings.rs"))
}

/// An error on its way to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) elbow_code);

/// What a call returns.
pub(crate) fn outcome(result: Result<(), Fault>) -> elbow_code {
    match result {
        Ok(()) => ELBOW_OK,
        Err(Fault(code)) => code,
    }
}

/// Errors of the runtime have their own codes.
macro_rules! faults {
    ($($error:ty),*) => {
        $(
            impl From<$error> for Fault {
                fn from(error: $error) -> Self {
                    Self(error.code())
                }
            }
        )*
    };
}

faults!(
    ImageError,
    LengthError,
    MaskError,
    ReadingError,
    SelfTestError,
    ThresholdError,
    UnknownEstimator,
    WorkspaceError,
    WatchError
);

#[cfg(feature = "adapt")]
faults!(AdaptError, MediumError);
