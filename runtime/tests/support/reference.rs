//! The whole path from a reading to its score, implemented a second time from NUMERICS.md: 128-bit
//! integers, plain loops, one latent at a time, and of the crate nothing but elementary functions,
//! the normal quantile and the generator.

use super::{ONE, group_of, rows_per_input};
use elbow::distribution::Family;
use elbow::estimator::Estimator;
use elbow::gaussian::standard_normal;
use elbow::image::{
    ComponentSpec, DenseSpec, GroupSpec, ImageSpec, LayerSpec, LikelihoodSpec, LocationSpec,
    PriorSpec, Tail,
};
use elbow::layer::Activation;
use elbow::requantize::Multiplier;
use elbow::rng::Xoshiro128PlusPlus;
use elbow::transcendental::{exp, ln, sigmoid, softplus};
use elbow::{Decision, Question, Score, Side};
use rand_core::Rng;

/// `v` in the range of a signed number of `bits` bits.
pub(crate) fn saturate(v: i128, bits: u32) -> i128 {
    v.clamp(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
}

/// The integer nearest to `v / 2^bits`, halves up.
pub(crate) fn round(v: i128, bits: u32) -> i128 {
    (2 * v + (1 << bits)).div_euclid(2 << bits)
}

/// The integer nearest to `sum / count`, by the rule of NUMERICS.md.
pub(crate) fn mean(sum: i128, count: i128) -> i128 {
    (sum + count / 2).div_euclid(count)
}

/// The floor of the root, by bisection.
pub(crate) fn root(n: i128) -> i128 {
    let (mut low, mut high) = (0, 1i128 << 62);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if middle * middle <= n {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// `cos a + sin a` of an angle in 2^-32 turns, Q16.16, by the rule of NUMERICS.md.
fn offset(angle: i128) -> i128 {
    let (turn, quarter) = (1i128 << 32, 1i128 << 30);
    let turned = (angle + turn / 8).rem_euclid(turn);
    let folded = match turned / quarter {
        0 => turned,
        1 | 2 => turn / 2 - turned,
        _ => turned - turn,
    };
    let t = round(folded, 15);
    let square = round(t * t, 15);
    let inner = 1840 - round(99 * square, 15);
    let middle = 14_964 - round(square * inner, 15);
    let outer = 36_394 - round(square * middle, 15);
    4 * round(t * outer, 15)
}

pub(crate) fn apply(multiplier: Multiplier, a: i128) -> i128 {
    let word = multiplier.to_word();
    let (mantissa, shift) = (i128::from(word & 0xffff), word >> 16);
    saturate(round(a * mantissa, shift), 32)
}

/// The CRC-32 of zlib, bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 * (sum & 1));
        }
    }
    !sum
}

/// `M_r(a_r)` of each row.
fn dense(layer: &DenseSpec, x: &[i128]) -> Vec<i128> {
    let mut outputs = vec![];
    for (r, row) in layer.rows.iter().enumerate() {
        let mut a = i128::from(row.bias);
        for (c, operand) in x.iter().enumerate() {
            a += i128::from(layer.weights[r * x.len() + c]) * operand;
        }
        assert!(a.abs() < 1 << 30, "accumulator {a}");
        outputs.push(apply(row.multiplier, a));
    }
    outputs
}

/// The outputs of each layer.
fn network(hidden: &[LayerSpec], last: &DenseSpec, mut x: Vec<i128>) -> Vec<Vec<i128>> {
    let mut outputs = vec![];
    for layer in hidden {
        let zero_point = i128::from(layer.zero_point);
        let floor = match layer.activation {
            Activation::Identity => -i128::from(layer.ceiling),
            Activation::Relu => zero_point,
        };
        x = dense(&layer.dense, &x);
        for q in &mut x {
            *q = (*q + zero_point).max(floor).min(layer.ceiling.into());
        }
        outputs.push(x.clone());
    }
    outputs.push(dense(last, &x));
    outputs
}

