//! The networks of an image in floats, every rounding of which can be left out.
//!
//! All numbers are in the device's units, so that with every rounding in place they are the device's
//! integers, exactly: a product of an accumulator below 2^30 and a mantissa below 2^15 fits an `f64`.
//! Without a rounding they are the trained model's numbers, in the same units.

use crate::error::Error;
use crate::model::{Dense, Vae};
use crate::readings::Normalization;
use elbow::image::{DenseSpec, GroupSpec, ImageSpec, LayerSpec, LikelihoodSpec};
use elbow::layer::Activation;

/// 1.0 as Q16.16.
pub(super) const Q16: f64 = 65536.0;

/// Weights and biases, column after column.
#[derive(Clone, Debug)]
struct Weights {
    columns: Vec<f64>,
    biases: Vec<f64>,
}

/// What happens to the numbers of a hidden layer.
#[derive(Clone, Copy, Debug)]
struct Steps {
    rectified: bool,
    zero_point: f64,
    ceiling: f64,
}

/// What of a layer is as on the device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounding {
    /// Weights and biases.
    pub(super) device_weights: bool,
    /// The lowest and the highest of hidden outputs.
    pub(super) limited: bool,
    /// Outputs are whole steps.
    pub(super) rounded: bool,
}

/// A layer in both versions.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    rows: usize,
    trained: Weights,
    device: Weights,
    /// From accumulators to outputs.
    multipliers: Vec<f64>,
    /// None where outputs are wide.
    steps: Option<Steps>,
}

/// Both networks.
#[derive(Clone, Debug)]
pub(super) struct Network {
    /// Hidden layers, then the heads.
    pub(super) encoder: Vec<Layer>,
    /// Hidden layers, then the output.
    pub(super) decoder: Vec<Layer>,
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
    pub(super) input_ceiling: f64,
    /// Numbers in a latent vector.
    pub(super) latents: usize,
}

/// What a layer takes in: the value of a step of each number, and the number that stands for 0.
struct Operand {
    scales: Vec<f64>,
    zero_point: f64,
}

/// `floor(x + 1/2)`: the rounding rule of the device.
pub(super) fn half_up(x: f64) -> f64 {
    (x + 0.5).floor()
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
        let raw = spec.inputs.iter().zip(&normalization.units);
        let input = Operand {
            scales: raw
                .map(|(input, &unit)| 1.0 / (input.gain.to_f64() * f64::from(unit)))
                .collect(),
            zero_point: 0.0,
        };
        let latents = vae.latents();
        let step = 0.5f64.powi(spec.latent_fraction_bits.into());
        let latent = Operand {
            scales: vec![step; latents + vae.conditions()],
            zero_point: 0.0,
        };
        let output_scales = output_scales(spec, normalization);
        let heads = vec![1.0 / Q16; 2 * latents];
        let encoder = half((&vae.encoder, &vae.heads), (&spec.encoder, &spec.heads), {
            (input, &heads)
        })?;
        let decoder = half(
            (&vae.decoder, &vae.output),
            (&spec.decoder, &spec.output),
            (latent, &output_scales),
        )?;
        let modelled = spec.inputs.len() - spec.conditions.len();
        let behind = spec.inputs.iter().zip(&normalization.units).skip(modelled);
        let conditions = behind.zip(&spec.conditions);
        Ok(Self {
            encoder,
            decoder,
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
            input_ceiling: spec.input_ceiling.into(),
            latent_fraction_bits: spec.latent_fraction_bits,
            log_variance_range: (
                f64::from(spec.log_variance_range.0),
                f64::from(spec.log_variance_range.1),
            ),
            latents,
        })
    }
}

/// Network units of a step of each output: what the exporter divides the output's weights by.
fn output_scales(spec: &ImageSpec, normalization: &Normalization) -> Vec<f64> {
    let location = match &spec.likelihood {
        LikelihoodSpec::Location(location) => location,
        LikelihoodSpec::Binomial { .. } => return vec![1.0 / Q16; spec.output.rows.len()],
        LikelihoodSpec::Heterogeneous(groups) => return scales_of_groups(groups, normalization),
    };
    let units = location.standardize.iter().zip(&normalization.units);
    let locations = units.map(|(standardize, &unit)| {
        // A unit of the output is 2^13 / standardize raw ones.
        8192.0 / standardize.to_f64() / f64::from(unit) / Q16
    });
    if location.predicted_scale {
        return locations.flat_map(|scale| [scale, 1.0 / Q16]).collect();
    }
    locations.collect()
}

fn scales_of_groups(groups: &[GroupSpec], normalization: &Normalization) -> Vec<f64> {
    let mut scales = vec![];
    for group in groups {
        let unit = f64::from(normalization.units[scales.len()]);
        let scale = match group {
            GroupSpec::Real { standardize, .. } => 8192.0 / standardize.to_f64() / unit / Q16,
            GroupSpec::Flag | GroupSpec::Count { .. } | GroupSpec::States { .. } => 1.0 / Q16,
        };
        scales.extend(std::iter::repeat_n(scale, group.inputs()));
    }
    scales
}

