//! Event files of TensorBoard: records of TFRecord, each an `Event` of protocol buffers.
//!
//! A record is the length of its bytes (8), the masked CRC-32C of these 8 (4), the bytes, and their masked CRC-32C (4), all
//! little-endian (tensorflow/core/lib/io/record_writer.h). `Event` has `double wall_time = 1`, `int64 step = 2`,
//! `string file_version = 3` and `Summary summary = 5`; `Summary` has `repeated Value value = 1`; `Value` has `string tag = 1`
//! and `float simple_value = 2` (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto).

use super::{Scalar, Tracker, name, now};
use crate::error::Error;
use crate::export::run;
use crc::{CRC_32_ISCSI, Crc};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The first record of each file.
const VERSION: &str = "brain.Event:2";

/// CRC-32C.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// An event file, in a folder that has the name of the run.
#[derive(Debug)]
pub struct Tensorboard {
    path: PathBuf,
    file: File,
    epochs: usize,
}

impl Tensorboard {
    /// Begins a file below `folder` for the run that will be in `run`.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn begin(folder: &Path, run: &Path) -> Result<Self, Error> {
        let folder = folder.join(name(run));
        run::make_folder(&folder)?;
        let (seconds, process) = (now().as_secs(), std::process::id());
        let path = folder.join(format!("events.out.tfevents.{seconds}.elbow.{process}"));
        let file = File::create(&path).map_err(Error::writing(&path))?;
        let mut own = Self {
            path,
            file,
            epochs: 0,
        };
        let mut event = time();
        bytes(&mut event, 3, VERSION.as_bytes());
        own.write(&event)?;
        Ok(own)
    }

    fn write(&mut self, event: &[u8]) -> Result<(), Error> {
        let written = self.file.write_all(&record(event));
        written.map_err(Error::writing(&self.path))
    }

    fn scalars(&mut self, step: usize, scalars: &[Scalar]) -> Result<(), Error> {
        let mut summary = vec![];
        for (tag, number) in scalars {
            let mut value = vec![];
            bytes(&mut value, 1, tag.as_bytes());
            key(&mut value, 2, 5);
            value.extend((*number as f32).to_le_bytes());
            bytes(&mut summary, 1, &value);
        }
        let mut event = time();
        key(&mut event, 2, 0);
        varint(&mut event, step as u64);
        bytes(&mut event, 5, &summary);
        self.write(&event)
    }
}

impl Tracker for Tensorboard {
    fn epoch(&mut self, epoch: usize, scalars: &[Scalar]) -> Result<(), Error> {
        self.epochs = epoch;
        self.scalars(epoch, scalars)
    }

    fn finish(&mut self, _folder: &Path, scalars: &[Scalar]) -> Result<(), Error> {
        self.scalars(self.epochs, scalars)
    }
}

/// An event that has its time alone.
fn time() -> Vec<u8> {
    let mut event = vec![];
    key(&mut event, 1, 1);
    event.extend(now().as_secs_f64().to_le_bytes());
    event
}

/// The number of a field, and how its value is written: 0 as a varint, 1 in 8 bytes, 2 with its length, 5 in 4 bytes.
fn key(message: &mut Vec<u8>, field: u64, kind: u64) {
    varint(message, field << 3 | kind);
}

/// A field of bytes, behind their length.
fn bytes(message: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(message, field, 2);
    varint(message, value.len() as u64);
    message.extend(value);
}

/// Seven bits a byte, the lowest first; all bytes but the last have their highest bit set.
fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

/// A record with these bytes.
fn record(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked(CRC.checksum(&length)).to_le_bytes());
    record.extend(bytes);
    record.extend(masked(CRC.checksum(bytes)).to_le_bytes());
    record
}

/// A CRC as records have it, so that the CRC of bytes that hold CRCs is a good one too.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the CRC's catalogue, and the record `abc` by the CRC of the package `tensorboard` of Python.
    #[test]
    fn records_are_framed() {
        assert_eq!(CRC.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(
            record(b"abc"),
            [
                3, 0, 0, 0, 0, 0, 0, 0, 176, 153, 73, 14, 97, 98, 99, 110, 87, 241, 33
            ]
        );
    }

    #[test]
    fn fields_are_those_of_the_messages() {
        let mut message = vec![];
        bytes(&mut message, 3, b"hi");
        key(&mut message, 2, 0);
        varint(&mut message, 300);
        assert_eq!(message, [0x1a, 2, b'h', b'i', 0x10, 0xac, 0x02]);
    }
}
