//! Scores of a board beside those of this machine, bit for bit.

use super::error::BoardError;
use super::facts::Facts;
use super::link::Link;
use elbow::{Estimator, Score};
use elbow_agent::protocol::{Identity, Question, Refusal, Reply, Request, Scored};
use std::io::{Read, Write};

/// A reading, and its score on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its raw integers.
    pub reading: &'a [i16],
    /// A bit for each input that was observed, as [`elbow::Mask`] has them; empty where all were.
    pub observed: &'a [u8],
    /// Its score.
    pub score: &'a Score,
}

/// Makes sure that the board runs `image`, whose model is called `name`.
///
/// # Errors
/// [`BoardError::OtherImage`].
pub fn check_image(facts: &Facts, name: &str, image: &[u8]) -> Result<(), BoardError> {
    let identity = Identity::of(image);
    if facts.runs(identity) {
        return Ok(());
    }
    Err(BoardError::OtherImage {
        running: facts.describe_running(),
        wanted: super::facts::describe_image(name, identity.length, identity.crc),
    })
}

/// Lets the board score readings by an estimator, and compares each score with that of this machine. Reading `i` draws from stream `i` of
/// `seed`. `progress` is told how many there are.
///
/// # Errors
/// [`BoardError::Different`] at the first that differs; as [`Link::ask`].
pub fn compare<'a, P: Read + Write>(
    link: &mut Link<P>,
    (estimator, seed): (Estimator, u64),
    readings: impl Iterator<Item = Expected<'a>>,
    mut progress: impl FnMut(usize),
) -> Result<(), BoardError> {
    for (index, expected) in readings.enumerate() {
        let numbers = expected.reading.iter();
        let reading: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
        let question = Question {
            estimator,
            seed,
            stream: index as u64,
            observed: expected.observed,
            reading: &reading,
        };
        let Reply::Score(computed) = link.ask(&Request::Score(question))? else {
            return Err(BoardError::Unexpected);
        };
        if let Some(what) = differences(&computed, &Scored::of(expected.score)) {
            return Err(BoardError::Different { index, what });
        }
        progress(index + 1);
    }
    Ok(())
}

/// Makes sure that the board has room for readings of `numbers` numbers, and for the message that brings one.
///
/// # Errors
/// [`Refusal::Reading`].
pub fn check_room(facts: &Facts, numbers: usize) -> Result<(), BoardError> {
    // The other fields of the message, and a bit for each number.
    let room = facts
        .message_bytes
        .saturating_sub(40)
        .saturating_sub(numbers.div_ceil(8))
        / 2;
    let room = room.min(facts.reading_numbers);
    if numbers <= room {
        return Ok(());
    }
    let saturating = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Err(Refusal::Reading {
        have: saturating(room),
        bytes: saturating(2 * numbers),
    }
    .into())
}

/// The integers that differ, in words.
fn differences(board: &Scored, here: &Scored) -> Option<String> {
    let numbers = |scored: &Scored| {
        let Scored {
            elbo,
            reconstruction,
            kl,
            standard_error,
            p_value,
            surprise,
            statistic,
            passes,
        } = *scored;
        [
            ("elbo", Some(i64::from(elbo))),
            ("reconstruction", Some(reconstruction.into())),
            ("kl", Some(kl.into())),
            ("standard error", standard_error.map(i64::from)),
            ("p-value", Some(p_value.into())),
            ("surprise", Some(surprise.into())),
            ("statistic", Some(statistic.into())),
            ("passes", Some(passes.into())),
        ]
    };
    let word = |number: Option<i64>| number.map_or("none".to_owned(), |number| number.to_string());
    let pairs = numbers(board).into_iter().zip(numbers(here));
    let pairs = pairs.filter(|(board, here)| board != here);
    let words = pairs.map(|((name, board), (_, here))| {
        format!(
            "{name} is {} on the board and {} here",
            word(board),
            word(here)
        )
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integer_is_compared_and_named() {
        let one = Scored {
            elbo: -5,
            reconstruction: 1,
            kl: 2,
            standard_error: None,
            p_value: 3,
            surprise: 4,
            statistic: 0,
            passes: 16,
        };
        assert_eq!(differences(&one, &one), None);
        let other = Scored {
            elbo: -6,
            reconstruction: 2,
            kl: 3,
            standard_error: Some(9),
            p_value: 4,
            surprise: 5,
            statistic: 1,
            passes: 17,
        };
        let words = differences(&one, &other).unwrap();
        assert_eq!(words.split(", ").count(), 8);
        assert!(
            words.starts_with("elbo is -5 on the board and -6 here, "),
            "{words}"
        );
        assert!(
            words.contains("standard error is none on the board and 9 here"),
            "{words}"
        );
    }
}
