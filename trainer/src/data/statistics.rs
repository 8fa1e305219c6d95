//! What the trainer asks of a table before it chooses scales and likelihoods.

use super::table::Table;

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
