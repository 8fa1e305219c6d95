//! Recordings as WAV files: a column for each channel, with the integers or floats that the file holds.

use super::{Contents, Format};
use crate::data::error::FileError;
use crate::data::frame::{Cells, Column, Frame};
use hound::{SampleFormat, WavReader, WavSpec};

pub(super) const FORMAT: Format = Format {
    names: &["WAV"],
    is: is_wav,
    extension: None,
    read,
    read_parts: None,
};

/// Whether these bytes are a WAV file.
fn is_wav(bytes: &[u8]) -> bool {
    let starts = bytes.starts_with(b"RIFF") || bytes.starts_with(b"RF64");
    starts && bytes.get(8..12) == Some(b"WAVE")
}

/// Reads the samples.
///
/// # Errors
/// [`FileError::Format`] of another codec, and of a file that ends early.
fn read(Contents { name, bytes, .. }: Contents) -> Result<Frame, FileError> {
    let bytes = &bytes[..];
    let bad = |reason| FileError::Format {
        format: "WAV",
        reason,
    };
    if let Some(name) = other_codec(bytes) {
        return Err(bad(format!(
            "its codec is {name}, of those that are not read; {REMEDY}"
        )));
    }
    let mut reader = WavReader::new(bytes).map_err(|error| bad(refused(&error)))?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels);
    let promised = reader.len() as usize;
    if promised == 0 || channels == 0 {
        return Err(bad(
            "it says that it holds no sample, as where a recorder was not stopped; record it again, or repair its header"
                .into(),
        ));
    }
    // As many samples as the file can hold, whatever it promises.
    let most = promised.min(bytes.len());
    let mut samples: Vec<f64> = Vec::with_capacity(most);
    let result = match spec.sample_format {
        SampleFormat::Int => fill(reader.samples::<i32>(), &mut samples),
        SampleFormat::Float => fill(reader.samples::<f32>(), &mut samples),
    };
    if let Err(error) = result {
        let reason = match error {
            hound::Error::IoError(_) => format!(
                "it ends after {} of the {promised} samples that it promises; copy it again",
                samples.len()
            ),
            error => refused(&error),
        };
        return Err(bad(reason));
    }
    let mut frame = Frame::new(name, columns(&samples, channels));
    frame.rate = Some(spec.sample_rate.into());
    frame.facts.push(described(spec));
    Ok(frame)
}

/// Puts the samples into `into`, up to the first that cannot be read.
fn fill<S: Into<f64>>(
    samples: impl Iterator<Item = hound::Result<S>>,
    into: &mut Vec<f64>,
) -> hound::Result<()> {
    for sample in samples {
        into.push(sample?.into());
    }
    Ok(())
}

fn columns(samples: &[f64], channels: usize) -> Vec<Column> {
    let name = |channel: usize| match (channels, channel) {
        (2, 0) => "left".to_owned(),
        (2, _) => "right".to_owned(),
        _ => format!("channel {}", channel + 1),
    };
    // A last sample that lacks channels is left out.
    let whole = samples.chunks_exact(channels);
    let column = |channel: usize| {
        let cells = whole.clone().map(|sample| sample[channel]);
        Column::new(Some(name(channel)), Cells::Numbers(cells.collect()))
    };
    (0..channels).map(column).collect()
}

/// The format in words.
fn described(spec: WavSpec) -> String {
    let channels = match spec.channels {
        1 => "1 channel".to_owned(),
        more => format!("{more} channels"),
    };
    let kind = match spec.sample_format {
        SampleFormat::Int => "bits",
        SampleFormat::Float => "bits in floating point",
    };
    format!(
        "{} samples a second, {channels} of {} {kind}",
        spec.sample_rate, spec.bits_per_sample
    )
}

/// The remedy for a codec that is not read.
const REMEDY: &str = "convert it: ffmpeg -i OLD.wav -c:a pcm_s16le NEW.wav";

/// The name of the codec of a file, where it is neither integers nor floats: hound often stumbles over what follows
/// from it, such as its 4 bits, before it sees that.
fn other_codec(bytes: &[u8]) -> Option<String> {
    let mut chunks = bytes.get(12..)?;
    while chunks.get(..4)? != b"fmt " {
        let length = u32::from_le_bytes(chunks.get(4..8)?.try_into().ok()?) as usize;
        // Chunks begin at even places.
        chunks = chunks.get(8 + length.next_multiple_of(2)..)?;
    }
    let tag = u16::from_le_bytes(chunks.get(8..10)?.try_into().ok()?);
    let codec = match tag {
        0x0001 | 0x0003 | 0xfffe => return None,
        0x0002 => "Microsoft's ADPCM",
        0x0006 => "A-law",
        0x0007 => "mu-law",
        0x0011 => "IMA's ADPCM",
        0x0055 => "MP3",
        _ => return Some(format!("number {tag}")),
    };
    Some(codec.into())
}

