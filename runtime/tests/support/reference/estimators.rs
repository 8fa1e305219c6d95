//! Passes, scores and decisions.

use super::arithmetic::{log_mean_exp, log_sum_exp, mean, offset, q16, root, round, saturate};
use super::divergence::squared_distance;
use super::{Expected, Reference};
use elbow::estimator::Estimator;
use elbow::gaussian::standard_normal;
use elbow::image::PriorSpec;
use elbow::rng::Xoshiro128PlusPlus;
use elbow::{Decision, Question, Side};

/// One pass: the log density of each input, 0 where it is not observed, and
/// `log p(z) - log q(z|x)` of a random one.
pub(crate) struct Pass {
    pub(super) terms: Vec<i128>,
    pub(super) log_ratio: i128,
    /// `log q(z|x)` of bits.
    pub(super) log_q: i128,
}

impl Pass {
    pub(super) fn sum(&self) -> i128 {
        self.terms.iter().sum()
    }
}

impl<'a> Reference<'a> {
    pub(super) fn pass(&self, v: &[i128], noise: &[i128], reading: &[i16]) -> Pass {
        let z: Vec<i128> = v.iter().map(|&v| self.to_latent(v)).collect();
        let mut twice = 0;
        for (j, e) in noise.iter().enumerate() {
            twice += round(e * e, 16) + self.log_variance[j] - round(v[j] * v[j], 16);
        }
        let mut log_ratio = (twice + 1).div_euclid(2);
        if let (PriorSpec::Mixture(components), false) = (&self.spec.prior, noise.is_empty()) {
            let densities = components.iter().map(|component| {
                let axes = (0..v.len())
                    .map(|j| squared_distance(v[j], component, j) + q16(component.log_variance[j]));
                q16(component.log_weight) - (axes.sum::<i128>() + 1).div_euclid(2)
            });
            let posterior = noise.iter().zip(&self.log_variance);
            let twice: i128 = posterior.map(|(e, l)| round(e * e, 16) + l).sum();
            log_ratio = log_sum_exp(densities.collect()) + (twice + 1).div_euclid(2);
        }
        Pass {
            terms: self.terms(&z, reading),
            log_ratio,
            log_q: 0,
        }
    }

    /// Every pass in order.
    pub(crate) fn passes(
        &self,
        reading: &[i16],
        estimator: Estimator,
        rng: &mut Xoshiro128PlusPlus,
    ) -> Vec<Pass> {
        if self.has_bits() {
            return self.passes_of_bits(reading, estimator, rng);
        }
        let mut passes = vec![];
        match estimator {
            Estimator::PosteriorMean => passes.push(self.pass(&self.mean, &[], reading)),
            Estimator::SigmaPoints => {
                let latents = self.mean.len() as i128;
                let step = mean(1 << 32, latents);
                for direction in 0..latents {
                    for sign in [1, -1] {
                        let of_latents = self.mean.iter().zip(&self.deviation).zip(0..);
                        let moved = of_latents.map(|((mean, deviation), latent)| {
                            let offset = offset(direction * latent * step);
                            mean + sign * saturate(round(offset * deviation, 16), 32)
                        });
                        passes.push(self.pass(&moved.collect::<Vec<_>>(), &[], reading));
                    }
                }
            }
            Estimator::MonteCarlo { samples } => {
                let mut noise = vec![];
                for index in 0..samples {
                    let sign = if index % 2 == 0 { 1 } else { -1 };
                    if sign == 1 {
                        noise = self.draw(rng);
                    }
                    passes.push(self.pass(&self.values(&noise, sign), &noise, reading));
                }
            }
            Estimator::ImportanceWeighted { samples } => {
                for _ in 0..samples {
                    let noise = self.draw(rng);
                    passes.push(self.pass(&self.values(&noise, 1), &noise, reading));
                }
            }
            Estimator::Enumeration => unreachable!("Gaussian latents have no codes"),
        }
        passes
    }

    pub(super) fn score_of(&self, passes: &[Pass], estimator: Estimator) -> Expected {
        if estimator == Estimator::Enumeration {
            return self.score_of_codes(passes);
        }
        let sums: Vec<i128> = passes.iter().map(Pass::sum).collect();
        let reconstruction = mean(sums.iter().sum(), sums.len() as i128);
        let elbow = reconstruction - self.kl();
        let (bound, standard_error) = match estimator {
            Estimator::PosteriorMean | Estimator::SigmaPoints | Estimator::Enumeration => {
                (elbow, None)
            }
            Estimator::MonteCarlo { .. } => (elbow, standard_error(&sums)),
            Estimator::ImportanceWeighted { .. } => {
                let weights = passes.iter().map(|pass| pass.sum() + pass.log_ratio);
                log_mean_exp(weights)
            }
        };
        Expected {
            elbo: saturate(bound, 32),
            reconstruction: saturate(reconstruction, 32),
            kl: saturate(self.kl(), 32),
            standard_error,
            passes: sums.len() as i128,
        }
    }

