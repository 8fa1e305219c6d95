//! Rows of readings with what is known of them, and the moments of their columns.

use std::ops::Range;
use std::slice::ChunksExact;

use super::error::DataError;

/// Rows of one width, at least 1, one behind the other.
#[derive(Debug, Clone, PartialEq)]
pub struct RowMajor<T> {
    pub(crate) width: usize,
    pub(crate) values: Vec<T>,
}

/// Readings, one a row.
///
/// The values of a loaded table are finite and it has at least one row; a selection may have none.
pub type Table = RowMajor<f32>;

impl Table {
    /// Makes a table of `values`, row after row of `width` values.
    ///
    /// # Errors
    ///
    /// The width is zero, or the values do not make whole rows.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Self, DataError> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(DataError::Data(format!(
                "{} values do not make whole rows of {width}; give a multiple of the width",
                values.len()
            )));
        }
        Ok(Self { width, values })
    }
}

impl<T: Copy> RowMajor<T> {
    /// Values a row, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values of row `index`, counted from 0.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row(&self, index: usize) -> &[T] {
        &self.values[index * self.width..][..self.width]
    }

    /// All rows in order.
    pub fn iter(&self) -> ChunksExact<'_, T> {
        self.values.chunks_exact(self.width)
    }

    /// All values, row after row.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The values without the table, row after row.
    pub fn into_values(self) -> Vec<T> {
        self.values
    }

    /// The rows with these indices, in this order.
    ///
    /// # Panics
    ///
    /// If there is no row with one of the indices.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut values = Vec::with_capacity(indices.len() * self.width);
        for &index in indices {
            values.extend_from_slice(self.row(index));
        }
        Self {
            width: self.width,
            values,
        }
    }

    /// Leaves the rows with these indices, which ascend, where they are in memory: what [`RowMajor::select`] gives,
    /// without a second table.
    ///
    /// # Panics
    ///
    /// If there is no row with one of the indices.
    pub fn keep(&mut self, indices: &[usize]) {
        keep_rows(&mut self.values, self.width, indices);
    }

    /// The table, in whose place none of its rows stays.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self {
            width: self.width,
            values: std::mem::take(&mut self.values),
        }
    }
}

/// Leaves the rows of `width` values with these indices, which ascend, and gives the rest of the memory back.
///
/// # Panics
///
/// If there is no row with one of the indices.
pub(super) fn keep_rows<T: Copy>(values: &mut Vec<T>, width: usize, indices: &[usize]) {
    for (place, &index) in indices.iter().enumerate() {
        values.copy_within(index * width..(index + 1) * width, place * width);
    }
    values.truncate(indices.len() * width);
    values.shrink_to_fit();
}

impl<'a, T: Copy> IntoIterator for &'a RowMajor<T> {
    type Item = &'a [T];
    type IntoIter = ChunksExact<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Readings as they are learned from: a table with its name and, where they are known, the names of its columns, a label
/// for each row and the gaps.
///
/// Arrays in memory are trained on without a file. [`Splits::divide`](crate::readings::splits::Splits::divide) takes
/// such readings, and for each of them whether it is anomalous; the last
/// [`conditions`](crate::config::DataConfig::conditions) columns are conditions:
///
/// ```
/// use elbow_trainer::config::Config;
/// use elbow_trainer::data::{Dataset, Table};
/// use elbow_trainer::readings::splits::Splits;
///
/// let flow_and_head: Vec<f32> = (0..200).map(|at| (at as f32 * 0.7).sin()).collect();
/// let pump = Dataset::new("pump", Table::new(2, flow_and_head)?).named(["flow", "head"]);
/// let anomalous = (0..100).map(|row| row % 20 == 0).collect();
/// let splits = Splits::divide(&Config::default(), pump, Some(anomalous))?;
/// assert_eq!(splits.train.column_name(1), "head");
/// # Ok::<(), elbow_trainer::error::Error>(())
/// ```
///
/// Columns of every other role (states, times, groups, labels as text) stand in a [`Frame`](super::Frame).
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Its name in reports: the file's without its extension, or `digits:train` and the like.
    pub name: String,
    /// One name a column, if the file has a header.
    pub columns: Option<Vec<String>>,
    /// The readings.
    pub table: Table,
    /// One label a row.
    pub labels: Option<Vec<u32>>,
    /// Which values are there, row after row; none where all are. The others stand at the median of their column.
    pub observed: Option<Vec<bool>>,
    /// The number that was subtracted from the values of each column; empty where there is none.
    pub offsets: Vec<f64>,
    /// Rows of the data before these, where they are a part of them.
    pub first_row: usize,
}

