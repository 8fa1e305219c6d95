//! Telemetry packets: the posterior mean of a reading, quantized, in a few bytes for a radio.
//!
//! | bytes | field |
//! |---|---|
//! | 1 | sequence number, `u8`, wraps |
//! | 1 | fraction bits f of the latents, 0 to 15 |
//! | 1, 2 from 128 latents on | number of latents Z, LEB128 |
//! | Z | latents, `i8`; each stands for `latent / 2^f` |
//!
//! Latents that are bits have a code instead, eight bits to a byte, the lowest first: the second byte is 16, the third how many
//! bytes follow. A reading of 8 latents takes 11 bytes, one of 32 bits 7. This is the [postcard](https://postcard.jamesmunns.com/wire-format)
//! encoding of the three fields. There is no checksum and no address: every radio's frame has its
//! own.

#[cfg(feature = "bits")]
use crate::fixed::ONE;
use crate::fixed::{FRACTION_BITS, saturate_i16};
use crate::wire::{Failure, Reader};

/// The most fraction bits that latents of a packet have.
pub const MAX_FRACTION_BITS: u8 = 15;

/// What a packet of bits has for its fraction bits.
#[cfg(feature = "bits")]
const CODE: u8 = MAX_FRACTION_BITS + 1;

/// The most that a packet may have there.
const MOST: u8 = MAX_FRACTION_BITS + cfg!(feature = "bits") as u8;

/// The posterior mean of one reading in eight bits a latent.
///
/// The fraction bits are chosen for each packet: as many as leave every latent in -128 to 127
/// after rounding, up to [`MAX_FRACTION_BITS`]. So the error of a latent is at most half of
/// `2^-f`, which is at most 1/127 of the largest latent in magnitude; a mean beyond 127.5 saturates.
///
/// ```
/// use elbow::telemetry::Packet;
///
/// let mean = [65_536, -98_304, 0]; // 1, -1.5 and 0 in Q16.16: `session.encode(&reading)?.mean`
/// let mut storage = [0; 3];
/// let mut radio = [0; 16];
/// let sent = Packet::quantize(7, &mean, &mut storage)?.to_slice(&mut radio)?;
/// assert_eq!(sent, [7, 6, 3, 64, 0xa0, 0]); // 64/64, -96/64, 0/64
///
/// let (packet, rest) = Packet::from_bytes(sent)?;
/// let mut latents = [0; 3];
/// packet.write_latents(12, &mut latents)?; // 12: `model.latent_fraction_bits()`
/// assert_eq!(latents, [4096, -6144, 0]); // as `session.decode` takes them
/// # assert!(rest.is_empty());
/// # Ok::<(), elbow::telemetry::TelemetryError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Packet<'a> {
    sequence: u8,
    fraction_bits: u8,
    /// Two's complement of each `i8`.
    latents: &'a [u8],
}

/// Errors of making, writing and reading a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TelemetryError {
    /// Bytes to write to are too few.
    Buffer {
        /// Bytes there are.
        have: usize,
        /// Bytes that the packet takes.
        need: usize,
    },
    /// A slice of latents is not as long as the mean or the packet.
    Latents {
        /// Its length.
        have: usize,
        /// The latents there are.
        need: usize,
    },
    /// The bytes end before the packet does.
    Truncated,
    /// The number of latents is no number.
    Malformed,
    /// A packet says that its latents have more than [`MAX_FRACTION_BITS`] fraction bits.
    FractionBits(u8),
}

