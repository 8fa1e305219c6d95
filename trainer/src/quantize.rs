//! From trained floats to the integers of an image.
//!
//! Weights are `i8` with a scale for each row, hidden activations `i8` with a scale for each unit,
//! which the next layer's weights take in; heads and outputs leave their accumulators as Q16.16.
//! Where a multiplier needs rounding, the row's weight scale takes the rounding up, so that the
//! factor from weights to outputs is exact.
//!
//! A rectified unit may have any scale of its own: `relu(s x) = s relu(x)` (Nagel et al.,
//! "Data-free quantization through weight equalization and bias correction", 2019, section 4.1). So
//! each uses all levels of its `i8`, whatever the loudest unit of its layer does.

use crate::error::Error;
use crate::masks::Masks;
use crate::model::{Dense, Likelihood, Location, Vae};
use crate::objective::Batch;
use crate::prepared::Prepared;
use crate::random::{self, Purpose, normals};
use crate::readings::Normalization;
use candle_core::Tensor;
use elbow::calibration::Noise;
use elbow::format::{
    Activation, ComponentSpec, DenseSpec, ImageSpec, InputSpec, LayerSpec, LikelihoodSpec,
    LocationSpec, PriorSpec, RowSpec,
};
use elbow::kernel::Packing;
use elbow::requantize::Multiplier;

/// The largest activation of a narrow layer. The zero point of rectified activations is as far below zero:
/// 0.0 is the lowest one, so that all levels are used.
const NARROW_CEILING: i16 = 127;
/// The largest activation of a wide layer, whose zero point is as far below zero.
const WIDE_CEILING: i16 = 4095;
/// Levels on either side of zero: inputs and weights.
const SYMMETRIC_LEVELS: f64 = 127.0;
/// 1.0 as Q16.16.
const Q16: f64 = 65536.0;
/// A row's accumulator stays below this for every input, with room below the runtime's bound for
/// the rounding of weights and bias.
const LARGEST_ACCUMULATOR: f64 = 0.99 * elbow::kernel::ACCUMULATOR_BOUND as f64;
/// A unit has at least this part of its layer's loudest unit for its range.
const QUIETEST: f64 = 16.0;
/// Draws from each posterior that the decoder's ranges are measured on.
const CALIBRATION_DRAWS: usize = 4;

/// Numbers that the layer before hands on: `value_c = scales[c] * (q_c - zero_point)`.
#[derive(Clone, Debug)]
struct Operand {
    scales: Vec<f64>,
    zero_point: i16,
    /// The largest magnitude of q.
    largest: f64,
}

/// What the activations reach on the readings that quantization is calibrated with.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranges {
    /// Largest network input, magnitude.
    pub input: f64,
    /// Largest output of each unit of each hidden layer of the encoder.
    pub encoder: Vec<Vec<f64>>,
    /// Largest output of each unit of each hidden layer of the decoder.
    pub decoder: Vec<Vec<f64>>,
    /// Lowest and highest log-variance.
    pub log_variance: (f64, f64),
    /// Largest latent or condition, magnitude.
    pub latent: f64,
}

impl Ranges {
    /// Measures them on `batch`, the decoder's at draws from the posteriors.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn measure(vae: &Vae, batch: &Batch) -> Result<Self, Error> {
        let inputs = &batch.inputs;
        let encoder = hidden_maxima(&vae.encoder, inputs)?;
        let (mean, log_variance) = vae.encode(inputs)?;
        let deviation = (&log_variance * 0.5)?.exp()?;
        let conditions = vae.conditions_of(inputs)?;
        let taken_in = |latents: &Tensor| match &conditions {
            None => Ok(latents.clone()),
            Some(conditions) => Tensor::cat(&[latents, conditions], 1),
        };
        let mut decoder = hidden_maxima(&vae.decoder, &taken_in(&mean)?)?;
        let mut latent = match &conditions {
            None => 0.0,
            Some(conditions) => largest(&conditions.abs()?)?,
        };
        let mut rng = random::stream(0, Purpose::Evaluation);
        for _ in 0..CALIBRATION_DRAWS {
            let noise = normals(&mut rng, mean.elem_count());
            let noise = Tensor::from_vec(noise, mean.shape(), mean.device())?;
            let sample = (&mean + (&deviation * noise)?)?;
            latent = latent.max(largest(&sample.abs()?)?);
            decoder = larger(decoder, hidden_maxima(&vae.decoder, &taken_in(&sample)?)?);
        }
        Ok(Self {
            input: largest(&inputs.abs()?)?,
            encoder,
            decoder,
            log_variance: (-largest(&log_variance.neg()?)?, largest(&log_variance)?),
            latent,
        })
    }

    /// The ranges that hold both.
    fn hull(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            encoder: larger(self.encoder, other.encoder),
            decoder: larger(self.decoder, other.decoder),
            log_variance: (
                self.log_variance.0.min(other.log_variance.0),
                self.log_variance.1.max(other.log_variance.1),
            ),
            latent: self.latent.max(other.latent),
        }
    }
}

