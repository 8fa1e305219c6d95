//! Sets in the `.npz` files of a folder, read by the trainer's own reader.

use crate::error::Error;
use crate::set::Set;
use elbow_trainer::data;
use std::path::{Path, PathBuf};

/// The sets of `folder`, by name, those called `wanted` or all. All are read before any is measured.
///
/// # Errors
///
/// The folder cannot be read or has no such set, or a set is not one: see [`read`].
pub fn sets(folder: &Path, wanted: &[String]) -> Result<Vec<Set>, Error> {
    let entries = std::fs::read_dir(folder).map_err(elbow_tests::error::Error::at(folder))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "npz"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(Error::NoSets(folder.to_owned()));
    }
    let names: Vec<String> = paths.iter().map(|path| name(path)).collect();
    let chosen = choose(&names, wanted)?;
    chosen.into_iter().map(|at| read(&paths[at])).collect()
}

/// The name of a set in a file.
fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// The places among `names` of those that are `wanted`, or of all.
///
/// # Errors
///
/// [`Error::Unknown`].
pub fn choose(names: &[String], wanted: &[String]) -> Result<Vec<usize>, Error> {
    if wanted.is_empty() {
        return Ok((0..names.len()).collect());
    }
    let place = |name: &String| {
        let place = names.iter().position(|known| known == name);
        place.ok_or_else(|| Error::Unknown {
            name: name.clone(),
            known: names.to_vec(),
        })
    };
    wanted.iter().map(place).collect()
}

/// Reads a set: `X`, rows of numbers, and `y`, for each row 0 or, if it is anomalous, 1 or any other label.
///
/// # Errors
///
/// One of them is not in the file or holds something else, or there are too few rows: the errors of [`Set::new`].
pub fn read(path: &Path) -> Result<Set, Error> {
    let array = |name: &str| format!("{}:{name}", path.display());
    let arrays = |fault| Error::Arrays { fault };
    let table = data::load(array("X")).map_err(arrays)?.table;
    let normal = ["0".to_owned()];
    let labels = data::load_labels(array("y"), table.len(), &normal).map_err(arrays)?;
    Set::new(&name(path), table, labels.0)
}