impl Dataset {
    /// The readings `table`, whose columns have no names.
    pub fn new(name: &str, table: Table) -> Self {
        Self {
            name: name.to_owned(),
            columns: None,
            table,
            labels: None,
            observed: None,
            offsets: vec![],
            first_row: 0,
        }
    }

    /// The same readings, whose columns have these names.
    #[must_use]
    pub fn named<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The value in column `index` of the data that `value` of the table stands for.
    pub fn value(&self, index: usize, value: f32) -> f64 {
        f64::from(value) + self.offsets.get(index).copied().unwrap_or(0.0)
    }

    /// The columns `range`, at least one of those there are, without labels.
    ///
    /// # Errors
    ///
    /// There are no columns.
    ///
    /// # Panics
    ///
    /// If there are not so many columns.
    pub fn columns(&self, range: Range<usize>) -> Result<Self, DataError> {
        let values = self.table.iter().flat_map(|row| &row[range.clone()]);
        let names = self
            .columns
            .as_ref()
            .map(|names| names[range.clone()].to_vec());
        let table = Table::new(range.len(), values.copied().collect())?;
        Ok(Self {
            columns: names,
            offsets: self.offsets.get(range).unwrap_or_default().to_vec(),
            ..Self::new(&self.name, table)
        })
    }

    /// How messages call column `index`, counted from 0: its name in the header, or `column 1` for the first.
    pub fn column_name(&self, index: usize) -> String {
        let name = self
            .columns
            .as_ref()
            .and_then(|columns| columns.get(index))
            .filter(|name| !name.is_empty());
        name.cloned()
            .unwrap_or_else(|| format!("column {}", index + 1))
    }

    /// The rows with these indices, in this order, with their labels.
    ///
    /// # Panics
    ///
    /// If there is no row with one of the indices.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            name: self.name.clone(),
            columns: self.columns.clone(),
            offsets: self.offsets.clone(),
            first_row: self.first_row,
            table: self.table.select(indices),
            labels: self
                .labels
                .as_ref()
                .map(|labels| indices.iter().map(|&index| labels[index]).collect()),
            observed: self.observed.as_ref().map(|observed| {
                let width = self.table.width();
                let rows = indices.iter().map(|&row| &observed[row * width..][..width]);
                rows.flatten().copied().collect()
            }),
        }
    }

    /// Leaves the rows with these indices, which ascend, without labels.
    ///
    /// # Panics
    ///
    /// If there is no row with one of the indices.
    pub fn keep(&mut self, indices: &[usize]) {
        self.labels = None;
        if let Some(observed) = &mut self.observed {
            keep_rows(observed, self.table.width(), indices);
        }
        self.table.keep(indices);
    }

    /// The first row and column of a value that is missing, counted from 0.
    pub fn first_gap(&self) -> Option<(usize, usize)> {
        let at = self.observed.as_ref()?.iter().position(|there| !there)?;
        Some((at / self.table.width(), at % self.table.width()))
    }
}

/// Mean and standard deviation of every column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnMoments {
    /// The means, one a column.
    pub mean: Vec<f64>,
    /// The standard deviations, divided by the number of rows, one a column.
    pub standard_deviation: Vec<f64>,
}

/// The moments of every column, in two passes of `f64`, over the values that `observed` says are there, row after row;
/// zeros where none is.
pub fn column_mean_std(table: &Table, observed: Option<&[bool]>) -> ColumnMoments {
    let mean = column_means(table, observed, |value, _| value);
    let variance = column_means(table, observed, |value, column| {
        (value - mean[column]).powi(2)
    });
    ColumnMoments {
        standard_deviation: variance.into_iter().map(f64::sqrt).collect(),
        mean,
    }
}

/// The mean over all rows of a function of a value and its column.
fn column_means(
    table: &Table,
    observed: Option<&[bool]>,
    function: impl Fn(f64, usize) -> f64,
) -> Vec<f64> {
    let width = table.width();
    let mut sums = vec![(0.0, 0.0); width];
    for (at, &value) in table.values().iter().enumerate() {
        if observed.is_none_or(|observed| observed[at]) {
            let column = at % width;
            sums[column].0 += function(f64::from(value), column);
            sums[column].1 += 1.0;
        }
    }
    sums.into_iter()
        .map(|(sum, count)| sum / f64::max(count, 1.0))
        .collect()
}

