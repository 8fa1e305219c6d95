//! The ladder of nats: from log p(x) down to what the device computes, and what the latents carry.

use crate::error::Error;
use crate::model::Gaussian;
use crate::model::Vae;
use crate::model::activity::{ACTIVE, variances};
use crate::model::objective::Batch;
use crate::model::prepared::Prepared;
use crate::numeric::evidence::Evidence;
use crate::numeric::random::{self, Purpose, normals};
use crate::numeric::statistics::{error_of_mean, mean_and_error};
use crate::readings::device::device_scores;
use crate::study::bound::evidence::{log_weights, naive_log_weights};
use crate::train::inference::{Ascent, refine};
use candle_core::Tensor;
use elbow::{Estimator, Model, Score};
use serde::Serialize;

/// Decoder passes that are computed at once: what bounds the memory.
const PASSES: usize = 8192;
/// Samples of the float ELBOs, in antithetic pairs, and of the device's.
const ELBO_SAMPLES: u16 = 512;
/// Refinement of the encoder's answer.
const SEMI_AMORTIZED: Ascent = Ascent::Steps {
    steps: 20,
    rate: 0.05,
};
/// Inference to the end.
const CONVERGED: Ascent = Ascent::Converge {
    rate: 0.05,
    tolerance: 0.001,
    most: 5000,
};
/// Samples of the importance-weighted bound where training took one: those of the image's
/// calibration.
const DEVICE_SAMPLES: usize = 16;
/// Draws from each posterior in the mutual information.
const INFORMATION_SAMPLES: usize = 16;

/// The ladder of some readings. All numbers in nats a reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ladder {
    /// How many readings.
    pub readings: usize,
    /// Estimates and bounds, from log p(x) downward.
    pub rungs: Vec<Rung>,
    /// Gaps between the rungs.
    pub gaps: Vec<Gap>,
    /// Information that the latents carry.
    pub latents: Latents,
    /// Steps to the optimum of the readings' own posteriors.
    pub svi_steps: usize,
    /// Whether all of them got there.
    pub svi_converged: bool,
    /// Where training and device differ in their samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// An estimate or a bound.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rung {
    /// Its name.
    pub name: String,
    /// Over the readings.
    pub mean: f64,
    /// Standard error of that mean, over the readings.
    pub standard_error: Option<f64>,
    /// The part of it that the random draws of the estimate have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling_error: Option<f64>,
    /// Mean over the readings, of importance sampling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_samples: Option<f64>,
}

/// A difference of two rungs, reading by reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// Its name.
    pub name: &'static str,
    /// Over the readings.
    pub mean: f64,
    /// Standard error of that mean.
    pub standard_error: Option<f64>,
}

/// Information that the latents carry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Latents {
    /// `KL(q(z_j|x) || p(z_j))`, mean over the readings.
    pub kl: Vec<f64>,
    /// How many are active: see [`ACTIVE`].
    pub active: usize,
    /// `I(x; z)` under q, over these readings: at most the logarithm of their number.
    pub mutual_information: f64,
    /// Whether the posterior has collapsed, and what to do.
    pub verdict: String,
}

/// Models and readings of a ladder.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The trained model.
    pub vae: &'a Vae,
    /// The exported one.
    pub model: &'a Model<'a>,
    /// At least one reading.
    pub data: &'a Prepared,
    /// Samples of importance sampling, at least two.
    pub samples: usize,
    /// Samples of the bound that training ascended.
    pub trained_samples: usize,
    /// Estimator that the device is going to score with.
    pub estimator: Estimator,
    /// Seed of all draws.
    pub seed: u64,
}

/// Values of each reading, and the standard error of each by its draws.
struct Values {
    values: Vec<f64>,
    errors: Vec<f64>,
    effective: Option<Vec<f64>>,
}

impl Values {
    fn rung(&self, name: impl Into<String>) -> Rung {
        let (mean, standard_error) = mean_and_error(&self.values);
        Rung {
            name: name.into(),
            mean: mean.unwrap_or(f64::NAN),
            standard_error,
            sampling_error: Some(error_of_mean(&self.errors)),
            effective_samples: self
                .effective
                .as_ref()
                .and_then(|all| mean_and_error(all).0),
        }
    }

