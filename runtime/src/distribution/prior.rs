//! p(z): what the divergence and the importance weights are taken against, and what is drawn from
//! where readings are generated.

use super::kl::{LARGEST_MEAN, half_up, kl_of_latent, kl_to_standard_normal, twice};
use super::log_variance::LogVarianceRange;
use crate::fixed::{FRACTION_BITS, Nats, ONE, WideSum, multiply, saturate};
use crate::log_sum_exp::LogSumExp;
use crate::transcendental::exp;

/// The widest range of the log-variances of components: -16 to 8 in Q16.16.
const LOG_VARIANCE_LIMITS: LogVarianceRange = LogVarianceRange {
    lowest: -16 << 16,
    highest: 8 << 16,
};

/// The prior p(z).
///
/// Exhaustive on purpose: a compiler error names each place of the trainer that has to learn a new prior.
#[derive(Clone, Copy, Debug)]
pub enum Prior<'a> {
    /// N(0, I).
    Standard,
    /// A mixture of diagonal Gaussians.
    Mixture(Mixture<'a>),
    /// Independent bits, of as many latents; of latents that are bits [`Prior::Standard`] is that of fair coins.
    #[cfg(feature = "bits")]
    Bernoulli(Coins<'a>),
}

/// Log-odds of bits are clamped to this magnitude, 16 in Q16.16: a chance of 1.1e-7.
#[cfg(feature = "bits")]
pub const LARGEST_LOG_ODDS: i32 = 16 << 16;

/// `p(z) = prod_j r_j^z_j (1 - r_j)^(1 - z_j)`, learned.
#[cfg(feature = "bits")]
#[derive(Clone, Copy, Debug)]
pub struct Coins<'a> {
    /// `ln r_j / (1 - r_j)`, Q16.16, at most [`LARGEST_LOG_ODDS`] in magnitude; one for each latent.
    pub(crate) log_odds: &'a [i32],
}

#[cfg(feature = "bits")]
impl<'a> Coins<'a> {
    /// The log-odds of each bit, Q16.16.
    #[must_use]
    pub fn log_odds(&self) -> &'a [i32] {
        self.log_odds
    }

    /// Whether the log-odds are in range.
    pub(crate) fn is_valid(&self) -> bool {
        let largest = LARGEST_LOG_ODDS.unsigned_abs();
        self.log_odds
            .iter()
            .all(|log_odds| log_odds.unsigned_abs() <= largest)
    }
}

/// `p(z) = sum_c w_c N(z; m_c, diag(s_c^2))`: learned (a mixture of Gaussians), or the posteriors of
/// learned pseudo-inputs (Tomczak and Welling, "VAE with a VampPrior", AISTATS 2018, equation 9).
#[derive(Clone, Copy, Debug)]
pub struct Mixture<'a> {
    /// `ln w_c`, Q16.16, at most zero; one for each component.
    pub(crate) log_weights: &'a [i32],
    /// `m_c`, Q16.16, component after component.
    pub(crate) means: &'a [i32],
    /// `ln s_c^2`, Q16.16, component after component.
    pub(crate) log_variances: &'a [i32],
    /// `1 / s_c`, Q16.16, component after component.
    pub(crate) precisions: &'a [i32],
}

/// A component of a mixture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Component<'a> {
    log_weight: i32,
    /// Q16.16, as many as there are latents, and so are the others.
    pub(crate) mean: &'a [i32],
    /// Q16.16.
    pub(crate) log_variance: &'a [i32],
    precision: &'a [i32],
}

