//! A model that watches what comes, row by row: windows of a stream by [`Watch`], as a device does, or single readings by the same
//! alarm and the same monitor of drift.

use crate::error::Error;
use crate::study::explain::{Place, places};
use elbow::monitor::{Blame, Drift, Event, Reference, Smoother, Watch, WatchError, WatchSettings};
use elbow::{Estimator, Mask, Model, Nats, Session, WideSum};

/// A model under way.
pub struct Watcher<'m>(Kind<'m>);

enum Kind<'m> {
    Stream(Box<Watch<'m>>),
    Readings(Box<Single<'m>>),
}

impl std::fmt::Debug for Watcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}

/// What single readings are watched with.
struct Single<'m> {
    model: &'m Model<'m>,
    session: Session<'m>,
    estimator: Estimator,
    smoother: Smoother,
    drift: Drift,
    places: Vec<Place>,
    terms: Vec<WideSum>,
    parts: Vec<Nats>,
    count: u32,
}

fn refused(error: &dyn std::fmt::Display) -> Error {
    Error::Setting(error.to_string())
}

/// Words that the workspace of a [`Watcher`] of `model` has.
pub fn words(model: &Model<'_>) -> usize {
    model.watch_words().unwrap_or(model.workspace_words())
}

impl<'m> Watcher<'m> {
    /// A watcher before its first row. A stochastic estimator draws from stream 0 of `seed`.
    ///
    /// # Errors
    /// [`Error::Setting`]: no calibration, or settings that make no sense.
    pub fn new(
        model: &'m Model<'m>,
        workspace: &'m mut [u64],
        settings: &WatchSettings,
        seed: u64,
    ) -> Result<Self, Error> {
        if model.stream().is_some() {
            let watch = Watch::new(model, workspace, settings, seed);
            let watch = watch.map_err(|error| refused(&error))?;
            return Ok(Self(Kind::Stream(Box::new(watch))));
        }
        let table = model.calibration(settings.estimator);
        let table = table.ok_or_else(|| refused(&WatchError::NoCalibration))?;
        let reference = Reference {
            mean: table.mean(),
            standard_deviation: table.standard_deviation(),
        };
        let session = Session::new(model, workspace, seed);
        let smoother = Smoother::new(settings.smoother);
        let drift = Drift::new(reference, settings.drift);
        Ok(Self(Kind::Readings(Box::new(Single {
            model,
            session: session.map_err(|error| refused(&error))?,
            estimator: settings.estimator,
            smoother: smoother.map_err(|error| refused(&error))?,
            drift: drift.map_err(|error| refused(&error))?,
            places: places(model),
            terms: vec![WideSum::ZERO; model.inputs()],
            parts: vec![Nats::ZERO; model.latents()],
            count: 0,
        }))))
    }

    /// Takes a row in, of which only what is `observed` is there; an event where it completes a reading. Of single readings the event
    /// counts readings, and blames the column that lacks most by its first number.
    ///
    /// # Errors
    /// [`Error::Setting`] where it cannot be scored.
    pub fn push(&mut self, row: &[i16], observed: Mask<'_>) -> Result<Option<Event>, Error> {
        match &mut self.0 {
            Kind::Stream(watch) => watch.push(row).map_err(|error| refused(&error)),
            Kind::Readings(single) => single.push(row, observed).map(Some),
        }
    }
}

impl Single<'_> {
    fn push(&mut self, row: &[i16], observed: Mask<'_>) -> Result<Event, Error> {
        let (terms, parts) = (&mut self.terms, &mut self.parts);
        let score = self
            .session
            .explain(row, observed, self.estimator, terms, parts);
        let score = score.map_err(|error| refused(&error))?;
        let transition = self.smoother.update(score.elbo());
        let number = self.count;
        self.count = self.count.saturating_add(1);
        Ok(Event {
            window: number,
            sample: number,
            score,
            smoothed: self.smoother.score().unwrap_or(score.elbo()),
            transition,
            drift: self.drift.update(score.elbo()),
            blame: transition.is_alarm().then(|| self.blame(observed)),
        })
    }

    /// The column that lacks most to what is usual of it.
    fn blame(&self, observed: Mask<'_>) -> Blame {
        let lacks = |place: &Place| -> i64 {
            let there = place
                .inputs
                .clone()
                .filter(|&input| observed.observes(input));
            let usual = |input: usize| self.model.typical().get(input).copied().unwrap_or(0);
            there
                .map(|input| i64::from(usual(input)) - self.terms[input].to_bits())
                .sum()
        };
        let worst = self.places.iter().max_by_key(|place| lacks(place));
        Blame {
            channel: worst.map_or(0, |place| place.inputs.start as u16),
            shortfall: WideSum::from_bits(worst.map_or(0, lacks)).saturating_to_nats(),
        }
    }
}
