//! Labels and groups of rows.

use super::role::{NamedRole, Role};
use crate::data::error::DataError;
use crate::data::frame::{Cells, Frame};
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

/// For each row whether it is anomalous, and a note on which label is normal where that was assumed.
pub(in crate::data) type Anomalous = (Vec<bool>, Option<String>);

/// Which rows are anomalous by a column of labels.
pub(in crate::data) fn labels(
    frame: &Frame,
    column: usize,
    normal: &[String],
) -> Result<Anomalous, DataError> {
    let name = frame.column_name(column);
    if let Some(wrong) = &frame.columns[column].fault {
        return Err(frame.fault(wrong.as_str()));
    }
    let labels = text(&frame.columns[column].cells);
    if let Some(row) = labels.iter().position(Option::is_none) {
        return Err(frame.fault(format!(
            "{name} of row {} is missing; give each row a label, or leave the row out",
            row + 1
        )));
    }
    let labels: Vec<String> = labels.into_iter().flatten().collect();
    let classes: BTreeSet<&str> = labels.iter().map(String::as_str).collect();
    let there = |label: &String| classes.iter().any(|class| same(class, label));
    if let Some(label) = normal.iter().find(|label| !there(label)) {
        let classes: Vec<&str> = classes.into_iter().collect();
        return Err(frame.fault(format!(
            "{name} is nowhere {label}, which --normal says; its labels are {}",
            classes.join(", ")
        )));
    }
    let (normal, note) = match normal {
        [] => {
            let (label, note) = usual(&labels, &classes);
            (vec![label.to_owned()], Some(note))
        }
        normal => (normal.to_vec(), None),
    };
    let is_normal = |label: &String| normal.iter().any(|normal| same(normal, label));
    Ok((labels.iter().map(|label| !is_normal(label)).collect(), note))
}

/// Cells as text; none where one is missing.
fn text(cells: &Cells) -> Vec<Option<String>> {
    match cells {
        Cells::Numbers(numbers) | Cells::Times(numbers) => numbers
            .iter()
            .map(|number| (!number.is_nan()).then(|| number.to_string()))
            .collect(),
        Cells::Text { values, codes } => codes
            .iter()
            .map(|code| code.map(|code| values[code as usize].clone()))
            .collect(),
    }
}

/// The label of normal rows where nobody says it: the usual one, or the most frequent, with a note.
fn usual<'a>(labels: &[String], classes: &BTreeSet<&'a str>) -> (&'a str, String) {
    let known = |label: &&&str| NORMAL.contains(&label.to_lowercase().as_str());
    if let Some(label) = classes.iter().find(known) {
        return (
            label,
            format!("{label} is the label of normal rows (--normal)"),
        );
    }
    let count = |class: &&&str| labels.iter().filter(|label| label == *class).count();
    let label = classes
        .iter()
        .max_by_key(count)
        .copied()
        .unwrap_or_default();
    let note =
        format!("{label}, the most frequent label, is taken for that of normal rows (--normal)");
    (label, note)
}

/// [`labels`] of the column that has this role, if there is one.
pub(super) fn anomalous(
    frame: &Frame,
    roles: &[NamedRole],
    normal: &[String],
) -> Result<Option<Anomalous>, DataError> {
    let column = roles.iter().position(|named| named.role == Role::Label);
    column
        .map(|column| labels(frame, column, normal))
        .transpose()
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
