//! Studies of a model: its scores and what they are worth, baselines beside it, estimators, where every nat goes.

pub mod baselines;
pub mod breakdown;
pub mod compare;
pub mod evaluate;
pub mod evidence;
pub mod ladder;
pub mod outliers;
