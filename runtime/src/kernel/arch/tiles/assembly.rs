//! What the assembly of v6-M and v7-M is called for: rows in four lanes, and whole jobs in one.

use super::job::Job;
#[cfg(elbow_kernels = "v6m")]
use super::v6m::{four_lanes, rows_of_job as outputs_of_job, rows_of_job as activations_of_job};
#[cfg(elbow_kernels = "v7m")]
use super::v7m::{activations_of_job, four_lanes, outputs_of_job};

use super::{SEGMENT, TRIPLE, apart, goes_together};
#[cfg(elbow_kernels = "v7m")]
use crate::kernel::matrix::Row;
use crate::kernel::matrix::{Dense, LANES, Limits, Operands};
use crate::kernel::packing::{BAND, TILE, TILE_BYTES};

/// Rows of one lane that go together: two bands of tiles.
const TOGETHER: usize = 2 * TILE;

/// `sums[r][lane] = sum_c w_rc * x_c - start`, wrapping, for the rows that `weights` hold and four lanes of narrow
/// numbers; others are not asked for here.
pub(crate) fn sums(weights: &[u8], operands: &Operands<'_>, sums: &mut [[i32; LANES]; BAND]) {
    let groups = operands.columns.div_ceil(TILE);
    let band = groups * TILE_BYTES;
    // The words of all lanes are read below.
    if !goes_together(operands) || operands.words.len() < groups * TILE * TRIPLE || groups == 0 {
        return;
    }
    let mut rest = weights;
    for sums in sums.as_chunks_mut::<TILE>().0 {
        let Some((weights, later)) = rest.split_at_checked(band) else {
            break;
        };
        rest = later;
        for (pair, sums) in sums.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            // SAFETY: a tile is four rows of four bytes, and `weights` are `groups` tiles.
            let rows = unsafe { weights.as_ptr().add(pair * 2 * TILE) };
            // SAFETY: two rows of `groups` tiles start at `rows`, and there are three words for each of
            // their columns, as checked above.
            unsafe { two_rows(rows, operands.words, groups, sums) };
        }
    }
}

/// The sums of two rows in four lanes.
///
/// # Safety
/// `rows` are two rows of `groups` tiles, and `words` three words for each of their columns.
unsafe fn two_rows(rows: *const u8, words: &[u32], groups: usize, sums: &mut [[i32; LANES]; 2]) {
    *sums = [[0; LANES]; 2];
    let segment = SEGMENT / TILE;
    let mut first = 0;
    while first < groups {
        let length = segment.min(groups - first);
        let mut sixes = [0u32; 2 * TRIPLE];
        // SAFETY: `first` is below `groups`, the number of tiles.
        let tiles = unsafe { rows.add(first * TILE_BYTES) };
        // SAFETY: there are three words for each column of all groups.
        let operands = unsafe { words.as_ptr().add(first * TILE * TRIPLE) };
        // SAFETY: `length` tiles are left from there on, and not 0, with three words for each column; six
        // numbers are written.
        unsafe { four_lanes(tiles, operands, length, sixes.as_mut_ptr()) };
        for (row, sums) in sixes.as_chunks::<TRIPLE>().0.iter().zip(sums.iter_mut()) {
            let split = apart(*row);
            for (sum, part) in sums.iter_mut().zip(split) {
                *sum = sum.wrapping_add(part);
            }
        }
        first += length;
    }
}

/// Where outputs are activations: the zero point less the floor, the floor, the ceiling less the floor. Else
/// [`UNCLAMPED`].
#[derive(Clone, Copy)]
struct Clamp {
    offset: i32,
    floor: i32,
    #[cfg(elbow_kernels = "v6m")]
    range: i32,
}

/// Outputs as they are: no activation has that floor.
const UNCLAMPED: Clamp = Clamp {
    offset: 0,
    floor: 128,
    #[cfg(elbow_kernels = "v6m")]
    range: 0,
};

/// The outputs lane by lane, those of a lane `step` bytes behind those of the lane before; false where there is less
/// than that needs.
///
/// # Safety
/// `kernel` may be called with `clamp` for the rows of `dense` and places at `out`, in each lane.
#[inline(never)]
unsafe fn lane_by_lane(
    kernel: unsafe extern "C" fn(&mut Job),
    dense: &Dense<'_>,
    operands: &Operands<'_>,
    clamp: Clamp,
    (out, step): (*mut u8, usize),
) -> bool {
    let groups = operands.columns.div_ceil(TILE);
    let band = groups * TILE_BYTES;
    let (bytes, rows) = (dense.weights.len(), dense.rows.len());
    // Weights of a band alone serve as those of the band behind it, too.
    let alone = bytes == band && rows <= TOGETHER;
    let complete = alone || bytes >= rows.div_ceil(TILE) * band;
    if !complete || rows == 0 || operands.words.len() < operands.lanes * groups * 2 || groups == 0 {
        return false;
    }
    let mut words = operands.words.as_ptr();
    let mut out = out;
    for &start in operands.starts.iter().take(operands.lanes) {
        let words_end = words.wrapping_add(groups * 2);
        let rows = dense.rows.as_ptr_range();
        let mut job = Job {
            weights: dense.weights.as_ptr(),
            band: if alone { 0 } else { band },
            words,
            start,
            words_end,
            rows_end: rows.end,
            rows: rows.start,
            out,
            offset: clamp.offset,
            floor: clamp.floor,
            #[cfg(elbow_kernels = "v6m")]
            range: clamp.range,
        };
        // SAFETY: the job has as many tiles, words and rows as it says, as checked above; the caller answers for the
        // rest.
        unsafe { kernel(&mut job) };
        words = words_end;
        out = out.wrapping_add(step);
    }
    true
}

