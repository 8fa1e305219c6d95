//! A linear model with the evidence, the posterior and the bound in real numbers.

use crate::support::{Dice, ONE, log_normalizer};
use elbow::calibration::Noise;
use elbow::distribution::{Family, LogVarianceRange};
use elbow::estimator::Estimator;
use elbow::format::AlignedImage;
use elbow::gaussian::standard_normal;
use elbow::image::{
    DenseSpec, ImageSpec, InputSpec, LikelihoodSpec, LocationSpec, PriorSpec, Row, StatisticsSpec,
};
use elbow::layer::{Packing, WeightBits};
use elbow::posterior::PosteriorKind;
use elbow::requantize::Multiplier;
use elbow::rng::Xoshiro128PlusPlus;
use rand_core::Rng;

pub(crate) const INPUTS: usize = 8;

pub(crate) const LATENTS: usize = 3;

pub(crate) const LATENT_BITS: u8 = 12;

/// One unit of Q16.16.
pub(crate) const UNIT: f64 = 1.0 / ONE;

/// Steps of a quantized input in a unit of `y`: an `i8` reaches 6.35 deviations.
pub(crate) const STEPS: f64 = 20.0;

pub(crate) type Latents = [f64; LATENTS];

/// The model in floats, as the image has it.
pub(crate) struct Exact {
    pub(crate) spec: ImageSpec,
    pub(crate) a: [[f64; LATENTS]; INPUTS],
    pub(crate) b: [f64; INPUTS],
    /// `(I + A^T A)^-1`, the covariance of the true posterior.
    pub(crate) covariance: [Latents; LATENTS],
    pub(crate) log_determinant: f64,
}

/// The inverse of a symmetric positive definite matrix and the logarithm of its determinant, by
/// elimination.
pub(crate) fn invert(mut m: [Latents; LATENTS]) -> ([Latents; LATENTS], f64) {
    let mut inverse = [[0.0; LATENTS]; LATENTS];
    let mut log_determinant = 0.0;
    for (j, row) in inverse.iter_mut().enumerate() {
        row[j] = 1.0;
    }
    for j in 0..LATENTS {
        let pivot = m[j][j];
        log_determinant += pivot.ln();
        for k in 0..LATENTS {
            m[j][k] /= pivot;
            inverse[j][k] /= pivot;
        }
        for row in (0..LATENTS).filter(|&row| row != j) {
            let factor = m[row][j];
            for k in 0..LATENTS {
                m[row][k] -= factor * m[j][k];
                inverse[row][k] -= factor * inverse[j][k];
            }
        }
    }
    (inverse, log_determinant)
}

/// The output layer, and the matrix and the offset that it stands for.
pub(crate) fn output(dice: &mut Dice) -> (DenseSpec, [[f64; LATENTS]; INPUTS], [f64; INPUTS]) {
    // Weights of 127 are entries of A of one.
    let per_latent = f64::from(1 << LATENT_BITS);
    let multiplier = Multiplier::nearest(ONE / (127.0 * per_latent)).unwrap();
    let mut output = DenseSpec {
        bits: WeightBits::Eight,
        weights: vec![],
        rows: vec![],
    };
    let (mut a, mut b) = ([[0.0; LATENTS]; INPUTS], [0.0; INPUTS]);
    for (a, b) in a.iter_mut().zip(&mut b) {
        // The latents share most of their direction, so that no diagonal posterior is exact.
        let shared = dice.between(-90, 90);
        for a in a {
            let weight = (shared + dice.between(-37, 37)) as i8;
            output.weights.push(weight);
            *a = f64::from(weight) * multiplier.to_f64() * per_latent / ONE;
        }
        let bias = (dice.real(-0.5, 0.5) * ONE / multiplier.to_f64()) as i32;
        output.rows.push(Row { bias, multiplier });
        *b = f64::from(bias) * multiplier.to_f64() / ONE;
    }
    (output, a, b)
}

/// The precision of the posterior, the identity and the product of `a` with itself.
fn precision(a: &[Latents; INPUTS]) -> [Latents; LATENTS] {
    let mut precision = [[0.0; LATENTS]; LATENTS];
    for j in 0..LATENTS {
        for k in 0..LATENTS {
            precision[j][k] = (0..INPUTS).map(|i| a[i][j] * a[i][k]).sum();
        }
        precision[j][j] += 1.0;
    }
    precision
}

