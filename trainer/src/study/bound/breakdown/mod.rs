//! Where the nats between the float bound and the device's score go.
//!
//! The device's score is computed in floats with each of its roundings in place or left out. Put in one after
//! another, from the trained model to the device, each step is a part of the difference, and the parts sum up
//! to it exactly, reading by reading. Put in alone, each says what it would cost without the others.

mod emulator;
mod network;

use crate::error::Error;
use crate::model::prepared::Prepared;
use crate::model::{Depth, LayerId, Layers, Vae};
use crate::numeric::parallel::on_all;
use crate::numeric::statistics::mean_and_error;
use crate::readings::Normalization;
use crate::readings::device::elbos;
use crate::study::detection::evaluate::Scores;
use elbow::{Estimator, Model};
use emulator::{Emulator, Switches};
use network::LayerSwitches;
use serde::Serialize;

/// A loss below this is not worth a remedy, nats a reading.
const NEGLIGIBLE: f64 = 0.01;

/// Reason why device and float differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The estimator on the float model, against the mean over many points.
    Sampling,
    /// The readings as `i8`.
    Input,
    /// Weights and biases as integers.
    Weights,
    /// Outputs of hidden layers beyond the range that was measured, clamped to it.
    Ranges,
    /// Outputs of layers as integers.
    Activations,
    /// Means and log-variances as Q16.16 within their ranges.
    Heads,
    /// Inputs of the decoder as `i16`.
    Latents,
    /// Integer functions and sums: deviations, samples, log densities, the divergence.
    Tables,
}

/// A part of the difference. Nats a reading; negative where the device scores lower for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The reason.
    pub cause: Cause,
    /// Where: a layer, or a head; none where the cause says all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Change of the score where this comes on top of all before it, mean over the readings.
    pub nats: f64,
    /// Standard error of that mean; none below two readings.
    pub standard_error: Option<f64>,
    /// Change of the score of the float model, by the device's estimator, where this alone is done.
    pub alone: f64,
    /// Standard error of that mean.
    pub alone_standard_error: Option<f64>,
}

/// The parts of one cause together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Total {
    /// The reason.
    pub cause: Cause,
    /// The sum of its parts, mean over the readings.
    pub nats: f64,
    /// Standard error of that mean.
    pub standard_error: Option<f64>,
}

/// Where the difference goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Breakdown {
    /// Readings it is the mean over.
    pub readings: usize,
    /// `device - float`, nats a reading: the sum of all parts.
    pub difference: Option<f64>,
    /// The most by which the score of a reading, computed in floats with everything as on the device, differs
    /// from the device's, nats: 0, but for importance weights, whose sum is in floats here.
    pub residual: f64,
    /// Parts in the order in which they are put in.
    pub parts: Vec<Part>,
    /// Sums by cause.
    pub totals: Vec<Total>,
    /// The largest part, and what to do about it: one line.
    pub verdict: String,
}

/// Models and scores that are broken down.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The trained model.
    pub vae: &'a Vae,
    /// The exported one.
    pub model: &'a Model<'a>,
    /// How readings become network inputs.
    pub normalization: &'a Normalization,
    /// The readings.
    pub data: &'a Prepared,
    /// Their scores by `estimator`.
    pub scores: &'a Scores,
    /// Estimator of the device.
    pub estimator: Estimator,
    /// Seed of the device's draws.
    pub seed: u64,
}

/// One rounding, or the set of them that is put in at once.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Input,
    Weights(LayerId),
    Range(LayerId),
    Activations(LayerId),
    Mean,
    LogVariance,
    Latents,
    Tables,
}

impl Step {
    fn put_into(self, switches: &mut Switches) {
        match self {
            Self::Input => switches.input = true,
            Self::Weights(layer) => switches.layers[layer].weights = true,
            Self::Range(layer) => switches.layers[layer].limits = true,
            Self::Activations(layer) => switches.layers[layer].activations = true,
            Self::Mean => switches.mean = true,
            Self::LogVariance => switches.log_variance = true,
            Self::Latents => switches.latents = true,
            Self::Tables => switches.tables = true,
        }
    }

    fn cause(self) -> Cause {
        match self {
            Self::Input => Cause::Input,
            Self::Weights(_) => Cause::Weights,
            Self::Range(_) => Cause::Ranges,
            Self::Activations(_) => Cause::Activations,
            Self::Mean | Self::LogVariance => Cause::Heads,
            Self::Latents => Cause::Latents,
            Self::Tables => Cause::Tables,
        }
    }

