//! Whatever a caller passes, each function of `elbow.h` returns a code that is documented, and writes where it may alone.

use elbow_c::*;
use elbow_fuzz::dice::Dice;
use elbow_fuzz::images::images;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_void};
use std::ptr;

/// Words of memory, for handles, workspaces and whatever else is passed.
const WORDS: usize = 8192;
/// Where the model, the session, a score in slices, an adapter, the workspace and the adapter's memory lie, and where other memory begins.
const MODEL: usize = 0;
const SESSION: usize = 512;
const SCORING: usize = 768;
const ADAPT: usize = 896;
const WORKSPACE: usize = 1024;
const CHANNELS: usize = 3584;
const FREE: usize = 4096;
/// Calls with each image.
const CALLS: usize = 20_000;
/// The largest array that is passed, in bytes.
const LARGEST: usize = 512;
/// Words behind each pointer: a model is the largest of what calls may write.
const ROOM: usize = ELBOW_MODEL_WORDS;

/// Memory, and what is passed of it.
struct Caller {
    memory: Vec<u64>,
    dice: Dice,
}

impl Caller {
    fn at(&mut self, word: usize) -> *mut u8 {
        self.memory[word..].as_mut_ptr().cast()
    }

    /// Null, misaligned, or [`ROOM`] in memory that nothing else uses.
    fn pointer<T>(&mut self) -> *mut T {
        let word = FREE + self.dice.below(WORDS - FREE - ROOM);
        let place = self.at(word);
        match self.dice.below(12) {
            0 => ptr::null_mut(),
            1 => place.wrapping_add(1).cast(),
            _ => place.cast(),
        }
    }

    /// The right length mostly, another, or one that no memory has.
    fn length<T>(&mut self, right: usize) -> usize {
        let most = LARGEST / size_of::<T>();
        match self.dice.below(12) {
            0 => 0,
            1 => self.dice.below(most),
            2 => usize::MAX - self.dice.below(9),
            3 => isize::MAX.unsigned_abs() + 1,
            _ => right.min(most),
        }
    }

    /// A handle at its place mostly; else somewhere that holds none.
    fn handle<T>(&mut self, word: usize) -> *mut T {
        match self.dice.below(12) {
            0 => self.pointer(),
            _ => self.at(word).cast(),
        }
    }

    fn estimator(&mut self) -> elbow_estimator {
        let kinds = [
            ELBOW_POSTERIOR_MEAN,
            ELBOW_SIGMA_POINTS,
            ELBOW_MONTE_CARLO + 3,
            ELBOW_IMPORTANCE_WEIGHTED + 2,
            ELBOW_MONTE_CARLO,
            ELBOW_SIGMA_POINTS + 1,
            0,
            self.dice.word() as u32 & 0xffff_0007,
        ];
        kinds[self.dice.below(kinds.len())]
    }

    /// One call of some function, after which no handle is left in free memory: later calls write there.
    fn call(&mut self, needs: &elbow_needs) -> (&'static str, elbow_code) {
        let word = FREE + self.dice.below(WORDS - FREE - ROOM);
        let outcome = self.call_with(needs, word);
        self.memory[word..word + ROOM].fill(0);
        outcome
    }

