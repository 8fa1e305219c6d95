//! The one evaluator behind every table: a quadratic on a fraction of a piece.

/// The binary points of a table's coefficients.
///
/// A table is made for one scale, and the generator writes the scale beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Bits of the position inside a piece, at most 15.
    pub(crate) fraction_bits: u32,
    /// Bits that are kept of the squared position, at most 15.
    pub(crate) square_bits: u32,
    /// Shift from the unit of the two products to that of the level.
    pub(crate) rise_shift: u32,
    /// Shift from the unit of the level to that of the result; half a result is part of the level.
    pub(crate) output_shift: u32,
}

/// One piece of a function, 8 bytes: a level, a slope and a curvature.
///
/// The square of the position is formed on its own. Horner's scheme would save a multiplication,
/// but it rounds the slope before the slope is multiplied: each time the rounded slope steps, the
/// step times the whole position moves the result against its direction, and the table of a
/// monotone function is not monotone. Here one position moves the sum by the slope and by the
/// curvature times the change of the square, which is rounded by less than one; that is against the
/// direction only where the curvature exceeds the slope, and the generator admits only pieces that
/// are monotone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    level: i32,
    slope: i16,
    curve: i16,
}

const _: () = assert!(size_of::<Segment>() == 8);

impl Segment {
    /// A piece from its value at the start, and its first and second order changes over the piece,
    /// in the units of its table's scale.
    pub(crate) const fn new(level: i32, slope: i16, curve: i16) -> Self {
        Self {
            level,
            slope,
            curve,
        }
    }

    /// `(level + ((slope t + curve s) >> rise_shift)) >> output_shift`, where `t` is the position
    /// in `0..2^fraction_bits` and `s = t^2 >> (2 fraction_bits - square_bits)`.
    ///
    /// Every shift rounds down. The products fit by their widths (16 signed bits times 15
    /// unsigned), and the generator admits only tables whose sums fit.
    #[inline(always)]
    pub(crate) const fn evaluate(&self, t: i32, scale: Scale) -> i32 {
        let square = (t * t) >> (2 * scale.fraction_bits - scale.square_bits);
        let rise = (self.slope as i32 * t + self.curve as i32 * square) >> scale.rise_shift;
        (self.level + rise) >> scale.output_shift
    }
}
