//! Every operation of the runtime, in a program that does not link if any of them can panic.
//!
//! It is built for each target and never run. All that goes in is read from volatile memory, so the compiler knows
//! nothing of it; all that comes out is printed, into volatile memory again.
//!
//! The proof is the optimizer's: it finds it with `opt-level` "s", 2 and 3. With "z" it leaves `i32::clamp` and the
//! length of `chunks_exact` as calls, and in them the checks of bounds and of a divisor that are constants here.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use core::fmt::{self, Write};
use core::mem::ManuallyDrop;
use core::panic::PanicInfo;
use core::ptr;
use core::task::Poll;
#[cfg(target_arch = "arm")]
use cortex_m_rt::entry;
use elbow::adapt::{AdaptSettings, Adapter, Nor, Reference as OfFactory, Rewritable, Store};
use elbow::internal::{Activations, Bounds, Dense, Numbers, Operands, Row};
use elbow::layer::{Packing, Quantization, WeightBits};
use elbow::monitor::{
    Drift, DriftSettings, Event, Martingale, MartingaleSettings, Reference, Smoother,
    SmootherSettings, Watch, WatchSettings,
};
use elbow::requantize::Multiplier;
use elbow::signal::{Feature, FrontEnd, WindowShape, Windows};
use elbow::telemetry::Packet;
use elbow::text::Picture;
use elbow::{
    Estimator, Mask, Model, Nats, Probability, Question, Score, Session, WideSum, Workspace,
    distribution, format, gaussian, raw_reading, rng, transcendental,
};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use embedded_storage::{ReadStorage, Storage};
#[cfg(target_arch = "riscv32")]
use riscv_rt::entry;

unsafe extern "C" {
    /// It does not exist: a program that may call it does not link.
    fn this_program_can_panic() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it is never called, since nothing that calls it can be linked.
    unsafe { this_program_can_panic() }
}

/// `value`, of which the compiler knows nothing but the type.
fn unknown<T>(value: T) -> T {
    let place = ManuallyDrop::new(value);
    // SAFETY: the place is valid and initialized, and the original is never used again.
    unsafe { ptr::read_volatile(&raw const *place) }
}

/// Text to nowhere. Numbers of 64 bits are not printed: with a `core` that is compiled for size, its formatting of
/// them keeps a check of bounds. The runtime prints none either.
struct Sink(u8);

impl Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: the byte is borrowed alone.
            unsafe { ptr::write_volatile(&raw mut self.0, byte) };
        }
        Ok(())
    }
}

/// The value, or nothing once the error is printed.
fn said<T, E: fmt::Display>(out: &mut Sink, result: Result<T, E>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            let _ = write!(out, "{error}");
            None
        }
    }
}

/// What the operations work on.
struct Memory<'m> {
    bytes: &'m [u8],
    words: &'m mut [u64],
    reading: &'m [i16],
    raw: &'m mut [i16],
    values: &'m mut [i32],
    wide: &'m mut [WideSum],
    nats: &'m mut [Nats],
    radio: &'m mut [u8],
    number: u32,
    text: &'m str,
}

#[entry]
fn main() -> ! {
    let mut words = Workspace::<128>::new();
    let memory = Memory {
        bytes: unknown(&[]),
        words: unknown(&mut words),
        reading: unknown(&[]),
        raw: unknown(&mut []),
        values: unknown(&mut []),
        wide: unknown(&mut []),
        nats: unknown(&mut []),
        radio: unknown(&mut []),
        number: unknown(0),
        text: unknown(""),
    };
    everything(unknown(memory), &mut Sink(0));
    loop {
        core::hint::spin_loop();
    }
}

#[inline(never)]
fn everything(mut memory: Memory<'_>, out: &mut Sink) {
    let _ = numbers(&memory, out);
    let _ = layers(&mut memory, out);
    let _ = monitors(&mut memory, out);
    let _ = telemetry(&mut memory, out);
    #[cfg(feature = "planted-panic")]
    let _ = out.write_char(char::from_u32(memory.number).unwrap());
    let Some(model) = said(out, Model::parse(memory.bytes)) else {
        return;
    };
    let _ = describe(&model, &memory, out);
    let _ = said(out, model.self_test(memory.words));
    let _ = sessions(&model, &mut memory, out);
    let _ = watch(&model, &mut memory, out);
    let _ = adapt(&model, &mut memory, out);
}

