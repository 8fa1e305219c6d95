//! Columns that are probably no readings: labels, indices and clocks.
//!
//! Whatever is trained on is learned as a reading, a label and a clock too. The name or the place of a column says
//! what it may be, its values whether they fit.

use super::table::{Dataset, Table};
use std::collections::BTreeSet;

/// Names of labels, in lower case.
const LABELS: [&str; 17] = [
    "label",
    "labels",
    "class",
    "target",
    "anomaly",
    "anomalous",
    "abnormal",
    "outlier",
    "fault",
    "failure",
    "attack",
    "is_anomaly",
    "is_abnormal",
    "is_outlier",
    "ground_truth",
    "changepoint",
    "y",
];
/// Words that say that a column is a clock, in lower case.
const CLOCKS: [&str; 9] = [
    "time",
    "timestamp",
    "date",
    "datetime",
    "t",
    "clock",
    "elapsed",
    "epoch",
    "zeit",
];
/// Different values of a label, at most.
const CLASSES: usize = 20;
/// Rows from which on an order of values is no accident.
const FEWEST_ROWS: usize = 8;
/// How far the steps of an unnamed clock are from their mean, at most, relative to it.
const JITTER: f64 = 0.5;

/// What a column probably is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspect {
    Label,
    Index,
    Clock,
}

/// A line on each column of `dataset`, rows in the order of the file, that is probably no reading.
pub fn suspects(dataset: &Dataset) -> Vec<String> {
    let of = |column: usize| {
        let suspect = suspect(dataset, column)?;
        let name = dataset.column_name(column);
        Some(match suspect {
            Suspect::Label => format!(
                "{name} looks like a label, and is learned like a reading: leave it out, and give it by --labels FILE, 0 for normal"
            ),
            Suspect::Index => format!(
                "{name} counts up from row to row, and is learned like a reading, though it never comes back: leave it out"
            ),
            Suspect::Clock => format!(
                "{name} looks like a clock, and is learned like a reading, though it never comes back: leave it out"
            ),
        })
    };
    (0..dataset.table.width()).filter_map(of).collect()
}

fn suspect(dataset: &Dataset, column: usize) -> Option<Suspect> {
    let table = &dataset.table;
    let steps: Vec<f64> = values(table, column)
        .zip(values(table, column).skip(1))
        .map(|(before, after)| after - before)
        .collect();
    let name = dataset
        .columns
        .as_ref()
        .map(|names| names[column].trim().to_lowercase());
    let many = table.rows() >= FEWEST_ROWS;
    if many && steps.iter().all(|&step| step == 1.0) {
        return Some(Suspect::Index);
    }
    let clock = name.as_deref().is_some_and(|name| {
        let mut words = name.split(|c: char| !c.is_alphanumeric());
        words.any(|word| CLOCKS.contains(&word))
    });
    if many && ascends(&steps, clock) {
        return Some(Suspect::Clock);
    }
    let is_label = match name.as_deref() {
        Some(name) => LABELS.contains(&name),
        None => stands_apart(table, column),
    };
    (is_label && is_categorical(table, column)).then_some(Suspect::Label)
}

/// Whether values with these `steps` pass like time: never back, and on the whole, or evenly where nothing else says
/// that they are time.
fn ascends(steps: &[f64], named: bool) -> bool {
    let mean = steps.iter().sum::<f64>() / steps.len() as f64;
    let forward = |&step: &f64| if named { step >= 0.0 } else { step > 0.0 };
    let even = |step: &f64| (step - mean).abs() <= JITTER * mean;
    mean > 0.0 && steps.iter().all(forward) && (named || steps.iter().all(even))
}

/// Whether `column` is the first or the last of a table without names, and the only one of whole numbers, as the class
/// is in files of the UCR archive.
fn stands_apart(table: &Table, column: usize) -> bool {
    let at_an_end = column == 0 || column + 1 == table.width();
    let whole = |column: usize| values(table, column).all(|value| value.fract() == 0.0);
    at_an_end && (0..table.width()).all(|other| (other == column) == whole(other))
}

