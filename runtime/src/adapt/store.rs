//! The state of an adapter in memory that outlives power: two copies, each with a journal.
//!
//! The memory is halved into two slots. A state is written into the slot that does not hold the newest one, from its
//! first byte to the checksum at its end, so that at any moment one slot holds a whole state. Scores that are counted later go
//! behind it one by one, each with a checksum of its own, until the next state is written. `FORMAT.md` has the layout.

use super::adapter::{Adapted, Adapter, Stage};
use super::error::{MediumError, StoreError};
use super::record::{self, Header};
use crate::crc::crc32;
use crate::fixed::Nats;
use embedded_storage::nor_flash::NorFlash;
use embedded_storage::{ReadStorage, Storage};

/// The largest unit of writing, and what states and entries are aligned to where it is smaller.
const LARGEST_UNIT: usize = 32;
/// Bytes of an entry of the journal.
const ENTRY: usize = 16;

/// Memory that outlives power: pages that are erased to 0xff, and units that are written once after that.
pub trait Medium {
    /// Why it refused.
    type Error;

    /// Its bytes.
    fn capacity(&self) -> u32;
    /// Bytes of a page; 1 where nothing has to be erased.
    fn page(&self) -> u32;
    /// Bytes of a unit of writing, a power of two.
    fn unit(&self) -> usize;
    /// Reads the bytes from `at` on.
    ///
    /// # Errors
    /// The memory's own.
    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), Self::Error>;
    /// Sets the bytes from `from` to before `to` to 0xff; both are multiples of a page.
    ///
    /// # Errors
    /// The memory's own.
    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error>;
    /// Writes `bytes`, whole units, where all is erased.
    ///
    /// # Errors
    /// The memory's own.
    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Flash that is erased before it is written, by the trait of `embedded-storage`. It is read in multiples of 4 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nor<F>(pub F);

impl<F: NorFlash> Medium for Nor<F> {
    type Error = F::Error;

    fn capacity(&self) -> u32 {
        self.0.capacity() as u32
    }

    fn page(&self) -> u32 {
        F::ERASE_SIZE as u32
    }

    fn unit(&self) -> usize {
        F::WRITE_SIZE
    }

    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), F::Error> {
        self.0.read(at, bytes)
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), F::Error> {
        self.0.erase(from, to)
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), F::Error> {
        self.0.write(at, bytes)
    }
}

/// Memory that can be written at any time, such as FRAM, by the trait of `embedded-storage`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rewritable<S>(pub S);

impl<S: Storage> Medium for Rewritable<S> {
    type Error = <S as ReadStorage>::Error;

    fn capacity(&self) -> u32 {
        self.0.capacity() as u32
    }

    fn page(&self) -> u32 {
        1
    }

    fn unit(&self) -> usize {
        1
    }

    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.read(at, bytes)
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        let mut at = from;
        while at < to {
            let bytes = [0xff; LARGEST_UNIT];
            let length = ((to - at) as usize).min(LARGEST_UNIT);
            self.0.write(at, bytes.get(..length).unwrap_or_default())?;
            at += length as u32;
        }
        Ok(())
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.write(at, bytes)
    }
}

/// Where the newest state is, for a store that is made anew for each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// 0 or 1.
    slot: u32,
    sequence: u32,
    /// Where the next entry of the journal goes, from the start of the slot; none where it is damaged.
    next: Option<u32>,
}

/// Keeps the state of an adapter in a [`Medium`].
///
/// Whenever power fails, [`Store::load`] gives the state before or behind the write that was under way, whole. A session that is
/// in its stage [`Stage::Learning`] is stored by [`Store::save`] alone.
#[derive(Debug)]
pub struct Store<M> {
    medium: M,
    active: Option<Place>,
}

impl<M: Medium> Store<M> {
    /// A store in all of `medium`. Nothing is read yet.
    pub fn new(medium: M) -> Self {
        Self {
            medium,
            active: None,
        }
    }

    /// A store that goes on where another one of the same medium was; see [`Store::place`].
    pub fn resume(medium: M, place: Option<Place>) -> Self {
        Self {
            medium,
            active: place,
        }
    }

