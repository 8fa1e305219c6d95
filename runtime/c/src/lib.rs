//! elbow for programs in C and C++: `elbow.h` declares what this crate defines.
//!
//! * `code`: what every call returns, a number for each error.
//! * `value`: plain structures that both sides read.
//! * `pointer`: raw pointers of C become references, or codes. Unsafe.
//! * `handle`: models, sessions, scores in slices, watches and adapters in memory of the caller. Unsafe.
//! * `entry`: the functions, each its arguments borrowed at once and one call of the runtime. Unsafe.
//!
//! Nothing is global and nothing is allocated. On a target without operating system the archive needs nothing but
//! what every C compiler expects (`memcpy` and its like, which it brings along weakly), and it cannot panic:
//! `cargo xtask c --check` looks for paths to a panic.
#![cfg_attr(target_os = "none", no_std)]
#![deny(unsafe_code)]
// Where features are left out, so are the users of a few private items.
#![cfg_attr(not(feature = "default"), allow(dead_code, unused_imports))]

mod code;
mod entry;
mod handle;
mod pointer;
mod value;

pub use code::*;
pub use entry::*;
pub use handle::{
    ELBOW_ADAPT_WORDS, ELBOW_MODEL_WORDS, ELBOW_SCORING_WORDS, ELBOW_SESSION_WORDS,
    ELBOW_WATCH_WORDS, elbow_adapt, elbow_model, elbow_scoring, elbow_session, elbow_watch,
};
pub use value::*;

/// Never called: the archive has no path to a panic.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
