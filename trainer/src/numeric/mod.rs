//! Numbers that know nothing of models: random streams, statistics, confidence bounds, cubature, least squares, principal axes, k-means, tails, work on all cores.

pub mod adam;
pub mod confidence;
pub mod cubature;
pub mod evidence;
pub mod k_means;
pub mod least_squares;
pub mod log_sum_exp;
pub mod parallel;
pub mod principal;
pub mod random;
pub mod statistics;
pub mod tail;
