//! The sizes that the cost of a score is made of: numbers that instructions grow with.

use crate::config::{HiddenLayer, LikelihoodKind, Scale};
use crate::likelihood::Terms;
use crate::quantize::LARGEST_I8;
use elbow::layer::{LayerShape, Packing, WeightBits};
use elbow::{LayerRole, Model};
use serde::Deserialize;

/// The layers of a network: hidden ones, and a dense one that gives `outputs`.
pub(super) fn network(
    mut inputs: usize,
    hidden: &[HiddenLayer],
    outputs: usize,
) -> Vec<LayerShape> {
    let last = HiddenLayer::from(outputs);
    let layers = hidden.iter().chain([&last]).map(|layer| {
        let shape = layer.shape(inputs);
        inputs = shape.outputs();
        shape
    });
    layers.collect()
}

/// The sizes of a model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    /// Numbers of a reading, conditions included.
    pub(super) numbers: usize,
    /// Numbers that are modelled.
    pub(super) inputs: usize,
    /// Numbers in a latent vector.
    pub(super) latents: usize,
    /// Layers from the reading to the heads.
    pub(super) encoder: Vec<LayerShape>,
    /// Layers from the latents to the outputs.
    pub(super) decoder: Vec<LayerShape>,
    /// Whether the encoder takes 16 bits in.
    pub(super) wide_inputs: bool,
    /// Whether the last hidden layer of the decoder hands on 16 bits.
    pub(super) wide: bool,
    /// The terms of the likelihood, and inputs that have such.
    pub(super) terms: Vec<(Terms, usize)>,
    /// Those of the statistics beside the bound, where there are some.
    pub(super) statistics: Option<Statistics>,
}

/// The sizes of statistics beside the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Statistics {
    /// Numbers that are judged.
    pub(super) inputs: usize,
    /// Readings that each reading is compared with.
    pub(super) prototypes: usize,
    /// Whether these are of four bits.
    pub(super) narrow: bool,
    /// Whether there is a curve for each input.
    pub(super) columns: bool,
}

impl Statistics {
    fn of(model: &Model<'_>) -> Option<Self> {
        model.joins_statistics().then(|| Self {
            inputs: model.inputs(),
            prototypes: model.prototypes(),
            narrow: model.prototype_bits() == WeightBits::Four,
            columns: model.column_knots() > 0,
        })
    }

    /// The sizes that instructions grow with.
    pub(super) fn features(self) -> Vec<f64> {
        let inputs = self.inputs as f64;
        let columns = f64::from(u8::from(self.columns));
        let prototypes = self.prototypes as f64;
        // Only for prototypes does a reading become one of their unit.
        let in_unit = if self.prototypes > 0 { inputs } else { 0.0 };
        let (wide, narrow) = match self.narrow {
            true => (0.0, prototypes * inputs),
            false => (prototypes * inputs, 0.0),
        };
        vec![
            1.0,
            columns,
            in_unit,
            prototypes,
            wide,
            narrow,
            columns * inputs,
        ]
    }
}

/// Rows that every core computes together.
const ROWS_TOGETHER: usize = 4;

/// Numbers of rows and columns that a core's kernels compute together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Granules {
    rows: usize,
    /// Columns of 8 bits.
    narrow: usize,
    /// Columns of 16 bits.
    wide: usize,
}

impl Granules {
    /// The granules of the kernels for a packing.
    pub(super) fn of(packing: Packing) -> Self {
        let (rows, narrow, wide) = match packing {
            Packing::Tiles => (8, 4, 4),
            Packing::PairedTiles => (4, 4, 4),
            Packing::Rows => (4, 16, 8),
        };
        Self { rows, narrow, wide }
    }

    /// Sizes of some layers, each time they run: how many, columns, rows but for those of the last layer, products.
    fn sizes(self, layers: &[LayerShape], columns: usize) -> [f64; 4] {
        let columns = |layer: &LayerShape| layer.columns.next_multiple_of(columns);
        let rows = |layer: &LayerShape| layer.windows * layer.rows.next_multiple_of(self.rows);
        let hidden = layers.iter().rev().skip(1);
        let layers = layers.iter();
        let sizes: [usize; 4] = [
            layers.clone().map(|layer| layer.windows).sum(),
            layers
                .clone()
                .map(|layer| layer.windows * columns(layer))
                .sum(),
            hidden.map(rows).sum(),
            layers.map(|layer| columns(layer) * rows(layer)).sum(),
        ];
        sizes.map(|size| size as f64)
    }
}

