//! What the trainer's budgets are made of: the instructions and the stack of scores of models of many shapes, and
//! the flash of a product, core by core. The trainer fits its cost model to them; `cargo xtask costs` measures
//! them.

use crate::build::board::Board;
use crate::build::workspace;
use crate::emulator::{self, Invocation};
use crate::error::Error;
use crate::files;
use crate::measure::product;
use crate::measure::shapes::{Column, Kind, Shape};
use elbow::Estimator;
use elbow::distribution::Family;
use elbow::image::{CalibrationSpec, CurveSpec, ImageSpec, StatisticsSpec, Tail};
use elbow::layer::Packing;
use elbow::layer::WeightBits::{self, Eight, Four};
use elbow::requantize::Multiplier;
use rand_core::Rng;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a board may take for one model.
const LIMIT: Duration = Duration::from_secs(300);

/// Models with one likelihood for all inputs, of which 8 bits are taken in.
const PLAIN: usize = 120;
/// Models of columns of one kind each.
const OF_COLUMNS: usize = 30;
/// Models that take 16 bits of their inputs in.
const OF_WIDE_INPUTS: usize = 15;
/// Models that the trainer's costs are made of.
pub const MODELS: usize = PLAIN + OF_COLUMNS + OF_WIDE_INPUTS;

/// Most multiply-accumulates of a score: what bounds the time in the emulator.
const MOST_MACS: usize = 6_000_000;

/// Units of a hidden layer of a model of columns.
const MOST_UNITS: usize = 128;

/// Inputs, prototypes and curves of statistics beside the bound, as the trainer makes them and others. Every fifth is held
/// out of a fit.
const STATISTICS: [(usize, usize, WeightBits, bool); 19] = [
    (8, 255, Eight, true),
    (64, 48, Eight, true),
    (20, 150, Eight, false),
    (64, 64, Four, true),
    (11, 20, Eight, true),
    (200, 15, Eight, true),
    (36, 85, Eight, true),
    (180, 24, Four, false),
    (640, 0, Eight, true),
    (64, 48, Eight, false),
    (100, 30, Eight, true),
    (40, 110, Four, true),
    (30, 8, Eight, false),
    (6, 60, Eight, true),
    (33, 93, Eight, true),
    (128, 10, Four, true),
    (180, 17, Eight, false),
    (48, 64, Eight, true),
    (97, 40, Four, false),
];

/// Scores in the tables of p-values beside statistics: as many as the trainer's tables have knots.
const CALIBRATED: i32 = 48;

/// Inputs of 16 bits; fewer levels than the trainer gives them, for the sake of random weights.
const WIDE_INPUTS: u16 = 4095;

/// Activations of the layer before the outputs of a location, as the trainer exports it.
const WIDE_CEILING: i16 = 4095;

/// The names of likelihoods, as the trainer has them.
const KINDS: [(&str, Kind); 5] = [
    ("bernoulli", Kind::Counts { trials: 1 }),
    ("gaussian", real(Family::Normal, false)),
    ("laplace", real(Family::Laplace, false)),
    ("gaussian:predicted", real(Family::Normal, true)),
    ("laplace:predicted", real(Family::Laplace, true)),
];

const fn real(family: Family, predicted_scale: bool) -> Kind {
    Kind::Real {
        family,
        predicted_scale,
    }
}

/// Columns, as the trainer calls those of one kind.
const COLUMNS: [(&str, Column); 5] = [
    ("flag", Column::Flag),
    ("count", Column::Count),
    ("state:4", Column::State),
    ("student:4", Column::Real(Tail::Student { degrees: 4 })),
    ("normal", Column::Real(Tail::Normal)),
];

/// The features of the runtime that products are built with: for a model of counts, for one of locations, for one of
/// columns of different kinds, for those that are judged by statistics beside the bound, and for any model.
pub const FEATURES: [&str; 7] = [
    "counts",
    "locations,wide-activations",
    "heterogeneous,wide-activations",
    "counts,statistics",
    "locations,wide-activations,statistics",
    "heterogeneous,wide-activations,statistics",
    ALL,
];

/// The features that the runtime has by default, as they are called here.
const ALL: &str = "default";

/// What one score takes on one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Instructions of encoding alone.
    pub encode: u64,
    /// Instructions of a whole score, encoding and p-value included.
    pub score: u64,
    /// Bytes of stack, those of the model's and the session's own fields included.
    pub stack: u64,
}

/// A model, and what scores by sigma points take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Measured {
    inputs: usize,
    encoder: Vec<usize>,
    latents: usize,
    decoder: Vec<usize>,
    likelihood: String,
    /// Whether the encoder takes 16 bits in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    wide_inputs: bool,
    /// Core -> instructions of encoding alone, and of a whole score.
    cores: BTreeMap<&'static str, (u64, u64)>,
}

