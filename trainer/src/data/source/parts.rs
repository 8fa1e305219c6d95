//! The rows of one file or several, some at a time.

use super::recordings::{self, Joined};
use crate::data::error::DataError;
use crate::data::formats;
use crate::data::frame::Frame;
use std::path::Path;

/// Hands the rows of `path` to `take`, at most `rows` at a time, until that has enough.
///
/// # Errors
/// Those of each file; no file; columns that are not those of the first file.
pub(in crate::data) fn read(
    path: &Path,
    rows: usize,
    take: &mut dyn FnMut(Frame) -> bool,
) -> Result<(), DataError> {
    let name = recordings::name(path);
    let mut first_row = 0;
    let mut take = |frame: Frame| {
        let before = first_row;
        first_row += frame.rows();
        take(Frame {
            name: name.clone(),
            first_row: before,
            ..frame
        })
    };
    if !recordings::is_several(path) {
        return formats::read_parts(path, rows, &mut take);
    }
    let mut joined: Option<Joined> = None;
    let mut wanted = true;
    for file in recordings::files(path)? {
        let label = recordings::label(&file);
        let mut refused = None;
        formats::read_parts(&file, rows, &mut |frame| {
            let joined = match &mut joined {
                None => joined.insert(Joined::new(label.clone(), frame)),
                Some(joined) => {
                    refused = joined.push(&label, frame).err();
                    joined
                }
            };
            wanted = refused.is_none() && take(joined.take_rows());
            wanted
        })?;
        if let Some(error) = refused {
            return Err(error);
        }
        if !wanted {
            return Ok(());
        }
    }
    joined.map_or_else(|| Err(recordings::no_file(path)), |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use crate::data::{Cells, Frame, frame, frame_parts};

    /// All parts of the files of a folder, joined again.
    fn parts(path: &std::path::Path, rows: usize) -> Result<Vec<Frame>, String> {
        let mut parts = vec![];
        let read = frame_parts(path, rows, &mut |part| {
            parts.push(part);
            true
        });
        read.map(|()| parts).map_err(|error| error.to_string())
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn parts_are_the_rows_of_the_whole() {
        let folder = folder(&[
            ("a.csv", "flow,state\n1,\n,\n3,on\n"),
            ("b.csv", "state,flow\noff,4\non,5\n"),
        ]);
        let whole = frame(folder.path()).unwrap();
        for rows in [1, 2, 7] {
            let parts = parts(folder.path(), rows).unwrap();
            assert!(
                parts
                    .iter()
                    .all(|part| part.rows() <= rows && part.name == whole.name)
            );
            let mut next = 0;
            let mut flow: Vec<f64> = vec![];
            let mut states: Vec<Option<String>> = vec![];
            for part in &parts {
                assert_eq!(part.first_row, next);
                next += part.rows();
                let Cells::Numbers(numbers) = &part.columns[0].cells else {
                    panic!("{part:?}");
                };
                flow.extend(numbers);
                match &part.columns[1].cells {
                    Cells::Text { values, codes } => states.extend(
                        codes
                            .iter()
                            .map(|code| code.map(|code| values[code as usize].clone())),
                    ),
                    missing => states.extend(vec![None; missing.len()]),
                }
            }
            assert_eq!(format!("{flow:?}"), "[1.0, NaN, 3.0, 4.0, 5.0]");
            let states: Vec<&str> = states
                .iter()
                .map(|state| state.as_deref().unwrap_or(""))
                .collect();
            assert_eq!(states, ["", "", "on", "off", "on"]);
        }
    }

    #[test]
    fn faults_are_those_of_the_whole() {
        for (files, expected) in [
            (
                [("a.csv", "flow\n1\n2\n"), ("b.csv", "flow\non\noff\n")],
                "b.csv: flow is text, and in a.csv it is numbers",
            ),
            (
                [("a.csv", "flow\n1\n2\n"), ("b.csv", "head\n1\n2\n")],
                "b.csv: it has no column \"flow\", which a.csv has",
            ),
            (
                [
                    ("a.csv", "flow,head\n1,2\n"),
                    ("b.csv", "flow,head\n1,2\n3"),
                ],
                "ends in line 3, which has 1 cells of 2",
            ),
            ([("a.csv", "flow\n1\n2\n"), ("b.csv", "\n")], "holds no row"),
        ] {
            let folder = folder(&files);
            let whole = frame(folder.path()).unwrap_err().to_string();
            assert!(whole.contains(expected), "{whole}");
            assert_eq!(parts(folder.path(), 1).unwrap_err(), whole);
        }
    }

    /// Text of some blocks, with lines that end in quotes, comments and an end of lines of its own.
    fn long_text(rows: usize, fault: Option<usize>) -> String {
        let mut text = "\u{feff}# of a \"logger\r\nflow;state\r\n".to_owned();
        for row in 0..rows {
            let state = match row % 1000 {
                0 => "\"on\r\noff\"".to_owned(),
                1 => "\r\n# a comment\r\n".replace("\r\n#", "x\r\n#"),
                _ => format!("state {}", row % 7),
            };
            let flow = if fault == Some(row) {
                "wet".into()
            } else {
                format!("{row},25")
            };
            text += &format!("{flow};{}\r\n", state.trim_end());
        }
        text
    }

    #[test]
    fn blocks_of_a_text_are_read_as_the_whole() {
        let folder = folder(&[("a.csv", &long_text(150_000, None))]);
        let path = folder.path().join("a.csv");
        let whole = frame(&path).unwrap();
        let Cells::Text { values, codes } = &whole.columns[1].cells else {
            panic!("{:?}", whole.columns[1].name);
        };
        assert!(values.iter().any(|value| value == "on  off"), "{values:?}");
        let mut row = 0;
        for part in parts(&path, 7000).unwrap() {
            let (
                Cells::Numbers(flow),
                Cells::Text {
                    values: own,
                    codes: of_rows,
                },
            ) = (&part.columns[0].cells, &part.columns[1].cells)
            else {
                panic!("{part:?}");
            };
            for (flow, code) in flow.iter().zip(of_rows) {
                assert_eq!(*flow, row as f64 + 0.25);
                let expected = codes[row].map(|code| &values[code as usize]);
                assert_eq!(code.map(|code| &own[code as usize]), expected);
                row += 1;
            }
        }
        assert_eq!(row, 150_000);
        // The line of a fault is that of the whole, far behind the first block.
        let folder = self::folder(&[("a.csv", &long_text(150_000, Some(140_003)))]);
        let path = folder.path().join("a.csv");
        let fault = |frame: &Frame| frame.columns[0].fault.clone();
        let found = parts(&path, 7000).unwrap().iter().find_map(fault);
        assert!(
            found.is_some() && found == fault(&frame(&path).unwrap()),
            "{found:?}"
        );
    }

    #[test]
    fn whoever_has_enough_stops_the_reader() {
        let folder = folder(&[("a.csv", "flow\n1\n2\n3\n"), ("b.csv", "flow\nno\nwords\n")]);
        let mut rows = vec![];
        let read = frame_parts(folder.path(), 2, &mut |part| {
            rows.push(part.rows());
            false
        });
        assert!(read.is_ok() && rows == [2]);
    }
}
