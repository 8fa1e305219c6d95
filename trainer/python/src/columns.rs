//! Columns of Python's tables as a frame of the trainer.

use elbow_trainer::data::{Cells, Column, Frame};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

/// A table as the package hands it over.
#[derive(FromPyObject)]
pub(crate) enum Table<'py> {
    /// Numbers without names, (rows, columns); NaN where one is missing.
    Matrix(PyReadonlyArray2<'py, f64>),
    /// Columns of one length, each with its name and its unit.
    Columns(Vec<(String, Option<String>, Content<'py>)>),
}

/// The cells of a column.
#[derive(FromPyObject)]
pub(crate) enum Content<'py> {
    /// Numbers; NaN where one is missing.
    Numbers(PyReadonlyArray1<'py, f64>),
    /// The different values of a text, and for each row which it is; below 0 where it is missing.
    Text(Vec<String>, PyReadonlyArray1<'py, i32>),
    /// A dictionary of `seconds` since 1970; NaN where one is missing.
    Times {
        /// The seconds.
        #[pyo3(item)]
        seconds: PyReadonlyArray1<'py, f64>,
    },
}

impl Content<'_> {
    fn cells(&self) -> Cells {
        let numbers = |array: &PyReadonlyArray1<'_, f64>| array.as_array().to_vec();
        match self {
            Self::Numbers(array) => Cells::Numbers(numbers(array)),
            Self::Times { seconds } => Cells::Times(numbers(seconds)),
            Self::Text(values, codes) => Cells::Text {
                values: values.clone(),
                codes: codes
                    .as_array()
                    .iter()
                    .map(|&code| u32::try_from(code).ok())
                    .collect(),
            },
        }
    }
}

impl Table<'_> {
    /// The frame, called `name`.
    pub(crate) fn frame(&self, name: &str) -> Frame {
        let columns = match self {
            Self::Matrix(array) => {
                let columns = array.as_array();
                let columns = columns.columns().into_iter();
                columns
                    .map(|column| Column::new(None, Cells::Numbers(column.to_vec())))
                    .collect()
            }
            Self::Columns(columns) => columns
                .iter()
                .map(|(name, unit, content)| Column {
                    unit: unit.clone(),
                    ..Column::new(Some(name.clone()), content.cells())
                })
                .collect(),
        };
        Frame::new(name.to_owned(), columns)
    }
}