#[inline(never)]
fn numbers(memory: &Memory<'_>, out: &mut Sink) -> Option<()> {
    let number = memory.number;
    let signed = number.cast_signed();
    let functions = [
        transcendental::exp2(signed),
        transcendental::exp(signed),
        transcendental::log2(number),
        transcendental::ln(number),
        transcendental::softplus(signed),
        transcendental::sigmoid(signed),
        gaussian::standard_normal(number),
        Multiplier::from_word(number)?.apply(signed),
    ];
    let nats = functions.map(Nats::from_bits);
    for value in nats {
        let other = WideSum::from_bits(value.to_f64() as i64).saturating_to_nats();
        write!(out, "{value} {}", value.saturating_sub(other)).ok()?;
    }
    let probability = Probability::from_bits(number)?;
    write!(
        out,
        "{probability} {}",
        Probability::new(probability.to_f64())
    )
    .ok()?;
    let raw = raw_reading(Multiplier::from_word(number)?.to_f64(), number as i8);
    let length = said(out, format::image_length(memory.bytes))?;
    write!(out, "{raw} {length}").ok()?;
    let mask = said(out, Mask::new(memory.bytes, number as usize))?;
    write!(out, "{}", mask.observes(number as usize)).ok()?;
    let estimator: Estimator = said(out, memory.text.parse())?;
    write!(out, "{estimator} {}", estimator.passes(number as u16)).ok()
}

#[inline(never)]
fn layers(memory: &mut Memory<'_>, out: &mut Sink) -> Option<()> {
    let number = memory.number;
    let Memory {
        values, raw, bytes, ..
    } = memory;
    let rows: &[Row] = bytemuck::try_cast_slice(values).ok()?;
    let packing = *Packing::ALL.get(number as usize)?;
    let bits = *WeightBits::ALL.get(number as usize)?;
    let length = bits.bytes(packing, number as usize, number as usize);
    write!(
        out,
        "{length:?} {} {}",
        bits.count(),
        bits.holds(number as i8)
    )
    .ok()?;
    let dense = Dense {
        columns: number as usize,
        packing,
        bits,
        weights: bytes,
        rows,
        bounds: Bounds {
            norm: number,
            shift: number,
        },
    };
    write!(out, "{:?}", dense.proves_bound(number.into())).ok()?;
    let mut words = [0; 32];
    let lanes = number as usize;
    let operands = Operands::prepare(packing, Numbers::Wide(raw), lanes, lanes, &mut words);
    let mut outputs = dense.outputs(operands);
    while let Some(band) = outputs.next() {
        for value in band.iter().flatten() {
            write!(out, "{value}").ok()?;
        }
    }
    let quantization = Quantization {
        zero_point: number as i16,
        floor: number as i16,
        ceiling: number as i16,
    };
    let mut activations = [0; 8];
    let operands = Operands::prepare(packing, Numbers::Wide(raw), lanes, lanes, &mut words);
    dense.activate(operands, quantization, Activations::Wide(&mut activations));
    write!(out, "{activations:?}").ok()?;
    let narrow: &[i8] = bytemuck::cast_slice(bytes);
    let operands = Operands::prepare(packing, Numbers::Narrow(narrow), lanes, lanes, &mut words);
    let mut activations = [0; 8];
    dense.activate(
        operands,
        quantization,
        Activations::Narrow(&mut activations),
    );
    write!(out, "{activations:?}").ok()?;
    let kl = distribution::Prior::Standard.divergence(values, values);
    let binomial = distribution::Binomial::new(number as u8, values)?;
    let kl = kl.saturating_to_nats();
    write!(out, "{kl} {}", binomial.trials()).ok()
}

