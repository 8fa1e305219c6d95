//! What the columns of a file are: readings, conditions, labels, times, groups, or nothing to learn from.
//!
//! A role is said by name or number, or guessed where it is obvious; every guess is one line that names the option
//! which changes it.

use super::error::DataError;
use super::frame::{Cells, Column, Frame};
use super::report::DataReport;
use super::role::{NamedRole, Role, numbers};
use super::sentinels::{self, Sentinels};
use super::table::{Dataset, Table};
use std::collections::BTreeSet;

/// What a user says of the columns; each a name or a number, counted from 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The column of labels.
    pub label: Option<String>,
    /// The labels of normal rows; all others are abnormal.
    pub normal: Vec<String>,
    /// The columns of times.
    pub time: Vec<String>,
    /// The column of groups.
    pub group: Option<String>,
    /// Columns that are left out; `*` stands for any characters.
    pub ignore: Vec<String>,
    /// Columns that are conditions.
    pub condition: Vec<String>,
    /// Columns that are readings whatever they look like.
    pub reading: Vec<String>,
    /// Columns that are one of a few states, numbers too; `*` stands for any characters.
    pub states: Vec<String>,
    /// Numbers that are no value in any column; those that obviously are none where nobody says.
    pub sentinels: Option<Sentinels>,
}

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

