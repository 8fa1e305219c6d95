//! The kernels against the definition of a layer, on random cases.

use core::fmt;
use elbow::internal::{
    ACCUMULATOR_BOUND, Activations, Bounds, Dense, LANES, Numbers, Operands, Row, layer_words,
};
use elbow::layer::{Packing, Quantization, WeightBits};
use elbow::requantize::Multiplier;
use elbow::rng::{self, Xoshiro128PlusPlus};
use rand_core::Rng;

/// Most columns, and most rows, of a case, but for one in sixteen.
pub const MOST: usize = 70;

/// Most columns of any case: more than kernels sum up at a stretch.
pub const LONG: usize = 600;

/// One case in so many has rows as long as that.
const LONG_EVERY: u32 = 16;

/// Most rows of such a case: their weights take no more room than those of the others.
const LONG_ROWS: usize = 8;

/// Most columns of them where inputs are wide: of more a row of large weights could reach the bound.
const LONG_WIDE: usize = 250;

const _: () = assert!(LONG * LONG_ROWS <= MOST * MOST && LONG.is_multiple_of(4));

/// The same, in whole tiles.
const TILED: usize = MOST.next_multiple_of(4);

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
    /// The packing of the weights.
    pub packing: Packing,
    /// In how many bits each.
    pub weights: WeightBits,
    /// Whether the outputs are wide.
    pub wide: bool,
    /// Bits of an input.
    pub bits: u32,
    /// The kernel's result.
    pub have: i32,
    /// The result by definition.
    pub need: i32,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            case,
            columns,
            row,
            lanes,
            packing,
            weights,
            wide,
            bits,
            have,
            need,
        } = self;
        let kind = if *wide { "wide" } else { "quantized" };
        write!(
            f,
            "case {case}: row {row} of {columns} columns, {packing:?} of {} bits, {lanes} inputs of {bits} bits, \
             {kind}: the kernel gives {have}, the definition {need}",
            weights.count()
        )
    }
}

/// A random layer with its inputs, in about 12 KiB.
struct Case {
    number: u32,
    columns: usize,
    rows: usize,
    /// Whether weights are such as four bits hold.
    coarse: bool,
    weights: [i8; MOST * MOST],
    packed: Packed,
    row_words: [Row; MOST],
    quantization: Quantization,
    words: Xoshiro128PlusPlus,
}

/// The inputs of a layer, lane after lane.
struct Inputs<'a> {
    raw: &'a [i16],
    /// The same as activations, where they are.
    bytes: Option<&'a [i8]>,
    lanes: usize,
    /// The largest magnitude of a number, where the kernels are told what follows from it.
    known: Option<i64>,
}

impl Inputs<'_> {
    fn numbers(&self) -> Numbers<'_> {
        self.bytes.map_or(Numbers::Wide(self.raw), Numbers::Narrow)
    }
}

