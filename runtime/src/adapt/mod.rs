//! A model that makes itself at home on the machine where it is installed, in integers, with a state of fixed size.
//!
//! An [`Adapter`] stands between readings and a [`crate::Session`]. In a session that the application opens with
//! [`Adapter::commission`], it first learns the location and the deviation of each channel of this machine, then counts the
//! scores of other readings, and from then on judges by these counts:
//!
//! * [`Alignment`]: each channel is moved and stretched to the [`Reference`] of the factory, within bounds.
//! * [`Sketch`]: the conformal p-value of a score among those of this machine, in 512 bytes.
//! * [`Store`]: the state in two copies with a journal, which survives cut power at any write.
//!
//! The weights of the model are never touched. [`Adapter::forget`] returns to the factory, bit for bit. The
//! [numeric contract](crate#adaptation) defines every integer.

mod adapter;
mod alignment;
mod error;
mod record;
mod reference;
mod settings;
mod sketch;
mod store;

pub use adapter::{Adapted, Adapter, Progress, Stage};
pub use alignment::Alignment;
pub use error::{AdaptError, MediumError, StoreError};
#[cfg(feature = "image")]
pub use reference::write_reference;
pub use reference::{Moments, Reference};
pub use settings::AdaptSettings;
pub use sketch::Sketch;
pub use store::{Medium, Nor, Place, Rewritable, Store};