/// The layers of one half, the last of which has outputs in steps of `scales`.
fn half(
    (hidden, last): (&[Dense], &Dense),
    (specs, last_spec): (&[LayerSpec], &DenseSpec),
    (mut operand, scales): (Operand, &[f64]),
) -> Result<Vec<Layer>, Error> {
    let mut layers = Vec::new();
    for (dense, spec) in hidden.iter().zip(specs) {
        let steps = Steps {
            rectified: spec.activation == Activation::Relu,
            zero_point: spec.zero_point.into(),
            ceiling: spec.ceiling.into(),
        };
        let (layer, scales) = layer(dense, &spec.dense, &operand, None)?;
        layers.push(Layer {
            steps: Some(steps),
            ..layer
        });
        operand = Operand {
            scales,
            zero_point: steps.zero_point,
        };
    }
    layers.push(layer(last, last_spec, &operand, Some(scales))?.0);
    Ok(layers)
}

/// One layer, and what a step of each of its outputs stands for: `outputs`, or else that with which the
/// device's weights come closest to the trained ones.
fn layer(
    dense: &Dense,
    spec: &DenseSpec,
    operand: &Operand,
    outputs: Option<&[f64]>,
) -> Result<(Layer, Vec<f64>), Error> {
    let (rows, columns) = (spec.rows.len(), operand.scales.len());
    let trained = dense.rows()?;
    let fits = trained.len() == rows && trained.iter().all(|row| row.len() == columns);
    if !fits || spec.weights.len() != rows * columns {
        return Err(Error::Setting(format!(
            "the image has a layer of {rows} rows of {columns}, the float model has {} there: evaluate the image beside its own model.safetensors",
            trained.len()
        )));
    }
    let mut layer = Layer {
        rows,
        trained: Weights::empty(columns, rows),
        device: Weights::empty(columns, rows),
        multipliers: spec
            .rows
            .iter()
            .map(|row| row.multiplier.to_f64())
            .collect(),
        steps: None,
    };
    let mut scales = Vec::new();
    for (row, (weights, bias)) in trained.iter().zip(dense.biases()?).enumerate() {
        let device = &spec.weights[row * columns..][..columns];
        let scaled: Vec<f64> = weights
            .iter()
            .zip(&operand.scales)
            .map(|(weight, scale)| weight * scale)
            .collect();
        let multiplier = layer.multipliers[row];
        let scale = match outputs {
            Some(outputs) => outputs[row] * multiplier,
            None => closest_scale(&scaled, device),
        };
        scales.push(scale / multiplier);
        let exact = scaled.iter().map(|weight| weight / scale);
        let sum = layer.trained.put_row(row, rows, exact);
        layer.trained.biases[row] = bias / scale - operand.zero_point * sum;
        layer
            .device
            .put_row(row, rows, device.iter().map(|&weight| weight.into()));
        layer.device.biases[row] = spec.rows[row].bias.into();
    }
    Ok((layer, scales))
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
    fn put_row(&mut self, row: usize, rows: usize, weights: impl Iterator<Item = f64>) -> f64 {
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
    /// Outputs, in steps.
    pub(super) fn run(&self, inputs: &[f64], how: Rounding) -> Vec<f64> {
        let weights = if how.device_weights {
            &self.device
        } else {
            &self.trained
        };
        let mut outputs = weights.biases.clone();
        for (&x, column) in inputs.iter().zip(weights.columns.chunks_exact(self.rows)) {
            for (output, weight) in outputs.iter_mut().zip(column) {
                *output += weight * x;
            }
        }
        for (output, multiplier) in outputs.iter_mut().zip(&self.multipliers) {
            *output = self.finish(*output * multiplier, how);
        }
        outputs
    }

    fn finish(&self, output: f64, how: Rounding) -> f64 {
        let output = if how.rounded {
            saturate(half_up(output))
        } else {
            output
        };
        let Some(steps) = self.steps else {
            return output;
        };
        let level = steps.zero_point + steps.activated(output);
        if how.limited {
            level.clamp(-steps.ceiling, steps.ceiling)
        } else {
            level
        }
    }

    /// Whether its outputs are wide.
    pub(super) fn is_last(&self) -> bool {
        self.steps.is_none()
    }
}

impl Steps {
    fn activated(self, value: f64) -> f64 {
        if self.rectified {
            value.max(0.0)
        } else {
            value
        }
    }
}

/// To the range of 32 bits.
pub(super) fn saturate(value: f64) -> f64 {
    value.clamp(i32::MIN.into(), i32::MAX.into())
}
