//! Magic, versions, length and CRC-32: reader and writer side by side.

use super::Defect;
use crate::crc::Crc;

/// The first four bytes of every image.
pub const MAGIC: [u8; 4] = *b"ELBW";

/// Can it be parsed? Changes whenever the layout of an image does; an image of another version is
/// refused.
pub const FORMAT_VERSION: u16 = 8;

/// Would any output bit differ? Changes whenever any integer that a model gives could: rounding,
/// tables, the order of random numbers, saturation. An image of another version is refused, since
/// its calibration and its self-test would not hold.
pub const NUMERICS_VERSION: u16 = 2;

/// Bytes before the postcard header.
pub const PREFIX_LENGTH: usize = 20;

/// Where an image must start, and where each of its tensors starts from there.
pub const ALIGNMENT: usize = 8;

/// Offsets of the fields of the prefix.
mod field {
    pub(super) const FORMAT: usize = 4;
    pub(super) const NUMERICS: usize = 6;
    pub(super) const LENGTH: usize = 8;
    pub(super) const CRC: usize = 12;
    pub(super) const HEADER_LENGTH: usize = 16;
}

/// Why an image was refused. Nothing of a refused image is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ImageError {
    /// The bytes do not start with [`MAGIC`]: this is no elbow image.
    NotAnImage,
    /// The memory that holds the image does not start at a multiple of [`ALIGNMENT`].
    Misaligned,
    /// Fewer bytes than the image has.
    Truncated {
        /// Bytes there are.
        have: usize,
        /// Bytes the image needs, at least.
        need: usize,
    },
    /// The layout is of another version than this runtime reads.
    FormatVersion {
        /// Version of the image.
        image: u16,
        /// Version of the runtime.
        runtime: u16,
    },
    /// The image was calibrated for other arithmetic than this runtime's.
    NumericsVersion {
        /// Version of the image.
        image: u16,
        /// Version of the runtime.
        runtime: u16,
    },
    /// The checksum over the image does not match: it was damaged.
    Checksum {
        /// CRC-32 that the image carries.
        stored: u32,
        /// CRC-32 of its bytes.
        computed: u32,
    },
    /// The header names something that no valid image has.
    Invalid(Defect),
    /// The image needs a feature of this crate that this build leaves out.
    LeftOut {
        /// The feature.
        feature: &'static str,
    },
}

/// The length in bytes that the image starting with `prefix` claims to have, before anything else
/// of it is checked. A loader that only knows where an image starts finds its end with it.
///
/// # Errors
/// [`ImageError::NotAnImage`], or [`ImageError::Truncated`] where the length itself is cut off.
pub fn image_length(prefix: &[u8]) -> Result<usize, ImageError> {
    if prefix.get(..MAGIC.len()) != Some(MAGIC.as_slice()) {
        return Err(ImageError::NotAnImage);
    }
    let truncated = ImageError::Truncated {
        have: prefix.len(),
        need: PREFIX_LENGTH,
    };
    Ok(read_u32(prefix, field::LENGTH).ok_or(truncated)? as usize)
}

/// The checksum that the image starting with `prefix` carries, before anything else of it is checked: by it, what belongs to an
/// image is told from what belongs to another.
///
/// # Errors
/// [`ImageError::NotAnImage`], or [`ImageError::Truncated`] where the checksum itself is cut off.
#[cfg(feature = "adapt")]
pub fn image_checksum(prefix: &[u8]) -> Result<u32, ImageError> {
    image_length(prefix)?;
    let truncated = ImageError::Truncated {
        have: prefix.len(),
        need: PREFIX_LENGTH,
    };
    read_u32(prefix, field::CRC).ok_or(truncated)
}

/// Checks the container and gives the bytes of the header and of the tensors.
pub(crate) fn open(bytes: &[u8]) -> Result<(&[u8], &[u8]), ImageError> {
    let length = image_length(bytes)?;
    let truncated = ImageError::Truncated {
        have: bytes.len(),
        need: length.max(PREFIX_LENGTH),
    };
    let (format, numerics) = read_u16(bytes, field::FORMAT)
        .zip(read_u16(bytes, field::NUMERICS))
        .ok_or(truncated)?;
    if format != FORMAT_VERSION {
        return Err(ImageError::FormatVersion {
            image: format,
            runtime: FORMAT_VERSION,
        });
    }
    if numerics != NUMERICS_VERSION {
        return Err(ImageError::NumericsVersion {
            image: numerics,
            runtime: NUMERICS_VERSION,
        });
    }
    let image = bytes.get(..length.max(PREFIX_LENGTH)).ok_or(truncated)?;
    let stored = read_u32(image, field::CRC).ok_or(truncated)?;
    let computed = checksum(image);
    if stored != computed {
        return Err(ImageError::Checksum { stored, computed });
    }
    if !bytes.as_ptr().addr().is_multiple_of(ALIGNMENT) {
        return Err(ImageError::Misaligned);
    }
    let header_length = read_u32(image, field::HEADER_LENGTH).ok_or(truncated)? as usize;
    let too_long = ImageError::Invalid(Defect::HeaderBeyond);
    let tensors_at = PREFIX_LENGTH
        .saturating_add(header_length)
        .checked_next_multiple_of(ALIGNMENT)
        .ok_or(too_long)?;
    let body = image
        .get(PREFIX_LENGTH..)
        .and_then(|body| body.get(..header_length));
    body.zip(image.get(tensors_at..)).ok_or(too_long)
}

