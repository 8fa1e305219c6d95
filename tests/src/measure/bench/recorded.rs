//! The figures that are checked in: where they are, what the page says of them, and what has grown.

use super::Figures;
use crate::build::workspace;
use crate::error::Error;
use crate::files;
use crate::measure::product;
use std::path::PathBuf;

/// Where the recorded counts are.
#[must_use]
pub fn baseline() -> PathBuf {
    workspace().join("tests/golden/bench.json")
}

/// Where it is noted which compiler the recorded counts are of: another may give others.
#[must_use]
pub fn compiler() -> PathBuf {
    workspace().join("tests/golden/bench-rustc.txt")
}

/// The compiler on the path, as it calls itself.
#[must_use]
pub fn rustc_version() -> String {
    let output = std::process::Command::new("rustc")
        .arg("--version")
        .output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// Where the recorded bytes of features are.
#[must_use]
pub fn feature_baseline() -> PathBuf {
    workspace().join("tests/golden/features.json")
}

/// The page with the recorded counts.
#[must_use]
pub fn page() -> PathBuf {
    workspace().join("BENCHMARKS.md")
}

/// The text of [`page`] for these figures.
#[must_use]
pub fn page_text(figures: &Figures, features: &product::Features) -> String {
    let features = product::table(features);
    format!(
        "{PAGE}\n```text\n{}```\n\n{BITS}\n{SLICES}\n{FEATURES}\n{features}\n{ADAPTATION}",
        figures.to_text()
    )
}

const PAGE: &str = "\
# What it costs

Instructions, counted by the emulator (exact and repeatable; they are not cycles), firmware at
`opt-level = \"s\"`, weights packed for each core. `cargo xtask bench` measures them,
`cargo xtask bench --record` writes this page, and the tests fail where a count grows by more than 2 %.

A layer counts everything: the preparation of its inputs, its products, its requantization. `i16` marks
16-bit inputs (latents), `q16` outputs in Q16.16 (heads, decoder's last layer); all others are `i8` to
`i8`. `w4` marks weights of four bits, which are expanded a few rows at a time. The anomaly autoencoder is that
of MLPerf Tiny, 640-128-128-128-128-8-128-128-128-128-640, all ten layers; CMSIS-NN needs 6.63 (m0), 3.60 (m3), 2.19 (m4, m7, m33) and 0.557 (m55) instructions a MAC for it
in the same emulator. The least product parses a model of counts, encodes, scores by sigma points and reads a
p-value, with no feature of the runtime but `counts`, and with all that are on by default; its flash is without the
model, and with the interrupt vectors (192 bytes on m0, 1,024 on m4, which a chip's own table makes less), or on RISC-V
the handler of traps. Scores are
whole ones: encoding, passes, likelihood (Bernoulli), p-value. The stack is what parsing, a session and a score by
sigma points write, the parsed model included. Functions are means over a thousand arguments. The scores by likelihood
are of the shape of `digits`, by sigma points: all its 64 inputs are columns of that kind, or of all kinds in turn.
";

const BITS: &str = "\
# What bits cost

Digits, 64 inputs, hidden layers of 64: latents that are bits beside Gaussian ones, whole scores of a reading after five epochs of
training, weights packed for the core, instructions counted by the emulator. Bits have half the heads, and their draws no quantile; where few of
them change from pass to pass, as in an enumeration, the decoder's first layer adds rows and multiplies nothing. 4096 codes are a pass of
13,300 instructions each on m4.

| latents | image, bytes | RAM, bytes | estimator | m0 | m4 |
| --- | ---: | ---: | --- | ---: | ---: |
| 8 Gaussian | 14,040 | 1,216 | `sigma-points` | 448,474 | 189,423 |
| 32 Gaussian | 19,032 | 1,792 | `sigma-points` | 2,181,850 | 918,028 |
| | | | `monte-carlo:64` | 2,565,026 | 1,004,412 |
| 32 bits | 16,312 | 1,928 | `monte-carlo:16` | 566,156 | 246,312 |
| | | | `monte-carlo:64` | 2,130,757 | 919,470 |
| 12 bits | 14,000 | 1,448 | `monte-carlo:64` | 1,770,075 | 755,602 |
| | | | `enumeration` | 110,110,701 | 54,475,601 |
";

const SLICES: &str = "\
# How long scores hold the processor

Instructions of the examples with [RTIC](firmware-examples/rtic) and [embassy](firmware-examples/embassy), which watch a stream in
slices of one decoder pass: windows of 256 samples of three channels, 51 features, 14 passes with the part of each input,
prototypes and columns. Interrupts in between are counted too. The longest slice is the features of a channel, three of
these a window; a pass takes 23,500 and 19,500. A controller at the same priority waits for a slice under RTIC, and for two under
embassy, whose tasks run last in, first out: a deadline shorter than a whole window is kept. A test runs both, holds
them to these numbers within 2 %, and fails where the controller misses a release.

| example | core | a window in all | its longest slice | the controller ends at the latest after | its period |
| --- | --- | ---: | ---: | ---: | ---: |
| `rtic` | m3 | 557,347 | 42,444 | 27,014 | 312,488 |
| `embassy` | m4 | 490,231 | 41,600 | 82,230 | 119,041 |
";

const FEATURES: &str = "\
# What features cost

Bytes of flash that a feature adds to the least product, alone; together they share. Where it is something that
sessions may be asked for, the product asks for it. Leaving a feature out changes no result: an image or an estimator
that needs it is refused by its name. `cargo xtask bench --features` measures them; a test fails where the product
with one of them grows by more than 2 %.
";

/// Figures of a test that prints them.
const ADAPTATION: &str = "\
# What learning on the device costs

Instructions of `Adapter::score` beyond those of the score alone, for a reading of six channels (`cargo test --release -p elbow-tests --test
operations costs -- --ignored --nocapture`). While an alignment is learned, its last quarter scores each reading twice. RAM is 12 bytes a channel and 2 a number of a
reading, and 648 bytes of the adapter, 512 of which are the counts. Flash for the state is two times its pages: 548 bytes and 8 a channel, and 16 a score of the
journal.

| core | learning | checking | calibrating | ready |
| --- | ---: | ---: | ---: | ---: |
| m0 | 10133 | 69169 | 8125 | 8080 |
| m3 | 4781 | 46741 | 5002 | 4896 |
| m4 | 4788 | 20190 | 4987 | 4884 |
| m7 | 4788 | 20190 | 4987 | 4884 |
| m33 | 4651 | 20132 | 4862 | 4755 |
| m55 | 3702 | 42898 | 3935 | 3798 |
| rv32imc | 6808 | 59395 | 7206 | 7126 |
| rv32imac | 6808 | 59395 | 7206 | 7126 |
";

/// Writes [`baseline`] and [`page`].
///
/// # Errors
///
/// A file cannot be written.
pub fn record(figures: &Figures, features: &product::Features) -> Result<(), Error> {
    let write = |path: PathBuf, text: String| files::write(&path, text);
    write(baseline(), figures.to_json())?;
    write(compiler(), rustc_version())?;
    write(
        feature_baseline(),
        format!("{:#}\n", serde_json::json!(features)),
    )?;
    write(page(), page_text(figures, features))
}

/// What grew by more than `tolerance`, a part of one, from one object of [`Figures::to_json`] to another: a line for
/// each, with both numbers.
#[must_use]
pub fn grown(before: &serde_json::Value, now: &serde_json::Value, tolerance: f64) -> Vec<String> {
    let mut lines = vec![];
    compare("", before, now, tolerance, &mut lines);
    lines
}

fn compare(
    path: &str,
    before: &serde_json::Value,
    now: &serde_json::Value,
    tolerance: f64,
    lines: &mut Vec<String>,
) {
    match (before, now) {
        (serde_json::Value::Object(before), serde_json::Value::Object(now)) => {
            for (name, before) in before {
                let now = now.get(name).unwrap_or(&serde_json::Value::Null);
                compare(&format!("{path} {name}"), before, now, tolerance, lines);
            }
        }
        _ => {
            let numbers = before.as_f64().zip(now.as_f64());
            let within = numbers.is_some_and(|(before, now)| now <= before * (1.0 + tolerance));
            // A ratio grows when what it is taken of shrinks.
            if !within && !path.ends_with("_ratio") {
                lines.push(format!("{}: {now}, recorded {before}", path.trim_start()));
            }
        }
    }
}
