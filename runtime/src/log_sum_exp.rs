//! Sums of numbers whose logarithms are known, whatever their size.

use crate::fixed::{Nats, divide, saturate, square_root};
use crate::transcendental::{exp, ln, ln_wide};
use core::num::NonZeroU64;

/// A streaming log-sum-exp of weights: the highest log weight so far, and the sums of
/// the weights and of their squares relative to it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LogSumExp {
    count: u32,
    /// Q47.16.
    highest: i64,
    /// Q36.28, each weight at most one.
    sum: u64,
    /// Q48.16.
    squares: u64,
}

/// `ln 2^12` in Q16.16: `exp(x + HEADROOM)` has twelve bits more than `exp(x)`.
const HEADROOM: i32 = 545_113;

impl LogSumExp {
    /// Takes a log weight in, nats Q47.16.
    pub(crate) fn add(&mut self, log_weight: i64) {
        if self.count == 0 {
            self.highest = log_weight;
        }
        self.count += 1;
        if log_weight > self.highest {
            // A new reference: what there is shrinks by the ratio. The sum is below 2^44.
            let ratio = relative(self.highest - log_weight);
            self.sum = ((self.sum >> 8) * ratio) >> 20;
            self.squares = (self.squares * square(ratio)) >> 16;
            self.highest = log_weight;
        }
        let weight = relative(log_weight - self.highest);
        self.sum += weight;
        self.squares += square(weight);
    }

    /// `ln(1/k sum w)` in nats, Q47.16; zero of nothing.
    pub(crate) fn log_mean(&self) -> i64 {
        if self.count == 0 {
            return 0;
        }
        self.log_sum() - i64::from(ln(self.count << 16))
    }

    /// `ln(sum w)` in nats, Q47.16; zero of nothing.
    pub(crate) fn log_sum(&self) -> i64 {
        if self.count == 0 {
            return 0;
        }
        // Its lowest bit stands for 2^-16.
        self.highest + ln_wide(self.sum) - i64::from(HEADROOM)
    }

    /// The standard error of the logarithm of the mean, by the delta method:
    /// `sqrt((k sum w^2 / (sum w)^2 - 1) / (k - 1))`; none below two weights.
    pub(crate) fn standard_error(&self) -> Option<Nats> {
        let degrees = NonZeroU64::new(u64::from(self.count).checked_sub(1)?)?;
        // Both below 2^48: at most 65535 weights of at most one.
        let total = self.sum >> 12;
        let squared = NonZeroU64::new((total * total) >> 16)?;
        let excess = (u64::from(self.count) * self.squares).saturating_sub(squared.get());
        let variance = divide(divide(excess << 15, squared) << 17, degrees);
        Some(Nats::from_bits(saturate(square_root(variance).into())))
    }
}

/// `exp(log_weight)` of a log weight of at most zero (Q47.16), Q4.28.
pub(crate) fn relative(log_weight: i64) -> u64 {
    u64::from(exp(saturate(log_weight).saturating_add(HEADROOM)).unsigned_abs())
}

/// The square of a Q4.28 number of about one at most, Q16.16.
fn square(weight: u64) -> u64 {
    let weight = weight >> 12;
    (weight * weight) >> 16
}
