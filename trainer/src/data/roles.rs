//! What the columns of a file are: readings, conditions, labels, times, groups, or nothing to learn from.
//!
//! A role is said by name or number, or guessed where it is obvious; every guess is one line that names the option
//! which changes it.

use super::error::DataError;
use super::frame::{Cells, Column, Frame};
use super::guess::{Assigned, Wanted};
use super::labels::{abnormal, groups};
use super::readings::{dataset, offset};
use super::report::DataReport;
use super::role::{NamedRole, Role, numbers};
use super::sentinels::{self, Sentinels};
use super::table::Dataset;

/// A file with its roles.
#[derive(Clone, Debug)]
pub struct Interpreted {
    /// Readings, conditions last.
    pub dataset: Dataset,
    /// For each row whether it is abnormal, where a column says so.
    pub abnormal: Option<Vec<bool>>,
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
    /// What the file holds, where there is one.
    pub report: Option<DataReport>,
    /// What was assumed, one line each.
    pub notes: Vec<String>,
    /// What was assumed and may well be wrong.
    pub doubts: Vec<String>,
}

impl Interpreted {
    /// Readings of which all is known.
    pub fn of_readings(dataset: Dataset, abnormal: Option<Vec<bool>>) -> Self {
        Self {
            dataset,
            abnormal,
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
}

/// What the columns of `frame` are, by `wanted` and by what is obvious. With `labelled`, labels come from elsewhere.
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
    for column in 0..frame.columns.len() {
        if assigned.roles[column].is_none() {
            let role = assigned.guess(column, labelled);
            assigned.roles[column] = Some(role);
        }
    }
    let roles = assigned.roles.iter().cloned().enumerate();
    let roles = roles.map(|(column, role)| NamedRole {
        name: frame.columns[column].name.clone().unwrap_or_default(),
        role: role.unwrap_or(Role::Ignored),
        unit: frame.columns[column].unit.clone().unwrap_or_default(),
        offset: 0.0,
        sentinels: vec![],
    });
    let mut roles: Vec<NamedRole> = roles.collect();
    let Assigned {
        mut notes, doubts, ..
    } = assigned;
    notes.extend(mark_sentinels(frame, &mut roles, wanted.sentinels.as_ref()));
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
    let (abnormal, note) = abnormal(frame, &roles, &wanted.normal)?;
    notes.extend(note);
    let (dataset, conditions) = dataset(frame, &roles)?;
    Ok(Interpreted {
        abnormal,
        groups: groups(frame, &roles),
        recordings: frame.recording_of_rows(),
        in_time: roles.iter().any(|named| named.role == Role::Time),
        dataset,
        conditions,
        report: Some(DataReport::new(frame, &roles)),
        rate: frame.rate,
        sampling: sampling(frame, &roles),
        roles,
        notes,
        doubts,
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
    let named = frame.names().is_some() && roles.iter().all(|role| !role.name.is_empty());
    let is_read = |role: &Role| matches!(role, Role::Reading | Role::States(_) | Role::Condition);
    let mut notes = frame.notes.clone();
    let mut matched: Vec<NamedRole> = vec![];
    let mut order: Vec<usize> = vec![];
    if named {
        for role in roles {
            match frame.find(&role.name) {
                Ok(column) => {
                    order.push(column);
                    matched.push(role.clone());
                }
                Err(error) if is_read(&role.role) => return Err(error),
                Err(_) => {}
            }
        }
        if !order.is_sorted() {
            notes.push("columns are put in the order of the training, by their names".into());
        }
        let foreign = (0..frame.columns.len()).filter(|column| !order.contains(column));
        let foreign: Vec<String> = foreign.map(|column| frame.column_name(column)).collect();
        if !foreign.is_empty() {
            notes.push(format!(
                "{} was not there in training and is left out",
                foreign.join(", ")
            ));
        }
    } else if frame.columns.len() == roles.len() {
        order = (0..roles.len()).collect();
        matched = roles.to_vec();
    } else {
        // Readings alone, states as they are or as the numbers that they make.
        matched = roles
            .iter()
            .filter(|role| is_read(&role.role))
            .cloned()
            .collect();
        let made = numbers(roles);
        if made.len() == frame.columns.len() {
            matched = made.into_iter().map(NamedRole::of_number).collect();
        }
        if matched.len() != frame.columns.len() {
            return Err(DataError::Column {
                data: frame.name.clone(),
                fault: format!(
                    "has {} columns, the training data had {}, of which {} are read: give data like those that it was trained for",
                    frame.columns.len(),
                    roles.len(),
                    matched.len()
                ),
            });
        }
        order = (0..matched.len()).collect();
    }
    let (rate, recordings) = (frame.rate, frame.recording_of_rows());
    let columns = order.iter().map(|&column| frame.columns[column].clone());
    let frame = Frame::new(frame.name.clone(), columns.collect());
    notes.extend(other_units(&frame, &matched));
    let (dataset, conditions) = dataset(&frame, &matched)?;
    Ok(Interpreted {
        abnormal: abnormal(&frame, &matched, normal)?.0,
        groups: groups(&frame, &matched),
        recordings,
        in_time: matched.iter().any(|named| named.role == Role::Time),
        dataset,
        conditions,
        rate,
        sampling: rate,
        roles: matched,
        report: None,
        notes,
        doubts: vec![],
    })
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
mod tests {
    use super::*;
    use crate::data::frame::Column;

    fn numbers(name: Option<&str>, cells: impl Iterator<Item = f64>) -> Column {
        Column {
            name: name.map(str::to_owned),
            unit: None,
            cells: Cells::Numbers(cells.collect()),
            fault: None,
        }
    }

    fn text(name: &str, cells: &[&str]) -> Column {
        let mut values: Vec<String> = vec![];
        let codes = cells.iter().map(|cell| {
            let at = values.iter().position(|value| value == cell);
            Some(at.unwrap_or_else(|| {
                values.push((*cell).to_owned());
                values.len() - 1
            }) as u32)
        });
        let codes = codes.collect();
        Column {
            name: Some(name.to_owned()),
            unit: None,
            cells: Cells::Text { values, codes },
            fault: None,
        }
    }

    fn frame(columns: Vec<Column>) -> Frame {
        Frame::new("pump".into(), columns)
    }

    fn roles(frame: &Frame) -> Vec<Role> {
        let interpreted = interpret(frame, &Wanted::default(), false).unwrap();
        interpreted
            .roles
            .into_iter()
            .map(|named| named.role)
            .collect()
    }

    const ROWS: usize = 40;

    fn wave(name: Option<&str>, phase: f64) -> Column {
        numbers(
            name,
            (0..ROWS).map(move |row| (row as f64 * 0.7 + phase).sin()),
        )
    }

    fn whole(name: Option<&str>, of: fn(usize) -> usize) -> Column {
        numbers(name, (0..ROWS).map(move |row| of(row) as f64))
    }

    #[test]
    fn labels_are_known_by_their_names_and_values() {
        let labels = |name| {
            frame(vec![
                wave(Some("flow"), 0.0),
                whole(Some(name), |row| usize::from(row % 9 == 0)),
            ])
        };
        assert_eq!(roles(&labels("Anomaly")), [Role::Reading, Role::Label]);
        // Flags of a machine are readings.
        assert_eq!(roles(&labels("pump_on")), [Role::Reading, Role::Reading]);
        // A label has few whole values; a second one is left out.
        let real = frame(vec![wave(Some("flow"), 0.0), wave(Some("target"), 1.0)]);
        assert_eq!(roles(&real), [Role::Reading, Role::Reading]);
        let two = frame(vec![
            wave(Some("flow"), 0.0),
            whole(Some("fault"), |row| row % 2),
            whole(Some("class"), |row| row % 3),
        ]);
        assert_eq!(roles(&two), [Role::Reading, Role::Label, Role::Ignored]);
    }

    #[test]
    fn the_class_of_a_file_without_names_stands_first_or_last() {
        let class = || whole(None, |row| row % 5 + 1);
        let first = frame(vec![class(), wave(None, 0.0), wave(None, 1.0)]);
        assert_eq!(roles(&first), [Role::Label, Role::Reading, Role::Reading]);
        let counts = frame(vec![class(), whole(None, |row| row * 7 % 11)]);
        assert_eq!(roles(&counts), [Role::Reading, Role::Reading]);
        let middle = frame(vec![wave(None, 0.0), class(), wave(None, 1.0)]);
        assert_eq!(
            roles(&middle),
            [Role::Reading, Role::Reading, Role::Reading]
        );
    }

    #[test]
    fn what_counts_up_is_left_out_and_what_ascends_evenly_is_time() {
        let index = frame(vec![whole(None, |row| row + 17), wave(None, 0.0)]);
        assert_eq!(roles(&index), [Role::Ignored, Role::Reading]);
        let even = || (0..ROWS).map(|row| 0.0025 * row as f64);
        let clock = frame(vec![numbers(None, even()), wave(None, 0.0)]);
        assert_eq!(roles(&clock), [Role::Time, Role::Reading]);
        // A named one may stand still and jump.
        let uneven = |name| {
            frame(vec![
                whole(Some(name), |row| (row / 2) * (row / 2)),
                wave(Some("flow"), 0.0),
            ])
        };
        assert_eq!(roles(&uneven("t_s")), [Role::Time, Role::Reading]);
        assert_eq!(roles(&uneven("energy_kwh")), [Role::Reading, Role::Reading]);
    }

    #[test]
    fn text_is_states_names_or_labels() {
        let ids: Vec<String> = (0..ROWS).map(|row| format!("M{row}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let states: Vec<&str> = (0..ROWS)
            .map(|row| ["on", "off", "idle"][row % 3])
            .collect();
        let labels: Vec<&str> = (0..ROWS)
            .map(|row| ["fault", "OK"][usize::from(row > 3)])
            .collect();
        let frame = frame(vec![
            text("id", &ids),
            text("state", &states),
            wave(Some("flow"), 0.0),
            text("class", &labels),
        ]);
        let interpreted = interpret(&frame, &Wanted::default(), false).unwrap();
        let names = interpreted.dataset.columns.clone().unwrap();
        assert_eq!(names, ["state=on", "state=off", "state=idle", "flow"]);
        assert_eq!(interpreted.dataset.table.row(1)[..3], [0.0, 1.0, 0.0]);
        let abnormal = interpreted.abnormal.unwrap();
        assert_eq!((abnormal[3], abnormal[4]), (true, false));
        assert_eq!(interpreted.doubts.len(), 1);
        assert!(
            interpreted
                .notes
                .iter()
                .any(|note| note == "OK is the label of normal rows (--normal)")
        );
        assert!(
            interpreted
                .notes
                .iter()
                .any(|note| note.contains("--ignore state"))
        );
    }

    #[test]
    fn what_is_said_goes_before_what_is_guessed() {
        let frame = frame(vec![
            whole(Some("n"), |row| row),
            wave(Some("flow"), 0.0),
            wave(Some("speed"), 1.0),
            whole(Some("class"), |row| row % 2),
            wave(Some("raw_1"), 2.0),
            wave(Some("raw_2"), 3.0),
            whole(Some("machine"), |row| row / 10),
        ]);
        let list = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let wanted = Wanted {
            reading: list(&["n", "4"]),
            condition: list(&["SPEED"]),
            ignore: list(&["raw_*"]),
            group: Some("machine".into()),
            ..Wanted::default()
        };
        let interpreted = interpret(&frame, &wanted, false).unwrap();
        // Conditions stand last.
        assert_eq!(
            interpreted.dataset.columns.unwrap(),
            ["n", "flow", "class", "speed"]
        );
        assert_eq!((interpreted.conditions, interpreted.abnormal), (1, None));
        assert_eq!(interpreted.groups.unwrap()[9..11], [0, 1]);
        let unknown = Wanted {
            label: Some("fault".into()),
            ..Wanted::default()
        };
        let error = interpret(&frame, &unknown, false).unwrap_err().to_string();
        assert!(
            error.contains("no column \"fault\"; its columns are n, flow, speed"),
            "{error}"
        );
    }

    #[test]
    fn scored_files_are_matched_by_name() {
        let trained = frame(vec![wave(Some("flow"), 0.0), wave(Some("head"), 1.0)]);
        let roles = interpret(&trained, &Wanted::default(), false)
            .unwrap()
            .roles;
        let swapped = frame(vec![
            wave(Some("head"), 1.0),
            wave(Some("new"), 2.0),
            wave(Some("flow"), 0.0),
        ]);
        let scored = interpret_like(&swapped, &roles, &[]).unwrap();
        assert_eq!(scored.dataset.columns.unwrap(), ["flow", "head"]);
        assert_eq!(scored.dataset.table.row(0)[0], 0.0);
        assert_eq!(scored.notes.len(), 2);
        let lacking = frame(vec![wave(Some("flow"), 0.0)]);
        let error = interpret_like(&lacking, &roles, &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("pump has no column \"head\""), "{error}");
        // Without names, by their order.
        let unnamed = frame(vec![wave(None, 0.0), wave(None, 1.0)]);
        assert_eq!(
            interpret_like(&unnamed, &roles, &[])
                .unwrap()
                .dataset
                .table
                .width(),
            2
        );
    }

    #[test]
    fn missing_values_stand_at_the_median_and_are_told() {
        let cells = [1.0, f64::NAN, 4.0, 2.0].into_iter();
        let frame = frame(vec![numbers(Some("flow"), cells)]);
        let dataset = interpret(&frame, &Wanted::default(), false)
            .unwrap()
            .dataset;
        assert_eq!(dataset.table.values(), [1.0, 2.0, 4.0, 2.0]);
        assert_eq!(
            dataset.observed.as_ref().unwrap(),
            &[true, false, true, true]
        );
        assert_eq!(dataset.first_gap(), Some((1, 0)));
    }
}
