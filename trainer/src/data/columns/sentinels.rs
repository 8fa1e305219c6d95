//! Numbers that loggers write where they have no value, such as -200 and -999.

use crate::data::frame::{Cells, Frame};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Numbers that stand for a missing value, written as `-200,-999`, or `none`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sentinels(pub Vec<f64>);

impl Sentinels {
    /// Those that no cell of `frame` holds.
    pub(crate) fn absent(&self, frame: &Frame) -> Vec<f64> {
        let holds = |cells: &Cells, value: f64| match cells {
            Cells::Numbers(numbers) => numbers.contains(&value),
            _ => false,
        };
        let is_absent = |value: &f64| {
            let mut columns = frame.columns.iter();
            !columns.any(|column| holds(&column.cells, *value))
        };
        self.0.iter().copied().filter(is_absent).collect()
    }
}

impl FromStr for Sentinels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "none" {
            return Ok(Self(vec![]));
        }
        let numbers = text.split(',').map(|number| {
            let parsed = number.trim().parse::<f64>().ok();
            parsed.filter(|number| number.is_finite()).ok_or_else(|| {
                format!("{number:?} is no number; say numbers such as -200,-999, or none")
            })
        });
        numbers.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let numbers: Vec<String> = self.0.iter().map(f64::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

impl TryFrom<String> for Sentinels {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Sentinels> for String {
    fn from(sentinels: Sentinels) -> Self {
        sentinels.to_string()
    }
}

/// Numbers that usually are no value.
const USUAL: [f64; 13] = [
    -1.0, -9.0, -99.0, -200.0, -999.0, -999.25, -9999.0, -99_999.0, 999.0, 9999.0, 99_999.0,
    999_999.0, -999_999.0,
];
/// Cells of a column that hold one, at least.
const FEWEST: usize = 3;
/// The part of the rows that these are, at least.
const RAREST: f64 = 0.001;
/// Different other values of a column that measures something, at least.
const MEASURED: usize = 8;
/// How far it is from the nearest other value, in ranges of all others, where that alone says what it is.
const RANGES: f64 = 1.5;
/// How far it is from there, in the largest distance between neighbours on its side, at least.
const GAPS: f64 = 10.0;

/// A number that is taken for missing, and where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// The number.
    pub(super) value: f64,
    /// The columns in which it is.
    pub(super) columns: Vec<usize>,
    /// Its cells.
    pub(super) cells: usize,
}

impl Found {
    /// A line on it.
    pub(super) fn note(&self, frame: &Frame) -> String {
        /// Columns that are named, at most.
        const NAMED: usize = 4;
        let named = self.columns.iter().take(NAMED);
        let mut names: Vec<String> = named.map(|&column| frame.column_name(column)).collect();
        let more = self.columns.len().saturating_sub(NAMED);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        format!(
            "{} in {} is taken for missing, {} cells (--sentinels none keeps it)",
            self.value,
            names.join(", "),
            self.cells
        )
    }
}

/// The usual sentinels in `columns` of `frame`: where one stands off from all other values by more than these
/// spread, it is one also in other columns of which it is a lonely end.
pub(super) fn find(frame: &Frame, columns: &[usize]) -> Vec<Found> {
    let ends: Vec<(usize, End)> = columns
        .iter()
        .flat_map(|&column| {
            let ends = match &frame.columns[column].cells {
                Cells::Numbers(numbers) => ends(numbers),
                _ => vec![],
            };
            ends.into_iter().map(move |end| (column, end))
        })
        .collect();
    let mut found: Vec<Found> = vec![];
    for (_, end) in ends.iter().filter(|(_, end)| end.stands_off) {
        if found.iter().any(|known| known.value == end.value) {
            continue;
        }
        let same = ends.iter().filter(|(_, other)| other.value == end.value);
        found.push(Found {
            value: end.value,
            columns: same.clone().map(|(column, _)| *column).collect(),
            cells: same.map(|(_, other)| other.count).sum(),
        });
    }
    found
}

/// A usual sentinel that is the lonely smallest or largest value of a column.
struct End {
    value: f64,
    count: usize,
    /// Whether the column alone says that it is no value.
    stands_off: bool,
}

/// The lonely ends of a column.
fn ends(numbers: &[f64]) -> Vec<End> {
    let there = || numbers.iter().copied().filter(|number| !number.is_nan());
    let (least, greatest) = there()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| {
            (low.min(number), high.max(number))
        });
    let usual = |value: f64| USUAL.contains(&value);
    if !usual(least) && !usual(greatest) {
        return vec![];
    }
    let mut sorted: Vec<f64> = there().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let low = usual(least).then(|| end(&sorted)).flatten();
    let mirrored = || {
        sorted
            .iter()
            .rev()
            .map(|number| -number)
            .collect::<Vec<_>>()
    };
    let high = usual(greatest).then(|| end(&mirrored())).flatten();
    let high = high.map(|end| End {
        value: -end.value,
        ..end
    });
    low.into_iter().chain(high).collect()
}

