//! Commands that judge readings by a model.

pub(super) mod adapt;
pub(super) mod eval;
mod events;
pub(super) mod explain;
pub(super) mod impute;
pub(super) mod score;
pub(super) mod watch;
