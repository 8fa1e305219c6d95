//! 0, 1, 2 and so on, negative binomial; `ln C(x + r - 1, x)` is from a table.

use super::limited;
use crate::fixed::{FRACTION_BITS, multiply};
use crate::transcendental::{exp, softplus};

/// The largest number of failures `r` of a count, 128 in Q16.16. A negative binomial with as many has a variance of
/// `m + m^2 / 128`: it is as good as Poisson for counts of a few.
pub const LARGEST_FAILURES: i32 = 128 << 16;

/// The largest count that a table reaches.
pub const LARGEST_COUNT: u32 = 255;

/// The bound of the entries of a table of counts, 256 nats in Q16.16.
pub(super) const LARGEST_ENTRY: i32 = 256 << 16;

/// Whether the words are in range: where the table begins among so many `entries`, its largest count, and r.
#[inline(always)]
pub(super) fn is_valid(&[first, second, third]: &[u32; 3], entries: usize) -> bool {
    let last = (first as usize).checked_add(second as usize);
    (1..=LARGEST_COUNT).contains(&second)
        && last.is_some_and(|last| last < entries)
        && (1..=LARGEST_FAILURES).contains(&(third as i32))
}

/// `log p(x|z)` in each lane, Q16.16, of x from 0 on.
#[inline(always)]
pub(super) fn densities<'l>(
    x: i16,
    [first, second, third]: [u32; 3],
    tables: &[i32],
    lanes: impl Iterator<Item = (i32, &'l mut i32)>,
) {
    let count = i32::from(x).min(second as i32);
    let entry = tables.get(first as usize + count as usize);
    let entry = entry.copied().unwrap_or(0);
    let trials = (count << FRACTION_BITS) + third as i32;
    for (output, density) in lanes {
        // At most 255 * 64 and 383 * 65 in magnitude; they differ by 255 * 64 at most.
        let logit = limited(output);
        let of_trials = multiply(trials, softplus(logit));
        *density = count * logit - of_trials + entry;
    }
}

/// The mean `r e^l`, Q16.16.
#[inline(always)]
pub(super) fn mean([_, _, third]: [u32; 3], logit: i32) -> i32 {
    multiply(third as i32, exp(logit))
}
