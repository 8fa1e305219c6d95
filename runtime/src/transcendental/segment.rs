//! The one evaluator behind every table: a quadratic on a fraction of a piece.

/// Where the binary points of a table's coefficients lie.
///
/// A table is made for one scale, and the generator writes the scale beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Bits of the position inside a piece; 8 to 15.
    pub(crate) fraction_bits: u32,
    /// Shift from the product of `c2` and the squared position to the unit of the slope's product.
    pub(crate) curve_shift: u32,
    /// Shift from the unit of the slope's product to that of `c0`.
    pub(crate) slope_shift: u32,
    /// Shift from the unit of `c0` to that of the result; half of the result's unit is part of `c0`.
    pub(crate) output_shift: u32,
}

/// One piece of a function, 8 bytes: a level, a slope and a curvature.
///
/// The square of the position is formed on its own, where Horner's scheme would round the slope
/// before it is multiplied. The rounded slope steps now and then, and each step, times the position,
/// moves the result against its direction. With the square, the sum moves by `c1` a position plus
/// the curve's share, to one unit of the slope's product, so that a table of a monotone function is monotone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    /// Value at the start of the piece.
    c0: i32,
    /// Change over the piece to first order.
    c1: i16,
    /// Change over the piece to second order.
    c2: i16,
}

const _: () = assert!(size_of::<Segment>() == 8);

impl Segment {
    /// A piece from its coefficients, at the scale of its table.
    pub(crate) const fn new(c0: i32, c1: i16, c2: i16) -> Self {
        Self { c0, c1, c2 }
    }

    /// `(c0 + ((c1 t + ((c2 s) >> curve_shift)) >> slope_shift)) >> output_shift`, where `t` is the
    /// position in `0..2^fraction_bits` and `s = t^2 >> (2 fraction_bits - 16)` its square to 16 bits.
    ///
    /// Every shift rounds down. Both products fit by their width (16 signed times 16 unsigned bits), and
    /// the generator admits only tables whose sums fit.
    #[inline(always)]
    pub(crate) const fn evaluate(&self, t: i32, scale: Scale) -> i32 {
        let square = (t * t) >> (2 * scale.fraction_bits - 16);
        let curve = (self.c2 as i32 * square) >> scale.curve_shift;
        let rise = (self.c1 as i32 * t + curve) >> scale.slope_shift;
        (self.c0 + rise) >> scale.output_shift
    }
}
