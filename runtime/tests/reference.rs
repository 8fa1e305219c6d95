//! Every result of a session agrees, bit for bit, with the second implementation in
//! `support/reference.rs`, which knows neither lanes nor buffers.

mod support;

use elbow::distribution::LogVarianceRange;
use elbow::estimator::Estimator;
use elbow::image::{CalibrationSpec, CurveSpec, ImageSpec, PriorSpec};
use elbow::posterior::PosteriorKind;
use elbow::requantize::Multiplier;
use elbow::rng::{Xoshiro128PlusPlus, stream};
use elbow::transcendental::exp;
use elbow::{Mask, Model, Nats, Probability, Question, Session, WideSum};
use rand_core::{Rng, TryRng};
use support::reference::{Expected, Reference};
use support::{
    Dice, Temper, check, enrich, extreme_reading, random_bits, random_heterogeneous, random_mask,
    random_reading, random_spec, widen_inputs,
};

/// Bits whose codes are enumerated here: the reference takes its time.
const FEW_BITS: usize = 6;

/// Every kind that latents of `spec` have, two of the random ones with an odd or even number of samples.
fn estimators(dice: &mut Dice, spec: &ImageSpec) -> [Estimator; 6] {
    let [few, many, weights, most] = [9, 19, 9, 19].map(|most| dice.between(1, most) as u16);
    [
        Estimator::PosteriorMean,
        match spec.posterior {
            PosteriorKind::Gaussian { .. } => Estimator::SigmaPoints,
            PosteriorKind::Bernoulli if spec.latents() <= FEW_BITS => Estimator::Enumeration,
            PosteriorKind::Bernoulli => Estimator::PosteriorMean,
        },
        Estimator::MonteCarlo { samples: few },
        Estimator::MonteCarlo { samples: many },
        Estimator::ImportanceWeighted { samples: weights },
        Estimator::ImportanceWeighted { samples: most },
    ]
}

fn wide<T: Copy + Into<i128>>(values: &[T]) -> Vec<i128> {
    values.iter().map(|&v| v.into()).collect()
}

/// Compares every operation of a session with the reference; the number of scores.
fn compare(seed: u8, models: u32, spec: impl Fn(&mut Dice) -> ImageSpec) -> usize {
    let mut scores = 0;
    check(seed, models, |dice| {
        let spec = spec(dice);
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        model.self_test(&mut workspace).unwrap();
        let seed = u64::from(dice.word()) << 32 | u64::from(dice.word());
        let mut session = Session::new(&model, &mut workspace, seed).unwrap();
        // The generator goes on from one operation to the next.
        let mut rng = stream(seed, 0);
        for _ in 0..3 {
            let reading = if dice.once_in(3) {
                extreme_reading(dice, &spec)
            } else {
                random_reading(dice, &spec)
            };
            let reference = Reference::encode(&spec, &reading);
            for estimator in estimators(dice, &spec) {
                let expected = reference.score(&reading, estimator, &mut rng);
                let score = session.score(&reading, estimator).unwrap();
                assert_eq!(Expected::of(&score), expected, "{estimator} {spec:?}");
                assert_eq!(score.estimator(), estimator);
                scores += 1;
            }
            compare_parts(dice, &mut session, &reference, &reading, &mut rng);
            compare_decisions(dice, &mut session, &reference, &reading, &mut rng);
            scores += compare_observed(dice, &mut session, &spec, &reading, &mut rng);
        }
    });
    scores
}

