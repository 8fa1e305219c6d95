//! `trainer eval`.

use super::{Input, Loaded, decimal, emit, parse_estimator, prepare, signed, to_json};
use crate::error::Error;
use crate::evaluate::{Evaluation, FLOAT_SAMPLES, Scores, Side};
use crate::run;
use clap::Args;
use elbow::Estimator;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// A file with a label for each row of the data, 0 for normal
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// The device's estimator: sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K
    #[arg(long, default_value = "sigma-points", value_parser = parse_estimator)]
    estimator: Estimator,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments {
        input,
        labels,
        estimator,
        json,
    } = arguments;
    let image = run::read_image(&input.source.model)?;
    let model = run::parse(&input.source.model, &image)?;
    let (config, vae) = run::read_vae(&input.source.model, &candle_core::Device::Cpu)?;
    let Loaded {
        readings, labelled, ..
    } = input.load(&model, labels.as_deref(), None)?;
    let data = prepare(&vae, &config, readings)?;
    let scores = Scores::new(&vae, &model, &data, *estimator)?;
    let evaluation = Evaluation::new(&scores, labelled.abnormal.as_deref());
    let text = if *json {
        to_json(&evaluation)?
    } else {
        describe(&evaluation, *estimator)
    };
    emit(None, &text)
}

fn describe(evaluation: &Evaluation, estimator: Estimator) -> String {
    let Evaluation {
        normal,
        abnormal,
        float,
        device,
        difference,
    } = evaluation;
    let row = |name: &str, side: &Side| {
        let auc = side
            .auc
            .map_or_else(String::new, |auc| format!("   AUC {auc:.4}"));
        let (elbo, error) = (decimal(side.elbo, 3), decimal(side.standard_error, 3));
        format!("{name}  ELBO {elbo} ± {error} nats a reading{auc}\n")
    };
    format!(
        "{}{}device - float  {} nats\n{normal} normal and {abnormal} abnormal readings; float by {FLOAT_SAMPLES} samples, device by {estimator}\n",
        row("float ", float),
        row("device", device),
        signed(*difference),
    )
}
