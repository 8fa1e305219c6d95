//! The kind of each column, and with it the likelihood: what a user says, and what is obvious.

use crate::config::{ColumnKind, Config, LikelihoodKind, Scale, WantedKind};
use crate::data::{self, Dataset, NamedRole, Role};
use crate::error::Error;
use elbow::distribution::{Family, LARGEST_COUNT, LARGEST_FAILURES};

/// The largest mean of a column of whole numbers that is taken for a count: above, steps of one are fine, and a normal
/// says the same.
const LARGEST_MEAN: f64 = 5.0;
/// What a count must gain on a normal, in nats a reading.
const GAIN: f64 = 0.05;
/// Failures of a negative binomial, from and to: the most that an image holds.
pub(crate) const FAILURES: (f64, f64) = (0.01, LARGEST_FAILURES as f64 / 65536.0);
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
    let base = match &config.model.likelihood {
        LikelihoodKind::Auto => None,
        LikelihoodKind::Location {
            family,
            scale: Scale::Input,
        } if !wanted.is_empty() => Some(match family {
            Family::Normal => ColumnKind::Normal,
            Family::Laplace => ColumnKind::Laplace,
        }),
        LikelihoodKind::Columns(kinds) if kinds.len() == 1 => Some(kinds[0]),
        kind if wanted.is_empty() => {
            let remedy = "use --likelihood auto or gaussian, or scale the column";
            let modelled = dataset.table.width() - conditions;
            if let LikelihoodKind::Columns(kinds) = kind {
                check_numbers(kinds, modelled, dataset)?;
            }
            kind.check(dataset, conditions, remedy)?;
            return Ok((kind.clone(), None));
        }
        kind => {
            return Err(Error::Setting(format!(
                "--kind is {}, and --likelihood {kind} is of all columns: leave one of them out",
                wanted[0]
            )));
        }
    };
    let told = told(&columns, wanted, dataset)?;
    let mut found: Vec<(ColumnKind, &str)> = vec![];
    let kinds = columns.iter().zip(told).map(|(column, told)| {
        if let Some(kind) = told {
            check(kind, column, dataset)?;
            return Ok(kind);
        }
        let kind = match (column.states, base) {
            (Some(states), _) if states >= 2 => ColumnKind::State { states },
            (_, Some(base)) => base,
            (_, None) => obvious(&values(dataset, column.first)),
        };
        if base.is_none() && matches!(kind, ColumnKind::Flag | ColumnKind::Count) {
            found.push((kind, &column.name));
        }
        Ok(kind)
    });
    let kinds = kinds.collect::<Result<Vec<_>, Error>>()?;
    let likelihood = whole(kinds);
    let note = match &likelihood {
        LikelihoodKind::Columns(_) => note(&found),
        _ => None,
    };
    Ok((likelihood, note))
}

/// One likelihood for all columns where they are of one kind, which costs a device less.
fn whole(kinds: Vec<ColumnKind>) -> LikelihoodKind {
    let all = |kind| kinds.iter().all(|&own| own == kind);
    let location = |family| LikelihoodKind::Location {
        family,
        scale: Scale::Input,
    };
    if all(ColumnKind::Normal) {
        location(Family::Normal)
    } else if all(ColumnKind::Laplace) {
        location(Family::Laplace)
    } else if all(ColumnKind::Flag) {
        LikelihoodKind::Binomial { trials: 1 }
    } else {
        LikelihoodKind::Columns(kinds)
    }
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

/// What is said of each column.
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

/// What a column of numbers obviously is.
fn obvious(values: &[f64]) -> ColumnKind {
    let any = |number: f64| values.contains(&number);
    if values.iter().all(|&value| value == 0.0 || value == 1.0) && any(0.0) && any(1.0) {
        ColumnKind::Flag
    } else if is_count(values) {
        ColumnKind::Count
    } else {
        ColumnKind::Normal
    }
}

/// Whether the numbers are small counts that a negative binomial fits better than a normal.
fn is_count(values: &[f64]) -> bool {
    let largest = f64::from(LARGEST_COUNT);
    let counts = |&value: &f64| (0.0..=largest).contains(&value) && value.fract() == 0.0;
    if values.is_empty() || !values.iter().all(counts) {
        return false;
    }
    let (mean, variance) = moments(values);
    if mean <= 0.0 || mean >= LARGEST_MEAN || variance == 0.0 {
        return false;
    }
    let failures = failures(mean, variance);
    let (chance, log_gamma) = (mean / (failures + mean), libm::lgamma);
    let of_count = |x: f64| {
        let choose = log_gamma(x + failures) - log_gamma(failures) - log_gamma(x + 1.0);
        choose + x * chance.ln() + failures * (1.0 - chance).ln()
    };
    let count = values.iter().map(|&x| of_count(x)).sum::<f64>() / values.len() as f64;
    // No density is finer than the step of one: its deviation is that of rounding, or more.
    let wide = variance.max(1.0 / 12.0);
    let normal = -0.5 * ((std::f64::consts::TAU * wide).ln() + variance / wide);
    count > normal + GAIN
}

fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (mean, squares.sum::<f64>() / count)
}

