//! Limits of a model's cost on its core.

use serde::{Deserialize, Serialize};

/// Limits of what a score takes; none is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Flash for image, code and tables, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flash: Option<u64>,
    /// RAM for workspace, stack and reading, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ram: Option<u64>,
    /// Instructions of a score by sigma points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
}

impl Limits {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
