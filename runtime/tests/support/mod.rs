//! Random models that an image can hold, readings for them, and what a model computes, written again.
#![allow(dead_code, reason = "each test target uses a part of this")]

mod dice;
mod layers;
mod likelihoods;
mod readings;
pub(crate) mod reference;
mod spec;
mod statistics;

#[allow(unused_imports)]
pub(crate) use dice::{Dice, Temper, check};
#[allow(unused_imports)]
pub(crate) use layers::{halve, random_multiplier};
#[allow(unused_imports)]
pub(crate) use likelihoods::{group_of, log_normalizer, rows_per_input, tail_normalizer};
#[allow(unused_imports)]
pub(crate) use readings::{extreme_reading, random_mask, random_reading};
#[allow(unused_imports)]
pub(crate) use spec::{
    enrich, random_bits, random_heterogeneous, random_spec, random_spec_of, widen_inputs,
};
#[allow(unused_imports)]
pub(crate) use statistics::{Knots, modelled, random_curve, random_statistics};

/// Units of Q16.16 in one.
pub(crate) const ONE: f64 = 65_536.0;
