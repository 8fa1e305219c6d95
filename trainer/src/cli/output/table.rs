//! Readings as tables of text, under the names and in the units that their columns have in the data.

use crate::error::Error;
use crate::study::explain::names;
use elbow::Model;

/// The names of the numbers of a reading of `model`, each with its unit as in `flow [l/s]`; `x0`, `x1` and so on where the data had none.
pub(in crate::cli) fn header(model: &Model<'_>) -> Vec<String> {
    if model.stream().is_some() {
        return names(model);
    }
    let name = |index: usize| match model.column(index) {
        Some(column) if !column.name().is_empty() && column.unit().is_empty() => {
            column.name().to_owned()
        }
        Some(column) if !column.name().is_empty() => {
            format!("{} [{}]", column.name(), column.unit())
        }
        _ => format!("x{index}"),
    };
    (0..model.reading_length()).map(name).collect()
}

/// Records as CSV.
pub(in crate::cli) fn csv<R, C>(records: impl IntoIterator<Item = R>) -> Result<String, Error>
where
    R: IntoIterator<Item = C>,
    C: AsRef<[u8]>,
{
    let bad =
        |error: &dyn std::fmt::Display| Error::Setting(format!("no CSV can be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.write_record(record).map_err(|error| bad(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| bad(&error))?;
    String::from_utf8(bytes).map_err(|error| bad(&error))
}

/// A value with as few digits as tell it from its neighbours, of which the next raw reading is one.
pub(in crate::cli) fn digits(value: f64, exponent: i8) -> String {
    let step = 2f64.powi(exponent.into());
    let short = value as f32;
    if (f64::from(short) - value).abs() < step / 4.0 {
        return short.to_string();
    }
    let decimals = (1.0 - step.log10()).ceil().max(0.0) as usize;
    format!("{value:.decimals$}")
}
