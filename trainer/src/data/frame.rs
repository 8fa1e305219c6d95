//! A file as it is: columns of numbers, times or text, before anybody says what they are.

use super::error::DataError;
use std::collections::HashMap;

/// Rows at the front of a file that are all read: clocks and counters show by rows that follow each other.
pub(crate) const FRONT: usize = 1000;

/// A file as it is, or columns in memory, for every role that the command line knows:
///
/// ```
/// use elbow_trainer::config::Config;
/// use elbow_trainer::data::{Column, Frame};
/// use elbow_trainer::readings::splits::Splits;
///
/// let rows = || 0..100u32;
/// let every = |step: u32, yes, no| rows().map(move |row| if row % step == 0 { yes } else { no });
/// let frame = Frame::new(
///     "pump".into(),
///     vec![
///         Column::times("time", rows().map(|row| 60.0 * f64::from(row))),
///         Column::numbers("flow", rows().map(|row| (f64::from(row) * 0.7).sin())),
///         Column::numbers("speed", rows().map(|row| f64::from(row % 7))),
///         Column::text("valve", every(3, "open", "shut")),
///         Column::text("machine", every(2, "left", "right")),
///         Column::text("state", every(20, "worn", "ok")),
///     ],
/// );
/// let mut config = Config::default();
/// config.data.label = Some("state".into());
/// config.data.condition = vec!["speed".into()];
/// config.data.ignore = vec!["machine".into()];
/// let splits = Splits::of_frame(&config, frame)?;
/// assert_eq!(splits.train.columns.unwrap(), ["flow", "valve=open", "valve=shut", "speed"]);
/// assert_eq!(splits.conditions, 1);
/// # Ok::<(), elbow_trainer::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The file's name without its extension.
    pub name: String,
    /// The columns, all of one length.
    pub columns: Vec<Column>,
    /// Assumptions that it was read with, one line each.
    pub notes: Vec<String>,
    /// Facts that the file says of itself, one line each.
    pub facts: Vec<String>,
    /// Samples a second, where the file says that its rows are samples of signals.
    pub rate: Option<f64>,
    /// The first row of each recording, where it is several.
    pub recordings: Option<Vec<usize>>,
    /// Rows of the file, where these are some of them: those at the front follow each other.
    pub of_rows: Option<usize>,
    /// Rows before these, where they are a part of the data.
    pub first_row: usize,
}

/// One column of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name in the header, if there is one.
    pub name: Option<String>,
    /// The unit that the file gives it.
    pub unit: Option<String>,
    /// The cells.
    pub cells: Cells,
    /// The first cell that is not like the others, with its place and a remedy: the column cannot be a reading.
    pub fault: Option<String>,
}

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Numbers; NaN where a cell is missing.
    Numbers(Vec<f64>),
    /// Seconds since 1970, or since midnight; NaN where a cell is missing.
    Times(Vec<f64>),
    /// Text, as an index into its different values; none where a cell is missing.
    Text {
        /// The different values, in the order of their first appearance.
        values: Vec<String>,
        /// For each row its value.
        codes: Vec<Option<u32>>,
    },
}

impl Cells {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) | Self::Times(numbers) => numbers.len(),
            Self::Text { codes, .. } => codes.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `count` of them.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let count = count.min(self.len());
        match self {
            Self::Numbers(numbers) => Self::Numbers(numbers[..count].to_vec()),
            Self::Times(seconds) => Self::Times(seconds[..count].to_vec()),
            Self::Text { values, codes } => Self::Text {
                values: values.clone(),
                codes: codes[..count].to_vec(),
            },
        }
    }

    /// Whether no number is so large that its neighbour among the whole numbers is the same one here.
    pub(crate) fn are_exact(&self) -> bool {
        const LARGEST: f64 = 9_007_199_254_740_992.0;
        match self {
            Self::Numbers(numbers) => numbers
                .iter()
                .all(|number| number.fract() != 0.0 || number.abs() < LARGEST),
            Self::Times(_) | Self::Text { .. } => true,
        }
    }

    /// Their kind, in a word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "numbers",
            Self::Times(_) => "times",
            Self::Text { .. } => "text",
        }
    }

    /// No cells, of this kind.
    pub(super) fn emptied(&self) -> Self {
        match self {
            Self::Numbers(_) => Self::Numbers(vec![]),
            Self::Times(_) => Self::Times(vec![]),
            Self::Text { .. } => Self::Text {
                values: vec![],
                codes: vec![],
            },
        }
    }

    /// Adds `count` cells that are missing.
    pub(super) fn extend_missing(&mut self, count: usize) {
        let rows = self.len() + count;
        match self {
            Self::Numbers(numbers) | Self::Times(numbers) => numbers.resize(rows, f64::NAN),
            Self::Text { codes, .. } => codes.resize(rows, None),
        }
    }

    /// How many are missing.
    pub fn missing(&self) -> usize {
        match self {
            Self::Numbers(numbers) | Self::Times(numbers) => {
                numbers.iter().filter(|number| number.is_nan()).count()
            }
            Self::Text { codes, .. } => codes.iter().filter(|code| code.is_none()).count(),
        }
    }
}