/// `ln C(trials, x)` in Q16.16, from the logarithm of the gamma function.
fn log_choose(trials: u8, x: i16) -> i128 {
    let ln_factorial = |n: f64| libm::lgamma(n + 1.0);
    let (n, x) = (f64::from(trials), f64::from(x));
    let exact = ln_factorial(n) - ln_factorial(x) - ln_factorial(n - x);
    (exact * ONE).round() as i128
}

/// q(z|x), and which inputs it was made of.
pub(crate) struct Reference<'a> {
    pub(crate) spec: &'a ImageSpec,
    pub(crate) mean: Vec<i128>,
    pub(crate) log_variance: Vec<i128>,
    deviation: Vec<i128>,
    observed: Vec<bool>,
    /// What the decoder takes in behind the latents.
    pub(crate) conditions: Vec<i128>,
}

/// What a score must consist of.
#[derive(Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) elbo: i128,
    pub(crate) reconstruction: i128,
    pub(crate) kl: i128,
    pub(crate) standard_error: Option<i128>,
    pub(crate) passes: i128,
}

impl Expected {
    pub(crate) fn of(score: &Score) -> Self {
        Self {
            elbo: score.elbo().to_bits().into(),
            reconstruction: score.reconstruction().to_bits().into(),
            kl: score.kl().to_bits().into(),
            standard_error: score.standard_error().map(|error| error.to_bits().into()),
            passes: score.passes().into(),
        }
    }
}

/// One pass: the log density of each input, 0 where it is not observed, and
/// `log p(z) - log q(z|x)` of a random one.
pub(crate) struct Pass {
    terms: Vec<i128>,
    log_ratio: i128,
}

impl Pass {
    fn sum(&self) -> i128 {
        self.terms.iter().sum()
    }
}

impl<'a> Reference<'a> {
    pub(crate) fn prior(spec: &'a ImageSpec) -> Self {
        let latents = spec.heads.rows.len() / 2;
        Self {
            spec,
            mean: vec![0; latents],
            log_variance: vec![0; latents],
            deviation: vec![1 << 16; latents],
            observed: vec![true; spec.inputs.len()],
            conditions: vec![0; spec.conditions.len()],
        }
    }

    /// The prior that is drawn from: of a mixture, a component by a word of `rng`.
    pub(crate) fn of_prior(spec: &'a ImageSpec, rng: &mut Xoshiro128PlusPlus) -> Self {
        let mut reference = Self::prior(spec);
        if let PriorSpec::Mixture(components) = &spec.prior {
            let fraction = i128::from(rng.next_u32() >> 16);
            let mut below = 0;
            let drawn = components.iter().find(|component| {
                below += i128::from(exp(q16(component.log_weight) as i32));
                fraction < below
            });
            let drawn = drawn.unwrap_or(components.last().unwrap());
            reference.mean = drawn.mean.iter().map(|&m| q16(m)).collect();
            reference.log_variance = drawn.log_variance.iter().map(|&l| q16(l)).collect();
            let deviation = |l: &i128| exp(l.div_euclid(2) as i32).into();
            reference.deviation = reference.log_variance.iter().map(deviation).collect();
        }
        reference
    }

    /// Raw conditions, all of them given.
    pub(crate) fn set_conditions(&mut self, raw: &[i16]) {
        let inputs = self.spec.inputs.len() - raw.len();
        for (k, &c) in raw.iter().enumerate() {
            let centred = i128::from(c) - i128::from(self.spec.inputs[inputs + k].center);
            self.conditions[k] = match self.observed[inputs + k] {
                true => saturate(apply(self.spec.conditions[k], centred), 16),
                false => 0,
            };
        }
    }

    pub(crate) fn encode(spec: &'a ImageSpec, reading: &[i16]) -> Self {
        Self::encode_observed(spec, reading, &vec![0xff; reading.len().div_ceil(8)])
    }