/// The smallest value of those of a column, which ascend, if it is lonely.
fn end(sorted: &[f64]) -> Option<End> {
    let value = *sorted.first()?;
    let count = sorted.partition_point(|&number| number == value);
    // The other end may be a sentinel too, whose distance is no spread.
    let last = *sorted.last()?;
    let end = if USUAL.contains(&last.abs()) {
        sorted.partition_point(|&number| number < last)
    } else {
        sorted.len()
    };
    let others = sorted.get(count..end)?;
    let mut distinct = others.to_vec();
    distinct.dedup();
    let (Some(nearest), Some(farthest)) = (others.first(), others.last()) else {
        return None;
    };
    let distance = nearest - value;
    let middle = others[others.len() / 2];
    let near = distinct.windows(2).take_while(|pair| pair[0] < middle);
    let gap = near.map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    let repeats = count >= FEWEST && count as f64 >= RAREST * sorted.len() as f64;
    let lonely = repeats && distinct.len() >= MEASURED && distance > GAPS * gap;
    let far = distance > RANGES * (farthest - nearest);
    // All others are on the other side of zero, and the way to their middle is shorter.
    let apart = value < 0.0 && *nearest >= 0.0 && distance > middle - nearest;
    lonely.then_some(End {
        value,
        count,
        stands_off: far || apart,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::frame::Column;

    fn column(name: &str, numbers: impl Iterator<Item = f64>) -> Column {
        Column::new(Some(name.into()), Cells::Numbers(numbers.collect()))
    }

    fn found(columns: Vec<Column>) -> Vec<Found> {
        let all: Vec<usize> = (0..columns.len()).collect();
        find(&Frame::new("pump".into(), columns), &all)
    }

    /// A wave between `low` and `high`, with `value` in each row of which `every` divides the number.
    fn wave(low: f64, high: f64, every: usize, value: f64) -> impl Iterator<Item = f64> {
        (0..1000).map(move |row| {
            if row % every == 0 {
                value
            } else {
                low + (high - low) * (0.5 + 0.5 * (row as f64 * 0.37).sin())
            }
        })
    }

    #[test]
    fn what_stands_off_and_repeats_is_no_value() {
        for value in [-200.0, -999.0, 9999.0] {
            let found = found(vec![
                column("flow", wave(0.1, 12.0, 10, value)),
                column("head", wave(3.0, 8.0, 50, value)),
                column("speed", wave(3.0, 8.0, 1000, 5.0)),
            ]);
            let expected = Found {
                value,
                columns: vec![0, 1],
                cells: 120,
            };
            assert_eq!(found, [expected]);
        }
    }

    #[test]
    fn a_known_one_is_found_in_a_column_that_spreads_further() {
        let wide = || column("nox", wave(-100.0, 1400.0, 20, -200.0));
        assert_eq!(found(vec![wide()]), []);
        let both = found(vec![column("co", wave(0.1, 12.0, 10, -200.0)), wide()]);
        assert_eq!((both[0].columns.len(), both[0].cells), (2, 150));
        // On the other side of zero it needs no witness.
        let skewed = wave(2.0, 24.0, 20, -200.0).map(|x| if x > 0.0 { x * x } else { x });
        assert_eq!(found(vec![column("nox", skewed)]).len(), 1);
    }

    #[test]
    fn both_ends_may_be_no_values() {
        let flow = wave(1.0, 5.0, 10, -999.0).enumerate();
        let flow = flow.map(|(row, value)| if row % 30 == 7 { 9999.0 } else { value });
        let values: Vec<f64> = found(vec![column("flow", flow)])
            .iter()
            .map(|found| found.value)
            .collect();
        assert_eq!(values, [-999.0, 9999.0]);
    }

    #[test]
    fn what_may_be_a_value_stays() {
        for (what, numbers) in [
            ("twice", wave(1.0, 5.0, 500, -999.0).collect::<Vec<_>>()),
            ("near", wave(-0.9, 5.0, 10, -1.0).collect()),
            ("inside", wave(-300.0, 5.0, 10, -200.0).collect()),
            ("unusual", wave(1.0, 5.0, 10, -57.0).collect()),
            (
                "flag",
                (0..1000)
                    .map(|row| f64::from(row % 2) * 2.0 - 1.0)
                    .collect(),
            ),
            ("alone", vec![-999.0; 1000]),
            ("empty", vec![]),
        ] {
            assert_eq!(found(vec![column(what, numbers.into_iter())]), [], "{what}");
        }
    }

    #[test]
    fn lists_are_read_and_written() {
        for (text, numbers) in [("none", vec![]), ("-200,9999", vec![-200.0, 9999.0])] {
            let sentinels: Sentinels = text.parse().unwrap();
            assert_eq!((sentinels.to_string(), sentinels.0), (text.into(), numbers));
        }
        assert!(
            "-200,x"
                .parse::<Sentinels>()
                .unwrap_err()
                .contains("\"x\" is no number")
        );
    }
}
