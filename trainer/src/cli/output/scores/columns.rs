//! Scores as columns of Parquet or of an Arrow file.

use super::{Sink, names};
use crate::data::{Cells, Column};
use crate::error::Error;
use crate::readings::batches::Scored;
use arrow_array::{
    ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt16Array, UInt32Array,
};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use elbow::Score;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::fmt::Display;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a row group of Parquet: as many are in memory before they are written.
const GROUP: usize = 1 << 17;

/// A table by column on the way.
pub(super) struct Columns {
    path: PathBuf,
    file: File,
    parquet: bool,
    /// None before the first scores, whose kept columns say of which types these are.
    writer: Option<Writer>,
}

enum Writer {
    Parquet(Box<ArrowWriter<File>>),
    Arrow(Box<FileWriter<File>>),
}

impl Writer {
    fn open(file: File, parquet: bool, schema: SchemaRef) -> Result<Self, ParquetError> {
        if !parquet {
            return Ok(Self::Arrow(Box::new(FileWriter::try_new(file, &schema)?)));
        }
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP))
            .build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties))?;
        Ok(Self::Parquet(Box::new(writer)))
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        match self {
            Self::Parquet(writer) => writer.write(batch),
            Self::Arrow(writer) => Ok(writer.write(batch)?),
        }
    }

    fn finish(self) -> Result<(), ParquetError> {
        match self {
            Self::Parquet(writer) => writer.close().map(drop),
            Self::Arrow(mut writer) => Ok(writer.finish()?),
        }
    }
}

impl Columns {
    /// A table in `file`, the file `path`: Parquet, or else Arrow.
    pub(super) fn new(path: &Path, file: File, parquet: bool) -> Self {
        Self {
            path: path.to_path_buf(),
            file,
            parquet,
            writer: None,
        }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let file = self.file.try_clone()?;
                none.insert(Writer::open(file, self.parquet, batch.schema())?)
            }
        };
        writer.write(batch)
    }

    /// The error of the file that cannot be written.
    fn fault(&self, reason: &dyn Display) -> Error {
        Error::Setting(format!(
            "{} cannot be written: {reason}; choose another --out, or a .csv",
            self.path.display()
        ))
    }
}

impl Sink for Columns {
    fn push(&mut self, scored: &Scored) -> Result<bool, Error> {
        let batch = batch(scored).map_err(|error| self.fault(&error))?;
        let written = self.write(&batch);
        written.map(|()| true).map_err(|error| self.fault(&error))
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        let finished = self.writer.take().map_or(Ok(()), Writer::finish);
        finished.map_err(|error| self.fault(&error))
    }
}

/// Scores as columns, called and in the order of the fields of a line; the columns that are kept are behind them.
fn batch(scored: &Scored) -> Result<RecordBatch, ArrowError> {
    let Scored {
        first,
        scores,
        kept,
    } = scored;
    let first = *first as u32;
    let nats = |of: fn(&Score) -> f64| -> ArrayRef {
        Arc::new(scores.iter().map(of).collect::<Float64Array>())
    };
    let integers = |of: fn(&Score) -> i32| -> ArrayRef {
        Arc::new(scores.iter().map(of).collect::<Int32Array>())
    };
    let errors = scores.iter().map(Score::standard_error);
    let errors = errors.map(|error| error.map(elbow::Nats::to_f64));
    let passes = scores.iter().map(Score::passes);
    let p_values = scores.iter().map(|score| score.p_value().to_bits());
    let statistics = scores
        .iter()
        .map(|score| Some(score.statistic().to_string()));
    let arrays: [ArrayRef; 12] = [
        Arc::new((first..).take(scores.len()).collect::<UInt32Array>()),
        nats(|score| score.elbo().to_f64()),
        nats(|score| score.reconstruction().to_f64()),
        nats(|score| score.kl().to_f64()),
        Arc::new(errors.collect::<Float64Array>()),
        nats(|score| score.p_value().to_f64()),
        Arc::new(passes.collect::<UInt16Array>()),
        integers(|score| score.elbo().to_bits()),
        integers(|score| score.reconstruction().to_bits()),
        integers(|score| score.kl().to_bits()),
        Arc::new(p_values.collect::<UInt32Array>()),
        Arc::new(statistics.collect::<StringArray>()),
    ];
    let names = names().map(str::to_owned);
    let kept_names = kept.iter().map(|column| column.name.clone());
    let names = names.chain(kept_names.map(Option::unwrap_or_default));
    let arrays = arrays.into_iter().chain(kept.iter().map(array));
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = names
        .zip(arrays)
        .map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array))
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// The cells of a column that is kept.
fn array(column: &Column) -> ArrayRef {
    let there = |cell: &f64| (!cell.is_nan()).then_some(*cell);
    match &column.cells {
        Cells::Numbers(numbers) => Arc::new(numbers.iter().map(there).collect::<Float64Array>()),
        Cells::Times(seconds) => {
            let stamps = seconds.iter().map(there);
            let stamps = stamps.map(|cell| cell.map(|seconds| (seconds * 1e6).round() as i64));
            Arc::new(stamps.collect::<TimestampMicrosecondArray>())
        }
        Cells::Text { values, codes } => {
            let cells = codes.iter();
            let cells = cells.map(|code| code.map(|code| values[code as usize].as_str()));
            Arc::new(cells.collect::<StringArray>())
        }
    }
}
