//! Adam on the variables of a model, in place.

use super::lock;
use crate::error::Error;
use crate::numeric::adam::{Clip, Moments, Rates, descend, descend_tensor};
use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor, Var, backprop::GradStore};
use std::sync::Mutex;

/// An optimizer of variables. One pass over each updates it and its moments where they are.
#[derive(Debug)]
pub struct Adam {
    moments: Vec<Mutex<Moments>>,
    /// Moments of the variables that are not in the processor's memory, once they were stepped.
    elsewhere: Vec<Option<[Tensor; 2]>>,
    steps: i32,
    clip: Clip,
}

impl Adam {
    /// An optimizer for `variables`, always passed in this order.
    pub fn new(variables: &[&Var]) -> Self {
        let zeros = |var: &&Var| Mutex::new(Moments::new(var.elem_count()));
        Self {
            moments: variables.iter().map(zeros).collect(),
            elsewhere: vec![None; variables.len()],
            steps: 0,
            clip: Clip::None,
        }
    }

    /// The same with a limit of gradients.
    #[must_use]
    pub fn clipped(self, clip: Clip) -> Self {
        Self { clip, ..self }
    }

    /// The moments of each variable, and how many steps there were.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn state(&self) -> Result<(Vec<Moments>, i32), Error> {
        let states = self.moments.iter().zip(&self.elsewhere);
        let moments = states.map(|(moments, elsewhere)| match elsewhere {
            None => Ok(lock(moments).clone()),
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

    /// The sum of the squares of all gradients, where a limit takes it.
    fn squares(&self, variables: &[&Var], gradients: &GradStore) -> Result<f64, Error> {
        if !matches!(self.clip, Clip::Norm(_)) {
            return Ok(0.0);
        }
        let gradients = variables
            .iter()
            .filter_map(|variable| gradients.get(variable));
        let squares = gradients.map(|gradient| {
            let squares = gradient.sqr()?.sum_all()?.to_scalar::<f32>()?;
            Ok(f64::from(squares))
        });
        squares.sum()
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
        let squares = self.squares(variables, gradients)?;
        let states = self.moments.iter().zip(&mut self.elsewhere);
        for (variable, (moments, elsewhere)) in variables.iter().zip(states) {
            let Some(gradient) = gradients.get(variable) else {
                continue;
            };
            let gradient = &limited(self.clip, gradient, squares)?;
            if variable.device().is_cpu() {
                let update = Update { moments, rates };
                let gradient: Tensor = gradient.contiguous()?;
                variable.as_tensor().inplace_op2(&gradient, &update)?;
            } else {
                variable.set(&descend_tensor(variable, gradient, elsewhere, rates)?)?;
            }
        }
        Ok(())
    }
}

/// A gradient within a limit, where the squares of all gradients of the step add up to `squares`.
fn limited(clip: Clip, gradient: &Tensor, squares: f64) -> Result<Tensor, Error> {
    Ok(match clip {
        Clip::None => gradient.clone(),
        Clip::Norm(_) => (gradient * clip.factor(squares))?,
        Clip::Value(most) => gradient.clamp(-most as f32, most as f32)?,
    })
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

    #[test]
    fn variables_take_the_steps_of_slices() {
        let mut values = [3.0f32, -2.0, 0.5];
        let var = Var::new(&values, &Device::Cpu).unwrap();
        let (mut adam, mut moments) = (Adam::new(&[&var]), Moments::new(3));
        for step in 1..=50 {
            let loss = (var.sqr().unwrap() * 1.5).unwrap().sum_all().unwrap();
            adam.step(&[&var], &loss.backward().unwrap(), 0.05).unwrap();
            let gradient = values.map(|value| 3.0 * value);
            let rates = Rates::new(step, 0.05);
            descend(&mut values, moments.all(), (&gradient, &[]), rates);
        }
        assert_eq!(var.to_vec1::<f32>().unwrap(), values);
        assert_eq!(adam.state().unwrap(), (vec![moments], 50));
    }
}
