//! The workstation half of elbow: trains a variational autoencoder, quantizes it, exports the image
//! that the `elbow` runtime reads, and evaluates both, the exported one by the very functions that
//! the device runs.
//!
//! `trainer fit` is one call. It takes data in memory or on disk, a [`config::Config`] and an
//! [`export::pipeline::Observer`], and returns the model, its image, its results and its report as values.
//!
#![doc = concat!("```no_run\n", include_str!("../examples/pump.rs"), "```")]
//!
//! # Modules
//!
//! Each uses only those above it.
//!
//! * [`numeric`]: random streams, cubature, least squares, work on all cores.
//! * [`data`]: readings from files, and the digits that ship with the program.
//! * [`board`]: a board on the desk: samples of its sensors, its scores, and new images for it, over a serial line.
//! * [`error`]: the one error type, whose message is one line with a remedy.
//! * [`likelihood`]: families of distributions of readings, a file each with all that is known of it.
//! * [`config`]: everything that determines a run.
//! * [`readings`]: the raw 16-bit readings that a device would take, their normalization, gaps and splits; streams of
//!   samples made into readings as the device does.
//! * [`model`]: encoder, decoder, prior and likelihood in floats, on candle, and the bound on them.
//! * [`quantize`]: from floats to the integers of an image.
//! * [`engine`]: passes written by hand, and by them the bounds of readings in floats; the optimizer.
//! * [`train`]: the training loops and estimators of the gradient.
//! * [`study`]: scores in floats and as the device computes them, and what they are worth; baselines, estimators side by
//!   side, and where the nats go.
//! * [`export`]: the image of a trained model, its calibration, its budget, the folder and the report of a run.
//! * [`cli`]: the commands.

#![deny(unsafe_code)]

pub mod board;
pub mod cli;
pub mod config;
pub mod data;
pub mod engine;
pub mod error;
pub mod export;
pub mod likelihood;
pub mod model;
pub mod numeric;
pub mod quantize;
pub mod readings;
pub mod study;
pub mod train;
