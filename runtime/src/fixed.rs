//! The number types of the contract, and the few operations on them.
//!
//! Everything that is measured in nats is a [`Nats`], Q16.16 in an `i32`; probabilities are a
//! [`Probability`], Q1.31 in a `u32`; latents leave the encoder as Q16.16 and enter the decoder
//! as `i16` with the number of fraction bits that the image names. Operations say in their name
//! whether they saturate; none wraps.

use core::fmt;
use core::num::{NonZeroU32, NonZeroU64};

/// Fraction bits of every Q16.16 number.
pub const FRACTION_BITS: u32 = 16;

/// 1.0 in Q16.16.
pub const ONE: i32 = 1 << FRACTION_BITS;

/// A quantity of information in nats: Q16.16, resolution 1.5e-5 nat, range about ±32768 nats.
///
/// Arithmetic saturates at [`Nats::MIN`] and [`Nats::MAX`]; there is no NaN and no wrapping.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nats(i32);

impl Nats {
    /// Zero nats.
    pub const ZERO: Self = Self(0);
    /// The lowest value, about -32768 nats; a score at this value may have saturated.
    pub const MIN: Self = Self(i32::MIN);
    /// The highest value, about 32768 nats; a score at this value may have saturated.
    pub const MAX: Self = Self(i32::MAX);

    /// The value whose Q16.16 representation is `bits`.
    #[must_use]
    pub const fn from_bits(bits: i32) -> Self {
        Self(bits)
    }

    /// The Q16.16 representation.
    #[must_use]
    pub const fn to_bits(self) -> i32 {
        self.0
    }

    /// Narrows the Q47.16 representation of a sum, saturating.
    #[must_use]
    pub(crate) fn saturating_from_wide(wide: i64) -> Self {
        Self(saturate(wide))
    }

    /// The value as a float, exact.
    #[cfg(feature = "float")]
    #[must_use]
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / f64::from(ONE)
    }

    /// `self - other`, saturating.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Nats {
    /// Sign, whole part, and five digits after the point, rounded half away from zero.
    fn decimal(self) -> (&'static str, u32, u32) {
        let scaled = (u64::from(self.0.unsigned_abs()) * 100_000 + 0x8000) >> FRACTION_BITS;
        let sign = if self.0 < 0 && scaled > 0 { "-" } else { "" };
        // Both parts fit 32 bits: at most 32768 and at most 99999.
        (sign, (scaled / 100_000) as u32, (scaled % 100_000) as u32)
    }
}

/// Decimal with five digits after the point, rounded half away from zero. It is computed in
/// integers, so that every machine prints the same characters.
impl fmt::Display for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, whole, fraction) = self.decimal();
        write!(f, "{sign}{whole}.{fraction:05}")
    }
}

/// The same characters as those of `Display`.
#[cfg(feature = "defmt")]
impl defmt::Format for Nats {
    fn format(&self, f: defmt::Formatter<'_>) {
        let (sign, whole, fraction) = self.decimal();
        defmt::write!(f, "{=str}{=u32}.{=u32:05}", sign, whole, fraction);
    }
}

/// A sum of Q16.16 numbers: Q47.16, resolution 1.5e-5, range about ±1.4e14. Terms of a score are in nats.
///
/// An `i64` in memory: slices of one can be seen as slices of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct WideSum(pub(crate) i64);

// SAFETY: all zero bits are the number 0.
#[allow(unsafe_code)]
unsafe impl bytemuck::Zeroable for WideSum {}
// SAFETY: it is transparent over `i64`, which is plain old data, and it allows every value of it.
#[allow(unsafe_code)]
unsafe impl bytemuck::Pod for WideSum {}

impl WideSum {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// The number whose Q47.16 representation is `bits`.
    #[must_use]
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits)
    }

    /// The Q47.16 representation.
    #[must_use]
    pub const fn to_bits(self) -> i64 {
        self.0
    }

    /// The sum narrowed to Q16.16, saturating, where its terms are in nats.
    #[must_use]
    pub fn saturating_to_nats(self) -> Nats {
        Nats::saturating_from_wide(self.0)
    }

    /// The value as a float; exact below 2^37 in magnitude.
    #[cfg(feature = "float")]
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / f64::from(ONE)
    }
}

/// A probability, Q1.31: 0 is impossible, `1 << 31` is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Probability(u32);

impl Probability {
    /// Certainty.
    pub const ONE: Self = Self(1 << 31);
    /// The smallest that is not impossible, 2^-31.
    pub const LEAST: Self = Self(1);

    /// The probability nearest to `value`, which is clamped to `[0, 1]`; NaN becomes 0.
    ///
    /// It is a `const fn`, so that a threshold costs nothing on the device:
    ///
    /// ```
    /// # use elbow::Probability;
    /// const ALARM: Probability = Probability::new(1e-3);
    /// # assert_eq!(ALARM.to_bits(), 2147484);
    /// ```
    #[must_use]
    pub const fn new(value: f64) -> Self {
        // `as` saturates: negative numbers and NaN become 0.
        let bits = (value * (1u64 << 31) as f64 + 0.5) as u32;
        if bits > Self::ONE.0 {
            Self::ONE
        } else {
            Self(bits)
        }
    }

