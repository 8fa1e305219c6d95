//! A detector without an RTOS: one loop takes samples when they are due and scores windows in slices in between. The same
//! on every board, which gives it its converter, its lamp and its serial line.

use crate::motor::{self, Line, Sample};
use crate::said;
use core::convert::Infallible;
use core::fmt::Write;
use core::task::Poll;
use elbow::monitor::Transition;
use elbow::{ModelPlace, Workspace};
use heapless::Deque;

/// Samples a second: the loop must look for one more often than that, and the slices are short enough.
pub const RATE: u32 = 100;

/// Samples that wait for the window at hand: more than a second.
const WAITING: usize = 128;

/// Words of a watch of three channels in windows of up to 256 samples; `trainer inspect` says what a model needs.
pub type Memory = Workspace<640>;

/// Watches the samples that `due` has, if one is due, with the model in `image`; lights `lamp` while there is an alarm, and
/// tells when it is raised and cleared. Ends with an error alone, which is on the terminal.
pub fn detect(
    image: &[u8],
    memory: &mut Memory,
    out: &mut impl Write,
    mut due: impl FnMut() -> Option<Sample>,
    mut lamp: impl FnMut(bool),
) -> Option<Infallible> {
    let mut place = ModelPlace::new();
    let (model, mut watch) = motor::begin(out, image, &mut place, memory)?;
    let mut waiting = Deque::<Sample, WAITING>::new();
    loop {
        let Some(sample) = waiting.pop_front().or_else(&mut due) else {
            continue;
        };
        let Some(mut window) = said(out, watch.start(&sample))? else {
            continue;
        };
        let event = loop {
            if let Poll::Ready(event) = window.poll(1) {
                break said(out, event)?;
            }
            if let Some(sample) = due() {
                // A queue that is full leaves a gap in the stream, which the next windows show.
                let _ = waiting.push_back(sample);
            }
        };
        lamp(event.transition.is_alarm());
        if matches!(event.transition, Transition::Raised | Transition::Cleared) {
            writeln!(out, "{}", Line::new(model, &event)).ok()?;
        }
    }
}

/// The count of a converter that is never negative, as a raw integer: the model is of counts.
#[must_use]
pub fn count(value: u16) -> i16 {
    i16::try_from(value).unwrap_or(i16::MAX)
}
