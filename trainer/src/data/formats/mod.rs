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
use std::fs::File;
use std::io::{BufReader, Read, Seek};
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

/// Bytes from which on a file is read on the way.
const LARGE: u64 = 1 << 28;
/// Bytes at the front of a file that tell what it is.
const HEAD: usize = 1 << 20;

/// Reads some rows of the file `path` where it is text and large, or `rows` are wanted; none of any other.
///
/// # Errors
/// As of [`read`].
pub(super) fn read_large(path: &Path, rows: Option<usize>) -> Result<Option<Frame>, DataError> {
    let unreadable = |reason| DataError::Unreadable {
        path: path.to_path_buf(),
        reason,
    };
    // What cannot be opened has its error where it is read.
    let Ok(mut file) = File::open(path) else {
        return Ok(None);
    };
    let length = file.metadata().map_err(unreadable)?.len();
    if length < LARGE && rows.is_none() {
        return Ok(None);
    }
    let mut head = vec![];
    let taken = file.by_ref().take(HEAD as u64);
    BufReader::new(taken)
        .read_to_end(&mut head)
        .map_err(unreadable)?;
    let whole = length as usize == head.len();
    let end = head.iter().rposition(|&byte| byte == b'\n');
    let Some(end) = end.filter(|_| is_plain_text(path, &head)) else {
        return Ok(None);
    };
    file.rewind().map_err(unreadable)?;
    let head = if whole { &head[..] } else { &head[..=end] };
    let file = BufReader::with_capacity(HEAD, file);
    text::read_large(path, name(path), (head, file), rows).map(Some)
}

/// Whether a file that begins so is text of one byte a character or UTF-8, without anything packed.
fn is_plain_text(path: &Path, head: &[u8]) -> bool {
    let is_other = columnar::Kind::of(head).is_some()
        || mat::is_mat(head)
        || npz::is_zip(head)
        || wav::is_wav(head)
        || idx::is_idx(head)
        || npy::is_npy(head)
        || has_extension(path, "npy");
    !is_other && !unpack::is_packed(head) && !head.contains(&0)
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}
