//! Dense layers on integers. The kernels know nothing of images, models or nats.
//!
//! A layer computes, for each output row `r` over its columns `c`,
//!
//! ```text
//! a_r = bias_r + sum_c w_rc * x_c          exactly, in 32 bits
//! ```
//!
//! and hands `a_r` on either as an `i8` activation ([`Dense::quantized`]) or as a wide fixed
//! point number ([`Dense::wide`]). Weights are `i8` in `[-127, 127]`, row after row without gaps;
//! inputs are `i8` (activations) or `i16` (latents).
//!
//! Every layer takes `K` inputs at once, 1, 2 or 4, in lanes: element `c` of an operand is `[X; K]`, the
//! `c`-th number of each of the `K` inputs. A weight is then loaded once for all of them, and one
//! pointer runs through the operands. A lane's result does not depend on the other lanes.

mod arch;

use crate::requantize::Multiplier;

/// The bound that every accumulator keeps: `|a_r| < 2^30`. [`Dense::proves_bound`] checks it from
/// the weights, so no input can reach it.
pub const ACCUMULATOR_BOUND: i64 = 1 << 30;

/// Inputs that a layer takes in at once, at most: the decoder runs as many latents, and the workspace
/// has room for them.
pub(crate) const LANES: usize = 4;

/// What one output row needs besides its weights: the bias at the accumulator's scale, and the
/// packed [`Multiplier`] that takes the accumulator to the output's scale.
pub type Row = [i32; 2];

/// A number that a layer can take in.
pub trait Operand: Copy + Into<i32> {
    /// The largest magnitude that occurs.
    const LARGEST: i64;
    /// `start + sum_c weights[c] * x[c]` in each lane, wrapping in 32 bits; the shorter of the two
    /// ends the sum. `K` is 1, 2 or 4.
    fn dot<const K: usize>(start: i32, weights: &[i8], x: &[[Self; K]]) -> [i32; K];
}

/// Quantized activations; -128 does not occur.
impl Operand for i8 {
    const LARGEST: i64 = 127;

    fn dot<const K: usize>(start: i32, weights: &[i8], x: &[[Self; K]]) -> [i32; K] {
        arch::dot_i8(start, weights, x)
    }
}

/// Latents.
impl Operand for i16 {
    const LARGEST: i64 = 1 << 15;

    fn dot<const K: usize>(start: i32, weights: &[i8], x: &[[Self; K]]) -> [i32; K] {
        arch::dot_i16(start, weights, x)
    }
}

/// A dense layer: `rows.len()` outputs of `columns` inputs.
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a> {
    /// Inputs of each row; at least one.
    pub columns: usize,
    /// Row-major weights, `rows.len() * columns` of them.
    pub weights: &'a [i8],
    /// Bias and multiplier of each row.
    pub rows: &'a [Row],
}

/// How accumulators become `i8` activations: `q = clamp(M(a) + zero_point, floor, 127)`.
///
/// A rectifier is a floor at the zero point, so it costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantization {
    /// The `i8` that stands for 0.0.
    pub zero_point: i8,
    /// The lowest `i8` that leaves the layer.
    pub floor: i8,
}