/// The columns that hold one value in every row, counted from 0, with that value.
///
/// They tell a model nothing, and a standard deviation of zero divides nothing. A table without rows has none.
pub fn constant_columns(table: &Table) -> Vec<(usize, f32)> {
    let mut rows = table.iter();
    let Some(first) = rows.next() else {
        return Vec::new();
    };
    let mut constant: Vec<(usize, f32)> = first.iter().copied().enumerate().collect();
    for row in rows {
        constant.retain(|&(column, value)| row[column] == value);
    }
    constant
}

/// Whether every value is a whole number.
pub fn is_integer(table: &Table) -> bool {
    table.values().iter().all(|value| value.fract() == 0.0)
}

/// The least and the greatest value, if there is a row.
pub fn range(table: &Table) -> Option<(f32, f32)> {
    let (&first, rest) = table.values().split_first()?;
    Some(
        rest.iter()
            .fold((first, first), |(least, greatest), &value| {
                (least.min(value), greatest.max(value))
            }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_selected_with_their_labels() {
        let table = Table::new(2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!(
            (table.len(), table.width(), table.row(1)),
            (3, 2, &[3.0, 4.0][..])
        );
        assert_eq!(
            table.iter().map(|row| row[0]).collect::<Vec<_>>(),
            [1.0, 3.0, 5.0]
        );
        let dataset = Dataset {
            labels: Some(vec![7, 8, 9]),
            ..Dataset::new("a", table)
        };
        let selected = dataset.select(&[2, 0]);
        assert_eq!(selected.table.values(), [5.0, 6.0, 1.0, 2.0]);
        assert_eq!(selected.labels.unwrap(), [9, 7]);
        assert_eq!(dataset.select(&[]).table.len(), 0);
        let mut table = dataset.table;
        table.keep(&[0, 2]);
        assert_eq!(table.values(), [1.0, 2.0, 5.0, 6.0]);
        assert_eq!((table.take().len(), table.len()), (2, 0));
    }

    #[test]
    fn values_that_do_not_make_rows_are_refused() {
        for (width, values) in [(0, 0), (0, 4), (3, 4)] {
            assert_eq!(
                Table::new(width, vec![0.0; values])
                    .unwrap_err()
                    .to_string(),
                format!(
                    "{values} values do not make whole rows of {width}; give a multiple of the width"
                )
            );
        }
    }

    #[test]
    fn a_column_without_a_name_is_counted_from_one() {
        let table = Table::new(3, vec![0.0; 3]).unwrap();
        let mut dataset = Dataset::new("a", table).named(["flow", "", "head"]);
        assert_eq!(
            [0, 1, 2].map(|index| dataset.column_name(index)),
            ["flow", "column 2", "head"]
        );
        dataset.columns = None;
        assert_eq!(dataset.column_name(0), "column 1");
    }

    fn table() -> Table {
        Table::new(3, vec![1.0, 5.0, -2.0, 3.0, 5.0, 4.5]).unwrap()
    }

    #[test]
    fn moments_of_two_rows() {
        let moments = column_mean_std(&table(), None);
        assert_eq!(moments.mean, [2.0, 5.0, 1.25]);
        assert_eq!(moments.standard_deviation, [1.0, 0.0, 3.25]);
    }

    #[test]
    fn a_small_spread_on_a_large_offset_survives() {
        // Exact in f32: 2^23 and its neighbours.
        let moments = column_mean_std(
            &Table::new(1, vec![8388607.0, 8388608.0, 8388609.0]).unwrap(),
            None,
        );
        assert_eq!(moments.mean, [8388608.0]);
        assert_eq!(moments.standard_deviation, [(2.0f64 / 3.0).sqrt()]);
    }

    #[test]
    fn constant_columns_come_with_their_value() {
        assert_eq!(constant_columns(&table()), [(1, 5.0)]);
        assert_eq!(
            constant_columns(&table().select(&[0])),
            [(0, 1.0), (1, 5.0), (2, -2.0)]
        );
    }

    #[test]
    fn whole_numbers_and_range() {
        assert!(!is_integer(&table()));
        assert!(is_integer(&table().select(&[0])));
        assert_eq!(range(&table()), Some((-2.0, 5.0)));
    }

    #[test]
    fn a_table_without_rows_has_no_surprises() {
        let empty = table().select(&[]);
        assert_eq!(
            column_mean_std(&empty, None),
            ColumnMoments {
                mean: vec![0.0; 3],
                standard_deviation: vec![0.0; 3]
            }
        );
        assert_eq!(constant_columns(&empty), []);
        assert_eq!(range(&empty), None);
        assert!(is_integer(&empty));
    }
}
