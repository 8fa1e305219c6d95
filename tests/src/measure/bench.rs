//! What scores cost: instructions, counted by the emulator.
//!
//! Counts are exact and repeat; they are instructions, not cycles. The code of the Cortex-M0 runs on a board whose
//! timer runs at the processor's clock, see [`crate::build::board::COUNTED`].

mod recorded;
mod tables;

pub use recorded::{
    baseline, compiler, feature_baseline, grown, page, page_text, record, rustc_version,
};
pub use tables::{layer_table, likelihood_table, table};

use crate::build::board::Board;
use crate::error::Error;
use crate::files;
use crate::measure::costs::{self, counted};
use crate::measure::product;
use crate::measure::shapes::{Column, Kind, Shape};
use elbow::Model;
use elbow::distribution::Family;
use elbow::image::Tail;
use elbow::layer::Packing;
use elbow_cases::layers::LayerShape;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The counts of one model on one core.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counts {
    /// Instructions to encode a reading.
    pub encode_instructions: u64,
    /// Estimator -> instructions of a whole score, encoding and p-value included.
    pub score_instructions: BTreeMap<String, u64>,
    /// Function -> instructions of a call, the mean over a thousand arguments.
    pub functions: BTreeMap<String, f64>,
    /// Instructions of decoding and scoring four latents at once, over four times those of one.
    pub four_latents_ratio: f64,
    /// The same of two latents.
    pub two_latents_ratio: f64,
    /// Bytes of stack to parse the model, to begin a session and to score by sigma points; the model, which is on
    /// it, included. What was written: words that are reserved and never used do not count.
    pub stack_bytes: u64,
}

/// A measured model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Bytes of workspace.
    pub workspace_bytes: usize,
    /// Multiply-accumulates to encode.
    pub encoder_macs: usize,
    /// Multiply-accumulates of one decoder pass.
    pub decoder_macs: usize,
    /// Core -> counts.
    pub cores: BTreeMap<&'static str, Counts>,
}

