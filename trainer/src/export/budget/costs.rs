//! The cost of a score on a core: a model of the counts that the emulator took.

use super::shape::{Granules, Shape, Statistics, network};
use crate::config::{Core, HiddenLayer, LikelihoodKind};
use crate::error::Error;
use crate::model::Gaussian;
use crate::numeric::least_squares;
use crate::quantize::LARGEST_I8;
use elbow::distribution::{Likelihood, Prior};
use elbow::layer::WeightBits;
use elbow::{LayerRole, Model};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Measurements of `cargo xtask costs`.
const MEASURED: &str = include_str!("measured.json");

/// One of so many models is left out of each fit that tells the error of those left out.
const HELD_OUT: usize = 5;

/// The file's contents.
#[derive(Debug, Deserialize)]
struct Measurements {
    cores: BTreeMap<String, Base>,
    models: Vec<Measured>,
    statistics: Vec<Beside>,
}

/// Flash and stack of every product on one core.
#[derive(Clone, Debug, Deserialize)]
struct Base {
    /// Features of the runtime -> flash of the least product with them.
    flash_bytes: BTreeMap<String, usize>,
    stack_bytes: usize,
}

/// A model that was measured.
#[derive(Debug, Deserialize)]
struct Measured {
    inputs: usize,
    encoder: Vec<HiddenLayer>,
    latents: usize,
    decoder: Vec<HiddenLayer>,
    likelihood: LikelihoodKind,
    #[serde(default)]
    wide_inputs: bool,
    /// Instructions of encoding, and of a whole score.
    cores: BTreeMap<String, (f64, f64)>,
}

/// Statistics beside the bound that were measured.
#[derive(Debug, Deserialize)]
struct Beside {
    #[serde(flatten)]
    sizes: Statistics,
    /// Instructions that they add to a score.
    cores: BTreeMap<String, f64>,
}

/// Instructions.
#[derive(Clone, Copy, Debug)]
struct Counts {
    encode: f64,
    score: f64,
}

/// Features of the runtime that a model of counts needs, and one that is judged by statistics beside the bound.
const COUNTS: [&str; 2] = ["counts", "counts,statistics"];
/// Features that a model of locations needs.
const LOCATIONS: [&str; 2] = [
    "locations,wide-activations",
    "locations,wide-activations,statistics",
];
/// Features that a model of columns of different kinds needs.
const COLUMNS: [&str; 2] = [
    "heterogeneous,wide-activations",
    "heterogeneous,wide-activations,statistics",
];
/// Features of a model that needs more: all that there are by default.
const ALL: &str = "default";

/// The cost of one score by sigma points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Flash: the image, and code and tables of a product that parses it, scores and reads a p-value.
    pub flash_bytes: usize,
    /// Code and tables among these.
    pub code_bytes: usize,
    /// The features of the runtime that the product is built with.
    pub features: &'static str,
    /// RAM: the workspace, the deepest stack (model and session included) and the reading.
    pub ram_bytes: usize,
    /// Instructions, as the cost model has it; none of a model with parts that were not measured: weights of four bits,
    /// 16 bits of activations but of inputs and before the outputs, a mixture for a prior.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
}

/// The cost model of one core.
#[derive(Clone, Debug)]
pub struct CostModel {
    base: Base,
    granules: Granules,
    encoding: Vec<f64>,
    scoring: Vec<f64>,
    of_statistics: Vec<f64>,
    /// The largest relative error of its instructions over all models with one likelihood for all inputs and inputs of 8 bits,
    /// those included that a fit had not seen.
    of_plain: f64,
    /// The largest error over the others, of which fewer were measured.
    of_others: f64,
    /// The largest error of what statistics add.
    of_added: f64,
}

impl CostModel {
    /// Fits the counts that were measured on `core`.
    ///
    /// # Errors
    /// [`Error::Setting`] where nothing was measured on it.
    pub fn of(core: Core) -> Result<Self, Error> {
        let missing = |error: &dyn std::fmt::Display| {
            Error::Setting(format!(
                "no costs are known of {core}: {error}; measure them by `cargo xtask costs`"
            ))
        };
        let measured: Measurements =
            serde_json::from_str(MEASURED).map_err(|error| missing(&error))?;
        let name = core.to_string();
        let base = measured.cores.get(&name);
        let base = base.ok_or_else(|| missing(&"it was not measured"))?;
        let models: Vec<(Shape, Counts)> = measured
            .models
            .iter()
            .filter_map(|model| {
                let &(encode, score) = model.cores.get(&name)?;
                Some((model.shape()?, Counts { encode, score }))
            })
            .collect();
        let seen = |fold: usize| {
            let kept = models.iter().enumerate();
            kept.filter(move |(at, _)| at % HELD_OUT != fold)
                .map(|(_, model)| model)
        };
        let beside = measured.statistics.iter();
        let beside = beside.filter_map(|beside| Some((beside.sizes, *beside.cores.get(&name)?)));
        let beside: Vec<(Statistics, f64)> = beside.collect();
        let granules = Granules::of(core.packing());
        // No model is in this fold: all are fitted.
        let mut all = Self::fit((base, granules), seen(HELD_OUT));
        for model in &models {
            all.note(&model.0, all.error(model));
        }
        for fold in 0..HELD_OUT {
            let part = Self::fit((base, granules), seen(fold));
            for model in models.iter().skip(fold).step_by(HELD_OUT) {
                all.note(&model.0, part.error(model));
            }
        }
        all.add(&beside);
        Ok(all)
    }