    /// One call of some function; its name and its code. A new handle goes to `fresh`.
    #[allow(
        clippy::multiple_unsafe_ops_per_block,
        reason = "one promise holds for all calls"
    )]
    fn call_with(&mut self, needs: &elbow_needs, fresh: usize) -> (&'static str, elbow_code) {
        let session: *mut elbow_session = self.handle(SESSION);
        let model: *mut elbow_model = self.handle(MODEL);
        let reading: *mut i16 = self.pointer();
        let reading_length = self.length::<i16>(needs.reading_length);
        let (mask, mask_bytes) = match self.dice.below(3) {
            0 => (self.pointer(), self.length::<u8>(needs.inputs.div_ceil(8))),
            _ => (ptr::null_mut::<u8>(), 0),
        };
        let with = self.estimator();
        let score: *mut elbow_score = self.pointer();
        let (latents, mean): (*mut i16, *mut i32) = (self.pointer(), self.pointer());
        let latents_length = self.length::<i64>(needs.latents);
        let mean_length = self.length::<i64>(needs.inputs);
        let (wide, more): (*mut i64, *mut i32) = (self.pointer(), self.pointer());
        let adapt: *mut elbow_adapt = self.handle(ADAPT);
        let which = self.dice.below(28);
        // SAFETY: pointers that are not null lead into the memory, as far as arrays go that are no longer than memory is;
        // handles lie where they were made, or where none is.
        unsafe {
            match which {
                0 => (
                    "parse",
                    elbow_model_parse(
                        self.at(fresh).cast(),
                        self.pointer::<c_void>(),
                        self.length::<u8>(8),
                    ),
                ),
                1 => ("needs", elbow_model_needs(model, self.pointer())),
                2 => {
                    let bytes = self.length::<u8>(LARGEST);
                    (
                        "self-test",
                        elbow_model_self_test(model, self.pointer(), bytes),
                    )
                }
                3 => (
                    "threshold",
                    elbow_model_threshold(model, with, self.dice.word() as u32, more),
                ),
                4 => (
                    "column",
                    elbow_model_column(model, self.dice.below(12), self.pointer()),
                ),
                5 => {
                    let bytes = self.length::<u8>(LARGEST);
                    (
                        "init",
                        elbow_session_init(self.at(fresh).cast(), model, self.pointer(), bytes, 1),
                    )
                }
                6 => (
                    "score",
                    elbow_session_score(session, reading, reading_length, with, score),
                ),
                7 => {
                    let call = elbow_session_score_observed;
                    (
                        "observed",
                        call(
                            session,
                            reading,
                            reading_length,
                            mask,
                            mask_bytes,
                            with,
                            score,
                        ),
                    )
                }
                8 => {
                    let call = elbow_session_explain;
                    (
                        "explain",
                        call(
                            session,
                            reading,
                            reading_length,
                            mask,
                            mask_bytes,
                            with,
                            wide,
                            mean_length,
                            more,
                            latents_length,
                            score,
                        ),
                    )
                }
                9 => {
                    let (question, decision) = (self.pointer(), self.pointer());
                    (
                        "decide",
                        elbow_session_decide(session, reading, reading_length, question, decision),
                    )
                }
                10 => {
                    let call = elbow_session_encode;
                    (
                        "encode",
                        call(
                            session,
                            reading,
                            reading_length,
                            mask,
                            mask_bytes,
                            mean,
                            more,
                            latents_length,
                        ),
                    )
                }
                11 => (
                    "sample",
                    elbow_session_sample(session, latents, latents_length),
                ),
                12 => (
                    "decode",
                    elbow_session_decode(session, latents, latents_length, mean, mean_length),
                ),
                13 => (
                    "generate",
                    elbow_session_generate(session, mean, mean_length),
                ),
                14 => {
                    let call = elbow_session_impute;
                    (
                        "impute",
                        call(
                            session,
                            reading,
                            reading_length,
                            mask,
                            mask_bytes,
                            mean,
                            mean_length,
                        ),
                    )
                }
                15 => (
                    "csv",
                    elbow_score_csv(score, 7, self.pointer(), self.length::<u8>(ELBOW_CSV_BYTES)),
                ),
                16 => {
                    let scoring = self.handle(SCORING);
                    let (call, length) = (elbow_score_start, reading_length);
                    (
                        "start",
                        call(scoring, session, reading, length, mask, mask_bytes, with),
                    )
                }
                // Most scores have several slices.
                17..=19 => {
                    let scoring = self.handle(SCORING);
                    let passes = self.dice.below(4) as u16;
                    (
                        "step",
                        elbow_score_step(scoring, passes, score, self.pointer()),
                    )
                }
                20 => ("commission", elbow_adapt_commission(adapt)),
                21 => ("close", elbow_adapt_close(adapt)),
                22 => ("forget", elbow_adapt_forget(adapt)),
                23 | 24 => {
                    let call = elbow_adapt_score;
                    let (length, bytes) = (reading_length, mask_bytes);
                    (
                        "adapt",
                        call(adapt, session, reading, length, mask, bytes, self.pointer()),
                    )
                }
                25 => (
                    "rate",
                    elbow_adapt_threshold(adapt, self.dice.word() as u32, more),
                ),
                // No function is behind it: whatever lies in free memory would be called.
                26 => {
                    let memory = elbow_memory {
                        context: ptr::null_mut(),
                        bytes: self.dice.word() as u32,
                        page_bytes: self.dice.word() as u32,
                        unit_bytes: self.dice.word() as u32,
                        read: None,
                        write: None,
                    };
                    ("keep", elbow_adapt_save(adapt, &raw const memory))
                }
                _ => {
                    let settings: *mut elbow_watch_settings = self.pointer();
                    let bytes = self.length::<u8>(LARGEST);
                    let code = elbow_watch_init(
                        self.at(fresh).cast(),
                        model,
                        self.pointer(),
                        bytes,
                        settings,
                        1,
                    );
                    ("watch", code)
                }
            }
        }
    }
}

