//! A layer on bits: sums of the weights of those that are one, kept from vector to vector.
//!
//! ```text
//! a_r = bias_r + sum_c w_rc * x_c          with x_c either 0 or 2^f
//! ```
//!
//! is `bias_r + s_r * 2^f`, where `s_r` is the sum of row r over the columns that are one. From one vector of bits to the next
//! only the columns that differ are added or taken off, and nothing is multiplied. [`super::Dense::activate`] is the
//! definition; this gives the same integers, and leaves to it what it does faster: vectors that differ in many bits.
//!
//! Two rows share a word. A weight is stored as a byte with 128 added, where the packing does not say so already that is
//! made good by an exclusive or, so that a sum of up to 257 columns stays within 16 bits and nothing is carried over.

use super::matrix::{Dense, Limits, Row};
use super::packing::{Packing, TILE, TILE_BYTES};
use super::{Activations, Quantization};

/// The most columns of which a sum of bytes has 16 bits.
const MOST_COLUMNS: usize = 257;

/// The weights of a column of a tile lie this far apart, row after row.
const COLUMN_BYTES: usize = 3 * TILE + 1;

/// Sums of a layer over the bits at hand.
#[derive(Debug)]
struct Sums<'w> {
    /// For each four rows two words: rows 0 and 2, then rows 1 and 3, the first one in the lower half.
    pairs: &'w mut [u32],
    /// The bits at hand, the lowest first.
    bits: &'w mut [u32],
}

/// Words of the pairs of a layer of so many rows.
const fn pair_words(rows: usize) -> usize {
    2 * rows.div_ceil(TILE)
}

/// Words that the sums of a layer take; none where they are not to be kept: weights lie in tiles for cores that multiply one or
/// two numbers at a time.
pub(crate) const fn sums_words(dense: &Dense<'_>) -> usize {
    let in_tiles = !matches!(dense.packing, Packing::Rows);
    if in_tiles && !dense.bits.are_four() && dense.columns <= MOST_COLUMNS {
        pair_words(dense.rows.len()) + dense.columns.div_ceil(32)
    } else {
        0
    }
}

/// As [`Dense::activate`] on vectors of bits, one behind the other in `numbers`: each number is 0 or `2^f`, the same for all.
/// `words` are [`sums_words`], all of them 0 at first and then as this left them. Gives false, and does nothing, where so many
/// bits differ that products are faster.
#[inline(never)]
pub(crate) fn activate(
    dense: &Dense<'_>,
    numbers: &[i16],
    words: &mut [u32],
    quantization: Quantization,
    out: Activations<'_>,
) -> bool {
    let Some((pairs, bits)) = words.split_at_mut_checked(pair_words(dense.rows.len())) else {
        return false;
    };
    let mut sums = Sums { pairs, bits };
    if sums.changes(dense, numbers) as usize * products_of_a_change(dense) > numbers.len() {
        return false;
    }
    sums.activate(dense, numbers, quantization, out);
    true
}

/// How many products of a row take as long as one column that is added: cores with the DSP extension take two a cycle.
const fn products_of_a_change(dense: &Dense<'_>) -> usize {
    match dense.packing {
        Packing::PairedTiles => 6,
        _ => 2,
    }
}