/// The failures r of a negative binomial with that mean and variance, `m + m^2 / r`, as far as an image holds them.
pub(crate) fn failures(mean: f64, variance: f64) -> f64 {
    let (least, most) = FAILURES;
    if variance <= mean {
        return most;
    }
    (mean * mean / (variance - mean)).clamp(least, most)
}

/// Whether a column can be what it is said to be.
fn check(kind: ColumnKind, column: &Column, dataset: &Dataset) -> Result<(), Error> {
    let (allowed, largest) = match kind {
        ColumnKind::Flag => ("0 or 1", 1.0),
        ColumnKind::Count => ("a whole number from 0 on", f64::INFINITY),
        _ => return Ok(()),
    };
    let values = values(dataset, column.first);
    let other = |value: &&f64| !((0.0..=largest).contains(*value) && value.fract() == 0.0);
    match values.iter().find(other) {
        None => Ok(()),
        Some(value) => Err(Error::Setting(format!(
            "{} of {} has {value}, a {kind} is {allowed}: say another --kind",
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

/// A line on the columns whose kinds were found.
fn note(found: &[(ColumnKind, &str)]) -> Option<String> {
    let mut parts = vec![];
    for (kind, what) in [
        (ColumnKind::Flag, "flags, 0 or 1"),
        (ColumnKind::Count, "counts"),
    ] {
        let of_kind = found.iter().filter(|(own, _)| *own == kind);
        let names: Vec<&str> = of_kind.map(|&(_, name)| name).collect();
        if names.is_empty() {
            continue;
        }
        let more = match names.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = names[..names.len().min(NAMED)].join(", ");
        parts.push(format!("{named}{more} are taken for {what}"));
    }
    (!parts.is_empty()).then(|| format!("{} (--kind NAME=normal)", parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_are_obvious_are_found() {
        let repeated = |values: &[f64]| values.repeat(20);
        for (values, kind) in [
            (repeated(&[0.0, 1.0, 0.0]), ColumnKind::Flag),
            // A constant is no flag.
            (repeated(&[0.0]), ColumnKind::Normal),
            (
                repeated(&[0.0, 0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 5.0]),
                ColumnKind::Count,
            ),
            // About normal, and far from zero.
            (repeated(&[3.0, 4.0, 4.0, 4.0, 5.0]), ColumnKind::Normal),
            (repeated(&[100.0, 101.0, 102.0]), ColumnKind::Normal),
            (repeated(&[0.0, 0.5, 1.0]), ColumnKind::Normal),
            (repeated(&[-1.0, 0.0, 3.0]), ColumnKind::Normal),
        ] {
            assert_eq!(
                obvious(&values),
                kind,
                "{:?}",
                &values[..5.min(values.len())]
            );
        }
    }

    #[test]
    fn failures_have_the_moments() {
        assert_eq!(failures(2.0, 2.5), 8.0);
        assert_eq!(failures(2.0, 2.0), 128.0);
        assert_eq!(failures(0.001, 100.0), 0.01);
    }
}
