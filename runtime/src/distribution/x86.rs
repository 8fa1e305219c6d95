//! Sums of the terms of whole readings on x86-64 processors with AVX2, found when the program runs: the integers of
//! [`Location::density`], two inputs in four lanes at a time.
#![allow(unsafe_code)]

use super::location::{Family, LARGEST_DEVIATION, LARGEST_PENALTY, Location};
use crate::fixed::FRACTION_BITS;
use crate::kernel::{LANES, Outputs};
use core::arch::x86_64::*;

/// Whether [`log_density`] has a kernel for this likelihood, here.
pub(super) fn suits(location: &Location<'_>) -> bool {
    !location.has_predicted_scale() && std::is_x86_feature_detected!("avx2")
}

/// `log p(x|z)` of whole readings in each lane, Q47.16, where [`suits`] says so; zero elsewhere.
pub(super) fn log_density(
    location: &Location<'_>,
    x: &[i16],
    outputs: Outputs<'_>,
) -> [i64; LANES] {
    if !suits(location) {
        return [0; LANES];
    }
    let kernel: unsafe fn(&Location<'_>, &[i16], Outputs<'_>) -> [i64; LANES] =
        match location.family() {
            Family::Normal => sum::<true>,
            Family::Laplace => sum::<false>,
        };
    // SAFETY: `suits` found the instructions.
    unsafe { kernel(location, x, outputs) }
}

/// The sum of the terms: those of a normal, or else of Laplace.
#[target_feature(enable = "avx2")]
fn sum<const NORMAL: bool>(
    location: &Location<'_>,
    x: &[i16],
    mut outputs: Outputs<'_>,
) -> [i64; LANES] {
    let most = match NORMAL {
        true => LARGEST_DEVIATION,
        false => LARGEST_PENALTY,
    };
    let (least, most) = (_mm256_set1_epi32(-most), _mm256_set1_epi32(most));
    // Lanes 0 and 2, and 1 and 3, of two inputs.
    let mut penalties = [_mm256_setzero_si256(); 2];
    let mut log_normalizers = 0;
    let mut first = 0;
    while let Some(rows) = outputs.next() {
        let x = x.get(first..).unwrap_or_default();
        let x = x.get(..rows.len()).unwrap_or(x);
        for (at, (pair, rows)) in x.chunks(2).zip(rows.chunks(2)).enumerate() {
            let input = first + 2 * at;
            let (value, log_normalizer) = location.standardized_here(input, pair[0]);
            log_normalizers += i64::from(log_normalizer);
            let (values, locations) =
                if let (&[_, other], Some(rows)) = (pair, rows.first_chunk::<2>()) {
                    let (other, log_normalizer) = location.standardized_here(input + 1, other);
                    log_normalizers += i64::from(log_normalizer);
                    let values = _mm256_set_m128i(_mm_set1_epi32(other), _mm_set1_epi32(value));
                    // SAFETY: there are eight numbers.
                    (values, unsafe { _mm256_loadu_si256(rows.as_ptr().cast()) })
                } else {
                    // What is not there is where the location is, and costs nothing.
                    // SAFETY: there are four numbers.
                    let locations = unsafe { _mm_loadu_si128(rows.as_ptr().cast()) };
                    let (values, nothing) = (_mm_set1_epi32(value), _mm_setzero_si128());
                    (
                        _mm256_set_m128i(nothing, values),
                        _mm256_set_m128i(nothing, locations),
                    )
                };
            let distances = saturating_sub(values, locations);
            let distances = _mm256_min_epi32(_mm256_max_epi32(distances, least), most);
            for (penalties, costs) in penalties.iter_mut().zip(costs::<NORMAL>(distances)) {
                *penalties = _mm256_add_epi64(*penalties, costs);
            }
        }
        first += rows.len();
    }
    let [even, odd] = penalties.map(|penalties| of_both(penalties));
    [even[0], odd[0], even[1], odd[1]].map(|penalty| log_normalizers - penalty)
}

/// The sums of two inputs in two lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn of_both(sums: __m256i) -> [i64; 2] {
    let both = _mm_add_epi64(
        _mm256_castsi256_si128(sums),
        _mm256_extracti128_si256::<1>(sums),
    );
    [
        _mm_cvtsi128_si64(both),
        _mm_cvtsi128_si64(_mm_unpackhi_epi64(both, both)),
    ]
}

/// Distances as what they cost, of lanes 0 and 2, and of lanes 1 and 3, in 64 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn costs<const NORMAL: bool>(distances: __m256i) -> [__m256i; 2] {
    if NORMAL {
        let later = _mm256_srli_epi64::<32>(distances);
        return [half_square(distances), half_square(later)];
    }
    let costs = _mm256_abs_epi32(distances);
    let lower = _mm256_set1_epi64x(u32::MAX.into());
    [
        _mm256_and_si256(costs, lower),
        _mm256_srli_epi64::<32>(costs),
    ]
}

