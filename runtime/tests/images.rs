//! Damaged, foreign and hostile images: none is accepted that is not whole, and none that is
//! accepted can make any operation panic. Tests run with overflow checks.

mod support;

use elbow::calibration::Noise;
use elbow::distribution::Family;
use elbow::estimator::Estimator;
use elbow::format::{
    ALIGNMENT, AlignedImage, FORMAT_VERSION, ImageError, MAGIC, NUMERICS_VERSION, PREFIX_LENGTH,
    image_length,
};
use elbow::image::{
    CalibrationSpec, DenseSpec, ImageSpec, InputSpec, LayerSpec, LikelihoodSpec, LocationSpec,
    PriorSpec, Row,
};
use elbow::internal::reseal;
use elbow::layer::Activation;
use elbow::layer::{Packing, WeightBits};
use elbow::requantize::Multiplier;
use elbow::text::Picture;
use elbow::{Mask, Model, ModelPlace, Nats, Probability, Question, Session, Side};
use support::{Dice, Temper, enrich, extreme_reading, random_mask, random_spec, random_spec_of};

/// Offsets of the prefix that tests write to; see FORMAT.md.
const FORMAT_AT: usize = 4;
const NUMERICS_AT: usize = 6;
const LENGTH_AT: usize = 8;
const CRC_AT: usize = 12;
const HEADER_LENGTH_AT: usize = 16;

/// A whole image with calibration tables, of at most `most` bytes.
fn small_image(dice: &mut Dice, temper: Temper, of: usize, most: usize) -> Vec<u8> {
    loop {
        let mut spec = random_spec_of(dice, temper, of);
        if dice.once_in(2) {
            enrich(dice, &mut spec);
        }
        let tables = [Estimator::SigmaPoints, Estimator::MonteCarlo { samples: 4 }].map(|e| {
            let scores: Vec<i32> = (0..6).map(|_| dice.word() as i32 >> 6).collect();
            CalibrationSpec::from_scores(e, &scores, 5)
        });
        let image = spec.encode(&tables).unwrap();
        if image.len() <= most {
            return image.to_vec();
        }
    }
}

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

fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
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
        elbow::include_image!("images.rs"),
        elbow::include_image!("golden.rs"),
        elbow::include_image!("support/mod.rs"),
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

/// Runs everything that a model can do on readings at the ends of its support and within it.
fn exercise(model: &Model<'_>, dice: &mut Dice) {
    let mut workspace = vec![0; model.workspace_words()];
    let _ = model.self_test(&mut workspace);
    let mut session = Session::new(model, &mut workspace, 1).unwrap();
    let (inputs, length) = (model.inputs(), model.reading_length());
    let mut readings = vec![vec![0; length], vec![1; length]];
    readings.push(vec![i16::MIN; length]);
    readings.push(vec![i16::MAX; length]);
    readings.push((0..length).map(|_| dice.word() as i16).collect());
    readings.push((0..length).map(|_| dice.word() as i16 & 0xff).collect());
    for reading in &readings {
        let bits = random_mask(dice, inputs, model.conditions());
        let part = Mask::new(&bits, length).unwrap();
        for estimator in [
            Estimator::PosteriorMean,
            Estimator::SigmaPoints,
            Estimator::MonteCarlo { samples: 5 },
            Estimator::ImportanceWeighted { samples: 3 },
        ] {
            for mask in [Mask::ALL, part] {
                let Ok(score) = session.score_observed(reading, mask, estimator) else {
                    continue;
                };
                assert!(score.kl().to_bits() >= 0 && score.p_value() <= Probability::ONE);
                assert!(score.csv(0).to_string().split(',').count() == 11);
            }
        }
        let mut terms = vec![0; inputs];
        let mut latents = vec![Nats::ZERO; model.latents()];
        let estimator = Estimator::ImportanceWeighted { samples: 2 };
        let _ = session.explain(reading, part, estimator, &mut terms, &mut latents);
        let _ = session.impute(reading, part, &mut vec![0; inputs]);
        let question = Question {
            threshold: Nats::from_bits(dice.pick(&[i32::MIN, -1 << 22, 0, i32::MAX])),
            confidence: Probability::new(dice.pick(&[0.0, 0.9, 1.0])),
            max_passes: dice.size(1, 20) as u16,
        };
        let _ = session.decide(reading, &question);
        let _ = session.encode(reading);
        session.sample();
        assert!(session.posterior().squared_distance() >= 0);
    }
    let mut means = vec![0; inputs];
    for extreme in [i16::MIN, 0, i16::MAX] {
        let latents = vec![extreme; model.latents()];
        session.decode(&latents, &mut means).unwrap();
    }
    session
        .condition(&vec![i16::MAX; model.conditions()])
        .unwrap();
    session.generate(&mut means).unwrap();
    let picture = Picture {
        values: &means,
        width: model.picture_width(),
    };
    assert!(picture.to_string().len() >= 2 * inputs);
    let macs: usize = model.layers().map(|layer| layer.macs()).sum();
    assert!(macs > 0);
}