/// Whether `column` has two to [`CLASSES`] different values, all of them whole and each twice in the mean.
fn is_categorical(table: &Table, column: usize) -> bool {
    let mut classes = BTreeSet::new();
    for value in values(table, column) {
        if value.fract() != 0.0 {
            return false;
        }
        classes.insert(value as i64);
        if classes.len() > CLASSES {
            return false;
        }
    }
    classes.len() >= 2 && 2 * classes.len() <= table.rows()
}

fn values(table: &Table, column: usize) -> impl Iterator<Item = f64> {
    table.iter().map(move |row| f64::from(row[column]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each column of `rows` rows is taken for.
    fn found(
        names: Option<&[&str]>,
        rows: usize,
        row: impl Fn(usize) -> Vec<f32>,
    ) -> Vec<Option<Suspect>> {
        let width = row(0).len();
        let dataset = Dataset {
            name: "d".into(),
            columns: names.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
            table: Table::new(width, (0..rows).flat_map(row).collect()).unwrap(),
            labels: None,
        };
        (0..width).map(|column| suspect(&dataset, column)).collect()
    }

    fn wave(at: usize) -> f32 {
        (at as f32 * 0.7).sin()
    }

    #[test]
    fn labels_are_known_by_their_names_and_values() {
        let label = Some(Suspect::Label);
        let row = |at: usize| {
            vec![
                wave(at),
                f32::from(u8::from(at.is_multiple_of(9))),
                (at % 3) as f32,
            ]
        };
        let named = |a, b| found(Some(&["flow", a, b]), 40, row);
        assert_eq!(named("Anomaly", "class"), [None, label, label]);
        // Flags and states of a machine are readings.
        assert_eq!(named("pump_on", "stage"), [None, None, None]);
        // A label has few values.
        let many = found(Some(&["y"]), 100, |at| vec![(at * 37 % 64) as f32]);
        assert_eq!(many, [None]);
        let real = found(Some(&["target"]), 40, |at| vec![wave(at)]);
        assert_eq!(real, [None]);
    }

    #[test]
    fn the_class_of_a_file_without_names_stands_first_or_last() {
        let class = |at: usize| f32::from((at % 5) as u8 + 1);
        let first = found(None, 40, |at| vec![class(at), wave(at), wave(at + 3)]);
        assert_eq!(first, [Some(Suspect::Label), None, None]);
        let last = found(None, 40, |at| vec![wave(at), class(at)]);
        assert_eq!(last, [None, Some(Suspect::Label)]);
        // Among other whole numbers nothing tells it apart.
        let counts = found(None, 40, |at| vec![class(at), (at * 7 % 11) as f32]);
        assert_eq!(counts, [None, None]);
        let middle = found(None, 40, |at| vec![wave(at), class(at), wave(at + 1)]);
        assert_eq!(middle, [None; 3]);
    }

    #[test]
    fn what_counts_up_is_an_index_and_what_ascends_evenly_a_clock() {
        let index = found(None, 30, |at| vec![at as f32 + 17.0, wave(at)]);
        assert_eq!(index, [Some(Suspect::Index), None]);
        let clock = found(None, 30, |at| vec![0.0025 * at as f32, wave(at)]);
        assert_eq!(clock, [Some(Suspect::Clock), None]);
        // A named one may stand still and jump.
        let uneven = |at: usize| vec![((at / 2) * (at / 2)) as f32];
        assert_eq!(found(Some(&["t_s"]), 30, uneven), [Some(Suspect::Clock)]);
        assert_eq!(found(Some(&["energy_kwh"]), 30, uneven), [None]);
        let few = found(None, 5, |at| vec![at as f32]);
        assert_eq!(few, [None]);
    }
}
