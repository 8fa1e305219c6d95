//! Readings that the model makes up.

use super::files::Output;
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::image;
use elbow::Model;
use elbow::text::Picture;

#[inline(never)]
pub(super) fn dream<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &["out", "count", "seed"])?;
    let count = arguments.value("count", 1_u32)?;
    let seed = arguments.value("seed", 0)?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let mut session = memory.session(model, seed)?;
    let values = memory.take(model.inputs())?;
    let mut output = Output::open(&arguments)?;
    for index in 0..count {
        session.reseed(seed, index.into());
        session.generate(values)?;
        let width = model.picture_width();
        output.line(format_args!("{}", Picture { values, width }))?;
    }
    output.finish()
}
