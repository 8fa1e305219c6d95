//! Ways to find the ranges of activations.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The percentile where nobody says another.
const PERCENTILE: f64 = 99.9;

/// Way to find the ranges of activations. Written as `min-max`, `percentile` (99.9), `percentile:P` or
/// `nats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Calibration {
    /// Extremes of each unit on the calibration set.
    #[default]
    MinMax,
    /// Percentile of each unit on the calibration set.
    Percentile(
        /// The percentile, from 50 to 100.
        f64,
    ),
    /// Extremes of each unit times the factors for inputs and layers with which the device's scores are
    /// closest to those in floats.
    Nats,
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinMax => f.write_str("min-max"),
            Self::Percentile(percentile) => write!(f, "percentile:{percentile}"),
            Self::Nats => f.write_str("nats"),
        }
    }
}

impl FromStr for Calibration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percentile = match text {
            "min-max" => return Ok(Self::MinMax),
            "nats" => return Ok(Self::Nats),
            "percentile" => Some(PERCENTILE),
            _ => text
                .strip_prefix("percentile:")
                .and_then(|number| number.parse().ok()),
        };
        match percentile {
            Some(percentile) if (50.0..=100.0).contains(&percentile) => {
                Ok(Self::Percentile(percentile))
            }
            _ => Err(format!(
                "no such calibration: {text}; use min-max, percentile, percentile:P (P from 50 to 100) or nats"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calibrations_are_read_as_they_are_written() {
        for text in ["min-max", "percentile:99.5", "nats"] {
            assert_eq!(text.parse::<Calibration>().unwrap().to_string(), text);
        }
        assert_eq!("percentile".parse(), Ok(Calibration::Percentile(99.9)));
        for text in ["percentile:40", "percentile:x", "max", ""] {
            assert!(text.parse::<Calibration>().is_err(), "{text}");
        }
    }
}
