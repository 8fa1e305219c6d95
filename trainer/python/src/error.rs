//! Errors of the trainer as exceptions.

use elbow_trainer::error::Error;
use pyo3::PyErr;
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyValueError};

pyo3::create_exception!(
    elbow,
    DivergedError,
    PyRuntimeError,
    "The bound became infinite or NaN in training."
);

/// The exception that says what `error` says.
pub(crate) fn exception(error: &Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::File { .. } => PyOSError::new_err(message),
        Error::Diverged { .. } => DivergedError::new_err(message),
        Error::Cancelled { .. } => PyKeyboardInterrupt::new_err(message),
        Error::Tensor(_) => PyRuntimeError::new_err(message),
        _ => PyValueError::new_err(message),
    }
}

/// The exception that says what `error` of the runtime says.
pub(crate) fn refused(error: &dyn std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}
