//! What the operations cost.

use super::files::{Output, Readings};
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::counter::Counter;
use crate::image;
use elbow::{Estimator, Model};

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
    let model = Model::parse(image::region())?;
    let mut session = memory.session(&model, 0)?;
    let mut readings = Readings::open(&arguments, &mut memory, &model)?;
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
    output.finish()
}
