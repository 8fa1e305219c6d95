//! `elbow.h`, made of the sources of the crate `elbow-c` by cbindgen.

use crate::build::workspace;
use crate::error::Error;
use std::path::PathBuf;

/// Where the header is.
#[must_use]
pub fn path() -> PathBuf {
    workspace().join("runtime/c/elbow.h")
}

/// The text that the sources give.
///
/// # Errors
///
/// cbindgen refuses the sources, or its settings.
pub fn generate() -> Result<String, Error> {
    let crate_folder = workspace().join("runtime/c");
    let refused = |reason: String| Error::Program {
        program: "cbindgen".to_owned(),
        output: reason,
    };
    let config = cbindgen::Config::from_file(crate_folder.join("cbindgen.toml"));
    let bindings = cbindgen::Builder::new()
        .with_crate(&crate_folder)
        .with_config(config.map_err(refused)?)
        .generate()
        .map_err(|error| refused(error.to_string()))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).map_err(|error| refused(error.to_string()))
}