/// Packed weights begin at a word.
#[repr(align(4))]
struct Packed([u8; TILED * TILED]);

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
        coarse: false,
        weights: [0; MOST * MOST],
        packed: Packed([0; TILED * TILED]),
        row_words: [Row::ZERO; MOST],
        quantization: Quantization {
            zero_point: 0,
            floor: 0,
            ceiling: 127,
        },
        words: rng::stream(seed, 0),
    };
    for number in 0..cases {
        case.number = number;
        case.words = rng::stream(seed, number.into());
        let lanes = 1 + (case.words.next_u32() % LANES as u32) as usize;
        case.check(lanes, number % 3 == 0, &mut digest)?;
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
    fn draw_layer(&mut self, largest: i64) {
        let (columns, rows) = match self.below(LONG_EVERY) {
            0 if largest > 127 => (LONG_WIDE, LONG_ROWS),
            0 => (LONG, LONG_ROWS),
            _ => (MOST, MOST),
        };
        self.columns = 1 + self.below(columns as u32) as usize;
        self.rows = 1 + self.below(rows as u32) as usize;
        let (extreme, small) = (self.below(4) == 0, self.below(4) == 0);
        self.coarse = self.number.is_multiple_of(2);
        let count = self.columns * self.rows;
        for weight in self.weights.iter_mut().take(count) {
            let drawn = signed(self.words.next_u32(), extreme);
            *weight = if small { drawn >> 5 } else { drawn };
            if self.coarse {
                *weight = *weight / 16 * 16;
            }
        }
        let usual = self.below(2) == 0;
        for index in 0..self.rows {
            let bias = self.draw_bias(index, largest);
            let multiplier = self.draw_multiplier(usual);
            self.row_words[index] = Row { bias, multiplier };
        }
        let ceiling = if self.below(3) == 0 { 32_767 } else { 127 };
        let drawn = self.words.next_u32() as i16;
        let zero_point = (i32::from(drawn) % (i32::from(ceiling) + 1)) as i16;
        let rectifies = self.below(2) == 0;
        let floor = if rectifies { zero_point } else { -ceiling };
        self.quantization = Quantization {
            zero_point,
            floor,
            ceiling,
        };
    }

    /// A bias that the bound of accumulators allows; one in two is as large as it may be.
    fn draw_bias(&mut self, index: usize, largest: i64) -> i32 {
        let norm: i64 = self
            .weights_of(index)
            .iter()
            .map(|w| i64::from(*w).abs())
            .sum();
        let most = (ACCUMULATOR_BOUND - 1 - largest * norm) as i32;
        match self.below(4) {
            0 => most,
            1 => -most,
            _ => (self.words.next_u32().cast_signed() >> 12).clamp(-most, most),
        }
    }

    /// The word of any multiplier; most are such as exporters make, or all.
    fn draw_multiplier(&mut self, usual: bool) -> Multiplier {
        let mantissa = match self.below(8) {
            0 => Multiplier::MAX_MANTISSA,
            1 => 0,
            _ => 1 << 14 | self.below(1 << 14),
        };
        let shift = match self.below(4) {
            0 if !usual => self.below(Multiplier::MAX_SHIFT + 1),
            _ => 17 + self.below(22),
        };
        Multiplier::from_word(mantissa | shift << 16).unwrap_or(Row::ZERO.multiplier)
    }

    fn weights_of(&self, row: usize) -> &[i8] {
        &self.weights[row * self.columns..][..self.columns]
    }

    /// Draws the inputs: any, extremes, or in each lane those that bring one row to its bound.
    fn draw_inputs(&mut self, x: &mut [i16], wide: bool) {
        let style = self.below(3);
        let (low, high) = if wide {
            (i16::MIN, i16::MAX)
        } else {
            (-127, 127)
        };
        for x in x.chunks_exact_mut(self.columns) {
            let row = self.below(self.rows as u32) as usize;
            let negate = self.below(2) == 0;
            for (column, x) in x.iter_mut().enumerate() {
                let word = self.words.next_u32();
                let weight = self.weights[row * self.columns + column];
                *x = match style {
                    0 if wide => (word >> 8) as i16,
                    0 => signed(word, false).into(),
                    1 if word & 1 == 0 => low,
                    1 => high,
                    _ if (weight < 0) == negate => high,
                    _ => low,
                };
            }
        }
    }

    /// Draws a case and checks its wide and its quantized outputs, in each packing, and where four bits hold its
    /// weights, in these too.
    fn check(
        &mut self,
        lanes: usize,
        wide_inputs: bool,
        digest: &mut Digest,
    ) -> Result<(), Difference> {
        let largest = if wide_inputs { 1 << 15 } else { 127 };
        self.draw_layer(largest);
        let mut inputs = [0i16; LANES * LONG];
        let inputs = &mut inputs[..lanes * self.columns];
        self.draw_inputs(inputs, wide_inputs);
        let mut bytes = [0i8; LANES * LONG];
        for (byte, &x) in bytes.iter_mut().zip(inputs.iter()) {
            *byte = x as i8;
        }
        let inputs = Inputs {
            raw: inputs,
            bytes: (!wide_inputs).then_some(&bytes[..lanes * self.columns]),
            lanes,
            known: (self.below(2) == 0).then_some(largest),
        };
        for packing in Packing::ALL {
            for weights in WeightBits::ALL {
                if self.coarse || weights == WeightBits::Eight {
                    self.check_packed(packing, weights, &inputs, digest)?;
                }
            }
        }
        Ok(())
    }

    fn check_packed(
        &mut self,
        packing: Packing,
        bits: WeightBits,
        inputs: &Inputs<'_>,
        digest: &mut Digest,
    ) -> Result<(), Difference> {
        let (columns, rows, lanes) = (self.columns, self.rows, inputs.lanes);
        let length = bits.bytes(packing, columns, rows).unwrap_or(0);
        let packed = &mut self.packed.0[..length];
        bits.pack_into(packing, columns, &self.weights[..columns * rows], packed);
        if packing != Packing::Rows {
            self.fill_tiles(bits, length);
        }
        let dense = Dense {
            columns,
            packing,
            bits,
            weights: &self.packed.0[..length],
            rows: &self.row_words[..rows],
            bounds: Bounds::UNKNOWN,
        };
        let bounds = inputs
            .known
            .map(|largest| dense.proves_bound(largest).unwrap());
        let bounds = bounds.unwrap_or(Bounds::UNKNOWN);
        let dense = Dense { bounds, ..dense };
        let mut words = [0; layer_words(WeightBits::Four, Packing::Tiles, LONG, LANES)];
        let mut activations = [0i16; LANES * MOST];
        let operands = Operands::prepare(packing, inputs.numbers(), columns, lanes, &mut words);
        self.activate(dense, operands, &mut activations[..lanes * rows]);
        let operands = Operands::prepare(packing, inputs.numbers(), columns, lanes, &mut words);
        let mut outputs = dense.outputs(operands);
        let mut row = 0;
        while let Some(band) = outputs.next() {
            for outputs in band {
                for (lane, &output) in outputs.iter().enumerate().take(lanes) {
                    let x = inputs.raw[lane * columns..][..columns].iter();
                    let need = self.define(row, x.map(|&x| x.into()));
                    let have = (output, i32::from(activations[lane * rows + row]));
                    digest.add(have.0);
                    digest.add(have.1);
                    if have != need {
                        return Err(self.difference(&dense, inputs, row, (have, need)));
                    }
                }
                row += 1;
            }
        }
        assert_eq!(row, rows);
        Ok(())
    }

    /// What is told of row `row`, whose wide and quantized outputs are the first pair where they need to be the second.
    fn difference(
        &self,
        dense: &Dense<'_>,
        inputs: &Inputs<'_>,
        row: usize,
        (have, need): ((i32, i32), (i32, i32)),
    ) -> Difference {
        let wide = have.0 != need.0;
        let of = |pair: (i32, i32)| if wide { pair.0 } else { pair.1 };
        Difference {
            case: self.number,
            columns: self.columns,
            row,
            lanes: inputs.lanes,
            packing: dense.packing,
            weights: dense.bits,
            wide,
            bits: if inputs.bytes.is_some() { 8 } else { 16 },
            have: of(have),
            need: of(need),
        }
    }

    /// Puts any numbers where tiles have no weight of the layer: every kernel ignores them.
    fn fill_tiles(&mut self, bits: WeightBits, length: usize) {
        let (tiles, mut word) = (self.columns.div_ceil(4), self.number);
        let bytes = match bits {
            WeightBits::Eight => length,
            WeightBits::Four => 2 * length,
        };
        for place in 0..bytes {
            let (tile, row, column) = (place / 16, place % 16 / 4, place % 4);
            if tile / tiles * 4 + row < self.rows && tile % tiles * 4 + column < self.columns {
                continue;
            }
            word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let any = (word >> 24) as u8;
            match bits {
                WeightBits::Eight => self.packed.0[place] = any,
                // The bytes k and k + 4 of eight are the halves of one that is stored.
                WeightBits::Four => {
                    self.packed.0[place / 8 * 4 + place % 4] ^= (any & 15) << (place & 4);
                }
            }
        }
    }

    fn activate(&self, dense: Dense<'_>, operands: Operands<'_>, out: &mut [i16]) {
        if self.quantization.ceiling > 127 {
            dense.activate(operands, self.quantization, Activations::Wide(out));
            return;
        }
        let mut narrow = [0i8; LANES * MOST];
        let narrow = &mut narrow[..out.len()];
        dense.activate(operands, self.quantization, Activations::Narrow(narrow));
        for (out, &narrow) in out.iter_mut().zip(narrow.iter()) {
            *out = narrow.into();
        }
    }

    /// The wide and the quantized output of a row, by the definition.
    fn define(&self, row: usize, x: impl Iterator<Item = i32>) -> (i32, i32) {
        let Row { bias, multiplier } = self.row_words[row];
        let multiplier = multiplier.to_word();
        let products = self.weights_of(row).iter().zip(x);
        let accumulator = bias + products.map(|(&w, x)| i32::from(w) * x).sum::<i32>();
        let (mantissa, shift) = (multiplier & 0xffff, multiplier >> 16);
        // To the nearest integer, halves up: twice the quotient plus one, halved.
        let twice = 2 * i64::from(accumulator) * i64::from(mantissa) + (1 << shift);
        let wide = twice >> (shift + 1);
        let wide = wide.clamp(i32::MIN.into(), i32::MAX.into());
        let Quantization {
            zero_point,
            floor,
            ceiling,
        } = self.quantization;
        let quantized = (wide + i64::from(zero_point)).clamp(floor.into(), ceiling.into());
        (wide as i32, quantized as i32)
    }
}