/// Changes a few bytes of `image` and gives it the checksum that it has then.
fn mutate(dice: &mut Dice, image: &mut Vec<u8>) {
    let header = u32::from_le_bytes(image[16..20].try_into().unwrap()) as usize;
    let header_end = PREFIX_LENGTH + header;
    let tensors = header_end.next_multiple_of(8);
    for _ in 0..dice.size(1, 3) {
        let at = dice.size(tensors, image.len() - 8);
        let word = at & !3;
        match dice.size(0, 9) {
            0 => image[at] = dice.word() as u8,
            1 => image[at] ^= 1 << dice.size(0, 7),
            2..=3 => {
                // The ends of every type, and of multipliers.
                let extreme = dice.pick(&[
                    0,
                    1,
                    -1,
                    i32::MIN,
                    i32::MAX,
                    0x7fff,
                    0x7fff | 46 << 16,
                    0x7fff_7fff,
                    1 << 31 | 127,
                    (1 << 30) - 1,
                    -(1 << 30) + 1,
                ]);
                put(image, word, &extreme.to_le_bytes());
            }
            4 => {
                // Another place's numbers.
                let other = dice.size(tensors, image.len() - 8) & !7;
                for index in 0..8 {
                    image.swap((at & !7) + index, other + index);
                }
            }
            5 => {
                let end = (at + dice.size(1, 32)).min(image.len());
                let byte = dice.pick(&[0, 1, 0x7f, 0x80, 0x81, 0xff]);
                image[at..end].fill(byte);
            }
            6 => {
                let at = dice.size(PREFIX_LENGTH, header_end - 1);
                image[at] = dice.pick(&[0, 1, 2, 3, 0x7f, 0x80, 0x81, 0xff]);
            }
            7 => {
                let at = dice.size(PREFIX_LENGTH, header_end - 1);
                image[at] = image[at].wrapping_add(dice.pick(&[1, 2, 0xff, 0xfe]));
            }
            8 => {
                let ends = [PREFIX_LENGTH, header_end - 1];
                let [a, b] = [(); 2].map(|()| dice.size(ends[0], ends[1]));
                image.swap(a, b);
            }
            _ => mutate_lengths(dice, image, header),
        }
    }
    let length = u32::from_le_bytes(image[8..12].try_into().unwrap()) as usize;
    match image.get_mut(..length.max(PREFIX_LENGTH)) {
        Some(claimed) => reseal(claimed),
        None => reseal(image),
    }
}

