//! What a workstation asks, and what a board answers.

use super::Refusal;
use elbow::{Estimator, Score, Statistic};
use serde::{Deserialize, Serialize};

/// What a workstation asks. Each request has one reply.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Who is there? [`Reply::Hello`]. Always answered anew; other requests with the number of the last one have its reply again.
    Hello,
    /// [`Reply::Sensor`].
    Sensor {
        /// Which sensor, from 0.
        index: u16,
    },
    /// [`Reply::Column`] of the running image.
    Column {
        /// Which column, from 0.
        index: u16,
    },
    /// Takes samples of all sensors from now on, or ends that. [`Reply::Done`].
    Record {
        /// Microseconds from sample to sample; 0 ends it.
        period: u32,
    },
    /// The samples that were taken and not fetched yet. [`Reply::Samples`].
    Fetch,
    /// The score of a reading by the running image. [`Reply::Score`].
    #[serde(borrow)]
    Score(Question<'a>),
    /// The self-test of the running image. [`Reply::Done`].
    SelfTest,
    /// The start of an update: an image for the slot that does not run. [`Reply::Written`].
    Begin(Identity),
    /// The next bytes of the image. [`Reply::Written`].
    Chunk {
        /// Bytes of the image before these.
        offset: u32,
        /// The bytes: a multiple of 32, but for the last ones.
        bytes: &'a [u8],
    },
    /// The image is there: it is checked, parsed and tested, and tried after the next restart. [`Reply::Done`].
    Commit,
    /// A restart, after [`Reply::Done`], by which another image comes to run. Refused where none would: a request that comes again
    /// after the restart, because its reply was lost, does not end the trial of the new image.
    Restart,
    /// The image on trial is good, and runs from now on. [`Reply::Done`].
    Confirm,
    /// The running image is not wanted: the other one runs after the restart that follows. [`Reply::Done`].
    Rollback,
}

/// A reading to score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question<'a> {
    /// The estimator of the bound.
    pub estimator: Estimator,
    /// The seed of the random draws.
    pub seed: u64,
    /// The stream of random draws.
    pub stream: u64,
    /// A bit for each input, as [`elbow::Mask`] has them; empty where all were observed.
    pub observed: &'a [u8],
    /// The raw integers of the reading, two bytes each, the lower one first.
    pub reading: &'a [u8],
}

/// An image, by its length and checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Bytes of the image.
    pub length: u32,
    /// Their [`checksum`](super::checksum).
    pub crc: u32,
}

impl Identity {
    /// The identity of an image; its length saturates.
    #[must_use]
    pub fn of(image: &[u8]) -> Self {
        Self {
            length: u32::try_from(image.len()).unwrap_or(u32::MAX),
            crc: super::checksum(image),
        }
    }
}

/// What a board answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply<'a> {
    /// The board.
    #[serde(borrow)]
    Hello(Hello<'a>),
    /// A sensor.
    Sensor(Sensor<'a>),
    /// A column of the running image.
    Column(Column<'a>),
    /// Samples, the oldest first.
    Samples(Samples<'a>),
    /// A score.
    Score(Scored),
    /// So many bytes of the new image are there.
    Written {
        /// Bytes.
        length: u32,
    },
    /// It is done.
    Done,
    /// It was not done.
    Refused(Refusal),
}

/// A board.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello<'a> {
    /// The version of the program on the board.
    pub agent: &'a str,
    /// The board.
    pub board: &'a str,
    /// Its chip.
    pub chip: &'a str,
    /// What images are kept in.
    pub storage: Storage,
    /// Bytes that a message of the workstation may have.
    pub message: u32,
    /// Numbers that a reading may have.
    pub reading: u32,
    /// Bytes of workspace that an image may need.
    pub workspace: u32,
    /// Bytes that an image may have.
    pub image: u32,
    /// Sensors.
    pub sensors: u16,
    /// The two slots.
    pub slots: [SlotReport; 2],
    /// The image that runs; none where no slot has one that passes its self-test.
    pub running: Option<Running<'a>>,
}

/// What images are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Storage {
    /// Flash, which keeps its content without power.
    Flash,
    /// RAM that a restart leaves as it is, and that is empty after power was cut.
    Ram,
}

/// What is in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotReport {
    /// Its state.
    pub state: SlotState,
    /// Its image; zeros where there is none.
    pub image: Identity,
}

/// The state of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlotState {
    /// There is no whole image.
    Empty,
    /// The image is whole and was never tried.
    New,
    /// The image was tried, and was never confirmed.
    Tried,
    /// The image was confirmed.
    Good,
    /// The image failed its self-test after a restart, or was rolled back.
    Rejected,
}

