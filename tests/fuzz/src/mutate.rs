//! Damage that knows what files are made of: lengths, delimiters, quotes, digits, headers.

use crate::dice::Dice;

/// The longest input, in bytes, but for runs that repeat.
const LONGEST: usize = 4096;
/// How often a piece is repeated at most, rarely.
const LONG_RUN: usize = 1 << 14;
/// How often an input is damaged at most.
const MOST: usize = 6;

/// Bytes that mean something to some parser.
const BYTES: &[u8] = b"\x00\x01\x02\x03\x04\x08\x0d\x0e\x7f\x80\xff,;|\t \r\n\"'#.-+%:/()[]{}09eETZn\xa0\xef\xbb\xbf\xfe";

/// Lengths and counts at the edges of their types.
const WORDS: [u64; 16] = [
    0,
    1,
    2,
    7,
    0x7f,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x0001_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff8,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// Cells of tables.
const CELLS: &[&str] = &[
    "",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "infinity",
    "NA",
    "-",
    "--",
    "?",
    "0",
    "-0",
    "1",
    "-999",
    "9999",
    "1e400",
    "1e-400",
    "1e308",
    "-1e39",
    "3.4028236e38",
    "1e38",
    "0x10",
    "1_000",
    "1,234,567.8",
    "1.234.567,8",
    "12,075",
    "1'234",
    "97.5 %",
    "%",
    "+",
    "+-1",
    ".",
    ",",
    "e5",
    "1e",
    "99999999999999999999999999",
    "0.000000000000000000000000000001",
    "9223372036854775808",
    "-9223372036854775809",
    "on",
    "normal",
    "\u{fc}\u{df}",
    "\u{1f600}",
    "\u{feff}",
    "\u{2009}",
    "\u{a0}",
    "\u{0}",
    "\"\"",
    "\"",
    "\"a\"\"b\"",
    "\"a\nb\"",
    "#",
    "# c\n",
    "\n\n",
    "\r",
    "\r\n",
    ";;;;",
    ",,,,",
    "\t\t",
    "|",
];

/// Times of day and days, whole and impossible.
const TIMES: &[&str] = &[
    "2026-03-01 12:00:00",
    "2026-03-01T12:00:00Z",
    "2026-03-01T12:00:00.123456789+14:00",
    "01.03.2026 06:00",
    "31/12/2026",
    "12/31/2026 11:59 PM",
    "01-Mar-2026 00:00:00",
    "23:59:60",
    "24:00:00",
    "00.00.00",
    "29.02.2023",
    "+262142-12-31",
    "262143-01-01 00:00:00",
    "-262143-01-01",
    "9999999999-01-01",
    "0000-00-00 00:00",
    "1970-01-01",
    "20260301T120000",
];

/// Names of columns that say what these are, and parts of headers of arrays.
const NAMES: &[&str] = &[
    "time",
    "label",
    "class",
    "y",
    "id",
    "flow",
    "l/s",
    "'descr': '<f8'",
    "'descr': '>i2'",
    "'descr': '|b1'",
    "'descr': '|O'",
    "'shape': (2, 3)",
    "'shape': (0,)",
    "'shape': (18446744073709551615, 2)",
    "(4294967296, 4294967296)",
    "(1, 1, 1)",
    "()",
    "(3L, 2L,)",
    "'fortran_order': True",
    "True",
    "X.npy",
    "y.npy",
];

/// Damages `input`, whole at first, one to six times; `other` is a file to take pieces from.
pub fn mutate(dice: &mut Dice, input: &mut Vec<u8>, other: &[u8]) {
    let times = 1 + dice.below(MOST);
    for _ in 0..times {
        damage(dice, input, other);
    }
    input.truncate(if dice.once_in(100) {
        16 * LONGEST
    } else {
        LONGEST
    });
}

/// Damages `input` once.
fn damage(dice: &mut Dice, input: &mut Vec<u8>, other: &[u8]) {
    match dice.below(16) {
        0 | 1 => flip(dice, input),
        2 | 3 => set_byte(dice, input),
        4 | 5 => set_word(dice, input),
        6 => step(dice, input),
        7 => input.truncate(dice.below(input.len() + 1)),
        8 => drop(input.drain(short(dice, input.len()))),
        9 => repeat(dice, input),
        10 => insert(dice, input),
        11 | 12 => replace_number(dice, input),
        13 => replace_cell(dice, input),
        14 => splice(dice, input, other),
        _ => swap(dice, input),
    }
}

/// A range that is short more often than not.
fn short(dice: &mut Dice, length: usize) -> std::ops::Range<usize> {
    let range = dice.range(length);
    let most = match dice.below(4) {
        0 => 1,
        1 => 4,
        2 => 32,
        _ => length,
    };
    range.start..range.end.min(range.start + most)
}

/// A place in a file, in its header more often than not.
fn place(dice: &mut Dice, length: usize) -> usize {
    let end = match dice.below(3) {
        0 => 16,
        1 => 192,
        _ => length,
    };
    dice.below(length.min(end))
}

fn flip(dice: &mut Dice, input: &mut [u8]) {
    let at = place(dice, input.len());
    let bit = dice.below(8);
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << bit;
    }
}

