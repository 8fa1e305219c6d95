//! The least that a product needs: parses a model, scores readings by sigma points, and lights a lamp by their
//! p-values. Features add what they are named for; features of what images may ask for add nothing here. It is built
//! to measure its flash and never run; like the program of every operation, it does not link if it can panic.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use core::panic::PanicInfo;
use core::ptr;
#[cfg(target_arch = "arm")]
use cortex_m_rt::entry;
use elbow::{Estimator, ModelPlace, Probability, Session, Workspace};
#[cfg(target_arch = "riscv32")]
use riscv_rt::entry;

unsafe extern "C" {
    /// It does not exist: a program that may call it does not link.
    fn this_program_can_panic() -> !;
    static __model_start: u8;
    static __model_end: u8;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it is never called, since nothing that calls it can be linked.
    unsafe { this_program_can_panic() }
}

/// Numbers in a reading.
const INPUTS: usize = 64;

/// What the features of sessions add, after a reading was scored.
fn more(session: &mut Session<'_>, reading: &[i16; INPUTS]) {
    #[cfg(feature = "sampling")]
    show(&session.score(reading, Estimator::MonteCarlo { samples: 8 }));
    #[cfg(feature = "importance-weighting")]
    show(&session.score(reading, Estimator::ImportanceWeighted { samples: 8 }));
    #[cfg(feature = "masks")]
    if let Ok(mask) = elbow::Mask::new(&[0x7f; INPUTS / 8], INPUTS) {
        show(&session.score_observed(reading, mask, Estimator::SigmaPoints));
    }
    #[cfg(feature = "generation")]
    {
        let mut mean = [0; INPUTS];
        show(&session.generate(&mut mean));
        show(&mean);
    }
    #[cfg(feature = "float")]
    if let Ok(score) = session.score(reading, Estimator::SigmaPoints) {
        show(&score.elbo().to_f64());
    }
    #[cfg(feature = "streams")]
    if let Some(stream) = session.model().stream() {
        let mut features = [0; INPUTS];
        let mut scratch = [0; 2 * INPUTS];
        show(&stream.front_end.apply(reading, &mut scratch, &mut features));
        show(&features);
    }
    #[cfg(feature = "adapt")]
    learn(session, reading);
    let _ = (session, reading);
}

/// What learning on the device adds: a reading is judged and taken in, and the state is loaded and kept.
#[cfg(feature = "adapt")]
fn learn(session: &mut Session<'_>, reading: &[i16; INPUTS]) {
    use elbow::adapt::{AdaptSettings, Adapter, Nor, Reference, Store};
    let mut memory = [0; INPUTS * 14 / 8];
    let reference = Reference::parse(region()).ok();
    let settings = AdaptSettings::new(Estimator::SigmaPoints);
    let model = session.model();
    let Ok(mut adapter) = Adapter::new(model, region(), &mut memory, reference, settings) else {
        return;
    };
    let mut store = Store::new(Nor(flash::Flash));
    show(&store.load(&mut adapter).is_ok());
    adapter.commission();
    if let Ok(adapted) = adapter.score(session, reading) {
        show(&adapted);
        show(&store.keep(&adapter, &adapted).is_ok());
    }
}

/// A flash of which the compiler knows nothing.
#[cfg(feature = "adapt")]
mod flash {
    use core::ptr;
    use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};

    pub(crate) struct Flash;

    impl ErrorType for Flash {
        type Error = NorFlashErrorKind;
    }

    impl ReadNorFlash for Flash {
        const READ_SIZE: usize = 4;

        fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
            for byte in bytes {
                // SAFETY: the number is borrowed alone.
                *byte = unsafe { ptr::read_volatile(&raw const at) } as u8;
            }
            Ok(())
        }

        fn capacity(&self) -> usize {
            8192
        }
    }

    impl NorFlash for Flash {
        const WRITE_SIZE: usize = 4;
        const ERASE_SIZE: usize = 1024;

        fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
            super::show(&(from, to));
            Ok(())
        }

        fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
            super::show(&(at, bytes));
            Ok(())
        }
    }
}

/// Makes sure that a value is computed.
#[allow(dead_code, reason = "the least product has nothing to show")]
fn show<T>(value: &T) {
    let mut seen = ptr::null();
    // SAFETY: the pointer is borrowed alone.
    unsafe { ptr::write_volatile(&raw mut seen, ptr::from_ref(value)) };
}

/// What the linker script sets aside for the model.
fn region() -> &'static [u8] {
    let start = &raw const __model_start;
    let length = (&raw const __model_end).addr() - start.addr();
    // SAFETY: the linker script gives these addresses to memory that nothing else is linked into.
    unsafe { &*ptr::slice_from_raw_parts(start, length) }
}

#[entry]
fn main() -> ! {
    let mut reading = [0i16; INPUTS];
    let mut sensor = 0i16;
    let mut lamp = false;
    let mut workspace = Workspace::<152>::new();
    let mut place = ModelPlace::new();
    if let Ok(model) = place.parse(region())
        && let Ok(mut session) = Session::new(model, &mut workspace, 0)
    {
        loop {
            for number in &mut reading {
                // SAFETY: the number is borrowed alone.
                *number = unsafe { ptr::read_volatile(&raw mut sensor) };
            }
            let score = session.score(&reading, Estimator::SigmaPoints);
            more(&mut session, &reading);
            let anomalous = score.is_ok_and(|score| score.p_value() < Probability::new(0.01));
            // SAFETY: the flag is borrowed alone.
            unsafe { ptr::write_volatile(&raw mut lamp, anomalous) };
        }
    }
    loop {}
}
