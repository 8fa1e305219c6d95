//! Whole files with random contents: their lengths agree, so that what is inside them is read.

use crate::dice::Dice;
use crate::mutate::cell;
use crate::seeds::{self, Order};

/// Numbers at the edges of what is a reading.
const NUMBERS: [f64; 20] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    -999.0,
    9999.0,
    32767.0,
    65535.0,
    16_777_217.0,
    1e-310,
    1e-45,
    1e-30,
    1e30,
    3.4e38,
    3.5e38,
    -1e300,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// How the numbers of an array are distributed.
#[derive(Clone, Copy)]
enum Column {
    Constant(f64),
    Counting,
    Whole,
    Even(f64),
    Edges,
    Bits,
}

impl Column {
    fn any(dice: &mut Dice) -> Self {
        let number = NUMBERS[dice.below(NUMBERS.len())];
        match dice.below(6) {
            0 => Self::Constant(number),
            1 => Self::Counting,
            2 => Self::Whole,
            3 => Self::Even(number),
            4 => Self::Edges,
            _ => Self::Bits,
        }
    }

    fn number(self, row: usize, dice: &mut Dice) -> f64 {
        match self {
            Self::Constant(number) => number,
            Self::Counting => row as f64,
            Self::Whole => dice.below(4) as f64,
            // Around a number, now and then away from it.
            Self::Even(_) if dice.once_in(20) => NUMBERS[dice.below(NUMBERS.len())],
            Self::Even(number) => number + dice.below(1000) as f64 / 1000.0,
            Self::Edges => NUMBERS[dice.below(NUMBERS.len())],
            Self::Bits => f64::from_bits(dice.word()),
        }
    }
}

/// A few lengths, or many.
fn length(dice: &mut Dice) -> usize {
    match dice.below(8) {
        0 => dice.below(2),
        1 => dice.below(64),
        _ => 1 + dice.below(12),
    }
}

/// `count` numbers of a distribution as `bytes` bytes each.
fn numbers(dice: &mut Dice, count: usize, bytes: impl Fn(f64) -> Vec<u8>) -> Vec<u8> {
    let column = Column::any(dice);
    let mut row = |row| bytes(column.number(row, dice));
    (0..count).flat_map(&mut row).collect()
}

/// An array of NumPy.
#[must_use]
pub fn npy(dice: &mut Dice) -> Vec<u8> {
    let dimensions = [1, 2, 2, 2, 3][dice.below(5)];
    let lengths: Vec<usize> = (0..dimensions).map(|_| length(dice)).collect();
    let count = lengths.iter().product();
    let (descr, data) = match dice.below(6) {
        0 => (
            "<f4",
            numbers(dice, count, |n| (n as f32).to_le_bytes().to_vec()),
        ),
        1 => (
            ">f4",
            numbers(dice, count, |n| (n as f32).to_be_bytes().to_vec()),
        ),
        2 => ("<f8", numbers(dice, count, |n| n.to_le_bytes().to_vec())),
        3 => (
            "<i8",
            numbers(dice, count, |n| (n as i64).to_le_bytes().to_vec()),
        ),
        4 => (
            "<u2",
            numbers(dice, count, |n| (n as u16).to_le_bytes().to_vec()),
        ),
        _ => (
            "|i1",
            numbers(dice, count, |n| (n as i8).to_le_bytes().to_vec()),
        ),
    };
    let shape: String = lengths.iter().map(|length| format!("{length}, ")).collect();
    let fortran = dice.pick(&["True", "False"]);
    seeds::array(descr, fortran, &format!("({shape})"), &data)
}

/// Images of bytes.
#[must_use]
pub fn idx(dice: &mut Dice) -> Vec<u8> {
    let dimensions = 1 + dice.below(4);
    let lengths: Vec<usize> = (0..dimensions).map(|_| length(dice).min(12)).collect();
    let count = lengths.iter().product();
    let mut bytes = vec![0, 0, 8, dimensions as u8];
    bytes.extend(
        lengths
            .iter()
            .flat_map(|&length| (length as u32).to_be_bytes()),
    );
    bytes.extend(numbers(dice, count, |n| vec![n as u8]));
    bytes
}

/// Sound.
#[must_use]
pub fn wav(dice: &mut Dice) -> Vec<u8> {
    let channels = 1 + dice.below(4);
    let bits = [8, 16, 24, 32][dice.below(4)];
    let codec = if bits == 32 && dice.once_in(2) { 3 } else { 1 };
    let count = channels * length(dice);
    let data = numbers(dice, count, |n| match codec {
        3 => (n as f32).to_le_bytes().to_vec(),
        _ => (n as i32).to_le_bytes()[..bits / 8].to_vec(),
    });
    seeds::sound(codec, channels as u16, bits as u16, &data)
}