/// The models that are measured, by name.
#[must_use]
pub fn shapes() -> [(&'static str, Shape); 2] {
    let digits = Shape {
        inputs: 64,
        encoder: vec![64],
        latents: 8,
        decoder: vec![64],
    };
    [
        ("digits", digits),
        ("anomaly_autoencoder", Shape::anomaly_autoencoder()),
    ]
}

/// Measures a model of that shape with random weights on `boards`.
///
/// # Errors
///
/// A board's firmware does not build or run, or there is no such model.
pub fn measure(shape: &Shape, boards: &[&'static Board]) -> Result<Measured, Error> {
    let mut spec = shape
        .random_model("bench", Kind::Counts { trials: 1 }, 1)
        .map_err(Error::of_writer)?;
    let image = spec.write(&[]).map_err(Error::of_writer)?;
    let model = Model::parse(&image).map_err(Error::of_writer)?;
    let macs: Vec<usize> = model.layers().map(|layer| layer.shape.macs()).collect();
    let encoder_layers = shape.encoder.len() + 1;
    let folder = files::temporary_folder()?;
    let reading = (0..shape.inputs).map(|input| i16::from(input % 3 == 0));
    let reading: Vec<u8> = reading.flat_map(i16::to_le_bytes).collect();
    files::write(&folder.path().join("readings.i16"), reading)?;
    let counts = boards.iter().map(|board| {
        // Packed for each core.
        spec.packing = packing(board);
        let image = spec.write(&[]).map_err(Error::of_writer)?;
        files::write(&folder.path().join("model.elbow"), &*image)?;
        Ok((board.core_name(), count(board, folder.path())?))
    });
    Ok(Measured {
        workspace_bytes: 8 * model.workspace_words(),
        encoder_macs: macs.iter().take(encoder_layers).sum(),
        decoder_macs: macs.iter().skip(encoder_layers).sum(),
        cores: counts.collect::<Result<_, Error>>()?,
    })
}

/// The packing that a board's core reads fastest.
fn packing(board: &Board) -> Packing {
    Packing::for_core(board.core_name()).unwrap_or_default()
}

/// The layers that are measured alone.
const LAYERS: [&str; 14] = [
    "640x128",
    "128x128",
    "128x8",
    "8x128:i16",
    "784x400",
    "64x32",
    "128x16:q16",
    "128x640:q16",
    "4x128",
    "640x128:w4",
    "128x128:w4",
    "128x16:q16:w4",
    "8x128:i16:w4",
    "128x640:q16:w4",
];

/// The layers of the anomaly autoencoder of MLPerf Tiny among [`LAYERS`], and how many of each there are.
const AUTOENCODER: [(&str, u64); 5] = [
    ("640x128", 1),
    ("128x128", 6),
    ("128x16:q16", 1),
    ("8x128:i16", 1),
    ("128x640:q16", 1),
];

/// What one core needs for layers and functions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoreCounts {
    /// All layers of the anomaly autoencoder, the preparation of their inputs and their requantization
    /// included: instructions over multiply-accumulates.
    pub anomaly_autoencoder_instructions_per_mac: f64,
    /// The same with weights of four bits.
    pub anomaly_autoencoder_four_bit_instructions_per_mac: f64,
    /// Layer -> instructions for a multiply-accumulate, everything included. `i16`: 16-bit inputs; `q16`:
    /// Q16.16 outputs; `w4`: weights of four bits.
    pub dense: BTreeMap<String, f64>,
    /// An output of a layer of four columns, these four products included.
    pub requantize_instructions: f64,
    /// Flash of the least product (parse, encode, sigma points, p-value; counts), interrupt vectors included,
    /// without the model.
    pub flash_bytes: usize,
    /// The same with the runtime's default features.
    pub flash_bytes_of_default_features: usize,
    /// RAM of the same: statics, and the workspace of the default model.
    pub ram_bytes: usize,
}

/// Bytes of the workspace of the least product.
const PRODUCT_WORKSPACE: usize = 1216;

/// Counts single layers with random weights on `board`.
///
/// # Errors
///
/// The board's firmware does not build or run.
pub fn layers(board: &Board) -> Result<CoreCounts, Error> {
    let shapes = LAYERS.map(str::parse::<LayerShape>);
    let shapes: Vec<LayerShape> = shapes.into_iter().filter_map(Result::ok).collect();
    let file = shapes
        .iter()
        .flat_map(|shape| shape.write(packing(board), 1));
    let folder = files::temporary_folder()?;
    let path = folder.path().join("layers.bin");
    files::write(&path, file.collect::<Vec<u8>>())?;
    let arguments = ["layers".to_owned(), format!("shapes={}", LAYERS.join(","))];
    let counts = counted(board, &path, folder.path(), &arguments)?;
    let instructions = |name: &str| counts.get(name).copied().unwrap_or(0);
    let dense = shapes.iter().map(|shape| {
        let name = shape.to_string();
        let each = instructions(&name) as f64 / shape.macs() as f64;
        (name, each)
    });
    let total = |suffix: &str| -> u64 {
        let layers = AUTOENCODER.iter();
        layers
            .map(|(name, times)| times * instructions(&format!("{name}{suffix}")))
            .sum()
    };
    let macs: usize = AUTOENCODER
        .iter()
        .filter_map(|(name, times)| Some(*times as usize * name.parse::<LayerShape>().ok()?.macs()))
        .sum();
    let least = product::size(board, Some(product::LEAST))?;
    Ok(CoreCounts {
        flash_bytes: least.flash,
        flash_bytes_of_default_features: product::size(board, None)?.flash,
        ram_bytes: least.statics + PRODUCT_WORKSPACE,
        anomaly_autoencoder_instructions_per_mac: total("") as f64 / macs as f64,
        anomaly_autoencoder_four_bit_instructions_per_mac: total(":w4") as f64 / macs as f64,
        requantize_instructions: instructions("4x128") as f64 / 128.0,
        dense: dense.collect(),
    })
}

/// All that is measured.
#[derive(Clone, Debug)]
pub struct Figures {
    layers: BTreeMap<&'static str, CoreCounts>,
    models: BTreeMap<&'static str, Measured>,
    /// Core -> likelihood -> instructions of a score.
    likelihoods: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
}

impl Figures {
    /// Measures on `boards`.
    ///
    /// # Errors
    ///
    /// A board's firmware does not build or run.
    pub fn measure(boards: &[&'static Board]) -> Result<Self, Error> {
        let layers = boards
            .iter()
            .map(|board| Ok((board.core_name(), layers(board)?)));
        let models = shapes()
            .into_iter()
            .map(|(name, shape)| Ok((name, measure(&shape, boards)?)));
        let of_likelihoods = boards
            .iter()
            .map(|board| Ok((board.core_name(), likelihoods(board)?)));
        Ok(Self {
            layers: layers.collect::<Result<_, Error>>()?,
            models: models.collect::<Result<_, Error>>()?,
            likelihoods: of_likelihoods.collect::<Result<_, Error>>()?,
        })
    }

    /// One object: core -> what was measured on it. Scores, the draw and the stack are those of the model `digits`,
    /// which is also there whole, as the other one is.
    #[must_use]
    pub fn to_json(&self) -> String {
        let of_core = |(core, counts): (&&'static str, &CoreCounts)| {
            let models = self.models.iter().filter_map(|(name, measured)| {
                let counts = measured.cores.get(core)?;
                Some(((*name).to_owned(), serde_json::json!(counts)))
            });
            let mut value = serde_json::json!(counts);
            if let Some(object) = value.as_object_mut() {
                object.extend(models);
                let of_likelihoods = serde_json::json!(self.likelihoods.get(core));
                object.insert("likelihoods".to_owned(), of_likelihoods);
                let digits = self.models.get("digits");
                if let Some(counts) = digits.and_then(|digits| digits.cores.get(core)) {
                    object.extend(lifted(counts));
                }
            }
            ((*core).to_owned(), value)
        };
        let all: serde_json::Map<_, _> = self.layers.iter().map(of_core).collect();
        format!("{:#}\n", serde_json::Value::from(all))
    }

    /// Tables.
    #[must_use]
    pub fn to_text(&self) -> String {
        let models = self
            .models
            .iter()
            .map(|(name, measured)| table(name, measured));
        let mut text = layer_table(&self.layers);
        for table in models {
            text.push('\n');
            text += &table;
        }
        text.push('\n');
        text + &likelihood_table(&self.likelihoods)
    }
}

/// The likelihoods that are measured: what they are called, and what readings are.
const LIKELIHOODS: [(&str, Kind); 10] = [
    ("bernoulli", Kind::Counts { trials: 1 }),
    (
        "gaussian",
        Kind::Real {
            family: Family::Normal,
            predicted_scale: false,
        },
    ),
    (
        "laplace",
        Kind::Real {
            family: Family::Laplace,
            predicted_scale: false,
        },
    ),
    (
        "gaussian:predicted",
        Kind::Real {
            family: Family::Normal,
            predicted_scale: true,
        },
    ),
    ("columns of flags", Kind::Column(Column::Flag)),
    ("columns of counts", Kind::Column(Column::Count)),
    ("columns of 4 states", Kind::Column(Column::State)),
    ("columns, normal", Kind::Column(Column::Real(Tail::Normal))),
    (
        "columns, student",
        Kind::Column(Column::Real(Tail::Student { degrees: 4 })),
    ),
    ("columns of all kinds", Kind::Columns),
];

/// Instructions of a score by sigma points of the model `digits` with each likelihood, on `board`.
///
/// # Errors
///
/// The board's firmware does not build or run, or there is no such model.
fn likelihoods(board: &Board) -> Result<BTreeMap<&'static str, u64>, Error> {
    let folder = files::temporary_folder()?;
    let [(_, shape), _] = shapes();
    let counts = LIKELIHOODS.into_iter().map(|(name, kind)| {
        let mut spec = shape
            .random_model("bench", kind, 1)
            .map_err(Error::of_writer)?;
        spec.packing = packing(board);
        let image = spec.write(&[]).map_err(Error::of_writer)?;
        let reading = kind.random_reading(&spec.inputs, &mut elbow::rng::stream(1, 1));
        let reading: Vec<u8> = reading.into_iter().flat_map(i16::to_le_bytes).collect();
        let cost = costs::of_image(board, &image, &reading, folder.path())?;
        Ok((name, cost.score))
    });
    counts.collect()
}

/// What a core's object has from the counts of the default model.
fn lifted(counts: &Counts) -> [(String, serde_json::Value); 3] {
    let draw = counts.functions.get("normal-draws").copied();
    [
        ("normal_draw_instructions", serde_json::json!(draw)),
        (
            "score_instructions",
            serde_json::json!(counts.score_instructions),
        ),
        ("stack_bytes", serde_json::json!(counts.stack_bytes)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// Runs the firmware's `count` in a folder that holds a model and a reading.
fn count(board: &Board, folder: &Path) -> Result<Counts, Error> {
    let arguments = ["count".to_owned(), "readings=readings.i16".to_owned()];
    let mut counts = counted(board, &folder.join("model.elbow"), folder, &arguments)?;
    let failed = |output: &str| Error::Program {
        program: format!("count on {}", board.name),
        output: output.to_owned(),
    };
    let encode = counts.remove("encode").ok_or_else(|| failed("no encode"))?;
    let stack_bytes = counts.remove("stack").ok_or_else(|| failed("no stack"))?;
    let of_thousand = |(name, count): (&String, &u64)| {
        let name = name.strip_prefix("1000-")?;
        Some((name.to_owned(), *count as f64 / 1000.0))
    };
    let functions = counts.iter().filter_map(of_thousand).collect();
    counts.retain(|name, _| !name.starts_with("1000-"));
    // Importance weighting draws afresh for each latent: the same work for each of 1, 2 and 4.
    let passes = |latents: u32| {
        let score = counts.get(&format!("importance-weighted:{latents}"));
        score.map_or(f64::NAN, |score| score.saturating_sub(encode) as f64)
    };
    Ok(Counts {
        encode_instructions: encode,
        four_latents_ratio: passes(4) / (4.0 * passes(1)),
        two_latents_ratio: passes(2) / (2.0 * passes(1)),
        score_instructions: counts,
        functions,
        stack_bytes,
    })
}
