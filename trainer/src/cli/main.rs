//! `cargo trainer`: trains, quantizes, exports and evaluates models for elbow.

use std::process::ExitCode;

fn main() -> ExitCode {
    match elbow_trainer::cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
