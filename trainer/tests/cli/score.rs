//! `trainer score` and `trainer impute`.

use crate::fixture::{Fixture, ROWS, csv, fixture, readings};
use crate::support::program::{Folder, succeeds};

#[test]
fn scores_come_one_a_line() {
    let Fixture { csv, npy, run, .. } = fixture();
    let all = succeeds(&["score", run, csv]);
    let mut lines = all.lines();
    assert_eq!(lines.next(), Some(elbow::Score::CSV_HEADER));
    let columns = elbow::Score::CSV_HEADER.split(',').count();
    for (index, line) in lines.clone().enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(
            (cells.len(), cells[0]),
            (columns, index.to_string().as_str())
        );
        let number = |cell: usize| cells[cell].parse::<f64>().unwrap();
        // elbo, reconstruction, kl and the p-value, as text and as raw integers.
        assert!((number(1) - (number(2) - number(3))).abs() < 3e-5, "{line}");
        assert!((number(1) - number(7) / 65536.0).abs() < 1e-5, "{line}");
        assert!((0.0..=1.0).contains(&number(5)), "{line}");
    }
    assert_eq!(lines.count(), ROWS);
    assert_eq!(succeeds(&["score", run, npy]), all);
    let five: String = all
        .lines()
        .take(6)
        .map(|line| line.to_owned() + "\n")
        .collect();
    assert_eq!(succeeds(&["score", run, csv, "--limit", "5"]), five);
    assert_eq!(succeeds(&["score", run, csv, "--limit", "100000"]), all);
    let out = &Folder::new();
    let out = &out.path("scores.csv");
    assert_eq!(succeeds(&["score", run, csv, "--out", out]), "");
    assert_eq!(std::fs::read_to_string(out).unwrap(), all);
}

#[test]
fn seeds_move_random_estimates_only() {
    let Fixture { csv, run, .. } = fixture();
    let score =
        |estimator, seed| succeeds(&["score", run, csv, "--estimator", estimator, "--seed", seed]);
    for estimator in ["sigma-points", "posterior-mean"] {
        assert_eq!(score(estimator, "0"), score(estimator, "1"));
    }
    let random = score("monte-carlo:4", "0");
    assert_ne!(random, score("monte-carlo:4", "1"));
    assert_eq!(random, score("monte-carlo:4", "0"));
    // A reading has its own stream, whatever comes before or after it.
    let few = succeeds(&[
        "score",
        run,
        csv,
        "--estimator",
        "monte-carlo:4",
        "--limit",
        "3",
    ]);
    assert!(random.starts_with(&few) && few.lines().count() == 4);
}

/// A mask for [`readings`], and the readings with nonsense in its gaps.
fn gaps(folder: &Folder) -> (String, String) {
    let observed = |row: usize, column: usize| !(row + column).is_multiple_of(3);
    let mut rows = readings(ROWS);
    let mut mask = String::new();
    for (row, values) in rows.iter_mut().enumerate() {
        for (column, value) in values.iter_mut().enumerate() {
            if !observed(row, column) {
                *value = -1e9;
            }
            mask += if observed(row, column) { "1," } else { "0," };
        }
        mask.pop();
        mask += "\n";
    }
    (
        folder.write("mask.csv", mask),
        folder.write("gaps.csv", csv(&rows)),
    )
}

#[test]
fn what_stands_in_gaps_does_not_matter() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    let (mask, holes) = gaps(&folder);
    for estimator in ["sigma-points", "monte-carlo:3", "importance-weighted:3"] {
        let score = |data: &str, more: &[&str]| {
            let command = ["score", run, data, "--estimator", estimator];
            succeeds(&[&command[..], more].concat())
        };
        let observed = score(csv, &["--mask", &mask]);
        assert_eq!(score(&holes, &["--mask", &mask]), observed);
        assert_ne!(score(csv, &[]), observed);
        let ones = folder.write("ones.csv", "1,1,1,1\n".repeat(ROWS));
        assert_eq!(score(csv, &["--mask", &ones]), score(csv, &[]));
        let few = score(csv, &["--mask", &mask, "--limit", "3"]);
        assert!(observed.starts_with(&few) && few.lines().count() == 4);
    }
}

#[test]
fn gaps_are_filled_in() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    let (mask, holes) = gaps(&folder);
    let filled = succeeds(&["impute", run, &holes, "--mask", &mask]);
    let mut lines = filled.lines();
    assert_eq!(lines.next(), Some("a,b,c,d"));
    for (row, (line, truth)) in lines.by_ref().zip(readings(ROWS)).enumerate() {
        let cells: Vec<f32> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        for (column, (cell, truth)) in cells.iter().zip(truth).enumerate() {
            // Observed values are rounded to 16 bits; the rest are guesses of the same size.
            let tolerance = if (row + column).is_multiple_of(3) {
                12.0
            } else {
                1e-3
            };
            assert!(
                (cell - truth).abs() < tolerance,
                "{row} {column}: {cell} {truth}"
            );
        }
    }
    let out = &folder.path("filled.csv");
    assert_eq!(
        succeeds(&["impute", run, csv, "--mask", &mask, "--out", out]),
        ""
    );
    assert_eq!(std::fs::read_to_string(out).unwrap(), filled);
    // What was written can be read.
    assert_eq!(succeeds(&["score", run, out]).lines().count(), ROWS + 1);
    let few = succeeds(&["impute", run, csv, "--mask", &mask, "--limit", "2"]);
    assert!(filled.starts_with(&few) && few.lines().count() == 3);
}
