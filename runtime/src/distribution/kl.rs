//! The divergence from the posterior to the prior.

use crate::fixed::{FRACTION_BITS, ONE};
use crate::transcendental::exp;

/// Posterior means are clamped to this magnitude, 128 in Q16.16: its divergence is 8192 nats.
pub const LARGEST_MEAN: i32 = 128 << 16;

/// `KL(N(mu, diag(exp(log_variance))) || N(0, I))` in nats, Q47.16: the closed form
///
/// ```text
/// 1/2 sum_j  mu_j^2 + sigma_j^2 - 1 - ln sigma_j^2
/// ```
///
/// (Kingma and Welling, "Auto-encoding variational Bayes", 2014, appendix B). Both slices are
/// Q16.16; means are at most [`LARGEST_MEAN`] in magnitude.
#[must_use]
pub(super) fn kl_to_standard_normal(mean: &[i32], log_variance: &[i32]) -> i64 {
    let latents = mean.iter().zip(log_variance);
    halve(
        latents
            .map(|(&mean, &log_variance)| twice(square(mean), log_variance))
            .sum(),
    )
}

/// The part of one latent in [`kl_to_standard_normal`], Q47.16.
#[must_use]
pub(super) fn kl_of_latent(mean: i32, log_variance: i32) -> i64 {
    halve(twice(square(mean), log_variance))
}

/// Twice the divergence of one latent, Q47.16: `d^2 + e^l - 1 - l` of a squared distance between the
/// means and the logarithm of the ratio of the variances.
pub(super) fn twice(square: i64, log_ratio: i32) -> i64 {
    square + i64::from(exp(log_ratio)) - i64::from(ONE) - i64::from(log_ratio)
}

fn square(mean: i32) -> i64 {
    (i64::from(mean) * i64::from(mean) + (1 << 15)) >> FRACTION_BITS
}

/// No log-variance that an image allows makes a term negative (a test tries them all); the floor
/// extends that to every argument.
fn halve(twice: i64) -> i64 {
    half_up(twice).max(0)
}

/// The half, rounded half up.
pub(super) fn half_up(twice: i64) -> i64 {
    twice.saturating_add(1) >> 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_closed_form_in_floats() {
        for (mean, log_variance) in [
            (0.0f64, 0.0f64),
            (1.0, -2.0),
            (-3.25, -6.5),
            (127.0, 2.0),
            (0.0, -12.0),
        ] {
            let q = |x: f64| (x * 65536.0).round() as i32;
            let exact = 0.5 * (mean * mean + log_variance.exp() - 1.0 - log_variance);
            let got = kl_to_standard_normal(&[q(mean); 2], &[q(log_variance); 2]) as f64 / 65536.0;
            assert!(
                (got - 2.0 * exact).abs() < 2e-4 * (1.0 + log_variance.exp()),
                "{got} {exact}"
            );
        }
        assert_eq!(kl_to_standard_normal(&[0; 7], &[0; 7]), 0);
    }

    /// Up to 8, where the variance is 2981, every log-variance of an image is within a unit and
    /// 2^-20.5 of the variance, halved, and none falls below zero before the floor.
    #[test]
    fn no_log_variance_makes_it_negative() {
        for log_variance in -32 << 16..=8 << 16 {
            let variance = exp(log_variance);
            assert!(variance - ONE - log_variance >= 0, "{log_variance}");
            let l = f64::from(log_variance) / 65_536.0;
            let exact = 0.5 * (l.exp() - 1.0 - l) * 65_536.0;
            let got = kl_to_standard_normal(&[0], &[log_variance]) as f64;
            let bound = 1.0 + 0.5 * l.exp() * 65_536.0 * 0.5f64.powf(20.5);
            assert!(
                (got - exact).abs() <= bound,
                "{log_variance}: {got} {exact}"
            );
        }
    }
}
