//! The divergence from the prior.

use super::Reference;
use super::arithmetic::{log_sum_exp, q16, round, saturate};
use elbow::image::{ComponentSpec, PriorSpec};
use elbow::transcendental::exp;

impl<'a> Reference<'a> {
    pub(crate) fn kl_of_latents(&self) -> Vec<i128> {
        if self.has_bits() {
            let parts = self.kl_of_bits().into_iter();
            return parts.map(|part| part.max(0)).collect();
        }
        let latents = 0..self.mean.len();
        let PriorSpec::Mixture(components) = &self.spec.prior else {
            let halves = latents.map(|j| (self.twice_kl(j) + 1).div_euclid(2).max(0));
            return halves.collect();
        };
        let whole = log_sum_exp(self.log_terms());
        let mut parts = vec![0; self.mean.len()];
        for (component, term) in components.iter().zip(self.log_terms()) {
            let share = exp(saturate(term - whole, 32) as i32).min(1 << 16);
            for (j, part) in parts.iter_mut().enumerate() {
                let kl = saturate((self.twice_kl_from(component, j) + 1).div_euclid(2), 32);
                let weighted = saturate(round(i128::from(share) * kl, 16), 32);
                *part = saturate(*part + weighted, 32);
            }
        }
        parts
    }

    /// Twice the divergence of latent j from a component of the prior.
    pub(super) fn twice_kl_from(&self, component: &ComponentSpec, j: usize) -> i128 {
        let log_ratio = self.log_variance[j] - q16(component.log_variance[j]);
        let square = squared_distance(self.mean[j], component, j);
        square + i128::from(exp(log_ratio as i32)) - (1 << 16) - log_ratio
    }

    /// For each component of the prior `ln w_c - KL(q || N_c)`.
    pub(super) fn log_terms(&self) -> Vec<i128> {
        let PriorSpec::Mixture(components) = &self.spec.prior else {
            unreachable!("the prior is no mixture")
        };
        let term = |component: &ComponentSpec| {
            let twice: i128 = (0..self.mean.len())
                .map(|j| self.twice_kl_from(component, j))
                .sum();
            q16(component.log_weight) - (twice + 1).div_euclid(2)
        };
        components.iter().map(term).collect()
    }

    pub(super) fn twice_kl(&self, j: usize) -> i128 {
        let (mean, log_variance) = (self.mean[j], self.log_variance[j]);
        round(mean * mean, 16) + i128::from(exp(log_variance as i32)) - (1 << 16) - log_variance
    }

    pub(crate) fn kl(&self) -> i128 {
        if self.has_bits() {
            return self.kl_of_bits().iter().sum::<i128>().max(0);
        }
        if matches!(self.spec.prior, PriorSpec::Mixture(_)) {
            let whole = log_sum_exp(self.log_terms());
            return (-whole).max(0);
        }
        let twice: i128 = (0..self.mean.len()).map(|j| self.twice_kl(j)).sum();
        (twice + 1).div_euclid(2).max(0)
    }
}

/// `((z - m) / s)^2` of latent j and a component of the prior.
pub(super) fn squared_distance(z: i128, component: &ComponentSpec, j: usize) -> i128 {
    let precision = q16((-0.5 * component.log_variance[j]).exp());
    let distance = saturate(z - q16(component.mean[j]), 32);
    let distance = saturate(round(distance * precision, 16), 32);
    round(distance * distance, 16)
}
