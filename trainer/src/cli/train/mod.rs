//! Commands that make models.

pub(super) mod fit;
pub(super) mod init;
pub(super) mod interrupt;
pub(super) mod look;
pub(super) mod quantize;
pub(super) mod tune;
