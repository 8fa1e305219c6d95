//! A model that learns where it is installed.

use super::files::{Input, Output};
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::counter::Counter;
use crate::image;
use elbow::adapt::{
    AdaptSettings, Adapted, Adapter, Medium, Moments, Progress, Reference, Stage, Store,
};
use elbow::{Estimator, Model};

/// Bytes of the memory that the state is kept in: two pages.
const PAGES: usize = 4096;

/// RAM in the place of flash.
struct Ram<'m>(&'m mut [u8]);

impl Medium for Ram<'_> {
    type Error = ();

    fn capacity(&self) -> u32 {
        self.0.len() as u32
    }

    fn page(&self) -> u32 {
        256
    }

    fn unit(&self) -> usize {
        8
    }

    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), ()> {
        let part = self.0.get(at as usize..).ok_or(())?;
        bytes
            .iter_mut()
            .zip(part)
            .for_each(|(place, &byte)| *place = byte);
        Ok(())
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), ()> {
        let part = self.0.get_mut(from as usize..to as usize).ok_or(())?;
        part.iter_mut().for_each(|byte| *byte = 0xff);
        Ok(())
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), ()> {
        let part = self.0.get_mut(at as usize..).ok_or(())?;
        part.iter_mut()
            .zip(bytes)
            .for_each(|(place, &byte)| *place = byte);
        Ok(())
    }
}

/// What both commands take.
const KEYS: [&str; 8] = [
    "readings",
    "reference",
    "learn",
    "calibrate",
    "rounds",
    "out",
    "estimator",
    "seed",
];

/// FNV-1a of what readings were judged to be.
#[derive(Clone, Copy)]
struct Digest(u32);

impl Digest {
    fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }

    fn adapted(&mut self, adapted: &Adapted) {
        let drift = adapted.drift.map_or(0, |drift| drift.z);
        for word in [
            adapted.score.elbo().to_bits().cast_unsigned(),
            adapted.p_value.to_bits(),
            adapted.surprise.to_bits().cast_unsigned(),
            drift.cast_unsigned(),
        ] {
            self.take(&word.to_le_bytes());
        }
    }
}

/// An adapter of `model`, with the reference that `reference=` names.
fn adapter<'a, 's, 'm: 's>(
    arguments: &Arguments<'a>,
    memory: &mut Memory<'m>,
    model: &'s Model<'s>,
) -> Result<Adapter<'s>, Failure<'a>> {
    let estimator = arguments.value("estimator", Estimator::SigmaPoints)?;
    let settings = AdaptSettings {
        learn: arguments.value("learn", 200)?,
        calibrate: arguments.value("calibrate", 200)?,
        ..AdaptSettings::new(estimator)
    };
    let path = arguments.require("reference")?;
    let need = 24 + 8 * model.reading_length();
    let bytes: &'m mut [u8] = memory.take(need)?;
    let mut file = Input::open(path)?;
    if !file.fill(bytes)? {
        return Err(file.partial(0, need));
    }
    let reference = Reference::parse(bytes)?;
    let words = memory.take(model.adapt_words())?;
    let reference = Some(reference);
    Ok(Adapter::new(
        model,
        image::region(),
        words,
        reference,
        settings,
    )?)
}

/// Takes all readings of the file in, `rounds` times, in one session; a line for each round: digest, stage, progress. The state is
/// stored after each reading, and loaded again behind each round.
#[inline(never)]
pub(super) fn adapt<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &KEYS)?;
    let rounds = arguments.value("rounds", 1u32)?;
    let seed = arguments.value("seed", 0)?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let mut output = Output::open(&arguments)?;
    let pages: &mut [u8] = memory.take(PAGES)?;
    let mut store = Store::new(Ram(pages));
    let values: &mut [i16] = memory.take(model.reading_length())?;
    let mut session = memory.session(model, seed)?;
    let mut adapter = adapter(&arguments, &mut memory, model)?;
    store.load(&mut adapter).map_err(|_| Failure::Store)?;
    adapter.commission();
    for _ in 0..rounds {
        let mut digest = Digest(0x811c_9dc5);
        let mut file = Input::open(arguments.require("readings")?)?;
        while file.fill_numbers(values)? {
            let adapted = adapter.score(&mut session, values)?;
            store.keep(&adapter, &adapted).map_err(|_| Failure::Store)?;
            digest.adapted(&adapted);
        }
        if adapter.stage() != Stage::Learning {
            store.load(&mut adapter).map_err(|_| Failure::Store)?;
        }
        for Moments {
            location,
            deviation,
        } in adapter.alignment().moments()
        {
            digest.take(&location.to_le_bytes());
            digest.take(&deviation.to_le_bytes());
        }
        let (stage, progress) = (adapter.stage(), adapter.progress());
        let stage = stage as u8;
        output.line(format_args!(
            "{:08x} {stage} {} {}",
            digest.0, progress.done, progress.of
        ))?;
    }
    output.finish()
}

/// Counts the instructions of a reading in each stage, and of its score alone; says how many bytes an adapter is, beside its memory.
#[inline(never)]
pub(super) fn adapt_cost<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &KEYS)?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let mut output = Output::open(&arguments)?;
    let values: &mut [i16] = memory.take(model.reading_length())?;
    let mut session = memory.session(model, 0)?;
    let mut adapter = adapter(&arguments, &mut memory, model)?;
    let counter = Counter::start().ok_or(Failure::Counter)?;
    let estimator = adapter.settings().estimator;
    output.line(format_args!("bytes {}", size_of::<Adapter<'_>>()))?;
    let mut file = Input::open(arguments.require("readings")?)?;
    let mut number = 0u32;
    adapter.commission();
    let Progress { of: learn, .. } = adapter.progress();
    let calibrate = adapter.settings().calibrate;
    while file.fill_numbers(values)? {
        let name = match number {
            number if number == learn / 2 => "learning",
            number if number == learn - 1 => "checking",
            number if number == learn + calibrate / 2 => "calibrating",
            number if number == learn + calibrate => "ready",
            _ => "",
        };
        let instructions = counter.instructions_of(|| {
            let _ = adapter.score(&mut session, values);
        });
        if !name.is_empty() {
            let plain = counter.instructions_of(|| {
                let _ = session.score(values, estimator);
            });
            output.line(format_args!("{name} {instructions} {plain}"))?;
        }
        number += 1;
    }
    output.finish()
}
