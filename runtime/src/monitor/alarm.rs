//! The effect of a score on the alarm.

/// The effect of a score on the alarm of a [`super::Smoother`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Transition {
    /// There was no alarm and there is none.
    Quiet,
    /// The alarm begins with this score.
    Raised,
    /// The alarm goes on.
    Alarm,
    /// The alarm ended with this score.
    Cleared,
}

impl Transition {
    /// The transition from whether there was an alarm to whether there is one.
    pub(super) const fn between(before: bool, after: bool) -> Self {
        match (before, after) {
            (false, false) => Self::Quiet,
            (false, true) => Self::Raised,
            (true, true) => Self::Alarm,
            (true, false) => Self::Cleared,
        }
    }

    /// Whether there is an alarm after this score.
    #[must_use]
    pub const fn is_alarm(self) -> bool {
        matches!(self, Self::Raised | Self::Alarm)
    }
}
