//! Streams: samples of several channels that become readings by windows and a front end.
//!
//! The readings are made by the device's own code ([`elbow::signal::Windows`],
//! [`elbow::signal::FrontEnd`]), so that training and serving cannot differ.
//!
//! Channels whose samples are all whole numbers that fit 16 bits are raw samples as they are;
//! others get a power of two each, as real readings do ([`exponents`]). A reading's numbers are
//! what the front end gives: they stand for `raw * 2^exponent` with the channel's exponent less the
//! feature's fraction bits, and band energies for octaves above 1 raw^2.

mod division;
mod windows;

pub use division::{are_groups, divide, stretches};
pub use windows::{anomalous, count, in_units, readings, starts};

use crate::config::{FeatureList, StreamSettings, groups};
use crate::data::{self, Dataset};
use crate::error::Error;
use crate::readings::{Normalization, Readings, SMALLEST_DEVIATION, exponents};
use elbow::format::MAX_INPUTS;
use elbow::image::StreamSpec;
use elbow::signal::{Feature, FrontEnd, MAX_FRACTION_BITS};
use serde::{Deserialize, Serialize};

/// Exponents of channels beyond this leave 32-bit floats.
const LARGEST_EXPONENT: i8 = 100;
/// The factor above the largest number in training that settled fraction bits leave.
const HEADROOM: u32 = 4;

/// Facts that were derived from the settings and the data, for the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DerivedStream {
    /// For each channel the power of two that a raw sample stands for.
    pub exponents: Vec<i8>,
    /// The features with their fraction bits.
    pub features: FeatureList,
}

/// A stream made into readings.
#[derive(Clone, Debug, PartialEq)]
pub struct Windowed {
    /// The settings that it was made by.
    pub settings: StreamSettings,
    /// Its part of the image.
    pub spec: StreamSpec,
    /// The readings of all windows, in the units that [`Windowed::input_exponents`] say.
    pub dataset: Dataset,
    /// Samples beyond 16 bits, which were clamped.
    pub saturated: usize,
}

impl StreamSettings {
    /// Checks the settings against the stream, before anything is made of it.
    ///
    /// # Errors
    /// One line: too many channels, too few samples, features that such windows do not have.
    pub fn check(&self, stream: &Dataset, lengths: &[usize]) -> Result<(), Error> {
        let (name, channels) = (&stream.name, stream.table.width());
        let (samples, window) = (lengths.iter().max().copied().unwrap_or(0), self.window);
        let unsettled: Vec<Feature> = self
            .features
            .0
            .iter()
            .map(|choice| choice.with(0))
            .collect();
        if samples < window {
            return Err(Error::Setting(format!(
                "{name} has {samples} samples, --window asks for {window}: give a longer stream or a shorter window"
            )));
        }
        let inputs = self.front_end(stream, &unsettled)?.features_len();
        if inputs > usize::from(MAX_INPUTS) {
            return Err(Error::Setting(format!(
                "windows of {window} samples of {channels} channels with --features {} make readings of {inputs} numbers, a model takes {MAX_INPUTS}: take a shorter window or fewer features",
                self.features
            )));
        }
        Ok(())
    }

    fn front_end(&self, stream: &Dataset, features: &[Feature]) -> Result<FrontEnd, Error> {
        let (name, channels) = (&stream.name, stream.table.width());
        let Ok(channels) = u8::try_from(channels) else {
            return Err(Error::Setting(format!(
                "{name} has {channels} columns, a stream has at most 255 channels: drop some, or train without --window if rows are readings"
            )));
        };
        let samples = u16::try_from(self.window).unwrap_or(u16::MAX);
        FrontEnd::new(channels, samples, features).map_err(|error| {
            Error::Setting(format!(
                "--window {} with --features {}: {error}",
                self.window, self.features
            ))
        })
    }

    /// Makes readings of all windows of `stream`, recordings of these `lengths`; those of the windows `train` settle
    /// what the settings leave to the data.
    /// `rate` is in samples a second, where it is known.
    ///
    /// # Errors
    /// [`Error::Setting`]: one line that names the channel.
    pub fn prepare(
        &self,
        stream: &Dataset,
        lengths: &[usize],
        rate: Option<f64>,
        train: &[usize],
    ) -> Result<Windowed, Error> {
        let starts = starts(lengths, self.shape(stream.table.width()));
        let starts: Vec<usize> = train.iter().map(|&window| starts[window]).collect();
        let learned = stream.table.select(&self.samples_of(&starts));
        let exponents = exponents(&learned);
        let is_absurd = |exponent: &i8| exponent.unsigned_abs() > LARGEST_EXPONENT.unsigned_abs();
        if let Some(channel) = exponents.iter().position(is_absurd) {
            return Err(Error::Setting(format!(
                "{} of {} has values of absurd size: scale the channel",
                stream.column_name(channel),
                stream.name
            )));
        }
        let (samples, saturated) = Readings::from_table(&stream.table, &exponents);
        let features = self.settle(stream, (&samples, lengths), train)?;
        let front_end = self.front_end(stream, &features)?;
        let spec = StreamSpec {
            front_end,
            hop: u16::try_from(self.hop).unwrap_or(u16::MAX),
            // Saturates.
            rate_millihertz: (1000.0 * rate.unwrap_or(0.0)).round() as u32,
            exponents,
        };
        let readings = readings(&samples, lengths, &spec.front_end, self.hop)?;
        let exponents = input_exponents(&spec.front_end, &spec.exponents);
        let dataset = Dataset::new(&stream.name, in_units(&readings, &exponents)?)
            .named(input_names(&spec.front_end, stream));
        Ok(Windowed {
            settings: self.clone(),
            spec,
            dataset,
            saturated,
        })
    }

