//! A small model, and readings of a machine whose sensors are mounted otherwise than at the factory.

use crate::support::{Dice, Temper, random_reading, random_spec};
use elbow::adapt::{AdaptSettings, Adapted, Adapter, Moments, Reference, write_reference};
use elbow::format::{AlignedImage, image_checksum};
use elbow::image::{CalibrationSpec, CurveSpec, ImageSpec, LikelihoodSpec};
use elbow::{Estimator, Model, Session};

/// The estimator of all scores.
pub(crate) const ESTIMATOR: Estimator = Estimator::PosteriorMean;

/// A model with a calibration table, the reference of its channels, and readings.
pub(crate) struct Machine {
    pub(crate) image: AlignedImage,
    pub(crate) reference: Vec<u8>,
    /// Of the factory.
    pub(crate) normal: Vec<Vec<i16>>,
    /// The same numbers, but for another gain and an offset.
    pub(crate) shifted: Vec<Vec<i16>>,
}

/// A model of numbers with a location, without conditions and with a table of some bounds that differ.
fn random_model(dice: &mut Dice) -> (ImageSpec, AlignedImage) {
    loop {
        let spec = random_spec(dice, Temper::Trained);
        if !matches!(spec.likelihood, LikelihoodSpec::Location(_)) || !spec.conditions.is_empty() {
            continue;
        }
        let draft = spec.write(&[]).unwrap();
        let model = Model::parse(&draft).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 0).unwrap();
        let mut score = |_| {
            let reading = random_reading(dice, &spec);
            session.score(&reading, ESTIMATOR).unwrap().elbo().to_bits()
        };
        let scores: Vec<i32> = (0..60).map(&mut score).collect();
        let distinct: std::collections::BTreeSet<_> = scores.iter().collect();
        if distinct.len() > 50 {
            let tail = CurveSpec::default();
            let table = CalibrationSpec::of_bounds(ESTIMATOR, &scores, 30, &tail);
            let image = spec.write(&[table]).unwrap();
            return (spec, image);
        }
    }
}

impl Machine {
    pub(crate) fn new(dice: &mut Dice, readings: usize) -> Self {
        let (spec, image) = random_model(dice);
        let normal: Vec<Vec<i16>> = (0..readings).map(|_| random_reading(dice, &spec)).collect();
        let shift = |value: i16| (i32::from(value) * 9 / 8 + 3).clamp(-32_768, 32_767) as i16;
        let shifted = normal
            .iter()
            .map(|reading| reading.iter().copied().map(shift).collect());
        let moments = spec.inputs.iter().map(|input| Moments {
            location: i32::from(input.center) << 16,
            deviation: 4 << 16,
        });
        let moments = moments.collect::<Vec<_>>();
        let identity = image_checksum(&image).unwrap();
        let reference = write_reference(identity, 2 << 16, 3 << 15, &moments).unwrap();
        Self {
            shifted: shifted.collect(),
            image,
            reference,
            normal,
        }
    }

    /// Works with an adapter and a session.
    pub(crate) fn with<T>(
        &self,
        settings: AdaptSettings,
        work: impl FnOnce(&mut Adapter<'_>, &mut Session<'_>) -> T,
    ) -> T {
        let model = Model::parse(&self.image).unwrap();
        let mut memory = vec![0; model.adapt_words()];
        let mut workspace = vec![0; model.workspace_words()];
        let reference = Reference::parse(&self.reference).unwrap();
        let mut adapter =
            Adapter::new(&model, &self.image, &mut memory, Some(reference), settings).unwrap();
        let mut session = Session::new(&model, &mut workspace, 0).unwrap();
        work(&mut adapter, &mut session)
    }
}

/// Settings with so many readings in each stage.
pub(crate) fn settings(learn: u32, calibrate: u32) -> AdaptSettings {
    AdaptSettings {
        learn,
        calibrate,
        trust: u32::MAX,
        ..AdaptSettings::new(ESTIMATOR)
    }
}

/// All that an adapter has learned, in words.
pub(crate) fn learned(adapter: &Adapter<'_>) -> String {
    let moments: Vec<Moments> = adapter.alignment().moments().collect();
    format!(
        "{:?} {:?} {moments:?} {:?}",
        adapter.stage(),
        adapter.progress(),
        adapter.sketch()
    )
}

/// What is said of each of `readings`.
pub(crate) fn judged(
    adapter: &mut Adapter<'_>,
    session: &mut Session<'_>,
    readings: &[Vec<i16>],
) -> Vec<Adapted> {
    let each = readings.iter();
    each.map(|reading| adapter.score(session, reading).unwrap())
        .collect()
}