impl Sums<'_> {
    /// How many bits change from the ones at hand to each vector of `numbers` in turn.
    #[inline(never)]
    fn changes(&self, dense: &Dense<'_>, numbers: &[i16]) -> u32 {
        let (mut changes, mut before): (u32, &[i16]) = (0, &[]);
        for numbers in numbers.chunks(dense.columns.max(1)) {
            for (index, &number) in numbers.iter().enumerate() {
                let was = match before.get(index) {
                    Some(&before) => before != 0,
                    None => self
                        .bits
                        .get(index / 32)
                        .is_some_and(|bits| bits >> (index & 31) & 1 == 1),
                };
                changes += u32::from(was != (number != 0));
            }
            before = numbers;
        }
        changes
    }

    /// Goes over to the bits of `numbers`, each of which is one unless it is 0; gives how many are, and the logarithm of what
    /// they stand for.
    fn go_to(&mut self, dense: &Dense<'_>, numbers: &[i16]) -> (u32, u32) {
        let (mut ones, mut one) = (0, 0);
        for (index, numbers) in numbers.chunks(32).enumerate() {
            let mut word = 0;
            for (place, &number) in numbers.iter().enumerate() {
                word |= u32::from(number != 0) << (place & 31);
                one |= number;
            }
            ones += word.count_ones();
            let before = self.bits.get_mut(index).map_or(word, |bits| {
                let before = *bits;
                *bits = word;
                before
            });
            let mut changed = before ^ word;
            while changed != 0 {
                let place = changed.trailing_zeros();
                changed &= changed - 1;
                self.flip(dense, 32 * index + place as usize, word >> place & 1 == 1);
            }
        }
        (ones, one.trailing_zeros())
    }

    /// Adds the column, or takes it off.
    #[inline(never)]
    fn flip(&mut self, dense: &Dense<'_>, column: usize, add: bool) {
        let stride = dense.columns.div_ceil(TILE) * TILE_BYTES;
        let first = column / TILE * TILE_BYTES + column % TILE;
        let signed = 0x80 ^ u32::from(dense.packing.flip(column));
        let flip = signed | signed << 16;
        let mut weights = dense.weights.get(first..).unwrap_or_default();
        for pair in self.pairs.chunks_exact_mut(2) {
            let (Some(column), [even, odd]) = (weights.first_chunk::<COLUMN_BYTES>(), pair) else {
                return;
            };
            let of_even = (u32::from(column[0]) | u32::from(column[2 * TILE]) << 16) ^ flip;
            let of_odd = (u32::from(column[TILE]) | u32::from(column[3 * TILE]) << 16) ^ flip;
            // What is taken off was added before, so that nothing is borrowed either.
            if add {
                *even = even.wrapping_add(of_even);
                *odd = odd.wrapping_add(of_odd);
            } else {
                *even = even.wrapping_sub(of_even);
                *odd = odd.wrapping_sub(of_odd);
            }
            weights = weights.get(stride..).unwrap_or_default();
        }
    }

    /// Hands `output` each output of `dense` before its zero point is added, for the bits of `numbers`.
    fn outputs(&mut self, dense: &Dense<'_>, numbers: &[i16], mut output: impl FnMut(i32)) {
        let (ones, fraction_bits) = self.go_to(dense, numbers);
        let (offset, fraction_bits) = (128 * ones.cast_signed(), fraction_bits & 15);
        let mut rows = dense.rows;
        for pair in self.pairs.chunks_exact(2) {
            let (band, later) = rows.split_at(rows.len().min(TILE));
            let [even, odd] = pair else { return };
            let sums = [even & 0xffff, odd & 0xffff, even >> 16, odd >> 16];
            for (&Row { bias, multiplier }, sum) in band.iter().zip(sums) {
                let sum = sum.cast_signed() - offset;
                output(multiplier.apply(bias.wrapping_add(sum << fraction_bits)));
            }
            rows = later;
        }
    }

    fn activate(
        &mut self,
        dense: &Dense<'_>,
        numbers: &[i16],
        quantization: Quantization,
        out: Activations<'_>,
    ) {
        match out {
            Activations::Narrow(out) => {
                self.activate_with(dense, numbers, quantization, out, |q| q as i8);
            }
            Activations::Wide(out) => {
                self.activate_with(dense, numbers, quantization, out, |q| q as i16);
            }
        }
    }

    fn activate_with<T>(
        &mut self,
        dense: &Dense<'_>,
        numbers: &[i16],
        quantization: Quantization,
        out: &mut [T],
        narrow: impl Fn(i32) -> T,
    ) {
        let Limits {
            floor,
            ceiling,
            zero_point,
        } = quantization.limits();
        let mut out = out.iter_mut();
        for numbers in numbers.chunks(dense.columns.max(1)) {
            self.outputs(dense, numbers, |value| {
                if let Some(out) = out.next() {
                    *out = narrow(value.max(floor).min(ceiling) + zero_point);
                }
            });
        }
    }
}

#[cfg(all(test, feature = "image"))]
mod tests {
    extern crate std;
    use super::*;
    use crate::kernel::{Bounds, LANES, Numbers, Operands, WeightBits, layer_words};
    use crate::requantize::Multiplier;
    use crate::rng;
    use rand_core::Rng;
    use std::{vec, vec::Vec};

