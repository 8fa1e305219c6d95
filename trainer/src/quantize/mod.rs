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

mod layer;
mod likelihood;
mod ranges;

pub use ranges::Ranges;

use crate::error::Error;
use crate::masks::Masks;
use crate::model::{Likelihood, Vae};
use crate::prepared::Prepared;
use crate::readings::Normalization;
use elbow::calibration::Noise;
use elbow::format::ImageSpec;
use elbow::kernel::Packing;
use elbow::requantize::Multiplier;
use layer::{Operand, quantize_dense, quantize_hidden, quantize_inputs};
use likelihood::{quantize_likelihood, quantize_prior};

/// 1.0 as Q16.16.
const Q16: f64 = 65536.0;

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

/// As many fraction bits as leave a factor of 1.5 above the largest latent that was drawn.
fn latent_fraction_bits(largest: f64) -> u8 {
    let integer_bits = (1.5 * largest).max(1.0).log2().ceil();
    (15.0 - integer_bits).clamp(6.0, 15.0) as u8
}
