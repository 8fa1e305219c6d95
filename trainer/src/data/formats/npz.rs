//! Archives of arrays as `numpy.savez` and `numpy.savez_compressed` write them: a zip file with an `.npy` file for each.

use super::arrays::{Chosen, Listed, choose, push_labels};
use super::grid::{Grid, Purpose, one_line};
use super::unpack::{self, damaged};
use super::{Contents, Format, npy};
use crate::data::error::FileError;
use crate::data::frame::{Cells, Frame};
use std::io::{Cursor, Read};
use zip::ZipArchive;

pub(super) const FORMAT: Format = Format {
    names: &[".npz"],
    is: is_zip,
    extension: None,
    read,
    read_parts: None,
};

/// The beginning of an array that has its header whole in the first version of the format.
const HEADER: u64 = 1 << 17;

/// Whether these bytes are a zip file.
fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Reads the arrays, or the one that is asked for.
///
/// # Errors
/// It is not clear which, or it is another zip file; and those of an `.npy` file.
fn read(contents: Contents) -> Result<Frame, FileError> {
    let mut archive = Archive::open(&contents.bytes)?;
    let (array, purpose) = (contents.array.as_deref(), contents.purpose);
    let Chosen { rows, labels } = choose(&contents.path, &archive.listed, array, purpose)?;
    let mut columns = archive.array(rows, purpose)?.columns();
    if let Some(labels) = labels {
        let label = archive.array(labels, Purpose::Labels)?;
        let cells = label.values.into_iter().map(f64::from).collect();
        push_labels(
            &mut columns,
            &archive.listed[labels].name,
            Cells::Numbers(cells),
        )?;
    }
    Ok(Frame::new(contents.name, columns))
}

/// A zip file with arrays.
struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The arrays.
    listed: Vec<Listed>,
    /// Where each stands in the archive.
    places: Vec<usize>,
}

impl<'a> Archive<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, FileError> {
        let mut archive = Self {
            zip: ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?,
            listed: vec![],
            places: vec![],
        };
        for place in 0..archive.zip.len() {
            archive.list(place)?;
        }
        if archive.listed.is_empty() && !archive.zip.is_empty() {
            return Err(Format::unknown(
                "a zip archive without arrays (.xlsx is one)",
                "save the sheet as CSV, or unpack the archive",
            ));
        }
        Ok(archive)
    }

    /// Lists what stands at `place`, if it is an array.
    fn list(&mut self, place: usize) -> Result<(), FileError> {
        let mut start = vec![];
        let file = self.zip.by_index(place).map_err(damaged)?;
        let name = file.name().map_err(damaged)?;
        let Some(name) = name.strip_suffix(".npy").map(one_line) else {
            return Ok(());
        };
        let shape = match file.take(HEADER).read_to_end(&mut start) {
            Ok(_) => npy::shape(&start),
            Err(error) => Err(damaged(error)),
        };
        let shape = shape.map_err(|fault| fault.inside(&name))?;
        self.listed.push(Listed { name, shape });
        self.places.push(place);
        Ok(())
    }

    /// The cells of an array.
    fn array(&mut self, array: usize, purpose: Purpose) -> Result<Grid, FileError> {
        let file = self.zip.by_index(self.places[array]).map_err(damaged);
        file.and_then(|file| unpack::bounded(file.compressed_size(), file))
            .and_then(|bytes| npy::read(&bytes, purpose))
            .map_err(|fault| fault.inside(&self.listed[array].name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::write::SimpleFileOptions;

    /// An `.npy` file of this type and shape.
    fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = [header.len() as u8, 0];
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
    }

    fn npz(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Cursor::new(vec![]);
        let mut writer = zip::ZipWriter::new(&mut bytes);
        for (at, (name, contents)) in files.iter().enumerate() {
            let method = [
                zip::CompressionMethod::Stored,
                zip::CompressionMethod::Deflated,
            ][at % 2];
            let options = SimpleFileOptions::default().compression_method(method);
            writer.start_file(*name, options).unwrap();
            writer.write_all(contents).unwrap();
        }
        writer.finish().unwrap();
        bytes.into_inner()
    }

    fn frame(bytes: &[u8], array: Option<&str>) -> Result<Frame, String> {
        let frame = read(Contents::of("pump.npz", array, bytes));
        frame.map_err(|error| error.to_string())
    }

    fn labelled() -> Vec<u8> {
        npz(&[
            ("y.npy", npy("|u1", "(2,)", &[0, 1])),
            ("X.npy", npy("|u1", "(2, 3)", &[1, 2, 3, 4, 5, 6])),
        ])
    }

    #[test]
    fn readings_and_labels_become_columns() {
        let frame = frame(&labelled(), None).unwrap();
        let names: Vec<_> = frame.columns.iter().map(|column| &column.name).collect();
        assert_eq!(names, [&None, &None, &None, &Some("y".to_owned())]);
        let cells: Vec<_> = frame
            .columns
            .into_iter()
            .map(|column| column.cells)
            .collect();
        let numbers = |numbers: [f64; 2]| Cells::Numbers(numbers.to_vec());
        assert_eq!(
            cells,
            [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0], [0.0, 1.0]].map(numbers)
        );
    }

    #[test]
    fn one_array_is_picked_by_its_name() {
        assert_eq!(frame(&labelled(), Some("X")).unwrap().columns.len(), 3);
        let other = frame(&labelled(), Some("Z")).unwrap_err();
        assert!(
            other.contains("no array \"Z\" but y (2,), X (2, 3)"),
            "{other}"
        );
    }

    #[test]
    fn labels_of_other_rows_and_objects_are_named() {
        let short = npz(&[
            ("X.npy", npy("|u1", "(2, 1)", &[1, 2])),
            ("y.npy", npy("|u1", "(3,)", &[1, 0, 1])),
        ]);
        assert_eq!(
            frame(&short, None).unwrap_err(),
            "y: holds 3 labels for 2 rows; give one label a row"
        );
        let objects = npz(&[("X.npy", npy("|O", "(2, 1)", b"\x80\x04pickle"))]);
        let text = frame(&objects, None).unwrap_err();
        assert!(
            text.starts_with("X: elements of type \"|O\" are not read; save a plain"),
            "{text}"
        );
    }

    #[test]
    fn other_zip_files_are_named() {
        let sheet = npz(&[("xl/workbook.xml", b"<a/>".to_vec())]);
        let text = frame(&sheet, None).unwrap_err();
        assert!(text.contains(".xlsx") && text.contains("as CSV"), "{text}");
        assert!(
            frame(&npz(&[]), None)
                .unwrap_err()
                .contains("no array of numbers")
        );
    }

    #[test]
    fn no_bytes_panic() {
        let whole = labelled();
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