/// What every product takes on one core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Base {
    /// Features of the runtime -> bytes of flash with them: code, tables and vectors, without a model.
    pub flash_bytes: BTreeMap<&'static str, usize>,
    /// Bytes of stack, the most of all models.
    pub stack_bytes: u64,
}

/// Statistics beside the bound, and what they add to a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Beside {
    inputs: usize,
    prototypes: usize,
    /// Whether these are of four bits.
    narrow: bool,
    /// Whether there is a curve for each input.
    columns: bool,
    /// Core -> instructions.
    cores: BTreeMap<&'static str, u64>,
}

/// All that is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Costs {
    /// Core -> what every product takes.
    pub cores: BTreeMap<&'static str, Base>,
    /// Models of many shapes.
    pub models: Vec<Measured>,
    /// Statistics of many sizes.
    pub statistics: Vec<Beside>,
}

/// Where the trainer has them.
#[must_use]
pub fn home() -> PathBuf {
    workspace().join("trainer/src/export/budget/measured.json")
}

/// The shapes that are measured: always the same, of all sizes and likelihoods, one or two hidden layers in each
/// half; those of columns and of wide inputs behind the others.
fn models() -> Vec<Candidate> {
    let mut rng = elbow::rng::stream(0, 0);
    let mut models = Vec::new();
    // Between low and high, as many in each octave.
    let mut size = |low: f64, high: f64| {
        let part = f64::from(rng.next_u32()) / 4_294_967_296.0;
        (low * (high / low).powf(part)).round() as usize
    };
    while models.len() < MODELS {
        let layers = |size: &mut dyn FnMut(f64, f64) -> usize| -> Vec<usize> {
            let count = size(0.6, 2.4).max(1);
            // As the trainer sizes them.
            (0..count)
                .map(|_| size(8.0, 400.0).next_multiple_of(8))
                .collect()
        };
        let (encoder, decoder) = (layers(&mut size), layers(&mut size));
        let mut shape = Shape {
            inputs: size(8.0, 784.0),
            encoder,
            latents: size(1.5, 32.0).next_multiple_of(2),
            decoder,
        };
        // Counts and normal locations are the usual ones.
        let (name, mut kind) = KINDS[[0, 1, 0, 2, 1, 3, 0, 4][models.len() % 8]];
        let mut likelihood = name.to_owned();
        let wide_inputs = models.len() >= PLAIN + OF_COLUMNS;
        if (PLAIN..PLAIN + OF_COLUMNS).contains(&models.len()) {
            // Every fifth model is held out of a fit: those are of all kinds.
            let turn = models.len() + models.len() / COLUMNS.len();
            let (name, column) = COLUMNS[turn % COLUMNS.len()];
            // A table has tens of columns, and whole ones; its networks have at most as many units as the trainer gives
            // them.
            shape.inputs = (16 + shape.inputs / 4).next_multiple_of(4);
            let widths = shape.encoder.iter_mut().chain(&mut shape.decoder);
            widths.for_each(|width| *width = (*width).min(MOST_UNITS));
            kind = Kind::Column(column);
            likelihood = format!("columns:{name}*{}", shape.inputs / column.inputs());
        }
        if macs(&shape, kind) <= MOST_MACS {
            models.push(Candidate {
                shape,
                likelihood,
                kind,
                wide_inputs,
            });
        }
    }
    models
}

/// A model that is to be measured.
struct Candidate {
    shape: Shape,
    /// As the trainer calls it.
    likelihood: String,
    kind: Kind,
    wide_inputs: bool,
}

/// Multiply-accumulates of a score by sigma points.
fn macs(shape: &Shape, kind: Kind) -> usize {
    let rows = match kind {
        Kind::Real {
            predicted_scale: true,
            ..
        } => 2,
        _ => 1,
    };
    let chain = |first: usize, hidden: &[usize], last: usize| {
        let widths: Vec<usize> = [&[first], hidden, &[last]].concat();
        widths
            .windows(2)
            .map(|pair| pair[0] * pair[1])
            .sum::<usize>()
    };
    let encoder = chain(shape.inputs, &shape.encoder, 2 * shape.latents);
    let decoder = chain(shape.latents, &shape.decoder, rows * shape.inputs);
    encoder + 2 * shape.latents * decoder
}

