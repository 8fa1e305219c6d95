//! An image as Intel HEX: "Hexadecimal Object File Format Specification", revision A, Intel, 1988, with 32-bit addresses.

use crate::error::Error;
use elbow::format::ALIGNMENT;
use ihex::{Record, create_object_file_representation};

/// Bytes of data in a record.
const BYTES_A_RECORD: usize = 16;

/// The text of `image` at `address`, ended by a line break.
///
/// # Errors
/// [`Error::Setting`] where the address is not aligned, or the image ends beyond 32 bits.
pub fn text(image: &[u8], address: u32) -> Result<String, Error> {
    if !(address as usize).is_multiple_of(ALIGNMENT) {
        return Err(Error::Setting(format!(
            "--address {address:#x} is not a multiple of {ALIGNMENT}, as images need it: take {:#x}",
            address as usize / ALIGNMENT * ALIGNMENT
        )));
    }
    let end = u64::from(address) + image.len() as u64;
    if end > 1 << 32 {
        return Err(Error::Setting(format!(
            "--address {address:#x} leaves {} bytes of 32-bit addresses, the image has {}: choose a lower one",
            (1u64 << 32) - u64::from(address),
            image.len()
        )));
    }
    let mut records = Vec::new();
    let mut page = None;
    // A multiple of 8 and records of 16 bytes could cross a page of 64 KiB: the first record ends at a multiple of 16.
    let first = (BYTES_A_RECORD - address as usize % BYTES_A_RECORD).min(image.len());
    let (head, rest) = image.split_at(first);
    let mut at = address;
    for bytes in std::iter::once(head).chain(rest.chunks(BYTES_A_RECORD)) {
        let high = (at >> 16) as u16;
        if page != Some(high) {
            records.push(Record::ExtendedLinearAddress(high));
            page = Some(high);
        }
        records.push(Record::Data {
            offset: at as u16,
            value: bytes.to_vec(),
        });
        at = at.wrapping_add(bytes.len() as u32);
    }
    records.push(Record::EndOfFile);
    create_object_file_representation(&records)
        .map_err(|error| Error::Setting(format!("no Intel HEX can be written: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The record types that [`text`] writes, read by hand: address -> byte.
    fn read(text: &str) -> Vec<(u32, u8)> {
        let mut high = 0u32;
        let mut bytes = Vec::new();
        for line in text.lines() {
            let digits = line.strip_prefix(':').unwrap();
            let pair = |index: usize| u8::from_str_radix(&digits[2 * index..][..2], 16).unwrap();
            let record: Vec<u8> = (0..digits.len() / 2).map(pair).collect();
            let sum = record.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
            assert_eq!(sum, 0, "{line}");
            let data = &record[4..record.len() - 1];
            assert_eq!(usize::from(record[0]), data.len(), "{line}");
            let offset = u32::from(u16::from_be_bytes([record[1], record[2]]));
            match record[3] {
                0 => {
                    assert!(offset as usize + data.len() <= 1 << 16, "{line}");
                    bytes.extend((high + offset..).zip(data.iter().copied()));
                }
                4 => high = u32::from(u16::from_be_bytes([data[0], data[1]])) << 16,
                1 => assert_eq!(line, text.lines().next_back().unwrap()),
                other => panic!("record type {other}"),
            }
        }
        bytes
    }

    #[test]
    fn bytes_come_back_at_their_addresses() {
        for (length, address) in [(1, 0), (7, 8), (100_000, 0x0803_fff8), (24, 0xffff_ffe8)] {
            let image: Vec<u8> = (0..length).map(|index: u32| (index * 7) as u8).collect();
            let expected = image
                .iter()
                .zip(0..)
                .map(|(byte, at)| (address + at, *byte));
            let expected: Vec<(u32, u8)> = expected.collect();
            assert_eq!(read(&text(&image, address).unwrap()), expected);
        }
    }

    #[test]
    fn known_records_are_written() {
        // The checksum by hand: 0x100 - (0x03 + 0x00 + 0x30 + 0x00 + 0x02 + 0x33 + 0x7a) = 0x1e.
        let text = text(&[0x02, 0x33, 0x7a], 0x0804_0030).unwrap();
        assert_eq!(text, ":020000040804EE\n:0300300002337A1E\n:00000001FF\n");
    }

    #[test]
    fn addresses_that_cannot_be_are_refused() {
        let error = text(&[0; 8], 0x0804_0004).unwrap_err().to_string();
        assert!(error.contains("not a multiple of 8"), "{error}");
        let error = text(&[0; 17], 0xffff_fff0).unwrap_err().to_string();
        assert!(error.contains("leaves 16 bytes"), "{error}");
        assert!(error.contains("the image has 17"), "{error}");
    }
}
