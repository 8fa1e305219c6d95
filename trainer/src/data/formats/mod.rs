//! Files, each as it is, told apart by their contents. A format has a file; [`read`] knows them all.

mod arrays;
mod columnar;
mod grid;
mod idx;
mod mat;
mod npy;
mod npz;
mod text;
mod unpack;
mod wav;

use crate::data::error::DataError;
use crate::data::frame::Frame;
pub(super) use grid::Purpose;
use std::path::Path;

/// What messages and results call the file `path`: its name without the extension.
pub(super) fn name(path: &Path) -> String {
    let (file, _) = arrays::selected(path);
    let name = file.file_stem().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Reads the file `path`, or `FILE.npz:NAME`, for `purpose`.
///
/// # Errors
/// One line that names the file, the place in it, what was found and the remedy.
pub(super) fn read(path: &Path, purpose: Purpose) -> Result<Frame, DataError> {
    let (file, array) = &arrays::selected(path);
    let bytes = unpack::contents(file)?;
    parse(file, name(path), bytes, (array.as_deref(), purpose))
}

/// Reads `bytes` as [`read`] does a file `path` with these contents.
///
/// # Errors
/// Those of [`read`].
pub(super) fn read_bytes(path: &Path, bytes: &[u8], purpose: Purpose) -> Result<Frame, DataError> {
    let (file, array) = &arrays::selected(path);
    let bytes = unpack::unpacked(file, bytes.len() as u64, bytes)?;
    parse(file, name(path), bytes, (array.as_deref(), purpose))
}

/// Reads the unpacked contents of `path`, or the array in them that is asked for.
fn parse(
    path: &Path,
    name: String,
    bytes: Vec<u8>,
    (array, purpose): (Option<&str>, Purpose),
) -> Result<Frame, DataError> {
    if let Some(kind) = columnar::Kind::of(&bytes) {
        return kind.read(path, name, bytes);
    }
    if mat::is_mat(&bytes) {
        return mat::read(path, name, &bytes, (array, purpose));
    }
    if npz::is_zip(&bytes) {
        return npz::read(path, name, &bytes, (array, purpose));
    }
    if wav::is_wav(&bytes) {
        return wav::read(path, name, &bytes);
    }
    let grid = if idx::is_idx(&bytes) {
        idx::read(path, &bytes, grid::reading)?
    } else if npy::is_npy(&bytes) || has_extension(path, "npy") {
        npy::read(path, &bytes, purpose, grid::of_purpose(purpose))?
    } else {
        return text::read(path, name, &bytes);
    };
    Ok(Frame::of_numbers(name, None, grid.width, &grid.values))
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}
