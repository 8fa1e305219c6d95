//! `cargo xtask crates`: the crates as the registry would take them, published in nothing but name, and their documentation as it would
//! be shown there.

use crate::build::workspace;
use crate::error::Error;
use std::process::Command;

/// What is published, what others depend on first, with the features that its documentation is made with.
const PUBLISHED: [(&str, &str); 3] = [
    ("elbow", "adapt,defmt,dsp,helium,image"),
    ("elbow-agent", ""),
    ("elbow-trainer", "parquet,png"),
];

/// Packs the crates, builds each from its package alone, and makes their documentation; whether nothing fails or warns. Takes some
/// minutes.
///
/// # Errors
///
/// Cargo does not start.
pub fn check() -> Result<bool, Error> {
    let packages = PUBLISHED.map(|(package, _)| ["--package", package]);
    let mut publish = cargo();
    publish
        .args(["publish", "--dry-run", "--allow-dirty"])
        .args(packages.as_flattened());
    let mut is_well = succeeds(&mut publish)?;
    for (package, features) in PUBLISHED {
        let mut document = cargo();
        document
            .args(["doc", "--release", "--no-deps", "--package", package])
            .args(["--features", features])
            .args(["--config", "build.rustdocflags=[\"-Dwarnings\"]"]);
        is_well &= succeeds(&mut document)?;
    }
    Ok(is_well)
}

fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(workspace());
    command
}

fn succeeds(command: &mut Command) -> Result<bool, Error> {
    let status = command.status().map_err(|source| Error::Start {
        program: "cargo".to_owned(),
        source,
    })?;
    Ok(status.success())
}
