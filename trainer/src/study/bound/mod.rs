//! Where the nats of a bound go: log p(x), the gaps below it, its estimators, and what integers cost.

pub mod breakdown;
pub mod compare;
pub mod evidence;
pub mod ladder;
