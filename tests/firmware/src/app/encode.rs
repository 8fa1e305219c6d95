//! What leaves the encoder, and what a receiver makes of it.

use super::files::{Output, Readings};
use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::image;
use elbow::telemetry::Packet;
use elbow::{Model, PosteriorKind};

/// Bytes of a packet beside its latents, at most.
const FRAME: usize = 8;

#[inline(never)]
pub(super) fn encode<'a>(rest: &'a str, mut memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &["readings", "mask", "out", "seed", "limit"])?;
    let seed = arguments.value("seed", 0)?;
    let parsed = Model::parse(image::region());
    let model = parsed.as_ref().map_err(|error| *error)?;
    let mut session = memory.session(model, seed)?;
    let decoded = memory.take(model.inputs())?;
    let latents = memory.take(model.latents())?;
    let storage = memory.take(model.latents())?;
    let radio = memory.take(model.latents().saturating_add(FRAME))?;
    let mut readings = Readings::open(&arguments, &mut memory, model)?;
    let mut output = Output::open(&arguments)?;
    while let Some(reading) = readings.next()? {
        session.reseed(seed, reading.index.into());
        let posterior = session
            .encode_observed(reading.values, reading.observed)
            .map_err(reading.refused())?;
        output.text(format_args!("posterior"))?;
        output.numbers(posterior.mean.iter().chain(posterior.log_variance))?;
        let packet = if model.posterior() == PosteriorKind::Bernoulli {
            let bytes = storage.get_mut(..model.latents().div_ceil(8));
            let bytes = bytes.unwrap_or_default();
            Packet::of_bits(reading.index as u8, posterior.mean, bytes)?
        } else {
            Packet::quantize(reading.index as u8, posterior.mean, storage)?
        };
        let sent = packet.to_slice(radio)?;
        output.text(format_args!("sample"))?;
        output.numbers(session.sample())?;
        output.text(format_args!("packet"))?;
        output.numbers(sent)?;
        let (received, _) = Packet::from_bytes(sent)?;
        received.write_latents(model.latent_fraction_bits(), latents)?;
        session.decode(latents, decoded)?;
        output.text(format_args!("decoded"))?;
        output.numbers(decoded.iter())?;
    }
    output.finish()
}
