//! The state of an adapter as bytes: see `FORMAT.md`.

use super::adapter::{Adapter, Stage};
use super::reference::Moments;
use super::sketch::{KNOTS, Knot, Sketch};
use crate::crc::Crc;
use crate::estimator::Estimator;

/// The first bytes of a state.
const MAGIC: [u8; 4] = *b"ELBA";
/// The version of the layout.
const VERSION: u16 = 1;
/// Bytes before the first channel.
const HEADER: usize = 32;
/// Bytes of a channel, and of a knot.
const PAIR: usize = 8;
/// Bytes of the checksum.
const CHECKSUM: usize = 4;

/// The most bytes of the state of an adapter with so many channels.
pub(super) const fn most_bytes(channels: usize) -> usize {
    HEADER + PAIR * (channels + KNOTS) + CHECKSUM
}

/// What a state says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) sequence: u32,
    stage: Stage,
    identity: u32,
    estimator: Estimator,
    learned: (u32, i32),
    channels: u16,
    knots: u8,
}

impl Header {
    /// That of the state of `adapter`.
    fn of(adapter: &Adapter<'_>, sequence: u32) -> Self {
        Self {
            sequence,
            stage: adapter.stage(),
            identity: adapter.identity(),
            estimator: adapter.settings().estimator,
            learned: adapter.learned(),
            channels: adapter.alignment().channels() as u16,
            knots: adapter.sketch().knots().len() as u8,
        }
    }

    /// Bytes of the whole state.
    pub(super) fn length(&self) -> usize {
        let pairs = usize::from(self.channels) + usize::from(self.knots);
        HEADER + PAIR * pairs + CHECKSUM
    }

    /// Whether the state is one of `adapter`'s.
    pub(super) fn fits(&self, adapter: &Adapter<'_>) -> bool {
        let own = Self::of(adapter, 0);
        self.identity == own.identity
            && self.estimator == own.estimator
            && self.channels == own.channels
    }

    fn to_bytes(self) -> [u8; HEADER] {
        let (kind, samples) = kind(self.estimator);
        let mut bytes = [0; HEADER];
        let [version, samples] = [VERSION, samples].map(u16::to_le_bytes);
        let stage = [stage_number(self.stage), self.knots];
        let (learned, raised) = self.learned;
        let (learned, raised) = (learned.to_le_bytes(), raised.to_le_bytes());
        let fields: [&[u8]; 10] = [
            &MAGIC,
            &version,
            &stage,
            &self.identity.to_le_bytes(),
            &self.sequence.to_le_bytes(),
            &self.channels.to_le_bytes(),
            &samples,
            &u32::from(kind).to_le_bytes(),
            &learned,
            &raised,
        ];
        let places = bytes.iter_mut();
        places
            .zip(fields.into_iter().flatten())
            .for_each(|(place, &byte)| *place = byte);
        bytes
    }

    fn from_bytes(bytes: &[u8; HEADER]) -> Option<Self> {
        let half = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let is_one = bytes.first_chunk() == Some(&MAGIC) && half(4)? == VERSION;
        let header = Self {
            stage: *STAGES.get(usize::from(*bytes.get(6)?))?,
            knots: *bytes.get(7)?,
            identity: word(8)?,
            sequence: word(12)?,
            channels: half(16)?,
            estimator: estimator(word(20)?, half(18)?)?,
            learned: (word(24)?, word(28)?.cast_signed()),
        };
        (is_one && usize::from(header.knots) <= KNOTS).then_some(header)
    }
}

/// The stages by their numbers.
const STAGES: [Stage; 4] = [
    Stage::Factory,
    Stage::Learning,
    Stage::Calibrating,
    Stage::Ready,
];

fn stage_number(stage: Stage) -> u8 {
    match stage {
        Stage::Factory => 0,
        Stage::Learning => 1,
        Stage::Calibrating => 2,
        Stage::Ready => 3,
    }
}

fn kind(estimator: Estimator) -> (u8, u16) {
    match estimator {
        Estimator::PosteriorMean => (0, 0),
        Estimator::SigmaPoints => (1, 0),
        Estimator::MonteCarlo { samples } => (2, samples),
        Estimator::ImportanceWeighted { samples } => (3, samples),
        #[cfg(feature = "bits")]
        Estimator::Enumeration => (4, 0),
    }
}

