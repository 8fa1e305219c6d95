//! Packets of telemetry as devices send them and a receiver takes them.

use crate::error::Error;
use crate::readings::Readings;
use crate::readings::device::Units;
use elbow::telemetry::Packet;
use elbow::{Model, PosteriorKind, Session};

/// Decodes packets one after the other, as a device with the same model would.
#[derive(Debug)]
pub struct Receiver<'s> {
    model: &'s Model<'s>,
    units: Units,
    session: Session<'s>,
    bytes: &'s [u8],
    /// Offset of the next packet.
    offset: usize,
    /// The sequence number of the last packet.
    last: Option<u8>,
}

/// A packet and the reading that it stands for.
#[derive(Debug)]
pub struct Received {
    /// Its sequence number.
    pub sequence: u8,
    /// Packets lost since the one before it, modulo 256; 0 for the first.
    pub lost: u8,
    /// The quantized latents.
    pub latents: Vec<f64>,
    /// The decoded mean in the units of the data.
    pub values: Vec<f64>,
}

/// Why a packet cannot be decoded.
#[derive(Debug)]
pub struct Fault {
    offset: usize,
    reason: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "packet at byte {}: {}", self.offset, self.reason)
    }
}

impl std::error::Error for Fault {}

/// The packets that a device sends of `readings`, one after the other, each with q(z|x)'s mean; packet `i` has the
/// sequence number `i` modulo 256.
///
/// # Errors
/// [`Error::Setting`]: one line that names the reading.
pub fn packets(model: &Model<'_>, readings: &Readings) -> Result<Vec<u8>, Error> {
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(model, &mut workspace, 0).map_err(|error| refused(&error))?;
    let mut latents = vec![0; model.latents()];
    let mut bytes = Vec::new();
    for (index, reading) in readings.iter().enumerate() {
        let posterior = session
            .encode(reading)
            .map_err(|error| Error::Setting(format!("reading {}: {error}", index + 1)))?;
        let packet = if model.posterior() == PosteriorKind::Bernoulli {
            let bytes = &mut latents[..model.latents().div_ceil(8)];
            Packet::of_bits(index as u8, posterior.mean, bytes)
        } else {
            Packet::quantize(index as u8, posterior.mean, &mut latents)
        };
        let packet = packet.map_err(|error| refused(&error))?;
        let start = bytes.len();
        bytes.resize(start + packet.length(), 0);
        packet
            .to_slice(&mut bytes[start..])
            .map_err(|error| refused(&error))?;
    }
    Ok(bytes)
}

/// An error of the runtime as one of the trainer.
pub(crate) fn refused(error: &dyn std::fmt::Display) -> Error {
    Error::Setting(error.to_string())
}

impl<'s> Receiver<'s> {
    /// A receiver of `bytes`, whose `workspace` is one of `model`.
    ///
    /// # Errors
    /// [`Error::Setting`] where the workspace is too small.
    pub fn new(
        model: &'s Model<'s>,
        workspace: &'s mut [u64],
        bytes: &'s [u8],
    ) -> Result<Self, Error> {
        Ok(Self {
            model,
            units: Units::of(model),
            session: Session::new(model, workspace, 0).map_err(|error| refused(&error))?,
            bytes,
            offset: 0,
            last: None,
        })
    }

    /// The next packet; none after the last.
    ///
    /// # Errors
    /// [`Fault`]: where the packet begins, and what is wrong with it.
    pub fn next_packet(&mut self) -> Result<Option<Received>, Fault> {
        let rest = &self.bytes[self.offset..];
        if rest.is_empty() {
            return Ok(None);
        }
        let offset = self.offset;
        let fault = |error: &dyn std::fmt::Display| Fault {
            offset,
            reason: error.to_string(),
        };
        let (packet, after) = Packet::from_bytes(rest).map_err(|error| fault(&error))?;
        let need = self.model.latents();
        let have = match packet.has_bits() {
            // Its last byte may be used in part.
            true if packet.latents().len() == need.div_ceil(8) => need,
            true => 8 * packet.latents().len(),
            false => packet.latents().len(),
        };
        let of_bits = self.model.posterior() == PosteriorKind::Bernoulli;
        if have != need || packet.has_bits() != of_bits {
            let kind = |bits| if bits { "bits" } else { "latents" };
            let (sent, own) = (kind(packet.has_bits()), kind(of_bits));
            return Err(fault(&format!(
                "it has {have} {sent}, the model has {need} {own}"
            )));
        }
        let mut latents = vec![0; need];
        packet
            .write_latents(self.model.latent_fraction_bits(), &mut latents)
            .map_err(|error| fault(&error))?;
        let mut mean = vec![0; self.model.inputs()];
        self.session
            .decode(&latents, &mut mean)
            .map_err(|error| fault(&error))?;
        let step = 0.5f64.powi(self.model.latent_fraction_bits() as i32);
        let unit = 0.5f64.powi(packet.fraction_bits().into());
        let lost = self.last.map_or(0, |last| packet.lost_since(last));
        self.offset = self.bytes.len() - after.len();
        self.last = Some(packet.sequence());
        Ok(Some(Received {
            sequence: packet.sequence(),
            lost,
            latents: if of_bits {
                let bits = latents.iter();
                bits.map(|&bit| f64::from(bit) * step).collect()
            } else {
                let latents = packet.latents();
                latents.map(|latent| f64::from(latent) * unit).collect()
            },
            values: (self.units).values(mean.iter().map(|&value| f64::from(value) / 65536.0)),
        }))
    }
}
