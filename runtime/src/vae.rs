//! The two passes: q(z|x) from a reading, and the parameters of p(x|z) from latents.

use crate::distribution::LARGEST_MEAN;
use crate::fixed::{FRACTION_BITS, multiply, saturate_i16};
use crate::kernel::{Dense, Operand};
use crate::mask::Mask;
use crate::model::{Hidden, Model};
use crate::requantize::Multiplier;
use crate::transcendental::exp;
use crate::workspace::Scratch;

/// Encodes `reading`: fills `mean`, `log_variance` and `deviation` of `scratch`, and hands `watch`
/// the outputs of each layer, as bytes.
///
/// Each observed input enters as `clamp(M_i(x_i - c_i), -127, 127)`, each other one as 0, which is
/// its centre (Mattei and Frellsen, "MIWAE", 2019, section 3.1); the heads leave their accumulators
/// as Q16.16, means clamped to [`LARGEST_MEAN`], log-variances to the range of the image.
pub(crate) fn encode(
    model: &Model<'_>,
    reading: &[i16],
    observed: Mask<'_>,
    scratch: &mut Scratch<'_>,
    mut watch: impl FnMut(&[u8]),
) {
    let inputs = reading.iter().zip(model.centers).zip(model.gains);
    let inputs = inputs.zip(scratch.even.iter_mut()).enumerate();
    for (index, (((&x, &center), &gain), quantized)) in inputs {
        let centred = i32::from(x) - i32::from(center);
        let value = Multiplier::from_validated(gain).apply(centred);
        *quantized = if observed.observes(index) {
            value.clamp(-127, 127) as i8
        } else {
            0
        };
    }
    let even = scratch.even.as_chunks_mut::<1>().0;
    let odd = scratch.odd.as_chunks_mut::<1>().0;
    let features = hidden(&model.encoder.hidden, even, odd, &mut watch);
    let mut heads = model.encoder.last.wide(features);
    for (mean, [head]) in scratch.mean.iter_mut().zip(&mut heads) {
        *mean = head.clamp(-LARGEST_MEAN, LARGEST_MEAN);
    }
    let (low, high) = model.log_variance_range;
    let variances = scratch
        .log_variance
        .iter_mut()
        .zip(scratch.deviation.iter_mut());
    for ((log_variance, deviation), [head]) in variances.zip(heads) {
        *log_variance = head.max(low).min(high);
        *deviation = exp(*log_variance >> 1);
    }
    watch(bytemuck::cast_slice(scratch.mean));
    watch(bytemuck::cast_slice(scratch.log_variance));
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

/// A lane of the decoder's input: latent `j` stands at `j * lanes + lane`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    /// Which one.
    pub(crate) lane: usize,
    /// How many there are.
    pub(crate) lanes: usize,
}

impl Lane {
    /// The places of the lane among the latents.
    fn of(self, latents: &mut [i16]) -> impl Iterator<Item = &mut i16> {
        let columns = latents.chunks_exact_mut(self.lanes.max(1));
        columns.filter_map(move |lanes| lanes.get_mut(self.lane))
    }
}

/// Puts `z = mu + sign * sigma * eps` into a lane, the reparameterized sample for the noise at hand
/// (Kingma and Welling, 2014, section 2.4); `sign` is 1 or -1. Gives `log p(z) - log q(z|x)`, in
/// nats Q47.16: `1/2 sum_j eps_j^2 + ln sigma_j^2 - z_j^2`.
pub(crate) fn reparameterize(
    model: &Model<'_>,
    sign: i32,
    lane: Lane,
    scratch: &mut Scratch<'_>,
) -> i64 {
    let spread = scratch.deviation.iter().zip(scratch.noise.iter());
    let posterior = scratch
        .mean
        .iter()
        .zip(scratch.log_variance.iter())
        .zip(spread);
    let mut twice = 0;
    for (latent, ((&mean, &log_variance), (&deviation, &noise))) in
        lane.of(scratch.latents).zip(posterior)
    {
        let value = mean.saturating_add(sign * multiply(deviation, noise));
        *latent = to_latent(model, value);
        twice += square(noise) + i64::from(log_variance) - square(value);
    }
    (twice + 1) >> 1
}

/// The square of a Q16.16 number, rounded half up, Q47.16.
pub(crate) fn square(value: i32) -> i64 {
    (i64::from(value) * i64::from(value) + (1 << 15)) >> FRACTION_BITS
}

/// Puts `z = mu` into a lane, but for latent `shifted`, which is `mu_j + offset` (Q16.16).
pub(crate) fn at_mean(
    model: &Model<'_>,
    shifted: Option<(usize, i32)>,
    lane: Lane,
    scratch: &mut Scratch<'_>,
) {
    let means = scratch.mean.iter().enumerate();
    for (latent, (index, &mean)) in lane.of(scratch.latents).zip(means) {
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

/// One decoder pass over `K` latents at once: runs the hidden layers, handing `watch` the outputs
/// of each as bytes, and gives the wide outputs, computed row by row as they are asked for; there
/// is no buffer for them.
pub(crate) fn decode<'s, const K: usize>(
    model: &'s Model<'_>,
    latents: &'s [i16],
    even: &'s mut [i8],
    odd: &'s mut [i8],
    mut watch: impl FnMut(&[u8]),
) -> impl Iterator<Item = [i32; K]> + 's {
    let last = model.decoder.last;
    let latents = latents.as_chunks::<K>().0;
    match model.decoder.hidden.split_first() {
        None => Outputs::Latents(wide(last, latents)),
        Some((first, rest)) => {
            let (even, odd) = (even.as_chunks_mut::<K>().0, odd.as_chunks_mut::<K>().0);
            first.dense.quantized(latents, first.quantization, even);
            watch(of_layer(first, even));
            Outputs::Features(wide(last, hidden(rest, even, odd, &mut watch)))
        }
    }
}

/// [`Dense::wide`] with the lifetimes of the weights and the operands joined.
fn wide<'s, X: Operand, const K: usize>(
    dense: Dense<'s>,
    x: &'s [[X; K]],
) -> impl Iterator<Item = [i32; K]> + 's {
    dense.wide(x)
}

/// Runs `layers` on the activations in `from`, and gives those of the last one.
fn hidden<'s, const K: usize>(
    layers: &[Hidden<'_>],
    mut from: &'s mut [[i8; K]],
    mut to: &'s mut [[i8; K]],
    watch: &mut impl FnMut(&[u8]),
) -> &'s [[i8; K]] {
    for layer in layers {
        layer.dense.quantized(from, layer.quantization, to);
        watch(of_layer(layer, to));
        core::mem::swap(&mut from, &mut to);
    }
    from
}

/// The outputs of `layer`, at the front of `activations`, as bytes.
fn of_layer<'s, const K: usize>(layer: &Hidden<'_>, activations: &'s [[i8; K]]) -> &'s [u8] {
    let outputs = activations.get(..layer.dense.rows.len());
    bytemuck::cast_slice(outputs.unwrap_or_default().as_flattened())
}

/// The outputs of a decoder without or with hidden layers.
enum Outputs<A, B> {
    Latents(A),
    Features(B),
}

impl<T, A: Iterator<Item = T>, B: Iterator<Item = T>> Iterator for Outputs<A, B> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        match self {
            Self::Latents(outputs) => outputs.next(),
            Self::Features(outputs) => outputs.next(),
        }
    }
}
