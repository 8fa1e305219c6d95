//! Tensors one after another, each cast in place from the bytes of the image.

use super::{ALIGNMENT, Defect};
use bytemuck::AnyBitPattern;

#[cfg(target_endian = "big")]
compile_error!(
    "elbow images are little-endian and read in place: big-endian targets are not supported"
);

/// A cursor over the tensors. Their order is that of FORMAT.md. It keeps the first thing that is wrong
/// with an image; whatever is read after that is empty.
pub(crate) struct Tensors<'a> {
    rest: &'a [u8],
    failure: Option<Defect>,
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
        // All of them are aligned since the image is.
        bytemuck::try_cast_slice(bytes).unwrap_or_default()
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
            self.failure = self.failure.or(Some(otherwise));
            self.rest = &[];
        }
    }

    /// The first thing that was wrong; something is where bytes are left.
    pub(crate) fn finish(mut self) -> Option<Defect> {
        self.require(self.rest.is_empty(), Defect::Tail);
        self.failure
    }
}

/// Tensors one after another, as [`Tensors`] reads them.
#[cfg(feature = "image")]
#[derive(Default)]
pub(crate) struct TensorWriter {
    pub(crate) bytes: std::vec::Vec<u8>,
}

#[cfg(feature = "image")]
impl TensorWriter {
    /// Writes a tensor, and zeros up to the next multiple of [`ALIGNMENT`].
    pub(crate) fn push<T: bytemuck::NoUninit>(&mut self, elements: &[T]) {
        self.bytes.extend_from_slice(bytemuck::cast_slice(elements));
        let length = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(length, 0);
    }
}
