//! Adam, in place.

use crate::error::Error;
use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor, Var, backprop::GradStore};
use pulp::Arch;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Adam with bias correction (Kingma and Ba, "Adam: a method for stochastic optimization", 2015,
/// algorithm 1), beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-8, no weight decay. One pass over each
/// variable updates it and its moments where they are.
#[derive(Debug)]
pub struct Adam {
    moments: Vec<Mutex<Moments>>,
    /// Of the variables that are not in the processor's memory, once they were stepped.
    elsewhere: Vec<Option<[Tensor; 2]>>,
    steps: i32,
}

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

    /// The same, to step.
    pub fn all(&mut self) -> [&mut [f32]; 2] {
        [&mut self.first, &mut self.second]
    }

    /// Those of some of the numbers, to step.
    pub fn part(&mut self, numbers: Range<usize>) -> [&mut [f32]; 2] {
        self.all().map(|moments| &mut moments[numbers.clone()])
    }

    /// Those that [`Moments::parts`] gave.
    pub fn from_parts([first, second]: [Vec<f32>; 2]) -> Self {
        Self { first, second }
    }
}

/// What a step has in common for all variables.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// The learning rate over the correction of the first moment.
    rate: f32,
    /// One over the correction of the second moment.
    correction: f32,
}

impl Rates {
    /// Those of step `step`, counted from 1, at a learning rate.
    pub fn new(step: i32, learning_rate: f64) -> Self {
        let correction_1 = 1.0 - f64::from(BETA_1).powi(step);
        let correction_2 = 1.0 - f64::from(BETA_2).powi(step);
        Self {
            rate: (learning_rate / correction_1) as f32,
            correction: (1.0 / correction_2) as f32,
        }
    }
}

/// One step of a variable that is not in the processor's memory: its new value, and its moments in their places.
fn step_elsewhere(
    variable: &Tensor,
    gradient: &Tensor,
    moments: &mut Option<[Tensor; 2]>,
    rates: Rates,
) -> Result<Tensor, Error> {
    let zeros = || -> Result<_, Error> { Ok([variable.zeros_like()?, variable.zeros_like()?]) };
    let [first, second] = match moments.take() {
        None => zeros()?,
        Some(moments) => moments,
    };
    let mean = |moment: &Tensor, new: &Tensor, weight: f32| -> Result<Tensor, Error> {
        Ok((moment + ((new - moment)? * f64::from(1.0 - weight))?)?)
    };
    let first = mean(&first, gradient, BETA_1)?;
    let second = mean(&second, &gradient.sqr()?, BETA_2)?;
    let root = (&second * f64::from(rates.correction))?.sqrt()?;
    let step = (&first / (root + f64::from(EPSILON))?)?;
    let value = (variable - (step * f64::from(rates.rate))?)?;
    *moments = Some([first.detach(), second.detach()]);
    Ok(value.detach())
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

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// What is smaller counts as zero: its square would be subnormal.
const SMALLEST_GRADIENT: f32 = 1e-18;
/// What is smaller counts as zero. The moments of a gradient that is zero from now on, such as a dead unit's, would
/// fade until they are subnormal, and stay so, where each operation takes a hundred times as long. Next to [`EPSILON`]
/// neither a mean nor the root of a mean square of this size changes a step.
const SMALLEST_MOMENT: f32 = 1e-32;

/// `number`, or zero where that is smaller than `smallest`.
#[inline(always)]
fn or_zero(number: f32, smallest: f32) -> f32 {
    if number.abs() < smallest { 0.0 } else { number }
}

impl Adam {
    /// An optimizer for `variables`, always passed in this order.
    pub fn new(variables: &[&Var]) -> Self {
        let zeros = |var: &&Var| Mutex::new(Moments::new(var.elem_count()));
        Self {
            moments: variables.iter().map(zeros).collect(),
            elsewhere: vec![None; variables.len()],
            steps: 0,
        }
    }

    /// The moments of each variable, and how many steps there were.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn state(&self) -> Result<(Vec<Moments>, i32), Error> {
        let states = self.moments.iter().zip(&self.elsewhere);
        let moments = states.map(|(moments, elsewhere)| match elsewhere {
            None => {
                let moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(moments.clone())
            }
            Some([first, second]) => {
                let numbers = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
                Ok(Moments::from_parts([numbers(first)?, numbers(second)?]))
            }
        });
        Ok((moments.collect::<Result<_, Error>>()?, self.steps))
    }

    /// Goes on from a [`Adam::state`] of the same variables.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn resume(
        &mut self,
        variables: &[&Var],
        moments: &[Moments],
        steps: i32,
    ) -> Result<(), Error> {
        for (index, (variable, moments)) in variables.iter().zip(moments).enumerate() {
            if variable.device().is_cpu() {
                self.moments[index] = Mutex::new(moments.clone());
            } else {
                let [first, second] = moments.parts();
                let tensor =
                    |numbers| Tensor::from_slice(numbers, variable.shape(), variable.device());
                self.elsewhere[index] = Some([tensor(first)?, tensor(second)?]);
            }
        }
        self.steps = steps;
        Ok(())
    }

    /// One step down the gradients. A variable without a gradient stays as it is.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn step(
        &mut self,
        variables: &[&Var],
        gradients: &GradStore,
        learning_rate: f64,
    ) -> Result<(), Error> {
        self.steps += 1;
        let rates = Rates::new(self.steps, learning_rate);
        let states = self.moments.iter().zip(&mut self.elsewhere);
        for (variable, (moments, elsewhere)) in variables.iter().zip(states) {
            let Some(gradient) = gradients.get(variable) else {
                continue;
            };
            if variable.device().is_cpu() {
                let update = Update { moments, rates };
                let gradient: Tensor = gradient.contiguous()?;
                variable.as_tensor().inplace_op2(&gradient, &update)?;
            } else {
                variable.set(&step_elsewhere(variable, gradient, elsewhere, rates)?)?;
            }
        }
        Ok(())
    }
}

