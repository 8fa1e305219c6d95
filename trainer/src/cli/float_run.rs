//! The end of a run that no device is to run: results in floats.

use super::decimal;
use crate::config::Objective;
use crate::error::Error;
use crate::export::run::{FloatSummary, SampledBound};
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::numeric::statistics::mean_and_error;
use crate::readings::RunConfig;
use crate::readings::splits::Parts;
use crate::score::evaluate::{FLOAT_POINTS, Side, float_scores};
use crate::train::gradient::log_evidence;

/// Samples of the importance-weighted bound.
const BOUND_SAMPLES: usize = 100;

/// Why there is nothing for a device.
pub(super) const NO_IMAGE: &str =
    "no image is written: devices run Gaussian latents, these are bits";

/// What the test readings say of a trained model.
pub(super) fn summarize(
    name: &str,
    (config, parts): (&RunConfig, &Parts),
    (vae, test): (&Vae, &Prepared),
    ((training_readings, validation_readings), training_seconds): ((usize, usize), f64),
) -> Result<FloatSummary, Error> {
    let settings = &config.settings;
    let nobody = vec![false; test.readings.len()];
    let abnormal = parts.test.abnormal.as_deref().unwrap_or(&nobody);
    let elbos = float_scores(vae, test, None, FLOAT_POINTS)?;
    let bounds = log_evidence(vae, test, BOUND_SAMPLES)?.into_iter();
    let normal = bounds.zip(abnormal).filter(|(_, strange)| !**strange);
    let (mean, standard_error) =
        mean_and_error(&normal.map(|(bound, _)| bound).collect::<Vec<_>>());
    let strange = abnormal.iter().filter(|&&is| is).count();
    Ok(FloatSummary {
        name: name.to_owned(),
        likelihood: parts.likelihood,
        latent: settings.latent,
        gradient: settings.gradient,
        objective: Objective::name(settings),
        training_readings,
        validation_readings,
        normal: abnormal.len() - strange,
        abnormal: strange,
        float: Side::new(&elbos, abnormal),
        importance_weighted: SampledBound {
            samples: BOUND_SAMPLES,
            mean,
            standard_error,
        },
        training_seconds,
        trainer_version: env!("CARGO_PKG_VERSION"),
    })
}

/// The results for a terminal.
pub(super) fn table(summary: &FloatSummary) -> String {
    let row = |name: &str, mean, error, auc| {
        format!(
            "{name:<26}{:>12} ± {:<8}{:>10}\n",
            decimal(mean, 3),
            decimal(error, 3),
            decimal(auc, 4)
        )
    };
    let FloatSummary {
        float,
        importance_weighted: bound,
        ..
    } = summary;
    format!(
        "\n{:<26}{:>23}{:>10}\n{}{}\n{} normal and {} abnormal test readings; trained in {:.1} s\n",
        "",
        "test bound, nats/reading",
        "AUC",
        row("ELBO", float.elbo, float.standard_error, float.auc),
        row(
            &format!("importance-weighted, k {}", bound.samples),
            bound.mean,
            bound.standard_error,
            None
        ),
        summary.normal,
        summary.abnormal,
        summary.training_seconds,
    )
}
