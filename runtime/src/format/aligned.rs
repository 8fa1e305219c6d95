//! Images in memory, aligned so that tensors can be read in place.

/// A value that starts at a multiple of [`super::ALIGNMENT`] bytes; see [`crate::include_image!`].
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub struct Aligned<T: ?Sized>(
    /// The value.
    pub T,
);

/// Includes a model image in the program, aligned for [`crate::Model::parse`]; evaluates to a
/// `&'static [u8]`.
///
/// ```ignore
/// static IMAGE: &[u8] = elbow::include_image!("pump.elbow");
/// ```
#[macro_export]
macro_rules! include_image {
    ($path:expr) => {{
        static IMAGE: &$crate::Aligned<[u8]> = &$crate::Aligned(*include_bytes!($path));
        &IMAGE.0 as &'static [u8]
    }};
}

/// An image on the heap of a host, aligned for [`crate::Model::parse`].
#[cfg(feature = "image")]
#[derive(Clone, Debug)]
pub struct AlignedImage {
    words: std::vec::Vec<u64>,
    length: usize,
}

#[cfg(feature = "image")]
impl AlignedImage {
    /// Copies `bytes`, whatever they are, to aligned memory.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut words = std::vec![0u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self {
            words,
            length: bytes.len(),
        }
    }
}

#[cfg(feature = "image")]
impl core::ops::Deref for AlignedImage {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }
}
