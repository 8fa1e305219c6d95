//! Counts in `0..=trials`, with `sigmoid(output)` as the chance of each trial.

use super::family::{Family, Start, Support, Terms};
use super::row::{Parameters, Row};
use super::special::{LEAST_FREQUENCY, Rng, exact_softplus, softplus};
use crate::error::Error;
use candle_core::Tensor;
use pulp::Arch;
use rand_core::Rng as _;
use std::fmt;

/// Numbers that are summed side by side, so that sums are vectors too.
const LANES: usize = 16;

/// Counts in `0..=trials`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binomial {
    /// At least one; one is Bernoulli.
    pub trials: u8,
}

impl fmt::Display for Binomial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.trials {
            1 => f.write_str("bernoulli"),
            trials => write!(f, "binomial:{trials}"),
        }
    }
}

impl Family for Binomial {
    fn support(&self) -> Support {
        Support::UpTo(self.trials)
    }

    fn has_fixed_range(&self) -> bool {
        true
    }

    /// Frequencies of what is always or never there are not sure.
    fn start(&self, mean: f64, _: f64) -> Start {
        let frequency = mean / f64::from(self.trials);
        let frequency = frequency.clamp(LEAST_FREQUENCY, 1.0 - LEAST_FREQUENCY);
        Start {
            output: (frequency / (1.0 - frequency)).ln() as f32,
            parameter: None,
        }
    }

    fn terms(&self, x: &Tensor, outputs: &Tensor, _: &Tensor) -> Result<Tensor, Error> {
        let softplus = (softplus(outputs)? * f64::from(self.trials))?;
        Ok(((x * outputs)? - softplus)?)
    }

    /// n p (1 - p).
    fn information(&self, outputs: &Tensor, _: &Tensor) -> Result<Tensor, Error> {
        let part = (1.0 - (outputs * 0.5)?.tanh()?.sqr()?)?;
        Ok((part * (f64::from(self.trials) / 4.0))?)
    }

    fn differentiate(&self, row: Row<'_>, _: Parameters<'_>, _: &mut [f32]) -> f32 {
        differentiate(row, f32::from(self.trials))
    }

    fn log_densities(&self, x: &[f64], outputs: &[f64], _: &[f64]) -> Vec<f64> {
        let trials = f64::from(self.trials);
        let numbers = x.iter().zip(outputs);
        let terms = numbers.map(|(x, logit)| x * logit - trials * exact_softplus(*logit));
        terms.collect()
    }

    /// `ln C(n, x)`.
    fn constants(&self) -> Vec<f64> {
        let factor = |i: u8| (f64::from(self.trials - i + 1) / f64::from(i)).ln();
        let sums = (1..=self.trials).scan(0.0, |sum, i| {
            *sum += factor(i);
            Some(*sum)
        });
        std::iter::once(0.0).chain(sums).collect()
    }

    fn disturbed(&self, reading: i16, _: i16, draw: f64, part: f64, rng: &mut Rng) -> i16 {
        match draw < part {
            true => (rng.next_u32() % (u32::from(self.trials) + 1)) as i16,
            false => reading,
        }
    }

    fn cost(&self) -> Terms {
        Terms::Counts
    }
}

/// `exp(x)` for x of at most 0: a power of two by the exponent's bits, and the rest by a polynomial of
/// degree 6 (its Taylor series; the rest is at most `ln 2 / 2`). Relative error at most 3e-7; 0 from -40 down, far
/// below what counts next to 1 and far above where products with weights and gradients become subnormal, and matrix
/// products of them take several times as long.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // ln 2 in two parts, the first with zeros at its end, so that multiples of it are exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5 * 2^23 rounds to an integer, which is then in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let counts = x > -40.0;
    let x = if counts { x } else { -40.0 };
    let shifted = x.mul_add(LOG2_E, ROUND);
    let power = shifted - ROUND;
    let rest = power.mul_add(-LN_2_LOW, power.mul_add(-LN_2_HIGH, x));
    let mut sum = 1.0 / 720.0f32;
    sum = sum.mul_add(rest, 1.0 / 120.0);
    sum = sum.mul_add(rest, 1.0 / 24.0);
    sum = sum.mul_add(rest, 1.0 / 6.0);
    sum = sum.mul_add(rest, 0.5);
    sum = sum.mul_add(rest, 1.0);
    sum = sum.mul_add(rest, 1.0);
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    if counts { sum * scale } else { 0.0 }
}

/// `ln(1 + u)` for u from 0 to 1: with `s = u / (2 + u)`, `2 atanh(s)` by its series up to `s^15`.
/// Absolute error at most 2e-7.
#[inline(always)]
fn ln_1p(u: f32) -> f32 {
    let s = u / (2.0 + u);
    let square = s * s;
    let mut sum = 2.0 / 15.0f32;
    sum = sum.mul_add(square, 2.0 / 13.0);
    sum = sum.mul_add(square, 2.0 / 11.0);
    sum = sum.mul_add(square, 2.0 / 9.0);
    sum = sum.mul_add(square, 2.0 / 7.0);
    sum = sum.mul_add(square, 2.0 / 5.0);
    sum = sum.mul_add(square, 2.0 / 3.0);
    sum = sum.mul_add(square, 2.0);
    sum * s
}

