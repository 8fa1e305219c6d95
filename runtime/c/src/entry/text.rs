//! Codes, scores and raw integers from and to what people read.

use crate::code::{elbow_code, meaning, outcome};
use crate::pointer::{Argument, Get, Out};
use crate::value::{elbow_raw, elbow_score};
use core::ffi::c_char;
use core::fmt::{self, Write};
use elbow::{Column, LengthError, Raw, Score};

/// The sentence on a code, in English; never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn elbow_describe(code: elbow_code) -> *const c_char {
    meaning(code).as_ptr()
}

/// The columns of elbow_score_csv.
#[unsafe(no_mangle)]
pub extern "C" fn elbow_csv_header() -> *const c_char {
    CSV_HEADER.as_ptr().cast()
}

/// [`Score::CSV_HEADER`] with a NUL behind it.
static CSV_HEADER: [u8; Score::CSV_HEADER.len() + 1] = {
    let mut bytes = [0; Score::CSV_HEADER.len() + 1];
    let mut index = 0;
    while index < Score::CSV_HEADER.len() {
        bytes[index] = Score::CSV_HEADER.as_bytes()[index];
        index += 1;
    }
    bytes
};

/// Writes a score into text as one line of comma-separated values, the very line of `trainer score`, without a line break and
/// with a final NUL. reading is the number of the reading. ELBOW_CSV_BYTES are enough.
///
/// Returns ELBOW_OK, ELBOW_E_LENGTH where text_bytes are too few, or ELBOW_E_RANGE for a score that none of these functions gave.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_score_csv(
    score: *const elbow_score,
    reading: u32,
    text: *mut c_char,
    text_bytes: usize,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Get(score), Out(text.cast::<u8>(), text_bytes)).borrow() };
    outcome(borrowed.and_then(|(score, text)| {
        let mut writer = Text { text, used: 0 };
        let line = score.line(reading)?;
        let written = write!(writer, "{line}\0");
        written.map_err(|_| {
            let error = LengthError {
                what: "text",
                have: text_bytes,
                need: crate::value::ELBOW_CSV_BYTES,
            };
            error.into()
        })
    }))
}

/// Text into memory of the caller.
struct Text<'a> {
    text: &'a mut [u8],
    used: usize,
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let places = self.text.get_mut(self.used..).unwrap_or_default();
        if places.len() < text.len() {
            return Err(fmt::Error);
        }
        places
            .iter_mut()
            .zip(text.bytes())
            .for_each(|(place, byte)| *place = byte);
        self.used += text.len();
        Ok(())
    }
}

/// The raw integer of a value in the unit of a column, rounded to nearest: value / 2^exponent - offset. What lies beyond 16
/// bits, and what is no number, counts as saturated.
#[cfg(feature = "float")]
#[unsafe(no_mangle)]
pub extern "C" fn elbow_raw_reading(value: f64, exponent: i8, offset: i64) -> elbow_raw {
    raw(Column::new("", "", exponent, offset).raw(value))
}

/// As elbow_raw_reading for a value that is a whole number, such as the count of a converter, without a float.
#[unsafe(no_mangle)]
pub extern "C" fn elbow_raw_count(count: i32, exponent: i8, offset: i64) -> elbow_raw {
    raw(Column::new("", "", exponent, offset).raw_of_count(count))
}

/// The value that a raw number stands for, in the unit of a column: (raw + offset) * 2^exponent. raw may have a fraction, as
/// a mean has.
#[cfg(feature = "float")]
#[unsafe(no_mangle)]
pub extern "C" fn elbow_value(raw: f64, exponent: i8, offset: i64) -> f64 {
    Column::new("", "", exponent, offset).value(raw)
}

fn raw(Raw { value, saturated }: Raw) -> elbow_raw {
    elbow_raw { value, saturated }
}
