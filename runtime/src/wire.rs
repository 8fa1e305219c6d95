//! Reads scalars in the [postcard](https://postcard.jamesmunns.com/wire-format) wire format, by hand: serde and
//! postcard take 6 KB of flash for the header of an image, this a sixth of it. Whatever is read here, the
//! postcard crate reads alike; it writes what is read here.

/// A cursor over bytes. After the first value that is not there, or that is none of its type, every value is
/// zero and the cursor remembers it: whoever reads a structure asks once, at its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    failure: Option<Failure>,
}

/// Why a value was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The bytes end before it does.
    Truncated,
    /// No value of its type is written so.
    Malformed,
}

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            failure: None,
        }
    }

    /// The bytes that were not read; none after a failure.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The bytes that were not read.
    ///
    /// # Errors
    /// The first [`Failure`] of any value so far.
    pub(crate) fn finish(self) -> Result<&'a [u8], Failure> {
        match self.failure {
            None => Ok(self.rest),
            Some(failure) => Err(failure),
        }
    }

    /// From now on nothing is read: the last value is none of its type.
    pub(crate) fn refuse(&mut self) {
        self.fail(Failure::Malformed);
    }

    #[inline(never)]
    fn fail(&mut self, failure: Failure) {
        self.failure = self.failure.or(Some(failure));
        self.rest = &[];
    }

    /// A byte; zero after a failure.
    #[inline(never)]
    pub(crate) fn u8(&mut self) -> u8 {
        if let Some((&byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            return byte;
        }
        self.fail(Failure::Truncated);
        0
    }

    /// A number below `count`, in one byte: the variant of an enumeration of at most 128, or a flag of two.
    #[inline(never)]
    pub(crate) fn variant(&mut self, count: u8) -> u8 {
        let variant = self.u8();
        if variant < count {
            return variant;
        }
        self.refuse();
        0
    }

    /// A flag: 0 or 1.
    pub(crate) fn bool(&mut self) -> bool {
        self.variant(2) != 0
    }

    /// LEB128 of at most `bits` bits, 32 at most: seven in a byte, the lowest first, its highest bit set where
    /// another one follows.
    #[inline(never)]
    fn unsigned(&mut self, bits: u32) -> u32 {
        let (mut value, mut shift) = (0, 0);
        while shift < bits {
            let byte = self.u8();
            let part = u32::from(byte & 0x7f);
            if bits - shift < 7 && part >> (bits - shift) != 0 {
                break;
            }
            value |= part << shift;
            if byte < 0x80 {
                return value;
            }
            shift += 7;
        }
        self.refuse();
        0
    }

    /// Zigzag: 0, -1, 1, -2 are written as 0, 1, 2, 3.
    fn signed(&mut self, bits: u32) -> i32 {
        let coded = self.unsigned(bits);
        (coded >> 1).cast_signed() ^ -(coded & 1).cast_signed()
    }

    pub(crate) fn u16(&mut self) -> u16 {
        self.unsigned(16) as u16
    }

    pub(crate) fn u32(&mut self) -> u32 {
        self.unsigned(32)
    }

    pub(crate) fn i16(&mut self) -> i16 {
        self.signed(16) as i16
    }

    pub(crate) fn i32(&mut self) -> i32 {
        self.signed(32)
    }

    /// A length, then so many bytes.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = self.unsigned(32) as usize;
        if let Some((bytes, rest)) = self.rest.split_at_checked(length) {
            self.rest = rest;
            return bytes;
        }
        self.fail(Failure::Truncated);
        &[]
    }

    /// A list's length of at most `most`; zero after a failure.
    pub(crate) fn length(&mut self, most: usize) -> usize {
        let length = self.unsigned(32) as usize;
        if length <= most {
            return length;
        }
        self.refuse();
        0
    }
}

/// Bytes that were checked to be UTF-8. The check of the core library takes 600 bytes of flash, for its speed;
/// it is linked where the text is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// No characters.
    pub(crate) const EMPTY: Self = Self(&[]);

    #[cfg(feature = "image")]
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// A length, then so many bytes of UTF-8.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Self {
        let bytes = reader.bytes();
        if !is_utf8(bytes) {
            reader.refuse();
        }
        Self(bytes)
    }

    /// The text.
    pub(crate) fn as_str(self) -> &'a str {
        str::from_utf8(self.0).unwrap_or_default()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Text<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de: 'a, 'a> serde::Deserialize<'de> for Text<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&str>::deserialize(deserializer).map(|text| Self(text.as_bytes()))
    }
}

