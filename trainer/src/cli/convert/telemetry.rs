//! Packets of telemetry as a receiver takes them.

use crate::error::Error;
use crate::readings::device::Units;
use elbow::telemetry::Packet;
use elbow::{Model, Session};

/// Decodes packets one after the other, as a device with the same model would.
#[derive(Debug)]
pub(in crate::cli) struct Receiver<'s> {
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
pub(in crate::cli) struct Received {
    /// Its sequence number.
    pub(in crate::cli) sequence: u8,
    /// Packets lost since the one before it, modulo 256; 0 for the first.
    pub(in crate::cli) lost: u8,
    /// The quantized latents.
    pub(in crate::cli) latents: Vec<f64>,
    /// The decoded mean in the units of the data.
    pub(in crate::cli) values: Vec<f64>,
}

/// Why a packet cannot be decoded.
#[derive(Debug)]
pub(in crate::cli) struct Fault {
    offset: usize,
    reason: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "packet at byte {}: {}", self.offset, self.reason)
    }
}

/// An error of the runtime as one of the trainer.
pub(in crate::cli) fn refused(error: &dyn std::fmt::Display) -> Error {
    Error::Setting(error.to_string())
}

impl<'s> Receiver<'s> {
    pub(in crate::cli) fn new(
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
    pub(in crate::cli) fn next_packet(&mut self) -> Result<Option<Received>, Fault> {
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
        let (have, need) = (packet.latents().len(), self.model.latents());
        if have != need {
            return Err(fault(&format!(
                "it has {have} latents, the model has {need}"
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
        let unit = 0.5f64.powi(packet.fraction_bits().into());
        let lost = self.last.map_or(0, |last| packet.lost_since(last));
        self.offset = self.bytes.len() - after.len();
        self.last = Some(packet.sequence());
        Ok(Some(Received {
            sequence: packet.sequence(),
            lost,
            latents: packet
                .latents()
                .map(|latent| f64::from(latent) * unit)
                .collect(),
            values: (self.units).values(mean.iter().map(|&value| f64::from(value) / 65536.0)),
        }))
    }
}