/// Compares scores, explanations and imputations of a part of the inputs; the number of scores.
fn compare_observed(
    dice: &mut Dice,
    session: &mut Session<'_>,
    spec: &ImageSpec,
    reading: &[i16],
    rng: &mut Xoshiro128PlusPlus,
) -> usize {
    let inputs = reading.len() - spec.conditions.len();
    let bits = random_mask(dice, inputs, spec.conditions.len());
    let mask = Mask::new(&bits, reading.len()).unwrap();
    // What stands at the inputs that are missing does not matter.
    let mut given = reading.to_vec();
    for (i, x) in given.iter_mut().enumerate() {
        if bits[i / 8] >> (i % 8) & 1 == 0 {
            *x = dice.word() as i16;
        }
    }
    let reference = Reference::encode_observed(spec, reading, &bits);
    let all = estimators(dice, spec);
    for estimator in all {
        let expected = reference.score(reading, estimator, rng);
        let score = session.score_observed(&given, mask, estimator).unwrap();
        assert_eq!(
            Expected::of(&score),
            expected,
            "{estimator} {bits:?} {spec:?}"
        );
    }
    let estimator = dice.pick(&all);
    let (expected, inputs) = reference.explain(reading, estimator, rng);
    let mut terms = vec![WideSum::from_bits(i64::MIN); session.model().inputs()];
    let mut latents = vec![Nats::MIN; reference.mean.len()];
    let score = session.explain(&given, mask, estimator, &mut terms, &mut latents);
    assert_eq!(Expected::of(&score.unwrap()), expected);
    let terms: Vec<i64> = terms.iter().map(|term| term.to_bits()).collect();
    assert_eq!(wide(&terms), inputs);
    let latents: Vec<i32> = latents.iter().map(|nats| nats.to_bits()).collect();
    assert_eq!(wide(&latents), reference.kl_of_latents());
    // Each part is rounded for itself.
    let parts = inputs.len() as i128;
    let sum: i128 = inputs.iter().sum();
    if i32::try_from(sum).is_ok() {
        assert!((2 * (sum - expected.reconstruction)).abs() <= parts + 1);
    }
    let kl: i128 = wide(&latents).iter().sum();
    if spec.prior == PriorSpec::Standard {
        assert!((2 * (kl - reference.kl())).abs() <= latents.len() as i128 + 1);
    }

    let posterior = session.encode_observed(&given, mask).unwrap();
    assert_eq!(wide(posterior.mean), reference.mean);
    assert_eq!(wide(posterior.log_variance), reference.log_variance);
    let mut filled = vec![0; session.model().inputs()];
    session.impute(&given, mask, &mut filled).unwrap();
    // The reference looks at observed inputs alone, so it may have the others' readings.
    assert_eq!(wide(&filled), reference.impute(&given));
    session.reconstruct(&mut filled).unwrap();
    assert_eq!(wide(&filled), reference.reconstruct());
    all.len() + 1
}

/// Compares decisions near the bound, where they are hard, and anywhere.
fn compare_decisions(
    dice: &mut Dice,
    session: &mut Session<'_>,
    reference: &Reference<'_>,
    reading: &[i16],
    rng: &mut Xoshiro128PlusPlus,
) {
    let near = reference.score(reading, Estimator::PosteriorMean, rng).elbo as i32;
    for _ in 0..3 {
        let around = near.saturating_add(dice.between(-4 << 16, 4 << 16) as i32);
        let any = dice.word() as i32;
        let threshold = dice.pick(&[around, around, any, i32::MIN, i32::MAX]);
        let other = dice.real(0.0, 1.0);
        let (few, most) = (dice.size(1, 40), dice.size(1, 9));
        let question = Question {
            threshold: Nats::from_bits(threshold),
            confidence: Probability::new(dice.pick(&[0.95, 0.95, 0.999, 1.0, 0.0, other])),
            max_passes: dice.pick(&[few, most, 1, 2, 3]) as u16,
        };
        let expected = reference.decide(reading, &question, rng);
        let decision = session.decide(reading, &question).unwrap();
        assert_eq!(decision, expected, "{question:?} {:?}", reference.spec);
        assert!(decision.passes <= question.max_passes);
    }
}

