//! Inner products of x86-64 processors with AVX-512 and its instructions for neural networks (VNNI), found when the program
//! runs: VPDPBUSD adds four products of an unsigned and a signed byte to each of sixteen sums, VPDPWSSD two of 16-bit numbers.
//! The sums are those of [`super::portable`].
//!
//! Weights become unsigned bytes, 128 more than they are, as tiles for v6-M have them; 128 times the sum of the inputs is taken
//! off again.
#![allow(unsafe_code)]

use crate::kernel::matrix::{LANES, Operands, Row};
use crate::kernel::packing::{BAND, Packing, TILE};
use core::arch::x86_64::*;

/// Bands of four rows that share the inputs which were brought into order for them.
const BANDS: usize = 4;

/// Tiles in a vector of bytes.
const TILES: usize = 4;

/// Columns of a whole vector of tiles.
const COLUMNS: usize = TILES * TILE;

/// The sums of bands of four rows, [`narrow`] or [`wide`].
type Kernel = unsafe fn(&[&[u8]; BANDS], &Lanes<'_>, u32, &mut [[i32; LANES]; BANDS * TILE]);

/// Whether this processor has what [`sums_of`] and [`scale`] need.
pub(crate) fn is_here() -> bool {
    std::is_x86_feature_detected!("avx512f")
        && std::is_x86_feature_detected!("avx512bw")
        && std::is_x86_feature_detected!("avx512vl")
        && std::is_x86_feature_detected!("avx512vnni")
}

/// See [`super::portable::sums_of`]; false, and nothing is done, where this processor or this packing has no such kernel.
pub(crate) fn sums_of(
    packing: Packing,
    weights: &[u8],
    operands: &Operands<'_>,
    sums: &mut [[i32; LANES]; BAND],
) -> bool {
    if matches!(packing, Packing::Rows) || !is_here() {
        return false;
    }
    let flips = u32::from_le_bytes(core::array::from_fn(|column| packing.flip(column)));
    let x: &[i16] = bytemuck::cast_slice(operands.words);
    let padded = operands.columns.next_multiple_of(TILE).max(1);
    let lanes = Lanes::new(x, padded, operands.lanes);
    let kernel: Kernel = match (operands.wide, operands.lanes) {
        (false, 1) => narrow::<1>,
        (false, _) => narrow::<LANES>,
        (true, 1) => wide::<1>,
        (true, _) => wide::<LANES>,
    };
    let bands = weights.chunks_exact(TILE * padded);
    let mut places = sums.as_chunks_mut::<{ BANDS * TILE }>().0.iter_mut();
    // Bands that go together; the last ones may be fewer.
    for (first, place) in (0..bands.len()).step_by(BANDS).zip(&mut places) {
        let own: [&[u8]; BANDS] = core::array::from_fn(|band| {
            let start = (first + band) * TILE * padded;
            weights
                .get(start..start + TILE * padded)
                .unwrap_or_default()
        });
        // SAFETY: `is_here` found the instructions.
        unsafe { kernel(&own, &lanes, flips, place) };
    }
    true
}

/// The numbers of each lane, as many as there are columns and zeros up to a multiple of four; none of a lane that is not there.
struct Lanes<'x>([&'x [i16]; LANES]);

impl<'x> Lanes<'x> {
    fn new(x: &'x [i16], padded: usize, lanes: usize) -> Self {
        Self(core::array::from_fn(|lane| {
            let own = x.get(lane * padded..(lane + 1) * padded);
            own.filter(|_| lane < lanes).unwrap_or_default()
        }))
    }

    /// The sum of a lane's numbers, times 128.
    fn offset(&self, lane: usize) -> i32 {
        let sum = self.0[lane].iter().fold(0i32, |sum, &x| sum + i32::from(x));
        sum.wrapping_mul(128)
    }
}

/// A mask of the lowest `count` of `N` elements.
fn lowest(count: usize) -> u64 {
    match count {
        0 => 0,
        64.. => u64::MAX,
        count => (1 << count) - 1,
    }
}

/// `sums[4 b + r][lane]` of bands of weights, a slice each and empty where there is none, by numbers of eight bits.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn narrow<const L: usize>(
    bands: &[&[u8]; BANDS],
    lanes: &Lanes<'_>,
    flips: u32,
    sums: &mut [[i32; LANES]; BANDS * TILE],
) {
    // Each word of four inputs goes to the four rows of its tile.
    let spread = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    // Signed weights are brought to 128 more, which the others are already.
    let flips = _mm512_set1_epi32((flips ^ 0x8080_8080).cast_signed());
    let mut totals = [[_mm512_setzero_si512(); L]; BANDS];
    let columns = bands[0].len() / TILE;
    for first in (0..columns).step_by(COLUMNS) {
        let left = (columns - first).min(COLUMNS);
        let inputs: [__m512i; L] = core::array::from_fn(|lane| {
            let numbers = lanes.0[lane].get(first..first + left).unwrap_or_default();
            // SAFETY: masked elements are not read, and the others are in `numbers`.
            let numbers = unsafe {
                _mm256_maskz_loadu_epi16(lowest(numbers.len()) as __mmask16, numbers.as_ptr())
            };
            let bytes = _mm256_cvtepi16_epi8(numbers);
            _mm512_permutexvar_epi32(spread, _mm512_castsi128_si512(bytes))
        });
        for (totals, band) in totals.iter_mut().zip(bands) {
            let weights = band
                .get(TILE * first..TILE * (first + left))
                .unwrap_or_default();
            // SAFETY: as above.
            let weights =
                unsafe { _mm512_maskz_loadu_epi8(lowest(weights.len()), weights.as_ptr().cast()) };
            let weights = _mm512_xor_si512(weights, flips);
            for (total, &inputs) in totals.iter_mut().zip(&inputs) {
                *total = _mm512_dpbusd_epi32(*total, weights, inputs);
            }
        }
    }
    let offsets: [i32; L] = core::array::from_fn(|lane| lanes.offset(lane));
    for (totals, sums) in totals.iter().zip(sums.as_chunks_mut::<TILE>().0) {
        for (lane, &total) in totals.iter().enumerate() {
            let halves = _mm256_add_epi32(
                _mm512_castsi512_si256(total),
                _mm512_extracti64x4_epi64::<1>(total),
            );
            let rows = _mm_add_epi32(
                _mm256_castsi256_si128(halves),
                _mm256_extracti128_si256::<1>(halves),
            );
            let rows = _mm_sub_epi32(rows, _mm_set1_epi32(offsets[lane]));
            put(rows, lane, sums);
        }
    }
}

