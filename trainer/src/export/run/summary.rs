//! The results of a run.

use crate::config::LikelihoodKind;
use crate::data::DataReport;
use crate::export::budget::Budget;
use crate::study::detection::evaluate::Evaluation;
use serde::Serialize;

/// The results of a run, as `summary.json` has them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the model.
    pub name: String,
    /// The likelihood that was used.
    pub likelihood: LikelihoodKind,
    /// Objective of the training; the scores below are of the bound itself.
    pub objective: String,
    /// Contents of the file that was trained on; none of the digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<DataReport>,
    /// Readings a second, where the data say it: by a column of times, or by the rate of a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Readings that were learned from.
    pub training_readings: usize,
    /// Readings that were chosen and calibrated by.
    pub validation_readings: usize,
    /// Scores of the test readings.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// The estimator of the device's numbers.
    pub estimator: String,
    /// Latents that carried nothing and were left out.
    pub pruned_latents: usize,
    /// Flash for the image.
    pub image_bytes: usize,
    /// RAM for the workspace.
    pub workspace_bytes: usize,
    /// Multiply-accumulates to encode a reading.
    pub encoder_macs: usize,
    /// Multiply-accumulates of each decoder pass.
    pub decoder_macs: usize,
    /// Wall-clock time of the training alone.
    pub training_seconds: f64,
    /// Version of the image's layout.
    pub format_version: u16,
    /// Version of the arithmetic.
    pub numerics_version: u16,
    /// Version of this program.
    pub trainer_version: &'static str,
    /// The lowest p-value that held-out readings were counted for: those below are extrapolated.
    pub smallest_counted: Option<f64>,
    /// The chance that a new normal reading has a p-value of at most 0.01, at most, with 95 % confidence, by the readings
    /// that calibrated.
    pub usual_alarm_at_most: Option<f64>,
    /// The lowest p-value that a score can have: an alarm below it never fires.
    pub smallest_p_value: Option<f64>,
    /// Limits and costs of a score, where the networks were sized to a budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Warnings of the export, one line each; empty for most runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}