fn largest(tensor: &Tensor) -> Result<f64, Error> {
    Ok(f64::from(tensor.flatten_all()?.max(0)?.to_scalar::<f32>()?))
}

/// The larger of each two ranges, layer by layer and unit by unit.
fn larger(a: Vec<Vec<f64>>, b: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let layer =
        |(a, b): (Vec<f64>, Vec<f64>)| a.into_iter().zip(b).map(|(a, b)| a.max(b)).collect();
    a.into_iter().zip(b).map(layer).collect()
}

fn hidden_maxima(layers: &[Dense], inputs: &Tensor) -> Result<Vec<Vec<f64>>, Error> {
    let mut features = inputs.clone();
    let outputs = layers.iter().map(|layer| {
        features = layer.forward(&features)?.relu()?;
        let maxima = features.max(0)?.to_vec1::<f32>()?;
        Ok(maxima.into_iter().map(f64::from).collect())
    });
    outputs.collect()
}

/// What an image says beside the model's numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// What the model is called.
    pub name: String,
    /// Columns of a reading that is a picture; 0 otherwise.
    pub picture_width: u16,
    /// How the weights lie: the cores that are to be fastest.
    pub packing: Packing,
}

/// Quantizes `vae`, ranges measured on `data`, and on the same with the gaps of `masks` where the
/// model is to meet any; the first reading becomes the self-test.
///
/// # Errors
/// [`Error::Encode`] where a scale has no multiplier, [`Error::Tensor`].
pub fn quantize(
    vae: &Vae,
    normalization: &Normalization,
    data: &Prepared,
    masks: Option<&Masks>,
    label: &Label,
) -> Result<ImageSpec, Error> {
    let mut ranges = Ranges::measure(vae, &data.batch)?;
    if masks.is_some() {
        let gaps = data.narrow(0, data.readings.len(), masks)?;
        ranges = ranges.hull(Ranges::measure(vae, &gaps)?);
    }
    let (inputs, input) = quantize_inputs(normalization, ranges.input)?;
    let (encoder, features) = quantize_hidden(&vae.encoder, &ranges.encoder, None, input)?;
    let heads = vec![1.0 / Q16; vae.heads.bias.elem_count()];
    let fraction_bits = latent_fraction_bits(ranges.latent);
    let latents = Operand {
        scales: vec![0.5f64.powi(fraction_bits.into()); vae.latents() + vae.conditions()],
        zero_point: 0,
        largest: 32768.0,
    };
    // A location is compared with the reading in units of its scale, and what the reading is off is
    // squared or doubled by it: steps of 8 bits would show in the score of a strange reading.
    let wide = matches!(vae.likelihood, Likelihood::Location(_));
    let wide = if wide {
        vae.decoder.len().checked_sub(1)
    } else {
        None
    };
    let (decoder, last) = quantize_hidden(&vae.decoder, &ranges.decoder, wide, latents)?;
    let (likelihood, output_scales) = quantize_likelihood(vae, normalization)?;
    let bound = |log_variance: f64| (log_variance.clamp(-20.0, 4.0) * Q16) as i32;
    Ok(ImageSpec {
        name: label.name.clone(),
        picture_width: label.picture_width,
        inputs,
        conditions: quantize_conditions(normalization, vae.conditions(), fraction_bits)?,
        prior: quantize_prior(vae)?,
        stream: None,
        typical: vec![],
        likelihood,
        packing: label.packing,
        latent_fraction_bits: fraction_bits,
        log_variance_range: (
            bound(ranges.log_variance.0 - 1.0),
            bound(ranges.log_variance.1 + 1.0),
        ),
        encoder,
        heads: quantize_dense(&vae.heads, &features, &heads)?,
        decoder,
        output: quantize_dense(&vae.output, &last, &output_scales)?,
        noise: Noise::UNKNOWN,
        self_test_reading: data.readings.row(0).to_vec(),
    })
}

