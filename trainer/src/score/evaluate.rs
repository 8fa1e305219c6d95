//! Scores in floats and as the device computes them, and what they are worth as a detector.

use crate::config::Latent;
use crate::engine::Evaluator;
use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::Batch;
use crate::model::posterior::{draw_noise, opposite};
use crate::model::prepared::Prepared;
use crate::numeric::cubature;
use crate::numeric::random::{self, Purpose};
use crate::numeric::statistics::{auc, mean_and_error, spearman};
pub use crate::readings::device::{device_scores, elbos, imputed, on_device};
use crate::readings::masks::Masks;
use candle_core::Tensor;
use elbow::{Estimator, Model, Score};
use serde::Serialize;
use std::ops::Range;

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
    in_chunks(data, masks, |batch, rows| {
        let shape = (1, rows.len(), vae.latents());
        let mut sums = vec![0.0; rows.len()];
        for _ in 0..pairs {
            let noise = draw_noise(vae.latent(), shape, &mut rng, batch.inputs.device())?;
            for noise in [opposite(vae.latent(), &noise)?, noise] {
                let elbos = batch.elbos_at(vae, &noise)?;
                let sums = sums.iter_mut().zip(elbos);
                sums.for_each(|(sum, elbo)| *sum += elbo);
            }
        }
        sums.iter_mut().for_each(|sum| *sum /= (2 * pairs) as f64);
        Ok(sums)
    })
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
    in_chunks(data, masks, |batch, rows| {
        let shape = (1, rows.len(), latents);
        cubature::expectations(rows, latents, turns, |noise| {
            let noise = Tensor::from_slice(noise, shape, batch.inputs.device())?;
            batch.elbos_at(vae, &noise)
        })
    })
}

/// The bounds of all readings, from those without constants that `bounds` gives of some.
fn in_chunks(
    data: &Prepared,
    masks: Option<&Masks>,
    mut bounds: impl FnMut(&Batch, Range<usize>) -> Result<Vec<f64>, Error>,
) -> Result<Vec<f64>, Error> {
    let mut scores = Vec::with_capacity(data.readings.len());
    for start in (0..data.readings.len()).step_by(CHUNK) {
        let rows = start..data.readings.len().min(start + CHUNK);
        let batch = data.narrow(start, rows.len(), masks)?;
        let bounds = bounds(&batch, rows.clone())?;
        let constant = |row| data.constant(row, masks.map(|masks| (masks, row)));
        let all = bounds.into_iter().zip(rows);
        scores.extend(all.map(|(bound, row)| bound + constant(row)));
    }
    Ok(scores)
}

/// Points for each reading in the float bound of [`Scores`], at least.
pub const FLOAT_POINTS: usize = 256;

/// The scores of the same readings both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// The bound by the trained model and [`FLOAT_POINTS`] points for each reading, nats.
    pub float: Vec<f64>,
    /// Scores as the device computes them.
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

/// The results of one way to compute scores on test readings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Side {
    /// The mean bound over normal readings, nats a reading; none without any.
    pub elbo: Option<f64>,
    /// Its standard error over readings; none below two.
    pub standard_error: Option<f64>,
    /// The AUC of anomalous against normal readings; none without labels of both kinds.
    pub auc: Option<f64>,
}

/// Floats against the device on the same readings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Readings that are normal, or of which nobody said.
    pub normal: usize,
    /// Readings labelled anomalous.
    #[serde(rename = "abnormal")]
    pub anomalous: usize,
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

    /// Compares `scores`; without `anomalous`, all readings count as normal.
    pub fn new(scores: &Scores, anomalous: Option<&[bool]>) -> Self {
        let nobody = vec![false; scores.float.len()];
        let anomalous = anomalous.unwrap_or(&nobody);
        let on_device = elbos(&scores.device);
        let (float, device) = (
            Side::new(&scores.float, anomalous),
            Side::new(&on_device, anomalous),
        );
        let pairs = scores.float.iter().zip(&on_device);
        let distances: Vec<f64> = pairs
            .map(|(float, device)| (device - float).abs())
            .collect();
        let anomalies = anomalous.iter().filter(|&&is| is).count();
        let difference = device
            .elbo
            .zip(float.elbo)
            .map(|(device, float)| device - float);
        Self {
            normal: anomalous.len() - anomalies,
            anomalous: anomalies,
            float,
            device,
            difference,
            mean_distance: mean_and_error(&distances).0,
            spearman: spearman(&scores.float, &on_device),
        }
    }
}

impl Side {
    /// Evaluates `scores`, one for each entry of `anomalous`.
    pub fn new(scores: &[f64], anomalous: &[bool]) -> Self {
        let normal: Vec<f64> = scores
            .iter()
            .zip(anomalous)
            .filter(|(_, is)| !**is)
            .map(|(score, _)| *score)
            .collect();
        let (elbo, standard_error) = mean_and_error(&normal);
        Self {
            elbo,
            standard_error,
            auc: auc(scores, anomalous),
        }
    }
}