    /// On vectors of random bits, one after another, sums give what products give, also at the most columns of the largest
    /// weights.
    #[test]
    fn sums_are_products_of_bits() {
        let mut words = rng::stream(5, 5);
        for (columns, rows) in [(1, 1), (3, 5), (12, 7), (32, 128), (33, 9), (257, 4)] {
            for packing in [Packing::Tiles, Packing::PairedTiles] {
                let largest = columns == 257;
                let weights: Vec<i8> = (0..columns * rows)
                    .map(|_| match (largest, words.next_u32() as i8) {
                        (true, sign) => sign.signum() * 127,
                        (false, weight) => weight.max(-127),
                    })
                    .collect();
                let packed = packing.pack(columns, &weights);
                let row = |_| Row {
                    bias: words.next_u32() as i32 >> 8,
                    multiplier: Multiplier::from_validated(20_000 | 33 << 16),
                };
                let rows: Vec<Row> = (0..rows).map(row).collect();
                let dense = Dense {
                    columns,
                    packing,
                    bits: WeightBits::Eight,
                    weights: &packed,
                    rows: &rows,
                    bounds: Bounds::UNKNOWN,
                };
                compare(&dense, &mut words);
            }
        }
    }

    /// Products are left to others where much changes.
    #[test]
    fn few_changes_are_summed_up() {
        let packing = Packing::PairedTiles;
        let packed = packing.pack(24, &[1; 24]);
        let dense = Dense {
            columns: 24,
            packing,
            bits: WeightBits::Eight,
            weights: &packed,
            rows: &[Row::ZERO],
            bounds: Bounds::UNKNOWN,
        };
        let mut kept = vec![0; sums_words(&dense)];
        let mut sum = |ones: usize| {
            let mut numbers = vec![0; 24];
            numbers[..ones].fill(1 << 14);
            let quantization = Quantization {
                zero_point: 0,
                floor: 0,
                ceiling: 127,
            };
            let out = Activations::Narrow(&mut [0]);
            activate(&dense, &numbers, &mut kept, quantization, out)
        };
        // Six products a change: four of 24 bits at most.
        assert_eq!(
            [5, 4, 8, 13, 12, 7].map(&mut sum),
            [false, true, true, false, true, false]
        );
    }

    fn compare(dense: &Dense<'_>, words: &mut impl Rng) {
        const FRACTION_BITS: u32 = 14;
        let (columns, rows) = (dense.columns, dense.rows.len());
        let mut kept = vec![0; sums_words(dense)];
        let (pairs, bits) = kept.split_at_mut(pair_words(rows));
        let mut sums = Sums { pairs, bits };
        let mut last = vec![0; columns];
        for turn in 0..20 {
            let lanes = 1 + turn % LANES;
            // From few bits to all at once.
            let mut numbers: Vec<i16> = last.repeat(lanes);
            for number in &mut numbers {
                let flips = match turn {
                    0 => false,
                    1 => true,
                    _ => words.next_u32().is_multiple_of(2 + 3 * (turn as u32 % 5)),
                };
                *number ^= i16::from(flips) << FRACTION_BITS;
            }
            last = numbers[numbers.len() - columns..].to_vec();
            for ceiling in [127, 4000] {
                let quantization = Quantization {
                    zero_point: 3 - ceiling,
                    floor: 5 - ceiling,
                    ceiling,
                };
                let mut room =
                    vec![0; layer_words(WeightBits::Eight, dense.packing, columns, lanes)];
                let operands = Operands::prepare(
                    dense.packing,
                    Numbers::Wide(&numbers),
                    columns,
                    lanes,
                    &mut room,
                );
                let (mut product, mut sum) = (vec![0; lanes * rows], vec![0; lanes * rows]);
                dense.activate(operands, quantization, Activations::Wide(&mut product));
                let out = Activations::Wide(&mut sum);
                sums.activate(dense, &numbers, quantization, out);
                assert_eq!(product, sum, "{columns} {rows} {lanes} {:?}", dense.packing);
                if ceiling == 127 {
                    let mut narrow = vec![0; lanes * rows];
                    let out = Activations::Narrow(&mut narrow);
                    sums.activate(dense, &numbers, quantization, out);
                    let narrow: Vec<i16> = narrow.into_iter().map(i16::from).collect();
                    assert_eq!(product, narrow);
                }
            }
        }
    }
}
