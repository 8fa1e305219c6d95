//! The RAM of a command.

use super::Failure;
use elbow::{Model, Session};

/// The RAM that the board gives to the commands, handed out from the front.
#[derive(Debug)]
pub struct Memory<'m> {
    words: &'m mut [u64],
}

impl<'m> Memory<'m> {
    /// Memory in these words.
    #[must_use]
    pub const fn new(words: &'m mut [u64]) -> Self {
        Self { words }
    }

    /// The same memory for one command of several.
    pub(super) fn lend(&mut self) -> Memory<'_> {
        Memory::new(self.words)
    }

    /// The next `count` numbers.
    pub(super) fn take<T: bytemuck::Pod>(
        &mut self,
        count: usize,
    ) -> Result<&'m mut [T], Failure<'static>> {
        let words = core::mem::take(&mut self.words);
        let have = size_of_val(words);
        let need = count.saturating_mul(size_of::<T>());
        let failure = Failure::Memory { have, need };
        let (front, back) = words
            .split_at_mut_checked(need.div_ceil(8))
            .ok_or(failure)?;
        self.words = back;
        // Words are aligned for every number, and there may be a few numbers too many in the last one.
        let numbers = bytemuck::try_cast_slice_mut(front).map_err(|_| failure)?;
        numbers.get_mut(..count).ok_or(failure)
    }

    /// A session in the next words.
    pub(super) fn session<'s>(
        &mut self,
        model: &'s Model<'s>,
        seed: u64,
    ) -> Result<Session<'s>, Failure<'static>>
    where
        'm: 's,
    {
        let words = self.take(model.workspace_words())?;
        Ok(Session::new(model, words, seed)?)
    }
}
