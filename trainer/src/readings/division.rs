//! How the rows of a file are divided, by what is known of them.

use crate::data::{self, FEWEST_GROUPS, Split, SplitError, SplitOptions};

/// How rows are divided; each with what it takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Division<'a> {
    /// At random.
    AtRandom,
    /// In time.
    InTime,
    /// Splits that keep groups whole.
    ByGroups(&'a [u32]),
    /// Splits that keep recordings whole.
    ByRecordings(&'a [u32]),
    /// In time, within the recording of each row.
    InRecordings(&'a [u32]),
}

impl<'a> Division<'a> {
    /// Divides by groups where somebody said them, else by recordings, else in time where rows have a time.
    pub(super) fn of(
        groups: Option<&'a [u32]>,
        recordings: Option<&'a [u32]>,
        in_time: bool,
    ) -> Self {
        match (groups, recordings) {
            (Some(groups), _) => Self::ByGroups(groups),
            (None, Some(recordings)) => {
                let count = recordings.chunk_by(u32::eq).count();
                Self::of_recordings(recordings, count >= FEWEST_GROUPS)
            }
            (None, None) if in_time => Self::InTime,
            (None, None) => Self::AtRandom,
        }
    }

    /// Divides by the recording of each row where there are many, else in time within each.
    pub(super) fn of_recordings(recordings: &'a [u32], many: bool) -> Self {
        if many {
            Self::ByRecordings(recordings)
        } else {
            Self::InRecordings(recordings)
        }
    }

    /// A note on it.
    pub(super) fn note(self) -> Option<String> {
        let line = match self {
            Self::AtRandom => return None,
            Self::InTime => {
                "rows are divided in time: training, a gap, validation, a gap, test (--ignore of the time divides at random)"
            }
            Self::ByGroups(_) => {
                "rows are divided by groups, none of which is in two parts (--group)"
            }
            Self::ByRecordings(_) => {
                "files are divided as recordings, none of which is in two parts"
            }
            Self::InRecordings(_) => {
                return Some(format!(
                    "each recording is divided in time: training, a gap, validation, a gap, test (from {FEWEST_GROUPS} files on, none would be in two parts)"
                ));
            }
        };
        Some(line.into())
    }

    /// Divides rows, of which `anomalous` says one by one whether nothing may be learned from them.
    ///
    /// # Errors
    /// The errors of the division.
    pub(super) fn split(
        self,
        anomalous: &[bool],
        options: &SplitOptions,
    ) -> Result<Split, SplitError> {
        match self {
            Self::AtRandom => data::split(anomalous, options),
            Self::InTime => data::split_in_time(anomalous, None, options),
            Self::ByGroups(groups) | Self::ByRecordings(groups) => {
                data::split_groups(anomalous, groups, options)
            }
            Self::InRecordings(recordings) => {
                data::split_in_time(anomalous, Some(recordings), options)
            }
        }
    }
}