/// Names of labels, in lower case.
const LABELS: [&str; 19] = [
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
    "machine failure",
    "attack",
    "is_anomaly",
    "is_abnormal",
    "is_outlier",
    "ground_truth",
    "changepoint",
    "changepoints",
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
/// Labels of normal rows, in lower case.
const NORMAL: [&str; 14] = [
    "0",
    "0.0",
    "normal",
    "ok",
    "good",
    "none",
    "healthy",
    "no",
    "false",
    "benign",
    "regular",
    "pass",
    "nominal",
    "no_failure",
];
/// Different values of a label or of a state, at most.
const CLASSES: usize = 20;
/// Different values of a column that is said to be a state, at most.
const MOST_STATES: usize = 64;
/// Rows from which on an order of values is no accident.
const FEWEST_ROWS: usize = 8;
/// How far the steps of an unnamed clock are from their mean, at most, relative to it.
const JITTER: f64 = 0.5;
/// The part of the rows that have text of their own in a column that names them.
const DISTINCT: f64 = 0.5;

/// The roles of a frame on the way.
struct Assigned<'a> {
    frame: &'a Frame,
    wanted: &'a Wanted,
    roles: Vec<Option<Role>>,
    notes: Vec<String>,
    doubts: Vec<String>,
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
                file: frame.name.clone(),
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

impl Assigned<'_> {
    /// The roles that a user said.
    fn as_wanted(&mut self) -> Result<(), DataError> {
        let wanted = self.wanted;
        let one = |names: &Option<String>| names.iter().cloned().collect::<Vec<_>>();
        for (names, role) in [
            (one(&wanted.label), Role::Label),
            (wanted.time.clone(), Role::Time),
            (one(&wanted.group), Role::Group),
            (wanted.condition.clone(), Role::Condition),
            (wanted.reading.clone(), Role::Reading),
        ] {
            for name in names {
                let column = self.frame.find(&name)?;
                self.roles[column] = Some(self.fitting(column, role.clone()));
            }
        }
        for pattern in &wanted.ignore {
            for column in self.named(pattern)? {
                self.roles[column] = Some(Role::Ignored);
            }
        }
        for pattern in &wanted.states {
            for column in self.named(pattern)? {
                self.roles[column] = Some(Role::States(self.states(column)?));
            }
        }
        Ok(())
    }

    /// The columns whose names fit a pattern, or the one that has this name or number.
    fn named(&self, pattern: &str) -> Result<Vec<usize>, DataError> {
        let is_meant = |&column: &usize| {
            let name = self.frame.columns[column].name.as_deref();
            pattern.contains('*') && fits(pattern, name.unwrap_or_default())
        };
        let named: Vec<usize> = (0..self.frame.columns.len()).filter(is_meant).collect();
        match named.is_empty() {
            true => Ok(vec![self.frame.find(pattern)?]),
            false => Ok(named),
        }
    }

    /// The values of a column that is said to be a state.
    fn states(&self, column: usize) -> Result<Vec<String>, DataError> {
        let values = match &self.frame.columns[column].cells {
            Cells::Text { values, .. } => values.clone(),
            Cells::Numbers(numbers) | Cells::Times(numbers) => {
                let there = numbers.iter().copied().filter(|number| !number.is_nan());
                let mut values: Vec<f64> = there.collect();
                values.sort_unstable_by(f64::total_cmp);
                values.dedup();
                values.iter().map(f64::to_string).collect()
            }
        };
        if !(2..=MOST_STATES).contains(&values.len()) {
            return Err(DataError::Column {
                file: self.frame.name.clone(),
                fault: format!(
                    "{} has {} values, a state has from 2 to {MOST_STATES}: say another --kind, or leave it out with --ignore",
                    self.frame.column_name(column),
                    values.len()
                ),
            });
        }
        Ok(values)
    }

    /// `role`, or what stands for it where the column is text.
    fn fitting(&self, column: usize, role: Role) -> Role {
        match (&self.frame.columns[column].cells, role) {
            (Cells::Text { values, .. }, Role::Reading) => Role::States(values.clone()),
            (_, role) => role,
        }
    }

    /// What a column obviously is; a reading where nothing is.
    fn guess(&mut self, column: usize, labelled: bool) -> Role {
        let name = self.frame.column_name(column);
        let own = self.frame.columns[column].name.as_deref();
        let lower = own.map(|name| name.trim().to_lowercase());
        let rows = self.frame.rows();
        match &self.frame.columns[column].cells {
            Cells::Times(_) => {
                self.note(format!(
                    "{name} is taken for the time of the rows (--time, --ignore)"
                ));
                Role::Time
            }
            Cells::Text { values, .. } => {
                let label = lower.as_deref().is_some_and(|name| LABELS.contains(&name));
                if values.len() > CLASSES && values.len() as f64 > DISTINCT * rows as f64 {
                    self.note(format!(
                        "{name} names its rows and is left out (--reading {name})"
                    ));
                    Role::Ignored
                } else if label && values.len() >= 2 && values.len() <= CLASSES {
                    self.label(&name, labelled)
                } else if values.len() > CLASSES {
                    self.note(format!(
                        "{name} is text with {} values and is left out (--reading {name})",
                        values.len()
                    ));
                    Role::Ignored
                } else if values.len() < 2 {
                    self.note(format!("{name} is always the same text and is left out"));
                    Role::Ignored
                } else {
                    self.note(format!(
                        "{name} is taken for a state, one of {}: a number of the reading for each (--ignore {name})",
                        values.join(", ")
                    ));
                    Role::States(values.clone())
                }
            }
            Cells::Numbers(numbers) => {
                if numbers.iter().all(|number| number.is_nan()) {
                    self.note(format!("{name} is empty and is left out"));
                    return Role::Ignored;
                }
                self.guess_numbers(column, &name, lower.as_deref(), labelled)
            }
        }
    }

    fn guess_numbers(
        &mut self,
        column: usize,
        name: &str,
        lower: Option<&str>,
        labelled: bool,
    ) -> Role {
        let Cells::Numbers(numbers) = &self.frame.columns[column].cells else {
            return Role::Reading;
        };
        // From a recording to the next is no step.
        let starts = self.frame.recordings.as_deref().unwrap_or_default();
        let pairs = self.frame.following(numbers).windows(2).enumerate();
        let steps: Vec<f64> = pairs
            .filter(|(row, _)| starts.binary_search(&(row + 1)).is_err())
            .map(|(_, pair)| pair[1] - pair[0])
            .collect();
        let many = numbers.len() >= FEWEST_ROWS && self.frame.columns.len() > 1;
        if many && steps.iter().all(|&step| step == 1.0) {
            self.note(format!(
                "{name} counts the rows and is left out (--reading {name})"
            ));
            return Role::Ignored;
        }
        let clock = lower.is_some_and(|name| {
            let mut words = name.split(|c: char| !c.is_alphanumeric());
            words.any(|word| CLOCKS.contains(&word))
        });
        if many && ascends(&steps, clock) {
            self.note(format!(
                "{name} is taken for the time of the rows (--time, --reading {name})"
            ));
            return Role::Time;
        }
        let is_label = match lower {
            Some(name) => LABELS.contains(&name),
            None => self.stands_apart(column),
        };
        if is_label && is_categorical(numbers) {
            return self.label(name, labelled);
        }
        Role::Reading
    }

    /// A column that looks like a label: it is the label, unless there is one.
    fn label(&mut self, name: &str, labelled: bool) -> Role {
        if labelled || self.roles.contains(&Some(Role::Label)) {
            self.note(format!(
                "{name} looks like another label and is left out (--reading {name})"
            ));
            return Role::Ignored;
        }
        self.doubts.push(format!(
            "{name} is taken for the label, and nothing is learned from abnormal rows: say --label {name}, or --reading {name} if it is none"
        ));
        Role::Label
    }

    /// Whether `column` is the first or the last of a table without names, and the only one of whole numbers, as the
    /// class is in files of the UCR archive.
    fn stands_apart(&self, column: usize) -> bool {
        let last = self.frame.columns.len() - 1;
        let whole = |column: usize| match &self.frame.columns[column].cells {
            Cells::Numbers(numbers) => numbers.iter().all(|value| value.fract() == 0.0),
            _ => false,
        };
        (column == 0 || column == last) && (0..=last).all(|other| (other == column) == whole(other))
    }

    fn note(&mut self, line: String) {
        self.notes.push(line);
    }
}