    pub(crate) fn score(
        &self,
        reading: &[i16],
        estimator: Estimator,
        rng: &mut Xoshiro128PlusPlus,
    ) -> Expected {
        self.score_of(&self.passes(reading, estimator, rng), estimator)
    }

    /// The score and the mean of each input's term.
    pub(crate) fn explain(
        &self,
        reading: &[i16],
        estimator: Estimator,
        rng: &mut Xoshiro128PlusPlus,
    ) -> (Expected, Vec<i128>) {
        let passes = self.passes(reading, estimator, rng);
        if estimator == Estimator::Enumeration {
            return (self.score_of_codes(&passes), Self::terms_of_codes(&passes));
        }
        let inputs = (0..passes[0].terms.len()).map(|i| {
            let sum = passes.iter().map(|pass| pass.terms[i]).sum();
            mean(sum, passes.len() as i128)
        });
        (self.score_of(&passes, estimator), inputs.collect())
    }

    pub(crate) fn decide(
        &self,
        reading: &[i16],
        question: &Question,
        rng: &mut Xoshiro128PlusPlus,
    ) -> Decision {
        let noise = self.spec.noise;
        let draws = (question.max_passes - 1) / 2 * 2;
        let mut looks: Vec<u16> = (1..16).map(|k| 1 << k).take_while(|&m| m < draws).collect();
        if draws > 0 {
            looks.push(draws);
        }
        let error = (1 << 31) - i128::from(question.confidence.to_bits());
        let word = error / (1 + looks.len() as i128);
        let z = i128::from(-standard_normal(word as u32)).max(0);
        let threshold = i128::from(question.threshold.to_bits());
        let decision = |side, bound: i128, passes| Decision {
            side,
            bound: elbow::Nats::from_bits(saturate(bound, 32) as i32),
            passes,
        };
        let judge = |bound: i128, spread: i128, passes| {
            let margin = saturate(round(z * spread, 16), 32);
            match bound - threshold {
                above if above > margin => Some(decision(Side::Above, bound, passes)),
                above if above < -margin => Some(decision(Side::Below, bound, passes)),
                _ => None,
            }
        };

        let first = self.passes(reading, Estimator::PosteriorMean, rng)[0].sum();
        let mut bound = first - self.kl() - i128::from(noise.mean_excess);
        if noise.mean_deviation < i32::MAX
            && let Some(decision) = judge(bound, noise.mean_deviation.into(), 1)
        {
            return decision;
        }
        let mut sums = vec![];
        for look in looks {
            let samples = look - sums.len() as u16;
            let more = self.passes(reading, Estimator::MonteCarlo { samples }, rng);
            sums.extend(more.iter().map(Pass::sum));
            bound = mean(sums.iter().sum(), look.into()) - self.kl();
            let n = i128::from(look / 2);
            let known = (i128::from(noise.pair_deviation).pow(2) >> 16).min(1 << 40);
            let variance = mean(4 * known + squares_of_pairs(&sums), 3 + n);
            let spread = saturate(root(mean(variance << 8, n)) << 4, 32);
            if let Some(decision) = judge(bound, spread, look + 1) {
                return decision;
            }
        }
        decision(Side::Unsure, bound, draws + 1)
    }
}

/// `Q` of NUMERICS.md: the squared deviations of the pairs' means from theirs.
pub(super) fn squares_of_pairs(passes: &[i128]) -> i128 {
    let pairs = passes.chunks_exact(2);
    let t: Vec<i128> = pairs
        .map(|pair| (pair[0] + pair[1]).div_euclid(2))
        .collect();
    let deviations = t
        .iter()
        .map(|t_i| (t_i - t[0]).div_euclid(256).clamp(-(1 << 20), 1 << 20));
    let d: Vec<i128> = deviations.collect();
    let m = mean(d.iter().sum(), d.len() as i128);
    d.iter().map(|d| (d - m) * (d - m)).sum()
}

pub(super) fn standard_error(passes: &[i128]) -> Option<i128> {
    let n = passes.len() as i128 / 2;
    if n < 2 {
        return None;
    }
    let squares = squares_of_pairs(passes);
    Some(if squares < 1 << 46 {
        root(mean(squares << 16, n * (n - 1)))
    } else {
        saturate(root(mean(squares, n * (n - 1))) << 8, 32)
    })
}
