//! Limits of a gradient before a step.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A limit of the gradient of all parameters in a step. Written as `none`, `norm:X` or `value:X`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Clip {
    /// The gradient stays as it is.
    #[default]
    None,
    /// A gradient whose norm over all parameters is larger is scaled to this norm (Pascanu et al., "On the difficulty of
    /// training recurrent neural networks", ICML 2013, algorithm 1).
    Norm(
        /// The largest norm, above 0.
        f64,
    ),
    /// Numbers of the gradient beyond this one, above or below 0, become this one.
    Value(
        /// The largest size, above 0.
        f64,
    ),
}

impl Clip {
    /// The factor for a gradient whose squares add up to `squares`: at most 1, and 1 but for [`Clip::Norm`].
    pub fn factor(self, squares: f64) -> f64 {
        match self {
            Self::Norm(most) if squares.sqrt() > most => most / squares.sqrt(),
            _ => 1.0,
        }
    }

    /// Limits the numbers of a gradient whose squares, with those of all others in the step, add up to `squares`.
    pub fn apply(self, gradient: &mut [f32], squares: f64) {
        match self {
            Self::None => (),
            Self::Norm(_) => {
                let factor = self.factor(squares) as f32;
                gradient.iter_mut().for_each(|number| *number *= factor);
            }
            Self::Value(most) => {
                let most = most as f32;
                let clamp = |number: &mut f32| *number = number.clamp(-most, most);
                gradient.iter_mut().for_each(clamp);
            }
        }
    }
}

/// The sum of the squares of a gradient.
pub fn squares(gradient: &[f32]) -> f64 {
    gradient
        .iter()
        .map(|&number| f64::from(number).powi(2))
        .sum()
}

impl fmt::Display for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Norm(most) => write!(f, "norm:{most}"),
            Self::Value(most) => write!(f, "value:{most}"),
        }
    }
}

impl FromStr for Clip {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let most = |number: &str| {
            let number = number.parse::<f32>().ok();
            number.filter(|most| *most > 0.0 && most.is_finite())
        };
        let clip = match text.split_once(':') {
            None if text == "none" => Some(Self::None),
            Some(("norm", number)) => most(number).map(|most| Self::Norm(most.into())),
            Some(("value", number)) => most(number).map(|most| Self::Value(most.into())),
            _ => None,
        };
        clip.ok_or_else(|| {
            format!("{text:?} is no limit of a gradient: say none, norm:X or value:X with X above 0, such as norm:1")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_limited_by_norm_or_number_by_number() {
        let limited = |clip: Clip, mut gradient: [f32; 2]| {
            let squares = squares(&gradient);
            clip.apply(&mut gradient, squares);
            gradient
        };
        assert_eq!(limited(Clip::Norm(2.5), [3.0, -4.0]), [1.5, -2.0]);
        assert_eq!(limited(Clip::Norm(5.0), [3.0, -4.0]), [3.0, -4.0]);
        assert_eq!(limited(Clip::Value(3.5), [3.0, -4.0]), [3.0, -3.5]);
        assert_eq!(limited(Clip::None, [3.0, -4.0]), [3.0, -4.0]);
        // What is no number stays one that is none, so that training ends by it.
        assert!(limited(Clip::Value(1.0), [f32::NAN, 0.0])[0].is_nan());
        assert!(limited(Clip::Norm(1.0), [f32::INFINITY, 0.0])[0].is_nan());
    }

    #[test]
    fn limits_are_read_as_they_are_written() {
        for text in ["none", "norm:1", "norm:0.25", "value:5"] {
            assert_eq!(text.parse::<Clip>().unwrap().to_string(), text);
        }
        for text in [
            "norm",
            "norm:0",
            "norm:-1",
            "value:nan",
            "size:1",
            "norm:inf",
            "",
        ] {
            let refused = text.parse::<Clip>().unwrap_err();
            assert!(refused.contains("norm:1"), "{refused}");
        }
    }
}
