//! The handwritten digits that ship with the trainer.
//!
//! 1797 images of 8x8 whole numbers from 0 (paper) to 16 (ink), with the digit that each shows, in the order
//! of the source.
//!
//! Source: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, E. Alpaydin and
//! C. Kaynak, 1998, licensed CC BY 4.0 (<https://doi.org/10.24432/C50P49>). Packed here without loss.
//!
//! # Packed form
//!
//! `digits.bin` takes 44,643 bytes for 115,008 pixels and 1797 labels:
//!
//! 1. the labels, two a byte, the first in the low half;
//! 2. for each image 8 bytes, little-endian, bit i set if pixel i is not 0;
//! 3. every pixel that is not 0, less 1, two a byte, the first in the low half.
//!
//! Half of the pixels are 0, so this is smaller than what deflate makes of them (44,077 bytes without labels).
//!
//! `cargo test -p elbow-trainer --lib write_the_packed_digits -- --ignored` writes the file again from
//! `images.npy` (u8, 1797 x 64) and `labels.npy` (u8) in `shared/data/digits` beside the checkout.

use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro128PlusPlus;

use crate::data::split::shuffle;
use crate::data::table::{Dataset, Table};

/// How many images there are.
pub const IMAGES: usize = 1797;
/// Pixels a side.
pub const SIDE: usize = 8;
/// Pixels an image.
pub const PIXELS: usize = SIDE * SIDE;
/// The largest value of a pixel.
pub const PIXEL_MAX: u8 = 16;
/// How many digits there are.
pub const CLASSES: u32 = 10;

/// The images of the fixed division that are learned from, before the anomaly digit leaves them.
pub const TRAIN_IMAGES: usize = 1200;
/// The images of the fixed division that are chosen by, before the anomaly digit leaves them.
pub const VALIDATION_IMAGES: usize = 200;
/// The images of the fixed division that are held out.
pub const HELD_OUT_IMAGES: usize = IMAGES - TRAIN_IMAGES - VALIDATION_IMAGES;

/// The anomaly digit where no digit is one.
pub const NO_ANOMALY: u32 = CLASSES;

/// The seed of the fixed division, `elbow` in ASCII; never that of a training run.
const DIVISION_SEED: u64 = 0x65_6c62_6f77;

/// The file described above.
static PACKED: &[u8] = include_bytes!("digits.bin");

/// Which of the digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// 1200 images, less those of the anomaly digit.
    Train,
    /// 200 images, less those of the anomaly digit.
    Validation,
    /// The held-out images, followed by the images of the anomaly digit that were left out of the other parts,
    /// so that all of its 174 to 183 images are there to be found.
    Test,
    /// 397 images of all digits, as they come.
    HeldOut,
    /// All 1797 images.
    All,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 5] = [
        Self::Train,
        Self::Validation,
        Self::Test,
        Self::HeldOut,
        Self::All,
    ];

    /// The name, as it follows `digits:`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::HeldOut => "held-out",
            Self::All => "all",
        }
    }
}

/// All digits with their labels.
pub fn all() -> Dataset {
    part(Part::All, NO_ANOMALY)
}

/// A part of the digits with its labels, where `anomaly_digit` is the digit that training never sees.
///
/// The division is fixed, so that two runs can be compared. A digit above 9, such as [`NO_ANOMALY`],
/// leaves nothing out.
pub fn part(part: Part, anomaly_digit: u32) -> Dataset {
    let (pixels, labels) = unpack(PACKED);
    let indices = indices(part, &labels, anomaly_digit);
    let values = indices
        .iter()
        .flat_map(|&index| &pixels[index * PIXELS..][..PIXELS])
        .map(|&pixel| f32::from(pixel));
    let table = Table::new(PIXELS, values.collect()).expect("every image has as many pixels");
    let labels = indices.iter().map(|&index| u32::from(labels[index]));
    Dataset {
        labels: Some(labels.collect()),
        ..Dataset::new(&format!("digits:{}", part.name()), table)
    }
}