fn estimator(kind: u32, samples: u16) -> Option<Estimator> {
    match (kind, samples) {
        (0, 0) => Some(Estimator::PosteriorMean),
        (1, 0) => Some(Estimator::SigmaPoints),
        (2, samples) => Some(Estimator::MonteCarlo { samples }),
        (3, samples) => Some(Estimator::ImportanceWeighted { samples }),
        #[cfg(feature = "bits")]
        (4, 0) => Some(Estimator::Enumeration),
        _ => None,
    }
}

fn pair(first: u32, second: u32) -> [u8; PAIR] {
    let mut bytes = [0; PAIR];
    let words = [first.to_le_bytes(), second.to_le_bytes()];
    let places = bytes.iter_mut();
    places
        .zip(words.into_iter().flatten())
        .for_each(|(place, byte)| *place = byte);
    bytes
}

fn words(bytes: [u8; PAIR]) -> (u32, u32) {
    let whole = u64::from_le_bytes(bytes);
    (whole as u32, (whole >> 32) as u32)
}

/// Puts the bytes of the state of `adapter` out, one part after another; the header that they begin with.
pub(super) fn write<E>(
    adapter: &Adapter<'_>,
    sequence: u32,
    mut put: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Header, E> {
    let header = Header::of(adapter, sequence);
    let mut crc = Crc::new();
    let mut part = |bytes: &[u8]| {
        crc.update(bytes);
        put(bytes)
    };
    part(&header.to_bytes())?;
    for Moments {
        location,
        deviation,
    } in adapter.alignment().moments()
    {
        part(&pair(location.cast_unsigned(), deviation))?;
    }
    for knot in adapter.sketch().knots() {
        part(&pair(knot.score.cast_unsigned(), knot.count))?;
    }
    put(&crc.finish().to_le_bytes())?;
    Ok(header)
}

/// The header of the state whose bytes `get` gives by their place; none where it is no whole one.
pub(super) fn check<E>(
    mut get: impl FnMut(usize, &mut [u8]) -> Result<(), E>,
) -> Result<Option<Header>, E> {
    let mut bytes = [0; HEADER];
    get(0, &mut bytes)?;
    let Some(header) = Header::from_bytes(&bytes) else {
        return Ok(None);
    };
    let mut crc = Crc::new();
    crc.update(&bytes);
    let end = header.length() - CHECKSUM;
    for at in (HEADER..end).step_by(PAIR) {
        let mut bytes = [0; PAIR];
        get(at, &mut bytes)?;
        crc.update(&bytes);
    }
    let mut stored = [0; CHECKSUM];
    get(end, &mut stored)?;
    Ok((u32::from_le_bytes(stored) == crc.finish()).then_some(header))
}

/// Takes the state over that `header` begins and that was checked; whether its knots ascend.
pub(super) fn restore<E>(
    adapter: &mut Adapter<'_>,
    header: &Header,
    mut get: impl FnMut(usize, &mut [u8]) -> Result<(), E>,
) -> Result<bool, E> {
    let mut failure = None;
    let mut pair_at = |index: usize| {
        let mut bytes = [0; PAIR];
        if let Err(error) = get(HEADER + PAIR * index, &mut bytes) {
            failure = Some(error);
        }
        words(bytes)
    };
    let channels = usize::from(header.channels);
    let knots = (channels..channels + usize::from(header.knots)).map(|index| {
        let (score, count) = pair_at(index);
        let score = score.cast_signed();
        Knot { score, count }
    });
    let sketch = Sketch::restored(knots);
    let Some(sketch) = sketch.filter(|_| header.fits(adapter)) else {
        return failure.map_or(Ok(false), Err);
    };
    let moments = (0..channels).map(|index| {
        let (location, deviation) = pair_at(index);
        let location = location.cast_signed();
        Moments {
            location,
            deviation,
        }
    });
    adapter.forget();
    adapter.alignment_mut().restore(moments);
    if let Some(error) = failure {
        adapter.forget();
        return Err(error);
    }
    adapter.restore(header.stage, header.learned, sketch);
    Ok(true)
}
