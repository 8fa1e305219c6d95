//! Scores of files in batches are those of all readings at once.

use crate::fixture::{Fixture, ROWS, csv, fixture, readings};
use crate::support::program::{Folder, fails_with, succeeds, trainer};
use elbow::{Estimator, Score};
use elbow_trainer::data::Column;
use elbow_trainer::error::Error;
use elbow_trainer::export::run;
use elbow_trainer::readings::batches::{Batches, Scored, Taker};
use elbow_trainer::readings::device::device_scores;
use elbow_trainer::readings::masks::Masks;
use elbow_trainer::readings::raw::DeviceReadings;
use elbow_trainer::readings::scoring::{Like, load_for_scoring};
use std::path::Path;

/// All that comes out.
#[derive(Default)]
struct Collected {
    scores: Vec<Score>,
    kept: Vec<Column>,
    notes: Vec<String>,
}

impl Taker for Collected {
    fn note(&mut self, line: &str) {
        self.notes.push(line.to_owned());
    }

    fn scores(&mut self, scored: &Scored) -> Result<bool, Error> {
        assert_eq!(scored.first, self.scores.len());
        self.scores.extend(&scored.scores);
        self.kept.extend(scored.kept.iter().cloned());
        Ok(true)
    }
}

/// The scores of `data`, all at once and in batches of so many `rows`, must be equal.
fn equal(data: &str, mask: Option<&str>, estimator: Estimator, rows: &[Option<usize>]) {
    let source = Path::new(&fixture().run);
    let image = run::read_image(source).unwrap();
    let model = run::parse(source, &image).unwrap();
    let beside = run::config_beside(source).unwrap();
    let like = Like::new(beside.as_ref());
    let mask = mask.map(Path::new);
    let whole = DeviceReadings::new(
        load_for_scoring(data, None, like.clone()).unwrap(),
        &model,
        |rows, width| mask.map(|path| Masks::load(path, rows, width)).transpose(),
        |rows| Ok((0..rows).collect()),
    );
    let whole = whole.unwrap();
    let masks = whole.masks.as_ref();
    let expected = device_scores(&model, &whole.readings, masks, estimator, 3).unwrap();
    for &rows in rows {
        let mut collected = Collected::default();
        let batches = Batches {
            path: Path::new(data),
            like: like.clone(),
            estimator,
            seed: 3,
            mask,
            limit: None,
            keep: &[],
            rows,
        };
        let saturated = batches.score(&model, &mut collected).unwrap();
        assert_eq!(collected.scores, expected, "{data} {estimator:?} {rows:?}");
        assert_eq!(saturated, whole.saturated);
        assert_eq!(collected.notes, whole.labelled.notes);
    }
}

/// The readings of the fixture as two files, of which the second has its columns in another order, gaps, and a value beyond
/// 16 bits.
fn several(folder: &Folder) -> String {
    let rows = readings(ROWS);
    folder.write("a.csv", csv(&rows[..50]));
    let lines = rows[50..].iter().enumerate().map(|(at, [a, b, c, d])| {
        let c = if at % 5 == 0 {
            String::new()
        } else {
            c.to_string()
        };
        let a = if at == 7 { "1e9".into() } else { a.to_string() };
        format!("{d},{c},{b},{a}\n")
    });
    folder.write("b.csv", "d,c,b,a\n".to_owned() + &lines.collect::<String>());
    folder.path("*.csv")
}