    pub(crate) fn encode_observed(spec: &'a ImageSpec, reading: &[i16], mask: &[u8]) -> Self {
        let mut reference = Self::prior(spec);
        let observed = (0..reading.len()).map(|i| (mask[i / 8] >> (i % 8)) & 1 == 1);
        reference.observed = observed.collect();
        let inputs = reading.len() - spec.conditions.len();
        reference.set_conditions(&reading[inputs..]);
        let (_, heads) = reference.encoder_outputs(reading);
        let (low, high) = spec.log_variance_range;
        let latents = reference.mean.len();
        for j in 0..latents {
            reference.mean[j] = heads[j].clamp(-(128 << 16), 128 << 16);
            let log_variance = heads[latents + j].max(low.into()).min(high.into());
            reference.log_variance[j] = log_variance;
            reference.deviation[j] = exp(log_variance.div_euclid(2) as i32).into();
        }
        reference
    }

    /// What the hidden layers of the encoder give, and its last one.
    fn encoder_outputs(&self, reading: &[i16]) -> (Vec<Vec<i128>>, Vec<i128>) {
        let ceiling = i128::from(self.spec.input_ceiling);
        let mut q = vec![];
        for (i, (input, &x)) in self.spec.inputs.iter().zip(reading).enumerate() {
            let centred = i128::from(x) - i128::from(input.center);
            q.push(match self.observed[i] {
                true => apply(input.gain, centred).clamp(-ceiling, ceiling),
                false => 0,
            });
        }
        let mut layers = network(&self.spec.encoder, &self.spec.heads, q);
        let heads = layers.pop().unwrap();
        (layers, heads)
    }

    fn to_latent(&self, v: i128) -> i128 {
        let bits = 16 - u32::from(self.spec.latent_fraction_bits);
        saturate(round(saturate(v, 32), bits), 16)
    }

    pub(crate) fn draw(&self, rng: &mut Xoshiro128PlusPlus) -> Vec<i128> {
        let draw = |_: &i128| standard_normal(rng.next_u32()).into();
        self.mean.iter().map(draw).collect()
    }

    /// `v_j` of a draw.
    fn values(&self, noise: &[i128], sign: i128) -> Vec<i128> {
        let mut v = vec![];
        for (j, noise) in noise.iter().enumerate() {
            let moved = saturate(round(self.deviation[j] * noise, 16), 32);
            v.push(saturate(self.mean[j] + sign * moved, 32));
        }
        v
    }

    pub(crate) fn sample(&self, noise: &[i128], sign: i128) -> Vec<i128> {
        let values = self.values(noise, sign);
        values.into_iter().map(|v| self.to_latent(v)).collect()
    }

    fn outputs(&self, z: &[i128]) -> Vec<i128> {
        let taken_in = [z, &self.conditions].concat();
        let mut layers = network(&self.spec.decoder, &self.spec.output, taken_in);
        layers.pop().unwrap()
    }

    pub(crate) fn means(&self, z: &[i128]) -> Vec<i128> {
        let outputs = self.outputs(z);
        let rows = rows_per_input(&self.spec.likelihood);
        let mut means = vec![];
        for (i, o) in outputs.chunks(rows).map(|rows| rows[0]).enumerate() {
            means.push(match &self.spec.likelihood {
                LikelihoodSpec::Binomial { trials } => {
                    i128::from(*trials) * i128::from(sigmoid(o as i32))
                }
                LikelihoodSpec::Location(location) => {
                    let center = i128::from(self.spec.inputs[i].center) << 16;
                    saturate(center + apply(location.units[i], o), 32)
                }
                LikelihoodSpec::Heterogeneous(groups) => {
                    let center = i128::from(self.spec.inputs[i].center) << 16;
                    match group_of(groups, i) {
                        (GroupSpec::Real { unit, .. }, _) => saturate(center + apply(*unit, o), 32),
                        (GroupSpec::Flag, _) => sigmoid(limited(o) as i32).into(),
                        (GroupSpec::Count { failures, .. }, _) => {
                            let e = i128::from(exp(limited(o) as i32));
                            saturate(round(q16(*failures) * e, 16), 32)
                        }
                        (GroupSpec::States { count }, place) => {
                            let logits = &outputs[i - place..][..usize::from(*count)];
                            let share = limited(o) - joined(logits);
                            exp(share as i32).min(1 << 16).into()
                        }
                    }
                }
            });
        }
        means
    }

