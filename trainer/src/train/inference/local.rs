//! Parameters of each reading's own, and their optimizer.

use crate::error::Error;
use crate::model::Gaussian;
use candle_core::{Device, Tensor, Var};

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// `phi_i = (mu_i, ln sigma_i^2)` of each reading, with Adam's moments: a reading that a step does
/// not meet keeps all of them.
#[derive(Clone, Debug)]
pub(super) struct Local {
    latents: usize,
    /// (readings, 2 * latents): means, then log-variances.
    values: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    /// Steps of each reading.
    steps: Vec<i32>,
}

/// The parameters of some readings, as variables.
pub(super) struct Variables {
    var: Var,
}

impl Variables {
    pub(super) fn posterior(&self) -> Result<Gaussian, Error> {
        Gaussian::of_heads(&self.var)
    }

    pub(super) fn var(&self) -> &Tensor {
        self.var.as_tensor()
    }
}

impl Local {
    pub(super) fn new(start: &Gaussian) -> Result<Self, Error> {
        let (readings, latents) = start.mean.dims2()?;
        let values = Tensor::cat(&[&start.mean, &start.log_variance], 1)?;
        let count = Gaussian::HEADS * readings * latents;
        Ok(Self {
            latents,
            values: values.flatten_all()?.to_vec1()?,
            first: vec![0.0; count],
            second: vec![0.0; count],
            steps: vec![0; readings],
        })
    }

    /// The parameters of the readings `rows`, in that order.
    pub(super) fn variables(&self, rows: &[u32], device: &Device) -> Result<Variables, Error> {
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
    pub(super) fn ascend(
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
            let scale = |beta: f32| 1.0 / (1.0 - f64::from(beta).powi(self.steps[row]));
            let step = (rate * scale(BETA_1)) as f32;
            let correction = scale(BETA_2) as f32;
            for (at, gradient) in (row * width..).zip(gradient) {
                let (first, second) = (&mut self.first[at], &mut self.second[at]);
                *first += (1.0 - BETA_1) * (gradient - *first);
                *second += (1.0 - BETA_2) * (gradient * gradient - *second);
                self.values[at] += step * *first / ((*second * correction).sqrt() + EPSILON);
            }
        }
        Ok(())
    }
}