/// One term of [`differentiate`], and the derivative in the output's place.
#[inline(always)]
fn term(sum: &mut f32, (x, seen): (f32, f32), output: &mut f32, trials: f32, factor: f32) {
    let u = exp(-output.abs());
    let rectified = if *output > 0.0 { *output } else { 0.0 };
    let softplus = rectified + ln_1p(u);
    *sum += seen * (x * *output - trials * softplus);
    let small = 1.0 / (1.0 + u);
    let sigmoid = if *output >= 0.0 { small } else { u * small };
    *output = factor * seen * (x - trials * sigmoid);
}

/// `sum_i x_i o_i - trials softplus(o_i)` over the observed inputs; the derivative is
/// `x_i - trials sigmoid(o_i)`.
pub(super) fn differentiate(row: Row<'_>, trials: f32) -> f32 {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let Row {
                target,
                observed,
                outputs,
                factor,
            } = row;
            let mut sums = [0f32; LANES];
            let (targets, last_targets) = target.as_chunks::<LANES>();
            let (seen, last_seen) = observed.as_chunks::<LANES>();
            let (chunks, last) = outputs.as_chunks_mut::<LANES>();
            for ((x, seen), o) in targets.iter().zip(seen).zip(chunks) {
                for lane in 0..LANES {
                    term(
                        &mut sums[lane],
                        (x[lane], seen[lane]),
                        &mut o[lane],
                        trials,
                        factor,
                    );
                }
            }
            for (lane, ((&x, &seen), o)) in last_targets.iter().zip(last_seen).zip(last).enumerate()
            {
                term(&mut sums[lane], (x, seen), o, trials, factor);
            }
            sums.iter().sum()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_and_logarithms_are_within_their_errors() {
        for at in 0..400_000 {
            let x = -(at as f32) * 1e-4;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 3e-7, "{x}");
        }
        for x in [-40.0, -87.0, -100.0, -1e30, f32::NEG_INFINITY] {
            assert_eq!(exp(x), 0.0, "{x}");
        }
        for at in 0..=1_000_000 {
            let u = at as f32 * 1e-6;
            let exact = f64::from(u).ln_1p();
            assert!((f64::from(ln_1p(u)) - exact).abs() < 2e-7, "{u}");
        }
    }

    /// Outputs that are sure, as those of pixels that are always black become, have no subnormal derivatives.
    #[test]
    fn derivatives_are_zero_or_no_subnormal_numbers() {
        let mut outputs: Vec<f32> = (0..3000).map(|at| at as f32 * -0.1).collect();
        let row = Row {
            target: &[0.0; 3000],
            observed: &[1.0; 3000],
            outputs: &mut outputs,
            factor: 1e-3,
        };
        let sum = differentiate(row, 1.0);
        assert!(outputs[..400].iter().all(|derivative| *derivative < -1e-22));
        assert!(outputs[400..].iter().all(|derivative| *derivative == 0.0));
        let exact: f64 = (0..3000)
            .map(|at| (-0.1 * f64::from(at)).exp().ln_1p())
            .sum();
        assert!((f64::from(sum) + exact).abs() < 1e-4, "{sum} {exact}");
    }

    #[test]
    fn binomial_terms_match_floats_of_twice_the_width() {
        for (trials, count) in [(1.0, 7), (16.0, 64), (16.0, 33), (255.0, 16)] {
            let outputs: Vec<f32> = (0..count).map(|at| (at as f32 - 11.3) * 3.7).collect();
            let target: Vec<f32> = (0..count)
                .map(|at| (at % 3) as f32 / 2.0 * trials)
                .collect();
            let observed: Vec<f32> = (0..count)
                .map(|at| f32::from(u8::from(at % 5 != 1)))
                .collect();
            let mut derivatives = outputs.clone();
            let row = Row {
                target: &target,
                observed: &observed,
                outputs: &mut derivatives,
                factor: -0.5,
            };
            let sum = f64::from(differentiate(row, trials));
            let mut exact = 0.0;
            for at in 0..count {
                let (o, x) = (f64::from(outputs[at]), f64::from(target[at]));
                let (n, seen) = (f64::from(trials), f64::from(observed[at]));
                exact += seen * (x * o - n * (o.max(0.0) + (-o.abs()).exp().ln_1p()));
                let derivative = -0.5 * seen * (x - n / (1.0 + (-o).exp()));
                let got = f64::from(derivatives[at]);
                assert!((got - derivative).abs() < 2e-6 * n, "{got} {derivative}");
            }
            assert!(
                (sum - exact).abs() < 1e-6 * (1.0 + exact.abs()) * count as f64,
                "{sum} {exact}"
            );
        }
    }
}
