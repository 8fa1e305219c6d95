//! Scores in floats and as the device computes them, and what they are worth as a detector.

use crate::config::Latent;
pub use crate::device::{device_scores, elbos, imputed, on_device};
use crate::engine::Evaluator;
use crate::error::Error;
use crate::inference::{Evidence, Posterior, log_weights};
use crate::masks::Masks;
use crate::model::Vae;
use crate::objective::{Batch, Bound};
use crate::prepared::Prepared;
use crate::proposal::{Proposal, draw_noise, opposite};
use crate::random::{self, Purpose};
use crate::turns;
use candle_core::Tensor;
use elbow::{Estimator, Model, Score};
use serde::Serialize;

/// Readings of one pass through the networks.
const CHUNK: usize = 512;

/// The bound of each reading in floats, nats, by `samples` points or a few more, always the same: in [`turns`] where
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
    if vae.latent() == Latent::Gaussian && samples >= 2 * vae.latents() {
        return by_turns(vae, data, masks, turns::count(samples, vae.latents()));
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
        let expected = turns::expectations(rows.clone(), latents, turns, |noise| {
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
        let proposal = Posterior::encode(vae, &batch)?;
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

/// The ELBO of each reading of a batch at one draw, (batch), with the divergence of [`Vae::divergence`]
/// or of [`Proposal::divergence`].
fn elbo(vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Tensor, Error> {
    if vae.latent() == Latent::Gaussian {
        return Bound::sample(vae, batch, noise)?.elbo();
    }
    let proposal = Proposal::encode(vae, &batch.inputs)?;
    let reconstruction = batch.log_likelihoods(vae, &proposal.sample(noise)?)?;
    Ok((reconstruction.mean(0)? - proposal.divergence(vae)?)?)
}

/// Mean of `values`, none of nothing, and its standard error, none below two.
pub fn mean_and_error(values: &[f64]) -> (Option<f64>, Option<f64>) {
    if values.is_empty() {
        return (None, None);
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>();
    let error = (squares / (count * (count - 1.0))).sqrt();
    (Some(mean), (values.len() > 1).then_some(error))
}

/// The area under the receiver operating characteristic: the chance that an abnormal reading scores
/// below a normal one, ties counted half (the Mann-Whitney statistic). None without both kinds.
pub fn auc(scores: &[f64], abnormal: &[bool]) -> Option<f64> {
    let positives = abnormal.iter().filter(|&&is| is).count();
    let negatives = abnormal.len() - positives;
    let ranks = ranks(scores);
    let of_abnormal = ranks.iter().zip(abnormal).filter(|(_, is)| **is);
    let rank_sum: f64 = of_abnormal.map(|(rank, _)| rank + 1.0).sum();
    let (p, n) = (positives as f64, negatives as f64);
    let above = rank_sum - p * (p + 1.0) / 2.0;
    (positives > 0 && negatives > 0).then(|| 1.0 - above / (p * n))
}

/// Spearman's rank correlation: Pearson's of the ranks, ties sharing their middle one. None below two
/// values, or where one side has a single value only.
pub fn spearman(first: &[f64], second: &[f64]) -> Option<f64> {
    let (first, second) = (ranks(first), ranks(second));
    let center = (first.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| (a - center) * (b - center)).sum()
    };
    let spread = (product(&first, &first) * product(&second, &second)).sqrt();
    (spread > 0.0).then(|| product(&first, &second) / spread)
}

/// The rank of each value, from 0 for the lowest, the middle one for ties.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let (mut ranks, mut below) = (vec![0.0; values.len()], 0);
    for ties in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let middle = below as f64 + (ties.len() as f64 - 1.0) / 2.0;
        ties.iter().for_each(|&index| ranks[index] = middle);
        below += ties.len();
    }
    ranks
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
            device: device_scores(model, &data.readings, None, estimator, 0)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_correlation_by_hand() {
        let scores = [3.0, 1.0, 4.0, 1.5, 9.0];
        let cubes = scores.map(|score: f64| score.powi(3));
        assert_eq!(spearman(&scores, &cubes), Some(1.0));
        assert_eq!(spearman(&scores, &scores.map(|score| -score)), Some(-1.0));
        // Ranks 0 1 2 3 against 0 2 1 3: 1 - 6 * 2 / (4 * 15).
        let swapped = spearman(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]);
        assert!((swapped.unwrap() - 0.8).abs() < 1e-12);
        // Ranks 0.5 0.5 2 against 0 1 2.
        let tied = spearman(&[1.0, 1.0, 2.0], &[1.0, 2.0, 3.0]);
        assert!((tied.unwrap() - 0.75f64.sqrt()).abs() < 1e-12);
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }

    #[test]
    fn auc_counts_pairs() {
        let scores = [-5.0, -3.0, -3.0, -1.0, 0.0];
        let abnormal = [true, false, true, false, false];
        // Pairs (abnormal below normal): 3 of 3 for -5; for -3 a tie and two of two.
        assert_eq!(auc(&scores, &abnormal), Some((3.0 + 0.5 + 2.0) / 6.0));
        assert_eq!(auc(&scores, &[false; 5]), None);
        assert_eq!(auc(&[], &[]), None);
        let by_pairs = |scores: &[f64], abnormal: &[bool]| {
            let (mut sum, mut pairs) = (0.0, 0.0);
            let of = |kind| (0..scores.len()).filter(move |&i| abnormal[i] == kind);
            for (a, b) in of(true).flat_map(|a| of(false).map(move |b| (scores[a], scores[b]))) {
                sum += if a < b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                };
                pairs += 1.0;
            }
            sum / pairs
        };
        let mut word = 3u32;
        let mut next = || {
            word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            word >> 20
        };
        let scores: Vec<f64> = (0..300).map(|_| f64::from(next() % 50)).collect();
        let abnormal: Vec<bool> = (0..300).map(|_| next() % 3 == 0).collect();
        let difference = auc(&scores, &abnormal).unwrap() - by_pairs(&scores, &abnormal);
        assert!(difference.abs() < 1e-12);
    }
}
