//! The parts of `cargo xtask detection`, one small run of it, and p-values at rates that only simulated readings show.

use elbow::Probability;
use elbow_detection::calibration::{self, Rate, Size};
use elbow_detection::interval::{self, Outside};
use elbow_detection::measure::{Areas, Judged, Row, Subject, areas};
use elbow_detection::set::{Set, npy};
use elbow_detection::{folder, report, shipped};
use elbow_trainer::data::Table;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The bytes of an `.npy` file of labels, of one dimension, as numpy keeps them.
fn labels_npy(labels: &Table) -> Vec<u8> {
    let labels: Vec<u8> = labels.values().iter().map(|&label| label as u8).collect();
    let header = format!(
        "{{'descr': '|u1', 'fortran_order': False, 'shape': ({},), }}\n",
        labels.len()
    );
    let length = [header.len() as u8, 0];
    [
        b"\x93NUMPY\x01\x00",
        &length[..],
        header.as_bytes(),
        &labels,
    ]
    .concat()
}

/// Writes `arrays` as `numpy.savez` does, `y` as labels; the path of the file.
fn npz(folder: &TempDir, name: &str, arrays: &[(&str, &Table)]) -> PathBuf {
    let path = folder.path().join(name);
    let mut file = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, table) in arrays {
        let options = zip::write::SimpleFileOptions::default();
        file.start_file(format!("{name}.npy"), options).unwrap();
        let bytes = match *name {
            "y" => labels_npy(table),
            _ => npy(table),
        };
        file.write_all(&bytes).unwrap();
    }
    file.finish().unwrap();
    path
}

/// Two columns: normal rows on a line from 0 to 1, and behind them anomalous ones far from it.
fn line(normal: usize, anomalous: usize) -> (Table, Table) {
    let on = (0..normal).map(|row| (row as f32 / normal as f32, 0.0));
    let off = (0..anomalous).map(|row| (row as f32 / anomalous as f32, 1.0));
    let values = on
        .chain(off)
        .flat_map(|(x, is)| [x, 2.0 * x + 0.1 * (50.0 * x).sin() + 5.0 * is]);
    let labels = (0..normal + anomalous).map(|row| f32::from(u8::from(row >= normal)));
    (
        Table::new(2, values.collect()).unwrap(),
        Table::new(1, labels.collect()).unwrap(),
    )
}

fn error(path: &Path) -> String {
    folder::read(path).unwrap_err().to_string()
}

#[test]
fn areas_count_pairs() {
    let judged = [(9, 4), (9, 3), (5, 6), (5, 6), (1, 7)].map(|(p_value, bound)| Judged {
        p_value: Probability::from_bits(p_value).unwrap(),
        bound,
    });
    // Anomalous against normal. Bounds: 3 below 4 and 6, 7 below neither, 6 a tie and above 4. p-values: 1 below both;
    // 5 below 9, and equal in both to 5; 9 with the lower bound below 9, not below 5.
    let labels = [false, true, false, true, true];
    let expected = Areas {
        bound: (2.0 + 0.5 + 0.0) / 6.0,
        p_value: (2.0 + 1.5 + 1.0) / 6.0,
    };
    let found = areas(&judged, &labels).unwrap();
    assert!((found.bound - expected.bound).abs() < 1e-12, "{found:?}");
    assert!(
        (found.p_value - expected.p_value).abs() < 1e-12,
        "{found:?}"
    );
    assert_eq!(areas(&judged, &labels[1..]), None);
    assert_eq!(areas(&judged, &[true; 5]), None);
}

#[test]
fn an_alarm_is_a_p_value_that_is_at_most_the_rate() {
    let judged = |p_value| Judged {
        p_value: Probability::from_bits(p_value).unwrap(),
        bound: 0,
    };
    // Five of a hundred as images have it: rounded up.
    let twentieth = (5u64 << 31).div_ceil(100) as u32;
    assert!(judged(twentieth).alarms(0.05));
    assert!(!judged(twentieth + 1).alarms(0.05));
}

#[test]
fn parts_are_halves_without_a_row_in_common() {
    for (normal, anomalous, expected) in
        [(101, 30, (50, 51, 30)), (12_100, 6_001, (6000, 6000, 6000))]
    {
        let (table, labels) = line(normal, anomalous);
        let labels: Vec<bool> = labels.values().iter().map(|&label| label == 1.0).collect();
        let set = Set::new("line", table, labels.clone()).unwrap();
        let parts = set.divide(4);
        let sizes = (parts.train.len(), parts.normal.len(), parts.anomalous.len());
        assert_eq!(sizes, expected);
        let mut rows = [
            parts.train.clone(),
            parts.normal.clone(),
            parts.anomalous.clone(),
        ]
        .concat();
        assert!(rows[..sizes.0 + sizes.1].iter().all(|&row| !labels[row]));
        assert!(rows[sizes.0 + sizes.1..].iter().all(|&row| labels[row]));
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), sizes.0 + sizes.1 + sizes.2);
        assert_eq!(set.divide(4), parts);
        assert_ne!(set.divide(5), parts);
    }
}

