//! Learns, counts and judges on one machine.

use super::alignment::Alignment;
use super::error::AdaptError;
use super::reference::Reference;
use super::settings::AdaptSettings;
use super::sketch::Sketch;
use crate::calibration::{Calibration, LN_CERTAIN};
use crate::fixed::{Nats, Probability};
use crate::format::image_checksum;
use crate::mask::Mask;
use crate::memory::take;
use crate::model::Model;
use crate::monitor::{Drift, DriftReport, DriftSettings, Reference as DriftReference};
use crate::score::{ReadingError, Score};
use crate::session::Session;
use crate::transcendental::{exp, ln};
use crate::workspace::WorkspaceError;
use rand_core::Rng;

/// The most nats by which a reading may speak for an alignment, or against it: 16, Q16.16.
const MOST_RAISED: i64 = 16 << 16;

/// How far an [`Adapter`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Stage {
    /// Nothing was learned: the factory's model judges.
    Factory,
    /// It learns the alignment.
    Learning,
    /// It counts scores.
    Calibrating,
    /// It judges by what was learned, and learns nothing more.
    Ready,
}

/// How many readings a stage has taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Progress {
    /// Readings so far.
    pub done: u32,
    /// Readings until the next stage; 0 where none follows.
    pub of: u32,
}

/// What an adapter makes of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adapted {
    /// The score of the aligned reading. Its p-value is the factory's.
    pub score: Score,
    /// The p-value on this machine; see [`Adapter`].
    pub p_value: Probability,
    /// `-ln p` in nats, which goes on where counting ends, along the factory's tail: an extrapolation.
    pub surprise: Nats,
    /// The scores against the factory's, which are never forgotten; none where the image has no calibration.
    pub drift: Option<DriftReport>,
    /// The score that was counted for the p-values of later readings; none where none was.
    pub counted: Option<Nats>,
    /// The stage before this reading: what it was judged by.
    pub stage: Stage,
}

/// Stands between the readings of one machine and a model, and makes the model at home there.
///
/// # Stages
///
/// Nothing is learned but in a session that the application opens with [`Adapter::commission`], while it declares the
/// readings normal: [`AdaptSettings::learn`] readings align, then [`AdaptSettings::calibrate`] *other* readings, already
/// aligned, are counted, and the session ends by itself. The last quarter of the readings that align only check: where the
/// alignment does not raise the sum of their bounds, each difference limited to 16 nats, it is undone. So readings of some operating points
/// alone, whose mean says nothing of sensors, align nothing that the model does not believe.
///
/// # The p-value, and what it guarantees
///
/// * `Factory`, `Learning`: the factory's. It is valid where this machine is like those of the factory.
/// * `Calibrating`: the larger of the factory's and of the p-value among the n scores counted so far. The largest of several
///   p-values is valid as soon as one of them is: `P(max(p, q) <= a) <= P(q <= a)`. So the rate is kept whether or not the factory's
///   table holds here, and no alarm below `1 / (n + 1)` is raised before n allows it.
/// * `Ready`: that among all n counted scores. With exchangeable readings `P(p <= a) <= a`, whatever this machine is like; rates
///   from `1 / (n + 1)` on can be served. Below, [`Adapted::surprise`] and [`Adapted::p_value`] go on with what the factory's table says
///   of scores below the lowest one that was counted, an extrapolation that keeps the order of scores.
///
/// The guarantee is on average over calibrations. Given one of n readings, the rate at `a` is a Beta variable of mean `a` and deviation
/// of about `sqrt(a / n)` (Vovk, "Conditional validity of inductive conformal predictors", 2012).
///
/// # What it cannot learn
///
/// The alignment is bounded by its [`Reference`], and, where [`AdaptSettings::trust`] says so, scores below the trusted ones are
/// not counted. After the session nothing moves: a fault that creeps in is measured by what was learned, and
/// [`Adapted::drift`] by the factory.
#[derive(Debug)]
pub struct Adapter<'s> {
    model: &'s Model<'s>,
    identity: u32,
    settings: AdaptSettings,
    alignment: Alignment<'s>,
    /// Memory for an aligned reading.
    aligned: &'s mut [i16],
    stage: Stage,
    learned: u32,
    /// The nats by which the alignment has raised the bounds of the readings that check it, Q16.16.
    raised: i32,
    sketch: Sketch,
    drift: Option<Drift>,
}

