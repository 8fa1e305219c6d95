//! One model small enough to be computed by hand: every byte of its image, and every number between
//! a reading and its scores.
//!
//! The literals were derived from FORMAT.md and NUMERICS.md in Python, with `math` and
//! `statistics.NormalDist` in place of the tables and `zlib.crc32` for the checksum; the comments say
//! how. A change of any of them is a change of `FORMAT_VERSION` or `NUMERICS_VERSION`.

mod by_hand;

use by_hand::IMAGE;
use elbow::calibration::Noise;
use elbow::distribution::LogVarianceRange;
use elbow::estimator::Estimator;
use elbow::format::AlignedImage;
use elbow::image::{
    CalibrationSpec, CurveSpec, DenseSpec, ImageSpec, InputSpec, LikelihoodSpec, PriorSpec, Row,
    StatisticsSpec,
};
use elbow::layer::{Packing, WeightBits};
use elbow::posterior::PosteriorKind;
use elbow::requantize::Multiplier;
use elbow::{Model, Nats, Probability, Question, Session, Side};

fn spec() -> ImageSpec {
    let factor = |factor| Multiplier::from_word(factor).unwrap();
    let row = |bias, multiplier| Row {
        bias,
        multiplier: factor(multiplier),
    };
    let input = InputSpec {
        center: 0,
        exponent: 0,
        gain: factor(64),
    };
    ImageSpec {
        name: "g".into(),
        columns: vec![],
        picture_width: 2,
        inputs: vec![input; 2],
        input_ceiling: 127,
        conditions: vec![],
        prior: PriorSpec::Standard,
        stream: None,
        typical: vec![-0.5, -0.25],
        likelihood: LikelihoodSpec::Binomial { trials: 1 },
        packing: Packing::Rows,
        latent_fraction_bits: 12,
        posterior: PosteriorKind::Gaussian {
            log_variance_range: LogVarianceRange {
                lowest: -4 << 16,
                highest: 0,
            },
        },
        encoder: vec![],
        heads: DenseSpec {
            bits: WeightBits::Eight,
            weights: vec![2, -1, 1, 1],
            rows: vec![row(0, 512), row(-192, 1024)],
        },
        decoder: vec![],
        output: DenseSpec {
            bits: WeightBits::Eight,
            weights: vec![16, -32],
            rows: vec![row(0, 1); 2],
        },
        statistics: StatisticsSpec::default(),
        noise: Noise {
            mean_excess: 1 << 16,
            mean_deviation: 1 << 15,
            pair_deviation: 2 << 16,
        },
        self_test_reading: vec![1, 0],
    }
}

#[test]
fn the_image_is_written_and_read_byte_by_byte() {
    let table = CalibrationSpec::of_bounds(
        Estimator::SigmaPoints,
        &[-1 << 16],
        1,
        &CurveSpec::default(),
    );
    assert_eq!(&*spec().write(&[table]).unwrap(), &IMAGE);

    let image = AlignedImage::new(&IMAGE);
    let model = Model::parse(&image).unwrap();
    assert_eq!((model.name(), model.image_length()), ("g", 208));
    assert_eq!((model.inputs(), model.latents()), (2, 1));
    assert_eq!((model.picture_width(), model.exponents()), (2, &[0, 0][..]));
    assert_eq!(model.latent_fraction_bits(), 12);
    assert_eq!(
        model.posterior(),
        PosteriorKind::Gaussian {
            log_variance_range: LogVarianceRange {
                lowest: -262_144,
                highest: 0
            }
        }
    );
    let shapes: Vec<_> = model
        .layers()
        .map(|l| (l.shape.rows, l.shape.columns))
        .collect();
    assert_eq!(shapes, [(2, 2), (2, 1)]);
    assert_eq!(model.calibrations()[0].knots(), 1);
    let table = &model.calibrations()[0];
    assert_eq!(
        (table.mean().to_bits(), table.standard_deviation().to_bits()),
        (-65_536, 0)
    );
    assert_eq!(model.noise(), spec().noise);
    assert!(model.stream().is_none());
    assert_eq!(model.typical(), [-32_768, -16_384]);
    // Four numbers of 4 bytes and four of 2 for the latent, 48 bytes for the operands of its four lanes,
    // and two activations.
    assert_eq!(model.workspace_words(), 10);
}

