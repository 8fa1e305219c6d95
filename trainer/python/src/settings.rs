//! The settings that there are.

use elbow_trainer::config::settings::keys;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// All settings in their order: path, name, help, default as TOML, words that they may be, range; none where there is none.
#[pyfunction]
pub(crate) fn settings(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let described = keys().iter().map(|key| {
        let dict = PyDict::new(py);
        let choices: Vec<String> = key.choices().into_iter().map(|(word, _)| word).collect();
        dict.set_item("path", key.path())?;
        dict.set_item("name", key.name())?;
        dict.set_item("help", key.help())?;
        dict.set_item("default", key.default())?;
        dict.set_item("choices", choices)?;
        dict.set_item("placeholder", key.placeholder())?;
        dict.set_item("range", key.range())?;
        Ok(dict)
    });
    described.collect()
}
