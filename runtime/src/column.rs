//! Columns: what the raw 16-bit integers of a reading, or of a sample of a stream, stand for.
//!
//! An image knows the columns of the data that its model was trained on, as a line of text for each: name and unit as
//! the data had them, and the offset, parted by tabs. With the offset and a power of two a raw integer stands for
//! the value
//!
//! ```text
//! value = (raw + offset) * 2^exponent
//! ```
//!
//! so that a barometer at 101325 Pa +- 0.05 has all of its 16 bits where it moves. Values come in as the counts of
//! a converter or as engineering units, and leave as raw integers; what lies beyond 16 bits saturates, and is
//! reported.

use crate::model::Model;

/// A column of the data that a model was trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<'a> {
    name: &'a str,
    unit: &'a str,
    exponent: i8,
    offset: i64,
}

/// A raw integer, and whether the value lay within 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Raw {
    /// The integer nearest to the value.
    pub value: i16,
    /// Whether the value lay beyond 16 bits: `value` is then the lowest or the highest there is.
    pub saturated: bool,
}

impl<'a> Column<'a> {
    /// A column whose raw integers stand for `(raw + offset) * 2^exponent` in `unit`: for programs that have these as
    /// constants, as `trainer export --rust` writes them. [`Model::column`] reads them in an image.
    #[must_use]
    pub const fn new(name: &'a str, unit: &'a str, exponent: i8, offset: i64) -> Self {
        Self {
            name,
            unit,
            exponent,
            offset,
        }
    }

    /// The column of a line: name, unit and offset, parted by tabs; what is not there at the end is empty.
    fn of_line(line: &'a [u8], exponent: i8) -> Self {
        let text = |index| str::from_utf8(part(line, b'\t', index)).unwrap_or_default();
        Self::new(text(0), text(1), exponent, decimal(part(line, b'\t', 2)))
    }

    /// What the data call it; empty where they had no header.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The unit of its values as the data have it, such as `bar`; empty where they have none.
    #[must_use]
    pub const fn unit(&self) -> &'a str {
        self.unit
    }

    /// The power of two that a raw one is worth.
    #[must_use]
    pub const fn exponent(&self) -> i8 {
        self.exponent
    }

    /// Added to a raw integer before its power of two; 0 for most columns.
    #[must_use]
    pub const fn offset(&self) -> i64 {
        self.offset
    }

    /// The raw integer of a value that is a whole number in the units of the data, such as the count of a
    /// converter: `count * 2^-exponent - offset`, rounded half up, in integers alone.
    #[must_use]
    pub fn raw_of_count(&self, count: i32) -> Raw {
        let count = i64::from(count);
        let scaled = match self.exponent {
            // What is shifted out beyond 62 bits is far beyond 16 bits too, but for zero.
            exponent @ ..0 => {
                let shift = u32::from(exponent.unsigned_abs());
                let most = count.unsigned_abs().leading_zeros();
                if count == 0 || shift < most {
                    count << shift.min(62)
                } else if count < 0 {
                    i64::MIN >> 1
                } else {
                    i64::MAX >> 1
                }
            }
            0 => count,
            exponent => {
                let shift = u32::from(exponent.unsigned_abs()).min(40);
                (count + (1 << (shift - 1))) >> shift
            }
        };
        let raw = scaled.saturating_sub(self.offset);
        let value = raw.max(i16::MIN.into()).min(i16::MAX.into()) as i16;
        Raw {
            value,
            saturated: i64::from(value) != raw,
        }
    }

    /// The raw integer of a value in the units of the data, rounded to nearest; that of NaN is 0 and counts as
    /// saturated. An `f32` has 24 bits: of 101325.04 Pa it keeps 101325.04 to 0.008.
    #[cfg(feature = "float")]
    #[must_use]
    pub fn raw(&self, value: f64) -> Raw {
        let scaled = value * crate::fixed::power_of_two(-i32::from(self.exponent));
        let raw = scaled - self.offset as f64;
        // What rounds to 16 bits.
        let within = raw > -32768.5 && raw < 32767.5;
        Raw {
            value: crate::fixed::nearest_i16(raw),
            saturated: !within,
        }
    }

    /// The value that a raw number stands for, in the units of the data; `raw` may have a fraction, as a mean has.
    #[cfg(feature = "float")]
    #[must_use]
    pub fn value(&self, raw: f64) -> f64 {
        (raw + self.offset as f64) * crate::fixed::power_of_two(self.exponent.into())
    }
}

/// Part `index` of bytes that `separator` parts; nothing beyond the last one.
fn part(bytes: &[u8], separator: u8, index: usize) -> &[u8] {
    let mut rest = bytes;
    for _ in 0..index {
        let end = rest.iter().position(|&byte| byte == separator);
        let behind = end.and_then(|end| rest.get(end + 1..));
        rest = behind.unwrap_or_default();
    }
    let end = rest.iter().position(|&byte| byte == separator);
    end.and_then(|end| rest.get(..end)).unwrap_or(rest)
}

/// A decimal number; 0 of what is none. The core library's parser could panic as far as a linker can tell.
fn decimal(text: &[u8]) -> i64 {
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, text),
    };
    let mut below = 0i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return 0;
        }
        // From below, where there is one number more.
        below = below
            .saturating_mul(10)
            .saturating_sub(i64::from(digit - b'0'));
    }
    if negative {
        below
    } else {
        below.saturating_neg()
    }
}

