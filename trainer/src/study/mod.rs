//! Studies of a model: its scores and what they are worth, what it learns where it is installed, its alarms on a stream, baselines beside it, estimators, where every nat goes.

pub mod adaptation;
pub mod baselines;
pub mod bound;
pub mod detection;
pub mod events;
pub mod explain;
pub mod latents;
pub mod outliers;
pub mod watcher;
