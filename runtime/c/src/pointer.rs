//! Raw pointers of C become references, or codes.
//!
//! An entry point names its arguments by these types, all at once, and borrows them together: each is checked for null,
//! alignment and length, and whatever is written for overlap with all else. What remains is the promise of the header:
//! a pointer that is not null leads to as much memory as its type and its length say.
#![allow(unsafe_code)]

use crate::code::{ELBOW_E_MISALIGNED, ELBOW_E_NULL, ELBOW_E_OVERLAP, ELBOW_E_TOO_LONG, Fault};
use core::mem::MaybeUninit;
use core::slice;
use heapless::Vec;

/// Regions of memory that a call uses, at most: seven arguments, and four behind a session.
const MOST: usize = 11;

/// A stretch of memory that a call reads, or writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    start: usize,
    /// Behind its last byte.
    end: usize,
    access: Access,
}

/// What a call does with memory. As wide as an address, so that a region is three words and no byte of padding.
#[repr(usize)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Region {
    /// That of a slice.
    pub(crate) fn of<T>(slice: &[T], access: Access) -> Self {
        let start = slice.as_ptr().addr();
        let end = start.wrapping_add(size_of_val(slice));
        Self { start, end, access }
    }

    /// Whether one of both is written where the other one is; an empty one is nowhere.
    fn clashes(self, other: Self) -> bool {
        let both = self.access as usize | other.access as usize;
        both != 0 && self.start.max(other.start) < self.end.min(other.end)
    }
}

/// All memory of a call.
pub(crate) struct Regions(Vec<Region, MOST>);

impl Regions {
    /// Takes in a region that is known to exist.
    #[inline(never)]
    pub(crate) fn take(&mut self, region: Region) -> Result<(), Fault> {
        if self.0.iter().any(|taken| taken.clashes(region)) {
            return Err(Fault(ELBOW_E_OVERLAP));
        }
        // There is room for all arguments of every call.
        self.0.push(region).map_err(|_| Fault(ELBOW_E_TOO_LONG))
    }

    /// Takes in `count` values from `start` on.
    fn array<T>(&mut self, start: *const T, count: usize, access: Access) -> Result<(), Fault> {
        self.check(start.addr(), align_of::<T>(), size_of::<T>(), count, access)
    }

    /// Takes in what an argument of C says, `count` values of that size and alignment.
    #[inline(never)]
    fn check(
        &mut self,
        start: usize,
        align: usize,
        size: usize,
        count: usize,
        access: Access,
    ) -> Result<(), Fault> {
        if count == 0 {
            return Ok(());
        }
        if start == 0 {
            return Err(Fault(ELBOW_E_NULL));
        }
        if start & (align - 1) != 0 {
            return Err(Fault(ELBOW_E_MISALIGNED));
        }
        let end = size
            .checked_mul(count)
            .filter(|&bytes| bytes <= isize::MAX.unsigned_abs())
            .and_then(|bytes| start.checked_add(bytes))
            .ok_or(Fault(ELBOW_E_TOO_LONG))?;
        self.take(Region { start, end, access })
    }
}

/// An argument, or several.
pub(crate) trait Argument: Sized {
    /// What it becomes.
    type Borrowed<'a>;

    /// Adds the memory that it means.
    ///
    /// # Safety
    /// As [`Argument::borrow`] without the checks, as far as handles are read.
    unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault>;

    /// What it becomes.
    ///
    /// # Safety
    /// As [`Argument::borrow`], and [`Argument::regions`] has succeeded.
    unsafe fn value<'a>(self) -> Self::Borrowed<'a>;

    /// Checks all pointers, then borrows what they lead to.
    ///
    /// # Safety
    /// Each pointer that is not null leads to as many values of its type as are said, which nobody else writes, or
    /// reads where the call writes, for as long as `'a`. Handles were made by this crate, or their bytes are readable.
    unsafe fn borrow<'a>(self) -> Result<Self::Borrowed<'a>, Fault> {
        let mut regions = Regions(Vec::new());
        // SAFETY: the caller's promise is the same.
        unsafe { self.regions(&mut regions) }?;
        // SAFETY: the regions were just checked.
        Ok(unsafe { self.value() })
    }
}