/// Compares encode, sample, decode and generate.
fn compare_parts(
    dice: &mut Dice,
    session: &mut Session<'_>,
    reference: &Reference<'_>,
    reading: &[i16],
    rng: &mut Xoshiro128PlusPlus,
) {
    let posterior = session.encode(reading).unwrap();
    assert_eq!(wide(posterior.mean), reference.mean);
    assert_eq!(wide(posterior.log_variance), reference.log_variance);
    let distance: i128 = reference
        .mean
        .iter()
        .map(|m| (m * m + (1 << 15)) >> 16)
        .sum();
    assert_eq!(i128::from(posterior.squared_distance().to_bits()), distance);

    let noise = reference.draw(rng);
    let z: Vec<i128> = session.sample().iter().map(|&z| z.into()).collect();
    assert_eq!(z, reference.sample(&noise, 1));

    let mut means = vec![0; session.model().inputs()];
    let any: Vec<i16> = z.iter().map(|_| dice.word() as i16).collect();
    session.decode(&any, &mut means).unwrap();
    let one = 1 << reference.spec.latent_fraction_bits;
    let taken = any.into_iter().map(|z| match i128::from(z) {
        z if z != 0 && reference.has_bits() => one,
        z => z,
    });
    let any: Vec<i128> = taken.collect();
    assert_eq!(wide(&means), reference.means(&any));
    // Decoding leaves the posterior as it is.
    assert_eq!(wide(session.posterior().mean), reference.mean);

    // Other conditions than those of the reading.
    let conditions: Vec<i16> = reference
        .conditions
        .iter()
        .map(|_| dice.word() as i16)
        .collect();
    session.condition(&conditions).unwrap();
    let mut prior = Reference::of_prior(reference.spec, rng);
    prior.set_conditions(&conditions);
    let noise = prior.draw(rng);
    session.generate(&mut means).unwrap();
    assert_eq!(wide(&means), prior.means(&prior.sample(&noise, 1)));
    assert_eq!(wide(session.posterior().mean), prior.mean);
}

#[test]
fn trained_models_agree_with_the_reference() {
    let scores = compare(1, 500, |dice| random_spec(dice, Temper::Trained));
    assert_eq!(scores, 19_500);
}

#[test]
fn wild_models_agree_with_the_reference() {
    let scores = compare(2, 1000, |dice| random_spec(dice, Temper::Wild));
    assert_eq!(scores, 39_000);
}

/// Flags, states, counts and real numbers side by side.
#[test]
fn heterogeneous_models_agree_with_the_reference() {
    for (seed, temper) in [(32, Temper::Trained), (33, Temper::Wild)] {
        let spec = |dice: &mut Dice| random_heterogeneous(dice, temper);
        assert_eq!(compare(seed, 500, spec), 19_500);
    }
}

