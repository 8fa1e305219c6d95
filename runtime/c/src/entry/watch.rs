//! Watches: a stream of samples becomes windows, and windows scores and alarms.

use crate::code::{elbow_code, outcome};
use crate::handle::{Fresh, Live, Parsed, Worker, elbow_model, elbow_watch};
use crate::pointer::{Access, Argument, Get, In, Out, Put, Region};
use crate::value::{elbow_event, elbow_watch_settings, estimator, probability};
use core::ffi::c_void;
use elbow::Probability;
use elbow::monitor::{Watch, WatchSettings};

/// Begins to watch a stream with a parsed model of windows, in workspace_bytes of your RAM at a multiple of 8, which belong to
/// the watch as long as it is used.
///
/// Returns ELBOW_OK, ELBOW_E_WATCH_NO_STREAM for a model of whole readings, ELBOW_E_WATCH_NO_CALIBRATION, ELBOW_E_THRESHOLD for a
/// rate that the calibration cannot tell, ELBOW_E_WORKSPACE where elbow_needs.watch_bytes is more than workspace_bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_watch_init(
    watch: *mut elbow_watch,
    model: *const elbow_model,
    workspace: *mut c_void,
    workspace_bytes: usize,
    settings: *const elbow_watch_settings,
    seed: u64,
) -> elbow_code {
    let arguments = (
        Fresh(watch),
        Parsed(model),
        Out(workspace.cast::<u64>(), workspace_bytes / 8),
        Get(settings),
    );
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { arguments.borrow() };
    outcome(
        borrowed.and_then(|(mut blank, ready, workspace, settings)| {
            blank.clear();
            let rate = |bits: u32| probability(bits).map(|rate| Some(rate).filter(|_| bits > 0));
            let (enter, leave): (Option<Probability>, _) =
                (rate(settings.enter)?, rate(settings.leave)?);
            let with = estimator(settings.estimator)?;
            let model = ready.model()?;
            let settings =
                WatchSettings::from_rates(model, with, settings.time_constant, enter, leave)?;
            let region = Region::of(workspace, Access::Write);
            let watch = Watch::new(model, workspace, &settings, seed)?;
            blank.fill(|| Worker::new(watch, &ready, region));
            Ok(())
        }),
    )
}

/// Takes one raw sample of each channel in. Where it completes a window, its results go into *event and *has_event becomes
/// true; else *has_event becomes false.
///
/// Returns ELBOW_OK, ELBOW_E_WINDOWS_CHANNELS for a sample of another width, or an error of the reading: the window is then lost.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_watch_push(
    watch: *mut elbow_watch,
    sample: *const i16,
    sample_length: usize,
    event: *mut elbow_event,
    has_event: *mut bool,
) -> elbow_code {
    let arguments = (
        Live(watch),
        In(sample, sample_length),
        Put(event),
        Put(has_event),
    );
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { arguments.borrow() };
    outcome(borrowed.and_then(|(watch, sample, place, has_event)| {
        has_event.write(false);
        if let Some(event) = watch.push(sample)? {
            place.write(event.into());
            has_event.write(true);
        }
        Ok(())
    }))
}
