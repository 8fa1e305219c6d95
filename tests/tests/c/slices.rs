//! Scores in slices through `elbow.h`: the integers of one go, and a code for each misuse.
#![allow(
    clippy::multiple_unsafe_ops_per_block,
    reason = "one promise holds for all calls"
)]

use elbow_c::*;
use elbow_tests::measure::shapes::{Kind, Shape};
use std::mem::MaybeUninit;
use std::ptr;

const INPUTS: usize = 6;
const READING: [i16; INPUTS] = [1, 0, 3, 2, 0, 1];

/// A model, a session and a score in slices, at places that do not change.
struct Device {
    image: elbow::format::AlignedImage,
    model: MaybeUninit<elbow_model>,
    session: MaybeUninit<elbow_session>,
    scoring: MaybeUninit<elbow_scoring>,
    workspace: [u64; 256],
}

impl Device {
    fn new() -> Box<Self> {
        let shape = Shape {
            inputs: INPUTS,
            encoder: vec![8],
            latents: 3,
            decoder: vec![8],
        };
        let spec = shape.random_model("small", Kind::Counts { trials: 3 }, 1);
        let mut device = Box::new(Self {
            image: spec.unwrap().write(&[]).unwrap(),
            model: MaybeUninit::zeroed(),
            session: MaybeUninit::zeroed(),
            scoring: MaybeUninit::zeroed(),
            workspace: [0; 256],
        });
        let (bytes, length) = (device.image.as_ptr().cast(), device.image.len());
        // SAFETY: all is memory as the header asks for it, in a box that stays.
        let code = unsafe { elbow_model_parse(device.model.as_mut_ptr(), bytes, length) };
        assert_eq!(code, ELBOW_OK);
        device.begin();
        device
    }

    /// Begins the session.
    fn begin(&mut self) {
        let workspace = self.workspace.as_mut_ptr().cast();
        // SAFETY: as above.
        let code = unsafe {
            let model = self.model.as_ptr();
            elbow_session_init(self.session.as_mut_ptr(), model, workspace, 2048, 1)
        };
        assert_eq!(code, ELBOW_OK);
    }

    fn reseed(&mut self) {
        // SAFETY: as above.
        let code = unsafe { elbow_session_reseed(self.session.as_mut_ptr(), 5, 7) };
        assert_eq!(code, ELBOW_OK);
    }

    fn start(&mut self, observed: Option<&[u8]>, with: elbow_estimator) -> elbow_code {
        let (mask, bytes) = observed.map_or((ptr::null(), 0), |mask| (mask.as_ptr(), mask.len()));
        let (scoring, session) = (self.scoring.as_mut_ptr(), self.session.as_mut_ptr());
        let reading = READING.as_ptr();
        // SAFETY: as above; the reading is a constant, and masks are.
        unsafe { elbow_score_start(scoring, session, reading, INPUTS, mask, bytes, with) }
    }

    /// A code, and the score where that was the last slice.
    fn step(&mut self, passes: u16) -> (elbow_code, Option<elbow_score>) {
        let (mut score, mut done) = (MaybeUninit::uninit(), false);
        // SAFETY: as above; the score is there where it is said to be done.
        unsafe {
            let scoring = self.scoring.as_mut_ptr();
            let code = elbow_score_step(scoring, passes, score.as_mut_ptr(), &raw mut done);
            (code, done.then(|| score.assume_init()))
        }
    }

    /// The score in one go.
    fn score(&mut self, observed: &'static [u8], with: elbow_estimator) -> elbow_score {
        let mut score = MaybeUninit::uninit();
        let (session, reading) = (self.session.as_mut_ptr(), READING.as_ptr());
        let (mask, bytes) = (observed.as_ptr(), observed.len());
        let call = elbow_session_score_observed;
        // SAFETY: as above.
        unsafe {
            let place = score.as_mut_ptr();
            let code = call(session, reading, INPUTS, mask, bytes, with, place);
            assert_eq!(code, ELBOW_OK);
            score.assume_init()
        }
    }
}

#[test]
fn slices_give_the_score_of_one_go() {
    static MASK: [u8; 1] = [0b10_1101];
    let mut device = Device::new();
    for with in [
        ELBOW_POSTERIOR_MEAN,
        ELBOW_SIGMA_POINTS,
        ELBOW_MONTE_CARLO + 7,
        ELBOW_IMPORTANCE_WEIGHTED + 5,
    ] {
        for passes in [0, 1, 2, 4, 65_535] {
            device.reseed();
            let expected = device.score(&MASK, with);
            device.reseed();
            assert_eq!(device.start(Some(&MASK), with), ELBOW_OK);
            let groups = expected.passes.div_ceil(passes.max(1));
            for _ in 0..=groups {
                assert_eq!(device.step(passes), (ELBOW_OK, None));
            }
            assert_eq!(device.step(passes), (ELBOW_OK, Some(expected)));
            assert_eq!(device.step(passes), (ELBOW_OK, Some(expected)));
        }
    }
}

