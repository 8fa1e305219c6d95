//! The variables of a model in slices, and the passes through a stack of dense layers.

use super::quantized::{Quantized, Scratch};
use super::{read, write};
use crate::error::Error;
use crate::model::Vae;
use crate::model::layer::elementwise::{rectified_gradient, saturating_gradient};
use crate::model::layer::product::input_gradient;
use crate::model::layer::{Shape, Values};
use crate::quantize::Plan;
use crate::readings::Normalization;
use candle_core::{Device, Tensor, Var};
use std::ops::Range;
use std::sync::{RwLock, RwLockReadGuard};

/// A dense layer, or the likelihood's log-deviations, which stand for biases then.
#[derive(Debug)]
pub(super) struct Group {
    /// The shape of the layer's product with one row.
    pub(super) shape: Shape,
    pub(super) values: RwLock<Values>,
}

/// All variables, and where the halves of the model begin and end among them.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) groups: Vec<Group>,
    /// Hidden layers and heads.
    pub(super) encoder: Range<usize>,
    /// Hidden layers and output.
    pub(super) decoder: Range<usize>,
    /// The log-deviations, where they are learned.
    pub(super) scales: Option<usize>,
    /// The device's integers, where the passes are to compute them.
    pub(super) quantized: Option<Quantized>,
}

impl Network {
    /// The values of `vae` now.
    pub(super) fn new(vae: &Vae) -> Result<Self, Error> {
        let groups = vae
            .layers()
            .map(|layer| Ok(Group::new(layer.shape(1), layer.values()?)));
        let mut groups = groups.collect::<Result<Vec<_>, Error>>()?;
        let encoder = 0..vae.encoder.len() + 1;
        let decoder = encoder.end..groups.len();
        let mut scales = None;
        if let Some(log_deviation) = vae.likelihood.log_deviation() {
            scales = Some(groups.len());
            let values = Values {
                weight: vec![],
                bias: log_deviation.to_vec1()?,
            };
            groups.push(Group::new(Shape::default(), values));
        }
        Ok(Self {
            groups,
            encoder,
            decoder,
            scales,
            quantized: None,
        })
    }

    /// Puts the values into the variables of `vae`.
    pub(super) fn write(&self, vae: &Vae) -> Result<(), Error> {
        for (layer, group) in vae.layers().zip(&self.groups) {
            let values = group.values();
            set(&layer.weight, &values.weight)?;
            set(&layer.bias, &values.bias)?;
        }
        if let (Some(var), Some(scales)) = (vae.likelihood.log_deviation(), self.scales) {
            set(var, &self.groups[scales].values().bias)?;
        }
        Ok(())
    }

    /// Hands the weights that a layer computes with to `work`, (inputs, outputs).
    fn with_weight(&self, at: usize, work: impl FnOnce(&[f32])) {
        match &self.quantized {
            Some(quantized) => work(&quantized.layer(at).weight),
            None => work(&self.groups[at].values().weight),
        }
    }

    /// Computes in the integers of `plan` from now on.
    pub(super) fn quantize(
        &mut self,
        vae: &Vae,
        normalization: &Normalization,
        plan: &Plan,
    ) -> Result<(), Error> {
        self.quantized = Some(Quantized::new(vae, normalization, plan)?);
        self.requantize(0..self.groups.len());
        Ok(())
    }

    /// Makes the integers of the layers `of` anew from their values.
    pub(super) fn requantize(&self, of: impl IntoIterator<Item = usize>) {
        let Some(quantized) = &self.quantized else {
            return;
        };
        let values = |at: usize| self.groups[at].values();
        for at in of.into_iter().filter(|&at| at < self.decoder.end) {
            let scales = self.scales.filter(|_| at + 1 == self.decoder.end);
            let scales = scales.map(values);
            let log_deviations = scales.as_ref().map(|values| values.bias.as_slice());
            quantized.requantize(at, &values(at), log_deviations);
        }
    }

    /// Gradients of all groups, zero.
    pub(super) fn gradients(&self) -> Vec<RwLock<Values>> {
        let zeros = |group: &Group| {
            let values = group.values();
            RwLock::new(Values {
                weight: vec![0.0; values.weight.len()],
                bias: vec![0.0; values.bias.len()],
            })
        };
        self.groups.iter().map(zeros).collect()
    }

    /// The groups that each of `threads` steps, such that all have about as much to do.
    pub(super) fn share(&self, threads: usize) -> Vec<Vec<usize>> {
        let size = |group: usize| {
            let values = self.groups[group].values();
            values.weight.len() + values.bias.len()
        };
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by_key(|&group| std::cmp::Reverse(size(group)));
        let mut shares = vec![(0, vec![]); threads];
        for group in order {
            if let Some(least) = shares.iter_mut().min_by_key(|(load, _)| *load) {
                least.0 += size(group);
                least.1.push(group);
            }
        }
        shares.into_iter().map(|(_, groups)| groups).collect()
    }
}

