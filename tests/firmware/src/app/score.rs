//! Scores, and what they are made of.

use super::files::{Output, Readings};
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::image;
use core::task::Poll;
use elbow::{Estimator, Model, Nats, Score, WideSum};

/// What both commands take.
const KEYS: [&str; 7] = [
    "readings",
    "mask",
    "out",
    "estimator",
    "seed",
    "limit",
    "slice",
];

/// Latents that `explain` has room for.
const LATENTS: usize = 64;

/// Passes of a slice; none where all is done in one go.
pub(super) fn slice<'a>(arguments: &Arguments<'a>) -> Result<Option<u16>, Failure<'a>> {
    match arguments.get("slice") {
        None => Ok(None),
        Some(_) => Ok(Some(arguments.value("slice", 0)?)),
    }
}

/// What comes after the last slice.
pub(super) fn last<T>(mut poll: impl FnMut() -> Poll<T>) -> T {
    loop {
        if let Poll::Ready(result) = poll() {
            return result;
        }
    }
}

#[inline(never)]
pub(super) fn score<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &KEYS)?;
    let estimator = arguments.value("estimator", Estimator::SigmaPoints)?;
    let seed = arguments.value("seed", 0)?;
    let slice = slice(&arguments)?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let mut session = memory.session(model, seed)?;
    let mut readings = Readings::open(&arguments, &mut memory, model)?;
    let mut output = Output::open(&arguments)?;
    output.line(format_args!("{}", Score::CSV_HEADER))?;
    while let Some(reading) = readings.next()? {
        session.reseed(seed, reading.index.into());
        let score = match slice {
            None => session.score_observed(reading.values, reading.observed, estimator),
            Some(passes) => session
                .start_observed(reading.values, reading.observed, estimator)
                .map(|mut scoring| last(|| scoring.poll(passes))),
        };
        let score = score.map_err(reading.refused())?;
        output.line(format_args!("{}", score.csv(reading.index)))?;
    }
    output.finish()
}

#[inline(never)]
pub(super) fn explain<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &KEYS)?;
    let estimator = arguments.value("estimator", Estimator::SigmaPoints)?;
    let seed = arguments.value("seed", 0)?;
    let slice = slice(&arguments)?;
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
        let score = match slice {
            None => session.explain(reading.values, reading.observed, estimator, terms, parts),
            Some(passes) => {
                let score = session
                    .start_explained(reading.values, reading.observed, estimator, terms)
                    .map(|mut explaining| last(|| explaining.poll(passes)));
                session.divergence_parts(parts)?;
                score
            }
        };
        let score = score.map_err(reading.refused())?;
        output.text(format_args!("{}", score.csv(reading.index)))?;
        let parts = parts.iter().map(|part| part.to_bits().into());
        output.numbers(terms.iter().map(|term| term.to_bits()).chain(parts))?;
    }
    output.finish()
}