struct Update<'a> {
    moments: &'a Mutex<Moments>,
    rates: Rates,
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn cpu_fwd(
        &self,
        variable: &mut CpuStorage,
        variable_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> candle_core::Result<()> {
        let contiguous = (
            variable_layout.contiguous_offsets(),
            gradient_layout.contiguous_offsets(),
        );
        let (Some((start, end)), Some((from, to))) = contiguous else {
            candle_core::bail!("adam needs contiguous tensors");
        };
        let gradient = &gradient.as_slice::<f32>()?[from..to];
        let CpuStorage::F32(values) = variable else {
            candle_core::bail!("adam needs f32");
        };
        let mut moments = self
            .moments
            .lock()
            .map_err(|_| candle_core::Error::msg("adam was interrupted"))?;
        descend(
            &mut values[start..end],
            moments.all(),
            (gradient, &[]),
            self.rates,
        );
        Ok(())
    }
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

    /// A variable elsewhere takes the steps of one here.
    #[test]
    fn steps_elsewhere_are_the_same() {
        let tensor = |values: [f32; 3]| Tensor::new(&values, &Device::Cpu).unwrap();
        let mut value = tensor([3.0, -2.0, 0.5]);
        let var = Var::from_tensor(&value.copy().unwrap()).unwrap();
        let mut here = Moments::new(3);
        let mut elsewhere = None;
        let mut values = var.to_vec1::<f32>().unwrap();
        for step in 1..=40 {
            let rates = Rates::new(step, 0.03);
            let gradient = (&value * 3.0).unwrap();
            value = step_elsewhere(&value, &gradient, &mut elsewhere, rates).unwrap();
            let gradient: Vec<f32> = values.iter().map(|value| 3.0 * value).collect();
            descend(&mut values, here.all(), (&gradient, &[]), rates);
        }
        for (a, b) in values.iter().zip(value.to_vec1::<f32>().unwrap()) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn follows_the_algorithm() {
        let start = [3.0f32, -2.0, 0.5];
        let var = Var::new(&start, &Device::Cpu).unwrap();
        let mut adam = Adam::new(&[&var]);
        for _ in 0..50 {
            let loss = (var.sqr().unwrap() * 1.5).unwrap().sum_all().unwrap();
            adam.step(&[&var], &loss.backward().unwrap(), 0.05).unwrap();
        }
        for (x, got) in start.iter().zip(var.to_vec1::<f32>().unwrap()) {
            let exact = reference(f64::from(*x), |x| 3.0 * x, 0.05, 50);
            assert!((f64::from(got) - exact).abs() < 1e-5, "{got} {exact}");
        }
    }

    /// As those of a unit that dies do: no time is lost on subnormal numbers, and the value is the same.
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
