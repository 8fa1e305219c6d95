//! AVX-512 with VNNI: VPDPBUSD adds four products of an unsigned and a signed byte to each of sixteen sums, VPDPWSSD two of
//! 16-bit numbers.
//!
//! For the first, weights become unsigned bytes, 128 more than they are, as tiles for v6-M have them; 128 times the sum of the
//! inputs is taken off again.

use super::{bands_from, put, scaled};
use crate::kernel::matrix::{LANES, Row};
use crate::kernel::packing::{BAND, TILE};
use core::arch::x86_64::*;

/// Bands that share inputs.
const BANDS: usize = 4;

/// `sums[r][lane]` of the rows of `weights` by numbers of eight bits.
///
/// # Safety
/// The processor has these instructions, and all lanes are as long.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) unsafe fn narrow<const L: usize>(
    weights: &[u8],
    lanes: &[&[i16]; LANES],
    flips: u32,
    sums: &mut [[i32; LANES]; BAND],
) {
    let lanes: [&[i16]; L] = core::array::from_fn(|lane| lanes[lane]);
    let columns = lanes[0].len();
    let offsets: [i32; L] = lanes.map(offset);
    let offset = |lane: usize| offsets.get(lane).copied().unwrap_or(0);
    let offsets = match L {
        1 => _mm_set1_epi32(offset(0)),
        _ => _mm_setr_epi32(offset(0), offset(1), offset(2), offset(3)),
    };
    let places = sums.as_chunks_mut::<{ BANDS * TILE }>().0.iter_mut();
    for (first, place) in (0..).step_by(BANDS).zip(places) {
        let Some(bands) = bands_from::<BANDS>(weights, TILE * columns, first) else {
            return;
        };
        // SAFETY: as of this one.
        let totals = unsafe { narrow_totals(bands, lanes, flips) };
        for (totals, sums) in totals.into_iter().zip(place.as_chunks_mut::<TILE>().0) {
            let rows = totals.map(|total| {
                let halves = halved(total);
                _mm_add_epi32(
                    _mm256_castsi256_si128(halves),
                    _mm256_extracti128_si256::<1>(halves),
                )
            });
            put(rows, offsets, sums);
        }
    }
}

/// The same by numbers of 16 bits.
///
/// # Safety
/// As of [`narrow`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) unsafe fn wide<const L: usize>(
    weights: &[u8],
    lanes: &[&[i16]; LANES],
    flips: u32,
    sums: &mut [[i32; LANES]; BAND],
) {
    let lanes: [&[i16]; L] = core::array::from_fn(|lane| lanes[lane]);
    let columns = lanes[0].len();
    let places = sums.as_chunks_mut::<{ BANDS * TILE }>().0.iter_mut();
    for (first, place) in (0..).step_by(BANDS).zip(places) {
        let Some(bands) = bands_from::<BANDS>(weights, TILE * columns, first) else {
            return;
        };
        // SAFETY: as of this one.
        let totals = unsafe { wide_totals(bands, lanes, flips) };
        for (totals, sums) in totals.into_iter().zip(place.as_chunks_mut::<TILE>().0) {
            let rows = totals.map(|total| {
                // Two sums of each row.
                let rows = halved(total);
                _mm_hadd_epi32(
                    _mm256_castsi256_si128(rows),
                    _mm256_extracti128_si256::<1>(rows),
                )
            });
            put(rows, _mm_setzero_si128(), sums);
        }
    }
}

/// Sums of the products of four columns, sixteen for each band and lane: of four rows in each tile of four that lie side by side.
///
/// # Safety
/// As of [`narrow`]; all bands have as many columns as the lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn narrow_totals<const L: usize>(
    bands: [&[u8]; BANDS],
    lanes: [&[i16]; L],
    flips: u32,
) -> [[__m512i; L]; BANDS] {
    /// Columns of a vector of weights: four tiles.
    const COLUMNS: usize = 4 * TILE;
    // Each word of four inputs goes to the four rows of its tile.
    let spread = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    // Signed weights are brought to 128 more, which the others are already.
    let flips = _mm512_set1_epi32((flips ^ 0x8080_8080).cast_signed());
    let mut totals = [[_mm512_setzero_si512(); L]; BANDS];
    let mut step = |inputs: [__m256i; L], weights: [__m512i; BANDS]| {
        let inputs = inputs.map(|numbers| {
            let bytes = _mm512_castsi128_si512(_mm256_cvtepi16_epi8(numbers));
            _mm512_permutexvar_epi32(spread, bytes)
        });
        for (totals, weights) in totals.iter_mut().zip(weights) {
            let weights = _mm512_xor_si512(weights, flips);
            for (total, inputs) in totals.iter_mut().zip(inputs) {
                *total = _mm512_dpbusd_epi32(*total, weights, inputs);
            }
        }
    };
    let columns = lanes[0].len();
    let whole = columns - columns % COLUMNS;
    for column in (0..whole).step_by(COLUMNS) {
        step(
            lanes.map(|x| {
                // SAFETY: so many columns follow in each lane.
                unsafe { _mm256_loadu_si256(x.as_ptr().wrapping_add(column).cast()) }
            }),
            bands.map(|band| {
                // SAFETY: the weights of so many columns follow in each band.
                unsafe { _mm512_loadu_si512(band.as_ptr().wrapping_add(TILE * column).cast()) }
            }),
        );
    }
    if whole < columns {
        step(
            lanes.map(|x| numbers(x, whole)),
            bands.map(|band| bytes(band, TILE * whole)),
        );
    }
    totals
}

