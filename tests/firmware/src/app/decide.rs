//! On which side of a threshold readings lie.

use super::files::{Output, Readings};
use super::{Failure, Memory};
use crate::arguments::{ArgumentError, Arguments};
use crate::image;
use elbow::{Model, Nats, Probability, Question, Side};

#[inline(never)]
pub(super) fn decide<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let keys = [
        "readings",
        "threshold",
        "confidence",
        "passes",
        "out",
        "seed",
        "limit",
    ];
    let arguments = Arguments::parse(rest, &keys)?;
    let question = Question {
        threshold: Nats::from_bits(arguments.required_value("threshold")?),
        confidence: probability(&arguments, "confidence")?,
        max_passes: arguments.required_value("passes")?,
    };
    let seed = arguments.value("seed", 0)?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let mut session = memory.session(model, seed)?;
    let mut readings = Readings::open(&arguments, &mut memory, model)?;
    let mut output = Output::open(&arguments)?;
    while let Some(reading) = readings.next()? {
        session.reseed(seed, reading.index.into());
        let decision = session
            .decide(reading.values, &question)
            .map_err(reading.refused())?;
        let side = match decision.side {
            Side::Above => "above",
            Side::Below => "below",
            Side::Unsure => "unsure",
        };
        let (bound, passes) = (decision.bound.to_bits(), decision.passes);
        output.line(format_args!("{side} {bound} {passes}"))?;
    }
    output.finish()
}

/// A probability as its raw integer, which must be given.
pub(super) fn probability<'a>(
    arguments: &Arguments<'a>,
    key: &'static str,
) -> Result<Probability, ArgumentError<'a>> {
    let value = arguments.require(key)?;
    let bits = arguments.required_value(key)?;
    Probability::from_bits(bits).ok_or(ArgumentError::Malformed { key, value })
}
