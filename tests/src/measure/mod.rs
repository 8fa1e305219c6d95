//! Counts what models and features cost on the boards.
//!
//! * [`shapes`]: models of any shape with random weights.
//! * [`product`]: what the least product takes of flash, and what features add.
//! * [`mod@bench`]: instructions of scores and layers.
//! * [`chip`]: the example that measures the same on a chip.
//! * [`costs`]: the same of models of many shapes, for the trainer's budgets.
//! * [`scale`]: files that are larger than memory, scored on this machine.

pub mod bench;
pub mod chip;
pub mod costs;
pub mod product;
pub mod scale;
pub mod shapes;