/// Sums of the products of two columns, sixteen for each band and lane: two of each of four rows in each tile of two.
///
/// # Safety
/// As of [`wide`]; all bands have as many columns as the lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn wide_totals<const L: usize>(
    bands: [&[u8]; BANDS],
    lanes: [&[i16]; L],
    flips: u32,
) -> [[__m512i; L]; BANDS] {
    /// Columns of a vector of 16-bit weights: two tiles.
    const COLUMNS: usize = 2 * TILE;
    let spread = _mm512_setr_epi64(0, 0, 0, 0, 1, 1, 1, 1);
    let flips = _mm256_set1_epi32(flips.cast_signed());
    let mut totals = [[_mm512_setzero_si512(); L]; BANDS];
    let mut step = |inputs: [__m128i; L], weights: [__m256i; BANDS]| {
        let inputs =
            inputs.map(|numbers| _mm512_permutexvar_epi64(spread, _mm512_castsi128_si512(numbers)));
        for (totals, weights) in totals.iter_mut().zip(weights) {
            let weights = _mm512_cvtepi8_epi16(_mm256_xor_si256(weights, flips));
            for (total, inputs) in totals.iter_mut().zip(inputs) {
                *total = _mm512_dpwssd_epi32(*total, weights, inputs);
            }
        }
    };
    let columns = lanes[0].len();
    let whole = columns - columns % COLUMNS;
    for column in (0..whole).step_by(COLUMNS) {
        step(
            lanes.map(|x| {
                // SAFETY: so many columns follow in each lane.
                unsafe { _mm_loadu_si128(x.as_ptr().wrapping_add(column).cast()) }
            }),
            bands.map(|band| {
                // SAFETY: the weights of so many columns follow in each band.
                unsafe { _mm256_loadu_si256(band.as_ptr().wrapping_add(TILE * column).cast()) }
            }),
        );
    }
    if whole < columns {
        step(
            lanes.map(|x| few_numbers(x, whole)),
            bands.map(|band| few_bytes(band, TILE * whole)),
        );
    }
    totals
}

/// Up to sixteen numbers to the end, and zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn numbers(from: &[i16], at: usize) -> __m256i {
    let left = from.get(at..).unwrap_or_default();
    // SAFETY: what is masked is not read, and the others are there.
    unsafe { _mm256_maskz_loadu_epi16(lowest(left.len()) as __mmask16, left.as_ptr().cast()) }
}

/// Up to eight numbers to the end, and zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn few_numbers(from: &[i16], at: usize) -> __m128i {
    let left = from.get(at..).unwrap_or_default();
    // SAFETY: what is masked is not read, and the others are there.
    unsafe { _mm_maskz_loadu_epi16(lowest(left.len()) as __mmask8, left.as_ptr().cast()) }
}

/// Up to 64 bytes to the end, and zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn bytes(from: &[u8], at: usize) -> __m512i {
    let left = from.get(at..).unwrap_or_default();
    // SAFETY: what is masked is not read, and the others are there.
    unsafe { _mm512_maskz_loadu_epi8(lowest(left.len()), left.as_ptr().cast()) }
}

/// Up to 32 bytes to the end, and zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn few_bytes(from: &[u8], at: usize) -> __m256i {
    let left = from.get(at..).unwrap_or_default();
    // SAFETY: what is masked is not read, and the others are there.
    unsafe { _mm256_maskz_loadu_epi8(lowest(left.len()) as __mmask32, left.as_ptr().cast()) }
}

/// The sums of both halves.
#[inline]
#[target_feature(enable = "avx512f")]
fn halved(total: __m512i) -> __m256i {
    _mm256_add_epi32(
        _mm512_castsi512_si256(total),
        _mm512_extracti64x4_epi64::<1>(total),
    )
}

/// The sum of a lane's numbers, times 128.
fn offset(lane: &[i16]) -> i32 {
    let sum = lane.iter().fold(0i32, |sum, &x| sum + i32::from(x));
    sum.wrapping_mul(128)
}

/// A mask of the lowest `count` of up to 64 elements.
fn lowest(count: usize) -> u64 {
    match count {
        0 => 0,
        64.. => u64::MAX,
        count => (1 << count) - 1,
    }
}

/// From sums to outputs.
///
/// # Safety
/// The processor has these instructions.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) unsafe fn scale(rows: &[Row], starts: [i32; LANES], sums: &mut [[i32; LANES]; BAND]) {
    scaled(rows, starts, sums, |rounded, shift| {
        _mm256_cvtsepi64_epi32(_mm256_sra_epi64(rounded, _mm_cvtsi64_si128(shift.into())))
    });
}
