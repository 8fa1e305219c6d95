//! Arrays as NumPy saves them.
//!
//! A file is the magic `\x93NUMPY`, a version (1 to 3), the length of the header (2 bytes in version 1, else 4,
//! little-endian), the header, which is a Python dictionary with the keys `descr`, `fortran_order` and `shape`,
//! and the elements ([format](https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)).
//!
//! The few lines that this takes are written here because the crate at hand trusts the header: npyz 0.9.1 spends
//! 48 s on one that is 24 opening brackets (each doubles it) and panics on overflow where lengths multiply beyond
//! 64 bits. This parser is linear and checks every length against the file before anything is allocated.

use std::path::Path;

use super::grid::{Convert, Grid, Purpose, shortened};
use crate::data::error::{DataError, Fault, Place};

/// What every `.npy` file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";

/// Whether these bytes are an `.npy` file.
pub(super) fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The shape of the array that `bytes` begins, of the contents of `path`.
pub(super) fn shape(path: &Path, bytes: &[u8]) -> Result<Vec<u64>, DataError> {
    let header = split_header(bytes).map_err(|reason| DataError::NpyHeader {
        path: path.to_path_buf(),
        reason,
    })?;
    Ok(header.0.shape)
}

/// Reads the array in `bytes`, the contents of `path`.
pub(super) fn read<T: Copy + Default>(
    path: &Path,
    bytes: &[u8],
    purpose: Purpose,
    convert: Convert<T>,
) -> Result<Grid<T>, DataError> {
    if bytes.is_empty() {
        return Err(DataError::NoRows {
            path: path.to_path_buf(),
        });
    }
    let (header, data) = split_header(bytes).map_err(|reason| DataError::NpyHeader {
        path: path.to_path_buf(),
        reason,
    })?;
    let element = Element::parse(&header.descr).ok_or_else(|| DataError::NpyType {
        path: path.to_path_buf(),
        found: shortened(&header.descr),
    })?;
    let [rows, height, width] = extent(path, &header.shape, purpose)?;
    let promised = [rows, height, width]
        .into_iter()
        .fold(element.bytes as u128, |product, length| {
            product.saturating_mul(u128::from(length))
        });
    if data.len() as u128 != promised {
        return Err(DataError::NpyLength {
            path: path.to_path_buf(),
            found: data.len(),
            promised,
        });
    }
    // No length exceeds the file's, which is in memory.
    let layout = Layout {
        rows: rows as usize,
        height: height as usize,
        width: width as usize,
        fortran: header.fortran,
    };
    fill(path, data, &element, layout, convert)
}

/// Converts every element and puts it into its row.
fn fill<T: Copy + Default>(
    path: &Path,
    data: &[u8],
    element: &Element,
    layout: Layout,
    convert: Convert<T>,
) -> Result<Grid<T>, DataError> {
    let width = layout.height * layout.width;
    let mut values = vec![T::default(); layout.rows * width];
    for (index, bytes) in data.chunks_exact(element.bytes).enumerate() {
        let (row, column) = layout.place(index);
        let number = element.decode(bytes);
        values[row * width + column] = convert(number).map_err(|fault: Fault| DataError::Cell {
            path: path.to_path_buf(),
            place: Place::Row {
                row: row + 1,
                column: column + 1,
            },
            found: number.to_string(),
            fault,
        })?;
    }
    Ok(Grid { width, values })
}

/// What a header says.
#[derive(Debug)]
struct Header {
    /// The type of an element; all text from its description on if that is not a plain string.
    descr: String,
    /// Whether the first index runs fastest.
    fortran: bool,
    /// The length of each dimension.
    shape: Vec<u64>,
}

