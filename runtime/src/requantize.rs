//! From an accumulator to a number of another scale: the one rounding rule.

/// A scale factor `mantissa * 2^-shift`, zero or positive, applied by the one rounding rule of the
/// contract:
///
/// ```text
/// apply(a) = floor(a * mantissa / 2^shift + 1/2), saturated to i32
/// ```
///
/// that is, round to nearest, halves towards +infinity. The mantissa has 15 bits, so that with
/// `shift >= 17` and `|a| < 2^30` the product needs no 64-bit arithmetic: with
/// `t = floor(a * mantissa / 2^16)` (one SMULWB on cores with the DSP extension, two 16-bit
/// halves on others) the result is `floor((t + 2^(shift-17)) / 2^(shift-16))`, exactly.
///
/// In an image it is one little-endian word: bits 0..16 the mantissa, 16..24 the shift, the
/// rest zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Multiplier(u32);

impl Multiplier {
    /// The largest mantissa.
    pub const MAX_MANTISSA: u32 = (1 << 15) - 1;
    /// The largest shift; smaller factors than `2^-46` round every accumulator to zero anyway.
    pub const MAX_SHIFT: u32 = 46;

    /// Reads the packed word; none where a field is out of its range.
    #[must_use]
    pub const fn from_word(word: u32) -> Option<Self> {
        let packed = Self(word);
        if packed.mantissa() <= Self::MAX_MANTISSA && (word >> 16) <= Self::MAX_SHIFT {
            Some(packed)
        } else {
            None
        }
    }

    /// Whether its fields are in range; of a word that was read from an image.
    pub(crate) const fn is_valid(self) -> bool {
        Self::from_word(self.0).is_some()
    }

    /// The packed word.
    #[must_use]
    pub const fn to_word(self) -> u32 {
        self.0
    }

    /// Reads a word that [`crate::Model::parse`] has validated, without checking it again.
    /// A word that was not validated gives an unspecified factor, never a panic.
    #[inline]
    #[must_use]
    pub(crate) const fn from_validated(word: u32) -> Self {
        Self(word)
    }

    const fn mantissa(self) -> u32 {
        self.0 & 0xffff
    }

    const fn shift(self) -> u32 {
        (self.0 >> 16) & 63
    }

    /// The mantissa and the shift, for kernels that apply the rule to many numbers at once.
    #[cfg(all(target_arch = "x86_64", feature = "image"))]
    pub(crate) const fn parts(self) -> (u32, u32) {
        (self.mantissa(), self.shift())
    }

    /// `a` times the factor, by the rounding rule above.
    #[inline]
    #[must_use]
    pub fn apply(self, a: i32) -> i32 {
        let (mantissa, shift) = (self.mantissa(), self.0 >> 16);
        let Some(shift) = shift.checked_sub(17) else {
            return self.apply_large(a);
        };
        // floor((t + 2^(shift - 17)) / 2^(shift - 16)) with t = floor(a * mantissa / 2^16), in two steps
        // whose floors nest; t is below 2^30 in magnitude.
        ((upper_product(a, mantissa) >> (shift & 31)) + 1) >> 1
    }

    /// [`Multiplier::apply`] in 64 bits, for hosts: the rule as it is written.
    #[cfg(all(target_arch = "x86_64", feature = "image"))]
    #[inline]
    pub(crate) fn apply_wide(self, a: i32) -> i32 {
        let (mantissa, shift) = self.parts();
        let rounded = i64::from(a) * i64::from(mantissa) + ((1i64 << shift) >> 1);
        crate::fixed::saturate(rounded >> shift)
    }

    /// The rule for shifts up to 16, in 32 bits: `a * mantissa + half = t * 2^16 + r` with `0 <= r < 2^16`,
    /// so that the result is `t * 2^(16 - shift) + floor(r / 2^shift)`. Its second part is below
    /// `2^(16 - shift)`, so that it overflows only where its first part does.
    #[inline(never)]
    pub(crate) fn apply_large(self, a: i32) -> i32 {
        let (mantissa, shift) = (self.mantissa(), self.shift() & 31);
        let lower = (a.cast_unsigned() & 0xffff) * mantissa + ((1 << shift) >> 1);
        let t = (a >> 16) * mantissa.cast_signed() + (lower >> 16).cast_signed();
        let left = 16u32.saturating_sub(shift);
        let first = t << left;
        if first >> left != t {
            return if t < 0 { i32::MIN } else { i32::MAX };
        }
        first + ((lower & 0xffff) >> shift).cast_signed()
    }

    /// The factor as a float, exact.
    #[cfg(feature = "float")]
    #[must_use]
    pub fn to_f64(self) -> f64 {
        f64::from(self.mantissa()) / (1u64 << self.shift()) as f64
    }

    /// The smallest representable factor that is at least `factor`; relative distance below
    /// `2^-14` from `2^-32` upward. An exporter that may choose one of the two scales whose quotient this is
    /// absorbs the distance there and loses nothing.
    ///
    /// # Errors
    /// [`FactorError`] where `factor` is not in `[2^-46, 32767]`.
    #[cfg(feature = "image")]
    pub fn at_least(factor: f64) -> Result<Self, FactorError> {
        Self::pack(factor, f64::ceil)
    }

