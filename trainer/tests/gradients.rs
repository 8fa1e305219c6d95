//! Estimators of the gradient against gradients that are exact: of the closed form of a linear
//! Gaussian model's ELBO, of its importance-weighted bound by quadrature, and of bits by enumeration.

use candle_core::{Device, Tensor};
use elbow::distribution::Family;
use elbow_trainer::config::{Gradient, Latent, LikelihoodKind, PriorKind, Scale, Target};
use elbow_trainer::model::objective::Batch;
use elbow_trainer::model::posterior::draw_noise;
use elbow_trainer::model::{Architecture, Likelihood, Prior, Vae};
use elbow_trainer::numeric::random::{self, Purpose, normals};
use elbow_trainer::readings::{Normalization, SMALLEST_DEVIATION};
use elbow_trainer::train::gradient::{Estimator, Moments};

const INPUTS: usize = 3;
/// Gradients of each estimator, each the mean over so many copies of both readings: 100,000 draws of
/// each reading.
const GRADIENTS: usize = 200;
const COPIES: usize = 500;
/// Standard errors within which 15 or 24 numbers of up to 11 estimators must all be. The chance that one
/// of 309 is further away by chance alone is below 0.002: a Student t of 199 degrees exceeds 4.7 either
/// way once in 200,000.
const WITHIN: f64 = 4.7;
/// Samples of the importance-weighted bound.
const SAMPLES: usize = 3;

/// A model, two readings, and its exact bound.
struct Case {
    vae: Vae,
    readings: [[f32; INPUTS]; 2],
    /// Of one reading, in nats without constants, given all parameters in their order.
    bound: fn(&[f64], &[f64], Target) -> f64,
}

fn architecture(latent: Latent, latents: usize) -> Architecture {
    Architecture {
        inputs: INPUTS,
        latents,
        latent,
        ..Architecture::default()
    }
}

/// From the latent to the locations.
const WEIGHT: [[f32; INPUTS]; 1] = [[0.8, -0.5, 0.6]];
/// `ln s` of the noise.
const LOG_DEVIATION: f32 = -0.2;

/// One latent, a linear decoder, normal noise.
fn gaussian() -> Case {
    let device = Device::Cpu;
    let normalization = Normalization {
        exponents: vec![0; INPUTS],
        centers: vec![0; INPUTS],
        units: vec![1.0; INPUTS],
        floors: vec![SMALLEST_DEVIATION; INPUTS],
    };
    let kind = LikelihoodKind::Location {
        family: Family::Normal,
        scale: Scale::Shared,
    };
    let likelihood = Likelihood::new(&kind, &normalization, &device).unwrap();
    let deviation = Tensor::new(&[LOG_DEVIATION], &device).unwrap();
    let var = likelihood.log_deviation().unwrap();
    var.set(&deviation).unwrap();
    let mut rng = random::stream(3, Purpose::Initialization);
    let vae = Vae::new(
        &architecture(Latent::Gaussian, 1),
        likelihood,
        &mut rng,
        &device,
    )
    .unwrap();
    let weight = Tensor::new(&WEIGHT, &device).unwrap();
    vae.output.weight.set(&weight).unwrap();
    Case {
        vae,
        readings: [[1.2, -0.4, 0.3], [-0.7, 0.9, 0.2]],
        bound: |parameters, x, target| match target {
            Target::Elbo => linear_elbo(&Linear::new(parameters, x)),
            Target::ImportanceWeighted(samples) => {
                Linear::new(parameters, x).importance_weighted(samples, 0.25)
            }
        },
    }
}

/// Three bits, a linear decoder of the logits of three bits.
fn bits() -> Case {
    let mut rng = random::stream(4, Purpose::Initialization);
    let likelihood = Likelihood::binomial(1, INPUTS).unwrap();
    let (shape, device) = (architecture(Latent::Bernoulli, 3), Device::Cpu);
    let vae = Vae::new(&shape, likelihood, &mut rng, &device).unwrap();
    let weight = [[2.0f32, -1.5, 1.0], [-1.0, 2.5, 0.5], [0.7, 1.0, -2.0]];
    vae.output
        .weight
        .set(&Tensor::new(&weight, &device).unwrap())
        .unwrap();
    Case {
        vae,
        readings: [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]],
        bound: enumerated,
    }
}

