//! A real number with heavy tails, Student-t around a location: `log p` falls by `(v + 1) / 2 ln(1 + d^2 / v)`.

use super::Shape;
use crate::error::Error;
use crate::likelihood::Terms;
use candle_core::Tensor;
use elbow::image::Tail;
use std::f64::consts::PI;
use std::fmt;

/// The degrees of freedom of a Student-t distribution that nobody named: heavy tails, and a variance (Lange, Little and
/// Taylor, "Robust statistical modeling using the t distribution", 1989, section 5).
const DEGREES: u8 = 4;
/// The most degrees of freedom that an image holds.
pub(in crate::likelihood) const MOST_DEGREES: u8 = 248;

/// A real number with heavy tails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Student {
    /// Degrees of freedom, from 1 to 248.
    pub degrees: u8,
}

impl Default for Student {
    fn default() -> Self {
        Self { degrees: DEGREES }
    }
}

impl fmt::Display for Student {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "student:{}", self.degrees)
    }
}

impl Shape for Student {
    fn parse(name: &str, number: Option<&str>) -> Option<Self> {
        let student = match number {
            _ if name != "student" => return None,
            None => Self::default(),
            Some(number) => Self {
                degrees: number.parse().ok()?,
            },
        };
        (1..=MOST_DEGREES)
            .contains(&student.degrees)
            .then_some(student)
    }

    fn of_tail(tail: Tail) -> Option<Self> {
        match tail {
            Tail::Student { degrees } => Some(Self { degrees }),
            _ => None,
        }
    }

    fn tail(&self) -> Tail {
        Tail::Student {
            degrees: self.degrees,
        }
    }

    #[inline(always)]
    fn penalty(&self, deviation: f32) -> (f32, f32) {
        let degrees = f32::from(self.degrees);
        let square = deviation * deviation / degrees;
        let slope = (degrees + 1.0) * deviation / (degrees * (1.0 + square));
        (0.5 * (degrees + 1.0) * square.ln_1p(), slope)
    }

    fn exact_penalty(&self, deviation: f64) -> f64 {
        let degrees = f64::from(self.degrees);
        0.5 * (degrees + 1.0) * (deviation * deviation / degrees).ln_1p()
    }

    fn penalties(&self, deviation: &Tensor) -> Result<Tensor, Error> {
        let degrees = f64::from(self.degrees);
        let logarithm = ((deviation.sqr()? / degrees)? + 1.0)?.log()?;
        Ok((logarithm * (0.5 * (degrees + 1.0)))?)
    }

    fn log_normalizer(&self) -> f64 {
        let degrees = f64::from(self.degrees);
        let gammas = libm::lgamma(0.5 * degrees) - libm::lgamma(0.5 * (degrees + 1.0));
        gammas + 0.5 * (degrees * PI).ln()
    }

    fn information(&self) -> f64 {
        let degrees = f64::from(self.degrees);
        (degrees + 1.0) / (degrees + 3.0)
    }

    fn scale_information(&self) -> f64 {
        let degrees = f64::from(self.degrees);
        2.0 * degrees / (degrees + 3.0)
    }

    fn log_unit(&self) -> f64 {
        0.5 * f64::from(self.degrees).ln()
    }

    fn cost(&self) -> Terms {
        Terms::Student
    }
}