impl<'a> Prior<'a> {
    /// The mixture that it is.
    pub(crate) fn mixture(&self) -> Option<&Mixture<'a>> {
        match self {
            Self::Mixture(mixture) if cfg!(feature = "mixture-prior") => Some(mixture),
            _ => None,
        }
    }

    /// The log-odds of each bit, Q16.16, without an end: 0 of fair coins.
    #[cfg(feature = "bits")]
    pub(crate) fn log_odds(&self) -> impl Iterator<Item = i32> + use<'a> {
        let log_odds = match self {
            Self::Bernoulli(coins) => coins.log_odds,
            _ => &[],
        };
        log_odds.iter().copied().chain(core::iter::repeat(0))
    }

    /// `KL(q || p)` of the diagonal Gaussian q in nats. In closed form for N(0, I); of a
    /// mixture the least upper bound that splits q among the components,
    ///
    /// ```text
    /// KL(q || p) <= -ln sum_c w_c exp(-KL(q || N(m_c, s_c^2)))
    /// ```
    ///
    /// (Hershey and Olsen, "Approximating the Kullback Leibler divergence between Gaussian mixture
    /// models", ICASSP 2007, section 6, of a mixture of one), so that the ELBO stays a bound. Exact where
    /// one component holds q, or where there is one. Both slices are Q16.16; means are at most
    /// [`LARGEST_MEAN`] in magnitude.
    #[must_use]
    pub fn divergence(&self, mean: &[i32], log_variance: &[i32]) -> WideSum {
        WideSum(match self.mixture() {
            None => kl_to_standard_normal(mean, log_variance),
            Some(mixture) => mixture.split(mean, log_variance).saturating_neg().max(0),
        })
    }

    /// Puts the part of each latent in the divergence into `parts`. Of a mixture, the parts of the
    /// components are weighted by their shares in the bound, `r_c`; the parts lack
    /// `sum_c r_c ln(r_c / w_c)`, the choice of a component, which is no latent's.
    pub(crate) fn parts(&self, mean: &[i32], log_variance: &[i32], parts: &mut [Nats]) {
        let q = || mean.iter().zip(log_variance);
        match self.mixture() {
            None => {
                for (part, (&mean, &log_variance)) in parts.iter_mut().zip(q()) {
                    *part = Nats::saturating_from_wide(kl_of_latent(mean, log_variance));
                }
            }
            Some(mixture) => {
                let whole = mixture.split(mean, log_variance);
                parts.fill(Nats::ZERO);
                for component in mixture.components() {
                    let share = exp(saturate(component.log_term(mean, log_variance) - whole));
                    for (part, twice) in parts.iter_mut().zip(component.twice(mean, log_variance)) {
                        let nats = multiply(share.min(ONE), saturate(half_up(twice)));
                        *part = Nats::from_bits(part.to_bits().saturating_add(nats));
                    }
                }
            }
        }
    }
}

impl<'a> Mixture<'a> {
    /// How many components there are, at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.log_weights.len()
    }

    /// Whether the numbers are in range: weights of at most one, means of at most [`LARGEST_MEAN`] in
    /// magnitude, log-variances from -16 to 8.
    pub(crate) fn is_valid(&self) -> bool {
        let (means, precisions) = (self.means.iter(), self.precisions.iter());
        self.log_weights
            .iter()
            .all(|log| (-64 << 16..=0).contains(log))
            && means
                .copied()
                .all(|mean| mean.unsigned_abs() <= LARGEST_MEAN.unsigned_abs())
            && self
                .log_variances
                .iter()
                .all(|&log| LOG_VARIANCE_LIMITS.contains(log))
            && precisions.copied().all(|precision| precision > 0)
    }

    /// The components in order.
    pub(crate) fn components(self) -> impl Iterator<Item = Component<'a>> {
        let latents = self
            .means
            .len()
            .checked_div(self.log_weights.len())
            .unwrap_or(0)
            .max(1);
        let (means, log_variances) = (
            self.means.chunks(latents),
            self.log_variances.chunks(latents),
        );
        let shapes = means
            .zip(log_variances)
            .zip(self.precisions.chunks(latents));
        self.log_weights.iter().zip(shapes).map(
            |(&log_weight, ((mean, log_variance), precision))| Component {
                log_weight,
                mean,
                log_variance,
                precision,
            },
        )
    }

    /// The component that a uniform word draws: the first whose weight and those before it sum up to
    /// more than the word, as a fraction of 2^32.
    pub(crate) fn draw(self, word: u32) -> Option<Component<'a>> {
        let fraction = i64::from(word >> FRACTION_BITS);
        let mut below = 0;
        let mut last = None;
        for component in self.components() {
            below += i64::from(exp(component.log_weight));
            last = Some(component);
            if fraction < below {
                break;
            }
        }
        last
    }

    /// `ln sum_c w_c exp(-KL(q || N_c))`, Q47.16.
    #[inline(never)]
    fn split(self, mean: &[i32], log_variance: &[i32]) -> i64 {
        let mut sum = LogSumExp::default();
        for component in self.components() {
            sum.add(component.log_term(mean, log_variance));
        }
        sum.log_sum()
    }

    /// `log p(z)` without `-Z/2 ln 2 pi`, Q47.16, of the latents `z`, Q16.16.
    #[inline(never)]
    pub(crate) fn log_density(self, z: impl Iterator<Item = i32> + Clone) -> i64 {
        let mut sum = LogSumExp::default();
        for component in self.components() {
            let twice =
                component
                    .axes()
                    .zip(z.clone())
                    .map(|((mean, log_variance, precision), z)| {
                        squared_distance(z, mean, precision) + i64::from(log_variance)
                    });
            sum.add(i64::from(component.log_weight) - half_up(twice.sum()));
        }
        sum.log_sum()
    }
}