impl<'a> Dense<'a> {
    /// Each row's accumulators with its multiplier, in order.
    fn accumulate<X: Operand, const K: usize>(
        self,
        x: &'a [[X; K]],
    ) -> impl Iterator<Item = ([i32; K], Multiplier)> + 'a {
        // A layer of zero columns cannot be parsed; `max` keeps the chunk size valid all the same.
        self.weights
            .chunks_exact(self.columns.max(1))
            .zip(self.rows)
            .map(move |(weights, &[bias, multiplier])| {
                let multiplier = Multiplier::from_validated(multiplier as u32);
                (X::dot(bias, weights, x), multiplier)
            })
    }

    /// `out[r] = clamp(M_r(a_r) + zero_point, floor, 127)` in each lane for each row, as long as
    /// `out` lasts.
    pub fn quantized<X: Operand, const K: usize>(
        self,
        x: &[[X; K]],
        quantization: Quantization,
        out: &mut [[i8; K]],
    ) {
        let (zero_point, floor) = (quantization.zero_point.into(), quantization.floor.into());
        for ((accumulators, multiplier), out) in self.accumulate(x).zip(out) {
            *out = accumulators.map(|accumulator| {
                let value = multiplier.apply(accumulator).saturating_add(zero_point);
                value.max(floor).min(127) as i8
            });
        }
    }

    /// `M_r(a_r)` in each lane for each row, in order: the wide outputs, as the multipliers scale
    /// them.
    pub fn wide<X: Operand, const K: usize>(
        self,
        x: &'a [[X; K]],
    ) -> impl Iterator<Item = [i32; K]> + 'a {
        self.accumulate(x).map(|(accumulators, multiplier)| {
            accumulators.map(|accumulator| multiplier.apply(accumulator))
        })
    }

    /// Proves [`ACCUMULATOR_BOUND`] for every input of operands `X`, and for every partial sum in
    /// every order: `|bias| + LARGEST * sum |w|` is an upper bound of all of them. The weight
    /// -128, which kernels may not meet, counts as a violation.
    ///
    /// # Errors
    /// The index of the first row that could reach the bound.
    pub fn proves_bound<X: Operand>(self) -> Result<(), usize> {
        let rows = self
            .weights
            .chunks_exact(self.columns.max(1))
            .zip(self.rows);
        for (index, (weights, &[bias, _])) in rows.enumerate() {
            let norm: i64 = weights.iter().map(|w| i64::from(w.unsigned_abs())).sum();
            let largest = i64::from(bias).abs() + X::LARGEST * norm;
            if largest >= ACCUMULATOR_BOUND || weights.contains(&i8::MIN) {
                return Err(index);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: i32 = 1 << 14 | 15 << 16; // 2^14 * 2^-15

    #[test]
    fn a_layer_by_hand() {
        let layer = Dense {
            columns: 3,
            weights: &[1, 2, 3, -127, 127, 0],
            rows: &[[10, HALF], [-1, HALF]],
        };
        // Accumulators: 10 + 2 - 4 + 3 = 11 and -1 - 254 - 254 = -509.
        let x = [[2i8], [-2], [1]];
        assert!(layer.wide(&x).eq([[6], [-254]]));
        let mut out = [[0]; 2];
        layer.quantized(
            &x,
            Quantization {
                zero_point: 5,
                floor: -127,
            },
            &mut out,
        );
        assert_eq!(out, [[11], [-127]]);
        layer.quantized(
            &x,
            Quantization {
                zero_point: 5,
                floor: 5,
            },
            &mut out,
        );
        assert_eq!(out, [[11], [5]]);
        assert!(layer.wide(&[[2i16], [-2], [1]]).eq([[6], [-254]]));
        let lanes = [[0i8, 2, 127, 1], [0, -2, 127, 0], [0, 1, 127, 0]];
        assert!(layer.wide(&lanes).eq([[5, 6, 386, 6], [0, -254, 0, -64]]));
    }

    #[test]
    fn the_bound_is_checked_per_row() {
        let row = |weights: &'static [i8], bias| Dense {
            columns: weights.len(),
            weights,
            rows: if bias {
                &[[i32::MAX, HALF]]
            } else {
                &[[0, HALF]]
            },
        };
        assert_eq!(row(&[127; 200], false).proves_bound::<i8>(), Ok(()));
        assert_eq!(row(&[127; 200], false).proves_bound::<i16>(), Ok(()));
        assert_eq!(row(&[127; 300], false).proves_bound::<i16>(), Err(0));
        assert_eq!(row(&[1], true).proves_bound::<i8>(), Err(0));
        assert_eq!(row(&[-128], false).proves_bound::<i8>(), Err(0));
    }
}