/// From centred raw conditions to network units in steps of a latent.
fn quantize_conditions(
    normalization: &Normalization,
    conditions: usize,
    fraction_bits: u8,
) -> Result<Vec<Multiplier>, Error> {
    let units = &normalization.units[normalization.width() - conditions..];
    let step = 2f64.powi(fraction_bits.into());
    let gains = units
        .iter()
        .map(|&unit| Multiplier::nearest(step / f64::from(unit)));
    let gains: Result<_, _> = gains.collect();
    Ok(gains.map_err(elbow::format::EncodeError::from)?)
}

/// The prior, its numbers brought into an image's range.
fn quantize_prior(vae: &Vae) -> Result<PriorSpec, Error> {
    let Some(components) = vae.components()? else {
        return Ok(PriorSpec::Standard);
    };
    let wide = |row: Vec<f32>| row.into_iter().map(f64::from).collect::<Vec<_>>();
    let rows = |table: &Tensor| -> Result<Vec<Vec<f64>>, Error> {
        Ok(table.to_vec2::<f32>()?.into_iter().map(wide).collect())
    };
    let log_weights = wide(components.log_weights.to_vec1::<f32>()?);
    let shapes = rows(&components.means)?
        .into_iter()
        .zip(rows(&components.log_variances)?);
    let components = log_weights.into_iter().zip(shapes);
    let spec = components.map(|(log_weight, (mean, log_variance))| ComponentSpec {
        log_weight: log_weight.clamp(-64.0, 0.0),
        mean: mean.into_iter().map(|m| m.clamp(-128.0, 128.0)).collect(),
        log_variance,
    });
    Ok(PriorSpec::Mixture(spec.collect()))
}

/// As many fraction bits as leave a factor of 1.5 above the largest latent that was drawn.
fn latent_fraction_bits(largest: f64) -> u8 {
    let integer_bits = (1.5 * largest).max(1.0).log2().ceil();
    (15.0 - integer_bits).clamp(6.0, 15.0) as u8
}

/// Inputs become `i8` over `[-range, range]` in network units.
fn quantize_inputs(
    normalization: &Normalization,
    range: f64,
) -> Result<(Vec<InputSpec>, Operand), Error> {
    let scale = range.max(f64::MIN_POSITIVE) / SYMMETRIC_LEVELS;
    let columns = normalization
        .centers
        .iter()
        .zip(&normalization.exponents)
        .zip(&normalization.units);
    let specs = columns.map(|((&center, &exponent), &unit)| {
        let gain = Multiplier::nearest(1.0 / (f64::from(unit) * scale))
            .map_err(elbow::format::EncodeError::from)?;
        Ok(InputSpec {
            center,
            exponent,
            gain,
        })
    });
    Ok((
        specs.collect::<Result<_, Error>>()?,
        Operand {
            scales: vec![scale; normalization.width()],
            zero_point: 0,
            largest: SYMMETRIC_LEVELS,
        },
    ))
}

/// Quantizes rectified layers one after another, of which the one at the place `wide` has activations of
/// 16 bits; also gives what the last of them hands on.
fn quantize_hidden(
    layers: &[Dense],
    maxima: &[Vec<f64>],
    wide: Option<usize>,
    mut input: Operand,
) -> Result<(Vec<LayerSpec>, Operand), Error> {
    let mut specs = Vec::new();
    for (place, (layer, maxima)) in layers.iter().zip(maxima).enumerate() {
        let ceiling = if wide == Some(place) {
            WIDE_CEILING
        } else {
            NARROW_CEILING
        };
        let levels = 2.0 * f64::from(ceiling);
        // A unit that is never or hardly active on these readings may be on others.
        let loudest = maxima.iter().copied().fold(1e-6, f64::max);
        let scale = |maximum: &f64| maximum.max(loudest / QUIETEST) / levels;
        let output = Operand {
            scales: maxima.iter().map(scale).collect(),
            zero_point: -ceiling,
            largest: ceiling.into(),
        };
        let dense = quantize_dense(layer, &input, &output.scales)?;
        specs.push(LayerSpec {
            dense,
            activation: Activation::Relu,
            zero_point: -ceiling,
            ceiling,
        });
        input = output;
    }
    Ok((specs, input))
}