/// The model of one reading: q(z) = N(mean, exp(log_variance)), p(x|z) = N(z weight + bias, exp(2 log_deviation)).
struct Linear {
    mean: f64,
    log_variance: f64,
    weight: Vec<f64>,
    /// Of the reading from the bias.
    residual: Vec<f64>,
    log_deviation: f64,
}

impl Linear {
    fn new(parameters: &[f64], x: &[f64]) -> Self {
        let (heads, rest) = parameters.split_at(2 * INPUTS + 2);
        let head = |at: usize| {
            let products = (0..INPUTS).map(|i| x[i] * heads[2 * i + at]);
            products.sum::<f64>() + heads[2 * INPUTS + at]
        };
        Self {
            mean: head(0),
            log_variance: head(1),
            weight: rest[..INPUTS].to_vec(),
            residual: (0..INPUTS).map(|i| x[i] - rest[INPUTS + i]).collect(),
            log_deviation: rest[2 * INPUTS],
        }
    }

    /// `log p(x|z) + log p(z) - log q(z)` at `z = mean + sigma noise`.
    fn log_weight(&self, noise: f64) -> f64 {
        let z = self.mean + (0.5 * self.log_variance).exp() * noise;
        let squares = self.residual.iter().zip(&self.weight);
        let squares: f64 = squares.map(|(r, w)| (r - w * z).powi(2)).sum();
        let log_likelihood =
            -0.5 * squares * (-2.0 * self.log_deviation).exp() - INPUTS as f64 * self.log_deviation;
        log_likelihood - 0.5 * z * z + 0.5 * (noise * noise + self.log_variance)
    }

    /// The expectation of the logarithm of the mean weight by the trapezoidal rule, which converges
    /// exponentially for what decays like a Gaussian.
    fn importance_weighted(&self, samples: usize, step: f64) -> f64 {
        let reach = (7.0 / step) as i32;
        let nodes: Vec<(f64, f64)> = (-reach..=reach)
            .map(|at| {
                let noise = f64::from(at) * step;
                let density = (-0.5 * noise * noise).exp() / (2.0 * std::f64::consts::PI).sqrt();
                (density * step, self.log_weight(noise).exp())
            })
            .collect();
        let (mut sum, mut at) = (0.0, vec![0; samples]);
        loop {
            let chance: f64 = at.iter().map(|&node: &usize| nodes[node].0).product();
            let weight: f64 = at.iter().map(|&node| nodes[node].1).sum();
            sum += chance * (weight / samples as f64).ln();
            let Some(place) = at.iter().position(|&node| node + 1 < nodes.len()) else {
                return sum;
            };
            at[place] += 1;
            at[..place].fill(0);
        }
    }
}

/// `E_q[log p(x|z)] - KL(q || p(z))`, both in closed form.
fn linear_elbo(model: &Linear) -> f64 {
    let variance = model.log_variance.exp();
    let terms = model.residual.iter().zip(&model.weight);
    let squares: f64 = terms
        .map(|(r, w)| (r - w * model.mean).powi(2) + w * w * variance)
        .sum();
    let reconstruction =
        -0.5 * squares * (-2.0 * model.log_deviation).exp() - INPUTS as f64 * model.log_deviation;
    reconstruction - 0.5 * (model.mean * model.mean + variance - model.log_variance - 1.0)
}

