//! The inner products of a few rows. The portable ones are the definition, and read every packing; the
//! core at hand may have faster ones for one packing, with the same bits.
//!
//! A kernel has a packing that is its own, a number of rows that it computes together, an order that
//! it wants its operands in, and the sums themselves.

#[cfg(elbow_kernels = "dsp")]
mod dsp;
#[cfg(elbow_kernels = "helium")]
mod helium;
mod portable;
#[cfg(any(elbow_kernels = "v6m", elbow_kernels = "v7m", elbow_kernels = "riscv"))]
mod tiles;
#[cfg(target_pointer_width = "64")]
mod vectors;
pub(super) mod widen;
#[cfg(all(target_arch = "x86_64", feature = "image"))]
mod x86;

#[cfg(elbow_kernels = "dsp")]
use dsp as core_kernels;
#[cfg(elbow_kernels = "helium")]
use helium as core_kernels;
#[cfg(not(elbow_kernels))]
use portable as core_kernels;
#[cfg(any(elbow_kernels = "v6m", elbow_kernels = "v7m", elbow_kernels = "riscv"))]
use tiles as core_kernels;

use super::matrix::{Dense, LANES, Limits, Numbers, Operands, Row};
use super::packing::{BAND, Packing};

/// The sums of any packing, in plain Rust.
#[cfg(not(target_pointer_width = "64"))]
use portable::sums_of;
#[cfg(all(
    target_pointer_width = "64",
    not(all(target_arch = "x86_64", feature = "image"))
))]
use vectors::sums_of;

/// The sums of any packing, by the best instructions of this processor.
#[cfg(all(target_arch = "x86_64", feature = "image"))]
fn sums_of(
    packing: Packing,
    weights: &[u8],
    operands: &Operands<'_>,
    sums: &mut [[i32; LANES]; BAND],
) {
    let kernels = x86::Kernels::here();
    if !kernels.is_some_and(|kernels| kernels.sums_of(packing, weights, operands, sums)) {
        vectors::sums_of(packing, weights, operands, sums);
    }
}

/// Brings inputs into the order that [`outputs`] wants; gives what each lane's sums have to have added.
pub(super) fn prepare(
    packing: Packing,
    numbers: Numbers<'_>,
    columns: usize,
    lanes: usize,
    words: &mut [u32],
) -> [i32; LANES] {
    if packing.is_native() {
        core_kernels::prepare(numbers, columns, lanes, words)
    } else {
        portable::prepare(numbers, columns, lanes, words)
    }
}

/// `outputs[r][lane] = M_r(bias_r + sum_c w_rc * x_c)` for the rows of a part of a layer, at most [`BAND`].
#[inline]
pub(super) fn outputs(
    part: Dense<'_>,
    operands: &Operands<'_>,
    outputs: &mut [[i32; LANES]; BAND],
) {
    if part.packing.is_native() {
        #[cfg(elbow_assembly)]
        if core_kernels::scaled(part, operands, outputs) {
            return;
        }
        #[cfg(elbow_kernels)]
        core_kernels::sums(part.weights, operands, outputs);
        #[cfg(not(elbow_kernels))]
        sums_of(Packing::NATIVE, part.weights, operands, outputs);
        #[cfg(elbow_kernels = "dsp")]
        return core_kernels::scale(part.rows, operands, outputs);
    } else {
        sums_of(part.packing, part.weights, operands, outputs);
    }
    #[cfg_attr(elbow_kernels = "dsp", allow(unreachable_code))]
    scale(part.rows, operands, outputs);
}

/// The narrow activations of a whole layer, `clamp(output, floor, ceiling) + zero_point`, where the core has a
/// kernel for just that; otherwise nothing, and false.
#[inline]
pub(super) fn activated(
    dense: Dense<'_>,
    operands: &Operands<'_>,
    limits: Limits,
    out: &mut [i8],
) -> bool {
    #[cfg(elbow_assembly)]
    if dense.packing.is_native() {
        return core_kernels::activated(dense, operands, limits, out);
    }
    let _ = (dense, operands, limits, out);
    false
}

