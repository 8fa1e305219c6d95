//! The likelihood of models whose bound is known exactly.

use candle_core::{Device, Tensor};
use elbow::distribution::Family;
use elbow_trainer::config::{LikelihoodKind, Scale};
use elbow_trainer::model::Likelihood;
use elbow_trainer::readings::{Normalization, SMALLEST_DEVIATION};

/// Normal noise with one `log_deviation` for `inputs` inputs, in network units that are those of the data.
pub(crate) fn normal_noise(inputs: usize, log_deviation: f32) -> Likelihood {
    let normalization = Normalization {
        exponents: vec![0; inputs],
        centers: vec![0; inputs],
        units: vec![1.0; inputs],
        floors: vec![SMALLEST_DEVIATION; inputs],
    };
    let kind = LikelihoodKind::Location {
        family: Family::Normal,
        scale: Scale::Shared,
    };
    let likelihood = Likelihood::new(&kind, &normalization, &Device::Cpu).unwrap();
    let deviation = Tensor::new(&[log_deviation], &Device::Cpu).unwrap();
    let var = likelihood.log_deviation().unwrap();
    var.set(&deviation).unwrap();
    likelihood
}
