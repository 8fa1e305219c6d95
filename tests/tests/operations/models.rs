//! Models of random weights with everything that an image may hold.

use crate::{SEED, shape};
use elbow::calibration::Noise;
use elbow::distribution::Family;
use elbow::format::AlignedImage;
use elbow::image::{
    CalibrationSpec, ColumnCurvesSpec, ComponentSpec, CurveSpec, ImageSpec, LikelihoodSpec,
    PriorSpec, PrototypesSpec, StatisticsSpec,
};
use elbow::layer::{Packing, WeightBits};
use elbow::requantize::Multiplier;
use elbow::rng::Xoshiro128PlusPlus;
use elbow::statistic::Values;
use elbow::{Mask, Model, PosteriorKind, Session};
use elbow_tests::measure::shapes::{Kind, Shape};
use rand_core::Rng;

/// What a model is made of.
pub(crate) struct Recipe {
    pub(crate) kind: Kind,
    shape: Shape,
    conditions: usize,
    /// Components of the prior, where it is a mixture.
    components: usize,
    /// Whether the latents are bits, and if so whether the prior is of fair coins.
    bits: Option<bool>,
}

impl Recipe {
    /// Models of every likelihood, with conditions and mixtures among them.
    pub(crate) fn all() -> Vec<Self> {
        let counts = |trials| Kind::Counts { trials };
        let real = |family, predicted_scale| Kind::Real {
            family,
            predicted_scale,
        };
        let (normal, laplace) = (Family::Normal, Family::Laplace);
        let gaussian = [
            (counts(1), shape(17, &[], 2, &[9, 11]), 0, 0),
            (counts(16), shape(24, &[12], 3, &[10]), 0, 0),
            (real(normal, false), shape(20, &[13], 5, &[]), 0, 0),
            (real(laplace, false), shape(12, &[8, 8], 1, &[8]), 0, 0),
            (real(normal, true), shape(15, &[10], 4, &[12]), 0, 0),
            (real(laplace, true), shape(9, &[7], 3, &[8, 8, 8]), 0, 0),
            (counts(1), shape(18, &[9], 4, &[]), 2, 0),
            (real(normal, false), shape(14, &[8], 3, &[9]), 1, 3),
            (real(laplace, true), shape(11, &[], 2, &[7]), 0, 5),
            (Kind::Columns, shape(23, &[9], 3, &[11]), 0, 0),
            (Kind::Columns, shape(29, &[], 4, &[9, 12]), 0, 2),
        ]
        .map(|(kind, shape, conditions, components)| Self {
            kind,
            shape,
            conditions,
            components,
            bits: None,
        });
        // Few enough to be enumerated, and more; with hidden layers, whose first one is a sum where weights lie in tiles, without, and
        // with conditions.
        let bits = [
            (counts(1), shape(17, &[9], 5, &[10, 9]), 0, true),
            (counts(16), shape(20, &[8], 4, &[13]), 0, false),
            (real(normal, false), shape(16, &[9], 33, &[11]), 0, true),
            (counts(9), shape(19, &[7], 6, &[]), 0, false),
            (counts(1), shape(18, &[9], 4, &[8]), 1, true),
            (Kind::Columns, shape(21, &[9], 37, &[10]), 0, false),
            (counts(4), shape(15, &[6], 3, &[7]), 0, true),
        ]
        .map(|(kind, shape, conditions, fair)| Self {
            kind,
            shape,
            conditions,
            components: 0,
            bits: Some(fair),
        });
        gaussian.into_iter().chain(bits).collect()
    }