#[test]
fn a_step_without_a_start_is_refused() {
    let mut device = Device::new();
    assert_eq!(device.step(4), (ELBOW_E_NOT_READY, None));
    // One that was refused was not started.
    assert_eq!(device.start(None, 0), ELBOW_E_UNKNOWN_ESTIMATOR);
    assert_eq!(device.step(4), (ELBOW_E_NOT_READY, None));
    let wrong = [0; 2];
    assert_eq!(
        device.start(Some(&wrong), ELBOW_SIGMA_POINTS),
        ELBOW_E_MASK_LENGTH
    );
    assert_eq!(device.step(4), (ELBOW_E_NOT_READY, None));
    // Nor is a copy of one.
    assert_eq!(device.start(None, ELBOW_SIGMA_POINTS), ELBOW_OK);
    let mut copy = Box::new(MaybeUninit::<elbow_scoring>::uninit());
    let (mut score, mut done) = (MaybeUninit::<elbow_score>::uninit(), false);
    // SAFETY: all is memory as the header asks for it.
    let code = unsafe {
        copy.as_mut_ptr().copy_from(device.scoring.as_ptr(), 1);
        elbow_score_step(copy.as_mut_ptr(), 4, score.as_mut_ptr(), &raw mut done)
    };
    assert_eq!((code, done), (ELBOW_E_NOT_READY, false));
    assert_eq!(device.step(4), (ELBOW_OK, None));
}

#[test]
fn a_call_in_between_ends_a_score() {
    static ALL: [u8; 1] = [255];
    let mut device = Device::new();
    let calls: [fn(&mut Device); 3] = [
        |device| assert!(device.score(&ALL, ELBOW_POSTERIOR_MEAN).passes == 1),
        Device::reseed,
        Device::begin,
    ];
    for call in calls {
        assert_eq!(device.start(None, ELBOW_SIGMA_POINTS), ELBOW_OK);
        assert_eq!(device.step(4), (ELBOW_OK, None));
        call(&mut device);
        assert_eq!(device.step(4), (ELBOW_E_INTERRUPTED, None));
        assert_eq!(device.step(4), (ELBOW_E_INTERRUPTED, None));
    }
    // Another score in slices ends it, too; the later one goes on.
    let mut other = Box::new(MaybeUninit::<elbow_scoring>::uninit());
    assert_eq!(device.start(None, ELBOW_SIGMA_POINTS), ELBOW_OK);
    let (session, reading) = (device.session.as_mut_ptr(), READING.as_ptr());
    // SAFETY: all is memory as the header asks for it.
    let code = unsafe {
        let scoring = other.as_mut_ptr();
        let with = ELBOW_POSTERIOR_MEAN;
        elbow_score_start(scoring, session, reading, INPUTS, ptr::null(), 0, with)
    };
    assert_eq!(code, ELBOW_OK);
    assert_eq!(device.step(4), (ELBOW_E_INTERRUPTED, None));
    let (mut score, mut done, mut steps) = (MaybeUninit::<elbow_score>::uninit(), false, 0);
    while !done {
        // SAFETY: as above.
        let code =
            unsafe { elbow_score_step(other.as_mut_ptr(), 4, score.as_mut_ptr(), &raw mut done) };
        assert_eq!(code, ELBOW_OK);
        steps += 1;
    }
    assert_eq!(steps, 3);
}

#[test]
fn memory_of_a_score_that_is_in_use_is_refused() {
    let mut device = Device::new();
    assert_eq!(device.start(None, ELBOW_SIGMA_POINTS), ELBOW_OK);
    let scoring = device.scoring.as_mut_ptr();
    let inside = device.workspace.as_mut_ptr();
    let mut done = false;
    // SAFETY: all is memory of this test.
    unsafe {
        let call = elbow_score_step;
        assert_eq!(
            call(scoring, 4, scoring.cast(), &raw mut done),
            ELBOW_E_OVERLAP
        );
        assert_eq!(
            call(scoring, 4, inside.cast(), &raw mut done),
            ELBOW_E_OVERLAP
        );
        assert_eq!(
            call(scoring, 4, ptr::null_mut(), &raw mut done),
            ELBOW_E_NULL
        );
        let session = device.session.as_mut_ptr();
        let within = session.cast::<elbow_scoring>();
        let (with, none) = (ELBOW_SIGMA_POINTS, ptr::null());
        let code = elbow_score_start(within, session, READING.as_ptr(), INPUTS, none, 0, with);
        assert_eq!(code, ELBOW_E_OVERLAP);
    }
    assert_eq!(device.step(4), (ELBOW_OK, None));
}
