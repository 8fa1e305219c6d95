//! The program of a board: it chooses an image after a restart, and then answers.
//!
//! * `check`: whether an image computes here what the workstation computed.
//! * `choice`: which of two images runs.
//! * `recorder`: samples of the sensors, taken while the line is busy.
//! * `line`: frames in and out, with the last reply kept.
//! * `update`: a new image on its way.
//! * `desk`: answers that leave the running image as it is.

mod check;
mod choice;
mod desk;
mod line;
mod recorder;
mod update;

use crate::board::Board;
use crate::flash::{Description, Mark, Slot};
use crate::protocol::{Refusal, Reply};
use choice::Choice;
use desk::{Change, Desk, Leave};
use elbow::ModelPlace;
use line::Line;
use update::Update;

/// Memory for [`Agent`], of any lengths; they are the limits that the board tells.
#[derive(Debug)]
pub struct Memory<'a> {
    /// For the longest request. 1088 bytes take chunks of 1024.
    pub request: &'a mut [u8],
    /// For the longest reply; 512 bytes or more.
    pub reply: &'a mut [u8],
    /// For samples that nobody has fetched.
    pub samples: &'a mut [u8],
    /// For the longest reading.
    pub reading: &'a mut [i16],
    /// For the model with the largest workspace.
    pub workspace: &'a mut [u64],
}

/// Why the program of a board ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The board is to be restarted.
    Restart,
    /// The line is closed; see [`crate::board::Received::Closed`].
    Closed,
}

/// A board that answers.
#[derive(Debug)]
pub struct Agent<'a, B, S> {
    line: Line<'a, B>,
    slots: [S; 2],
    choice: Option<Choice>,
    reading: &'a mut [i16],
    workspace: &'a mut [u64],
}

impl<'a, B: Board, S: Slot> Agent<'a, B, S> {
    /// Starts, as after a restart: chooses one of the images in `slots`, and marks it where it is new.
    pub fn new(board: B, mut slots: [S; 2], memory: Memory<'a>) -> Self {
        let choice = choice::choose(&mut slots, memory.workspace);
        Self {
            line: Line::new(board, memory.request, memory.reply, memory.samples),
            slots,
            choice,
            reading: memory.reading,
            workspace: memory.workspace,
        }
    }

    /// Answers until a restart is asked for.
    pub fn serve(&mut self) -> End {
        loop {
            match self.answer_by_one_image() {
                Leave::Restart => return End::Restart,
                Leave::Closed => return End::Closed,
                Leave::Change { number, change } => {
                    let done = match change {
                        Change::Commit(update) => self.commit(update),
                        Change::Confirm => self.confirm(),
                        Change::Rollback => self.roll_back(),
                    };
                    let reply = done.map_or_else(Reply::Refused, |()| Reply::Done);
                    self.line.reply(number, &reply);
                }
            }
        }
    }

    /// The board, to send what it has not sent yet before a restart.
    pub fn board(&mut self) -> &mut B {
        &mut self.line.board
    }

    /// Answers as long as nothing changes of what runs after a restart.
    #[inline(never)]
    fn answer_by_one_image(&mut self) -> Leave {
        let (running, spare, spare_index) = apart(&mut self.slots, self.choice);
        let mut place = ModelPlace::new();
        let image = self.choice.and_then(|_| image_in(running));
        let model = image.and_then(|image| place.parse(image).ok());
        let mut desk = Desk {
            line: &mut self.line,
            choice: self.choice,
            model,
            running,
            spare,
            spare_index,
            reading: self.reading,
            workspace: self.workspace,
            update: None,
        };
        desk.serve()
    }

    /// The slot of the running image.
    fn running(&mut self) -> Result<(&mut S, &mut Choice), Refusal> {
        let choice = self.choice.as_mut().ok_or(Refusal::NoImage)?;
        let slot = self.slots.get_mut(choice.slot).ok_or(Refusal::NoImage)?;
        Ok((slot, choice))
    }

    fn commit(&mut self, update: Update) -> Result<(), Refusal> {
        let (running, spare, _) = apart(&mut self.slots, self.choice);
        let description = Description::of(running.bytes());
        let generation = description.map_or(0, |description| description.generation);
        update.commit(spare, generation, self.workspace)
    }

    fn confirm(&mut self) -> Result<(), Refusal> {
        let (running, choice) = self.running()?;
        if Mark::Rejected.is_in(running.bytes()) {
            return Err(Refusal::RolledBack);
        }
        if !choice.trial {
            return Err(Refusal::NotOnTrial);
        }
        Mark::Good.write(running)?;
        choice.trial = false;
        Ok(())
    }

    /// Makes sure that there is another image, before this one is given up.
    fn roll_back(&mut self) -> Result<(), Refusal> {
        let has_other = match self.choice {
            None => return Err(Refusal::NoImage),
            Some(choice) => choice::can_follow(&self.slots, choice.slot ^ 1, self.workspace),
        };
        if !has_other {
            return Err(Refusal::NoOther);
        }
        let (running, _) = self.running()?;
        Mark::Rejected.write(running)
    }
}

/// The slot that is not written to, that which is, and its number.
fn apart<S>(slots: &mut [S; 2], choice: Option<Choice>) -> (&S, &mut S, u8) {
    let [first, second] = slots;
    match choice {
        Some(Choice { slot: 0, .. }) => (first, second, 1),
        Some(_) | None => (second, first, 0),
    }
}

/// The image that is described in a slot.
fn image_in(slot: &impl Slot) -> Option<&[u8]> {
    Description::of(slot.bytes())?.image(slot.bytes())
}
