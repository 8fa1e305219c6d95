//! A stream that is watched through `elbow.h` gives the events of the runtime.

use elbow::distribution::Family;
use elbow::image::{CalibrationSpec, CurveSpec, StreamSpec};
use elbow::monitor::{Watch, WatchSettings};
use elbow::signal::{Feature, FrontEnd};
use elbow::{Estimator, Model, Probability};
use elbow_c::*;
use elbow_tests::measure::shapes::{Kind, Shape};
use std::mem::MaybeUninit;

const CHANNELS: usize = 2;

/// An image of windows of ten samples of two channels, with random weights.
fn image() -> elbow::format::AlignedImage {
    let features = [
        Feature::Mean { fraction_bits: 2 },
        Feature::Rms { fraction_bits: 3 },
    ];
    let front_end = FrontEnd::new(CHANNELS as u8, 10, &features).unwrap();
    let shape = Shape {
        inputs: front_end.features_len(),
        encoder: vec![6],
        latents: 2,
        decoder: vec![6],
    };
    let kind = Kind::Real {
        family: Family::Normal,
        predicted_scale: false,
    };
    let mut spec = shape.random_model("stream", kind, 1).unwrap();
    spec.stream = Some(StreamSpec {
        front_end,
        hop: 5,
        rate_millihertz: 0,
        exponents: vec![-3; CHANNELS],
    });
    let scores: Vec<i32> = (1..200).map(|score| -(score << 16)).collect();
    let curve = CurveSpec::default();
    let table = CalibrationSpec::of_bounds(Estimator::SigmaPoints, &scores, 64, &curve);
    spec.write(&[table]).unwrap()
}

#[test]
fn a_watch_gives_the_events_of_the_runtime() {
    let image = image();
    let model = Model::parse(&image).unwrap();
    let (enter, leave) = (Probability::new(0.02), Probability::new(0.3));
    let settings =
        WatchSettings::from_rates(&model, Estimator::SigmaPoints, 1, Some(enter), Some(leave))
            .unwrap();
    let mut words = vec![0u64; model.watch_words().unwrap()];
    let mut here = Watch::new(&model, &mut words, &settings, 3).unwrap();

    let (mut handle, mut watch) = (MaybeUninit::uninit(), MaybeUninit::zeroed());
    let mut needs = MaybeUninit::uninit();
    let settings = elbow_watch_settings {
        estimator: ELBOW_SIGMA_POINTS,
        enter: enter.to_bits(),
        leave: leave.to_bits(),
        time_constant: 1,
    };
    // SAFETY: the image stays, and the place is one for a model.
    let code =
        unsafe { elbow_model_parse(handle.as_mut_ptr(), image.as_ptr().cast(), image.len()) };
    assert_eq!(code, ELBOW_OK);
    // SAFETY: the model was parsed.
    let code = unsafe { elbow_model_needs(handle.as_ptr(), needs.as_mut_ptr()) };
    assert_eq!(code, ELBOW_OK);
    // SAFETY: the call was well.
    let needs: elbow_needs = unsafe { needs.assume_init() };
    assert_eq!(
        (needs.columns, needs.watch_bytes),
        (CHANNELS, 8 * model.watch_words().unwrap())
    );
    let mut memory = vec![0u64; needs.watch_bytes / 8];
    let place = memory.as_mut_ptr().cast();
    let mut begin = |bytes| {
        // SAFETY: the memory has as many bytes or more.
        unsafe {
            elbow_watch_init(
                watch.as_mut_ptr(),
                handle.as_ptr(),
                place,
                bytes,
                &raw const settings,
                3,
            )
        }
    };
    assert_eq!(begin(needs.watch_bytes - 8), ELBOW_E_WORKSPACE);
    assert_eq!(begin(needs.watch_bytes), ELBOW_OK);

    let (mut event, mut has_event) = (MaybeUninit::<elbow_event>::uninit(), MaybeUninit::uninit());
    let mut events = 0;
    let mut random = elbow_fuzz::dice::Dice::new(1, 1);
    for _ in 0..200 {
        let sample: [i16; CHANNELS] = [0; CHANNELS].map(|_: i16| random.below(2000) as i16 - 1000);
        // SAFETY: the watch was made, and all else is as the header asks.
        let mut push = |channels: usize| unsafe {
            elbow_watch_push(
                watch.as_mut_ptr(),
                sample.as_ptr(),
                channels,
                event.as_mut_ptr(),
                has_event.as_mut_ptr(),
            )
        };
        assert_eq!(push(1), ELBOW_E_WINDOWS_CHANNELS);
        assert_eq!(push(CHANNELS), ELBOW_OK);
        let expected = here.push(&sample).unwrap();
        // SAFETY: every push that is well says whether there is an event.
        assert_eq!(unsafe { has_event.assume_init() }, expected.is_some());
        if let Some(expected) = expected {
            // SAFETY: there is one.
            assert_eq!(unsafe { event.assume_init() }, expected.into());
            events += 1;
        }
    }
    assert_eq!(events, 39);
}
