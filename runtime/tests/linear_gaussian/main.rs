//! A model whose answers are known in closed form: a linear decoder with normal noise (probabilistic
//! principal components), and the best diagonal encoder for it. With `y` the standardized reading,
//!
//! ```text
//! y = A z + b + noise,  z ~ N(0, I):  log p(x) = log N(y; b, I + A A^T) + constants
//! ```
//!
//! and both terms of the bound are quadratic. `A` and `b` are those of the image, so that nothing is
//! left but the rounding of the arithmetic.

mod exact;
#[path = "../support/mod.rs"]
mod support;

use exact::Exact;

use elbow::calibration::Noise;
use elbow::estimator::Estimator;
use elbow::rng::stream;
use elbow::{Model, Nats, Probability, Question, Score, Session, Side};
use support::{Dice, ONE};

/// Mean and standard error.
fn statistics(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (mean, (squares / (n * (n - 1.0))).sqrt())
}

/// Scores `count` readings of the model in one session.
fn for_readings(
    exact: &Exact,
    count: usize,
    seed: u64,
    mut check: impl FnMut(&mut Session<'_>, &[i16]),
) {
    let image = exact.image();
    let model = Model::parse(&image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, seed).unwrap();
    let mut dice = Dice::new(seed);
    for _ in 0..count {
        let reading = exact.reading(&mut dice, 0.0);
        check(&mut session, &reading);
    }
}

/// Every estimate is where the bound that is derived above says, and that is within 0.02 nat.
#[test]
fn estimates_are_those_of_the_floats() {
    let mut largest = (0.0f64, 0.0f64);
    for seed in 0..5 {
        let exact = Exact::new(seed);
        for_readings(&exact, 200, 80 + seed, |session, reading| {
            for estimator in [
                Estimator::PosteriorMean,
                Estimator::SigmaPoints,
                Estimator::MonteCarlo { samples: 7 },
                Estimator::ImportanceWeighted { samples: 7 },
            ] {
                session.reseed(1, 2);
                let score = session.score(reading, estimator).unwrap();
                let (truth, bound) = exact.estimate(reading, estimator, &mut stream(1, 2));
                let error = (score.elbo().to_f64() - truth).abs();
                assert!(error <= bound, "{estimator}: {score:?}, {truth}, {bound}");
                assert!(bound < 0.02, "{bound}");
                largest = (largest.0.max(error), largest.1.max(bound));
            }
            // The sigma points are exact for a quadratic: they are the ELBO itself.
            let sigma = exact.estimate(reading, Estimator::SigmaPoints, &mut stream(0, 0));
            assert!((sigma.0 - exact.elbo(reading)).abs() < 1e-9);
        });
    }
    println!(
        "largest error {:.5}, largest bound {:.5}",
        largest.0, largest.1
    );
}

/// The ELBO of each reading is below log p(x); the importance-weighted bound is the ELBO at one
/// sample, rises with them, stays below log p(x) and comes within 0.02 nat of it, all in the mean
/// and within 3 standard errors.
#[test]
fn importance_weighting_rises_to_the_evidence() {
    const SAMPLES: [u16; 4] = [1, 8, 64, 512];
    for seed in 0..3 {
        let exact = Exact::new(seed);
        let mut gaps = SAMPLES.map(|_| vec![]);
        let mut elbo_gaps = vec![];
        for_readings(&exact, 500, 90 + seed, |session, reading| {
            let evidence = exact.log_evidence(reading);
            let gap = |score: Score| evidence - score.elbo().to_f64();
            let elbo = session.score(reading, Estimator::SigmaPoints).unwrap();
            assert!(gap(elbo) > -0.02, "{elbo:?} {evidence}");
            elbo_gaps.push(gap(elbo));
            for (samples, gaps) in SAMPLES.into_iter().zip(&mut gaps) {
                let estimator = Estimator::ImportanceWeighted { samples };
                gaps.push(gap(session.score(reading, estimator).unwrap()));
            }
        });
        let difference = |a: &[f64], b: &[f64]| -> (f64, f64) {
            statistics(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
        };
        println!("ELBO: {:.4} below", statistics(&elbo_gaps).0);
        assert!(statistics(&elbo_gaps).0 > 0.1);
        let (mean, error) = difference(&gaps[0], &elbo_gaps);
        assert!(mean.abs() < 3.0 * error, "{mean} {error}");
        for (step, samples) in gaps.windows(2).zip(SAMPLES) {
            let (mean, error) = difference(&step[0], &step[1]);
            assert!(mean > -3.0 * error, "from {samples}: {mean} {error}");
        }
        for (gaps, samples) in gaps.iter().zip(SAMPLES) {
            let (mean, error) = statistics(gaps);
            println!("{samples}: {mean:.4} +- {error:.4} below");
            assert!(mean > -3.0 * error, "{samples}: {mean} {error}");
        }
        let (mean, error) = statistics(&gaps[3]);
        assert!(mean < 0.02 + 3.0 * error, "{mean} {error}");
        // Most of the gap is closed, beyond any noise.
        let (mean, error) = difference(&gaps[0], &gaps[3]);
        assert!(mean > 5.0 * error);
    }
}

/// The scatter of single passes around the ELBO, as an exporter measures it.
fn measure(exact: &Exact, seed: u64) -> Noise {
    let (mut excess, mut pairs) = (vec![], vec![]);
    for_readings(exact, 1000, seed, |session, reading| {
        let truth = exact.elbo(reading);
        let mut beyond = |estimator| {
            let score = session.score(reading, estimator).unwrap();
            score.elbo().to_f64() - truth
        };
        excess.push(beyond(Estimator::PosteriorMean));
        pairs.push(beyond(Estimator::MonteCarlo { samples: 2 }));
    });
    let mean_excess = statistics(&excess).0;
    let deviation = |values: &[f64], center: f64| {
        let squares = values.iter().map(|v| (v - center) * (v - center));
        let root = (squares.sum::<f64>() / values.len() as f64).sqrt();
        (root * ONE).ceil() as i32
    };
    Noise {
        mean_excess: (mean_excess * ONE).round() as i32,
        mean_deviation: deviation(&excess, mean_excess),
        pair_deviation: deviation(&pairs, 0.0),
    }
}

/// Thresholds within two deviations of a pair from each reading's ELBO: at a confidence of 95 %, at
/// most 5 % of the decisions are wrong (and 3 standard errors of that), whether the pass at the mean
/// may decide or the pairs have to. At 80 %, at most 20 %.
#[test]
fn decisions_are_as_good_as_their_confidence() {
    const READINGS: usize = 3000;
    for seed in 0..3 {
        let mut exact = Exact::new(seed);
        let noise = measure(&exact, 100 + seed);
        for mean_deviation in [noise.mean_deviation, i32::MAX] {
            exact.spec.noise = Noise {
                mean_deviation,
                ..noise
            };
            let mut dice = Dice::new(7);
            for confidence in [0.95, 0.8] {
                let (mut wrong, mut unsure, mut passes) = (0, 0, 0);
                for_readings(&exact, READINGS, 110 + seed, |session, reading| {
                    let truth = exact.elbo(reading);
                    let offset = dice.real(-2.0, 2.0) * f64::from(noise.pair_deviation) / ONE;
                    let threshold = ((truth + offset) * ONE).round() as i32;
                    let question = Question {
                        threshold: Nats::from_bits(threshold),
                        confidence: Probability::new(confidence),
                        max_passes: 65,
                    };
                    let decision = session.decide(reading, &question).unwrap();
                    passes += usize::from(decision.passes);
                    match decision.side {
                        Side::Above => wrong += usize::from(offset > 0.0),
                        Side::Below => wrong += usize::from(offset < 0.0),
                        Side::Unsure => unsure += 1,
                    }
                });
                let rate = wrong as f64 / READINGS as f64;
                println!(
                    "{seed} {mean_deviation}: {rate:.4} wrong at {confidence}, {unsure} unsure, {passes} passes"
                );
                let error = (confidence * (1.0 - confidence) / READINGS as f64).sqrt();
                assert!(rate <= 1.0 - confidence + 3.0 * error, "{rate}");
                assert!(unsure < READINGS / 2, "{unsure}");
            }
        }
    }
}

/// A reading far from the threshold, whether anomalous or very ordinary, takes one pass.
#[test]
fn far_readings_take_one_pass() {
    for seed in 0..3 {
        let mut exact = Exact::new(seed);
        exact.spec.noise = measure(&exact, 120 + seed);
        let mut dice = Dice::new(8);
        for_readings(&exact, 500, 130 + seed, |session, reading| {
            let mut decide = |reading: &[i16], nats: f64| {
                let question = Question {
                    threshold: Nats::from_bits((nats * ONE) as i32),
                    confidence: Probability::new(0.999),
                    max_passes: 65,
                };
                let decision = session.decide(reading, &question).unwrap();
                (decision.side, decision.passes)
            };
            let elbo = exact.elbo(reading);
            assert_eq!(decide(reading, elbo - 5.0), (Side::Above, 1));
            assert_eq!(decide(reading, elbo + 5.0), (Side::Below, 1));
            let anomalous = exact.reading(&mut dice, 20.0);
            assert_eq!(decide(&anomalous, elbo), (Side::Below, 1));
        });
    }
}