#[test]
fn a_set_is_read_by_the_reader_of_the_trainer() {
    let folder = tempfile::tempdir().unwrap();
    let (readings, labels) = line(60, 7);
    let arrays = [("y", &labels), ("X", &readings)];
    for name in ["second.npz", "first.npz"] {
        npz(&folder, name, &arrays);
    }
    std::fs::write(folder.path().join("README.md"), "two sets").unwrap();
    let sets = folder::sets(folder.path(), &[]).unwrap();
    let names: Vec<&str> = sets.iter().map(Set::name).collect();
    assert_eq!(names, ["first", "second"]);
    assert_eq!(sets[0].table(), &readings);
    let parts = sets[0].divide(0);
    assert_eq!(parts.train.len() + parts.normal.len(), 60);
    let wanted = folder::sets(folder.path(), &["second".to_owned()]).unwrap();
    assert_eq!(wanted, sets[1..]);
}

#[test]
fn what_is_no_set_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder::sets(folder.path(), &[]).unwrap_err().to_string();
    let remedy =
        "holds no .npz file; save each set there with numpy.savez(FILE, X=readings, y=labels)";
    assert!(none.contains(remedy), "{none}");
    let (readings, labels) = line(60, 7);
    let save = "save it with numpy.savez(FILE, X=readings, y=labels)";
    for (name, kept) in [("y", ("X", &readings)), ("X", ("y", &labels))] {
        let text = error(&npz(&folder, "half.npz", &[kept]));
        assert!(
            text.contains(&format!("half.npz: holds no array \"{name}\"")),
            "{text}"
        );
        assert!(text.ends_with(save), "{text}");
    }
    let other = folder::sets(folder.path(), &["whole".to_owned()]).unwrap_err();
    assert_eq!(
        other.to_string(),
        "there is no set \"whole\"; choose from half"
    );

    let (few, marks) = line(39, 7);
    let text = error(&npz(&folder, "few.npz", &[("X", &few), ("y", &marks)]));
    assert_eq!(
        text,
        "few has 39 normal rows, 40 are needed; add some, or leave it out with --sets"
    );
    let (normal, marks) = line(60, 0);
    let text = error(&npz(
        &folder,
        "normal.npz",
        &[("X", &normal), ("y", &marks)],
    ));
    assert!(
        text.starts_with("normal has 0 anomalous rows, 1 are needed"),
        "{text}"
    );
    let text = error(&npz(
        &folder,
        "short.npz",
        &[("X", &readings), ("y", &marks)],
    ));
    let fault = "short.npz:y: holds 60 labels for 67 rows; give one label a row";
    assert!(text.contains(fault), "{text}");
    let set = Set::new("short", readings, vec![false; 60]).unwrap_err();
    let count = "short: y has 60 labels for 67 rows of X; give one a row, 1 where it is anomalous";
    assert_eq!(set.to_string(), count);
}

/// Quantiles by SciPy 1.17: `stats.binom.ppf` and `stats.betabinom.ppf`.
#[test]
fn intervals_are_those_of_another_program() {
    assert_eq!(interval::binomial(1000, 0.05, Outside(0.05)), (37, 64));
    assert_eq!(interval::binomial(60_000, 0.001, Outside(0.001)), (36, 87));
    assert_eq!(interval::calibrated(1000, 5, 100, Outside(0.05)), (15, 102));
    assert_eq!(
        interval::calibrated(200_000, 10, 100_000, Outside(0.001)),
        (2, 54)
    );
}

#[test]
fn the_shipped_sets_have_half_of_their_normal_rows_to_train_on() {
    let subjects = shipped::subjects(&[]).unwrap();
    assert_eq!(subjects.len(), 15);
    for subject in &subjects[10..] {
        let Subject::Set(set) = subject else {
            panic!("{subject:?}")
        };
        let parts = set.divide(0);
        let sizes = (parts.train.len(), parts.normal.len(), parts.anomalous.len());
        assert_eq!(sizes, (2000, 2000, 400), "{}", set.name());
        assert_eq!(subject.name(), set.name());
    }
    let names = ["rare-flag", "digit-4"].map(str::to_owned);
    let some = shipped::subjects(&names).unwrap();
    assert_eq!(some.iter().map(Subject::name).collect::<Vec<_>>(), names);
}

/// No column alone tells that a correlation is broken: its mean and deviation are those of normal rows.
#[test]
fn a_broken_correlation_shows_in_no_column() {
    let subjects = shipped::subjects(&["broken-correlation".to_owned()]).unwrap();
    let [Subject::Set(set)] = &subjects[..] else {
        panic!("{subjects:?}")
    };
    for column in 0..set.table().width() {
        let numbers: Vec<f64> = set.table().iter().map(|row| row[column].into()).collect();
        let moments = |numbers: &[f64]| {
            let count = numbers.len() as f64;
            let mean = numbers.iter().sum::<f64>() / count;
            let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
            (mean, (squares / count).sqrt())
        };
        let ((mean, deviation), (other_mean, other)) =
            (moments(&numbers[..4000]), moments(&numbers[4000..]));
        // Four standard errors of 400 rows: 0.2 deviations of a mean, 0.15 of a deviation.
        assert!((mean - other_mean).abs() < 0.2 * deviation, "{column}");
        assert!((other / deviation - 1.0).abs() < 0.15, "{column}");
    }
}

