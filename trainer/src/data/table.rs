//! Rows of readings, and a table with what is known about it.

use std::ops::Range;
use std::slice::ChunksExact;

use super::error::DataError;

/// Readings, one a row, all of one width.
///
/// The values of a loaded table are finite and it has at least one row; a selection may have none.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    width: usize,
    values: Vec<f32>,
}

impl Table {
    /// Makes a table of `values`, row after row of `width` values.
    ///
    /// # Errors
    ///
    /// [`DataError::TableShape`] if the width is zero or the values do not make whole rows.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Self, DataError> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(DataError::TableShape {
                width,
                values: values.len(),
            });
        }
        Ok(Self { width, values })
    }

    /// Values a row, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// The values of row `index`, counted from 0.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..][..self.width]
    }

    /// All rows in order.
    pub fn iter(&self) -> ChunksExact<'_, f32> {
        self.values.chunks_exact(self.width)
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values without the table, row after row.
    pub fn into_values(self) -> Vec<f32> {
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

    /// Leaves the rows with these indices, which ascend, where they are in memory: what [`Table::select`] gives,
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

impl<'a> IntoIterator for &'a Table {
    type Item = &'a [f32];
    type IntoIter = ChunksExact<'a, f32>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A table with its name and, where they are known, the names of its columns and a label for each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// What reports call it: the file's name without its extension, or `digits:train` and the like.
    pub name: String,
    /// One name a column, if the file has a header.
    pub columns: Option<Vec<String>>,
    /// The readings.
    pub table: Table,
    /// One label a row.
    pub labels: Option<Vec<u32>>,
    /// Which values are there, row after row; none where all are. The others stand at the median of their column.
    pub observed: Option<Vec<bool>>,
    /// What was subtracted from the values of each column; empty where nothing was of any.
    pub offsets: Vec<f64>,
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
        }
    }

    /// What `value` of the table stands for in column `index` of the data.
    pub fn value(&self, index: usize, value: f32) -> f64 {
        f64::from(value) + self.offsets.get(index).copied().unwrap_or(0.0)
    }

    /// The columns `range`, at least one of those there are, without labels.
    ///
    /// # Errors
    ///
    /// [`DataError::TableShape`] of no columns.
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
        Ok(Self {
            name: self.name.clone(),
            columns: names,
            table: Table::new(range.len(), values.copied().collect())?,
            labels: None,
            observed: None,
            offsets: self.offsets.get(range).unwrap_or_default().to_vec(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_selected_with_their_labels() {
        let table = Table::new(2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!(
            (table.rows(), table.width(), table.row(1)),
            (3, 2, &[3.0, 4.0][..])
        );
        assert_eq!(
            table.iter().map(|row| row[0]).collect::<Vec<_>>(),
            [1.0, 3.0, 5.0]
        );
        let dataset = Dataset {
            name: "a".into(),
            columns: None,
            table,
            labels: Some(vec![7, 8, 9]),
            observed: None,
            offsets: vec![],
        };
        let selected = dataset.select(&[2, 0]);
        assert_eq!(selected.table.values(), [5.0, 6.0, 1.0, 2.0]);
        assert_eq!(selected.labels.unwrap(), [9, 7]);
        assert_eq!(dataset.select(&[]).table.rows(), 0);
        let mut table = dataset.table;
        table.keep(&[0, 2]);
        assert_eq!(table.values(), [1.0, 2.0, 5.0, 6.0]);
        assert_eq!((table.take().rows(), table.rows()), (2, 0));
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
        let columns = Some(vec!["flow".into(), String::new(), "head".into()]);
        let mut dataset = Dataset {
            name: "a".into(),
            columns,
            table,
            labels: None,
            observed: None,
            offsets: vec![],
        };
        assert_eq!(
            [0, 1, 2].map(|index| dataset.column_name(index)),
            ["flow", "column 2", "head"]
        );
        dataset.columns = None;
        assert_eq!(dataset.column_name(0), "column 1");
    }
}