/// Parses the header and returns it with the bytes after it, or says what is wrong.
fn split_header(bytes: &[u8]) -> Result<(Header, &[u8]), String> {
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
    Ok((parse_header(&String::from_utf8_lossy(text))?, data))
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
fn extent(path: &Path, shape: &[u64], purpose: Purpose) -> Result<[u64; 3], DataError> {
    let error = |wanted| DataError::NpyShape {
        path: path.to_path_buf(),
        shape: shape.to_vec(),
        wanted,
    };
    let extent = match (purpose, shape) {
        (Purpose::Readings, &[rows, width]) => [rows, 1, width],
        (Purpose::Readings, &[rows, height, width]) => [rows, height, width],
        (Purpose::Labels, &[rows] | &[rows, 1]) => [rows, 1, 1],
        (Purpose::Readings, _) => {
            return Err(error(
                "readings need (rows, width) or (rows, height, width); use array.reshape(rows, -1)",
            ));
        }
        (Purpose::Labels, _) => {
            return Err(error(
                "labels need (rows,); use array.reshape(-1) on one label a row",
            ));
        }
    };
    match extent {
        [0, _, _] => Err(DataError::NoRows {
            path: path.to_path_buf(),
        }),
        [_, 0, _] | [_, _, 0] => Err(error(
            "so its rows hold no values; a reading needs a width of at least 1",
        )),
        _ => Ok(extent),
    }
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

impl Element {
    /// Parses a description such as `<f4`, if it is one of a plain number.
    fn parse(descr: &str) -> Option<Self> {
        let kind = descr.strip_prefix(['<', '>', '|'])?;
        let (bytes, number): (usize, fn([u8; 8]) -> f64) = match kind {
            "b1" | "u1" => (1, |b| f64::from(b[0])),
            "i1" => (1, |b| f64::from(i8::from_le_bytes([b[0]]))),
            "u2" => (2, |b| f64::from(u16::from_le_bytes([b[0], b[1]]))),
            "i2" => (2, |b| f64::from(i16::from_le_bytes([b[0], b[1]]))),
            "u4" => (4, |b| {
                f64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            }),
            "i4" => (4, |b| {
                f64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            }),
            "f4" => (4, |b| {
                f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            }),
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
mod tests {
    use super::*;
    use crate::data::formats::grid::reading;

    /// A file with this header, padded and written as NumPy does in version 1.0.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let padding = 63 - (10 + header.len()) % 64;
        let header = format!("{header}{}\n", " ".repeat(padding));
        let length = u16::try_from(header.len()).unwrap();
        [
            b"\x93NUMPY\x01\x00",
            &length.to_le_bytes()[..],
            header.as_bytes(),
            data,
        ]
        .concat()
    }

    fn array(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        file(
            &format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"),
            data,
        )
    }

    fn grid(bytes: &[u8]) -> Grid<f32> {
        read(Path::new("a.npy"), bytes, Purpose::Readings, reading).unwrap()
    }

    fn message(bytes: &[u8]) -> String {
        read(Path::new("a.npy"), bytes, Purpose::Readings, reading)
            .unwrap_err()
            .to_string()
    }

    fn bytes_of<const N: usize, const M: usize>(values: [[u8; N]; M]) -> Vec<u8> {
        values.concat()
    }

    #[test]
    fn every_type_is_read_in_both_byte_orders() {
        let unsigned = [0.0, 1.0, 200.0, 3.0];
        let signed = [0.0, 1.0, -100.0, 3.0];
        let real = [0.0, 1.5, -2.25, 1.0e10];
        let cases: Vec<(&str, Vec<u8>, [f32; 4])> = vec![
            ("|u1", vec![0, 1, 200, 3], unsigned),
            ("|b1", vec![0, 1, 1, 0], [0.0, 1.0, 1.0, 0.0]),
            (
                "|i1",
                bytes_of([0i8, 1, -100, 3].map(i8::to_le_bytes)),
                signed,
            ),
            (
                "<u2",
                bytes_of([0u16, 1, 200, 3].map(u16::to_le_bytes)),
                unsigned,
            ),
            (
                ">u2",
                bytes_of([0u16, 1, 200, 3].map(u16::to_be_bytes)),
                unsigned,
            ),
            (
                "<i2",
                bytes_of([0i16, 1, -100, 3].map(i16::to_le_bytes)),
                signed,
            ),
            (
                ">i2",
                bytes_of([0i16, 1, -100, 3].map(i16::to_be_bytes)),
                signed,
            ),
            (
                "<u4",
                bytes_of([0u32, 1, 200, 3].map(u32::to_le_bytes)),
                unsigned,
            ),
            (
                ">u4",
                bytes_of([0u32, 1, 200, 3].map(u32::to_be_bytes)),
                unsigned,
            ),
            (
                "<i4",
                bytes_of([0i32, 1, -100, 3].map(i32::to_le_bytes)),
                signed,
            ),
            (
                ">i4",
                bytes_of([0i32, 1, -100, 3].map(i32::to_be_bytes)),
                signed,
            ),
            (
                "<u8",
                bytes_of([0u64, 1, 200, 3].map(u64::to_le_bytes)),
                unsigned,
            ),
            (
                ">u8",
                bytes_of([0u64, 1, 200, 3].map(u64::to_be_bytes)),
                unsigned,
            ),
            (
                "<i8",
                bytes_of([0i64, 1, -100, 3].map(i64::to_le_bytes)),
                signed,
            ),
            (
                ">i8",
                bytes_of([0i64, 1, -100, 3].map(i64::to_be_bytes)),
                signed,
            ),
            (
                "<f4",
                bytes_of([0.0f32, 1.5, -2.25, 1.0e10].map(f32::to_le_bytes)),
                real,
            ),
            (
                ">f4",
                bytes_of([0.0f32, 1.5, -2.25, 1.0e10].map(f32::to_be_bytes)),
                real,
            ),
            (
                "<f8",
                bytes_of([0.0f64, 1.5, -2.25, 1.0e10].map(f64::to_le_bytes)),
                real,
            ),
            (
                ">f8",
                bytes_of([0.0f64, 1.5, -2.25, 1.0e10].map(f64::to_be_bytes)),
                real,
            ),
        ];
        for (descr, data, expected) in cases {
            let grid = grid(&array(descr, "(2, 2)", &data));
            assert_eq!(
                (grid.width, &grid.values[..]),
                (2, &expected[..]),
                "{descr}"
            );
        }
    }

    #[test]
    fn a_file_that_numpy_wrote_is_read() {
        // numpy.save of numpy.arange(6, dtype='<i2').reshape(2, 3), byte for byte.
        let mut bytes =
            b"\x93NUMPY\x01\x00v\x00{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }"
                .to_vec();
        bytes.extend([b' '; 58]);
        bytes.extend(b"\n\0\0\x01\0\x02\0\x03\0\x04\0\x05\0");
        assert_eq!(bytes.len(), 128 + 12);
        let grid = grid(&bytes);
        assert_eq!(
            (grid.width, grid.values),
            (3, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
        );
    }

    #[test]
    fn images_become_rows_in_either_order() {
        // Element (n, h, w) of shape (2, 3, 4) holds 100 n + 10 h + w.
        let mut c_order = Vec::new();
        let mut fortran_order = Vec::new();
        for n in 0..2u8 {
            for h in 0..3u8 {
                c_order.extend((0..4u8).map(|w| 100 * n + 10 * h + w));
            }
        }
        for w in 0..4u8 {
            for h in 0..3u8 {
                fortran_order.extend((0..2u8).map(|n| 100 * n + 10 * h + w));
            }
        }
        let row = [
            0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0, 20.0, 21.0, 22.0, 23.0,
        ];
        let expected = [row, row.map(|value| value + 100.0)].concat();
        let from_c = grid(&array("|u1", "(2, 3, 4)", &c_order));
        assert_eq!((from_c.width, &from_c.values), (12, &expected));
        let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }";
        let from_fortran = grid(&file(header, &fortran_order));
        assert_eq!((from_fortran.width, &from_fortran.values), (12, &expected));
    }

    #[test]
    fn a_fortran_table_is_transposed() {
        let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }";
        assert_eq!(
            grid(&file(header, &[1, 4, 2, 5, 3, 6])).values,
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        );
    }

    #[test]
    fn later_versions_and_other_writers_are_read() {
        for header in [
            "{'shape': (1L, 2L), 'fortran_order': False, 'descr': '|u1'}",
            "{\"descr\":\"|u1\",\"fortran_order\":False,\"shape\":(1,2)}",
        ] {
            for version in [2, 3] {
                let length = u32::try_from(header.len()).unwrap();
                let bytes = [
                    MAGIC,
                    &[version, 0],
                    &length.to_le_bytes(),
                    header.as_bytes(),
                    &[7, 8],
                ]
                .concat();
                assert_eq!(grid(&bytes).values, [7.0, 8.0], "{header}");
            }
        }
    }

    #[test]
    fn labels_are_one_column_of_whole_numbers() {
        let labels = |bytes: &[u8]| {
            read(Path::new("l.npy"), bytes, Purpose::Labels, reading).map_err(|e| e.to_string())
        };
        assert_eq!(
            labels(&array("|u1", "(3,)", &[0, 9, 1])).unwrap().values,
            [0.0, 9.0, 1.0]
        );
        assert_eq!(
            labels(&array("|u1", "(3, 1)", &[0, 9, 1])).unwrap().values,
            [0.0, 9.0, 1.0]
        );
        assert_eq!(
            labels(&array("|u1", "(1, 3)", &[0, 9, 1])).unwrap_err(),
            "l.npy: the array has shape (1, 3), labels need (rows,); use array.reshape(-1) on one label a row"
        );
    }

    #[test]
    fn shapes_that_are_no_readings_are_named() {
        let wanted =
            "readings need (rows, width) or (rows, height, width); use array.reshape(rows, -1)";
        for shape in ["()", "(4,)", "(1, 2, 2, 1)"] {
            assert_eq!(
                message(&array("|u1", shape, &[0; 4])),
                format!("a.npy: the array has shape {shape}, {wanted}")
            );
        }
        for shape in ["(4, 0)", "(4, 0, 2)"] {
            assert_eq!(
                message(&array("|u1", shape, &[])),
                format!(
                    "a.npy: the array has shape {shape}, so its rows hold no values; a reading needs a width of at least 1"
                )
            );
        }
        let no_rows = "a.npy: holds no row of numbers; one row for each reading is expected";
        assert_eq!(message(&array("|u1", "(0, 4)", &[])), no_rows);
        assert_eq!(message(b""), no_rows);
    }

    #[test]
    fn types_that_are_no_numbers_are_named() {
        for descr in ["<f2", "<c8", "<U5", "|O", "|f4", "<M8[ns]", "f4", ""] {
            assert_eq!(
                message(&array(descr, "(1, 2)", &[0; 16])),
                format!(
                    "a.npy: elements of type {descr:?} are not read; save a plain numeric array, \
                     for instance array.astype(numpy.float32)"
                )
            );
        }
        let structured = file(
            "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,), }",
            &[0; 8],
        );
        assert!(message(&structured).starts_with("a.npy: elements of type \"[('x', '<f4')]"));
    }

    #[test]
    fn lengths_that_disagree_are_both_named() {
        assert_eq!(
            message(&array("<f4", "(2, 3)", &[0; 20])),
            "a.npy: is truncated: 20 bytes follow the header, which promises 24; copy or save it again"
        );
        assert_eq!(
            message(&array("<f4", "(2, 3)", &[0; 28])),
            "a.npy: goes on after its array: 28 bytes follow the header, which promises 24; save one array a file"
        );
        let huge = "(18446744073709551615, 18446744073709551615, 18446744073709551615)";
        assert!(message(&array("<f8", huge, &[0; 8])).contains("is truncated: 8 bytes follow"));
    }

    #[test]
    fn a_bad_header_says_what_is_bad() {
        for (bytes, reason) in [
            (b"1,2\n".to_vec(), "the file does not begin with \\x93NUMPY"),
            (MAGIC.to_vec(), "the file ends inside it"),
            (b"\x93NUMPY\x01\x00\x76".to_vec(), "the file ends inside it"),
            (
                b"\x93NUMPY\x07\x01\x00\x00".to_vec(),
                "version 7.1 is unknown",
            ),
            (
                b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}".to_vec(),
                "the file ends inside it (2 bytes of 4294967295)",
            ),
            (file("{}", &[]), "it lacks the key descr"),
            (
                file("{'descr': '<f4'}", &[]),
                "it lacks the key fortran_order",
            ),
            (
                file("{'descr': '<f4', 'fortran_order': 1}", &[]),
                "fortran_order is neither True nor False",
            ),
            (
                file("{'descr': '<f4', 'fortran_order': True}", &[]),
                "it lacks the key shape",
            ),
            (
                file(
                    "{'descr': '<f4', 'fortran_order': True, 'shape': (2, -3)}",
                    &[],
                ),
                "shape is not a tuple of lengths",
            ),
            (
                file(
                    "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3",
                    &[],
                ),
                "shape is not a tuple of lengths",
            ),
        ] {
            assert_eq!(
                message(&bytes),
                format!("a.npy: bad .npy header: {reason}; save the array again with numpy.save")
            );
        }
    }

    #[test]
    fn values_that_cannot_be_readings_are_placed() {
        let real =
            |values: [f64; 4]| array("<f8", "(2, 2)", &bytes_of(values.map(f64::to_le_bytes)));
        assert_eq!(
            message(&real([0.0, 1.0, 2.0, f64::NAN])),
            "a.npy: row 2, column 2: \"NaN\" is not finite; remove the row or impute the value"
        );
        assert_eq!(
            message(&real([0.0, f64::NEG_INFINITY, 2.0, 3.0])),
            "a.npy: row 1, column 2: \"-inf\" is not finite; remove the row or impute the value"
        );
        assert!(message(&real([0.0, 1.0, 1.0e300, 3.0])).contains("row 2, column 1"));
        assert!(
            message(&real([0.0, 1.0, 1.0e300, 3.0])).contains("does not fit 32-bit floating point")
        );
    }

    #[test]
    fn no_prefix_and_no_changed_byte_of_a_file_panics() {
        let good = array("<f4", "(2, 3)", &[0; 24]);
        for end in 0..good.len() {
            assert!(
                read(Path::new("a.npy"), &good[..end], Purpose::Readings, reading).is_err(),
                "{end}"
            );
        }
        for index in 0..good.len() {
            for value in [0, b'(', b')', b'\'', b'9', 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[index] = value;
                let _ = read(Path::new("a.npy"), &bytes, Purpose::Readings, reading);
            }
        }
    }
}
