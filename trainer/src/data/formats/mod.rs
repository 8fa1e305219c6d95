//! The formats of files, told apart by their contents. A format is a file here, and a line of [`FORMATS`].

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

use crate::data::error::{DataError, FileError};
use crate::data::frame::Frame;
pub(super) use grid::Purpose;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};
pub use text::LiveTable;

/// Every format but text, which is what none of them is.
const FORMATS: [Format; 6] = [
    columnar::FORMAT,
    mat::FORMAT,
    npz::FORMAT,
    wav::FORMAT,
    idx::FORMAT,
    npy::FORMAT,
];

/// A format of files.
struct Format {
    /// Its name, or those of several kinds of files.
    names: &'static [&'static str],
    /// Whether a file that begins so is of this format.
    is: fn(&[u8]) -> bool,
    /// An extension whose files are of this format, however they begin.
    extension: Option<&'static str>,
    /// Reads a whole file.
    read: fn(Contents) -> Result<Frame, FileError>,
    /// Reads a file on the way, where the format allows it.
    read_parts: Option<ReadParts>,
}

/// Takes rows of a file, and says whether it wants more.
pub(super) type Take<'a> = dyn FnMut(Frame) -> bool + 'a;

/// Reads a file on the way and hands its rows, with the name of its table, to what takes them, at most so many at a time.
type ReadParts = fn(File, &str, usize, &mut Take<'_>) -> Result<(), FileError>;

impl Format {
    /// The error of a file that is of no format.
    fn unknown(found: &'static str, remedy: &'static str) -> FileError {
        let names = FORMATS.iter().flat_map(|format| format.names).copied();
        let formats: Vec<_> = std::iter::once("text").chain(names).collect();
        FileError::Contents(format!(
            "looks like {found}, none of {}; {remedy}",
            formats.join(", ")
        ))
    }

    /// The format of the file `path`, which begins with `start`; none of text.
    fn of(path: &Path, start: &[u8]) -> Option<&'static Self> {
        let extension = path.extension();
        FORMATS.iter().find(|format| {
            let own = format.extension.zip(extension);
            (format.is)(start) || own.is_some_and(|(own, found)| found.eq_ignore_ascii_case(own))
        })
    }
}

/// The contents of a file, unpacked, and what is wanted of them.
struct Contents {
    /// The file.
    path: PathBuf,
    /// Its name in messages and results.
    name: String,
    /// The array in it that is asked for.
    array: Option<String>,
    /// Readings or labels.
    purpose: Purpose,
    bytes: Vec<u8>,
}

impl Contents {
    /// Reads the contents that `unpack` gives of the file `path`, which may be `FILE.npz:NAME`.
    fn read(
        path: &Path,
        purpose: Purpose,
        unpack: impl FnOnce(&Path) -> Result<Vec<u8>, FileError>,
    ) -> Result<Frame, DataError> {
        let (file, array) = arrays::selected(path);
        let read = |bytes: Vec<u8>| {
            let format = Format::of(&file, &bytes);
            let contents = Self {
                path: file.clone(),
                name: name(path),
                array,
                purpose,
                bytes,
            };
            format.map_or(text::read as fn(_) -> _, |format| format.read)(contents)
        };
        unpack(&file)
            .and_then(read)
            .map_err(|fault| DataError::in_file(&file, fault))
    }

    /// The readings in `bytes`, those of a file `path`.
    #[cfg(test)]
    fn of(path: &str, array: Option<&str>, bytes: &[u8]) -> Self {
        Self {
            path: path.into(),
            name: name(Path::new(path)),
            array: array.map(str::to_owned),
            purpose: Purpose::Readings,
            bytes: bytes.to_vec(),
        }
    }
}

/// The name of the file `path` without the extension, as messages and results have it.
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
    Contents::read(path, purpose, unpack::contents)
}

/// Reads `bytes` as [`read`] does a file `path` with these contents.
///
/// # Errors
/// The errors of [`read`].
pub(super) fn read_bytes(path: &Path, bytes: &[u8], purpose: Purpose) -> Result<Frame, DataError> {
    Contents::read(path, purpose, |_| {
        unpack::unpacked(bytes.len() as u64, bytes)
    })
}

