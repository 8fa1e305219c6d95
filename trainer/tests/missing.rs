//! Readings with gaps: what a model that was trained with gaps makes of them.

mod support;

use elbow::Estimator;
use elbow_trainer::data::digits::{self, NO_ANOMALY, Part};
use elbow_trainer::data::{self, Table};
use elbow_trainer::engine::float_scores;
use elbow_trainer::numeric::random::{self, Purpose};
use elbow_trainer::readings::device::device_scores;
use elbow_trainer::readings::device::elbos;
use elbow_trainer::readings::device::imputed;
use elbow_trainer::readings::masks::Masks;
use std::sync::OnceLock;
use support::{Trained, differences, fit, root_mean_square};

/// The fraction of pixels that are hidden.
const RATE: f64 = 0.3;
const EPOCHS: &str = "200";

fn with_gaps() -> &'static Trained {
    static TRAINED: OnceLock<Trained> = OnceLock::new();
    TRAINED.get_or_init(|| {
        let nobody = NO_ANOMALY.to_string();
        fit(&[
            "digits",
            "--anomaly-digit",
            &nobody,
            "--epochs",
            EPOCHS,
            "--missing",
            "0.3",
        ])
    })
}

fn without_gaps() -> &'static Trained {
    static TRAINED: OnceLock<Trained> = OnceLock::new();
    TRAINED.get_or_init(|| {
        let nobody = NO_ANOMALY.to_string();
        fit(&["digits", "--anomaly-digit", &nobody, "--epochs", EPOCHS])
    })
}

fn test_digits() -> (Table, Masks) {
    let table = digits::part(Part::Test, NO_ANOMALY).table;
    let mut rng = random::stream(99, Purpose::Missing);
    let masks = Masks::draw(table.len(), table.width(), RATE, &mut rng);
    (table, masks)
}

/// Root mean square of `guess - truth` over the hidden pixels.
fn error(table: &Table, masks: &Masks, guess: impl Fn(usize, usize) -> f64) -> f64 {
    let pixels = (0..table.len()).flat_map(|row| (0..table.width()).map(move |input| (row, input)));
    let hidden = pixels.filter(|&(row, input)| !masks.observes(row, input));
    root_mean_square(
        hidden.map(|(row, input)| guess(row, input) - f64::from(table.row(row)[input])),
    )
}

/// On 30 % hidden pixels of test digits, which read 0 to 16; measured: 2.76 with gaps in training,
/// 3.29 without, 4.36 by column means.
#[test]
fn gaps_are_filled_in_better_than_by_means() {
    let (table, masks) = test_digits();
    let means = data::column_mean_std(&digits::part(Part::Train, NO_ANOMALY).table, None).mean;
    let by_means = error(&table, &masks, |_, input| means[input]);
    let by = |trained: &Trained| {
        let data = trained.prepare(&table);
        let filled = imputed(&trained.model(), &data.readings, Some(&masks)).unwrap();
        error(&table, &masks, |row, input| filled[row][input])
    };
    let (with, without) = (by(with_gaps()), by(without_gaps()));
    eprintln!("RMSE {with:.3} with gaps in training, {without:.3} without, {by_means:.3} by means");
    assert!(with < 0.7 * by_means && with < 0.9 * without);
}

/// Device and floats differ as much on readings with gaps as on whole ones: by at most a quarter of
/// a nat in the mean, and 1.5 nats RMSE of scores around -100, by quantization.
#[test]
fn the_observed_part_scores_alike_in_floats_and_on_the_device() {
    let (table, masks) = test_digits();
    for trained in [with_gaps(), without_gaps()] {
        let data = trained.prepare(&table);
        for masks in [Some(&masks), None] {
            let float = float_scores(&trained.vae, &data, masks, 64).unwrap();
            let (model, estimator) = (trained.model(), Estimator::SigmaPoints);
            let device = device_scores(&model, &data.readings, masks, estimator, 0).unwrap();
            let device = elbos(&device);
            let mean = differences(&device, &float).sum::<f64>() / float.len() as f64;
            let error = root_mean_square(differences(&device, &float));
            eprintln!("device - float: {mean:+.3} nats in the mean, RMSE {error:.3}");
            assert!(mean.abs() < 0.25 && error < 1.5);
        }
    }
}

/// Gaps cost a model that knows them less: its bound on the observed part is higher.
#[test]
fn training_with_gaps_raises_the_bound_on_the_observed_part() {
    let (table, masks) = test_digits();
    let bound = |trained: &Trained| {
        let data = trained.prepare(&table);
        let scores = float_scores(&trained.vae, &data, Some(&masks), 64).unwrap();
        scores.iter().sum::<f64>() / scores.len() as f64
    };
    let (with, without) = (bound(with_gaps()), bound(without_gaps()));
    eprintln!("observed part: {with:.2} nats with gaps in training, {without:.2} without");
    assert!(with > without + 5.0);
}
