//! Tables by column: Parquet, and Arrow's files, which are also Feather's. Their crates are large: they are there with
//! the feature `parquet` of this crate.

#[cfg(feature = "parquet")]
mod convert;

use super::{Contents, Format};
use crate::data::error::FileError;
use crate::data::frame::Frame;
#[cfg(feature = "parquet")]
use std::{
    fs::File,
    io::{Read, Seek},
};

pub(super) const FORMAT: Format = Format {
    names: &["Parquet", "Arrow"],
    is: |bytes| Kind::of(bytes).is_some(),
    extension: None,
    read,
    read_parts: READ_PARTS,
};

#[cfg(not(feature = "parquet"))]
const READ_PARTS: Option<super::ReadParts> = None;
#[cfg(feature = "parquet")]
const READ_PARTS: Option<super::ReadParts> = Some(read_parts);

/// A format of tables by column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Parquet,
    Arrow,
}

/// Bytes at the front of a file that tell its format.
#[cfg(feature = "parquet")]
const START: usize = 6;

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

    /// What `work` makes of a file of this format.
    ///
    /// # Errors
    /// [`FileError::Format`] of a damaged file.
    #[cfg(feature = "parquet")]
    fn guarded<T>(self, work: impl FnOnce() -> Result<T, String>) -> Result<T, FileError> {
        // The crates check much, not all, of what a file says.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err("its contents contradict each other".into()))
            .map_err(|reason| FileError::Format {
                format: self.name(),
                reason: format!("{reason}; copy or save it again"),
            })
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
    let frame = kind.guarded(|| convert::read(kind, &name, bytes))?;
    match frame.rows() {
        0 => Err(FileError::NoRows),
        _ => Ok(frame),
    }
}

/// Reads a table on the way: a row group of Parquet, or a batch of Arrow, is in memory.
///
/// # Errors
/// The errors of [`read`].
#[cfg(feature = "parquet")]
fn read_parts(
    mut file: File,
    name: &str,
    rows: usize,
    take: &mut super::Take<'_>,
) -> Result<(), FileError> {
    let mut start = [0; START];
    file.read_exact(&mut start)?;
    file.rewind()?;
    let kind = Kind::of(&start).unwrap_or(Kind::Arrow);
    let mut batches = kind.guarded(|| convert::Batches::open(kind, file, rows))?;
    let mut given = false;
    while let Some(frame) = kind.guarded(|| batches.next(name))? {
        given = true;
        if !take(frame) {
            return Ok(());
        }
    }
    match given {
        true => Ok(()),
        false => Err(FileError::NoRows),
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
