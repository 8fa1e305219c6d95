//! Models: an image is parsed once and then asked.

use crate::code::{ELBOW_E_RANGE, Fault, elbow_code, outcome};
use crate::handle::{Fresh, OfModel, Parsed, elbow_model};
use crate::pointer::{Argument, In, Out, Put};
use crate::value::{elbow_column, elbow_estimator, elbow_needs, estimator, probability};
use core::ffi::{CStr, c_char, c_void};
use core::ptr;
use elbow::monitor::WatchError;
use elbow::{ImageError, ModelPlace};

/// The features of the runtime, as strings of C.
const FEATURES: [&CStr; 13] = [
    c"bits",
    c"conditions",
    c"counts",
    c"foreign-packings",
    c"four-bit-weights",
    c"heterogeneous",
    c"importance-weighting",
    c"locations",
    c"mixture-prior",
    c"statistics",
    c"streams",
    c"wide-activations",
    c"wide-inputs",
];

/// The string of C of a feature's name; null where it is none.
fn feature(name: &str) -> *const c_char {
    let mut features = FEATURES.iter();
    let found = features.find(|feature| feature.to_bytes() == name.as_bytes());
    found.map_or(ptr::null(), |feature| feature.as_ptr())
}

/// Parses a model image and checks all of it once. The image starts at a multiple of 8 bytes, may be shorter than
/// image_bytes, and must neither change nor go away while the model is used: the weights stay where they are.
///
/// Returns ELBOW_OK, or what is wrong with the image; ELBOW_E_IMAGE_LEFT_OUT where elbow_model_missing_feature has the
/// name of what this archive lacks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_model_parse(
    model: *mut elbow_model,
    image: *const c_void,
    image_bytes: usize,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Fresh(model), In(image.cast::<u8>(), image_bytes)).borrow() };
    outcome(borrowed.and_then(|(mut blank, image): (_, &'static [u8])| {
        blank.clear();
        let state = blank.fill(|| OfModel {
            place: ModelPlace::new(),
            image,
            missing: None,
        });
        match state.place.parse(image) {
            Ok(_) => Ok(()),
            Err(error) => {
                if let ImageError::LeftOut { feature } = error {
                    state.missing = Some(feature);
                }
                Err(error.into())
            }
        }
    }))
}

/// The feature for whose lack elbow_model_parse refused the image with ELBOW_E_IMAGE_LEFT_OUT, such as "heterogeneous":
/// build the archive with it. NULL where it was not refused for that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_model_missing_feature(model: *const elbow_model) -> *const c_char {
    // SAFETY: the header asks it of callers.
    let ready = unsafe { Parsed(model).borrow() };
    let missing = ready.ok().and_then(|ready| ready.state.missing);
    missing.map_or(ptr::null(), feature)
}

/// The index-th feature that an archive needs for this model, from 0; NULL beyond the last one. A core for which the
/// weights were not packed needs "foreign-packings" too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_model_feature(
    model: *const elbow_model,
    index: usize,
) -> *const c_char {
    // SAFETY: the header asks it of callers.
    let ready = unsafe { Parsed(model).borrow() };
    let model = ready.and_then(|ready| ready.model());
    let asked = model.ok().and_then(|model| model.features().nth(index));
    asked.map_or(ptr::null(), feature)
}

/// What a model needs and takes in, into *needs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_model_needs(
    model: *const elbow_model,
    needs: *mut elbow_needs,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Parsed(model), Put(needs)).borrow() };
    outcome(borrowed.and_then(|(ready, needs)| {
        let model = ready.model()?;
        needs.write(elbow_needs {
            image_bytes: model.image_length(),
            workspace_bytes: 8 * model.workspace_words(),
            watch_bytes: 8 * model.watch_words().unwrap_or(0),
            reading_length: model.reading_length(),
            inputs: model.inputs(),
            conditions: model.conditions(),
            latents: model.latents(),
            latent_fraction_bits: model.latent_fraction_bits(),
            columns: model.columns(),
        });
        Ok(())
    }))
}

/// Computes the score that the image carries and compares it with the workstation's, bit for bit. Worth a call at every
/// boot. The workspace is free again afterwards.
///
/// Returns ELBOW_OK, ELBOW_E_SELF_TEST_LAYER or ELBOW_E_SELF_TEST_SCORE where this machine computes something else,
/// ELBOW_E_WORKSPACE where elbow_needs.workspace_bytes is more than workspace_bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_model_self_test(
    model: *const elbow_model,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> elbow_code {
    let words = Out(workspace.cast::<u64>(), workspace_bytes / 8);
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Parsed(model), words).borrow() };
    outcome(borrowed.and_then(|(ready, workspace)| Ok(ready.model()?.self_test(workspace)?)))
}

/// The bound below which normal readings score with a chance of at most rate (Q1.31), in nats (Q16.16), into *bound.
///
/// Returns ELBOW_OK, ELBOW_E_WATCH_NO_CALIBRATION where the image has none, ELBOW_E_THRESHOLD where it tells no rate as rare.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_model_threshold(
    model: *const elbow_model,
    with: elbow_estimator,
    rate: u32,
    bound: *mut i32,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Parsed(model), Put(bound)).borrow() };
    outcome(borrowed.and_then(|(ready, bound)| {
        let rate = probability(rate)?;
        let table = ready.model()?.calibration(estimator(with)?);
        let table = table.ok_or(WatchError::NoCalibration)?;
        bound.write(table.threshold(rate)?.to_bits());
        Ok(())
    }))
}

/// Column index of the data, from 0, into *column: what raw integers stand for.
///
/// Returns ELBOW_OK, or ELBOW_E_RANGE beyond the last column.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_model_column(
    model: *const elbow_model,
    index: usize,
    column: *mut elbow_column,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Parsed(model), Put(column)).borrow() };
    outcome(borrowed.and_then(|(ready, place)| {
        let column = ready.model()?.column(index).ok_or(Fault(ELBOW_E_RANGE))?;
        let (name, unit) = (column.name(), column.unit());
        place.write(elbow_column {
            name: name.as_ptr().cast(),
            name_bytes: name.len(),
            unit: unit.as_ptr().cast(),
            unit_bytes: unit.len(),
            offset: column.offset(),
            exponent: column.exponent(),
        });
        Ok(())
    }))
}
