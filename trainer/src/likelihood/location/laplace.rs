//! A real number, Laplace around a location: `p = exp(-|d|) / (2 b)`.

use super::Shape;
use crate::error::Error;
use candle_core::Tensor;
use elbow::image::Tail;
use std::fmt;

/// A real number, Laplace around a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Laplace;

impl fmt::Display for Laplace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("laplace")
    }
}

impl Shape for Laplace {
    fn parse(name: &str, number: Option<&str>) -> Option<Self> {
        matches!((name, number), ("laplace", None)).then_some(Self)
    }

    fn of_tail(tail: Tail) -> Option<Self> {
        (tail == Tail::Laplace).then_some(Self)
    }

    fn tail(&self) -> Tail {
        Tail::Laplace
    }

    #[inline(always)]
    fn penalty(&self, deviation: f32) -> (f32, f32) {
        // Where the deviation is zero, so is the derivative taken.
        if deviation == 0.0 {
            (0.0, 0.0)
        } else {
            (deviation.abs(), deviation.signum())
        }
    }

    fn exact_penalty(&self, deviation: f64) -> f64 {
        deviation.abs()
    }

    fn penalties(&self, deviation: &Tensor) -> Result<Tensor, Error> {
        Ok(deviation.abs()?)
    }

    fn log_normalizer(&self) -> f64 {
        std::f64::consts::LN_2
    }

    fn scale_information(&self) -> f64 {
        1.0
    }
}