/// Weights of four bits: 16 and -32 are 1 and 14 in the low halves of two bytes, whose high halves are weights
/// five and six of four rows, which there are not.
#[test]
fn four_bits_differ_in_the_weights_alone() {
    let table = CalibrationSpec::of_bounds(
        Estimator::SigmaPoints,
        &[-1 << 16],
        1,
        &CurveSpec::default(),
    );
    let mut spec = spec();
    spec.output.bits = WeightBits::Four;
    let image = spec.write(&[table]).unwrap();
    let mut expected = IMAGE;
    expected[47] = 1; // output of four-bit weights
    expected[168..][..2].copy_from_slice(&[1, 14]);
    expected[12..16].copy_from_slice(&[0x9d, 0x78, 0x9f, 0x66]); // CRC-32
    assert_eq!(&*image, &expected);
    let model = Model::parse(&image).unwrap();
    // Eight bytes more, for the expanded weights.
    assert_eq!(model.workspace_words(), 11);
    assert_eq!(model.self_test(&mut [0; 11]), Ok(()));
}

/// The reading 1, 0 enters as 64 and 0. The accumulators of the heads are 2 * 64 = 128 and
/// 64 - 192 = -128; times 512 and 1024, the mean is 1.0 and the log-variance -2.0.
#[test]
fn every_number_of_a_score_is_the_derived_one() {
    let image = AlignedImage::new(&IMAGE);
    let model = Model::parse(&image).unwrap();
    let mut workspace = [0; 10];
    model.self_test(&mut workspace).unwrap();
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let posterior = session.encode(&[1, 0]).unwrap();
    assert_eq!(posterior.mean, [65_536]);
    assert_eq!(posterior.log_variance, [-131_072]);

    // KL: (1 + 65536 + exp(-2) 65536 - 65536 + 131072) >> 1 with exp(-2) = 8869 units.
    const KL: i32 = 69_971;
    let mut check = |estimator, reconstruction, error, p_value| {
        session.reseed(0, 0);
        let score = session.score(&[1, 0], estimator).unwrap();
        assert_eq!(score.reconstruction().to_bits(), reconstruction);
        assert_eq!(score.kl().to_bits(), KL);
        if !matches!(estimator, Estimator::ImportanceWeighted { .. }) {
            assert_eq!(score.elbo().to_bits(), reconstruction - KL);
        }
        assert_eq!(score.standard_error().map(elbow::Nats::to_bits), error);
        assert_eq!(score.p_value().to_bits(), p_value);
        score.elbo().to_bits()
    };
    // All bounds are below the knot at -1 nat.
    const HALF: u32 = 1 << 30;
    // z = 4096, logits 1.0 and -2.0: 65536 - softplus(1) - softplus(-2) = 65536 - 86066 - 8318.
    check(Estimator::PosteriorMean, -28_848, None, HALF);
    // sigma = exp(-1) = 24109 units, z = 5603 and 2589: passes of -18984 and -44239, whose mean
    // -31611.5 is rounded up.
    check(Estimator::SigmaPoints, -31_611, None, HALF);
    // The first word of stream 0 of seed 0 is 0x046eba29, and its draw -138456 units. Times sigma it
    // is -50934: z = 913 and 7279, passes of -70961 and -12089.
    check(Estimator::MonteCarlo { samples: 2 }, -41_525, None, HALF);
    // The second is 0x019c7801: draw -83727, z = 2171 and 6021, passes of -49827 and -16939. The
    // pairs' means -41525 and -33383 are 31 / 256 nat apart, the centre is 16, the squares
    // 256 + 225 = 481, and the root of mean(481 * 2^16, 2) is 3970.
    check(
        Estimator::MonteCarlo { samples: 4 },
        -37_454,
        Some(3970),
        HALF,
    );
    // Three passes: the last draw has no pair.
    check(Estimator::MonteCarlo { samples: 3 }, -44_292, None, HALF);

    // Independent draws: the third word is 0x2594869a, its draw -68830, and v = 14602, 34735 and
    // 40215, the passes -70961, -49827 and, with z = 2513, -45206. The log ratios are half of
    // e^2 - 2 - v^2: 292512 - 131072 - 3253 makes 79094, 106967 - 131072 - 18410 makes -21257,
    // 72290 - 131072 - 24677 makes -41729. The log weights are 8133, -71084 and -86935: relative to
    // the first, the weights are 1, exp(-79217 / 2^16) = 0.298566 and exp(-95068 / 2^16) = 0.234424.
    // 8133 + ln(1.532990 / 3) is -35867.2 units. The sum of the squares is 1.144, and the root of
    // (3 * 1.144 / 1.532990^2 - 1) / 2 is 0.4798.
    let estimator = Estimator::ImportanceWeighted { samples: 3 };
    let bound = check(estimator, -55_331, Some(31_444), 1 << 31);
    // Above the knot at -1 nat: certainly no more anomalous than normal readings.
    assert_eq!(bound, -35_867);
    let estimator = Estimator::ImportanceWeighted { samples: 1 };
    assert_eq!(check(estimator, -70_961, None, 1 << 31), 8133);
}