    fn place(self) -> Option<String> {
        match self {
            Self::Weights(layer) | Self::Range(layer) | Self::Activations(layer) => {
                Some(layer.name())
            }
            Self::Mean => Some("mean".into()),
            Self::LogVariance => Some("log-variance".into()),
            Self::Input | Self::Latents | Self::Tables => None,
        }
    }
}

/// All steps, from the reading to the score.
fn steps(depth: Depth) -> Vec<Step> {
    let layers = || depth.layers();
    let hidden = layers().filter(|layer| layer.is_hidden());
    // The heads are rounded where they are divided.
    let rounded = layers().filter(|&layer| layer != LayerId::Heads);
    std::iter::once(Step::Input)
        .chain(layers().map(Step::Weights))
        .chain(hidden.map(Step::Range))
        .chain(rounded.map(Step::Activations))
        .chain([Step::Mean, Step::LogVariance, Step::Latents, Step::Tables])
        .collect()
}

impl Breakdown {
    /// Breaks the difference down over the readings that are not `anomalous`.
    ///
    /// # Errors
    /// [`Error::Setting`] where float model and image are of different shapes, [`Error::Tensor`].
    pub fn new(setting: &Setting<'_>, anomalous: Option<&[bool]>) -> Result<Self, Error> {
        let Setting { scores, data, .. } = *setting;
        let normal: Vec<usize> = (0..data.readings.len())
            .filter(|&row| anomalous.is_none_or(|anomalous| !anomalous[row]))
            .collect();
        let of_normal =
            |values: &[f64]| -> Vec<f64> { normal.iter().map(|&row| values[row]).collect() };
        let float = of_normal(&scores.float);
        let device = of_normal(&elbos(&scores.device));
        let (mut moves, with_all) = setting.moves(&normal, &float)?;
        // With everything in place it is the device's own score; what is left is of the last step.
        let left = Moved::new(&with_all, &device);
        if let Some(last) = moves.last_mut() {
            last.on_top.add(&left);
        }
        let totals = totals(&moves);
        Ok(Self {
            readings: normal.len(),
            difference: Moved::new(&float, &device).mean_and_error().0,
            verdict: verdict(&totals, &moves, setting.estimator),
            residual: left.0.iter().fold(0.0, |most, moved| most.max(moved.abs())),
            parts: moves.iter().map(Move::part).collect(),
            totals,
        })
    }
}

impl Setting<'_> {
    /// Changes of the scores of the readings `rows` by each step, from those in floats, and the scores with all steps.
    fn moves(&self, rows: &[usize], float: &[f64]) -> Result<(Vec<Move>, Vec<f64>), Error> {
        let source = (self.estimator, self.seed);
        let models = (self.vae, self.model);
        let emulator = Emulator::new(models, self.normalization, self.data, source)?;
        let score = |switches: &Switches| {
            on_all(rows.len(), |numbers| {
                let scored = numbers.map(|number| (number, emulator.score(rows[number], switches)));
                Ok::<_, Error>(scored.collect())
            })
        };
        let depth = self.vae.depth();
        let nothing = Switches {
            layers: Layers::from_fn(depth, |_| LayerSwitches::default()),
            ..Switches::default()
        };
        let trained = score(&nothing)?;
        let sampling = Moved::new(float, &trained);
        let mut moves = vec![Move {
            cause: Cause::Sampling,
            place: None,
            on_top: sampling.clone(),
            alone: sampling,
        }];
        let (mut switches, mut before) = (nothing.clone(), trained.clone());
        for step in steps(depth) {
            step.put_into(&mut switches);
            let after = score(&switches)?;
            let mut alone = nothing.clone();
            step.put_into(&mut alone);
            moves.push(Move {
                cause: step.cause(),
                place: step.place(),
                on_top: Moved::new(&before, &after),
                alone: Moved::new(&trained, &score(&alone)?),
            });
            before = after;
        }
        Ok((moves, before))
    }
}

/// Change of each reading's score.
#[derive(Clone, Debug)]
struct Moved(Vec<f64>);

impl Moved {
    fn new(before: &[f64], after: &[f64]) -> Self {
        let pairs = after.iter().zip(before);
        Self(pairs.map(|(after, before)| after - before).collect())
    }

    fn add(&mut self, other: &Self) {
        let pairs = self.0.iter_mut().zip(&other.0);
        pairs.for_each(|(sum, moved)| *sum += moved);
    }

    fn mean_and_error(&self) -> (Option<f64>, Option<f64>) {
        mean_and_error(&self.0)
    }
}

