//! elbow for Python: the trainer and the runtime, called as they are. What follows Python's conventions is in the package's own
//! modules; here data come in as columns, and results leave as arrays, bytes and text.

#![deny(unsafe_code)]

mod columns;
mod error;
mod fit;
mod image;
mod settings;

use pyo3::prelude::*;

/// The compiled half of the package `elbow`.
#[pymodule(name = "_native", gil_used = true)]
fn native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<image::Image>()?;
    module.add_function(wrap_pyfunction!(fit::fit, module)?)?;
    module.add_function(wrap_pyfunction!(fit::read_run, module)?)?;
    module.add_function(wrap_pyfunction!(fit::write_run, module)?)?;
    module.add_function(wrap_pyfunction!(settings::settings, module)?)?;
    module.add(
        "DivergedError",
        module.py().get_type::<error::DivergedError>(),
    )?;
    Ok(())
}