impl Exact {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let nearest = |factor: f64| Multiplier::nearest(factor).unwrap();
        let units: Vec<f64> = (0..INPUTS).map(|_| dice.real(20.0, 300.0)).collect();
        let mut inputs = vec![];
        for unit in &units {
            inputs.push(InputSpec {
                center: dice.between(-3000, 3000) as i16,
                exponent: 0,
                gain: nearest(STEPS / unit),
            });
        }
        let likelihood = LikelihoodSpec::Location(LocationSpec {
            family: Family::Normal,
            predicted_scale: false,
            standardize: units.iter().map(|u| nearest(8192.0 / u)).collect(),
            units: units.iter().map(|&u| nearest(u)).collect(),
            log_normalizers: units
                .iter()
                .map(|&u| log_normalizer(Family::Normal, u))
                .collect(),
        });

        let (output, a, b) = output(&mut dice);
        let precision = precision(&a);
        let (covariance, log_determinant) = invert(precision);
        let mut exact = Self {
            spec: ImageSpec {
                name: "linear".into(),
                columns: vec![],
                picture_width: 0,
                inputs,
                input_ceiling: 127,
                conditions: vec![],
                prior: PriorSpec::Standard,
                likelihood,
                packing: Packing::Rows,
                latent_fraction_bits: LATENT_BITS,
                posterior: PosteriorKind::Gaussian {
                    log_variance_range: LogVarianceRange {
                        lowest: -8 << 16,
                        highest: 0,
                    },
                },
                encoder: vec![],
                heads: heads(&a, &b, &covariance, &precision),
                decoder: vec![],
                output,
                stream: None,
                typical: vec![],
                statistics: StatisticsSpec::default(),
                noise: Noise::UNKNOWN,
                self_test_reading: vec![],
            },
            a,
            b,
            covariance,
            log_determinant,
        };
        exact.spec.self_test_reading = exact.reading(&mut dice, 0.0);
        exact
    }

    pub(crate) fn image(&self) -> AlignedImage {
        self.spec.write(&[]).unwrap()
    }

    pub(crate) fn location(&self) -> &LocationSpec {
        match &self.spec.likelihood {
            LikelihoodSpec::Location(location) => location,
            _ => unreachable!("the model has a location"),
        }
    }

    /// A reading that the model generates, `far` deviations away in each input.
    pub(crate) fn reading(&self, dice: &mut Dice, far: f64) -> Vec<i16> {
        let z: Latents = core::array::from_fn(|_| normal(dice));
        let mean = self.mean(&z);
        let inputs = self.spec.inputs.iter().zip(&self.location().units);
        let readings = inputs.zip(mean).map(|((input, unit), mean)| {
            let y = mean + normal(dice) + far;
            (f64::from(input.center) + unit.to_f64() * y).round() as i16
        });
        readings.collect()
    }

    /// `A z + b`.
    pub(crate) fn mean(&self, z: &Latents) -> [f64; INPUTS] {
        core::array::from_fn(|i| self.b[i] + (0..LATENTS).map(|j| self.a[i][j] * z[j]).sum::<f64>())
    }

    /// `y`, before it is rounded to Q16.16.
    pub(crate) fn standardized(&self, reading: &[i16]) -> [f64; INPUTS] {
        core::array::from_fn(|i| {
            let centred = f64::from(reading[i]) - f64::from(self.spec.inputs[i].center);
            8.0 * centred * self.location().standardize[i].to_f64() / ONE
        })
    }

    /// The constants that the image adds to `-|d|^2 / 2`, rounded to Q16.16 as there.
    pub(crate) fn constant(&self) -> f64 {
        let normalizers = self.location().log_normalizers.iter();
        normalizers.map(|log| (log * ONE).round() / ONE).sum()
    }

    pub(crate) fn log_evidence(&self, reading: &[i16]) -> f64 {
        let y = self.standardized(reading);
        let r: [f64; INPUTS] = core::array::from_fn(|i| y[i] - self.b[i]);
        let projected: Latents =
            core::array::from_fn(|j| (0..INPUTS).map(|i| self.a[i][j] * r[i]).sum());
        let mut square: f64 = r.iter().map(|r| r * r).sum();
        // The inverse of I + A A^T is I - A (I + A^T A)^-1 A^T, their determinants agree.
        for j in 0..LATENTS {
            for k in 0..LATENTS {
                square -= projected[j] * self.covariance[j][k] * projected[k];
            }
        }
        self.constant() - 0.5 * (self.log_determinant + square)
    }

    /// Mean and variance of the image's q(z|x). The inputs are rounded to the encoder's steps, which
    /// is part of the model: any q gives a bound.
    pub(crate) fn posterior(&self, reading: &[i16]) -> (Latents, Latents) {
        let inputs = self.spec.inputs.iter().zip(reading);
        let q: Vec<f64> = inputs
            .map(|(input, &x)| {
                let centred = f64::from(x) - f64::from(input.center);
                (centred * input.gain.to_f64() + 0.5)
                    .floor()
                    .clamp(-127.0, 127.0)
            })
            .collect();
        let head = |row: usize| {
            let weights = &self.spec.heads.weights[row * INPUTS..][..INPUTS];
            let products = weights.iter().zip(&q).map(|(&w, q)| f64::from(w) * q);
            let Row { bias, multiplier } = self.spec.heads.rows[row];
            (f64::from(bias) + products.sum::<f64>()) * multiplier.to_f64() / ONE
        };
        let variance = |j| head(LATENTS + j).exp();
        (core::array::from_fn(head), core::array::from_fn(variance))
    }

    pub(crate) fn kl(&self, reading: &[i16]) -> f64 {
        let (mean, variance) = self.posterior(reading);
        let terms = mean
            .iter()
            .zip(variance)
            .map(|(m, v)| m * m + v - 1.0 - v.ln());
        0.5 * terms.sum::<f64>()
    }

    pub(crate) fn elbo(&self, reading: &[i16]) -> f64 {
        let (mean, variance) = self.posterior(reading);
        let distances = self.distances(reading, &mean);
        let mut square: f64 = distances.iter().map(|d| d * d).sum();
        for a in self.a {
            square += (0..LATENTS).map(|j| a[j] * a[j] * variance[j]).sum::<f64>();
        }
        self.constant() - 0.5 * square - self.kl(reading)
    }

    pub(crate) fn distances(&self, reading: &[i16], z: &Latents) -> [f64; INPUTS] {
        let (y, mean) = (self.standardized(reading), self.mean(z));
        core::array::from_fn(|i| y[i] - mean[i])
    }

    /// `log p(x|z)`, and how far the device's may be from it.
    ///
    /// A latent of the device differs from `z_j` by at most `2^-13` (its own 12 fraction bits) and
    /// 5 units of 2^-16: the mean is rounded (0.5), and so is the product of deviation and noise
    /// (0.5), where the deviation is within 0.55 units, the noise within 6.4, and the spread of the
    /// sigma points, a root of 3, within one unit. So `d_i` is off by at most
    ///
    /// ```text
    /// e_i = sum_j |A_ij| (2^-13 + 5 units) + 1 unit          (standardized reading, output: 0.5 each)
    /// ```
    ///
    /// and `d_i^2 / 2` by `|d_i| e_i + e_i^2 / 2` and the rounding of 0.5 unit.
    pub(crate) fn pass(&self, reading: &[i16], z: &Latents) -> (f64, f64) {
        let latent = 0.5f64.powi(i32::from(LATENT_BITS) + 1) + 5.0 * UNIT;
        let (mut log_density, mut bound) = (self.constant(), 0.0);
        for (a, d) in self.a.iter().zip(self.distances(reading, z)) {
            let error = a.iter().map(|a| a.abs() * latent).sum::<f64>() + UNIT;
            log_density -= 0.5 * d * d;
            bound += d.abs() * error + 0.5 * error * error + 0.5 * UNIT;
        }
        (log_density, bound)
    }

    /// The largest error of the device's divergence: for each latent, half of the roundings of the
    /// square and the variance (0.5 unit each, 0.1 more for the exponential) and of what the
    /// rounding of mean and log-variance (0.5 unit each) makes of them.
    pub(crate) fn kl_bound(&self, reading: &[i16]) -> f64 {
        let (mean, _) = self.posterior(reading);
        mean.iter().map(|m| (1.1 + m.abs()) * UNIT).sum::<f64>() + UNIT
    }

    /// A bound of the random estimators or the sigma points from the same points, and how far the
    /// device's may be from it.
    pub(crate) fn estimate(
        &self,
        reading: &[i16],
        estimator: Estimator,
        rng: &mut Xoshiro128PlusPlus,
    ) -> (f64, f64) {
        let (mean, variance) = self.posterior(reading);
        let passes = estimator.passes(LATENTS as u16);
        let mut noise = [0.0; LATENTS];
        let (mut values, mut worst) = (vec![], 0.0f64);
        for index in 0..usize::from(passes) {
            let sign = if index % 2 == 0 { 1.0 } else { -1.0 };
            match estimator {
                Estimator::PosteriorMean => {}
                Estimator::SigmaPoints => {
                    noise = [0.0; LATENTS];
                    noise[index / 2] = sign * (LATENTS as f64).sqrt();
                }
                Estimator::MonteCarlo { .. } if sign < 0.0 => noise = noise.map(|e| -e),
                _ => {
                    noise =
                        [(); LATENTS].map(|()| f64::from(standard_normal(rng.next_u32())) / ONE);
                }
            }
            let z: Latents = core::array::from_fn(|j| mean[j] + variance[j].sqrt() * noise[j]);
            let (mut value, mut bound) = self.pass(reading, &z);
            if matches!(estimator, Estimator::ImportanceWeighted { .. }) {
                for j in 0..LATENTS {
                    value += 0.5 * (noise[j] * noise[j] + variance[j].ln() - z[j] * z[j]);
                    // Rounded squares and log-variance, and a latent within 5 units.
                    bound += (1.0 + 5.0 * z[j].abs()) * UNIT;
                }
            }
            values.push(value);
            worst = worst.max(bound);
        }
        let count = values.len() as f64;
        match estimator {
            Estimator::ImportanceWeighted { .. } => {
                let highest = values.iter().copied().fold(f64::MIN, f64::max);
                let sum: f64 = values.iter().map(|w| (w - highest).exp()).sum();
                // The logarithm of a mean of exponentials moves by no more than the worst of them,
                // and the streaming one is within 2e-4 (a test of its own).
                (highest + (sum / count).ln(), worst + 2e-4)
            }
            _ => {
                let mean = values.iter().sum::<f64>() / count;
                let bound = worst + UNIT + self.kl_bound(reading);
                (mean - self.kl(reading), bound)
            }
        }
    }
}