/// The images of a part: those of the division in the order of the source, then any anomalies from elsewhere.
fn indices(part: Part, labels: &[u8], anomaly_digit: u32) -> Vec<usize> {
    const SEEN: usize = TRAIN_IMAGES + VALIDATION_IMAGES;
    let mut order: Vec<usize> = (0..IMAGES).collect();
    shuffle(
        &mut order,
        &mut Xoshiro128PlusPlus::seed_from_u64(DIVISION_SEED),
    );
    let is_anomaly = |index: &usize| u32::from(labels[*index]) == anomaly_digit;
    let mut added = Vec::new();
    let mut chosen = match part {
        Part::Train => order[..TRAIN_IMAGES].to_vec(),
        Part::Validation => order[TRAIN_IMAGES..SEEN].to_vec(),
        Part::HeldOut | Part::Test => order[SEEN..].to_vec(),
        Part::All => order.clone(),
    };
    match part {
        Part::Train | Part::Validation => chosen.retain(|index| !is_anomaly(index)),
        Part::Test => added.extend(order[..SEEN].iter().copied().filter(is_anomaly)),
        Part::HeldOut | Part::All => {}
    }
    chosen.sort_unstable();
    added.sort_unstable();
    [chosen, added].concat()
}

/// The pixels and the labels in a packed file.
fn unpack(packed: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (labels, rest) = packed.split_at(IMAGES.div_ceil(2));
    let (masks, values) = rest.split_at(IMAGES * PIXELS / 8);
    let labels = halves(labels).take(IMAGES).collect();
    let mut values = halves(values);
    let is_ink = masks
        .iter()
        .flat_map(|&mask| (0..8).map(move |bit| mask >> bit & 1 == 1));
    let pixels = is_ink
        .map(|is_ink| {
            if is_ink {
                1 + values.next().unwrap_or(0)
            } else {
                0
            }
        })
        .collect();
    (pixels, labels)
}

