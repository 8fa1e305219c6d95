//! The data of a run, and how they are divided.

use super::StreamSettings;
use crate::data::Binarization;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The digit that training never sees unless another is named.
pub const ANOMALY_DIGIT: u32 = 4;

/// The data of a run, and how they are divided.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// `digits`, or the file that is trained on.
    #[arg(skip = DataConfig::default().source)]
    pub source: String,
    /// A file with a label for each row, 0 for normal. Nothing is learned from others: the validation
    /// fraction of them says what ranges must hold, the rest is tested on
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// With the digits: the digit that training never sees
    #[arg(long, value_name = "DIGIT", default_value_t = ANOMALY_DIGIT)]
    pub anomaly_digit: u32,
    /// Make bits of pixels (whole numbers from 0 to 255, or probabilities): dynamic (drawn anew in each
    /// epoch), static (drawn once) or threshold (above a half)
    #[arg(long, value_name = "WAY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binarize: Option<Binarization>,
    /// The last N columns are conditions (speed, load, temperature): given, not modelled, so that the
    /// same reading can be normal under one and strange under another
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub conditions: usize,
    /// The part of normal readings for early stopping and calibration
    #[arg(long, value_name = "FRACTION", default_value_t = DataConfig::default().validation_fraction)]
    pub validation_fraction: f64,
    /// The part of normal readings that only the evaluation sees
    #[arg(long, value_name = "FRACTION", default_value_t = DataConfig::default().test_fraction)]
    pub test_fraction: f64,
    /// Where the data are a stream: how it is cut into windows and what is made of them.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSettings>,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: "digits".into(),
            labels: None,
            anomaly_digit: ANOMALY_DIGIT,
            binarize: None,
            conditions: 0,
            validation_fraction: 0.15,
            test_fraction: 0.15,
            stream: None,
        }
    }
}
