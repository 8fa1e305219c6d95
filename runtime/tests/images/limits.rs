//! Models whose numbers are as large as an image may have them.

use crate::support::{Dice, Temper, check, extreme_reading, random_spec};
use elbow::calibration::Noise;
use elbow::distribution::{Family, LogVarianceRange};
use elbow::estimator::Estimator;
use elbow::image::{
    DenseSpec, ImageSpec, InputSpec, LayerSpec, LikelihoodSpec, LocationSpec, PriorSpec, Row,
    StatisticsSpec,
};
use elbow::layer::{Activation, LayerKind};
use elbow::layer::{Packing, WeightBits};
use elbow::posterior::PosteriorKind;
use elbow::requantize::Multiplier;
use elbow::{Model, Nats, Probability, Question, Session, Side};

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
                let image = spec.write(&[]).unwrap();
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

/// A layer of equal rows of equal weights, with the largest multiplier.
fn largest_dense(weight: i8, columns: usize, rows: usize, bias: i32) -> DenseSpec {
    let multiplier = Multiplier::from_word(Multiplier::MAX_MANTISSA).unwrap();
    DenseSpec {
        bits: WeightBits::Eight,
        weights: vec![weight; columns * rows],
        rows: vec![Row { bias, multiplier }; rows],
    }
}

/// A likelihood of the largest constants.
fn largest_likelihood(
    inputs: usize,
    location: Option<(Family, bool)>,
    sign: i32,
) -> LikelihoodSpec {
    let largest = Multiplier::from_word(Multiplier::MAX_MANTISSA).unwrap();
    match location {
        None => LikelihoodSpec::Binomial { trials: 255 },
        Some((family, predicted_scale)) => LikelihoodSpec::Location(LocationSpec {
            family,
            predicted_scale,
            standardize: vec![largest; inputs],
            units: vec![largest; inputs],
            log_normalizers: vec![f64::from(sign * 4096); inputs],
        }),
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
    // One hidden output in each half keeps the model small.
    let hidden = |columns| LayerSpec {
        kind: LayerKind::Dense,
        dense: largest_dense(1, columns, 1, 0),
        activation: Activation::Identity,
        zero_point: 0,
        ceiling: 127,
    };
    let input = InputSpec {
        center: i16::MIN,
        exponent: -128,
        gain: largest,
    };
    let rows = match likelihood {
        Some((_, true)) => 2 * inputs,
        _ => inputs,
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
        likelihood: largest_likelihood(inputs, likelihood, sign),
        packing: dice.pick(&Packing::ALL),
        latent_fraction_bits: 6,
        posterior: PosteriorKind::Gaussian {
            log_variance_range: LogVarianceRange {
                lowest: -32 << 16,
                highest: 8 << 16,
            },
        },
        encoder: vec![hidden(inputs)],
        heads: largest_dense(127, 1, 2 * latents, bias),
        decoder: vec![hidden(latents)],
        output: largest_dense(127, 1, rows, -bias),
        stream: None,
        typical: vec![],
        statistics: StatisticsSpec::default(),
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
    let mut sides = [0; 3];
    check(20, 3000, |dice| {
        let temper = dice.pick(&[Temper::Trained, Temper::Wild]);
        let mut spec = random_spec(dice, temper);
        spec.noise = Noise {
            mean_excess: dice.pick(&ends),
            mean_deviation: dice.pick(&ends).max(0),
            pair_deviation: dice.pick(&ends).max(0),
        };
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 1).unwrap();
        let reading = extreme_reading(dice, &spec);
        let many = if dice.once_in(300) { u16::MAX } else { 257 };
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
    });
    assert!(sides.iter().all(|&count| count > 100), "{sides:?}");
}
