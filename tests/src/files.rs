//! Files and folders, with errors that name them.

use crate::error::Error;
use std::path::Path;
use tempfile::TempDir;

/// An empty folder that goes when it is dropped.
///
/// # Errors
///
/// There is no room for one.
pub fn temporary_folder() -> Result<TempDir, Error> {
    tempfile::tempdir().map_err(Error::at(&std::env::temp_dir()))
}

/// Writes a file.
///
/// # Errors
///
/// It cannot be written.
pub fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Error> {
    std::fs::write(path, contents).map_err(Error::at(path))
}
