//! The kind of each column, and with it the likelihood: what a user says, and what is obvious.

use crate::config::{ColumnKind, Config, LikelihoodKind, Scale, WantedKind};
use crate::data::{self, Dataset, NamedRole, Role};
use crate::error::Error;
use crate::likelihood::State;
use crate::likelihood::family::Allowed;
use elbow::distribution::Family;

/// Columns of a kind that a line names, at most.
const NAMED: usize = 4;

/// A column of the data that is modelled: one number of a reading, or one for each of its states.
struct Column {
    name: String,
    /// Its number in the file, counted from 1.
    number: usize,
    /// The first of its numbers in a reading.
    first: usize,
    /// None of text.
    states: Option<u16>,
}

/// The likelihood of the readings of `dataset`, of which the last `conditions` numbers are conditions, and a line on what was
/// assumed.
///
/// # Errors
/// [`Error::Setting`] where a column cannot be what it is said to be.
pub(super) fn settle(
    config: &Config,
    dataset: &Dataset,
    conditions: usize,
    roles: &[NamedRole],
) -> Result<(LikelihoodKind, Option<String>), Error> {
    let columns = columns(dataset, conditions, roles);
    let wanted = &config.data.kind;
    let kind = &config.model.likelihood;
    let base = kind.of_each_column();
    let is_of_columns = match kind {
        LikelihoodKind::Auto => true,
        LikelihoodKind::Columns(_) => base.is_some(),
        _ => base.is_some() && !wanted.is_empty(),
    };
    match wanted.first() {
        _ if is_of_columns => {}
        None => return checked(kind, dataset, conditions),
        Some(wanted) => {
            return Err(Error::Setting(format!(
                "--kind is {wanted}, and --likelihood {kind} is of all columns: leave one of them out"
            )));
        }
    }
    let told = told(&columns, wanted, dataset)?;
    let mut found: Vec<(&str, &str)> = vec![];
    let kinds = columns.iter().zip(told).map(|(column, told)| {
        if let Some(kind) = told {
            check(kind, column, dataset)?;
            return Ok(kind);
        }
        let kind = match (column.states, base) {
            (Some(states), _) if states >= 2 => State { states }.into(),
            (_, Some(base)) => base,
            (_, None) => ColumnKind::obvious(&values(dataset, column.first)),
        };
        if let (None, Some(what)) = (base, kind.taken_for()) {
            found.push((what, &column.name));
        }
        Ok(kind)
    });
    let kinds = kinds.collect::<Result<Vec<_>, Error>>()?;
    let likelihood = LikelihoodKind::of_columns(kinds);
    let note = match &likelihood {
        LikelihoodKind::Columns(_) => note(&found),
        _ => None,
    };
    Ok((likelihood, note))
}

/// A likelihood of all columns, where the readings are in its support.
fn checked(
    kind: &LikelihoodKind,
    dataset: &Dataset,
    conditions: usize,
) -> Result<(LikelihoodKind, Option<String>), Error> {
    let remedy = "use --likelihood auto or gaussian, or scale the column";
    if let LikelihoodKind::Columns(kinds) = kind {
        check_numbers(kinds, dataset.table.width() - conditions, dataset)?;
    }
    kind.check(dataset, conditions, remedy)?;
    Ok((kind.clone(), None))
}

fn columns(dataset: &Dataset, conditions: usize, roles: &[NamedRole]) -> Vec<Column> {
    let modelled = dataset.table.width() - conditions;
    let mut first = 0;
    let mut columns = vec![];
    for (column, named) in roles.iter().enumerate() {
        let states = match &named.role {
            Role::Reading => None,
            Role::States(states) => Some(states.len() as u16),
            _ => continue,
        };
        columns.push(Column {
            name: match named.name.is_empty() {
                true => dataset.column_name(first),
                false => named.name.clone(),
            },
            number: column + 1,
            first,
            states,
        });
        first += states.map_or(1, usize::from);
    }
    // Nothing is known of columns, or the last ones are conditions by their number.
    if first != modelled {
        columns.retain(|column| column.first < modelled.min(first));
        let from = if roles.is_empty() { 0 } else { first };
        columns.extend((from..modelled).map(|first| Column {
            name: dataset.column_name(first),
            number: first + 1,
            first,
            states: None,
        }));
    }
    columns
}

