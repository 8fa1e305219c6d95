//! Messages, and the frames that carry them.

mod frame;
mod message;
mod refusal;

pub use frame::{FrameError, OVERHEAD, Receiver, VERSION, checksum, decode, encode};
pub use message::{
    Column, Hello, Identity, MISSING, Question, Reply, Request, Running, Samples, Scored, Sensor,
    SlotReport, SlotState, Storage,
};
pub use refusal::Refusal;
