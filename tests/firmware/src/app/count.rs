//! What the operations cost.

use super::files::{Output, Readings};
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::counter::Counter;
use crate::image;
use crate::stack;
use core::hint::black_box;
use elbow::{Estimator, Model, ModelPlace, Session, gaussian, transcendental};

/// The estimators whose instructions are counted.
const COUNTED: [Estimator; 6] = [
    Estimator::PosteriorMean,
    Estimator::SigmaPoints,
    Estimator::MonteCarlo { samples: 16 },
    Estimator::ImportanceWeighted { samples: 1 },
    Estimator::ImportanceWeighted { samples: 2 },
    Estimator::ImportanceWeighted { samples: 4 },
];

#[inline(never)]
pub(super) fn count<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &["readings", "out"])?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let mut session = memory.session(model, 0)?;
    let mut readings = Readings::open(&arguments, &mut memory, model)?;
    let mut output = Output::open(&arguments)?;
    let counter = Counter::start().ok_or(Failure::Counter)?;
    let Some(reading) = readings.next()? else {
        return output.finish();
    };
    // Each is run once before it is counted, so that an error is told and not counted.
    session.encode(reading.values).map_err(reading.refused())?;
    let instructions = counter.instructions_of(|| {
        let _ = session.encode(reading.values);
    });
    output.line(format_args!("encode {instructions}"))?;
    for estimator in COUNTED {
        session
            .score(reading.values, estimator)
            .map_err(reading.refused())?;
        session.reseed(0, 0);
        let instructions = counter.instructions_of(|| {
            let _ = session.score(reading.values, estimator);
        });
        output.line(format_args!("{estimator} {instructions}"))?;
    }
    let words: &mut [u64] = memory.take(model.workspace_words())?;
    let stack = stack::bytes_used(|| {
        let mut place = ModelPlace::new();
        let parsed = place.parse(image::region()).ok();
        let mut session = parsed.and_then(|model| Session::new(model, words, 0).ok());
        let score = session
            .as_mut()
            .map(|session| session.score(reading.values, Estimator::SigmaPoints));
        let _ = black_box(score);
    });
    output.line(format_args!("stack {stack}"))?;
    for (name, function) in FUNCTIONS {
        let thousand = counter.instructions_of(|| {
            (0..1000).for_each(|step| {
                black_box(function(black_box(step)));
            });
        });
        // The loop, and what makes an argument of a step.
        let nothing = counter.instructions_of(|| {
            (0..1000).for_each(|step| {
                black_box(nothing(black_box(step)));
            });
        });
        output.line(format_args!("{name} {}", thousand.saturating_sub(nothing)))?;
    }
    output.finish()
}

/// Functions of one number, by what a thousand calls of them are called: arguments spread over their domains.
const FUNCTIONS: [(&str, fn(u32) -> i32); 4] = [
    ("1000-normal-draws", |step| {
        gaussian::standard_normal(word(step))
    }),
    ("1000-exp", |step| {
        transcendental::exp(-(word(step) >> 12).cast_signed())
    }),
    ("1000-ln", |step| transcendental::ln(word(step) | 1)),
    ("1000-softplus", |step| {
        transcendental::softplus(word(step).cast_signed() >> 12)
    }),
];

fn nothing(step: u32) -> i32 {
    word(step).cast_signed()
}

/// A word for each step, spread over all words.
fn word(step: u32) -> u32 {
    step.wrapping_mul(0x9e37_79b9)
}
