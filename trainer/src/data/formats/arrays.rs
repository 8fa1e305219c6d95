//! Files that hold several arrays: which of them are readings and labels, and how one is named.

use super::grid::Purpose;
use crate::data::error::FileError;
use crate::data::frame::{Cells, Column};
use std::path::{Path, PathBuf};

/// Names of readings, in lower case; those before others.
const READINGS: [&str; 9] = [
    "x", "data", "features", "readings", "samples", "x_train", "train", "values", "arr_0",
];
/// Names of labels, in lower case.
const LABELS: [&str; 7] = [
    "y", "labels", "label", "target", "targets", "y_train", "classes",
];
/// Marks between a file and the name of an array in it: `FILE.npz:NAME`.
const ARCHIVES: [&str; 2] = [".npz:", ".mat:"];

/// An array of a file, before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its name.
    pub(super) name: String,
    /// Its shape.
    pub(super) shape: Vec<u64>,
}

/// Which of the arrays are read, by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    /// The one whose rows are read.
    pub(super) rows: usize,
    /// The one with the labels of these rows.
    pub(super) labels: Option<usize>,
}

/// The file that `path` names, and the array in it where it is `FILE.npz:NAME`.
pub(super) fn selected(path: &Path) -> (PathBuf, Option<String>) {
    let text = path.to_str().filter(|_| !path.exists());
    let split = text.and_then(|text| {
        let lower = text.to_ascii_lowercase();
        let found = ARCHIVES.iter().filter_map(|mark| lower.find(mark)).min()?;
        let colon = found + text.get(found..)?.find(':')?;
        Some((text[..colon].into(), text[colon + 1..].to_owned()))
    });
    match split {
        Some((file, name)) => (file, Some(name)),
        None => (path.to_path_buf(), None),
    }
}

/// The arrays of `path` that are read for `purpose`: that which is asked for, the only one, or readings and labels by
/// their usual names.
///
/// # Errors
/// One line with all of them where none of this fits.
pub(super) fn choose(
    path: &Path,
    listed: &[Listed],
    wanted: Option<&str>,
    purpose: Purpose,
) -> Result<Chosen, FileError> {
    let one = |rows| Chosen { rows, labels: None };
    // A single number among arrays, such as a sampling rate, has no rows.
    let is_array = |array: &Listed| array.shape.iter().any(|&length| length != 1);
    let arrays: Vec<usize> = (0..listed.len())
        .filter(|&at| is_array(&listed[at]))
        .collect();
    let called = |names: &[&str]| {
        let by_name = |name: &&str| {
            let mut arrays = arrays.iter();
            arrays.find(|&&at| listed[at].name.eq_ignore_ascii_case(name))
        };
        names.iter().find_map(by_name).copied()
    };
    let chosen = match (wanted, purpose, &arrays[..]) {
        (Some(wanted), ..) => {
            let same = |array: &Listed| array.name == wanted.trim_end_matches(".npy");
            listed.iter().position(same).map(one)
        }
        (None, _, &[only]) => Some(one(only)),
        (None, Purpose::Labels, _) => called(&LABELS).map(one),
        (None, Purpose::Readings, all) => called(&READINGS)
            .map(|rows| Chosen {
                rows,
                labels: called(&LABELS),
            })
            .filter(|chosen| all.len() == 1 + usize::from(chosen.labels.is_some())),
    };
    chosen.ok_or_else(|| FileError::Contents(choice(path, listed, wanted)))
}

/// Says which arrays a file holds, and how one is named.
fn choice(path: &Path, listed: &[Listed], wanted: Option<&str>) -> String {
    let path = path.display();
    let Some(Listed { name: first, .. }) = listed.first() else {
        return "holds no array of numbers; save one with numpy.savez(FILE, X=readings), or as CSV"
            .into();
    };
    let all = listed.iter();
    let all = all.map(|Listed { name, shape }| format!("{name} {}", tuple(shape)));
    let all = all.collect::<Vec<_>>().join(", ");
    match wanted {
        Some(wanted) => {
            format!("holds no array {wanted:?} but {all}; name one of them, as {path}:{first}")
        }
        None => format!(
            "holds {all}, and none says that it alone is the readings; name the one to read, as {path}:{first}"
        ),
    }
}

