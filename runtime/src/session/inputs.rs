//! What the networks take in of a reading.

use crate::fixed::saturate_i16;
use crate::mask::{Mask, MaskError};
use crate::model::Model;
use crate::requantize::Multiplier;
use crate::score::ReadingError;
use crate::workspace::Scratch;

/// Whether a reading can be scored.
pub(super) fn check_reading(
    model: &Model<'_>,
    reading: &[i16],
    observed: Mask<'_>,
) -> Result<(), ReadingError> {
    let (have, need) = (reading.len(), model.reading_length());
    if have != need {
        return Err(ReadingError::Length { have, need });
    }
    observed.fits(need).map_err(ReadingError::Mask)?;
    let inputs = model.inputs();
    if !(0..inputs).any(|input| observed.observes(input)) {
        return Err(ReadingError::Mask(MaskError::NothingObserved));
    }
    let reading = reading.get(..inputs).unwrap_or_default();
    let Some(binomial) = model.likelihood.binomial() else {
        return Ok(());
    };
    match binomial.outside_support(reading, observed) {
        Some((index, value)) => Err(ReadingError::OutsideSupport {
            index,
            value,
            largest: binomial.trials(),
        }),
        None => Ok(()),
    }
}

/// Puts the inputs into `activations` as the encoder takes them in; whether they have 16 bits.
pub(super) fn quantize_inputs(
    model: &Model<'_>,
    reading: &[i16],
    observed: Mask<'_>,
    activations: &mut [i16],
) -> bool {
    let wide = model.has_wide_inputs();
    if wide {
        quantize_wide(model, reading, observed, activations);
    } else {
        quantize(
            model,
            reading,
            observed,
            bytemuck::cast_slice_mut(activations),
        );
    }
    wide
}

/// The inputs of 8 bits.
// Apart: it is the longest loop of an encoder but those of layers, and wants all registers.
#[inline(never)]
fn quantize(model: &Model<'_>, reading: &[i16], observed: Mask<'_>, quantized: &mut [i8]) {
    let inputs = quantized_inputs(model, reading, observed);
    for (quantized, value) in quantized.iter_mut().zip(inputs) {
        *quantized = value.clamp(-127, 127) as i8;
    }
}

/// The inputs of 16 bits.
#[inline(never)]
fn quantize_wide(model: &Model<'_>, reading: &[i16], observed: Mask<'_>, quantized: &mut [i16]) {
    let ceiling = i32::from(model.input_ceiling);
    let inputs = quantized_inputs(model, reading, observed);
    for (quantized, value) in quantized.iter_mut().zip(inputs) {
        // No `clamp`, which asserts an order.
        *quantized = value.max(-ceiling).min(ceiling) as i16;
    }
}

/// What the encoder takes in of a reading, before it is clamped.
#[inline(always)]
pub(super) fn quantized_inputs<'r>(
    model: &'r Model<'_>,
    reading: &'r [i16],
    observed: Mask<'r>,
) -> impl Iterator<Item = i32> + 'r {
    let inputs = reading.iter().zip(model.centers).zip(model.gains);
    inputs
        .enumerate()
        .map(move |(index, ((&x, &center), &gain))| {
            let centred = i32::from(x) - i32::from(center);
            let value = Multiplier::from_validated(gain).apply(centred);
            if observed.observes(index) { value } else { 0 }
        })
}

/// Puts the raw `conditions` behind the latents of every lane, in the latents' units,
/// `M_i(c_i - c)` rounded and saturated to 16 bits; those that are not `given`, 0, which is their centre.
pub(super) fn condition(
    model: &Model<'_>,
    conditions: &[i16],
    given: impl Fn(usize) -> bool,
    scratch: &mut Scratch<'_>,
) {
    if !cfg!(feature = "conditions") {
        return;
    }
    let centers = model.centers.get(model.inputs()..).unwrap_or_default();
    let shapes = centers.iter().zip(model.conditions);
    for (index, (&value, (&center, &gain))) in conditions.iter().zip(shapes).enumerate() {
        let centred = i32::from(value) - i32::from(center);
        let value = saturate_i16(Multiplier::from_validated(gain).apply(centred));
        for lane in scratch.latents.chunks_mut(model.decoder_inputs()) {
            if let Some(place) = lane.get_mut(model.latents() + index) {
                *place = if given(index) { value } else { 0 };
            }
        }
    }
}
