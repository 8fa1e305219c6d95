//! The results of a training for a terminal.

use crate::cli::output::decimal;
use crate::cli::output::signed;
use crate::export::run::Summary;
use crate::study::detection::evaluate::{Evaluation, Side};

/// The results of a training.
pub(in crate::cli) fn describe(summary: &Summary) -> String {
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
