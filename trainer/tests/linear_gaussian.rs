//! Inference where everything is exact: a linear decoder with normal noise.

#[path = "support/linear.rs"]
mod linear;

use candle_core::{Device, Tensor};
use elbow_trainer::model::Gaussian;
use elbow_trainer::model::objective::Batch;
use elbow_trainer::model::{Architecture, Vae};
use elbow_trainer::numeric::evidence::Evidence;
use elbow_trainer::numeric::random::{self, Purpose, normals};
use elbow_trainer::numeric::statistics::mean_and_error;
use elbow_trainer::study::baselines::PrincipalComponents;
use elbow_trainer::study::bound::evidence::log_weights;
use elbow_trainer::train::inference::{Ascent, refine};
use linear::normal_noise;
use nalgebra::{DMatrix, DVector};

const INPUTS: usize = 4;
const LATENTS: usize = 2;
const READINGS: usize = 6;
/// Columns at right angles, so that the posterior is diagonal.
const WEIGHTS: [[f32; INPUTS]; LATENTS] = [[0.9, 0.6, -0.6, 0.9], [0.4, -0.5, 0.5, 0.2666667]];
const BIAS: [f32; INPUTS] = [0.3, -0.2, 0.0, 0.5];
/// `ln 0.7`.
const LOG_DEVIATION: f32 = -0.356_674_94;

/// A model in network units that are those of the data, readings of it, and the exact one.
fn case() -> (Vae, Batch, DMatrix<f64>, PrincipalComponents) {
    let dot: f32 = (0..INPUTS).map(|i| WEIGHTS[0][i] * WEIGHTS[1][i]).sum();
    assert!(dot.abs() < 1e-6, "{dot}");
    let device = Device::Cpu;
    let likelihood = normal_noise(INPUTS, LOG_DEVIATION);
    let architecture = Architecture {
        inputs: INPUTS,
        encoder: vec![],
        latents: LATENTS,
        decoder: vec![],
        ..Architecture::default()
    };
    let mut rng = random::stream(5, Purpose::Initialization);
    let vae = Vae::new(&architecture, likelihood, &mut rng, &device).unwrap();
    let weight = Tensor::new(&WEIGHTS, &device).unwrap();
    vae.output.weight.set(&weight).unwrap();
    let bias = Tensor::new(&BIAS, &device).unwrap();
    vae.output.bias.set(&bias).unwrap();

    let values = normals(&mut rng, READINGS * INPUTS);
    let x = Tensor::from_vec(values.clone(), (READINGS, INPUTS), &device).unwrap();
    let values = values.into_iter().map(f64::from);
    let data = DMatrix::from_row_iterator(READINGS, INPUTS, values);
    let weights = DMatrix::from_fn(INPUTS, LATENTS, |i, j| f64::from(WEIGHTS[j][i]));
    let mean = DVector::from_iterator(INPUTS, BIAS.into_iter().map(f64::from));
    let noise = (2.0 * f64::from(LOG_DEVIATION)).exp();
    let exact = PrincipalComponents::new(mean, weights, noise).unwrap();
    (vae, Batch::whole(x.clone(), x), data, exact)
}

fn list(tensor: &Tensor) -> Vec<f64> {
    let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.into_iter().map(f64::from).collect()
}

/// The constant that bounds leave out.
const CONSTANT: f64 = -0.5 * INPUTS as f64 * 1.837_877_066_409_345_5;

/// The ELBO by sigma points, which are exact for a quadratic.
fn elbos(vae: &Vae, batch: &Batch, q: &Gaussian) -> Vec<f64> {
    let distance = (LATENTS as f32).sqrt();
    let mut noise = vec![];
    for latent in 0..LATENTS {
        for sign in [distance, -distance] {
            let axis = (0..READINGS * LATENTS).map(|at| at % LATENTS == latent);
            noise.extend(axis.map(|on| if on { sign } else { 0.0 }));
        }
    }
    let noise = Tensor::from_vec(noise, (2 * LATENTS, READINGS, LATENTS), &Device::Cpu).unwrap();
    let bounds = q.bounds(vae, batch, &noise).unwrap().mean(0).unwrap();
    list(&bounds).iter().map(|bound| bound + CONSTANT).collect()
}

/// `KL(q || p(z|x))` of each reading.
fn divergences(q: &Gaussian, data: &DMatrix<f64>, exact: &PrincipalComponents) -> Vec<f64> {
    let (means, logs) = (list(&q.mean), list(&q.log_variance));
    let one = |row: usize| -> f64 {
        let (mean, covariance) = exact.posterior(&data.row(row).transpose());
        let terms = (0..LATENTS).map(|j| {
            let (m, log) = (means[row * LATENTS + j], logs[row * LATENTS + j]);
            let variance = covariance[(j, j)];
            let square = (m - mean[j]).powi(2);
            0.5 * ((log.exp() + square) / variance - 1.0 + variance.ln() - log)
        });
        terms.sum()
    };
    (0..READINGS).map(one).collect()
}

