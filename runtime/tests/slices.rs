//! A score in slices is the score in one go, bit for bit, and each slice does as much as it says.

mod support;

use elbow::estimator::Estimator;
use elbow::format::AlignedImage;
use elbow::image::{CalibrationSpec, CurveSpec, ImageSpec, PrototypesSpec};
use elbow::{LengthError, Mask, Model, Nats, ReadingError, Score, Session, WideSum};
use std::task::Poll;
use support::{
    Dice, Temper, check, modelled, random_mask, random_reading, random_spec, random_statistics,
};

/// The sizes of slices: none, each rest of four, more than there are passes.
const SIZES: [u16; 8] = [0, 1, 2, 3, 4, 5, 8, u16::MAX];

/// A model of random weights, in the half of cases with statistics beside the bound, some with many prototypes.
fn random_image(dice: &mut Dice, spec: &mut ImageSpec) -> AlignedImage {
    if dice.once_in(2) {
        return spec.write(&[]).unwrap();
    }
    spec.statistics = random_statistics(dice, spec).0;
    let bytes = |bits| PrototypesSpec::row_bytes(bits, modelled(spec));
    if let Some(prototypes) = &spec.statistics.prototypes {
        let more = dice.size(0, 70) * bytes(prototypes.bits);
        let more: Vec<i8> = (0..more).map(|_| dice.between(-127, 127) as i8).collect();
        let prototypes = spec.statistics.prototypes.as_mut().unwrap();
        prototypes.rows.extend(more);
    }
    let scores: Vec<i32> = (0..30).map(|at| -(at << 14)).collect();
    let tables = [Estimator::PosteriorMean, Estimator::SigmaPoints]
        .map(|estimator| CalibrationSpec::of_joined(estimator, &scores, 30, &CurveSpec::default()));
    spec.write(&tables).unwrap()
}

/// Polls until there is a score, which comes at the slice that it should.
fn polled(
    passes: u16,
    (total, model): (u16, &Model<'_>),
    mut poll: impl FnMut(u16) -> Poll<Score>,
) -> Score {
    let at_once = passes.max(1);
    let prototypes = match model.joins_statistics() {
        true => model.prototypes().div_ceil(16 * usize::from(at_once)),
        false => 0,
    };
    let slices = usize::from(total.div_ceil(at_once)) + prototypes;
    for _ in 0..=slices {
        assert!(poll(passes).is_pending());
    }
    let Poll::Ready(score) = poll(passes) else {
        panic!("{slices} slices between encoder and verdict are not all");
    };
    assert_eq!(poll(1), Poll::Ready(score), "once ready, it stays ready");
    score
}

fn every_estimator(dice: &mut Dice) -> [Estimator; 4] {
    [
        Estimator::PosteriorMean,
        Estimator::SigmaPoints,
        Estimator::MonteCarlo {
            samples: dice.size(1, 17) as u16,
        },
        Estimator::ImportanceWeighted {
            samples: dice.size(1, 17) as u16,
        },
    ]
}

#[test]
fn scores_in_slices_are_scores() {
    check(71, 200, |dice| {
        let temper = dice.pick(&[Temper::Trained, Temper::Wild]);
        let mut spec = random_spec(dice, temper);
        let image = random_image(dice, &mut spec);
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 1).unwrap();
        let reading = random_reading(dice, &spec);
        let bits = random_mask(dice, reading.len(), 0);
        let part = Mask::new(&bits, reading.len()).unwrap();
        for estimator in every_estimator(dice) {
            let total = estimator.passes(model.latents() as u16);
            for (mask, size) in SIZES
                .iter()
                .flat_map(|&size| [(Mask::ALL, size), (part, size)])
            {
                session.reseed(7, 1);
                let whole = session.score_observed(&reading, mask, estimator).unwrap();
                let next = session.sample().to_vec();
                session.reseed(7, 1);
                let mut scoring = session.start_observed(&reading, mask, estimator).unwrap();
                assert_eq!(
                    polled(size, (total, &model), |passes| scoring.poll(passes)),
                    whole
                );
                // The generator stands where it stood, the posterior is that of the reading.
                assert_eq!(session.sample(), next);
            }
        }
    });
}

#[test]
fn explanations_in_slices_are_explanations() {
    check(72, 100, |dice| {
        let mut spec = random_spec(dice, Temper::Trained);
        let image = random_image(dice, &mut spec);
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 1).unwrap();
        let reading = random_reading(dice, &spec);
        let bits = random_mask(dice, reading.len(), 0);
        let mask = Mask::new(&bits, reading.len()).unwrap();
        let (mut inputs, mut latents) = buffers(&model);
        let (mut sliced, mut parts) = buffers(&model);
        for estimator in every_estimator(dice) {
            let total = estimator.passes(model.latents() as u16);
            for size in SIZES {
                session.reseed(7, 1);
                let whole = session
                    .explain(&reading, mask, estimator, &mut inputs, &mut latents)
                    .unwrap();
                session.reseed(7, 1);
                let mut explaining = session
                    .start_explained(&reading, mask, estimator, &mut sliced)
                    .unwrap();
                let score = polled(size, (total, &model), |passes| explaining.poll(passes));
                session.divergence_parts(&mut parts).unwrap();
                assert_eq!((score, &sliced, &parts), (whole, &inputs, &latents));
            }
        }
    });
}

/// Memory for what a score is made of.
fn buffers(model: &Model<'_>) -> (Vec<WideSum>, Vec<Nats>) {
    (
        vec![WideSum::from_bits(-1); model.inputs()],
        vec![Nats::MAX; model.latents()],
    )
}

#[test]
fn a_dropped_score_leaves_the_session_as_good_as_new() {
    check(73, 60, |dice| {
        let spec = random_spec(dice, Temper::Trained);
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 1).unwrap();
        let (first, second) = (random_reading(dice, &spec), random_reading(dice, &spec));
        for estimator in every_estimator(dice) {
            session.reseed(7, 1);
            let whole = session.score(&second, estimator).unwrap();
            let mut scoring = session.start(&first, estimator).unwrap();
            for _ in 0..dice.size(0, 5) {
                let _ = scoring.poll(1);
            }
            session.reseed(7, 1);
            assert_eq!(session.score(&second, estimator), Ok(whole));
        }
    });
}

#[test]
fn a_start_refuses_what_a_score_refuses() {
    let mut dice = Dice::new(3);
    let spec = random_spec(&mut dice, Temper::Trained);
    let image = spec.write(&[]).unwrap();
    let model = Model::parse(&image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 1).unwrap();
    let reading = random_reading(&mut dice, &spec);
    let (have, need) = (reading.len() + 1, reading.len());
    let longer = [&reading[..], &[0]].concat();
    let refused = session.start(&longer, Estimator::SigmaPoints).err();
    assert_eq!(refused, Some(ReadingError::Length { have, need }));
    let none = Estimator::MonteCarlo { samples: 0 };
    let refused = session.start(&reading, none).err();
    assert_eq!(refused, Some(ReadingError::NoPasses));
    let mut short = vec![WideSum::ZERO; model.inputs() - 1];
    let refused = session
        .start_explained(&reading, Mask::ALL, Estimator::SigmaPoints, &mut short)
        .err();
    let wrong = |what, need| LengthError {
        what,
        have: need - 1,
        need,
    };
    let expected = ReadingError::Buffer(wrong("inputs", model.inputs()));
    assert_eq!(refused, Some(expected));
    let mut short = vec![Nats::ZERO; model.latents() - 1];
    let refused = session.divergence_parts(&mut short);
    assert_eq!(refused, Err(wrong("latents", model.latents())));
}
