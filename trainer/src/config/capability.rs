//! The one table of what goes with what, which everybody asks, and from which every refusal is written.

use super::{Activations, Config, Gradient, Inference, Latent, LikelihoodKind, Objective};
use super::{PriorKind, Schedule, Weights, processor::Processor};
use crate::error::Error;
use std::fmt::Display;

/// A demand of the settings, or a part that computes it: each has its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Training and scores in floats by the passes that are written by hand.
    Engine,
    /// A number of threads that train.
    Threads,
    /// The cost model of instructions.
    Instructions,
    /// Training in the device's integers.
    Integers,
    /// A model without its dead latents.
    Pruning,
    /// Latents that are bits.
    Bits,
    LearnedPrior,
    /// A prior that is a mixture of Gaussians.
    GaussianPrior,
    /// A prior of bits whose chances are learned.
    FactorizedPrior,
    GaussianLatents,
    VampPrior,
    OtherGradient,
    SeveralSamples,
    /// Hidden inputs.
    Missing,
    FreeBits,
    /// A divergence that weighs more or less than 1.
    Beta,
    WarmUp,
    /// The other form of the bound.
    Form,
    /// Posteriors of single training readings.
    Local,
    RateWarmUp,
    /// A course of the step size other than the cosine.
    OtherSchedule,
    /// Training elsewhere than on the processor.
    Accelerator,
    /// Too few epochs to divide.
    OneEpoch,
    NarrowWeights,
    WideActivations,
    Stream,
    Binarization,
    Conditions,
    /// A likelihood of other than bits.
    NoBits,
}

/// Owner of features: settings, or a model.
pub(crate) trait Features {
    fn has(&self, feature: Feature) -> bool;
}

impl Feature {
    /// The order in which settings are checked.
    const ASKED: [Self; 9] = [
        Self::Binarization,
        Self::SeveralSamples,
        Self::LearnedPrior,
        Self::FactorizedPrior,
        Self::OtherGradient,
        Self::Bits,
        Self::Integers,
        Self::Conditions,
        Self::Local,
    ];

    /// The table: what it does, and what it does not go with.
    const fn limits(self) -> (&'static str, &'static [Self]) {
        use Feature::*;
        match self {
            Engine => ("computes", &[Bits, LearnedPrior, FreeBits]),
            Threads => (
                "is for the passes that are written by hand; candle trains on all cores",
                &[
                    Bits,
                    LearnedPrior,
                    FreeBits,
                    OtherGradient,
                    Local,
                    Accelerator,
                ],
            ),
            Instructions => (
                "is known for --latent gaussian, --prior standard, --weights int8 and activations of 8 bits",
                &[Bits, LearnedPrior, NarrowWeights, WideActivations],
            ),
            Pruning => ("leaves latents out", &[Bits, LearnedPrior]),
            Integers => (
                "trains in the device's integers",
                &[Bits, LearnedPrior, OtherGradient, FreeBits, Local, OneEpoch],
            ),
            Local => (
                "trains the decoder alone, by steps of its own, on the ELBO of whole readings",
                &[
                    Missing,
                    SeveralSamples,
                    FreeBits,
                    Beta,
                    WarmUp,
                    Form,
                    RateWarmUp,
                    OtherSchedule,
                    VampPrior,
                ],
            ),
            OtherGradient => (
                "ascends the plain bound of whole readings",
                &[Missing, Local, FreeBits, Beta, WarmUp, Form],
            ),
            FactorizedPrior => ("is of latents that are bits", &[GaussianLatents]),
            Bits => (
                "has the plain bound of whole readings and a prior of bits",
                &[
                    GaussianPrior,
                    Stream,
                    Missing,
                    Local,
                    FreeBits,
                    Beta,
                    WarmUp,
                    Form,
                ],
            ),
            SeveralSamples => ("weighs samples", &[FreeBits, Form]),
            LearnedPrior => ("has no divergence of single latents", &[FreeBits]),
            Binarization => ("makes bits of pictures", &[NoBits, Stream]),
            Conditions => (
                "is for the last columns of a table",
                &[Binarization, Stream],
            ),
            _ => ("", &[]),
        }
    }

    /// Whether it goes with all that `run` has.
    pub(crate) fn can(self, run: &impl Features) -> bool {
        !self.limits().1.iter().any(|&feature| run.has(feature))
    }

