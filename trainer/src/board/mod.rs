//! A board on the desk that runs `elbow-agent`: samples of its sensors, its scores beside those of this machine, and new
//! images for it, over a serial line.
//!
//! * [`error`]: what can go wrong on a line.
//! * [`link`](mod@link): requests and replies, asked again where the line loses them.
//! * [`facts`]: what a board is, and what runs on it.
//! * [`record`]: samples as a log that can be trained on.
//! * [`compare`]: scores, bit for bit.
//! * [`update`]: a new image, the old one kept until the new one is good.

pub mod compare;
pub mod error;
pub mod facts;
pub mod link;
pub mod record;
pub mod update;
