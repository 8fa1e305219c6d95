//! A barrier for phases of microseconds: it spins before it yields.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::yield_now;

/// Turns of spinning before the processor is offered to others.
const SPINS: u32 = 4000;

/// Holds threads back until all are there. Where one of them panics, so do the others, instead of
/// waiting for it forever.
#[derive(Debug)]
pub(super) struct Barrier {
    threads: usize,
    arrived: AtomicUsize,
    round: AtomicUsize,
    abandoned: AtomicBool,
}

impl Barrier {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads,
            arrived: AtomicUsize::new(0),
            round: AtomicUsize::new(0),
            abandoned: AtomicBool::new(false),
        }
    }

    /// A thread holds it while it takes part.
    pub(super) fn member(&self) -> Member<'_> {
        Member { barrier: self }
    }
}

/// A thread that takes part.
#[derive(Debug)]
pub(super) struct Member<'b> {
    barrier: &'b Barrier,
}

impl Member<'_> {
    /// Waits for the others.
    ///
    /// # Panics
    /// Where another one has panicked.
    pub(super) fn wait(&self) {
        let Barrier {
            threads,
            arrived,
            round,
            abandoned,
        } = self.barrier;
        let this = round.load(Ordering::Acquire);
        if arrived.fetch_add(1, Ordering::AcqRel) + 1 == *threads {
            arrived.store(0, Ordering::Release);
            round.store(this.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut spins = 0;
        while round.load(Ordering::Acquire) == this {
            assert!(
                !abandoned.load(Ordering::Relaxed),
                "another thread of the training panicked"
            );
            if spins < SPINS {
                spins += 1;
                spin_loop();
            } else {
                yield_now();
            }
        }
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.barrier.abandoned.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_ahead_of_the_others() {
        let (barrier, count) = (Barrier::new(3), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let member = barrier.member();
                    for round in 0..2000 {
                        count.fetch_add(1, Ordering::Relaxed);
                        member.wait();
                        assert_eq!(count.load(Ordering::Relaxed), 3 * (round + 1));
                        member.wait();
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_takes_the_others_along() {
        let barrier = Barrier::new(2);
        let outcome = std::panic::catch_unwind(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let _member = barrier.member();
                    panic!("one of two");
                });
                barrier.member().wait();
            });
        });
        assert!(outcome.is_err());
    }
}
