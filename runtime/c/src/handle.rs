//! Models, sessions, scores in slices, watches and adapters in memory of the caller, as opaque words.
//!
//! Behind each lies its state with a tag, which depends on where the handle is: one that was never initialized, or that
//! was moved, is told by its tag.
#![allow(unsafe_code)]
#![allow(non_camel_case_types, reason = "their names in C")]

use crate::code::{ELBOW_E_INTERRUPTED, ELBOW_E_NOT_READY, Fault};
use crate::pointer::{Access, Argument, Get, In, Maybe, Put, Region, Regions};
use core::mem::MaybeUninit;
use core::ptr;
#[cfg(feature = "adapt")]
use elbow::adapt::{Adapted, Adapter, Place};
use elbow::internal::Progress;
use elbow::monitor::Watch;
use elbow::{Model, ModelPlace, Session};

/// Words of 8 bytes in a model.
#[cfg(target_pointer_width = "32")]
pub const ELBOW_MODEL_WORDS: usize = 166;
/// Words of 8 bytes in a model.
#[cfg(target_pointer_width = "64")]
pub const ELBOW_MODEL_WORDS: usize = 274;
/// Words of 8 bytes in a session.
#[cfg(target_pointer_width = "32")]
pub const ELBOW_SESSION_WORDS: usize = 16;
/// Words of 8 bytes in a session.
#[cfg(target_pointer_width = "64")]
pub const ELBOW_SESSION_WORDS: usize = 28;
/// Words of 8 bytes in a watch.
#[cfg(target_pointer_width = "32")]
pub const ELBOW_WATCH_WORDS: usize = 35;
/// Words of 8 bytes in a watch.
#[cfg(target_pointer_width = "64")]
pub const ELBOW_WATCH_WORDS: usize = 54;

/// Words of 8 bytes in an adapter.
#[cfg(target_pointer_width = "32")]
pub const ELBOW_ADAPT_WORDS: usize = 98;
/// Words of 8 bytes in an adapter.
#[cfg(target_pointer_width = "64")]
pub const ELBOW_ADAPT_WORDS: usize = 106;

/// Words of 8 bytes in a score in slices.
#[cfg(target_pointer_width = "32")]
pub const ELBOW_SCORING_WORDS: usize = 14;
/// Words of 8 bytes in a score in slices.
#[cfg(target_pointer_width = "64")]
pub const ELBOW_SCORING_WORDS: usize = 17;

/// A model: elbow_model_parse makes one. Its memory is yours, and stays where it is while anything uses the model. Many
/// sessions may share a model.
#[repr(C)]
#[derive(Debug)]
pub struct elbow_model {
    opaque: [u64; ELBOW_MODEL_WORDS],
}

/// A session with a model: elbow_session_init makes one. Its memory is yours, and stays where it is. A session is for one
/// thread at a time.
#[repr(C)]
#[derive(Debug)]
pub struct elbow_session {
    opaque: [u64; ELBOW_SESSION_WORDS],
}

/// A score in slices: elbow_score_start makes one. Its memory is yours, and stays where it is until the score is done.
#[repr(C)]
#[derive(Debug)]
pub struct elbow_scoring {
    opaque: [u64; ELBOW_SCORING_WORDS],
}

/// A watch of a stream: elbow_watch_init makes one. Its memory is yours, and stays where it is. A watch is for one thread
/// at a time.
#[repr(C)]
#[derive(Debug)]
pub struct elbow_watch {
    opaque: [u64; ELBOW_WATCH_WORDS],
}

/// What a model has learned where it is installed: elbow_adapt_init makes one. Its memory is yours, and stays where it is. An adapter
/// is for one thread at a time. Archives without the feature `adapt` have none of its calls.
#[repr(C)]
#[derive(Debug)]
pub struct elbow_adapt {
    opaque: [u64; ELBOW_ADAPT_WORDS],
}

/// The state of a model.
pub(crate) struct OfModel {
    pub(crate) place: ModelPlace<'static>,
    /// Empty where no image was read.
    pub(crate) image: &'static [u8],
    /// The feature for whose lack the image was refused.
    pub(crate) missing: Option<&'static str>,
}

