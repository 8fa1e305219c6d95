//! The two passes: q(z|x) from a reading, and the parameters of p(x|z) from latents.

use crate::distribution::{LARGEST_MEAN, Mixture};
use crate::fixed::{FRACTION_BITS, multiply, saturate_i16};
use crate::kernel::Outputs;
use crate::layer::Memory;
use crate::mask::Mask;
use crate::model::Model;
use crate::requantize::Multiplier;
use crate::sigma_points::Offsets;
use crate::transcendental::exp;
use crate::workspace::Scratch;

/// Encodes `reading`: fills `mean`, `log_variance` and `deviation` of `scratch`, and hands `watch`
/// the outputs of each layer, as bytes.
///
/// Each observed input enters as `clamp(M_i(x_i - c_i), -C, C)` with the ceiling C of the image, each other one as 0,
/// which is its centre (Mattei and Frellsen, "MIWAE", 2019, section 3.1); the heads leave their accumulators
/// as Q16.16, means clamped to [`LARGEST_MEAN`], log-variances to the range of the image.
pub(crate) fn encode(
    model: &Model<'_>,
    reading: &[i16],
    observed: Mask<'_>,
    scratch: &mut Scratch<'_>,
    mut watch: impl FnMut(&[u8]),
) {
    let wide = model.has_wide_inputs();
    if wide {
        quantize_wide(model, reading, observed, scratch.activations);
    } else {
        quantize(
            model,
            reading,
            observed,
            bytemuck::cast_slice_mut(scratch.activations),
        );
    }
    let conditions = reading.get(model.inputs()..).unwrap_or_default();
    let given = |condition| observed.observes(model.inputs() + condition);
    condition(model, conditions, given, scratch);
    let memory = Memory {
        operands: scratch.operands,
        activations: scratch.activations,
    };
    let mut heads = model.encoder.run(memory, 1, None, wide, &mut watch);
    let (low, high) = model.log_variance_range;
    let mut means = scratch.mean.iter_mut();
    let mut log_variances = scratch.log_variance.iter_mut();
    while let Some(rows) = heads.next() {
        for &[head, ..] in rows {
            if let Some(mean) = means.next() {
                *mean = head.clamp(-LARGEST_MEAN, LARGEST_MEAN);
            } else if let Some(log_variance) = log_variances.next() {
                *log_variance = head.max(low).min(high);
            }
        }
    }
    deviations(scratch);
    watch(bytemuck::cast_slice(scratch.mean));
    watch(bytemuck::cast_slice(scratch.log_variance));
}

/// The inputs as the encoder takes them in.
// Apart: it is the longest loop of an encoder but those of layers, and wants all registers.
#[inline(never)]
fn quantize(model: &Model<'_>, reading: &[i16], observed: Mask<'_>, quantized: &mut [i8]) {
    let inputs = quantized_inputs(model, reading, observed);
    for (quantized, value) in quantized.iter_mut().zip(inputs) {
        *quantized = value.clamp(-127, 127) as i8;
    }
}

/// The same where they have 16 bits.
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
fn quantized_inputs<'r>(
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

/// Takes the outputs of layers that nobody watches. A function, so that all such passes are one piece of code.
pub(crate) fn unwatched(_: &[u8]) {}

/// Puts the raw `conditions` behind the latents of every lane, in the latents' units,
/// `M_i(c_i - c)` rounded and saturated to 16 bits; those that are not `given`, 0, which is their centre.
pub(crate) fn condition(
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
        for lane in scratch.latents.chunks_mut(lane_length(model)) {
            if let Some(place) = lane.get_mut(model.latents() + index) {
                *place = if given(index) { value } else { 0 };
            }
        }
    }
}

/// Sets the posterior of `scratch` to the prior: to N(0, I), or to the component of a mixture that
/// `word` draws.
pub(crate) fn prior(model: &Model<'_>, word: impl FnOnce() -> u32, scratch: &mut Scratch<'_>) {
    scratch.mean.fill(0);
    scratch.log_variance.fill(0);
    if let Some(mixture) = model.prior.mixture()
        && let Some(component) = mixture.draw(word())
    {
        let means = scratch.mean.iter_mut().zip(component.mean);
        means.for_each(|(mean, &of)| *mean = of);
        let log_variances = scratch.log_variance.iter_mut().zip(component.log_variance);
        log_variances.for_each(|(log_variance, &of)| *log_variance = of);
    }
    deviations(scratch);
}

/// `sigma = exp(1/2 ln sigma^2)`.
fn deviations(scratch: &mut Scratch<'_>) {
    let variances = scratch.log_variance.iter();
    for (&log_variance, deviation) in variances.zip(scratch.deviation.iter_mut()) {
        *deviation = exp(log_variance >> 1);
    }
}

/// Draws the noise of one reparameterized sample.
pub(crate) fn draw_noise(rng: &mut impl rand_core::Rng, scratch: &mut Scratch<'_>) {
    for noise in scratch.noise.iter_mut() {
        *noise = crate::gaussian::standard_normal(rng.next_u32());
    }
}

