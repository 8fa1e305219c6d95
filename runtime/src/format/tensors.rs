//! Tensors one after another, each cast in place from the bytes of the image.

use super::{ALIGNMENT, Defect, ImageError};
use bytemuck::AnyBitPattern;

#[cfg(target_endian = "big")]
compile_error!(
    "elbow images are little-endian and read in place: big-endian targets are not supported"
);

/// A cursor over the tensors. Their order is that of FORMAT.md. It keeps the first thing that is wrong
/// with an image; whatever is read after that is empty.
pub(crate) struct Tensors<'a> {
    rest: &'a [u8],
    failure: Option<ImageError>,
}

impl<'a> Tensors<'a> {
    /// Starts at the first tensor.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            failure: None,
        }
    }

    /// The next tensor, of `count` elements; the cursor moves to the next multiple of
    /// [`ALIGNMENT`].
    pub(crate) fn next<T: AnyBitPattern>(&mut self, count: usize) -> &'a [T] {
        let bytes = self.bytes(count.saturating_mul(size_of::<T>()));
        bytemuck::try_cast_slice(bytes).unwrap_or_else(|_| {
            self.fail(ImageError::Misaligned);
            &[]
        })
    }

    #[inline(never)]
    fn bytes(&mut self, length: usize) -> &'a [u8] {
        let bytes = self.rest.get(..length);
        let padded = length.checked_next_multiple_of(ALIGNMENT);
        let rest = padded.and_then(|padded| self.rest.get(padded..));
        if let (Some(bytes), Some(rest)) = (bytes, rest) {
            self.rest = rest;
            return bytes;
        }
        self.require(false, Defect::TensorsBeyond);
        &[]
    }

    /// Whether nothing was wrong so far.
    pub(crate) fn is_intact(&self) -> bool {
        self.failure.is_none()
    }

    /// Notes that the image is not valid unless `holds`.
    #[inline(never)]
    pub(crate) fn require(&mut self, holds: bool, otherwise: Defect) {
        if !holds {
            self.fail(ImageError::Invalid(otherwise));
        }
    }

    #[inline(never)]
    fn fail(&mut self, error: ImageError) {
        self.failure = self.failure.or(Some(error));
        self.rest = &[];
    }

    /// Checks that nothing is left, and that nothing was wrong.
    pub(crate) fn finish(mut self) -> Result<(), ImageError> {
        self.require(self.rest.is_empty(), Defect::Tail);
        match self.failure {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }
}