/// What works on a model, and what it works with.
pub(crate) struct Worker<W> {
    pub(crate) worker: W,
    model: *const elbow_model,
    image: *const u8,
    workspace: Region,
}

impl<W> Worker<W> {
    /// A worker on the model behind `model`, whose workspace is `workspace`.
    pub(crate) fn new(worker: W, model: &Ready<'_>, workspace: Region) -> Self {
        Self {
            worker,
            model: model.handle,
            image: model.state.image.as_ptr(),
            workspace,
        }
    }
}

/// What a worker is to the calls that it works for.
pub(crate) trait Work {
    /// What they borrow.
    type Borrowed;

    /// Begins a call that knows of no other.
    fn begin(&mut self) -> &mut Self::Borrowed;
}

/// A session, and the score in slices that it works on.
pub(crate) struct OfSession {
    pub(crate) session: Session<'static>,
    /// Null where there is none, or where another call has come in between.
    scoring: *const elbow_scoring,
}

impl OfSession {
    /// A session that works on no score.
    pub(crate) fn new(session: Session<'static>) -> Self {
        Self {
            session,
            scoring: ptr::null(),
        }
    }

    /// Works on the score in slices behind `scoring` from now on.
    pub(crate) fn work_on(&mut self, scoring: *const elbow_scoring) {
        self.scoring = scoring;
    }
}

impl Work for OfSession {
    type Borrowed = Session<'static>;

    fn begin(&mut self) -> &mut Session<'static> {
        self.scoring = ptr::null();
        &mut self.session
    }
}

impl Work for Watch<'static> {
    type Borrowed = Self;

    fn begin(&mut self) -> &mut Self {
        self
    }
}

/// An adapter, where its state is stored, and the last reading that it judged.
#[cfg(feature = "adapt")]
pub(crate) struct OfAdapter {
    pub(crate) adapter: Adapter<'static>,
    pub(crate) place: Option<Place>,
    pub(crate) last: Option<Adapted>,
}

#[cfg(feature = "adapt")]
impl OfAdapter {
    /// An adapter of which nothing is stored.
    pub(crate) fn new(adapter: Adapter<'static>) -> Self {
        Self {
            adapter,
            place: None,
            last: None,
        }
    }
}

#[cfg(feature = "adapt")]
impl Work for OfAdapter {
    type Borrowed = Self;

    fn begin(&mut self) -> &mut Self {
        self
    }
}

/// The state of a score in slices.
pub(crate) struct OfScoring {
    pub(crate) session: *mut elbow_session,
    /// Borrowed anew in each call: nobody holds it between them.
    pub(crate) reading: In<i16>,
    pub(crate) observed: Maybe<u8>,
    pub(crate) progress: Progress,
}

/// A state with a tag in front of it. Any bytes are one; the state is there where the tag is right.
#[repr(C)]
pub(crate) struct Tagged<S> {
    tag: MaybeUninit<usize>,
    state: MaybeUninit<S>,
}

/// A handle, whose words are a [`Tagged`] state.
///
/// # Safety
/// The state fits the handle.
pub(crate) unsafe trait Handle: Sized {
    /// What is behind it.
    type State;
    /// What tells it from other handles.
    const TAG: usize;

    /// The tag of one at this address.
    fn tag(handle: *const Self) -> usize {
        Self::TAG ^ handle.addr()
    }
}

macro_rules! handles {
    ($($handle:ty: $state:ty, $tag:literal;)*) => {
        $(
            const _: () = assert!(size_of::<Tagged<$state>>() <= size_of::<$handle>());
            const _: () = assert!(align_of::<Tagged<$state>>() <= align_of::<$handle>());

            // SAFETY: it was just asserted.
            unsafe impl Handle for $handle {
                type State = $state;
                const TAG: usize = $tag;
            }
        )*
    };
}

handles! {
    elbow_model: OfModel, 0x6d6f_6465;
    elbow_session: Worker<OfSession>, 0x7365_7373;
    elbow_scoring: OfScoring, 0x7363_6f72;
    elbow_watch: Worker<Watch<'static>>, 0x7761_7463;
}

