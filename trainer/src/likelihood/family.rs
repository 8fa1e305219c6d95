//! The trait of a family of distributions: all that is known of it.

use super::row::{Parameters, Row};
use super::special::Rng;
use crate::error::Error;
use candle_core::Tensor;
use clap::ValueEnum;
use elbow::distribution;
use elbow::image::GroupSpec;
use std::fmt;

/// The normalization of one number of a reading.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// The raw reading that network input 0 stands for.
    pub center: i16,
    /// A network unit, in raw ones.
    pub unit: f32,
    /// The power of two that a raw unit is worth.
    pub exponent: i8,
    /// The smallest standard deviation that raw readings resolve.
    pub floor: f64,
}

/// Values that a number of a reading may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// A whole number from 0 on.
    UpTo(u8),
    /// Any whole number: what was never seen is scored as that.
    Whole,
    /// Any number.
    Real,
}

impl Support {
    /// Whether `x` is among the values.
    pub fn holds(self, x: f32) -> bool {
        match self {
            Self::UpTo(trials) => (0.0..=f32::from(trials)).contains(&x) && x.fract() == 0.0,
            Self::Whole => x.fract() == 0.0,
            Self::Real => true,
        }
    }
}

/// Values of a column that a user gives a kind.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// The values in words.
    pub text: &'static str,
    /// The largest of them.
    pub largest: f64,
}

/// The start of training: the output of a decoder that knows only the moments of a number, and the parameter if they tell
/// it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Start {
    /// The output of the decoder.
    pub output: f32,
    /// The parameter beside it.
    pub parameter: Option<f32>,
}

/// A column's part of an image, and the network units that make one step of each of its outputs.
#[derive(Clone, Debug)]
pub struct Group {
    /// The part of the image.
    pub spec: GroupSpec,
    /// Network units of a step of an output.
    pub step: f64,
}

/// Network units that make one step of an output that is a logit.
pub(crate) const LOGIT_STEP: f64 = 1.0 / 65536.0;

/// Terms of a likelihood that cost a device differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Terms {
    /// Counts up to a number of trials, in all inputs.
    Counts,
    /// Normal, in all inputs.
    Normal,
    /// Laplace, in all inputs.
    Laplace,
    /// Normal with the decoder's scale.
    NormalPredicted,
    /// Laplace with the decoder's scale.
    LaplacePredicted,
    /// Normal or Laplace, in a column among others.
    Location,
    /// Student-t, in a column among others.
    Student,
    /// A flag among other columns.
    Flag,
    /// A count among other columns.
    Count,
    /// A state among other columns.
    State,
}

impl Terms {
    /// All of them.
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Those of a location that all inputs have.
    pub(crate) fn of_location(shape: distribution::Family, predicted_scale: bool) -> Self {
        use distribution::Family::{Laplace, Normal};
        match (shape, predicted_scale) {
            (Normal, false) => Self::Normal,
            (Laplace, false) => Self::Laplace,
            (Normal, true) => Self::NormalPredicted,
            (Laplace, true) => Self::LaplacePredicted,
        }
    }

    /// Outputs of the decoder for each input.
    pub(crate) fn rows_per_input(self) -> usize {
        match self {
            Self::NormalPredicted | Self::LaplacePredicted => 2,
            _ => 1,
        }
    }

    /// Whether a column has them, and other columns may have others.
    pub(crate) fn is_of_column(self) -> bool {
        match self {
            Self::Counts | Self::Normal | Self::Laplace => false,
            Self::NormalPredicted | Self::LaplacePredicted => false,
            Self::Location | Self::Student | Self::Flag | Self::Count | Self::State => true,
        }
    }
}

