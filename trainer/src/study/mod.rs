//! Studies of a model: its scores and what they are worth, its alarms on a stream, baselines beside it, estimators, where every nat goes.

pub mod baselines;
pub mod breakdown;
pub mod compare;
pub mod detection;
pub mod evaluate;
pub mod events;
pub mod evidence;
pub mod explain;
pub mod false_alarms;
pub mod ladder;
pub mod latents;
pub mod outliers;
pub mod watcher;
