//! The message of each error, and its number, for logs and for interfaces that carry no more than an integer.
//!
//! All are declared here. `ERRORS.md`, beside the sources, lists the numbers, and a test holds that list to this one.

#[cfg(feature = "adapt")]
use crate::adapt::{AdaptError, MediumError};
use crate::calibration::ThresholdError;
use crate::estimator::UnknownEstimator;
use crate::format::{ALIGNMENT, Defect, ImageError};
#[cfg(feature = "image")]
use crate::image::WriteError;
use crate::length::LengthError;
use crate::mask::MaskError;
use crate::monitor::{MonitorError, WatchError};
use crate::requantize::FactorError;
use crate::score::ReadingError;
use crate::self_test::SelfTestError;
use crate::signal::{
    FrontEndError, MAX_FEATURES, MAX_FRACTION_BITS, MAX_SAMPLES, WindowsError, fft,
};
use crate::telemetry::{self, TelemetryError};
use crate::workspace::WorkspaceError;
use core::fmt;

/// Gives each error its method `code`, its message and [`core::error::Error`], an arm for each kind. A kind in `causes`
/// has the code of its cause, and its message behind its own.
macro_rules! errors {
    ($(
        $(#[$attribute:meta])*
        enum $error:ident {
            $($kind:ident $(($inside:ident))? $({ $($field:ident),* })? = $code:literal:
                $message:literal $(, $name:ident = $value:expr)*;)*
        }
        causes { $($outer:ident $(: $before:literal)?),* }
    )*) => {
        $(
            $(#[$attribute])*
            impl $error {
                /// The number of this error: stable from version to version, zero for none. `ERRORS.md` lists all.
                #[must_use]
                pub const fn code(&self) -> u16 {
                    match self {
                        $(Self::$kind { .. } => $code,)*
                        $(Self::$outer(cause) => cause.code(),)*
                    }
                }
            }

            $(#[$attribute])*
            impl fmt::Display for $error {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    match self {
                        $(Self::$kind $(($inside))? $({ $($field),* })? => {
                            write!(f, $message $(, $name = $value)*)
                        })*
                        $(Self::$outer(cause) => write!(f, concat!($($before,)? "{}"), cause),)*
                    }
                }
            }

            $(#[$attribute])*
            impl core::error::Error for $error {}
        )*

        /// The names and the codes of all kinds.
        #[cfg(all(test, feature = "image"))]
        const KINDS: &[(&str, u16)] = &[
            $($((concat!(stringify!($error), "::", stringify!($kind)), $code),)*)*
        ];
    };
}

/// The same of each error of only one kind.
macro_rules! single_errors {
    ($(struct $error:ident { $($field:ident),* } = $code:literal: $message:literal $(, $name:ident = $value:expr)*;)*) => {
        $(
            impl $error {
                /// The number of this error: stable from version to version, zero for none. `ERRORS.md` lists all.
                #[must_use]
                pub const fn code(&self) -> u16 {
                    $code
                }
            }

            impl fmt::Display for $error {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    let Self { $($field),* } = self;
                    write!(f, $message $(, $name = $value)*)
                }
            }

            impl core::error::Error for $error {}
        )*

        /// The names and the codes of the errors of one kind.
        #[cfg(all(test, feature = "image"))]
        const SINGLE: &[(&str, u16)] = &[$((stringify!($error), $code),)*];
    };
}

errors! {
    enum ImageError {
        NotAnImage = 100: "this is not an elbow image: it does not start with \"ELBW\"";
        Misaligned = 101:
            "the image does not start at a multiple of {ALIGNMENT} bytes; include it with elbow::include_image!";
        Truncated { have, need } = 102: "the image is truncated: {have} bytes of {need}; copy it again";
        FormatVersion { image, runtime } = 103:
            "the image has format version {image}, this runtime reads {runtime}; make it anew with `trainer quantize`";
        NumericsVersion { image, runtime } = 104:
            "the image has numerics version {image}, this runtime computes {runtime}; make it anew with `trainer quantize`";
        Checksum { stored, computed } = 105:
            "the image is damaged: CRC-32 {stored:08x} is stored, its bytes give {computed:08x}; copy it again";
        LeftOut { feature } = 106:
            "the image needs elbow's feature \"{feature}\", which this build leaves out: switch it on, or export a model that does without";
    }
    causes { Invalid: "the image is not valid: " }

    enum Defect {
        HeaderBeyond = 120: "the header is longer than the image";
        Header = 121: "its header does not decode";
        HeaderTail = 122: "its header has bytes behind its last field";
        Inputs = 123: "its number of inputs is not in 1..=16384";
        Conditions = 124: "its number of conditions is not in 0..=16384";
        InputCeiling = 125: "the ceiling of its inputs is not in 127..=32767";
        Components = 126: "its prior has not 1 to 256 components";
        Latents = 127: "its number of latents is not in 1..=1024";
        LatentFractionBits = 128: "the fraction bits of its latents are not in 6..=15";
        Posterior = 129: "its range of log-variances is not within -32..=8";
        Noise = 130: "a deviation of its noise is negative";
        FrontEndLength = 131: "its front end makes readings of another length";
        Hop = 132: "the hop of its windows is zero or longer than a window";
        TensorsBeyond = 133: "its tensors end before its layers do";
        Tail = 134: "it has bytes behind its last tensor";
        Multiplier = 135: "a multiplier is out of range";
        Prior = 136: "a number of its prior is out of range";
        Binomial = 137: "its binomial likelihood has no trials or a wrong table";
        Kinds = 138: "an input is of no known kind, or a parameter of its kind is out of range";
        LogNormalizer = 139: "a constant of its density is beyond 4096 nats";
        LayerOrder = 140: "its layers do not end with the only one of wide outputs";
        Outputs = 141: "its heads or its output layer have a wrong number of rows";
        NoOutputs = 142: "a layer has no outputs";
        Weights = 143: "a layer has too many weights";
        Accumulator = 144: "an accumulator could reach 2^30, or a weight is -128";
        ZeroPoint = 145: "a zero point is beyond its layer's ceiling";
        Calibration = 146: "a calibration table does not ascend, or has a negative deviation";
        SelfTestReading = 147: "the reading of its self-test is impossible under its likelihood";
        Statistics = 148: "its statistics are out of order, or a number of one is";
    }
    causes {}

    enum SelfTestError {
        Layer { role, index } = 210:
            "self-test: layer {index} ({role}) gives other outputs here than on the workstation";
        Score { estimator, expected, computed } = 211:
            "self-test: {estimator} gives {computed}/65536 nats here, the workstation computed {expected}/65536";
    }
    causes { Workspace }

    enum ReadingError {
        Length { have, need } = 220: "the reading has {have} numbers, the model takes {need}";
        OutsideSupport { index, value, largest } = 221:
            "input {index} reads {value}, the model counts from 0 to {largest}";
        NoPasses = 222: "the model has no estimate by 0 passes: ask for 1 sample or more, or another estimator";
        LeftOut { feature } = 223:
            "the estimator needs elbow's feature \"{feature}\", which this build leaves out: switch it on, or ask for sigma points";
    }
    causes { Mask, Buffer }

    enum MaskError {
        Length { have, need } = 230: "the mask has {have} bytes, the model's inputs need {need}";
        NothingObserved = 231: "the mask observes no input: there is nothing to score";
    }
    causes {}

    enum MonitorError {
        TimeConstant { have, least, most } = 300:
            "a time constant of 2^{have} scores is not in 2^{least} to 2^{most}";
        Hysteresis { enter, leave } = 301:
            "an alarm that is raised below {enter} nats cannot end above {leave} nats";
        Floor { floor, enter } = 302:
            "scores that count as no less than {floor} nats cannot raise an alarm below {enter} nats";
        Deviation(deviation) = 303: "the reference standard deviation is {deviation} nats, it must be positive";
        Clip = 304: "scores cannot be clipped to 0 standard deviations";
        Ratio { least, most } = 305:
            "the lower limit of the ratio, {least}/65536, exceeds the upper one, {most}/65536";
        Epsilon(epsilon) = 306: "the exponent of a power martingale is {epsilon}, it must be above 0 and below 1";
        Evidence(threshold) = 307:
            "a martingale that raises the alarm at {threshold} nats needs no evidence: give more than 0";
        Ceiling { ceiling, epsilon } = 308:
            "surprises of at most {ceiling} nats never pay with the exponent {epsilon}: calibrate with more readings, or take a larger exponent";
    }
    causes {}

    enum WatchError {
        NoStream = 320: "the model takes whole readings, not a stream: train one on windows";
        NoCalibration = 321: "the image has no calibration: train with validation readings";
    }
    causes { Threshold, Workspace, Monitor, Windows, Length, Reading }

    #[cfg(feature = "adapt")]
    enum AdaptError {
        Reference = 340:
            "these bytes are no reference of channels that this version reads, or damaged: write them anew with `trainer adapt --reference`";
        Identity { image, reference } = 341:
            "the reference is of the image with checksum {reference:08x}, this one has {image:08x}: write it anew with `trainer adapt --reference`";
        Channels { have, need } = 342: "the reference has {have} channels, a reading {need} numbers";
        Calibrate = 343: "a session that counts 0 readings serves no rate: calibrate with 1 or more";
        Session = 344: "the session is one of another model: score with a session of the adapter's";
    }
    causes { Image, Workspace, Monitor, Reading }

    #[cfg(feature = "adapt")]
    enum MediumError {
        Small { have, need } = 350: "each half of the memory has {have} bytes, the state takes {need}";
        Unit { have, most } = 351: "the memory is written in units of {have} bytes, the most is {most}";
    }
    causes {}

    enum WindowsError {
        NoChannels = 400: "a window needs at least 1 channel";
        NoSamples = 401: "a window needs at least 1 sample";
        NoHop = 402: "windows need a hop of at least 1 sample";
        Hop { hop, samples } = 403: "a hop of {hop} samples skips some between windows of {samples}";
        Capacity { have, need } = 404: "the storage holds {have} numbers, a window has {need}";
        Channels { have, need } = 405: "the sample has {have} numbers, the windows have {need} channels";
    }
    causes {}

    enum FrontEndError {
        NoChannels = 420: "a front end needs at least 1 channel";
        Samples(have) = 421: "{have} samples are not in 1 to {MAX_SAMPLES}";
        Features(have) = 422: "{have} features are not in 1 to {MAX_FEATURES}";
        FractionBits(have) = 423: "{have} fraction bits are more than {MAX_FRACTION_BITS}";
        Spectrum(have) = 424:
            "a window of {have} samples has no spectrum: take a power of two from {shortest} to {longest}",
            shortest = fft::SHORTEST, longest = fft::LONGEST;
        Bands { have, most } = 425: "{have} bands are not in 1 to {most}, half of the window";
    }
    causes {}

    enum TelemetryError {
        Buffer { have, need } = 500: "the buffer holds {have} bytes, the packet takes {need}";
        Latents { have, need } = 501: "there is room for {have} latents, not for {need}";
        Truncated = 502: "the bytes end before the packet does";
        Malformed = 503: "the packet's number of latents is no number";
        FractionBits(have) = 504: "the packet's latents have {have} fraction bits, the most is {most}",
            most = telemetry::MAX_FRACTION_BITS;
    }
    causes {}

    #[cfg(feature = "image")]
    enum WriteError {
        TooMany { what, have, most } = 620: "{have} {what}, an image has room for {most}";
        Length { what, have, need } = 621: "{have} {what}, the model needs {need}";
        Weight { index, weight } = 622:
            "weight {index} of a layer of four-bit weights is {weight}: use a multiple of 16, or eight bits";
        Header(error) = 623: "the header cannot be serialized: {error}";
    }
    causes { Factor, Image, Workspace }
}

single_errors! {
    struct WorkspaceError { have, need } = 200:
        "the workspace holds {have} bytes, the model needs {need}: use Workspace::<{words}>", words = need / 8;
    struct LengthError { what, have, need } = 240: "the {what} has {have} elements, {need} are needed";
    struct ThresholdError { rate, smallest } = 250:
        "a false-alarm rate of {rate} is asked for, the calibration tells none below {smallest} apart: calibrate with more readings";
    struct UnknownEstimator {} = 260:
        "no such estimator: use posterior-mean, sigma-points, monte-carlo:K or importance-weighted:K with K from 1 to 65535 samples";
    struct FactorError { factor } = 600: "scale factor {factor} is outside [2^-46, 32767]";
}

#[cfg(all(test, feature = "image"))]
mod tests {
    extern crate std;
    use super::*;
    use std::collections::BTreeMap;
    use std::format;

    /// Codes from here on are of the C interface, which holds itself to the list.
    const OF_C: u16 = 700;

    /// The rows of a table in Markdown whose first cell is a number: the second cell without backticks, and the number.
    fn documented() -> BTreeMap<u16, &'static str> {
        let rows = include_str!("../ERRORS.md").lines();
        rows.filter_map(|row| {
            let mut cells = row.split('|').skip(1).map(str::trim);
            let code = cells.next()?.parse().ok()?;
            if code >= OF_C {
                return None;
            }
            let name = cells.next()?.trim_matches('`');
            assert!(!cells.next()?.is_empty(), "{name} has no meaning");
            Some((code, name))
        })
        .collect()
    }

    #[test]
    fn codes_are_distinct_and_documented() {
        let declared = || KINDS.iter().chain(SINGLE);
        let by_code: BTreeMap<u16, &str> = declared().map(|&(name, code)| (code, name)).collect();
        assert_eq!(
            by_code.len(),
            declared().count(),
            "two errors with one code"
        );
        assert!(!by_code.contains_key(&0));
        assert_eq!(by_code, documented());
        let rows = include_str!("../ERRORS.md").lines();
        let rows = rows.take_while(|row| !row.starts_with(&format!("Codes from {OF_C} on")));
        let rows = rows.filter(|row| row.starts_with("| ") && !row.starts_with("| code"));
        assert_eq!(
            rows.count(),
            by_code.len(),
            "a row without a code of its own"
        );
    }

    /// Codes of one type follow one another, so that a later kind of it finds room behind them.
    #[test]
    fn each_type_has_a_block() {
        let mut blocks: BTreeMap<&str, (u16, u16)> = BTreeMap::new();
        for &(name, code) in KINDS.iter().chain(SINGLE) {
            let (error, _) = name.split_once("::").unwrap_or((name, ""));
            let (first, last) = blocks.entry(error).or_insert((code, code));
            (*first, *last) = ((*first).min(code), (*last).max(code));
        }
        let mut in_order: std::vec::Vec<_> = blocks.values().collect();
        in_order.sort();
        assert!(in_order.iter().all(|(first, _)| first % 10 == 0));
        assert!(in_order.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
