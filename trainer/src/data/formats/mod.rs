//! Files, each as it is, told apart by their contents. A format has a file; [`read`] knows them all.

mod grid;
mod idx;
mod npy;
mod text;
mod unpack;
mod wav;

use crate::data::error::DataError;
use crate::data::frame::Frame;
pub(super) use grid::Purpose;
use std::path::Path;

/// What messages and results call the file `path`: its name without the extension.
pub(super) fn name(path: &Path) -> String {
    let name = path.file_stem().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Reads the file `path`, for `purpose`.
///
/// # Errors
/// One line that names the file, the place in it, what was found and the remedy.
pub(super) fn read(path: &Path, purpose: Purpose) -> Result<Frame, DataError> {
    let bytes = unpack::contents(path)?;
    let name = name(path);
    if wav::is_wav(&bytes) {
        return wav::read(path, name, &bytes);
    }
    // A label that is missing is an error of its own.
    let convert = match purpose {
        Purpose::Readings => grid::cell,
        Purpose::Labels => grid::reading,
    };
    let grid = if idx::is_idx(&bytes) {
        idx::read(path, &bytes, grid::reading)?
    } else if npy::is_npy(&bytes) || has_extension(path, "npy") {
        npy::read(path, &bytes, purpose, convert)?
    } else {
        return text::read(path, name, &bytes);
    };
    Ok(Frame::of_numbers(name, None, grid.width, &grid.values))
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}
