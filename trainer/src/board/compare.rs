//! Scores of a board beside those of this machine, bit for bit.

use super::error::BoardError;
use super::facts::Facts;
use super::link::Link;
use crate::error::Error;
use crate::readings::Readings;
use crate::readings::device::device_scores;
use crate::readings::masks::Masks;
use elbow::{Estimator, Model};
use elbow_agent::protocol::{Identity, Question, Refusal, Reply, Request, Scored};
use std::io::{Read, Write};

/// What is scored.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The model, of an image that the board runs.
    pub model: &'a Model<'a>,
    /// The readings.
    pub readings: &'a Readings,
    /// Inputs that were observed, where not all were.
    pub masks: Option<&'a Masks>,
    /// The estimator.
    pub estimator: Estimator,
    /// The seed of the random draws; reading `i` draws from stream `i`.
    pub seed: u64,
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

/// Lets the board score all readings, and compares each score with that of this machine; `progress` is told how many there are.
///
/// # Errors
/// [`BoardError::Different`] at the first that differs; as [`Link::ask`]; [`Error::Setting`] where this machine cannot score a reading.
pub fn compare<P: Read + Write>(
    link: &mut Link<P>,
    task: &Task<'_>,
    mut progress: impl FnMut(usize),
) -> Result<(), Error> {
    let Task {
        model,
        readings,
        masks,
        estimator,
        seed,
    } = *task;
    let expected = device_scores(model, readings, masks, estimator, seed)?;
    for (index, (row, score)) in readings.iter().zip(&expected).enumerate() {
        let reading: Vec<u8> = row.iter().flat_map(|number| number.to_le_bytes()).collect();
        let question = Question {
            estimator,
            seed,
            stream: index as u64,
            observed: masks.map_or(&[], |masks| masks.packed(index)),
            reading: &reading,
        };
        let computed = match link.ask(&Request::Score(question))? {
            Reply::Score(computed) => computed,
            _ => return Err(BoardError::Unexpected.into()),
        };
        if let Some(what) = differences(&computed, &Scored::of(score)) {
            return Err(BoardError::Different { index, what }.into());
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