impl Model<'_> {
    /// Words of eight bytes that an [`Adapter`] of this model takes, beside itself.
    #[must_use]
    pub fn adapt_words(&self) -> usize {
        let channel = 2 * size_of::<u32>() + size_of::<i32>() + size_of::<i16>();
        (self.reading_length() * channel).div_ceil(8)
    }
}

impl<'s> Adapter<'s> {
    /// An adapter that has learned nothing, of the `model` that was parsed from `image`, in `memory` of at least
    /// [`Model::adapt_words`]. Without a `reference` it aligns nothing, and calibrates only.
    ///
    /// # Errors
    /// [`AdaptError`]: an image or a reference of another model, a memory that is too small, or no readings to count.
    pub fn new(
        model: &'s Model<'s>,
        image: &[u8],
        memory: &'s mut [u64],
        reference: Option<Reference<'s>>,
        settings: AdaptSettings,
    ) -> Result<Self, AdaptError> {
        let identity = image_checksum(image).map_err(AdaptError::Image)?;
        if settings.calibrate == 0 {
            return Err(AdaptError::Calibrate);
        }
        if let Some(reference) = reference {
            check_reference(&reference, identity, model.reading_length())?;
        }
        let channels = reference.map_or(0, |reference| reference.len());
        let error = AdaptError::Workspace(WorkspaceError {
            have: size_of_val(memory),
            need: 8 * model.adapt_words(),
        });
        let mut rest: &'s mut [u8] = bytemuck::cast_slice_mut(memory);
        let locations = take(&mut rest, channels).ok_or(error)?;
        let deviations = take(&mut rest, channels).ok_or(error)?;
        let gains = take(&mut rest, channels).ok_or(error)?;
        let aligned = take(&mut rest, model.reading_length()).ok_or(error)?;
        let table = model.calibration(settings.estimator);
        let of_factory = table.map(|table| DriftReference {
            mean: table.mean(),
            standard_deviation: table.standard_deviation(),
        });
        let of_factory = of_factory.filter(|of_factory| of_factory.standard_deviation > Nats::ZERO);
        let drift = of_factory.map(|of_factory| Drift::new(of_factory, DriftSettings::default()));
        Ok(Self {
            model,
            identity,
            settings,
            alignment: Alignment::new(reference, locations, deviations, gains),
            aligned,
            stage: Stage::Factory,
            learned: 0,
            raised: 0,
            sketch: Sketch::new(),
            drift: drift.transpose().map_err(AdaptError::Monitor)?,
        })
    }

    /// Opens a session: the next readings are declared normal until the stage is [`Stage::Ready`]. What was learned before is
    /// forgotten.
    pub fn commission(&mut self) {
        self.forget();
        self.stage = Stage::Learning;
        self.go_on();
    }

    /// Counts anew, with the alignment as it is. From the factory it is without alignment.
    pub fn recalibrate(&mut self) {
        self.sketch = Sketch::new();
        self.stage = Stage::Calibrating;
    }

    /// Ends the session early: with the scores that were counted, if there are any, else as [`Adapter::forget`] does.
    pub fn close(&mut self) {
        match self.stage {
            Stage::Calibrating if self.sketch.count() > 0 => self.stage = Stage::Ready,
            Stage::Calibrating | Stage::Learning => self.forget(),
            Stage::Factory | Stage::Ready => {}
        }
    }

    /// Returns to the factory: every later score and p-value is what it was before anything was learned.
    pub fn forget(&mut self) {
        self.stage = Stage::Factory;
        self.learned = 0;
        self.raised = 0;
        self.sketch = Sketch::new();
        self.alignment.reset();
        self.reset_drift();
    }

    /// Begins to measure drift anew, as it does behind a restart: it is no part of the stored state.
    pub fn reset_drift(&mut self) {
        if let Some(drift) = &mut self.drift {
            drift.reset();
        }
    }

    /// Judges a reading, and takes it in where the session is open.
    ///
    /// # Errors
    /// [`AdaptError::Session`] and [`AdaptError::Reading`]; nothing was then taken in.
    pub fn score<R: Rng>(
        &mut self,
        session: &mut Session<'_, R>,
        reading: &[i16],
    ) -> Result<Adapted, AdaptError> {
        self.score_observed(session, reading, Mask::ALL)
    }

