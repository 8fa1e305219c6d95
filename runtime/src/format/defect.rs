//! What no valid image has.

use core::fmt;

/// The first thing that is wrong with an image whose checksum is right. Its sentence is linked where it is
/// printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Defect {
    /// The header is longer than the image.
    HeaderBeyond,
    /// The header does not decode.
    Header,
    /// Bytes follow the last field of the header.
    HeaderTail,
    /// The number of inputs is out of range.
    Inputs,
    /// The number of conditions is out of range.
    Conditions,
    /// The ceiling of inputs is out of range.
    InputCeiling,
    /// The number of the prior's components is out of range.
    Components,
    /// The number of latents is out of range.
    Latents,
    /// The fraction bits of latents are out of range.
    LatentFractionBits,
    /// A number of the posterior is out of range.
    Posterior,
    /// A deviation of the noise of single passes is negative.
    Noise,
    /// The front end makes readings of another length.
    FrontEndLength,
    /// The hop of windows is out of range.
    Hop,
    /// A tensor lies beyond the end.
    TensorsBeyond,
    /// Bytes follow the last tensor.
    Tail,
    /// A multiplier is out of range.
    Multiplier,
    /// A number of the prior is out of range.
    Prior,
    /// The binomial likelihood has no trials, or a wrong table.
    Binomial,
    /// The kinds of the inputs are unknown or incomplete, or a parameter of one is out of range.
    Kinds,
    /// A constant of the density is too large.
    LogNormalizer,
    /// The layers of a network do not end with the only one of wide outputs.
    LayerOrder,
    /// The last layer of a network has not the outputs that latents or inputs need.
    Outputs,
    /// A layer has no outputs.
    NoOutputs,
    /// A layer has more weights than can be counted.
    Weights,
    /// An accumulator could overflow.
    Accumulator,
    /// A zero point is beyond its layer's ceiling.
    ZeroPoint,
    /// A calibration table does not ascend, or has a negative deviation.
    Calibration,
    /// The reading of the self-test is outside the support of the likelihood.
    SelfTestReading,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HeaderBeyond => "the header is longer than the image",
            Self::Header => "its header does not decode",
            Self::HeaderTail => "its header has bytes behind its last field",
            Self::Inputs => "its number of inputs is not in 1..=16384",
            Self::Conditions => "its number of conditions is not in 0..=16384",
            Self::InputCeiling => "the ceiling of its inputs is not in 127..=32767",
            Self::Components => "its prior has not 1 to 256 components",
            Self::Latents => "its number of latents is not in 1..=1024",
            Self::LatentFractionBits => "the fraction bits of its latents are not in 6..=15",
            Self::Posterior => "its range of log-variances is not within -32..=8",
            Self::Noise => "a deviation of its noise is negative",
            Self::FrontEndLength => "its front end makes readings of another length",
            Self::Hop => "the hop of its windows is zero or longer than a window",
            Self::TensorsBeyond => "its tensors end before its layers do",
            Self::Tail => "it has bytes behind its last tensor",
            Self::Multiplier => "a multiplier is out of range",
            Self::Prior => "a number of its prior is out of range",
            Self::Binomial => "its binomial likelihood has no trials or a wrong table",
            Self::Kinds => {
                "an input is of no known kind, or a parameter of its kind is out of range"
            }
            Self::LogNormalizer => "a constant of its density is beyond 4096 nats",
            Self::LayerOrder => "its layers do not end with the only one of wide outputs",
            Self::Outputs => "its heads or its output layer have a wrong number of rows",
            Self::NoOutputs => "a layer has no outputs",
            Self::Weights => "a layer has too many weights",
            Self::Accumulator => "an accumulator could reach 2^30, or a weight is -128",
            Self::ZeroPoint => "a zero point is beyond its layer's ceiling",
            Self::Calibration => "a calibration table does not ascend, or has a negative deviation",
            Self::SelfTestReading => {
                "the reading of its self-test is impossible under its likelihood"
            }
        })
    }
}