/// An array that is read.
#[derive(Clone, Copy)]
pub(crate) struct In<T>(pub(crate) *const T, pub(crate) usize);

/// An array that is read, or null with no elements: then there is none.
#[derive(Clone, Copy)]
pub(crate) struct Maybe<T>(pub(crate) *const T, pub(crate) usize);

/// An array that is written. What was in it before does not matter.
pub(crate) struct Out<T>(pub(crate) *mut T, pub(crate) usize);

/// A value that is read.
pub(crate) struct Get<T>(pub(crate) *const T);

/// A place for a result.
pub(crate) struct Put<T>(pub(crate) *mut T);

impl<T: 'static> Argument for In<T> {
    type Borrowed<'a> = &'a [T];

    unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault> {
        regions.array(self.0, self.1, Access::Read)
    }

    unsafe fn value<'a>(self) -> &'a [T] {
        if self.1 == 0 {
            return &[];
        }
        // SAFETY: it is neither null nor misaligned nor too long, and the caller promises the rest.
        unsafe { slice::from_raw_parts(self.0, self.1) }
    }
}

impl<T: 'static> Argument for Maybe<T> {
    type Borrowed<'a> = Option<&'a [T]>;

    unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault> {
        regions.array(self.0, self.1, Access::Read)
    }

    unsafe fn value<'a>(self) -> Option<&'a [T]> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: as of an array that is there; it was checked.
        Some(unsafe { In(self.0, self.1).value() })
    }
}

impl<T: 'static> Argument for Out<T> {
    type Borrowed<'a> = &'a mut [T];

    unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault> {
        regions.array(self.0.cast_const(), self.1, Access::Write)
    }

    unsafe fn value<'a>(self) -> &'a mut [T] {
        if self.1 == 0 {
            return &mut [];
        }
        // SAFETY: it is neither null nor misaligned nor too long, and the caller promises the rest. Only integers are
        // borrowed so, to which any bits are a value.
        unsafe { slice::from_raw_parts_mut(self.0, self.1) }
    }
}

impl<T: 'static> Argument for Get<T> {
    type Borrowed<'a> = &'a T;

    unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault> {
        regions.array(self.0, 1, Access::Read)
    }

    unsafe fn value<'a>(self) -> &'a T {
        // SAFETY: it is neither null nor misaligned; the structures that are read hold integers, and pointers that may be null.
        unsafe { &*self.0 }
    }
}

impl<T: 'static> Argument for Put<T> {
    type Borrowed<'a> = &'a mut MaybeUninit<T>;

    unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault> {
        regions.array(self.0.cast_const(), 1, Access::Write)
    }

    unsafe fn value<'a>(self) -> &'a mut MaybeUninit<T> {
        // SAFETY: it is neither null nor misaligned, and nothing is assumed of what is there.
        unsafe { &mut *self.0.cast() }
    }
}

/// Several arguments are one.
macro_rules! together {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Argument),*> Argument for ($($name,)*) {
            type Borrowed<'a> = ($($name::Borrowed<'a>,)*);

            unsafe fn regions(&self, regions: &mut Regions) -> Result<(), Fault> {
                // SAFETY: the caller's promise holds for each.
                $(unsafe { self.$index.regions(regions) }?;)*
                Ok(())
            }

            unsafe fn value<'a>(self) -> Self::Borrowed<'a> {
                // SAFETY: all regions were checked, and the caller's promise holds for each.
                ($(unsafe { self.$index.value() },)*)
            }
        }
    };
}

together!(A 0, B 1);
together!(A 0, B 1, C 2);
together!(A 0, B 1, C 2, D 3);
together!(A 0, B 1, C 2, D 3, E 4);
together!(A 0, B 1, C 2, D 3, E 4, F 5);
