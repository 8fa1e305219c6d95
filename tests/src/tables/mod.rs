//! Generator of the tables in `runtime`, behind `cargo xtask tables`: piecewise quadratics, and a
//! quarter of a sine.
//!
//! A piece is a function on [0, 1), stored as three integers that `Segment::evaluate` turns into
//! the result: see `fit`.
//!
//! All functions come from the `libm` crate, and all else is addition, multiplication, division and
//! comparison as IEEE 754 defines them, so that every host generates the same bytes.

mod fit;
mod source;
mod text;

pub use source::crc32;

use fit::{Coefficients, Piece, Scale, fit};
use source::{sine_source, source};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use text::text;

/// Tables of `elbow::transcendental`, from the workspace's root.
const TRANSCENDENTAL: &str = "runtime/src/transcendental/tables.rs";
/// Table of `elbow::gaussian`, from the workspace's root.
const GAUSSIAN: &str = "runtime/src/gaussian/table.rs";
/// Table of the Fourier transform, from the workspace's root.
const FFT: &str = "runtime/src/signal/fft/table.rs";
/// All of them as text, for implementations in other languages, from the workspace's root.
const TEXT: &str = "runtime/tables.csv";

/// Every generated file: its path from the workspace's root, and its contents.
#[must_use]
pub fn generate() -> Vec<(PathBuf, String)> {
    let transcendental = [softplus(), sigmoid(), exp2(), log2()];
    let gaussian = [quantile()];
    let text = text(transcendental.iter().chain(&gaussian));
    vec![
        (
            PathBuf::from(TRANSCENDENTAL),
            source(&transcendental, "super::segment"),
        ),
        (
            PathBuf::from(GAUSSIAN),
            source(&gaussian, "crate::transcendental::segment"),
        ),
        (PathBuf::from(FFT), sine_source()),
        (PathBuf::from(TEXT), text),
    ]
}

/// Writes every generated file under `root`, the workspace's root.
///
/// # Errors
///
/// Those of the file system.
pub fn write(root: &Path) -> io::Result<()> {
    for (path, contents) in generate() {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, contents)?;
    }
    Ok(())
}

