//! The functions of `elbow.h`: the arguments of each are borrowed at once, then one call of the runtime works with them.
//!
//! # Safety
//! What the header asks of callers: a pointer that is not null leads to as many values of its type as the call says;
//! nobody else writes them meanwhile, or reads what the call writes; handles and images stay as they are while they are used.
#![allow(unsafe_code)]
#![allow(clippy::missing_safety_doc, reason = "the header says it once for all")]

#[cfg(feature = "adapt")]
mod adapt;
mod model;
mod scoring;
mod session;
mod text;
mod watch;

#[cfg(feature = "adapt")]
pub use adapt::*;
pub use model::*;
pub use scoring::*;
pub use session::*;
pub use text::*;
pub use watch::*;
