//! The roles that a user says, and those that are obvious.

use super::role::Role;
use super::sentinels::Sentinels;
use crate::data::error::DataError;
use crate::data::frame::{Cells, Frame};
use std::collections::BTreeSet;

/// The roles that a user says; each column a name or a number, counted from 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The column of labels.
    pub label: Option<String>,
    /// The labels of normal rows; all others are anomalous.
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
pub(super) struct Assigned<'a> {
    pub(super) frame: &'a Frame,
    pub(super) wanted: &'a Wanted,
    pub(super) roles: Vec<Option<Role>>,
    pub(super) notes: Vec<String>,
    pub(super) doubts: Vec<String>,
}

impl Assigned<'_> {
    /// The roles that a user said.
    pub(super) fn as_wanted(&mut self) -> Result<(), DataError> {
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
            return Err(self.frame.fault(format!(
                "{} has {} values, a state has from 2 to {MOST_STATES}: say another --kind, or leave it out with --ignore",
                self.frame.column_name(column),
                values.len()
            )));
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

    /// The role of a column: that which a user said, or what it obviously is.
    pub(super) fn role(&mut self, column: usize, labelled: bool) -> Role {
        if let Some(role) = self.roles[column].clone() {
            return role;
        }
        let role = self.guess(column, labelled);
        self.roles[column] = Some(role.clone());
        role
    }

    /// The role that a column obviously has; a reading where none is obvious.
    fn guess(&mut self, column: usize, labelled: bool) -> Role {
        let name = self.frame.column_name(column);
        let own = self.frame.columns[column].name.as_deref();
        let lower = own.map(|name| name.trim().to_lowercase());
        match &self.frame.columns[column].cells {
            Cells::Times(_) => {
                self.note(format!(
                    "{name} is taken for the time of the rows (--time, --ignore)"
                ));
                Role::Time
            }
            Cells::Text { values, .. } => {
                self.guess_text(values, &name, lower.as_deref(), labelled)
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

    fn guess_text(
        &mut self,
        values: &[String],
        name: &str,
        lower: Option<&str>,
        labelled: bool,
    ) -> Role {
        let count = values.len();
        let names_rows = count > CLASSES && count as f64 > DISTINCT * self.frame.rows() as f64;
        let is_label = lower.is_some_and(|name| LABELS.contains(&name));
        if is_label && (2..=CLASSES).contains(&count) {
            return self.label(name, labelled);
        }
        let (line, role) = match count {
            0 | 1 => (
                format!("{name} is always the same text and is left out"),
                Role::Ignored,
            ),
            ..=CLASSES => (
                format!(
                    "{name} is taken for a state, one of {}: a number of the reading for each (--ignore {name})",
                    values.join(", ")
                ),
                Role::States(values.to_vec()),
            ),
            _ if names_rows => (
                format!("{name} names its rows and is left out (--reading {name})"),
                Role::Ignored,
            ),
            _ => (
                format!("{name} is text with {count} values and is left out (--reading {name})"),
                Role::Ignored,
            ),
        };
        self.note(line);
        role
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
            "{name} is taken for the label, and nothing is learned from anomalous rows: say --label {name}, or --reading {name} if it is none"
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

#[cfg(test)]
mod tests {
    use super::*;

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
