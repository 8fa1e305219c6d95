//! The whole path from a reading to its score, implemented a second time from NUMERICS.md: 128-bit
//! integers, plain loops, and of the crate nothing but elementary functions, the normal quantile and
//! the generator. Every result must agree bit for bit. A third implementation, in floats and without
//! any rounding, says that the integers mean what they should.

mod support;

use elbow::estimator::Estimator;
use elbow::format::{Activation, CalibrationSpec, DenseSpec, ImageSpec, LayerSpec, LikelihoodSpec};
use elbow::gaussian::standard_normal;
use elbow::requantize::Multiplier;
use elbow::rng::{Xoshiro128PlusPlus, stream};
use elbow::transcendental::{exp, sigmoid, softplus};
use elbow::{Model, Score, Session};
use rand_core::{Rng, TryRng};
use support::{Dice, ONE, Temper, extreme_reading, random_reading, random_spec};

/// `v` in the range of a signed number of `bits` bits.
fn saturate(v: i128, bits: u32) -> i128 {
    v.clamp(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
}

/// The integer nearest to `v / 2^bits`, halves up.
fn round(v: i128, bits: u32) -> i128 {
    (2 * v + (1 << bits)).div_euclid(2 << bits)
}

/// The integer nearest to `sum / count`, by the rule of NUMERICS.md.
fn mean(sum: i128, count: i128) -> i128 {
    (sum + count / 2).div_euclid(count)
}

/// The floor of the root, by bisection.
fn root(n: i128) -> i128 {
    let (mut low, mut high) = (0, 1i128 << 62);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if middle * middle <= n {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

fn apply(multiplier: Multiplier, a: i128) -> i128 {
    let word = multiplier.to_word();
    let (mantissa, shift) = (i128::from(word & 0xffff), word >> 16);
    saturate(round(a * mantissa, shift), 32)
}

/// `M_r(a_r)` of each row.
fn dense(layer: &DenseSpec, x: &[i128]) -> Vec<i128> {
    let mut outputs = vec![];
    for (r, row) in layer.rows.iter().enumerate() {
        let mut a = i128::from(row.bias);
        for (c, operand) in x.iter().enumerate() {
            a += i128::from(layer.weights[r * x.len() + c]) * operand;
        }
        assert!(a.abs() < 1 << 30, "accumulator {a}");
        outputs.push(apply(row.multiplier, a));
    }
    outputs
}

fn network(hidden: &[LayerSpec], last: &DenseSpec, x: Vec<i128>) -> Vec<i128> {
    let mut x = x;
    for layer in hidden {
        let zero_point = i128::from(layer.zero_point);
        let floor = match layer.activation {
            Activation::Identity => -127,
            Activation::Relu => zero_point,
        };
        x = dense(&layer.dense, &x);
        for q in &mut x {
            *q = (*q + zero_point).max(floor).min(127);
        }
    }
    dense(last, &x)
}

/// `ln C(trials, x)` in Q16.16, from the logarithm of the gamma function.
fn log_choose(trials: u8, x: i16) -> i128 {
    let ln_factorial = |n: f64| libm::lgamma(n + 1.0);
    let (n, x) = (f64::from(trials), f64::from(x));
    let exact = ln_factorial(n) - ln_factorial(x) - ln_factorial(n - x);
    (exact * ONE).round() as i128
}

struct Reference<'a> {
    spec: &'a ImageSpec,
    mean: Vec<i128>,
    log_variance: Vec<i128>,
    deviation: Vec<i128>,
}

/// What a score must consist of.
#[derive(Debug, PartialEq)]
struct Expected {
    elbo: i128,
    reconstruction: i128,
    kl: i128,
    standard_error: Option<i128>,
    passes: i128,
}

impl Expected {
    fn of(score: &Score) -> Self {
        Self {
            elbo: score.elbo().to_bits().into(),
            reconstruction: score.reconstruction().to_bits().into(),
            kl: score.kl().to_bits().into(),
            standard_error: score.standard_error().map(|error| error.to_bits().into()),
            passes: score.passes().into(),
        }
    }
}

impl<'a> Reference<'a> {
    fn prior(spec: &'a ImageSpec) -> Self {
        let latents = spec.heads.rows.len() / 2;
        Self {
            spec,
            mean: vec![0; latents],
            log_variance: vec![0; latents],
            deviation: vec![1 << 16; latents],
        }
    }

    fn encode(spec: &'a ImageSpec, reading: &[i16]) -> Self {
        let mut q = vec![];
        for (input, &x) in spec.inputs.iter().zip(reading) {
            let centred = i128::from(x) - i128::from(input.center);
            q.push(apply(input.gain, centred).clamp(-127, 127));
        }
        let heads = network(&spec.encoder, &spec.heads, q);
        let (low, high) = spec.log_variance_range;
        let mut reference = Self::prior(spec);
        let latents = reference.mean.len();
        for j in 0..latents {
            reference.mean[j] = heads[j].clamp(-(128 << 16), 128 << 16);
            let log_variance = heads[latents + j].max(low.into()).min(high.into());
            reference.log_variance[j] = log_variance;
            reference.deviation[j] = exp(log_variance.div_euclid(2) as i32).into();
        }
        reference
    }

    fn to_latent(&self, v: i128) -> i128 {
        let bits = 16 - u32::from(self.spec.latent_fraction_bits);
        saturate(round(saturate(v, 32), bits), 16)
    }

    fn draw(&self, rng: &mut Xoshiro128PlusPlus) -> Vec<i128> {
        let draw = |_: &i128| standard_normal(rng.next_u32()).into();
        self.mean.iter().map(draw).collect()
    }

    fn sample(&self, noise: &[i128], sign: i128) -> Vec<i128> {
        let mut z = vec![];
        for (j, noise) in noise.iter().enumerate() {
            let moved = saturate(round(self.deviation[j] * noise, 16), 32);
            z.push(self.to_latent(self.mean[j] + sign * moved));
        }
        z
    }

    fn outputs(&self, z: &[i128]) -> Vec<i128> {
        network(&self.spec.decoder, &self.spec.output, z.to_vec())
    }

    fn means(&self, z: &[i128]) -> Vec<i128> {
        let mut means = vec![];
        for (i, o) in self.outputs(z).into_iter().enumerate() {
            means.push(match &self.spec.likelihood {
                LikelihoodSpec::Binomial { trials } => {
                    i128::from(*trials) * i128::from(sigmoid(o as i32))
                }
                LikelihoodSpec::Gaussian(gaussian) => {
                    let center = i128::from(self.spec.inputs[i].center) << 16;
                    saturate(center + apply(gaussian.deviations[i], o), 32)
                }
            });
        }
        means
    }

    fn pass(&self, z: &[i128], reading: &[i16]) -> i128 {
        let mut sum = 0;
        if let LikelihoodSpec::Gaussian(gaussian) = &self.spec.likelihood {
            sum += (gaussian.log_normalizer * ONE).round() as i128;
        }
        for (i, o) in self.outputs(z).into_iter().enumerate() {
            match &self.spec.likelihood {
                LikelihoodSpec::Binomial { trials } => {
                    let l = o.clamp(-(64 << 16), 64 << 16);
                    sum += i128::from(reading[i]) * l;
                    sum -= i128::from(*trials) * i128::from(softplus(l as i32));
                    sum += log_choose(*trials, reading[i]);
                }
                LikelihoodSpec::Gaussian(gaussian) => {
                    let centred = i128::from(reading[i]) - i128::from(self.spec.inputs[i].center);
                    let d = apply(gaussian.standardize[i], 8 * centred) - o;
                    let d = d.clamp(-(128 << 16), 128 << 16);
                    sum -= round(d * d, 17);
                }
            }
        }
        sum
    }

    fn kl(&self) -> i128 {
        let mut twice = 0;
        for (mean, log_variance) in self.mean.iter().zip(&self.log_variance) {
            twice += round(mean * mean, 16) + i128::from(exp(*log_variance as i32));
            twice -= (1 << 16) + log_variance;
        }
        (twice + 1).div_euclid(2).max(0)
    }

    /// Every pass in order, by the pairs that a standard error is taken over.
    fn passes(
        &self,
        reading: &[i16],
        estimator: Estimator,
        rng: &mut Xoshiro128PlusPlus,
    ) -> Vec<i128> {
        match estimator {
            Estimator::PosteriorMean => {
                let z: Vec<i128> = self.mean.iter().map(|&v| self.to_latent(v)).collect();
                vec![self.pass(&z, reading)]
            }
            Estimator::SigmaPoints => {
                let spread = root((self.mean.len() as i128) << 32);
                let mut passes = vec![];
                for (j, deviation) in self.deviation.iter().enumerate() {
                    for sign in [1, -1] {
                        let mut v = self.mean.clone();
                        v[j] += sign * round(spread * deviation, 16);
                        let z: Vec<i128> = v.into_iter().map(|v| self.to_latent(v)).collect();
                        passes.push(self.pass(&z, reading));
                    }
                }
                passes
            }
            Estimator::MonteCarlo { samples } => {
                let mut passes = vec![];
                let mut noise = vec![];
                for index in 0..samples {
                    let sign = if index % 2 == 0 { 1 } else { -1 };
                    if sign == 1 {
                        noise = self.draw(rng);
                    }
                    passes.push(self.pass(&self.sample(&noise, sign), reading));
                }
                passes
            }
        }
    }

    fn score(
        &self,
        reading: &[i16],
        estimator: Estimator,
        rng: &mut Xoshiro128PlusPlus,
    ) -> Expected {
        let passes = self.passes(reading, estimator, rng);
        let count = passes.len() as i128;
        let estimate = mean(passes.iter().sum(), count);
        let standard_error = match estimator {
            Estimator::MonteCarlo { .. } => standard_error(&passes),
            _ => None,
        };
        Expected {
            elbo: saturate(estimate - self.kl(), 32),
            reconstruction: saturate(estimate, 32),
            kl: saturate(self.kl(), 32),
            standard_error,
            passes: count,
        }
    }
}

fn standard_error(passes: &[i128]) -> Option<i128> {
    let pairs: Vec<i128> = passes
        .chunks_exact(2)
        .map(|pair| (pair[0] + pair[1]).div_euclid(2))
        .collect();
    let n = pairs.len() as i128;
    if n < 2 {
        return None;
    }
    let d: Vec<i128> = pairs
        .iter()
        .map(|t| (t - pairs[0]).div_euclid(256).clamp(-(1 << 20), 1 << 20))
        .collect();
    let m = mean(d.iter().sum(), n);
    let squares: i128 = d.iter().map(|d| (d - m) * (d - m)).sum();
    Some(if squares < 1 << 46 {
        root(mean(squares << 16, n * (n - 1)))
    } else {
        saturate(root(mean(squares, n * (n - 1))) << 8, 32)
    })
}

const ESTIMATORS: [Estimator; 6] = [
    Estimator::PosteriorMean,
    Estimator::SigmaPoints,
    Estimator::MonteCarlo { samples: 1 },
    Estimator::MonteCarlo { samples: 3 },
    Estimator::MonteCarlo { samples: 4 },
    Estimator::MonteCarlo { samples: 17 },
];

/// Compares every operation of a session with the reference; the number of scores.
fn compare(dice: &mut Dice, temper: Temper, models: usize) -> usize {
    let mut scores = 0;
    for _ in 0..models {
        let spec = random_spec(dice, temper);
        let image = spec.encode(&[]).unwrap();
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
            for estimator in ESTIMATORS {
                let expected = reference.score(&reading, estimator, &mut rng);
                let score = session.score(&reading, estimator).unwrap();
                assert_eq!(Expected::of(&score), expected, "{estimator} {spec:?}");
                assert_eq!(score.estimator(), estimator);
                scores += 1;
            }
            compare_parts(dice, &mut session, &reference, &reading, &mut rng);
        }
    }
    scores
}

/// Compares encode, sample, decode and generate.
fn compare_parts(
    dice: &mut Dice,
    session: &mut Session<'_>,
    reference: &Reference<'_>,
    reading: &[i16],
    rng: &mut Xoshiro128PlusPlus,
) {
    let wide = |values: &[i32]| -> Vec<i128> { values.iter().map(|&v| v.into()).collect() };
    let posterior = session.encode(reading).unwrap();
    assert_eq!(wide(posterior.mean), reference.mean);
    assert_eq!(wide(posterior.log_variance), reference.log_variance);

    let noise = reference.draw(rng);
    let z: Vec<i128> = session.sample().iter().map(|&z| z.into()).collect();
    assert_eq!(z, reference.sample(&noise, 1));

    let mut means = vec![0; reading.len()];
    let any: Vec<i16> = z.iter().map(|_| dice.word() as i16).collect();
    session.decode(&any, &mut means).unwrap();
    let any: Vec<i128> = any.into_iter().map(i128::from).collect();
    assert_eq!(wide(&means), reference.means(&any));
    // Decoding leaves the posterior as it is.
    assert_eq!(wide(session.posterior().mean), reference.mean);

    let prior = Reference::prior(reference.spec);
    let noise = prior.draw(rng);
    session.generate(&mut means).unwrap();
    assert_eq!(wide(&means), prior.means(&prior.sample(&noise, 1)));
    assert_eq!(wide(session.posterior().mean), prior.mean);
}

#[test]
fn trained_models_agree_with_the_reference() {
    assert_eq!(compare(&mut Dice::new(1), Temper::Trained, 500), 9000);
}

#[test]
fn wild_models_agree_with_the_reference() {
    assert_eq!(compare(&mut Dice::new(2), Temper::Wild, 1000), 18_000);
}

/// Both forms of the standard error; the second takes many pairs that are far apart.
#[test]
fn standard_errors_of_many_samples_agree_with_the_reference() {
    let mut dice = Dice::new(3);
    let estimator = Estimator::MonteCarlo { samples: 401 };
    let mut far = 0;
    for index in 0..60 {
        let mut spec = random_spec(&mut dice, Temper::Trained);
        if index % 2 == 0 {
            spec.log_variance_range = (2 << 16, 2 << 16);
            for row in &mut spec.output.rows {
                row.multiplier = Multiplier::nearest(80.0 * row.multiplier.to_f64()).unwrap();
            }
        }
        let image = spec.encode(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 9).unwrap();
        let reading = random_reading(&mut dice, &spec);
        let score = session.score(&reading, estimator).unwrap();
        let reference = Reference::encode(&spec, &reading);
        let expected = reference.score(&reading, estimator, &mut stream(9, 0));
        assert_eq!(Expected::of(&score), expected);
        // Squares of 2^46 make sqrt(2^46 / (200 * 199) / 2^16) = 164.3 nats of 200 pairs.
        far += usize::from(score.standard_error().unwrap().to_f64() > 164.5);
    }
    assert!((5..55).contains(&far), "{far} of the second form");
}

/// Samples whose product of deviation and noise lies half-way between two integers: it is rounded
/// up for both signs, since it is rounded before the sign.
#[test]
fn halves_of_antithetic_samples_agree_with_the_reference() {
    // The log-variance of the deviation 1/2, which makes a half of every odd draw.
    const LOG_QUARTER: i32 = -90_852;
    assert_eq!(exp(LOG_QUARTER >> 1), 1 << 15);
    let mut dice = Dice::new(8);
    for _ in 0..50 {
        let mut spec = random_spec(&mut dice, Temper::Trained);
        spec.log_variance_range = (LOG_QUARTER, LOG_QUARTER);
        spec.latent_fraction_bits = 15;
        let image = spec.encode(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 2).unwrap();
        let reading = random_reading(&mut dice, &spec);
        let estimator = Estimator::MonteCarlo { samples: 8 };
        let score = session.score(&reading, estimator).unwrap();
        let reference = Reference::encode(&spec, &reading);
        let expected = reference.score(&reading, estimator, &mut stream(2, 0));
        assert_eq!(Expected::of(&score), expected);
    }
}

#[test]
fn equal_streams_give_equal_scores() {
    let mut dice = Dice::new(4);
    for _ in 0..50 {
        let spec = random_spec(&mut dice, Temper::Trained);
        let image = spec.encode(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 5).unwrap();
        let reading = random_reading(&mut dice, &spec);
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
    }
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
    let image = spec.encode(&[]).unwrap();
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
    let mut dice = Dice::new(6);
    for _ in 0..60 {
        let spec = random_spec(&mut dice, Temper::Trained);
        let estimators = [
            Estimator::SigmaPoints,
            Estimator::MonteCarlo { samples: 4 },
            Estimator::MonteCarlo { samples: 2 },
        ];
        let scores = estimators.map(|estimator| -> Vec<i32> {
            let score = |_| {
                let reading = random_reading(&mut dice, &spec);
                let reference = Reference::encode(&spec, &reading);
                reference.score(&reading, estimator, &mut stream(1, 1)).elbo as i32
            };
            (0..20).map(score).collect()
        });
        let tables: Vec<CalibrationSpec> = estimators
            .iter()
            .zip(&scores)
            .map(|(&estimator, scores)| CalibrationSpec::from_scores(estimator, scores, 20))
            .collect();
        let image = spec.encode(&tables).unwrap();
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
                let reading = random_reading(&mut dice, &spec);
                let score = session.score(&reading, estimator).unwrap();
                let elbo = score.elbo().to_bits();
                let below = scores[table].iter().filter(|&&s| s <= elbo).count() as u64;
                let expected = ((below + 1) << 31).div_ceil(21);
                assert_eq!(u64::from(score.p_value().to_bits()), expected);
            }
        }
    }
}