/// CRC-32 (ISO-HDLC, as in zlib) of an image, its own field left out.
fn checksum(image: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(image.get(..field::CRC).unwrap_or_default());
    crc.update(image.get(field::HEADER_LENGTH..).unwrap_or_default());
    crc.finish()
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Writes the prefix before `header` and the tensors behind it, each of which starts at a multiple
/// of [`ALIGNMENT`].
#[cfg(feature = "image")]
pub(crate) fn seal(header: &[u8], tensors: &[u8]) -> std::vec::Vec<u8> {
    let mut image = std::vec![0; PREFIX_LENGTH];
    image.extend_from_slice(header);
    image.resize(image.len().next_multiple_of(ALIGNMENT), 0);
    image.extend_from_slice(tensors);
    let length = image.len() as u32;
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &MAGIC);
    put(field::FORMAT, &FORMAT_VERSION.to_le_bytes());
    put(field::NUMERICS, &NUMERICS_VERSION.to_le_bytes());
    put(field::LENGTH, &length.to_le_bytes());
    put(field::HEADER_LENGTH, &(header.len() as u32).to_le_bytes());
    reseal(&mut image);
    image
}

/// Writes the checksum that the bytes of `image` have now, so that a test reaches what lies behind the checksum.
#[cfg(feature = "image")]
pub fn reseal(image: &mut [u8]) {
    if image.len() >= PREFIX_LENGTH {
        let sum = checksum(image);
        image[field::CRC..field::HEADER_LENGTH].copy_from_slice(&sum.to_le_bytes());
    }
}

#[cfg(all(test, feature = "image"))]
mod tests {
    use super::*;

    /// A container around the header `[1, 2, 3]` and the tensors `[9; 8]`, byte by byte.
    const FIXTURE: [u8; 32] = [
        b'E', b'L', b'B', b'W', 8, 0, 2, 0, 32, 0, 0, 0, 0xaa, 0x06, 0x6f, 0x8a, 3, 0, 0, 0, 1, 2,
        3, 0, 9, 9, 9, 9, 9, 9, 9, 9,
    ];

    #[repr(C, align(8))]
    struct Words([u8; 32]);

    #[test]
    fn reads_and_writes_the_fixture() {
        assert_eq!(seal(&[1, 2, 3], &[9; 8]), FIXTURE);
        assert_eq!(
            open(&Words(FIXTURE).0),
            Ok((&[1u8, 2, 3][..], &[9u8; 8][..]))
        );
        assert_eq!(image_length(&FIXTURE), Ok(32));
    }

    #[test]
    fn every_damage_has_its_name() {
        let with = |at: usize, value: u8| {
            let mut words = Words(FIXTURE);
            words.0[at] = value;
            open(&words.0).map(|_| ()).unwrap_err()
        };
        assert_eq!(with(0, b'X'), ImageError::NotAnImage);
        assert_eq!(
            with(4, 9),
            ImageError::FormatVersion {
                image: 9,
                runtime: 8
            }
        );
        assert_eq!(
            with(6, 9),
            ImageError::NumericsVersion {
                image: 9,
                runtime: 2
            }
        );
        assert_eq!(
            with(9, 1),
            ImageError::Truncated {
                have: 32,
                need: 288
            }
        );
        assert!(matches!(with(8, 24), ImageError::Checksum { .. }));
        assert!(matches!(with(13, 0), ImageError::Checksum { .. }));
        assert!(matches!(with(20, 0), ImageError::Checksum { .. }));
        let words = Words(FIXTURE);
        assert_eq!(
            open(&words.0[..31]),
            Err(ImageError::Truncated { have: 31, need: 32 })
        );
        assert_eq!(open(&words.0[..3]), Err(ImageError::NotAnImage));
        assert_eq!(
            open(&words.0[..5]),
            Err(ImageError::Truncated { have: 5, need: 20 })
        );
    }
}
