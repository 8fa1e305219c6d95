//! AVX2: VPMADDWD adds the two products of each pair of 16-bit numbers.

use super::{bands_from, put, scaled};
use crate::kernel::matrix::{LANES, Row};
use crate::kernel::packing::{BAND, TILE};
use core::arch::x86_64::*;

/// Bands that share inputs: as many as there are registers for the sums of.
const BANDS: usize = 2;

/// `sums[r][lane]` of the rows of `weights` by numbers of up to 16 bits.
///
/// # Safety
/// The processor has these instructions, and all lanes are as long.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sums<const L: usize>(
    weights: &[u8],
    lanes: &[&[i16]; LANES],
    flips: u32,
    sums: &mut [[i32; LANES]; BAND],
) {
    let lanes: [&[i16]; L] = core::array::from_fn(|lane| lanes[lane]);
    let columns = lanes[0].len();
    let flips = _mm_set1_epi32(flips.cast_signed());
    let places = sums.as_chunks_mut::<{ BANDS * TILE }>().0.iter_mut();
    for (first, place) in (0..).step_by(BANDS).zip(places) {
        let Some(bands) = bands_from::<BANDS>(weights, TILE * columns, first) else {
            return;
        };
        let mut totals = [[_mm256_setzero_si256(); L]; BANDS];
        // Columns are filled up to whole tiles.
        for column in (0..columns).step_by(TILE) {
            let inputs = lanes.map(|x| {
                // SAFETY: a tile's columns follow in each lane.
                let numbers = unsafe { _mm_loadl_epi64(x.as_ptr().wrapping_add(column).cast()) };
                _mm256_broadcastq_epi64(numbers)
            });
            let tiles = bands.map(|band| {
                // SAFETY: a tile follows in each band.
                unsafe { _mm_loadu_si128(band.as_ptr().wrapping_add(TILE * column).cast()) }
            });
            for (totals, tile) in totals.iter_mut().zip(tiles) {
                let weights = _mm256_cvtepi8_epi16(_mm_xor_si128(tile, flips));
                for (total, inputs) in totals.iter_mut().zip(inputs) {
                    *total = _mm256_add_epi32(*total, _mm256_madd_epi16(weights, inputs));
                }
            }
        }
        for (totals, sums) in totals.into_iter().zip(place.as_chunks_mut::<TILE>().0) {
            // Two sums of each row.
            let rows = totals.map(|rows| {
                _mm_hadd_epi32(
                    _mm256_castsi256_si128(rows),
                    _mm256_extracti128_si256::<1>(rows),
                )
            });
            put(rows, _mm_setzero_si128(), sums);
        }
    }
}

/// From sums to outputs.
///
/// # Safety
/// The processor has these instructions.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn scale(rows: &[Row], starts: [i32; LANES], sums: &mut [[i32; LANES]; BAND]) {
    /// Added before a shift, so that what is shifted is not negative: products are below 2^46 in magnitude.
    const LIFT: i64 = 1 << 62;
    let (least, greatest) = (
        _mm256_set1_epi64x(i32::MIN.into()),
        _mm256_set1_epi64x(i32::MAX.into()),
    );
    let lower_halves = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    scaled(rows, starts, sums, |rounded, shift| {
        let lifted = _mm256_add_epi64(rounded, _mm256_set1_epi64x(LIFT));
        let shifted = _mm256_srl_epi64(lifted, _mm_cvtsi64_si128(shift.into()));
        let outputs = _mm256_sub_epi64(shifted, _mm256_set1_epi64x(LIFT >> shift));
        let above = _mm256_cmpgt_epi64(outputs, greatest);
        let outputs = _mm256_blendv_epi8(outputs, greatest, above);
        let below = _mm256_cmpgt_epi64(least, outputs);
        let outputs = _mm256_blendv_epi8(outputs, least, below);
        _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(outputs, lower_halves))
    });
}