/// Whether values with these `steps` pass like time: never back, and evenly where nothing else says that they are time.
fn ascends(steps: &[f64], named: bool) -> bool {
    let mean = steps.iter().sum::<f64>() / steps.len() as f64;
    let forward = |&step: &f64| if named { step >= 0.0 } else { step > 0.0 };
    let even = |step: &f64| (step - mean).abs() <= JITTER * mean;
    mean > 0.0 && steps.iter().all(forward) && (named || steps.iter().all(even))
}

/// Whether there are two to [`CLASSES`] different values, all of them whole and each twice in the mean.
fn is_categorical(numbers: &[f64]) -> bool {
    let mut classes = BTreeSet::new();
    for &value in numbers {
        if value.fract() != 0.0 {
            return false;
        }
        classes.insert(value as i64);
        if classes.len() > CLASSES {
            return false;
        }
    }
    classes.len() >= 2 && 2 * classes.len() <= numbers.len()
}

/// Whether `name` fits `pattern`, in which `*` stands for any characters.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The columns of `frame` that are read, conditions last, and how many of them are conditions.
fn dataset(frame: &Frame, roles: &[NamedRole]) -> Result<(Dataset, usize), DataError> {
    let mut columns: Vec<(String, Vec<f32>)> = vec![];
    let mut conditions: Vec<(String, Vec<f32>)> = vec![];
    for (column, named) in roles.iter().enumerate() {
        let name = frame.column_name(column);
        match (&named.role, &frame.columns[column].cells) {
            (Role::Reading, Cells::Numbers(numbers) | Cells::Times(numbers)) => {
                columns.push((name, narrow(frame, column, named, numbers)?));
            }
            (Role::Condition, Cells::Numbers(numbers) | Cells::Times(numbers)) => {
                conditions.push((name, narrow(frame, column, named, numbers)?));
            }
            (Role::States(states), Cells::Text { values, codes }) => {
                for state in states {
                    let code = values.iter().position(|value| value == state);
                    let is = codes.iter().map(|own| match own {
                        None => f32::NAN,
                        Some(own) => f32::from(u8::from(code == Some(*own as usize))),
                    });
                    columns.push((format!("{name}={state}"), is.collect()));
                }
            }
            (Role::States(states), Cells::Numbers(numbers)) => {
                for state in states {
                    let value = state.parse::<f64>().ok();
                    let is = numbers.iter().map(|number| match number.is_nan() {
                        true => f32::NAN,
                        false => f32::from(u8::from(value == Some(*number))),
                    });
                    columns.push((format!("{name}={state}"), is.collect()));
                }
            }
            (Role::Reading | Role::Condition | Role::States(_), _) => {
                return Err(DataError::Column {
                    file: frame.name.clone(),
                    fault: format!(
                        "{name} is {}, not what it was in training or is to be; correct the column",
                        frame.columns[column].cells.kind()
                    ),
                });
            }
            (Role::Label | Role::Time | Role::Group | Role::Ignored, _) => {}
        }
    }
    if columns.is_empty() {
        return Err(DataError::Column {
            file: frame.name.clone(),
            fault: "no column is left to learn from; say --reading NAME of one".into(),
        });
    }
    let count = conditions.len();
    columns.extend(conditions);
    // What is left of columns without names is known by its number in the file.
    let named = frame.names().is_some()
        || columns.len() != roles.len()
        || count > 0
        || roles
            .iter()
            .any(|named| matches!(named.role, Role::States(_)));
    let medians: Vec<f32> = columns.iter().map(|(_, cells)| median(cells)).collect();
    let cells =
        || (0..frame.rows()).flat_map(|row| columns.iter().map(move |(_, cells)| cells[row]));
    let filled = cells().zip(medians.iter().cycle());
    let filled = filled.map(|(value, &median)| if value.is_nan() { median } else { value });
    let table = Table::new(columns.len(), filled.collect())?;
    let mut dataset = Dataset::new(&frame.name, table);
    let gaps = cells().any(f32::is_nan);
    dataset.observed = gaps.then(|| cells().map(|value| !value.is_nan()).collect());
    dataset.columns = named.then(|| columns.iter().map(|(name, _)| name.clone()).collect());
    let offsets = numbers(roles).into_iter().map(|number| number.offset);
    dataset.offsets = offsets.collect();
    Ok((dataset, count))
}

