//! Arrays as NumPy saves them.
//!
//! A file is the magic `\x93NUMPY`, a version (1 to 3), the length of the header (2 bytes in version 1, else 4,
//! little-endian), the header, which is a Python dictionary with the keys `descr`, `fortran_order` and `shape`,
//! and the elements ([format](https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)).
//!
//! The few lines that this takes are written here because the crate at hand trusts the header: npyz 0.9.1 spends
//! 48 s on one that is 24 opening brackets (each doubles it) and panics on overflow where lengths multiply beyond
//! 64 bits. This parser is linear and checks every length against the file before anything is allocated.

use super::arrays::unusable;
use super::grid::{Grid, Purpose, check_width, shortened};
use super::{Contents, Format};
use crate::data::error::FileError;
use crate::data::frame::Frame;
use std::borrow::Cow;

pub(super) const FORMAT: Format = Format {
    names: &[".npy"],
    is: |bytes| bytes.starts_with(MAGIC),
    extension: Some("npy"),
    read: |Contents {
               name,
               purpose,
               bytes,
               ..
           }| { Ok(Frame::new(name, read(&bytes, purpose)?.columns())) },
    read_parts: None,
};

/// The first bytes of every `.npy` file.
const MAGIC: &[u8] = b"\x93NUMPY";

/// The shape of the array that `bytes` begin with.
pub(super) fn shape(bytes: &[u8]) -> Result<Vec<u64>, FileError> {
    Ok(split_header(bytes)?.0.shape)
}

/// Reads the array in `bytes`.
pub(super) fn read(bytes: &[u8], purpose: Purpose) -> Result<Grid, FileError> {
    if bytes.is_empty() {
        return Err(FileError::NoRows);
    }
    let (header, data) = split_header(bytes)?;
    let element = Element::parse(&header.descr).ok_or_else(|| {
        FileError::Contents(format!(
            "elements of type {:?} are not read; save a plain numeric array, for instance array.astype(numpy.float32)",
            shortened(&header.descr)
        ))
    })?;
    let [rows, height, width] = extent(&header.shape, purpose)?;
    let promised = [rows, height, width]
        .into_iter()
        .fold(element.bytes as u128, |product, length| {
            product.saturating_mul(u128::from(length))
        });
    let found = data.len();
    if (found as u128) < promised {
        return Err(FileError::Contents(format!(
            "is truncated: {found} bytes follow the header, which promises {promised}; copy or save it again"
        )));
    }
    if found as u128 > promised {
        return Err(FileError::Contents(format!(
            "goes on after its array: {found} bytes follow the header, which promises {promised}; save one array a file"
        )));
    }
    // No length exceeds the file's, which is in memory.
    check_width(height * width)?;
    let layout = Layout {
        rows: rows as usize,
        height: height as usize,
        width: width as usize,
        fortran: header.fortran,
    };
    fill(data, &element, layout, purpose)
}

/// Converts every element and puts it into its row.
fn fill(
    data: &[u8],
    element: &Element,
    layout: Layout,
    purpose: Purpose,
) -> Result<Grid, FileError> {
    let width = layout.height * layout.width;
    let mut values = vec![0.0; layout.rows * width];
    for (index, bytes) in data.chunks_exact(element.bytes).enumerate() {
        let (row, column) = layout.place(index);
        let number = element.decode(bytes);
        values[row * width + column] = cell(number, purpose).map_err(|fault| {
            let found = number.to_string();
            let place = format!("row {}, column {}", row + 1, column + 1);
            FileError::Contents(format!("{place}: {found:?} {fault}"))
        })?;
    }
    Ok(Grid { width, values })
}

/// A number rounded to `f32`, in which it is finite; NaN where a number of a reading is missing.
fn cell(number: f64, purpose: Purpose) -> Result<f32, &'static str> {
    let rounded = number as f32;
    if number.is_nan() && purpose == Purpose::Readings {
        Ok(f32::NAN)
    } else if !number.is_finite() {
        Err("is not finite; remove the row or impute the value")
    } else if rounded.is_infinite() {
        Err("does not fit 32-bit floating point (largest 3.4e38); scale the column down")
    } else {
        Ok(rounded)
    }
}

/// The contents of a header.
#[derive(Debug)]
struct Header {
    /// The type of an element; all text from its description on if that is not a plain string.
    descr: String,
    /// Whether the first index runs fastest.
    fortran: bool,
    /// The length of each dimension.
    shape: Vec<u64>,
}

/// Parses the header and returns it with the bytes after it.
fn split_header(bytes: &[u8]) -> Result<(Header, &[u8]), FileError> {
    let header = header(bytes).and_then(|(text, data)| Ok((parse_header(&text)?, data)));
    header.map_err(|reason| {
        let fault = format!("bad .npy header: {reason}; save the array again with numpy.save");
        FileError::Contents(fault)
    })
}

/// The text of the header and the bytes after it, or what is wrong.
fn header(bytes: &[u8]) -> Result<(Cow<'_, str>, &[u8]), String> {
    let bytes = bytes
        .strip_prefix(MAGIC)
        .ok_or("the file does not begin with \\x93NUMPY")?;
    let (length, rest) = match bytes {
        [1, _, a, b, rest @ ..] => (u32::from(u16::from_le_bytes([*a, *b])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]), rest),
        [version @ (0 | 4..), minor, ..] => {
            return Err(format!("version {version}.{minor} is unknown"));
        }
        _ => return Err("the file ends inside it".to_string()),
    };
    let (text, data) = usize::try_from(length)
        .ok()
        .and_then(|length| rest.split_at_checked(length))
        .ok_or_else(|| format!("the file ends inside it ({} bytes of {length})", rest.len()))?;
    Ok((String::from_utf8_lossy(text), data))
}

