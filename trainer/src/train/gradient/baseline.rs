//! Baselines that learn from earlier draws, and so do not depend on those that they are taken off.

use crate::engine::adam::Adam;
use crate::error::Error;
use crate::model::Dense;
use crate::model::objective::Batch;
use crate::numeric::statistics::mean_and_variance;
use crate::train::State;
use candle_core::{Device, Tensor, Var};
use rand_core::Rng;

/// The part of a moving average that a batch leaves as it was.
const DECAY: f64 = 0.9;
/// Width of the network.
const HIDDEN: usize = 64;
/// Adam's step size.
const RATE: f64 = 0.002;

/// The name of an average in a [`State`].
const AVERAGE: &str = "baseline.average";

/// A moving average of the learning signal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Average {
    mean: f64,
    variance: f64,
}

impl Average {
    /// From the bounds of a batch, at least one.
    pub(super) fn new(bounds: &[f64]) -> Self {
        let (mean, variance) = mean_and_variance(bounds);
        Self { mean, variance }
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    pub(super) fn update(&mut self, bounds: &[f64]) {
        let (mean, variance) = mean_and_variance(bounds);
        self.mean += (1.0 - DECAY) * (mean - self.mean);
        self.variance += (1.0 - DECAY) * (variance - self.variance);
    }

    pub(super) fn put(&self, state: &mut State) -> Result<(), Error> {
        state.put(AVERAGE, &[self.mean, self.variance])
    }

    /// Whether [`Average::put`] kept one.
    pub(super) fn is_in(state: &State) -> bool {
        state.has(AVERAGE)
    }

    pub(super) fn from_state(state: &State) -> Result<Self, Error> {
        let numbers = state.numbers(AVERAGE, 2)?;
        let (mean, variance) = (numbers[0], numbers[1]);
        Ok(Self { mean, variance })
    }

    fn deviation(&self) -> f64 {
        self.variance.sqrt().max(1e-3)
    }
}

/// A network with one hidden layer that predicts the bound of a reading at a sample from the reading,
/// by least squares, in units of a moving average and deviation (Mnih and Gregor, "Neural
/// variational inference and learning in belief networks", ICML 2014, section 3.1).
#[derive(Debug)]
pub(super) struct Learned {
    hidden: Dense,
    output: Dense,
    adam: Adam,
    average: Average,
}

impl Learned {
    /// A network with random weights for readings of `inputs` numbers, around `bounds`.
    pub(super) fn new(
        inputs: usize,
        bounds: &[f64],
        rng: &mut impl Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        let hidden = Dense::new(inputs, HIDDEN, rng, device)?;
        let output = Dense::new(HIDDEN, 1, rng, device)?;
        Ok(Self {
            adam: Adam::new(&variables(&hidden, &output)),
            hidden,
            output,
            average: Average::new(bounds),
        })
    }

    pub(super) fn put(&self, state: &mut State) -> Result<(), Error> {
        self.average.put(state)?;
        state.put_optimizer("baseline", self.adam.state()?)?;
        for (index, var) in variables(&self.hidden, &self.output).iter().enumerate() {
            let values = var.flatten_all()?.to_vec1::<f32>()?;
            state.put(&format!("baseline.{index}"), &values)?;
        }
        Ok(())
    }

    /// The network that [`Learned::put`] kept, for readings of `inputs` numbers.
    pub(super) fn from_state(state: &State, inputs: usize, device: &Device) -> Result<Self, Error> {
        let average = Average::from_state(state)?;
        let rng = &mut elbow::rng::stream(0, 0);
        let mut learned = Self::new(inputs, &[average.mean], rng, device)?;
        learned.average = average;
        let variables = variables(&learned.hidden, &learned.output);
        let counts = variables.map(|var| var.elem_count());
        for (index, (var, count)) in variables.iter().zip(counts).enumerate() {
            let values: Vec<f32> = state.numbers(&format!("baseline.{index}"), count)?;
            var.set(&Tensor::from_vec(values, var.shape(), device)?)?;
        }
        let (moments, steps) = state.optimizer("baseline", &counts)?;
        learned.adam.resume(&variables, &moments, steps)?;
        Ok(learned)
    }

    fn forward(&self, batch: &Batch) -> Result<Tensor, Error> {
        let hidden = self.hidden.forward(&batch.inputs)?.relu()?;
        Ok(self.output.forward(&hidden)?.squeeze(1)?)
    }

    /// The expected bound of each reading.
    pub(super) fn predict(&self, batch: &Batch) -> Result<Vec<f64>, Error> {
        let predictions = self.forward(batch)?.to_vec1::<f32>()?.into_iter();
        let Average { mean, .. } = self.average;
        let deviation = self.average.deviation();
        Ok(predictions
            .map(|prediction| mean + deviation * f64::from(prediction))
            .collect())
    }

    /// One step of the regression towards `bounds`, one of each reading.
    pub(super) fn update(&mut self, batch: &Batch, bounds: &[f64]) -> Result<(), Error> {
        let (mean, deviation) = (self.average.mean, self.average.deviation());
        let targets = bounds
            .iter()
            .map(|bound| ((bound - mean) / deviation) as f32);
        let targets = Tensor::from_vec(targets.collect(), bounds.len(), batch.inputs.device())?;
        let loss = (self.forward(batch)? - targets)?.sqr()?.mean_all()?;
        let variables = variables(&self.hidden, &self.output);
        self.adam.step(&variables, &loss.backward()?, RATE)?;
        self.average.update(bounds);
        Ok(())
    }
}

fn variables<'a>(hidden: &'a Dense, output: &'a Dense) -> [&'a Var; 4] {
    [&hidden.weight, &hidden.bias, &output.weight, &output.bias]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{self, Purpose, normals};

    #[test]
    fn averages_forget_at_their_rate() {
        let mut average = Average::new(&[1.0, 3.0]);
        assert_eq!((average.mean(), average.deviation()), (2.0, 1.0));
        average.update(&[12.0, 12.0]);
        assert!((average.mean() - 3.0).abs() < 1e-12);
        assert!((average.deviation() - 0.9f64.sqrt()).abs() < 1e-12);
    }

    /// Bounds that are a function of the reading but for noise are foretold up to that noise.
    #[test]
    fn the_network_learns_what_a_reading_says_of_its_bound() {
        let mut rng = random::stream(2, Purpose::Noise);
        let device = Device::Cpu;
        let draw = |rng: &mut _| {
            let values = normals(rng, 64 * 2);
            let bounds = values.chunks(2).zip(normals(rng, 64));
            let bounds = bounds
                .map(|(x, noise)| f64::from(50.0 * x[0].max(0.0) - 20.0 * x[1] - 300.0 + noise));
            let bounds: Vec<f64> = bounds.collect();
            let inputs = Tensor::from_vec(values, (64, 2), &device).unwrap();
            (Batch::whole(inputs.clone(), inputs), bounds)
        };
        let (_, bounds) = draw(&mut rng);
        let mut baseline = Learned::new(2, &bounds, &mut rng, &device).unwrap();
        for _ in 0..2000 {
            let (batch, bounds) = draw(&mut rng);
            baseline.update(&batch, &bounds).unwrap();
        }
        let (batch, bounds) = draw(&mut rng);
        let predictions = baseline.predict(&batch).unwrap();
        let (_, before) = mean_and_variance(&bounds);
        let errors: Vec<f64> = bounds.iter().zip(predictions).map(|(a, b)| a - b).collect();
        let after = errors.iter().map(|error| error * error).sum::<f64>() / 64.0;
        assert!(after < 0.02 * before, "{after} {before}");
    }
}
