//! q(z|x): from the outputs of the encoder to the points at which the decoder is asked.

mod gaussian;
mod sigma_points;

pub use gaussian::Posterior;
pub(crate) use gaussian::{Gaussian, Place};
pub use sigma_points::{Offsets, SigmaPoints};