impl<'a> Model<'a> {
    /// Columns of the data: the numbers of a reading, or the channels of a stream.
    #[must_use]
    pub fn columns(&self) -> usize {
        match self.stream() {
            Some(stream) => stream.exponents.len(),
            None => self.reading_length(),
        }
    }

    /// Column `index` of the data, counted from 0; none beyond the last one.
    #[must_use]
    pub fn column(&self, index: usize) -> Option<Column<'a>> {
        let exponents = match &self.stream {
            Some(stream) => stream.exponents,
            None => self.exponents,
        };
        let line = part(self.columns, b'\n', index);
        Some(Column::of_line(line, *exponents.get(index)?))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    /// Offset 101325 * 2^14.
    const BAROMETER: &[u8] = b"p\tPa\t1660108800";

    fn column(line: &[u8], exponent: i8) -> Column<'_> {
        Column::of_line(line, exponent)
    }

    fn raw(value: i16) -> Raw {
        Raw {
            value,
            saturated: false,
        }
    }

    fn saturated(value: i16) -> Raw {
        Raw {
            value,
            saturated: true,
        }
    }

    #[test]
    fn names_and_units_are_parts_of_a_line() {
        for (line, name, unit) in [
            (&b""[..], "", ""),
            (b"flow", "flow", ""),
            (b"flow\tl/s", "flow", "l/s"),
            ("\t°C".as_bytes(), "", "°C"),
        ] {
            let column = column(line, 0);
            assert_eq!((column.name(), column.unit()), (name, unit));
        }
    }

    #[test]
    fn counts_become_raw_integers_without_floats() {
        let plain = column(b"", 0);
        assert_eq!(plain.raw_of_count(-32_768), raw(i16::MIN));
        assert_eq!(plain.raw_of_count(32_768), saturated(i16::MAX));
        // Pascals in steps of 2^-14 around 101325.
        let barometer = column(BAROMETER, -14);
        assert_eq!(barometer.raw_of_count(101_325), raw(0));
        assert_eq!(barometer.raw_of_count(101_326), raw(1 << 14));
        assert_eq!(barometer.raw_of_count(101_323), raw(i16::MIN));
        assert_eq!(barometer.raw_of_count(101_327), saturated(i16::MAX));
        assert_eq!(barometer.raw_of_count(0), saturated(i16::MIN));
        // A converter of 24 bits in steps of 2^6 around 2^20: half up.
        let converter = column(b"\t\t16384", 6);
        assert_eq!(converter.raw_of_count((1 << 20) + 32), raw(1));
        assert_eq!(converter.raw_of_count((1 << 20) + 31), raw(0));
        assert_eq!(converter.raw_of_count((1 << 20) - 33), raw(-1));
        for (exponent, offset, count, expected) in [
            (-128, 0, 0, raw(0)),
            (-128, 0, 1, saturated(i16::MAX)),
            (-128, 0, -1, saturated(i16::MIN)),
            (-62, 0, i32::MIN, saturated(i16::MIN)),
            (-31, 0, i32::MAX, saturated(i16::MAX)),
            (127, 0, i32::MAX, raw(0)),
            (127, 0, i32::MIN, raw(0)),
            (0, i64::MAX, i32::MIN, saturated(i16::MIN)),
            (0, i64::MIN, i32::MAX, saturated(i16::MAX)),
        ] {
            let line = format!("\t\t{offset}");
            let column = column(line.as_bytes(), exponent);
            assert_eq!(column.raw_of_count(count), expected, "{exponent} {count}");
        }
    }

    #[test]
    fn offsets_are_decimal_numbers() {
        for (text, number) in [
            ("", 0),
            ("0", 0),
            ("-7", -7),
            ("1660108800", 1_660_108_800),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("99999999999999999999", i64::MAX),
            ("1e3", 0),
            ("--1", 0),
            ("-", 0),
        ] {
            assert_eq!(decimal(text.as_bytes()), number, "{text}");
        }
        assert_eq!(part(b"a\n\nc", b'\n', 1), b"");
        assert_eq!(part(b"a\n\nc", b'\n', 2), b"c");
        assert_eq!(part(b"a\n\nc", b'\n', 3), b"");
    }

    #[cfg(feature = "float")]
    #[test]
    fn engineering_units_come_and_go() {
        let barometer = column(BAROMETER, -14);
        assert_eq!(barometer.raw(101_325.0), raw(0));
        assert_eq!(barometer.raw(101_324.95), raw(-819));
        assert_eq!(barometer.raw(0.0), saturated(i16::MIN));
        assert_eq!(barometer.raw(f64::INFINITY), saturated(i16::MAX));
        assert_eq!(barometer.raw(f64::NAN), saturated(0));
        assert!((barometer.value(-819.2) - 101_324.95).abs() < 1e-9);
        for count in [-5, 0, 101_324, 101_325, 101_326, 200_000] {
            let by_float = barometer.raw(count.into());
            assert_eq!(barometer.raw_of_count(count), by_float, "{count}");
        }
        let plain = column(b"", 0);
        assert_eq!(plain.raw(32_767.4), raw(i16::MAX));
        assert_eq!(plain.raw(32_767.6), saturated(i16::MAX));
        assert_eq!(plain.raw(-2.5), raw(-3));
    }
}
