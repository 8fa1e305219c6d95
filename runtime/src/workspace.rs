//! The RAM that scoring needs, owned by the caller.

use crate::kernel::LANES;
use crate::model::{Half, Model};
use core::fmt;
use core::ops::{Deref, DerefMut};

/// Memory for one [`crate::Session`], in words of eight bytes. How many a model needs,
/// [`Model::workspace_words`] says, and so does `trainer inspect`. It dereferences to a slice; a
/// host may pass a `Vec<u64>` in its place.
///
/// ```
/// let mut workspace = elbow::Workspace::<80>::new();
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
pub struct WorkspaceError {
    /// Bytes it holds.
    pub have: usize,
    /// Bytes the model needs.
    pub need: usize,
}

impl fmt::Display for WorkspaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { have, need } = self;
        write!(
            f,
            "the workspace holds {have} bytes, the model needs {need}: use Workspace::<{}>",
            need / 8
        )
    }
}

impl core::error::Error for WorkspaceError {}

/// The parts of a workspace, sized for one model.
#[derive(Debug)]
pub(crate) struct Scratch<'w> {
    /// Posterior means, Q16.16.
    pub(crate) mean: &'w mut [i32],
    /// Posterior log-variances, Q16.16.
    pub(crate) log_variance: &'w mut [i32],
    /// Posterior standard deviations, Q16.16.
    pub(crate) deviation: &'w mut [i32],
    /// A draw of standard normals, Q16.16.
    pub(crate) noise: &'w mut [i32],
    /// The latents that go to the decoder, with the model's fraction bits, lanes interleaved.
    pub(crate) latents: &'w mut [i16],
    /// Activations of layers 0, 2, ... of the pass at hand.
    pub(crate) even: &'w mut [i8],
    /// Activations of layers 1, 3, ...
    pub(crate) odd: &'w mut [i8],
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
        let (even, odd) = model.activation_lengths();
        let mut rest: &'w mut [u8] = bytemuck::cast_slice_mut(workspace);
        Ok(Self {
            mean: take(&mut rest, latents).ok_or(error)?,
            log_variance: take(&mut rest, latents).ok_or(error)?,
            deviation: take(&mut rest, latents).ok_or(error)?,
            noise: take(&mut rest, latents).ok_or(error)?,
            latents: take(&mut rest, LANES * latents).ok_or(error)?,
            even: take(&mut rest, even).ok_or(error)?,
            odd: take(&mut rest, odd).ok_or(error)?,
        })
    }
}

/// Splits `count` elements off the front of `rest`. Wider types come first, so all are aligned.
pub(crate) fn take<'w, T: bytemuck::Pod>(
    rest: &mut &'w mut [u8],
    count: usize,
) -> Option<&'w mut [T]> {
    let length = count.checked_mul(size_of::<T>())?;
    let (front, back) = core::mem::take(rest).split_at_mut_checked(length)?;
    *rest = back;
    bytemuck::try_cast_slice_mut(front).ok()
}

impl Model<'_> {
    /// Words of eight bytes that a [`Workspace`] for this model has. The decoder's part has room
    /// for four latents at once.
    #[must_use]
    pub fn workspace_words(&self) -> usize {
        let (even, odd) = self.activation_lengths();
        (self.latents() * BYTES_PER_LATENT + even + odd).div_ceil(8)
    }

    /// The longest activations at even and at odd places of either half. The encoder's place 0 is
    /// the quantized reading; the decoder's place 0 is its first hidden layer, in all lanes.
    fn activation_lengths(&self) -> (usize, usize) {
        let longest = |half: &Half<'_>, skip: usize| {
            let layers = half.hidden.iter().skip(skip).step_by(2);
            let rows = layers.map(|layer| layer.dense.rows.len());
            rows.max().unwrap_or(0)
        };
        let (encoder, decoder) = (&self.encoder, &self.decoder);
        let even = self.inputs().max(longest(encoder, 1));
        (
            even.max(LANES * longest(decoder, 0)),
            longest(encoder, 0).max(LANES * longest(decoder, 1)),
        )
    }
}

/// Mean, log-variance, deviation and noise, and a lane of the decoder's input each.
const BYTES_PER_LATENT: usize = 4 * size_of::<i32>() + LANES * size_of::<i16>();
