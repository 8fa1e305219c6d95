//! Builds the firmware of a board.

use crate::board::Board;
use crate::error::Error;
use crate::paths::workspace;
use crate::process;
use crate::toolchain::Toolchain;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A first build with everything to download, on a slow machine.
const LIMIT: Duration = Duration::from_secs(1800);

/// Builds the firmware of `board`, unless this process has done so; the path of its ELF file.
///
/// # Errors
///
/// No toolchain serves the target, or the firmware does not build.
pub fn build(board: &Board) -> Result<PathBuf, Error> {
    static BUILT: Mutex<Option<HashMap<&str, PathBuf>>> = Mutex::new(None);
    // Held while cargo works: two builds at once would only take turns on the same processors.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_with(HashMap::new);
    if let Some(path) = built.get(board.name) {
        return Ok(path.clone());
    }
    let path = compile(board)?;
    built.insert(board.name, path.clone());
    Ok(path)
}

/// Boards with the same triple and flags share what cargo compiled.
fn target_directory(board: &Board) -> PathBuf {
    workspace()
        .join("target")
        .join(format!("firmware-{}", board.cpu.unwrap_or(board.triple)))
}

fn compile(board: &Board) -> Result<PathBuf, Error> {
    let toolchain = Toolchain::for_target(board.triple)?;
    // Paths in panic messages take room in flash: with this, as much in every checkout.
    let mut flags = vec![format!("--remap-path-prefix={}/=", workspace().display())];
    flags.extend(board.cpu.map(|cpu| format!("-Ctarget-cpu={cpu}")));
    let directory = target_directory(board);
    let mut command = toolchain.cargo_build(board.triple, &flags);
    command
        .arg("--bin")
        .arg(board.name)
        .arg("--target-dir")
        .arg(&directory);
    command
        .arg("--manifest-path")
        .arg(workspace().join("tests/firmware/Cargo.toml"));
    let notice = format!(
        "building the firmware for {} with {}",
        board.name,
        toolchain.description()
    );
    let done = process::run(&mut command, LIMIT, &notice)?;
    if !done.status.success() {
        return Err(Error::Build {
            board: board.name,
            log: done.stderr,
        });
    }
    Ok(directory
        .join(board.triple)
        .join("release")
        .join(board.name))
}
