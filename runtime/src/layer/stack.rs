//! Layers one behind the other: the encoder, the decoder.

use super::{Activation, LayerKind, LayerRole, LayerView, MAX_LAYERS, NARROW_CEILING};
#[cfg(feature = "bits")]
use crate::kernel::sums;
use crate::kernel::{
    Activations, Bounds, Dense, Numbers, Operands, Outputs, Packing, Quantization, WeightBits,
    layer_words,
};
use heapless::Vec;

/// Encoder or decoder: hidden layers and the last one, whose outputs are wide.
#[derive(Clone, Debug)]
pub(crate) struct Stack<'a> {
    pub(crate) hidden: Vec<Hidden<'a>, MAX_LAYERS>,
    pub(crate) last: Dense<'a>,
}

impl<'a> Stack<'a> {
    /// A stack to be read into. Not a constant: that would be copied into flash.
    pub(crate) fn blank() -> Self {
        let (weights, rows) = (&[], &[]);
        Self {
            hidden: Vec::new(),
            last: Dense {
                columns: 1,
                bits: WeightBits::Eight,
                packing: Packing::NATIVE,
                weights,
                rows,
                bounds: Bounds::UNKNOWN,
            },
        }
    }

    /// Its layers, hidden ones in the role `hidden` and the last one in the role `last`.
    pub(crate) fn views(
        &self,
        hidden: LayerRole,
        last: LayerRole,
    ) -> impl Iterator<Item = LayerView<'a>> + '_ {
        let view = |role, kind: LayerKind, dense: Dense<'a>, activation| LayerView {
            role,
            kind,
            shape: kind.shape(dense.columns, dense.rows.len()),
            bits: dense.bits,
            activation,
            dense,
        };
        // By reference: the consuming iterator of the list could panic as far as a linker can tell.
        let layers = self.hidden.iter().map(move |layer| {
            let activation = (layer.activation, layer.quantization);
            view(hidden, layer.kind, layer.dense, Some(activation))
        });
        let last = view(last, LayerKind::Dense, self.last, None);
        layers.chain(core::iter::once(last))
    }

    /// Words of the longest operands, and bytes of the longest activations, of so many lanes.
    pub(crate) fn lengths(&self, lanes: usize) -> Lengths {
        let hidden = self.hidden.iter();
        let of_layer =
            |dense: &Dense<'_>| layer_words(dense.bits, dense.packing, dense.columns, lanes);
        let words = hidden.clone().map(|layer| of_layer(&layer.dense));
        let outputs = hidden.map(|layer| layer.dense.rows.len() * layer.output_bytes());
        Lengths {
            operands: words.fold(of_layer(&self.last), usize::max),
            activation_bytes: lanes * outputs.max().unwrap_or(0),
        }
    }

    /// Runs the hidden layers, and gives the outputs of the last one. The first layer takes `latents`
    /// in, or else activations, which may be `wide`.
    pub(crate) fn run<'s>(
        &'s self,
        memory: Memory<'s>,
        lanes: usize,
        mut latents: Option<&[i16]>,
        mut wide: bool,
        watch: &mut impl FnMut(&[u8]),
    ) -> Outputs<'s> {
        let Memory {
            operands,
            activations,
            #[cfg(feature = "bits")]
            sums,
        } = memory;
        for layer in &self.hidden {
            let Hidden {
                dense,
                quantization,
                ..
            } = *layer;
            let latents = latents.take();
            #[cfg(feature = "bits")]
            if let Some(latents) = latents
                && !sums.is_empty()
            {
                let latents = latents.get(..lanes * dense.columns).unwrap_or_default();
                let out = outputs(activations, layer.is_wide());
                if sums::activate(&dense, latents, sums, quantization, out) {
                    wide = layer.is_wide();
                    watched(activations, layer, watch);
                    continue;
                }
            }
            let numbers = numbers(latents, activations, wide);
            let prepared = prepare(dense, numbers, lanes, operands);
            wide = layer.is_wide();
            dense.activate(prepared, quantization, outputs(activations, wide));
            watched(activations, layer, watch);
        }
        let numbers = numbers(latents, activations, wide);
        let last = self.last;
        last.outputs(prepare(last, numbers, lanes, operands))
    }
}

/// A layer with quantized outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hidden<'a> {
    pub(crate) kind: LayerKind,
    pub(crate) dense: Dense<'a>,
    pub(crate) quantization: Quantization,
    pub(crate) activation: Activation,
}

impl Hidden<'_> {
    /// Whether its outputs are `i16`.
    pub(crate) fn is_wide(&self) -> bool {
        self.quantization.ceiling > NARROW_CEILING && cfg!(feature = "wide-activations")
    }

    /// Bytes of one output.
    pub(crate) fn output_bytes(&self) -> usize {
        if self.is_wide() { 2 } else { 1 }
    }
}

/// Memory that a stack needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths {
    /// Words.
    pub(crate) operands: usize,
    pub(crate) activation_bytes: usize,
}

/// The memory of the layers of a stack, as large as [`Stack::lengths`] says.
pub(crate) struct Memory<'s> {
    pub(crate) operands: &'s mut [u32],
    /// The outputs of a layer, which are the inputs of the next.
    pub(crate) activations: &'s mut [i16],
    /// Of the first layer, where it takes in bits and their sums are kept; else empty.
    #[cfg(feature = "bits")]
    pub(crate) sums: &'s mut [u32],
}

/// Where the outputs of a layer go, which are `i16` where they are `wide`.
#[inline(always)]
fn outputs(activations: &mut [i16], wide: bool) -> Activations<'_> {
    if wide {
        Activations::Wide(activations)
    } else {
        Activations::Narrow(bytemuck::cast_slice_mut(activations))
    }
}

/// Hands `watch` the outputs of a layer in the first lane, as bytes.
#[inline(always)]
fn watched(activations: &[i16], layer: &Hidden<'_>, watch: &mut impl FnMut(&[u8])) {
    let bytes: &[u8] = bytemuck::cast_slice(activations);
    let length = layer.dense.rows.len() * layer.output_bytes();
    watch(bytes.get(..length).unwrap_or_default());
}

/// Latents, or else activations, which are `i16` where they are `wide`.
fn numbers<'n>(latents: Option<&'n [i16]>, activations: &'n [i16], wide: bool) -> Numbers<'n> {
    match latents {
        Some(latents) => Numbers::Wide(latents),
        None if wide => Numbers::Wide(activations),
        None => Numbers::Narrow(bytemuck::cast_slice(activations)),
    }
}

/// What `dense` takes in.
#[inline(never)]
fn prepare<'s>(
    dense: Dense<'_>,
    numbers: Numbers<'_>,
    lanes: usize,
    operands: &'s mut [u32],
) -> Operands<'s> {
    Operands::prepare(dense.packing, numbers, dense.columns, lanes, operands)
}