#[test]
fn a_small_set_is_trained_on_and_tested() {
    let (readings, labels) = line(400, 50);
    let labels = labels.values().iter().map(|&label| label == 1.0).collect();
    let subject = Subject::Set(Set::new("line", readings, labels).unwrap());
    let options = "--epochs 30 --latents 1 --encoder 8 --decoder 8 --folds 0";
    let row = subject.measure(0, options, None).unwrap();
    let counts = (
        row.rows,
        row.columns,
        row.normal,
        row.anomalous,
        row.calibrating,
    );
    // 15 % of the 200 rows that the trainer is given calibrate.
    assert_eq!(counts, (200, 2, 200, 50, 30));
    // The anomalous rows are ten times as far from the line as the curve.
    assert!(row.auc_bound > 0.99 && row.auc_p_value > 0.99, "{row:?}");
    assert!(row.alarms[0] >= row.alarms[1] && row.alarms[1] >= row.alarms[2]);
    // The lowest score of 30 calibrating readings: 0 to 48 alarms, but for one time in a thousand.
    assert!(row.alarms[0] <= 48, "{row:?}");
    assert!(row.image_bytes > 500 && row.fit_seconds > 0.0, "{row:?}");
}

fn row(set: &str, rows: usize, alarms: [usize; 3]) -> Row {
    Row {
        set: set.to_owned(),
        seed: 0,
        rows,
        columns: 3,
        normal: 1000,
        anomalous: 10,
        auc_bound: 0.5,
        auc_p_value: 0.75,
        alarms,
        calibrating: 998,
        image_bytes: 4096,
        fit_seconds: 2.0,
    }
}

#[test]
fn false_alarms_are_pooled_over_sets_of_many_rows() {
    let rows = [
        row("a", 500, [50, 10, 1]),
        row("b", 499, [900, 900, 900]),
        row("c", 600, [70, 12, 3]),
    ];
    let pooled = report::pooled(&rows);
    let measured: Vec<f64> = pooled.iter().map(|pooled| pooled.measured).collect();
    assert_eq!(measured, [0.06, 0.011, 0.002]);
    // Rank 49 of 999 is r = 0.04905, and r -+ 1.96 sqrt(2 r (1 - r) (1000 + 1000^2 / 1000)) / 2000:
    let (low, high) = pooled[0].calibrated;
    assert!(
        (low - 0.035_663).abs() < 1e-6 && (high - 0.062_435).abs() < 1e-6,
        "{pooled:?}"
    );
    assert_eq!(report::pooled(&rows[1..2]), []);
}

#[test]
fn results_are_recorded_between_their_marks() {
    let rows = [row("a", 500, [50, 10, 1])];
    let old = format!(
        "# Page\n\n{}\nstale\n{}\n\nmore\n",
        report::BEGIN,
        report::END
    );
    let path = Path::new("page.md");
    let page = report::recorded(path, &old, "cargo xtask detection --record", &rows).unwrap();
    let line = "| a | 500 | 3 | 0.500 | 0.750 | 0.050 | 0.0100 | 0.0010 | 4096 |";
    assert!(
        page.contains(line) && page.contains("\ncargo xtask detection --record\n"),
        "{page}"
    );
    assert!(
        page.starts_with("# Page\n") && page.ends_with("\n\nmore\n") && !page.contains("stale")
    );
    assert_eq!(
        report::recorded(path, &page, "cargo xtask detection --record", &rows).unwrap(),
        page
    );
    let error = report::recorded(path, "no marks", "", &rows).unwrap_err();
    assert!(
        error.to_string().starts_with("page.md: has no lines <!--"),
        "{error}"
    );
}

/// Alarms at rates down to one in ten thousand are as many as p-values promise, within what chance leaves: the error of the
/// count, and the spread of a threshold that is the score of one of 100,000 calibrating readings, together the
/// beta-binomial distribution, of which one in a thousand lies outside. At 1e-4 these are 2 to 54 alarms, for 20.
#[test]
fn rare_false_alarms_are_as_rare_as_they_say() {
    let rates = calibration::measure(Size::new(100_000, 200_000), &[1e-2, 1e-3, 1e-4]).unwrap();
    assert_eq!((rates[2].least, rates[2].most), (2, 54));
    assert!(
        rates.iter().all(|rate| !rate.extrapolated && rate.holds()),
        "{rates:?}"
    );
}

#[test]
fn alarms_beyond_chance_are_told() {
    let rate = |alarms| Rate {
        nominal: 1e-4,
        calibrating: 100_000,
        fresh: 200_000,
        alarms,
        least: 3,
        most: 50,
        extrapolated: false,
    };
    for (alarms, holds) in [(2, false), (3, true), (50, true), (51, false)] {
        assert_eq!(rate(alarms).holds(), holds);
    }
    assert!(report::calibration(&[rate(51)]).contains("3 to 50, counted, BROKEN"));
}
