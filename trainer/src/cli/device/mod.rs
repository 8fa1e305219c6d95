//! Commands on what goes to a device.

pub(super) mod board;
pub(super) mod export;
pub(super) mod inspect;
pub(super) mod new;
pub(super) mod verify;