/// A model and a session with it, made as the header says.
#[allow(
    clippy::multiple_unsafe_ops_per_block,
    reason = "one promise holds for all calls"
)]
fn ready(image: &[u64], dice: Dice) -> (Caller, elbow_needs) {
    let mut caller = Caller {
        memory: vec![0; WORDS],
        dice,
    };
    let mut needs = std::mem::MaybeUninit::uninit();
    let (model, session) = (caller.at(MODEL).cast(), caller.at(SESSION).cast());
    let workspace = caller.at(WORKSPACE).cast();
    // SAFETY: handles, workspace and image are memory as the header asks for it.
    unsafe {
        assert_eq!(
            elbow_model_parse(model, image.as_ptr().cast(), size_of_val(image)),
            ELBOW_OK
        );
        assert_eq!(elbow_model_needs(model, needs.as_mut_ptr()), ELBOW_OK);
        let needs = needs.assume_init();
        assert!(needs.workspace_bytes <= 8 * (CHANNELS - WORKSPACE));
        assert_eq!(
            elbow_model_self_test(model, workspace, needs.workspace_bytes),
            ELBOW_OK
        );
        let bytes = needs.workspace_bytes;
        assert_eq!(
            elbow_session_init(session, model, workspace, bytes - 8, 1),
            ELBOW_E_WORKSPACE
        );
        assert_eq!(
            elbow_session_init(session, model, workspace, bytes, 1),
            ELBOW_OK
        );
        let (adapt, ram) = (caller.at(ADAPT).cast(), caller.at(CHANNELS).cast());
        let settings = elbow_adapt_settings {
            estimator: ELBOW_POSTERIOR_MEAN,
            learn: 5,
            calibrate: 9,
            trust: u32::MAX,
        };
        let settings = &raw const settings;
        let init = elbow_adapt_init;
        let bytes = 8 * (FREE - CHANNELS);
        assert_eq!(
            init(adapt, model, ram, 8, ptr::null(), 0, settings),
            ELBOW_E_WORKSPACE
        );
        assert_eq!(
            init(adapt, model, ram, bytes, ram, 8, settings),
            ELBOW_E_OVERLAP
        );
        assert_eq!(
            init(adapt, model, ram, bytes, model.cast(), 8, settings),
            ELBOW_E_ADAPT_REFERENCE
        );
        assert_eq!(
            init(adapt, model, ram, bytes, ptr::null(), 0, settings),
            ELBOW_OK
        );
        (caller, needs)
    }
}

fn aligned(image: &[u8]) -> Vec<u64> {
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    image.chunks(8).map(word).collect()
}