    fn over(&self, lower: &Self, name: &'static str) -> Gap {
        let pairs = self.values.iter().zip(&lower.values);
        let (mean, standard_error) = mean_and_error(
            &pairs
                .map(|(upper, lower)| upper - lower)
                .collect::<Vec<_>>(),
        );
        Gap {
            name,
            mean: mean.unwrap_or(f64::NAN),
            standard_error,
        }
    }
}

/// The values of all rungs.
struct Estimates {
    naive: Values,
    /// Importance sampling at the optimum of each reading's posterior.
    reference: Values,
    /// Importance sampling from the encoder's posteriors, with their samples.
    weighted: Vec<(usize, Values)>,
    elbo_svi: Values,
    elbo_semi: Values,
    elbo_amortized: Values,
    on_device: Values,
    reported: Values,
}

impl Estimates {
    /// Rungs, from log p(x) downward.
    fn rungs(&self, setting: &Setting<'_>) -> Vec<Rung> {
        let samples = setting.samples;
        let mut rungs = vec![
            self.naive.rung(format!("naive Monte Carlo, k {samples}")),
            self.reference
                .rung(format!("log p(x): importance, SVI, k {samples}")),
        ];
        for (count, values) in self.weighted.iter().rev() {
            rungs.push(values.rung(format!("importance, encoder, k {count}")));
        }
        rungs.extend([
            self.elbo_svi.rung("ELBO, SVI optimum"),
            self.elbo_semi.rung("ELBO, semi-amortized, 20 steps"),
            self.elbo_amortized.rung("ELBO, amortized"),
            self.on_device.rung("ELBO, device"),
            self.reported.rung(format!("device, {}", setting.estimator)),
        ]);
        rungs
    }

    /// Gaps between the rungs.
    fn gaps(&self) -> Vec<Gap> {
        let mut gaps = vec![
            self.reference.over(&self.elbo_svi, "approximation"),
            self.elbo_svi.over(&self.elbo_amortized, "amortization"),
            self.elbo_amortized.over(&self.on_device, "quantization"),
        ];
        if let Some((_, weighted)) = self.weighted.first() {
            gaps.push(self.reference.over(weighted, "sampling"));
        }
        gaps
    }
}

impl Ladder {
    /// Computes all rungs.
    ///
    /// # Errors
    /// [`Error::Tensor`], or [`Error::Setting`] where a reading cannot be scored.
    pub fn new(setting: &Setting<'_>) -> Result<Self, Error> {
        let Setting {
            vae, data, samples, ..
        } = *setting;
        let batch = &data.batch;
        let mut rng = random::stream(setting.seed, Purpose::Inference);
        let amortized = vae.gaussian(&batch.inputs)?.detach();
        let semi = refine(vae, batch, &amortized, SEMI_AMORTIZED, &mut rng)?;
        let svi = refine(vae, batch, &amortized, CONVERGED, &mut rng)?;

        let few = match setting.trained_samples {
            1 => DEVICE_SAMPLES,
            trained => trained,
        };
        let counts = [few, 100, 1000, samples].into_iter();
        let counts: Vec<usize> = counts.filter(|&count| count <= samples).collect();
        let all = |posterior| {
            setting
                .evidence(posterior, &[samples])
                .map(|mut all| all.remove(0))
        };
        let (naive, reference) = (all(None)?, all(Some(&svi.posterior))?);
        let weighted = setting.evidence(Some(&amortized), &counts)?;
        let estimates = Estimates {
            naive,
            reference,
            weighted: counts.into_iter().zip(weighted).collect(),
            elbo_svi: setting.elbo(&svi.posterior)?,
            elbo_semi: setting.elbo(&semi.posterior)?,
            elbo_amortized: setting.elbo(&amortized)?,
            on_device: setting.device(Estimator::MonteCarlo {
                samples: ELBO_SAMPLES,
            })?,
            reported: setting.device(setting.estimator)?,
        };
        Ok(Self {
            readings: data.readings.len(),
            rungs: estimates.rungs(setting),
            gaps: estimates.gaps(),
            latents: Latents::new(&amortized, setting.seed)?,
            svi_steps: svi.steps,
            svi_converged: svi.converged,
            warning: setting.warning(),
        })
    }
}

