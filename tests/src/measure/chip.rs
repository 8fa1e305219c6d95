//! `firmware-examples/benchmark`, which prints what models cost on the chip that it runs on: the models of
//! [`mod@crate::measure::bench`], packed for a core, and the example on an emulated board.

use crate::build::board::Board;
use crate::build::firmware::Program;
use crate::build::workspace;
use crate::emulator::{self, Invocation};
use crate::error::Error;
use crate::files;
use crate::measure::bench;
use crate::measure::shapes::Kind;
use elbow::layer::Packing;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a board may take for both models.
const LIMIT: Duration = Duration::from_secs(300);

/// Writes the models into `folder`, packed for `core`, such as m4; their paths, the autoencoder's last.
///
/// # Errors
///
/// There is no such core, or a file cannot be written.
pub fn write_images(core: &str, folder: &Path) -> Result<[PathBuf; 2], Error> {
    std::fs::create_dir_all(folder).map_err(Error::at(folder))?;
    let [digits, autoencoder] = bench::shapes();
    let write = |(name, shape): (&str, crate::measure::shapes::Shape)| {
        let kind = Kind::Counts { trials: 1 };
        let mut spec = shape
            .random_model(name, kind, 1)
            .map_err(Error::of_writer)?;
        spec.packing = Packing::for_core(core).unwrap_or_default();
        let path = folder.join(format!("{name}.elbow"));
        let image = spec.write(&[]).map_err(Error::of_writer)?;
        files::write(&path, &*image)?;
        Ok(path)
    };
    Ok([write(digits)?, write(autoencoder)?])
}

/// The table that the example prints on an emulated board: instructions.
///
/// # Errors
///
/// The example does not build or run.
pub fn table(board: &Board) -> Result<String, Error> {
    let folder = files::temporary_folder()?;
    let [digits, autoencoder] = write_images(board.core_name(), folder.path())?;
    let program = Program {
        name: "benchmark",
        package: "firmware-examples/benchmark",
        triple: board.triple,
        cpu: board.cpu,
        image: Some(&digits),
        features: Some("autoencoder"),
    };
    let memory = workspace().join("tests/firmware/boards").join(board.name);
    let files = [
        ("ELBOW_AUTOENCODER", autoencoder.as_path()),
        ("ELBOW_MEMORY", memory.as_path()),
    ];
    let invocation = Invocation {
        model: None,
        directory: folder.path(),
        arguments: &["benchmark".to_owned(), "instructions".to_owned()],
        time_limit: LIMIT,
        count_instructions: true,
    };
    let outcome = emulator::run_program(board, &program.build_with(&files)?, &invocation)?;
    if outcome.code == 0 {
        Ok(outcome.stdout)
    } else {
        Err(Error::Program {
            program: format!("benchmark on {}", board.name),
            output: outcome.stderr,
        })
    }
}
