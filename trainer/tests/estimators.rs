//! What the estimators of the bound are worth, on digits and on heart beats.

mod support;

use candle_core::Tensor;
use elbow::Estimator;
use elbow_trainer::data::digits::{self, Part};
use elbow_trainer::data::{self, Table};
use elbow_trainer::engine::float_scores;
use elbow_trainer::model::prepared::Prepared;
use elbow_trainer::model::{Gaussian, Vae};
use elbow_trainer::numeric::statistics::mean_and_error;
use support::{Trained, differences, fit, heart_beats, root_mean_square, spread};

const REFERENCE: Estimator = Estimator::MonteCarlo { samples: 2048 };

/// The bounds by sigma points in floats.
fn float_sigma_points(vae: &Vae, data: &Prepared) -> Vec<f64> {
    let Gaussian { mean, log_variance } = vae.gaussian(&data.batch.inputs).unwrap();
    let deviation = (&log_variance * 0.5).unwrap().exp().unwrap();
    let latents = vae.latents();
    let posterior = vae.gaussian(&data.batch.inputs).unwrap();
    let mut sum = vae.divergence_of(&posterior).unwrap().neg().unwrap();
    for direction in 0..latents {
        for sign in [1.0, -1.0] {
            let offset = |latent: usize| {
                let angle = std::f32::consts::TAU * (direction * latent) as f32 / latents as f32;
                sign * (angle.cos() + angle.sin())
            };
            let offset: Vec<f32> = (0..latents).map(offset).collect();
            let offset = Tensor::new(offset, mean.device()).unwrap();
            let z = (&mean + deviation.broadcast_mul(&offset).unwrap()).unwrap();
            let outputs = vae.decode(&z, None).unwrap();
            let terms = vae.likelihood.terms(&data.batch.target, &outputs).unwrap();
            let share = 1.0 / (2 * latents) as f64;
            sum = (sum + (terms.sum(1).unwrap() * share).unwrap()).unwrap();
        }
    }
    let sums = sum.to_vec1::<f32>().unwrap();
    let rows = sums.into_iter().enumerate();
    rows.map(|(row, sum)| f64::from(sum) + data.constant(row, None))
        .collect()
}

/// RMSE of sigma points against the ELBO: on the device, and in floats. The second is the error of
/// the rule; what the first has more is the rounding of activations, which differs from latent to
/// latent.
fn errors(trained: &Trained, table: &Table) -> (f64, f64) {
    let on_device = device_error(trained, table);
    let data = trained.prepare(table);
    let rule = float_sigma_points(&trained.vae, &data);
    let reference = float_scores(&trained.vae, &data, None, 2048).unwrap();
    (on_device, root_mean_square(differences(&rule, &reference)))
}

/// RMSE of sigma points against the ELBO on the device.
fn device_error(trained: &Trained, table: &Table) -> f64 {
    let data = trained.prepare(table);
    let device = |estimator| trained.elbos(&data.readings, estimator, 1);
    let (rule, reference) = (device(Estimator::SigmaPoints), device(REFERENCE));
    root_mean_square(differences(&rule, &reference))
}

/// The importance-weighted bound never falls with more samples, within three standard errors of
/// the mean difference over readings, and starts at the ELBO.
fn check_importance_weighting(trained: &Trained, table: &Table) {
    let readings = trained.prepare(table).readings;
    let weighted = |samples| {
        let estimator = Estimator::ImportanceWeighted { samples };
        trained.elbos(&readings, estimator, u64::from(samples))
    };
    let mut fewer = trained.elbos(&readings, Estimator::MonteCarlo { samples: 64 }, 0);
    for samples in [1, 4, 16, 64, 256] {
        let more = weighted(samples);
        let rises: Vec<f64> = differences(&more, &fewer).collect();
        let (mean, error) = mean_and_error(&rises);
        let (mean, error) = (mean.unwrap(), error.unwrap());
        assert!(
            mean > -3.0 * error,
            "{samples}: {mean} with an error of {error}"
        );
        fewer = more;
    }
    // By 256 samples it has left the ELBO far behind.
    let elbo = trained.elbos(&readings, Estimator::SigmaPoints, 0);
    assert!(differences(&fewer, &elbo).sum::<f64>() > readings.len() as f64);
}

/// A reading's score is its own, whichever thread computes it, and beside whichever others.
fn check_shares(trained: &Trained, table: &Table) {
    let readings = trained.prepare(table).readings;
    let estimator = Estimator::MonteCarlo { samples: 3 };
    let all = trained.elbos(&readings, estimator, 5);
    for count in [1, 2, 7, 33] {
        let some = trained.elbos(&readings.first(count), estimator, 5);
        assert_eq!(some, all[..count]);
    }
}

#[test]
fn digits_are_scored_within_a_fifth_of_a_nat_by_sigma_points() {
    let trained = fit(&["digits"]);
    let test = spread(&digits::part(Part::Test, 4).table, 100);
    let (on_device, in_floats) = errors(&trained, &test);
    eprintln!("digits: RMSE {on_device:.3} nats on the device, {in_floats:.3} in floats");
    assert!(on_device < 0.2 && in_floats < 0.2);
    check_importance_weighting(&trained, &test);
    check_shares(&trained, &test);
}

/// Normal beats, whose ELBO is about 200 nats, and all beats, many of which are many standard deviations
/// away from any normal one.
#[test]
fn heart_beats_are_scored_within_a_fifth_of_a_nat_by_sigma_points() {
    let Some(folder) = heart_beats() else { return };
    let train = folder.join("train_normal.npy");
    let test = data::load(folder.join("test.npy")).unwrap().table;
    let normal = spread(&test.select(&(0..584).collect::<Vec<_>>()), 60);
    let mixed = spread(&test, 500);
    for kind in ["gaussian", "gaussian:predicted", "laplace"] {
        let train = train.to_str().unwrap();
        let trained = fit(&[train, "--likelihood", kind, "--epochs", "150"]);
        let (on_device, in_floats) = errors(&trained, &normal);
        eprintln!("{kind}: RMSE {on_device:.3} nats on the device, {in_floats:.3} in floats");
        assert!(on_device < 0.2 && in_floats < 0.2, "{kind}");
        // With heavy tails, or a scale that follows the latents, the rule itself is off by about as much on
        // beats of no normal kind.
        if kind == "gaussian" {
            let on_device = device_error(&trained, &mixed);
            eprintln!("{kind}, all beats: RMSE {on_device:.3} nats on the device");
            assert!(on_device < 0.2, "{kind}, all beats");
        }
        check_importance_weighting(&trained, &normal);
    }
}