impl Column {
    /// Numbers; NaN where one is missing.
    pub fn numbers(name: &str, numbers: impl IntoIterator<Item = f64>) -> Self {
        let cells = Cells::Numbers(numbers.into_iter().collect());
        Self::new(Some(name.to_owned()), cells)
    }

    /// Times in seconds; NaN where one is missing.
    pub fn times(name: &str, seconds: impl IntoIterator<Item = f64>) -> Self {
        let cells = Cells::Times(seconds.into_iter().collect());
        Self::new(Some(name.to_owned()), cells)
    }

    /// Text, such as states, labels or groups; empty where it is missing.
    pub fn text<'a>(name: &str, text: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut values, mut places) = (vec![], HashMap::new());
        let code = |cell: &'a str| {
            (!cell.is_empty()).then(|| {
                *places.entry(cell).or_insert_with(|| {
                    values.push(cell.to_owned());
                    values.len() as u32 - 1
                })
            })
        };
        let codes = text.into_iter().map(code).collect();
        Self::new(Some(name.to_owned()), Cells::Text { values, codes })
    }

    /// A column without a unit.
    pub fn new(name: Option<String>, cells: Cells) -> Self {
        Self {
            name,
            unit: None,
            cells,
            fault: None,
        }
    }
}

impl Frame {
    /// Columns of which nothing else is known.
    pub fn new(name: String, columns: Vec<Column>) -> Self {
        Self {
            name,
            columns,
            notes: vec![],
            facts: vec![],
            rate: None,
            recordings: None,
            of_rows: None,
            first_row: 0,
        }
    }

    /// The values of a column that follow each other in the file.
    pub(super) fn following<'a>(&self, numbers: &'a [f64]) -> &'a [f64] {
        match self.of_rows {
            None => numbers,
            Some(_) => &numbers[..numbers.len().min(FRONT)],
        }
    }

    /// The error of these data that have this fault.
    pub(super) fn fault(&self, fault: impl Into<String>) -> DataError {
        DataError::in_data(&self.name, fault)
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    /// For each row its recording, where there are several.
    pub(super) fn recording_of_rows(&self) -> Option<Vec<u32>> {
        let starts = self.recordings.as_ref()?;
        let ends = starts.iter().skip(1).copied().chain([self.rows()]);
        let lengths = starts.iter().zip(ends).map(|(start, end)| end - start);
        let rows = (0..).zip(lengths);
        Some(
            rows.flat_map(|(recording, length)| std::iter::repeat_n(recording, length))
                .collect(),
        )
    }

    /// The name of a column in messages: its own, or `column 3`.
    pub fn column_name(&self, index: usize) -> String {
        let name = self
            .columns
            .get(index)
            .and_then(|column| column.name.clone());
        name.filter(|name| !name.is_empty())
            .unwrap_or_else(|| format!("column {}", index + 1))
    }

    /// The names of the columns, if any has one.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let any = self.columns.iter().any(|column| column.name.is_some());
        let names = self.columns.iter();
        any.then(|| {
            names
                .map(|column| column.name.clone().unwrap_or_default())
                .collect()
        })
    }

    /// The column called `name`, or that has this number, counted from 1.
    ///
    /// # Errors
    /// There is none: one line with the names that there are.
    pub fn find(&self, name: &str) -> Result<usize, DataError> {
        let named = self.columns.iter().position(|column| {
            let own = column.name.as_deref();
            let is = |own: &str| own.trim().eq_ignore_ascii_case(name.trim());
            // With the unit behind it, too, as a header may have it.
            let with_unit = column.unit.as_deref().zip(own);
            let with_unit = with_unit.map(|(unit, own)| format!("{} [{unit}]", own.trim()));
            own.is_some_and(is) || with_unit.as_deref().is_some_and(is)
        });
        let numbered = name.trim().parse::<usize>().ok();
        let numbered = numbered.filter(|number| (1..=self.columns.len()).contains(number));
        named
            .or(numbered.map(|number| number - 1))
            .ok_or_else(|| {
                let columns = (0..self.columns.len()).map(|column| self.column_name(column));
                DataError::Data(format!(
                    "{} has no column {name:?}; its columns are {}; name one of them, or give its number, counted from 1",
                    self.name,
                    columns.collect::<Vec<_>>().join(", ")
                ))
            })
    }
}
