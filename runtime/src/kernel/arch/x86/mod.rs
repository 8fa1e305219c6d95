//! Inner products of x86-64 processors by the vector instructions that they are found to have when the program runs: AVX-512
//! with its instructions for neural networks ([`vnni`]), or AVX2 ([`avx2`]). The sums are those of [`super::portable`].
//!
//! A layer in tiles is computed some bands of four rows at a time, which share the inputs that were brought into order for them.
#![allow(unsafe_code)]

mod avx2;
mod vnni;

use crate::kernel::matrix::{LANES, Operands, Row};
use crate::kernel::packing::{BAND, Packing, TILE};
use core::arch::x86_64::*;

/// `sums[r][lane]` of the rows of weights, by the numbers of lanes, of which some kernels look at the first alone.
type Kernel = unsafe fn(&[u8], &[&[i16]; LANES], u32, &mut [[i32; LANES]; BAND]);

/// From sums to outputs.
type Scale = unsafe fn(&[Row], [i32; LANES], &mut [[i32; LANES]; BAND]);

/// The kernels of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernels {
    /// Those of AVX-512 with VNNI.
    Vnni,
    /// Those of AVX2.
    Avx2,
}

impl Kernels {
    /// The best ones of this processor; none where it has neither.
    pub(crate) fn here() -> Option<Self> {
        let mut all = [Self::Vnni, Self::Avx2].into_iter();
        all.find(|kernels| kernels.are_here())
    }

    /// Whether this processor has their instructions.
    pub(crate) fn are_here(self) -> bool {
        match self {
            Self::Vnni => {
                std::is_x86_feature_detected!("avx512f")
                    && std::is_x86_feature_detected!("avx512bw")
                    && std::is_x86_feature_detected!("avx512vl")
                    && std::is_x86_feature_detected!("avx512vnni")
            }
            Self::Avx2 => std::is_x86_feature_detected!("avx2"),
        }
    }

    /// See [`super::portable::sums_of`]; false, and nothing is done, where this packing has no such kernel. The sums of lanes and
    /// rows that are not there are unspecified.
    pub(crate) fn sums_of(
        self,
        packing: Packing,
        weights: &[u8],
        operands: &Operands<'_>,
        sums: &mut [[i32; LANES]; BAND],
    ) -> bool {
        if matches!(packing, Packing::Rows) || !self.are_here() {
            return false;
        }
        let x: &[i16] = bytemuck::cast_slice(operands.words);
        let padded = operands.columns.next_multiple_of(TILE).max(TILE);
        let flips = u32::from_le_bytes(core::array::from_fn(|column| packing.flip(column)));
        let Some(lanes) = lanes_of(x, padded, operands.lanes) else {
            return false;
        };
        let kernel: Kernel = match (self, operands.wide, operands.lanes) {
            (Self::Vnni, false, 1) => vnni::narrow::<1>,
            (Self::Vnni, false, _) => vnni::narrow::<LANES>,
            (Self::Vnni, true, 1) => vnni::wide::<1>,
            (Self::Vnni, true, _) => vnni::wide::<LANES>,
            (Self::Avx2, _, 1) => avx2::sums::<1>,
            (Self::Avx2, _, _) => avx2::sums::<LANES>,
        };
        // SAFETY: the instructions are here, and all lanes are as long.
        unsafe { kernel(weights, &lanes, flips, sums) };
        true
    }

    /// From sums to outputs, as [`super::scale`].
    pub(crate) fn scale(
        self,
        rows: &[Row],
        operands: &Operands<'_>,
        sums: &mut [[i32; LANES]; BAND],
    ) {
        let scale: Scale = match self {
            Self::Vnni => vnni::scale,
            Self::Avx2 => avx2::scale,
        };
        // SAFETY: the instructions are here.
        unsafe { scale(rows, operands.starts, sums) };
    }
}

/// The numbers of each of so many lanes, `padded` ones; the first lane's instead of one that is not there, whose sums nobody
/// reads. None where there are fewer numbers.
fn lanes_of(x: &[i16], padded: usize, lanes: usize) -> Option<[&[i16]; LANES]> {
    let first = x.get(..padded)?;
    let mut all = [first; LANES];
    for (lane, all) in all.iter_mut().enumerate().take(lanes) {
        *all = x.get(lane * padded..(lane + 1) * padded)?;
    }
    Some(all)
}

/// The weights of `N` bands from band `first` on, `bytes` each; the first one's instead of one that is not there, whose sums
/// nobody reads.
fn bands_from<const N: usize>(weights: &[u8], bytes: usize, first: usize) -> Option<[&[u8]; N]> {
    let band = |band: usize| weights.get(band * bytes..(band + 1) * bytes);
    let own = band(first)?;
    Some(core::array::from_fn(|other| {
        band(first + other).unwrap_or(own)
    }))
}

/// The four rows of each lane become the lanes of each row.
#[inline]
#[target_feature(enable = "avx2")]
fn transposed([a, b, c, d]: [__m128i; LANES]) -> [__m128i; TILE] {
    let (ab, cd) = (_mm_unpacklo_epi32(a, b), _mm_unpacklo_epi32(c, d));
    let (later_ab, later_cd) = (_mm_unpackhi_epi32(a, b), _mm_unpackhi_epi32(c, d));
    [
        _mm_unpacklo_epi64(ab, cd),
        _mm_unpackhi_epi64(ab, cd),
        _mm_unpacklo_epi64(later_ab, later_cd),
        _mm_unpackhi_epi64(later_ab, later_cd),
    ]
}

/// Puts the sums of four rows, in one lane or in four, less `offsets` of these, in their place.
#[inline]
#[target_feature(enable = "avx2")]
fn put<const L: usize>(rows_of: [__m128i; L], offsets: __m128i, sums: &mut [[i32; LANES]; TILE]) {
    let rows = match rows_of.first_chunk::<LANES>() {
        Some(&all) => transposed(all),
        None => transposed([rows_of[0]; LANES]),
    };
    for (row, sums) in rows.into_iter().zip(sums) {
        let row = _mm_sub_epi32(row, offsets);
        // SAFETY: the array has four numbers.
        unsafe { _mm_storeu_si128(sums.as_mut_ptr().cast(), row) };
    }
}

/// From sums to outputs: `shifted` shifts four sums, times their mantissa and with the half for rounding, and saturates them.
#[inline]
#[target_feature(enable = "avx2")]
fn scaled(
    rows: &[Row],
    starts: [i32; LANES],
    sums: &mut [[i32; LANES]; BAND],
    shifted: impl Fn(__m256i, u32) -> __m128i,
) {
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
        // SAFETY: as above.
        unsafe { _mm_storeu_si128(sums.as_mut_ptr().cast(), shifted(rounded, shift)) };
    }
}
