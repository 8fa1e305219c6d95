//! Fits one piece of a table: a quadratic in stored integers, of least largest error.
//!
//! A quadratic through three Chebyshev nodes is close to the best one, and every pair of stored slope and curvature
//! near it is tried with the very shifts of the device. The level is what centres the error.

/// Binary points of one table; `elbow`'s `Scale`, and the one of the level.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    /// Bits of the position inside a piece.
    pub(super) fraction_bits: u32,
    /// Bits that are kept of the squared position.
    pub(super) square_bits: u32,
    /// Shift from the unit of the two products to that of the level.
    pub(super) rise_shift: u32,
    /// Shift from the unit of the level to that of the result.
    pub(super) output_shift: u32,
    /// Fractional bits of the level.
    pub(super) level_bits: u32,
}

impl Scale {
    /// What the slope and the curvature add to the level at a position; `elbow`'s
    /// `Segment::evaluate`.
    pub(super) fn rise(self, slope: i32, curve: i32, position: i32) -> i32 {
        let square = (position * position) >> (2 * self.fraction_bits - self.square_bits);
        (slope * position + curve * square) >> self.rise_shift
    }

    /// 2^`bits`, as the factor between a number and its fixed-point form.
    pub(super) fn factor(bits: u32) -> f64 {
        libm::exp2(f64::from(bits))
    }
}

/// Coefficients of one piece.
#[derive(Clone, Copy)]
pub(super) struct Coefficients {
    pub(super) level: i32,
    pub(super) slope: i16,
    pub(super) curve: i16,
}

/// What the piece at hand must reproduce.
pub(super) struct Piece<F> {
    /// The function over the piece, on [0, 1).
    pub(super) function: F,
    /// How far into its step a position stands for, in steps: 1/2 where bits below the position
    /// were dropped, 0 where none were.
    pub(super) step_centre: f64,
    /// The level, where an exact value at the start matters more than a centred error.
    pub(super) level: Option<i32>,
}

/// The coefficients of least largest error for one piece.
pub(super) fn fit<F: Fn(f64) -> f64>(piece: &Piece<F>, scale: Scale) -> Coefficients {
    /// Slopes tried on either side of the real quadratic's, in stored units.
    const SLOPES: i32 = 8;
    /// Curvatures tried on either side.
    const CURVES: i32 = 8;
    const SAMPLES: i32 = 128;

    let steps = 1_i32 << scale.fraction_bits;
    let unit = Scale::factor(scale.level_bits);
    let samples: Vec<(i32, f64)> = (0..=SAMPLES)
        .map(|index| {
            let position = (index * (steps / SAMPLES)).min(steps - 1);
            let value =
                (piece.function)((f64::from(position) + piece.step_centre) / f64::from(steps));
            (position, value * unit)
        })
        .collect();

    let (slope, curve) = chebyshev(&piece.function);
    let products = scale.level_bits + scale.rise_shift;
    let slope = libm::round(slope * Scale::factor(products - scale.fraction_bits)) as i32;
    let curve = libm::round(curve * Scale::factor(products - scale.square_bits)) as i32;

    let mut best = (f64::INFINITY, 0, 0, 0);
    for slope in slope - SLOPES..=slope + SLOPES {
        for curve in curve - CURVES..=curve + CURVES {
            let (low, high) = samples.iter().fold(
                (f64::INFINITY, f64::NEG_INFINITY),
                |(low, high), &(position, value)| {
                    let missing = value - f64::from(scale.rise(slope, curve, position));
                    (low.min(missing), high.max(missing))
                },
            );
            let level = piece
                .level
                .map_or_else(|| libm::round(0.5 * (low + high)), f64::from);
            let error = (high - level).max(level - low);
            if error < best.0 {
                best = (error, level as i32, slope, curve);
            }
        }
    }
    let (_, level, slope, curve) = best;
    let half = (1 << scale.output_shift) >> 1;
    let coefficients = Coefficients {
        level: level
            .checked_add(half)
            .expect("the level and half a result fit in 32 bits"),
        slope: i16::try_from(slope).expect("the slope fits in 16 bits"),
        curve: i16::try_from(curve).expect("the curvature fits in 16 bits"),
    };
    assert_admissible(coefficients, scale);
    coefficients
}

/// Asserts that no sum of the evaluation leaves 32 bits and that the results are monotone, at every
/// position.
fn assert_admissible(coefficients: Coefficients, scale: Scale) {
    let Coefficients {
        level,
        slope,
        curve,
    } = coefficients;
    let direction = i64::from(slope.signum());
    let mut previous = None;
    for position in 0..1_i64 << scale.fraction_bits {
        let square = (position * position) >> (2 * scale.fraction_bits - scale.square_bits);
        let products = i64::from(slope) * position + i64::from(curve) * square;
        let sum = i64::from(level) + (products >> scale.rise_shift);
        assert!(
            i32::try_from(products).is_ok() && i32::try_from(sum).is_ok(),
            "the sums fit in 32 bits"
        );
        assert!(
            previous.is_none_or(|previous| (products - previous) * direction >= 0),
            "a piece is monotone"
        );
        previous = Some(products);
    }
}

/// Slope at 0 and half the second derivative of the quadratic through `function` at the three
/// Chebyshev nodes of [0, 1].
fn chebyshev(function: &impl Fn(f64) -> f64) -> (f64, f64) {
    const ROOT_3_4: f64 = 0.866_025_403_784_438_6;
    let [left, middle, right] = [0.5 - 0.5 * ROOT_3_4, 0.5, 0.5 + 0.5 * ROOT_3_4];
    let first = (function(middle) - function(left)) / (middle - left);
    let second = (function(right) - function(middle)) / (right - middle);
    let curve = (second - first) / (right - left);
    (first - curve * (left + middle), curve)
}
