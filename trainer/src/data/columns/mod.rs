//! Roles of the columns of a file: readings, conditions, labels, times, groups, or nothing to learn from.
//!
//! A role is said by name or number, or guessed where it is obvious; every guess is one line that names the option
//! which changes it.

mod guess;
mod labels;
pub(super) mod role;
mod sentinels;
mod values;

use super::error::DataError;
use super::frame::{Cells, Column, Frame};
use super::report::DataReport;
use super::table::Dataset;
use guess::Assigned;
pub use guess::Wanted;
pub(crate) use guess::fits;
pub(super) use labels::labels;
use labels::{anomalous, groups};
pub use role::{NamedRole, Number, Role, all_readings, numbers};
pub use sentinels::Sentinels;
use values::{dataset, offset};

/// A file with its roles.
#[derive(Clone, Debug)]
pub struct Interpreted {
    /// Readings, conditions last.
    pub dataset: Dataset,
    /// For each row whether it is anomalous, where a column says so.
    pub anomalous: Option<Vec<bool>>,
    /// For each row its group, where a column says so.
    pub groups: Option<Vec<u32>>,
    /// For each row its recording, where there are several, one behind the other.
    pub recordings: Option<Vec<u32>>,
    /// Whether the rows follow each other in time.
    pub in_time: bool,
    /// Columns of the dataset, the last ones, that are conditions.
    pub conditions: usize,
    /// Samples a second, where the file says that its rows are samples of signals.
    pub rate: Option<f64>,
    /// Samples a second: that rate, or what a column of times says.
    pub sampling: Option<f64>,
    /// The roles of all columns.
    pub roles: Vec<NamedRole>,
    /// The report on the file, where there is one.
    pub report: Option<DataReport>,
    /// The assumptions, one line each.
    pub notes: Vec<String>,
    /// Assumptions that may well be wrong.
    pub doubts: Vec<String>,
}

impl Interpreted {
    /// Readings of which all is known.
    pub fn of_readings(dataset: Dataset, anomalous: Option<Vec<bool>>) -> Self {
        Self {
            dataset,
            anomalous,
            groups: None,
            recordings: None,
            in_time: false,
            conditions: 0,
            rate: None,
            sampling: None,
            roles: vec![],
            report: None,
            notes: vec![],
            doubts: vec![],
        }
    }

    /// The readings of `frame`, whose columns are in these roles; `normal` are the labels of normal rows.
    fn of(
        frame: &Frame,
        roles: Vec<NamedRole>,
        normal: &[String],
        mut notes: Vec<String>,
    ) -> Result<Self, DataError> {
        let labels = anomalous(frame, &roles, normal)?;
        let (anomalous, note) = labels.unzip();
        notes.extend(note.flatten());
        let (dataset, conditions) = dataset(frame, &roles)?;
        Ok(Self {
            anomalous,
            groups: groups(frame, &roles),
            recordings: frame.recording_of_rows(),
            in_time: roles.iter().any(|named| named.role == Role::Time),
            conditions,
            rate: frame.rate,
            sampling: sampling(frame, &roles),
            roles,
            notes,
            ..Self::of_readings(dataset, None)
        })
    }
}

/// Gives the columns of `frame` roles, by `wanted` and by what is obvious. With `labelled`, labels come from elsewhere.
///
/// # Errors
/// [`DataError`] where a column that is asked for is not there or cannot be what it is to be, or where no reading is left.
pub fn interpret(frame: &Frame, wanted: &Wanted, labelled: bool) -> Result<Interpreted, DataError> {
    let mut assigned = Assigned {
        frame,
        wanted,
        roles: vec![None; frame.columns.len()],
        notes: frame.notes.clone(),
        doubts: vec![],
    };
    assigned.as_wanted()?;
    let columns = frame.columns.iter().enumerate();
    let roles = columns.map(|(at, column)| NamedRole {
        unit: column.unit.clone().unwrap_or_default(),
        ..NamedRole::new(column.name.as_deref(), assigned.role(at, labelled))
    });
    let mut roles: Vec<NamedRole> = roles.collect();
    let Assigned {
        mut notes, doubts, ..
    } = assigned;
    notes.extend(mark_sentinels(frame, &mut roles, wanted.sentinels.as_ref()));
    notes.extend(mark_offsets(frame, &mut roles));
    let report = DataReport::new(frame, &roles);
    Ok(Interpreted {
        report: Some(report),
        doubts,
        ..Interpreted::of(frame, roles, &wanted.normal, notes)?
    })
}

/// The readings of `frame`, whose columns are those of `roles` by their names, or by their order where there are none; `normal` are
/// the labels of normal rows.
///
/// # Errors
/// [`DataError`] where a column is missing, or cannot be what it is to be.
pub fn interpret_like(
    frame: &Frame,
    roles: &[NamedRole],
    normal: &[String],
) -> Result<Interpreted, DataError> {
    let mut notes = frame.notes.clone();
    let matched = if frame.names().is_some() && roles.iter().all(|role| !role.name.is_empty()) {
        by_name(frame, roles, &mut notes)?
    } else {
        by_order(frame, roles)?
    };
    let (order, roles): (Vec<usize>, Vec<NamedRole>) = matched.into_iter().unzip();
    let columns = order.iter().map(|&column| frame.columns[column].clone());
    let (rate, recordings) = (frame.rate, frame.recording_of_rows());
    let frame = Frame {
        first_row: frame.first_row,
        ..Frame::new(frame.name.clone(), columns.collect())
    };
    notes.extend(other_units(&frame, &roles));
    let told = notes.len();
    let mut interpreted = Interpreted::of(&frame, roles, normal, notes)?;
    // What training said of labels it does not say again.
    interpreted.notes.truncate(told);
    Ok(Interpreted {
        recordings,
        rate,
        sampling: rate,
        ..interpreted
    })
}

