//! Sessions: readings are scored, explained, encoded and filled in; readings are drawn.

use crate::code::{Fault, elbow_code, outcome};
use crate::handle::{Fresh, Live, OfSession, Parsed, Worker, elbow_model, elbow_session};
use crate::pointer::{Access, Argument, Get, In, Maybe, Out, Put, Region};
#[cfg(feature = "sampling")]
use crate::value::{ELBOW_ABOVE, ELBOW_BELOW, ELBOW_UNSURE};
use crate::value::{
    elbow_decision, elbow_estimator, elbow_question, elbow_score, estimator, probability,
};
use core::ffi::c_void;
use elbow::{LengthError, Mask, Nats, Session, WideSum};
#[cfg(feature = "sampling")]
use elbow::{Question, Side};

/// The mask of these bits; without any, all is observed.
pub(super) fn mask<'a>(bits: Option<&'a [u8]>, session: &Session<'_>) -> Result<Mask<'a>, Fault> {
    match bits {
        None => Ok(Mask::ALL),
        #[cfg(feature = "masks")]
        Some(bits) => Ok(Mask::new(bits, session.model().inputs())?),
        #[cfg(not(feature = "masks"))]
        Some(_) => {
            let _ = session;
            Err(elbow::ReadingError::LeftOut { feature: "masks" }.into())
        }
    }
}

/// Refuses an array of another length than the model says.
fn check_length(what: &'static str, have: usize, need: usize) -> Result<(), Fault> {
    match have == need {
        true => Ok(()),
        false => Err(LengthError { what, have, need }.into()),
    }
}

/// Begins a session with a parsed model in workspace_bytes of your RAM at a multiple of 8, which belong to the session as
/// long as it is used. Random draws come from stream 0 of seed.
///
/// Returns ELBOW_OK, or ELBOW_E_WORKSPACE where elbow_needs.workspace_bytes is more than workspace_bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_init(
    session: *mut elbow_session,
    model: *const elbow_model,
    workspace: *mut c_void,
    workspace_bytes: usize,
    seed: u64,
) -> elbow_code {
    let words = Out(workspace.cast::<u64>(), workspace_bytes / 8);
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Fresh(session), Parsed(model), words).borrow() };
    outcome(borrowed.and_then(|(mut blank, ready, workspace)| {
        blank.clear();
        let region = Region::of(workspace, Access::Write);
        let session = Session::new(ready.model()?, workspace, seed)?;
        blank.fill(|| Worker::new(OfSession::new(session), &ready, region));
        Ok(())
    }))
}

/// Draws from the start of this stream of seed from now on. With a stream for each reading, a score does not depend on
/// the readings before it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_reseed(
    session: *mut elbow_session,
    seed: u64,
    stream: u64,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { Live(session).borrow() };
    outcome(borrowed.map(|session| session.reseed(seed, stream)))
}

/// Scores a raw reading of reading_length numbers, into *score.
///
/// Returns ELBOW_OK, ELBOW_E_READING_LENGTH, ELBOW_E_READING_OUTSIDE_SUPPORT for counts that cannot occur,
/// ELBOW_E_UNKNOWN_ESTIMATOR.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_score(
    session: *mut elbow_session,
    reading: *const i16,
    reading_length: usize,
    with: elbow_estimator,
    score: *mut elbow_score,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Live(session), In(reading, reading_length), Put(score)).borrow() };
    outcome(borrowed.and_then(|(session, reading, place)| {
        place.write(session.score(reading, estimator(with)?)?.into());
        Ok(())
    }))
}

