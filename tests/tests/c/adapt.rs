//! What C learns where it is installed is what Rust learns, and a state comes back through two callbacks.
#![allow(
    clippy::multiple_unsafe_ops_per_block,
    reason = "one promise holds for all calls"
)]

use elbow::adapt::{AdaptSettings, Adapter};
use elbow::format::AlignedImage;
use elbow::{Estimator, Model, Session};
use elbow_c::*;
use elbow_fuzz::images::images;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

/// Readings that are learned from.
const READINGS: usize = 40;

/// A memory of 8 KiB, which counts what is asked of it and refuses from some call on.
struct Memory {
    bytes: Vec<u8>,
    calls: usize,
    refuses_at: usize,
}

impl Memory {
    fn done(&mut self) -> i32 {
        self.calls += 1;
        i32::from(self.calls > self.refuses_at)
    }

    fn table(&mut self) -> elbow_memory {
        elbow_memory {
            bytes: self.bytes.len() as u32,
            context: ptr::from_mut(self).cast(),
            page_bytes: 256,
            unit_bytes: 8,
            read: Some(read),
            write: Some(write),
        }
    }
}

unsafe extern "C" fn read(context: *mut c_void, at: u32, bytes: *mut c_void, length: u32) -> i32 {
    // SAFETY: the context is the memory of this test, and the bytes are as many as are said.
    let (memory, place) = unsafe {
        let memory: &mut Memory = &mut *context.cast();
        (
            memory,
            std::slice::from_raw_parts_mut(bytes.cast::<u8>(), length as usize),
        )
    };
    place.copy_from_slice(&memory.bytes[at as usize..][..length as usize]);
    memory.done()
}

unsafe extern "C" fn write(
    context: *mut c_void,
    at: u32,
    bytes: *const c_void,
    length: u32,
) -> i32 {
    // SAFETY: as for reading.
    let memory: &mut Memory = unsafe { &mut *context.cast() };
    let place = &mut memory.bytes[at as usize..][..length as usize];
    if bytes.is_null() {
        place.fill(0xff);
    } else {
        // SAFETY: as for reading.
        place.copy_from_slice(unsafe { std::slice::from_raw_parts(bytes.cast(), length as usize) });
    }
    memory.done()
}

fn settings() -> elbow_adapt_settings {
    elbow_adapt_settings {
        estimator: ELBOW_SIGMA_POINTS,
        learn: 10,
        calibrate: 20,
        trust: u32::MAX,
    }
}

/// A model, a session and an adapter of C, and their memory.
struct Device {
    model: Box<MaybeUninit<elbow_model>>,
    session: Box<MaybeUninit<elbow_session>>,
    adapt: Box<MaybeUninit<elbow_adapt>>,
    _words: [Vec<u64>; 2],
}

fn device(image: &[u8]) -> Device {
    let mut device = Device {
        model: Box::new(MaybeUninit::uninit()),
        session: Box::new(MaybeUninit::uninit()),
        adapt: Box::new(MaybeUninit::uninit()),
        _words: [vec![0; 8192], vec![0; 8192]],
    };
    let (model, settings) = (device.model.as_mut_ptr(), settings());
    let [workspace, ram] = &mut device._words;
    // SAFETY: handles, workspace and image are memory as the header asks for it.
    unsafe {
        assert_eq!(
            elbow_model_parse(model, image.as_ptr().cast(), image.len()),
            ELBOW_OK
        );
        let mut needs = MaybeUninit::uninit();
        assert_eq!(elbow_adapt_needs_of(model, needs.as_mut_ptr()), ELBOW_OK);
        assert!(needs.assume_init().memory_bytes <= 8192);
        let (session, adapt) = (device.session.as_mut_ptr(), device.adapt.as_mut_ptr());
        let (place, bytes) = (workspace.as_mut_ptr().cast(), 8 * workspace.len());
        assert_eq!(
            elbow_session_init(session, model, place, bytes, 0),
            ELBOW_OK
        );
        let (place, bytes) = (ram.as_mut_ptr().cast(), 8 * ram.len());
        let code = elbow_adapt_init(
            adapt,
            model,
            place,
            bytes,
            ptr::null(),
            0,
            &raw const settings,
        );
        assert_eq!(code, ELBOW_OK);
    }
    device
}

