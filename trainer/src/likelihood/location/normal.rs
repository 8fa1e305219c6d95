//! A real number, normal around a location: `p = exp(-d^2 / 2) / (sigma sqrt(2 pi))`.

use super::Shape;
use crate::error::Error;
use candle_core::Tensor;
use elbow::image::Tail;
use std::f64::consts::PI;
use std::fmt;

/// A real number, normal around a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Normal;

impl fmt::Display for Normal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("normal")
    }
}

impl Shape for Normal {
    fn parse(name: &str, number: Option<&str>) -> Option<Self> {
        matches!((name, number), ("normal" | "gaussian", None)).then_some(Self)
    }

    fn of_tail(tail: Tail) -> Option<Self> {
        (tail == Tail::Normal).then_some(Self)
    }

    fn tail(&self) -> Tail {
        Tail::Normal
    }

    #[inline(always)]
    fn penalty(&self, deviation: f32) -> (f32, f32) {
        (0.5 * deviation * deviation, deviation)
    }

    fn exact_penalty(&self, deviation: f64) -> f64 {
        0.5 * deviation * deviation
    }

    fn penalties(&self, deviation: &Tensor) -> Result<Tensor, Error> {
        Ok((deviation.sqr()? * 0.5)?)
    }

    fn log_normalizer(&self) -> f64 {
        0.5 * (2.0 * PI).ln()
    }

    fn scale_information(&self) -> f64 {
        2.0
    }
}