    fn fit<'m>(
        (base, granules): (&Base, Granules),
        models: impl Iterator<Item = &'m (Shape, Counts)> + Clone,
    ) -> Self {
        let rows = |features: fn(&Shape, Granules) -> Vec<f64>| {
            let rows = models.clone().map(|(shape, _)| features(shape, granules));
            rows.collect::<Vec<_>>()
        };
        let counts = |count: fn(&Counts) -> f64| {
            let counts = models.clone().map(|(_, counts)| count(counts));
            counts.collect::<Vec<_>>()
        };
        let encode = counts(|counts| counts.encode);
        let passes = counts(|counts| counts.score - counts.encode);
        let plain: Vec<bool> = models.clone().map(|(shape, _)| shape.is_plain()).collect();
        Self {
            base: base.clone(),
            granules,
            encoding: in_two(&rows(Shape::encoding), &encode, &plain),
            scoring: in_two(&rows(Shape::scoring), &passes, &plain),
            of_statistics: vec![],
            of_plain: 0.0,
            of_others: 0.0,
            of_added: 0.0,
        }
    }

    /// Fits what statistics add to a score.
    fn add(&mut self, beside: &[(Statistics, f64)]) {
        let fit = |beside: &[&(Statistics, f64)]| {
            let rows: Vec<Vec<f64>> = beside.iter().map(|(sizes, _)| sizes.features()).collect();
            let added: Vec<f64> = beside.iter().map(|(_, added)| *added).collect();
            least_squares::fit(&rows, &added, &[])
        };
        for fold in 0..=HELD_OUT {
            let (unseen, seen): (Vec<_>, Vec<_>) = (0..beside.len())
                .map(|at| (at, &beside[at]))
                .partition(|(at, _)| at % HELD_OUT == fold);
            let seen: Vec<&(Statistics, f64)> = seen.into_iter().map(|(_, one)| one).collect();
            // Nothing is in the last fold: all are fitted.
            self.of_statistics = fit(&seen);
            let judged = if unseen.is_empty() {
                seen
            } else {
                unseen.into_iter().map(|(_, one)| one).collect()
            };
            for (sizes, added) in judged {
                let error = product(&self.of_statistics, &sizes.features()) / added - 1.0;
                self.of_added = self.of_added.max(error.abs());
            }
        }
    }

    /// The largest relative error of the instructions of models of the kind of `model` that were measured, those included
    /// that a fit had not seen.
    pub fn largest_error(&self, model: &Model<'_>) -> f64 {
        let shape = Shape::of(model);
        let of_score = match shape.is_plain() {
            true => self.of_plain,
            false => self.of_others,
        };
        match shape.statistics {
            Some(_) => of_score.max(self.of_added),
            None => of_score,
        }
    }

    /// Takes the error of a model in.
    fn note(&mut self, shape: &Shape, error: f64) {
        let largest = match shape.is_plain() {
            true => &mut self.of_plain,
            false => &mut self.of_others,
        };
        *largest = largest.max(error);
    }

    fn error(&self, (shape, counts): &(Shape, Counts)) -> f64 {
        (self.instructions(shape) / counts.score - 1.0).abs()
    }

    fn instructions(&self, shape: &Shape) -> f64 {
        let statistics = shape.statistics.map_or(vec![], Statistics::features);
        product(&self.encoding, &shape.encoding(self.granules))
            + product(&self.scoring, &shape.scoring(self.granules))
            + product(&self.of_statistics, &statistics)
    }

    /// The deepest stack of a product.
    #[must_use]
    pub fn stack_bytes(&self) -> usize {
        self.base.stack_bytes
    }

    /// The cost of a score of `model`.
    #[must_use]
    pub fn cost(&self, model: &Model<'_>) -> Cost {
        let features = features(model);
        let code_bytes = self.base.flash_bytes.get(features).copied().unwrap_or(0);
        Cost {
            flash_bytes: code_bytes + model.image_length(),
            code_bytes,
            features,
            ram_bytes: self.base.stack_bytes
                + 8 * model.workspace_words()
                + model.reading_length() * size_of::<i16>(),
            instructions: (!has_narrow_weights(model)
                && !has_mixture(model)
                && !has_wide_units(model))
            .then(|| self.instructions(&Shape::of(model)).round() as u64),
        }
    }
}

