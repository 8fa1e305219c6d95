//! The device that trains: the processor, or an accelerator that candle has a back end for.

use crate::error::Error;
use candle_core::Device;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The device that trains. Everything after training is computed by the processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Processor {
    /// The processor, by passes written for it
    #[default]
    Cpu,
    /// The first CUDA device, by automatic differentiation; in builds with `--features cuda`
    Cuda,
    /// The first Metal device, by automatic differentiation; in builds with `--features metal`
    Metal,
}

impl Processor {
    /// The device.
    ///
    /// # Errors
    /// [`Error::Setting`] where this program was built without its back end, or where there is none.
    pub fn open(self) -> Result<Device, Error> {
        let (name, built) = match self {
            Self::Cpu => return Ok(Device::Cpu),
            Self::Cuda => ("cuda", cfg!(feature = "cuda")),
            Self::Metal => ("metal", cfg!(feature = "metal")),
        };
        if !built {
            return Err(Error::Setting(format!(
                "--device {name}: this trainer was built without it: run it by `cargo run --release -p elbow-trainer --features {name} -- fit --device {name} ...` where its toolkit is installed, or leave --device out"
            )));
        }
        let device = match self {
            Self::Metal => Device::new_metal(0),
            _ => Device::new_cuda(0),
        };
        device.map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().next().unwrap_or_default();
            Error::Setting(format!(
                "--device {name}: no such device can be used: {reason}; leave --device out"
            ))
        })
    }
}