    /// The probability with this Q1.31 representation, or none above one.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        if bits > Self::ONE.0 {
            None
        } else {
            Some(Self(bits))
        }
    }

    /// The Q1.31 representation.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// The value as a float, exact.
    #[cfg(feature = "float")]
    #[must_use]
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ONE.0)
    }
}

impl Probability {
    /// Millionths, rounded half up.
    fn millionths(self) -> u32 {
        ((u64::from(self.0) * 1_000_000 + (1 << 30)) >> 31) as u32
    }

    /// Ten-thousandths of a millionth, rounded half up, of a probability below a thousandth.
    fn of_millionths(self) -> u32 {
        ((u64::from(self.0) * 10_000_000_000 + (1 << 30)) >> 31) as u32
    }

    /// Whether six digits after the point are too few.
    const fn is_small(self) -> bool {
        // Below 2^-10.
        self.0 < 1 << 21
    }
}

/// Decimal, rounded half up, computed in integers: with six digits after the point, with ten below a thousandth.
impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_small() {
            return write!(f, "0.{:010}", self.of_millionths());
        }
        let scaled = self.millionths();
        write!(f, "{}.{:06}", scaled / 1_000_000, scaled % 1_000_000)
    }
}

/// The same characters as those of `Display`.
#[cfg(feature = "defmt")]
impl defmt::Format for Probability {
    fn format(&self, f: defmt::Formatter<'_>) {
        if self.is_small() {
            return defmt::write!(f, "0.{=u32:010}", self.of_millionths());
        }
        let scaled = self.millionths();
        let (whole, fraction) = (scaled / 1_000_000, scaled % 1_000_000);
        defmt::write!(f, "{=u32}.{=u32:06}", whole, fraction);
    }
}

