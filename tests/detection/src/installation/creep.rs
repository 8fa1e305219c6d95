//! A fault that grows: when it is reported by a device that has learned, and by one that has not.

use super::Factory;
use crate::error::Error;
use crate::shipped::Draws;
use elbow::adapt::{AdaptSettings, Adapter, Reference, Stage};
use elbow::monitor::{Martingale, MartingaleSettings, Transition};
use elbow::{Model, Probability, Session};
use elbow_trainer::data::Table;
use elbow_trainer::readings::Readings;
use serde::Serialize;

/// Readings of each stream.
pub const READINGS: usize = 10_000;
/// Where the fault is at the end, in deviations of the column.
pub const SPEEDS: [f64; 8] = [1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0];

/// The reading at which a fault was reported, counted from 0, by the mean over the columns that it grew in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reported {
    /// Where the fault is after [`READINGS`], in deviations.
    pub speed: f64,
    /// Streams: one for each column that is a real number, and each seed.
    pub streams: usize,
    /// Of these, those that the frozen model and the learned one both reported.
    pub by_both: usize,
    /// Of these, those that the frozen one alone reported.
    pub by_frozen: usize,
    /// Of these, those that the learned one alone reported.
    pub by_learned: usize,
    /// Of those that both reported, the mean reading by the frozen model.
    pub frozen: f64,
    /// Of those that both reported, the mean reading by the one that has learned from the first 400 readings.
    pub learned: f64,
    /// The mean reading at which the learned one's drift from the factory was told, of the streams where it was.
    pub drift: f64,
}

/// What one device says of a stream.
struct Heard {
    alarm: Option<usize>,
    drift: Option<usize>,
}

impl Factory {
    /// A fault grows in each column, at each speed, in streams of normal readings of `seeds` seeds.
    ///
    /// # Errors
    /// A reading cannot be scored.
    pub fn creep(&self, seeds: u64) -> Result<Vec<Reported>, Error> {
        SPEEDS
            .iter()
            .map(|&speed| self.at_speed(speed, seeds))
            .collect()
    }

    fn at_speed(&self, speed: f64, seeds: u64) -> Result<Reported, Error> {
        let mut heard = vec![];
        let columns = self.columns.iter().enumerate();
        let real = columns.filter(|(_, (_, deviation))| *deviation > 0.0);
        for (column, &(_, deviation)) in real {
            for seed in 0..seeds {
                let stream = self.stream(column, speed * deviation, seed)?;
                heard.push([self.watch(&stream, false)?, self.watch(&stream, true)?]);
            }
        }
        let both: Vec<[usize; 2]> = heard
            .iter()
            .filter_map(|[frozen, learned]| Some([frozen.alarm?, learned.alarm?]))
            .collect();
        let alone = |one: usize| {
            let is =
                |heard: &&[Heard; 2]| heard[one].alarm.is_some() && heard[1 - one].alarm.is_none();
            heard.iter().filter(is).count()
        };
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let of = |one: usize| mean(both.iter().map(|pair| pair[one] as f64).collect());
        let drifts = heard
            .iter()
            .filter_map(|[_, learned]| Some(learned.drift? as f64));
        Ok(Reported {
            speed,
            streams: heard.len(),
            by_both: both.len(),
            by_frozen: alone(0),
            by_learned: alone(1),
            frozen: of(0),
            learned: of(1),
            drift: mean(drifts.collect()),
        })
    }

    /// Normal readings, drawn with replacement, to one column of which a fault is added that grows to `end`.
    fn stream(&self, column: usize, end: f64, seed: u64) -> Result<Readings, Error> {
        let model = Model::parse(&self.image).map_err(|_| Error::Scores("have no image"))?;
        let mut draws = Draws::new(seed, 79);
        let rows: Vec<usize> = (0..READINGS)
            .map(|_| (draws.uniform64() * self.normal.len() as f64) as usize)
            .collect();
        let mut values = self.normal.select(&rows).values().to_vec();
        let width = self.normal.width();
        for (time, row) in values.chunks_mut(width).enumerate() {
            row[column] += (end * time as f64 / READINGS as f64) as f32;
        }
        let table = Table::new(width, values)?;
        Ok(Readings::from_table(&table, model.exponents()).0)
    }

    /// Bets against the p-values of a stream; a false alarm in 100,000 readings at most on average.
    fn watch(&self, stream: &Readings, learns: bool) -> Result<Heard, Error> {
        let broken = |_| Error::Scores("have no image");
        let model = Model::parse(&self.image).map_err(|_| Error::Scores("have no image"))?;
        let reference = Reference::parse(&self.reference).map_err(broken)?;
        let settings = AdaptSettings::new(model.estimator());
        let mut memory = vec![0; model.adapt_words()];
        let mut adapter = Adapter::new(&model, &self.image, &mut memory, Some(reference), settings)
            .map_err(broken)?;
        let mut workspace = vec![0; model.workspace_words()];
        let session = Session::new(&model, &mut workspace, 0);
        let mut session = session.map_err(|_| Error::Scores("have no workspace"))?;
        let bets = MartingaleSettings {
            threshold: MartingaleSettings::threshold(Probability::new(1e-5)),
            ..MartingaleSettings::default()
        };
        let mut martingale = Martingale::new(bets).map_err(|_| Error::Scores("have no bets"))?;
        if learns {
            adapter.commission();
        }
        let mut heard = Heard {
            alarm: None,
            drift: None,
        };
        for time in 0..stream.len() {
            let adapted = adapter
                .score(&mut session, stream.row(time))
                .map_err(broken)?;
            if adapted.drift.is_some_and(|drift| drift.drifted) {
                heard.drift = heard.drift.or(Some(time));
            }
            let judges = !learns || adapted.stage == Stage::Ready;
            if judges && martingale.update(adapted.surprise) == Transition::Raised {
                heard.alarm = Some(time);
                break;
            }
        }
        Ok(heard)
    }
}
