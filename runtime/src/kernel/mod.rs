//! Dense layers on integers. The kernels know nothing of images, models or nats.
//!
//! A layer computes, for each output row `r` over its columns `c`,
//!
//! ```text
//! a_r = bias_r + sum_c w_rc * x_c          exactly, in 32 bits
//! ```
//!
//! and hands on `M_r(a_r)`, either clamped as an activation ([`Dense::activate`]) or as a wide fixed
//! point number ([`Dense::outputs`]). Weights are in `[-127, 127]`, packed as a [`Packing`] says, in as many
//! bits as [`WeightBits`] says; inputs are [`Numbers`] of 8 or 16 bits.
//!
//! Every layer takes one to four inputs at once, in lanes: the numbers of one lane stand behind those of
//! the other. A weight is then loaded once for all of them. A lane's result does not depend on the
//! other lanes.
//!
//! Inputs are first brought into the order that the core's kernel wants ([`Operands`]), once for all
//! rows of a layer; after that their memory is free for the layer's outputs.

mod arch;
mod matrix;
mod packing;
#[cfg(feature = "bits")]
pub(crate) mod sums;
mod weights;

use matrix::Limits;
pub use matrix::{Bounds, Dense, LANES, Numbers, Operands, Quantization, Row, operand_words};
use packing::BAND;
pub use packing::Packing;
pub use weights::WeightBits;
use weights::{expand, expanded, expanded_words, rows_together};

/// The bound that every accumulator keeps: `|a_r| < 2^30`. [`Dense::proves_bound`] checks it from
/// the weights, so no input can reach it.
pub const ACCUMULATOR_BOUND: i64 = 1 << 30;

/// Words that a layer needs for `lanes` inputs, on every core: [`operand_words`], and room to expand weights of
/// four bits in.
#[must_use]
pub const fn layer_words(
    bits: WeightBits,
    packing: Packing,
    columns: usize,
    lanes: usize,
) -> usize {
    operand_words(columns, lanes) + expanded_words(bits, packing, columns)
}

impl<'a> Operands<'a> {
    /// Brings `numbers` into order in `words`: `lanes` inputs of `columns` numbers, for layers with the
    /// packing `packing`. Lanes are one to four.
    ///
    /// `words` are [`layer_words`] or more; missing ones, and missing numbers, give unspecified results.
    pub fn prepare(
        packing: Packing,
        numbers: Numbers<'_>,
        columns: usize,
        lanes: usize,
        words: &'a mut [u32],
    ) -> Self {
        let starts = arch::prepare(packing, numbers, columns, lanes, words);
        Self {
            words,
            columns,
            lanes,
            wide: matches!(numbers, Numbers::Wide(_)),
            starts,
        }
    }
}

/// The narrow activations of a layer of eight bits a weight, where the core has a kernel for just that; otherwise
/// nothing, and false.
#[inline(never)]
fn activated(dense: &Dense<'_>, operands: &Operands<'_>, limits: Limits, out: &mut [i8]) -> bool {
    arch::activated(*dense, operands, limits, out)
}

