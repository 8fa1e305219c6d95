//! The two passes: q(z|x) from a reading, and the parameters of p(x|z) from latents.

use super::inputs::{condition, quantize_inputs};
use crate::kernel::Outputs;
use crate::layer::Memory;
use crate::mask::Mask;
use crate::model::Model;
use crate::posterior::Place;
use crate::workspace::Scratch;

/// Encodes `reading`: sets the posterior of `scratch`, and hands `watch`
/// the outputs of each layer, as bytes.
///
/// Each observed input enters as `clamp(M_i(x_i - c_i), -C, C)` with the ceiling C of the image, each other one as 0,
/// which is its centre (Mattei and Frellsen, "MIWAE", 2019, section 3.1); the heads leave their accumulators
/// as Q16.16.
pub(crate) fn encode(
    model: &Model<'_>,
    reading: &[i16],
    observed: Mask<'_>,
    scratch: &mut Scratch<'_>,
    mut watch: impl FnMut(&[u8]),
) {
    let wide = quantize_inputs(model, reading, observed, scratch.activations);
    let conditions = reading.get(model.inputs()..).unwrap_or_default();
    let given = |condition| observed.observes(model.inputs() + condition);
    condition(model, conditions, given, scratch);
    let memory = Memory {
        operands: scratch.operands,
        activations: scratch.activations,
        #[cfg(feature = "bits")]
        sums: &mut [],
    };
    let heads = model.encoder.run(memory, 1, None, wide, &mut watch);
    scratch.posterior.set(heads, model.posterior);
    scratch.posterior.watch(watch);
}

/// Takes the outputs of layers that nobody watches. A function, so that all such passes are one piece of code.
pub(crate) fn unwatched(_: &[u8]) {}

/// One decoder pass over the latents in so many lanes: runs the hidden layers, handing `watch` the
/// outputs of each as bytes, and gives the wide outputs, computed as they are asked for; there is no
/// buffer for them.
// The deepest stack goes through here: a frame of its own would come on top.
#[inline(always)]
pub(crate) fn decode<'s>(
    model: &'s Model<'_>,
    scratch: &'s mut Scratch<'_>,
    lanes: usize,
    mut watch: impl FnMut(&[u8]),
) -> Outputs<'s> {
    let memory = Memory {
        operands: scratch.operands,
        activations: scratch.activations,
        #[cfg(feature = "bits")]
        sums: scratch.sums,
    };
    let latents = Some(&*scratch.latents);
    model.decoder.run(memory, lanes, latents, false, &mut watch)
}

/// The place of a lane among the latents of all lanes.
#[inline(always)]
pub(crate) fn lane<'l>(model: &Model<'_>, latents: &'l mut [i16], lane: usize) -> Place<'l> {
    Place {
        latents: latents
            .get_mut(lane * model.decoder_inputs()..)
            .unwrap_or_default(),
        fraction_bits: model.latent_fraction_bits(),
    }
}