/// The kind that a user gives each column.
fn told(
    columns: &[Column],
    wanted: &[WantedKind],
    dataset: &Dataset,
) -> Result<Vec<Option<ColumnKind>>, Error> {
    let mut told = vec![None; columns.len()];
    for one in wanted {
        let number = one.column.trim().parse::<usize>().ok();
        let is = |column: &Column| {
            let name = column.name.trim();
            name.eq_ignore_ascii_case(one.column.trim())
                || one.column.contains('*') && data::fits(&one.column, name)
        };
        let named = columns.iter().any(is);
        let mut any = false;
        for (column, told) in columns.iter().zip(&mut told) {
            if is(column) || !named && number == Some(column.number) {
                any = true;
                // The data have made numbers of its states.
                *told = one.kind;
                if let (Some(kind), Some(_)) = (one.kind, column.states) {
                    return Err(Error::Setting(format!(
                        "{} of {} is a state, --kind says {kind}: leave it out of --kind, or make numbers of its values",
                        column.name, dataset.name
                    )));
                }
            }
        }
        if !any {
            return Err(Error::Setting(format!(
                "--kind {one}: {} has no reading of that name or number; `trainer look {}` lists the columns",
                dataset.name, dataset.name
            )));
        }
    }
    Ok(told)
}

/// The values that there are of a number of a reading.
fn values(dataset: &Dataset, column: usize) -> Vec<f64> {
    let width = dataset.table.width();
    let observed = dataset.observed.as_deref();
    let there = |row: usize| observed.is_none_or(|observed| observed[row * width + column]);
    let rows = dataset.table.iter().enumerate();
    let rows = rows.filter(|&(row, _)| there(row));
    rows.map(|(_, numbers)| f64::from(numbers[column]))
        .collect()
}

/// Whether a column can be what it is said to be.
fn check(kind: ColumnKind, column: &Column, dataset: &Dataset) -> Result<(), Error> {
    let Some(Allowed { text, largest }) = kind.allowed() else {
        return Ok(());
    };
    let values = values(dataset, column.first);
    let other = |value: &&f64| !((0.0..=largest).contains(*value) && value.fract() == 0.0);
    match values.iter().find(other) {
        None => Ok(()),
        Some(value) => Err(Error::Setting(format!(
            "{} of {} has {value}, a {kind} is {text}: say another --kind",
            column.name, dataset.name
        ))),
    }
}

/// Whether kinds that are said of all numbers are of as many as there are.
fn check_numbers(kinds: &[ColumnKind], modelled: usize, dataset: &Dataset) -> Result<(), Error> {
    let numbers: usize = kinds.iter().map(|kind| kind.numbers()).sum();
    if numbers == modelled {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "the likelihood has kinds of {numbers} numbers, a reading of {} has {modelled}: use --likelihood auto and --kind",
        dataset.name
    )))
}

/// A line on the columns whose kinds were found, by what they are taken for.
fn note(found: &[(&str, &str)]) -> Option<String> {
    let mut parts = vec![];
    let mut all: Vec<&str> = found.iter().map(|(what, _)| *what).collect();
    // Flags, then counts, whichever comes first.
    all.sort_unstable_by(|a, b| b.cmp(a));
    all.dedup();
    for what in all {
        let of_kind = found.iter().filter(|(own, _)| *own == what);
        let names: Vec<&str> = of_kind.map(|&(_, name)| name).collect();
        let more = match names.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = names[..names.len().min(NAMED)].join(", ");
        parts.push(format!("{named}{more} are taken for {what}"));
    }
    (!parts.is_empty()).then(|| format!("{} (--kind NAME=normal)", parts.join("; ")))
}

/// The likelihood of windows of a stream, whose features are real values.
pub(super) fn of_windows(config: &Config) -> Result<LikelihoodKind, Error> {
    if let Some(wanted) = config.data.kind.first() {
        return Err(Error::Setting(format!(
            "--kind is {wanted}: the features of windows are real values; leave it out"
        )));
    }
    match config.model.likelihood.clone() {
        LikelihoodKind::Auto => Ok(LikelihoodKind::Location {
            family: Family::Normal,
            scale: Scale::Input,
        }),
        kind @ LikelihoodKind::Location { .. } => Ok(kind),
        kind @ (LikelihoodKind::Binomial { .. } | LikelihoodKind::Columns(_)) => {
            Err(Error::Setting(format!(
                "the likelihood is {kind}, the features of windows are real values: use --likelihood gaussian or laplace"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::likelihood::{Count, Flag, Normal};

    #[test]
    fn kinds_that_are_obvious_are_found() {
        let repeated = |values: &[f64]| values.repeat(20);
        let cases: [(Vec<f64>, ColumnKind); 7] = [
            (repeated(&[0.0, 1.0, 0.0]), Flag.into()),
            // A constant is no flag.
            (repeated(&[0.0]), Normal.into()),
            (
                repeated(&[0.0, 0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 5.0]),
                Count.into(),
            ),
            // About normal, and far from zero.
            (repeated(&[3.0, 4.0, 4.0, 4.0, 5.0]), Normal.into()),
            (repeated(&[100.0, 101.0, 102.0]), Normal.into()),
            (repeated(&[0.0, 0.5, 1.0]), Normal.into()),
            (repeated(&[-1.0, 0.0, 3.0]), Normal.into()),
        ];
        for (values, kind) in cases {
            assert_eq!(
                ColumnKind::obvious(&values),
                kind,
                "{:?}",
                &values[..5.min(values.len())]
            );
        }
    }
}
