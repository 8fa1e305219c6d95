//! Scores in floats and as the device computes them, and what they are worth as a detector.

use crate::config::Latent;
use crate::engine::Evaluator;
use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::{Batch, Bound};
use crate::model::posterior::{draw_noise, opposite};
use crate::model::prepared::Prepared;
use crate::numeric::cubature;
use crate::numeric::evidence::Evidence;
use crate::numeric::random::{self, Purpose};
use crate::numeric::statistics::auc;
use crate::numeric::statistics::mean_and_error;
use crate::numeric::statistics::spearman;
pub use crate::readings::device::{device_scores, elbos, imputed, on_device};
use crate::readings::masks::Masks;
use crate::score::importance::log_weights;
use candle_core::Tensor;
use elbow::{Estimator, Model, Score};
use serde::Serialize;

/// Readings of one pass through the networks.
const CHUNK: usize = 512;

/// The bound of each reading in floats, nats, by `samples` points or a few more, always the same: in [`cubature`] points where
/// they suffice for one, otherwise draws in antithetic pairs. With `masks`, that of what they observe.
///
/// # Errors
/// [`Error::Tensor`].
pub fn float_scores(
    vae: &Vae,
    data: &Prepared,
    masks: Option<&Masks>,
    samples: usize,
) -> Result<Vec<f64>, Error> {
    let masks = data.masks(masks);
    let masks = masks.as_ref();
    if vae.latent() == Latent::Gaussian && samples >= 2 * vae.latents() {
        return by_turns(vae, data, masks, cubature::count(samples, vae.latents()));
    }
    let pairs = samples.div_ceil(2);
    if let Some(evaluator) = Evaluator::new(vae, data)? {
        return evaluator.elbos(pairs, masks);
    }
    let mut rng = random::stream(0, Purpose::Evaluation);
    let mut scores = Vec::with_capacity(data.readings.len());
    for start in (0..data.readings.len()).step_by(CHUNK) {
        let length = CHUNK.min(data.readings.len() - start);
        let batch = data.narrow(start, length, masks)?;
        let shape = (1, length, vae.latents());
        let mut sums = vec![0.0; length];
        for _ in 0..pairs {
            let noise = draw_noise(vae.latent(), shape, &mut rng, batch.inputs.device())?;
            for noise in [opposite(vae.latent(), &noise)?, noise] {
                let elbo = elbo(vae, &batch, &noise)?;
                let elbo = elbo.to_vec1::<f32>()?.into_iter().map(f64::from);
                sums.iter_mut()
                    .zip(elbo)
                    .for_each(|(sum, elbo)| *sum += elbo);
            }
        }
        let constant = |row| data.constant(row, masks.map(|masks| (masks, row)));
        let rows = sums.into_iter().zip(start..);
        scores.extend(rows.map(|(sum, row)| sum / (2 * pairs) as f64 + constant(row)));
    }
    Ok(scores)
}

/// The bound of each reading of Gaussian latents, by so many turns.
fn by_turns(
    vae: &Vae,
    data: &Prepared,
    masks: Option<&Masks>,
    turns: usize,
) -> Result<Vec<f64>, Error> {
    if let Some(evaluator) = Evaluator::new(vae, data)? {
        return evaluator.expected(turns, masks);
    }
    let latents = vae.latents();
    let mut scores = Vec::with_capacity(data.readings.len());
    for start in (0..data.readings.len()).step_by(CHUNK) {
        let rows = start..data.readings.len().min(start + CHUNK);
        let batch = data.narrow(start, rows.len(), masks)?;
        let shape = (1, rows.len(), latents);
        let expected = cubature::expectations(rows.clone(), latents, turns, |noise| {
            let noise = Tensor::from_slice(noise, shape, batch.inputs.device())?;
            let bounds = elbo(vae, &batch, &noise)?.to_vec1::<f32>()?;
            Ok::<_, Error>(bounds.into_iter().map(f64::from).collect())
        })?;
        let constant = |row| data.constant(row, masks.map(|masks| (masks, row)));
        scores.extend(
            expected
                .into_iter()
                .zip(rows)
                .map(|(expected, row)| expected + constant(row)),
        );
    }
    Ok(scores)
}

/// What `samples` draws from the encoder's posterior say of log p(x) of each reading of Gaussian latents, nats
/// (Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016, equation 8).
///
/// # Errors
/// [`Error::Tensor`].
pub fn evidence(
    vae: &Vae,
    data: &Prepared,
    samples: usize,
    seed: u64,
) -> Result<Vec<Evidence>, Error> {
    if let Some(evaluator) = Evaluator::new(vae, data)? {
        return evaluator.evidence(samples, seed);
    }
    let mut rng = random::stream(seed, Purpose::Evaluation);
    let mut all = Vec::with_capacity(data.readings.len());
    for row in 0..data.readings.len() {
        let batch = data.narrow(row, 1, None)?;
        let proposal = vae.gaussian(&batch.inputs)?;
        let weights = log_weights(vae, &batch, &proposal, samples, &mut rng)?;
        all.extend(weights.iter().map(|weights| {
            let evidence = Evidence::new(weights);
            Evidence {
                log_evidence: evidence.log_evidence + data.constant(row, None),
                ..evidence
            }
        }));
    }
    Ok(all)
}

/// log p(x) of normal readings, by importance sampling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LogEvidence {
    /// For each reading.
    pub samples: usize,
    /// Nats a reading; none without any.
    pub mean: Option<f64>,
    /// Of the mean, over readings; none below two.
    pub standard_error: Option<f64>,
    /// The part of it that the draws have.
    pub sampling_error: Option<f64>,
    /// Mean over the readings.
    pub effective_samples: Option<f64>,
}

