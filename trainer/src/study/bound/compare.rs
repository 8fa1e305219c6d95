//! Estimators of the bound against references that spend many passes, all on the device, and the
//! anytime decision.

use crate::error::Error;
use crate::numeric::statistics::{auc, mean, root_mean_square};
use crate::readings::Readings;
use crate::readings::device::device_scores;
use crate::readings::device::elbos;
use crate::readings::device::on_device;
use elbow::{Decision, Estimator, Model, Nats, Probability, Question, Score, Side};
use serde::Serialize;

/// The wanted false-alarm rate of the threshold that decisions are about.
const FALSE_ALARM_RATE: f64 = 0.01;
/// The wanted chance of a decision to be right.
const CONFIDENCE: f64 = 0.95;
/// Decoder passes that a decision may spend.
const MAX_PASSES: u16 = 64;
/// Samples of the random estimators of both bounds.
const SAMPLES: [u16; 7] = [1, 2, 4, 8, 16, 32, 64];
/// More samples of the importance-weighted bound, where the reference has more still: it closes in
/// on log p(x) slowly.
const MORE_SAMPLES: [u16; 2] = [256, 1024];

/// Worth of the estimators of a model on some readings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Readings that are normal, or of which nobody said.
    pub normal: usize,
    /// Readings labelled anomalous.
    #[serde(rename = "abnormal")]
    pub anomalous: usize,
    /// The estimators of the evidence lower bound, against it.
    pub elbo: Contest,
    /// The importance-weighted bounds, against log p(x).
    pub log_evidence: Contest,
    /// The anytime decision; none where the image has no calibration to take a threshold from.
    pub decision: Option<Decisions>,
}

/// Estimators of one quantity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contest {
    /// Estimate that stands for the quantity, with random draws of its own.
    pub reference: Reference,
    /// The estimators, those without random draws first, then by their passes.
    pub estimators: Vec<Row>,
}

/// Reference that estimators are held against.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reference {
    /// Its name.
    pub estimator: String,
    /// Over all readings, nats.
    pub mean: f64,
    /// Root mean square of the standard errors that it reports, nats: what it adds to the RMSE of
    /// others, in squares. None where it reports none.
    pub standard_error: Option<f64>,
    /// Area under the ROC curve of anomalous against normal readings; none without labels of both kinds.
    pub auc: Option<f64>,
}

/// One estimator against the reference, over all readings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub estimator: String,
    /// Decoder passes for each reading.
    pub passes: u16,
    /// Nats.
    pub mean: f64,
    /// Mean of estimate minus reference, nats.
    pub bias: f64,
    /// Root mean square of estimate minus reference, nats.
    pub rmse: f64,
    /// Root mean square of the standard errors that it reports, nats, to hold against the RMSE; none
    /// where it reports none.
    pub standard_error: Option<f64>,
    /// Area under the ROC curve of anomalous against normal readings; none without labels of both kinds.
    pub auc: Option<f64>,
}

/// How the anytime decision fares at one threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decisions {
    /// The bound that divides, nats.
    pub threshold: f64,
    /// The chance of a normal reading below it, by the calibration.
    pub false_alarm_rate: f64,
    /// The wanted chance to be right.
    pub confidence: f64,
    /// Decoder passes that may be spent.
    pub max_passes: u16,
    /// Mean passes for normal readings; none without any.
    pub normal_passes: Option<f64>,
    /// Mean passes for anomalous readings; none without any.
    #[serde(rename = "abnormal_passes")]
    pub anomalous_passes: Option<f64>,
    /// The fraction of readings decided by one pass, that at the posterior mean.
    pub decided_by_one_pass: f64,
    /// The fraction of readings decided by at most three passes, with the first pair of draws.
    pub decided_by_three_passes: f64,
    /// The fraction of readings left undecided.
    pub undecided: f64,
    /// The fraction of decided readings that are on the side of the reference; none where none is
    /// decided.
    pub agreement: Option<f64>,
}

/// Model and readings to compare on.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The exported model.
    pub model: &'a Model<'a>,
    /// The readings; at least one.
    pub readings: &'a Readings,
    /// Which of them are anomalous, where somebody said.
    pub anomalous: Option<&'a [bool]>,
    /// Seed of the estimators' draws; the references draw from the next seed.
    pub seed: u64,
    /// Samples of the references.
    pub reference_samples: u16,
}

impl Comparison {
    /// Runs all estimators over all readings.
    ///
    /// # Errors
    /// [`Error::Setting`] where a reading cannot be scored: one line that names it.
    pub fn new(setting: &Setting<'_>) -> Result<Self, Error> {
        let samples = setting.reference_samples;
        let monte_carlo = SAMPLES.map(|samples| Estimator::MonteCarlo { samples });
        let deterministic = [
            Estimator::PosteriorMean,
            Estimator::SigmaPoints,
            Estimator::Enumeration,
        ];
        let deterministic = deterministic.into_iter();
        let deterministic =
            deterministic.filter(|&estimator| setting.model.passes(estimator).is_ok());
        let reference = setting.reference(Estimator::MonteCarlo { samples })?;
        let elbo = setting.contest(&reference, deterministic.chain(monte_carlo))?;
        let decision = setting.decisions(&elbos(&reference))?;
        let weighted = SAMPLES.into_iter().chain(MORE_SAMPLES);
        let weighted = weighted
            .filter(|&fewer| fewer < samples)
            .map(|samples| Estimator::ImportanceWeighted { samples });
        let reference = setting.reference(Estimator::ImportanceWeighted { samples })?;
        let log_evidence = setting.contest(&reference, weighted)?;
        let anomalous = setting.anomalous.unwrap_or_default();
        let anomalous = anomalous.iter().filter(|&&is| is).count();
        Ok(Self {
            normal: setting.readings.len() - anomalous,
            anomalous,
            elbo,
            log_evidence,
            decision,
        })
    }
}

