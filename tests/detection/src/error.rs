//! What can go wrong while detection is measured, each with its remedy.

use elbow_trainer::data::DataError;
use std::path::PathBuf;

/// Why detection could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder without a file of the right kind.
    #[error(
        "{} holds no .npz file; save each set there with numpy.savez(FILE, X=readings, y=labels), 1 for anomalous rows",
        .0.display()
    )]
    NoSets(PathBuf),
    /// A file without readings, or without labels, or with others than these.
    #[error(
        "{fault}\na set holds the readings X and the labels y, 0 or 1 for anomalous rows: save it with numpy.savez(FILE, X=readings, y=labels)"
    )]
    Arrays {
        /// What the reader of files says.
        fault: DataError,
    },
    /// Numbers that make no table.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Labels that are not one number a row.
    #[error(
        "{set}: y has {labels} labels for {rows} rows of X; give one a row, 1 where it is anomalous"
    )]
    Count {
        /// The set.
        set: String,
        /// Numbers in `y`.
        labels: usize,
        /// Rows of `X`.
        rows: usize,
    },
    /// A set with too few rows of a kind.
    #[error(
        "{set} has {rows} {kind} rows, {least} are needed; add some, or leave it out with --sets"
    )]
    Few {
        /// The set.
        set: String,
        /// `normal` or `anomalous`.
        kind: &'static str,
        /// How many rows there are.
        rows: usize,
        /// How many there have to be.
        least: usize,
    },
    /// A set that does not exist.
    #[error("there is no set {name:?}; choose from {}", .known.join(","))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The sets that exist.
        known: Vec<String>,
    },
    /// The trainer's scores are not what they used to be.
    #[error("the trainer's scores {0}: `trainer score` has changed, and so must this program")]
    Scores(&'static str),
    /// A page without a place for the results.
    #[error("{}: has no lines {begin} and {end}, between which results are recorded; put them back", .page.display())]
    Page {
        /// The page.
        page: PathBuf,
        /// The line before the results.
        begin: &'static str,
        /// The line behind them.
        end: &'static str,
    },
    /// The trainer's library refuses.
    #[error(transparent)]
    Trainer(#[from] elbow_trainer::error::Error),
    /// A program that fails, or a file that cannot be read or written.
    #[error(transparent)]
    Work(#[from] elbow_tests::error::Error),
}