#[cfg(feature = "adapt")]
handles! {
    elbow_adapt: Worker<OfAdapter>, 0x6164_6170;
}

/// A handle that is to be made.
pub(crate) struct Fresh<H>(pub(crate) *mut H);

impl<H: Handle + 'static> Argument for Fresh<H> {
    type Borrowed<'a> = Blank<'a, H>;

    unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault> {
        // SAFETY: nothing but the pointer is looked at.
        unsafe { Put(self.0).regions(regions) }
    }

    unsafe fn value<'a>(self) -> Blank<'a, H> {
        // SAFETY: it was checked.
        let place: &mut MaybeUninit<Tagged<H::State>> = unsafe { Put(self.0.cast()).value() };
        Blank {
            handle: self.0,
            // SAFETY: any bytes are a tagged state.
            words: unsafe { place.assume_init_mut() },
        }
    }
}

/// A handle that is not one yet.
pub(crate) struct Blank<'a, H: Handle> {
    handle: *const H,
    words: &'a mut Tagged<H::State>,
}

impl<'a, H: Handle> Blank<'a, H> {
    /// Makes it no handle, whatever it was.
    pub(crate) fn clear(&mut self) {
        self.words.tag.write(0);
    }

    /// Makes it a handle with this state, which is made where it stays.
    #[inline(always)]
    pub(crate) fn fill(self, state: impl FnOnce() -> H::State) -> &'a mut H::State {
        let Tagged { tag, state: place } = self.words;
        tag.write(H::tag(self.handle));
        place.write(state())
    }
}

/// The state behind a handle, if its tag says so.
///
/// # Safety
/// The pointer is null, misaligned, or leads to the readable bytes of a handle that nobody writes.
unsafe fn state<'a, H: Handle>(handle: *const H) -> Result<&'a H::State, Fault> {
    // SAFETY: the bytes can be read, the tag is the first of them, and any bytes are an integer.
    let tag = unsafe { handle.cast::<usize>().read() };
    if tag != H::tag(handle) {
        return Err(Fault(ELBOW_E_NOT_READY));
    }
    // SAFETY: any bytes are a tagged state.
    let tagged: &Tagged<H::State> = unsafe { &*handle.cast() };
    // SAFETY: only `Blank::fill` writes such a tag, and the state with it.
    Ok(unsafe { tagged.state.assume_init_ref() })
}

/// A model that was parsed.
pub(crate) struct Parsed(pub(crate) *const elbow_model);

/// A model that was parsed, and its handle.
pub(crate) struct Ready<'a> {
    handle: *const elbow_model,
    pub(crate) state: &'a OfModel,
}

impl<'a> Ready<'a> {
    /// The model.
    pub(crate) fn model(&self) -> Result<&'a Model<'static>, Fault> {
        self.state.place.model().ok_or(Fault(ELBOW_E_NOT_READY))
    }
}

impl Argument for Parsed {
    type Borrowed<'a> = Ready<'a>;

    unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault> {
        // SAFETY: nothing but the pointer is looked at.
        unsafe { Get(self.0).regions(regions) }?;
        // SAFETY: it is neither null nor misaligned, and the caller promises the rest.
        let state = unsafe { state(self.0) }?;
        regions.take(Region::of(state.image, Access::Read))
    }

    unsafe fn value<'a>(self) -> Ready<'a> {
        // SAFETY: any bytes are a tagged state.
        let tagged: &Tagged<OfModel> = unsafe { &*self.0.cast() };
        Ready {
            handle: self.0,
            // SAFETY: its tag was checked.
            state: unsafe { tagged.state.assume_init_ref() },
        }
    }
}

/// A session or a watch that was made, for a call of its own.
pub(crate) struct Live<H>(pub(crate) *mut H);

/// A session or a watch that was made, with all that belongs to it.
pub(crate) struct Whole<H>(pub(crate) *mut H);