    /// [`Adapter::score`] of the observed inputs.
    ///
    /// # Errors
    /// As [`Adapter::score`].
    pub fn score_observed<R: Rng>(
        &mut self,
        session: &mut Session<'_, R>,
        reading: &[i16],
        observed: Mask<'_>,
    ) -> Result<Adapted, AdaptError> {
        if !core::ptr::eq(
            core::ptr::from_ref(session.model()).cast::<u8>(),
            core::ptr::from_ref(self.model).cast(),
        ) {
            return Err(AdaptError::Session);
        }
        let (have, need) = (reading.len(), self.aligned.len());
        if have != need {
            return Err(AdaptError::Reading(ReadingError::Length { have, need }));
        }
        let stage = self.stage;
        let is_aligned = matches!(stage, Stage::Calibrating | Stage::Ready);
        let taken: &[i16] = if is_aligned {
            self.alignment.apply(reading, self.aligned);
            self.aligned
        } else {
            reading
        };
        let score = session
            .score_observed(taken, observed, self.settings.estimator)
            .map_err(AdaptError::Reading)?;
        let judged = judged(session, taken, observed, &score);
        let (p_value, surprise) = self.verdict(&score, judged);
        if stage == Stage::Learning {
            self.check(session, reading, observed, &score)?;
        }
        let drift = self.drift.as_mut().map(|drift| drift.update(score.elbo()));
        Ok(Adapted {
            score,
            p_value,
            surprise,
            drift,
            counted: self.take_in(reading, observed, judged),
            stage,
        })
    }