impl Setting<'_> {
    fn reference(&self, estimator: Estimator) -> Result<Vec<Score>, Error> {
        let seed = self.seed.wrapping_add(1);
        device_scores(self.model, self.readings, None, estimator, seed)
    }

    fn auc(&self, elbos: &[f64]) -> Option<f64> {
        auc(elbos, self.anomalous?)
    }

    fn contest(
        &self,
        reference: &[Score],
        estimators: impl Iterator<Item = Estimator>,
    ) -> Result<Contest, Error> {
        let exact = elbos(reference);
        let name = reference.first().map(|score| score.estimator().to_string());
        let rows = estimators.map(|estimator| self.row(estimator, &exact));
        Ok(Contest {
            reference: Reference {
                estimator: name.unwrap_or_default(),
                mean: mean(&exact).unwrap_or(f64::NAN),
                standard_error: reported_error(reference),
                auc: self.auc(&exact),
            },
            estimators: rows.collect::<Result<_, _>>()?,
        })
    }

    fn row(&self, estimator: Estimator, exact: &[f64]) -> Result<Row, Error> {
        let scores = device_scores(self.model, self.readings, None, estimator, self.seed)?;
        let estimates = elbos(&scores);
        let pairs = estimates.iter().zip(exact);
        let errors: Vec<f64> = pairs.map(|(estimate, exact)| estimate - exact).collect();
        Ok(Row {
            estimator: estimator.to_string(),
            passes: scores.first().map_or(0, Score::passes),
            mean: mean(&estimates).unwrap_or(f64::NAN),
            bias: mean(&errors).unwrap_or(f64::NAN),
            rmse: root_mean_square(&errors).unwrap_or(f64::NAN),
            standard_error: reported_error(&scores),
            auc: self.auc(&estimates),
        })
    }

    /// Decides each reading, `exact` being its bound.
    fn decisions(&self, exact: &[f64]) -> Result<Option<Decisions>, Error> {
        let Some((threshold, rate)) = threshold(self.model) else {
            return Ok(None);
        };
        let question = Question {
            threshold,
            confidence: Probability::new(CONFIDENCE),
            max_passes: MAX_PASSES,
        };
        let decisions = on_device(
            self.model,
            self.readings,
            None,
            self.seed,
            |session, row, _| session.decide(row, &question),
        )?;
        let is_anomalous = |reading| self.anomalous.is_some_and(|anomalous| anomalous[reading]);
        let passes = |wanted| {
            let of = decisions.iter().enumerate();
            let of = of.filter(|(reading, _)| is_anomalous(*reading) == wanted);
            mean(
                &of.map(|(_, decision)| decision.passes.into())
                    .collect::<Vec<_>>(),
            )
        };
        let within = |passes| {
            fraction(&decisions, |decision| {
                decision.side != Side::Unsure && decision.passes <= passes
            })
        };
        Ok(Some(Decisions {
            threshold: threshold.to_f64(),
            false_alarm_rate: rate,
            confidence: CONFIDENCE,
            max_passes: MAX_PASSES,
            normal_passes: passes(false),
            anomalous_passes: passes(true),
            decided_by_one_pass: within(1),
            decided_by_three_passes: within(3),
            undecided: fraction(&decisions, |decision| decision.side == Side::Unsure),
            agreement: agreement(&decisions, exact, threshold.to_f64()),
        }))
    }
}

/// The threshold for the wanted false-alarm rate, or for the smallest that the calibration tells,
/// and that rate; none where the calibration saw no readings.
fn threshold(model: &Model<'_>) -> Option<(Nats, f64)> {
    let table = model.calibration(model.estimator())?;
    let wanted = Probability::new(FALSE_ALARM_RATE);
    let (threshold, rate) = match table.threshold(wanted) {
        Ok(threshold) => (threshold, wanted),
        Err(error) => (table.threshold(error.smallest).ok()?, error.smallest),
    };
    (rate < Probability::ONE).then(|| (threshold, rate.to_f64()))
}

/// The fraction of decided readings on the side of `exact`.
fn agreement(decisions: &[Decision], exact: &[f64], threshold: f64) -> Option<f64> {
    let sides = decisions.iter().zip(exact);
    let right = sides.filter_map(|(decision, &exact)| match decision.side {
        Side::Unsure => None,
        side => Some(f64::from((side == Side::Above) == (exact >= threshold))),
    });
    mean(&right.collect::<Vec<_>>())
}

fn fraction(decisions: &[Decision], holds: impl Fn(&Decision) -> bool) -> f64 {
    let count = decisions.iter().filter(|decision| holds(decision)).count();
    count as f64 / decisions.len() as f64
}

/// Root mean square of the standard errors that scores report.
fn reported_error(scores: &[Score]) -> Option<f64> {
    let reported = scores.iter().filter_map(Score::standard_error);
    root_mean_square(&reported.map(Nats::to_f64).collect::<Vec<_>>())
}