#[test]
fn whatever_is_passed_comes_back_as_a_code() {
    let mut seen: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    let mut codes: BTreeMap<elbow_code, usize> = BTreeMap::new();
    for (index, image) in (0..).zip(images()) {
        let image = aligned(&image);
        let (mut caller, needs) = ready(&image, Dice::new(5, index));
        let guarded = caller.memory[MODEL..SESSION].to_vec();
        for _ in 0..CALLS {
            // Whatever the last calls left, and readings that some likelihoods accept.
            let place = FREE + caller.dice.below(WORDS - FREE);
            caller.memory[place] = caller.dice.word() & 0x0001_0001_0001_0001;
            let (name, code) = caller.call(&needs);
            *seen.entry((name, code == ELBOW_OK)).or_default() += 1;
            *codes.entry(code).or_default() += 1;
            // SAFETY: the text is a constant that ends with a NUL.
            let sentence = unsafe { CStr::from_ptr(elbow_describe(code)) };
            assert_ne!(sentence, c"no error has this code", "{name}: {code}");
        }
        assert_eq!(
            caller.memory[MODEL..SESSION],
            guarded,
            "the model was written to"
        );
        // The session still works as one that was just made.
        let mut score = std::mem::MaybeUninit::uninit();
        let reading = vec![0i16; needs.reading_length];
        // SAFETY: as the header asks.
        let code = unsafe {
            let session = caller.at(SESSION).cast();
            elbow_session_score(
                session,
                reading.as_ptr(),
                reading.len(),
                ELBOW_SIGMA_POINTS,
                score.as_mut_ptr(),
            )
        };
        assert_eq!(code, ELBOW_OK);
    }
    for name in [
        "needs",
        "score",
        "observed",
        "explain",
        "encode",
        "sample",
        "decode",
        "generate",
        "impute",
        "start",
        "step",
        "commission",
        "close",
        "forget",
        "adapt",
    ] {
        for is_well in [false, true] {
            assert!(
                seen.get(&(name, is_well)).is_some_and(|&count| count > 20),
                "{name} {is_well}: {seen:?}"
            );
        }
    }
    for code in [
        ELBOW_E_NULL,
        ELBOW_E_MISALIGNED,
        ELBOW_E_TOO_LONG,
        ELBOW_E_OVERLAP,
        ELBOW_E_NOT_READY,
        ELBOW_E_LENGTH,
        ELBOW_E_UNKNOWN_ESTIMATOR,
        ELBOW_E_READING_LENGTH,
        ELBOW_E_WATCH_NO_CALIBRATION,
        ELBOW_E_WORKSPACE,
        ELBOW_E_INTERRUPTED,
    ] {
        assert!(
            codes.contains_key(&code),
            "{code} was never returned: {codes:?}"
        );
    }
}

#[test]
fn memory_that_is_in_use_is_refused() {
    let image = aligned(&images()[0]);
    let (mut caller, needs) = ready(&image, Dice::new(1, 1));
    let (session, free) = (caller.at(SESSION), caller.at(FREE));
    let score = |reading: *mut u8, score: *mut u8, session: *mut u8| {
        let n = needs.reading_length;
        // SAFETY: all of it is memory of the caller.
        unsafe {
            elbow_session_score(
                session.cast(),
                reading.cast(),
                n,
                ELBOW_SIGMA_POINTS,
                score.cast(),
            )
        }
    };
    let (other, inside, model) = (
        free.wrapping_add(1024),
        caller.at(WORKSPACE),
        caller.at(MODEL),
    );
    assert_eq!(score(free, other, session), ELBOW_OK);
    assert_eq!(score(free, free, session), ELBOW_E_OVERLAP);
    assert_eq!(score(inside, other, session), ELBOW_E_OVERLAP);
    assert_eq!(
        score(free, inside.wrapping_add(8), session),
        ELBOW_E_OVERLAP
    );
    assert_eq!(score(free, model, session), ELBOW_E_OVERLAP);
    assert_eq!(
        score(free, session.wrapping_add(16), session),
        ELBOW_E_OVERLAP
    );
    // A copy of a session is none, and a model that was parsed anew has none yet.
    let words = ELBOW_SESSION_WORDS;
    caller
        .memory
        .copy_within(SESSION..SESSION + words, FREE + 512);
    let copy = caller.at(FREE + 512);
    assert_eq!(score(free, other, copy), ELBOW_E_NOT_READY);
    let moved = image.clone();
    // SAFETY: as the header asks, but for the session, which is not used while the model changes.
    let code = unsafe {
        elbow_model_parse(
            caller.at(MODEL).cast(),
            moved.as_ptr().cast(),
            8 * moved.len(),
        )
    };
    assert_eq!(code, ELBOW_OK);
    assert_eq!(score(free, other, session), ELBOW_E_NOT_READY);
}

#[test]
fn raw_integers_come_and_go() {
    let raw = elbow_raw_reading(101_324.95, -14, 1_660_108_800);
    assert_eq!(
        raw,
        elbow_raw {
            value: -819,
            saturated: false
        }
    );
    assert!(elbow_raw_reading(f64::NAN, 0, 0).saturated);
    assert_eq!(
        elbow_raw_count(40_000, 0, 0),
        elbow_raw {
            value: i16::MAX,
            saturated: true
        }
    );
    assert!((elbow_value(-819.2, -14, 1_660_108_800) - 101_324.95).abs() < 1e-9);
}
