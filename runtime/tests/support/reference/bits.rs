//! Latents that are bits.

use super::arithmetic::{q16, round, saturate};
use super::estimators::Pass;
use super::{Expected, Reference};
use elbow::estimator::Estimator;
use elbow::image::PriorSpec;
use elbow::posterior::PosteriorKind;
use elbow::rng::Xoshiro128PlusPlus;
use elbow::transcendental::{exp, sigmoid, softplus};
use rand_core::Rng;

fn softplus_of(logit: i128) -> i128 {
    softplus(logit as i32).into()
}

impl Reference<'_> {
    pub(crate) fn has_bits(&self) -> bool {
        self.spec.posterior == PosteriorKind::Bernoulli
    }

    /// The log-odds of the prior.
    pub(crate) fn log_odds(&self) -> Vec<i128> {
        match &self.spec.prior {
            PriorSpec::Bernoulli(log_odds) => log_odds.iter().map(|&odds| q16(odds)).collect(),
            _ => vec![0; self.mean.len()],
        }
    }

    pub(super) fn set_logits(&mut self, logits: Vec<i128>) {
        let moments = logits.iter().map(|&l| {
            let clamped = l as i32;
            (i128::from(sigmoid(clamped)), l - 2 * softplus_of(l))
        });
        (self.mean, self.log_variance) = moments.unzip();
        self.logits = logits;
    }

    /// `p (l - m) - softplus(l) + softplus(m)` of each bit.
    pub(super) fn kl_of_bits(&self) -> Vec<i128> {
        let bits = self.logits.iter().zip(&self.mean).zip(self.log_odds());
        bits.map(|((l, p), m)| round(p * (l - m), 16) - softplus_of(*l) + softplus_of(m))
            .collect()
    }

    /// A bit that is one, as the decoder takes it in.
    fn latents(&self, bits: &[bool]) -> Vec<i128> {
        let one = 1 << self.spec.latent_fraction_bits;
        bits.iter().map(|&bit| if bit { one } else { 0 }).collect()
    }

    pub(super) fn mode(&self) -> Vec<i128> {
        let bits: Vec<bool> = self.logits.iter().map(|&l| l > 0).collect();
        self.latents(&bits)
    }

    /// The bits of a draw of words.
    fn bits(&self, words: &[i128], sign: i128) -> Vec<bool> {
        let coins = words.iter().zip(&self.mean);
        coins
            .map(|(&word, &p)| {
                let u = if sign > 0 { word } else { (1 << 32) - 1 - word };
                u / (1 << 16) < p
            })
            .collect()
    }

    pub(super) fn sample_bits(&self, words: &[i128], sign: i128) -> Vec<i128> {
        self.latents(&self.bits(words, sign))
    }

    pub(super) fn draw_words(&self, rng: &mut Xoshiro128PlusPlus) -> Vec<i128> {
        self.mean.iter().map(|_| rng.next_u32().into()).collect()
    }

    fn log_density(bits: &[bool], logits: &[i128]) -> i128 {
        let coins = bits.iter().zip(logits);
        coins
            .map(|(&bit, &l)| if bit { l } else { 0 } - softplus_of(l))
            .sum()
    }

    fn pass_of_bits(&self, bits: &[bool], reading: &[i16]) -> Pass {
        let log_q = Self::log_density(bits, &self.logits);
        Pass {
            terms: self.terms(&self.latents(bits), reading),
            log_ratio: Self::log_density(bits, &self.log_odds()) - log_q,
            log_q,
        }
    }

    pub(super) fn passes_of_bits(
        &self,
        reading: &[i16],
        estimator: Estimator,
        rng: &mut Xoshiro128PlusPlus,
    ) -> Vec<Pass> {
        let latents = self.mean.len();
        let samples = estimator.passes(latents as u16);
        let mut words = vec![];
        let pass = |index: u16| {
            let bits = match estimator {
                Estimator::PosteriorMean => self.logits.iter().map(|&l| l > 0).collect(),
                Estimator::SigmaPoints => unreachable!("bits have no sigma points"),
                Estimator::Enumeration => {
                    let gray = index ^ (index / 2);
                    (0..latents).map(|j| gray >> j & 1 == 1).collect()
                }
                Estimator::MonteCarlo { .. } => {
                    if index.is_multiple_of(2) {
                        words = self.draw_words(rng);
                    }
                    self.bits(&words, if index.is_multiple_of(2) { 1 } else { -1 })
                }
                Estimator::ImportanceWeighted { .. } => self.bits(&self.draw_words(rng), 1),
            };
            self.pass_of_bits(&bits, reading)
        };
        (0..samples).map(pass).collect()
    }

    /// What the terms that `of` takes out of enumerated passes are in the mean, each weighed by the probability of its pass.
    fn expectation(passes: &[Pass], of: impl Fn(&Pass) -> i128) -> (i128, i128) {
        let weight =
            |pass: &Pass| i128::from(exp((saturate(pass.log_q.min(0), 32) + 545_113) as i32));
        let sum = passes.iter().map(|pass| weight(pass) * of(pass)).sum();
        (sum, passes.iter().map(weight).sum())
    }

    pub(super) fn score_of_codes(&self, passes: &[Pass]) -> Expected {
        let first = passes[0].sum();
        let (sum, total) = Self::expectation(passes, |pass| {
            (pass.sum() - first).clamp(-(1 << 34), 1 << 34)
        });
        let reconstruction = first + (sum + total / 2).div_euclid(total);
        Expected {
            elbo: saturate(reconstruction - self.kl(), 32),
            reconstruction: saturate(reconstruction, 32),
            kl: saturate(self.kl(), 32),
            standard_error: None,
            passes: passes.len() as i128,
        }
    }

    pub(super) fn terms_of_codes(passes: &[Pass]) -> Vec<i128> {
        let of_input = |i: usize| {
            let (sum, total) = Self::expectation(passes, |pass| pass.terms[i]);
            (sum + total / 2).div_euclid(total)
        };
        (0..passes[0].terms.len()).map(of_input).collect()
    }
}
