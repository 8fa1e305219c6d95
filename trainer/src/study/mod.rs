//! Studies of a model beside others and beside itself: baselines, estimators, where every nat goes.

pub mod baselines;
pub mod breakdown;
pub mod compare;
pub mod ladder;
pub mod outliers;
