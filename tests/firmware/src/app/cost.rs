//! What a budget is made of: the instructions and the stack of a score.

use super::files::{Output, Readings};
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::counter::Counter;
use crate::{image, stack};
use core::hint::black_box;
use elbow::{Estimator, Model, ModelPlace, Probability, Session};

#[inline(never)]
pub(super) fn cost<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &["readings", "estimator", "out"])?;
    let estimator = arguments.value("estimator", Estimator::SigmaPoints)?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let words = memory.take(model.workspace_words())?;
    let mut readings = Readings::open(&arguments, &mut memory, model)?;
    let mut output = Output::open(&arguments)?;
    let Some(reading) = readings.next()? else {
        return output.finish();
    };
    // Before the timer runs: its interrupts take stack too.
    let stack = stack::bytes_used(|| {
        black_box(product(words, reading.values, estimator));
    });
    let mut session = Session::new(model, words, 0)?;
    session
        .score(reading.values, estimator)
        .map_err(reading.refused())?;
    let counter = Counter::start().ok_or(Failure::Counter)?;
    let encode = counter.instructions_of(|| {
        let _ = session.encode(reading.values);
    });
    session.reseed(0, 0);
    let score = counter.instructions_of(|| {
        let _ = session.score(reading.values, estimator);
    });
    output.line(format_args!("encode {encode}"))?;
    output.line(format_args!("score {score}"))?;
    output.line(format_args!("stack {stack}"))?;
    output.finish()
}

/// What a product does with its stack: it parses the model, keeps a session, and looks at a p-value.
#[inline(never)]
fn product(words: &mut [u64], reading: &[i16], estimator: Estimator) -> bool {
    let mut place = ModelPlace::new();
    let Ok(model) = place.parse(image::region()) else {
        return false;
    };
    let Ok(mut session) = Session::new(model, words, 0) else {
        return false;
    };
    let score = session.score(reading, estimator);
    score.is_ok_and(|score| score.p_value() < Probability::new(0.01))
}