/// The middle one of what is there of a column, the lower of two; 0 of nothing.
fn median(cells: &[f32]) -> f32 {
    let mut there: Vec<f32> = cells
        .iter()
        .copied()
        .filter(|cell| !cell.is_nan())
        .collect();
    there.sort_unstable_by(f32::total_cmp);
    let middle = there.len().saturating_sub(1) / 2;
    there.get(middle).copied().unwrap_or(0.0)
}

/// How many times as far from zero as they spread values may be before they get an offset: 16 bits over their
/// magnitude then still make 64 steps of a standard deviation.
const FAR: f64 = 64.0;

/// What is to be subtracted from a column that moves so little around something large that 16 bits over its magnitude
/// would hardly resolve it: a multiple of a power of two near its middle. None where 16 bits do.
fn offset(numbers: &[f64], sentinels: &[f64]) -> Option<f64> {
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
    let fault = |fault: String| DataError::Column {
        file: frame.name.clone(),
        fault,
    };
    if let Some(wrong) = &frame.columns[column].fault {
        let name = frame.column_name(column);
        return Err(fault(format!(
            "{wrong}, or leave the column out by --ignore {name}"
        )));
    }
    let narrowed = numbers.iter().map(|&number| match number {
        number if named.sentinels.contains(&number) => f32::NAN,
        number => (number - named.offset) as f32,
    });
    let narrowed: Vec<f32> = narrowed.collect();
    match narrowed.iter().position(|number| number.is_infinite()) {
        Some(row) => Err(fault(format!(
            "{} of row {} is {}, which does not fit 32-bit floating point (largest 3.4e38); scale the column down",
            frame.column_name(column),
            row + 1,
            numbers[row]
        ))),
        None => Ok(narrowed),
    }
}

