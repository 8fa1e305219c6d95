//! Readings, and how they are scored.

use super::{Input, asked, parse_estimator};
use crate::error::Error;
use crate::readings::raw::DeviceReadings;
use clap::Args;
use elbow::{Estimator, Model};
use std::path::{Path, PathBuf};

/// Readings to score.
#[derive(Debug, Args)]
pub(in crate::cli) struct Scoring {
    #[command(flatten)]
    pub(in crate::cli) input: Input,
    /// Estimator: sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K [default: sigma-points]
    #[arg(long, value_parser = parse_estimator)]
    estimator: Option<Estimator>,
    /// Score only what was observed: a file of the shape of DATA (of its readings where
    /// DATA is a stream), 1 where observed and 0 where missing; there, DATA may hold any number
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// Seed of the random draws; reading i draws from stream i
    #[arg(long, default_value_t = 0)]
    pub(in crate::cli) seed: u64,
}

impl Scoring {
    /// The readings for `model`.
    pub(in crate::cli) fn load(&self, model: &Model<'_>) -> Result<DeviceReadings, Error> {
        self.input.load(model, None, self.mask.as_deref())
    }

    /// The file of what was observed, where there is one.
    pub(in crate::cli) fn mask(&self) -> Option<&Path> {
        self.mask.as_deref()
    }

    /// The estimator.
    pub(in crate::cli) fn estimator(&self, model: &Model<'_>) -> Estimator {
        asked(self.estimator, model)
    }
}
