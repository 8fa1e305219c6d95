//! What no valid image has.

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
    /// The statistics are out of order, or the numbers of one are.
    Statistics,
    /// A calibration table does not ascend, or has a negative deviation.
    Calibration,
    /// The reading of the self-test is outside the support of the likelihood.
    SelfTestReading,
}
