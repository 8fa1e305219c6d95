//! The program itself, from its command line to its files: small trainings, and every bad input.

mod adapt;
mod batches;
#[cfg(unix)]
mod board;
mod budget;
mod changes;
mod config;
mod data;
mod diverged;
mod eval;
mod explain;
mod export;
mod files;
mod fit;
mod fixture;
mod folder;
mod images;
mod inspect;
mod interrupted;
mod machines;
mod new;
mod output;
mod plot;
mod quantize;
mod roles;
#[cfg(all(feature = "parquet", target_os = "linux"))]
mod scale;
mod score;
mod settings;
mod several;
mod study;
mod tracking;
mod tune;

#[path = "../support/mod.rs"]
mod support;