impl Shape {
    /// The sizes of a model.
    pub(super) fn of(model: &Model<'_>) -> Self {
        let layers = |roles: [LayerRole; 2]| {
            let layers = model.layers().filter(|layer| roles.contains(&layer.role));
            layers.map(|layer| layer.shape).collect()
        };
        let last = model
            .layers()
            .filter(|layer| layer.role == LayerRole::Decoder);
        let wide = last.last().and_then(|layer| layer.activation);
        Self {
            numbers: model.reading_length(),
            inputs: model.inputs(),
            latents: model.latents(),
            encoder: layers([LayerRole::Encoder, LayerRole::Heads]),
            decoder: layers([LayerRole::Decoder, LayerRole::Output]),
            wide_inputs: model.input_ceiling() > LARGEST_I8.unsigned_abs(),
            wide: wide.is_some_and(|(_, limits)| limits.ceiling > LARGEST_I8),
            terms: Self::terms(&LikelihoodKind::of(model), model.inputs()),
            statistics: Statistics::of(model),
        }
    }

    /// The terms of so many inputs.
    pub(super) fn terms(likelihood: &LikelihoodKind, inputs: usize) -> Vec<(Terms, usize)> {
        match likelihood {
            // No model has it.
            LikelihoodKind::Auto => vec![],
            LikelihoodKind::Binomial { .. } => vec![(Terms::Counts, inputs)],
            LikelihoodKind::Location { family, scale } => {
                let predicted = *scale == Scale::Predicted;
                vec![(Terms::of_location(*family, predicted), inputs)]
            }
            LikelihoodKind::Columns(kinds) => {
                let kinds = kinds.iter();
                kinds.map(|kind| (kind.cost(), kind.numbers())).collect()
            }
        }
    }

    /// Whether one likelihood is of all inputs, and 8 bits are taken in of them.
    pub(super) fn is_plain(&self) -> bool {
        let of_columns = |(terms, _): &(Terms, usize)| terms.is_of_column();
        !self.wide_inputs && !self.terms.iter().any(of_columns)
    }

    /// Inputs that have such terms.
    fn inputs_of(&self, terms: Terms) -> usize {
        let own = self.terms.iter().filter(|(own, _)| *own == terms);
        own.map(|(_, inputs)| inputs).sum()
    }

    /// The sizes that instructions of encoding grow with.
    pub(super) fn encoding(&self, granules: Granules) -> Vec<f64> {
        // Counts are checked against their support.
        let checked = self.inputs_of(Terms::Counts);
        let numbers = [1, self.numbers, checked, self.latents].map(|number| number as f64);
        let (narrow, wide) = match self.wide_inputs {
            true => (&self.encoder[1..], &self.encoder[..1]),
            false => (&self.encoder[..], &[][..]),
        };
        let narrow = granules.sizes(narrow, granules.narrow);
        let [_, columns, _, products] = granules.sizes(wide, granules.wide);
        let rows = wide.first().map_or(0.0, |layer| layer.outputs() as f64);
        [&numbers[..], &narrow, &[columns, products, rows]].concat()
    }

    /// The sizes that instructions of a score by sigma points grow with beside those of encoding. Passes run four at
    /// once; two that are left of an odd number of latents count as four.
    pub(super) fn scoring(&self, granules: Granules) -> Vec<f64> {
        let latents = self.latents as f64;
        let passes = 2.0 * latents;
        let mut features = vec![1.0, latents, passes * latents];
        for &terms in Terms::all() {
            features.push(passes * self.inputs_of(terms) as f64);
        }
        let runs = self.latents.div_ceil(2) as f64;
        features.extend(self.pass(granules).into_iter().map(|size| runs * size));
        features
    }

    /// The sizes that instructions of the decoder grow with each time it runs: its layers by what they take in,
    /// which is 16 bits wide of the first one, and of the last one where its inputs are.
    fn pass(&self, granules: Granules) -> Vec<f64> {
        let (first, behind) = self.decoder.split_at(1);
        let last = &self.decoder[self.decoder.len() - 1..];
        let (narrow, wide) = match self.wide {
            true => (&behind[..behind.len().saturating_sub(1)], last),
            false => (behind, &[][..]),
        };
        let (rows, last_columns) = (last[0].outputs(), last[0].columns);
        let [_, first_columns, _, first_products] = granules.sizes(first, granules.wide);
        let [_, wide_columns, _, wide_products] = granules.sizes(wide, granules.wide);
        let wide_rows = wide.first().map_or(0, |layer| layer.columns);
        let mut features = vec![
            1.0,
            rows as f64,
            first[0].outputs() as f64,
            wide_rows as f64,
        ];
        // The last rows, where they are no four, are computed by slower code.
        let rest = f64::from(u8::from(!rows.is_multiple_of(ROWS_TOGETHER)));
        let (of_wide, of_narrow) = match self.wide {
            true => (last_columns, 0),
            false => (0, last_columns),
        };
        features.extend([1, of_wide, of_narrow].map(|columns| rest * columns as f64));
        let [layers, columns, _, products] = granules.sizes(narrow, granules.narrow);
        let [_, _, hidden_rows, _] = granules.sizes(behind, granules.narrow);
        features.extend([layers, columns, hidden_rows, products]);
        features.extend([first_columns, first_products, wide_columns, wide_products]);
        features
    }
}
