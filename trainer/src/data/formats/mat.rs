//! MATLAB's files of version 5 to 7, in which a variable may be compressed, as `save` writes them unless it is told
//! otherwise, and as `scipy.io.savemat` does.
//!
//! A file is 116 bytes of text, a version and the byte order, then elements: a type, a length and data, padded to
//! 8 bytes. An element of type 14 is a variable: elements with its class, its lengths, its name and its numbers, the
//! first index fastest; one of type 15 is such an element by zlib ("MAT-File Format", MathWorks, R2019b, chapter 1).
//! No crate at hand reads compressed variables and checks every length against the file, which is all that this does.

use super::arrays::{Chosen, Listed, choose, push_labels, unusable};
use super::grid::{check_width, one_line};
use super::{Contents, Format, unpack};
use crate::data::error::FileError;
use crate::data::frame::{Cells, Column, Frame};

pub(super) const FORMAT: Format = Format {
    names: &[".mat"],
    is: is_mat,
    extension: None,
    read,
    read_parts: None,
};

/// Bytes before the first element.
const HEADER: usize = 128;
/// The first bytes of every file of HDF5.
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";
/// The type of an element that is a variable.
const VARIABLE: u32 = 14;
/// The type of an element that is compressed.
const COMPRESSED: u32 = 15;
/// Classes of numbers: double, single, and integers of 8 to 64 bits.
const NUMBERS: std::ops::RangeInclusive<u8> = 6..=15;

/// Whether these bytes are a file of MATLAB, or HDF5, in which newer ones are.
fn is_mat(bytes: &[u8]) -> bool {
    let order = bytes.get(126..HEADER);
    is_hdf5(bytes) || bytes.starts_with(b"MATLAB") && (order == Some(b"IM") || order == Some(b"MI"))
}

fn is_hdf5(bytes: &[u8]) -> bool {
    // MATLAB leaves 512 bytes to itself.
    bytes.starts_with(HDF5) || bytes.get(512..).is_some_and(|rest| rest.starts_with(HDF5))
}

/// Reads the variables, or the one that is asked for.
///
/// # Errors
/// It is not clear which; [`FileError::Format`] of version 7.3 and of what is cut off.
fn read(contents: Contents) -> Result<Frame, FileError> {
    if is_hdf5(&contents.bytes) {
        return Err(bad(
            "it is HDF5, as MATLAB's version 7.3 is, which is not read; save it with save(FILE, 'X', '-v7') in \
             MATLAB, or with numpy.savez(FILE, X=readings) in Python",
        ));
    }
    let variables = variables(&contents.bytes)?;
    let listed: Vec<Listed> = variables.iter().map(Variable::listed).collect();
    let array = contents.array.as_deref();
    let Chosen { rows, labels } = choose(&contents.path, &listed, array, contents.purpose)?;
    let mut notes = vec![];
    let columns = variables[rows].columns(&mut notes)?.into_iter();
    let columns = columns.map(|numbers| Column::new(None, Cells::Numbers(numbers)));
    let mut columns: Vec<Column> = columns.collect();
    if let Some(labels) = labels {
        let label = variables[labels].columns(&mut vec![])?.concat();
        push_labels(&mut columns, &variables[labels].name, Cells::Numbers(label))?;
    }
    let mut frame = Frame::new(contents.name, columns);
    frame.notes = notes;
    Ok(frame)
}

fn bad(reason: &str) -> FileError {
    FileError::Format {
        format: "MATLAB",
        reason: reason.to_owned(),
    }
}

/// The order of bytes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// The first bytes of `bytes` in little-endian order; none of fewer.
    fn take<const N: usize>(self, bytes: &[u8]) -> Option<[u8; N]> {
        let mut taken: [u8; N] = bytes.get(..N)?.try_into().ok()?;
        if self == Self::Big {
            taken.reverse();
        }
        Some(taken)
    }

    fn number(self, bytes: &[u8]) -> Option<u32> {
        self.take(bytes).map(u32::from_le_bytes)
    }

    /// The type and the data of the element that `bytes` begin with, and what follows it.
    fn element(self, bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
        let kind = self.number(bytes)?;
        if kind >> 16 != 0 {
            // A small one: its length beside its type, and up to four bytes of data.
            let data = bytes.get(4..8)?.get(..(kind >> 16) as usize)?;
            return Some((kind & 0xffff, data, bytes.get(8..)?));
        }
        let length = self.number(bytes.get(4..)?)? as usize;
        let data = bytes.get(8..)?.get(..length)?;
        let padded = if kind == COMPRESSED {
            length
        } else {
            length.next_multiple_of(8)
        };
        // The last one need not be padded.
        let rest = bytes.get(8 + padded..).unwrap_or_default();
        Some((kind, data, rest))
    }
}

