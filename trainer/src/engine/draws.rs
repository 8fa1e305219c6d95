//! The random numbers of a step of the engine.

use super::Settings;
use super::shard::Shape;
use crate::model::prepared::Prepared;
use crate::numeric::random::{self, Purpose, Xoshiro128PlusPlus, normals_into};
use crate::readings::masks::Masks;

/// The streams of noise and gaps, and their numbers for a step.
#[derive(Debug)]
pub(super) struct Draws {
    pub(super) noise: Xoshiro128PlusPlus,
    pub(super) missing: Xoshiro128PlusPlus,
    /// (samples, batch, latents).
    pub(super) normals: Vec<f32>,
    pub(super) masks: Option<Masks>,
    /// The fraction of numbers that is hidden.
    hidden: f64,
    /// The likelihood's constants of each reading, all of it observed.
    constants: Vec<f64>,
    /// Sum of the likelihood's constants in an epoch.
    pub(super) constant: f64,
    /// Sum of the observed fractions in an epoch.
    pub(super) observed: f64,
}

impl Draws {
    pub(super) fn new(settings: &Settings, training: &Prepared, shape: &Shape) -> Self {
        let batch = settings.batch.min(training.readings.len());
        let constants = (0..training.readings.len()).map(|row| training.constant(row, None));
        Self {
            noise: random::stream(settings.seed, Purpose::Noise),
            missing: random::stream(settings.seed, Purpose::Missing),
            normals: vec![0.0; shape.samples * batch * shape.latents],
            masks: None,
            hidden: settings.missing,
            constants: constants.collect(),
            constant: 0.0,
            observed: 0.0,
        }
    }

    /// Begins the sums of an epoch.
    pub(super) fn begin(&mut self) {
        (self.constant, self.observed) = (0.0, 0.0);
    }

    /// Draws for a step on the readings `indices`.
    pub(super) fn draw(&mut self, training: &Prepared, shape: &Shape, indices: &[u32]) {
        let count = shape.samples * indices.len() * shape.latents;
        normals_into(&mut self.noise, &mut self.normals[..count]);
        let drawn = (self.hidden > 0.0)
            .then(|| Masks::draw(indices.len(), shape.numbers, self.hidden, &mut self.missing));
        self.masks = training.masks_of(indices, drawn);
        for (at, &row) in indices.iter().enumerate() {
            self.constant += match &self.masks {
                None => self.constants[row as usize],
                Some(masks) => training.constant(row as usize, Some((masks, at))),
            };
        }
        let fraction = self.masks.as_ref().map_or(1.0, Masks::observed_fraction);
        self.observed += fraction * indices.len() as f64;
    }
}

/// The stream of bits that are drawn anew, and those of a step, (batch, numbers).
#[derive(Debug)]
pub(super) struct Bits {
    pub(super) rng: Xoshiro128PlusPlus,
    pub(super) drawn: Vec<f32>,
}

impl Bits {
    pub(super) fn new(settings: &Settings, training: &Prepared) -> Self {
        let batch = settings.batch.min(training.readings.len());
        Self {
            rng: random::stream(settings.seed, Purpose::Binarization),
            drawn: vec![0.0; batch * training.readings.width()],
        }
    }

    /// Draws for a step on the readings `indices`, where their bits are drawn anew.
    pub(super) fn draw(&mut self, training: &Prepared, indices: &[u32]) {
        if let Some(intensities) = &training.intensities {
            let rows = indices.iter().map(|&row| row as usize);
            let drawn = &mut self.drawn[..indices.len() * training.readings.width()];
            intensities.draw_into(rows, &mut self.rng, drawn);
        }
    }
}
