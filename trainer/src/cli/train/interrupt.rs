//! Signals that end the program, SIGINT and SIGTERM: at once, or in training after a last checkpoint; a second one always at
//! once.

use crate::error::{INTERRUPTED, go_on};
use crate::export::run::Lock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whether the program was asked to end.
static ASKED: AtomicBool = AtomicBool::new(false);
/// Whether the program looks at [`is_asked`] soon, or writes files that belong together.
static WAITS: AtomicBool = AtomicBool::new(false);
/// Whether there is a checkpoint of this run.
static SAVED: AtomicBool = AtomicBool::new(false);
/// The folder that is written.
static FOLDER: Mutex<Option<Lock>> = Mutex::new(None);

/// Listens for signals from now on. Without Unix the system ends the program.
pub(in crate::cli) fn listen() {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGINT, SIGTERM};
        let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else {
            return;
        };
        std::thread::spawn(move || signals.forever().for_each(|_| answer()));
    }
}

/// Answers a signal.
#[cfg_attr(not(unix), allow(dead_code))]
fn answer() {
    let is_first = !ASKED.swap(true, Ordering::SeqCst);
    if is_first && WAITS.load(Ordering::SeqCst) {
        return eprintln!("\nstopping once what is under way is saved; once more ends at once");
    }
    let lock = folder().take();
    match &lock {
        None => eprintln!("\ninterrupted"),
        Some(lock) if SAVED.load(Ordering::SeqCst) => {
            eprintln!("\ninterrupted; {}", go_on(lock.folder()));
        }
        Some(_) => eprintln!("\ninterrupted; nothing was saved"),
    }
    drop(lock);
    std::process::exit(INTERRUPTED.into());
}

/// The folder that is written.
pub(in crate::cli) fn folder() -> MutexGuard<'static, Option<Lock>> {
    FOLDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the program was asked to end.
pub(in crate::cli) fn is_asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Says whether the program looks at [`is_asked`] soon.
pub(in crate::cli) fn waits(soon: bool) {
    WAITS.store(soon, Ordering::SeqCst);
}

/// Says that there is a checkpoint of this run.
pub(in crate::cli) fn saved() {
    SAVED.store(true, Ordering::SeqCst);
}

/// Does short `work` that a first signal does not interrupt.
pub(in crate::cli) fn whole<T>(work: impl FnOnce() -> T) -> T {
    waits(true);
    let done = work();
    waits(false);
    done
}
