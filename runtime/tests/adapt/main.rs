//! A model at home on a machine: what it judges by, what it forgets, and what is left of it when power fails.

mod flash;
mod machine;
mod power;
mod stages;
#[path = "../support/mod.rs"]
mod support;
