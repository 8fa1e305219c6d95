//! Streams from their file to alarms, telemetry and readings, and every bad input.

mod events;
mod fixture;
mod readings;
mod refusals;
#[path = "../support/mod.rs"]
mod support;
mod telemetry;
mod watch;
