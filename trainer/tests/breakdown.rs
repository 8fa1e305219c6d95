//! Where the nats go: the parts sum up to the difference, and with everything in place the floats give the
//! device's score to the bit.

mod support;

use elbow::Estimator;
use elbow_trainer::data;
use elbow_trainer::study::bound::breakdown::{Breakdown, Cause, Setting};
use elbow_trainer::study::detection::evaluate::Scores;
use support::program::{Folder, Noise, fails_with, json, succeeds};
use support::{Trained, fit};

/// Five correlated columns, of which the last two may be conditions.
fn csv(rows: usize) -> String {
    let mut noise = Noise(11);
    let mut text = "a,b,c,d,e\n".to_owned();
    for _ in 0..rows {
        let (a, b) = (noise.next(), noise.next());
        let (c, d, e) = (a * b + 0.1 * noise.next(), a - b, noise.next());
        text += &format!("{a},{b},{c},{d},{e}\n");
    }
    text
}

fn break_down(trained: &Trained, file: &str, estimator: Estimator) -> (Breakdown, f64) {
    let table = data::load(file).unwrap().table;
    let data = trained.prepare(&table);
    let model = trained.model();
    let scores = Scores::new(&trained.vae, &model, &data, estimator).unwrap();
    let setting = Setting {
        vae: &trained.vae,
        model: &model,
        normalization: &trained.config.derived.normalization,
        data: &data,
        scores: &scores,
        estimator,
        seed: 0,
    };
    let breakdown = Breakdown::new(&setting, None).unwrap();
    let pairs = scores.device.iter().zip(&scores.float);
    let moved: f64 = pairs
        .map(|(device, float)| device.elbo().to_f64() - float)
        .sum();
    (breakdown, moved / scores.float.len() as f64)
}

#[test]
fn the_parts_sum_up_and_the_last_state_is_the_device() {
    let folder = Folder::new();
    let file = folder.write("pump.csv", csv(150));
    let network = [
        "--epochs",
        "10",
        "--encoder",
        "9,6",
        "--decoder",
        "7",
        "--latents",
        "3",
        "--keep-dead-latents",
    ];
    for settings in [
        &["--likelihood", "gaussian"][..],
        &["--likelihood", "laplace:shared", "--prior", "mixture:3"],
        &["--likelihood", "gaussian:predicted", "--conditions", "2"],
    ] {
        let trained = fit(&[&[file.as_str()], &network[..], settings].concat());
        for (estimator, most) in [
            (Estimator::PosteriorMean, 0.0),
            (Estimator::SigmaPoints, 0.0),
            (Estimator::MonteCarlo { samples: 5 }, 0.0),
            (Estimator::ImportanceWeighted { samples: 4 }, 1e-3),
        ] {
            let (breakdown, difference) = break_down(&trained, &file, estimator);
            assert!(
                breakdown.residual <= most,
                "{settings:?} {estimator}: {}",
                breakdown.residual
            );
            let parts: f64 = breakdown.parts.iter().map(|part| part.nats).sum();
            let totals: f64 = breakdown.totals.iter().map(|total| total.nats).sum();
            assert!((parts - difference).abs() < 1e-9, "{parts} {difference}");
            assert!((totals - difference).abs() < 1e-9, "{totals} {difference}");
            assert!((breakdown.difference.unwrap() - difference).abs() < 1e-9);
            let places = |cause| {
                let parts = breakdown.parts.iter().filter(|part| part.cause == cause);
                parts
                    .map(|part| part.place.clone().unwrap())
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                places(Cause::Weights),
                ["encoder 1", "encoder 2", "heads", "decoder 1", "output"]
            );
            assert_eq!(
                places(Cause::Ranges),
                ["encoder 1", "encoder 2", "decoder 1"]
            );
        }
    }
}