/// The low and the high half of each byte.
fn halves(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().flat_map(|&byte| [byte & 15, byte >> 4])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::load;
    use std::path::PathBuf;

    /// CRC-32 as in zlib, bit by bit.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| {
                crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
            })
        })
    }

    fn class_counts(dataset: &Dataset) -> [usize; 10] {
        let labels = dataset.labels.as_ref().unwrap();
        std::array::from_fn(|digit| {
            labels
                .iter()
                .filter(|&&label| label as usize == digit)
                .count()
        })
    }

    /// The inverse of `unpack`.
    fn pack(pixels: &[u8], labels: &[u8]) -> Vec<u8> {
        let join = |halves: &[u8]| -> Vec<u8> {
            halves
                .chunks(2)
                .map(|pair| pair[0] | pair.get(1).copied().unwrap_or(0) << 4)
                .collect()
        };
        let masks = pixels
            .chunks_exact(8)
            .map(|pixels| (0..8).map(|bit| u8::from(pixels[bit] != 0) << bit).sum())
            .collect();
        let ink: Vec<u8> = pixels
            .iter()
            .filter(|&&pixel| pixel != 0)
            .map(|&pixel| pixel - 1)
            .collect();
        [join(labels), masks, join(&ink)].concat()
    }

    /// The pixels and labels of the source, if its arrays lie beside the checkout.
    fn source() -> Option<(Vec<u8>, Vec<u8>)> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/digits");
        if !folder.exists() {
            eprintln!(
                "skipped: needs images.npy and labels.npy in {}",
                folder.display()
            );
            return None;
        }
        let images = load(folder.join("images.npy")).unwrap();
        let labels = std::fs::read(folder.join("labels.npy")).unwrap();
        // A byte each, behind the header.
        let labels = labels[labels.len() - IMAGES..].to_vec();
        let pixels = images
            .table
            .values()
            .iter()
            .map(|&pixel| pixel as u8)
            .collect();
        Some((pixels, labels))
    }

    #[test]
    fn the_digits_are_those_of_the_source() {
        // Checksums by zlib over the arrays of the source.
        let (pixels, labels) = unpack(PACKED);
        assert_eq!((pixels.len(), labels.len()), (1797 * 64, 1797));
        assert_eq!(
            pixels.iter().map(|&pixel| u64::from(pixel)).sum::<u64>(),
            561_718
        );
        assert_eq!(pixels.iter().max(), Some(&PIXEL_MAX));
        assert_eq!(
            (crc(&pixels), crc(&labels), crc(PACKED)),
            (0xf3a2_533c, 0xf86f_c929, 0xdc76_23fd)
        );
        assert_eq!(
            class_counts(&all()),
            [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
        );
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn the_first_image_is_a_zero() {
        let all = all();
        assert_eq!(
            (
                all.table.len(),
                all.table.width(),
                all.labels.as_ref().unwrap()[0]
            ),
            (1797, 64, 0)
        );
        assert_eq!(
            all.table.row(0)[..16],
            [
                0., 0., 5., 13., 9., 1., 0., 0., 0., 0., 13., 15., 10., 15., 5., 0.
            ]
        );
    }

    #[test]
    fn the_packed_file_is_packed_from_the_source() {
        if let Some((pixels, labels)) = source() {
            assert_eq!(unpack(PACKED), (pixels.clone(), labels.clone()));
            assert_eq!(pack(&pixels, &labels), PACKED);
        }
    }

    #[test]
    #[ignore = "writes src/data/source/digits.bin"]
    fn write_the_packed_digits() {
        if let Some((pixels, labels)) = source() {
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/data/source/digits.bin");
            std::fs::write(path, pack(&pixels, &labels)).unwrap();
        }
    }

    #[test]
    fn the_division_is_that_of_an_independent_program() {
        // Written in Python, as for the shuffle: sizes, first images, sum of indices, images of each digit.
        let (_, labels) = unpack(PACKED);
        for (part, len, first, sum, counts) in [
            (
                Part::Train,
                1200,
                [1, 2, 3, 5, 6, 7],
                1_070_444,
                [117, 105, 128, 129, 112, 129, 119, 115, 128, 118],
            ),
            (
                Part::Validation,
                200,
                [0, 4, 11, 14, 32, 36],
                181_371,
                [22, 28, 14, 19, 24, 14, 20, 29, 13, 17],
            ),
            (
                Part::HeldOut,
                397,
                [9, 16, 18, 20, 33, 39],
                361_891,
                [39, 49, 35, 35, 45, 39, 42, 35, 33, 45],
            ),
        ] {
            let indices = indices(part, &labels, NO_ANOMALY);
            assert_eq!(
                (indices.len(), &indices[..6], indices.iter().sum::<usize>()),
                (len, &first[..], sum)
            );
            assert_eq!(
                class_counts(&super::part(part, NO_ANOMALY)),
                counts,
                "{part:?}"
            );
        }
    }

    #[test]
    fn the_anomaly_digit_is_only_tested_on() {
        let (_, labels) = unpack(PACKED);
        let total = class_counts(&all());
        for digit in 0..CLASSES {
            let [train, validation, test] = [Part::Train, Part::Validation, Part::Test]
                .map(|part| indices(part, &labels, digit));
            assert!(
                train
                    .iter()
                    .chain(&validation)
                    .all(|&index| u32::from(labels[index]) != digit)
            );
            assert_eq!(
                test[..HELD_OUT_IMAGES],
                indices(Part::HeldOut, &labels, digit)
            );
            let found = class_counts(&part(Part::Test, digit))[digit as usize];
            assert_eq!(found, total[digit as usize]);
            let mut every = [train, validation, test].concat();
            every.sort_unstable();
            assert_eq!(
                every,
                (0..IMAGES).collect::<Vec<_>>(),
                "every image is in one part"
            );
        }
        assert_eq!(
            part(Part::Test, NO_ANOMALY).table,
            part(Part::HeldOut, NO_ANOMALY).table
        );
    }
}