impl<'a> Packet<'a> {
    /// Quantizes a posterior mean (Q16.16, [`crate::Posterior::mean`]) into `storage`, a byte a
    /// latent: `saturate8(round(mean / 2^(16-f)))`, rounded half up. `sequence` is the
    /// caller's count of packets, which wraps at 256.
    ///
    /// # Errors
    /// [`TelemetryError::Latents`] where `storage` is not as long as `mean`.
    pub fn quantize(
        sequence: u8,
        mean: &[i32],
        storage: &'a mut [u8],
    ) -> Result<Self, TelemetryError> {
        let (have, need) = (storage.len(), mean.len());
        if have != need {
            return Err(TelemetryError::Latents { have, need });
        }
        let fits = |&bits: &u8| mean.iter().all(|&m| i8::try_from(round(m, bits)).is_ok());
        let fraction_bits = (0..=MAX_FRACTION_BITS).rev().find(fits).unwrap_or(0);
        for (byte, &m) in storage.iter_mut().zip(mean) {
            *byte = round(m, fraction_bits).clamp(-128, 127) as u8;
        }
        Ok(Self {
            sequence,
            fraction_bits,
            latents: storage,
        })
    }

    /// Makes a code of the chances of bits (Q16.16, [`crate::Posterior::mean`]) in `storage`, a byte for each eight of
    /// them: each is one where that is more probable.
    ///
    /// ```
    /// use elbow::telemetry::Packet;
    ///
    /// let chances = [65_000, 10, 40_000, 0, 0, 0, 0, 0, 65_536];
    /// let mut storage = [0; 2];
    /// let packet = Packet::of_bits(7, &chances, &mut storage)?;
    /// let mut radio = [0; 8];
    /// assert_eq!(packet.to_slice(&mut radio)?, [7, 16, 2, 0b101, 1]);
    ///
    /// let mut latents = [0; 9];
    /// packet.write_latents(14, &mut latents)?;
    /// assert_eq!(latents, [16_384, 0, 16_384, 0, 0, 0, 0, 0, 16_384]);
    /// # Ok::<(), elbow::telemetry::TelemetryError>(())
    /// ```
    ///
    /// # Errors
    /// [`TelemetryError::Latents`] where `storage` has not a byte for each eight of `mean`.
    #[cfg(feature = "bits")]
    pub fn of_bits(
        sequence: u8,
        mean: &[i32],
        storage: &'a mut [u8],
    ) -> Result<Self, TelemetryError> {
        let (have, need) = (storage.len(), mean.len().div_ceil(8));
        if have != need {
            return Err(TelemetryError::Latents { have, need });
        }
        storage.fill(0);
        for (index, &chance) in mean.iter().enumerate() {
            if let Some(byte) = storage.get_mut(index / 8) {
                *byte |= u8::from(chance > ONE / 2) << (index & 7);
            }
        }
        Ok(Self {
            sequence,
            fraction_bits: CODE,
            latents: storage,
        })
    }

    /// Whether it has a code in place of latents.
    #[cfg(feature = "bits")]
    #[must_use]
    pub const fn has_bits(&self) -> bool {
        self.fraction_bits == CODE
    }