/// Whether a column in this role is read.
fn is_read(role: &NamedRole) -> bool {
    matches!(role.role, Role::Reading | Role::States(_) | Role::Condition)
}

/// For each of `roles` the column of `frame` that has its name.
fn by_name(
    frame: &Frame,
    roles: &[NamedRole],
    notes: &mut Vec<String>,
) -> Result<Vec<(usize, NamedRole)>, DataError> {
    let mut matched: Vec<(usize, NamedRole)> = vec![];
    for role in roles {
        match frame.find(&role.name) {
            Ok(column) => matched.push((column, role.clone())),
            Err(error) if is_read(role) => return Err(error),
            Err(_) => {}
        }
    }
    if !matched.is_sorted_by_key(|(column, _)| *column) {
        notes.push("columns are put in the order of the training, by their names".into());
    }
    let is_foreign = |column: &usize| matched.iter().all(|(known, _)| known != column);
    let foreign = (0..frame.columns.len()).filter(is_foreign);
    let foreign: Vec<String> = foreign.map(|column| frame.column_name(column)).collect();
    if !foreign.is_empty() {
        notes.push(format!(
            "{} was not there in training and is left out",
            foreign.join(", ")
        ));
    }
    Ok(matched)
}

/// For each column of `frame` its role by its place: that of `roles`, or a number of the readings that they make.
fn by_order(frame: &Frame, roles: &[NamedRole]) -> Result<Vec<(usize, NamedRole)>, DataError> {
    let columns = frame.columns.len();
    let mut matched = roles.to_vec();
    if columns != roles.len() {
        // Readings alone, states as they are or as the numbers that they make.
        matched.retain(is_read);
        let made = numbers(roles);
        if made.len() == columns {
            matched = made.into_iter().map(NamedRole::of_number).collect();
        }
    }
    if matched.len() != columns {
        return Err(frame.fault(format!(
            "has {columns} columns, the training data had {}, of which {} are read: give data like those that it was trained for",
            roles.len(),
            matched.len()
        )));
    }
    Ok((0..).zip(matched).collect())
}

/// Says of the columns of numbers that are read which offset is subtracted from them, with a line on each that has one.
fn mark_offsets(frame: &Frame, roles: &mut [NamedRole]) -> Vec<String> {
    let mut notes = vec![];
    for (column, named) in roles.iter_mut().enumerate() {
        if let (Role::Reading | Role::Condition, Cells::Numbers(numbers)) =
            (&named.role, &frame.columns[column].cells)
            && let Some(offset) = offset(numbers, &named.sentinels)
        {
            named.offset = offset;
            let name = frame.column_name(column);
            notes.push(format!(
                "{name} moves little around {offset}, which is subtracted from it on the device too"
            ));
        }
    }
    notes
}

/// A line on each column that is read and has another unit than in training.
fn other_units(frame: &Frame, roles: &[NamedRole]) -> Vec<String> {
    let columns = roles.iter().zip(&frame.columns).enumerate();
    let line = |(column, (named, own)): (usize, (&NamedRole, &Column))| {
        let unit = own.unit.as_deref().unwrap_or_default();
        let differs = !unit.is_empty() && !named.unit.is_empty() && unit != named.unit;
        let is_read = matches!(named.role, Role::Reading | Role::Condition);
        (differs && is_read).then(|| {
            format!(
                "{} is in {unit}, in training it was in {}: convert it, or correct the header",
                frame.column_name(column),
                named.unit
            )
        })
    };
    columns.filter_map(line).collect()
}

/// Samples a second of a frame: its rate, or one over the middle one of the steps of its times in seconds.
fn sampling(frame: &Frame, roles: &[NamedRole]) -> Option<f64> {
    let mut columns = roles.iter().zip(&frame.columns);
    let times = columns.find_map(|(named, column)| match (&named.role, &column.cells) {
        (Role::Time, Cells::Times(times)) => Some(times),
        _ => None,
    });
    frame.rate.or_else(|| {
        let steps = frame.following(times?).windows(2);
        let steps = steps.map(|pair| pair[1] - pair[0]);
        let mut steps: Vec<f64> = steps.filter(|&step| step > 0.0).collect();
        steps.sort_unstable_by(f64::total_cmp);
        Some(1.0 / steps.get(steps.len() / 2)?)
    })
}

/// Says of the columns of numbers that are read which numbers are no value: those that are `wanted`, or those that
/// obviously are none, with a line on each.
fn mark_sentinels(
    frame: &Frame,
    roles: &mut [NamedRole],
    wanted: Option<&Sentinels>,
) -> Vec<String> {
    let is_read = |named: &NamedRole| matches!(named.role, Role::Reading | Role::Condition);
    let read: Vec<usize> = (0..roles.len())
        .filter(|&column| is_read(&roles[column]))
        .collect();
    if let Some(wanted) = wanted {
        for column in read {
            roles[column].sentinels.clone_from(&wanted.0);
        }
        return vec![];
    }
    // Samples of signals swing through all numbers.
    if frame.rate.is_some() {
        return vec![];
    }
    let found = sentinels::find(frame, &read);
    for found in &found {
        for &column in &found.columns {
            roles[column].sentinels.push(found.value);
        }
    }
    found.iter().map(|found| found.note(frame)).collect()
}

#[cfg(test)]
mod tests;