#[test]
fn integers_are_those_of_all_readings_at_once() {
    let folder = Folder::new();
    let pattern = &several(&folder);
    let mask = (0..ROWS).map(|row| {
        if row % 3 == 0 {
            "1,0,1,1\n"
        } else {
            "1,1,1,1\n"
        }
    });
    let mask = &folder.write("mask.txt", mask.collect::<String>());
    let sizes = [Some(1), Some(7), None];
    for name in [
        "sigma-points",
        "posterior-mean",
        "monte-carlo:3",
        "importance-weighted:5",
    ] {
        let estimator = name.parse().unwrap();
        equal(pattern, None, estimator, &sizes);
        equal(pattern, Some(mask), estimator, &sizes);
    }
    equal(&fixture().npy, None, Estimator::SigmaPoints, &sizes);
    // Another unit: what is far from the training is said once, of all readings together.
    let far = readings(ROWS)
        .into_iter()
        .map(|row| row.map(|value| 1000.0 * value + 5000.0));
    let far = folder.write("far.txt", csv(&far.collect::<Vec<_>>()));
    equal(&far, None, Estimator::SigmaPoints, &sizes);
}

#[test]
fn keys_stay_beside_the_scores() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    let plain = succeeds(&["score", run, csv]);
    let rows = readings(ROWS).into_iter().enumerate();
    let rows = rows.map(|(at, row)| {
        let cells = row.map(|value| value.to_string()).join(",");
        format!("pump {},{cells},{}\n", at % 3, 10 * at)
    });
    let data = "device,a,b,c,d,key\n".to_owned() + &rows.collect::<String>();
    let data = folder.write("keys.csv", data);
    let kept = succeeds(&["score", run, &data, "--keep", "device,key,b"]);
    for (at, (line, plain)) in kept.lines().zip(plain.lines()).enumerate() {
        let rest = line.strip_prefix(plain).unwrap();
        match at {
            0 => assert_eq!(rest, ",device,key,b"),
            _ => {
                let (row, b) = (at - 1, readings(ROWS)[at - 1][1]);
                assert_eq!(rest, format!(",pump {},{},{}", row % 3, 10 * row, b));
            }
        }
    }
    assert_eq!(kept.lines().count(), ROWS + 1);
    fails_with(
        &["score", run, &data, "--keep", "pump"],
        &["no column \"pump\"", "device, a, b"],
    );
    let elbo = folder.write("elbo.csv", "a,b,c,d,elbo\n1,2,3,4,5\n");
    fails_with(&["score", run, &elbo, "--keep", "elbo"], &["--keep elbo"]);
    let large = folder.write("large.csv", "a,b,c,d,key\n1,2,3,4,9007199254740993\n");
    fails_with(
        &["score", run, &large, "--keep", "key"],
        &["key has whole numbers beyond 2^53"],
    );
    let mixed = folder.write(
        "mixed.csv",
        "a,b,c,d,key\n1,2,3,4,5\n1,2,3,4,6\n1,2,3,4,x\n",
    );
    fails_with(
        &["score", run, &mixed, "--keep", "key"],
        &["line 4, column 5 (key)", "is not a number"],
    );
    fails_with(
        &["score", run, "digits", "--keep", "key"],
        &["--keep is for files"],
    );
}

#[test]
fn a_last_file_that_is_cut_off_leaves_what_was_there() {
    let Fixture { run, .. } = fixture();
    let folder = Folder::new();
    let pattern = several(&folder);
    folder.write("c.csv", "a,b,c,d\n1,2,3,4\n1,2");
    let out = &folder.write("scores.txt", "before");
    fails_with(
        &["score", run, &pattern, "--out", out],
        &["c.csv", "ends in line 3"],
    );
    assert_eq!(std::fs::read_to_string(out).unwrap(), "before");
    let left = std::fs::read_dir(folder.path("")).unwrap().count();
    assert_eq!(left, 4, "a temporary file stays");
    // Nobody reads what is behind the limit.
    let few = trainer(&["score", run, &pattern, "--limit", "3"]);
    assert!(few.status.success());
    assert_eq!(String::from_utf8(few.stdout).unwrap().lines().count(), 4);
}