/// A variable of numbers.
#[derive(Debug)]
struct Variable {
    order: Order,
    name: String,
    shape: Vec<u64>,
    /// The type of its numbers.
    kind: u32,
    /// Its numbers as they are stored.
    data: Vec<u8>,
}

/// The variables of numbers in `bytes`.
fn variables(bytes: &[u8]) -> Result<Vec<Variable>, FileError> {
    let order = match bytes.get(126) {
        Some(b'I') => Order::Little,
        _ => Order::Big,
    };
    let mut variables = vec![];
    let (packed, mut held) = (bytes.len() as u64, 0);
    let mut rest = bytes.get(HEADER..).unwrap_or_default();
    while !rest.is_empty() {
        let (kind, data, behind) = order
            .element(rest)
            .ok_or_else(|| bad("it ends in a variable; copy or save it again"))?;
        rest = behind;
        let variable = if kind == COMPRESSED {
            let inner = flate2::read::ZlibDecoder::new(data);
            let inner = unpack::bounded(packed, inner)?;
            held += inner.len() as u64;
            unpack::check_length(packed, held)?;
            let element = order.element(&inner);
            element
                .filter(|(kind, ..)| *kind == VARIABLE)
                .map(|(_, data, _)| Variable::parse(order, data))
        } else {
            (kind == VARIABLE).then(|| Variable::parse(order, data))
        };
        match variable {
            // Of another kind than numbers.
            None | Some(Some(None)) => {}
            Some(Some(Some(variable))) => variables.push(variable),
            Some(None) => return Err(bad("a variable is damaged; copy or save it again")),
        }
    }
    Ok(variables)
}

impl Variable {
    /// The variable in `bytes`, the data of its element: none where these end too early, and in it none of what is no
    /// array of numbers.
    fn parse(order: Order, bytes: &[u8]) -> Option<Option<Self>> {
        let (_, flags, rest) = order.element(bytes)?;
        let class = order.number(flags)? as u8;
        if !NUMBERS.contains(&class) {
            return Some(None);
        }
        let (_, lengths, rest) = order.element(rest)?;
        let lengths = lengths.chunks_exact(4).map(|bytes| order.number(bytes));
        let shape: Vec<u64> = lengths
            .map(|length| length.map(u64::from))
            .collect::<Option<_>>()?;
        let (_, name, rest) = order.element(rest)?;
        let (kind, data, _) = order.element(rest)?;
        Some(Some(Self {
            order,
            name: one_line(&String::from_utf8_lossy(name)),
            shape,
            kind,
            data: data.to_vec(),
        }))
    }

    fn listed(&self) -> Listed {
        Listed {
            name: self.name.clone(),
            shape: self.shape.clone(),
        }
    }

    /// The columns of a matrix; of a vector its only one.
    fn columns(&self, notes: &mut Vec<String>) -> Result<Vec<Vec<f64>>, FileError> {
        self.shaped(notes).map_err(|fault| fault.inside(&self.name))
    }

    fn shaped(&self, notes: &mut Vec<String>) -> Result<Vec<Vec<f64>>, FileError> {
        let (rows, width) = match self.shape[..] {
            [0, _] | [_, 0] => return Err(FileError::NoRows),
            [1, rows] => {
                notes.push(format!(
                    "{} is one row of {rows} numbers, which is taken for a column",
                    self.name
                ));
                (rows, 1)
            }
            [rows, width] => (rows, width),
            _ => {
                let wanted = "readings need (rows, width); use reshape(X, size(X, 1), [])";
                return Err(unusable(&self.shape, wanted));
            }
        };
        check_width(width)?;
        let numbers = self.numbers();
        let numbers = numbers
            .ok_or_else(|| bad("its numbers are of a type that is not known; save it again"))?;
        if numbers.len() as u64 != rows.saturating_mul(width) {
            return Err(bad(&format!(
                "it holds {} numbers, and its shape promises {rows} x {width}; save it again",
                numbers.len()
            )));
        }
        let columns = numbers.chunks_exact(rows as usize);
        Ok(columns.map(<[f64]>::to_vec).collect())
    }

