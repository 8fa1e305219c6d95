//! The kernels against the definition of a layer, on random cases.

use core::fmt;
use elbow::kernel::{ACCUMULATOR_BOUND, Dense, Operand, Quantization, Row};
use elbow::requantize::Multiplier;
use elbow::rng::{self, Xoshiro128PlusPlus};
use rand_core::Rng;

/// Most columns, and most rows, of a case.
pub const MOST: usize = 70;

/// The first result of a kernel that is not what the definition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the case, from 0.
    pub case: u32,
    /// Columns of the layer.
    pub columns: usize,
    /// The row of the layer, from 0.
    pub row: usize,
    /// Inputs at once.
    pub lanes: usize,
    /// Whether the outputs are wide.
    pub wide: bool,
    /// Bits of an input.
    pub bits: usize,
    /// What the kernel computes.
    pub have: i32,
    /// What it is by definition.
    pub need: i32,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            case,
            columns,
            row,
            lanes,
            wide,
            bits,
            have,
            need,
        } = self;
        let kind = if *wide { "wide" } else { "quantized" };
        write!(
            f,
            "case {case}: row {row} of {columns} columns, {lanes} inputs of {bits} bits, {kind}: \
             the kernel gives {have}, the definition {need}"
        )
    }
}

/// A random layer with its inputs, in about 8 KiB.
struct Case {
    number: u32,
    columns: usize,
    rows: usize,
    weights: [i8; MOST * MOST],
    row_words: [Row; MOST],
    quantization: Quantization,
    words: Xoshiro128PlusPlus,
}

/// Runs `cases` random layers through the kernels. Case `n` follows from `seed` and `n` alone.
///
/// The digest of all results, FNV-1a with 32 bits over their little-endian words, is the same on
/// every machine.
///
/// # Errors
///
/// The first result that is not what the definition says.
pub fn sweep(seed: u64, cases: u32) -> Result<u32, Difference> {
    let mut digest = Digest(0x811c_9dc5);
    let mut case = Case {
        number: 0,
        columns: 0,
        rows: 0,
        weights: [0; MOST * MOST],
        row_words: [[0; 2]; MOST],
        quantization: Quantization {
            zero_point: 0,
            floor: 0,
        },
        words: rng::stream(seed, 0),
    };
    for number in 0..cases {
        case.number = number;
        case.words = rng::stream(seed, number.into());
        match case.words.next_u32() % 6 {
            0 => case.check::<i8, 1>(&mut digest)?,
            1 => case.check::<i8, 2>(&mut digest)?,
            2 => case.check::<i8, 4>(&mut digest)?,
            3 => case.check::<i16, 1>(&mut digest)?,
            4 => case.check::<i16, 2>(&mut digest)?,
            _ => case.check::<i16, 4>(&mut digest)?,
        }
    }
    Ok(digest.0)
}

/// FNV-1a (Fowler, Noll and Vo), 32 bits.
struct Digest(u32);