/// The model that an image describes, in floats: the same weights and scales, no rounding.
struct Floats<'a> {
    spec: &'a ImageSpec,
}

impl Floats<'_> {
    fn dense(layer: &DenseSpec, x: &[f64]) -> Vec<f64> {
        let rows = layer.rows.iter().zip(layer.weights.chunks(x.len()));
        rows.map(|(row, weights)| {
            let products = weights.iter().zip(x).map(|(&w, x)| f64::from(w) * x);
            (f64::from(row.bias) + products.sum::<f64>()) * row.multiplier.to_f64()
        })
        .collect()
    }

    fn network(hidden: &[LayerSpec], last: &DenseSpec, mut x: Vec<f64>) -> Vec<f64> {
        for layer in hidden {
            let zero_point = f64::from(layer.zero_point);
            x = Self::dense(&layer.dense, &x);
            for x in &mut x {
                // `x` is the activation in steps; the operand of the next layer has its zero point.
                let rectified = match layer.activation {
                    Activation::Identity => *x,
                    Activation::Relu => x.max(0.0),
                };
                *x = (rectified + zero_point).clamp(-127.0, 127.0);
            }
        }
        Self::dense(last, &x).iter().map(|o| o / ONE).collect()
    }

    fn log_density(&self, z: &[f64], reading: &[i16]) -> f64 {
        let scale = f64::from(1 << self.spec.latent_fraction_bits);
        let z = z.iter().map(|z| z * scale).collect();
        let outputs = Self::network(&self.spec.decoder, &self.spec.output, z);
        let terms = outputs.iter().zip(reading).enumerate();
        terms
            .map(|(i, (&o, &x))| match &self.spec.likelihood {
                LikelihoodSpec::Binomial { trials } => {
                    let (n, x) = (f64::from(*trials), f64::from(x));
                    let choose =
                        libm::lgamma(n + 1.0) - libm::lgamma(x + 1.0) - libm::lgamma(n - x + 1.0);
                    let p = 1.0 / (1.0 + (-o).exp());
                    choose + x * p.ln() + (n - x) * (1.0 - p).ln()
                }
                LikelihoodSpec::Gaussian(gaussian) => {
                    let sigma = gaussian.deviations[i].to_f64();
                    let mean = f64::from(self.spec.inputs[i].center) + sigma * o;
                    let d = (f64::from(x) - mean) / sigma;
                    -0.5 * d * d - (sigma * (2.0 * core::f64::consts::PI).sqrt()).ln()
                }
            })
            .sum()
    }

    /// Posterior mean and log-variance.
    fn encode(&self, reading: &[i16]) -> (Vec<f64>, Vec<f64>) {
        let inputs = self.spec.inputs.iter().zip(reading);
        let x = inputs.map(|(input, &x)| {
            let centred = f64::from(x) - f64::from(input.center);
            (centred * input.gain.to_f64()).clamp(-127.0, 127.0)
        });
        let mut mean = Self::network(&self.spec.encoder, &self.spec.heads, x.collect());
        let (low, high) = self.spec.log_variance_range;
        let mut log_variance = mean.split_off(mean.len() / 2);
        for log_variance in &mut log_variance {
            *log_variance = log_variance.clamp(f64::from(low) / ONE, f64::from(high) / ONE);
        }
        (mean, log_variance)
    }

    fn elbo(&self, reading: &[i16], estimator: Estimator, rng: &mut Xoshiro128PlusPlus) -> f64 {
        let (mean, log_variance) = self.encode(reading);
        let sigma: Vec<f64> = log_variance.iter().map(|v| (0.5 * v).exp()).collect();
        let kl: f64 = mean
            .iter()
            .zip(&log_variance)
            .map(|(m, v)| 0.5 * (m * m + v.exp() - 1.0 - v))
            .sum();
        let at = |offset: &[f64]| {
            let z: Vec<f64> = mean.iter().zip(offset).map(|(m, o)| m + o).collect();
            self.log_density(&z, reading)
        };
        let latents = mean.len();
        let passes: Vec<f64> = match estimator {
            Estimator::PosteriorMean => vec![at(&vec![0.0; latents])],
            Estimator::SigmaPoints => (0..2 * latents)
                .map(|index| {
                    let mut offset = vec![0.0; latents];
                    let sign = if index % 2 == 0 { 1.0 } else { -1.0 };
                    offset[index / 2] = sign * (latents as f64).sqrt() * sigma[index / 2];
                    at(&offset)
                })
                .collect(),
            Estimator::MonteCarlo { samples } => {
                assert_eq!(samples % 2, 0);
                let mut passes = vec![];
                for _ in 0..samples / 2 {
                    let mut offset: Vec<f64> = sigma
                        .iter()
                        .map(|s| s * f64::from(standard_normal(rng.next_u32())) / ONE)
                        .collect();
                    passes.push(at(&offset));
                    offset.iter_mut().for_each(|offset| *offset = -*offset);
                    passes.push(at(&offset));
                }
                passes
            }
        };
        passes.iter().sum::<f64>() / passes.len() as f64 - kl
    }
}

/// Activations of 8 bits and latents of 16 cost less than 1 % of the bound plus 0.01 nat, and less
/// than a tenth of that in the median.
#[test]
fn floats_without_rounding_give_nearly_the_same_bound() {
    let mut dice = Dice::new(7);
    let mut errors = vec![];
    for _ in 0..300 {
        let spec = random_spec(&mut dice, Temper::Trained);
        let image = spec.encode(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 3).unwrap();
        let reading = random_reading(&mut dice, &spec);
        for estimator in [
            Estimator::PosteriorMean,
            Estimator::SigmaPoints,
            Estimator::MonteCarlo { samples: 8 },
        ] {
            session.reseed(3, 1);
            let score = session.score(&reading, estimator).unwrap();
            let exact = Floats { spec: &spec }.elbo(&reading, estimator, &mut stream(3, 1));
            let error = (score.elbo().to_f64() - exact).abs() / (1.0 + exact.abs());
            assert!(error < 0.01, "{estimator}: {score:?}, in floats {exact}");
            errors.push(error);
        }
    }
    errors.sort_by(f64::total_cmp);
    let median = errors[errors.len() / 2];
    assert!(median < 0.001, "{median}");
}
