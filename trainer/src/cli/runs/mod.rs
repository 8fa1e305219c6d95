//! Commands on several runs.

mod compare;
mod list;
mod sweep;

pub(super) use compare::Arguments as Compare;
pub(super) use list::Arguments as List;
pub(super) use sweep::Arguments as Sweep;

pub(super) use compare::run as compare;
pub(super) use list::run as list;
pub(super) use sweep::run as sweep;

/// Rows as lines whose columns stand below each other: the first to the left, numbers to the right.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(at, (cell, &width))| match at {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
