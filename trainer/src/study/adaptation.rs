//! A device that makes itself at home on a machine, by the device's own functions: what it judges before and after.

use crate::error::Error;
use crate::likelihood::LikelihoodKind;
use crate::numeric::statistics::{auc, mean_and_variance};
use crate::readings::Readings;
use crate::readings::masks::Masks;
use elbow::adapt::{
    AdaptSettings, Adapted, Adapter, Moments, Reference, Rewritable, Store, write_reference,
};
use elbow::format::image_checksum;
use elbow::{Mask, Model, Probability, Session};
use embedded_storage::{ReadStorage, Storage};
use serde::Serialize;
use std::convert::Infallible;

/// What may be taken out of a channel where nobody says otherwise: offsets, in deviations.
pub const OFFSET: f64 = 2.0;
/// What may be taken out of a channel where nobody says otherwise: ratios of deviations, in either direction.
pub const RATIO: f64 = 1.6;

/// Readings, and which of them are missing what.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The raw readings.
    pub readings: &'a Readings,
    /// Inputs that were observed, where not all were.
    pub masks: Option<&'a Masks>,
}

/// A device that is asked how it would do.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// The model.
    pub model: &'a Model<'a>,
    /// The image that it was parsed from.
    pub image: &'a [u8],
    /// The file of the reference; empty for none.
    pub reference: &'a [u8],
    /// Its settings.
    pub settings: AdaptSettings,
    /// Of the random draws, one stream of them for all readings.
    pub seed: u64,
}

/// What normal and anomalous readings are judged to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// Readings that it had learned from: those that aligned and those that were counted.
    pub learned: usize,
    /// Normal readings with a p-value of at most 0.01.
    pub alarms: usize,
    /// Normal readings.
    pub normal: usize,
    /// Anomalous readings.
    pub anomalous: usize,
    /// Area under the ROC curve of the p-values; none without anomalous readings.
    pub auc: Option<f64>,
    /// Channels that are as far from the factory as may be taken out.
    pub at_bounds: usize,
}

impl Observed<'_> {
    /// The mask of a reading.
    ///
    /// # Errors
    /// [`Error`] of masks of another shape.
    fn mask(&self, row: usize) -> Result<Mask<'_>, Error> {
        let mask = self.masks.map(|masks| masks.mask(row)).transpose();
        let mask = mask.map_err(|error| Error::Setting(error.to_string()))?;
        Ok(mask.unwrap_or(Mask::ALL))
    }
}

/// The file of the reference of a model: the moments of each channel over readings of the factory, found by the
/// device's own estimate. `offset` is the largest offset that is taken out, in deviations, `ratio` the largest ratio of deviations.
///
/// Whole numbers, such as flags and counts, and conditions stay as they are.
///
/// # Errors
/// [`Error::Setting`] of bounds that no reference has.
pub fn reference(
    model: &Model<'_>,
    image: &[u8],
    factory: Observed<'_>,
    (offset, ratio): (f64, f64),
) -> Result<Vec<u8>, Error> {
    let whole = LikelihoodKind::of(model).whole_numbers(model.inputs());
    let width = model.reading_length();
    let mut moments = vec![Moments::default(); width];
    for (channel, place) in moments.iter_mut().enumerate() {
        if whole.get(channel).copied().unwrap_or(true) {
            continue;
        }
        let rows = 0..factory.readings.len();
        let mut values = vec![];
        for row in rows {
            if factory.mask(row)?.observes(channel) {
                values.push(factory.readings.row(row)[channel]);
            }
        }
        *place = moments_of(&values);
    }
    let fixed = |value: f64| (value * 65536.0).round() as u32;
    let identity = identity(image)?;
    let bytes = write_reference(identity, fixed(offset), fixed(ratio), &moments);
    let bytes = bytes.filter(|bytes| Reference::parse(bytes).is_ok());
    bytes.ok_or_else(|| {
        Error::Setting(format!(
            "offsets of {offset} deviations and ratios of {ratio} cannot be taken out: give 0 to 256 and 1 to 256"
        ))
    })
}

/// Passes over the readings of the factory: each clips at the deviation that the one before it has ended with, as devices clip at that
/// of the last.
const PASSES: usize = 3;

/// The moments of a channel, or none of one that hardly moves.
fn moments_of(values: &[i16]) -> Moments {
    let floats: Vec<f64> = values.iter().map(|&value| value.into()).collect();
    let (mean, variance) = mean_and_variance(&floats);
    // NaN of no values.
    if variance.is_nan() || variance.sqrt() < 0.5 {
        return Moments::default();
    }
    let mut moments = Moments {
        location: (mean * 65536.0).round() as i32,
        deviation: (variance.sqrt() * 65536.0).round() as u32,
    };
    for _ in 0..PASSES {
        let clip = moments.deviation;
        for (number, &value) in (1..).zip(values) {
            moments.learn(value, number, clip);
        }
    }
    moments
}