impl<'a> Component<'a> {
    /// Mean, log-variance and precision of each latent.
    fn axes(self) -> impl Iterator<Item = (i32, i32, i32)> {
        let axes = self.mean.iter().zip(self.log_variance).zip(self.precision);
        axes.map(|((&mean, &log_variance), &precision)| (mean, log_variance, precision))
    }

    /// For each latent twice its divergence from this component, Q47.16.
    fn twice(self, mean: &'a [i32], log_variance: &'a [i32]) -> impl Iterator<Item = i64> {
        let q = mean.iter().zip(log_variance);
        self.axes()
            .zip(q)
            .map(|((m, l, precision), (&mean, &log_variance))| {
                twice(
                    squared_distance(mean, m, precision),
                    log_variance.saturating_sub(l),
                )
            })
    }

    /// `ln w_c - KL(q || N_c)`, Q47.16.
    fn log_term(self, mean: &'a [i32], log_variance: &'a [i32]) -> i64 {
        i64::from(self.log_weight) - half_up(self.twice(mean, log_variance).sum())
    }
}

/// `((z - m) / s)^2`, Q47.16, saturating at the square of 2^15.
fn squared_distance(z: i32, mean: i32, precision: i32) -> i64 {
    let distance = i64::from(multiply(z.saturating_sub(mean), precision));
    (distance * distance + (1 << 15)) >> FRACTION_BITS
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    fn q16(x: f64) -> i32 {
        (x * 65536.0).round() as i32
    }

    /// Three components of two latents, far apart and on top of each other.
    struct Case {
        weights: [f64; 3],
        means: [[f64; 2]; 3],
        log_variances: [[f64; 2]; 3],
        tables: [Vec<i32>; 4],
    }

    impl Case {
        fn new() -> Self {
            let weights = [0.5, 0.3, 0.2];
            let means = [[0.0, 1.0], [-3.0, 0.25], [0.5, 0.75]];
            let log_variances = [[0.0, -1.0], [-2.5, 0.5], [1.0, -4.0]];
            let flat = |table: [[f64; 2]; 3], f: fn(f64) -> f64| -> Vec<i32> {
                table.iter().flatten().map(|&x| q16(f(x))).collect()
            };
            let log_weights = weights.iter().map(|w: &f64| q16(w.ln())).collect();
            let tables = [
                log_weights,
                flat(means, |x| x),
                flat(log_variances, |x| x),
                flat(log_variances, |x| (-0.5 * x).exp()),
            ];
            Self {
                weights,
                means,
                log_variances,
                tables,
            }
        }

        fn mixture(&self) -> Mixture<'_> {
            let [log_weights, means, log_variances, precisions] = &self.tables;
            Mixture {
                log_weights,
                means,
                log_variances,
                precisions,
            }
        }

        fn log_sum(&self, log_term: impl Fn(&[f64; 2], &[f64; 2]) -> f64) -> f64 {
            let shapes = self.means.iter().zip(&self.log_variances);
            let terms = self
                .weights
                .iter()
                .zip(shapes)
                .map(|(w, (m, l))| w * log_term(m, l).exp());
            terms.sum::<f64>().ln()
        }
    }

    fn normal(z: [f64; 2], m: &[f64; 2], l: &[f64; 2]) -> f64 {
        (0..2)
            .map(|j| -0.5 * ((z[j] - m[j]).powi(2) / l[j].exp() + l[j]))
            .sum()
    }

    #[test]
    fn densities_match_floats() {
        let case = Case::new();
        assert!(case.mixture().is_valid());
        for at in -40..=40 {
            let z = [f64::from(at) * 0.2, f64::from(at) * -0.11];
            let exact = case.log_sum(|m, l| normal(z, m, l));
            let got = case.mixture().log_density(z.into_iter().map(q16)) as f64 / 65536.0;
            assert!(
                (got - exact).abs() < 1e-3 + 1e-4 * exact.abs(),
                "{z:?}: {got} {exact}"
            );
        }
    }

    #[test]
    fn divergences_match_floats_and_are_split_into_parts() {
        let case = Case::new();
        for at in -20..=20 {
            let (mean, log_variance) = (
                [f64::from(at) * 0.2, 0.5],
                [f64::from(at) * 0.1 - 2.0, -1.0],
            );
            let kl = |m: &[f64; 2], l: &[f64; 2]| -> f64 {
                let of = (0..2).map(|j| {
                    let ratio = log_variance[j] - l[j];
                    0.5 * ((mean[j] - m[j]).powi(2) / l[j].exp() + ratio.exp() - 1.0 - ratio)
                });
                of.sum()
            };
            let exact = -case.log_sum(|m, l| -kl(m, l));
            let (mean, log_variance) = (mean.map(q16), log_variance.map(q16));
            let prior = Prior::Mixture(case.mixture());
            let got = prior.divergence(&mean, &log_variance).to_f64();
            assert!(
                (got - exact).abs() < 1e-3 + 1e-4 * exact,
                "{at}: {got} {exact}"
            );
            // What the parts lack is the divergence of the shares from the weights: not negative.
            let mut parts = [Nats::ZERO; 2];
            prior.parts(&mean, &log_variance, &mut parts);
            let sum: f64 = parts.iter().map(|part| part.to_f64()).sum();
            assert!(sum <= got + 1e-3 && got - sum < 1.7, "{at}: {sum} {got}");
        }
    }

    /// One standard component is the standard prior.
    #[test]
    fn one_component_is_exact() {
        let (zeros, ones) = ([0; 3], [ONE; 3]);
        let mixture = Mixture {
            log_weights: &[0],
            means: &zeros,
            log_variances: &zeros,
            precisions: &ones,
        };
        let (mean, log_variance) = ([q16(0.5), q16(-2.0), 0], [q16(-1.0), 0, q16(-5.0)]);
        let exact = Prior::Standard.divergence(&mean, &log_variance).to_bits();
        let got = Prior::Mixture(mixture)
            .divergence(&mean, &log_variance)
            .to_bits();
        assert!((got - exact).abs() <= 4, "{got} {exact}");
    }

    /// Of 65536 words spread evenly, each component gets its share to one unit of 2^-16 and the
    /// rounding of its weight.
    #[test]
    fn components_are_drawn_by_their_weights() {
        let case = Case::new();
        let mut counts = [0i32; 3];
        for word in 0..=u16::MAX {
            let drawn = case.mixture().draw(u32::from(word) << 16).unwrap();
            let at = case
                .means
                .iter()
                .position(|mean| mean.map(q16)[..] == *drawn.mean);
            counts[at.unwrap()] += 1;
        }
        for (count, weight) in counts.into_iter().zip(case.weights) {
            assert!(
                (f64::from(count) - weight * 65536.0).abs() < 6.0,
                "{counts:?}"
            );
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let case = Case::new();
        for (table, number) in [
            (0, 1),
            (0, (-64 << 16) - 1),
            (1, LARGEST_MEAN + 1),
            (1, i32::MIN),
            (2, (8 << 16) + 1),
            (2, (-16 << 16) - 1),
            (3, 0),
        ] {
            let mut bad = Case::new();
            bad.tables[table][1] = number;
            assert!(!bad.mixture().is_valid(), "{table} {number}");
        }
        assert!(case.mixture().is_valid());
    }
}
