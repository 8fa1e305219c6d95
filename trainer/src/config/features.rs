//! Features that make a reading of a window: how a command line names them, what their numbers
//! are called, and what these stand for.

use elbow::signal::{Feature, FrontEnd, MAX_FRACTION_BITS};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// A list of features, written as `centered,rms:4`. [`FeatureChoice`] has the names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FeatureList(pub Vec<FeatureChoice>);

/// A feature, or one whose fraction bits follow from the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureChoice {
    /// `samples`, `centered`, `bands:K`, and `mean:F` or `rms:F` with F fraction bits.
    Settled(Feature),
    /// `mean`: as many fraction bits as leave a factor of four above the largest in training.
    Mean,
    /// `rms`: likewise.
    Rms,
}

/// The raw samples.
const SAMPLES: Feature = Feature::Samples { remove_mean: false };
/// The raw samples without their mean.
const CENTERED: Feature = Feature::Samples { remove_mean: true };

impl FeatureChoice {
    /// The feature, with `fraction_bits` where it has not settled them.
    pub fn with(self, fraction_bits: u8) -> Feature {
        match self {
            Self::Settled(feature) => feature,
            Self::Mean => Feature::Mean { fraction_bits },
            Self::Rms => Feature::Rms { fraction_bits },
        }
    }
}

impl fmt::Display for FeatureChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled(feature) => f.write_str(&name(*feature)),
            Self::Mean => f.write_str("mean"),
            Self::Rms => f.write_str("rms"),
        }
    }
}

/// The name of a feature, as [`FeatureChoice`] reads it.
pub fn name(feature: Feature) -> String {
    match feature {
        SAMPLES => "samples".into(),
        Feature::Samples { .. } => "centered".into(),
        Feature::Mean { fraction_bits } => format!("mean:{fraction_bits}"),
        Feature::Rms { fraction_bits } => format!("rms:{fraction_bits}"),
        Feature::BandEnergies { bands } => format!("bands:{bands}"),
    }
}

/// Unit of the numbers of a feature, where `raw` is the unit of a raw sample.
pub fn unit(feature: Feature) -> String {
    match (feature, feature.fraction_bits()) {
        (Feature::BandEnergies { .. }, bits) => format!("2^-{bits} octaves above 1 raw^2"),
        (_, 0) => "raw".into(),
        (_, bits) => format!("2^-{bits} raw"),
    }
}

impl FromStr for FeatureChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            format!(
                "no such feature: {text:?}; use samples, centered, mean, rms, mean:F or rms:F with F fraction bits from 0 to {MAX_FRACTION_BITS}, or bands:K with K from 1 to 255"
            )
        };
        let (kind, number) = match text.split_once(':') {
            None => (text, None),
            Some((kind, number)) => (kind, Some(number.parse::<u8>().map_err(|_| unknown())?)),
        };
        match (kind, number) {
            ("samples", None) => Ok(Self::Settled(SAMPLES)),
            ("centered", None) => Ok(Self::Settled(CENTERED)),
            ("mean", None) => Ok(Self::Mean),
            ("rms", None) => Ok(Self::Rms),
            ("mean", Some(fraction_bits)) => Ok(Self::Settled(Feature::Mean { fraction_bits })),
            ("rms", Some(fraction_bits)) => Ok(Self::Settled(Feature::Rms { fraction_bits })),
            ("bands", Some(bands)) => Ok(Self::Settled(Feature::BandEnergies { bands })),
            _ => Err(unknown()),
        }
    }
}

impl FeatureList {
    /// The list of settled `features`.
    pub fn settled(features: &[Feature]) -> Self {
        let settled = features.iter().copied().map(FeatureChoice::Settled);
        Self(settled.collect())
    }
}

impl fmt::Display for FeatureList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for FeatureList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let features = text.split(',').map(|name| name.trim().parse());
        features.collect::<Result<_, _>>().map(Self)
    }
}

/// The inputs of a reading that one feature makes of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The channel, counted from 0.
    pub channel: usize,
    /// The feature.
    pub feature: Feature,
    /// Its inputs.
    pub inputs: Range<usize>,
}

/// The inputs of the readings of `front_end`, channel by channel, feature by feature.
pub fn groups(front_end: &FrontEnd) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut start = 0;
    for channel in 0..usize::from(front_end.channels()) {
        for &feature in front_end.features() {
            let end = start + feature.len(front_end.samples());
            groups.push(Group {
                channel,
                feature,
                inputs: start..end,
            });
            start = end;
        }
    }
    groups
}

impl Group {
    /// The power of two that a number stands for, in the units of a channel whose raw samples stand
    /// for `2^channel_exponent`. Band energies are in octaves whatever these units are.
    pub fn exponent(&self, channel_exponent: i8) -> i8 {
        let bits = self.feature.fraction_bits() as i8;
        match self.feature {
            Feature::BandEnergies { .. } => -bits,
            _ => channel_exponent.saturating_sub(bits),
        }
    }

    /// Name of input `input` of the group, for a channel with the name `channel`.
    pub fn input_name(&self, input: usize, channel: &str) -> String {
        let feature = name(self.feature);
        match self.inputs.len() {
            1 => format!("{feature} of {channel}"),
            _ => format!(
                "{feature}, number {}, of {channel}",
                input - self.inputs.start + 1
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for text in ["centered", "samples,mean,rms", "mean:0,rms:8,bands:255"] {
            assert_eq!(text.parse::<FeatureList>().unwrap().to_string(), text);
        }
        assert_eq!(
            " rms:4, bands:2".parse::<FeatureList>().unwrap(),
            FeatureList::settled(&[
                Feature::Rms { fraction_bits: 4 },
                Feature::BandEnergies { bands: 2 }
            ])
        );
        for text in [
            "",
            "fft",
            "bands",
            "bands:256",
            "rms:-1",
            "samples:2",
            "rms,",
        ] {
            let error = text.parse::<FeatureList>().unwrap_err();
            assert!(error.starts_with("no such feature: "), "{error}");
        }
    }

    #[test]
    fn groups_tile_the_reading() {
        let features: FeatureList = "rms:4,centered".parse().unwrap();
        let features: Vec<Feature> = features.0.iter().map(|choice| choice.with(0)).collect();
        let front_end = FrontEnd::new(2, 3, &features).unwrap();
        let groups = groups(&front_end);
        let ranges: Vec<_> = groups.iter().map(|group| group.inputs.clone()).collect();
        assert_eq!(ranges, [0..1, 1..4, 4..5, 5..8]);
        assert_eq!(groups[3].channel, 1);
        assert_eq!(groups[2].input_name(4, "y"), "rms:4 of y");
        assert_eq!(groups[3].input_name(6, "y"), "centered, number 2, of y");
        assert_eq!((groups[2].exponent(-3), groups[3].exponent(-3)), (-7, -3));
    }
}