fn set(var: &Var, values: &[f32]) -> Result<(), Error> {
    var.set(&Tensor::from_slice(values, var.shape(), &Device::Cpu)?)?;
    Ok(())
}

impl Group {
    fn new(shape: Shape, values: Values) -> Self {
        let values = RwLock::new(values);
        Self { shape, values }
    }

    /// Its values now.
    pub(super) fn values(&self) -> RwLockReadGuard<'_, Values> {
        read(&self.values)
    }

    /// The shape of its product with so many rows.
    pub(super) fn shape(&self, rows: usize) -> Shape {
        Shape { rows, ..self.shape }
    }
}

/// The outputs of each layer of a stack for some rows, rectified but for the last.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    groups: Range<usize>,
    /// For each layer, (rows, outputs).
    outputs: Vec<Vec<f32>>,
    /// A gradient on its way back.
    gradient: Vec<f32>,
    /// Buffers of passes in integers.
    pub(super) scratch: Scratch,
}

impl Stack {
    pub(super) fn new(network: &Network, groups: Range<usize>, rows: usize) -> Self {
        let layers = &network.groups[groups.clone()];
        let outputs = layers
            .iter()
            .map(|layer| vec![0.0; rows * layer.shape.outputs]);
        let widest = layers
            .iter()
            .map(|layer| layer.shape.inputs)
            .max()
            .unwrap_or(0);
        Self {
            groups,
            outputs: outputs.collect(),
            gradient: vec![0.0; rows * widest],
            scratch: Scratch::default(),
        }
    }

    /// Runs `rows` rows of `input`; gives the outputs of the last layer. In integers, the rows are those of
    /// the scratch.
    pub(super) fn forward(&mut self, network: &Network, input: &[f32], rows: usize) -> &mut [f32] {
        if let Some(quantized) = &network.quantized {
            for (at, outputs) in self.groups.clone().zip(&mut self.outputs) {
                let width = network.groups[at].shape.outputs;
                let layer = quantized.layer(at);
                layer.run(rows, &mut self.scratch, &mut outputs[..rows * width]);
            }
            return self.last(network, rows);
        }
        let layers = &network.groups[self.groups.clone()];
        let last = layers.len() - 1;
        for (index, layer) in layers.iter().enumerate() {
            let (before, here) = self.outputs.split_at_mut(index);
            let input = before.last().map_or(input, Vec::as_slice);
            let output = &mut here[0][..rows * layer.shape.outputs];
            let values = layer.values();
            values.forward(input, output, layer.shape(rows), index < last);
        }
        &mut self.outputs[last][..rows * layers[last].shape.outputs]
    }

    /// The outputs of the last layer, which become the gradient that [`Stack::backward`] starts from.
    pub(super) fn last(&mut self, network: &Network, rows: usize) -> &mut [f32] {
        let last = self.outputs.len() - 1;
        let layer = &network.groups[self.groups.start + last];
        &mut self.outputs[last][..rows * layer.shape.outputs]
    }

    /// [`Stack::last`] of a pass in integers, and those integers.
    pub(super) fn last_and_integers(
        &mut self,
        network: &Network,
        rows: usize,
    ) -> (&mut [f32], &mut [i32]) {
        let last = self.outputs.len() - 1;
        let layer = &network.groups[self.groups.start + last];
        let outputs = &mut self.outputs[last][..rows * layer.shape.outputs];
        (outputs, &mut self.scratch.outputs)
    }

    /// Computes the gradients of all weights and biases, into `gradients`, and of the input, into `of_input`, from the gradient
    /// in the place of the last outputs. The outputs are lost.
    pub(super) fn backward(
        &mut self,
        network: &Network,
        gradients: &[RwLock<Values>],
        input: &[f32],
        rows: usize,
        of_input: Option<&mut [f32]>,
    ) {
        let layers = &network.groups[self.groups.clone()];
        for (index, layer) in layers.iter().enumerate().rev() {
            let (before, here) = self.outputs.split_at_mut(index);
            let gradient = &here[0][..rows * layer.shape.outputs];
            let shape = layer.shape(rows);
            let mut sums = write(&gradients[self.groups.start + index]);
            let input = before.last().map_or(input, Vec::as_slice);
            sums.take_gradient(input, gradient, shape);
            if let Some(output) = before.last_mut() {
                let back = &mut self.gradient[..rows * layer.shape.inputs];
                let at = self.groups.start + index;
                network.with_weight(at, |weight| input_gradient(gradient, weight, back, shape));
                let output = &mut output[..rows * layer.shape.inputs];
                let below = network.quantized.as_ref();
                let below = below.map(|quantized| quantized.layer(at - 1));
                match below.as_ref().and_then(|layer| layer.limits.as_ref()) {
                    Some(limits) => saturating_gradient(output, back, limits),
                    None => rectified_gradient(output, back),
                }
            }
        }
        if let Some(of_input) = of_input {
            let shape = layers[0].shape(rows);
            network.with_weight(self.groups.start, |weight| {
                input_gradient(&self.outputs[0], weight, of_input, shape);
            });
        }
    }
}