/// Latents that are bits, in products and in sums, for few of them and for as many as are enumerated.
#[test]
fn bits_agree_with_the_reference() {
    for (seed, temper) in [(36, Temper::Trained), (37, Temper::Wild)] {
        let scores = compare(seed, 400, |dice| random_bits(dice, temper));
        assert_eq!(scores, 15_600);
    }
    let mut dice = Dice::new(38);
    let spec = loop {
        let spec = random_bits(&mut dice, Temper::Trained);
        if spec.latents() == 12 && !spec.decoder.is_empty() {
            break spec;
        }
    };
    let image = spec.write(&[]).unwrap();
    let model = Model::parse(&image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let reading = random_reading(&mut dice, &spec);
    let score = session.score(&reading, Estimator::Enumeration).unwrap();
    let reference = Reference::encode(&spec, &reading);
    let expected = reference.score(&reading, Estimator::Enumeration, &mut stream(0, 0));
    assert_eq!(Expected::of(&score), expected);
    assert_eq!(score.passes(), 4096);
}

/// Encoders that take in other numbers than 8 bits hold, conditions too.
#[test]
fn wide_inputs_agree_with_the_reference() {
    for (seed, temper) in [(34, Temper::Trained), (35, Temper::Wild)] {
        let scores = compare(seed, 300, |dice| {
            let mut spec = random_spec(dice, temper);
            if dice.once_in(2) {
                enrich(dice, &mut spec);
            }
            widen_inputs(dice, &mut spec);
            spec
        });
        assert_eq!(scores, 11_700);
    }
}

#[test]
fn conditions_and_mixtures_agree_with_the_reference() {
    for (seed, temper) in [(30, Temper::Trained), (31, Temper::Wild)] {
        let scores = compare(seed, 300, |dice| {
            let mut spec = random_spec(dice, temper);
            enrich(dice, &mut spec);
            spec
        });
        assert_eq!(scores, 11_700);
    }
}

/// Both forms of the standard error; the second takes many pairs that are far apart. And many
/// importance weights, near and far, of which the highest comes anywhere.
#[test]
fn standard_errors_of_many_samples_agree_with_the_reference() {
    let estimator = Estimator::MonteCarlo { samples: 401 };
    let mut far = 0;
    check(3, 60, |dice| {
        let mut spec = random_spec(dice, Temper::Trained);
        if dice.once_in(2) {
            spec.posterior = PosteriorKind::Gaussian {
                log_variance_range: LogVarianceRange {
                    lowest: 2 << 16,
                    highest: 2 << 16,
                },
            };
            for row in &mut spec.output.rows {
                row.multiplier = Multiplier::nearest(80.0 * row.multiplier.to_f64()).unwrap();
            }
        }
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 9).unwrap();
        let reading = random_reading(dice, &spec);
        let score = session.score(&reading, estimator).unwrap();
        let reference = Reference::encode(&spec, &reading);
        let expected = reference.score(&reading, estimator, &mut stream(9, 0));
        assert_eq!(Expected::of(&score), expected);
        let samples = dice.pick(&[1000, 1001, 1002, 1003]);
        let weighted = Estimator::ImportanceWeighted { samples };
        session.reseed(10, 3);
        let weights = session.score(&reading, weighted).unwrap();
        let expected = reference.score(&reading, weighted, &mut stream(10, 3));
        assert_eq!(Expected::of(&weights), expected);
        // Squares of 2^46 make sqrt(2^46 / (200 * 199) / 2^16) = 164.3 nats of 200 pairs.
        far += usize::from(score.standard_error().unwrap().to_f64() > 164.5);
    });
    assert!((5..55).contains(&far), "{far} of the second form");
}

/// Samples whose product of deviation and noise lies half-way between two integers: it is rounded
/// up for both signs, since it is rounded before the sign.
#[test]
fn halves_of_antithetic_samples_agree_with_the_reference() {
    // The log-variance of the deviation 1/2, which makes a half of every odd draw.
    const LOG_QUARTER: i32 = -90_852;
    assert_eq!(exp(LOG_QUARTER >> 1), 1 << 15);
    check(8, 50, |dice| {
        let mut spec = random_spec(dice, Temper::Trained);
        spec.posterior = PosteriorKind::Gaussian {
            log_variance_range: LogVarianceRange {
                lowest: LOG_QUARTER,
                highest: LOG_QUARTER,
            },
        };
        spec.latent_fraction_bits = 15;
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 2).unwrap();
        let reading = random_reading(dice, &spec);
        let estimator = Estimator::MonteCarlo { samples: 8 };
        let score = session.score(&reading, estimator).unwrap();
        let reference = Reference::encode(&spec, &reading);
        let expected = reference.score(&reading, estimator, &mut stream(2, 0));
        assert_eq!(Expected::of(&score), expected);
    });
}

#[test]
fn equal_streams_give_equal_scores() {
    check(4, 50, |dice| {
        let spec = random_spec(dice, Temper::Trained);
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 5).unwrap();
        let reading = random_reading(dice, &spec);
        let estimator = Estimator::MonteCarlo { samples: 7 };
        let first = session.score(&reading, estimator).unwrap();
        let second = session.score(&reading, estimator).unwrap();
        session.reseed(5, 0);
        assert_eq!(session.score(&reading, estimator).unwrap(), first);
        assert_eq!(session.score(&reading, estimator).unwrap(), second);
        // A stream depends on nothing before it.
        session.reseed(6, 77);
        let other = session.score(&reading, estimator).unwrap();
        session.sample();
        session.reseed(6, 77);
        assert_eq!(session.score(&reading, estimator).unwrap(), other);
        let reference = Reference::encode(&spec, &reading);
        let expected = reference.score(&reading, estimator, &mut stream(6, 77));
        assert_eq!(Expected::of(&other), expected);
    });
}

