//! IDX files, as the MNIST digits come: two zero bytes, the type of an element (8: unsigned bytes, which are all
//! that is read here), the number of dimensions, each length as a big-endian `u32`, and the elements, the last
//! dimension fastest (Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998, file formats).

use super::Format;
use super::grid::{Grid, check_width};
use crate::data::error::FileError;
use crate::data::frame::Frame;

pub(super) const FORMAT: Format = Format {
    names: &["IDX"],
    is: is_idx,
    extension: None,
    read: |contents| Ok(Frame::new(contents.name, read(&contents.bytes)?.columns())),
    read_parts: None,
};

/// The code of unsigned bytes.
const UNSIGNED_BYTE: u8 = 8;

/// Whether these bytes begin as an IDX file does: text and `.npy` begin with no zero.
fn is_idx(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0, 8 | 9 | 11..=14, dimensions, ..] if *dimensions > 0)
}

/// Reads the array in `bytes`: the first dimension counts rows, the others make a row.
fn read(bytes: &[u8]) -> Result<Grid, FileError> {
    let bad = |reason: String| FileError::Format {
        format: "IDX",
        reason,
    };
    let (element, dimensions) = (bytes[2], usize::from(bytes[3]));
    if element != UNSIGNED_BYTE {
        return Err(bad(format!(
            "elements of type {element:#04x} are not read; save unsigned bytes (0x08)"
        )));
    }
    let (lengths, data) = bytes[4..]
        .split_at_checked(4 * dimensions)
        .ok_or_else(|| bad("the file ends inside its header; copy it again".into()))?;
    let mut lengths = lengths
        .chunks_exact(4)
        .map(|bytes| u128::from(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])));
    let rows = lengths.next().unwrap_or(0);
    let width = lengths.fold(1u128, u128::saturating_mul);
    let promised = rows.saturating_mul(width);
    if promised != data.len() as u128 {
        return Err(bad(format!(
            "{} bytes follow the header, which promises {promised}; copy the file again",
            data.len()
        )));
    }
    if promised == 0 {
        return Err(FileError::NoRows);
    }
    // No length exceeds the file's, which is in memory.
    check_width(width as u64)?;
    Ok(Grid {
        width: width as usize,
        values: data.iter().map(|&byte| byte.into()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(bytes: &[u8]) -> Result<Grid, String> {
        read(bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn images_become_rows() {
        let header = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3];
        let pixels: Vec<u8> = (0..12).map(|at| 20 * at).collect();
        let bytes = [&header[..], &pixels].concat();
        assert!(is_idx(&bytes));
        let grid = load(&bytes).unwrap();
        let expected: Vec<f32> = (0..12).map(|at| 20.0 * at as f32).collect();
        assert_eq!((grid.width, grid.values), (6, expected));
        for cut in 4..bytes.len() {
            let message = load(&bytes[..cut]).unwrap_err();
            assert!(message.starts_with("bad IDX file: "), "{message}");
        }
    }

    #[test]
    fn headers_that_promise_anything_else_are_refused() {
        let wide = [&[0, 0, 8, 2, 0, 0, 0, 1, 0, 1, 0, 1][..], &[0; 65537]].concat();
        for (bytes, word) in [
            (&wide[..], "has 65537 columns, at most 65536 are read"),
            (&[0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0][..], "0x0d"),
            (&[0, 0, 8, 1, 0, 0, 0, 0], "holds no row"),
            (
                &[0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255, 1],
                "1 bytes follow",
            ),
            (
                &[0, 0, 8, 1, 0, 0, 0, 1, 7, 7],
                "2 bytes follow the header, which promises 1",
            ),
        ] {
            assert!(is_idx(bytes));
            let message = load(bytes).unwrap_err();
            assert!(message.contains(word), "{message}");
        }
        for bytes in [&b"0,0,8\n"[..], b"\x93NUMPY", b"", b"\0\0", &[0, 0, 10, 1]] {
            assert!(!is_idx(bytes));
        }
    }
}