    /// Writes the packet to the start of `buffer` and gives the bytes that it took.
    ///
    /// # Errors
    /// [`TelemetryError::Buffer`] where `buffer` is shorter than [`Packet::length`].
    pub fn to_slice<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], TelemetryError> {
        let (have, need) = (buffer.len(), self.length());
        let error = TelemetryError::Buffer { have, need };
        let buffer = buffer.get_mut(..need).ok_or(error)?;
        let (head, latents) = buffer
            .split_at_mut_checked(need.saturating_sub(self.latents.len()))
            .ok_or(error)?;
        let mut head = head.iter_mut();
        let mut put = |byte| head.next().into_iter().for_each(|place| *place = byte);
        put(self.sequence);
        put(self.fraction_bits);
        let mut rest = self.latents.len();
        while rest > 0x7f {
            put(rest as u8 | 0x80);
            rest >>= 7;
        }
        put(rest as u8);
        for (place, &latent) in latents.iter_mut().zip(self.latents) {
            *place = latent;
        }
        Ok(buffer)
    }

    /// Reads a packet from the start of `bytes`, and gives what follows it. Latents stay where they
    /// are.
    ///
    /// # Errors
    /// [`TelemetryError::Truncated`], [`TelemetryError::Malformed`] and
    /// [`TelemetryError::FractionBits`].
    pub fn from_bytes(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), TelemetryError> {
        let mut reader = Reader::new(bytes);
        let packet = Self {
            sequence: reader.u8(),
            fraction_bits: reader.u8(),
            latents: reader.bytes(),
        };
        let rest = reader.finish().map_err(|failure| match failure {
            Failure::Truncated => TelemetryError::Truncated,
            Failure::Malformed => TelemetryError::Malformed,
        })?;
        if packet.fraction_bits > MOST {
            return Err(TelemetryError::FractionBits(packet.fraction_bits));
        }
        Ok((packet, rest))
    }

    /// The bytes that [`Packet::to_slice`] takes.
    #[must_use]
    pub const fn length(&self) -> usize {
        let latents = self.latents.len();
        // Each byte of LEB128 has seven bits.
        let mut length = 3 + latents;
        let mut rest = latents >> 7;
        while rest != 0 {
            length += 1;
            rest >>= 7;
        }
        length
    }

    /// The sender's count of packets, modulo 256.
    #[must_use]
    pub const fn sequence(&self) -> u8 {
        self.sequence
    }

    /// Packets lost between the one with the sequence number `previous` and this one, modulo 256.
    #[must_use]
    pub const fn lost_since(&self, previous: u8) -> u8 {
        self.sequence.wrapping_sub(previous).wrapping_sub(1)
    }

    /// Fraction bits of [`Packet::latents`]; 16 where these are the bytes of a code.
    #[must_use]
    pub const fn fraction_bits(&self) -> u8 {
        self.fraction_bits
    }

    /// The quantized latents.
    pub fn latents(&self) -> impl ExactSizeIterator<Item = i8> + 'a {
        self.latents.iter().map(|&byte| byte as i8)
    }

    /// Writes the latents as [`crate::Session::decode`] takes them, with `fraction_bits` of
    /// [`crate::Model::latent_fraction_bits`] (at most 15 count); saturating, and rounded half up
    /// where they have fewer fraction bits than the packet. A bit of a code that is one becomes one.
    ///
    /// # Errors
    /// [`TelemetryError::Latents`] where `latents` is not as long as the packet has latents, or where the packet has not a byte
    /// for each eight of its bits.
    pub fn write_latents(
        &self,
        fraction_bits: u32,
        latents: &mut [i16],
    ) -> Result<(), TelemetryError> {
        #[cfg(feature = "bits")]
        if self.has_bits() {
            return self.write_bits(fraction_bits, latents);
        }
        let (have, need) = (latents.len(), self.latents.len());
        if have != need {
            return Err(TelemetryError::Latents { have, need });
        }
        // At most 2^7 * 2^15 before the shift to the right.
        let (up, down) = (
            fraction_bits.min(15),
            u32::from(self.fraction_bits.min(MAX_FRACTION_BITS)),
        );
        let half = (1i32 << down) >> 1;
        for (latent, quantized) in latents.iter_mut().zip(self.latents()) {
            *latent = saturate_i16(((i32::from(quantized) << up) + half) >> down);
        }
        Ok(())
    }
}

#[cfg(feature = "bits")]
impl Packet<'_> {
    fn write_bits(&self, fraction_bits: u32, latents: &mut [i16]) -> Result<(), TelemetryError> {
        let (have, need) = (latents.len().div_ceil(8), self.latents.len());
        if have != need {
            return Err(TelemetryError::Latents { have, need });
        }
        for (index, latent) in latents.iter_mut().enumerate() {
            let byte = self.latents.get(index / 8).copied().unwrap_or(0);
            *latent = i16::from(byte >> (index & 7) & 1) << fraction_bits.min(14);
        }
        Ok(())
    }
}

