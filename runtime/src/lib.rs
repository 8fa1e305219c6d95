//! **elbow** runs variational autoencoders on microcontrollers: it encodes, samples, decodes, and
//! scores each reading by the evidence lower bound (ELBO) on its log probability, in nats, in
//! integers, without heap or operating system, bit for bit what a workstation computes.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # /*
//! static IMAGE: &[u8] = elbow::include_image!("pump.elbow");
//! # */
//! # static IMAGE: &[u8] = &[];
//! # let reading = [0i16; 64];
//! use elbow::{Estimator, Model, Probability, Session, Workspace};
//!
//! let model = Model::parse(IMAGE)?; // the weights stay in flash
//! let mut workspace = Workspace::<152>::new(); // `trainer inspect` prints this line for a model
//! model.self_test(&mut workspace)?; // this machine computes what the workstation computed
//!
//! let mut session = Session::new(&model, &mut workspace, 42)?;
//! let score = session.score(&reading, Estimator::SigmaPoints)?;
//! if score.p_value() < Probability::new(1e-3) {
//!     // alarm: score.elbo() nats
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! Each module uses only those above it; a test holds this list to the code.
//!
//! * [`fixed`], `length`: the number types of the contract, [`Nats`], [`WideSum`] and [`Probability`]; slices of
//!   the wrong length.
//! * [`requantize`]: [`requantize::Multiplier`], the one rounding rule.
//! * [`transcendental`]: exp2, log2, softplus, sigmoid on integers, each with its error bound.
//! * [`rng`], [`gaussian`]: xoshiro128++; the standard normal from a word of it.
//! * `mask`: [`Mask`], which inputs of a reading were observed.
//! * `log_sum_exp`: sums of weights whose logarithms are known.
//! * `crc`, `wire`: CRC-32; scalars in the postcard wire format.
//! * `kernel`: products of matrices and vectors of integers; they know no format.
//! * [`statistic`]: what else than the bound a reading is judged by, and how all are joined.
//! * [`layer`]: how layers are described.
//! * [`distribution`]: log densities and divergences in nats.
//! * [`signal`]: windows of raw samples; the features of a window that are a reading.
//! * [`telemetry`]: the posterior mean of a reading as a few bytes for a radio.
//! * [`estimator`], [`calibration`]: which estimate is meant, and what it is worth as a p-value.
//! * [`score`], [`decision`]: the bound from passes; which side of a threshold it lies on, at as few
//!   passes as suffice.
//! * `memory`, [`posterior`]: memory in parts; q(z|x) and the points at which the decoder is asked.
//! * [`mod@format`]: where things are in an image, and whether they may be trusted; it computes nothing.
//! * `model`: [`Model`], a validated view of an image. Parse once; nothing can fail or overflow after.
//! * `column`: [`Column`], what raw integers stand for: names, units, offsets.
//! * `workspace`: [`Workspace`], the caller's RAM.
//! * `session`: [`Session`], what applications call.
//! * `self_test`: whether this machine computes what the workstation computed.
//! * [`monitor`]: alarms and drift of a stream of scores; a model that watches a stream.
//! * `adapt`: a model that learns where it is installed.
//! * [`text`]: scores and readings as characters, the same on every machine.
//! * `image`: images on hosts: the description of a model, the image of a description and back.
//! * `errors`: the message and the number of each error.
//!
//! # Guarantees
//!
//! * No feature and no target changes a result. Features select what is linked.
//! * The only error after [`Model::parse`] is a caller's: a workspace too small, a reading of the
//!   wrong length or outside the likelihood's support.
//! * Integers only: no float is computed on the path from a reading to its score.
//!
//! # Features
//!
//! On by default, and to be left out (`default-features = false`) where flash is short. None changes a
//! result; what each costs is in the repository's `BENCHMARKS.md`. Where a feature is left
//! out, [`Model::parse`] refuses images that need it and [`Session::score`] estimators that need it, by its name.
//!
//! * What images may need: the likelihood, which is one of `counts`, `locations` and `heterogeneous` (columns of different
//!   kinds); `conditions`; `bits`, latents that are bits; `mixture-prior`; `statistics`, judges beside the bound and tails of p-values; `streams`; `wide-activations`, hidden layers with `i16` outputs, and
//!   `wide-inputs`; `four-bit-weights`; `foreign-packings`, weights packed for other cores.
//! * What sessions may need: `sampling`, whatever draws from the posterior;
//!   `importance-weighting`; `generation`, what the decoder makes of latents; `masks`, readings with gaps.
//! * `float`: numbers as `f64`, for printing and plotting.
//!
//! Off by default:
//!
//! * `dsp`, `helium`: for Armv8-M Mainline, where `-C target-cpu` does not name the processor: its kernels for
//!   the DSP extension or for Helium. Other targets need no feature.
//! * `adapt`: calibration and alignment on the machine where a model is installed, and their state in flash, by the
//!   traits of [embedded-storage](https://docs.rs/embedded-storage).
//! * `defmt`: results, settings and errors are [defmt](https://defmt.ferrous-systems.com)'s data, for logs.
//! * `image`: the writer of images (`image`), for hosts. Needs std.
//! * `serde`: the descriptions of a model ([`signal::FrontEnd`], [`Estimator`], ...) are serializable.
//!
//! # The numeric contract
#![doc = include_str!("../NUMERICS.md")]
//!
//! # Error codes
#![doc = include_str!("../ERRORS.md")]
#![no_std]
#![deny(unsafe_code)]
// Where features are left out, so are the users of a few private items.
#![cfg_attr(not(feature = "default"), allow(dead_code, unused_imports))]

#[cfg(feature = "image")]
extern crate std;

#[cfg(feature = "adapt")]
pub mod adapt;
pub mod calibration;
mod column;
mod crc;
#[cfg(feature = "sampling")]
pub mod decision;
pub mod distribution;
mod errors;
pub mod estimator;
pub mod fixed;
pub mod format;
pub mod gaussian;
#[cfg(feature = "image")]
pub mod image;
mod kernel;
pub mod layer;
mod length;
mod log_sum_exp;
mod mask;
mod memory;
mod model;
pub mod monitor;
pub mod posterior;
pub mod requantize;
pub mod rng;
pub mod score;
mod self_test;
mod session;
pub mod signal;
pub mod statistic;
pub mod telemetry;
pub mod text;
pub mod transcendental;
mod wire;
mod workspace;

pub use calibration::{Calibration, ThresholdError};
pub use column::{Column, Raw};
#[cfg(feature = "sampling")]
pub use decision::{Decision, Question, Side};
pub use estimator::Estimator;
#[cfg(feature = "float")]
pub use fixed::raw_reading;
pub use fixed::{Nats, Probability, WideSum};
pub use format::{Aligned, ImageError};
pub use layer::{LayerRole, LayerView};
pub use length::LengthError;
pub use mask::{Mask, MaskError};
pub use model::{Model, ModelPlace, Stream};
pub use posterior::{Posterior, PosteriorKind};
pub use score::{ReadingError, Score};
pub use self_test::SelfTestError;
pub use session::{Explaining, Scoring, Session};
pub use statistic::Statistic;
pub use workspace::{Workspace, WorkspaceError};

/// Kernels and helpers for the tests of this crate and for its exporter; no part of its interface.
#[doc(hidden)]
pub mod internal {
    #[cfg(feature = "image")]
    pub use crate::format::reseal;
    pub use crate::kernel::{
        ACCUMULATOR_BOUND, Activations, Bounds, Dense, LANES, Numbers, Operands, Outputs, Row,
        layer_words, operand_words,
    };
    pub use crate::session::Progress;
}
