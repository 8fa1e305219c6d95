//! Where the decoder is asked by [`SigmaPoints`](crate::Estimator::SigmaPoints): a cubature rule of third order.
//!
//! For `Z` latents the points are `mu +- h_j sigma`, multiplied latent by latent, with the rows `h_j` of the discrete
//! Hartley transform, `h_jk = cos(2 pi j k / Z) + sin(2 pi j k / Z)` (Hartley, "A more symmetrical Fourier analysis
//! applied to transmission problems", Proceedings of the IRE, 1942). `H H' = Z I`, so that the points have the mean
//! and the covariance of q(z|x); being in pairs they are exact up to third order, as any turned axes are (Arasaratnam
//! and Haykin, "Cubature Kalman filters", 2009, section III). The axes themselves would do too, but `sqrt(Z)`
//! deviations out in one latent is where no draw of many latents ever is, and what is of fourth order there is wrong by
//! `Z - 3`. Here each latent is at most `sqrt(2)` deviations from its mean, and its fourth moment is 1.5 in place of 3
//! whatever `Z` is (Chang, Hu and Chang, "Transformed unscented Kalman filter", IEEE Transactions on Automatic Control,
//! 2013, turn the axes for the same reason).

use crate::fixed::mean;
use core::num::NonZeroU32;

/// An eighth of a turn: `cos a + sin a = sqrt(2) sin(a + pi / 4)`.
const EIGHTH: u32 = 1 << 29;
/// `sqrt(2) sin(pi t / 2) = t (c_0 - t^2 (c_1 - t^2 (c_2 - t^2 c_3)))` for `|t| <= 1`, Q14: fitted so that the largest
/// error, rounding included, is smallest.
const COEFFICIENTS: [i32; 4] = [36394, 14964, 1840, 99];

/// The rule for so many latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigmaPoints {
    /// A turn divided by the latents, in 2^-32 turns.
    part: u32,
}

impl SigmaPoints {
    /// For `latents` of them, at least one.
    #[must_use]
    pub fn new(latents: u16) -> Self {
        let latents = NonZeroU32::new(latents.into()).unwrap_or(NonZeroU32::MIN);
        Self {
            // A whole turn is none.
            part: mean(1 << 32, latents) as u32,
        }
    }

    /// `h_jk` for each latent `k` in turn, without an end; Q16.16, off by at most 1.5e-4 for up to 256 latents.
    /// `direction` is `j`, from 0 to as many as there are latents.
    #[must_use]
    pub fn offsets(self, direction: u16) -> Offsets {
        Offsets {
            angle: EIGHTH,
            step: self.part.wrapping_mul(direction.into()),
        }
    }
}

/// How many deviations each latent of a point is from its mean. From [`SigmaPoints::offsets`].
#[derive(Clone, Debug)]
pub struct Offsets {
    /// In 2^-32 turns.
    angle: u32,
    step: u32,
}

impl Iterator for Offsets {
    type Item = i32;

    fn next(&mut self) -> Option<i32> {
        let angle = self.angle;
        self.angle = angle.wrapping_add(self.step);
        Some(sine(angle))
    }
}

/// `sqrt(2) sin(2 pi angle / 2^32)`, Q16.16, off by at most 1.5e-4. Its products have 32 bits.
fn sine(angle: u32) -> i32 {
    const QUARTER: i32 = 1 << 30;
    let signed = angle.cast_signed();
    // sin(pi - a) = sin a.
    let folded = if (-QUARTER..=QUARTER).contains(&signed) {
        signed
    } else {
        (1u32 << 31).wrapping_sub(angle).cast_signed()
    };
    // Q15.
    let rounded = |wide: i32| (wide + (1 << 14)) >> 15;
    let t = rounded(folded);
    let square = rounded(t * t);
    let [c0, c1, c2, c3] = COEFFICIENTS;
    let sum = c2 - rounded(square * c3);
    let sum = c1 - rounded(square * sum);
    let sum = c0 - rounded(square * sum);
    rounded(t * sum) << 2
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::f64::consts::TAU;
    use std::vec::Vec;

    fn offsets(latents: u16) -> Vec<Vec<f64>> {
        let rule = SigmaPoints::new(latents);
        let row = |direction| {
            let offsets = rule.offsets(direction).take(latents.into());
            offsets.map(|offset| f64::from(offset) / 65536.0).collect()
        };
        (0..latents).map(row).collect()
    }

    #[test]
    fn offsets_are_the_hartley_transform() {
        let mut largest = 0f64;
        for latents in 1..=256 {
            for (j, row) in offsets(latents).iter().enumerate() {
                for (k, offset) in row.iter().enumerate() {
                    let angle = TAU * (j * k) as f64 / f64::from(latents);
                    largest = largest.max((offset - angle.cos() - angle.sin()).abs());
                }
            }
        }
        assert!(largest < 1.5e-4, "{largest}");
        // The ends of the quarters.
        let at = |angle| f64::from(sine(angle)) / 65536.0;
        for (angle, exact) in [(0, 0.0), (1 << 30, 1.0), (1 << 31, 0.0), (3 << 30, -1.0)] {
            assert!((at(angle) - exact * 2f64.sqrt()).abs() < 1.5e-4);
        }
    }

    /// `1/Z sum_j h_jk h_jl` is 1 where `k` is `l` and 0 elsewhere; `1/Z sum_j h_jk^4` is 1.5, but for the latents that
    /// only have two values.
    #[test]
    fn points_have_the_covariance_of_the_posterior() {
        for latents in [1, 2, 3, 5, 8, 24, 50, 64, 129] {
            let (rows, count) = (offsets(latents), usize::from(latents));
            let over_pairs = |of: &dyn Fn(&Vec<f64>) -> f64| {
                rows.iter().map(of).sum::<f64>() / f64::from(latents)
            };
            for k in 0..count {
                for l in 0..count {
                    let exact = f64::from(k == l);
                    let covariance = over_pairs(&|row| row[k] * row[l]);
                    assert!((covariance - exact).abs() < 2e-4, "{latents}: {k}, {l}");
                }
                let fourth = over_pairs(&|row| row[k].powi(4));
                let two_values = 4 * k % count == 0;
                let exact = if two_values { 1.0 } else { 1.5 };
                assert!((fourth - exact).abs() < 5e-4, "{latents}: {k} {fourth}");
            }
        }
    }
}
