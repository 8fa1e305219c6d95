//! Images with a few other bytes and a checksum that fits them.

use crate::support::{Dice, Temper, check, random_mask};
use crate::{HEADER_LENGTH_AT, LENGTH_AT, put, small_image};
use elbow::estimator::Estimator;
use elbow::format::{AlignedImage, PREFIX_LENGTH};
use elbow::internal::reseal;
use elbow::text::Picture;
use elbow::{Mask, Model, Nats, Probability, Question, Score, Session, WideSum};

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
                assert!(score.surprise() >= Nats::ZERO);
                let columns = Score::CSV_HEADER.split(',').count();
                assert_eq!(score.csv(0).to_string().split(',').count(), columns);
            }
        }
        let mut terms = vec![WideSum::ZERO; inputs];
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
        assert!(session.posterior().squared_distance() >= WideSum::ZERO);
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
    let macs: usize = model.layers().map(|layer| layer.shape.macs()).sum();
    assert!(macs > 0);
}

/// Words at the ends of every type, and of multipliers.
const ENDS: [i32; 11] = [
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
];

/// Changes a few bytes of `image` and gives it the checksum that it has then.
fn mutate(dice: &mut Dice, image: &mut Vec<u8>) {
    let header = u32::from_le_bytes(image[16..20].try_into().unwrap()) as usize;
    let header_end = PREFIX_LENGTH + header;
    for _ in 0..dice.size(1, 3) {
        match dice.size(0, 9) {
            0..6 => mutate_tensors(dice, image, header_end.next_multiple_of(8)),
            6..9 => mutate_header(dice, &mut image[PREFIX_LENGTH..header_end]),
            _ => mutate_lengths(dice, image, header),
        }
    }
    let length = u32::from_le_bytes(image[8..12].try_into().unwrap()) as usize;
    match image.get_mut(..length.max(PREFIX_LENGTH)) {
        Some(claimed) => reseal(claimed),
        None => reseal(image),
    }
}

/// Other numbers from `start` on.
fn mutate_tensors(dice: &mut Dice, image: &mut [u8], start: usize) {
    let at = dice.size(start, image.len() - 8);
    match dice.size(0, 5) {
        0 => image[at] = dice.word() as u8,
        1 => image[at] ^= 1 << dice.size(0, 7),
        2..=3 => put(image, at & !3, &dice.pick(&ENDS).to_le_bytes()),
        4 => {
            // Another place's numbers.
            let other = dice.size(start, image.len() - 8) & !7;
            for index in 0..8 {
                image.swap((at & !7) + index, other + index);
            }
        }
        _ => {
            let end = (at + dice.size(1, 32)).min(image.len());
            let byte = dice.pick(&[0, 1, 0x7f, 0x80, 0x81, 0xff]);
            image[at..end].fill(byte);
        }
    }
}

/// Other bytes of the header.
fn mutate_header(dice: &mut Dice, header: &mut [u8]) {
    let at = dice.size(0, header.len() - 1);
    match dice.size(0, 2) {
        0 => header[at] = dice.pick(&[0, 1, 2, 3, 0x7f, 0x80, 0x81, 0xff]),
        1 => header[at] = header[at].wrapping_add(dice.pick(&[1, 2, 0xff, 0xfe])),
        _ => header.swap(at, dice.size(0, header.len() - 1)),
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
    let mut accepted = 0;
    check(18, 1000, |dice| {
        let temper = dice.pick(&[Temper::Trained, Temper::Wild]);
        let kind = dice.size(0, 2);
        let image = small_image(dice, temper, kind, 2500);
        for _ in 0..100 {
            let mut mutant = image.clone();
            mutate(dice, &mut mutant);
            let mutant = AlignedImage::new(&mutant);
            if let Ok(model) = Model::parse(&mutant) {
                accepted += 1;
                exercise(&model, dice);
            }
        }
    });
    println!("{accepted} of 100000 accepted");
    assert!((10_000..90_000).contains(&accepted), "{accepted}");
}
