//! Bits of the weights of an image.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Nats that [`Weights::Auto`] may cost where nobody says how many.
const NATS: f64 = 0.5;

/// Bits of the weights of each layer. Written as `int8`, `int4`, `auto` (0.5 nat) or `auto:NATS`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Weights {
    /// 8 in every layer.
    #[default]
    Int8,
    /// 4 in every layer but the smallest: half of the flash.
    Int4,
    /// 4 in as many layers as cost so few nats, those first that save the most bytes for a nat.
    Auto(
        /// Mean distance that the scores of normal readings may have from those in floats; above 0.
        f64,
    ),
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int8 => f.write_str("int8"),
            Self::Int4 => f.write_str("int4"),
            Self::Auto(nats) => write!(f, "auto:{nats}"),
        }
    }
}

impl FromStr for Weights {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let nats: Option<f64> = match text {
            "int8" => return Ok(Self::Int8),
            "int4" => return Ok(Self::Int4),
            "auto" => Some(NATS),
            _ => text
                .strip_prefix("auto:")
                .and_then(|nats| nats.parse().ok()),
        };
        match nats {
            Some(nats) if nats > 0.0 && nats.is_finite() => Ok(Self::Auto(nats)),
            _ => Err(format!(
                "no such weights: {text}; use int8, int4, auto, or auto:NATS (above 0)"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_as_they_are_written() {
        for text in ["int8", "int4", "auto:0.25"] {
            assert_eq!(text.parse::<Weights>().unwrap().to_string(), text);
        }
        assert_eq!("auto".parse(), Ok(Weights::Auto(0.5)));
        for text in ["int2", "auto:0", "auto:-1", "auto:x", "auto:inf", ""] {
            assert!(text.parse::<Weights>().is_err(), "{text}");
        }
    }
}