/// The bound of three bits behind a reading of three bits, over all of their values.
fn enumerated(parameters: &[f64], x: &[f64], target: Target) -> f64 {
    const BITS: usize = 3;
    let logit = |layer: &[f64], inputs: &[f64], at: usize| -> f64 {
        let products = (0..BITS).map(|i| inputs[i] * layer[BITS * i + at]);
        products.sum::<f64>() + layer[BITS * BITS + at]
    };
    let log_chance = |logit: f64, bit: f64| bit * logit - (1.0 + logit.exp()).ln();
    let (encoder, decoder) = parameters.split_at(BITS * BITS + BITS);
    let values: Vec<(f64, f64)> = (0..1 << BITS)
        .map(|code| {
            let z = [0, 1, 2].map(|at| f64::from(code >> at & 1));
            let each = 0..BITS;
            let log_q: f64 = each
                .clone()
                .map(|at| log_chance(logit(encoder, x, at), z[at]))
                .sum();
            let log_p: f64 = each
                .map(|at| log_chance(logit(decoder, &z, at), x[at]))
                .sum();
            (log_q.exp(), log_p - BITS as f64 * 2f64.ln() - log_q)
        })
        .collect();
    let samples = match target {
        Target::Elbo => return values.iter().map(|(q, log_weight)| q * log_weight).sum(),
        Target::ImportanceWeighted(samples) => samples,
    };
    let choices = values.len().pow(samples as u32);
    let of_choice = |choice: usize| {
        let digits =
            (0..samples).map(|at| values[choice / values.len().pow(at as u32) % values.len()]);
        let (chance, weight) = digits.fold((1.0, 0.0), |(chance, sum), (q, log_weight)| {
            (chance * q, sum + log_weight.exp())
        });
        chance * (weight / samples as f64).ln()
    };
    (0..choices).map(of_choice).sum()
}

impl Case {
    /// `copies` of both readings.
    fn batch(&self, copies: usize) -> Batch {
        let values = (0..copies).flat_map(|_| self.readings.as_flattened().to_vec());
        let shape = (2 * copies, INPUTS);
        let x = Tensor::from_vec(values.collect(), shape, &Device::Cpu).unwrap();
        Batch::whole(x.clone(), x)
    }

    /// The mean of the exact bound over both readings, differentiated by differences.
    fn exact(&self, target: Target) -> Vec<f64> {
        let mut parameters = vec![];
        for (_, var) in self.vae.parameters() {
            let values: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
            parameters.extend(values.into_iter().map(f64::from));
        }
        let value = |parameters: &[f64]| -> f64 {
            let of = self
                .readings
                .map(|x| (self.bound)(parameters, &x.map(f64::from), target));
            0.5 * (of[0] + of[1])
        };
        let step = 1e-4;
        (0..parameters.len())
            .map(|at| {
                let moved = |by: f64| {
                    let mut parameters = parameters.clone();
                    parameters[at] += by;
                    value(&parameters)
                };
                (moved(step) - moved(-step)) / (2.0 * step)
            })
            .collect()
    }

    /// What `gradients` gradients of `copies` of the readings come to.
    fn measure(
        &self,
        gradient: Gradient,
        samples: usize,
        (gradients, copies): (usize, usize),
    ) -> Measured {
        measure(
            &self.vae,
            &self.batch(copies),
            (gradient, samples),
            gradients,
        )
    }
}

/// What `gradients` gradients of a batch come to.
fn measure(
    vae: &Vae,
    batch: &Batch,
    (gradient, samples): (Gradient, usize),
    gradients: usize,
) -> Measured {
    let mut rng = random::stream(17, Purpose::Variance);
    let mut estimator = Estimator::new(gradient, 17);
    if gradient == Gradient::Learned {
        estimator.prepare(vae, batch, 100).unwrap();
    }
    let shape = (samples, batch.inputs.dim(0).unwrap(), vae.latents());
    let mut measured = Measured::default();
    for _ in 0..gradients {
        let noise = draw_noise(vae.latent(), shape, &mut rng, &Device::Cpu).unwrap();
        let estimate = estimator.estimate(vae, batch, &noise).unwrap();
        let (encoder, decoder) = estimate.ascent(vae).unwrap();
        measured.encoder.add(&encoder);
        measured.all.add(&[encoder, decoder].concat());
    }
    measured
}

/// Makes the encoder of the linear Gaussian model exact: q(z|x) = p(z|x), whose precision is
/// `1 + |w|^2 / s^2` and whose mean is `w (x - b) / s^2` over that.
fn encode_posterior(vae: &Vae) {
    let weight = WEIGHT[0];
    let scale = (-2.0 * LOG_DEVIATION).exp();
    let precision = 1.0 + scale * weight.iter().map(|w| w * w).sum::<f32>();
    let bias: Vec<f32> = vae.output.bias.to_vec1().unwrap();
    let heads = weight.map(|w| [w * scale / precision, 0.0]);
    let shift = weight
        .iter()
        .zip(&bias)
        .map(|(w, b)| -w * b * scale / precision);
    let bias = [shift.sum::<f32>(), -precision.ln()];
    let device = &Device::Cpu;
    vae.heads
        .weight
        .set(&Tensor::new(&heads, device).unwrap())
        .unwrap();
    vae.heads
        .bias
        .set(&Tensor::new(&bias, device).unwrap())
        .unwrap();
}

