//! Damaged, cut and foreign images.

use crate::support::{Dice, Temper, check, enrich, random_spec};
use crate::{CRC_AT, FORMAT_AT, HEADER_LENGTH_AT, LENGTH_AT, NUMERICS_AT, put, small_image};
use elbow::format::{
    ALIGNMENT, AlignedImage, FORMAT_VERSION, ImageError, MAGIC, NUMERICS_VERSION, PREFIX_LENGTH,
    image_length,
};
use elbow::image::{ImageSpec, PriorSpec};
use elbow::internal::reseal;
use elbow::layer::Packing;
use elbow::{Model, ModelPlace};

/// One image of each likelihood.
fn samples(seed: u64) -> [Vec<u8>; 3] {
    let mut dice = Dice::new(seed);
    [0, 1, 2].map(|of| small_image(&mut dice, Temper::Trained, of, 1500))
}

fn parse(bytes: &[u8]) -> Result<(), ImageError> {
    Model::parse(&AlignedImage::new(bytes)).map(|_| ())
}

/// A place holds one model after another, and nothing of those before, parsed or refused half-way.
#[test]
fn a_place_holds_what_parsing_gives() {
    let mut dice = Dice::new(83);
    let images: Vec<AlignedImage> = (0..60)
        .map(|round| {
            let mut image = small_image(&mut dice, Temper::Trained, round % 3, 4000);
            if round % 3 == 0 {
                // Cut by a tensor's end: what stands before it is read.
                image.truncate(image.len() - 8);
                let length = image.len() as u32;
                put(&mut image, LENGTH_AT, &length.to_le_bytes());
                reseal(&mut image);
            }
            AlignedImage::new(&image)
        })
        .collect();
    let mut place = ModelPlace::new();
    let mut refused = 0;
    for image in &images {
        match (place.parse(image), Model::parse(image)) {
            (Ok(model), Ok(moved)) => assert_eq!(format!("{model:?}"), format!("{moved:?}")),
            (Err(error), Err(expected)) => {
                assert_eq!(error, expected);
                refused += 1;
            }
            (in_place, moved) => panic!("{in_place:?} {moved:?}"),
        }
    }
    assert_eq!(refused, 20);
}