/// A variable of MATLAB.
#[must_use]
pub fn variable(order: Order, dice: &mut Dice) -> Vec<u8> {
    let shape = [length(dice), length(dice)];
    let count = shape.iter().product();
    let ordered = |mut bytes: Vec<u8>| {
        if order == Order::Big {
            bytes.reverse();
        }
        bytes
    };
    let (kind, data) = match dice.below(4) {
        0 => (
            9,
            numbers(dice, count, |n| ordered(n.to_le_bytes().to_vec())),
        ),
        1 => (
            7,
            numbers(dice, count, |n| ordered((n as f32).to_le_bytes().to_vec())),
        ),
        2 => (
            12,
            numbers(dice, count, |n| ordered((n as i64).to_le_bytes().to_vec())),
        ),
        _ => (2, numbers(dice, count, |n| vec![n as u8])),
    };
    let class = 6 + dice.below(10) as u32;
    seeds::variable(
        order,
        class,
        shape.map(|length| length as u32),
        (kind, &data),
    )
}

/// A table of text, now and then with a cell of another kind.
#[must_use]
pub fn text(dice: &mut Dice) -> Vec<u8> {
    let (rows, width) = (length(dice), length(dice).min(12));
    let delimiter = dice.pick(&[",", ";", "\t", "|", " ", ", "]);
    let decimal = dice.pick(&[".", ".", ","]);
    let end = dice.pick(&["\n", "\n", "\r\n", "\r"]);
    let columns: Vec<Kind> = (0..width).map(|_| Kind::any(dice)).collect();
    let mut lines = vec![];
    if dice.once_in(2) {
        let names = (0..width).map(|column| match dice.below(4) {
            0 => cell(dice),
            1 => dice
                .pick(&["time", "label", "y", "id", "class", "state"])
                .to_owned(),
            _ => format!("c{column}"),
        });
        lines.push(names.collect::<Vec<_>>().join(delimiter));
    }
    for row in 0..rows {
        let cells = columns.iter().map(|kind| match dice.below(40) {
            0 => cell(dice),
            1 => String::new(),
            _ => kind.cell(row, dice).replace('.', decimal),
        });
        lines.push(cells.collect::<Vec<_>>().join(delimiter));
    }
    (lines.join(end) + end).into_bytes()
}

/// A small file by Zstandard that unpacks to up to 40 MB: a row, then one byte many times (RFC 8878, 3.1.1.2: blocks of
/// type 1).
#[must_use]
pub fn repeated(dice: &mut Dice) -> Vec<u8> {
    // A block's header: whether it is the last, its type, and its length.
    let block = |last: bool, kind: u32, length: u32| {
        let header = u32::from(last) | kind << 1 | length << 3;
        header.to_le_bytes()[..3].to_vec()
    };
    let byte = b",;\t| \n1\"0#-\0"[dice.below(12)];
    let mut file = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];
    let row = dice.pick(&["1,2\n", "a;b\n1;2\n", "", "\""]);
    file.extend(block(false, 0, row.len() as u32));
    file.extend(row.bytes());
    let blocks = 1 + dice.below(300);
    for at in 1..=blocks {
        file.extend(block(at == blocks, 1, 1 << 17));
        file.push(byte);
    }
    file
}

/// A table that is the same row up to two million times, which packs well.
#[must_use]
pub fn long(dice: &mut Dice) -> Vec<u8> {
    let row = dice.pick(&[
        "1,2\n",
        "0,",
        ",",
        "a,",
        "\"",
        "\n",
        "01.03.2026 06:00;1,5\n",
        "on\n",
        "1 ",
    ]);
    let times = dice.below(4 << 20) / row.len();
    row.repeat(times).into_bytes()
}

/// What the cells of a column of text are.
#[derive(Clone, Copy)]
enum Kind {
    Numbers(Column),
    Seconds,
    Clock,
    Days,
    States,
    Mixed,
}

impl Kind {
    fn any(dice: &mut Dice) -> Self {
        match dice.below(12) {
            0 => Self::Seconds,
            1 => Self::Clock,
            2 => Self::Days,
            3 | 4 => Self::States,
            5 => Self::Mixed,
            _ => Self::Numbers(Column::any(dice)),
        }
    }

    fn cell(self, row: usize, dice: &mut Dice) -> String {
        match self {
            Self::Numbers(column) => format!("{:?}", column.number(row, dice)),
            Self::Seconds => format!("2026-03-01 12:{:02}:{:02}", row / 60 % 60, row % 60),
            Self::Clock => format!("{:02}:{:02}", row / 60 % 24, row % 60),
            Self::Days => format!("{:02}/{:02}/2026", dice.below(32), dice.below(14)),
            Self::States => dice.pick(&["on", "off", "normal", "fault"]).to_owned(),
            Self::Mixed => cell(dice),
        }
    }
}
