//! The objective of training, where that is not the plain bound.

use super::Config;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Form of the ELBO, and weight of its divergence. With other than the
/// default weights the objective is no bound; what a run reports is the bound all the same.
#[derive(Args, Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Objective {
    /// With one sample: how the ELBO is estimated
    #[arg(long = "elbo-form", value_name = "FORM", value_enum, default_value_t = ElboForm::Divergence)]
    pub form: ElboForm,
    // Higgins et al., "beta-VAE: learning basic visual
    // concepts with a constrained variational framework", ICLR 2017, equation 4.
    /// The weight of the divergence in what training ascends; the bound that is reported has weight 1
    #[arg(
        long,
        value_name = "WEIGHT",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    pub beta: f64,
    // Bowman et al., "Generating sentences from a continuous space", CoNLL 2016, section 3.1.
    /// The first epochs, over which the weight of the divergence rises from 0
    #[arg(long, value_name = "EPOCHS", default_value_t = 0)]
    pub kl_warm_up: usize,
    // In the mean over a batch (Kingma et al., "Improved variational inference with inverse autoregressive
    // flow", 2016, appendix C.8).
    /// Nats of each latent's divergence that cost nothing, against posterior collapse
    #[arg(
        long,
        value_name = "NATS",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub free_bits: f64,
}

/// The two forms of the ELBO: the same in expectation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElboForm {
    /// Reconstruction less divergence, the divergence in closed form
    #[default]
    Divergence,
    /// Energy E[log p(x,z)] at the sample, and the entropy of q(z|x) in closed form
    Entropy,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            form: ElboForm::default(),
            beta: 1.0,
            kl_warm_up: 0,
            free_bits: 0.0,
        }
    }
}

impl Objective {
    /// Whether it is an estimate of the ELBO.
    pub fn is_bound(&self) -> bool {
        Self {
            form: self.form,
            ..Self::default()
        } == *self
    }

    /// The weight of the divergence in an epoch, which are counted from 1.
    pub fn weight(&self, epoch: usize) -> f64 {
        if epoch > self.kl_warm_up {
            return self.beta;
        }
        self.beta * epoch as f64 / (self.kl_warm_up + 1) as f64
    }

    /// The objective of a run with these settings, in words.
    pub fn name(config: &Config) -> String {
        let samples = config.bound_samples();
        let objective = &config.train.objective;
        let mut name = match samples {
            1 => "ELBO".to_owned(),
            _ => format!("importance-weighted bound of {samples} samples"),
        };
        if objective.is_bound() {
            return name;
        }
        name += &match samples {
            1 => format!(" with its divergence weighted by {}", objective.beta),
            _ => format!(" with p(z) / q(z|x) to the power of {}", objective.beta),
        };
        if objective.kl_warm_up > 0 {
            name += &format!(", from 0 over {} epochs", objective.kl_warm_up);
        }
        if objective.free_bits > 0.0 {
            name += &format!(", {} nats of each latent free", objective.free_bits);
        }
        name + "; not a bound"
    }
}