/// A shape as Python writes it.
fn tuple(shape: &[u64]) -> String {
    let lengths: Vec<String> = shape.iter().map(u64::to_string).collect();
    let comma = if lengths.len() == 1 { "," } else { "" };
    format!("({}{comma})", lengths.join(", "))
}

/// The error of an array of this shape, where others are `wanted`.
pub(super) fn unusable(shape: &[u64], wanted: &str) -> FileError {
    FileError::Contents(format!("the array has shape {}, {wanted}", tuple(shape)))
}

/// Puts the labels, which are the array `name`, behind the columns of a table.
///
/// # Errors
/// There are more or fewer labels than rows.
pub(super) fn push_labels(
    columns: &mut Vec<Column>,
    name: &str,
    labels: Cells,
) -> Result<(), FileError> {
    let (count, rows) = (
        labels.len(),
        columns.first().map_or(0, |first| first.cells.len()),
    );
    if count != rows {
        return Err(FileError::label_count(count, rows).inside(name));
    }
    columns.push(Column::new(Some("y".into()), labels));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(arrays: &[(&str, &[u64])]) -> Vec<Listed> {
        let of = |&(name, shape): &(&str, &[u64])| Listed {
            name: name.into(),
            shape: shape.to_vec(),
        };
        arrays.iter().map(of).collect()
    }

    fn chosen(arrays: &[(&str, &[u64])], wanted: Option<&str>) -> Result<Chosen, String> {
        let path = Path::new("pump.npz");
        choose(path, &listed(arrays), wanted, Purpose::Readings).map_err(|error| error.to_string())
    }

    #[test]
    fn readings_and_labels_are_known_by_their_names() {
        let (x, y) = (("X", &[9, 3][..]), ("y", &[9][..]));
        let both = Chosen {
            rows: 1,
            labels: Some(0),
        };
        assert_eq!(chosen(&[y, x], None), Ok(both.clone()));
        assert_eq!(
            chosen(&[("target", &[9]), ("data", &[9, 3])], None),
            Ok(both)
        );
        let one = |rows| Ok(Chosen { rows, labels: None });
        assert_eq!(chosen(&[("pump", &[9, 3])], None), one(0));
        assert_eq!(chosen(&[("fs", &[1, 1]), ("hum", &[9, 1])], None), one(1));
        assert_eq!(chosen(&[y, x], Some("X")), one(1));
        assert_eq!(chosen(&[y, x], Some("X.npy")), one(1));
    }

    #[test]
    fn other_arrangements_list_what_there_is() {
        let several: [(&str, &[u64]); 3] = [("a", &[9, 3]), ("b", &[4, 4, 2]), ("y", &[9])];
        assert_eq!(
            chosen(&several, None).unwrap_err(),
            "holds a (9, 3), b (4, 4, 2), y (9,), and none says that it alone is the readings; \
             name the one to read, as pump.npz:a"
        );
        assert_eq!(
            chosen(&several, Some("c")).unwrap_err(),
            "holds no array \"c\" but a (9, 3), b (4, 4, 2), y (9,); name one of them, as pump.npz:a"
        );
        assert_eq!(
            chosen(&[], None).unwrap_err(),
            "holds no array of numbers; save one with numpy.savez(FILE, X=readings), or as CSV"
        );
    }

    #[test]
    fn an_array_is_named_behind_its_file() {
        for (path, file, array) in [
            ("a/pump.npz:X", "a/pump.npz", Some("X")),
            ("pump.MAT:x.y", "pump.MAT", Some("x.y")),
            ("pump.npz", "pump.npz", None),
            ("C:\\pump.csv", "C:\\pump.csv", None),
        ] {
            let found = selected(Path::new(path));
            assert_eq!(found, (file.into(), array.map(str::to_owned)), "{path}");
        }
    }
}
