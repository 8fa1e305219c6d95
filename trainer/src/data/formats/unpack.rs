//! The contents of a file, unpacked on the way where gzip or Zstandard packed it.

use crate::data::error::FileError;
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// A packed file may hold this many times its own length; text of the usual logs holds 5 to 30 times.
const LARGEST_RATIO: u64 = 200;
/// Bytes that any packed file may hold; a table takes ten times the memory of its text.
const ALWAYS: u64 = 1 << 26;
/// The first bytes of a file that gzip packed.
const GZIP: &[u8] = b"\x1f\x8b";
/// The first bytes of a frame of Zstandard.
const ZSTANDARD: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// Whether a file that begins so is packed.
pub(super) fn is_packed(start: &[u8]) -> bool {
    start.starts_with(GZIP) || start.starts_with(&ZSTANDARD)
}

/// The contents of `path`, of which the packed form is never whole in memory.
///
/// # Errors
/// [`FileError::Unreadable`]; what was packed is damaged, or more than a packed file may hold.
pub(super) fn contents(path: &Path) -> Result<Vec<u8>, FileError> {
    let file = File::open(path)?;
    let packed = file.metadata()?.len();
    unpacked(packed, BufReader::new(file))
}

/// Unpacks the `packed` bytes of `file`; returns the bytes themselves where nothing packed them.
///
/// # Errors
/// The errors of [`contents`].
pub(super) fn unpacked(packed: u64, mut file: impl BufRead) -> Result<Vec<u8>, FileError> {
    let start = file.fill_buf()?;
    if start.starts_with(GZIP) {
        bounded(packed, MultiGzDecoder::new(file))
    } else if start.starts_with(&ZSTANDARD) {
        checked(packed, |contents, limit| frames(file, contents, limit))
    } else {
        let mut contents = Vec::new();
        file.read_to_end(&mut contents)?;
        Ok(contents)
    }
}

/// All that `decoder` makes of `packed` bytes.
///
/// # Errors
/// It is damaged, or more than a packed file may hold.
pub(super) fn bounded(packed: u64, decoder: impl Read) -> Result<Vec<u8>, FileError> {
    checked(packed, |contents, limit| {
        let mut decoder = decoder.take(limit.saturating_add(1));
        decoder.read_to_end(contents).map(drop)
    })
}

/// The error of a packed file that cannot be unpacked.
pub(super) fn damaged(error: impl Display) -> FileError {
    FileError::Contents(format!("cannot be unpacked: {error}; copy the file again"))
}

/// Calls `unpack` with the most bytes that `packed` bytes may hold, and checks how many it made.
fn checked(
    packed: u64,
    unpack: impl FnOnce(&mut Vec<u8>, u64) -> io::Result<()>,
) -> Result<Vec<u8>, FileError> {
    let mut contents = Vec::new();
    unpack(&mut contents, limit(packed)).map_err(damaged)?;
    check_length(packed, contents.len() as u64)?;
    Ok(contents)
}

/// The bytes that `packed` bytes may hold.
fn limit(packed: u64) -> u64 {
    packed.saturating_mul(LARGEST_RATIO).max(ALWAYS)
}

/// Makes sure that `packed` bytes may hold `length` bytes.
///
/// # Errors
/// They may not.
pub(super) fn check_length(packed: u64, length: u64) -> Result<(), FileError> {
    let limit = limit(packed);
    if length <= limit {
        return Ok(());
    }
    Err(FileError::Contents(format!(
        "its {packed} bytes unpack to more than {limit}; unpack it and give what is in it"
    )))
}

/// Unpacks the frames of a Zstandard file, of which there may be any number (RFC 8878, 3.1), until there are more
/// than `limit` bytes.
fn frames(mut file: impl BufRead, contents: &mut Vec<u8>, limit: u64) -> io::Result<()> {
    while contents.len() as u64 <= limit && !file.fill_buf()?.is_empty() {
        let mut frame = match StreamingDecoder::new(&mut file) {
            Ok(frame) => frame,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                io::copy(&mut file.by_ref().take(length.into()), &mut io::sink())?;
                continue;
            }
            Err(error) => return Err(io::Error::other(error)),
        };
        let left = limit.saturating_add(1) - contents.len() as u64;
        frame.by_ref().take(left).read_to_end(contents)?;
        let frame = frame.into_frame_decoder();
        let promised = frame.get_checksum_from_data();
        if promised.is_some() && promised != frame.get_calculated_checksum() {
            return Err(io::Error::other("its checksum does not match"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(bytes: &[u8]) -> Result<Vec<u8>, FileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pump.csv.zst");
        std::fs::write(&path, bytes).unwrap();
        contents(&path)
    }

    fn zstandard(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn zstandard_frames_follow_each_other_and_some_are_skipped() {
        // Magic, two bytes, and what they are.
        let skipped = [0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
        let bytes = [&zstandard(b"1,2\n")[..], &skipped, &zstandard(b"3,4\n")].concat();
        assert_eq!(unpack(&bytes).unwrap(), b"1,2\n3,4\n");
        // `printf '1,2\n3,4\n' | zstd`, with its checksum.
        let mut file = vec![
            0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x41, 0, 0, b'1', b',', b'2', b'\n', b'3', b',',
            b'4', b'\n', 0xe, 0x73, 0xba, 0x36,
        ];
        assert_eq!(unpack(&file).unwrap(), b"1,2\n3,4\n");
        for at in 4..file.len() {
            file[at] ^= 1;
            let text = unpack(&file).map_err(|error| error.to_string());
            assert!(text.is_err() || at < 6, "{at}: {text:?}");
            file[at] ^= 1;
        }
        let text = unpack(&file[..12]).unwrap_err().to_string();
        assert!(text.contains("cannot be unpacked: "), "{text}");
    }

    #[test]
    fn what_grows_too_much_is_refused_with_both_sizes() {
        let error = bounded(100, io::repeat(0)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "its 100 bytes unpack to more than 67108864; unpack it and give what is in it"
        );
        let large = checked(2 << 20, |contents, limit| {
            assert_eq!(limit, 200 << 21);
            contents.push(1);
            Ok(())
        });
        assert_eq!(large.unwrap(), [1]);
    }
}
