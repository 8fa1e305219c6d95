//! A board that is a program here: what it answers, and what cut power and garbage on the line leave of it.

mod answers;
mod cuts;
mod garbage;
mod machine;
#[path = "../../../tests/support/mod.rs"]
mod support;
