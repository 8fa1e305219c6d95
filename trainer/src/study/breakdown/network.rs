//! The networks of an image in floats, every rounding of which can be left out.
//!
//! All numbers are in the device's units, so that with every rounding in place they are the device's
//! integers, exactly: a product of an accumulator below 2^30 and a mantissa below 2^15 fits an `f64`.
//! Without a rounding they are the trained model's numbers, in the same units.

use crate::error::Error;
use crate::model::{Dense, LayerId, Layers, Vae};
use crate::quantize::{Operand, Q16, output_scales};
use crate::readings::Normalization;
use elbow::PosteriorKind;
use elbow::image::{DenseSpec, ImageSpec};
use elbow::layer::Activation;

/// Weights and biases, column after column.
#[derive(Clone, Debug)]
struct Weights {
    columns: Vec<f64>,
    biases: Vec<f64>,
}

/// The activation of a hidden layer.
#[derive(Clone, Copy, Debug)]
struct Hidden {
    rectified: bool,
    zero_point: f64,
    q_max: f64,
}

/// Parts of a layer that are as on the device.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct LayerSwitches {
    /// Weights and biases.
    pub(super) weights: bool,
    /// The lowest and the highest of hidden outputs.
    pub(super) limits: bool,
    /// Outputs are whole steps.
    pub(super) activations: bool,
}

/// A layer in both versions.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    trained: Weights,
    device: Weights,
    /// Multipliers from accumulators to outputs.
    multipliers: Vec<f64>,
    /// None where outputs are wide.
    hidden: Option<Hidden>,
}

/// Both networks.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) layers: Layers<Layer>,
    /// For each number of a reading its centre and levels of the input in a raw unit.
    pub(super) inputs: Vec<(f64, f64)>,
    /// For each condition its centre, and steps of a latent in a raw unit, exactly and as the device has it.
    pub(super) conditions: Vec<(f64, f64, f64)>,
    /// Network units of a step of each output.
    pub(super) output_scales: Vec<f64>,
    /// Fraction bits of a latent.
    pub(super) latent_fraction_bits: u8,
    /// Lowest and highest log-variance, Q16.16.
    pub(super) log_variance_range: (f64, f64),
    /// The largest magnitude of a number that the encoder takes in.
    pub(super) largest_input: f64,
}

/// `floor(x + 1/2)`: the rounding rule of the device.
pub(super) fn half_up(x: f64) -> f64 {
    (x + 0.5).floor()
}

/// Clamps to the range of 32 bits.
pub(super) fn saturate(value: f64) -> f64 {
    value.clamp(i32::MIN.into(), i32::MAX.into())
}

impl Network {
    /// The networks of `vae`, and of the image `spec` that was made of it.
    ///
    /// # Errors
    /// [`Error::Setting`] where they are of different shapes, [`Error::Tensor`].
    pub(super) fn new(
        vae: &Vae,
        spec: &ImageSpec,
        normalization: &Normalization,
    ) -> Result<Self, Error> {
        let PosteriorKind::Gaussian {
            log_variance_range: range,
        } = spec.posterior;
        let raw = spec.inputs.iter().zip(&normalization.units);
        let scales = raw.map(|(input, &unit)| 1.0 / (input.gain.to_f64() * f64::from(unit)));
        let mut input = Operand {
            scales: scales.collect(),
            ..Operand::default()
        };
        let latents = vae.latents() + vae.conditions();
        let latents = Operand::latents(latents, spec.latent_fraction_bits);
        let step = latents.scales[0];
        let output_scales = output_scales(vae, normalization)?;
        let heads = vec![1.0 / Q16; vae.heads.bias.elem_count()];
        let depth = vae.depth();
        let layers = Layers::try_from_fn(depth, |id| {
            if id == depth.first(LayerId::Output) {
                input = latents.clone();
            }
            let outputs = match id {
                LayerId::Heads => Some(&heads),
                LayerId::Output => Some(&output_scales),
                LayerId::Encoder(_) | LayerId::Decoder(_) => None,
            };
            let (dense, hidden) = of_image(spec, id);
            let (layer, scales) = Layer::new(vae.layer(id), dense, &input, outputs)?;
            input.scales = scales;
            input.zero_point = hidden.map_or(0, |hidden| hidden.zero_point as i16);
            Ok::<_, Error>(Layer { hidden, ..layer })
        });
        let modelled = spec.inputs.len() - spec.conditions.len();
        let behind = spec.inputs.iter().zip(&normalization.units).skip(modelled);
        let conditions = behind.zip(&spec.conditions);
        Ok(Self {
            layers: layers?,
            inputs: spec
                .inputs
                .iter()
                .map(|input| (f64::from(input.center), input.gain.to_f64()))
                .collect(),
            conditions: conditions
                .map(|((input, &unit), gain)| {
                    let exact = 1.0 / (step * f64::from(unit));
                    (f64::from(input.center), exact, gain.to_f64())
                })
                .collect(),
            output_scales,
            largest_input: spec.input_ceiling.into(),
            latent_fraction_bits: spec.latent_fraction_bits,
            log_variance_range: (range.lowest.into(), range.highest.into()),
        })
    }

