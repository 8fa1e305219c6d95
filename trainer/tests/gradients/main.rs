//! Estimators of the gradient against gradients that are exact: of the closed form of a linear
//! Gaussian model's ELBO, of its importance-weighted bound by quadrature, and of bits by enumeration.

mod exact;
#[path = "../support/linear.rs"]
mod linear;

use candle_core::{Device, Tensor};
use elbow_trainer::config::{Gradient, Latent, PriorKind, Target};
use elbow_trainer::model::objective::Batch;
use elbow_trainer::model::posterior::draw_noise;
use elbow_trainer::model::{Architecture, Likelihood, Prior, Vae};
use elbow_trainer::numeric::random::{self, Purpose, normals};
use elbow_trainer::train::gradient::{Estimator, RunningMoments};
use exact::{Case, INPUTS, LOG_DEVIATION, Linear, WEIGHT, bits, gaussian, linear_elbo};

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

impl Case {
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
    encoder: RunningMoments,
    all: RunningMoments,
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
        (Disarm, 2),
        (Disarm, 4),
    ];
    agree(&bits(), &estimators);
}

/// `log p(x) = ELBO + KL(q(z|x) || p(z|x))` on the belief network of three bits, all of whose codes are enumerated, to the
/// rounding of floats; and its ELBO is that of the formula.
#[test]
fn the_log_probability_is_the_bound_and_the_divergence_from_the_posterior() {
    let case = bits();
    let codes = (0..8).flat_map(|code| [0, 1, 2].map(|at| (code >> at & 1) as f32));
    let codes = Tensor::from_vec(codes.collect(), (8, 1, 3), &Device::Cpu).unwrap();
    let parameters = case.parameters();
    for (index, x) in case.readings.iter().enumerate() {
        let of_one = Tensor::new(&[*x], &Device::Cpu).unwrap();
        let batch = Batch::whole(of_one.clone(), of_one);
        let posterior = case.vae.posterior(&batch.inputs).unwrap();
        let list = |tensor: Tensor| -> Vec<f64> {
            let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            values.into_iter().map(f64::from).collect()
        };
        let likelihood = list(batch.log_likelihoods(&case.vae, &codes).unwrap());
        let prior = list(case.vae.log_prior(&codes).unwrap());
        let log_q = list(posterior.log_density(&codes).unwrap());
        let joint: Vec<f64> = likelihood.iter().zip(prior).map(|(a, b)| a + b).collect();
        let evidence = joint.iter().map(|log| log.exp()).sum::<f64>().ln();
        let expected = |of: &dyn Fn(usize) -> f64| -> f64 {
            (0..8).map(|code| log_q[code].exp() * of(code)).sum()
        };
        let kl = list(case.vae.divergence(&posterior).unwrap())[0];
        let elbo = expected(&|code| likelihood[code]) - kl;
        let from_posterior = expected(&|code| log_q[code] - (joint[code] - evidence));
        assert!(from_posterior > 1e-3);
        let distance = (evidence - elbo - from_posterior).abs();
        assert!(distance < 1e-5, "reading {index}: {distance}");
        let exact = (case.bound)(&parameters, &x.map(f64::from), Target::Elbo);
        assert!((exact - elbo).abs() < 1e-5, "{exact} {elbo}");
    }
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
            encoder: vec![8.into()],
            latents: 4,
            decoder: vec![8.into()],
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
        if latent == Latent::Bernoulli {
            let (pair, two) = (variance(Disarm, 2), variance(LeaveOneOut, 2));
            assert!(pair < 0.9 * two, "{pair} {two}");
        }
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