#[test]
fn every_flipped_bit_is_refused() {
    for image in samples(11) {
        let mut damaged = AlignedImage::new(&image).to_vec();
        for bit in 0..8 * image.len() {
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = parse(&damaged).unwrap_err();
            let expected = match bit / 8 {
                0..FORMAT_AT => matches!(error, ImageError::NotAnImage),
                FORMAT_AT..NUMERICS_AT => matches!(error, ImageError::FormatVersion { .. }),
                NUMERICS_AT..LENGTH_AT => matches!(error, ImageError::NumericsVersion { .. }),
                LENGTH_AT..CRC_AT => matches!(
                    error,
                    ImageError::Truncated { .. } | ImageError::Checksum { .. }
                ),
                _ => matches!(error, ImageError::Checksum { .. }),
            };
            assert!(expected, "bit {bit}: {error}");
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(parse(&damaged), Ok(()));
    }
}

#[test]
fn every_truncation_is_refused() {
    for image in samples(12) {
        for have in 0..image.len() {
            let error = parse(&image[..have]).unwrap_err();
            let expected = match have {
                0..4 => ImageError::NotAnImage,
                4..CRC_AT => ImageError::Truncated {
                    have,
                    need: PREFIX_LENGTH,
                },
                _ => ImageError::Truncated {
                    have,
                    need: image.len(),
                },
            };
            assert_eq!(error, expected);
        }
    }
}

/// A cut image whose length and checksum say that it is whole.
#[test]
fn every_shorter_image_is_refused() {
    for image in samples(13) {
        for length in PREFIX_LENGTH..image.len() {
            let mut cut = image[..length].to_vec();
            put(&mut cut, LENGTH_AT, &(length as u32).to_le_bytes());
            reseal(&mut cut);
            let error = parse(&cut).unwrap_err();
            assert!(matches!(error, ImageError::Invalid(_)), "{length}: {error}");
        }
    }
}

#[test]
fn what_lies_behind_an_image_is_not_looked_at() {
    for image in samples(14) {
        let mut region = image.clone();
        region.extend(b"anything, ELBW even");
        let region = AlignedImage::new(&region);
        assert_eq!(image_length(&region), Ok(image.len()));
        let model = Model::parse(&region).unwrap();
        assert_eq!(model.image_length(), image.len());
        // But it is no part of the image.
        let mut longer = image.clone();
        longer.extend([0; 8]);
        let length = longer.len() as u32;
        put(&mut longer, LENGTH_AT, &length.to_le_bytes());
        reseal(&mut longer);
        let error = ImageError::Invalid(elbow::format::Defect::Tail);
        assert_eq!(parse(&longer), Err(error));
    }
}

#[test]
fn foreign_files_and_empty_memory_are_refused() {
    let elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0";
    let foreign: [&[u8]; 7] = [
        b"",
        b"ELB",
        elf,
        b"elbw\x01\0\x01\0 and so on, as text",
        &[0xff; 64],
        &[0; 64],
        b"\x1c\0\0\0TFL3 and so on",
    ];
    for bytes in foreign {
        assert_eq!(parse(bytes), Err(ImageError::NotAnImage));
    }
    assert!(parse(&MAGIC).is_err());
}

#[test]
fn other_versions_are_refused_whether_sealed_or_not() {
    for image in samples(15) {
        for version in [0, 1, 3, 0x0100, u16::MAX] {
            for sealed in [false, true] {
                let mut other = image.clone();
                put(&mut other, FORMAT_AT, &version.to_le_bytes());
                sealed.then(|| reseal(&mut other));
                let error = ImageError::FormatVersion {
                    image: version,
                    runtime: FORMAT_VERSION,
                };
                assert_eq!(parse(&other), Err(error));
                let mut other = image.clone();
                put(&mut other, NUMERICS_AT, &version.to_le_bytes());
                sealed.then(|| reseal(&mut other));
                let error = ImageError::NumericsVersion {
                    image: version,
                    runtime: NUMERICS_VERSION,
                };
                assert_eq!(parse(&other), Err(error));
            }
        }
    }
}

/// Files of several lengths, of which some would lie anywhere.
#[test]
fn included_files_are_aligned() {
    let files: [&'static [u8]; 3] = [
        elbow::include_image!("main.rs"),
        elbow::include_image!("../golden.rs"),
        elbow::include_image!("../support/mod.rs"),
    ];
    for file in files {
        assert!(file.as_ptr().addr().is_multiple_of(ALIGNMENT));
        assert_eq!(Model::parse(file).unwrap_err(), ImageError::NotAnImage);
    }
}

#[test]
fn misaligned_memory_is_refused() {
    for image in samples(16) {
        for offset in 1..ALIGNMENT {
            let mut shifted = vec![0; offset];
            shifted.extend(&image);
            let shifted = AlignedImage::new(&shifted);
            let error = Model::parse(&shifted[offset..]).unwrap_err();
            assert_eq!(error, ImageError::Misaligned);
        }
    }
}

/// Memory for random strings, aligned.
struct Memory(Vec<u64>);

impl Memory {
    /// `length` random bytes.
    fn fill(&mut self, dice: &mut Dice, length: usize) -> &mut [u8] {
        for word in &mut self.0[..length.div_ceil(8)] {
            *word = u64::from(dice.word()) << 32 | u64::from(dice.word());
        }
        &mut bytemuck::cast_slice_mut(&mut self.0)[..length]
    }
}

/// None of these is an image: a header that decodes by chance names more tensors than there are
/// bytes, or does not end where it should.
#[test]
fn a_million_random_strings_are_refused() {
    let mut dice = Dice::new(17);
    let mut memory = Memory(vec![0; 64]);
    let mut errors = [0; 3];
    for round in 0..1_000_000 {
        let length = match round % 8 {
            0 => dice.size(0, 512),
            _ => dice.size(PREFIX_LENGTH, 120),
        };
        let bytes = memory.fill(&mut dice, length);
        if length >= PREFIX_LENGTH && round % 4 != 0 {
            put(bytes, 0, &MAGIC);
            if round % 4 != 1 {
                put(bytes, FORMAT_AT, &FORMAT_VERSION.to_le_bytes());
                put(bytes, NUMERICS_AT, &NUMERICS_VERSION.to_le_bytes());
                put(bytes, LENGTH_AT, &(length as u32).to_le_bytes());
            }
            if round % 4 == 3 {
                let header = dice.size(0, length - PREFIX_LENGTH + 1) as u32;
                put(bytes, HEADER_LENGTH_AT, &header.to_le_bytes());
                // Short names and short lists, so that more of the header decodes.
                bytes[PREFIX_LENGTH..].iter_mut().for_each(|byte| {
                    *byte &= [0xff, 0x07][usize::from(round % 16 == 3)];
                });
            }
            reseal(bytes);
        }
        match Model::parse(bytes).unwrap_err() {
            ImageError::NotAnImage => errors[0] += 1,
            ImageError::Invalid(_) => errors[1] += 1,
            _ => errors[2] += 1,
        }
    }
    assert!(errors.iter().all(|&count| count > 100_000), "{errors:?}");
}

#[test]
fn an_image_is_read_back_into_its_description() {
    let mut standard = 0;
    check(77, 60, |dice| {
        let mut spec = random_spec(dice, Temper::Trained);
        if dice.once_in(2) {
            enrich(dice, &mut spec);
        }
        spec.packing = dice.pick(&Packing::ALL);
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let again = ImageSpec::of(&model);
        assert_eq!(again.encoder, spec.encoder);
        assert_eq!(again.heads, spec.heads);
        assert_eq!(again.decoder, spec.decoder);
        assert_eq!(again.output, spec.output);
        assert_eq!(again.inputs, spec.inputs);
        assert_eq!(again.conditions, spec.conditions);
        if spec.prior == PriorSpec::Standard {
            standard += 1;
            let written = again.write(&[]).unwrap();
            assert_eq!(&written[..], &image[..]);
        }
    });
    assert!((10..60).contains(&standard), "{standard}");
}