/// Scores the observed inputs of a raw reading, into *score. Bit i % 8 of byte i / 8 of observed is 1 where input i was observed;
/// what stands elsewhere does not matter.
///
/// Returns as elbow_session_score, ELBOW_E_MASK_LENGTH, or ELBOW_E_MASK_NOTHING_OBSERVED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_score_observed(
    session: *mut elbow_session,
    reading: *const i16,
    reading_length: usize,
    observed: *const u8,
    observed_bytes: usize,
    with: elbow_estimator,
    score: *mut elbow_score,
) -> elbow_code {
    let arguments = (
        Live(session),
        In(reading, reading_length),
        Maybe(observed, observed_bytes),
        Put(score),
    );
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { arguments.borrow() };
    outcome(borrowed.and_then(|(session, reading, observed, place)| {
        let observed = mask(observed, session)?;
        let score = session.score_observed(reading, observed, estimator(with)?)?;
        place.write(score.into());
        Ok(())
    }))
}

/// Scores as elbow_session_score_observed, and says what the score is made of: the part of each input in the reconstruction
/// into inputs (as many as elbow_needs.inputs) and that of each latent in the divergence into latents (elbow_needs.latents),
/// in nats, 65536 to a nat. observed may be NULL with 0 bytes: then all was observed.
///
/// Returns as elbow_session_score_observed, or ELBOW_E_LENGTH for an array of another length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_explain(
    session: *mut elbow_session,
    reading: *const i16,
    reading_length: usize,
    observed: *const u8,
    observed_bytes: usize,
    with: elbow_estimator,
    inputs: *mut i64,
    inputs_length: usize,
    latents: *mut i32,
    latents_length: usize,
    score: *mut elbow_score,
) -> elbow_code {
    let arguments = (
        Live(session),
        In(reading, reading_length),
        Maybe(observed, observed_bytes),
        // Both are integers inside.
        Out(inputs.cast::<WideSum>(), inputs_length),
        Out(latents.cast::<Nats>(), latents_length),
        Put(score),
    );
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { arguments.borrow() };
    outcome(
        borrowed.and_then(|(session, reading, observed, inputs, latents, place)| {
            let observed = mask(observed, session)?;
            let with = estimator(with)?;
            let score = session.explain(reading, observed, with, inputs, latents)?;
            place.write(score.into());
            Ok(())
        }),
    )
}

/// Finds out on which side of a threshold the bound of a raw reading lies, at as few passes as suffice, into *decision.
///
/// Returns ELBOW_OK, ELBOW_E_READING_LENGTH, ELBOW_E_READING_OUTSIDE_SUPPORT, ELBOW_E_READING_NO_PASSES, or ELBOW_E_RANGE for
/// a confidence above ELBOW_CERTAIN.
#[cfg(feature = "sampling")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_decide(
    session: *mut elbow_session,
    reading: *const i16,
    reading_length: usize,
    question: *const elbow_question,
    decision: *mut elbow_decision,
) -> elbow_code {
    let arguments = (
        Live(session),
        In(reading, reading_length),
        Get(question),
        Put(decision),
    );
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { arguments.borrow() };
    outcome(borrowed.and_then(|(session, reading, question, place)| {
        let question = Question {
            threshold: Nats::from_bits(question.threshold),
            confidence: probability(question.confidence)?,
            max_passes: question.max_passes,
        };
        let decision = session.decide(reading, &question)?;
        place.write(elbow_decision {
            bound: decision.bound.to_bits(),
            passes: decision.passes,
            side: match decision.side {
                Side::Above => ELBOW_ABOVE,
                Side::Below => ELBOW_BELOW,
                Side::Unsure => ELBOW_UNSURE,
            },
        });
        Ok(())
    }))
}

/// Encodes the observed inputs of a raw reading: the mean and the log-variance of each latent, Q16.16, into arrays of latents
/// numbers each. observed may be NULL with 0 bytes: then all was observed.
///
/// Returns as elbow_session_score_observed, or ELBOW_E_LENGTH where latents is not elbow_needs.latents.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_encode(
    session: *mut elbow_session,
    reading: *const i16,
    reading_length: usize,
    observed: *const u8,
    observed_bytes: usize,
    means: *mut i32,
    log_variances: *mut i32,
    latents: usize,
) -> elbow_code {
    let arguments = (
        Live(session),
        In(reading, reading_length),
        Maybe(observed, observed_bytes),
        Out(means, latents),
        Out(log_variances, latents),
    );
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { arguments.borrow() };
    outcome(
        borrowed.and_then(|(session, reading, observed, means, log_variances)| {
            check_length("latents", latents, session.model().latents())?;
            let observed = mask(observed, session)?;
            let posterior = session.encode_observed(reading, observed)?;
            let values = posterior.mean.iter().zip(posterior.log_variance);
            let places = means.iter_mut().zip(log_variances);
            for ((mean, log_variance), values) in places.zip(values) {
                (*mean, *log_variance) = (*values.0, *values.1);
            }
            Ok(())
        }),
    )
}

