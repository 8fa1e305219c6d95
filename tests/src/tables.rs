//! Generator of the tables in `runtime`, behind `cargo xtask tables`: piecewise quadratics, and a
//! quarter of a sine.
//!
//! A piece is a function on [0, 1), stored as three integers that `Segment::evaluate` turns into
//! the result. The generator looks for the three of least largest error: a quadratic through three
//! Chebyshev nodes is close to the best one, and every pair of stored slope and curvature near it
//! is tried with the very shifts of the device. The level is what centres the error.
//!
//! All functions come from the `libm` crate, and all else is addition, multiplication, division and
//! comparison as IEEE 754 defines them, so that every host generates the same bytes.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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

/// CRC-32 of ISO-HDLC (zlib, Ethernet): reflected polynomial 0xEDB88320.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// Binary points of one table; `elbow`'s `Scale`, and the one of the level.
#[derive(Clone, Copy)]
struct Scale {
    /// Bits of the position inside a piece.
    fraction_bits: u32,
    /// Bits that are kept of the squared position.
    square_bits: u32,
    /// Shift from the unit of the two products to that of the level.
    rise_shift: u32,
    /// Shift from the unit of the level to that of the result.
    output_shift: u32,
    /// Fractional bits of the level.
    level_bits: u32,
}

impl Scale {
    /// What the slope and the curvature add to the level at a position; `elbow`'s
    /// `Segment::evaluate`.
    fn rise(self, slope: i32, curve: i32, position: i32) -> i32 {
        let square = (position * position) >> (2 * self.fraction_bits - self.square_bits);
        (slope * position + curve * square) >> self.rise_shift
    }

    /// 2^`bits`, as the factor between a number and its fixed-point form.
    fn factor(bits: u32) -> f64 {
        libm::exp2(f64::from(bits))
    }
}

/// A table: its name, what it holds, and its pieces in order.
struct Table {
    name: &'static str,
    doc: &'static str,
    scale: Scale,
    pieces: Vec<Coefficients>,
}

/// Coefficients of one piece.
#[derive(Clone, Copy)]
struct Coefficients {
    level: i32,
    slope: i16,
    curve: i16,
}

/// What the piece at hand must reproduce.
struct Piece<F> {
    /// The function over the piece, on [0, 1).
    function: F,
    /// How far into its step a position stands for, in steps: 1/2 where bits below the position
    /// were dropped, 0 where none were.
    step_centre: f64,
    /// The level, where an exact value at the start matters more than a centred error.
    level: Option<i32>,
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

/// The coefficients of least largest error for one piece.
fn fit<F: Fn(f64) -> f64>(piece: &Piece<F>, scale: Scale) -> Coefficients {
    /// Slopes tried on either side of the real quadratic's, in stored units.
    const SLOPES: i32 = 8;
    /// Curvatures tried on either side.
    const CURVES: i32 = 8;
    const SAMPLES: i32 = 128;

    let steps = 1_i32 << scale.fraction_bits;
    let unit = Scale::factor(scale.level_bits);
    let samples: Vec<(i32, f64)> = (0..=SAMPLES)
        .map(|index| {
            let position = (index * (steps / SAMPLES)).min(steps - 1);
            let value =
                (piece.function)((f64::from(position) + piece.step_centre) / f64::from(steps));
            (position, value * unit)
        })
        .collect();

    let (slope, curve) = chebyshev(&piece.function);
    let products = scale.level_bits + scale.rise_shift;
    let slope = libm::round(slope * Scale::factor(products - scale.fraction_bits)) as i32;
    let curve = libm::round(curve * Scale::factor(products - scale.square_bits)) as i32;

    let mut best = (f64::INFINITY, 0, 0, 0);
    for slope in slope - SLOPES..=slope + SLOPES {
        for curve in curve - CURVES..=curve + CURVES {
            let (low, high) = samples.iter().fold(
                (f64::INFINITY, f64::NEG_INFINITY),
                |(low, high), &(position, value)| {
                    let missing = value - f64::from(scale.rise(slope, curve, position));
                    (low.min(missing), high.max(missing))
                },
            );
            let level = piece
                .level
                .map_or_else(|| libm::round(0.5 * (low + high)), f64::from);
            let error = (high - level).max(level - low);
            if error < best.0 {
                best = (error, level as i32, slope, curve);
            }
        }
    }
    let (_, level, slope, curve) = best;
    let half = (1 << scale.output_shift) >> 1;
    let coefficients = Coefficients {
        level: level
            .checked_add(half)
            .expect("the level and half a result fit in 32 bits"),
        slope: i16::try_from(slope).expect("the slope fits in 16 bits"),
        curve: i16::try_from(curve).expect("the curvature fits in 16 bits"),
    };
    assert_admissible(coefficients, scale);
    coefficients
}

/// Asserts that no sum of the evaluation leaves 32 bits and that the results are monotone, at every
/// position.
fn assert_admissible(coefficients: Coefficients, scale: Scale) {
    let Coefficients {
        level,
        slope,
        curve,
    } = coefficients;
    let direction = i64::from(slope.signum());
    let mut previous = None;
    for position in 0..1_i64 << scale.fraction_bits {
        let square = (position * position) >> (2 * scale.fraction_bits - scale.square_bits);
        let products = i64::from(slope) * position + i64::from(curve) * square;
        let sum = i64::from(level) + (products >> scale.rise_shift);
        assert!(
            i32::try_from(products).is_ok() && i32::try_from(sum).is_ok(),
            "the sums fit in 32 bits"
        );
        assert!(
            previous.is_none_or(|previous| (products - previous) * direction >= 0),
            "a piece is monotone"
        );
        previous = Some(products);
    }
}

/// Slope at 0 and half the second derivative of the quadratic through `function` at the three
/// Chebyshev nodes of [0, 1].
fn chebyshev(function: &impl Fn(f64) -> f64) -> (f64, f64) {
    const ROOT_3_4: f64 = 0.866_025_403_784_438_6;
    let [left, middle, right] = [0.5 - 0.5 * ROOT_3_4, 0.5, 0.5 + 0.5 * ROOT_3_4];
    let first = (function(middle) - function(left)) / (middle - left);
    let second = (function(right) - function(middle)) / (right - middle);
    let curve = (second - first) / (right - left);
    (first - curve * (left + middle), curve)
}

/// The Rust source of a file of tables.
fn source(tables: &[Table], segment: &str) -> String {
    let bytes: Vec<u8> = tables
        .iter()
        .flat_map(|table| &table.pieces)
        .flat_map(|piece| piece.to_bytes())
        .collect();
    let mut text = String::new();
    text += "//! Coefficients of piecewise quadratics. Generated by `cargo xtask tables`; do not edit.\n//!\n";
    let (crc, length) = (crc32(&bytes), bytes.len());
    writeln!(
        text,
        "//! CRC-32 of the {length} bytes of coefficients, little-endian and in order: 0x{crc:08x}."
    )
    .expect("written to a string");
    writeln!(text, "\nuse {segment}::{{Scale, Segment}};").expect("written to a string");
    for table in tables {
        table.write(&mut text);
    }
    text
}

/// The scales and values of all tables, and the quarter of a sine: a line for each number.
fn text<'a>(tables: impl Iterator<Item = &'a Table>) -> String {
    let mut text = String::from("name,index,value\n");
    let mut line = |name: &str, index: usize, value: i64| {
        writeln!(text, "{name},{index},{value}").expect("written to a string");
    };
    for table in tables {
        let name = table.name.to_lowercase();
        let Scale {
            fraction_bits,
            square_bits,
            rise_shift,
            output_shift,
            ..
        } = table.scale;
        for (field, value) in [
            ("fraction_bits", fraction_bits),
            ("square_bits", square_bits),
            ("rise_shift", rise_shift),
            ("output_shift", output_shift),
        ] {
            line(&format!("{name}.{field}"), 0, value.into());
        }
        for (index, piece) in table.pieces.iter().enumerate() {
            line(&format!("{name}.level"), index, piece.level.into());
            line(&format!("{name}.slope"), index, piece.slope.into());
            line(&format!("{name}.curve"), index, piece.curve.into());
        }
    }
    for (index, value) in quarter_of_a_sine().into_iter().enumerate() {
        line("sine", index, value.into());
    }
    text
}