impl<W: Work + 'static, H: Handle<State = Worker<W>> + 'static> Argument for Live<H>
where
    W::Borrowed: 'static,
{
    type Borrowed<'a> = &'a mut W::Borrowed;

    unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault> {
        // SAFETY: the caller's promise is the same.
        unsafe { Whole(self.0).regions(regions) }
    }

    unsafe fn value<'a>(self) -> &'a mut W::Borrowed {
        // SAFETY: the caller's promise is the same.
        unsafe { Whole(self.0).value() }.begin()
    }
}

impl<W: 'static, H: Handle<State = Worker<W>> + 'static> Argument for Whole<H> {
    type Borrowed<'a> = &'a mut W;

    unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault> {
        // SAFETY: nothing but the pointer is looked at.
        unsafe { Put(self.0).regions(regions) }?;
        // SAFETY: it is neither null nor misaligned, and the caller promises the rest.
        let worker = unsafe { state(self.0.cast_const()) }?;
        regions.take(worker.workspace)?;
        let model = Parsed(worker.model);
        // SAFETY: the header asks that the model stays where it is.
        unsafe { model.regions(regions) }?;
        // SAFETY: its tag was just checked.
        let model = unsafe { model.value() };
        if model.state.image.as_ptr() != worker.image {
            return Err(Fault(ELBOW_E_NOT_READY));
        }
        Ok(())
    }

    unsafe fn value<'a>(self) -> &'a mut W {
        // SAFETY: any bytes are a tagged state, and nothing else of the call leads here.
        let tagged: &mut Tagged<H::State> = unsafe { &mut *self.0.cast() };
        // SAFETY: its tag was checked.
        let worker = unsafe { tagged.state.assume_init_mut() };
        &mut worker.worker
    }
}

/// A score in slices that was begun.
pub(crate) struct Begun(pub(crate) *mut elbow_scoring);

/// A score in slices that was begun, and what it goes on with.
pub(crate) struct Underway<'a> {
    pub(crate) progress: &'a mut Progress,
    pub(crate) session: &'a mut Session<'static>,
    pub(crate) reading: &'a [i16],
    pub(crate) observed: Option<&'a [u8]>,
}

impl Argument for Begun {
    type Borrowed<'a> = Underway<'a>;

    unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault> {
        // SAFETY: nothing but the pointer is looked at.
        unsafe { Put(self.0).regions(regions) }?;
        // SAFETY: it is neither null nor misaligned, and the caller promises the rest.
        let scoring = unsafe { state(self.0.cast_const()) }?;
        // SAFETY: the header asks that the session stays where it is.
        unsafe { Whole(scoring.session).regions(regions) }?;
        // SAFETY: it was just checked, and nobody writes it.
        let session = unsafe { state(scoring.session.cast_const()) }?;
        if !ptr::eq(session.worker.scoring, self.0) {
            return Err(Fault(ELBOW_E_INTERRUPTED));
        }
        // SAFETY: the header asks that the reading stays as it is.
        unsafe { (scoring.reading, scoring.observed).regions(regions) }
    }

    unsafe fn value<'a>(self) -> Underway<'a> {
        // SAFETY: any bytes are a tagged state, and nothing else of the call leads here.
        let tagged: &mut Tagged<OfScoring> = unsafe { &mut *self.0.cast() };
        // SAFETY: its tag was checked.
        let scoring = unsafe { tagged.state.assume_init_mut() };
        // SAFETY: it was checked with all that belongs to it.
        let owner = unsafe { Whole(scoring.session).value() };
        // SAFETY: both were checked.
        let (reading, observed) = unsafe { (scoring.reading, scoring.observed).value() };
        Underway {
            progress: &mut scoring.progress,
            session: &mut owner.session,
            reading,
            observed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With all features no handle has a word more than it needs.
    #[test]
    fn handles_are_no_larger_than_their_states() {
        fn words<H: Handle>() -> (usize, usize) {
            (
                size_of::<H>() / 8,
                size_of::<Tagged<H::State>>().div_ceil(8),
            )
        }
        for (have, need) in [
            words::<elbow_model>(),
            words::<elbow_session>(),
            words::<elbow_scoring>(),
            words::<elbow_watch>(),
            #[cfg(feature = "adapt")]
            words::<elbow_adapt>(),
        ] {
            assert_eq!(have, need);
        }
    }
}