    /// A model of it, packed and quantized in a way that follows from `seed`.
    pub(crate) fn spec(&self, seed: u64, words: &mut Xoshiro128PlusPlus) -> ImageSpec {
        let Self {
            kind,
            shape,
            conditions,
            components,
            bits,
        } = self;
        let mut spec = shape.random_model("random", *kind, seed).unwrap();
        condition(&mut spec, *conditions);
        if *components > 0 {
            spec.prior = mixture(shape.latents - conditions, *components, words);
        }
        if let Some(fair) = *bits {
            make_bits(&mut spec, fair, words);
        }
        // Each packing on each core, and activations of 16 bits in every other model.
        spec.packing = Packing::ALL[seed as usize % Packing::ALL.len()];
        if let (Some(layer), 0) = (spec.decoder.last_mut(), seed % 2) {
            layer.ceiling = 4095;
        }
        if seed % 3 == 1 {
            widen_inputs(&mut spec);
        }
        halve_weights(&mut spec, seed as usize);
        spec.noise = Noise {
            mean_excess: 1 << 15,
            mean_deviation: 1 << 16,
            pair_deviation: 3 << 14,
        };
        spec
    }
}

/// Statistics of random numbers, whose surprises are alike for readings of a model of `spec`.
fn statistics(spec: &ImageSpec, words: &mut Xoshiro128PlusPlus) -> StatisticsSpec {
    const KNOTS: u8 = 5;
    let inputs = spec.inputs.len() - spec.conditions.len();
    let mut number = || words.next_u32() as i32;
    let bits = [WeightBits::Four, WeightBits::Eight][(number() & 1) as usize];
    let bytes = 3 * PrototypesSpec::row_bytes(bits, inputs);
    let rows = (0..bytes).map(|_| (number() >> 24).max(-127) as i8);
    let rows = rows.collect();
    let columns = (0..inputs).flat_map(|_| {
        let mut values: [i16; KNOTS as usize] = [0; _].map(|_: i16| (number() >> 16) as i16);
        values.sort_unstable();
        values
    });
    let values: Vec<i16> = columns.collect();
    let surprises = values.iter().map(|_| (number() & 0x3f) as u8).collect();
    StatisticsSpec {
        prototypes: Some(PrototypesSpec {
            gain: Multiplier::nearest(0.7).unwrap(),
            bits,
            rows,
        }),
        columns: Some(ColumnCurvesSpec {
            knots: KNOTS,
            values,
            surprises,
        }),
        ..StatisticsSpec::default()
    }
}

/// The curve of so many values: a nat at each of a few of them.
fn curve(mut values: Vec<i32>) -> CurveSpec {
    values.sort_unstable();
    let knots: Vec<(i32, f64)> = values
        .into_iter()
        .step_by(7)
        .zip((0..).map(f64::from))
        .collect();
    CurveSpec::through(&knots)
}

/// An image with statistics and with tables of what random readings score, so that p-values vary.
pub(crate) fn calibrated(
    kind: Kind,
    spec: &ImageSpec,
    words: &mut Xoshiro128PlusPlus,
) -> AlignedImage {
    let mut spec = spec.clone();
    spec.statistics = statistics(&spec, words);
    let draft = spec.write(&[]).unwrap();
    let model = Model::parse(&draft).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, SEED).unwrap();
    let mut values = |estimator| -> Vec<Values> {
        let value = |_| {
            let reading = kind.random_reading(&spec.inputs, words);
            let score = session.score(&reading, estimator).unwrap();
            session.statistics(&reading, Mask::ALL, &score)
        };
        (0..40).map(value).collect()
    };
    let best = model.estimator();
    let known = values(best);
    let of = |value: fn(&Values) -> i32| curve(known.iter().map(value).collect());
    let statistics = StatisticsSpec {
        bound: of(|values| values.bound),
        reconstruction: of(|values| values.reconstruction),
        distance: of(|values| values.prototypes),
        sum: of(|values| values.columns),
        ..spec.statistics.clone()
    };
    let tail = CurveSpec::through(&[(0, 4.0), (400 << 16, 9.0)]);
    let joined = known.iter().map(|values| -statistics.joined(values).0);
    let joined: Vec<i32> = joined.collect();
    let joined = CalibrationSpec::of_joined(best, &joined, joined.len(), &tail);
    let others = ["monte-carlo:5", "importance-weighted:4"].map(|name| name.parse().unwrap());
    let tables = [best, others[0], others[1]].map(|estimator| {
        let scores: Vec<i32> = values(estimator)
            .iter()
            .map(|values| -values.bound)
            .collect();
        CalibrationSpec::of_bounds(estimator, &scores, 16, &CurveSpec::default())
    });
    spec.statistics = statistics;
    let tables = [&tables[..], &[joined]].concat();
    spec.write(&tables).unwrap()
}

