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
use nalgebra::{DMatrix, DVector};

/// Weights, a row for each output, and biases.
#[derive(Clone, Debug)]
struct Affine {
    weights: DMatrix<f64>,
    biases: DVector<f64>,
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
    trained: Affine,
    device: Affine,
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

/// The range of 32 bits.
pub(super) const I32: (f64, f64) = (i32::MIN as f64, i32::MAX as f64);
/// The range of 16 bits.
pub(super) const I16: (f64, f64) = (i16::MIN as f64, i16::MAX as f64);

/// `floor(value + 1/2)`, the rounding rule of the device, from `low` to `high`; `value` itself unless `is_whole`.
pub(super) fn rounded(is_whole: bool, value: f64, (low, high): (f64, f64)) -> f64 {
    match is_whole {
        true => (value + 0.5).floor().clamp(low, high),
        false => value,
    }
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
        } = spec.posterior
        else {
            return Err(Error::Setting(
                "the difference is followed through means and log-variances, which bits have not: leave --breakdown out"
                    .into(),
            ));
        };
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
        let run = |numbers, (id, layer): (LayerId, &Layer)| layer.run(&numbers, switches[id]);
        layers.fold(DVector::from_vec(inputs), run).data.into()
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
        let (trained, biases) = (dense.rows()?, dense.biases()?);
        let rows = spec.map_or(0, |spec| spec.rows.len());
        let fits = trained.len() == rows && trained.iter().all(|row| row.len() == columns);
        let Some(spec) = spec.filter(|spec| fits && spec.weights.len() == rows * columns) else {
            return Err(Error::Setting(format!(
                "the image has a layer of {rows} rows of {columns}, the float model has {} there: evaluate the image beside its own model.safetensors",
                trained.len()
            )));
        };
        let integers = spec.weights.iter().map(|&weight| weight.into());
        let device = Affine {
            weights: DMatrix::from_row_iterator(rows, columns, integers),
            biases: DVector::from_fn(rows, |row, _| spec.rows[row].bias.into()),
        };
        let multipliers = spec.rows.iter().map(|row| row.multiplier.to_f64());
        let multipliers: Vec<f64> = multipliers.collect();
        let of_weight = |row: usize, column: usize| trained[row][column] * input.scales[column];
        let mut weights = DMatrix::from_fn(rows, columns, of_weight);
        let mut scales = Vec::new();
        let exact = DVector::from_fn(rows, |at, _| {
            let (mut row, integers) = (weights.row_mut(at), device.weights.row(at));
            // The scale s that minimizes `sum (s q - w)^2`.
            let closest = row.dot(&integers) / integers.norm_squared();
            let scale = match outputs {
                Some(outputs) => outputs[at] * multipliers[at],
                None if closest > 0.0 && closest.is_finite() => closest,
                None => 1.0,
            };
            row /= scale;
            scales.push(scale / multipliers[at]);
            biases[at] / scale - f64::from(input.zero_point) * row.sum()
        });
        let trained = Affine {
            weights,
            biases: exact,
        };
        let layer = Self {
            trained,
            device,
            multipliers,
            hidden: None,
        };
        Ok((layer, scales))
    }

    /// Outputs, in steps.
    fn run(&self, inputs: &DVector<f64>, switches: LayerSwitches) -> DVector<f64> {
        let Affine { weights, biases } = match switches.weights {
            true => &self.device,
            false => &self.trained,
        };
        let mut outputs = biases.clone();
        outputs.gemv(1.0, weights, inputs, 1.0);
        for (output, multiplier) in outputs.iter_mut().zip(&self.multipliers) {
            *output = self.finish(*output * multiplier, switches);
        }
        outputs
    }

    fn finish(&self, output: f64, switches: LayerSwitches) -> f64 {
        let output = rounded(switches.activations, output, I32);
        let Some(hidden) = self.hidden else {
            return output;
        };
        let least = if hidden.rectified { 0.0 } else { f64::MIN };
        let level = hidden.zero_point + output.max(least);
        match switches.limits {
            true => level.clamp(-hidden.q_max, hidden.q_max),
            false => level,
        }
    }
}
