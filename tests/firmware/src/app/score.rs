//! Scores, and what they are made of.

use super::files::{Output, Readings};
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::image;
use elbow::{Estimator, Model, Nats, Score, WideSum};

/// What both commands take.
const KEYS: [&str; 6] = ["readings", "mask", "out", "estimator", "seed", "limit"];

/// Latents that `explain` has room for.
const LATENTS: usize = 64;

#[inline(never)]
pub(super) fn score<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &KEYS)?;
    let estimator = arguments.value("estimator", Estimator::SigmaPoints)?;
    let seed = arguments.value("seed", 0)?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let mut session = memory.session(model, seed)?;
    let mut readings = Readings::open(&arguments, &mut memory, model)?;
    let mut output = Output::open(&arguments)?;
    output.line(format_args!("{}", Score::CSV_HEADER))?;
    while let Some(reading) = readings.next()? {
        session.reseed(seed, reading.index.into());
        let score = session
            .score_observed(reading.values, reading.observed, estimator)
            .map_err(reading.refused())?;
        output.line(format_args!("{}", score.csv(reading.index)))?;
    }
    output.finish()
}

#[inline(never)]
pub(super) fn explain<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &KEYS)?;
    let estimator = arguments.value("estimator", Estimator::SigmaPoints)?;
    let seed = arguments.value("seed", 0)?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let mut session = memory.session(model, seed)?;
    let terms: &mut [WideSum] = memory.take(model.inputs())?;
    let mut latents = [Nats::ZERO; LATENTS];
    let (have, need) = (LATENTS, model.latents());
    let parts = latents
        .get_mut(..need)
        .ok_or(Failure::Latents { have, need })?;
    let mut readings = Readings::open(&arguments, &mut memory, model)?;
    let mut output = Output::open(&arguments)?;
    while let Some(reading) = readings.next()? {
        session.reseed(seed, reading.index.into());
        let score = session
            .explain(reading.values, reading.observed, estimator, terms, parts)
            .map_err(reading.refused())?;
        output.text(format_args!("{}", score.csv(reading.index)))?;
        let parts = parts.iter().map(|part| part.to_bits().into());
        output.numbers(terms.iter().map(|term| term.to_bits()).chain(parts))?;
    }
    output.finish()
}
