//! `cargo trainer`: trains, quantizes, exports and evaluates models for elbow.

use elbow_trainer::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    match elbow_trainer::cli::run() {
        Ok(code) => code,
        Err(error) => {
            let is_failure = !matches!(error, Error::Cancelled { .. });
            let word = if is_failure { "error" } else { "interrupted" };
            eprintln!("{word}: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
