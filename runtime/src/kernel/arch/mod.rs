//! The inner products. The portable ones are the definition; a faster one for some core may take
//! its place here if it gives the same bits.

mod portable;

pub(super) use portable::{dot_i8, dot_i16};