    /// Where the newest state is; none before one was read or written.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.active
    }

    /// Bytes of a medium that holds the two copies of an adapter with so many channels, before it is rounded up to twice whole
    /// pages, with a journal of `entries` scores.
    #[must_use]
    pub const fn bytes(channels: usize, entries: usize) -> usize {
        2 * (record::most_bytes(channels).next_multiple_of(LARGEST_UNIT) + entries * LARGEST_UNIT)
    }

    /// Takes the newest state of this adapter's image over, with its journal; whether there is one. Where there is none, the
    /// adapter returns to the factory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn load(&mut self, adapter: &mut Adapter<'_>) -> Result<bool, StoreError<M::Error>> {
        self.check(adapter)?;
        self.active = None;
        adapter.forget();
        let mut slots = [self.header(0)?, self.header(1)?];
        for _ in 0..slots.len() {
            let [first, second] = slots.map(|header| header.map(|header| header.sequence));
            let slot = u32::from(second > first);
            let newest = slots.get_mut(slot as usize).and_then(Option::take);
            let Some(header) = newest else {
                break;
            };
            let start = slot * self.slot_bytes();
            let medium = &mut self.medium;
            let get = |at: usize, bytes: &mut [u8]| medium.read(start + at as u32, bytes);
            if record::restore(adapter, &header, get).map_err(StoreError::Medium)? {
                self.replay(adapter, slot, &header)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes the state of `adapter` beside the newest one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn save(&mut self, adapter: &Adapter<'_>) -> Result<(), StoreError<M::Error>> {
        self.check(adapter)?;
        let newest = match self.active {
            Some(active) => Some((active.slot, active.sequence)),
            None => self.newest()?,
        };
        let (slot, sequence) = newest.map_or((0, 1), |(slot, sequence)| {
            (slot ^ 1, sequence.saturating_add(1))
        });
        let (start, length) = (slot * self.slot_bytes(), self.slot_bytes());
        self.medium
            .erase(start, start + length)
            .map_err(StoreError::Medium)?;
        let mut chunk = Chunk {
            medium: &mut self.medium,
            at: start,
            bytes: [0xff; LARGEST_UNIT],
            used: 0,
        };
        let header = record::write(adapter, sequence, |bytes| chunk.put(bytes));
        let header = header.map_err(StoreError::Medium)?;
        chunk.flush().map_err(StoreError::Medium)?;
        self.active = Some(Place {
            slot,
            sequence,
            next: Some(journal(&header)),
        });
        Ok(())
    }

    /// Stores what a reading has changed: the score that was counted goes into the journal; where that is full, or a stage begins,
    /// the whole state is written. To be called after each reading.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keep(
        &mut self,
        adapter: &Adapter<'_>,
        adapted: &Adapted,
    ) -> Result<(), StoreError<M::Error>> {
        let Some(score) = adapted.counted else {
            let begins = adapter.stage() != adapted.stage;
            return if begins { self.save(adapter) } else { Ok(()) };
        };
        if adapter.stage() != Stage::Calibrating || !self.append(adapter, score)? {
            return self.save(adapter);
        }
        Ok(())
    }

    /// Gives the medium back.
    pub fn into_medium(self) -> M {
        self.medium
    }

    /// Writes an entry of the journal; whether there was room.
    fn append(&mut self, adapter: &Adapter<'_>, score: Nats) -> Result<bool, StoreError<M::Error>> {
        let (stride, length) = (self.stride(), self.slot_bytes());
        let start = |slot: u32| slot * length;
        let Some(active) = &mut self.active else {
            return Ok(false);
        };
        let Some(next) = active.next.filter(|next| next + stride <= length) else {
            return Ok(false);
        };
        let mut bytes = [0xff; LARGEST_UNIT];
        let entry = entry(score, adapter.sketch().count(), active.sequence);
        bytes
            .iter_mut()
            .zip(entry)
            .for_each(|(place, byte)| *place = byte);
        // Where the write fails half-way, nothing may be written over it.
        active.next = None;
        let at = start(active.slot) + next;
        let bytes = bytes.get(..stride as usize).unwrap_or_default();
        self.medium.write(at, bytes).map_err(StoreError::Medium)?;
        active.next = Some(next + stride);
        Ok(true)
    }

    /// Counts the scores of the journal behind the state that `header` begins.
    fn replay(
        &mut self,
        adapter: &mut Adapter<'_>,
        slot: u32,
        header: &Header,
    ) -> Result<(), StoreError<M::Error>> {
        let (start, length, stride) = (slot * self.slot_bytes(), self.slot_bytes(), self.stride());
        let mut next = Some(journal(header));
        while let Some(at) = next.filter(|at| at + stride <= length) {
            let mut bytes = [0; ENTRY];
            self.medium
                .read(start + at, &mut bytes)
                .map_err(StoreError::Medium)?;
            let score = i32::from_le_bytes(*bytes.first_chunk().unwrap_or(&[0; 4]));
            let score = Nats::from_bits(score);
            let number = adapter.sketch().count().saturating_add(1);
            let is_next = bytes == entry(score, number, header.sequence);
            if is_next && adapter.stage() == Stage::Calibrating {
                adapter.count(score);
                next = Some(at + stride);
                continue;
            }
            // Behind the last entry all is erased, or a write was cut.
            next = next.filter(|_| bytes == [0xff; ENTRY]);
            break;
        }
        self.active = Some(Place {
            slot,
            sequence: header.sequence,
            next,
        });
        Ok(())
    }

    /// The slot and the number of the newest state, of whatever adapter.
    fn newest(&mut self) -> Result<Option<(u32, u32)>, StoreError<M::Error>> {
        let [first, second] =
            [self.header(0)?, self.header(1)?].map(|header| header.map(|header| header.sequence));
        let newest = if second > first {
            second.map(|sequence| (1, sequence))
        } else {
            first.map(|sequence| (0, sequence))
        };
        Ok(newest)
    }

    /// The header of a whole state in a slot.
    fn header(&mut self, slot: u32) -> Result<Option<Header>, StoreError<M::Error>> {
        let (start, length) = (slot * self.slot_bytes(), self.slot_bytes());
        let medium = &mut self.medium;
        let header = record::check(|at, bytes| {
            // A header that is none may say any length.
            let end = at as u32 + bytes.len() as u32;
            if end > length {
                return Ok(());
            }
            medium.read(start + at as u32, bytes)
        });
        header.map_err(StoreError::Medium)
    }

    /// Whether the state of `adapter` has room in a slot.
    fn check(&self, adapter: &Adapter<'_>) -> Result<(), StoreError<M::Error>> {
        let (have, most) = (self.medium.unit(), LARGEST_UNIT);
        if have > most {
            return Err(StoreError::Unfit(MediumError::Unit { have, most }));
        }
        let channels = adapter.alignment().channels();
        let need = record::most_bytes(channels).next_multiple_of(LARGEST_UNIT) as u32;
        let have = self.slot_bytes();
        if have < need {
            return Err(StoreError::Unfit(MediumError::Small { have, need }));
        }
        Ok(())
    }

    /// Bytes of a slot: whole pages.
    fn slot_bytes(&self) -> u32 {
        let page = self.medium.page().max(1);
        let half = self.medium.capacity() / 2;
        half - half.checked_rem(page).unwrap_or(0)
    }

    /// Bytes from one entry of the journal to the next.
    fn stride(&self) -> u32 {
        self.medium.unit().max(ENTRY) as u32
    }
}

