//! Results, and files that may be standard input or standard output.

pub(super) mod progress;
mod results;
pub(super) mod scores;
pub(super) mod table;

use crate::data::STANDARD;
use crate::error::Error;
use crate::export::run;
use std::io::{Read, Write};
use std::path::Path;

/// Whether `path` stands for standard input or standard output.
pub(in crate::cli) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == STANDARD
}

/// The bytes of the file `path`, or of standard input where it is `-`.
pub(in crate::cli) fn read_in(path: &Path) -> Result<Vec<u8>, Error> {
    if !is_standard(path) {
        return std::fs::read(path).map_err(Error::reading(path));
    }
    let mut bytes = vec![];
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(Error::reading(Path::new("standard input")))?;
    Ok(bytes)
}

/// Makes sure that `out` can be written, where there is one, before any long work.
pub(in crate::cli) fn prepare_out(out: Option<&Path>) -> Result<(), Error> {
    let file = out.filter(|out| !is_standard(out));
    file.map_or(Ok(()), run::prepare_file)
}

/// Writes `text` to `out`, or to standard output without one.
pub(in crate::cli) fn emit(out: Option<&Path>, text: &str) -> Result<(), Error> {
    write_out(out.unwrap_or(Path::new(STANDARD)), text.as_bytes())
}

/// Writes `bytes` to the file `out`, or to standard output where it is `-`. A reader who has seen enough (`| head`) is no
/// error.
pub(in crate::cli) fn write_out(out: &Path, bytes: &[u8]) -> Result<(), Error> {
    if !is_standard(out) {
        return run::write(out, bytes);
    }
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::writing(Path::new("standard output"))(error))
        }
        _ => Ok(()),
    }
}

/// Prints results, as one JSON object or as `describe` tells them.
pub(in crate::cli) fn emit_results<T: serde::Serialize>(
    json: bool,
    results: &T,
    describe: impl FnOnce(&T) -> String,
) -> Result<(), Error> {
    let text = if json {
        run::to_json(results)?
    } else {
        describe(results)
    };
    emit(None, &text)
}

/// A number for a terminal, or a dash.
pub(in crate::cli) fn decimal(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.decimals$}"))
}

/// A difference of three decimals with its sign, or a dash.
pub(in crate::cli) fn signed(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:+.3}"))
}