/// Wrong lengths of the image or of its header.
fn mutate_lengths(dice: &mut Dice, image: &mut Vec<u8>, header: usize) {
    let step = dice.pick(&[-8i64, -1, 1, 8]);
    match dice.size(0, 3) {
        0 => {
            let length = (image.len() as i64 + step) as u32;
            put(image, LENGTH_AT, &length.to_le_bytes());
        }
        1 => {
            let header = (header as i64 + step) as u32;
            put(image, HEADER_LENGTH_AT, &header.to_le_bytes());
        }
        2 => {
            let at = dice.pick(&[LENGTH_AT, HEADER_LENGTH_AT]);
            let extreme = dice.pick(&[0, 1, 19, 20, 21, u32::MAX, u32::MAX - 7, 1 << 31]);
            put(image, at, &extreme.to_le_bytes());
        }
        _ => image.extend([0; 8]),
    }
}

#[test]
fn mutated_images_never_panic() {
    let mut dice = Dice::new(18);
    let mut accepted = 0;
    for round in 0..1000 {
        let temper = [Temper::Trained, Temper::Wild][round % 2];
        let image = small_image(&mut dice, temper, round / 2 % 3, 2500);
        for _ in 0..100 {
            let mut mutant = image.clone();
            mutate(&mut dice, &mut mutant);
            let mutant = AlignedImage::new(&mutant);
            if let Ok(model) = Model::parse(&mutant) {
                accepted += 1;
                exercise(&model, &mut dice);
            }
        }
    }
    println!("{accepted} of 100000 accepted");
    assert!((10_000..90_000).contains(&accepted), "{accepted}");
}

/// Everything at its limit at once: inputs, latents, sums of nats, passes.
#[test]
fn the_largest_sums_do_not_overflow() {
    let mut dice = Dice::new(19);
    for (inputs, latents, samples) in [(1 << 14, 1, 39), (1, 200, 65_535), (300, 1 << 10, 3)] {
        for family in [None, Some(Family::Normal), Some(Family::Laplace)] {
            for sign in [1, -1] {
                let predicted_scale = dice.once_in(2);
                let likelihood = family.map(|family| (family, predicted_scale));
                let spec = largest_spec(&mut dice, inputs, latents, likelihood, sign);
                let image = spec.encode(&[]).unwrap();
                let model = Model::parse(&image).unwrap();
                let mut workspace = vec![0; model.workspace_words()];
                model.self_test(&mut workspace).unwrap();
                let mut session = Session::new(&model, &mut workspace, 0).unwrap();
                let reading = extreme_reading(&mut dice, &spec);
                for estimator in [
                    Estimator::MonteCarlo { samples },
                    Estimator::ImportanceWeighted { samples },
                ] {
                    let score = session.score(&reading, estimator).unwrap();
                    assert_eq!(score.passes(), samples);
                    if family.is_some() && inputs > 1 && sign < 0 {
                        assert_eq!(score.reconstruction(), Nats::MIN);
                        assert_eq!(score.elbo(), Nats::MIN);
                    }
                }
                let question = Question {
                    threshold: Nats::MIN,
                    confidence: Probability::ONE,
                    max_passes: samples,
                };
                let decision = session.decide(&reading, &question).unwrap();
                assert!(decision.passes <= samples);
            }
        }
    }
}

