//! From raw samples to readings: [`Windows`] cut a stream, a [`FrontEnd`] makes the reading of a
//! window that a model is trained and served on.
//!
//! A [`FrontEnd`] is a small description that is stored and sent like any other data. Whoever has
//! one computes the same integers: a trainer that prepares readings calls [`FrontEnd::apply`] just
//! as the device does.

mod bands;
mod feature;
pub(crate) mod fft;
mod front_end;
mod moments;
mod windows;

pub use feature::{
    BAND_FRACTION_BITS, Feature, FrontEndError, MAX_FEATURES, MAX_FRACTION_BITS, MAX_SAMPLES,
};
pub use front_end::FrontEnd;
pub use windows::{WindowShape, Windows, WindowsError};