/// A generator that counts its words.
struct Counting<'a> {
    rng: Xoshiro128PlusPlus,
    words: &'a core::cell::Cell<usize>,
}

impl TryRng for Counting<'_> {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.words.set(self.words.get() + 1);
        Ok(self.rng.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unreachable!("draws take words of 32 bits")
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        unreachable!("draws take words of 32 bits")
    }
}

#[test]
fn draws_are_counted_and_any_generator_serves() {
    let mut dice = Dice::new(5);
    let spec = random_spec(&mut dice, Temper::Trained);
    let image = spec.write(&[]).unwrap();
    let model = Model::parse(&image).unwrap();
    let latents = model.latents();
    let words = core::cell::Cell::new(0);
    let rng = Counting {
        rng: stream(8, 3),
        words: &words,
    };
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::with_rng(&model, &mut workspace, rng).unwrap();
    let reading = random_reading(&mut dice, &spec);
    let reference = Reference::encode(&spec, &reading);
    let mut twin = stream(8, 3);
    for (estimator, draws) in [
        (Estimator::PosteriorMean, 0),
        (Estimator::SigmaPoints, 0),
        (Estimator::MonteCarlo { samples: 1 }, 1),
        (Estimator::MonteCarlo { samples: 2 }, 1),
        (Estimator::MonteCarlo { samples: 9 }, 5),
        (Estimator::ImportanceWeighted { samples: 1 }, 1),
        (Estimator::ImportanceWeighted { samples: 7 }, 7),
    ] {
        words.set(0);
        let score = session.score(&reading, estimator).unwrap();
        let expected = reference.score(&reading, estimator, &mut twin);
        assert_eq!(Expected::of(&score), expected);
        assert_eq!(words.get(), draws * latents, "{estimator}");
    }
}

/// With a knot for each score, the p-value is `(1 + #{s_i <= s}) / (n + 1)`, rounded up.
#[test]
fn p_values_are_the_conformal_ones() {
    check(6, 60, |dice| {
        let spec = random_spec(dice, Temper::Trained);
        let estimators = [
            Estimator::SigmaPoints,
            Estimator::MonteCarlo { samples: 4 },
            Estimator::MonteCarlo { samples: 2 },
        ];
        let scores = estimators.map(|estimator| -> Vec<i32> {
            let score = |_| {
                let reading = random_reading(dice, &spec);
                let reference = Reference::encode(&spec, &reading);
                reference.score(&reading, estimator, &mut stream(1, 1)).elbo as i32
            };
            (0..20).map(score).collect()
        });
        let tables: Vec<CalibrationSpec> = estimators
            .iter()
            .zip(&scores)
            .map(|(&estimator, scores)| {
                CalibrationSpec::of_bounds(estimator, scores, 20, &CurveSpec::default())
            })
            .collect();
        let image = spec.write(&tables).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 0).unwrap();
        for (estimator, table) in [
            (Estimator::SigmaPoints, 0),
            (Estimator::MonteCarlo { samples: 4 }, 1),
            (Estimator::MonteCarlo { samples: 2 }, 2),
            (Estimator::MonteCarlo { samples: 5 }, 1),
            (Estimator::PosteriorMean, 0),
        ] {
            for _ in 0..5 {
                let reading = random_reading(dice, &spec);
                let score = session.score(&reading, estimator).unwrap();
                let elbo = score.elbo().to_bits();
                let below = scores[table].iter().filter(|&&s| s <= elbo).count() as u64;
                let expected = ((below + 1) << 31).div_ceil(21);
                assert_eq!(u64::from(score.p_value().to_bits()), expected);
            }
        }
    });
}