/// Parses the dictionary.
fn parse_header(text: &str) -> Result<Header, String> {
    let descr = value_of(text, "descr")?;
    let descr = match descr.chars().next() {
        Some(quote @ ('\'' | '"')) => descr[1..].split(quote).next().unwrap_or_default(),
        _ => descr,
    };
    let order = value_of(text, "fortran_order")?;
    let fortran = order.starts_with("True");
    if !fortran && !order.starts_with("False") {
        return Err("fortran_order is neither True nor False".to_string());
    }
    let shape = value_of(text, "shape")?
        .strip_prefix('(')
        .and_then(|lengths| lengths.split_once(')'))
        .and_then(|(lengths, _)| {
            let lengths = lengths.trim().trim_end_matches(',');
            // Python 2 wrote long integers with an L.
            let parse = |length: &str| length.trim().trim_end_matches('L').parse::<u64>().ok();
            if lengths.is_empty() {
                Some(Vec::new())
            } else {
                lengths.split(',').map(parse).collect()
            }
        })
        .ok_or("shape is not a tuple of lengths")?;
    Ok(Header {
        descr: descr.to_string(),
        fortran,
        shape,
    })
}

/// The text from the value of `key` on.
fn value_of<'a>(text: &'a str, key: &str) -> Result<&'a str, String> {
    ['\'', '"']
        .iter()
        .find_map(|quote| text.split_once(&format!("{quote}{key}{quote}")))
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(':'))
        .map(str::trim_start)
        .ok_or_else(|| format!("it lacks the key {key}"))
}

/// Rows, height and width of a shape that suits the purpose.
fn extent(shape: &[u64], purpose: Purpose) -> Result<[u64; 3], FileError> {
    let extent = match (purpose, shape) {
        (Purpose::Readings, &[rows, width]) => Ok([rows, 1, width]),
        (Purpose::Readings, &[rows, height, width]) => Ok([rows, height, width]),
        (Purpose::Labels, &[rows] | &[rows, 1]) => Ok([rows, 1, 1]),
        (Purpose::Readings, _) => {
            Err("readings need (rows, width) or (rows, height, width); use array.reshape(rows, -1)")
        }
        (Purpose::Labels, _) => {
            Err("labels need (rows,); use array.reshape(-1) on one label a row")
        }
    };
    let extent = match extent {
        Ok([0, _, _]) => return Err(FileError::NoRows),
        Ok([_, 0, _] | [_, _, 0]) => {
            Err("so its rows hold no values; a reading needs a width of at least 1")
        }
        extent => extent,
    };
    extent.map_err(|wanted| unusable(shape, wanted))
}

/// Where the elements of the array lie.
#[derive(Debug, Clone, Copy)]
struct Layout {
    rows: usize,
    height: usize,
    width: usize,
    fortran: bool,
}

impl Layout {
    /// The row and the column in it of the element stored at `index`.
    fn place(&self, index: usize) -> (usize, usize) {
        if self.fortran {
            let (row, rest) = (index % self.rows, index / self.rows);
            (row, (rest % self.height) * self.width + rest / self.height)
        } else {
            let row_length = self.height * self.width;
            (index / row_length, index % row_length)
        }
    }
}

/// How an element is stored.
#[derive(Debug)]
struct Element {
    bytes: usize,
    big_endian: bool,
    /// The number in the first `bytes` bytes, which are little-endian.
    number: fn([u8; 8]) -> f64,
}

/// The first of eight bytes.
fn first<const N: usize>(bytes: [u8; 8]) -> [u8; N] {
    std::array::from_fn(|at| bytes[at])
}

impl Element {
    /// Parses a description such as `<f4`, if it is one of a plain number.
    fn parse(descr: &str) -> Option<Self> {
        let kind = descr.strip_prefix(['<', '>', '|'])?;
        let (bytes, number): (usize, fn([u8; 8]) -> f64) = match kind {
            "b1" | "u1" => (1, |b| f64::from(b[0])),
            "i1" => (1, |b| i8::from_le_bytes(first(b)).into()),
            "u2" => (2, |b| u16::from_le_bytes(first(b)).into()),
            "i2" => (2, |b| i16::from_le_bytes(first(b)).into()),
            "u4" => (4, |b| u32::from_le_bytes(first(b)).into()),
            "i4" => (4, |b| i32::from_le_bytes(first(b)).into()),
            "f4" => (4, |b| f32::from_le_bytes(first(b)).into()),
            "u8" => (8, |b| u64::from_le_bytes(b) as f64),
            "i8" => (8, |b| i64::from_le_bytes(b) as f64),
            "f8" => (8, f64::from_le_bytes),
            _ => return None,
        };
        let has_order = !descr.starts_with('|');
        (has_order || bytes == 1).then_some(Self {
            bytes,
            big_endian: descr.starts_with('>'),
            number,
        })
    }

    /// The number in `bytes`, of which there are as many as an element has.
    fn decode(&self, bytes: &[u8]) -> f64 {
        let mut little_endian = [0; 8];
        little_endian[..bytes.len()].copy_from_slice(bytes);
        if self.big_endian {
            little_endian[..bytes.len()].reverse();
        }
        (self.number)(little_endian)
    }
}

#[cfg(test)]
mod tests;