impl Digest {
    fn add(&mut self, value: i32) {
        for byte in value.to_le_bytes() {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
}

/// What a case draws of its inputs.
trait Input: Operand + Default {
    /// A number from a word: any, or one of the two extremes.
    fn draw(word: u32, extreme: bool) -> Self;
    /// The extreme that makes the product with `weight` as large as can be.
    fn toward(weight: i8) -> Self;
}

impl Input for i8 {
    fn draw(word: u32, extreme: bool) -> Self {
        signed(word, extreme)
    }

    fn toward(weight: i8) -> Self {
        if weight < 0 { -127 } else { 127 }
    }
}

impl Input for i16 {
    fn draw(word: u32, extreme: bool) -> Self {
        match (extreme, word & 1) {
            (false, _) => (word >> 8) as i16,
            (true, 0) => Self::MAX,
            (true, _) => Self::MIN,
        }
    }

    fn toward(weight: i8) -> Self {
        if weight < 0 { Self::MIN } else { Self::MAX }
    }
}

/// A number in `[-127, 127]`, or one of its ends.
fn signed(word: u32, extreme: bool) -> i8 {
    match (extreme, word & 1) {
        (false, _) => ((word >> 8) as i8).max(-127),
        (true, 0) => 127,
        (true, _) => -127,
    }
}

impl Case {
    fn below(&mut self, bound: u32) -> u32 {
        self.words.next_u32() % bound
    }

    /// Draws the layer: sizes, weights, biases, multipliers, quantization.
    fn draw_layer<X: Input>(&mut self) {
        self.columns = 1 + self.below(MOST as u32) as usize;
        self.rows = 1 + self.below(MOST as u32) as usize;
        let (extreme, small) = (self.below(4) == 0, self.below(4) == 0);
        let count = self.columns * self.rows;
        for weight in self.weights.iter_mut().take(count) {
            let drawn = signed(self.words.next_u32(), extreme);
            *weight = if small { drawn >> 5 } else { drawn };
        }
        for index in 0..self.rows {
            let bias = self.draw_bias::<X>(index);
            let multiplier = self.draw_multiplier();
            self.row_words[index] = [bias, multiplier.cast_signed()];
        }
        let zero_point = signed(self.words.next_u32(), false);
        let rectifies = self.below(2) == 0;
        let floor = if rectifies { zero_point } else { -127 };
        self.quantization = Quantization { zero_point, floor };
    }

    /// A bias that the bound of accumulators allows; one in two is as large as it may be.
    fn draw_bias<X: Input>(&mut self, index: usize) -> i32 {
        let norm: i64 = self
            .weights_of(index)
            .iter()
            .map(|w| i64::from(*w).abs())
            .sum();
        let most = (ACCUMULATOR_BOUND - 1 - X::LARGEST * norm) as i32;
        match self.below(4) {
            0 => most,
            1 => -most,
            _ => (self.words.next_u32().cast_signed() >> 12).clamp(-most, most),
        }
    }

    /// The word of any multiplier; most are such as exporters make.
    fn draw_multiplier(&mut self) -> u32 {
        let mantissa = match self.below(8) {
            0 => Multiplier::MAX_MANTISSA,
            1 => 0,
            _ => 1 << 14 | self.below(1 << 14),
        };
        let shift = match self.below(4) {
            0 => self.below(Multiplier::MAX_SHIFT + 1),
            _ => 17 + self.below(22),
        };
        mantissa | shift << 16
    }

    fn weights_of(&self, row: usize) -> &[i8] {
        &self.weights[row * self.columns..][..self.columns]
    }

    /// Draws the inputs: any, extremes, or in each lane those that bring one row to its bound.
    fn draw_inputs<X: Input, const K: usize>(&mut self, x: &mut [[X; K]]) {
        let style = self.below(3);
        for lane in 0..K {
            let row = self.below(self.rows as u32) as usize;
            let negate = self.below(2) == 0;
            for (column, x) in x.iter_mut().enumerate() {
                let word = self.words.next_u32();
                let weight = self.weights[row * self.columns + column];
                x[lane] = match style {
                    0 => X::draw(word, false),
                    1 => X::draw(word, true),
                    _ if negate => X::toward(!weight),
                    _ => X::toward(weight),
                };
            }
        }
    }

    /// Draws a case and checks its wide and its quantized outputs.
    fn check<X: Input, const K: usize>(&mut self, digest: &mut Digest) -> Result<(), Difference> {
        self.draw_layer::<X>();
        let mut x = [[X::default(); K]; MOST];
        let columns = self.columns;
        self.draw_inputs(&mut x[..columns]);
        let x = &x[..columns];
        let dense = Dense {
            columns,
            weights: &self.weights[..columns * self.rows],
            rows: &self.row_words[..self.rows],
        };
        let mut activations = [[0i8; K]; MOST];
        dense.quantized(x, self.quantization, &mut activations[..self.rows]);
        let mut wide = [[0i32; K]; MOST];
        for (place, outputs) in wide.iter_mut().zip(dense.wide(x)) {
            *place = outputs;
        }
        for row in 0..self.rows {
            for lane in 0..K {
                let need = self.define(row, x.iter().map(|x| x[lane].into()));
                let results = [
                    (true, wide[row][lane], need.0),
                    (false, activations[row][lane].into(), need.1),
                ];
                for (wide, have, need) in results {
                    digest.add(have);
                    if have != need {
                        return Err(Difference {
                            case: self.number,
                            columns,
                            row,
                            lanes: K,
                            wide,
                            bits: 8 * size_of::<X>(),
                            have,
                            need,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// The wide and the quantized output of a row, by the definition.
    fn define(&self, row: usize, x: impl Iterator<Item = i32>) -> (i32, i32) {
        let [bias, multiplier] = self.row_words[row];
        let products = self.weights_of(row).iter().zip(x);
        let accumulator = bias + products.map(|(&w, x)| i32::from(w) * x).sum::<i32>();
        let (mantissa, shift) = (multiplier & 0xffff, multiplier >> 16);
        // To the nearest integer, halves up: twice the quotient plus one, halved.
        let twice = 2 * i64::from(accumulator) * i64::from(mantissa) + (1 << shift);
        let wide = twice >> (shift + 1);
        let wide = wide.clamp(i32::MIN.into(), i32::MAX.into());
        let Quantization { zero_point, floor } = self.quantization;
        let quantized = (wide + i64::from(zero_point)).clamp(floor.into(), 127);
        (wide as i32, quantized as i32)
    }
}