/// Bytes from which on a file is read on the way.
const LARGE: u64 = 1 << 28;
/// Bytes at the front of a file that tell what it is.
const HEAD: usize = 1 << 20;
/// Bytes at the front of a text that hold all lines which its layout is found from, however long they are.
const LONG_HEAD: usize = 1 << 24;

/// Reads some rows of the file `path` where it is text and large, or `rows` are wanted; none of any other.
///
/// # Errors
/// The errors of [`read`].
pub(super) fn read_sampled(path: &Path, rows: Option<usize>) -> Result<Option<Frame>, DataError> {
    // A file that cannot be opened has its error where it is read.
    let Ok(file) = File::open(path) else {
        return Ok(None);
    };
    sampled(path, file, rows).map_err(|fault| DataError::in_file(path, fault))
}

fn sampled(path: &Path, mut file: File, rows: Option<usize>) -> Result<Option<Frame>, FileError> {
    if file.metadata()?.len() < LARGE && rows.is_none() {
        return Ok(None);
    }
    let Some(head) = text_head(path, &mut file, HEAD)? else {
        return Ok(None);
    };
    let file = BufReader::with_capacity(HEAD, file);
    text::read_sampled(name(path), &head, file, rows).map(Some)
}

/// Hands the rows of the file `path` to `take`, at most `rows` at a time where the file is read on the way: text that nothing
/// packed, Parquet, Arrow. Of other formats all rows come together.
///
/// # Errors
/// The errors of [`read`]; what was read before has been taken.
pub(super) fn read_parts(path: &Path, rows: usize, take: &mut Take<'_>) -> Result<(), DataError> {
    // A file that cannot be opened has its error where it is read.
    let parts = File::open(path).is_ok_and(|file| file.metadata().is_ok_and(|file| file.is_file()));
    let done = match parts {
        true => on_the_way(path, rows, take),
        false => Ok(false),
    };
    if !done.map_err(|fault| DataError::in_file(path, fault))? {
        take(read(path, Purpose::Readings)?);
    }
    Ok(())
}

/// Does what [`read_parts`] says; false, and nothing is taken, of a format that is read whole.
fn on_the_way(path: &Path, rows: usize, take: &mut Take<'_>) -> Result<bool, FileError> {
    let mut file = File::open(path)?;
    let mut start = vec![];
    file.by_ref().take(HEAD as u64).read_to_end(&mut start)?;
    file.rewind()?;
    if let Some(format) = Format::of(path, &start) {
        let Some(read) = format.read_parts else {
            return Ok(false);
        };
        return read(file, &name(path), rows, take).map(|()| true);
    }
    let Some(head) = text_head(path, &mut file, LONG_HEAD)? else {
        return Ok(false);
    };
    let file = BufReader::with_capacity(HEAD, file);
    text::read_parts(&name(path), &head, file, rows, take).map(|()| true)
}

/// The lines at the front of a file that is text of one byte a character or UTF-8, of about so many `bytes`, whole ones but
/// for the last one of the file; none of another file, or of one without lines. The file is at its beginning again.
fn text_head(path: &Path, file: &mut File, bytes: usize) -> Result<Option<Vec<u8>>, FileError> {
    let length = file.metadata()?.len();
    let mut head = vec![];
    let taken = file.by_ref().take(bytes as u64);
    BufReader::new(taken).read_to_end(&mut head)?;
    file.rewind()?;
    let Some(end) = head.iter().rposition(|&byte| byte == b'\n') else {
        return Ok(None);
    };
    if length as usize != head.len() {
        head.truncate(end + 1);
    }
    Ok(is_plain_text(path, &head).then_some(head))
}

/// Whether a file that begins so is text of one byte a character or UTF-8, without anything packed.
fn is_plain_text(path: &Path, head: &[u8]) -> bool {
    Format::of(path, head).is_none() && !unpack::is_packed(head) && !head.contains(&0)
}
