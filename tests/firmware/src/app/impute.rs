//! Readings with their gaps filled in.

use super::files::{Output, Readings};
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::image;
use elbow::Model;

#[inline(never)]
pub(super) fn impute<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &["readings", "mask", "out", "limit"])?;
    arguments.require("mask")?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let mut session = memory.session(model, 0)?;
    let filled = memory.take(model.inputs())?;
    let mut readings = Readings::open(&arguments, &mut memory, model)?;
    let mut output = Output::open(&arguments)?;
    while let Some(reading) = readings.next()? {
        session
            .impute(reading.values, reading.observed, filled)
            .map_err(reading.refused())?;
        output.text(format_args!("{}", reading.index))?;
        output.numbers(filled.iter())?;
    }
    output.finish()
}
