//! `trainer verify`.

use crate::cli::output::emit_results;
use crate::error::Error;
use crate::export::firmware::dependency;
use crate::export::run;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// A model image, or the folder of a run
    image: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// An image that holds, and what it needs.
#[derive(Debug, Serialize)]
struct Verified {
    image: PathBuf,
    name: String,
    /// Length and checksum are right, and the image parses.
    checksum: &'static str,
    /// The image computes what it did when it was written, layer by layer and score by score.
    self_test: &'static str,
    sha256: String,
    format_version: u16,
    numerics_version: u16,
    /// Features of the runtime that it needs.
    features: Vec<&'static str>,
    image_bytes: usize,
    workspace_bytes: usize,
    /// Of a model of a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    watch_bytes: Option<usize>,
    #[serde(skip)]
    dependency: String,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let path = run::image_path(&arguments.image);
    // Also what the summary beside it says of its hash.
    let image = run::read_image(&arguments.image)?;
    let model = run::parse(&arguments.image, &image)?;
    let mut workspace = vec![0; model.workspace_words()];
    model.self_test(&mut workspace).map_err(|error| {
        Error::Setting(format!(
            "{}: the self-test fails: {error}; restore the file, or train again",
            path.display()
        ))
    })?;
    let verified = Verified {
        name: model.name().to_string(),
        checksum: "ok",
        self_test: "ok",
        sha256: run::digest(&image),
        format_version: elbow::format::FORMAT_VERSION,
        numerics_version: elbow::format::NUMERICS_VERSION,
        features: model.features().collect(),
        image_bytes: model.image_length(),
        workspace_bytes: 8 * model.workspace_words(),
        watch_bytes: model.watch_words().map(|words| 8 * words),
        dependency: dependency(&model),
        image: path,
    };
    emit_results(arguments.json, &verified, describe)
}

fn describe(verified: &Verified) -> String {
    let Verified {
        image,
        name,
        sha256,
        format_version,
        numerics_version,
        image_bytes,
        workspace_bytes,
        dependency,
        ..
    } = verified;
    let watch = verified
        .watch_bytes
        .map_or_else(String::new, |bytes| format!(", {bytes} to watch a stream"));
    format!(
        "{}: {name}\nchecksum ok, self-test ok\nSHA-256 {sha256}\nformat {format_version}, numerics {numerics_version}\n\
         flash: {image_bytes} bytes of image; RAM: {workspace_bytes} bytes of workspace{watch}\nfor Cargo.toml: {dependency}\n",
        image.display(),
    )
}