fn set_byte(dice: &mut Dice, input: &mut [u8]) {
    let at = place(dice, input.len());
    let byte = BYTES[dice.below(BYTES.len())];
    if let Some(place) = input.get_mut(at) {
        *place = byte;
    }
}

/// Writes a number at the edge of its type, or one near the length of the file, where a length may be.
fn set_word(dice: &mut Dice, input: &mut [u8]) {
    let width = [1, 2, 4, 8][dice.below(4)];
    let word = match dice.below(3) {
        0 => (input.len() as u64 + dice.below(17) as u64).wrapping_sub(8),
        1 => dice.below(300) as u64,
        _ => WORDS[dice.below(WORDS.len())],
    };
    let mut bytes = word.to_le_bytes();
    bytes[..width].reverse();
    if dice.once_in(2) {
        bytes[..width].reverse();
    }
    let mut at = place(dice, input.len());
    if dice.once_in(2) {
        at &= !3;
    }
    if let Some(place) = input.get_mut(at..at + width) {
        place.copy_from_slice(&bytes[..width]);
    }
}

/// Adds a little to a byte.
fn step(dice: &mut Dice, input: &mut [u8]) {
    let at = place(dice, input.len());
    let by = dice.below(9) as u8;
    if let Some(byte) = input.get_mut(at) {
        *byte = byte.wrapping_add(by).wrapping_sub(4);
    }
}

/// Repeats a piece, a single byte such as a delimiter more often than not; rarely thousands of times.
fn repeat(dice: &mut Dice, input: &mut Vec<u8>) {
    let range = short(dice, input.len());
    let piece = input[range.clone()].to_vec();
    let most = if dice.once_in(50) { LONG_RUN } else { 20 };
    let times = 1 + dice.below(most);
    let times = times.min(16 * LONGEST / piece.len().max(1));
    input.splice(range.end..range.end, piece.repeat(times));
}

/// A cell of a table.
pub(crate) fn cell(dice: &mut Dice) -> String {
    match dice.below(3) {
        0 => dice.pick(TIMES).to_owned(),
        _ => dice.pick(CELLS).to_owned(),
    }
}

/// A word of some format.
fn token(dice: &mut Dice) -> Vec<u8> {
    match dice.below(5) {
        0 | 1 => dice.pick(CELLS).into(),
        2 => dice.pick(TIMES).into(),
        3 => dice.pick(NAMES).into(),
        _ => {
            let length = 1 + dice.below(8);
            (0..length).map(|_| dice.word() as u8).collect()
        }
    }
}

fn insert(dice: &mut Dice, input: &mut Vec<u8>) {
    let at = dice.below(input.len() + 1);
    input.splice(at..at, token(dice));
}

/// Replaces a run of digits by a word, or by other digits.
fn replace_number(dice: &mut Dice, input: &mut Vec<u8>) {
    let from = dice.below(input.len());
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = input[from..].iter().position(is_digit) else {
        return;
    };
    let start = from + start;
    let length = input[start..].iter().take_while(|byte| is_digit(byte));
    let end = start + length.count();
    let new = match dice.below(3) {
        0 => token(dice),
        1 => dice.below(100).to_string().into_bytes(),
        _ => WORDS[dice.below(WORDS.len())].to_string().into_bytes(),
    };
    input.splice(start..end, new);
}

/// Replaces what stands between two delimiters by a word.
fn replace_cell(dice: &mut Dice, input: &mut Vec<u8>) {
    let is_edge = |byte: &u8| b",;\t|\n".contains(byte);
    let from = dice.below(input.len());
    let Some(start) = input[from..].iter().position(is_edge) else {
        return;
    };
    let start = from + start + 1;
    let length = input[start..].iter().position(is_edge);
    let end = length.map_or(input.len(), |length| start + length);
    input.splice(start..end, token(dice));
}

/// The beginning of one file and the end of another, or a piece of that in the middle.
fn splice(dice: &mut Dice, input: &mut Vec<u8>, other: &[u8]) {
    let at = dice.below(input.len() + 1);
    if dice.once_in(2) {
        input.truncate(at);
        // At the same place, so that fields keep theirs.
        let from = if dice.once_in(2) {
            at.min(other.len())
        } else {
            dice.below(other.len() + 1)
        };
        input.extend_from_slice(&other[from..]);
    } else {
        let piece = short(dice, other.len());
        input.splice(at..at, other[piece].iter().copied());
    }
}

/// Changes the order of two neighbouring pieces.
fn swap(dice: &mut Dice, input: &mut [u8]) {
    let range = short(dice, input.len());
    let middle = dice.below(range.len() + 1);
    input[range].rotate_left(middle);
}
