//! Counts: Binomial(n, sigmoid(l)), and Bernoulli as n = 1.

use crate::fixed::saturate;
use crate::mask::Mask;
use crate::transcendental::{sigmoid, softplus};

/// Logits are clamped to this magnitude, 64 in Q16.16, before a density is taken of them. `1 - sigmoid(64)`
/// is 1.6e-28: a clamped term is already 64 nats a trial away from the data it contradicts.
pub const LARGEST_LOGIT: i32 = 64 << 16;

/// Counts `x_i` in `0..=trials` with `p(x_i|z) = C(n, x_i) s^x_i (1 - s)^(n - x_i)`,
/// `s = sigmoid(l_i)`. From the logit, and stable at any magnitude:
///
/// ```text
/// log p(x|z) = sum_i  ln C(n, x_i) + x_i l_i - n softplus(l_i)
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Binomial<'a> {
    /// From 1 to 255, in a word: bytes in front of references are slow and long to move.
    trials: i32,
    /// `ln C(trials, x)` for `x = 0..=trials`, Q16.16.
    log_choose: &'a [i32],
}

/// What of a density does not depend on the logit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    count: i32,
    log_choose: i32,
}

impl<'a> Binomial<'a> {
    /// What stands in the place of one that is not valid. No constant: that would be copied from flash.
    #[inline]
    pub(crate) fn blank() -> Self {
        Self {
            trials: 1,
            log_choose: &[],
        }
    }

    /// The distribution of `trials` draws; `log_choose[x]` is `ln C(trials, x)` in Q16.16. None
    /// where that table does not have `trials + 1` entries in `[0, 256)` nats, or without trials.
    #[must_use]
    pub fn new(trials: u8, log_choose: &'a [i32]) -> Option<Self> {
        let complete = log_choose.len() == usize::from(trials) + 1;
        let in_range = log_choose.iter().all(|term| (0..256 << 16).contains(term));
        (trials > 0 && complete && in_range).then_some(Self {
            trials: trials.into(),
            log_choose,
        })
    }

    /// The distribution, unchecked.
    #[cfg(feature = "image")]
    pub(crate) fn unchecked(trials: u8, log_choose: &'a [i32]) -> Self {
        Self {
            trials: trials.into(),
            log_choose,
        }
    }

    /// `ln C(trials, x)`, Q16.16.
    #[cfg(feature = "image")]
    pub(crate) fn log_choose(&self) -> &'a [i32] {
        self.log_choose
    }

    /// The number of trials n; one for Bernoulli.
    #[must_use]
    pub fn trials(&self) -> u8 {
        self.trials as u8
    }

    /// A count of which densities are asked for, within the support.
    #[inline]
    pub(super) fn count(&self, x: i16) -> Count {
        let count = i32::from(x).min(self.trials).max(0);
        Count {
            count,
            log_choose: self.log_choose.get(count as usize).copied().unwrap_or(0),
        }
    }

    /// Exact up to the rounding of `softplus` (one unit of 2^-16 for each trial) and of the table.
    #[inline]
    pub(super) fn density(&self, Count { count, log_choose }: Count, logit: i32) -> i32 {
        let logit = logit.clamp(-LARGEST_LOGIT, LARGEST_LOGIT);
        // |count * logit| and |trials * softplus| stay below 255 * 65 * 2^16 < 2^31 / 1.9, the two differ
        // by at most trials * softplus(|logit|), and the table stays below 2^24.
        count * logit - self.trials * softplus(logit) + log_choose
    }

    /// `n sigmoid(l)`, Q16.16.
    pub(super) fn mean(&self, logit: i32) -> i32 {
        saturate(i64::from(self.trials) * i64::from(sigmoid(logit)))
    }

    /// The first observed reading that is no count in `0..=trials`, with its index.
    pub(crate) fn outside_support(&self, x: &[i16], observed: Mask<'_>) -> Option<(usize, i16)> {
        let possible = 0..=self.trials;
        let mut readings = x.iter().copied().enumerate();
        readings.find(|&(index, x)| observed.observes(index) && !possible.contains(&x.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log density of one count.
    fn one_term(binomial: &Binomial<'_>, x: i16, logit: i32) -> i64 {
        i64::from(binomial.density(binomial.count(x), logit))
    }

    #[test]
    fn bernoulli_and_binomial_match_floats() {
        let one = Binomial::new(1, &[0, 0]).unwrap();
        let ln6 = (6f64.ln() * 65536.0).round() as i32;
        let ln4 = (4f64.ln() * 65536.0).round() as i32;
        let table = [0, ln4, ln6, ln4, 0];
        let four = Binomial::new(4, &table).unwrap();
        for step in -640..=640i32 {
            let logit = step << 12;
            let l = f64::from(logit) / 65536.0;
            let softplus = l.max(0.0) + (-l.abs()).exp().ln_1p();
            for x in 0..=1i16 {
                let exact = f64::from(x) * l - softplus;
                let got = one_term(&one, x, logit) as f64 / 65536.0;
                assert!((got - exact).abs() < 2e-5, "x {x} l {l}: {got} {exact}");
            }
            for x in 0..=4i16 {
                let exact =
                    [1f64, 4.0, 6.0, 4.0, 1.0][x as usize].ln() + f64::from(x) * l - 4.0 * softplus;
                let got = one_term(&four, x, logit) as f64 / 65536.0;
                assert!((got - exact).abs() < 8e-5, "x {x} l {l}: {got} {exact}");
            }
        }
    }

    #[test]
    fn the_largest_terms_do_not_overflow() {
        let table = [0; 256];
        let binomial = Binomial::new(255, &table).unwrap();
        for logit in [i32::MIN, i32::MAX] {
            for x in [i16::MIN, 0, 255, i16::MAX] {
                let term = one_term(&binomial, x, logit);
                let agrees = (x > 0) == (logit > 0);
                assert_eq!(
                    term,
                    if agrees {
                        0
                    } else {
                        -255 * i64::from(LARGEST_LOGIT)
                    }
                );
            }
        }
    }

    #[test]
    fn support_and_tables_are_checked() {
        assert!(Binomial::new(0, &[0]).is_none());
        assert!(Binomial::new(1, &[0]).is_none());
        assert!(Binomial::new(1, &[0, -1]).is_none());
        let one = Binomial::new(1, &[0, 0]).unwrap();
        assert_eq!(one.outside_support(&[0, 1, 2], Mask::ALL), Some((2, 2)));
        assert_eq!(one.outside_support(&[0, 1], Mask::ALL), None);
    }
}
