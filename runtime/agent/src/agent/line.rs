//! Frames in and out, with the last reply kept.

use super::recorder::Recorder;
use crate::board::{Board, Received};
use crate::protocol::{Receiver, Refusal, Reply, encode};
use core::fmt;

/// The line of a board. The last reply stays in its buffer: a request that comes a second time, because its reply was lost, has it again.
pub(super) struct Line<'a, B> {
    pub(super) board: B,
    pub(super) receiver: Receiver<&'a mut [u8]>,
    pub(super) recorder: Recorder<'a>,
    reply: &'a mut [u8],
    /// The number of the last reply, and its bytes.
    last: Option<(u32, usize)>,
}

impl<B> fmt::Debug for Line<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl<'a, B: Board> Line<'a, B> {
    pub(super) fn new(
        board: B,
        request: &'a mut [u8],
        reply: &'a mut [u8],
        samples: &'a mut [u8],
    ) -> Self {
        Self {
            board,
            receiver: Receiver::new(request),
            recorder: Recorder::new(samples),
            reply,
            last: None,
        }
    }

    /// Waits for a frame; false where none will come.
    pub(super) fn wait(&mut self) -> bool {
        loop {
            self.recorder.poll(&mut self.board);
            match self.board.receive() {
                Received::Byte(byte) if self.receiver.feed(byte) => return true,
                Received::Byte(_) | Received::Nothing => {}
                Received::Closed => return false,
            }
        }
    }

    /// Whether the request of this number is the last one that was answered.
    pub(super) fn is_answered(&self, number: u32) -> bool {
        self.last.is_some_and(|(last, _)| last == number)
    }

    /// Sends a reply.
    pub(super) fn reply(&mut self, number: u32, reply: &Reply<'_>) {
        self.keep(number, reply);
        self.send();
    }

    /// Sends samples that wait, as many as fit.
    pub(super) fn reply_samples(&mut self, number: u32) {
        // The rest is for the frame and the other numbers of the message.
        let room = self.reply.len().saturating_sub(48 + self.reply.len() / 254);
        let samples = self.recorder.fetch(B::SENSORS.len(), room);
        let encoded = encode(number, &Reply::Samples(samples), self.reply);
        self.last = encoded.ok().map(|frame| (number, frame.len()));
        self.send();
    }

    fn keep(&mut self, number: u32, reply: &Reply<'_>) {
        let mut encoded = encode(number, reply, self.reply).map(<[u8]>::len);
        if encoded.is_err() {
            let refused = Reply::Refused(Refusal::Reply);
            encoded = encode(number, &refused, self.reply).map(<[u8]>::len);
        }
        self.last = encoded.ok().map(|length| (number, length));
    }

    /// Sends the last reply.
    pub(super) fn send(&mut self) {
        let length = self.last.map_or(0, |(_, length)| length);
        for &byte in self.reply.iter().take(length) {
            self.board.send(byte);
            self.recorder.poll(&mut self.board);
        }
    }
}
