//! Tables by column: Parquet, and Arrow's files, which are also Feather's. Their crates are large: they are there with
//! the feature `parquet` of this crate.

#[cfg(feature = "parquet")]
mod convert;

use crate::data::error::DataError;
use crate::data::frame::Frame;
use std::path::Path;

/// A format of tables by column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Parquet,
    Arrow,
}

impl Kind {
    /// That of these bytes, if they are one.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"PAR1") {
            Some(Self::Parquet)
        } else if bytes.starts_with(b"ARROW1") {
            Some(Self::Arrow)
        } else {
            None
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow",
        }
    }

    /// Reads the table in `bytes`, the contents of `path`.
    ///
    /// # Errors
    /// [`DataError::NotBuilt`] without the feature.
    #[cfg(not(feature = "parquet"))]
    pub(super) fn read(self, path: &Path, _: String, _: Vec<u8>) -> Result<Frame, DataError> {
        Err(DataError::NotBuilt {
            path: path.to_path_buf(),
            format: self.name(),
        })
    }

    /// Reads the table in `bytes`, the contents of `path`.
    ///
    /// # Errors
    /// [`DataError::Format`] of a damaged file, [`DataError::NoRows`] of an empty one.
    #[cfg(feature = "parquet")]
    pub(super) fn read(
        self,
        path: &Path,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<Frame, DataError> {
        // The crates check much, not all, of what a file says.
        let read = std::panic::AssertUnwindSafe(|| convert::read(self, name, bytes));
        let frame = std::panic::catch_unwind(read)
            .unwrap_or_else(|_| Err("its contents contradict each other".into()))
            .map_err(|reason| DataError::Format {
                path: path.to_path_buf(),
                format: self.name(),
                reason: format!("{reason}; copy or save it again"),
            })?;
        if frame.rows() == 0 {
            return Err(DataError::NoRows {
                path: path.to_path_buf(),
            });
        }
        Ok(frame)
    }
}

#[cfg(all(test, not(feature = "parquet")))]
mod tests {
    use super::*;

    #[test]
    fn without_the_feature_its_name_is_said() {
        for (bytes, format) in [(&b"PAR1rest"[..], "Parquet"), (b"ARROW1\0\0", "Arrow")] {
            let kind = Kind::of(bytes).unwrap();
            let error = kind.read(Path::new("pump.pq"), "pump".into(), bytes.to_vec());
            assert_eq!(
                error.unwrap_err().to_string(),
                format!(
                    "pump.pq: is a file of {format}, which this trainer was built without; build it with \
                     cargo run --release --features parquet -p elbow-trainer --bin trainer -- fit pump.pq"
                )
            );
        }
        assert_eq!(Kind::of(b"1,2\n"), None);
    }
}