impl LogEvidence {
    /// Of `all`, by `samples` draws each; without `abnormal`, all readings count as normal.
    pub fn new(all: &[Evidence], samples: usize, abnormal: Option<&[bool]>) -> Self {
        let normal = |row: &usize| abnormal.is_none_or(|abnormal| !abnormal[*row]);
        let rows: Vec<usize> = (0..all.len()).filter(normal).collect();
        let of = |value: fn(&Evidence) -> f64| {
            rows.iter().map(|&row| value(&all[row])).collect::<Vec<_>>()
        };
        let (mean, standard_error) = mean_and_error(&of(|one| one.log_evidence));
        let squares: f64 = of(|one| one.standard_error.powi(2)).iter().sum();
        Self {
            samples,
            mean,
            standard_error,
            sampling_error: mean.map(|_| squares.sqrt() / rows.len() as f64),
            effective_samples: mean_and_error(&of(|one| one.effective_samples)).0,
        }
    }
}

/// The ELBO of each reading of a batch at one draw, (batch), with the divergence of [`Vae::divergence`].
fn elbo(vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Tensor, Error> {
    if vae.latent() == Latent::Gaussian {
        return Bound::sample(vae, batch, noise)?.elbo();
    }
    let proposal = vae.posterior(&batch.inputs)?;
    let reconstruction = batch.log_likelihoods(vae, &proposal.sample(noise)?)?;
    Ok((reconstruction.mean(0)? - vae.divergence(&proposal)?)?)
}

/// Points for each reading in the float bound of [`Scores`], at least.
pub const FLOAT_POINTS: usize = 256;

/// The scores of the same readings both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// The bound by the trained model and [`FLOAT_POINTS`] points for each reading, nats.
    pub float: Vec<f64>,
    /// As the device computes them.
    pub device: Vec<Score>,
}

impl Scores {
    /// Scores `data` both ways.
    ///
    /// # Errors
    /// [`Error::Tensor`], [`Error::Setting`].
    pub fn new(
        vae: &Vae,
        model: &Model<'_>,
        data: &Prepared,
        estimator: Estimator,
    ) -> Result<Self, Error> {
        Ok(Self {
            float: float_scores(vae, data, None, FLOAT_POINTS)?,
            device: device_scores(model, &data.readings, data.observed.as_ref(), estimator, 0)?,
        })
    }
}

/// How one way to compute scores fares on test readings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Side {
    /// The mean bound over normal readings, nats a reading; none without any.
    pub elbo: Option<f64>,
    /// Its standard error over readings; none below two.
    pub standard_error: Option<f64>,
    /// Of abnormal against normal readings; none without labels of both kinds.
    pub auc: Option<f64>,
}

/// Floats against the device on the same readings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Readings that are normal, or of which nobody said.
    pub normal: usize,
    /// Readings labelled abnormal.
    pub abnormal: usize,
    /// The trained model: [`FLOAT_POINTS`] points for each reading.
    pub float: Side,
    /// The exported model, as the device computes it.
    pub device: Side,
    /// `device.elbo - float.elbo`.
    pub difference: Option<f64>,
    /// Mean of `|device - float|` over all readings; none without any.
    pub mean_distance: Option<f64>,
    /// [`spearman`] of the scores of all readings.
    pub spearman: Option<f64>,
}

/// The difference of mean bounds that a good quantization stays below, nats a reading.
const TOLERATED_NATS: f64 = 0.1;
/// The rank correlation that it stays above.
const TOLERATED_CORRELATION: f64 = 0.99;

impl Evaluation {
    /// Whether the device's scores are those of the trained model: bounds within 0.1 nat a reading in the mean, and
    /// a rank correlation of at least 0.99, so far as there are readings to tell.
    pub fn is_faithful(&self) -> bool {
        self.difference
            .is_none_or(|difference| difference.abs() <= TOLERATED_NATS)
            && self
                .spearman
                .is_none_or(|spearman| spearman >= TOLERATED_CORRELATION)
    }

    /// Compares `scores`; without `abnormal`, all readings count as normal.
    pub fn new(scores: &Scores, abnormal: Option<&[bool]>) -> Self {
        let nobody = vec![false; scores.float.len()];
        let abnormal = abnormal.unwrap_or(&nobody);
        let on_device = elbos(&scores.device);
        let (float, device) = (
            Side::new(&scores.float, abnormal),
            Side::new(&on_device, abnormal),
        );
        let pairs = scores.float.iter().zip(&on_device);
        let distances: Vec<f64> = pairs
            .map(|(float, device)| (device - float).abs())
            .collect();
        let strange = abnormal.iter().filter(|&&is| is).count();
        let difference = device
            .elbo
            .zip(float.elbo)
            .map(|(device, float)| device - float);
        Self {
            normal: abnormal.len() - strange,
            abnormal: strange,
            float,
            device,
            difference,
            mean_distance: mean_and_error(&distances).0,
            spearman: spearman(&scores.float, &on_device),
        }
    }
}

impl Side {
    /// Of `scores`, one for each entry of `abnormal`.
    pub fn new(scores: &[f64], abnormal: &[bool]) -> Self {
        let normal: Vec<f64> = scores
            .iter()
            .zip(abnormal)
            .filter(|(_, strange)| !**strange)
            .map(|(score, _)| *score)
            .collect();
        let (elbo, standard_error) = mean_and_error(&normal);
        Self {
            elbo,
            standard_error,
            auc: auc(scores, abnormal),
        }
    }
}
