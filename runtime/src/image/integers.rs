//! The integers of a description: the numbers of its tensors.

use super::group::heterogeneous_words;
use super::rounded::to_q16;
use super::{
    ColumnSpec, ComponentSpec, DenseSpec, GroupSpec, ImageSpec, LikelihoodSpec, PriorSpec,
};
use crate::distribution::Kind;
use crate::requantize::Multiplier;
use std::borrow::ToOwned;
use std::string::{String, ToString};
use std::vec::Vec;

/// The tensors of an image but those that a description has as integers.
#[derive(Default)]
pub(super) struct Integers {
    pub(super) columns: String,
    pub(super) centers: Vec<i16>,
    pub(super) exponents: Vec<i8>,
    pub(super) gains: Vec<u32>,
    pub(super) conditions: Vec<u32>,
    pub(super) typical: Vec<i32>,
    pub(super) mixture: MixtureIntegers,
    /// Of a prior of bits.
    pub(super) log_odds: Vec<i32>,
    pub(super) likelihood: LikelihoodIntegers,
    /// The weights of each layer of the encoder.
    pub(super) encoder: Vec<Vec<u8>>,
    /// The weights of each layer of the decoder.
    pub(super) decoder: Vec<Vec<u8>>,
}

/// A mixture prior.
#[derive(Default)]
pub(super) struct MixtureIntegers {
    pub(super) log_weights: Vec<i32>,
    pub(super) means: Vec<i32>,
    pub(super) log_variances: Vec<i32>,
    pub(super) precisions: Vec<i32>,
}

/// A likelihood; what other likelihoods have is empty.
#[derive(Default)]
pub(super) struct LikelihoodIntegers {
    pub(super) log_choose: Vec<i32>,
    pub(super) standardize: Vec<u32>,
    pub(super) units: Vec<u32>,
    pub(super) log_normalizers: Vec<i32>,
    pub(super) kinds: Vec<u8>,
    pub(super) words: Vec<[u32; 3]>,
    pub(super) tables: Vec<i32>,
}

impl Integers {
    pub(super) fn of(spec: &ImageSpec) -> Self {
        let unknown = std::vec![0.0; spec.modelled()];
        let typical = if spec.typical.is_empty() {
            &unknown
        } else {
            &spec.typical
        };
        let encoder = spec.encoder.iter().map(|layer| &layer.dense);
        let decoder = spec.decoder.iter().map(|layer| &layer.dense);
        let pack = |dense: &DenseSpec| {
            let DenseSpec { bits, weights, .. } = dense;
            bits.pack(spec.packing, dense.columns(), weights)
        };
        Self {
            columns: column_text(&spec.columns),
            centers: spec.inputs.iter().map(|input| input.center).collect(),
            exponents: spec.inputs.iter().map(|input| input.exponent).collect(),
            gains: spec.inputs.iter().map(|i| i.gain.to_word()).collect(),
            conditions: to_words(&spec.conditions),
            typical: to_q16s(typical),
            mixture: MixtureIntegers::of(&spec.prior),
            log_odds: match &spec.prior {
                PriorSpec::Bernoulli(log_odds) => to_q16s(log_odds),
                PriorSpec::Standard | PriorSpec::Mixture(_) => Vec::new(),
            },
            likelihood: LikelihoodIntegers::of(&spec.likelihood),
            encoder: encoder.chain([&spec.heads]).map(pack).collect(),
            decoder: decoder.chain([&spec.output]).map(pack).collect(),
        }
    }
}

impl MixtureIntegers {
    fn of(prior: &PriorSpec) -> Self {
        let PriorSpec::Mixture(components) = prior else {
            return Self::default();
        };
        let all = |numbers: fn(&ComponentSpec) -> Vec<f64>| {
            let numbers = components.iter().flat_map(numbers);
            numbers.map(to_q16).collect()
        };
        Self {
            log_weights: all(|component| std::vec![component.log_weight]),
            means: all(|component| component.mean.clone()),
            log_variances: all(|component| component.log_variance.clone()),
            precisions: all(ComponentSpec::precisions),
        }
    }
}

impl LikelihoodIntegers {
    fn of(likelihood: &LikelihoodSpec) -> Self {
        match likelihood {
            LikelihoodSpec::Binomial { trials } => Self {
                log_choose: log_choose(*trials),
                ..Self::default()
            },
            LikelihoodSpec::Location(location) => Self {
                standardize: to_words(&location.standardize),
                units: to_words(&location.units),
                log_normalizers: to_q16s(&location.log_normalizers),
                ..Self::default()
            },
            LikelihoodSpec::Heterogeneous(groups) => {
                let (words, tables) = heterogeneous_words(groups);
                let kinds = groups.iter().flat_map(GroupSpec::kinds);
                Self {
                    kinds: kinds.map(Kind::to_byte).collect(),
                    words,
                    tables,
                    ..Self::default()
                }
            }
        }
    }
}

/// The text on the columns, a line for each; nothing where nothing is known of any.
fn column_text(columns: &[ColumnSpec]) -> String {
    let plain = |text: &str| text.replace(['\t', '\n'], " ");
    let line = |column: &ColumnSpec| {
        let offset = match column.offset {
            0 => String::new(),
            offset => offset.to_string(),
        };
        let line = [plain(&column.name), plain(&column.unit), offset].join("\t");
        line.trim_end_matches('\t').to_owned()
    };
    let lines: Vec<String> = columns.iter().map(line).collect();
    lines.join("\n").trim_end_matches('\n').to_owned()
}

impl ComponentSpec {
    /// The reciprocals of the standard deviations.
    fn precisions(&self) -> Vec<f64> {
        let log_variances = self.log_variance.iter();
        log_variances.map(|log| (-0.5 * log).exp()).collect()
    }
}

/// `ln C(trials, x)` for `x = 0..=trials`, Q16.16, rounded to nearest.
fn log_choose(trials: u8) -> Vec<i32> {
    let mut log = 0f64;
    let mut table = std::vec![0];
    for x in 1..=u32::from(trials) {
        // C(n, x) = C(n, x - 1) * (n - x + 1) / x
        log += (f64::from(u32::from(trials) + 1 - x) / f64::from(x)).ln();
        table.push((log * 65536.0).round().max(0.0) as i32);
    }
    table
}

fn to_q16s(values: &[f64]) -> Vec<i32> {
    values.iter().map(|&value| to_q16(value)).collect()
}

fn to_words(multipliers: &[Multiplier]) -> Vec<u32> {
    let multipliers = multipliers.iter();
    multipliers.map(|multiplier| multiplier.to_word()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_choose_of_four() {
        let exact = [1f64, 4.0, 6.0, 4.0, 1.0].map(|c| (c.ln() * 65536.0).round() as i32);
        assert_eq!(log_choose(4), exact);
        assert_eq!(log_choose(255).last(), Some(&0));
    }
}
