//! A stream of samples under watch.

use super::decide::probability;
use super::files::{Input, Output};
use super::score::{last, slice};
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::image;
use elbow::monitor::{Event, Watch, WatchError, WatchSettings};
use elbow::{Estimator, Model};

/// Samples of each channel that are read from the host at once.
const BLOCK: usize = 32;

#[inline(never)]
pub(super) fn watch<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let keys = [
        "samples",
        "enter",
        "leave",
        "out",
        "estimator",
        "seed",
        "time-constant",
        "slice",
    ];
    let arguments = Arguments::parse(rest, &keys)?;
    let estimator = arguments.value("estimator", Estimator::PosteriorMean)?;
    let rate = |key| {
        arguments
            .get(key)
            .map(|_| probability(&arguments, key))
            .transpose()
    };
    let (enter, leave) = (rate("enter")?, rate("leave")?);
    let time_constant = arguments.value("time-constant", 3)?;
    let seed = arguments.value("seed", 0)?;
    let slice = slice(&arguments)?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let words = model.watch_words().ok_or(WatchError::NoStream)?;
    let channels = model.stream().map_or(1, |stream| stream.shape().channels);
    let settings = WatchSettings::from_rates(model, estimator, time_constant, enter, leave)?;
    let mut watch = Watch::new(model, memory.take(words)?, &settings, seed)?;
    let block = memory.take::<i16>(channels.saturating_mul(BLOCK))?;
    let mut input = Input::open(arguments.require("samples")?)?;
    let mut output = Output::open(&arguments)?;
    output.line(format_args!("{}", Event::CSV_HEADER))?;
    loop {
        let bytes = input.read(bytemuck::cast_slice_mut(block))?;
        let samples = block.get_mut(..bytes / 2).unwrap_or_default();
        for number in &mut *samples {
            *number = i16::from_le(*number);
        }
        for sample in samples.chunks_exact(channels.max(1)) {
            let event = match slice {
                None => watch.push(sample)?,
                Some(passes) => watch
                    .start(sample)?
                    .map(|mut window| last(|| window.poll(passes)))
                    .transpose()
                    .map_err(WatchError::Reading)?,
            };
            if let Some(event) = event {
                output.line(format_args!("{}", event.csv()))?;
            }
        }
        let (have, need) = (bytes % (2 * channels.max(1)), 2 * channels);
        if have != 0 {
            return Err(input.partial(have, need));
        }
        if bytes == 0 {
            return output.finish();
        }
    }
}
