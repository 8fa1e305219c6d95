//! Parameters of each reading's own, and their optimizer.

use crate::error::Error;
use crate::model::Gaussian;
use crate::numeric::adam::{Moments, Rates, descend};
use crate::train::State;
use candle_core::{Device, Tensor, Var};

/// `phi_i = (mu_i, ln sigma_i^2)` of each reading, with Adam's moments: a reading that a step does
/// not meet keeps all of them.
#[derive(Clone, Debug)]
pub(in crate::train) struct Local {
    latents: usize,
    /// (readings, 2 * latents): means, then log-variances.
    values: Vec<f32>,
    moments: Moments,
    /// Steps of each reading.
    steps: Vec<i32>,
}

/// The parameters of some readings, as variables.
pub(in crate::train) struct Variables {
    var: Var,
}

impl Variables {
    pub(in crate::train) fn posterior(&self) -> Result<Gaussian, Error> {
        Gaussian::of_heads(&self.var)
    }

    pub(in crate::train) fn var(&self) -> &Tensor {
        self.var.as_tensor()
    }
}

impl Local {
    pub(in crate::train) fn new(start: &Gaussian) -> Result<Self, Error> {
        let (readings, latents) = start.mean.dims2()?;
        let values = Tensor::cat(&[&start.mean, &start.log_variance], 1)?;
        Ok(Self {
            latents,
            values: values.flatten_all()?.to_vec1()?,
            moments: Moments::new(Gaussian::HEADS * readings * latents),
            steps: vec![0; readings],
        })
    }

    /// The parameters of the readings `rows`, in that order.
    pub(in crate::train) fn variables(
        &self,
        rows: &[u32],
        device: &Device,
    ) -> Result<Variables, Error> {
        let width = Gaussian::HEADS * self.latents;
        let values = rows.iter().flat_map(|&row| self.row(row));
        let values = Tensor::from_vec(values.copied().collect(), (rows.len(), width), device)?;
        Ok(Variables {
            var: Var::from_tensor(&values)?,
        })
    }

    fn row(&self, row: u32) -> &[f32] {
        let width = Gaussian::HEADS * self.latents;
        &self.values[row as usize * width..][..width]
    }

    /// One step of Adam (Kingma and Ba, 2015, algorithm 1) up `gradient`, (rows, 2 * latents).
    pub(in crate::train) fn ascend(
        &mut self,
        rows: &[u32],
        gradient: &Tensor,
        rate: f64,
    ) -> Result<(), Error> {
        let width = Gaussian::HEADS * self.latents;
        let gradient: Vec<f32> = gradient.flatten_all()?.to_vec1()?;
        for (&row, gradient) in rows.iter().zip(gradient.chunks_exact(width)) {
            let row = row as usize;
            self.steps[row] += 1;
            let own = row * width..(row + 1) * width;
            let down: Vec<f32> = gradient.iter().map(|gradient| -gradient).collect();
            descend(
                &mut self.values[own.clone()],
                self.moments.part(own),
                (&down, &[]),
                Rates::new(self.steps[row], rate),
            );
        }
        Ok(())
    }

    pub(in crate::train) fn put(&self, state: &mut State) -> Result<(), Error> {
        let [first, second] = self.moments.parts();
        state.put("local.values", &self.values)?;
        state.put("local.first", first)?;
        state.put("local.second", second)?;
        state.put("local.steps", &self.steps)
    }

    /// Continues from the state that [`Local::put`] kept of as many readings.
    pub(in crate::train) fn resume(&mut self, state: &State) -> Result<(), Error> {
        let part = |name| state.numbers(name, self.values.len());
        self.moments = Moments::from_parts([part("local.first")?, part("local.second")?]);
        self.values = part("local.values")?;
        self.steps = state.numbers("local.steps", self.steps.len())?;
        Ok(())
    }
}
