//! Several files as one: a folder, or a pattern such as `runs/*.csv`, each file a recording with the same columns.

use crate::data::error::{DataError, FileError};
use crate::data::formats::{self, Purpose};
use crate::data::frame::{Cells, Column, Frame};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Whether `path` is a folder, or a pattern and no file.
pub(in crate::data) fn is_several(path: &Path) -> bool {
    path.is_dir() || is_pattern(path)
}

fn is_pattern(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains(['*', '?', '[']) && !path.exists()
}

/// `path`, a file, a folder or a pattern, from the root on.
pub(in crate::data) fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    if path.as_os_str().is_empty() || path.is_absolute() {
        return Ok(path.to_path_buf());
    }
    if !is_pattern(path) {
        return std::path::absolute(path);
    }
    // No part of the folder is a pattern.
    let here = std::env::current_dir()?;
    let here = glob::Pattern::escape(&here.to_string_lossy());
    Ok(Path::new(&here).join(path))
}

/// The name of the data `path` in messages and results: that of the file without its extension, or of the folder.
pub(in crate::data) fn name(path: &Path) -> String {
    if !is_several(path) {
        return formats::name(path);
    }
    let folder = if path.is_dir() {
        path.canonicalize().ok()
    } else {
        let parent = path.parent().map(Path::to_path_buf);
        parent.filter(|parent| !is_pattern(parent))
    };
    let name = folder.as_deref().and_then(Path::file_name);
    name.map_or_else(
        || "recordings".into(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// Reads the files of `path` one behind the other, in the natural order of their names.
///
/// # Errors
/// No file; those of each file; columns that are not those of the first file.
pub(in crate::data) fn read(path: &Path) -> Result<Frame, DataError> {
    let mut joined: Option<Joined> = None;
    for file in files(path)? {
        let frame = formats::read(&file, Purpose::Readings)?;
        let label = label(&file);
        match &mut joined {
            None => joined = Some(Joined::new(label, frame)),
            Some(joined) => joined.push(&label, frame)?,
        }
    }
    let joined = joined.ok_or_else(|| no_file(path))?;
    Ok(joined.finish(name(path)))
}

/// The error of a folder or a pattern without files.
pub(super) fn no_file(path: &Path) -> DataError {
    let fault = "no file of recordings; give a folder with some, or a pattern in quotes, such as 'runs/*.csv'";
    DataError::in_file(path, FileError::Contents(fault.into()))
}

/// The name of the file `path` in messages of several.
pub(super) fn label(path: &Path) -> String {
    let label = path.file_name().unwrap_or(path.as_os_str());
    label.to_string_lossy().into_owned()
}

/// The files of a folder or pattern, without hidden ones and folders.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let unreadable = |reason: std::io::Error| DataError::in_file(path, reason.into());
    let mut files: Vec<PathBuf> = if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(unreadable)?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        paths.collect::<Result<_, _>>().map_err(unreadable)?
    } else {
        let options = glob::MatchOptions {
            require_literal_separator: true,
            ..glob::MatchOptions::new()
        };
        let pattern = path.to_string_lossy();
        let paths = glob::glob_with(&pattern, options).map_err(|error| {
            let fault = format!("is no pattern ({error}); * stands for any characters, ? for one");
            DataError::in_data(&pattern, fault)
        })?;
        paths
            .collect::<Result<_, _>>()
            .map_err(|error: glob::GlobError| unreadable(error.into()))?
    };
    let is_hidden = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with('.')
    };
    files.retain(|path| path.is_file() && !is_hidden(path));
    files.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(files)
}

/// The order of names in which 9 stands before 10.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (left, right) = (a.chars().next(), b.chars().next());
        let (Some(left), Some(right)) = (left, right) else {
            return left.cmp(&right);
        };
        let order = if left.is_ascii_digit() && right.is_ascii_digit() {
            let (number, rest) = digits(a);
            let (other, behind) = digits(b);
            (a, b) = (rest, behind);
            // The longer one is larger, once zeros before it are gone.
            (number.len(), number).cmp(&(other.len(), other))
        } else {
            (a, b) = (&a[left.len_utf8()..], &b[right.len_utf8()..]);
            left.cmp(&right)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The digits that `text` begins with, without zeros before them, and what follows.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    (digits.trim_start_matches('0'), rest)
}

/// Files read so far.
pub(super) struct Joined {
    /// The first one.
    first: String,
    frame: Frame,
    /// The first row of each.
    starts: Vec<usize>,
    /// Whether each column has had a value, which says of what kind it is.
    known: Vec<bool>,
    /// Notes that [`Joined::take_rows`] has given.
    noted: usize,
}

