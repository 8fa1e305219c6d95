//! Lists of a header that stay where they are.

use crate::wire::Reader;
use core::marker::PhantomData;

/// An element of a list.
pub(crate) trait Element<'a>: Sized {
    /// The fewest that a list has.
    const LEAST: usize;
    /// The most that a list has.
    const MOST: usize;

    /// Reads one; whatever is read after a failure is zero.
    fn read(reader: &mut Reader<'a>) -> Self;
}

/// A list in the bytes of a header. Its elements are read whenever they are asked for, so that they take no memory.
pub(crate) struct List<'a, T> {
    /// Without the length.
    bytes: &'a [u8],
    element: PhantomData<T>,
}

impl<T> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

impl<'a, T: Element<'a>> List<'a, T> {
    /// The list whose elements are written in `bytes`, one behind the other.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            element: PhantomData,
        }
    }

    /// Reads a length and so many elements.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Self {
        Self::new(read_elements(reader, T::LEAST, T::MOST, |reader| {
            let _ = T::read(reader);
        }))
    }

    /// The elements in order.
    pub(crate) fn iter(self) -> impl Iterator<Item = T> + use<'a, T> {
        let mut reader = Reader::new(self.bytes);
        core::iter::from_fn(move || (!reader.rest().is_empty()).then(|| T::read(&mut reader)))
    }

    /// How many there are.
    pub(crate) fn len(self) -> usize {
        self.iter().count()
    }
}

/// Reads a length from `least` to `most` and so many elements by `read`; gives their bytes. One piece of code for all
/// lists.
#[inline(never)]
fn read_elements<'a>(
    reader: &mut Reader<'a>,
    least: usize,
    most: usize,
    read: fn(&mut Reader<'a>),
) -> &'a [u8] {
    let length = reader.length(most);
    if length < least {
        reader.refuse();
    }
    let before = reader.rest();
    for _ in 0..length {
        read(reader);
    }
    let bytes = before.len() - reader.rest().len();
    before.get(..bytes).unwrap_or_default()
}

impl<'a, T: Element<'a> + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Element<'a> + core::fmt::Debug> core::fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(feature = "image")]
impl<'a, T: Element<'a> + serde::Serialize> serde::Serialize for List<'a, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for element in self.iter() {
            list.serialize_element(&element)?;
        }
        list.end()
    }
}

/// For comparison with the postcard crate: the bytes that it would have read are written anew, and never freed.
#[cfg(all(test, feature = "image"))]
impl<'de, 'a, T> serde::Deserialize<'de> for List<'a, T>
where
    T: Element<'a> + serde::Serialize + serde::Deserialize<'de>,
{
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let elements = std::vec::Vec::<T>::deserialize(deserializer)?;
        if !(T::LEAST..=T::MOST).contains(&elements.len()) {
            return Err(D::Error::custom("a list of another length"));
        }
        let bytes = elements.iter().flat_map(|element| {
            let bytes = postcard::to_stdvec(element);
            bytes.unwrap_or_default()
        });
        Ok(Self::new(bytes.collect::<std::vec::Vec<u8>>().leak()))
    }
}
