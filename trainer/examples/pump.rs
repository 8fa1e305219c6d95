//! A detector from an array: trains, exports and scores without a file.
//!
//! `cargo run --release --package elbow-trainer --example pump`

use elbow::{Estimator, Model, Session};
use elbow_trainer::config::{Config, Limits};
use elbow_trainer::data::{Dataset, Table};
use elbow_trainer::export::pipeline::{Job, Silent};
use elbow_trainer::readings::Readings;
use elbow_trainer::readings::splits::Splits;

/// Prints the scores of a reading like the others, and of one whose head does not fit its flow.
pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Flow and head of a pump, which hang together.
    let wave = (0..2000).map(|row| (row as f32 * 0.37).sin() + (row as f32 * 1.7).cos());
    let values: Vec<f32> = wave.flat_map(|x| [30.0 + x, 5.0 - 0.4 * x * x]).collect();
    let pump = Dataset::new("pump", Table::new(2, values)?);
    let mut config = Config::default();
    config.model.latents = 1;
    config.train.epochs = 100;
    let splits = Splits::divide(&config, pump, None)?;
    let outcome = Job::new("pump", config, Limits::default(), splits, &Silent)?.fit(None)?;
    let exported = outcome.exported;

    // What follows is what a device does.
    let model = Model::parse(&exported.image)?;
    let mut words = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut words, 42)?;
    let (readings, _) = Readings::from_table(
        &Table::new(2, vec![30.5, 4.9, 30.5, 3.0])?,
        model.exponents(),
    );
    for reading in &readings {
        let score = session.score(reading, Estimator::SigmaPoints)?;
        println!("{} nats, p {}", score.elbo(), score.p_value());
    }
    Ok(())
}