#[test]
fn the_bound_and_the_divergence_make_the_evidence_for_any_posterior() {
    let (vae, batch, data, exact) = case();
    let evidence = exact.log_densities(&data);
    let mut rng = random::stream(1, Purpose::Inference);
    for scale in [0.0, 0.5, 1.5] {
        let mut draw = || {
            let values = normals(&mut rng, READINGS * LATENTS);
            let values = values.into_iter().map(|value| scale * value).collect();
            Tensor::from_vec(values, (READINGS, LATENTS), &Device::Cpu).unwrap()
        };
        let q = Gaussian {
            mean: draw(),
            log_variance: draw(),
        };
        let (elbos, kls) = (elbos(&vae, &batch, &q), divergences(&q, &data, &exact));
        for ((elbo, kl), evidence) in elbos.iter().zip(&kls).zip(&evidence) {
            assert!(*kl > 0.0);
            assert!(
                (elbo + kl - evidence).abs() < 1e-4,
                "{elbo} {kl} {evidence}"
            );
        }
    }
}

#[test]
fn inference_of_each_reading_reaches_the_exact_posterior() {
    let (vae, batch, data, exact) = case();
    let ascent = Ascent::Converge {
        rate: 0.05,
        tolerance: 1e-4,
        most: 5000,
    };
    let mut rng = random::stream(2, Purpose::Inference);
    let start = Gaussian::prior(READINGS, LATENTS, &Device::Cpu).unwrap();
    let refined = refine(&vae, &batch, &start, ascent, &mut rng).unwrap();
    assert!(refined.converged);
    let bounds = elbos(&vae, &batch, &refined.posterior);
    for (elbo, evidence) in bounds.iter().zip(exact.log_densities(&data)) {
        let gap = evidence - elbo;
        assert!((-1e-5..1e-3).contains(&gap), "{gap}");
    }
    // A few steps from the encoder's answer go a part of the way.
    let encoded = vae.gaussian(&batch.inputs).unwrap();
    let few = Ascent::Steps {
        steps: 20,
        rate: 0.05,
    };
    let semi = refine(&vae, &batch, &encoded, few, &mut rng).unwrap();
    let mean = |posterior: &Gaussian| mean_and_error(&elbos(&vae, &batch, posterior)).0.unwrap();
    assert!(mean(&encoded) < mean(&semi.posterior));
    assert!(mean(&semi.posterior) < mean(&refined.posterior));
}

/// The bound rises with the samples, within three standard errors over 500 repetitions for each of
/// 6 readings, and ends within three standard errors of log p(x).
#[test]
fn the_importance_weighted_bound_rises_to_the_evidence() {
    let (vae, batch, data, exact) = case();
    let evidence = exact.log_densities(&data);
    let q = Gaussian::prior(READINGS, LATENTS, &Device::Cpu).unwrap();
    let mut rng = random::stream(3, Purpose::Ladder);
    let mut below: Option<(f64, f64)> = None;
    for samples in [1, 4, 16, 64, 256] {
        let mut bounds = vec![];
        for _ in 0..500 {
            let weights = log_weights(&vae, &batch, &q, samples, &mut rng).unwrap();
            let of_readings = weights
                .iter()
                .map(|weights| Evidence::new(weights).log_evidence);
            bounds.push(of_readings.sum::<f64>() / READINGS as f64 + CONSTANT);
        }
        let (mean, error) = mean_and_error(&bounds);
        let (mean, error) = (mean.unwrap(), error.unwrap());
        if let Some((lower, lower_error)) = below {
            assert!(mean > lower - 3.0 * error.hypot(lower_error), "{samples}");
        }
        let exact = evidence.iter().sum::<f64>() / READINGS as f64;
        assert!(mean < exact + 3.0 * error, "{samples}: {mean} {exact}");
        below = Some((mean, error));
    }
    // From the exact posterior every weight is p(x) itself.
    let exact_posterior = |row: usize| exact.posterior(&data.row(row).transpose());
    let mut means = vec![];
    let mut logs = vec![];
    for row in 0..READINGS {
        let (mean, covariance) = exact_posterior(row);
        means.extend(mean.iter().map(|&value| value as f32));
        logs.extend((0..LATENTS).map(|j| covariance[(j, j)].ln() as f32));
    }
    let tensor = |values| Tensor::from_vec(values, (READINGS, LATENTS), &Device::Cpu).unwrap();
    let q = Gaussian {
        mean: tensor(means),
        log_variance: tensor(logs),
    };
    let weights = log_weights(&vae, &batch, &q, 8, &mut rng).unwrap();
    for (weights, evidence) in weights.iter().zip(&evidence) {
        let got = Evidence::new(weights);
        assert!((got.log_evidence + CONSTANT - evidence).abs() < 1e-4);
        assert!(got.effective_samples > 7.999);
    }
    // Naive Monte Carlo meets it too, in so few dimensions.
    let prior = Gaussian::prior(READINGS, LATENTS, &Device::Cpu).unwrap();
    let weights = log_weights(&vae, &batch, &prior, 100_000, &mut rng).unwrap();
    for (weights, evidence) in weights.iter().zip(&evidence) {
        let got = Evidence::new(weights);
        let difference = got.log_evidence + CONSTANT - evidence;
        assert!(difference.abs() < 4.0 * got.standard_error, "{difference}");
    }
}