/// Quantizes one layer, whose row `r` has outputs in steps of `output_scales[r]`.
fn quantize_dense(
    layer: &Dense,
    input: &Operand,
    output_scales: &[f64],
) -> Result<DenseSpec, Error> {
    let mut spec = DenseSpec {
        weights: vec![],
        rows: vec![],
    };
    let rows = layer
        .rows()?
        .into_iter()
        .zip(layer.biases()?)
        .zip(output_scales);
    for ((weights, bias), &output_scale) in rows {
        // Weights that take the operands' scales in, so that a step of an operand is one.
        let weights: Vec<f64> = weights
            .iter()
            .zip(&input.scales)
            .map(|(w, s)| w * s)
            .collect();
        // The smallest scale at which they fit i8, and the accumulator its bound.
        let magnitudes = weights.iter().map(|weight| weight.abs());
        let largest = magnitudes.clone().fold(0.0, f64::max);
        let norm: f64 = magnitudes.sum();
        let zero_point = f64::from(input.zero_point.unsigned_abs());
        let reach = bias.abs() + (input.largest + zero_point) * norm;
        let fits = (largest / SYMMETRIC_LEVELS)
            .max(reach / LARGEST_ACCUMULATOR)
            .max(1e-12 * output_scale);
        let multiplier =
            Multiplier::at_least(fits / output_scale).map_err(elbow::format::EncodeError::from)?;
        let scale = multiplier.to_f64() * output_scale;
        let quantized = weights.iter().map(|weight| (weight / scale).round() as i8);
        let start = spec.weights.len();
        spec.weights.extend(quantized);
        let sum: i32 = spec.weights[start..]
            .iter()
            .map(|&weight| i32::from(weight))
            .sum();
        let bias = (bias / scale).round() as i32 - i32::from(input.zero_point) * sum;
        spec.rows.push(RowSpec { bias, multiplier });
    }
    Ok(spec)
}

/// The likelihood, and the network units that make one step of each wide output.
fn quantize_likelihood(
    vae: &Vae,
    normalization: &Normalization,
) -> Result<(LikelihoodSpec, Vec<f64>), Error> {
    let conditions = vae.conditions();
    match &vae.likelihood {
        Likelihood::Binomial { trials } => Ok((
            LikelihoodSpec::Binomial { trials: *trials },
            vec![1.0 / Q16; normalization.width() - conditions],
        )),
        Likelihood::Location(location) => quantize_location(location, normalization),
    }
}

fn quantize_location(
    location: &Location,
    normalization: &Normalization,
) -> Result<(LikelihoodSpec, Vec<f64>), Error> {
    let deviations = location.log_deviations()?;
    let mut spec = LocationSpec {
        family: location.family,
        predicted_scale: deviations.is_none(),
        standardize: vec![],
        units: vec![],
        log_normalizers: vec![],
    };
    let mut scales = vec![];
    for (input, (&unit, log_unit)) in normalization
        .units
        .iter()
        .zip(&location.log_units)
        .enumerate()
    {
        let log_deviation = deviations.as_ref().map_or(0.0, |all| f64::from(all[input]));
        let wanted = log_deviation.exp() * f64::from(unit);
        let multiplier =
            |factor| Multiplier::nearest(factor).map_err(elbow::format::EncodeError::from);
        let standard = multiplier(8192.0 / wanted)?;
        // The unit that the multiplier means is the one that everything else uses.
        let exact = 8192.0 / standard.to_f64();
        spec.standardize.push(standard);
        spec.units.push(multiplier(exact)?);
        spec.log_normalizers
            .push(-log_unit - (exact / f64::from(unit)).ln() - location.log_normalizer());
        scales.push(exact / f64::from(unit) / Q16);
        if spec.predicted_scale {
            scales.push(1.0 / Q16);
        }
    }
    Ok((LikelihoodSpec::Location(spec), scales))
}
