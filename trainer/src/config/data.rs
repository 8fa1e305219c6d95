//! The data of a run, and how they are divided.

use super::StreamSettings;
use super::kind::WantedKind;
use crate::data::{Binarization, LEAST_SAMPLE, Sentinels, Wanted};
use crate::error::Error;
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
    /// The column of labels, by its name or number. Nothing is learned from anomalous rows
    #[arg(long, value_name = "COLUMN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Labels of normal rows, separated by commas [default: 0, or what is usually called normal, or the most
    /// frequent label]
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub normal: Vec<String>,
    /// Columns of times, separated by commas: rows are divided in time
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub time: Vec<String>,
    /// A column that says where rows are from: no group is divided
    #[arg(long, value_name = "COLUMN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Columns that are left out, separated by commas; * stands for any characters
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Columns that are readings whatever they look like, separated by commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reading: Vec<String>,
    /// Columns that are conditions (speed, load, temperature), separated by commas: given, not modelled
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub condition: Vec<String>,
    /// Kinds of columns, as NAME=KIND, separated by commas: normal, laplace, student, flag, count or state (one of a few
    /// values); * stands for any characters of a name
    #[arg(long, value_name = "COLUMN=KIND", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kind: Vec<WantedKind>,
    /// Numbers that loggers write where they have no value, separated by commas, or none [default: those that stand
    /// off from all others, such as -200 or -999]
    #[arg(long, value_name = "NUMBERS", allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentinels: Option<Sentinels>,
    /// Read about so many rows, drawn at random and left in their order [default: of text files of more than 256 MiB as
    /// many as make 20 million cells]
    #[arg(long, value_name = "ROWS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
    /// Refuse what would have to be assumed of the data
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// With the digits: the digit that training never sees
    #[arg(long, value_name = "DIGIT", default_value_t = ANOMALY_DIGIT)]
    pub anomaly_digit: u32,
    /// Make bits of pixels (whole numbers from 0 to 255, or probabilities): dynamic (drawn anew in each
    /// epoch), static (drawn once) or threshold (above a half)
    #[arg(long, value_name = "WAY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binarize: Option<Binarization>,
    /// The last N columns are conditions (speed, load, temperature): given, not modelled, so that the
    /// same reading can be normal under one and anomalous under another
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub conditions: usize,
    /// The part of normal readings for early stopping and calibration
    #[arg(long, value_name = "FRACTION", default_value_t = DataConfig::default().validation_fraction)]
    pub validation_fraction: f64,
    /// The part of normal readings that only the evaluation sees
    #[arg(long, value_name = "FRACTION", default_value_t = DataConfig::default().test_fraction)]
    pub test_fraction: f64,
    /// Windows of a stream and their features, where the data are one.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSettings>,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: "digits".into(),
            labels: None,
            label: None,
            normal: vec![],
            time: vec![],
            group: None,
            ignore: vec![],
            reading: vec![],
            condition: vec![],
            kind: vec![],
            sentinels: None,
            sample: None,
            strict: false,
            anomaly_digit: ANOMALY_DIGIT,
            binarize: None,
            conditions: 0,
            validation_fraction: 0.15,
            test_fraction: 0.15,
            stream: None,
        }
    }
}

impl DataConfig {
    /// Checks every number that a user may have set and that can be checked without data.
    ///
    /// # Errors
    /// One line that names the setting, its value and what would do.
    pub(super) fn validate(&self) -> Result<(), Error> {
        match self.sample {
            Some(rows) if rows < LEAST_SAMPLE => Err(Error::Setting(format!(
                "--sample is {rows}: give a number from {LEAST_SAMPLE} on"
            ))),
            _ => Ok(()),
        }
    }

    /// The columns that are said to be states.
    fn states(&self) -> impl Iterator<Item = &WantedKind> {
        self.kind.iter().filter(|wanted| wanted.kind.is_none())
    }

    /// The wishes about columns.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            label: self.label.clone(),
            normal: self.normal.clone(),
            time: self.time.clone(),
            group: self.group.clone(),
            ignore: self.ignore.clone(),
            condition: self.condition.clone(),
            reading: self.reading.clone(),
            states: self.states().map(|wanted| wanted.column.clone()).collect(),
            sentinels: self.sentinels.clone(),
        }
    }
}
