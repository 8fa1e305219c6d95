//! Inference beyond amortization: a posterior of each reading's own (stochastic variational
//! inference), and an encoder's answer refined.

mod local;
mod refine;

pub(super) use local::Local;
pub(super) use refine::antithetic;
pub use refine::{Ascent, Refined, refine};