/// The best diagonal q(z|x): the true mean `(I + A^T A)^-1 A^T (y - b)`, quantized, and the inverse
/// of the diagonal of the precision.
pub(crate) fn heads(
    a: &[Latents; INPUTS],
    b: &[f64; INPUTS],
    covariance: &[Latents; LATENTS],
    precision: &[Latents; LATENTS],
) -> DenseSpec {
    let mut heads = DenseSpec {
        bits: WeightBits::Eight,
        weights: vec![],
        rows: vec![],
    };
    for row in covariance {
        let gains: [f64; INPUTS] =
            core::array::from_fn(|i| (0..LATENTS).map(|k| row[k] * a[i][k]).sum());
        let largest = gains.iter().copied().fold(0.0, |m: f64, g| m.max(g.abs()));
        let multiplier = Multiplier::nearest(largest / STEPS / 127.0 * ONE).unwrap();
        let scale = multiplier.to_f64() / ONE;
        let offset: f64 = gains.iter().zip(b).map(|(g, b)| -g * b).sum();
        let weights = gains.map(|g| (g / STEPS / scale).clamp(-127.0, 127.0).round() as i8);
        heads.weights.extend(weights);
        let bias = (offset / scale).round() as i32;
        heads.rows.push(Row { bias, multiplier });
    }
    for (j, row) in precision.iter().enumerate() {
        heads.weights.extend([0; INPUTS]);
        heads.rows.push(Row {
            bias: (-row[j].ln() * ONE).round() as i32,
            multiplier: Multiplier::nearest(1.0).unwrap(),
        });
    }
    heads
}

/// Standard normal, from the quantile that the device has.
pub(crate) fn normal(dice: &mut Dice) -> f64 {
    f64::from(standard_normal(dice.word())) / ONE
}
