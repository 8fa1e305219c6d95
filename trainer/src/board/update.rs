//! A new image for a board. The old one is kept until the new one has passed its self-test after a restart.

use super::error::BoardError;
use super::facts::{Facts, describe_image};
use super::link::{Link, Patience};
use elbow_agent::flash::CHUNK_UNIT;
use elbow_agent::protocol::{Identity, Refusal, Reply, Request};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// Bytes of a request beside the bytes of the image.
const CHUNK_OVERHEAD: usize = 16;

/// Time for a reply while a board restarts.
const GREETING: Duration = Duration::from_millis(250);

/// A step that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An image that was on trial, and is not this one, was rolled back.
    RolledBack,
    /// So many bytes are on the board.
    Sent(usize),
    /// The board has checked and tested the image, and starts again.
    Tested,
    /// The board runs the image on trial, and it passed its self-test again.
    Tried,
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The board runs the new image.
    Updated,
    /// The board had the image already.
    AlreadyThere,
}

/// Makes the board run `image`, whose model is called `name` and needs so many bytes of workspace; `progress` is told each step.
///
/// # Errors
/// [`BoardError`]. Whatever it is, the board runs the old or the new image after its next restart.
pub fn update<P: Read + Write>(
    link: &mut Link<P>,
    (name, workspace): (&str, usize),
    image: &[u8],
    mut progress: impl FnMut(Step),
) -> Result<Outcome, BoardError> {
    let identity = Identity::of(image);
    let mut facts = Facts::ask(link)?;
    check_room(&facts, image.len(), workspace)?;
    let on_trial = |facts: &Facts| facts.running.as_ref().is_some_and(|own| own.on_trial);
    if facts.runs(identity) && !on_trial(&facts) {
        return Ok(Outcome::AlreadyThere);
    }
    if on_trial(&facts) && !facts.runs(identity) {
        // An update that was cut off before it was confirmed. Without another image there is nothing to go back to, nor to lose.
        match link.order(&Request::Rollback) {
            Ok(()) => {
                restart(link)?;
                progress(Step::RolledBack);
            }
            Err(BoardError::Refused(Refusal::NoOther)) => {}
            Err(error) => return Err(error),
        }
        facts = Facts::ask(link)?;
    }
    // The other image may be this one, and then is good.
    if facts.runs(identity) && !on_trial(&facts) {
        return Ok(Outcome::AlreadyThere);
    }
    if !facts.runs(identity) {
        send(link, &facts, image, &mut progress)?;
        progress(Step::Tested);
        restart(link)?;
        facts = Facts::ask(link)?;
    }
    if !facts.runs(identity) {
        return Err(BoardError::Reverted {
            running: facts.describe_running(),
            wanted: describe_image(name, identity.length, identity.crc),
        });
    }
    link.order(&Request::SelfTest)?;
    progress(Step::Tried);
    link.order(&Request::Confirm)?;
    Ok(Outcome::Updated)
}

/// Makes the board run its other image.
///
/// # Errors
/// [`Refusal::NoOther`]; as [`Link::ask`].
pub fn roll_back<P: Read + Write>(link: &mut Link<P>) -> Result<(), BoardError> {
    link.order(&Request::Rollback)?;
    restart(link)
}

/// Sends the image, and has it tested.
fn send<P: Read + Write>(
    link: &mut Link<P>,
    facts: &Facts,
    image: &[u8],
    progress: &mut impl FnMut(Step),
) -> Result<(), BoardError> {
    let written = |reply: Reply<'_>| match reply {
        Reply::Written { length } => Ok(length as usize),
        _ => Err(BoardError::Unexpected),
    };
    written(link.ask(&Request::Begin(Identity::of(image)))?)?;
    let room = facts.message_bytes.saturating_sub(CHUNK_OVERHEAD);
    let size = (room / CHUNK_UNIT).max(1) * CHUNK_UNIT;
    let mut offset = 0;
    for bytes in image.chunks(size) {
        let sent = offset + bytes.len();
        let request = Request::Chunk {
            offset: offset as u32,
            bytes,
        };
        if written(link.ask(&request)?)? != sent {
            return Err(BoardError::Unexpected);
        }
        offset = sent;
        progress(Step::Sent(sent));
    }
    link.order(&Request::Commit)
}

/// Starts the board again, and waits until it answers, as long as for any reply.
fn restart<P: Read + Write>(link: &mut Link<P>) -> Result<(), BoardError> {
    match link.order(&Request::Restart) {
        // It has started again, and the reply was lost.
        Ok(()) | Err(BoardError::Refused(Refusal::NothingNew)) => {}
        Err(error) => return Err(error),
    }
    let patience = link.patience();
    let end = Instant::now() + patience.timeout * patience.tries;
    // What is sent during the restart is lost.
    link.be(Patience {
        timeout: GREETING.min(patience.timeout),
        tries: 1,
    });
    let greeted = loop {
        match link.ask(&Request::Hello) {
            Err(BoardError::Silent { .. }) if Instant::now() < end => {}
            answer => break answer.map(drop),
        }
    };
    link.be(patience);
    greeted
}

/// Refuses an image before anything is erased for it.
fn check_room(facts: &Facts, image: usize, workspace: usize) -> Result<(), BoardError> {
    let saturating = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    if image > facts.image_bytes {
        return Err(BoardError::Refused(Refusal::TooLong {
            have: saturating(facts.image_bytes),
            need: saturating(image),
        }));
    }
    if workspace > facts.workspace_bytes {
        return Err(BoardError::Refused(Refusal::Workspace {
            have: saturating(facts.workspace_bytes),
            need: saturating(workspace),
        }));
    }
    Ok(())
}