/// The first quarter of a sine, both ends included, in 256 equal steps: Q15, rounded to nearest.
fn quarter_of_a_sine() -> Vec<u16> {
    const STEPS: u32 = 256;
    const TURN: f64 = 2.0 * core::f64::consts::PI;
    let sine = |step| libm::sin(TURN * f64::from(step) / f64::from(4 * STEPS));
    (0..=STEPS)
        .map(|step| libm::round(sine(step) * Scale::factor(15)) as u16)
        .collect()
}

/// The Rust source of the quarter of a sine.
fn sine_source() -> String {
    /// Values in a line.
    const LINE: usize = 14;
    let values = quarter_of_a_sine();
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let (crc, length, count) = (crc32(&bytes), bytes.len(), values.len());
    let mut text = format!(
        "//! A quarter of a sine. Generated by `cargo xtask tables`; do not edit.
//!
//! CRC-32 of the {length} bytes of values, little-endian and in order: 0x{crc:08x}.

/// sin(2 pi k / 1024) for k from 0 to 256, Q15; the last is 2^15.
#[rustfmt::skip]
pub(super) static SINE: [u16; {count}] = [
"
    );
    for line in values.chunks(LINE) {
        let values: Vec<String> = line.iter().map(u16::to_string).collect();
        writeln!(text, "    {},", values.join(", ")).expect("written to a string");
    }
    text.push_str("];\n");
    text
}

impl Coefficients {
    /// The piece as it lies in the device's memory.
    fn to_bytes(self) -> [u8; 8] {
        let [a, b, c, d] = self.level.to_le_bytes();
        let [e, f] = self.slope.to_le_bytes();
        let [g, h] = self.curve.to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }
}

impl Table {
    /// Appends the table's scale and values, laid out as rustfmt leaves them.
    fn write(&self, text: &mut String) {
        let Self {
            name,
            doc,
            scale,
            pieces,
        } = self;
        let Scale {
            fraction_bits,
            square_bits,
            rise_shift,
            output_shift,
            ..
        } = scale;
        write!(
            text,
            "
/// Scale of [`{name}`].
pub(super) const {name}_SCALE: Scale = Scale {{
    fraction_bits: {fraction_bits},
    square_bits: {square_bits},
    rise_shift: {rise_shift},
    output_shift: {output_shift},
}};

/// {doc}
pub(super) static {name}: [Segment; {}] = [
",
            pieces.len()
        )
        .expect("written to a string");
        for Coefficients {
            level,
            slope,
            curve,
        } in pieces
        {
            writeln!(text, "    Segment::new({level}, {slope}, {curve}),")
                .expect("written to a string");
        }
        text.push_str("];\n");
    }
}

#[cfg(test)]
mod tests {
    use super::{crc32, tail_quantile};

    #[test]
    fn crc32_of_the_check_string() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

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
