//! Adam on slices (Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1), with bias correction,
//! `beta_1 = 0.9`, `beta_2 = 0.999`, `epsilon = 1e-8` and no weight decay.

mod clip;

use candle_core::Tensor;
use pulp::Arch;
use std::ops::Range;

pub use clip::{Clip, squares};

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Smaller gradients count as zero: their squares would be subnormal.
const SMALLEST_GRADIENT: f32 = 1e-18;
/// Smaller moments count as zero. The moments of a gradient that is zero from now on, such as a dead unit's, would
/// fade until they are subnormal, and stay so, where each operation takes a hundred times as long. Next to [`EPSILON`]
/// neither a mean nor the root of a mean square of this size changes a step.
const SMALLEST_MOMENT: f32 = 1e-32;

/// The running means of a variable's gradients and of their squares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Moments {
    /// Zeros, for a variable of `count` numbers.
    pub fn new(count: usize) -> Self {
        Self {
            first: vec![0.0; count],
            second: vec![0.0; count],
        }
    }

    /// The means of the gradients and of their squares, as many.
    pub fn parts(&self) -> [&[f32]; 2] {
        [&self.first, &self.second]
    }

    /// Both means, to step.
    pub fn all(&mut self) -> [&mut [f32]; 2] {
        [&mut self.first, &mut self.second]
    }

    /// The means of some of the numbers, to step.
    pub fn part(&mut self, numbers: Range<usize>) -> [&mut [f32]; 2] {
        self.all().map(|moments| &mut moments[numbers.clone()])
    }

    /// The moments that [`Moments::parts`] gave.
    pub fn from_parts([first, second]: [Vec<f32>; 2]) -> Self {
        Self { first, second }
    }
}

/// The factors that all variables have in common in a step.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// The learning rate over the correction of the first moment.
    rate: f32,
    /// One over the correction of the second moment.
    correction: f32,
}

impl Rates {
    /// The rates of step `step`, counted from 1, at a learning rate.
    pub fn new(step: i32, learning_rate: f64) -> Self {
        let correction_1 = 1.0 - f64::from(BETA_1).powi(step);
        let correction_2 = 1.0 - f64::from(BETA_2).powi(step);
        Self {
            rate: (learning_rate / correction_1) as f32,
            correction: (1.0 / correction_2) as f32,
        }
    }
}

/// One step of one number.
#[inline(always)]
fn step(value: &mut f32, (first, second): (&mut f32, &mut f32), gradient: f32, rates: Rates) {
    let gradient = or_zero(gradient, SMALLEST_GRADIENT);
    *first = or_zero(
        *first + (1.0 - BETA_1) * (gradient - *first),
        SMALLEST_MOMENT,
    );
    *second = or_zero(
        *second + (1.0 - BETA_2) * (gradient * gradient - *second),
        SMALLEST_MOMENT,
    );
    *value -= rates.rate * *first / ((*second * rates.correction).sqrt() + EPSILON);
}

/// One step of a variable down the sum of two gradients; of the first alone where `more` is empty.
pub fn descend(
    values: &mut [f32],
    [first, second]: [&mut [f32]; 2],
    (gradient, more): (&[f32], &[f32]),
    rates: Rates,
) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let state = values.iter_mut().zip(first).zip(second).zip(gradient);
            if more.is_empty() {
                state.for_each(|(((value, first), second), &g)| {
                    step(value, (first, second), g, rates);
                });
            } else {
                let pairs = state.zip(more);
                pairs.for_each(|((((value, first), second), &a), &b)| {
                    step(value, (first, second), a + b, rates);
                });
            }
        },
    );
}

/// `number`, or zero where that is smaller than `smallest`.
#[inline(always)]
fn or_zero(number: f32, smallest: f32) -> f32 {
    if number.abs() < smallest { 0.0 } else { number }
}

