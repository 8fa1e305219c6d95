//! The number of each error, for logs and for interfaces that carry no more than an integer.
//!
//! All codes are declared here. `ERRORS.md`, beside the sources, lists them, and a test holds that list to this one.

use crate::calibration::ThresholdError;
use crate::estimator::UnknownEstimator;
use crate::format::{Defect, ImageError};
#[cfg(feature = "encode")]
use crate::image::EncodeError;
use crate::length::LengthError;
use crate::mask::MaskError;
use crate::monitor::{MonitorError, WatchError};
use crate::requantize::FactorError;
use crate::score::ReadingError;
use crate::self_test::SelfTestError;
use crate::signal::{FrontEndError, WindowsError};
use crate::telemetry::TelemetryError;
use crate::workspace::WorkspaceError;

/// Gives each error its method `code`, an arm for each kind. A kind in `causes` has the code of its cause.
macro_rules! codes {
    ($(
        $(#[$attribute:meta])*
        enum $error:ident { $($kind:ident = $code:literal,)* }
        causes { $($outer:ident),* }
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
        )*

        /// The names and the codes of all kinds.
        #[cfg(all(test, feature = "encode"))]
        const KINDS: &[(&str, u16)] = &[
            $($((concat!(stringify!($error), "::", stringify!($kind)), $code),)*)*
        ];
    };
}

/// Gives each error of only one kind its method `code`.
macro_rules! single_codes {
    ($(struct $error:ident = $code:literal;)*) => {
        $(
            impl $error {
                /// The number of this error: stable from version to version, zero for none. `ERRORS.md` lists all.
                #[must_use]
                pub const fn code(&self) -> u16 {
                    $code
                }
            }
        )*

        /// The names and the codes of the errors of one kind.
        #[cfg(all(test, feature = "encode"))]
        const SINGLE: &[(&str, u16)] = &[$((stringify!($error), $code),)*];
    };
}

codes! {
    enum ImageError {
        NotAnImage = 100,
        Misaligned = 101,
        Truncated = 102,
        FormatVersion = 103,
        NumericsVersion = 104,
        Checksum = 105,
        LeftOut = 106,
    }
    causes { Invalid }

    enum Defect {
        HeaderBeyond = 120,
        Header = 121,
        HeaderTail = 122,
        Inputs = 123,
        Conditions = 124,
        InputCeiling = 125,
        Components = 126,
        Latents = 127,
        LatentFractionBits = 128,
        Posterior = 129,
        Noise = 130,
        FrontEndLength = 131,
        Hop = 132,
        TensorsBeyond = 133,
        Tail = 134,
        Multiplier = 135,
        Prior = 136,
        Binomial = 137,
        Kinds = 138,
        LogNormalizer = 139,
        LayerOrder = 140,
        Outputs = 141,
        NoOutputs = 142,
        Weights = 143,
        Accumulator = 144,
        ZeroPoint = 145,
        Calibration = 146,
        SelfTestReading = 147,
    }
    causes {}

    enum SelfTestError {
        Layer = 210,
        Score = 211,
    }
    causes { Workspace }

    enum ReadingError {
        Length = 220,
        OutsideSupport = 221,
        NoPasses = 222,
        LeftOut = 223,
    }
    causes { Mask, Buffer }

    enum MaskError {
        Length = 230,
        NothingObserved = 231,
    }
    causes {}

    enum MonitorError {
        TimeConstant = 300,
        Hysteresis = 301,
        Floor = 302,
        Deviation = 303,
        Clip = 304,
        Ratio = 305,
    }
    causes {}

    enum WatchError {
        NoStream = 320,
        NoCalibration = 321,
    }
    causes { Threshold, Workspace, Monitor, Windows, Length, Reading }

    enum WindowsError {
        NoChannels = 400,
        NoSamples = 401,
        NoHop = 402,
        Hop = 403,
        Capacity = 404,
        Channels = 405,
    }
    causes {}

    enum FrontEndError {
        NoChannels = 420,
        Samples = 421,
        Features = 422,
        FractionBits = 423,
        Spectrum = 424,
        Bands = 425,
    }
    causes {}

    enum TelemetryError {
        Buffer = 500,
        Latents = 501,
        Truncated = 502,
        Malformed = 503,
        FractionBits = 504,
    }
    causes {}

    #[cfg(feature = "encode")]
    enum EncodeError {
        TooMany = 620,
        Length = 621,
        Weight = 622,
        Header = 623,
    }
    causes { Factor, Image, Workspace }
}

single_codes! {
    struct WorkspaceError = 200;
    struct LengthError = 240;
    struct ThresholdError = 250;
    struct UnknownEstimator = 260;
    struct FactorError = 600;
}

#[cfg(all(test, feature = "encode"))]
mod tests {
    extern crate std;
    use super::*;
    use std::collections::BTreeMap;

    /// The rows of a table in Markdown whose first cell is a number: the second cell without backticks, and the number.
    fn documented() -> BTreeMap<u16, &'static str> {
        let rows = include_str!("../ERRORS.md").lines();
        rows.filter_map(|row| {
            let mut cells = row.split('|').skip(1).map(str::trim);
            let code = cells.next()?.parse().ok()?;
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