    /// Runs the network that ends with `last`.
    pub(super) fn run(
        &self,
        last: LayerId,
        inputs: Vec<f64>,
        switches: &Layers<LayerSwitches>,
    ) -> Vec<f64> {
        let layers = self.layers.iter();
        let layers = layers.filter(|(id, _)| id.is_of_encoder() == last.is_of_encoder());
        layers.fold(inputs, |numbers, (id, layer)| {
            layer.run(&numbers, switches[id])
        })
    }
}

/// A layer of an image; an empty one where there is none.
fn of_image(spec: &ImageSpec, id: LayerId) -> (Option<&DenseSpec>, Option<Hidden>) {
    let layer = match id {
        LayerId::Heads => return (Some(&spec.heads), None),
        LayerId::Output => return (Some(&spec.output), None),
        LayerId::Encoder(index) => spec.encoder.get(index),
        LayerId::Decoder(index) => spec.decoder.get(index),
    };
    let hidden = layer.map(|layer| Hidden {
        rectified: layer.activation == Activation::Relu,
        zero_point: layer.zero_point.into(),
        q_max: layer.ceiling.into(),
    });
    (layer.map(|layer| &layer.dense), hidden)
}

/// The scale s that minimizes `sum (s q - w)^2`; 1 where that is none above 0.
fn closest_scale(weights: &[f64], device: &[i8]) -> f64 {
    let pairs = weights.iter().zip(device);
    let (product, square) = pairs.fold((0.0, 0.0), |(product, square), (weight, &level)| {
        let level = f64::from(level);
        (product + weight * level, square + level * level)
    });
    let scale = product / square;
    if scale > 0.0 && scale.is_finite() {
        scale
    } else {
        1.0
    }
}

impl Weights {
    fn empty(columns: usize, rows: usize) -> Self {
        Self {
            columns: vec![0.0; columns * rows],
            biases: vec![0.0; rows],
        }
    }

    /// Puts the weights of a row; gives their sum.
    fn put_row(&mut self, row: usize, weights: impl Iterator<Item = f64>) -> f64 {
        let rows = self.biases.len();
        let places = self.columns.iter_mut().skip(row).step_by(rows);
        let mut sum = 0.0;
        for (place, weight) in places.zip(weights) {
            *place = weight;
            sum += weight;
        }
        sum
    }
}

impl Layer {
    /// One layer with wide outputs, and what a step of each stands for: `outputs`, or else that with which the
    /// device's weights come closest to the trained ones.
    fn new(
        dense: &Dense,
        spec: Option<&DenseSpec>,
        input: &Operand,
        outputs: Option<&Vec<f64>>,
    ) -> Result<(Self, Vec<f64>), Error> {
        let columns = input.scales.len();
        let trained = dense.rows()?;
        let rows = spec.map_or(0, |spec| spec.rows.len());
        let fits = trained.len() == rows && trained.iter().all(|row| row.len() == columns);
        let Some(spec) = spec.filter(|spec| fits && spec.weights.len() == rows * columns) else {
            return Err(Error::Setting(format!(
                "the image has a layer of {rows} rows of {columns}, the float model has {} there: evaluate the image beside its own model.safetensors",
                trained.len()
            )));
        };
        let multipliers = spec.rows.iter().map(|row| row.multiplier.to_f64());
        let mut layer = Self {
            trained: Weights::empty(columns, rows),
            device: Weights::empty(columns, rows),
            multipliers: multipliers.collect(),
            hidden: None,
        };
        let mut scales = Vec::new();
        for (row, (weights, bias)) in trained.iter().zip(dense.biases()?).enumerate() {
            let device = &spec.weights[row * columns..][..columns];
            let scaled = weights.iter().zip(&input.scales);
            let scaled: Vec<f64> = scaled.map(|(weight, scale)| weight * scale).collect();
            let multiplier = layer.multipliers[row];
            let scale = match outputs {
                Some(outputs) => outputs[row] * multiplier,
                None => closest_scale(&scaled, device),
            };
            scales.push(scale / multiplier);
            let exact = scaled.iter().map(|weight| weight / scale);
            let sum = layer.trained.put_row(row, exact);
            layer.trained.biases[row] = bias / scale - f64::from(input.zero_point) * sum;
            let integers = device.iter().map(|&weight| weight.into());
            layer.device.put_row(row, integers);
            layer.device.biases[row] = spec.rows[row].bias.into();
        }
        Ok((layer, scales))
    }

    /// Outputs, in steps.
    fn run(&self, inputs: &[f64], switches: LayerSwitches) -> Vec<f64> {
        let weights = if switches.weights {
            &self.device
        } else {
            &self.trained
        };
        let mut outputs = weights.biases.clone();
        let columns = weights.columns.chunks_exact(outputs.len());
        for (&x, column) in inputs.iter().zip(columns) {
            for (output, weight) in outputs.iter_mut().zip(column) {
                *output += weight * x;
            }
        }
        for (output, multiplier) in outputs.iter_mut().zip(&self.multipliers) {
            *output = self.finish(*output * multiplier, switches);
        }
        outputs
    }

    fn finish(&self, output: f64, switches: LayerSwitches) -> f64 {
        let output = if switches.activations {
            saturate(half_up(output))
        } else {
            output
        };
        let Some(hidden) = self.hidden else {
            return output;
        };
        let activated = if hidden.rectified {
            output.max(0.0)
        } else {
            output
        };
        let level = hidden.zero_point + activated;
        if switches.limits {
            level.clamp(-hidden.q_max, hidden.q_max)
        } else {
            level
        }
    }
}