/// The bound of the pass at the mean is -98819, 1.0 less makes -164355. At a confidence of 0.95 with
/// three looks (1, 3 and 5 passes) the margin is 2.39398 * 0.5 = 1.19699 nats, 78446 units.
#[test]
fn decisions_are_the_derived_ones() {
    let image = AlignedImage::new(&IMAGE);
    let model = Model::parse(&image).unwrap();
    let mut workspace = [0; 10];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let mut decide = |threshold| {
        session.reseed(0, 0);
        let question = Question {
            threshold: Nats::from_bits(threshold),
            confidence: Probability::new(0.95),
            max_passes: 5,
        };
        let decision = session.decide(&[1, 0], &question).unwrap();
        (decision.side, decision.bound.to_bits(), decision.passes)
    };
    assert_eq!(decide(-164_355 - 78_447), (Side::Above, -164_355, 1));
    assert_eq!(decide(-164_355 + 78_447), (Side::Below, -164_355, 1));
    // Two pairs: bounds of -41525 - 69971 = -111496 after the first, -37454 - 69971 = -107425 after
    // the second. The variance of a pair is the exporter's 4.0, then (4 * 4.0 + 481 / 2^16) / 5:
    // deviations 2.0 and 1.7891 / sqrt(2) = 1.26505, margins 4.78796 and 3.02851 nats.
    assert_eq!(decide(-164_355 - 78_400), (Side::Unsure, -107_425, 5));
    assert_eq!(decide(-164_355 + 78_400), (Side::Unsure, -107_425, 5));
}

#[test]
fn a_sample_and_its_mean_are_the_derived_ones() {
    let image = AlignedImage::new(&IMAGE);
    let model = Model::parse(&image).unwrap();
    let mut workspace = [0; 10];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    // Before any reading it is the prior's: -138456 units are -8653.5 / 4096, rounded up.
    assert_eq!(session.sample(), [-8653]);
    session.encode(&[1, 0]).unwrap();
    session.reseed(0, 0);
    assert_eq!(session.sample(), [913]);
    // sigmoid(1.0) and sigmoid(-2.0).
    let mut mean = [0; 2];
    session.decode(&[4096], &mut mean).unwrap();
    assert_eq!(mean, [47_911, 7812]);
    // 16 * -8653 and -32 * -8653 units in Q16.16 are the logits -2.1125 and 4.2251.
    session.reseed(0, 0);
    session.generate(&mut mean).unwrap();
    assert_eq!(mean, [7070, 64_591]);
}
