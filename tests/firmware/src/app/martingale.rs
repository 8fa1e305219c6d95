//! A bet against the p-values of readings.

use super::decide::probability;
use super::files::{Output, Readings};
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::image;
use elbow::monitor::{Martingale, MartingaleSettings, WatchError};
use elbow::{Estimator, Model, Nats};

#[inline(never)]
pub(super) fn martingale<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let keys = [
        "readings",
        "mask",
        "out",
        "estimator",
        "seed",
        "limit",
        "chance",
        "epsilon",
        "restarts",
    ];
    let arguments = Arguments::parse(rest, &keys)?;
    let estimator = arguments.value("estimator", Estimator::SigmaPoints)?;
    let seed = arguments.value("seed", 0)?;
    let settings = MartingaleSettings {
        epsilon: probability(&arguments, "epsilon")?,
        threshold: MartingaleSettings::threshold(probability(&arguments, "chance")?),
        ceiling: Nats::MAX,
        restarts: arguments.required_value("restarts")?,
    };
    let mut martingale = Martingale::new(settings).map_err(WatchError::Monitor)?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let mut session = memory.session(model, seed)?;
    let mut readings = Readings::open(&arguments, &mut memory, model)?;
    let mut output = Output::open(&arguments)?;
    while let Some(reading) = readings.next()? {
        session.reseed(seed, reading.index.into());
        let score = session
            .score_observed(reading.values, reading.observed, estimator)
            .map_err(reading.refused())?;
        let surprise = score.surprise();
        let alarm = martingale.update(surprise).is_alarm();
        let (surprise, log) = (surprise.to_bits(), martingale.log().to_bits());
        output.line(format_args!("{surprise} {log} {alarm}"))?;
    }
    output.finish()
}