    /// Refuses what `config` has and it does not go with.
    ///
    /// # Errors
    /// [`Error::Setting`]: one line with both settings and a remedy.
    pub(crate) fn check(self, config: &Config) -> Result<(), Error> {
        let (does, without) = self.limits();
        let Some(&other) = without.iter().find(|&&other| config.has(other)) else {
            return Ok(());
        };
        let (who, option) = (config.feature(self).1, config.feature(other).1);
        let remedy = match (self, other) {
            (Self::Integers, _) => "use --no-qat".into(),
            (Self::OtherGradient | Self::Bits, _) => format!("leave out {option}"),
            (Self::FactorizedPrior, _) => "use --latent bernoulli".into(),
            (_, Self::VampPrior) => "use --prior mixture:N".into(),
            (_, Self::NoBits) => "use --likelihood bernoulli".into(),
            _ => "leave one of them out".into(),
        };
        Err(Error::Setting(format!(
            "{who} {does}, not with {option}: {remedy}"
        )))
    }

    /// Refuses settings that do not go together.
    ///
    /// # Errors
    /// The errors of [`Self::check`].
    pub(super) fn check_all(config: &Config) -> Result<(), Error> {
        let mut asked = Self::ASKED.iter().filter(|asked| config.has(**asked));
        asked.try_for_each(|asked| asked.check(config))
    }
}

impl Features for Config {
    fn has(&self, feature: Feature) -> bool {
        self.feature(feature).0
    }
}

impl Config {
    /// Whether the settings have a feature, and the option that asks for it.
    fn feature(&self, feature: Feature) -> (bool, String) {
        use Feature::*;
        let (data, model, train, export) = (&self.data, &self.model, &self.train, &self.export);
        let (objective, plain) = (&train.objective, Objective::default());
        let likelihood = &model.likelihood;
        let of = |is: bool, option: &str, value: &dyn Display| (is, format!("--{option} {value}"));
        match feature {
            Engine => (true, "the processor".into()),
            Instructions => (true, "--instructions".into()),
            Pruning => (!export.keep_dead_latents, "pruning".into()),
            Integers => (train.qat, "--qat".into()),
            Bits => of(model.latent == Latent::Bernoulli, "latent", &model.latent),
            GaussianLatents => of(model.latent == Latent::Gaussian, "latent", &model.latent),
            GaussianPrior => of(
                matches!(
                    model.prior,
                    PriorKind::Mixture { .. } | PriorKind::Vamp { .. }
                ),
                "prior",
                &model.prior,
            ),
            FactorizedPrior => of(model.prior == PriorKind::Factorized, "prior", &model.prior),
            LearnedPrior => of(model.prior != PriorKind::Standard, "prior", &model.prior),
            VampPrior => of(
                matches!(model.prior, PriorKind::Vamp { .. }),
                "prior",
                &model.prior,
            ),
            OtherGradient => of(
                train.gradient != Gradient::default(),
                "gradient",
                &train.gradient,
            ),
            SeveralSamples => {
                let samples = train.importance_samples;
                of(samples > 1, "importance-samples", &samples)
            }
            Missing => of(train.missing != 0.0, "missing", &train.missing),
            FreeBits => of(objective.free_bits > 0.0, "free-bits", &objective.free_bits),
            Beta => of(objective.beta != plain.beta, "beta", &objective.beta),
            WarmUp => of(
                objective.kl_warm_up > 0,
                "kl-warm-up",
                &objective.kl_warm_up,
            ),
            Form => of(objective.form != plain.form, "elbo-form", &"entropy"),
            Local => of(train.inference == Inference::Svi, "inference", &"svi"),
            RateWarmUp => of(train.rate_warm_up > 0, "rate-warm-up", &train.rate_warm_up),
            OtherSchedule => of(
                train.schedule != Schedule::Cosine,
                "schedule",
                &train.schedule,
            ),
            Threads => of(true, "threads", &train.threads),
            Accelerator => (train.processor != Processor::Cpu, "--device".into()),
            OneEpoch => of(train.epochs < 2, "epochs", &train.epochs),
            NarrowWeights => of(export.weights != Weights::Int8, "weights", &export.weights),
            WideActivations => of(
                export.activations == Activations::I16,
                "activations",
                &"i16",
            ),
            Stream => (data.stream.is_some(), "--window".into()),
            Binarization => (data.binarize.is_some(), "--binarize".into()),
            Conditions => of(data.conditions > 0, "conditions", &data.conditions),
            NoBits => {
                let bits = matches!(
                    likelihood,
                    LikelihoodKind::Auto | LikelihoodKind::Binomial { trials: 1 }
                );
                of(!bits, "likelihood", likelihood)
            }
        }
    }
}