    /// `log p(x_i|z)`.
    pub(crate) fn terms(&self, z: &[i128], reading: &[i16]) -> Vec<i128> {
        let outputs = self.outputs(z);
        if let LikelihoodSpec::Heterogeneous(groups) = &self.spec.likelihood {
            return self.heterogeneous_terms(groups, &outputs, reading);
        }
        let rows = rows_per_input(&self.spec.likelihood);
        let mut terms = vec![];
        for (i, o) in outputs.chunks(rows).enumerate() {
            terms.push(match &self.spec.likelihood {
                _ if !self.observed[i] => 0,
                LikelihoodSpec::Binomial { trials } => {
                    let l = o[0].clamp(-(64 << 16), 64 << 16);
                    i128::from(reading[i]) * l
                        - i128::from(*trials) * i128::from(softplus(l as i32))
                        + log_choose(*trials, reading[i])
                }
                LikelihoodSpec::Location(location) => {
                    let centred = i128::from(reading[i]) - i128::from(self.spec.inputs[i].center);
                    location_term(location, i, centred, o)
                }
                LikelihoodSpec::Heterogeneous(_) => unreachable!("it has terms of its own"),
            });
        }
        terms
    }

    fn heterogeneous_terms(
        &self,
        groups: &[GroupSpec],
        outputs: &[i128],
        reading: &[i16],
    ) -> Vec<i128> {
        let mut terms = vec![0; outputs.len()];
        let mut i = 0;
        for group in groups {
            let inputs = i..i + group.inputs();
            let (x, l) = (i128::from(reading[i]), limited(outputs[i]));
            let softplus = i128::from(softplus(l as i32));
            let observed = self.observed[inputs.clone()].iter().all(|&seen| seen);
            let (at, term) = match group {
                GroupSpec::Real {
                    tail,
                    standardize,
                    log_normalizer,
                    ..
                } => {
                    let centred = x - i128::from(self.spec.inputs[i].center);
                    let y = saturate(apply(*standardize, 8 * centred) - outputs[i], 32);
                    (i, q16(*log_normalizer) - penalty(*tail, y))
                }
                GroupSpec::Flag if x == 0 || x == 1 => (i, x * l - softplus),
                GroupSpec::Count { failures, largest } if x >= 0 => {
                    let k = x.min((*largest).into());
                    let r = q16(*failures);
                    let log: f64 = (0..k as i32)
                        .map(|n| ((r as f64 / ONE + f64::from(n)) / f64::from(n + 1)).ln())
                        .sum();
                    let trials = saturate(round(((k << 16) + r) * softplus, 16), 32);
                    (i, k * l - trials + q16(log))
                }
                GroupSpec::Flag | GroupSpec::Count { .. } => (i, UNSEEN),
                GroupSpec::States { .. } => {
                    let own = &reading[inputs.clone()];
                    let j = own.iter().rposition(|&x| x == 1);
                    let rest = own.iter().filter(|&&x| x != 0).count();
                    match j {
                        Some(j) if rest == 1 => {
                            let logits = &outputs[inputs.clone()];
                            (i + j, limited(logits[j]) - joined(logits))
                        }
                        j => (i + j.unwrap_or(0), UNSEEN),
                    }
                }
            };
            if observed {
                terms[at] = term;
            }
            i = inputs.end;
        }
        terms
    }

