//! What rows are: labels and groups.

use super::error::DataError;
use super::frame::{Cells, Frame};
use super::role::{NamedRole, Role};
use std::collections::BTreeSet;

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

/// Which rows are abnormal by a column of labels, and a note on which label is normal where that was assumed.
pub(super) fn labels(
    frame: &Frame,
    column: usize,
    normal: &[String],
) -> Result<(Vec<bool>, Option<String>), DataError> {
    let name = frame.column_name(column);
    let fault = |fault: String| DataError::Column {
        data: frame.name.clone(),
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
pub(super) fn abnormal(
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
pub(super) fn groups(frame: &Frame, roles: &[NamedRole]) -> Option<Vec<u32>> {
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
