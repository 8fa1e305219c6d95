//! The learning signals that the scores of samples are weighed by, in f64.

use crate::numeric::log_sum_exp::{log_mean_exp, softmax};

/// The log weights `log p(x|z) + log p(z) - log q(z|x)` of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct LogWeights {
    samples: usize,
    readings: usize,
    /// Sample after sample, in each of them reading after reading.
    values: Vec<f64>,
}

/// Weights of the samples in a surrogate
/// `sum_k model_k (log p(x|z_k) + log p(z_k)) + posterior_k log q(z_k|x)` whose gradient with the
/// samples fixed is the estimate; both in the order of [`LogWeights`].
#[derive(Clone, Debug, PartialEq)]
pub struct Coefficients {
    /// Weights of the model's log density.
    pub model: Vec<f64>,
    /// Weights of the posterior's: the learning signals.
    pub posterior: Vec<f64>,
}

impl LogWeights {
    /// From `samples` rows of numbers, each with one for every reading.
    pub fn new(samples: usize, values: Vec<f64>) -> Self {
        Self {
            samples,
            readings: values.len() / samples.max(1),
            values,
        }
    }

    /// The log weights of the samples of one reading.
    fn of(&self, reading: usize) -> impl Iterator<Item = f64> + '_ {
        self.values
            .iter()
            .skip(reading)
            .step_by(self.readings)
            .copied()
    }

    /// Puts what `compute` makes of the log weights of each reading in their order.
    fn map(&self, compute: impl Fn(usize, &[f64]) -> Vec<f64>) -> Vec<f64> {
        let mut results = vec![0.0; self.values.len()];
        for reading in 0..self.readings {
            let weights: Vec<f64> = self.of(reading).collect();
            for (sample, result) in compute(reading, &weights).into_iter().enumerate() {
                results[sample * self.readings + reading] = result;
            }
        }
        results
    }

    /// The mean over the samples of each reading: the ELBO at them.
    pub fn elbos(&self) -> Vec<f64> {
        let samples = self.samples as f64;
        (0..self.readings)
            .map(|reading| self.of(reading).sum::<f64>() / samples)
            .collect()
    }

    /// `ln 1/K sum_k w_k` of each reading: the importance-weighted bound at the samples.
    pub fn bounds(&self) -> Vec<f64> {
        (0..self.readings)
            .map(|reading| log_mean_exp(&self.of(reading).collect::<Vec<_>>()))
            .collect()
    }

    /// The weights over their sum.
    pub fn normalized(&self) -> Vec<f64> {
        self.map(|_, weights| softmax(weights))
    }

    /// Coefficients of the ELBO by the score function, with a `baseline` for each reading that does not depend on
    /// its samples: `E[(f - b) grad log q]`, where f is the log weight (Williams, "Simple statistical
    /// gradient-following algorithms for connectionist reinforcement learning", 1992; Mnih and
    /// Gregor, "Neural variational inference and learning in belief networks", ICML 2014, equation 5).
    pub fn score(&self, baseline: impl Fn(usize) -> f64) -> Coefficients {
        self.of_elbo(|reading, weights| {
            let baseline = baseline(reading);
            weights.iter().map(|weight| weight - baseline).collect()
        })
    }

    /// [`LogWeights::score`] with the mean log weight of the other samples of a reading for a baseline (Kool, van
    /// Hoof and Welling, "Buy 4 REINFORCE samples, get a baseline for free!", 2019). At least two
    /// samples.
    pub fn leave_one_out(&self) -> Coefficients {
        let others = self.samples as f64 - 1.0;
        self.of_elbo(|_, weights| {
            let sum: f64 = weights.iter().sum();
            let rest = |weight: f64| (sum - weight) / others;
            weights
                .iter()
                .map(|&weight| weight - rest(weight))
                .collect()
        })
    }

    fn of_elbo(&self, signals: impl Fn(usize, &[f64]) -> Vec<f64>) -> Coefficients {
        let share = 1.0 / self.samples as f64;
        let mut posterior = self.map(signals);
        posterior.iter_mut().for_each(|signal| *signal *= share);
        Coefficients {
            model: vec![share; self.values.len()],
            posterior,
        }
    }

    /// Coefficients of the importance-weighted bound L: the signal of a sample is L less what it would be with the
    /// geometric mean of the other weights in that sample's place (Mnih and Rezende, "Variational
    /// inference for Monte Carlo objectives", ICML 2016, equations 7 to 10). At least two samples.
    pub fn vimco(&self) -> Coefficients {
        let model = self.normalized();
        let signals = self.map(|_, weights| {
            let bound = log_mean_exp(weights);
            let sum: f64 = weights.iter().sum();
            let others = weights.len() as f64 - 1.0;
            let without = |at: usize| {
                let mut replaced = weights.to_vec();
                replaced[at] = (sum - weights[at]) / others;
                log_mean_exp(&replaced)
            };
            (0..weights.len()).map(|at| bound - without(at)).collect()
        });
        // The bound itself holds -log q of each sample.
        let posterior = signals.iter().zip(&model);
        Coefficients {
            posterior: posterior.map(|(signal, weight)| signal - weight).collect(),
            model,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: &[f64], exact: &[f64]) {
        assert_eq!(got.len(), exact.len());
        for (got, exact) in got.iter().zip(exact) {
            assert!((got - exact).abs() < 1e-12, "{got} {exact}");
        }
    }

    /// Three samples of two readings; the weights of the second are a thousandfold.
    fn case() -> LogWeights {
        let shift = 1000f64.ln();
        let logs = [1f64, 2.0, 4.0].map(f64::ln);
        LogWeights::new(
            3,
            logs.into_iter()
                .flat_map(|log| [log, log + shift])
                .collect(),
        )
    }

    #[test]
    fn bounds_and_weights_are_those_of_their_definitions() {
        let weights = case();
        let shift = 1000f64.ln();
        close(&weights.elbos(), &[2f64.ln(), 2f64.ln() + shift]);
        let bound = (7f64 / 3.0).ln();
        close(&weights.bounds(), &[bound, bound + shift]);
        let parts = [
            1.0 / 7.0,
            1.0 / 7.0,
            2.0 / 7.0,
            2.0 / 7.0,
            4.0 / 7.0,
            4.0 / 7.0,
        ];
        close(&weights.normalized(), &parts);
    }

    #[test]
    fn signals_are_what_is_left_of_the_bound() {
        let third = 1.0 / 3.0;
        let ln2 = 2f64.ln();
        let got = case().score(|reading| [0.0, 1000f64.ln()][reading]);
        close(&got.model, &[third; 6]);
        close(
            &got.posterior,
            &[
                0.0,
                0.0,
                ln2 / 3.0,
                ln2 / 3.0,
                2.0 * ln2 / 3.0,
                2.0 * ln2 / 3.0,
            ],
        );
        // The means of the others are 1.5, 1 and 0.5 ln 2.
        let got = case().leave_one_out();
        close(
            &got.posterior,
            &[-0.5 * ln2, -0.5 * ln2, 0.0, 0.0, 0.5 * ln2, 0.5 * ln2],
        );
        // Geometric means of the others: sqrt 8, 2 and sqrt 2.
        let got = case().vimco();
        let signal = |mean: f64, own: f64| (7.0 / (7.0 - own + mean)).ln() - own / 7.0;
        let signals = [
            signal(8f64.sqrt(), 1.0),
            signal(2.0, 2.0),
            signal(2f64.sqrt(), 4.0),
        ];
        close(&got.posterior, &signals.map(|signal| [signal; 2]).concat());
    }
}
