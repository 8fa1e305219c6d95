//! Limits of a model's cost on its core.

use clap::Args;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// Limits of what a score takes; none is no limit.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Size the networks to so much flash on --core: the image, and the runtime's code and tables. Bytes, such
    /// as 65536 or 64K
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    #[serde(deserialize_with = "bytes", skip_serializing_if = "Option::is_none")]
    pub flash: Option<u64>,
    /// Size them to so much RAM: workspace, stack and a reading. Bytes, such as 8K
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    #[serde(deserialize_with = "bytes", skip_serializing_if = "Option::is_none")]
    pub ram: Option<u64>,
    /// Size them to so many instructions a score by sigma points, such as 500k; the front end of a stream is not
    /// counted
    #[arg(long, value_name = "N", value_parser = parse_instructions)]
    #[serde(
        deserialize_with = "instructions",
        skip_serializing_if = "Option::is_none"
    )]
    pub instructions: Option<u64>,
}

impl Limits {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A number with a suffix: k and M by `unit` and its square.
fn parse(text: &str, unit: u64) -> Option<u64> {
    let (digits, factor) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, unit),
        None => match text.strip_suffix('M') {
            Some(digits) => (digits, unit * unit),
            None => (text, 1),
        },
    };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(factor)
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    parse(text, 1024).ok_or_else(|| "give bytes, such as 65536, 64K or 1M".into())
}

fn parse_instructions(text: &str) -> Result<u64, String> {
    parse(text, 1000).ok_or_else(|| "give a number, such as 500000, 500k or 2M".into())
}

/// A number, or text with a suffix, as a file has it.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a whole number from 0 on, or text such as \"64K\""
)]
enum Amount {
    Number(u64),
    Text(String),
}

/// The amount of a file, its text understood by `parse`.
fn amount<'d, D: Deserializer<'d>>(
    deserializer: D,
    parse: fn(&str) -> Result<u64, String>,
) -> Result<Option<u64>, D::Error> {
    match Amount::deserialize(deserializer)? {
        Amount::Number(number) => Ok(Some(number)),
        Amount::Text(text) => parse(&text).map(Some).map_err(D::Error::custom),
    }
}

fn bytes<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    amount(deserializer, parse_bytes)
}

fn instructions<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    amount(deserializer, parse_instructions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_binary_for_bytes_and_decimal_for_instructions() {
        assert_eq!(parse_bytes("64K"), Ok(65_536));
        assert_eq!(parse_bytes("1M"), Ok(1 << 20));
        assert_eq!(parse_bytes("4096"), Ok(4096));
        assert_eq!(parse_instructions("500k"), Ok(500_000));
        assert_eq!(parse_instructions("2M"), Ok(2_000_000));
        for text in ["", "K", "-1", "1.5K", "64KB", "99999999999999999999"] {
            assert!(parse_bytes(text).is_err(), "{text}");
            assert!(parse_instructions(text).is_err(), "{text}");
        }
    }
}
