//! A dense layer.

use super::elementwise::{add_bias, add_bias_rectify, column_sums};
use super::product::{self, Shape};
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

    /// Numbers that it takes in.
    pub fn inputs(&self) -> usize {
        self.weight.dims()[0]
    }

    /// Its parameters with their names.
    pub fn parameters(&self) -> [(&'static str, &Var); 2] {
        [("weight", &self.weight), ("bias", &self.bias)]
    }

    /// The layer of the inputs `kept` alone.
    pub fn with_inputs(&self, kept: &Tensor) -> Result<Self, Error> {
        Ok(Self {
            weight: Var::from_tensor(&self.weight.index_select(kept, 0)?)?,
            bias: self.bias.clone(),
        })
    }

    /// The layer of the outputs `kept` alone.
    pub fn with_outputs(&self, kept: &Tensor) -> Result<Self, Error> {
        Ok(Self {
            weight: Var::from_tensor(&self.weight.index_select(kept, 1)?)?,
            bias: Var::from_tensor(&self.bias.index_select(kept, 0)?)?,
        })
    }

    /// Its numbers in slices.
    pub(crate) fn values(&self) -> Result<Values, Error> {
        Ok(Values {
            weight: self.weight.flatten_all()?.to_vec1()?,
            bias: self.bias.to_vec1()?,
        })
    }

    /// (batch, outputs) from (batch, inputs).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        Ok(x.matmul(&self.weight)?.broadcast_add(&self.bias)?)
    }

    /// Output by output, the weights in f64.
    pub fn rows(&self) -> Result<Vec<Vec<f64>>, Error> {
        let rows = self.weight.t()?.contiguous()?.to_vec2::<f32>()?;
        Ok(rows
            .into_iter()
            .map(|row| row.into_iter().map(f64::from).collect())
            .collect())
    }

    /// The biases in f64.
    pub fn biases(&self) -> Result<Vec<f64>, Error> {
        Ok(self
            .bias
            .to_vec1::<f32>()?
            .into_iter()
            .map(f64::from)
            .collect())
    }
}

/// The numbers of a layer in slices: values, or gradients.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    /// (inputs, outputs).
    pub(crate) weight: Vec<f32>,
    /// (outputs).
    pub(crate) bias: Vec<f32>,
}

impl Values {
    /// `y = x W + b`, rectified or not: (rows, outputs) from (rows, inputs).
    pub(crate) fn forward(&self, x: &[f32], y: &mut [f32], shape: Shape, rectified: bool) {
        product::forward(x, &self.weight, y, shape);
        if rectified {
            add_bias_rectify(y, &self.bias);
        } else {
            add_bias(y, &self.bias);
        }
    }

    /// Becomes the gradient in weights and biases of a layer that took in `x` (rows, inputs), from that in its outputs
    /// before they are rectified, `dy` (rows, outputs).
    pub(crate) fn take_gradient(&mut self, x: &[f32], dy: &[f32], shape: Shape) {
        product::weight_gradient(x, dy, &mut self.weight, shape);
        column_sums(dy, &mut self.bias);
    }
}