    pub(crate) fn kl_of_latents(&self) -> Vec<i128> {
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
    fn twice_kl_from(&self, component: &ComponentSpec, j: usize) -> i128 {
        let log_ratio = self.log_variance[j] - q16(component.log_variance[j]);
        let square = squared_distance(self.mean[j], component, j);
        square + i128::from(exp(log_ratio as i32)) - (1 << 16) - log_ratio
    }

    /// For each component of the prior `ln w_c - KL(q || N_c)`.
    fn log_terms(&self) -> Vec<i128> {
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

    fn twice_kl(&self, j: usize) -> i128 {
        let (mean, log_variance) = (self.mean[j], self.log_variance[j]);
        round(mean * mean, 16) + i128::from(exp(log_variance as i32)) - (1 << 16) - log_variance
    }

    pub(crate) fn kl(&self) -> i128 {
        if matches!(self.spec.prior, PriorSpec::Mixture(_)) {
            let whole = log_sum_exp(self.log_terms());
            return (-whole).max(0);
        }
        let twice: i128 = (0..self.mean.len()).map(|j| self.twice_kl(j)).sum();
        (twice + 1).div_euclid(2).max(0)
    }

    fn pass(&self, v: &[i128], noise: &[i128], reading: &[i16]) -> Pass {
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
        }
    }

    /// Every pass in order.
    pub(crate) fn passes(
        &self,
        reading: &[i16],
        estimator: Estimator,
        rng: &mut Xoshiro128PlusPlus,
    ) -> Vec<Pass> {
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
        }
        passes
    }

