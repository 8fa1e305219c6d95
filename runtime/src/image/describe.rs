//! Back from an image to the description of its model, for hosts.

use super::group::groups;
use super::{
    ColumnSpec, ComponentSpec, DenseSpec, ImageSpec, InputSpec, LayerSpec, LikelihoodSpec,
    LocationSpec, PriorSpec, StatisticsSpec, StreamSpec,
};
use crate::distribution::{Likelihood, Location, Prior};
use crate::kernel::{Dense, WeightBits};
use crate::layer::{LayerRole, LayerView};
use crate::model::Model;
use crate::requantize::Multiplier;
use std::string::ToString;
use std::vec::Vec;

impl ImageSpec {
    /// The description of `model`. Written again without calibration tables, it gives an image of the same
    /// integers, but for the precisions of a mixture, which the writer computes from its rounded
    /// log-variances.
    #[must_use]
    pub fn of(model: &Model<'_>) -> Self {
        let half = |role| {
            let layers = model.layers().filter(move |layer| layer.role == role);
            layers.filter_map(|layer| layer_spec(&layer)).collect()
        };
        let last = |role| {
            let mut layers = model.layers().filter(|layer| layer.role == role);
            layers.next().map_or(EMPTY, |layer| layer.to_spec())
        };
        let numbers = model.centers.iter().zip(model.exponents).zip(model.gains);
        let inputs = numbers.map(|((&center, &exponent), &gain)| InputSpec {
            center,
            exponent,
            gain: Multiplier::from_validated(gain),
        });
        Self {
            name: model.name().to_string(),
            columns: columns(model),
            picture_width: model.picture_width as u16,
            inputs: inputs.collect(),
            input_ceiling: model.input_ceiling,
            conditions: multipliers(model.conditions),
            stream: model.stream.as_ref().map(|stream| StreamSpec {
                front_end: stream.front_end.clone(),
                hop: stream.hop,
                rate_millihertz: stream.rate_millihertz,
                exponents: stream.exponents.to_vec(),
            }),
            typical: floats(model.typical),
            prior: prior(&model.prior),
            likelihood: likelihood(&model.likelihood),
            packing: model.packing,
            latent_fraction_bits: model.latent_fraction_bits as u8,
            posterior: model.posterior,
            encoder: half(LayerRole::Encoder),
            heads: last(LayerRole::Heads),
            decoder: half(LayerRole::Decoder),
            output: last(LayerRole::Output),
            statistics: StatisticsSpec::of(&model.statistics),
            noise: model.noise,
            self_test_reading: model.self_test.reading.to_vec(),
        }
    }
}

/// The columns; none where nothing is known of them.
fn columns(model: &Model<'_>) -> Vec<ColumnSpec> {
    let columns = (0..model.columns()).filter_map(|index| model.column(index));
    let columns = columns.map(|column| ColumnSpec {
        name: column.name().to_string(),
        unit: column.unit().to_string(),
        offset: column.offset(),
    });
    let columns: Vec<ColumnSpec> = columns.collect();
    if columns
        .iter()
        .all(|column| *column == ColumnSpec::default())
    {
        return Vec::new();
    }
    columns
}

/// A layer that no model lacks.
const EMPTY: DenseSpec = DenseSpec {
    bits: WeightBits::Eight,
    weights: Vec::new(),
    rows: Vec::new(),
};

impl LayerView<'_> {
    /// Weights, biases and multipliers.
    #[must_use]
    pub fn to_spec(&self) -> DenseSpec {
        let Dense {
            columns,
            packing,
            bits,
            weights,
            rows,
            ..
        } = self.dense;
        let row = |row| {
            (0..columns).map(move |column| bits.weight(packing, weights, columns, row, column))
        };
        DenseSpec {
            bits,
            weights: (0..rows.len()).flat_map(row).collect(),
            rows: rows.to_vec(),
        }
    }
}

/// A hidden layer; none of one with wide outputs.
fn layer_spec(layer: &LayerView<'_>) -> Option<LayerSpec> {
    let (activation, quantization) = layer.activation?;
    Some(LayerSpec {
        kind: layer.kind,
        dense: layer.to_spec(),
        activation,
        zero_point: quantization.zero_point,
        ceiling: quantization.ceiling,
    })
}

fn multipliers(words: &[u32]) -> Vec<Multiplier> {
    let words = words.iter();
    words
        .map(|&word| Multiplier::from_validated(word))
        .collect()
}

/// Q16.16 numbers, exactly.
fn floats(numbers: &[i32]) -> Vec<f64> {
    let numbers = numbers.iter();
    numbers.map(|&number| f64::from(number) / 65536.0).collect()
}

fn prior(prior: &Prior<'_>) -> PriorSpec {
    let mixture = match prior {
        Prior::Standard => return PriorSpec::Standard,
        Prior::Bernoulli(coins) => return PriorSpec::Bernoulli(floats(coins.log_odds)),
        Prior::Mixture(mixture) => mixture,
    };
    let log_weights = floats(mixture.log_weights).into_iter();
    let components = log_weights.zip(mixture.components());
    let spec = components.map(|(log_weight, component)| ComponentSpec {
        log_weight,
        mean: floats(component.mean),
        log_variance: floats(component.log_variance),
    });
    PriorSpec::Mixture(spec.collect())
}

fn likelihood(likelihood: &Likelihood<'_>) -> LikelihoodSpec {
    match likelihood {
        Likelihood::Binomial(binomial) => LikelihoodSpec::Binomial {
            trials: binomial.trials(),
        },
        Likelihood::Location(location) => LikelihoodSpec::Location(location_spec(location)),
        Likelihood::Heterogeneous(heterogeneous) => {
            LikelihoodSpec::Heterogeneous(groups(heterogeneous))
        }
    }
}

fn location_spec(location: &Location<'_>) -> LocationSpec {
    LocationSpec {
        family: location.family,
        predicted_scale: location.predicted_scale,
        standardize: multipliers(location.standardize),
        units: multipliers(location.units),
        log_normalizers: floats(location.log_normalizers),
    }
}
