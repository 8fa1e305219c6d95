//! The examples of `runtime/c/examples`, and the files that they include: an exported model called `digits`, and readings.

use crate::build::{trainer, workspace};
use crate::c::program::Sources;
use crate::error::Error;
use crate::files;
use crate::measure::bench;
use crate::measure::shapes::Kind;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A program of the trainer that is done at once, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(600);

/// Without their extensions.
pub const NAMES: [&str; 3] = ["score", "slices", "product"];

/// A folder with `digits.h`, `digits.c` and `readings.h`.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    folder: &'a Path,
}

impl<'a> Example<'a> {
    /// Exports the model in `model`, an image or the folder of a run of digits, and writes these raw readings beside it.
    ///
    /// # Errors
    ///
    /// The trainer refuses, or a file cannot be written.
    pub fn new(folder: &'a Path, model: &Path, readings: &[Vec<i16>]) -> Result<Self, Error> {
        let (model, out) = (model.to_string_lossy(), folder.join("digits"));
        let out = out.to_string_lossy();
        trainer::run(&["export", &model, "--c", "--out", &out], LIMIT)?;
        let mut text = format!(
            "#define READINGS {}\nstatic const int16_t readings[READINGS][DIGITS_READING_LENGTH] = {{\n",
            readings.len()
        );
        for reading in readings {
            let numbers: Vec<String> = reading.iter().map(ToString::to_string).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {{{}}},", numbers.join(", "));
        }
        files::write(&folder.join("readings.h"), text + "};\n")?;
        Ok(Self { folder })
    }

    /// The same with random weights, and one reading of zeros.
    ///
    /// # Errors
    ///
    /// As of [`Example::new`].
    pub fn random(folder: &'a Path) -> Result<Self, Error> {
        let [(_, shape), _] = bench::shapes();
        let kind = Kind::Counts { trials: 16 };
        let spec = shape
            .random_model("digits", kind, 1)
            .map_err(Error::of_writer)?;
        let image = spec.write(&[]).map_err(Error::of_writer)?;
        let path = folder.join("random.elbow");
        files::write(&path, &*image)?;
        Self::new(folder, &path, &[vec![0; shape.inputs]])
    }

    /// Where the exported model and the readings are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder
    }

    /// The sources of example `name`.
    #[must_use]
    pub fn files(&self, name: &str) -> [PathBuf; 2] {
        let examples = workspace().join("runtime/c/examples");
        [
            examples.join(format!("{name}.c")),
            self.folder.join("digits.c"),
        ]
    }

    /// `files` with the archive in a folder.
    #[must_use]
    pub fn sources<'b>(
        &'b self,
        files: &'b [PathBuf],
        archive: &'b Path,
        defines: &'b [&'b str],
    ) -> Sources<'b> {
        Sources {
            files,
            include: self.folder,
            defines,
            archive,
        }
    }
}