#[derive(Default)]
struct Measured {
    encoder: Moments,
    all: Moments,
}

impl Measured {
    /// The largest distance from `exact`, in standard errors.
    fn distance(&self, exact: &[f64]) -> f64 {
        assert_eq!(exact.len(), self.all.mean().len());
        let errors = self.all.standard_errors();
        let distances = self.all.mean().iter().zip(exact).zip(errors);
        distances
            .map(|((mean, exact), error)| (mean - exact).abs() / error)
            .fold(0.0, f64::max)
    }

    fn variance(&self) -> f64 {
        self.encoder.quality().variance
    }
}

/// Every estimator is within its own standard errors of the exact gradient of its target.
fn agree(case: &Case, estimators: &[(Gradient, usize)]) {
    for &(gradient, samples) in estimators {
        let target = gradient.target(samples);
        let measured = case.measure(gradient, samples, (GRADIENTS, COPIES));
        let distance = measured.distance(&case.exact(target));
        println!(
            "{gradient} {samples}: {distance:.2}, variance {:.3e}",
            measured.variance()
        );
        assert!(
            distance < WITHIN,
            "{gradient} of {samples} samples, {target}: {distance}"
        );
    }
}

#[test]
fn quadrature_has_converged() {
    let case = gaussian();
    let mut parameters = vec![];
    for (_, var) in case.vae.parameters() {
        let values: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
        parameters.extend(values.into_iter().map(f64::from));
    }
    for x in case.readings {
        let model = Linear::new(&parameters, &x.map(f64::from));
        let (coarse, fine) = (
            model.importance_weighted(2, 0.25),
            model.importance_weighted(2, 0.1),
        );
        assert!((coarse - fine).abs() < 1e-5, "{coarse} {fine}");
        let one = model.importance_weighted(1, 0.25);
        assert!((one - linear_elbo(&model)).abs() < 1e-8 && one < coarse);
    }
}

#[test]
fn estimators_agree_with_the_exact_gradient_of_a_linear_gaussian_model() {
    use Gradient::*;
    let estimators = [
        (Reparameterized, 1),
        (Reparameterized, SAMPLES),
        (StickingTheLanding, 1),
        (DoublyReparameterized, 1),
        (DoublyReparameterized, SAMPLES),
        (Score, 1),
        (Score, SAMPLES),
        (MovingAverage, 1),
        (LeaveOneOut, SAMPLES),
        (Learned, 1),
        (Vimco, SAMPLES),
    ];
    agree(&gaussian(), &estimators);
}

#[test]
fn estimators_agree_with_the_exact_gradient_of_enumerated_bits() {
    use Gradient::*;
    let estimators = [
        (Score, 1),
        (Score, SAMPLES),
        (MovingAverage, 1),
        (LeaveOneOut, SAMPLES),
        (Learned, 1),
        (Vimco, SAMPLES),
    ];
    agree(&bits(), &estimators);
}

/// Behind a mixture of Gaussians, whose divergence has no closed form, all estimators of a bound agree
/// within their standard errors with the doubly reparameterized one.
#[test]
fn estimators_agree_on_a_prior_that_is_learned() {
    use Gradient::*;
    let mut case = gaussian();
    let mut rng = random::stream(8, Purpose::Initialization);
    let kind = PriorKind::Mixture { components: 2 };
    case.vae.prior = Prior::new(kind, (INPUTS, 1), &mut rng, &Device::Cpu).unwrap();
    let measure = |gradient, samples| case.measure(gradient, samples, (GRADIENTS, COPIES));
    for (samples, others) in [
        (1, &[Reparameterized, StickingTheLanding, MovingAverage][..]),
        (SAMPLES, &[Reparameterized, Vimco][..]),
    ] {
        let reference = measure(DoublyReparameterized, samples).all;
        for &gradient in others {
            let other = measure(gradient, samples).all;
            let errors = other.standard_errors().into_iter();
            let errors = errors
                .zip(reference.standard_errors())
                .map(|(a, b)| a.hypot(b));
            let pairs = other.mean().iter().zip(reference.mean()).zip(errors);
            for ((mean, expected), error) in pairs {
                let distance = (mean - expected).abs();
                assert!(
                    distance < WITHIN * error + 1e-6,
                    "{gradient}: {mean} {expected} {error}"
                );
            }
        }
    }
}