impl Joined {
    pub(super) fn new(first: String, mut frame: Frame) -> Self {
        for column in &mut frame.columns {
            column.fault = column.fault.take().map(|fault| format!("{first}: {fault}"));
        }
        let has_values = |column: &Column| column.cells.missing() < column.cells.len();
        Self {
            first,
            starts: vec![0],
            known: frame.columns.iter().map(has_values).collect(),
            noted: 0,
            frame,
        }
    }

    /// The rows of the files so far, with what is noted of them, in the order of the first file's columns; none of them stays.
    pub(super) fn take_rows(&mut self) -> Frame {
        let columns = self.frame.columns.iter_mut();
        let taken = columns.map(|own| {
            let emptied = own.cells.emptied();
            Column {
                name: own.name.clone(),
                unit: own.unit.clone(),
                cells: std::mem::replace(&mut own.cells, emptied),
                fault: own.fault.take(),
            }
        });
        let mut frame = Frame::new(self.frame.name.clone(), taken.collect());
        frame.notes = self.frame.notes[self.noted..].to_vec();
        self.noted = self.frame.notes.len();
        self.starts.clear();
        frame.rate = self.frame.rate;
        frame
    }

    /// Takes the file `file` behind the others.
    pub(super) fn push(&mut self, file: &str, frame: Frame) -> Result<(), DataError> {
        let order = self.order(file, &frame)?;
        if frame.rate != self.frame.rate {
            let rate = |rate: Option<f64>| rate.map_or("none".into(), |rate| rate.to_string());
            return Err(DataError::in_data(
                file,
                format!(
                    "its sampling rate is {}, that of {} is {}; give recordings of one rate",
                    rate(frame.rate),
                    self.first,
                    rate(self.frame.rate)
                ),
            ));
        }
        self.starts.push(self.frame.rows());
        let mut columns: Vec<Option<Column>> = frame.columns.into_iter().map(Some).collect();
        for (at, place) in order.into_iter().enumerate() {
            let Some(column) = columns[place].take() else {
                continue;
            };
            let name = self.frame.column_name(at);
            let own = &mut self.frame.columns[at];
            let (was, is) = (own.cells.kind(), column.cells.kind());
            let known = self.known[at];
            self.known[at] |= column.cells.missing() < column.cells.len();
            if !append(&mut own.cells, column.cells, known) {
                return Err(DataError::in_data(
                    file,
                    format!(
                        "{name} is {is}, and in {} it is {was}; give recordings with the same columns",
                        self.first
                    ),
                ));
            }
            if own.fault.is_none() {
                own.fault = column.fault.map(|fault| format!("{file}: {fault}"));
            }
        }
        for (all, more) in [
            (&mut self.frame.notes, frame.notes),
            (&mut self.frame.facts, frame.facts),
        ] {
            for line in more {
                if !all.contains(&line) {
                    all.push(line);
                }
            }
        }
        Ok(())
    }

    /// Where the columns of the first file stand in `frame`, that of `file`: by their names, or by their order where
    /// there are none.
    fn order(&self, file: &str, frame: &Frame) -> Result<Vec<usize>, DataError> {
        let (own, other) = (&self.frame, frame);
        let same = |a: &Column, b: &Column| a.name == b.name;
        let in_order = own.columns.len() == other.columns.len()
            && own
                .columns
                .iter()
                .zip(&other.columns)
                .all(|(a, b)| same(a, b));
        if in_order {
            return Ok((0..own.columns.len()).collect());
        }
        let count = |frame: &Frame| frame.columns.len();
        if own.names().is_none() || other.names().is_none() {
            return Err(DataError::in_data(
                file,
                format!(
                    "has {} columns{}, and {} has {}{}; give recordings with the same columns",
                    count(other),
                    if other.names().is_some() {
                        ""
                    } else {
                        " without names"
                    },
                    self.first,
                    count(own),
                    if own.names().is_some() {
                        ""
                    } else {
                        " without names"
                    },
                ),
            ));
        }
        let lacks = |who: &str, name: &str, whose: &str| {
            format!(
                "{who} has no column {name:?}, which {whose} has; give recordings with the same columns, or one file"
            )
        };
        let mut order = vec![];
        for (at, column) in own.columns.iter().enumerate() {
            let mut others = other.columns.iter();
            match others.position(|other| same(column, other)) {
                Some(place) if !order.contains(&place) => order.push(place),
                _ => {
                    return Err(DataError::in_data(
                        file,
                        lacks("it", &own.column_name(at), &self.first),
                    ));
                }
            }
        }
        match (0..count(other)).find(|place| !order.contains(place)) {
            None => Ok(order),
            Some(extra) => Err(DataError::in_data(
                file,
                lacks(&self.first, &other.column_name(extra), "it"),
            )),
        }
    }

