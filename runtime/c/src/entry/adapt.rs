//! Adapters: a model learns where it is installed, and its state outlives power.

use super::session::mask;
use crate::code::{ELBOW_E_MEMORY, ELBOW_E_NULL, Fault, elbow_code, outcome};
use crate::handle::{
    Fresh, Live, OfAdapter, Parsed, Worker, elbow_adapt, elbow_model, elbow_session,
};
use crate::pointer::{Access, Argument, Get, In, Maybe, Out, Put, Region};
use crate::value::{
    elbow_adapt_needs, elbow_adapt_settings, elbow_adapted, elbow_memory, estimator, probability,
};
use core::ffi::c_void;
use elbow::adapt::{AdaptSettings, Adapter, Medium, Reference, Store, StoreError};

/// Says into *needs what an adapter of this model takes: bytes of RAM, and bytes of a memory that holds its state with a journal of
/// 16 scores, before they are rounded up to two times whole pages.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_adapt_needs_of(
    model: *const elbow_model,
    needs: *mut elbow_adapt_needs,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Parsed(model), Put(needs)).borrow() };
    outcome(borrowed.and_then(|(ready, place)| {
        let model = ready.model()?;
        let channels = model.reading_length();
        place.write(elbow_adapt_needs {
            ram_bytes: 8 * model.adapt_words(),
            memory_bytes: Store::<Callbacks<'_>>::bytes(channels, 16),
        });
        Ok(())
    }))
}

/// Makes an adapter of a parsed model that has learned nothing, in ram_bytes of your RAM at a multiple of 8, which belong to it as
/// long as it is used. The reference is a file of `trainer adapt --reference`, which neither changes nor goes away meanwhile; NULL with
/// 0 bytes for none: then it calibrates alone.
///
/// Returns ELBOW_OK, ELBOW_E_ADAPT_REFERENCE, ELBOW_E_ADAPT_IDENTITY or ELBOW_E_ADAPT_CHANNELS for a reference that is none or of another
/// image, ELBOW_E_ADAPT_CALIBRATE for 0 readings to count, ELBOW_E_WORKSPACE where elbow_adapt_needs.ram_bytes is more than ram_bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_adapt_init(
    adapt: *mut elbow_adapt,
    model: *const elbow_model,
    ram: *mut c_void,
    ram_bytes: usize,
    reference: *const c_void,
    reference_bytes: usize,
    settings: *const elbow_adapt_settings,
) -> elbow_code {
    let arguments = (
        Fresh(adapt),
        Parsed(model),
        Out(ram.cast::<u64>(), ram_bytes / 8),
        Maybe(reference.cast::<u8>(), reference_bytes),
        Get(settings),
    );
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { arguments.borrow() };
    outcome(
        borrowed.and_then(|(mut blank, ready, ram, reference, settings)| {
            blank.clear();
            let settings = AdaptSettings {
                learn: settings.learn,
                calibrate: settings.calibrate,
                trust: settings.trust,
                ..AdaptSettings::new(estimator(settings.estimator)?)
            };
            let reference = reference.map(Reference::parse).transpose()?;
            let region = Region::of(ram, Access::Write);
            let (model, image) = (ready.model()?, ready.state.image);
            let adapter = Adapter::new(model, image, ram, reference, settings)?;
            blank.fill(|| Worker::new(OfAdapter::new(adapter), &ready, region));
            Ok(())
        }),
    )
}

/// Opens a session: the next readings are declared normal, until the stage is ELBOW_READY. What was learned before is forgotten.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_adapt_commission(adapt: *mut elbow_adapt) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { Live(adapt).borrow() };
    outcome(borrowed.map(|owner| owner.adapter.commission()))
}

/// Ends the session early: with the scores that were counted, if there are any, else as elbow_adapt_forget.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_adapt_close(adapt: *mut elbow_adapt) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { Live(adapt).borrow() };
    outcome(borrowed.map(|owner| owner.adapter.close()))
}

/// Returns to the factory, bit for bit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_adapt_forget(adapt: *mut elbow_adapt) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { Live(adapt).borrow() };
    outcome(borrowed.map(|owner| owner.adapter.forget()))
}

/// Judges a raw reading, by a session of the same model, into *adapted, and takes it in where the adapter's session is open. observed
/// may be NULL with 0 bytes: then all was observed.
///
/// Returns as elbow_session_score_observed, or ELBOW_E_ADAPT_SESSION for a session of another model.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_adapt_score(
    adapt: *mut elbow_adapt,
    session: *mut elbow_session,
    reading: *const i16,
    reading_length: usize,
    observed: *const u8,
    observed_bytes: usize,
    adapted: *mut elbow_adapted,
) -> elbow_code {
    let arguments = (
        Live(adapt),
        Live(session),
        In(reading, reading_length),
        Maybe(observed, observed_bytes),
        Put(adapted),
    );
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { arguments.borrow() };
    outcome(
        borrowed.and_then(|(owner, session, reading, observed, place)| {
            let observed = mask(observed, session)?;
            let adapted = owner.adapter.score_observed(session, reading, observed)?;
            owner.last = Some(adapted);
            place.write(elbow_adapted::new(&adapted, &owner.adapter));
            Ok(())
        }),
    )
}

