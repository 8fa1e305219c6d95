//! Tensors one after another, each cast in place from the bytes of the image.

use super::{ALIGNMENT, ImageError};
use bytemuck::AnyBitPattern;

#[cfg(target_endian = "big")]
compile_error!(
    "elbow images are little-endian and read in place: big-endian targets are not supported"
);

/// A cursor over the tensors. Their order is that of FORMAT.md.
pub(crate) struct Tensors<'a> {
    rest: &'a [u8],
}

impl<'a> Tensors<'a> {
    /// Starts at the first tensor.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next tensor, of `count` elements; the cursor moves to the next multiple of
    /// [`ALIGNMENT`].
    pub(crate) fn next<T: AnyBitPattern>(&mut self, count: usize) -> Result<&'a [T], ImageError> {
        const BEYOND: ImageError = ImageError::Invalid("its tensors end before its layers do");
        let length = count.checked_mul(size_of::<T>()).ok_or(BEYOND)?;
        let bytes = self.rest.get(..length).ok_or(BEYOND)?;
        let padded = length.checked_next_multiple_of(ALIGNMENT).ok_or(BEYOND)?;
        self.rest = self.rest.get(padded..).ok_or(BEYOND)?;
        bytemuck::try_cast_slice(bytes).map_err(|_| ImageError::Misaligned)
    }

    /// Checks that nothing is left.
    pub(crate) fn finish(self) -> Result<(), ImageError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(ImageError::Invalid("it has bytes behind its last tensor"))
        }
    }
}