#[inline(never)]
fn monitors(memory: &mut Memory<'_>, out: &mut Sink) -> Option<()> {
    let number = memory.number;
    let nats = Nats::from_bits(number.cast_signed());
    let settings = SmootherSettings {
        time_constant: number as u8,
        enter: nats,
        leave: nats,
        floor: Nats::from_bits(number.cast_signed().saturating_sub(1)),
    };
    let mut smoother = said(out, Smoother::new(settings))?;
    let reference = Reference {
        mean: nats,
        standard_deviation: nats,
    };
    let settings = DriftSettings {
        time_constant: number as u8,
        clip: number as u8,
        z: number,
        least_ratio: number,
        most_ratio: number,
    };
    let mut drift = said(out, Drift::new(reference, settings))?;
    let chance = Probability::from_bits(number)?;
    let settings = MartingaleSettings {
        epsilon: chance,
        threshold: MartingaleSettings::threshold(chance),
        ceiling: nats,
        restarts: number > 1,
    };
    let mut martingale = said(out, Martingale::new(settings))?;
    for &value in &*memory.values {
        let nats = Nats::from_bits(value);
        let transition = smoother.update(nats);
        let report = drift.update(nats);
        write!(
            out,
            "{} {} {}",
            transition.is_alarm(),
            report.mean,
            report.z
        )
        .ok()?;
        let evidence = martingale.update(nats).is_alarm();
        write!(out, "{evidence} {}", martingale.log()).ok()?;
    }
    smoother.reset();
    drift.reset();
    martingale.reset();
    front_ends(memory, out)
}

#[inline(never)]
fn front_ends(memory: &mut Memory<'_>, out: &mut Sink) -> Option<()> {
    let number = memory.number;
    let features = [
        Feature::Samples { remove_mean: true },
        Feature::Mean {
            fraction_bits: number as u8,
        },
        Feature::Rms {
            fraction_bits: number as u8,
        },
        Feature::BandEnergies {
            bands: number as u8,
        },
    ];
    let features = features.get(number as usize..)?;
    let front_end = said(out, FrontEnd::new(number as u8, number as u16, features))?;
    let (raw, reading) = memory.raw.split_at_mut_checked(number as usize)?;
    let (have, samples) = (number as usize, front_end.samples().into());
    let shape = WindowShape {
        channels: have,
        samples,
        hop: have,
    };
    let mut windows = said(out, Windows::new(raw, shape))?;
    if let Some(window) = said(out, windows.push(memory.reading))? {
        said(out, front_end.apply(window, memory.values, reading))?;
    }
    write!(out, "{} {}", windows.missing(), windows.shape().numbers()).ok()?;
    windows.clear();
    Some(())
}

#[inline(never)]
fn telemetry(memory: &mut Memory<'_>, out: &mut Sink) -> Option<()> {
    let (storage, buffer) = memory.radio.split_at_mut_checked(memory.number as usize)?;
    let packet = said(
        out,
        if memory.number == 0 {
            Packet::of_bits(memory.number as u8, memory.values, storage)
        } else {
            Packet::quantize(memory.number as u8, memory.values, storage)
        },
    )?;
    let sent = said(out, packet.to_slice(buffer))?;
    write!(out, "{}", sent.len()).ok()?;
    let (packet, rest) = said(out, Packet::from_bytes(memory.bytes))?;
    said(out, packet.write_latents(memory.number, memory.raw))?;
    let lost = packet.lost_since(memory.number as u8);
    write!(out, "{lost} {} {}", rest.len(), packet.length()).ok()?;
    for latent in packet.latents() {
        write!(out, "{latent}").ok()?;
    }
    Some(())
}