/// The checksum of an image.
fn identity(image: &[u8]) -> Result<u32, Error> {
    image_checksum(image).map_err(|error| Error::Setting(error.to_string()))
}

impl<'a> Device<'a> {
    /// Lets the device make itself at home with the rows `learned` of `readings`, one after another, where there are any, and then
    /// judge the rows `judged`; what it says of these, and its state.
    ///
    /// # Errors
    /// [`Error::Setting`]: one line, with the number of the reading where it is about one.
    pub fn adapt(
        &self,
        readings: Observed<'_>,
        learned: &[usize],
        judged: &[usize],
    ) -> Result<(Vec<Adapted>, Stored), Error> {
        let refused = |error: elbow::adapt::AdaptError| Error::Setting(error.to_string());
        let reference = (!self.reference.is_empty()).then(|| Reference::parse(self.reference));
        let reference = reference.transpose().map_err(refused)?;
        let mut memory = vec![0; self.model.adapt_words()];
        let (model, image) = (self.model, self.image);
        let mut adapter =
            Adapter::new(model, image, &mut memory, reference, self.settings).map_err(refused)?;
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(model, &mut workspace, self.seed)
            .map_err(|error| Error::Setting(error.to_string()))?;
        if !learned.is_empty() {
            adapter.commission();
        }
        let mut score = |adapter: &mut Adapter<'_>, row: &usize| {
            let observed = readings.mask(*row)?;
            adapter
                .score_observed(&mut session, readings.readings.row(*row), observed)
                .map_err(|error| Error::Setting(format!("reading {}: {error}", row + 1)))
        };
        for row in learned {
            score(&mut adapter, row)?;
        }
        adapter.close();
        let adapted = judged.iter().map(|row| score(&mut adapter, row));
        let adapted = adapted.collect::<Result<_, _>>()?;
        let stored = Stored {
            bytes: record(&adapter)?,
            at_bounds: adapter.alignment().at_bounds(),
        };
        Ok((adapted, stored))
    }
}

/// The state of a device behind its last reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// As the first copy in its memory.
    pub bytes: Vec<u8>,
    /// Channels that are as far from the factory as may be taken out.
    pub at_bounds: usize,
}

/// The first copy in the memory of a store.
fn record(adapter: &Adapter<'_>) -> Result<Vec<u8>, Error> {
    let bytes = Store::<Rewritable<Memory>>::bytes(adapter.alignment().channels(), 0);
    let mut store = Store::new(Rewritable(Memory(vec![0xff; bytes])));
    let saved = store.save(adapter);
    saved.map_err(|error| Error::Setting(error.to_string()))?;
    let mut bytes = store.into_medium().0.0;
    bytes.truncate(bytes.len() / 2);
    Ok(bytes)
}

/// RAM in the place of a memory that outlives power.
#[derive(Debug)]
struct Memory(Vec<u8>);

impl ReadStorage for Memory {
    type Error = Infallible;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        let start = offset as usize;
        bytes.copy_from_slice(&self.0[start..start + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl Storage for Memory {
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let start = offset as usize;
        self.0[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

impl Judgement {
    /// Counts alarms at a p-value of 0.01, and the area under the curve of surprises.
    pub fn new(adapted: &[Adapted], anomalous: &[bool], learned: usize, at_bounds: usize) -> Self {
        let rate = Probability::new(super::detection::false_alarms::USUAL_ALARM);
        let both = adapted.iter().zip(anomalous);
        let normal = both.filter(|(_, is)| !**is).map(|(adapted, _)| adapted);
        let normal: Vec<&Adapted> = normal.collect();
        let scores: Vec<f64> = adapted.iter().map(|one| -one.surprise.to_f64()).collect();
        Self {
            learned,
            alarms: normal.iter().filter(|one| one.p_value <= rate).count(),
            normal: normal.len(),
            anomalous: adapted.len() - normal.len(),
            auc: auc(&scores, anomalous),
            at_bounds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A normal channel with a mean of -300 and a deviation of 40: the moments of the same readings, by floats.
    #[test]
    fn the_moments_of_a_factory_are_those_of_its_readings() {
        let mut words = elbow::rng::stream(1, 1);
        let mut draw = || {
            let normal = elbow::gaussian::standard_normal(rand_core::Rng::next_u32(&mut words));
            (f64::from(normal) / 65536.0 * 40.0 - 300.0).round() as i16
        };
        let values: Vec<i16> = (0..4000).map(|_| draw()).collect();
        let Moments {
            location,
            deviation,
        } = moments_of(&values);
        let (location, deviation) = (
            f64::from(location) / 65536.0,
            f64::from(deviation) / 65536.0,
        );
        assert!((location + 300.0).abs() < 2.0, "{location}");
        assert!((deviation - 40.0).abs() < 1.5, "{deviation}");
        assert_eq!(moments_of(&[7; 50]), Moments::default());
        assert_eq!(moments_of(&[]), Moments::default());
    }
}