/// Changes of all scores by one step.
struct Move {
    cause: Cause,
    place: Option<String>,
    /// On top of all before it.
    on_top: Moved,
    alone: Moved,
}

impl Move {
    fn part(&self) -> Part {
        let (nats, standard_error) = self.on_top.mean_and_error();
        let (alone, alone_standard_error) = self.alone.mean_and_error();
        Part {
            cause: self.cause,
            place: self.place.clone(),
            nats: nats.unwrap_or(0.0),
            standard_error,
            alone: alone.unwrap_or(0.0),
            alone_standard_error,
        }
    }
}

/// The sums of all parts of each cause, in the order of the parts.
fn totals(moves: &[Move]) -> Vec<Total> {
    let mut totals: Vec<(Cause, Moved)> = Vec::new();
    for Move {
        cause,
        on_top: moved,
        ..
    } in moves
    {
        match totals.iter_mut().find(|(of, _)| of == cause) {
            None => totals.push((*cause, moved.clone())),
            Some((_, sums)) => sums.add(moved),
        }
    }
    let totals = totals.into_iter().map(|(cause, moved)| {
        let (nats, standard_error) = moved.mean_and_error();
        Total {
            cause,
            nats: nats.unwrap_or(0.0),
            standard_error,
        }
    });
    totals.collect()
}

/// The cause that moves the score most, where in it, and what to do.
fn verdict(totals: &[Total], moves: &[Move], estimator: Estimator) -> String {
    let size = |nats: f64| nats.abs();
    let largest = totals
        .iter()
        .max_by(|a, b| size(a.nats).total_cmp(&size(b.nats)));
    let Some(largest) = largest.filter(|total| size(total.nats) >= NEGLIGIBLE) else {
        return format!("nothing to gain: no cause moves the score by {NEGLIGIBLE} nats");
    };
    let parts = moves.iter().filter(|one| one.cause == largest.cause);
    let parts = parts.map(Move::part);
    let most = parts.max_by(|a, b| size(a.nats).total_cmp(&size(b.nats)));
    let place = most.and_then(|part| Some((part.place?, part.nats)));
    let place = place.map_or_else(String::new, |(place, nats)| {
        format!(", of which {place} {nats:+.3}")
    });
    format!(
        "largest: {} {:+.3} nats a reading{place}; {}",
        largest.cause.name(),
        largest.nats,
        largest.cause.remedy(estimator)
    )
}

impl Cause {
    /// Name for a terminal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sampling => "sampling",
            Self::Input => "input",
            Self::Weights => "weights",
            Self::Ranges => "ranges",
            Self::Activations => "activations",
            Self::Heads => "heads",
            Self::Latents => "z rounding",
            Self::Tables => "tables",
        }
    }

    /// Advice that makes it smaller.
    fn remedy(self, estimator: Estimator) -> &'static str {
        match (self, estimator) {
            (Self::Sampling, Estimator::PosteriorMean) => {
                "the pass at the mean leaves the spread of z out: score by sigma-points"
            }
            (Self::Sampling, Estimator::SigmaPoints) => {
                "sigma points are exact up to third order: for less score by monte-carlo:64, which costs more passes"
            }
            (Self::Sampling, Estimator::MonteCarlo { .. }) => {
                "draws scatter: take more samples, or sigma-points"
            }
            (Self::Sampling, Estimator::Enumeration) => "every code is visited: no loss",
            (Self::Sampling, Estimator::ImportanceWeighted { .. }) => {
                "this bound is above the ELBO of the floats by its samples: no loss"
            }
            (Self::Input, _) => {
                "give inputs 16 bits with --activations i16, or clip columns with outliers, which take the levels of their own readings"
            }
            (Self::Weights, _) => {
                "train with --qat, for longer, or with wider layers; where weights have 4 bits, give them 8"
            }
            (Self::Ranges, _) => {
                "hidden units go beyond what they reached in calibration: try --calibration nats, or train on more readings"
            }
            (Self::Activations, _) => {
                "8 bits an output are too few where units are seldom loud: train with --qat, or with wider layers"
            }
            (Self::Heads, _) => {
                "posteriors leave the range of log-variances: train on readings like these, or with --beta 1 or more"
            }
            (Self::Latents, _) => {
                "posteriors are narrower than a step of z: fewer --latents, or a larger --beta"
            }
            (Self::Tables, _) => {
                "terms reach the limits of the integer densities: look for readings of absurd size"
            }
        }
    }
}
