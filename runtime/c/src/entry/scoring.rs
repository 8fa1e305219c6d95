//! Scores in slices, for threads that must not be held for a whole score.

use super::session::mask;
use crate::code::{elbow_code, outcome};
use crate::handle::{Begun, Fresh, OfScoring, Underway, Whole, elbow_scoring, elbow_session};
use crate::pointer::{Argument, In, Maybe, Put};
use crate::value::{elbow_estimator, elbow_score, estimator};
use core::ptr;
use core::task::Poll;

/// Begins a score in slices: that of elbow_session_score_observed, bit for bit. The reading is checked and nothing is computed
/// yet. observed may be NULL with 0 bytes: then all was observed. Reading and mask stay as they are, and no other call uses the
/// session, until elbow_score_step says that the score is done. It need not be: any other call ends it.
///
/// Returns as elbow_session_score_observed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_score_start(
    scoring: *mut elbow_scoring,
    session: *mut elbow_session,
    reading: *const i16,
    reading_length: usize,
    observed: *const u8,
    observed_bytes: usize,
    with: elbow_estimator,
) -> elbow_code {
    let raw = In(reading, reading_length);
    let bits = Maybe(observed, observed_bytes);
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Fresh(scoring), Whole(session), raw, bits).borrow() };
    outcome(borrowed.and_then(|(mut blank, owner, reading, observed)| {
        blank.clear();
        owner.work_on(ptr::null());
        let observed = mask(observed, &owner.session)?;
        let with = estimator(with)?;
        let begun = owner.session.start_observed(reading, observed, with)?;
        let progress = begun.pause();
        blank.fill(|| OfScoring {
            session,
            reading: raw,
            observed: bits,
            progress,
        });
        owner.work_on(scoring);
        Ok(())
    }))
}

/// Computes the next slice of a score: first the encoder, then passes decoder passes at a time (0 counts as 1), last the
/// verdict. With the last slice the score goes into *score and *done becomes true; before that *done becomes false. Multiples of 4
/// passes cost the least, since up to four are taken together. Once done, it stays done.
///
/// Returns ELBOW_OK, ELBOW_E_NOT_READY where no score was begun in scoring, ELBOW_E_INTERRUPTED where another call has used the
/// session since.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_score_step(
    scoring: *mut elbow_scoring,
    passes: u16,
    score: *mut elbow_score,
    done: *mut bool,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Begun(scoring), Put(score), Put(done)).borrow() };
    outcome(borrowed.and_then(|(underway, place, done)| {
        let Underway {
            progress,
            session,
            reading,
            observed,
        } = underway;
        let observed = mask(observed, session)?;
        let mut scoring = session.resume(reading, observed, *progress);
        let polled = scoring.poll(passes);
        *progress = scoring.pause();
        done.write(polled.is_ready());
        if let Poll::Ready(result) = polled {
            place.write(result.into());
        }
        Ok(())
    }))
}
