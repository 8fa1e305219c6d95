//! Slices of the wrong length.

/// A slice of the wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LengthError {
    /// Which one.
    pub what: &'static str,
    /// Its length.
    pub have: usize,
    /// The length that it should have; for scratch, the least one.
    pub need: usize,
}

pub(crate) fn check_length(
    what: &'static str,
    have: usize,
    need: usize,
) -> Result<(), LengthError> {
    if have == need {
        Ok(())
    } else {
        Err(LengthError { what, have, need })
    }
}