#[inline(never)]
fn describe(model: &Model<'_>, memory: &Memory<'_>, out: &mut Sink) -> Option<()> {
    write!(out, "{} {}", model.name(), model.image_length()).ok()?;
    write!(
        out,
        "{} {:?}",
        model.picture_width(),
        model.posterior().heads()
    )
    .ok()?;
    write!(
        out,
        "{} {}",
        model.workspace_words(),
        model.likelihood().rows_per_input()
    )
    .ok()?;
    write!(out, "{:?} {}", model.exponents(), model.noise().mean_excess).ok()?;
    for index in 0..model.columns() {
        let column = model.column(index)?;
        let count = column.raw_of_count(index as i32);
        let raw = column.raw(column.value(count.value.into()));
        let saturated = count.saturated || raw.saturated;
        let (name, unit) = (column.name(), column.unit());
        write!(out, "{name} {unit} {} {saturated}", raw.value).ok()?;
    }
    for layer in model.layers() {
        let scales = layer.scale_range();
        let wider = scales.smallest < scales.largest;
        write!(
            out,
            "{} {} {} {wider}",
            layer.role,
            layer.shape.macs(),
            layer.bytes()
        )
        .ok()?;
    }
    for table in model.calibrations() {
        let threshold = said(out, table.threshold(Probability::from_bits(memory.number)?))?;
        let (knots, p_value) = (table.knots(), table.p_value(threshold));
        let (surprise, judges) = (table.surprise(threshold), table.judges());
        write!(
            out,
            "{threshold} {knots} {p_value} {surprise} {judges} {}",
            table.mean()
        )
        .ok()?;
        write!(
            out,
            "{} {}",
            table.smallest_counted(),
            table.smallest_p_value()
        )
        .ok()?;
    }
    Some(())
}

#[inline(never)]
fn sessions(model: &Model<'_>, memory: &mut Memory<'_>, out: &mut Sink) -> Option<()> {
    let Memory {
        bytes,
        words,
        reading,
        raw,
        values,
        wide,
        nats,
        number,
        ..
    } = memory;
    let number = *number;
    let seed = u64::from(number);
    let samples = number as u16;
    let mut own = said(
        out,
        Session::with_rng(model, words, rng::stream(seed, seed)),
    )?;
    write!(out, "{:?}", own.sample().len()).ok()?;
    let mut session = said(out, Session::new(model, words, seed))?;
    let mask = said(out, Mask::new(bytes, model.reading_length()))?;
    let question = Question {
        threshold: Nats::from_bits(number.cast_signed()),
        confidence: Probability::from_bits(number)?,
        max_passes: samples,
    };
    for estimator in [
        Estimator::PosteriorMean,
        Estimator::SigmaPoints,
        Estimator::MonteCarlo { samples },
        Estimator::ImportanceWeighted { samples },
        Estimator::Enumeration,
    ] {
        session.reseed(seed, seed);
        let score = said(out, session.score(reading, estimator))?;
        write!(out, "{}{}", Score::CSV_HEADER, score.csv(number)).ok()?;
        let score = said(out, session.score_observed(reading, mask, estimator))?;
        write!(out, "{}", score.csv(number)).ok()?;
        let mut scoring = said(out, session.start(reading, estimator))?;
        while scoring.poll(samples).is_pending() {}
        let mut scoring = said(out, session.start_observed(reading, mask, estimator))?;
        if let Poll::Ready(score) = scoring.poll(samples) {
            write!(out, "{}", score.csv(number)).ok()?;
        }
        let explaining = session.start_explained(reading, mask, estimator, wide);
        let mut explaining = said(out, explaining)?;
        while explaining.poll(samples).is_pending() {}
        said(out, session.divergence_parts(nats))?;
        let score = said(out, session.explain(reading, mask, estimator, wide, nats))?;
        write!(out, "{} {}", score.csv(number), score.surprise()).ok()?;
        let values = session.statistics(reading, mask, &score);
        write!(out, "{values:?} {}", score.statistic()).ok()?;
    }
    let decision = said(out, session.decide(reading, &question))?;
    write!(
        out,
        "{:?} {} {}",
        decision.side, decision.bound, decision.passes
    )
    .ok()?;
    let posterior = said(out, session.encode(reading))?;
    let distance = posterior.squared_distance().saturating_to_nats();
    write!(out, "{distance}").ok()?;
    said(out, session.encode_observed(reading, mask))?;
    write!(out, "{}", session.posterior().mean.len()).ok()?;
    said(out, session.condition(raw))?;
    said(out, session.decode(raw, values))?;
    said(out, session.reconstruct(values))?;
    said(out, session.generate(values))?;
    said(out, session.impute(reading, mask, values))?;
    let width = number as usize;
    write!(out, "{}", Picture { values, width }).ok()
}