/// Puts `z = mu + sign * sigma * eps` into a lane, the reparameterized sample for the noise at hand
/// (Kingma and Welling, 2014, section 2.4); `sign` is 1 or -1. Gives `log p(z) - log q(z|x)`, in
/// nats Q47.16: `1/2 sum_j eps_j^2 + ln sigma_j^2 - z_j^2` where the prior is N(0, I).
pub(crate) fn reparameterize(
    model: &Model<'_>,
    sign: i32,
    lane: usize,
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
        of_lane(scratch.latents, lane, model).zip(posterior)
    {
        let value = mean.saturating_add(sign * multiply(deviation, noise));
        *latent = to_latent(model, value);
        twice += square(noise) + i64::from(log_variance) - square(value);
    }
    match model.prior.mixture() {
        None => (twice + 1) >> 1,
        Some(mixture) => log_ratio(mixture, sign, scratch),
    }
}

/// The same where the prior is a mixture: `log p(z) + 1/2 sum_j eps_j^2 + ln sigma_j^2`.
#[inline(never)]
fn log_ratio(mixture: &Mixture<'_>, sign: i32, scratch: &Scratch<'_>) -> i64 {
    let spread = scratch.deviation.iter().zip(scratch.noise.iter());
    let z = scratch.mean.iter().zip(spread);
    let z = z.map(|(&mean, (&deviation, &noise))| {
        mean.saturating_add(sign * multiply(deviation, noise))
    });
    let of_posterior = scratch.noise.iter().zip(scratch.log_variance.iter());
    let twice = of_posterior.map(|(&noise, &log_variance)| square(noise) + i64::from(log_variance));
    mixture.log_density(z) + ((twice.sum::<i64>() + 1) >> 1)
}

/// The square of a Q16.16 number, rounded half up, Q47.16.
pub(crate) fn square(value: i32) -> i64 {
    (i64::from(value) * i64::from(value) + (1 << 15)) >> FRACTION_BITS
}

/// Puts `z = mu` into a lane.
pub(crate) fn at_mean(model: &Model<'_>, lane: usize, scratch: &mut Scratch<'_>) {
    let latents = of_lane(scratch.latents, lane, model);
    for (latent, &mean) in latents.zip(scratch.mean.iter()) {
        *latent = to_latent(model, mean);
    }
}

/// Makes the noise how far a pair of sigma points is from the mean: offsets, Q16.16, times sigma.
pub(crate) fn spread(offsets: Offsets, scratch: &mut Scratch<'_>) {
    let latents = scratch.noise.iter_mut().zip(scratch.deviation.iter());
    for ((noise, &deviation), offset) in latents.zip(offsets) {
        *noise = multiply(offset, deviation);
    }
}

/// Puts `z = mu + sign * noise` into a lane.
pub(crate) fn at_noise(model: &Model<'_>, sign: i32, lane: usize, scratch: &mut Scratch<'_>) {
    let means = scratch.mean.iter().zip(scratch.noise.iter());
    let latents = of_lane(scratch.latents, lane, model);
    for (latent, (&mean, &noise)) in latents.zip(means) {
        *latent = to_latent(model, mean.saturating_add(sign * noise));
    }
}

/// Rounds a Q16.16 number half up to the fraction bits of latents, saturating.
fn to_latent(model: &Model<'_>, value: i32) -> i16 {
    let shift = FRACTION_BITS
        .saturating_sub(model.latent_fraction_bits())
        .clamp(1, 15);
    saturate_i16(value.saturating_add(1 << (shift - 1)) >> shift)
}

/// The place of a lane among the latents.
fn of_lane<'l>(
    latents: &'l mut [i16],
    lane: usize,
    model: &Model<'_>,
) -> impl Iterator<Item = &'l mut i16> {
    let behind = latents.get_mut(lane * lane_length(model)..);
    behind.unwrap_or_default().iter_mut()
}

/// Numbers that the decoder takes in: latents, and conditions behind them.
fn lane_length(model: &Model<'_>) -> usize {
    // At least one: parsing has made sure of it, and the linker is to know it too.
    (model.latents() + model.conditions()).max(1)
}

/// One decoder pass over the latents in so many lanes: runs the hidden layers, handing `watch` the
/// outputs of each as bytes, and gives the wide outputs, computed as they are asked for; there is no
/// buffer for them.
pub(crate) fn decode<'s>(
    model: &'s Model<'_>,
    scratch: &'s mut Scratch<'_>,
    lanes: usize,
    mut watch: impl FnMut(&[u8]),
) -> Outputs<'s> {
    let memory = Memory {
        operands: scratch.operands,
        activations: scratch.activations,
    };
    let latents = Some(&*scratch.latents);
    model.decoder.run(memory, lanes, latents, false, &mut watch)
}
