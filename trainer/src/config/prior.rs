//! Priors by their names.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The prior of the latents. Written as `standard`, `mixture:N`, `vamp:N` or `factorized`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PriorKind {
    /// N(0, I), or of bits fair coins.
    #[default]
    Standard,
    /// A mixture of diagonal Gaussians, learned.
    Mixture {
        /// Their number, from 1 to 256.
        components: usize,
    },
    /// The mean of the posteriors of learned pseudo-inputs.
    Vamp {
        /// Their number, from 1 to 256.
        pseudo_inputs: usize,
    },
    /// Independent bits, each with a chance that is learned.
    Factorized,
}

impl fmt::Display for PriorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("standard"),
            Self::Mixture { components } => write!(f, "mixture:{components}"),
            Self::Vamp { pseudo_inputs } => write!(f, "vamp:{pseudo_inputs}"),
            Self::Factorized => f.write_str("factorized"),
        }
    }
}

impl FromStr for PriorKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let most = usize::from(elbow::format::MAX_COMPONENTS);
        let unknown = || {
            format!(
                "no such prior: {text}; use standard, mixture:N or vamp:N (N from 1 to {most}), or of bits factorized"
            )
        };
        if text == "standard" {
            return Ok(Self::Standard);
        }
        if text == "factorized" {
            return Ok(Self::Factorized);
        }
        let (name, count) = text.split_once(':').ok_or_else(unknown)?;
        let count = count
            .parse()
            .ok()
            .filter(|count| (1..=most).contains(count));
        match (name, count) {
            ("mixture", Some(components)) => Ok(Self::Mixture { components }),
            ("vamp", Some(pseudo_inputs)) => Ok(Self::Vamp { pseudo_inputs }),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in [
            "standard",
            "mixture:1",
            "mixture:256",
            "vamp:50",
            "factorized",
        ] {
            assert_eq!(text.parse::<PriorKind>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "mixture",
            "mixture:0",
            "mixture:257",
            "vamp:x",
            "normal:3",
        ] {
            let error = text.parse::<PriorKind>().unwrap_err();
            assert!(error.contains("mixture:N"), "{error}");
        }
    }
}
