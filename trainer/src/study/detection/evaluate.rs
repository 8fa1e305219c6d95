//! Scores in floats and as the device computes them, and what they are worth as a detector.

use crate::config::Latent;
use crate::engine::float_scores;
use crate::error::Error;
use crate::model::Vae;
use crate::model::prepared::Prepared;
use crate::numeric::statistics::{auc, mean_and_error, spearman};
use crate::readings::device::{device_scores, elbos};
use crate::study::detection::false_alarms::{FalseAlarms, USUAL_ALARM};
use elbow::{Estimator, Model, Score};
use serde::Serialize;

/// Points for each reading in the float bound of [`Scores`], at least.
pub const FLOAT_POINTS: usize = 256;

/// The scores of the same readings both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// The bound by the trained model and [`FLOAT_POINTS`] points for each reading, nats; of bits at the device's codes or
    /// draws.
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
        let points = match estimator {
            // Bits are drawn alike on both sides.
            Estimator::MonteCarlo { samples } if vae.latent() == Latent::Bernoulli => {
                samples.into()
            }
            _ => FLOAT_POINTS,
        };
        Ok(Self {
            float: float_scores(vae, data, None, points)?,
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
    /// The AUC of the device's p-values, of whatever they judge; none without labels of both kinds.
    pub p_value_auc: Option<f64>,
    /// Alarms of the device at a p-value of 0.01 on normal readings.
    pub false_alarms: FalseAlarms,
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
            p_value_auc: auc(&ordinary(&scores.device), anomalous),
            false_alarms: FalseAlarms::count(&scores.device, anomalous, USUAL_ALARM),
            difference,
            mean_distance: mean_and_error(&distances).0,
            spearman: spearman(&scores.float, &on_device),
        }
    }
}

/// How ordinary readings are by their p-values: the negative surprise, which goes on where p-values have no more bits.
fn ordinary(scores: &[Score]) -> Vec<f64> {
    let surprises = scores.iter().map(|score| score.surprise().to_f64());
    surprises.map(|surprise| -surprise).collect()
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