/// A family of distributions of the numbers of a column. Displayed by its name as an option.
///
/// Numbers are those of a run of neighbouring columns of the family: tensors of x are (batch, numbers) and of outputs
/// (batch, numbers times [`Family::outputs_per_number`]); parameters are one for each number or one for all. Functions of
/// tensors fail with [`Error::Tensor`].
pub trait Family: fmt::Debug + fmt::Display {
    /// The family that is called `name`, or `name:number`.
    fn parse(_name: &str, _number: Option<&str>) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// The family of a group of an image.
    fn of_group(_group: &GroupSpec) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// The family, where values without a kind are obviously of it.
    fn obvious(_values: &[f64]) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// The words for columns that are obviously of the family.
    fn taken_for(&self) -> Option<&'static str> {
        None
    }

    /// Numbers of a reading that a column makes.
    fn numbers(&self) -> usize {
        1
    }

    /// Outputs of the decoder for each number.
    fn outputs_per_number(&self) -> usize {
        1
    }

    /// Values that a number may have.
    fn support(&self) -> Support;

    /// The largest reading of a number: a larger one is scored as that.
    fn largest(&self, _number: &Number) -> i16 {
        i16::MAX
    }

    /// Values of a column that a user gives this kind; none where it may have any.
    fn allowed(&self) -> Option<Allowed> {
        None
    }

    /// Whether its parameters say how far readings reach, and not their columns.
    fn has_fixed_range(&self) -> bool {
        false
    }

    /// The logarithm of a unit of the decoded location in units of the scale; none where outputs are logits.
    fn log_unit(&self) -> Option<f64> {
        None
    }

    /// The lowest and the highest parameter of a number.
    fn bounds(&self, _number: &Number) -> (f32, f32) {
        (0.0, 0.0)
    }

    /// The start of training, by the mean and the mean square of a number.
    fn start(&self, _mean: f64, _square: f64) -> Start {
        Start::default()
    }

    /// `log p(x|z)` in nats without its constant, (batch, numbers).
    fn terms(&self, x: &Tensor, outputs: &Tensor, parameters: &Tensor) -> Result<Tensor, Error>;

    /// The Fisher information that a reading has of each output: an error of the output costs half its square times as many
    /// nats.
    fn information(&self, outputs: &Tensor, parameters: &Tensor) -> Result<Tensor, Error>;

    /// Masks (batch, numbers), the same for numbers that are observed together.
    fn whole(&self, observed: Tensor) -> Result<Tensor, Error> {
        Ok(observed)
    }

    /// The sum of the terms of one row, without the constant. The derivatives by the outputs, times the row's factor, take
    /// the outputs' place; those by the parameters are added to `of_parameters`.
    fn differentiate(
        &self,
        row: Row<'_>,
        parameters: Parameters<'_>,
        of_parameters: &mut [f32],
    ) -> f32;

    /// The terms of one reading in double precision.
    fn log_densities(&self, x: &[f64], outputs: &[f64], parameters: &[f64]) -> Vec<f64>;

    /// The logarithm of the density at its location with scale 1, negative.
    fn log_normalizer(&self) -> f64 {
        0.0
    }

    /// The part of a constant that depends on the reading, for readings from 0 on; empty where there is none.
    fn constants(&self) -> Vec<f64> {
        vec![]
    }

    /// A column's part of an image, by its first number and its parameter.
    ///
    /// # Errors
    /// [`Error::Encode`] where a scale has no multiplier, [`Error::Setting`] where columns have no such part.
    fn group(&self, _: &Number, _log_network_unit: f64, _parameter: f64) -> Result<Group, Error> {
        Err(Error::Setting(format!(
            "an image has no columns that are {self}"
        )))
    }

    /// A number with noise, by its `reading`, that with white noise, and a `draw` from 0 to 1 that is to replace it where
    /// it is below `part`.
    fn disturbed(&self, _reading: i16, noisy: i16, _draw: f64, _part: f64, _: &mut Rng) -> i16 {
        noisy
    }

    /// Makes of noisy `numbers` of a run what they may be, by the `reading`: others stand in the place of a `part` of them.
    fn replace(&self, _reading: &[i16], _numbers: &mut [i16], _part: f64, _rng: &mut Rng) {}

    /// The terms, by their cost on a device.
    fn cost(&self) -> Terms;
}
