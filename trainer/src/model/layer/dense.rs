//! A dense layer.

use crate::error::Error;
use crate::numeric::random::uniform;
use candle_core::{Device, Tensor, Var};
use rand_core::Rng;

/// `y = x W + b`.
#[derive(Clone, Debug)]
pub struct Dense {
    /// (inputs, outputs), so that products and gradients need no transposed copy.
    pub weight: Var,
    /// (outputs).
    pub bias: Var,
}

impl Dense {
    /// Weights and biases uniform within `1 / sqrt(inputs)` of zero (LeCun et al., "Efficient
    /// BackProp", 1998, up to the constant; the default of the common frameworks).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn new(
        inputs: usize,
        outputs: usize,
        rng: &mut impl Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        let bound = 1.0 / (inputs as f32).sqrt();
        let mut draw =
            |count: usize| -> Vec<f32> { (0..count).map(|_| uniform(rng, bound)).collect() };
        let weight = Tensor::from_vec(draw(inputs * outputs), (inputs, outputs), device)?;
        let bias = Tensor::from_vec(draw(outputs), outputs, device)?;
        Ok(Self {
            weight: Var::from_tensor(&weight)?,
            bias: Var::from_tensor(&bias)?,
        })
    }

    /// (batch, outputs) from (batch, inputs).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        Ok(x.matmul(&self.weight)?.broadcast_add(&self.bias)?)
    }

    /// Output by output, the weights in f64.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn rows(&self) -> Result<Vec<Vec<f64>>, Error> {
        let rows = self.weight.t()?.contiguous()?.to_vec2::<f32>()?;
        Ok(rows
            .into_iter()
            .map(|row| row.into_iter().map(f64::from).collect())
            .collect())
    }

    /// The biases in f64.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn biases(&self) -> Result<Vec<f64>, Error> {
        Ok(self
            .bias
            .to_vec1::<f32>()?
            .into_iter()
            .map(f64::from)
            .collect())
    }
}