/// The sum of the coefficients, each times its feature.
fn product(coefficients: &[f64], features: &[f64]) -> f64 {
    let pairs = coefficients.iter().zip(features);
    pairs
        .map(|(coefficient, feature)| coefficient * feature)
        .sum()
}

/// The coefficients of what all models have, by those that are `plain`, and beside them those of what only others have.
fn in_two(rows: &[Vec<f64>], targets: &[f64], plain: &[bool]) -> Vec<f64> {
    let of_plain: Vec<usize> = (0..rows.len()).filter(|&at| plain[at]).collect();
    let own: Vec<Vec<f64>> = of_plain.iter().map(|&at| rows[at].clone()).collect();
    let own_targets: Vec<f64> = of_plain.iter().map(|&at| targets[at]).collect();
    let found = least_squares::fit(&own, &own_targets, &[]);
    let has = |column: usize| own.iter().any(|row| row[column] != 0.0);
    let held = found.iter().enumerate();
    let held: Vec<Option<f64>> = held
        .map(|(column, &found)| has(column).then_some(found))
        .collect();
    least_squares::fit(rows, targets, &held)
}

fn has_mixture(model: &Model<'_>) -> bool {
    matches!(model.prior(), Prior::Mixture(_))
}

/// Whether activations have 16 bits elsewhere than before the outputs.
fn has_wide_units(model: &Model<'_>) -> bool {
    let widths = |role| {
        let layers = model.layers().filter(move |layer| layer.role == role);
        layers.filter_map(|layer| Some(layer.activation?.1.ceiling > LARGEST_I8))
    };
    let before_last = model
        .layers()
        .filter(|layer| layer.role == LayerRole::Decoder);
    let before_last = before_last.count().saturating_sub(1);
    widths(LayerRole::Encoder)
        .chain(widths(LayerRole::Decoder).take(before_last))
        .any(|wide| wide)
}

/// Whether p-values are of more than the counted bounds.
fn has_statistics(model: &Model<'_>) -> bool {
    model.features().any(|feature| feature == "statistics")
}

fn has_narrow_weights(model: &Model<'_>) -> bool {
    model.layers().any(|layer| layer.bits != WeightBits::Eight)
}

/// The features of the runtime that products are measured with and that `model` needs.
fn features(model: &Model<'_>) -> &'static str {
    let more = model.conditions() > 0
        || model.stream().is_some()
        || has_mixture(model)
        || has_narrow_weights(model)
        || model.input_ceiling() > LARGEST_I8.unsigned_abs();
    let [bound_alone, with_statistics] = match model.likelihood() {
        _ if more => return ALL,
        Likelihood::Binomial(_) => COUNTS,
        Likelihood::Location(_) => LOCATIONS,
        Likelihood::Heterogeneous(_) => COLUMNS,
    };
    match has_statistics(model) {
        true => with_statistics,
        false => bound_alone,
    }
}

impl Measured {
    fn shape(&self) -> Option<Shape> {
        let wide = match self.likelihood {
            LikelihoodKind::Auto => return None,
            LikelihoodKind::Binomial { .. } => false,
            LikelihoodKind::Location { .. } | LikelihoodKind::Columns(_) => true,
        };
        let terms = Shape::terms(&self.likelihood, self.inputs);
        let rows = terms
            .iter()
            .map(|(terms, inputs)| terms.rows_per_input() * inputs);
        let heads = Gaussian::HEADS * self.latents;
        Some(Shape {
            numbers: self.inputs,
            inputs: self.inputs,
            latents: self.latents,
            encoder: network(self.inputs, &self.encoder, heads),
            decoder: network(self.latents, &self.decoder, rows.sum()),
            wide_inputs: self.wide_inputs,
            wide,
            terms,
            statistics: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_core_has_costs_and_a_small_error() {
        for (core, most) in [
            (Core::M0, 0.06),
            (Core::M3, 0.10),
            (Core::M4, 0.10),
            (Core::M7, 0.10),
            (Core::M33, 0.10),
            (Core::M55, 0.20),
            (Core::Rv32imc, 0.10),
            (Core::Rv32imac, 0.10),
        ] {
            let costs = CostModel::of(core).unwrap();
            let CostModel {
                of_plain,
                of_others,
                of_added,
                ..
            } = costs;
            println!(
                "{core}: {:.1} %, others {:.1} %, statistics {:.1} %",
                100.0 * of_plain,
                100.0 * of_others,
                100.0 * of_added
            );
            assert!(of_plain > 0.0 && of_plain < most, "{core}: {of_plain}");
            assert!(of_others > 0.0 && of_others < 0.16, "{core}: {of_others}");
            assert!(of_added > 0.0 && of_added < 0.16, "{core}: {of_added}");
        }
    }
}
