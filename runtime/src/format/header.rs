//! The postcard header: every scalar of a model. Shapes of tensors follow from it, so that no
//! offset is stored and none can be wrong.

use super::{MAX_CALIBRATIONS, MAX_LAYERS};
use crate::calibration::Noise;
use crate::distribution::Family;
use crate::estimator::{Estimator, SELF_TEST};
use crate::frontend::FrontEnd;
use crate::kernel::Packing;
use heapless::Vec;
use serde::{Deserialize, Serialize};

/// How a layer's accumulators become activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// The affine map alone.
    Identity,
    /// `max(0, .)`.
    Relu,
}

/// A hidden layer: its columns are the rows of the layer before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerHeader {
    /// Outputs.
    pub(crate) rows: u16,
    /// What happens to them.
    pub(crate) activation: Activation,
    /// The integer that stands for 0.0 in them.
    pub(crate) zero_point: i16,
    /// The largest magnitude of them; 127 or less makes them `i8`, more makes them `i16`.
    pub(crate) ceiling: i16,
}

/// The likelihood and its scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LikelihoodHeader {
    Binomial {
        trials: u8,
    },
    Location {
        family: Family,
        predicted_scale: bool,
    },
}

/// p(z) and its scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PriorHeader {
    /// N(0, I).
    Standard,
    /// A mixture of diagonal Gaussians.
    Mixture { components: u16 },
}

/// A table of scores of held-out normal readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CalibrationHeader {
    pub(crate) estimator: Estimator,
    pub(crate) knots: u16,
    /// Of the scores, Q16.16 nats.
    pub(crate) mean: i32,
    /// Of the scores, Q16.16 nats; not negative.
    pub(crate) standard_deviation: i32,
}

/// How a stream of samples becomes readings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamHeader {
    pub(crate) front_end: FrontEnd,
    /// Samples from one window to the next.
    pub(crate) hop: u16,
}

/// Everything about a model that is not a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header<'a> {
    pub(crate) name: &'a str,
    pub(crate) inputs: u16,
    /// Numbers of a reading behind its inputs: both networks take them in, neither models them.
    pub(crate) conditions: u16,
    pub(crate) picture_width: u16,
    pub(crate) latents: u16,
    pub(crate) latent_fraction_bits: u8,
    pub(crate) log_variance_range: (i32, i32),
    pub(crate) stream: Option<StreamHeader>,
    pub(crate) prior: PriorHeader,
    pub(crate) likelihood: LikelihoodHeader,
    /// How the weights of all layers lie.
    pub(crate) packing: Packing,
    pub(crate) encoder: Vec<LayerHeader, MAX_LAYERS>,
    pub(crate) decoder: Vec<LayerHeader, MAX_LAYERS>,
    pub(crate) calibrations: Vec<CalibrationHeader, MAX_CALIBRATIONS>,
    pub(crate) noise: Noise,
    /// Scores that the self-test must give, bit for bit: Q16.16 nats.
    pub(crate) expected: [i32; SELF_TEST.len()],
}

#[cfg(all(test, feature = "encode"))]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_fixture() {
        let header = Header {
            name: "ab",
            inputs: 300,
            conditions: 1,
            picture_width: 0,
            latents: 2,
            latent_fraction_bits: 12,
            log_variance_range: (-1, 64),
            stream: None,
            prior: PriorHeader::Mixture { components: 5 },
            likelihood: LikelihoodHeader::Binomial { trials: 16 },
            packing: Packing::PairedTiles,
            encoder: Vec::from_slice(&[LayerHeader {
                rows: 4,
                activation: Activation::Relu,
                zero_point: -127,
                ceiling: 127,
            }])
            .unwrap(),
            decoder: Vec::new(),
            calibrations: Vec::from_slice(&[CalibrationHeader {
                estimator: Estimator::MonteCarlo { samples: 8 },
                knots: 3,
                mean: -64,
                standard_deviation: 5,
            }])
            .unwrap(),
            noise: Noise {
                mean_excess: 1,
                mean_deviation: 2,
                pair_deviation: 3,
            },
            expected: [-2, 0, 1, 2],
        };
        // Varints of the postcard wire format; signed ones are zigzag coded.
        let bytes = [
            2, b'a', b'b', 0xac, 0x02, 1, 0, 2, 12, 1, 0x80, 0x01, 0, 1, 5, 0, 16, 2, 1, 4, 1,
            0xfd, 0x01, 0xfe, 0x01, 0, 1, 2, 8, 3, 127, 10, 2, 4, 6, 3, 0, 2, 4,
        ];
        assert_eq!(postcard::to_stdvec(&header).unwrap(), bytes);
        assert_eq!(postcard::from_bytes::<Header<'_>>(&bytes).unwrap(), header);
        let location = |family, predicted_scale| LikelihoodHeader::Location {
            family,
            predicted_scale,
        };
        for (likelihood, bytes) in [
            (location(Family::Normal, false), [1, 0, 0]),
            (location(Family::Laplace, true), [1, 1, 1]),
        ] {
            assert_eq!(postcard::to_stdvec(&likelihood).unwrap(), bytes);
            assert_eq!(postcard::from_bytes(&bytes), Ok(likelihood));
        }
        let estimator = Estimator::ImportanceWeighted { samples: 300 };
        assert_eq!(postcard::to_stdvec(&estimator).unwrap(), [3, 0xac, 0x02]);
    }
}
