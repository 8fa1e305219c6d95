//! What chance alone does to a number of alarms: exact intervals of counts.

use libm::lgamma;

/// The part of all counts that [`binomial`] and [`calibrated`] leave out of an interval, half of it on each side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outside(pub f64);

/// The interval of a count of alarms among `trials` readings that alarm with a chance of `rate` each, between 0 and 1:
/// quantiles of the binomial distribution.
#[must_use]
pub fn binomial(trials: u64, rate: f64, outside: Outside) -> (u64, u64) {
    let n = trials as f64;
    quantiles(trials, outside, |count| {
        ln_choose(n, count) + count * rate.ln() + (n - count) * (-rate).ln_1p()
    })
}

/// The same where the threshold is the score of rank `rank`, from 1 for the lowest, of `calibrating` readings like those
/// that are tested: quantiles of the beta-binomial distribution.
///
/// The chance of a new reading to lie below that threshold is itself random, Beta(`rank`, `calibrating + 1 - rank`),
/// whatever the distribution of scores, if this is continuous (Vovk, "Conditional validity of inductive conformal
/// predictors", 2012).
#[must_use]
pub fn calibrated(trials: u64, rank: u64, calibrating: u64, outside: Outside) -> (u64, u64) {
    let n = trials as f64;
    let (a, b) = (rank as f64, (calibrating + 1).saturating_sub(rank) as f64);
    let whole = ln_beta(a, b);
    quantiles(trials, outside, |count| {
        ln_choose(n, count) + ln_beta(a + count, b + n - count) - whole
    })
}

/// The logarithm of the beta function.
fn ln_beta(a: f64, b: f64) -> f64 {
    lgamma(a) + lgamma(b) - lgamma(a + b)
}

/// The logarithm of the number of ways to choose `count` of `n`.
fn ln_choose(n: f64, count: f64) -> f64 {
    lgamma(n + 1.0) - lgamma(count + 1.0) - lgamma(n - count + 1.0)
}

/// The least counts that are not exceeded with a chance of half of what is `outside`, and of one less that half.
fn quantiles(trials: u64, outside: Outside, ln_chance: impl Fn(f64) -> f64) -> (u64, u64) {
    let half = outside.0 / 2.0;
    let (mut sum, mut lowest) = (0.0, None);
    for count in 0..trials {
        sum += ln_chance(count as f64).exp();
        if lowest.is_none() && sum >= half {
            lowest = Some(count);
        }
        if sum >= 1.0 - half {
            return (lowest.unwrap_or(count), count);
        }
    }
    (lowest.unwrap_or(trials), trials)
}