    /// The stage.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// How far the stage is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let (done, of) = match self.stage {
            Stage::Factory => (0, 0),
            Stage::Learning => (self.learned, self.settings.learn),
            Stage::Calibrating => (self.sketch.count(), self.settings.calibrate),
            Stage::Ready => (self.sketch.count(), 0),
        };
        Progress { done, of }
    }

    /// The score below which a normal reading of this machine lies with a chance of at most `rate`; none before enough scores
    /// were counted for that rate. It is of what [`Model::p_values`] judges.
    #[must_use]
    pub fn threshold(&self, rate: Probability) -> Option<Nats> {
        self.sketch.threshold(rate)
    }

    /// The alignment.
    #[must_use]
    pub fn alignment(&self) -> &Alignment<'s> {
        &self.alignment
    }

    /// The scores that were counted.
    #[must_use]
    pub fn sketch(&self) -> &Sketch {
        &self.sketch
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &AdaptSettings {
        &self.settings
    }

    /// The checksum of the image.
    #[must_use]
    pub fn identity(&self) -> u32 {
        self.identity
    }

    /// Readings that were learned from, and the nats by which the alignment has raised the bounds of some.
    pub(super) fn learned(&self) -> (u32, i32) {
        (self.learned, self.raised)
    }

    pub(super) fn alignment_mut(&mut self) -> &mut Alignment<'s> {
        &mut self.alignment
    }

    /// Takes over what was stored; moments are restored before.
    pub(super) fn restore(&mut self, stage: Stage, (learned, raised): (u32, i32), sketch: Sketch) {
        self.stage = stage;
        self.learned = learned;
        self.raised = raised;
        self.sketch = sketch;
        if stage != Stage::Learning || learned >= self.estimating() {
            self.alignment.settle();
        }
    }

    /// Readings that the moments are estimated from: three quarters of those to learn from, rounded up. The others check them.
    fn estimating(&self) -> u32 {
        self.settings.learn - self.settings.learn / 4
    }

    /// Compares the bound of a reading with its bound where it is aligned, once the moments are estimated.
    fn check<R: Rng>(
        &mut self,
        session: &mut Session<'_, R>,
        reading: &[i16],
        observed: Mask<'_>,
        plain: &Score,
    ) -> Result<(), AdaptError> {
        if self.learned < self.estimating() {
            return Ok(());
        }
        self.alignment.apply(reading, self.aligned);
        let aligned = session
            .score_observed(self.aligned, observed, self.settings.estimator)
            .map_err(AdaptError::Reading)?;
        let [plain, aligned] = [plain, &aligned].map(|score| i64::from(score.elbo().to_bits()));
        let raised = aligned + self.alignment.log_volume() - plain;
        self.raised = self
            .raised
            .saturating_add(raised.clamp(-MOST_RAISED, MOST_RAISED) as i32);
        Ok(())
    }

    /// Counts a score.
    pub(super) fn count(&mut self, judged: Nats) {
        self.sketch.add(judged);
        self.go_on();
    }

    /// Learns from a reading with this score, or counts it; the score where it was counted.
    fn take_in(&mut self, reading: &[i16], observed: Mask<'_>, judged: Nats) -> Option<Nats> {
        match self.stage {
            Stage::Learning => {
                self.learned = self.learned.saturating_add(1);
                let estimating = self.estimating();
                if self.learned <= estimating {
                    self.alignment.learn(reading, observed, self.learned);
                }
                if self.learned == estimating {
                    self.alignment.settle();
                }
                self.go_on();
                None
            }
            Stage::Calibrating if judged >= self.lowest_trusted() => {
                self.count(judged);
                Some(judged)
            }
            _ => None,
        }
    }

    /// Begins the next stage where this one has enough readings.
    fn go_on(&mut self) {
        let needs_none = self.alignment.channels() == 0 || self.learned >= self.settings.learn;
        if self.stage == Stage::Learning && needs_none {
            let checking = self.learned.saturating_sub(self.estimating());
            if checking > 0 && self.raised <= 0 {
                self.alignment.reset();
            }
            self.stage = Stage::Calibrating;
        }
        if self.stage == Stage::Calibrating && self.sketch.count() >= self.settings.calibrate {
            self.stage = Stage::Ready;
        }
    }

    /// The lowest score that is counted: the mean of the factory less so many deviations.
    fn lowest_trusted(&self) -> Nats {
        let Some(table) = self.table().filter(|_| self.settings.trust < u32::MAX) else {
            return Nats::MIN;
        };
        let deviation = i64::from(table.standard_deviation().to_bits());
        let reach = (deviation * i64::from(self.settings.trust)) >> 16;
        Nats::saturating_from_wide(i64::from(table.mean().to_bits()) - reach)
    }

    /// The factory's table of what is judged.
    fn table(&self) -> Option<&Calibration<'s>> {
        self.model.p_values(self.settings.estimator)
    }

    /// The p-value of a score at this stage, and its surprise.
    fn verdict(&self, score: &Score, judged: Nats) -> (Probability, Nats) {
        let of_factory = (score.p_value(), surprise_of(score.p_value()));
        let of_factory = self.table().map_or(of_factory, |table| {
            (score.p_value(), table.surprise(judged))
        });
        match self.stage {
            Stage::Factory | Stage::Learning => of_factory,
            Stage::Calibrating => {
                let here = self.sketch.p_value(judged);
                let (p_value, surprise) = of_factory;
                (p_value.max(here), surprise.min(surprise_of(here)))
            }
            Stage::Ready => self.of_machine(judged),
        }
    }

    /// The p-value among the counted scores, continued below the lowest of them.
    fn of_machine(&self, judged: Nats) -> (Probability, Nats) {
        let counted = self.sketch.p_value(judged);
        let surprise = surprise_of(counted);
        let lowest = self.sketch.lowest().filter(|lowest| judged < *lowest);
        let Some((lowest, table)) = lowest.zip(self.table()) else {
            return (counted, surprise);
        };
        let beyond = table
            .surprise(judged)
            .saturating_sub(table.surprise(lowest));
        let surprise = surprise.to_bits().saturating_add(beyond.to_bits().max(0));
        // `2^15 p` in Q16.16 has the bits of p in Q1.31.
        let bits = exp(LN_CERTAIN.saturating_sub(surprise)).cast_unsigned();
        let p_value = Probability::from_bits(bits).map_or(counted, |p| p.min(counted));
        (p_value, Nats::from_bits(surprise))
    }
}

/// `-ln p`, Q16.16.
fn surprise_of(p_value: Probability) -> Nats {
    Nats::from_bits(LN_CERTAIN.saturating_sub(ln(p_value.to_bits())))
}

/// What p-values of `score` are counted of: the bound, or the joined surprises' negative.
fn judged<R: Rng>(
    session: &mut Session<'_, R>,
    reading: &[i16],
    observed: Mask<'_>,
    score: &Score,
) -> Nats {
    #[cfg(feature = "statistics")]
    if session.model().joins_statistics() {
        let values = session.statistics(reading, observed, score);
        let (surprise, _) = session.model().statistics.curves.joined(&values);
        return Nats::from_bits(-surprise);
    }
    let _ = (session, reading, observed);
    score.elbo()
}

/// Whether `reference` is of this image.
fn check_reference(reference: &Reference<'_>, image: u32, need: usize) -> Result<(), AdaptError> {
    if reference.identity() != image {
        return Err(AdaptError::Identity {
            image,
            reference: reference.identity(),
        });
    }
    let have = reference.len();
    if have != need {
        return Err(AdaptError::Channels { have, need });
    }
    Ok(())
}