/// Room for the activations of a layer, lane after lane.
#[derive(Debug)]
pub enum Activations<'a> {
    /// For a [`Quantization`] within `[-127, 127]`.
    Narrow(&'a mut [i8]),
    /// For any other.
    Wide(&'a mut [i16]),
}

impl<'a> Dense<'a> {
    /// `clamp(M_r(a_r) + zero_point, floor, ceiling)` of each row in each lane, into `out`.
    pub fn activate(
        self,
        mut operands: Operands<'_>,
        quantization: Quantization,
        out: Activations<'_>,
    ) {
        match out {
            Activations::Narrow(out) => {
                let limits = quantization.limits();
                let done = if self.bits.are_four() {
                    self.activated_in_parts(&mut operands, limits, out)
                } else {
                    activated(&self, &operands, limits, out)
                };
                if !done {
                    self.activate_with(operands, quantization, out, |q| q as i8);
                }
            }
            Activations::Wide(out) => {
                self.activate_with(operands, quantization, out, |q| q as i16);
            }
        }
    }

    /// [`activated`] with as many rows at once as there is room to expand.
    #[inline(never)]
    fn activated_in_parts(
        &self,
        operands: &mut Operands<'_>,
        limits: Limits,
        out: &mut [i8],
    ) -> bool {
        if operands.lanes > 1 {
            return false;
        }
        let (columns, packing) = (self.columns, self.packing);
        let most = rows_together(packing, columns, operands.room().len(), self.rows.len());
        let (mut rows, mut weights, mut out) = (self.rows, self.weights, out);
        while !rows.is_empty() {
            let (now, later) = rows.split_at(rows.len().min(most));
            weights = expand(packing, columns, now.len(), weights, operands.room_mut());
            let part = Dense {
                bits: WeightBits::Eight,
                rows: now,
                weights: expanded(packing, columns, now.len(), operands.room()),
                ..*self
            };
            if !activated(&part, operands, limits, out) {
                return false;
            }
            rows = later;
            out = out.get_mut(now.len()..).unwrap_or_default();
        }
        true
    }

    fn activate_with<T>(
        self,
        operands: Operands<'_>,
        quantization: Quantization,
        out: &mut [T],
        narrow: impl Fn(i32) -> T,
    ) {
        let Limits {
            floor,
            ceiling,
            zero_point,
        } = quantization.limits();
        let (rows, lanes) = (self.rows.len(), operands.lanes);
        let mut first = 0;
        let mut outputs = self.outputs(operands);
        while let Some(band) = outputs.next() {
            for lane in 0..lanes {
                let out = out.get_mut(lane * rows + first..).unwrap_or_default();
                for (out, row) in out.iter_mut().zip(band) {
                    let value = row.get(lane).copied().unwrap_or(0);
                    *out = narrow(value.max(floor).min(ceiling) + zero_point);
                }
            }
            first += band.len();
        }
    }

    /// `M_r(a_r)` of the rows in order, as the multipliers scale them.
    #[inline(never)]
    #[must_use]
    pub fn outputs(self, operands: Operands<'a>) -> Outputs<'a> {
        let mut most = BAND;
        if self.bits.are_four() {
            most = rows_together(self.packing, self.columns, operands.room().len(), BAND);
        }
        Outputs {
            rows: self.rows,
            weights: self.weights,
            packing: self.packing,
            bits: self.bits,
            bounds: self.bounds,
            most,
            band_bytes: self.packing.bytes(self.columns, BAND).unwrap_or(usize::MAX),
            operands,
            // Filled where it stays; an array of arrays would be made elsewhere, and moved.
            band: bytemuck::Zeroable::zeroed(),
        }
    }

    /// Proves [`ACCUMULATOR_BOUND`] for every input of magnitude at most `largest`, and for every
    /// partial sum in every order: `|bias| + largest * sum |w|` is an upper bound of all of them. The
    /// weight -128, which kernels may not meet, counts as a violation.
    ///
    /// # Errors
    /// The index of the first row that could reach the bound.
    pub fn proves_bound(self, largest: i64) -> Result<Bounds, usize> {
        let mut most = 0;
        let mut shift = u32::MAX;
        for (index, &Row { bias, multiplier }) in self.rows.iter().enumerate() {
            let mut norm = 0i64;
            let mut valid = true;
            for column in 0..self.columns {
                let weight =
                    self.bits
                        .weight(self.packing, self.weights, self.columns, index, column);
                norm += i64::from(weight.unsigned_abs());
                valid &= weight != i8::MIN;
            }
            if !valid || i64::from(bias).abs() + largest * norm >= ACCUMULATOR_BOUND {
                return Err(index);
            }
            most = norm.max(most);
            shift = shift.min(multiplier.to_word() >> 16);
        }
        Ok(Bounds {
            norm: u32::try_from(most).unwrap_or(u32::MAX),
            shift,
        })
    }
}

/// The outputs of a layer, computed a few rows at a time as they are asked for: no buffer holds all of
/// them.
#[derive(Debug)]
pub struct Outputs<'a> {
    rows: &'a [Row],
    weights: &'a [u8],
    packing: Packing,
    bits: WeightBits,
    bounds: Bounds,
    /// Rows of a band.
    most: usize,
    /// Of the weights of a band, where these are of eight bits.
    band_bytes: usize,
    operands: Operands<'a>,
    band: [[i32; LANES]; BAND],
}

impl Outputs<'_> {
    /// The next rows, in each lane; none after the last. An even number of them, but for the last ones of
    /// an odd number.
    #[allow(
        clippy::should_implement_trait,
        reason = "an iterator could not lend its buffer"
    )]
    #[inline(never)]
    pub fn next(&mut self) -> Option<&[[i32; LANES]]> {
        let (rows, later_rows) = self.rows.split_at(self.rows.len().min(self.most));
        if rows.is_empty() {
            return None;
        }
        self.rows = later_rows;
        let (packing, columns) = (self.packing, self.operands.columns);
        let weights = if self.bits.are_four() {
            self.expand(rows.len());
            expanded(packing, columns, rows.len(), self.operands.room())
        } else {
            // The last band may be smaller.
            let band_bytes = self.weights.len().min(self.band_bytes);
            let (weights, later_weights) = self.weights.split_at(band_bytes);
            self.weights = later_weights;
            weights
        };
        let part = Dense {
            columns,
            packing,
            bits: WeightBits::Eight,
            weights,
            rows,
            bounds: self.bounds,
        };
        arch::outputs(part, &self.operands, &mut self.band);
        self.band.get(..rows.len())
    }

    /// Expands the weights of the next rows, so many of them.
    #[inline(never)]
    fn expand(&mut self, rows: usize) {
        let (columns, room) = (self.operands.columns, self.operands.room_mut());
        self.weights = expand(self.packing, columns, rows, self.weights, room);
    }
}