/// Which rows are abnormal by a column of labels, and a note on which label is normal where that was assumed.
pub(super) fn labels(
    frame: &Frame,
    column: usize,
    normal: &[String],
) -> Result<(Vec<bool>, Option<String>), DataError> {
    let name = frame.column_name(column);
    let fault = |fault: String| DataError::Column {
        file: frame.name.clone(),
        fault,
    };
    if let Some(wrong) = &frame.columns[column].fault {
        return Err(fault(wrong.clone()));
    }
    let text: Vec<Option<String>> = match &frame.columns[column].cells {
        Cells::Numbers(numbers) | Cells::Times(numbers) => numbers
            .iter()
            .map(|number| (!number.is_nan()).then(|| number.to_string()))
            .collect(),
        Cells::Text { values, codes } => codes
            .iter()
            .map(|code| code.map(|code| values[code as usize].clone()))
            .collect(),
    };
    if let Some(row) = text.iter().position(Option::is_none) {
        return Err(fault(format!(
            "{name} of row {} is missing; give each row a label, or leave the row out",
            row + 1
        )));
    }
    let classes: BTreeSet<&String> = text.iter().flatten().collect();
    let known = |label: &&&String| NORMAL.contains(&label.to_lowercase().as_str());
    let (normal, note): (Vec<String>, _) = if !normal.is_empty() {
        let there = |label: &String| classes.iter().any(|class| same(class, label));
        if let Some(label) = normal.iter().find(|label| !there(label)) {
            let classes: Vec<&str> = classes.iter().map(|class| class.as_str()).collect();
            return Err(fault(format!(
                "{name} is nowhere {label}, which --normal says; its labels are {}",
                classes.join(", ")
            )));
        }
        (normal.to_vec(), None)
    } else if let Some(label) = classes.iter().find(known) {
        let label = (*label).clone();
        let note = format!("{label} is the label of normal rows (--normal)");
        (vec![label], Some(note))
    } else {
        let count = |class: &String| {
            text.iter()
                .flatten()
                .filter(|label| *label == class)
                .count()
        };
        let most = classes.iter().max_by_key(|class| count(class));
        let label = most.map_or_else(String::new, |class| (*class).clone());
        let note = format!(
            "{label}, the most frequent label, is taken for that of normal rows (--normal)"
        );
        (vec![label], Some(note))
    };
    let is_normal = |label: &Option<String>| {
        label
            .as_ref()
            .is_some_and(|label| normal.iter().any(|normal| same(normal, label)))
    };
    Ok((text.iter().map(|label| !is_normal(label)).collect(), note))
}

/// [`labels`] of the column that has this role, if there is one.
#[allow(clippy::type_complexity, reason = "what labels gives, if it is asked")]
fn abnormal(
    frame: &Frame,
    roles: &[NamedRole],
    normal: &[String],
) -> Result<(Option<Vec<bool>>, Option<String>), DataError> {
    match roles.iter().position(|named| named.role == Role::Label) {
        None => Ok((None, None)),
        Some(column) => {
            let (abnormal, note) = labels(frame, column, normal)?;
            Ok((Some(abnormal), note))
        }
    }
}

/// Whether two labels are the same number or the same text.
fn same(a: &str, b: &str) -> bool {
    match (a.trim().parse::<f64>(), b.trim().parse::<f64>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a.trim().eq_ignore_ascii_case(b.trim()),
    }
}

/// The group of each row, counted in the order of their appearance.
fn groups(frame: &Frame, roles: &[NamedRole]) -> Option<Vec<u32>> {
    let column = roles.iter().position(|named| named.role == Role::Group)?;
    let keys: Vec<u64> = match &frame.columns[column].cells {
        Cells::Numbers(numbers) | Cells::Times(numbers) => {
            numbers.iter().map(|number| number.to_bits()).collect()
        }
        Cells::Text { codes, .. } => codes
            .iter()
            .map(|code| code.map_or(u64::MAX, u64::from))
            .collect(),
    };
    let mut seen = std::collections::HashMap::new();
    let groups = keys.into_iter().map(|key| {
        let next = seen.len() as u32;
        *seen.entry(key).or_insert(next)
    });
    Some(groups.collect())
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

    #[test]
    fn patterns_have_stars_anywhere() {
        for (pattern, name, expected) in [
            ("*_flag", "on_flag", true),
            ("raw_*", "raw_", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("*", "anything", true),
            ("id", "ids", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