/// Says into *threshold the score below which a normal reading of this machine lies with a chance of at most rate, Q1.31: nats, Q16.16.
///
/// Returns ELBOW_OK, ELBOW_E_RANGE for a rate above 1, or ELBOW_E_NOT_READY before enough scores were counted for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_adapt_threshold(
    adapt: *mut elbow_adapt,
    rate: u32,
    threshold: *mut i32,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Live(adapt), Put(threshold)).borrow() };
    outcome(borrowed.and_then(|(owner, place)| {
        let nats = owner.adapter.threshold(probability(rate)?);
        let nats = nats.ok_or(Fault(crate::code::ELBOW_E_NOT_READY))?;
        place.write(nats.to_bits());
        Ok(())
    }))
}

/// Takes over the newest state in a memory; *found says whether there was one. Where there is none the adapter returns to the factory.
///
/// Returns ELBOW_OK, ELBOW_E_MEMORY where a callback does not return 0, ELBOW_E_MEDIUM_SMALL or ELBOW_E_MEDIUM_UNIT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_adapt_load(
    adapt: *mut elbow_adapt,
    memory: *const elbow_memory,
    found: *mut bool,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Live(adapt), Get(memory), Put(found)).borrow() };
    outcome(borrowed.and_then(|(owner, memory, place)| {
        let mut store = Store::new(Callbacks::new(memory)?);
        place.write(store.load(&mut owner.adapter)?);
        owner.place = store.place();
        Ok(())
    }))
}

/// Writes the state beside the newest one in a memory. Power may fail at any write: elbow_adapt_load then finds the old state or
/// the new one.
///
/// Returns as elbow_adapt_load.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_adapt_save(
    adapt: *mut elbow_adapt,
    memory: *const elbow_memory,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Live(adapt), Get(memory)).borrow() };
    outcome(borrowed.and_then(|(owner, memory)| {
        let mut store = Store::resume(Callbacks::new(memory)?, owner.place);
        let saved = store.save(&owner.adapter);
        owner.place = store.place();
        Ok(saved?)
    }))
}

/// Stores what the last reading has changed, as little as it can: to be called after each elbow_adapt_score while the session is open.
///
/// Returns as elbow_adapt_load.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn elbow_adapt_keep(
    adapt: *mut elbow_adapt,
    memory: *const elbow_memory,
) -> elbow_code {
    // SAFETY: the header asks it of callers.
    let borrowed = unsafe { (Live(adapt), Get(memory)).borrow() };
    outcome(borrowed.and_then(|(owner, memory)| {
        let Some(last) = owner.last.take() else {
            return Ok(());
        };
        let mut store = Store::resume(Callbacks::new(memory)?, owner.place);
        let kept = store.keep(&owner.adapter, &last);
        owner.place = store.place();
        Ok(kept?)
    }))
}

/// A memory behind two functions of C.
struct Callbacks<'a> {
    memory: &'a elbow_memory,
    read: unsafe extern "C" fn(*mut c_void, u32, *mut c_void, u32) -> i32,
    write: unsafe extern "C" fn(*mut c_void, u32, *const c_void, u32) -> i32,
}

impl<'a> Callbacks<'a> {
    fn new(memory: &'a elbow_memory) -> Result<Self, Fault> {
        let both = memory.read.zip(memory.write);
        let (read, write) = both.ok_or(Fault(ELBOW_E_NULL))?;
        Ok(Self {
            memory,
            read,
            write,
        })
    }
}

/// Whether a callback did what it was asked for.
fn done(code: i32) -> Result<(), Fault> {
    match code {
        0 => Ok(()),
        _ => Err(Fault(ELBOW_E_MEMORY)),
    }
}

impl Medium for Callbacks<'_> {
    type Error = Fault;

    fn capacity(&self) -> u32 {
        self.memory.bytes
    }

    fn page(&self) -> u32 {
        self.memory.page_bytes
    }

    fn unit(&self) -> usize {
        self.memory.unit_bytes as usize
    }

    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), Fault> {
        let (place, length) = (bytes.as_mut_ptr().cast(), bytes.len() as u32);
        // SAFETY: the header asks it of callers: the function writes these bytes alone.
        done(unsafe { (self.read)(self.memory.context, at, place, length) })
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Fault> {
        let length = to.saturating_sub(from);
        // SAFETY: the header asks it of callers: without bytes it erases.
        done(unsafe { (self.write)(self.memory.context, from, core::ptr::null(), length) })
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Fault> {
        let (place, length) = (bytes.as_ptr().cast(), bytes.len() as u32);
        // SAFETY: the header asks it of callers: the function reads these bytes alone.
        done(unsafe { (self.write)(self.memory.context, at, place, length) })
    }
}

impl From<StoreError<Self>> for Fault {
    fn from(error: StoreError<Self>) -> Self {
        match error {
            StoreError::Unfit(error) => error.into(),
            StoreError::Medium(fault) => fault,
            _ => Self(ELBOW_E_MEMORY),
        }
    }
}