    /// All numbers in the order of the file; none of a type that is none of numbers.
    fn numbers(&self) -> Option<Vec<f64>> {
        fn all<const N: usize>(
            variable: &Variable,
            number: impl Fn([u8; N]) -> f64,
        ) -> Option<Vec<f64>> {
            let numbers = variable.data.chunks_exact(N);
            numbers
                .map(|bytes| variable.order.take(bytes).map(&number))
                .collect()
        }
        match self.kind {
            1 => all(self, |bytes| i8::from_le_bytes(bytes).into()),
            2 => all(self, |bytes| u8::from_le_bytes(bytes).into()),
            3 => all(self, |bytes| i16::from_le_bytes(bytes).into()),
            4 => all(self, |bytes| u16::from_le_bytes(bytes).into()),
            5 => all(self, |bytes| i32::from_le_bytes(bytes).into()),
            6 => all(self, |bytes| u32::from_le_bytes(bytes).into()),
            7 => all(self, |bytes| f32::from_le_bytes(bytes).into()),
            9 => all(self, f64::from_le_bytes),
            12 => all(self, |bytes| i64::from_le_bytes(bytes) as f64),
            13 => all(self, |bytes| u64::from_le_bytes(bytes) as f64),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// The elements of `scipy.io.savemat(FILE, {'X': [[1, 2.5], [3, 4], [-5, 6]], 'y': uint8([[0, 1, 0]])},
    /// do_compression=True)`, in hexadecimal digits.
    const COMPRESSED: &str = "\
        0f0000003a000000789ce36360604800623620e680d220c00ae533033113103302610490e60462030618f8600fa1391c\
        20b4c80108cd02e50b4069090700b055045f0f00000028000000789ce36360603000623620e600624e06086085f21981\
        98194c333254026926100f28080018b300e8";

    /// A file with these elements.
    fn file(order: &[u8; 2], elements: &[u8]) -> Vec<u8> {
        let mut bytes = b"MATLAB 5.0 MAT-file".to_vec();
        bytes.resize(124, b' ');
        bytes.extend(if order == b"IM" { [0, 1] } else { [1, 0] });
        bytes.extend(order);
        bytes.extend(elements);
        bytes
    }

    fn compressed() -> Vec<u8> {
        let pairs = COMPRESSED.as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        file(
            b"IM",
            &pairs.map(|pair| byte(pair).unwrap()).collect::<Vec<_>>(),
        )
    }

    /// An element of big-endian files.
    fn element(kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_be_bytes(), (data.len() as u32).to_be_bytes()].concat();
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    /// A variable called X, of `class` and the lengths `shape`, whose numbers are stored as `kind`.
    fn variable(class: u8, shape: &[u32], (kind, data): (u32, &[u8])) -> Vec<u8> {
        let lengths: Vec<u8> = shape
            .iter()
            .flat_map(|length| length.to_be_bytes())
            .collect();
        let parts = [
            element(6, &[0, 0, 0, class, 0, 0, 0, 0]),
            element(5, &lengths),
            // A small element.
            vec![0, 1, 0, 1, b'X', 0, 0, 0],
            element(kind, data),
        ];
        element(VARIABLE, &parts.concat())
    }

    fn frame(bytes: &[u8], array: Option<&str>) -> Result<Frame, String> {
        let frame = read(Contents::of("pump.mat", array, bytes));
        frame.map_err(|error| error.to_string())
    }

    fn numbers(frame: Frame) -> Vec<Vec<f64>> {
        let columns = frame.columns.into_iter();
        let numbers = columns.map(|column| match column.cells {
            Cells::Numbers(numbers) => numbers,
            cells => panic!("{cells:?}"),
        });
        numbers.collect()
    }

    #[test]
    fn a_compressed_file_with_labels_is_read() {
        let bytes = compressed();
        assert!(is_mat(&bytes));
        let both = frame(&bytes, None).unwrap();
        assert_eq!(both.columns[2].name.as_deref(), Some("y"));
        let expected = [[1.0, 3.0, -5.0], [2.5, 4.0, 6.0], [0.0, 1.0, 0.0]];
        assert_eq!(numbers(both), expected);
        let row = frame(&bytes, Some("y")).unwrap();
        assert_eq!(
            row.notes,
            ["y is one row of 3 numbers, which is taken for a column"]
        );
        assert_eq!(numbers(row), [[0.0, 1.0, 0.0]]);
    }

    #[test]
    fn every_type_of_numbers_is_read_in_the_other_byte_order() {
        for (kind, data) in [
            (1, vec![2, 0xfd]),
            (3, vec![0, 2, 0xff, 0xfd]),
            (5, [2i32, -3].map(i32::to_be_bytes).concat()),
            (7, [2f32, -3.0].map(f32::to_be_bytes).concat()),
            (9, [2f64, -3.0].map(f64::to_be_bytes).concat()),
            (12, [2i64, -3].map(i64::to_be_bytes).concat()),
        ] {
            // A double whose numbers are stored in fewer bytes, as MATLAB does.
            let bytes = file(b"MI", &variable(6, &[2, 1], (kind, &data)));
            assert_eq!(
                numbers(frame(&bytes, None).unwrap()),
                [[2.0, -3.0]],
                "{kind}"
            );
        }
    }

    #[test]
    fn all_variables_together_may_unpack_to_no_more_than_one() {
        // Each alone may hold 40 MiB, both together not.
        let mut encoder = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::best());
        let zeros = variable(9, &[40 << 20, 1], (2, &vec![0; 40 << 20]));
        encoder.write_all(&zeros).unwrap();
        let packed = encoder.finish().unwrap();
        let mut both = vec![];
        for _ in 0..2 {
            both.extend(super::COMPRESSED.to_be_bytes());
            both.extend((packed.len() as u32).to_be_bytes());
            both.extend(&packed);
        }
        let text = frame(&file(b"MI", &both), None).unwrap_err();
        assert!(
            text.contains("bytes unpack to more than 67108864"),
            "{text}"
        );
    }

    #[test]
    fn a_name_stays_on_one_line() {
        let mut bytes = file(b"MI", &variable(6, &[3, 1], (1, &[1, 2])));
        let at = bytes.iter().rposition(|&byte| byte == b'X').unwrap();
        bytes[at] = b'\n';
        let text = frame(&bytes, None).unwrap_err();
        assert!(text.starts_with(" : bad MATLAB file"), "{text}");
    }

    #[test]
    fn what_is_not_read_is_named_with_a_remedy() {
        let text = frame(b"\x89HDF\r\n\x1a\nrest", None).unwrap_err();
        assert!(text.contains("7.3") && text.contains("'-v7'"), "{text}");
        // Cells and text are no numbers.
        let cells = file(b"MI", &variable(1, &[2, 1], (9, &[])));
        assert!(
            frame(&cells, None)
                .unwrap_err()
                .contains("no array of numbers")
        );
        let other = file(b"MI", &variable(6, &[3, 1], (1, &[1, 2])));
        assert_eq!(
            frame(&other, None).unwrap_err(),
            "X: bad MATLAB file: it holds 2 numbers, and its shape promises 3 x 1; save it again"
        );
        let cube = file(b"MI", &variable(6, &[1, 1, 2], (1, &[1, 2])));
        assert!(
            frame(&cube, None)
                .unwrap_err()
                .contains("reshape(X, size(X, 1), [])")
        );
    }

    #[test]
    fn no_bytes_panic() {
        for whole in [
            compressed(),
            file(b"MI", &variable(6, &[2, 1], (1, &[1, 2]))),
        ] {
            for at in 0..whole.len() {
                let _ = frame(&whole[..at], None);
                for flipped in [1, 0x80, 0xff] {
                    let mut bytes = whole.clone();
                    bytes[at] ^= flipped;
                    let _ = frame(&bytes, None);
                }
            }
        }
    }
}