    /// The nearest representable factor; relative distance at most `2^-15` from `2^-32` upward.
    ///
    /// # Errors
    /// [`FactorError`] where `factor` is not in `[2^-46, 32767]`.
    #[cfg(feature = "image")]
    pub fn nearest(factor: f64) -> Result<Self, FactorError> {
        Self::pack(factor, |x| (x - 0.5).ceil())
    }

    #[cfg(feature = "image")]
    fn pack(factor: f64, round: impl Fn(f64) -> f64) -> Result<Self, FactorError> {
        for shift in (0..=Self::MAX_SHIFT).rev() {
            let mantissa = round(factor * (1u64 << shift) as f64);
            if (1.0..=f64::from(Self::MAX_MANTISSA)).contains(&mantissa) {
                return Ok(Self(mantissa as u32 | shift << 16));
            }
        }
        Err(FactorError { factor })
    }
}

/// `floor(a * m / 2^16)` for m below 2^15.
#[cfg(not(any(elbow_kernels = "v6m", elbow_kernels = "riscv")))]
#[inline]
fn upper_product(a: i32, m: u32) -> i32 {
    ((i64::from(a) * i64::from(m)) >> 16) as i32
}

/// The same where one instruction gives the upper half of a product: `floor(a * (2^16 m) / 2^32)`.
#[cfg(elbow_kernels = "riscv")]
#[inline]
fn upper_product(a: i32, m: u32) -> i32 {
    ((i64::from(a) * i64::from(m << 16)) >> 32) as i32
}

/// The same where there is no long multiply: in two halves of `a`, neither of which overflows.
#[cfg(elbow_kernels = "v6m")]
#[inline]
fn upper_product(a: i32, m: u32) -> i32 {
    let low = (a.cast_unsigned() & 0xffff) * m;
    (a >> 16) * m.cast_signed() + (low >> 16).cast_signed()
}

/// A factor that no [`Multiplier`] can represent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FactorError {
    /// The factor that was asked for.
    pub factor: f64,
}

#[cfg(all(test, feature = "image"))]
mod tests {
    use super::*;

    /// The rule in 128-bit integers, written independently: the nearest integer, halves up.
    fn by_definition(a: i32, m: Multiplier) -> i32 {
        let (numerator, denominator) = (
            2 * i128::from(a) * i128::from(m.mantissa()),
            2i128 << m.shift(),
        );
        let nearest = (numerator + denominator / 2).div_euclid(denominator);
        nearest.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    }

    #[test]
    fn the_rule_holds_at_edges_and_on_a_sweep() {
        assert_eq!(Multiplier(1 | 1 << 16).apply(1), 1);
        assert_eq!(Multiplier(1 | 1 << 16).apply(-1), 0);
        assert_eq!(Multiplier(32767).apply(i32::MAX), i32::MAX);
        assert_eq!(Multiplier(32767).apply(i32::MIN), i32::MIN);
        let mut word = 1u32;
        for _ in 0..200_000 {
            word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let m = Multiplier((word >> 9) & 0x7fff | (word % 47) << 16);
            let a = word.rotate_left(13) as i32 >> (word % 32);
            assert_eq!(m.apply(a), by_definition(a, m), "{a} {m:?}");
            #[cfg(target_arch = "x86_64")]
            assert_eq!(m.apply_wide(a), by_definition(a, m), "{a} {m:?}");
        }
    }

    #[test]
    fn thirty_two_bits_suffice_within_the_promised_range() {
        let mut word = 7u32;
        for _ in 0..200_000 {
            word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let m = Multiplier((word >> 9) & 0x7fff | (17 + word % 14) << 16);
            let a = word.rotate_left(11) as i32 >> 2;
            let (high, low) = (a >> 16, a & 0xffff);
            let mantissa = m.mantissa() as i32;
            let t = high * mantissa + (((low as u32) * m.mantissa()) >> 16) as i32;
            let narrow = (t + (1 << (m.shift() - 17))) >> (m.shift() - 16);
            assert_eq!(m.apply(a), narrow, "{a} {m:?}");
        }
    }

    #[test]
    fn factors_round_trip() {
        for factor in [1e-9, 0.001, 0.25, 0.999_99, 1.0, 3.0, 32767.0] {
            let (near, above) = (
                Multiplier::nearest(factor).unwrap(),
                Multiplier::at_least(factor).unwrap(),
            );
            assert!(
                (near.to_f64() / factor - 1.0).abs() <= 0.5f64.powi(15),
                "{factor}"
            );
            assert!(
                (0.0..0.5f64.powi(14)).contains(&(above.to_f64() / factor - 1.0)),
                "{factor}"
            );
            assert_eq!(Multiplier::from_word(near.to_word()), Some(near));
        }
        for factor in [0.0, -1.0, 40000.0, f64::NAN, f64::INFINITY] {
            assert!(Multiplier::nearest(factor).is_err());
        }
        assert_eq!(Multiplier::from_word(0x8000), None);
        assert_eq!(Multiplier::from_word(47 << 16), None);
    }
}
