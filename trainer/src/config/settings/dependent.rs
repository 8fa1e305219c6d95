//! Settings whose defaults follow from others.

use crate::config::capability::Feature;
use crate::config::{Config, Gradient, Inference, Latent, Schedule};
use clap::Args;

/// Settings whose defaults follow from others.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Dependent {
    /// Course of the step size [default: averaged; cosine for fewer than 100 epochs, for --latent bernoulli and for
    /// --inference svi]
    #[arg(long, value_name = "NAME", value_enum)]
    pub schedule: Option<Schedule>,
    /// Adam's step size in the first epoch [default: 0.005 for --schedule averaged, 0.002 for cosine
    /// and plateau, 0.001 for constant]
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,
    /// Samples of a reading in training. With more than one, gradients through the samples and vimco ascend
    /// the importance-weighted bound [default: 1; 5 with --missing or where --gradient compares samples, 4 of disarm]
    #[arg(long, value_name = "K")]
    pub importance_samples: Option<usize>,
    /// Estimator of the gradient of the bound [default: reparameterized; leave-one-out for bits]
    #[arg(long, value_name = "NAME", value_enum)]
    pub gradient: Option<Gradient>,
    /// Train the last fifth of the epochs in the device's integers, so that the model learns to live with what
    /// rounding does to it [default: where the settings allow it]
    #[arg(long)]
    pub qat: bool,
    /// Train in floats alone
    #[arg(long, conflicts_with = "qat")]
    pub no_qat: bool,
}

impl Dependent {
    /// Puts what was asked for, or what follows, into `config`.
    pub fn settle(self, config: &mut Config) {
        let train = &mut config.train;
        let latent = config.model.latent;
        let schedule = match (train.inference, latent) {
            (Inference::Amortized, Latent::Gaussian) => Schedule::of(train.epochs),
            _ => Schedule::Cosine,
        };
        train.schedule = self.schedule.unwrap_or(schedule);
        let rate = self.learning_rate;
        train.learning_rate = rate.unwrap_or(train.schedule.learning_rate());
        train.gradient = self.gradient.unwrap_or(latent.gradient());
        let several = train.missing > 0.0 || train.gradient.least_samples() > 1;
        let default = if several {
            train.gradient.usual_samples()
        } else {
            1
        };
        train.importance_samples = self.importance_samples.unwrap_or(default);
        config.train.qat = self.qat || !self.no_qat && Feature::Integers.can(config);
    }
}