impl Device {
    fn score(&mut self, reading: &[i16]) -> elbow_adapted {
        let mut adapted = MaybeUninit::uninit();
        // SAFETY: as the header asks.
        let code = unsafe {
            elbow_adapt_score(
                self.adapt.as_mut_ptr(),
                self.session.as_mut_ptr(),
                reading.as_ptr(),
                reading.len(),
                ptr::null(),
                0,
                adapted.as_mut_ptr(),
            )
        };
        assert_eq!(code, ELBOW_OK);
        // SAFETY: it was written.
        unsafe { adapted.assume_init() }
    }
}

#[test]
fn c_learns_as_rust_does_and_remembers() {
    for image in images() {
        let image = AlignedImage::new(&image);
        let mut c = device(&image);
        let model = Model::parse(&image).unwrap();
        let mut memory = vec![0; model.adapt_words()];
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 0).unwrap();
        let rust = AdaptSettings {
            learn: 10,
            calibrate: 20,
            ..AdaptSettings::new(Estimator::SigmaPoints)
        };
        let mut adapter = Adapter::new(&model, &image, &mut memory, None, rust).unwrap();
        adapter.commission();
        let mut flash = Memory {
            bytes: vec![0; 8192],
            calls: 0,
            refuses_at: usize::MAX,
        };
        let (table, adapt) = (flash.table(), c.adapt.as_mut_ptr());
        // SAFETY: as the header asks, in all that follows.
        unsafe {
            assert_eq!(elbow_adapt_commission(adapt), ELBOW_OK);
        }
        for index in 0..READINGS {
            let reading: Vec<i16> = (0..model.reading_length())
                .map(|input| ((index * 7 + input * 3) % 2) as i16)
                .collect();
            let adapted = c.score(&reading);
            let expected = adapter.score(&mut session, &reading).unwrap();
            assert_eq!(adapted.p_value, expected.p_value.to_bits());
            assert_eq!(adapted.surprise, expected.surprise.to_bits());
            assert_eq!(adapted.score.elbo, expected.score.elbo().to_bits());
            assert_eq!(adapted.done, adapter.progress().done);
            // SAFETY: the memory is as the header asks.
            let code = unsafe { elbow_adapt_keep(adapt, &raw const table) };
            assert_eq!(code, ELBOW_OK);
        }
        // Another device with the same memory knows what the first one has learned.
        let mut other = device(&image);
        let mut found = false;
        let place = other.adapt.as_mut_ptr();
        let (mut first, mut second) = (0, 0);
        // SAFETY: as above.
        unsafe {
            assert_eq!(
                elbow_adapt_load(place, &raw const table, &raw mut found),
                ELBOW_OK
            );
            let rate = ELBOW_CERTAIN / 4;
            assert_eq!(elbow_adapt_threshold(adapt, rate, &raw mut first), ELBOW_OK);
            assert_eq!(
                elbow_adapt_threshold(place, rate, &raw mut second),
                ELBOW_OK
            );
        }
        assert!(found && first == second);
        // SAFETY: as above.
        unsafe {
            assert_eq!(elbow_adapt_forget(place), ELBOW_OK);
            let code = elbow_adapt_threshold(place, ELBOW_CERTAIN / 4, &raw mut second);
            assert_eq!(code, ELBOW_E_NOT_READY);
            flash.refuses_at = flash.calls + 1;
            assert_eq!(elbow_adapt_save(place, &raw const table), ELBOW_E_MEMORY);
        }
    }
}