/// The fault and the remedy.
fn refused(error: &hound::Error) -> String {
    match error {
        hound::Error::FormatError(reason) => format!("{reason}; {REMEDY}"),
        hound::Error::IoError(_) => "it ends in its header; copy it again".into(),
        _ => {
            format!("its samples are neither integers of 8 to 32 bits nor 32-bit floats; {REMEDY}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::WavWriter;
    use std::io::Cursor;

    /// A file of these samples, one channel after the other.
    fn wav(spec: WavSpec, samples: &[f32]) -> Vec<u8> {
        let mut bytes = Cursor::new(vec![]);
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        for &sample in samples {
            match spec.sample_format {
                SampleFormat::Int => writer.write_sample(sample as i32).unwrap(),
                SampleFormat::Float => writer.write_sample(sample).unwrap(),
            }
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    fn spec(channels: u16, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec {
            channels,
            sample_rate: 16_000,
            bits_per_sample,
            sample_format,
        }
    }

    fn frame(bytes: &[u8]) -> Result<Frame, FileError> {
        read(Contents::of("hum.wav", None, bytes))
    }

    fn message(bytes: &[u8]) -> String {
        frame(bytes).unwrap_err().to_string()
    }

    #[test]
    fn every_depth_and_any_channels_are_read_as_they_are() {
        let whole = [0.0, -128.0, 127.0, 3.0, -5.0, 6.0];
        let real = [0.5, -0.25, 1.0, 3.5, 0.0, -2.0];
        for (bits, format, samples) in [
            (8, SampleFormat::Int, whole),
            (16, SampleFormat::Int, whole.map(|sample| sample * 256.0)),
            (24, SampleFormat::Int, whole.map(|sample| sample * 65536.0)),
            (
                32,
                SampleFormat::Int,
                whole.map(|sample| sample * 16_777_216.0),
            ),
            (32, SampleFormat::Float, real),
        ] {
            for (channels, names) in [
                (1, &["channel 1"][..]),
                (2, &["left", "right"]),
                (3, &["channel 1", "channel 2", "channel 3"]),
            ] {
                let bytes = wav(spec(channels, bits, format), &samples);
                assert!(is_wav(&bytes));
                let frame = self::frame(&bytes).unwrap();
                assert_eq!(frame.names().unwrap(), names);
                let channels = usize::from(channels);
                for (at, column) in frame.columns.iter().enumerate() {
                    let own = samples.iter().skip(at).step_by(channels);
                    let own: Vec<f64> = own.map(|&sample| sample.into()).collect();
                    assert_eq!(column.cells, Cells::Numbers(own), "{bits} {format:?}");
                }
                assert_eq!(frame.rate, Some(16_000.0));
            }
        }
        let bytes = wav(spec(2, 24, SampleFormat::Int), &whole);
        let frame = self::frame(&bytes).unwrap();
        assert_eq!(
            frame.facts,
            ["16000 samples a second, 2 channels of 24 bits"]
        );
    }

    #[test]
    fn another_codec_is_named() {
        // The format after the length of its chunk: 2 is Microsoft's ADPCM.
        let mut bytes = wav(spec(1, 16, SampleFormat::Int), &[1.0]);
        for (tag, name) in [(2, "Microsoft's ADPCM"), (7, "mu-law"), (99, "number 99")] {
            bytes[20] = tag;
            assert_eq!(
                message(&bytes),
                format!(
                    "bad WAV file: its codec is {name}, of those that are not read; convert it: ffmpeg -i OLD.wav -c:a pcm_s16le NEW.wav"
                )
            );
        }
    }

    #[test]
    fn a_file_that_ends_early_says_where() {
        let bytes = wav(spec(2, 16, SampleFormat::Int), &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(
            message(&bytes[..bytes.len() - 3]),
            "bad WAV file: it ends after 2 of the 4 samples that it promises; copy it again"
        );
        let none = wav(spec(1, 16, SampleFormat::Int), &[]);
        assert!(message(&none).contains("holds no sample"));
    }

    #[test]
    fn no_bytes_panic() {
        let whole = wav(spec(2, 24, SampleFormat::Int), &[1.0, 2.0, 3.0, 4.0]);
        for at in 0..whole.len() {
            let _ = frame(&whole[..at]);
            for value in [0, 1, 2, 3, 127, 128, 255] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let _ = frame(&bytes);
            }
        }
    }
}