/// Makes conditions of the last inputs and latents of a model.
fn condition(spec: &mut ImageSpec, conditions: usize) {
    let columns = spec.heads.weights.len() / spec.heads.rows.len();
    let rows = spec.heads.rows.len() - 2 * conditions;
    spec.heads.rows.truncate(rows);
    spec.heads.weights.truncate(rows * columns);
    let columns = spec.output.weights.len() / spec.output.rows.len();
    let modelled = spec.inputs.len() - conditions;
    let rows = spec.output.rows.len() / spec.inputs.len() * modelled;
    spec.output.rows.truncate(rows);
    spec.output.weights.truncate(rows * columns);
    if let LikelihoodSpec::Location(location) = &mut spec.likelihood {
        location.standardize.truncate(modelled);
        location.units.truncate(modelled);
        location.log_normalizers.truncate(modelled);
    }
    let gain =
        |input: &elbow::image::InputSpec| Multiplier::nearest(input.gain.to_f64() * 100.0).unwrap();
    spec.conditions = spec.inputs[modelled..].iter().map(gain).collect();
}

/// Makes 12 bits of what the encoder takes in.
fn widen_inputs(spec: &mut ImageSpec) {
    spec.input_ceiling = 127 * 16;
    for input in &mut spec.inputs {
        input.gain = Multiplier::nearest(16.0 * input.gain.to_f64()).unwrap();
    }
    let first = spec.encoder.first_mut().map(|layer| &mut layer.dense);
    for row in &mut first.unwrap_or(&mut spec.heads).rows {
        row.multiplier = Multiplier::nearest(row.multiplier.to_f64() / 16.0).unwrap();
        row.bias *= 16;
    }
}

/// Makes the weights of every other layer, from layer `first % 2` on, ones of four bits.
fn halve_weights(spec: &mut ImageSpec, first: usize) {
    let hidden = spec.encoder.iter_mut().chain(&mut spec.decoder);
    let layers = hidden.map(|layer| &mut layer.dense);
    let layers = layers.chain([&mut spec.heads, &mut spec.output]);
    for dense in layers.skip(first % 2).step_by(2) {
        dense.bits = WeightBits::Four;
        dense.weights.iter_mut().for_each(|w| *w = *w / 16 * 16);
    }
}

/// Makes bits of the latents, each with a chance of its own.
fn make_bits(spec: &mut ImageSpec, fair: bool, words: &mut Xoshiro128PlusPlus) {
    let (latents, columns) = (spec.latents(), spec.heads.columns());
    spec.heads.rows.truncate(latents);
    spec.heads.weights.truncate(latents * columns);
    spec.posterior = PosteriorKind::Bernoulli;
    spec.latent_fraction_bits = 14;
    if !fair {
        let odds = |_| f64::from(words.next_u32() as i32) / 2f64.powi(30);
        spec.prior = PriorSpec::Bernoulli((0..latents).map(odds).collect());
    }
}

/// A prior of so many components.
fn mixture(latents: usize, components: usize, words: &mut Xoshiro128PlusPlus) -> PriorSpec {
    let mut draw =
        |low: f64, high: f64| low + (high - low) * f64::from(words.next_u32()) / 2f64.powi(32);
    let component = |_| ComponentSpec {
        log_weight: -(components as f64).ln(),
        mean: (0..latents).map(|_| draw(-2.0, 2.0)).collect(),
        log_variance: (0..latents).map(|_| draw(-3.0, 1.0)).collect(),
    };
    PriorSpec::Mixture((0..components).map(component).collect())
}
