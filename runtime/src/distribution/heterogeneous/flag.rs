//! 0 or 1, Bernoulli.

use super::limited;
use crate::transcendental::softplus;

/// `log p(x|z)` in each lane, Q16.16, of an x that is 0 or 1.
#[inline(always)]
pub(super) fn densities<'l>(x: i16, lanes: impl Iterator<Item = (i32, &'l mut i32)>) {
    for (output, density) in lanes {
        let logit = limited(output);
        *density = i32::from(x) * logit - softplus(logit);
    }
}