/// Whether all of `bytes` is UTF-8 (RFC 3629, section 4).
fn is_utf8(bytes: &[u8]) -> bool {
    let mut bytes = bytes.iter();
    while let Some(&first) = bytes.next() {
        // Bytes that follow, and the lowest code point that needs so many.
        let (followers, lowest) = match first {
            0..=0x7f => continue,
            0xc0..=0xdf => (1, 0x80),
            0xe0..=0xef => (2, 0x800),
            0xf0..=0xf7 => (3, 0x1_0000),
            _ => return false,
        };
        let mut code = u32::from(first) & (0x3f >> followers);
        for _ in 0..followers {
            match bytes.next() {
                Some(&byte) if byte & 0xc0 == 0x80 => code = code << 6 | u32::from(byte & 0x3f),
                _ => return false,
            }
        }
        if code < lowest || char::from_u32(code).is_none() {
            return false;
        }
    }
    true
}

#[cfg(all(test, feature = "image"))]
mod tests {
    extern crate std;
    use super::*;
    use crate::rng;
    use rand_core::Rng;

    /// Reads with both, and compares.
    fn same<'a, T>(bytes: &'a [u8], read: impl Fn(&mut Reader<'a>) -> T)
    where
        T: serde::Deserialize<'a> + PartialEq + core::fmt::Debug,
    {
        let mut reader = Reader::new(bytes);
        let value = read(&mut reader);
        match (postcard::take_from_bytes::<T>(bytes), reader.finish()) {
            (Ok((expected, rest)), Ok(left)) => assert_eq!((value, left), (expected, rest)),
            (Err(_), Err(_)) => {}
            (theirs, ours) => panic!("{bytes:?}: {theirs:?}, {ours:?}"),
        }
    }

    #[test]
    fn scalars_are_those_of_postcard() {
        let mut words = rng::stream(1, 9);
        for _ in 0..200_000 {
            let mut bytes = [0; 8];
            words.fill_bytes(&mut bytes);
            // Bytes with and without a follower, and every length.
            let follow = words.next_u32().to_le_bytes();
            for (byte, follow) in bytes.iter_mut().zip(follow) {
                *byte = (*byte >> (follow & 7)) | if follow & 8 == 0 { 0 } else { 0x80 };
            }
            let bytes = &bytes[..words.next_u32() as usize % 9];
            same::<u8>(bytes, Reader::u8);
            same::<bool>(bytes, Reader::bool);
            same::<u16>(bytes, Reader::u16);
            same::<i16>(bytes, Reader::i16);
            same::<i32>(bytes, Reader::i32);
            same::<&[u8]>(bytes, Reader::bytes);
        }
    }

    #[test]
    fn text_is_what_the_core_library_says() {
        let check = |bytes: &[u8]| {
            assert_eq!(is_utf8(bytes), str::from_utf8(bytes).is_ok(), "{bytes:?}");
        };
        for code in 0..1 << 24 {
            let [bytes @ .., _] = u32::to_le_bytes(code);
            check(&bytes);
        }
        // Four bytes: every first one with every second one, and edges of the others.
        for pair in 0..=u16::MAX {
            let [first, second] = pair.to_le_bytes();
            for third in [0x7f, 0x80, 0xbf, 0xc0] {
                for fourth in [0x00, 0x80, 0xbf, 0xff] {
                    check(&[first, second, third, fourth]);
                }
            }
        }
    }

    #[test]
    fn the_first_failure_stays() {
        let mut reader = Reader::new(&[0x80, 0x80, 0x04, 7]);
        assert_eq!((reader.u16(), reader.u8()), (0, 0));
        assert_eq!(reader.finish(), Err(Failure::Malformed));
        let mut reader = Reader::new(&[2, 7]);
        assert_eq!((reader.bytes(), reader.bool()), (&[][..], false));
        assert_eq!(reader.finish(), Err(Failure::Truncated));
        let mut reader = Reader::new(&[2, 7]);
        assert_eq!((reader.bool(), reader.u8()), (false, 0));
        assert_eq!(reader.finish(), Err(Failure::Malformed));
        let mut reader = Reader::new(&[9, 8]);
        assert_eq!((reader.length(8), reader.u8()), (0, 0));
        assert_eq!(reader.finish(), Err(Failure::Malformed));
    }
}
