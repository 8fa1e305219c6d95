//! Answers that leave the running image as it is.

use super::check::bytes;
use super::choice::{Choice, is_untried};
use super::line::Line;
use super::update::Update;
use crate::board::Board;
use crate::flash::{Mark, Slot, capacity, report};
use crate::protocol::{
    Column, FrameError, Hello, Identity, OVERHEAD, Question, Refusal, Reply, Request, Running,
    Scored, SlotState, decode,
};
use elbow::{Mask, Model, Session};

/// A board that answers by one image.
pub(super) struct Desk<'d, 'a, B, S> {
    pub(super) line: &'d mut Line<'a, B>,
    pub(super) choice: Option<Choice>,
    /// The model of the running image; none where no image runs.
    pub(super) model: Option<&'d Model<'d>>,
    /// The slot that is not written to.
    pub(super) running: &'d S,
    /// The slot that is.
    pub(super) spare: &'d mut S,
    pub(super) spare_index: u8,
    pub(super) reading: &'d mut [i16],
    pub(super) workspace: &'d mut [u64],
    pub(super) update: Option<Update>,
}

/// Why a desk answers no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// A restart was asked for.
    Restart,
    /// The line is closed.
    Closed,
    /// What runs after a restart is to be changed, and that is to be answered.
    Change {
        /// The number of the request.
        number: u32,
        /// What is asked for.
        change: Change,
    },
}

/// A change of what runs after a restart. Nobody looks at the running image meanwhile, so that there is memory to test another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A new image is there.
    Commit(Update),
    /// The running image is good.
    Confirm,
    /// The running image is not wanted.
    Rollback,
}

impl<B: Board, S: Slot> Desk<'_, '_, B, S> {
    /// Answers as long as that is possible by this image.
    pub(super) fn serve(&mut self) -> Leave {
        loop {
            if !self.line.wait() {
                return Leave::Closed;
            }
            if let Some(leave) = self.answer() {
                return leave;
            }
        }
    }

    /// Answers the frame that has come, if it is one.
    fn answer(&mut self) -> Option<Leave> {
        let (number, request) = match decode(self.line.receiver.frame()) {
            Ok(message) => message,
            Err(FrameError::Version { version, number }) => {
                let asked = version;
                return self.reply(number, &Reply::Refused(Refusal::Version { asked }));
            }
            Err(FrameError::Message { number }) => {
                return self.reply(number, &Reply::Refused(Refusal::Message));
            }
            Err(FrameError::Damaged | FrameError::Full { .. }) => return None,
        };
        let is_hello = request == Request::Hello;
        if !is_hello && self.line.is_answered(number) {
            self.line.send();
            return None;
        }
        let change = |change| Some(Leave::Change { number, change });
        let reply = match request {
            Request::Hello => Ok(Reply::Hello(self.hello())),
            Request::Confirm => return change(Change::Confirm),
            Request::Rollback => return change(Change::Rollback),
            Request::Restart if self.is_changed() => {
                self.line.reply(number, &Reply::Done);
                return Some(Leave::Restart);
            }
            Request::Restart => Err(Refusal::NothingNew),
            Request::Fetch if self.line.recorder.is_running() => {
                self.line.reply_samples(number);
                return None;
            }
            Request::Fetch => Err(Refusal::NotRecording),
            Request::Record { period } => {
                let now = self.line.board.microseconds();
                self.line.recorder.start(period, now);
                Ok(Reply::Done)
            }
            Request::Sensor { index } => sensor::<B>(index),
            Request::Column { index } => self.column(index),
            Request::Score(question) => score(self.model, self.reading, self.workspace, &question),
            Request::SelfTest => self.self_test(),
            Request::Begin(image) => self.begin(image),
            Request::Chunk { offset, bytes } => chunk(&mut self.update, self.spare, offset, bytes),
            Request::Commit => match self.update.take() {
                Some(update) => return change(Change::Commit(update)),
                None => Err(Refusal::NotBegun),
            },
        };
        let reply = reply.unwrap_or_else(Reply::Refused);
        self.reply(number, &reply)
    }
}

