//! The roles of columns.

use crate::data::frame::Column;
use serde::{Deserialize, Serialize};

/// The role of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Numbers of a reading.
    Reading,
    /// Text that is one of a few states: a number of a reading for each, 1 where it is that state.
    States(Vec<String>),
    /// Given, not modelled.
    Condition,
    /// The label of its row: normal or anomalous.
    Label,
    /// When its rows were.
    Time,
    /// Where its rows are from: groups are not divided.
    Group,
    /// Left out.
    Ignored,
}

impl Role {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::States(_) => "state",
            Self::Condition => "condition",
            Self::Label => "label",
            Self::Time => "time",
            Self::Group => "group",
            Self::Ignored => "ignored",
        }
    }
}

/// A column by its name in the file, and what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedRole {
    /// Its name in the header; empty without a header.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// The unit of its values; empty where the file gives none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Subtracted from its values before anything else, where they move little around something large.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: f64,
    /// Numbers in it that are no value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sentinels: Vec<f64>,
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl NamedRole {
    /// The column called `name`, empty without a header, in this role, without unit and offset, whose numbers are all
    /// values.
    pub fn new(name: Option<&str>, role: Role) -> Self {
        Self {
            name: name.unwrap_or_default().to_owned(),
            role,
            unit: String::new(),
            offset: 0.0,
            sentinels: vec![],
        }
    }

    /// A column that has such a number of a reading.
    pub fn of_number(number: Number) -> Self {
        Self {
            name: number.name,
            role: Role::Reading,
            unit: number.unit,
            offset: number.offset,
            sentinels: vec![],
        }
    }
}

/// All of `columns` as readings, whatever they look like.
pub fn all_readings(columns: &[Column]) -> Vec<NamedRole> {
    let reading = |column: &Column| NamedRole::new(column.name.as_deref(), Role::Reading);
    columns.iter().map(reading).collect()
}

/// A number of a reading: its name, its unit, and what was subtracted from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Its name in the file; empty without a header.
    pub name: String,
    /// The unit; empty where the file gives none.
    pub unit: String,
    /// The offset that was subtracted from its values.
    pub offset: f64,
}

/// The numbers of a reading that columns with these roles make, conditions last.
pub fn numbers(roles: &[NamedRole]) -> Vec<Number> {
    let of = |named: &NamedRole| -> Vec<Number> {
        let number = |name: String| Number {
            name,
            unit: named.unit.clone(),
            offset: named.offset,
        };
        match &named.role {
            Role::Reading | Role::Condition => vec![number(named.name.clone())],
            Role::States(states) => {
                let states = states.iter();
                let named = states.map(|state| number(format!("{}={state}", named.name)));
                named.collect()
            }
            Role::Label | Role::Time | Role::Group | Role::Ignored => vec![],
        }
    };
    let is_condition = |named: &&NamedRole| named.role == Role::Condition;
    let first = roles.iter().filter(|named| !is_condition(named));
    let last = roles.iter().filter(is_condition);
    first.chain(last).flat_map(of).collect()
}