    fn score_of(&self, passes: &[Pass], estimator: Estimator) -> Expected {
        let sums: Vec<i128> = passes.iter().map(Pass::sum).collect();
        let reconstruction = mean(sums.iter().sum(), sums.len() as i128);
        let elbow = reconstruction - self.kl();
        let (bound, standard_error) = match estimator {
            Estimator::PosteriorMean | Estimator::SigmaPoints => (elbow, None),
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
        let inputs = (0..passes[0].terms.len()).map(|i| {
            let sum = passes.iter().map(|pass| pass.terms[i]).sum();
            mean(sum, passes.len() as i128)
        });
        (self.score_of(&passes, estimator), inputs.collect())
    }

    pub(crate) fn impute(&self, reading: &[i16]) -> Vec<i128> {
        let z: Vec<i128> = self.mean.iter().map(|&v| self.to_latent(v)).collect();
        let mut filled = self.means(&z);
        for (i, filled) in filled.iter_mut().enumerate() {
            if self.observed[i] {
                *filled = i128::from(reading[i]) << 16;
            }
        }
        filled
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

    /// The hash of what each layer gives for `reading`.
    pub(crate) fn layer_hashes(spec: &'a ImageSpec, reading: &[i16]) -> Vec<u32> {
        // One byte for each activation, or two.
        let activations = |(q, layer): (&Vec<i128>, &LayerSpec)| {
            let bytes = if layer.ceiling > 127 { 2 } else { 1 };
            let bytes = q.iter().flat_map(|q| q.to_le_bytes()[..bytes].to_vec());
            crc32(&bytes.collect::<Vec<u8>>())
        };
        let wide = |layer: &[i128]| -> Vec<u8> {
            let bytes = layer.iter().map(|&o| (o as i32).to_le_bytes());
            bytes.flatten().collect()
        };
        let reference = Self::encode(spec, reading);
        let (hidden, _) = reference.encoder_outputs(reading);
        let encoder = hidden.iter().zip(&spec.encoder);
        let mut hashes: Vec<u32> = encoder.map(activations).collect();
        let heads = [&reference.mean[..], &reference.log_variance].concat();
        hashes.push(crc32(&wide(&heads)));
        let z = reference.mean.iter().map(|&v| reference.to_latent(v));
        let taken_in = z.chain(reference.conditions.iter().copied()).collect();
        let mut decoder = network(&spec.decoder, &spec.output, taken_in);
        let outputs = decoder.pop().unwrap();
        hashes.extend(decoder.iter().zip(&spec.decoder).map(activations));
        hashes.push(crc32(&wide(&outputs)));
        hashes
    }
}

/// The number of an image for one in nats or in units of a latent.
fn q16(x: f64) -> i128 {
    (x * ONE).round() as i128
}

/// `((z - m) / s)^2` of latent j and a component of the prior.
fn squared_distance(z: i128, component: &ComponentSpec, j: usize) -> i128 {
    let precision = q16((-0.5 * component.log_variance[j]).exp());
    let distance = saturate(z - q16(component.mean[j]), 32);
    let distance = saturate(round(distance * precision, 16), 32);
    round(distance * distance, 16)
}

/// The term of what cannot be.
const UNSEEN: i128 = -(64 << 16);

fn limited(o: i128) -> i128 {
    o.clamp(UNSEEN, -UNSEEN)
}

/// `m_g` of the outputs of a state.
fn joined(outputs: &[i128]) -> i128 {
    let mut logits = outputs.iter().map(|&o| limited(o));
    let first = logits.next().unwrap();
    logits.fold(first, |m, l| l + i128::from(softplus((m - l) as i32)))
}

fn penalty(tail: Tail, y: i128) -> i128 {
    match tail {
        Tail::Normal => {
            let d = y.clamp(-(128 << 16), 128 << 16);
            round(d * d, 17)
        }
        Tail::Laplace => y.abs().min(8192 << 16),
        Tail::Student { degrees } => {
            let mut w = (1 << 16) + round(y * y, 16);
            let mut shift = 0;
            while w >= 1 << 32 {
                w >>= 1;
                shift += 1;
            }
            let log = i128::from(ln(w as u32)) + shift * 45_426;
            ((i128::from(degrees) + 1) * log + 1) >> 1
        }
    }
}

fn location_term(location: &LocationSpec, i: usize, centred: i128, o: &[i128]) -> i128 {
    let mut distance = saturate(apply(location.standardize[i], 8 * centred) - o[0], 32);
    let mut log_deviation = 0;
    if location.predicted_scale {
        log_deviation = o[1].clamp(-(8 << 16), 8 << 16);
        let shrink = i128::from(exp(-log_deviation as i32));
        distance = saturate(round(distance * shrink, 16), 32);
    }
    let tail = match location.family {
        Family::Normal => Tail::Normal,
        Family::Laplace => Tail::Laplace,
    };
    q16(location.log_normalizers[i]) - log_deviation - penalty(tail, distance)
}

/// `Q` of NUMERICS.md: the squared deviations of the pairs' means from theirs.
fn squares_of_pairs(passes: &[i128]) -> i128 {
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

fn standard_error(passes: &[i128]) -> Option<i128> {
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

/// The logarithm of the sum of weights.
fn log_sum_exp(log_weights: Vec<i128>) -> i128 {
    let count = log_weights.len() as u32;
    log_mean_exp(log_weights.into_iter()).0 + i128::from(ln(count << 16))
}

/// The importance-weighted bound of these log weights, and its standard error.
fn log_mean_exp(log_weights: impl Iterator<Item = i128>) -> (i128, Option<i128>) {
    let relative = |d: i128| i128::from(exp((saturate(d, 32) + 545_113) as i32));
    let square = |u: i128| ((u >> 12) * (u >> 12)) >> 16;
    let (mut highest, mut sum, mut squares, mut count) = (0, 0i128, 0i128, 0i128);
    for w in log_weights {
        if count == 0 {
            highest = w;
        } else if w > highest {
            let r = relative(highest - w);
            sum = ((sum >> 8) * r) >> 20;
            squares = (squares * square(r)) >> 16;
            highest = w;
        }
        let u = relative(w - highest);
        sum += u;
        squares += square(u);
        count += 1;
    }
    assert!(sum < 1 << 44 && squares < 1 << 33);
    let mut shift = 0;
    while sum >> shift >= 1 << 32 {
        shift += 1;
    }
    let log_sum = i128::from(ln((sum >> shift) as u32)) + shift * 45_426;
    let bound = highest + log_sum - 545_113 - i128::from(ln((count << 16) as u32));
    let total = (sum >> 12).pow(2) >> 16;
    let error = (count > 1).then(|| {
        let excess = (count * squares - total).max(0);
        saturate(root((((excess << 15) / total) << 17) / (count - 1)), 32)
    });
    (bound, error)
}