impl Setting<'_> {
    /// Estimates of importance sampling from `proposal`, or else from the prior, by the first `counts` of the
    /// draws.
    fn evidence(
        &self,
        proposal: Option<&Gaussian>,
        counts: &[usize],
    ) -> Result<Vec<Values>, Error> {
        let most = counts.iter().copied().max().unwrap_or(1);
        let mut rng = random::stream(self.seed, Purpose::Ladder);
        let mut all: Vec<Vec<Evidence>> = vec![vec![]; counts.len()];
        let rows = (PASSES / most).max(1);
        for start in (0..self.data.readings.len()).step_by(rows) {
            let length = rows.min(self.data.readings.len() - start);
            let batch = self.batch(start, length)?;
            let weights = match proposal {
                None => naive_log_weights(self.vae, &batch, most, &mut rng)?,
                Some(proposal) => {
                    let proposal = proposal.narrow(start, length)?;
                    log_weights(self.vae, &batch, &proposal, most, &mut rng)?
                }
            };
            for weights in weights {
                for (evidence, &count) in all.iter_mut().zip(counts) {
                    evidence.push(Evidence::new(&weights[..count]));
                }
            }
        }
        let values = all.into_iter().map(|evidence| Values {
            values: self.with_constants(evidence.iter().map(|one| one.log_evidence)),
            errors: evidence.iter().map(|one| one.standard_error).collect(),
            effective: Some(evidence.iter().map(|one| one.effective_samples).collect()),
        });
        Ok(values.collect())
    }

    /// The float ELBO with the posteriors `posterior`.
    fn elbo(&self, posterior: &Gaussian) -> Result<Values, Error> {
        let mut rng = random::stream(self.seed, Purpose::Ladder);
        let pairs = usize::from(ELBO_SAMPLES) / 2;
        let (mut means, mut errors) = (vec![], vec![]);
        let rows = (PASSES / (2 * pairs)).max(1);
        for start in (0..self.data.readings.len()).step_by(rows) {
            let length = rows.min(self.data.readings.len() - start);
            let (batch, posterior) = (self.batch(start, length)?, posterior.narrow(start, length)?);
            let shape = (pairs, length, self.vae.latents());
            let noise = normals(&mut rng, shape.0 * shape.1 * shape.2);
            let noise = Tensor::from_vec(noise, shape, batch.inputs.device())?;
            let plus = posterior.bounds(self.vae, &batch, &noise)?;
            let minus = posterior.bounds(self.vae, &batch, &noise.neg()?)?;
            let of_pairs = ((plus + minus)? * 0.5)?.t()?.contiguous()?;
            for bounds in of_pairs.to_vec2::<f32>()? {
                let bounds: Vec<f64> = bounds.into_iter().map(f64::from).collect();
                let (mean, error) = mean_and_error(&bounds);
                means.push(mean.unwrap_or(f64::NAN));
                errors.push(error.unwrap_or(0.0));
            }
        }
        Ok(Values {
            values: self.with_constants(means.into_iter()),
            errors,
            effective: None,
        })
    }

    fn device(&self, estimator: Estimator) -> Result<Values, Error> {
        let scores = device_scores(self.model, &self.data.readings, None, estimator, self.seed)?;
        let error = |score: &Score| score.standard_error().map_or(0.0, elbow::Nats::to_f64);
        Ok(Values {
            values: crate::readings::device::elbos(&scores),
            errors: scores.iter().map(error).collect(),
            effective: None,
        })
    }

    fn batch(&self, start: usize, length: usize) -> Result<Batch, Error> {
        self.data.narrow(start, length, None)
    }

    fn with_constants(&self, values: impl Iterator<Item = f64>) -> Vec<f64> {
        values
            .enumerate()
            .map(|(row, value)| value + self.data.constant(row, None))
            .collect()
    }

    /// Warning where the device is not to do what training prepared for.
    fn warning(&self) -> Option<String> {
        let trained = self.trained_samples;
        let same = match self.estimator {
            Estimator::ImportanceWeighted { samples } => usize::from(samples) == trained,
            _ => trained == 1,
        };
        (!same).then(|| {
            format!(
                "the model was trained with {trained} importance samples and the device scores by {}: score by importance-weighted:{trained}, or train with --importance-samples {}",
                self.estimator,
                match self.estimator {
                    Estimator::ImportanceWeighted { samples } => samples,
                    _ => 1,
                }
            )
        })
    }
}