#[test]
fn counts_are_broken_down_to_the_bit() {
    let trained = fit(&["--epochs", "5", "--anomaly-digit", "10"]);
    let table = data::digits::part(data::digits::Part::Test, 10).table;
    let data = trained.prepare(&table.select(&(0..60).collect::<Vec<_>>()));
    let model = trained.model();
    let estimator = Estimator::SigmaPoints;
    let scores = Scores::new(&trained.vae, &model, &data, estimator).unwrap();
    let setting = Setting {
        vae: &trained.vae,
        model: &model,
        normalization: &trained.config.derived.normalization,
        data: &data,
        scores: &scores,
        estimator,
        seed: 0,
    };
    // The second half counts as anomalous and stays out.
    let anomalous: Vec<bool> = (0..60).map(|row| row >= 30).collect();
    let breakdown = Breakdown::new(&setting, Some(&anomalous)).unwrap();
    assert_eq!((breakdown.readings, breakdown.residual), (30, 0.0));
    // Sigma points on the float model are close to the mean of its 256 points.
    let sampling = &breakdown.parts[0];
    assert_eq!(sampling.cause, Cause::Sampling);
    assert!(sampling.nats.abs() < 0.3, "{}", sampling.nats);
    // Terms in integers are off by units of 2^-16 for each of 64 inputs and 16 trials.
    let tables = breakdown.parts.last().unwrap();
    assert_eq!(tables.cause, Cause::Tables);
    assert!(tables.nats.abs() < 64.0 * 16.0 / 65536.0, "{}", tables.nats);
}

#[test]
fn the_command_prints_it_both_ways() {
    let folder = Folder::new();
    let run = folder.path("run");
    succeeds(&["fit", "--epochs", "3", "--out", &run, "--quiet"]);
    let arguments = ["eval", &run, "digits", "--limit", "40", "--breakdown"];
    let text = succeeds(&arguments);
    for word in [
        "sampling",
        "weights output",
        "z rounding",
        "together",
        "normal readings",
    ] {
        assert!(text.contains(word), "{text} lacks {word:?}");
    }
    let verdict = text.lines().last().unwrap();
    let value = json(&succeeds(&[&arguments[..], &["--json"]].concat()));
    assert_eq!(value["breakdown"]["verdict"], verdict);
    let parts = value["breakdown"]["parts"].as_array().unwrap().iter();
    let sum: f64 = parts.map(|part| part["nats"].as_f64().unwrap()).sum();
    assert!((sum - value["difference"].as_f64().unwrap()).abs() < 1e-9);
    let plain = json(&succeeds(&[
        "eval", &run, "digits", "--limit", "40", "--json",
    ]));
    assert!(plain.get("breakdown").is_none());
    let foreign = folder.path("foreign");
    let other = [
        "fit",
        "--epochs",
        "1",
        "--encoder",
        "5",
        "--out",
        &foreign,
        "--quiet",
    ];
    succeeds(&other);
    std::fs::copy(
        format!("{foreign}/model.elbow"),
        format!("{run}/model.elbow"),
    )
    .unwrap();
    fails_with(
        &arguments,
        &["model.elbow", "not the file that its run wrote"],
    );
    std::fs::remove_file(format!("{run}/summary.json")).unwrap();
    fails_with(&arguments, &["rows of 64", "model.safetensors"]);
}

/// A device scores a count above its table as the last of it, and so do floats.
#[test]
fn counts_above_the_table_are_scored_alike() {
    let folder = Folder::new();
    let mut noise = Noise(3);
    let mut rows = |count: &dyn Fn(usize) -> usize| -> String {
        let row = |at| format!("{},{}\n", noise.next(), count(at));
        let rows: String = (0..200).map(row).collect();
        format!("level,faults\n{rows}")
    };
    let usual = folder.write("usual.csv", rows(&|at| [0, 0, 0, 1, 0, 2, 0, 5][at % 8]));
    let beyond = folder.write("beyond.csv", rows(&|at| 100 * (at % 9)));
    let trained = fit(&[usual.as_str(), "--epochs", "10", "--latents", "2"]);
    let (breakdown, _) = break_down(&trained, &beyond, Estimator::SigmaPoints);
    let mut parts = breakdown.parts.iter();
    let tables = parts.find(|part| part.cause == Cause::Tables).unwrap();
    assert!(tables.nats.abs() < 0.1, "{}", tables.nats);
}