#[cfg(all(test, feature = "image"))]
mod tests {
    use super::*;
    use crate::requantize::Multiplier;

    const HALF: Multiplier = Multiplier::from_validated(1 << 14 | 15 << 16); // 2^14 * 2^-15

    fn row(bias: i32) -> Row {
        Row {
            bias,
            multiplier: HALF,
        }
    }

    #[test]
    fn a_layer_by_hand() {
        for packing in Packing::ALL {
            let weights = packing.pack(3, &[1, 2, 3, -127, 127, 0]);
            let layer = Dense {
                columns: 3,
                packing,
                bits: WeightBits::Eight,
                weights: &weights,
                rows: &[row(10), row(-1)],
                bounds: Bounds::UNKNOWN,
            };
            // Accumulators: 10 + 2 - 4 + 3 = 11 and -1 - 254 - 254 = -509.
            let run = |numbers, lanes, expected: [[i32; LANES]; 2]| {
                let mut words = [0; operand_words(3, LANES)];
                let operands = Operands::prepare(packing, numbers, 3, lanes, &mut words);
                let mut outputs = layer.outputs(operands);
                let band = outputs.next().unwrap();
                for (row, expected) in band.iter().zip(expected) {
                    assert_eq!(row[..lanes], expected[..lanes], "{packing:?}");
                }
                assert_eq!(band.len(), 2);
                assert!(outputs.next().is_none());
            };
            let four = |a, b| [[a, 0, 0, 0], [b, 0, 0, 0]];
            run(Numbers::Narrow(&[2, -2, 1]), 1, four(6, -254));
            run(Numbers::Wide(&[2, -2, 1]), 1, four(6, -254));
            let lanes = [0, 0, 0, 2, -2, 1, 127, 127, 127, 1, 0, 0];
            let expected = [[5, 6, 386, 6], [0, -254, 0, -64]];
            run(Numbers::Narrow(&lanes), 4, expected);
            let lanes = lanes.map(i16::from);
            run(Numbers::Wide(&lanes), 4, expected);
            run(Numbers::Wide(&lanes), 3, expected);

            for (floor, expected) in [(-127, [11, -127]), (5, [11, 5])] {
                let mut words = [0; operand_words(3, 1)];
                let numbers = Numbers::Narrow(&[2, -2, 1]);
                let operands = Operands::prepare(packing, numbers, 3, 1, &mut words);
                let mut quantization = Quantization {
                    zero_point: 5,
                    floor,
                    ceiling: 127,
                };
                let mut out = [0; 2];
                layer.activate(operands, quantization, Activations::Narrow(&mut out));
                assert_eq!(out, expected);
                let operands = Operands::prepare(packing, numbers, 3, 1, &mut words);
                quantization.ceiling = 10;
                let mut out = [0; 2];
                layer.activate(operands, quantization, Activations::Wide(&mut out));
                assert_eq!(out, [10, i16::from(expected[1])]);
            }
        }
    }

    #[test]
    fn the_bound_is_checked_per_row() {
        for packing in Packing::ALL {
            let check = |weights: &[i8], bias, largest| {
                let packed = packing.pack(weights.len(), weights);
                let dense = Dense {
                    columns: weights.len(),
                    packing,
                    bits: WeightBits::Eight,
                    weights: &packed,
                    rows: &[row(bias)],
                    bounds: Bounds::UNKNOWN,
                };
                dense.proves_bound(largest)
            };
            let bounds = Bounds {
                norm: 25_400,
                shift: 15,
            };
            assert_eq!(check(&[-127; 200], 0, 127), Ok(bounds));
            assert_eq!(check(&[127; 200], 0, 1 << 15), Ok(bounds));
            assert_eq!(check(&[127; 300], 0, 1 << 15), Err(0));
            assert_eq!(check(&[1], i32::MAX, 127), Err(0));
            assert_eq!(check(&[-128], 0, 127), Err(0));
        }
    }
}
