//! One of a few states, a number for each: softmax.

use super::{UNSEEN, limited};
use crate::fixed::ONE;
use crate::kernel::LANES;
use crate::transcendental::{exp, softplus};

/// Where an input stands among those of its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first of two or more.
    First,
    /// Between the first and the last.
    Inner,
    /// The last.
    Last,
}

/// The states on the way: what is known of them before their last number.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::distribution) struct States {
    /// `ln sum e^l` in each lane, Q16.16.
    log_sum: [i32; LANES],
    /// The logit of the state that the reading has.
    chosen: [i32; LANES],
    /// The input of that state, of the first while there is none.
    pub(super) input: usize,
    /// How many inputs are 1; two where one is neither 0 nor 1.
    ones: u32,
    pub(super) observed: bool,
}

impl States {
    /// Takes the logit of one of the states in.
    #[inline]
    pub(super) fn take(
        &mut self,
        place: Place,
        (input, x, observed): (usize, i16, bool),
        outputs: &[i32],
    ) {
        let is_first = place == Place::First;
        if is_first {
            (self.input, self.observed, self.ones) = (input, observed, 0);
        }
        self.observed &= observed;
        let is_chosen = x == 1;
        let lanes = self.log_sum.iter_mut().zip(&mut self.chosen);
        for ((log_sum, chosen), &output) in lanes.zip(outputs) {
            let logit = limited(output);
            *log_sum = if is_first {
                logit
            } else {
                add(*log_sum, logit)
            };
            if is_chosen {
                *chosen = logit;
            }
        }
        match x {
            0 => {}
            1 => {
                self.ones += 1;
                self.input = input;
            }
            _ => self.ones += 2,
        }
    }

    /// `log p` of the state that the reading has.
    pub(super) fn density(&self, lane: usize) -> i32 {
        match (self.chosen.get(lane), self.log_sum.get(lane)) {
            (Some(chosen), Some(log_sum)) if self.ones == 1 => chosen - log_sum,
            _ => UNSEEN,
        }
    }
}

/// The chances of all states in the place of their logits, of which `log_sum` is `ln sum e^l`, Q16.16.
#[inline(always)]
pub(super) fn put_chances(logits: &mut [i32], log_sum: i32) {
    for chance in logits {
        *chance = exp(*chance - log_sum).min(ONE);
    }
}

/// `ln(e^a + e^b)`, Q16.16.
#[inline]
pub(super) fn add(a: i32, b: i32) -> i32 {
    b + softplus(a - b)
}
