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
#[cfg(target_pointer_width = "64")]
use vectors::sums_of;

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