/// The path derivative of the importance-weighted bound is biased (Tucker et al., ICLR 2019,
/// section 3), and the same comparison tells.
#[test]
fn the_comparison_tells_a_biased_estimator() {
    let case = gaussian();
    let measured = case.measure(Gradient::StickingTheLanding, SAMPLES, (GRADIENTS, COPIES));
    let exact = case.exact(Target::ImportanceWeighted(SAMPLES));
    let distance = measured.distance(&exact);
    assert!(distance > 2.0 * WITHIN, "{distance}");
}

/// Random networks with 4 latents and readings of 20 bits, whose bound is some -14 nats.
#[test]
fn variances_order_as_theory_says() {
    use Gradient::*;
    let (inputs, readings) = (20, 50);
    for latent in [Latent::Gaussian, Latent::Bernoulli] {
        let mut rng = random::stream(6, Purpose::Initialization);
        let architecture = Architecture {
            inputs,
            encoder: vec![8],
            latents: 4,
            decoder: vec![8],
            latent,
            ..Architecture::default()
        };
        let likelihood = Likelihood::binomial(1, inputs).unwrap();
        let vae = Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu);
        let vae = vae.unwrap();
        let bits = normals(&mut rng, inputs * readings).into_iter();
        let bits = bits.map(|value| f32::from(u8::from(value > 0.5))).collect();
        let x = Tensor::from_vec(bits, (readings, inputs), &Device::Cpu).unwrap();
        let batch = Batch::whole(x.clone(), x);
        let variance = |gradient, samples| {
            let variance = measure(&vae, &batch, (gradient, samples), 300).variance();
            println!("{latent}, {gradient} {samples}: {variance:.2e}");
            variance
        };
        let score = variance(Score, 1);
        if latent == Latent::Gaussian {
            let path = variance(Reparameterized, 1);
            assert!(100.0 * path < score, "{path} {score}");
        }
        let (others, plain) = (variance(LeaveOneOut, SAMPLES), variance(Score, SAMPLES));
        assert!(4.0 * others < plain, "{others} {plain}");
        for gradient in [MovingAverage, Learned] {
            let with_baseline = variance(gradient, 1);
            assert!(
                4.0 * with_baseline < score,
                "{gradient} {with_baseline} {score}"
            );
        }
    }
}

/// With more samples the signal of the importance-weighted bound's gradient in the encoder falls faster
/// than its noise, as 1 / sqrt(K) (Rainforth et al., "Tighter variational bounds are not necessarily
/// better", ICML 2018, theorem 1); doubly reparameterized, the ratio rises as sqrt(K).
#[test]
fn more_samples_drown_the_encoder_unless_doubly_reparameterized() {
    let case = gaussian();
    let ratio = |gradient, samples| {
        let measured = case.measure(gradient, samples, (200, 50));
        measured.encoder.quality().signal_to_noise
    };
    for (gradient, expected) in [
        (Gradient::Reparameterized, 0.25),
        (Gradient::DoublyReparameterized, 4.0),
    ] {
        let (few, many) = (ratio(gradient, 4), ratio(gradient, 64));
        let change = many / few;
        println!("{gradient}: {few} {many}");
        assert!(
            (0.6..1.6).contains(&(change / expected)),
            "{gradient}: {few} {many}"
        );
    }
}

/// At the exact posterior the path derivative has no variance, the plain one does (Roeder, Wu and
/// Duvenaud, NeurIPS 2017, section 3).
#[test]
fn the_path_derivative_lands() {
    let case = gaussian();
    encode_posterior(&case.vae);
    let variance = |gradient| case.measure(gradient, 1, (20, 10)).variance();
    assert!(variance(Gradient::StickingTheLanding) < 1e-10);
    assert!(variance(Gradient::Reparameterized) > 1e-4);
}
