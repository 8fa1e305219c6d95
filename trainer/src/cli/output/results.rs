//! The results of a training for a terminal.

use crate::cli::output::decimal;
use crate::cli::output::signed;
use crate::export::pipeline::Trained;
use crate::export::run::{FloatSummary, Summary};
use crate::study::detection::evaluate::{Evaluation, Side};

/// Why there is nothing for a device.
const NO_IMAGE: &str = "no image is written: devices run Gaussian latents, these are bits";

/// The results of what became of a model.
pub(in crate::cli) fn describe(trained: &Trained) -> String {
    match trained {
        Trained::Image(exported) => table(&exported.summary),
        Trained::Floats(summary) => format!("{}\n{NO_IMAGE}", float_table(summary)),
    }
}

fn table(summary: &Summary) -> String {
    let Evaluation {
        normal,
        anomalous,
        float,
        device,
        p_value_auc,
        difference,
        spearman,
        ..
    } = summary.evaluation;
    let row = |name: &str, side: Side| {
        let (elbo, error) = (decimal(side.elbo, 3), decimal(side.standard_error, 3));
        format!(
            "{name:<22}{elbo:>12} ± {error:<8}{:>10}\n",
            decimal(side.auc, 4)
        )
    };
    format!(
        "\n{:<22}{:>23}{:>10}\n{}{}{:<22}{:>33}\n{:<22}{:>12}\n{:<22}{:>12}\n{:<22}{:>12}\n\n{normal} normal and {anomalous} anomalous test readings; image {} bytes, workspace {} bytes; trained in {:.1} s\n",
        "",
        "test ELBO, nats/reading",
        "AUC",
        row("float", float),
        row(
            &format!("device ({})", summary.estimator.replace('-', " ")),
            device
        ),
        "p-values",
        decimal(p_value_auc, 4),
        "device - float",
        signed(difference),
        "rank correlation",
        decimal(spearman, 4),
        "lowest p-value counted",
        decimal(summary.smallest_counted, 4),
        summary.image_bytes,
        summary.workspace_bytes,
        summary.training_seconds,
    )
}

fn float_table(summary: &FloatSummary) -> String {
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
        "\n{:<26}{:>23}{:>10}\n{}{}\n{} normal and {} anomalous test readings; trained in {:.1} s\n",
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
        summary.anomalous,
        summary.training_seconds,
    )
}
