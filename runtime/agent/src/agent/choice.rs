//! Which of two images runs.

use super::check::check;
use crate::flash::{Description, Mark, Slot, report};
use crate::protocol::SlotState;

/// The image that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Its slot, 0 or 1.
    pub(super) slot: usize,
    /// Whether it is on trial.
    pub(super) trial: bool,
}

/// Chooses after a restart: a new image is tried once; otherwise the newest good one runs; where there is none, one that was tried
/// runs again. None runs that fails its checks.
pub(super) fn choose<S: Slot>(slots: &mut [S; 2], workspace: &mut [u64]) -> Option<Choice> {
    let [first, second] = &*slots;
    let (first, second) = (first.bytes(), second.bytes());
    let new = match [is_untried(first, second), is_untried(second, first)] {
        [true, _] => Some(0),
        [_, true] => Some(1),
        _ => None,
    };
    let newest_first = if generation(first) > generation(second) {
        [0, 1]
    } else {
        [1, 0]
    };
    if let Some(slot) = new
        && let Some(own) = slots.get_mut(slot)
        && Mark::Tried.write(own).is_ok()
    {
        if passes(own, workspace) {
            return Some(Choice { slot, trial: true });
        }
        // Where even this cannot be written, the image counts as tried.
        let _ = Mark::Rejected.write(own);
    }
    for (state, trial) in [(SlotState::Good, false), (SlotState::Tried, true)] {
        for slot in newest_first {
            if let Some(own) = slots.get(slot)
                && report(own.bytes()).state == state
                && passes(own, workspace)
            {
                return Some(Choice { slot, trial });
            }
        }
    }
    None
}

/// Whether the image in `slot` would run if the other one did not.
pub(super) fn can_follow<S: Slot>(slots: &[S; 2], slot: usize, workspace: &mut [u64]) -> bool {
    slots.get(slot).is_some_and(|own| {
        let state = report(own.bytes()).state;
        matches!(state, SlotState::Good | SlotState::Tried) && passes(own, workspace)
    })
}

/// Whether the image in a slot is new, and newer than the `other` one: an old one is not whose marks an erasure took that was cut off.
pub(super) fn is_untried(slot: &[u8], other: &[u8]) -> bool {
    report(slot).state == SlotState::New && generation(slot) > generation(other)
}

/// The generation of the image in a slot; 0 where there is none.
fn generation(slot: &[u8]) -> u32 {
    Description::of(slot).map_or(0, |description| description.generation)
}

/// Whether the image in a slot passes all checks.
fn passes(slot: &impl Slot, workspace: &mut [u64]) -> bool {
    let bytes = slot.bytes();
    let description = Description::of(bytes);
    description.is_some_and(|description| {
        let image = description.image(bytes);
        image.is_some_and(|image| check(image, description.image, workspace).is_ok())
    })
}