/// The outputs, lane by lane; false where that is not what is asked for.
#[inline]
pub(crate) fn scaled(
    part: Dense<'_>,
    operands: &Operands<'_>,
    outputs: &mut [[i32; LANES]; BAND],
) -> bool {
    if goes_together(operands) || part.rows.len() > BAND {
        return false;
    }
    #[cfg(elbow_kernels = "v7m")]
    let (part, outputs) = {
        let whole = part.rows.len() / TOGETHER * TOGETHER;
        let (rows, last_rows) = part.rows.split_at(whole);
        let (outputs, last_outputs) = outputs.split_at_mut(whole);
        if !last_rows.is_empty() && !scaled_last(&part, operands, last_rows, last_outputs) {
            return false;
        }
        if rows.is_empty() {
            return true;
        }
        (Dense { rows, ..part }, outputs)
    };
    let places = (outputs.as_mut_ptr().cast(), size_of::<i32>());
    // SAFETY: there are LANES numbers for each of at most BAND rows, and a lane's are each one behind those of the lane
    // before; on v7-M the rows are whole pairs of bands.
    unsafe { lane_by_lane(outputs_of_job, &part, operands, UNCLAMPED, places) }
}

/// The last rows of a part, fewer than go together, filled up: the assembly of v7-M takes whole pairs of bands. A last
/// band alone is computed twice.
#[cfg(elbow_kernels = "v7m")]
#[inline(never)]
fn scaled_last(
    part: &Dense<'_>,
    operands: &Operands<'_>,
    last: &[Row],
    outputs: &mut [[i32; LANES]],
) -> bool {
    let mut rows = [Row::ZERO; TOGETHER];
    for (row, &given) in rows.iter_mut().zip(last) {
        *row = given;
    }
    let before = (part.rows.len() - last.len()) / TILE * operands.columns.div_ceil(TILE);
    let filled = Dense {
        rows: &rows,
        weights: part.weights.get(before * TILE_BYTES..).unwrap_or_default(),
        ..*part
    };
    let places = (outputs.as_mut_ptr().cast(), size_of::<i32>());
    // SAFETY: as for [`scaled`]: where fewer rows than go together are left, there is room for as many as do.
    outputs.len() >= TOGETHER
        && unsafe { lane_by_lane(outputs_of_job, &filled, operands, UNCLAMPED, places) }
}

/// The narrow activations of a whole layer; false where that is not what is asked for.
#[inline]
pub(crate) fn activated(
    dense: Dense<'_>,
    operands: &Operands<'_>,
    Limits {
        floor,
        ceiling,
        zero_point,
    }: Limits,
    out: &mut [i8],
) -> bool {
    let rows = dense.rows.len();
    // The assembly of v7-M takes whole pairs of bands, saturates at the ceiling of eight bits, and knows one way.
    #[cfg(elbow_kernels = "v7m")]
    if !rows.is_multiple_of(TOGETHER)
        || ceiling + zero_point != i32::from(i8::MAX)
        || dense.bounds.shift < SHIFT
    {
        return false;
    }
    // That of v6-M knows outputs that are no activations by this.
    #[cfg(elbow_kernels = "v6m")]
    if floor + zero_point == UNCLAMPED.floor {
        return false;
    }
    if goes_together(operands) || out.len() < operands.lanes * rows {
        return false;
    }
    let clamp = Clamp {
        offset: -floor,
        floor: floor + zero_point,
        #[cfg(elbow_kernels = "v6m")]
        range: ceiling - floor,
    };
    let places = (out.as_mut_ptr().cast(), rows);
    // SAFETY: `out` has a byte for each row and lane, those of a lane `rows` behind those of the lane before; on v7-M the rows
    // and their shifts are as checked above.
    unsafe { lane_by_lane(activations_of_job, &dense, operands, clamp, places) }
}

/// The least shift of an activation's multiplier that the assembly of v7-M knows.
#[cfg(elbow_kernels = "v7m")]
const SHIFT: u32 = 17;