/// One step of a tensor on any device down its gradient: gives the new value, and puts the new moments into their places.
///
/// # Errors
/// The errors of candle.
pub fn descend_tensor(
    variable: &Tensor,
    gradient: &Tensor,
    moments: &mut Option<[Tensor; 2]>,
    rates: Rates,
) -> candle_core::Result<Tensor> {
    let zeros =
        || -> candle_core::Result<_> { Ok([variable.zeros_like()?, variable.zeros_like()?]) };
    let [first, second] = match moments.take() {
        None => zeros()?,
        Some(moments) => moments,
    };
    let mean = |moment: &Tensor, new: &Tensor, weight: f32| -> candle_core::Result<Tensor> {
        moment + ((new - moment)? * f64::from(1.0 - weight))?
    };
    let first = mean(&first, gradient, BETA_1)?;
    let second = mean(&second, &gradient.sqr()?, BETA_2)?;
    let root = (&second * f64::from(rates.correction))?.sqrt()?;
    let step = (&first / (root + f64::from(EPSILON))?)?;
    let value = (variable - (step * f64::from(rates.rate))?)?;
    *moments = Some([first.detach(), second.detach()]);
    Ok(value.detach())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Algorithm 1 in f64, written out.
    fn reference(start: f64, mut gradient: impl FnMut(f64) -> f64, rate: f64, steps: i32) -> f64 {
        let (mut x, mut m, mut v) = (start, 0.0, 0.0);
        for t in 1..=steps {
            let g = gradient(x);
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let (m_hat, v_hat) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
            x -= rate * m_hat / (v_hat.sqrt() + 1e-8);
        }
        x
    }

    #[test]
    fn follows_the_algorithm() {
        let start = [3.0f32, -2.0, 0.5];
        let (mut values, mut moments) = (start, Moments::new(3));
        for step in 1..=50 {
            let gradient = values.map(|value| 3.0 * value);
            let rates = Rates::new(step, 0.05);
            descend(&mut values, moments.all(), (&gradient, &[]), rates);
        }
        for (x, got) in start.iter().zip(values) {
            let exact = reference(f64::from(*x), |x| 3.0 * x, 0.05, 50);
            assert!((f64::from(got) - exact).abs() < 1e-5, "{got} {exact}");
        }
    }

    #[test]
    fn parts_of_moments_step_alone() {
        let (mut values, mut moments) = ([1.0f32, 2.0, 3.0], Moments::new(3));
        let rates = Rates::new(1, 0.5);
        descend(&mut values[1..2], moments.part(1..2), (&[8.0], &[]), rates);
        let (mut one, mut alone) = ([2.0f32], Moments::new(1));
        descend(&mut one, alone.all(), (&[8.0], &[]), rates);
        assert_eq!(values, [1.0, one[0], 3.0]);
        let [first, second] = moments.parts();
        let [of_one, of_one_square] = alone.parts();
        assert_eq!(first, [0.0, of_one[0], 0.0]);
        assert_eq!(second, [0.0, of_one_square[0], 0.0]);
    }

    /// A tensor takes the steps of a slice.
    #[test]
    fn steps_of_tensors_are_the_same() {
        let tensor = |values: [f32; 3]| Tensor::new(&values, &Device::Cpu).unwrap();
        let mut value = tensor([3.0, -2.0, 0.5]);
        let start = value.copy().unwrap();
        let mut here = Moments::new(3);
        let mut elsewhere = None;
        let mut values = start.to_vec1::<f32>().unwrap();
        for step in 1..=40 {
            let rates = Rates::new(step, 0.03);
            let gradient = (&value * 3.0).unwrap();
            value = descend_tensor(&value, &gradient, &mut elsewhere, rates).unwrap();
            let gradient: Vec<f32> = values.iter().map(|value| 3.0 * value).collect();
            descend(&mut values, here.all(), (&gradient, &[]), rates);
        }
        for (a, b) in values.iter().zip(value.to_vec1::<f32>().unwrap()) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    /// No time is lost on subnormal moments of a unit that died, and the value is the same.
    #[test]
    fn moments_of_a_gradient_that_ended_become_zero() {
        let mut values = [0.5];
        let mut moments = Moments::new(1);
        let steps = 50_000;
        for step in 1..=steps {
            let gradient = if step == 1 { 1e-6 } else { 0.0 };
            descend(
                &mut values,
                moments.all(),
                (&[gradient], &[]),
                Rates::new(step, 0.01),
            );
        }
        assert_eq!(moments, Moments::new(1));
        let mut step = 0;
        let gradient = |_| {
            step += 1;
            if step == 1 { 1e-6 } else { 0.0 }
        };
        let exact = reference(0.5, gradient, 0.01, steps);
        assert!(
            (f64::from(values[0]) - exact).abs() < 1e-6,
            "{} {exact}",
            values[0]
        );
    }
}
