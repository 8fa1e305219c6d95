//! The two passes: q(z|x) from a reading, and the parameters of p(x|z) from latents.

use crate::distribution::LARGEST_MEAN;
use crate::fixed::{FRACTION_BITS, multiply, saturate_i16};
use crate::kernel::{Dense, Operand};
use crate::model::{Hidden, Model};
use crate::requantize::Multiplier;
use crate::transcendental::exp;
use crate::workspace::Scratch;

/// Encodes `reading`: fills `mean`, `log_variance` and `deviation` of `scratch`.
///
/// Each input enters as `clamp(M_i(x_i - c_i), -127, 127)`; the heads leave their accumulators as
/// Q16.16, means clamped to [`LARGEST_MEAN`], log-variances to the range of the image.
pub(crate) fn encode(model: &Model<'_>, reading: &[i16], scratch: &mut Scratch<'_>) {
    let inputs = reading.iter().zip(model.centers).zip(model.gains);
    for (((&x, &center), &gain), quantized) in inputs.zip(scratch.even.iter_mut()) {
        let centred = i32::from(x) - i32::from(center);
        *quantized = Multiplier::from_validated(gain)
            .apply(centred)
            .clamp(-127, 127) as i8;
    }
    let features = hidden(&model.encoder.hidden, scratch.even, scratch.odd);
    let mut heads = model.encoder.last.wide(features);
    for (mean, head) in scratch.mean.iter_mut().zip(&mut heads) {
        *mean = head.clamp(-LARGEST_MEAN, LARGEST_MEAN);
    }
    let (low, high) = model.log_variance_range;
    let variances = scratch
        .log_variance
        .iter_mut()
        .zip(scratch.deviation.iter_mut());
    for ((log_variance, deviation), head) in variances.zip(heads) {
        *log_variance = head.max(low).min(high);
        *deviation = exp(*log_variance >> 1);
    }
}

/// Sets the posterior of `scratch` to the prior N(0, I).
pub(crate) fn prior(scratch: &mut Scratch<'_>) {
    scratch.mean.fill(0);
    scratch.log_variance.fill(0);
    scratch.deviation.fill(crate::fixed::ONE);
}

/// Draws the noise of one reparameterized sample.
pub(crate) fn draw_noise(rng: &mut impl rand_core::Rng, scratch: &mut Scratch<'_>) {
    for noise in scratch.noise.iter_mut() {
        *noise = crate::gaussian::standard_normal(rng.next_u32());
    }
}

/// `z = mu + sign * sigma * eps`, the reparameterized sample for the noise at hand (Kingma and
/// Welling, 2014, section 2.4); `sign` is 1 or -1.
pub(crate) fn reparameterize(model: &Model<'_>, sign: i32, scratch: &mut Scratch<'_>) {
    let posterior = scratch
        .mean
        .iter()
        .zip(scratch.deviation.iter())
        .zip(scratch.noise.iter());
    for (latent, ((&mean, &deviation), &noise)) in scratch.latents.iter_mut().zip(posterior) {
        *latent = to_latent(
            model,
            mean.saturating_add(sign * multiply(deviation, noise)),
        );
    }
}

/// `z = mu`, but for latent `shifted`, which is `mu_j + offset` (Q16.16).
pub(crate) fn at_mean(model: &Model<'_>, shifted: Option<(usize, i32)>, scratch: &mut Scratch<'_>) {
    for (index, (latent, &mean)) in scratch
        .latents
        .iter_mut()
        .zip(scratch.mean.iter())
        .enumerate()
    {
        let offset = shifted
            .filter(|&(at, _)| at == index)
            .map_or(0, |(_, offset)| offset);
        *latent = to_latent(model, mean.saturating_add(offset));
    }
}

/// Rounds a Q16.16 number half up to the fraction bits of latents, saturating.
fn to_latent(model: &Model<'_>, value: i32) -> i16 {
    let shift = FRACTION_BITS
        .saturating_sub(model.latent_fraction_bits())
        .clamp(1, 15);
    saturate_i16(value.saturating_add(1 << (shift - 1)) >> shift)
}

/// One decoder pass: runs the hidden layers on `latents`, and gives the wide outputs, computed one
/// by one as they are asked for; there is no buffer for them.
pub(crate) fn decode<'s>(
    model: &'s Model<'_>,
    latents: &'s [i16],
    even: &'s mut [i8],
    odd: &'s mut [i8],
) -> impl Iterator<Item = i32> + 's {
    let last = model.decoder.last;
    match model.decoder.hidden.split_first() {
        None => Outputs::Latents(wide(last, latents)),
        Some((first, rest)) => {
            first.dense.quantized(latents, first.quantization, even);
            Outputs::Features(wide(last, hidden(rest, even, odd)))
        }
    }
}

/// [`Dense::wide`] with the lifetimes of the weights and the operands joined.
fn wide<'s, X: Operand>(dense: Dense<'s>, x: &'s [X]) -> impl Iterator<Item = i32> + 's {
    dense.wide(x)
}

/// Runs `layers` on the activations in `from`, and gives those of the last one.
fn hidden<'s>(layers: &[Hidden<'_>], mut from: &'s mut [i8], mut to: &'s mut [i8]) -> &'s [i8] {
    for layer in layers {
        layer.dense.quantized(from, layer.quantization, to);
        core::mem::swap(&mut from, &mut to);
    }
    from
}

/// The outputs of a decoder without or with hidden layers.
enum Outputs<A, B> {
    Latents(A),
    Features(B),
}

impl<A: Iterator<Item = i32>, B: Iterator<Item = i32>> Iterator for Outputs<A, B> {
    type Item = i32;

    #[inline]
    fn next(&mut self) -> Option<i32> {
        match self {
            Self::Latents(outputs) => outputs.next(),
            Self::Features(outputs) => outputs.next(),
        }
    }
}