/// Where the journal behind a state begins.
fn journal(header: &Header) -> u32 {
    header.length().next_multiple_of(LARGEST_UNIT) as u32
}

/// Score `number` that was counted, in the journal of state `sequence`.
fn entry(score: Nats, number: u32, sequence: u32) -> [u8; ENTRY] {
    let mut bytes = [0; ENTRY];
    let words = [score.to_bits().cast_unsigned(), number, sequence];
    let mut fields = words.map(u32::to_le_bytes);
    let sum = crc32(fields.as_flattened_mut()).to_le_bytes();
    let all = fields.as_flattened().iter().chain(&sum);
    bytes
        .iter_mut()
        .zip(all)
        .for_each(|(place, &byte)| *place = byte);
    bytes
}

/// Bytes on their way to the medium, in chunks of whole units.
struct Chunk<'m, M> {
    medium: &'m mut M,
    /// Where the chunk goes.
    at: u32,
    bytes: [u8; LARGEST_UNIT],
    used: usize,
}

impl<M: Medium> Chunk<'_, M> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), M::Error> {
        for &byte in bytes {
            if let Some(place) = self.bytes.get_mut(self.used) {
                *place = byte;
            }
            self.used += 1;
            if self.used >= LARGEST_UNIT {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Writes what there is, filled up with 0xff.
    fn flush(&mut self) -> Result<(), M::Error> {
        if self.used > 0 {
            self.medium.write(self.at, &self.bytes)?;
        }
        self.at += LARGEST_UNIT as u32;
        self.bytes = [0xff; LARGEST_UNIT];
        self.used = 0;
        Ok(())
    }
}