#[inline(never)]
fn watch(model: &Model<'_>, memory: &mut Memory<'_>, out: &mut Sink) -> Option<()> {
    let rate = Probability::from_bits(memory.number)?;
    let estimator = memory.text.parse().ok()?;
    let constant = memory.number as u8;
    let settings = WatchSettings::from_rates(model, estimator, constant, Some(rate), None);
    let settings = said(out, settings)?;
    let stream = model.stream()?;
    let channel = stream.channel_of(memory.number as usize);
    write!(
        out,
        "{channel} {:?} {:?}",
        model.watch_words(),
        model.typical()
    )
    .ok()?;
    let mut watch = said(out, Watch::new(model, memory.words, &settings, 0))?;
    write!(out, "{}", Event::CSV_HEADER).ok()?;
    while let Some(event) = said(out, watch.push(memory.reading))? {
        write!(out, "{} {}", event.csv(), watch.blame().channel).ok()?;
    }
    if let Some(mut window) = said(out, watch.start(memory.reading))? {
        if let Poll::Ready(event) = window.poll(memory.number as u16) {
            let event = said(out, event)?;
            write!(out, "{}", event.csv()).ok()?;
        }
    }
    let table = model.calibration(estimator)?;
    let nats = Nats::from_bits(memory.number.cast_signed());
    let settings = WatchSettings::from_thresholds(estimator, table, constant, nats, nats);
    said(out, Watch::new(model, memory.words, &settings, 0))?;
    Some(())
}

#[inline(never)]
fn adapt(model: &Model<'_>, memory: &mut Memory<'_>, out: &mut Sink) -> Option<()> {
    let number = memory.number;
    let estimator = memory.text.parse().ok()?;
    let settings = AdaptSettings {
        learn: number,
        calibrate: number,
        trust: number,
        ..AdaptSettings::new(estimator)
    };
    let reference = said(out, OfFactory::parse(memory.bytes));
    let (own, rest) = memory.words.split_at_mut_checked(number as usize)?;
    let adapter = Adapter::new(model, memory.bytes, own, reference, settings);
    let mut adapter = said(out, adapter)?;
    let mut session = said(out, Session::new(model, rest, 0))?;
    let mask = said(out, Mask::new(memory.bytes, model.reading_length()))?;
    let mut flash = Store::new(Nor(Pages(number as u8)));
    let mut fram = Store::new(Rewritable(Pages(number as u8)));
    said(out, flash.load(&mut adapter))?;
    said(out, fram.load(&mut adapter))?;
    adapter.commission();
    for _ in 0..number {
        let adapted = adapter.score_observed(&mut session, memory.reading, mask);
        let adapted = said(out, adapted)?;
        said(out, flash.keep(&adapter, &adapted))?;
        said(out, fram.keep(&adapter, &adapted))?;
        write!(out, "{} {}", adapted.p_value, adapted.surprise).ok()?;
    }
    let threshold = adapter.threshold(Probability::from_bits(number)?)?;
    let (progress, bounds) = (adapter.progress(), adapter.alignment().at_bounds());
    write!(out, "{threshold} {} {bounds}", progress.done).ok()?;
    adapter.close();
    adapter.recalibrate();
    adapter.forget();
    Some(())
}

/// Memory of which nothing is known.
struct Pages(u8);

impl ReadNorFlash for Pages {
    const READ_SIZE: usize = 1;

    fn read(&mut self, _: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(unknown(self.0));
        Ok(())
    }

    fn capacity(&self) -> usize {
        usize::from(unknown(self.0))
    }
}

impl NorFlash for Pages {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 256;

    fn erase(&mut self, from: u32, _: u32) -> Result<(), Self::Error> {
        self.0 = unknown(from as u8);
        Ok(())
    }

    fn write(&mut self, at: u32, _: &[u8]) -> Result<(), Self::Error> {
        self.0 = unknown(at as u8);
        Ok(())
    }
}

impl ErrorType for Pages {
    type Error = NorFlashErrorKind;
}

impl ReadStorage for Pages {
    type Error = NorFlashErrorKind;

    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        ReadNorFlash::read(self, at, bytes)
    }

    fn capacity(&self) -> usize {
        ReadNorFlash::capacity(self)
    }
}

impl Storage for Pages {
    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        NorFlash::write(self, at, bytes)
    }
}