    fn finish(mut self, name: String) -> Frame {
        self.frame.name = name;
        if self.starts.len() > 1 {
            self.frame.recordings = Some(self.starts);
        }
        self.frame
    }
}

/// Puts `more` behind `cells`; false where they are of another kind, which is `known`.
fn append(cells: &mut Cells, more: Cells, known: bool) -> bool {
    if cells.kind() != more.kind() {
        // What is all missing is of any kind.
        if more.missing() == more.len() {
            cells.extend_missing(more.len());
            return true;
        }
        if known {
            return false;
        }
        let rows = cells.len();
        *cells = more.emptied();
        cells.extend_missing(rows);
    }
    match (cells, more) {
        (Cells::Numbers(cells), Cells::Numbers(more))
        | (Cells::Times(cells), Cells::Times(more)) => cells.extend(more),
        (
            Cells::Text { values, codes },
            Cells::Text {
                values: others,
                codes: more,
            },
        ) => {
            let known = values.iter().cloned().zip(0..);
            let known: HashMap<String, u32> = known.collect();
            let places = others.into_iter().map(|value| match known.get(&value) {
                Some(&code) => code,
                None => {
                    values.push(value);
                    values.len() as u32 - 1
                }
            });
            let places: Vec<u32> = places.collect();
            let more = more.into_iter();
            codes.extend(more.map(|code| code.map(|code| places[code as usize])));
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::frame;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn message(files: &[(&str, &str)]) -> String {
        frame(folder(files).path()).unwrap_err().to_string()
    }

    #[test]
    fn files_follow_each_other_in_natural_order() {
        let folder = folder(&[
            ("run-10.csv", "state,flow\non,5\noff,6\n"),
            ("run-9.csv", "flow,state\n1,off\n2,idle\n"),
            (".hidden.csv", "other\n1\n"),
            ("notes.txt", "flow,state\n9,idle\n"),
        ]);
        let pattern = folder.path().join("run-*.csv");
        let joined = frame(&pattern).unwrap();
        let name = folder.path().file_name().unwrap().to_string_lossy();
        assert_eq!(joined.name, name);
        assert_eq!(joined.recordings, Some(vec![0, 2]));
        assert_eq!(
            joined.columns[0].cells,
            Cells::Numbers(vec![1.0, 2.0, 5.0, 6.0])
        );
        let states = Cells::Text {
            values: vec!["off".into(), "idle".into(), "on".into()],
            codes: vec![Some(0), Some(1), Some(2), Some(0)],
        };
        assert_eq!(joined.columns[1].cells, states);
        assert_eq!(
            frame(folder.path()).unwrap().recordings,
            Some(vec![0, 1, 3])
        );
    }

    #[test]
    fn one_file_is_no_division() {
        let folder = folder(&[("a.csv", "flow\n1\n2\n")]);
        assert_eq!(frame(folder.path()).unwrap().recordings, None);
    }

    #[test]
    fn other_columns_are_named_with_the_file() {
        let first = ("a.csv", "flow,head\n1,2\n3,4\n");
        for (second, expected) in [
            (
                "flow\n1\n2\n",
                "b.csv: it has no column \"head\", which a.csv has",
            ),
            (
                "flow,head,speed\n1,2,3\n4,5,6\n",
                "b.csv: a.csv has no column \"speed\", which it has",
            ),
            (
                "flow,head\n1,on\n2,off\n",
                "b.csv: head is text, and in a.csv it is numbers",
            ),
            (
                "1,2,3\n4,5,6\n",
                "b.csv: has 3 columns without names, and a.csv has 2;",
            ),
        ] {
            let text = message(&[first, ("b.csv", second)]);
            assert!(text.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn a_column_that_is_empty_in_one_file_is_of_any_kind() {
        let files = [
            ("a.csv", "flow,state\n1,\n2,\n"),
            ("b.csv", "flow,state\n3,on\n4,off\n"),
            ("c.csv", "flow,state\n5,\n6,\n"),
        ];
        let joined = frame(folder(&files).path()).unwrap();
        assert_eq!(joined.columns[1].cells.missing(), 4);
        assert_eq!(joined.columns[1].cells.len(), 6);
    }

    #[test]
    fn what_fits_no_file_says_what_to_give() {
        let folder = folder(&[]);
        let text = frame(folder.path().join("*.csv")).unwrap_err().to_string();
        assert!(
            text.ends_with(
                "no file of recordings; give a folder with some, or a pattern in quotes, such as 'runs/*.csv'"
            ),
            "{text}"
        );
        assert!(message(&[]).contains("no file of recordings"));
    }

    #[test]
    fn numbers_in_names_are_in_the_order_of_their_values() {
        let mut names = ["b1", "a10", "a9", "a09b", "a", "a1.csv", "a1"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "a1", "a1.csv", "a9", "a09b", "a10", "b1"]);
    }
}
