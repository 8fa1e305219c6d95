//! Settings, and what was derived from the data by them.

use super::Normalization;
use super::ranges::Range;
use super::stream::DerivedStream;
use crate::config::{
    Config, DataConfig, ExportConfig, LikelihoodKind, Limits, ModelConfig, TrainConfig,
};
use crate::data::{self, NamedRole};
use elbow::image::ColumnSpec;
use serde::{Deserialize, Serialize};

/// Everything in `config.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SettingsFile", into = "SettingsFile")]
pub struct RunConfig {
    /// The settings.
    pub settings: Config,
    /// The facts that were derived from the data.
    pub derived: Derived,
}

/// A file of settings: a table for each group, each setting with its default where it does not stand, and in the folder
/// of a run what was derived from the data.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SettingsFile {
    data: DataConfig,
    model: ModelConfig,
    train: TrainConfig,
    export: ExportConfig,
    /// The facts that were derived from the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    derived: Option<Derived>,
}

impl SettingsFile {
    /// The settings.
    fn settings(self) -> Config {
        Config {
            data: self.data,
            model: self.model,
            train: self.train,
            export: self.export,
        }
    }
}

impl From<RunConfig> for SettingsFile {
    fn from(RunConfig { settings, derived }: RunConfig) -> Self {
        let Config {
            data,
            model,
            train,
            export,
        } = settings;
        Self {
            data,
            model,
            train,
            export,
            derived: Some(derived),
        }
    }
}

impl TryFrom<SettingsFile> for RunConfig {
    type Error = &'static str;

    fn try_from(mut file: SettingsFile) -> Result<Self, Self::Error> {
        let derived = file.derived.take().ok_or("nothing was derived from data")?;
        Ok(Self {
            settings: file.settings(),
            derived,
        })
    }
}

/// Facts that a run derived from its data; with them the float model can be used again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Derived {
    /// The likelihood that was used.
    pub likelihood: LikelihoodKind,
    /// The normalization.
    pub normalization: Normalization,
    /// The latents that carried nothing and were left out of the model, counted from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pruned_latents: Vec<usize>,
    /// The columns of the file that was trained on, and what they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<NamedRole>,
    /// Ranges of the numbers of a reading in training; none of those that are made of windows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
    /// Epochs that `trainer tune` trained on for, in the device's integers.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tuned_epochs: usize,
    /// Facts that were derived of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<DerivedStream>,
    /// The limits that the networks were sized to, and the image is held to.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
}

impl Derived {
    /// The columns as an image has them; none where the data had no file.
    pub fn column_specs(&self) -> Vec<ColumnSpec> {
        let exponents = match &self.stream {
            Some(stream) => &stream.exponents,
            None => &self.normalization.exponents,
        };
        let numbers = data::numbers(&self.columns).into_iter().zip(exponents);
        let columns = numbers.map(|(number, &exponent)| ColumnSpec {
            name: number.name,
            unit: number.unit,
            // Exact: an offset is a multiple of what a raw one is worth.
            offset: (number.offset * 2f64.powi(-i32::from(exponent))).round() as i64,
        });
        columns.collect()
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
