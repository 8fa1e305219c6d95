//! A stream that is watched in slices, and how long each holds the processor.

use crate::motor::Sample;
use core::fmt;
use core::task::Poll;
use elbow::monitor::{Event, Watch, WatchError};
use embassy_futures::yield_now;

/// Watches a stream until `next` has no more samples; other tasks of the executor may run between two slices. `now` tells ticks,
/// and `told` is told of each window.
///
/// # Errors
/// [`WatchError`] of a sample or a reading that cannot be taken in.
pub async fn watch(
    watch: &mut Watch<'_>,
    passes: u16,
    mut next: impl AsyncFnMut() -> Option<Sample>,
    now: impl Fn() -> u32,
    mut told: impl FnMut(Event),
) -> Result<Slices, WatchError> {
    let mut slices = Slices::default();
    while let Some(sample) = next().await {
        let mut begun = now();
        if let Some(mut window) = watch.start(&sample)? {
            let event = loop {
                let polled = window.poll(passes).map_err(WatchError::Reading)?;
                slices.add(now().wrapping_sub(begun));
                if let Poll::Ready(event) = polled {
                    break event;
                }
                yield_now().await;
                begun = now();
            };
            slices.end();
            told(event);
        }
        // Samples that have waited for the window are slices of their own.
        yield_now().await;
    }
    Ok(slices)
}

/// How long the slices of scores held the processor, in ticks of its clock; interrupts in between are included.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slices {
    longest: u32,
    /// Of the window at hand.
    window: u32,
    longest_window: u32,
    windows: u32,
}

impl Slices {
    /// Takes a slice in.
    pub fn add(&mut self, ticks: u32) {
        self.longest = self.longest.max(ticks);
        self.window = self.window.saturating_add(ticks);
    }

    /// The window has ended.
    pub fn end(&mut self) {
        self.longest_window = self.longest_window.max(self.window);
        self.window = 0;
        self.windows += 1;
    }
}

impl fmt::Display for Slices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            longest,
            longest_window,
            windows,
            ..
        } = self;
        write!(
            f,
            "{windows} windows, the longest {longest_window} ticks in all, its longest slice {longest}"
        )
    }
}