#[cfg(not(feature = "parquet"))]
#[test]
fn columns_need_their_feature() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    for name in ["scores.parquet", "scores.arrow"] {
        let out = &folder.path(name);
        fails_with(
            &["score", run, csv, "--out", out],
            &[name, "--features parquet"],
        );
        assert!(!Path::new(out).exists());
    }
}

#[cfg(feature = "parquet")]
mod columns {
    use super::*;
    use elbow_trainer::data::{Cells, frame};
    use std::fs::File;
    use std::sync::Arc;

    /// What was written is read back by the readers of the trainer: the very numbers of the lines of text.
    #[test]
    fn columns_are_the_fields_of_the_lines() {
        let Fixture { csv, run, .. } = fixture();
        let folder = Folder::new();
        for (estimator, name) in [("sigma-points", "s.parquet"), ("monte-carlo:3", "s.arrow")] {
            let score = |more: &[&str]| {
                let command = ["score", run, csv, "--estimator", estimator, "--keep", "b"];
                succeeds(&[&command[..], more].concat())
            };
            let lines = score(&[]);
            let out = &folder.path(name);
            assert_eq!(score(&["--out", out]), "");
            let columns = frame(out).unwrap();
            assert_eq!(columns.rows(), ROWS);
            let header: Vec<&str> = lines.lines().next().unwrap().split(',').collect();
            for (at, line) in lines.lines().skip(1).enumerate() {
                for (field, (column, name)) in
                    line.split(',').zip(columns.columns.iter().zip(&header))
                {
                    assert_eq!(column.name.as_deref(), Some(*name));
                    match &column.cells {
                        Cells::Text { values, codes } => {
                            assert_eq!(values[codes[at].unwrap() as usize], field);
                        }
                        Cells::Numbers(numbers) if field.is_empty() => {
                            assert!(numbers[at].is_nan());
                        }
                        Cells::Numbers(numbers) => {
                            // Lines have five digits of a decimal, and integers as they are.
                            let own: f64 = field.parse().unwrap();
                            assert!(
                                (numbers[at] - own).abs() <= 1e-5,
                                "{name}: {field} {}",
                                numbers[at]
                            );
                        }
                        Cells::Times(_) => panic!("{name} is a time"),
                    }
                }
            }
        }
    }

    /// Files by column, of small row groups: the integers of the same rows as text.
    #[test]
    fn files_by_column_are_read_on_the_way() {
        use arrow_array::{ArrayRef, Float32Array, RecordBatch};
        let folder = Folder::new();
        let rows = readings(ROWS);
        let column = |at: usize| -> ArrayRef {
            Arc::new(
                rows.iter()
                    .map(|row| Some(row[at]))
                    .collect::<Float32Array>(),
            )
        };
        let named = ["a", "b", "c", "d"].into_iter().zip((0..4).map(column));
        let batch = RecordBatch::try_from_iter(named).unwrap();
        let properties = parquet::file::properties::WriterProperties::builder();
        let properties = properties.set_max_row_group_row_count(Some(20)).build();
        let path = folder.path("a.parquet");
        let file = File::create(&path).unwrap();
        let mut writer =
            parquet::arrow::ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let arrow = folder.path("b.arrow");
        let file = File::create(&arrow).unwrap();
        let mut writer = arrow_ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
        writer.write(&batch.slice(0, 90)).unwrap();
        writer.write(&batch.slice(90, ROWS - 90)).unwrap();
        writer.finish().unwrap();
        for data in [&path, &arrow, &folder.path("*")] {
            equal(
                data,
                None,
                Estimator::SigmaPoints,
                &[Some(1), Some(7), None],
            );
        }
        // Cut off, and with a part in the middle that is not what was written.
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 9);
        let cut = folder.write("c.parquet", &bytes);
        let out = &folder.path("scores.csv");
        fails_with(
            &["score", &fixture().run, &folder.path("*"), "--out", out],
            &["c.parquet", "bad Parquet file"],
        );
        assert!(!Path::new(out).exists() && Path::new(&cut).exists());
    }
}
