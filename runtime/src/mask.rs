//! Which inputs of a reading were observed.

/// A set of observed inputs, one bit for each input: bit `i % 8` of byte `i / 8`, one for
/// observed. The bound of a reading with missing inputs is that of the observed ones; the others
/// are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask<'a> {
    /// None observes all.
    bits: Option<&'a [u8]>,
}

/// Why bits are no mask for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MaskError {
    /// There are not as many bytes as the inputs need.
    Length {
        /// Bytes there are.
        have: usize,
        /// Bytes that the inputs need.
        need: usize,
    },
    /// No input is observed: there is nothing to score.
    NothingObserved,
}

impl<'a> Mask<'a> {
    /// Every input is observed.
    pub const ALL: Mask<'static> = Mask { bits: None };

    /// The mask with these bits for a model of `inputs` inputs; bits beyond them are ignored.
    ///
    /// # Errors
    /// [`MaskError`].
    #[cfg(feature = "masks")]
    pub fn new(bits: &'a [u8], inputs: usize) -> Result<Self, MaskError> {
        let (have, need) = (bits.len(), inputs.div_ceil(8));
        if have != need {
            return Err(MaskError::Length { have, need });
        }
        let mask = Self { bits: Some(bits) };
        if (0..inputs).any(|input| mask.observes(input)) {
            Ok(mask)
        } else {
            Err(MaskError::NothingObserved)
        }
    }

    /// Whether [`Mask::new`] would have made this mask for `inputs` inputs.
    pub(crate) fn fits(self, inputs: usize) -> Result<(), MaskError> {
        #[cfg(feature = "masks")]
        if let Some(bits) = self.bits {
            return Mask::new(bits, inputs).map(|_| ());
        }
        let _ = inputs;
        Ok(())
    }

    /// Whether it is [`Mask::ALL`].
    #[inline]
    pub(crate) fn is_whole(self) -> bool {
        !cfg!(feature = "masks") || self.bits.is_none()
    }

    /// Whether `input` is observed.
    #[inline]
    #[must_use]
    pub fn observes(self, input: usize) -> bool {
        let bit = |bits: &[u8]| {
            bits.get(input / 8)
                .is_some_and(|byte| byte >> (input % 8) & 1 == 1)
        };
        // Without the feature there is none but [`Mask::ALL`].
        !cfg!(feature = "masks") || self.bits.is_none_or(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_lowest() {
        let mask = Mask::new(&[0b0000_0101, 0b10], 10).unwrap();
        let observed = (0..10).filter(|&input| mask.observes(input));
        assert!(observed.eq([0, 2, 9]));
        assert!((0..99).all(|input| Mask::ALL.observes(input)));
    }

    #[test]
    fn masks_of_nothing_or_of_another_length_are_refused() {
        assert_eq!(Mask::new(&[0; 3], 17), Err(MaskError::NothingObserved));
        assert_eq!(
            Mask::new(&[0, 0, 0b1110], 17),
            Err(MaskError::NothingObserved)
        );
        let error = MaskError::Length { have: 2, need: 3 };
        assert_eq!(Mask::new(&[255; 2], 17), Err(error));
    }
}
