//! The numbers of readings, from the cells of columns with roles.

use super::role::{NamedRole, Role, numbers};
use crate::data::error::DataError;
use crate::data::frame::{Cells, Frame};
use crate::data::table::{Dataset, Table};

/// The columns of `frame` that are read, conditions last, and how many of them are conditions.
pub(super) fn dataset(frame: &Frame, roles: &[NamedRole]) -> Result<(Dataset, usize), DataError> {
    let mut columns: Vec<(String, Vec<f32>)> = vec![];
    let mut conditions: Vec<(String, Vec<f32>)> = vec![];
    for (column, named) in roles.iter().enumerate() {
        let made = made_of(frame, column, named)?;
        match named.role {
            Role::Condition => conditions.extend(made),
            _ => columns.extend(made),
        }
    }
    if columns.is_empty() {
        return Err(frame.fault("no column is left to learn from; say --reading NAME of one"));
    }
    let count = conditions.len();
    columns.extend(conditions);
    // What is left of columns without names is known by its number in the file.
    let has_states = || {
        roles
            .iter()
            .any(|named| matches!(named.role, Role::States(_)))
    };
    let named =
        frame.names().is_some() || columns.len() != roles.len() || count > 0 || has_states();
    let medians: Vec<f32> = columns.iter().map(|(_, cells)| median(cells)).collect();
    let cells =
        || (0..frame.rows()).flat_map(|row| columns.iter().map(move |(_, cells)| cells[row]));
    let filled = cells().zip(medians.iter().cycle());
    let filled = filled.map(|(value, &median)| if value.is_nan() { median } else { value });
    let table = Table::new(columns.len(), filled.collect())?;
    let mut dataset = Dataset::new(&frame.name, table);
    dataset.first_row = frame.first_row;
    let gaps = cells().any(f32::is_nan);
    dataset.observed = gaps.then(|| cells().map(|value| !value.is_nan()).collect());
    dataset.columns = named.then(|| columns.into_iter().map(|(name, _)| name).collect());
    let offsets = numbers(roles).into_iter().map(|number| number.offset);
    dataset.offsets = offsets.collect();
    Ok((dataset, count))
}

/// The numbers of readings that a column makes, each with its name: one, one for each state, or none.
fn made_of(
    frame: &Frame,
    column: usize,
    named: &NamedRole,
) -> Result<Vec<(String, Vec<f32>)>, DataError> {
    let name = frame.column_name(column);
    let of_state = |state: &String, cells: Vec<f32>| (format!("{name}={state}"), cells);
    let cell = |there: bool, is: bool| {
        if there {
            f32::from(u8::from(is))
        } else {
            f32::NAN
        }
    };
    Ok(match (&named.role, &frame.columns[column].cells) {
        (Role::Label | Role::Time | Role::Group | Role::Ignored, _) => vec![],
        (Role::Reading | Role::Condition, Cells::Numbers(numbers) | Cells::Times(numbers)) => {
            vec![(name, narrow(frame, column, named, numbers)?)]
        }
        (Role::States(states), Cells::Text { values, codes }) => {
            let column = |state: &String| {
                let code = values.iter().position(|value| value == state);
                let is = |own: u32| code == Some(own as usize);
                let cells = codes
                    .iter()
                    .map(|own| cell(own.is_some(), own.is_some_and(is)));
                of_state(state, cells.collect())
            };
            states.iter().map(column).collect()
        }
        (Role::States(states), Cells::Numbers(numbers)) => {
            let column = |state: &String| {
                let value = state.parse::<f64>().ok();
                let cells = numbers.iter();
                let cells = cells.map(|number| cell(!number.is_nan(), value == Some(*number)));
                of_state(state, cells.collect())
            };
            states.iter().map(column).collect()
        }
        (_, cells) => {
            return Err(frame.fault(format!(
                "{name} is {}, not what it was in training or is to be; correct the column",
                cells.kind()
            )));
        }
    })
}

/// What stands where a value of a column is missing: the middle one of what is there, the lower of two; 0 of nothing, and
/// where nothing is missing.
fn median(cells: &[f32]) -> f32 {
    let there = cells.iter().copied().filter(|cell| !cell.is_nan());
    let mut there: Vec<f32> = there.collect();
    if there.is_empty() || there.len() == cells.len() {
        return 0.0;
    }
    let middle = (there.len() - 1) / 2;
    *there.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// How many times as far from zero as they spread values may be before they get an offset: 16 bits over their
/// magnitude then still make 64 steps of a standard deviation.
const FAR: f64 = 64.0;

/// The offset of a column that moves so little around something large that 16 bits over its magnitude would hardly
/// resolve it: a multiple of a power of two near its middle. None where 16 bits do.
pub(super) fn offset(numbers: &[f64], sentinels: &[f64]) -> Option<f64> {
    let is_there = |number: &f64| number.is_finite() && !sentinels.contains(number);
    let there = || numbers.iter().copied().filter(is_there);
    let count = there().count() as f64;
    let mean = there().sum::<f64>() / count;
    let variance = there().map(|number| (number - mean).powi(2)).sum::<f64>() / count;
    let reach = there()
        .map(|number| (number - mean).abs())
        .fold(0.0, f64::max);
    let (low, high) = (mean - reach, mean + reach);
    let whole = low >= -32768.0 && high <= 32767.0 && there().all(|number| number.fract() == 0.0);
    // An outlier that needs the range, whole numbers that 16 bits hold as they are, and constants stay.
    if !(variance > 0.0 && mean.abs() > FAR * variance.sqrt() && mean.abs() > 4.0 * reach) || whole
    {
        return None;
    }
    let step = 2f64.powi(reach.log2().floor() as i32 - 1);
    Some((mean / step).round() * step).filter(|offset| offset.is_finite())
}

/// The numbers of a column as readings take them: less its offset, its sentinels as what is missing.
fn narrow(
    frame: &Frame,
    column: usize,
    named: &NamedRole,
    numbers: &[f64],
) -> Result<Vec<f32>, DataError> {
    if let Some(wrong) = &frame.columns[column].fault {
        let name = frame.column_name(column);
        return Err(frame.fault(format!(
            "{wrong}, or leave the column out by --ignore {name}"
        )));
    }
    let narrowed = numbers.iter().map(|&number| match number {
        number if named.sentinels.contains(&number) => f32::NAN,
        number => (number - named.offset) as f32,
    });
    let narrowed: Vec<f32> = narrowed.collect();
    match narrowed.iter().position(|number| number.is_infinite()) {
        Some(row) => Err(frame.fault(format!(
            "{} of row {} is {}, which does not fit 32-bit floating point (largest 3.4e38); scale the column down",
            frame.column_name(column),
            frame.first_row + row + 1,
            numbers[row]
        ))),
        None => Ok(narrowed),
    }
}