/// Draws latents from the posterior of the last reading that was encoded or scored, with elbow_needs.latent_fraction_bits.
///
/// Returns ELBOW_OK, or ELBOW_E_LENGTH where latents_length is not elbow_needs.latents.
#[cfg(feature = "sampling")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_sample(
    session: *mut elbow_session,
    latents: *mut i16,
    latents_length: usize,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Live(session), Out(latents, latents_length)).borrow() };
    outcome(borrowed.and_then(|(session, latents)| {
        check_length("latents", latents_length, session.model().latents())?;
        let drawn = session.sample().iter();
        latents
            .iter_mut()
            .zip(drawn)
            .for_each(|(place, &z)| *place = z);
        Ok(())
    }))
}

/// Sets the conditions under which elbow_session_decode and elbow_session_generate decode: raw numbers, as behind the inputs
/// of a reading.
///
/// Returns ELBOW_OK, or ELBOW_E_LENGTH where there are not elbow_needs.conditions of them.
#[cfg(feature = "generation")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_condition(
    session: *mut elbow_session,
    conditions: *const i16,
    conditions_length: usize,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Live(session), In(conditions, conditions_length)).borrow() };
    outcome(borrowed.and_then(|(session, conditions)| Ok(session.condition(conditions)?)))
}

/// Decodes latents, which have elbow_needs.latent_fraction_bits: the mean of each input, in raw units, Q16.16, into mean.
///
/// Returns ELBOW_OK, or ELBOW_E_LENGTH where an array has not the length that elbow_needs says.
#[cfg(feature = "generation")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_decode(
    session: *mut elbow_session,
    latents: *const i16,
    latents_length: usize,
    mean: *mut i32,
    mean_length: usize,
) -> elbow_code {
    let arguments = (
        Live(session),
        In(latents, latents_length),
        Out(mean, mean_length),
    );
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { arguments.borrow() };
    outcome(borrowed.and_then(|(session, latents, mean)| Ok(session.decode(latents, mean)?)))
}

/// Draws a reading from the prior: the mean of each input given random latents, in raw units, Q16.16, into mean.
///
/// Returns ELBOW_OK, or ELBOW_E_LENGTH where mean_length is not elbow_needs.inputs.
#[cfg(feature = "generation")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_generate(
    session: *mut elbow_session,
    mean: *mut i32,
    mean_length: usize,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Live(session), Out(mean, mean_length)).borrow() };
    outcome(borrowed.and_then(|(session, mean)| Ok(session.generate(mean)?)))
}

/// Fills the gaps of a raw reading in, in raw units, Q16.16, into filled: the expected value where nothing was observed, the
/// reading itself elsewhere.
///
/// Returns as elbow_session_score_observed, or ELBOW_E_LENGTH where filled_length is not elbow_needs.inputs.
#[cfg(feature = "generation")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_session_impute(
    session: *mut elbow_session,
    reading: *const i16,
    reading_length: usize,
    observed: *const u8,
    observed_bytes: usize,
    filled: *mut i32,
    filled_length: usize,
) -> elbow_code {
    let arguments = (
        Live(session),
        In(reading, reading_length),
        Maybe(observed, observed_bytes),
        Out(filled, filled_length),
    );
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { arguments.borrow() };
    outcome(borrowed.and_then(|(session, reading, observed, filled)| {
        let observed = mask(observed, session)?;
        Ok(session.impute(reading, observed, filled)?)
    }))
}
