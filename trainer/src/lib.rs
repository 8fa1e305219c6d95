//! The workstation half of elbow: trains a variational autoencoder, quantizes it, exports the image
//! that the `elbow` runtime reads, and evaluates both, the exported one by the very functions that
//! the device runs.
//!
//! # Modules
//!
//! Each uses only those above it.
//!
//! * [`error`]: the one error type, whose message is one line with a remedy.
//! * [`data`]: readings from files, and the digits that ship with the program.
//! * [`random`]: seeded streams, the same generator as the device's.
//! * [`readings`]: the raw 16-bit readings that a device would take, and their normalization.
//! * [`stream`]: streams of samples, cut into windows and made into readings as the device does.
//! * [`masks`]: which inputs of readings were observed.
//! * [`config`]: everything that determines a run.
//! * [`parts`]: the data of a run, divided.
//! * [`model`]: encoder, decoder and likelihood in floats, on candle.
//! * [`objective`]: the evidence lower bound, its terms, and the importance-weighted bound.
//! * [`proposal`]: q(z|x) of a batch, of Gaussian latents or bits.
//! * [`prepared`]: readings as the networks take them in.
//! * [`cores`]: work on all cores.
//! * [`device`]: what a device computes of readings.
//! * [`quantize`]: from floats to the integers of an image.
//! * [`adam`]: the optimizer.
//! * [`processor`]: what trains.
//! * [`engine`]: training on the processor, passes written by hand.
//! * [`evaluate`]: scores in floats and as the device computes them, and what they are worth.
//! * [`compare`]: estimators of the bound against a reference.
//! * [`fit`]: the training loop.
//! * [`activity`]: which latents carry anything.
//! * [`gradient`]: estimators of the gradient of the bound, what their noise comes to, and training
//!   by them.
//! * [`inference`]: posteriors of each reading's own, refined answers, and log p(x) by sampling.
//! * [`ladder`]: where every nat between log p(x) and the device's bound goes.
//! * [`breakdown`]: where the nats between the float bound and the device's score go.
//! * [`outliers`]: columns and units whose range dwarfs what the others need.
//! * [`typical`]: the mean term of each input over normal readings.
//! * [`calibrate`]: what an image knows of normal readings.
//! * [`export`]: the image of a trained model.
//! * [`baselines`]: what a model must beat: principal components, mixtures, forests, plain autoencoders.
//! * [`budget`]: networks that fit a budget of flash, RAM and instructions.
//! * [`run`]: the folder of a run, written whole or not at all.
//! * [`report`]: the run as a page to look at.
//! * [`cli`]: the commands.

#![deny(unsafe_code)]

pub mod activity;
pub mod adam;
pub mod baselines;
pub mod breakdown;
pub mod budget;
pub mod calibrate;
pub mod cli;
pub mod compare;
pub mod config;
pub mod cores;
pub mod data;
pub mod device;
pub mod engine;
pub mod error;
pub mod evaluate;
pub mod export;
pub mod fit;
pub mod gradient;
pub mod inference;
pub mod ladder;
pub mod masks;
pub mod model;
pub mod objective;
pub mod outliers;
pub mod parts;
pub mod prepared;
pub mod processor;
pub mod proposal;
pub mod quantize;
pub mod random;
pub mod readings;
pub mod report;
pub mod run;
pub mod stream;
pub mod turns;
pub mod typical;