/// A Q16.16 number with `bits` fraction bits, 0 to 15, rounded half up.
fn round(mean: i32, bits: u8) -> i32 {
    let shift = FRACTION_BITS - u32::from(bits.min(MAX_FRACTION_BITS));
    // Half is added after all bits but one are gone. It saturates at `i32::MAX` with 15 bits alone,
    // which is far from eight bits either way.
    (mean >> (shift - 1)).saturating_add(1) >> 1
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::rng;
    use rand_core::Rng;
    use std::string::ToString;
    use std::{vec, vec::Vec};

    /// -2.0, 1.984375, 0.015625 and -1/128, which rounds up to 0, in Q16.16.
    const MEAN: [i32; 4] = [-131_072, 130_048, 1024, -512];
    const BYTES: [u8; 7] = [200, 6, 4, 0x80, 127, 1, 0];

    #[test]
    fn reads_and_writes_the_fixture() {
        let mut storage = [0; 4];
        let packet = Packet::quantize(200, &MEAN, &mut storage).unwrap();
        let mut buffer = [0xee; 9];
        assert_eq!(packet.to_slice(&mut buffer).unwrap(), BYTES);
        assert_eq!(packet.length(), 7);
        buffer[7..].copy_from_slice(&[1, 2]);
        let (read, rest) = Packet::from_bytes(&buffer).unwrap();
        assert_eq!((read, rest), (packet, &[1, 2][..]));
        assert_eq!((read.sequence(), read.fraction_bits()), (200, 6));
        assert_eq!(read.latents().collect::<Vec<_>>(), [-128, 127, 1, 0]);
        assert_eq!((read.lost_since(199), read.lost_since(202)), (0, 253));
        let mut latents = [0; 4];
        read.write_latents(12, &mut latents).unwrap();
        assert_eq!(latents, [-8192, 8128, 64, 0]);
        read.write_latents(4, &mut latents).unwrap();
        assert_eq!(latents, [-32, 32, 0, 0]);
        read.write_latents(15, &mut latents).unwrap();
        assert_eq!(latents, [i16::MIN, i16::MAX, 512, 0]);
    }

    #[test]
    fn eight_latents_take_eleven_bytes() {
        for (count, length) in [(0, 3), (8, 11), (127, 130), (128, 132), (1024, 1028)] {
            let (mean, mut storage) = (vec![0; count], vec![0; count]);
            let packet = Packet::quantize(0, &mean, &mut storage).unwrap();
            let mut buffer = vec![0; 2000];
            assert_eq!(packet.length(), length);
            assert_eq!(packet.to_slice(&mut buffer).unwrap().len(), length);
        }
    }

    #[test]
    fn the_finest_resolution_that_fits_is_taken() {
        for (mean, bits, latent) in [
            (0, 15, 0),
            (1 << 16, 6, 64),
            (127 << 9, 7, 127),
            ((127 << 9) + 255, 7, 127),
            ((127 << 9) + 256, 6, 64),
            (-1 << 16, 7, -128),
            (127 << 16, 0, 127),
            (128 << 16, 0, 127),
            (-128 << 16, 0, -128),
            (i32::MAX, 0, 127),
            (i32::MIN, 0, -128),
        ] {
            let mut storage = [0];
            let packet = Packet::quantize(0, &[mean], &mut storage).unwrap();
            let found = (packet.fraction_bits(), packet.latents().next());
            assert_eq!(found, (bits, Some(latent)), "{mean}");
        }
    }

    #[test]
    fn latents_survive_within_half_a_step() {
        let mut words = rng::stream(3, 3);
        for _ in 0..20_000 {
            let scale = words.next_u32() % 24;
            let mean = [0; 8].map(|_| words.next_u32() as i32 >> 8 >> scale);
            let mut storage = [0; 8];
            let packet = Packet::quantize(0, &mean, &mut storage).unwrap();
            let step = 0.5f64.powi(packet.fraction_bits().into());
            let largest = mean.iter().map(|m| m.unsigned_abs()).max().unwrap();
            for (latent, &mean) in packet.latents().zip(&mean) {
                let exact = f64::from(mean) / 65536.0;
                let error = (f64::from(latent) * step - exact).abs();
                let saturated = exact.abs() > 127.5;
                assert!(error <= step / 2.0 || saturated, "{exact} {latent}");
                let relative = f64::from(largest) / 65536.0 / 127.0;
                assert!(error <= relative + 0.5f64.powi(16) || saturated, "{exact}");
            }
            // What decode takes is what rounding the quantized latents gives.
            for bits in 6..=15 {
                let mut latents = [0; 8];
                packet.write_latents(bits, &mut latents).unwrap();
                for (latent, quantized) in latents.iter().zip(packet.latents()) {
                    let exact = f64::from(quantized) * step * f64::from(1u32 << bits);
                    let expected = (exact + 0.5).floor().clamp(-32768.0, 32767.0);
                    assert_eq!(f64::from(*latent), expected);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let mut words = rng::stream(4, 4);
        for _ in 0..100_000 {
            let mut bytes = [0; 24];
            words.fill_bytes(&mut bytes);
            bytes[1] &= 0x1f;
            bytes[2] &= words.next_u32() as u8;
            let bytes = &bytes[..words.next_u32() as usize % 25];
            if let Ok((packet, rest)) = Packet::from_bytes(bytes) {
                let mut buffer = [0; 24];
                let written = packet.to_slice(&mut buffer).unwrap();
                assert_eq!(written.len(), packet.length());
                assert!(bytes.ends_with(rest));
                let count = packet.latents().len();
                let count = if packet.has_bits() { 8 * count } else { count };
                let mut latents = vec![0; count];
                packet.write_latents(u32::MAX, &mut latents).unwrap();
            }
        }
    }

    #[test]
    fn thirty_two_bits_take_seven_bytes() {
        let mut words = rng::stream(5, 5);
        for count in [1usize, 7, 8, 9, 30, 32, 200] {
            let chance = |_| (words.next_u32() % (1 << 16)) as i32;
            let mean: Vec<i32> = (0..count).map(chance).collect();
            let mut storage = vec![0; count.div_ceil(8)];
            let packet = Packet::of_bits(3, &mean, &mut storage).unwrap();
            let mut buffer = [0; 40];
            let sent = packet.to_slice(&mut buffer).unwrap();
            assert_eq!(sent.len(), 3 + count.div_ceil(8));
            let (received, _) = Packet::from_bytes(sent).unwrap();
            assert_eq!(received, packet);
            let mut latents = vec![0; count];
            received.write_latents(14, &mut latents).unwrap();
            for (latent, chance) in latents.into_iter().zip(mean) {
                assert_eq!(latent, if chance > 32_768 { 1 << 14 } else { 0 });
            }
        }
    }

    #[test]
    fn errors_name_both_numbers() {
        let mut storage = [0; 4];
        assert_eq!(
            Packet::quantize(0, &MEAN, &mut storage[..3]).unwrap_err(),
            TelemetryError::Latents { have: 3, need: 4 }
        );
        let packet = Packet::quantize(0, &MEAN, &mut storage).unwrap();
        for length in 0..7 {
            let error = packet.to_slice(&mut [0; 7][..length]).unwrap_err();
            let (have, need) = (length, 7);
            assert_eq!(error, TelemetryError::Buffer { have, need });
            let error = Packet::from_bytes(&BYTES[..length]).unwrap_err();
            assert_eq!(error, TelemetryError::Truncated);
        }
        assert_eq!(
            packet.write_latents(12, &mut [0; 5]).unwrap_err(),
            TelemetryError::Latents { have: 5, need: 4 }
        );
        let error = Packet::from_bytes(&[0, 17, 0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the packet's latents have 17 fraction bits, the most is 15"
        );
        assert_eq!(
            Packet::of_bits(0, &[0; 9], &mut [0; 3]).unwrap_err(),
            TelemetryError::Latents { have: 3, need: 2 }
        );
        let (code, _) = Packet::from_bytes(&[0, 16, 1, 0xff]).unwrap();
        assert_eq!(
            code.write_latents(14, &mut [0; 9]).unwrap_err(),
            TelemetryError::Latents { have: 2, need: 1 }
        );
        let endless = [
            0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        ];
        let error = Packet::from_bytes(&endless).unwrap_err();
        assert_eq!(error, TelemetryError::Malformed);
    }
}
