//! Tables by column: Parquet, and Arrow's files, which are also Feather's. Their crates are large: they are there with
//! the feature `parquet` of this crate.

#[cfg(feature = "parquet")]
mod convert;

use super::{Contents, Format};
use crate::data::error::FileError;
use crate::data::frame::Frame;

pub(super) const FORMAT: Format = Format {
    names: &["Parquet", "Arrow"],
    is: |bytes| Kind::of(bytes).is_some(),
    extension: None,
    read,
};

/// A format of tables by column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Parquet,
    Arrow,
}

impl Kind {
    /// The format of these bytes, if they are of one.
    fn of(bytes: &[u8]) -> Option<Self> {
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
}

/// Refuses a table.
///
/// # Errors
/// The trainer was built without the format.
#[cfg(not(feature = "parquet"))]
fn read(Contents { path, bytes, .. }: Contents) -> Result<Frame, FileError> {
    let format = Kind::of(&bytes).map_or("Arrow", Kind::name);
    Err(FileError::Contents(format!(
        "is a file of {format}, which this trainer was built without; build it with \
         cargo run --release --features parquet -p elbow-trainer --bin trainer -- fit {}",
        path.display()
    )))
}

/// Reads a table.
///
/// # Errors
/// [`FileError::Format`] of a damaged file, [`FileError::NoRows`] of an empty one.
#[cfg(feature = "parquet")]
fn read(Contents { name, bytes, .. }: Contents) -> Result<Frame, FileError> {
    let kind = Kind::of(&bytes).unwrap_or(Kind::Arrow);
    // The crates check much, not all, of what a file says.
    let read = std::panic::AssertUnwindSafe(|| convert::read(kind, name, bytes));
    let frame = std::panic::catch_unwind(read)
        .unwrap_or_else(|_| Err("its contents contradict each other".into()))
        .map_err(|reason| FileError::Format {
            format: kind.name(),
            reason: format!("{reason}; copy or save it again"),
        })?;
    match frame.rows() {
        0 => Err(FileError::NoRows),
        _ => Ok(frame),
    }
}

#[cfg(all(test, not(feature = "parquet")))]
mod tests {
    use super::*;

    #[test]
    fn without_the_feature_its_name_is_said() {
        for (bytes, format) in [(&b"PAR1rest"[..], "Parquet"), (b"ARROW1\0\0", "Arrow")] {
            let error = read(Contents::of("pump.pq", None, bytes));
            assert_eq!(
                error.unwrap_err().to_string(),
                format!(
                    "is a file of {format}, which this trainer was built without; build it with \
                     cargo run --release --features parquet -p elbow-trainer --bin trainer -- fit pump.pq"
                )
            );
        }
        assert_eq!(Kind::of(b"1,2\n"), None);
    }
}