/// A model of that shape as the trainer would export it, with random weights.
fn random_spec(candidate: &Candidate) -> Result<ImageSpec, Error> {
    let (shape, kind) = (&candidate.shape, candidate.kind);
    let mut spec = shape
        .random_model("cost", kind, 1)
        .map_err(Error::of_writer)?;
    // Kernels are faster where multipliers shift by much. Those of trained inputs and outputs may or may not; these
    // do not, so that no model costs more.
    let factor = |factor| Multiplier::nearest(factor).map_err(Error::of_writer);
    for input in &mut spec.inputs {
        input.gain = factor(20.0)?;
    }
    if candidate.wide_inputs {
        spec.input_ceiling = WIDE_INPUTS;
    }
    let wide = !matches!(kind, Kind::Counts { .. });
    if let Some(last) = spec.decoder.last_mut().filter(|_| wide) {
        (last.ceiling, last.zero_point) = (WIDE_CEILING, -WIDE_CEILING);
        for row in &mut last.dense.rows {
            row.multiplier = factor(row.multiplier.to_f64() * f64::from(WIDE_CEILING) / 127.0)?;
        }
    }
    Ok(spec)
}

/// Measures the first `count` of [`MODELS`] on `boards`.
///
/// # Errors
///
/// A board's firmware does not build or run.
pub fn measure(boards: &[&'static Board], count: usize) -> Result<Costs, Error> {
    let folder = files::temporary_folder()?;
    let mut models: Vec<Measured> = Vec::new();
    let mut cores = BTreeMap::new();
    for candidate in self::models().into_iter().take(count) {
        let mut spec = random_spec(&candidate)?;
        let Candidate {
            shape,
            likelihood,
            wide_inputs,
            ..
        } = candidate;
        let mut measured = Measured {
            inputs: shape.inputs,
            encoder: shape.encoder,
            latents: shape.latents,
            decoder: shape.decoder,
            likelihood,
            wide_inputs,
            cores: BTreeMap::new(),
        };
        for board in boards {
            let core = board.core_name();
            spec.packing = Packing::for_core(core).unwrap_or_default();
            let cost = of_spec(board, &spec, &[], folder.path())?;
            measured.cores.insert(core, (cost.encode, cost.score));
            let deepest = cores.entry(core).or_insert(0);
            *deepest = cost.stack.max(*deepest);
        }
        models.push(measured);
    }
    let statistics = STATISTICS.iter();
    let statistics = statistics.map(|&sizes| beside(boards, sizes, &mut cores, folder.path()));
    let statistics = statistics.collect::<Result<Vec<Beside>, Error>>()?;
    let bases = boards.iter().map(|board| {
        let mut statics = 0;
        let sizes = FEATURES.map(|features| {
            let built = (features != ALL).then_some(features);
            let size = product::size(board, built)?;
            statics = size.statics.max(statics);
            Ok((features, size.flash))
        });
        let deepest = cores.get(board.core_name()).copied().unwrap_or(0);
        let base = Base {
            flash_bytes: sizes.into_iter().collect::<Result<_, Error>>()?,
            stack_bytes: deepest + statics as u64,
        };
        Ok((board.core_name(), base))
    });
    Ok(Costs {
        cores: bases.collect::<Result<_, Error>>()?,
        models,
        statistics,
    })
}

/// What the statistics beside the bound of that many inputs and prototypes, with a curve for each input or without, add
/// to a score.
fn beside(
    boards: &[&'static Board],
    (inputs, prototypes, bits, columns): (usize, usize, WeightBits, bool),
    deepest: &mut BTreeMap<&'static str, u64>,
    folder: &Path,
) -> Result<Beside, Error> {
    let shape = Shape {
        inputs,
        encoder: vec![16],
        latents: 2,
        decoder: vec![16],
    };
    let real = real(Family::Normal, false);
    let mut spec = shape
        .random_model("cost", real, 1)
        .map_err(Error::of_writer)?;
    // Of random models p-values are counted too, without tails.
    let scores: Vec<i32> = (0..CALIBRATED).map(|at| at << 16).collect();
    let no_tail = CurveSpec::default();
    let estimator = Estimator::SigmaPoints;
    let bounds = CalibrationSpec::of_bounds(estimator, &scores, scores.len(), &no_tail);
    let joined = CalibrationSpec::of_joined(estimator, &scores, scores.len(), &no_tail);
    let mut cores = BTreeMap::new();
    for board in boards {
        let core = board.core_name();
        spec.packing = Packing::for_core(core).unwrap_or_default();
        spec.statistics = StatisticsSpec::default();
        let alone = of_spec(board, &spec, std::slice::from_ref(&bounds), folder)?;
        let statistics = shape.random_statistics((prototypes, bits), columns);
        spec.statistics = statistics.map_err(Error::of_writer)?;
        let tables = [bounds.clone(), joined.clone()];
        let all = of_spec(board, &spec, &tables, folder)?;
        cores.insert(core, all.score - alone.score);
        let stack = deepest.entry(core).or_insert(0);
        *stack = all.stack.max(*stack);
    }
    Ok(Beside {
        inputs,
        prototypes,
        narrow: bits == Four,
        columns,
        cores,
    })
}

fn of_spec(
    board: &Board,
    spec: &ImageSpec,
    tables: &[CalibrationSpec],
    folder: &Path,
) -> Result<Cost, Error> {
    let image = spec.write(tables).map_err(Error::of_writer)?;
    let readings = spec.self_test_reading.iter();
    let readings: Vec<u8> = readings.flat_map(|x| x.to_le_bytes()).collect();
    of_image(board, &image, &readings, folder)
}

/// What a score by sigma points of the first of `readings`, little-endian, takes on `board` with `image`; `folder` is
/// for the files.
///
/// # Errors
///
/// The board's firmware does not build, or refuses the model.
pub fn of_image(
    board: &Board,
    image: &[u8],
    readings: &[u8],
    folder: &Path,
) -> Result<Cost, Error> {
    files::write(&folder.join("model.elbow"), image)?;
    files::write(&folder.join("readings.i16"), readings)?;
    let arguments = [
        "cost".to_owned(),
        "readings=readings.i16".to_owned(),
        format!("estimator={}", Estimator::SigmaPoints),
    ];
    let model = folder.join("model.elbow");
    let numbers = counted(board, &model, folder, &arguments)?;
    let number = |name: &str| {
        let missing = || Error::Program {
            program: format!("cost on {}", board.name),
            output: format!("no {name}"),
        };
        numbers.get(name).copied().ok_or_else(missing)
    };
    Ok(Cost {
        encode: number("encode")?,
        score: number("score")?,
        stack: number("stack")?,
    })
}

/// The numbers that a command of the firmware prints behind names, instructions being counted.
pub(super) fn counted(
    board: &Board,
    model: &Path,
    folder: &Path,
    arguments: &[String],
) -> Result<BTreeMap<String, u64>, Error> {
    let invocation = Invocation {
        model: Some(model),
        directory: folder,
        arguments,
        time_limit: LIMIT,
        count_instructions: true,
    };
    let outcome = emulator::run(board, &invocation)?;
    let failed = |output: &str| Error::Program {
        program: format!("{} on {}", arguments.join(" "), board.name),
        output: output.to_owned(),
    };
    if outcome.code != 0 {
        return Err(failed(&outcome.stderr));
    }
    let lines = outcome.stdout.lines().map(|line| {
        let (name, number) = line.split_once(' ').ok_or_else(|| failed(line))?;
        let number = number.parse().map_err(|_| failed(line))?;
        Ok((name.to_owned(), number))
    });
    lines.collect()
}

/// Writes [`home`].
///
/// # Errors
///
/// The file cannot be written.
pub fn record(costs: &Costs) -> Result<(), Error> {
    files::write(&home(), to_text(costs))
}

/// JSON with a line for each core and each model.
fn to_text(costs: &Costs) -> String {
    let lines = |values: Vec<String>| values.join(",\n    ");
    let bases = costs
        .cores
        .iter()
        .map(|(core, base)| format!("\"{core}\": {}", serde_json::json!(base)));
    let models = costs
        .models
        .iter()
        .map(|model| serde_json::json!(model).to_string());
    let statistics = costs
        .statistics
        .iter()
        .map(|beside| serde_json::json!(beside).to_string());
    format!(
        "{{\n  \"cores\": {{\n    {}\n  }},\n  \"models\": [\n    {}\n  ],\n  \"statistics\": [\n    {}\n  ]\n}}\n",
        lines(bases.collect()),
        lines(models.collect()),
        lines(statistics.collect())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_are_of_all_likelihoods_and_sizes() {
        let models = models();
        assert_eq!(models.len(), MODELS);
        let count = |is: &dyn Fn(&Candidate) -> bool| models.iter().filter(|one| is(one)).count();
        for (name, _) in KINDS {
            assert!(count(&|one| one.likelihood == name) >= 8);
        }
        for (name, _) in COLUMNS {
            let name = format!("columns:{name}*");
            assert!(count(&|one| one.likelihood.starts_with(&name)) >= 5);
        }
        assert_eq!(count(&|one| one.wide_inputs), OF_WIDE_INPUTS);
        let macs = models.iter().map(|one| macs(&one.shape, one.kind));
        assert!(macs.clone().min() < Some(10_000) && macs.max() > Some(1_000_000));
        for candidate in &models {
            random_spec(candidate).unwrap().write(&[]).unwrap();
        }
    }
}