/// The same by numbers of 16 bits.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn wide<const L: usize>(
    bands: &[&[u8]; BANDS],
    lanes: &Lanes<'_>,
    flips: u32,
    sums: &mut [[i32; LANES]; BANDS * TILE],
) {
    /// Columns of a vector of 16-bit weights: two tiles.
    const COLUMNS: usize = 2 * TILE;
    let spread = _mm512_setr_epi64(0, 0, 0, 0, 1, 1, 1, 1);
    let flips = _mm256_set1_epi32(flips.cast_signed());
    let mut totals = [[_mm512_setzero_si512(); L]; BANDS];
    let columns = bands[0].len() / TILE;
    for first in (0..columns).step_by(COLUMNS) {
        let left = (columns - first).min(COLUMNS);
        let inputs: [__m512i; L] = core::array::from_fn(|lane| {
            let numbers = lanes.0[lane].get(first..first + left).unwrap_or_default();
            // SAFETY: masked elements are not read, and the others are in `numbers`.
            let numbers = unsafe {
                _mm_maskz_loadu_epi16(lowest(numbers.len()) as __mmask8, numbers.as_ptr())
            };
            _mm512_permutexvar_epi64(spread, _mm512_castsi128_si512(numbers))
        });
        for (totals, band) in totals.iter_mut().zip(bands) {
            let weights = band
                .get(TILE * first..TILE * (first + left))
                .unwrap_or_default();
            // SAFETY: as above.
            let weights = unsafe {
                _mm256_maskz_loadu_epi8(lowest(weights.len()) as __mmask32, weights.as_ptr().cast())
            };
            let weights = _mm512_cvtepi8_epi16(_mm256_xor_si256(weights, flips));
            for (total, &inputs) in totals.iter_mut().zip(&inputs) {
                *total = _mm512_dpwssd_epi32(*total, weights, inputs);
            }
        }
    }
    for (totals, sums) in totals.iter().zip(sums.as_chunks_mut::<TILE>().0) {
        for (lane, &total) in totals.iter().enumerate() {
            // Two sums of each row of two tiles.
            let rows = _mm256_add_epi32(
                _mm512_castsi512_si256(total),
                _mm512_extracti64x4_epi64::<1>(total),
            );
            let low = _mm256_castsi256_si128(rows);
            let rows = _mm_hadd_epi32(low, _mm256_extracti128_si256::<1>(rows));
            put(rows, lane, sums);
        }
    }
}

/// Puts the sums of four rows to their lane.
#[target_feature(enable = "avx512f,avx512vl")]
fn put(rows: __m128i, lane: usize, sums: &mut [[i32; LANES]; TILE]) {
    let rows: [i32; TILE] = [
        _mm_extract_epi32::<0>(rows),
        _mm_extract_epi32::<1>(rows),
        _mm_extract_epi32::<2>(rows),
        _mm_extract_epi32::<3>(rows),
    ];
    for (row, sums) in rows.into_iter().zip(sums) {
        if let Some(sum) = sums.get_mut(lane) {
            *sum = row;
        }
    }
}

/// From sums to outputs, as [`super::scale`]; false, and nothing is done, where this processor has no such kernel.
pub(crate) fn scale(
    rows: &[Row],
    operands: &Operands<'_>,
    sums: &mut [[i32; LANES]; BAND],
) -> bool {
    if !is_here() {
        return false;
    }
    // SAFETY: `is_here` found the instructions.
    unsafe { scaled(rows, operands.starts, sums) };
    true
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn scaled(rows: &[Row], starts: [i32; LANES], sums: &mut [[i32; LANES]; BAND]) {
    // SAFETY: the array has four numbers.
    let starts = unsafe { _mm_loadu_si128(starts.as_ptr().cast()) };
    for (sums, &Row { bias, multiplier }) in sums.iter_mut().zip(rows) {
        let (mantissa, shift) = multiplier.parts();
        let half = (1i64 << shift) >> 1;
        // SAFETY: as above.
        let own = unsafe { _mm_loadu_si128(sums.as_ptr().cast()) };
        let own = _mm_add_epi32(_mm_add_epi32(own, starts), _mm_set1_epi32(bias));
        let products = _mm256_mul_epi32(
            _mm256_cvtepi32_epi64(own),
            _mm256_set1_epi64x(mantissa.into()),
        );
        let rounded = _mm256_add_epi64(products, _mm256_set1_epi64x(half));
        let shifted = _mm256_sra_epi64(rounded, _mm_cvtsi64_si128(shift.into()));
        let outputs = _mm256_cvtsepi64_epi32(shifted);
        // SAFETY: as above.
        unsafe { _mm_storeu_si128(sums.as_mut_ptr().cast(), outputs) };
    }
}