/// `a - b`, saturated.
#[inline]
#[target_feature(enable = "avx2")]
fn saturating_sub(a: __m256i, b: __m256i) -> __m256i {
    let difference = _mm256_sub_epi32(a, b);
    // The sign is wrong where the signs of both differ, and that of the first is not the difference's.
    let wrong = _mm256_and_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(a, difference));
    let end = _mm256_xor_si256(_mm256_srai_epi32::<31>(a), _mm256_set1_epi32(i32::MAX));
    let chosen = _mm256_blendv_ps(
        _mm256_castsi256_ps(difference),
        _mm256_castsi256_ps(end),
        _mm256_castsi256_ps(wrong),
    );
    _mm256_castps_si256(chosen)
}

/// `d^2 / 2` of the lower half of each pair of Q16.16 numbers, rounded half up, in 64 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn half_square(distances: __m256i) -> __m256i {
    let squares = _mm256_mul_epi32(distances, distances);
    let rounded = _mm256_add_epi64(squares, _mm256_set1_epi64x(1 << FRACTION_BITS));
    _mm256_srli_epi64::<{ FRACTION_BITS as i32 + 1 }>(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Likelihood;
    use crate::kernel::{
        Bounds, Dense, Numbers, Operands, Packing, Row, WeightBits, operand_words,
    };
    use crate::mask::Mask;
    use crate::requantize::Multiplier;
    use rand_core::Rng;
    use rand_xoshiro::Xoshiro128PlusPlus;
    use rand_xoshiro::rand_core::SeedableRng;
    use std::vec;
    use std::vec::Vec;

    /// Words of all magnitudes.
    fn words(rng: &mut Xoshiro128PlusPlus, count: usize) -> Vec<u32> {
        let word = |_| rng.next_u32() >> (rng.next_u32() % 32);
        (0..count).map(word).collect()
    }

    /// Words as signed numbers of all magnitudes.
    fn numbers(rng: &mut Xoshiro128PlusPlus, count: usize, shift: u32) -> Vec<i32> {
        let words = words(rng, count).into_iter();
        let number = |word: u32| {
            let magnitude = (word >> 1 >> shift).cast_signed();
            if word.is_multiple_of(2) {
                magnitude
            } else {
                -magnitude
            }
        };
        words.map(number).collect()
    }

    /// Multipliers with shifts below `shifts`.
    fn multipliers(rng: &mut Xoshiro128PlusPlus, count: usize, shifts: u32) -> Vec<u32> {
        let words = words(rng, count).into_iter();
        words
            .map(|word| word & 0x7fff | (((word >> 15) % shifts) << 16))
            .collect()
    }

    /// Outputs, scales and readings of all magnitudes, to both ends of their integers: the sums are those of the terms.
    #[test]
    fn sums_are_those_of_the_terms() {
        let rng = &mut Xoshiro128PlusPlus::seed_from_u64(3);
        for inputs in (1..70).chain([640]) {
            let scales = multipliers(rng, inputs, 30).into_iter();
            let rows = numbers(rng, inputs, 1).into_iter().zip(scales);
            let rows = rows.map(|(bias, scale)| Row {
                bias,
                multiplier: Multiplier::from_validated(scale),
            });
            let rows: Vec<Row> = rows.collect();
            let narrow = |numbers: Vec<i32>| -> Vec<i16> {
                numbers.into_iter().map(|number| number as i16).collect()
            };
            let (x, centers) = (
                narrow(numbers(rng, inputs, 0)),
                narrow(numbers(rng, inputs, 0)),
            );
            let latents = narrow(numbers(rng, LANES, 16));
            let (standardize, log_normalizers) =
                (multipliers(rng, inputs, 47), numbers(rng, inputs, 3));
            let weights = Packing::NATIVE.pack(1, &vec![1; inputs]);
            let dense = Dense {
                columns: 1,
                packing: Packing::NATIVE,
                bits: WeightBits::Eight,
                weights: &weights,
                rows: &rows,
                bounds: Bounds::UNKNOWN,
            };
            for family in [Family::Normal, Family::Laplace] {
                let location = Location {
                    family,
                    predicted_scale: false,
                    centers: &centers,
                    standardize: &standardize,
                    units: &standardize,
                    log_normalizers: &log_normalizers,
                };
                let outputs = |words| {
                    let latents = Numbers::Wide(&latents);
                    dense.outputs(Operands::prepare(dense.packing, latents, 1, LANES, words))
                };
                let mut expected = [0; LANES];
                let likelihood = Likelihood::Location(location);
                let mut room = [0; operand_words(1, LANES)];
                let terms = outputs(&mut room);
                likelihood.visit(&x, Mask::ALL, LANES, terms, |_, lane, term| {
                    expected[lane] += i64::from(term);
                });
                if suits(&location) {
                    let mut room = [0; operand_words(1, LANES)];
                    let found = log_density(&location, &x, outputs(&mut room));
                    assert_eq!(found, expected, "{family:?} {inputs}");
                }
            }
        }
    }
}
