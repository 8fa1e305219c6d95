//! What scores cost: instructions, counted by the emulator.
//!
//! Counts are exact and repeat; they are instructions, not cycles. The code of the Cortex-M0 runs on a board whose
//! timer runs at the processor's clock, see [`crate::board::COUNTED`].

use crate::board::Board;
use crate::emulator::{self, Invocation};
use crate::error::Error;
use crate::shapes::{Kind, Shape};
use elbow::Model;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
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
    /// Instructions of decoding and scoring four latents at once, over four times those of one.
    pub four_latents_ratio: f64,
    /// The same of two latents.
    pub two_latents_ratio: f64,
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
    let spec = shape
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
    save("model.elbow", &image)?;
    let reading = (0..shape.inputs).map(|input| i16::from(input % 3 == 0));
    let reading: Vec<u8> = reading.flat_map(i16::to_le_bytes).collect();
    save("readings.i16", &reading)?;
    let counts = boards
        .iter()
        .map(|board| Ok((board.core_name(), count(board, folder.path())?)));
    Ok(Measured {
        workspace_bytes: 8 * model.workspace_words(),
        encoder_macs: macs.iter().take(encoder_layers).sum(),
        decoder_macs: macs.iter().skip(encoder_layers).sum(),
        cores: counts.collect::<Result<_, Error>>()?,
    })
}

/// Runs the firmware's `count` in a folder that holds a model and a reading.
fn count(board: &Board, folder: &Path) -> Result<Counts, Error> {
    let arguments = ["count".to_owned(), "readings=readings.i16".to_owned()];
    let invocation = Invocation {
        model: Some(&folder.join("model.elbow")),
        directory: folder,
        arguments: &arguments,
        time_limit: LIMIT,
        count_instructions: true,
    };
    let outcome = emulator::run(board, &invocation)?;
    let failed = |output: &str| Error::Program {
        program: format!("count on {}", board.name),
        output: output.to_owned(),
    };
    if outcome.code != 0 {
        return Err(failed(&outcome.stderr));
    }
    let mut counts = BTreeMap::new();
    for line in outcome.stdout.lines() {
        let (name, number) = line.split_once(' ').ok_or_else(|| failed(line))?;
        let number: u64 = number.parse().map_err(|_| failed(line))?;
        counts.insert(name.to_owned(), number);
    }
    let encode = counts.remove("encode").ok_or_else(|| failed("no encode"))?;
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
    })
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
    text += &line("2 latents / 2 x 1", &|counts| {
        format!("{:.3}", counts.two_latents_ratio)
    });
    text += &line("4 latents / 4 x 1", &|counts| {
        format!("{:.3}", counts.four_latents_ratio)
    });
    text
}