/// The image that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running<'a> {
    /// Its slot.
    pub slot: u8,
    /// Whether it is on trial: after a restart without [`Request::Confirm`] the other one runs.
    pub trial: bool,
    /// The image.
    pub image: Identity,
    /// The name of its model.
    pub name: &'a str,
    /// Bytes of workspace that it needs.
    pub workspace: u32,
    /// Numbers in its readings.
    pub reading: u32,
    /// Columns of its data.
    pub columns: u16,
}

/// A sensor: its values are `offset + scale * count`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensor<'a> {
    /// What it measures.
    pub name: &'a str,
    /// The unit of its values.
    pub unit: &'a str,
    /// The value of a count of 0.
    pub offset: f64,
    /// What a count is worth.
    pub scale: f64,
}

/// A column of the data of an image; see [`elbow::Column`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its unit.
    pub unit: &'a str,
    /// Added to a raw integer.
    pub offset: i64,
    /// The power of two that the sum is then multiplied by.
    pub exponent: i8,
}

/// The count of a sensor that had none to give.
pub const MISSING: i16 = i16::MIN;

/// Samples: for each its time, microseconds since [`Request::Record`] in four bytes, which wrap, then the count of each sensor in two
/// bytes, [`MISSING`] where there is none; lower bytes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples<'a> {
    /// The number of the first one, from 0.
    pub first: u32,
    /// Samples so far that were lost, because nobody fetched them in time.
    pub lost: u32,
    /// The samples.
    pub bytes: &'a [u8],
}

/// The integers of a [`Score`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scored {
    /// The bound, Q16.16 nats.
    pub elbo: i32,
    /// Its reconstruction, Q16.16 nats.
    pub reconstruction: i32,
    /// Its divergence, Q16.16 nats.
    pub kl: i32,
    /// Its standard error, Q16.16 nats; none of deterministic estimators.
    pub standard_error: Option<i32>,
    /// The p-value, in 2^-31.
    pub p_value: u32,
    /// The surprise, Q16.16 nats.
    pub surprise: i32,
    /// The statistic that the p-value is owed to: 0 bound, 1 reconstruction, 2 prototypes, 3 columns, 255 another.
    pub statistic: u8,
    /// Decoder passes.
    pub passes: u16,
}

impl Scored {
    /// The integers of `score`.
    #[must_use]
    pub fn of(score: &Score) -> Self {
        Self {
            elbo: score.elbo().to_bits(),
            reconstruction: score.reconstruction().to_bits(),
            kl: score.kl().to_bits(),
            standard_error: score.standard_error().map(elbow::Nats::to_bits),
            p_value: score.p_value().to_bits(),
            surprise: score.surprise().to_bits(),
            statistic: match score.statistic() {
                Statistic::Bound => 0,
                Statistic::Reconstruction => 1,
                Statistic::Prototypes => 2,
                Statistic::Columns => 3,
                _ => 255,
            },
            passes: score.passes(),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn bytes(message: &impl Serialize) -> Vec<u8> {
        let mut buffer = [0; 256];
        postcard::to_slice(message, &mut buffer).unwrap().to_vec()
    }

    #[test]
    fn messages_have_the_bytes_of_the_protocol() {
        let question = Question {
            estimator: Estimator::MonteCarlo { samples: 300 },
            seed: 7,
            stream: 128,
            observed: &[5],
            reading: &[1, 0, 255, 255],
        };
        let identity = Identity {
            length: 16_568,
            crc: 1,
        };
        for (request, expected) in [
            (Request::Hello, &[0][..]),
            (Request::Record { period: 1000 }, &[3, 0xe8, 7]),
            (
                Request::Score(question),
                &[5, 2, 0xac, 2, 7, 0x80, 1, 1, 5, 4, 1, 0, 255, 255],
            ),
            (Request::Begin(identity), &[7, 0xb8, 0x81, 1, 1]),
            (Request::Rollback, &[12]),
        ] {
            assert_eq!(bytes(&request), expected, "{request:?}");
        }
        let scored = Scored {
            elbo: -1,
            reconstruction: 1,
            kl: 0,
            standard_error: Some(-2),
            p_value: 128,
            surprise: 2,
            statistic: 255,
            passes: 16,
        };
        let score = Reply::Score(scored);
        assert_eq!(bytes(&score), [4, 1, 2, 0, 1, 3, 0x80, 1, 4, 255, 16]);
        let refused = Reply::Refused(Refusal::NothingNew);
        assert_eq!(bytes(&refused), [7, 20]);
        let sensor = Reply::Sensor(Sensor {
            name: "t",
            unit: "°C",
            offset: 0.0,
            scale: 0.25,
        });
        let quarter = [0, 0, 0, 0, 0, 0, 0xd0, 0x3f];
        let expected = [&[1, 1, b't', 3, 0xc2, 0xb0, b'C'][..], &[0; 8], &quarter].concat();
        assert_eq!(bytes(&sensor), expected);
    }
}