impl<'d, B: Board, S: Slot> Desk<'d, '_, B, S> {
    /// Sends a reply, after which there is more to do.
    fn reply(&mut self, number: u32, reply: &Reply<'_>) -> Option<Leave> {
        self.line.reply(number, reply);
        None
    }

    fn hello(&self) -> Hello<'d> {
        let mut slots = [report(self.running.bytes()), report(self.spare.bytes())];
        if self.spare_index == 0 {
            slots.reverse();
        }
        Hello {
            agent: env!("CARGO_PKG_VERSION"),
            board: B::NAME,
            chip: B::CHIP,
            storage: B::STORAGE,
            message: number(self.line.receiver.capacity().saturating_sub(OVERHEAD)),
            reading: number(self.reading.len()),
            workspace: bytes(self.workspace.len()),
            image: number(capacity(self.spare)),
            sensors: u16::try_from(B::SENSORS.len()).unwrap_or(u16::MAX),
            slots,
            running: self.choice.zip(self.model).map(|(choice, model)| Running {
                slot: u8::from(choice.slot != 0),
                trial: choice.trial,
                image: report(self.running.bytes()).image,
                name: model.name(),
                workspace: bytes(model.workspace_words()),
                reading: number(model.reading_length()),
                columns: u16::try_from(model.columns()).unwrap_or(u16::MAX),
            }),
        }
    }

    /// Whether the running image will not run after a restart.
    fn is_rolled_back(&self) -> bool {
        self.choice.is_some() && Mark::Rejected.is_in(self.running.bytes())
    }

    /// Whether another image will be tried after a restart.
    fn is_changed(&self) -> bool {
        self.is_rolled_back() || is_untried(self.spare.bytes(), self.running.bytes())
    }

    fn column(&self, index: u16) -> Result<Reply<'d>, Refusal> {
        let model = self.model.ok_or(Refusal::NoImage)?;
        let column = model.column(index.into()).ok_or(Refusal::Index {
            asked: index,
            have: u16::try_from(model.columns()).unwrap_or(u16::MAX),
        })?;
        Ok(Reply::Column(Column {
            name: column.name(),
            unit: column.unit(),
            offset: column.offset(),
            exponent: column.exponent(),
        }))
    }

    fn self_test(&mut self) -> Result<Reply<'d>, Refusal> {
        let model = self.model.ok_or(Refusal::NoImage)?;
        match model.self_test(self.workspace) {
            Ok(()) => Ok(Reply::Done),
            Err(error) => Err(Refusal::SelfTest { code: error.code() }),
        }
    }

    /// Begins an update, unless the image that it would replace may be needed again.
    fn begin(&mut self, image: Identity) -> Result<Reply<'d>, Refusal> {
        if self.is_rolled_back() {
            return Err(Refusal::RolledBack);
        }
        let on_trial = self.choice.is_some_and(|choice| choice.trial);
        if on_trial && report(self.spare.bytes()).state == SlotState::Good {
            return Err(Refusal::OnTrial);
        }
        self.update = None;
        self.update = Some(Update::begin(self.spare, image)?);
        Ok(Reply::Written { length: 0 })
    }
}

/// A number of bytes or of numbers; it saturates.
fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn sensor<B: Board>(index: u16) -> Result<Reply<'static>, Refusal> {
    let sensor = B::SENSORS.get(usize::from(index));
    let refusal = Refusal::Index {
        asked: index,
        have: u16::try_from(B::SENSORS.len()).unwrap_or(u16::MAX),
    };
    sensor.map(|&sensor| Reply::Sensor(sensor)).ok_or(refusal)
}

fn chunk<S: Slot>(
    update: &mut Option<Update>,
    slot: &mut S,
    offset: u32,
    bytes: &[u8],
) -> Result<Reply<'static>, Refusal> {
    let update = update.as_mut().ok_or(Refusal::NotBegun)?;
    let length = update.write(slot, offset, bytes)?;
    Ok(Reply::Written { length })
}

/// The score of a reading, in memory for it and for the model.
fn score(
    model: Option<&Model<'_>>,
    reading: &mut [i16],
    workspace: &mut [u64],
    question: &Question<'_>,
) -> Result<Reply<'static>, Refusal> {
    let model = model.ok_or(Refusal::NoImage)?;
    let too_long = Refusal::Reading {
        have: number(reading.len()),
        bytes: number(question.reading.len()),
    };
    let (pairs, []) = question.reading.as_chunks::<2>() else {
        return Err(too_long);
    };
    let reading = reading.get_mut(..pairs.len()).ok_or(too_long)?;
    for (place, &pair) in reading.iter_mut().zip(pairs) {
        *place = i16::from_le_bytes(pair);
    }
    let observed = match question.observed {
        [] => Mask::ALL,
        bits => {
            let mask = Mask::new(bits, model.inputs());
            mask.map_err(|error| Refusal::Score { code: error.code() })?
        }
    };
    let session = Session::new(model, workspace, question.seed);
    let mut session = session.map_err(|error| Refusal::Score { code: error.code() })?;
    session.reseed(question.seed, question.stream);
    match session.score_observed(reading, observed, question.estimator) {
        Ok(score) => Ok(Reply::Score(Scored::of(&score))),
        Err(error) => Err(Refusal::Score { code: error.code() }),
    }
}