/// Paths of the files under `root` that are not what [`generate`] makes; none if all is well.
///
/// # Errors
///
/// Those of the file system, except that a file which does not exist counts as different.
pub fn check(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    for (path, contents) in generate() {
        match fs::read(root.join(&path)) {
            Ok(found) if found == contents.as_bytes() => {}
            Ok(_) => stale.push(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => stale.push(path),
            Err(error) => return Err(error),
        }
    }
    Ok(stale)
}

/// A table: its name, what it holds, and its pieces in order.
struct Table {
    name: &'static str,
    doc: &'static str,
    scale: Scale,
    pieces: Vec<Coefficients>,
}

/// ln(1 + e^-u) for u in [0, 12), in pieces of 1/8.
fn softplus() -> Table {
    let scale = Scale {
        fraction_bits: 13,
        square_bits: 12,
        rise_shift: 0,
        output_shift: 15,
        level_bits: 31,
    };
    uniform(
        "SOFTPLUS",
        "ln(1 + e^-u) for u from 0 to 12, in pieces of 1/8.",
        scale,
        96,
        |u| libm::log1p(libm::exp(-12.0 * u)),
    )
}

/// 1 / (1 + e^u) for u in [0, 12), in pieces of 1/8.
fn sigmoid() -> Table {
    let scale = Scale {
        fraction_bits: 13,
        square_bits: 12,
        rise_shift: 1,
        output_shift: 15,
        level_bits: 31,
    };
    uniform(
        "SIGMOID",
        "1 / (1 + e^u) for u from 0 to 12, in pieces of 1/8.",
        scale,
        96,
        |u| 1.0 / (1.0 + libm::exp(12.0 * u)),
    )
}

/// 2^u for u in [0, 1), in pieces of 1/32, exact at 0.
fn exp2() -> Table {
    let scale = Scale {
        fraction_bits: 15,
        square_bits: 14,
        rise_shift: 4,
        output_shift: 0,
        level_bits: 30,
    };
    let piece = |index: usize| Piece {
        function: move |t: f64| libm::exp2((index as f64 + t) / 32.0),
        step_centre: 0.0,
        level: (index == 0).then_some(1 << 30),
    };
    let pieces = (0..32).map(|index| fit(&piece(index), scale)).collect();
    Table {
        name: "EXP2",
        doc: "2^u for u from 0 to 1, in pieces of 1/32.",
        scale,
        pieces,
    }
}

/// log2(1 + u) for u in [0, 1), in pieces of 1/32; bits below the position are dropped.
fn log2() -> Table {
    let scale = Scale {
        fraction_bits: 15,
        square_bits: 14,
        rise_shift: 4,
        output_shift: 0,
        level_bits: 30,
    };
    let piece = |index: usize| Piece {
        function: move |t: f64| libm::log2(1.0 + (index as f64 + t) / 32.0),
        step_centre: 0.5,
        level: None,
    };
    let pieces = (0..32).map(|index| fit(&piece(index), scale)).collect();
    Table {
        name: "LOG2",
        doc: "log2(1 + u) for u from 0 to 1, in pieces of 1/32.",
        scale,
        pieces,
    }
}

/// The magnitude of the quantile of N(0, 1) for tail probabilities below 1/2: 16 octaves of 8
/// pieces, then 16 of 4.
fn quantile() -> Table {
    let scale = Scale {
        fraction_bits: 15,
        square_bits: 14,
        rise_shift: 5,
        output_shift: 12,
        level_bits: 28,
    };
    let mut pieces = Vec::new();
    for octave in 0..32_u32 {
        let count = if octave < 16 { 8_u32 } else { 4 };
        let start = 0.25 / Scale::factor(octave);
        // The word has 31 - octave bits after its leading one, the last of which is always one.
        let used = count.ilog2() + scale.fraction_bits;
        let step_centre = if 31 - octave > used { 0.5 } else { 0.0 };
        for index in 0..count {
            let function =
                |t: f64| tail_quantile(start * (1.0 + (f64::from(index) + t) / f64::from(count)));
            pieces.push(fit(
                &Piece {
                    function,
                    step_centre,
                    level: None,
                },
                scale,
            ));
        }
    }
    let doc =
        "Magnitude of the quantile of N(0, 1) at 2^-(k + 2) (1 + u): octaves k from 0 to 15 in
/// pieces of 1/8, from 16 to 31 in pieces of 1/4.";
    Table {
        name: "QUANTILE",
        doc,
        scale,
        pieces,
    }
}

/// A table of `count` equal pieces of a function on [0, 1).
fn uniform(
    name: &'static str,
    doc: &'static str,
    scale: Scale,
    count: usize,
    function: fn(f64) -> f64,
) -> Table {
    let piece = |index: usize| Piece {
        function: move |t: f64| function((index as f64 + t) / count as f64),
        step_centre: 0.0,
        level: None,
    };
    Table {
        name,
        doc,
        scale,
        pieces: (0..count).map(|index| fit(&piece(index), scale)).collect(),
    }
}

/// The positive x with Q(x) = `p`, where Q is the upper tail of N(0, 1) and `p` is below 1/2.
///
/// Newton's method on ln Q, which is concave and nearly a parabola: from sqrt(-2 ln 2p) it takes 4
/// to 6 steps.
fn tail_quantile(p: f64) -> f64 {
    const ROOT_HALF: f64 = core::f64::consts::FRAC_1_SQRT_2;
    const ROOT_TAU_INVERSE: f64 = 0.398_942_280_401_432_7;
    let target = libm::log(p);
    let mut x = libm::sqrt((-2.0 * libm::log(2.0 * p)).max(0.0));
    for _ in 0..12 {
        let tail = 0.5 * libm::erfc(x * ROOT_HALF);
        let density = ROOT_TAU_INVERSE * libm::exp(-0.5 * x * x);
        x += (libm::log(tail) - target) * tail / density;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::tail_quantile;

    /// Percentage points from tables of the normal distribution.
    #[test]
    fn tail_quantiles_match_published_percentage_points() {
        for (p, x) in [
            (0.25, 0.674_489_750_196_081_7),
            (0.025, 1.959_963_984_540_054),
            (1e-9, 5.997_807_015_007_687),
        ] {
            assert!((tail_quantile(p) - x).abs() < 1e-13, "{p}");
        }
    }
}
