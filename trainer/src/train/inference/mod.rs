//! Inference beyond amortization: a posterior of each reading's own (stochastic variational
//! inference), an encoder's answer refined, and what either is worth.

mod amortize;
mod local;
mod refine;

pub use amortize::train_locally;
pub use refine::{Ascent, Refined, refine};