    /// The samples of the windows that begin at `starts`, which ascend, each once.
    fn samples_of(&self, starts: &[usize]) -> Vec<usize> {
        let mut samples = Vec::new();
        let mut next = 0;
        for &start in starts {
            samples.extend(start.max(next)..start + self.window);
            next = start + self.window;
        }
        samples
    }

    /// The features, with the most fraction bits that leave a factor of [`HEADROOM`] above the
    /// largest number of all channels in training where the user gave none.
    fn settle(
        &self,
        stream: &Dataset,
        (samples, lengths): (&Readings, &[usize]),
        train: &[usize],
    ) -> Result<Vec<Feature>, Error> {
        let whole: Vec<Feature> = self
            .features
            .0
            .iter()
            .map(|choice| choice.with(0))
            .collect();
        let front_end = self.front_end(stream, &whole)?;
        let readings = readings(samples, lengths, &front_end, self.hop)?.select(train);
        let groups = groups(&front_end);
        let choices = self.features.0.iter().enumerate();
        let settled = choices.map(|(at, choice)| {
            let own = groups.iter().skip(at).step_by(whole.len());
            let numbers = own.flat_map(|group| {
                let rows = readings.iter();
                rows.flat_map(|row| &row[group.inputs.clone()])
            });
            let largest = numbers.map(|number| u32::from(number.unsigned_abs())).max();
            choice.with(fraction_bits(largest.unwrap_or(0)))
        });
        Ok(settled.collect())
    }
}

/// The most fraction bits with which `HEADROOM * largest` still fits 16 bits.
fn fraction_bits(largest: u32) -> u8 {
    let fits = |&bits: &u8| (largest.max(1) * HEADROOM) << bits <= i16::MAX.unsigned_abs().into();
    (0..=MAX_FRACTION_BITS).rev().find(fits).unwrap_or(0)
}

/// For each input the power of two that its numbers stand for, given those of the channels.
pub fn input_exponents(front_end: &FrontEnd, channels: &[i8]) -> Vec<i8> {
    let groups = groups(front_end).into_iter();
    groups
        .flat_map(|group| {
            let channel = channels.get(group.channel).copied().unwrap_or(0);
            vec![group.exponent(channel); group.inputs.len()]
        })
        .collect()
}

/// The names of the inputs, by those of the channels in `stream`.
pub fn input_names(front_end: &FrontEnd, stream: &Dataset) -> Vec<String> {
    let groups = groups(front_end).into_iter();
    groups
        .flat_map(|group| {
            let channel = stream.column_name(group.channel);
            let names = group.inputs.clone();
            names
                .map(|input| group.input_name(input, &channel))
                .collect::<Vec<_>>()
        })
        .collect()
}

impl Windowed {
    /// For each input of a reading the power of two that its number stands for.
    pub fn input_exponents(&self) -> Vec<i8> {
        input_exponents(&self.spec.front_end, &self.spec.exponents)
    }

    /// Its part of `config.toml`.
    pub fn derived(&self) -> DerivedStream {
        DerivedStream {
            exponents: self.spec.exponents.clone(),
            features: FeatureList::settled(self.spec.front_end.features()),
        }
    }

    /// The normalization of the readings: mean 0 and variance 1 over `train`.
    ///
    /// # Errors
    /// A number that varies by less than 16 bits resolve: one line that names feature and channel.
    pub fn normalization(&self, train: &Dataset) -> Result<Normalization, Error> {
        let name = &self.dataset.name;
        let exponents = self.input_exponents();
        let moments = data::column_mean_std(&train.table, None);
        let spread = moments.standard_deviation.iter().zip(&exponents);
        for (input, (&deviation, &exponent)) in spread.enumerate() {
            let step = 2f64.powi(exponent.into());
            let (what, mean) = (self.dataset.column_name(input), moments.mean[input]);
            if deviation > 0.0 && deviation < step * SMALLEST_DEVIATION {
                return Err(Error::Setting(format!(
                    "{what} varies by {deviation} around {mean} over the training windows of {name}, a 16-bit reading resolves {step}: give the feature more fraction bits, scale the channel up, or drop one of the two"
                )));
            }
        }
        Ok(Normalization::over(train, exponents))
    }
}
