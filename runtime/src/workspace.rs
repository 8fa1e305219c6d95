//! The RAM that scoring needs, owned by the caller.

use crate::kernel::LANES;
#[cfg(feature = "bits")]
use crate::kernel::sums::sums_words;
use crate::memory::take;
use crate::model::Model;
#[cfg(feature = "bits")]
use crate::posterior::PosteriorKind;
use crate::posterior::State;
use core::ops::{Deref, DerefMut};

/// Memory for one [`crate::Session`], in words of eight bytes. How many a model needs,
/// [`Model::workspace_words`] says, and so does `trainer inspect`. It dereferences to a slice; a
/// host may pass a `Vec<u64>` in its place.
///
/// ```
/// let mut workspace = elbow::Workspace::<152>::new();
/// # let _: &mut [u64] = &mut workspace;
/// ```
#[derive(Debug)]
pub struct Workspace<const WORDS: usize> {
    words: [u64; WORDS],
}

impl<const WORDS: usize> Workspace<WORDS> {
    /// A workspace of `8 * WORDS` bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: [0; WORDS] }
    }
}

impl<const WORDS: usize> Default for Workspace<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const WORDS: usize> Deref for Workspace<WORDS> {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.words
    }
}

impl<const WORDS: usize> DerefMut for Workspace<WORDS> {
    fn deref_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }
}

/// A workspace with too few bytes for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WorkspaceError {
    /// Bytes it holds.
    pub have: usize,
    /// Bytes the model needs.
    pub need: usize,
}

/// The parts of a workspace, sized for one model.
#[derive(Debug)]
pub(crate) struct Scratch<'w> {
    pub(crate) posterior: State<'w>,
    /// What the layer at hand takes in, as its kernel wants it, and room for its weights.
    pub(crate) operands: &'w mut [u32],
    /// Of the decoder's first layer over bits; empty where it is computed as others are.
    #[cfg(feature = "bits")]
    pub(crate) sums: &'w mut [u32],
    /// The latents that go to the decoder, with the model's fraction bits, and the conditions behind
    /// them, lane after lane.
    pub(crate) latents: &'w mut [i16],
    /// The outputs of the layer at hand, lane after lane: `i16`, or two `i8` in each.
    pub(crate) activations: &'w mut [i16],
}

impl<'w> Scratch<'w> {
    /// Divides `workspace` for `model`.
    pub(crate) fn new(model: &Model<'_>, workspace: &'w mut [u64]) -> Result<Self, WorkspaceError> {
        let have = size_of_val(workspace);
        let error = WorkspaceError {
            have,
            need: 8 * model.workspace_words(),
        };
        let latents = model.latents();
        let (operands, activations) = model.layer_lengths();
        let mut rest: &'w mut [u8] = bytemuck::cast_slice_mut(workspace);
        let scratch = Self {
            posterior: model.posterior.state(&mut rest, latents).ok_or(error)?,
            operands: take(&mut rest, operands).ok_or(error)?,
            #[cfg(feature = "bits")]
            sums: take(&mut rest, model.sums_words()).ok_or(error)?,
            latents: take(&mut rest, LANES * (latents + model.conditions())).ok_or(error)?,
            activations: take(&mut rest, activations).ok_or(error)?,
        };
        #[cfg(feature = "bits")]
        scratch.sums.fill(0);
        Ok(scratch)
    }
}

impl Model<'_> {
    /// Words of eight bytes that a [`Workspace`] for this model has. The decoder's part has room
    /// for four latents at once.
    #[must_use]
    pub fn workspace_words(&self) -> usize {
        let (operands, activations) = self.layer_lengths();
        let layers = operands * size_of::<u32>() + activations * size_of::<i16>();
        let decoder_inputs = (self.latents() + self.conditions()) * LANES * size_of::<i16>();
        let posterior = self.latents() * self.posterior.bytes_per_latent();
        #[cfg(feature = "bits")]
        let layers = layers + self.sums_words() * size_of::<u32>();
        (posterior + decoder_inputs + layers).div_ceil(8)
    }

    /// Words of the sums of the decoder's first layer; none where no sums are kept.
    #[cfg(feature = "bits")]
    fn sums_words(&self) -> usize {
        let are_bits = self.posterior == PosteriorKind::Bernoulli && self.conditions() == 0;
        let first = self.decoder.hidden.first().filter(|_| are_bits);
        first.map_or(0, |layer| sums_words(&layer.dense))
    }

    /// Words of the longest operands, and pairs of bytes of the longest activations: of one reading in
    /// the encoder, of all lanes in the decoder.
    fn layer_lengths(&self) -> (usize, usize) {
        let (encoder, decoder) = (self.encoder.lengths(1), self.decoder.lengths(LANES));
        let inputs = self.reading_length() << u32::from(self.has_wide_inputs());
        let bytes = inputs
            .max(encoder.activation_bytes)
            .max(decoder.activation_bytes);
        (encoder.operands.max(decoder.operands), bytes.div_ceil(2))
    }
}
