//! What scores cost: instructions, counted by the emulator.
//!
//! Counts are exact and repeat; they are instructions, not cycles. The code of the Cortex-M0 runs on a board whose
//! timer runs at the processor's clock, see [`crate::board::COUNTED`].

use crate::board::Board;
use crate::emulator::{self, Invocation};
use crate::error::Error;
use crate::paths::workspace;
use crate::product;
use crate::shapes::{Kind, Shape};
use elbow::Model;
use elbow::kernel::Packing;
use elbow_cases::layers::LayerShape;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a board may take for one model.
const LIMIT: Duration = Duration::from_secs(300);

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
    let refused = |error: &dyn std::fmt::Display| Error::Program {
        program: "the writer of images".to_owned(),
        output: error.to_string(),
    };
    let mut spec = shape
        .random_model("bench", Kind::Counts { trials: 1 }, 1)
        .map_err(|error| refused(&error))?;
    let image = spec.encode(&[]).map_err(|error| refused(&error))?;
    let model = Model::parse(&image).map_err(|error| refused(&error))?;
    let macs: Vec<usize> = model.layers().map(|layer| layer.macs()).collect();
    let encoder_layers = shape.encoder.len() + 1;
    let folder = tempfile::tempdir().map_err(|source| Error::File {
        path: std::env::temp_dir(),
        source,
    })?;
    let save = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).map_err(|source| Error::File { path, source })
    };
    let reading = (0..shape.inputs).map(|input| i16::from(input % 3 == 0));
    let reading: Vec<u8> = reading.flat_map(i16::to_le_bytes).collect();
    save("readings.i16", &reading)?;
    let counts = boards.iter().map(|board| {
        // Packed for each core.
        spec.packing = packing(board);
        let image = spec.encode(&[]).map_err(|error| refused(&error))?;
        save("model.elbow", &image)?;
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
    let folder = tempfile::tempdir().map_err(|source| Error::File {
        path: std::env::temp_dir(),
        source,
    })?;
    let path = folder.path().join("layers.bin");
    std::fs::write(&path, file.collect::<Vec<u8>>()).map_err(|source| Error::File {
        path: path.clone(),
        source,
    })?;
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
        Ok(Self {
            layers: layers.collect::<Result<_, Error>>()?,
            models: models.collect::<Result<_, Error>>()?,
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
        text
    }
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

/// Where the recorded counts are.
#[must_use]
pub fn baseline() -> PathBuf {
    workspace().join("tests/golden/bench.json")
}

/// Where it is noted which compiler the recorded counts are of: another may give others.
#[must_use]
pub fn compiler() -> PathBuf {
    workspace().join("tests/golden/bench-rustc.txt")
}

/// The compiler on the path, as it calls itself.
#[must_use]
pub fn rustc_version() -> String {
    let output = std::process::Command::new("rustc")
        .arg("--version")
        .output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// Where the recorded bytes of features are.
#[must_use]
pub fn feature_baseline() -> PathBuf {
    workspace().join("tests/golden/features.json")
}

/// The page with the recorded counts.
#[must_use]
pub fn page() -> PathBuf {
    workspace().join("BENCHMARKS.md")
}

/// The text of [`page`] for these figures.
#[must_use]
pub fn page_text(figures: &Figures, features: &product::Features) -> String {
    let features = product::table(features);
    format!(
        "{PAGE}\n```text\n{}```\n\n{FEATURES}\n{features}",
        figures.to_text()
    )
}

const PAGE: &str = "\
# What it costs

Instructions, counted by the emulator (exact and repeatable; they are not cycles), firmware at
`opt-level = \"s\"`, weights packed for each core. `cargo xtask bench` measures them,
`cargo xtask bench --record` writes this page, and the tests fail where a count grows by more than 2 %.

A layer counts everything: the preparation of its inputs, its products, its requantization. `i16` marks
16-bit inputs (latents), `q16` outputs in Q16.16 (heads, decoder's last layer); all others are `i8` to
`i8`. `w4` marks weights of four bits, which are expanded a few rows at a time. The anomaly autoencoder is that
of MLPerf Tiny, 640-128-128-128-128-8-128-128-128-128-640, all ten layers; CMSIS-NN needs 6.63 (m0), 3.60 (m3), 2.19 (m4, m7, m33) and 0.557 (m55) instructions a MAC for it
in the same emulator. The least product parses a model of counts, encodes, scores by sigma points and reads a
p-value, with no feature of the runtime but `counts`, and with all that are on by default; its flash is without the
model, and with the interrupt vectors (192 bytes on m0, 1,024 on m4, which a chip's own table makes less). Scores are
whole ones: encoding, passes, likelihood (Bernoulli), p-value. The stack is what parsing, a session and a score by
sigma points write, the parsed model included. Functions are means over a thousand arguments.
";

const FEATURES: &str = "\
# What features cost

Bytes of flash that a feature adds to the least product, alone; together they share. Where it is something that
sessions may be asked for, the product asks for it. Leaving a feature out changes no result: an image or an estimator
that needs it is refused by its name. `cargo xtask bench --features` measures them; a test fails where the product
with one of them grows by more than 2 %.
";

/// Writes [`baseline`] and [`page`].
///
/// # Errors
///
/// A file cannot be written.
pub fn record(figures: &Figures, features: &product::Features) -> Result<(), Error> {
    let write = |path: PathBuf, text: String| {
        std::fs::write(&path, text).map_err(|source| Error::File { path, source })
    };
    write(baseline(), figures.to_json())?;
    write(compiler(), rustc_version())?;
    write(
        feature_baseline(),
        format!("{:#}\n", serde_json::json!(features)),
    )?;
    write(page(), page_text(figures, features))
}

/// What grew by more than `tolerance`, a part of one, from one object of [`Figures::to_json`] to another: a line for
/// each, with both numbers.
#[must_use]
pub fn grown(before: &serde_json::Value, now: &serde_json::Value, tolerance: f64) -> Vec<String> {
    let mut lines = vec![];
    compare("", before, now, tolerance, &mut lines);
    lines
}

fn compare(
    path: &str,
    before: &serde_json::Value,
    now: &serde_json::Value,
    tolerance: f64,
    lines: &mut Vec<String>,
) {
    match (before, now) {
        (serde_json::Value::Object(before), serde_json::Value::Object(now)) => {
            for (name, before) in before {
                let now = now.get(name).unwrap_or(&serde_json::Value::Null);
                compare(&format!("{path} {name}"), before, now, tolerance, lines);
            }
        }
        _ => {
            let numbers = before.as_f64().zip(now.as_f64());
            let within = numbers.is_some_and(|(before, now)| now <= before * (1.0 + tolerance));
            // A ratio grows when what it is taken of shrinks.
            if !within && !path.ends_with("_ratio") {
                lines.push(format!("{}: {now}, recorded {before}", path.trim_start()));
            }
        }
    }
}

/// The counts of layers for a terminal.
#[must_use]
pub fn layer_table(cores: &BTreeMap<&str, CoreCounts>) -> String {
    let heads: String = cores.keys().map(|core| format!("{core:>9}")).collect();
    let mut text = format!("{:<28}{heads}\n", "instructions a MAC");
    let mut line = |title: &str, cell: &dyn Fn(&CoreCounts) -> f64| {
        let cells: String = cores
            .values()
            .map(|counts| format!("{:>9.3}", cell(counts)))
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{title:<28}{cells}");
    };
    line("anomaly autoencoder", &|counts| {
        counts.anomaly_autoencoder_instructions_per_mac
    });
    line("the same, four-bit weights", &|counts| {
        counts.anomaly_autoencoder_four_bit_instructions_per_mac
    });
    for name in LAYERS {
        line(name, &|counts| {
            counts.dense.get(name).copied().unwrap_or(f64::NAN)
        });
    }
    line("an output of four columns", &|counts| {
        counts.requantize_instructions
    });
    let mut line = |title: &str, cell: &dyn Fn(&CoreCounts) -> usize| {
        let bytes: String = cores
            .values()
            .map(|counts| format!("{:>9}", cell(counts)))
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{title:<28}{bytes}");
    };
    line("flash of the least product", &|counts| counts.flash_bytes);
    line("  with default features", &|counts| {
        counts.flash_bytes_of_default_features
    });
    text
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

/// The numbers that a command of the firmware prints behind names.
fn counted(
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

/// The measurements for a terminal.
#[must_use]
pub fn table(name: &str, measured: &Measured) -> String {
    let Measured {
        workspace_bytes,
        encoder_macs,
        decoder_macs,
        cores,
    } = measured;
    let mut text = format!(
        "{name}: {encoder_macs} MACs to encode, {decoder_macs} for each decoder pass, {workspace_bytes} bytes of workspace\n"
    );
    let line = |title: &str, cell: &dyn Fn(&Counts) -> String| {
        let cells: String = cores
            .values()
            .map(|counts| format!("{:>12}", cell(counts)))
            .collect();
        format!("{title:<24}{cells}\n")
    };
    let heads: String = cores.keys().map(|core| format!("{core:>12}")).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:<24}{heads}", "instructions");
    text += &line("encode", &|counts| counts.encode_instructions.to_string());
    let estimators = cores
        .values()
        .next()
        .map(|counts| &counts.score_instructions);
    for estimator in estimators.into_iter().flat_map(BTreeMap::keys) {
        text += &line(estimator, &|counts| {
            let count = counts.score_instructions.get(estimator);
            count.map_or_else(|| "-".to_owned(), u64::to_string)
        });
    }
    let functions = cores.values().next().map(|counts| &counts.functions);
    for function in functions.into_iter().flat_map(BTreeMap::keys) {
        text += &line(function, &|counts| {
            let count = counts.functions.get(function);
            count.map_or_else(|| "-".to_owned(), |count| format!("{count:.1}"))
        });
    }
    text += &line("bytes of stack", &|counts| counts.stack_bytes.to_string());
    text += &line("2 latents / 2 x 1", &|counts| {
        format!("{:.3}", counts.two_latents_ratio)
    });
    text += &line("4 latents / 4 x 1", &|counts| {
        format!("{:.3}", counts.four_latents_ratio)
    });
    text
}