/// Narrows to `i32`, saturating.
#[inline]
#[must_use]
pub(crate) fn saturate(wide: i64) -> i32 {
    wide.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// Narrows to `i16`, saturating.
#[inline]
#[must_use]
pub(crate) fn saturate_i16(wide: i32) -> i16 {
    wide.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// `a * b` of two Q16.16 numbers, rounded half up, saturating.
#[inline]
#[must_use]
pub(crate) fn multiply(a: i32, b: i32) -> i32 {
    saturate((i64::from(a) * i64::from(b) + (1 << 15)) >> FRACTION_BITS)
}

/// `sum / count`, rounded half up. Exact for `|sum| < 2^62`.
#[must_use]
pub(crate) fn mean(sum: i64, count: NonZeroU32) -> i64 {
    if count == NonZeroU32::MIN {
        return sum;
    }
    let sum = sum.saturating_add(i64::from(count.get() / 2));
    // The floor of a negative quotient is the complement of that of the complement.
    let sign = sum >> 63;
    divide((sum ^ sign).cast_unsigned(), count.into()).cast_signed() ^ sign
}

/// [`mean`] for loops: sums that, rounded, have 32 bits are divided by the processor, where it can.
#[must_use]
pub(crate) fn mean_of_short(sum: i64, count: NonZeroU32) -> i64 {
    let rounded = i64::from(count.get() / 2).saturating_add(sum);
    match i32::try_from(rounded) {
        Ok(rounded) => {
            let sign = rounded >> 31;
            let quotient = (rounded ^ sign).cast_unsigned() / count;
            i64::from(quotient.cast_signed() ^ sign)
        }
        Err(_) => mean(sum, count),
    }
}

/// `floor(n / divisor)` for divisors up to `2^63`, bit by bit from the highest one on: a tenth of the flash of
/// the division of 64 bits that compilers link. No loop over inputs or weights asks for it.
#[inline(never)]
pub(crate) fn divide(n: u64, divisor: NonZeroU64) -> u64 {
    let divisor = divisor.get();
    let (mut quotient, mut rest) = (n, 0u64);
    let mut bits = u64::BITS;
    while bits > 0 && quotient >> 56 == 0 {
        quotient <<= 8;
        bits -= 8;
    }
    for _ in 0..bits {
        rest = (rest << 1) | (quotient >> 63);
        quotient <<= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient |= 1;
        }
    }
    quotient
}

/// The largest integer whose square is at most `n`, bit by bit (32 steps, no division).
#[must_use]
pub(crate) fn square_root(n: u64) -> u32 {
    let (mut rest, mut root) = (n, 0u64);
    let mut bit = 1u64 << 62;
    while bit != 0 {
        if rest >= root + bit {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
        bit >>= 2;
    }
    root as u32
}

/// The value of a raw reading from one in the units that the trainer saw: `value * 2^-exponent`,
/// rounded to nearest, saturating; NaN becomes 0. The tool of host programs; a device's readings
/// are raw.
#[cfg(feature = "float")]
#[must_use]
pub fn raw_reading(value: f64, exponent: i8) -> i16 {
    nearest_i16(value * power_of_two(-i32::from(exponent)))
}

/// Rounded to nearest, halves away from zero, saturating; NaN becomes 0.
#[cfg(feature = "float")]
pub(crate) fn nearest_i16(value: f64) -> i16 {
    // `as` saturates, and makes 0 of NaN.
    if value < 0.0 {
        (value - 0.5) as i16
    } else {
        (value + 0.5) as i16
    }
}

/// `2^exponent`, exact, for exponents of magnitude at most 1022.
pub(crate) fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn nats_print_the_nearest_decimal() {
        for (bits, text) in [
            (0, "0.00000"),
            (1, "0.00002"),
            (-1, "-0.00002"),
            (ONE, "1.00000"),
            (-ONE * 98 - ONE / 4, "-98.25000"),
            (i32::MAX, "32767.99998"),
            (i32::MIN, "-32768.00000"),
        ] {
            assert_eq!(Nats::from_bits(bits).to_string(), text);
        }
    }

    #[test]
    fn probabilities_print_and_clamp() {
        assert_eq!(Probability::ONE.to_string(), "1.000000");
        assert_eq!(Probability::new(0.001).to_string(), "0.001000");
        assert_eq!(Probability::new(1e-4).to_string(), "0.0000999998");
        assert_eq!(
            Probability::from_bits(1).unwrap().to_string(),
            "0.0000000005"
        );
        assert_eq!(Probability::new(0.0).to_string(), "0.0000000000");
        assert_eq!(Probability::new(-3.0).to_bits(), 0);
        assert_eq!(Probability::new(f64::NAN).to_bits(), 0);
        assert_eq!(Probability::new(7.0), Probability::ONE);
        assert_eq!(Probability::from_bits((1 << 31) + 1), None);
    }

    #[test]
    fn sums_narrow_by_saturation() {
        for (bits, nats) in [
            (0, 0),
            (-65_536, -65_536),
            (i64::from(i32::MAX) + 1, i32::MAX),
            (i64::MIN, i32::MIN),
        ] {
            let nats = Nats::from_bits(nats);
            assert_eq!(WideSum::from_bits(bits).saturating_to_nats(), nats);
        }
        assert_eq!(WideSum::from_bits(-98_304).to_f64(), -1.5);
    }

    #[test]
    fn raw_readings_round_and_saturate() {
        assert_eq!(
            [2.5, -2.5, 0.4].map(|value| raw_reading(value, 0)),
            [3, -3, 0]
        );
        assert_eq!(raw_reading(0.125, -10), 128);
        assert_eq!(raw_reading(1e9, 4), i16::MAX);
        assert_eq!(raw_reading(-1e9, -128), i16::MIN);
        assert_eq!(raw_reading(f64::NAN, 0), 0);
    }

    #[test]
    fn a_short_mean_is_a_mean() {
        let edges = [0, 1, -1, i64::from(i32::MAX), i64::from(i32::MIN), 1 << 40];
        for count in
            [1, 2, 3, 14, 16, 65_535, u32::MAX].map(|count| NonZeroU32::new(count).unwrap())
        {
            for (edge, offset) in edges
                .into_iter()
                .flat_map(|edge| (-40..40).map(move |o| (edge, o)))
            {
                let sum = edge + offset;
                assert_eq!(mean_of_short(sum, count), mean(sum, count), "{sum} {count}");
            }
        }
    }

    #[test]
    fn mean_rounds_half_up() {
        let by = |sum, count| mean(sum, NonZeroU32::new(count).unwrap());
        assert_eq!(
            [by(7, 2), by(-7, 2), by(8, 3), by(-8, 3), by(-9, 3)],
            [4, -3, 3, -3, -3]
        );
        for sum in -1000..1000i64 {
            for count in 1..40u32 {
                let exact = (sum as f64 / f64::from(count) + 0.5).floor();
                // An odd divisor's half is not an integer; floor(half) rounds to nearest then.
                assert!(
                    (by(sum, count) as f64 - exact).abs() < 1e-9,
                    "{sum} / {count}"
                );
            }
        }
    }

    #[test]
    fn division_is_division() {
        let mut word = 1u64;
        for _ in 0..100_000 {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let n = word.rotate_left(31) >> (word >> 58);
            let divisor = (word >> 1) >> (word % 63);
            let divisor = NonZeroU64::new(divisor).unwrap_or(NonZeroU64::MIN);
            assert_eq!(divide(n, divisor), n / divisor);
        }
        let largest = NonZeroU64::new(1 << 63).unwrap();
        for n in [0, 1, 1 << 63, u64::MAX] {
            assert_eq!(divide(n, NonZeroU64::MIN), n);
            assert_eq!(divide(n, largest), n >> 63);
        }
    }

    #[test]
    fn square_root_is_the_floor() {
        for n in (0..100_000).chain([u64::MAX, u64::MAX - 1, (1 << 62) - 1, 1 << 62]) {
            let root = u128::from(square_root(n));
            assert!(
                root * root <= u128::from(n) && (root + 1) * (root + 1) > u128::from(n),
                "{n}"
            );
        }
    }
}