/// From sums to outputs.
#[inline(never)]
fn scale(rows: &[Row], operands: &Operands<'_>, sums: &mut [[i32; LANES]; BAND]) {
    #[cfg(all(target_arch = "x86_64", feature = "image"))]
    if let Some(kernels) = x86::Kernels::here() {
        return kernels.scale(rows, operands, sums);
    }
    let [start, starts @ ..] = &operands.starts;
    for ([sum, others @ ..], &Row { bias, multiplier }) in sums.iter_mut().zip(rows) {
        *sum = multiplier.apply(sum.wrapping_add(*start).wrapping_add(bias));
        if operands.lanes > 1 {
            for (sum, &start) in others.iter_mut().zip(starts) {
                *sum = multiplier.apply(sum.wrapping_add(start).wrapping_add(bias));
            }
        }
    }
}

#[cfg(all(test, target_arch = "x86_64", feature = "image"))]
mod tests {
    use super::*;
    use crate::requantize::Multiplier;
    use rand_core::Rng;
    use rand_xoshiro::Xoshiro128PlusPlus;
    use rand_xoshiro::rand_core::SeedableRng;
    use std::vec;
    use std::vec::Vec;
    use x86::Kernels;

    const KERNELS: [Kernels; 2] = [Kernels::Vnni, Kernels::Avx2];

    #[test]
    fn every_kernel_of_a_host_has_the_sums_of_the_portable_one() {
        let mut rng = Xoshiro128PlusPlus::seed_from_u64(1);
        let shapes = (1..70).chain([127, 128, 255, 256, 257, 640, 1000]);
        for columns in shapes {
            for (rows, lanes) in [(1, 1), (4, 4), (15, 1), (16, 4), (31, 2), (32, 3)] {
                let any = |_| (rng.next_u32() % 255) as i8;
                let weights: Vec<i8> = (0..rows * columns).map(any).map(|w| w.max(-127)).collect();
                let wide = rng.next_u32().is_multiple_of(2);
                let numbers: Vec<i16> = (0..lanes * columns)
                    .map(|_| rng.next_u32() as i16)
                    .map(|x| if wide { x } else { x % 128 })
                    .collect();
                let bytes: Vec<i8> = numbers.iter().map(|&x| x as i8).collect();
                let numbers = match wide {
                    true => Numbers::Wide(&numbers),
                    false => Numbers::Narrow(&bytes),
                };
                for packing in Packing::ALL {
                    let packed = packing.pack(columns, &weights);
                    let mut words = vec![0; crate::kernel::operand_words(columns, LANES)];
                    let operands = Operands::prepare(packing, numbers, columns, lanes, &mut words);
                    let mut expected = [[0; LANES]; BAND];
                    let mut found = expected;
                    portable::sums_of(packing, &packed, &operands, &mut expected);
                    vectors::sums_of(packing, &packed, &operands, &mut found);
                    let told = (packing, columns, rows, lanes, wide);
                    assert_eq!(found[..rows], expected[..rows], "{told:?}");
                    for kernels in KERNELS {
                        found = [[0; LANES]; BAND];
                        if kernels.sums_of(packing, &packed, &operands, &mut found) {
                            for (found, expected) in found.iter().zip(&expected).take(rows) {
                                assert_eq!(
                                    found[..lanes],
                                    expected[..lanes],
                                    "{kernels:?} {told:?}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_scale_is_the_rounding_rule() {
        let mut rng = Xoshiro128PlusPlus::seed_from_u64(2);
        let mut words = [0; 64];
        let operands = Operands::prepare(Packing::NATIVE, Numbers::Narrow(&[1]), 1, 4, &mut words);
        for shift in 0..=Multiplier::MAX_SHIFT {
            let mut rows = [Row::ZERO; BAND];
            let mut sums = [[0; LANES]; BAND];
            for (row, sums) in rows.iter_mut().zip(&mut sums) {
                let mantissa = rng.next_u32() & Multiplier::MAX_MANTISSA;
                row.multiplier = Multiplier::from_validated(mantissa | shift << 16);
                row.bias = (rng.next_u32() >> 3) as i32 - (1 << 28);
                *sums = core::array::from_fn(|_| (rng.next_u32() >> 3) as i32 - (1 << 28));
            }
            for kernels in KERNELS.into_iter().filter(|kernels| kernels.are_here()) {
                let mut found = sums;
                kernels.scale(&rows, &operands, &mut found);
                for ((found, sums), row) in found.iter().zip(&sums).zip(&rows) {
                    let expected = sums.map(|sum| row.multiplier.apply(sum + row.bias));
                    assert_eq!(*found, expected, "{kernels:?} {row:?}");
                }
            }
        }
    }
}
