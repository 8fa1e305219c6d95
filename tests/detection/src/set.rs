//! A table whose rows are known to be normal or anomalous, and how it is divided.

use crate::error::Error;
use elbow_trainer::data::{Table, shuffle};

/// Rows of a part at most.
pub const CAP: usize = 6000;
/// Normal rows of a set, at least: half of them train, calibrate and stop the training.
pub const FEWEST: usize = 40;

/// A table whose rows are known to be normal or anomalous: at least [`FEWEST`] and one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    name: String,
    table: Table,
    anomalous: Vec<bool>,
}

/// The rows of a set, divided; none is in two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Half of the normal rows, rounded down, at most [`CAP`] of them: to train on.
    pub train: Vec<usize>,
    /// Of the other half as many at most: to test on.
    pub normal: Vec<usize>,
    /// All anomalous rows, as many at most: to test on.
    pub anomalous: Vec<usize>,
}

impl Set {
    /// A set called `name`; `anomalous` has an entry for each row.
    ///
    /// # Errors
    ///
    /// [`Error::Count`] or [`Error::Few`].
    pub fn new(name: &str, table: Table, anomalous: Vec<bool>) -> Result<Self, Error> {
        if anomalous.len() != table.len() {
            return Err(Error::Count {
                set: name.to_owned(),
                labels: anomalous.len(),
                rows: table.len(),
            });
        }
        let of_kind = |kind| anomalous.iter().filter(|&&is| is == kind).count();
        let kinds = [
            ("normal", of_kind(false), FEWEST),
            ("anomalous", of_kind(true), 1),
        ];
        for (kind, rows, least) in kinds {
            if rows < least {
                let set = name.to_owned();
                return Err(Error::Few {
                    set,
                    kind,
                    rows,
                    least,
                });
            }
        }
        Ok(Self {
            name: name.to_owned(),
            table,
            anomalous,
        })
    }

    /// Its name in results.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its readings.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Divides the rows at random: half of the normal ones to train on, the other half and the anomalous ones to test on.
    #[must_use]
    pub fn divide(&self, seed: u64) -> Parts {
        let mut rng = elbow::rng::stream(seed, 0);
        let mut of_kind = |kind| {
            let rows = 0..self.anomalous.len();
            let mut rows: Vec<usize> = rows.filter(|&row| self.anomalous[row] == kind).collect();
            shuffle(&mut rows, &mut rng);
            rows
        };
        let (mut train, mut anomalous) = (of_kind(false), of_kind(true));
        let mut normal = train.split_off(train.len() / 2);
        for part in [&mut train, &mut normal, &mut anomalous] {
            part.truncate(CAP);
        }
        Parts {
            train,
            normal,
            anomalous,
        }
    }
}

/// The bytes of an `.npy` file of `table`.
#[must_use]
pub fn npy(table: &Table) -> Vec<u8> {
    let (rows, width) = (table.len(), table.width());
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}\n");
    let length = (header.len() as u16).to_le_bytes();
    let mut bytes = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes()].concat();
    bytes.extend(table.values().iter().flat_map(|value| value.to_le_bytes()));
    bytes
}