/// A small model whose numbers are as large as an image may have them.
fn largest_spec(
    dice: &mut Dice,
    inputs: usize,
    latents: usize,
    likelihood: Option<(Family, bool)>,
    sign: i32,
) -> ImageSpec {
    let largest = Multiplier::from_word(Multiplier::MAX_MANTISSA).unwrap();
    let dense = |weight: i8, columns: usize, rows: usize, bias: i32| DenseSpec {
        bits: WeightBits::Eight,
        weights: vec![weight; columns * rows],
        rows: vec![
            Row {
                bias,
                multiplier: largest
            };
            rows
        ],
    };
    // One hidden output in each half keeps the model small.
    let hidden = |columns| LayerSpec {
        dense: dense(1, columns, 1, 0),
        activation: Activation::Identity,
        zero_point: 0,
        ceiling: 127,
    };
    let input = InputSpec {
        center: i16::MIN,
        exponent: -128,
        gain: largest,
    };
    let mut rows = inputs;
    let likelihood = match likelihood {
        None => LikelihoodSpec::Binomial { trials: 255 },
        Some((family, predicted_scale)) => {
            rows *= 1 + usize::from(predicted_scale);
            LikelihoodSpec::Location(LocationSpec {
                family,
                predicted_scale,
                standardize: vec![largest; inputs],
                units: vec![largest; inputs],
                log_normalizers: vec![f64::from(sign * 4096); inputs],
            })
        }
    };
    let bias = sign * ((1 << 30) - 1 - 127 * 127);
    let any = dice.word() as i32;
    let mut spec = ImageSpec {
        name: String::new(),
        columns: vec![],
        picture_width: 0,
        inputs: vec![input; inputs],
        input_ceiling: 127,
        conditions: vec![],
        prior: PriorSpec::Standard,
        likelihood,
        packing: dice.pick(&Packing::ALL),
        latent_fraction_bits: 6,
        log_variance_range: (-32 << 16, 8 << 16),
        encoder: vec![hidden(inputs)],
        heads: dense(127, 1, 2 * latents, bias),
        decoder: vec![hidden(latents)],
        output: dense(127, 1, rows, -bias),
        stream: None,
        typical: vec![],
        noise: Noise {
            mean_excess: dice.pick(&[i32::MIN, i32::MAX, any]),
            mean_deviation: i32::MAX,
            pair_deviation: i32::MAX,
        },
        self_test_reading: vec![],
    };
    spec.self_test_reading = extreme_reading(dice, &spec);
    spec
}

/// Decisions with every noise, confidence and number of passes at its ends; a pass at the mean
/// whose scatter is unknown never decides.
#[test]
fn decisions_do_not_overflow() {
    let ends = [i32::MIN, -1, 0, 1, 1 << 16, i32::MAX - 1, i32::MAX];
    let mut dice = Dice::new(20);
    let mut sides = [0; 3];
    for round in 0..3000 {
        let mut spec = random_spec(&mut dice, [Temper::Trained, Temper::Wild][round % 2]);
        spec.noise = Noise {
            mean_excess: dice.pick(&ends),
            mean_deviation: dice.pick(&ends).max(0),
            pair_deviation: dice.pick(&ends).max(0),
        };
        let image = spec.encode(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 1).unwrap();
        let reading = extreme_reading(&mut dice, &spec);
        let many = if round % 300 == 0 { u16::MAX } else { 257 };
        for max_passes in [1, 2, 3, 4, 9, many] {
            let word = dice.word();
            let question = Question {
                threshold: Nats::from_bits(dice.pick(&ends)),
                confidence: Probability::from_bits(dice.pick(&[0, 1, word >> 1, 1 << 31])).unwrap(),
                max_passes,
            };
            let decision = session.decide(&reading, &question).unwrap();
            assert!((1..=max_passes).contains(&decision.passes));
            sides[decision.side as usize] += 1;
            let unknown = spec.noise.mean_deviation == i32::MAX;
            assert!(!unknown || decision.passes > 1 || decision.side == Side::Unsure);
        }
    }
    assert!(sides.iter().all(|&count| count > 100), "{sides:?}");
}

#[test]
fn an_image_is_read_back_into_its_description() {
    let mut dice = Dice::new(77);
    let mut standard = 0;
    for _ in 0..60 {
        let mut spec = random_spec(&mut dice, Temper::Trained);
        if dice.once_in(2) {
            enrich(&mut dice, &mut spec);
        }
        spec.packing = dice.pick(&Packing::ALL);
        let image = spec.encode(&[]).unwrap();
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
            let written = again.encode(&[]).unwrap();
            assert_eq!(&written[..], &image[..]);
        }
    }
    assert!((10..60).contains(&standard), "{standard}");
}