impl Latents {
    fn new(posterior: &Gaussian, seed: u64) -> Result<Self, Error> {
        let means = rows(&posterior.mean)?;
        let log_variances = rows(&posterior.log_variance)?;
        let latents = means.first().map_or(0, Vec::len);
        let readings = means.len() as f64;
        let column = |at: usize| means.iter().map(move |row| row[at]);
        let kl = |at: usize| {
            let pairs = column(at).zip(log_variances.iter().map(move |row| row[at]));
            let terms = pairs.map(|(mean, log)| 0.5 * (mean * mean + log.exp() - log - 1.0));
            terms.sum::<f64>() / readings
        };
        let active = variances(&posterior.mean)?;
        let active = active
            .into_iter()
            .filter(|&variance| variance > ACTIVE)
            .count();
        Ok(Self {
            kl: (0..latents).map(kl).collect(),
            active,
            mutual_information: mutual_information(&means, &log_variances, seed),
            verdict: verdict(active, latents),
        })
    }
}

fn verdict(active: usize, latents: usize) -> String {
    match active {
        0 => "collapsed: no latent is active; raise it from 0 by --kl-warm-up, or give each latent --free-bits 0.1, or make the decoder narrower".into(),
        _ if active < latents => format!(
            "{} of {latents} latents carry nothing: lower --latents to {active}",
            latents - active
        ),
        _ => "no collapse: all latents are active".into(),
    }
}

/// `E_x E_q(z|x) [log q(z|x) - log q(z)]` with `q(z)` the mean of the posteriors of all readings
/// (Hoffman and Johnson, "ELBO surgery", 2016).
fn mutual_information(means: &[Vec<f64>], log_variances: &[Vec<f64>], seed: u64) -> f64 {
    let mut rng = random::stream(seed, Purpose::Ladder);
    let precisions: Vec<Vec<f64>> = log_variances
        .iter()
        .map(|row| row.iter().map(|log| (-log).exp()).collect())
        .collect();
    let log_density = |z: &[f64], of: usize| -> f64 {
        let axes = z.iter().zip(&means[of]).zip(&precisions[of]);
        let squares: f64 = axes.map(|((z, m), p)| (z - m).powi(2) * p).sum();
        -0.5 * (squares + log_variances[of].iter().sum::<f64>())
    };
    let mut sum = 0.0;
    for (reading, (mean, log_variance)) in means.iter().zip(log_variances).enumerate() {
        for _ in 0..INFORMATION_SAMPLES {
            let noise = normals(&mut rng, mean.len());
            let axes = mean.iter().zip(log_variance).zip(noise);
            let z: Vec<f64> = axes
                .map(|((mean, log), noise)| mean + (0.5 * log).exp() * f64::from(noise))
                .collect();
            let all: Vec<f64> = (0..means.len()).map(|of| log_density(&z, of)).collect();
            sum += all[reading] - Evidence::new(&all).log_evidence;
        }
    }
    sum / (means.len() * INFORMATION_SAMPLES) as f64
}

fn rows(tensor: &Tensor) -> Result<Vec<Vec<f64>>, Error> {
    let rows = tensor.to_vec2::<f32>()?.into_iter();
    Ok(rows
        .map(|row| row.into_iter().map(f64::from).collect())
        .collect())
}
