//! From the arrays of Arrow to columns of a frame.

use super::Kind;
use crate::data::formats::grid::{one_line, shortened};
use crate::data::frame::{Cells, Column, Frame};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_ipc::reader::FileReader;
use arrow_schema::{ArrowError, DataType, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};

/// Reads the table in `bytes`, or says what is wrong.
pub(super) fn read(kind: Kind, name: &str, bytes: Vec<u8>) -> Result<Frame, String> {
    let bytes = bytes::Bytes::from(bytes);
    let Batches {
        schema, batches, ..
    } = match kind {
        Kind::Parquet => Batches::of_parquet(bytes, None),
        Kind::Arrow => Batches::of_arrow(Cursor::new(bytes)),
    }?;
    let batches: Result<Vec<_>, ArrowError> = batches.collect();
    frame(name, &schema, &batches.map_err(|error| error.to_string())?)
}

/// The frame of `batches` of a table.
fn frame(name: &str, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Frame, String> {
    let mut frame = Frame::new(name.to_owned(), vec![]);
    for (at, field) in schema.fields().iter().enumerate() {
        let chunks: Vec<ArrayRef> = batches
            .iter()
            .filter_map(|batch| batch.columns().get(at).cloned())
            .collect();
        let cells = cells(field.data_type(), &chunks).map_err(|error| error.to_string())?;
        match cells {
            Some(cells) => frame
                .columns
                .push(Column::new(Some(one_line(field.name())), cells)),
            None => frame.notes.push(format!(
                "{} is of type {}, which is not read, and is left out",
                field.name(),
                shortened(&field.data_type().to_string())
            )),
        }
    }
    Ok(frame)
}

/// The rows of a table, batch after batch.
pub(super) struct Batches {
    schema: SchemaRef,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>,
    /// Rows that are given at a time, at most.
    rows: usize,
    /// Rows that were read and not given yet.
    left: Option<RecordBatch>,
}

impl Batches {
    /// Opens `file`, whose rows are wanted so many at a time.
    pub(super) fn open(kind: Kind, file: File, rows: usize) -> Result<Self, String> {
        let batches = match kind {
            Kind::Parquet => Self::of_parquet(file, Some(rows)),
            Kind::Arrow => Self::of_arrow(BufReader::new(file)),
        };
        Ok(Self { rows, ..batches? })
    }

    fn of_parquet(reader: impl ChunkReader + 'static, rows: Option<usize>) -> Result<Self, String> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(reader);
        let mut builder = builder.map_err(|error| error.to_string())?;
        if let Some(rows) = rows {
            builder = builder.with_batch_size(rows);
        }
        let schema = builder.schema().clone();
        let batches = builder.build().map_err(|error| error.to_string())?;
        Ok(Self::new(schema, batches))
    }

    fn of_arrow(reader: impl Read + Seek + 'static) -> Result<Self, String> {
        let reader = FileReader::try_new(reader, None).map_err(|error| error.to_string())?;
        Ok(Self::new(reader.schema(), reader))
    }

    fn new(
        schema: SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + 'static,
    ) -> Self {
        Self {
            schema,
            batches: Box::new(batches),
            rows: usize::MAX,
            left: None,
        }
    }

    /// The next rows, at least one; none behind the last.
    pub(super) fn next(&mut self, name: &str) -> Result<Option<Frame>, String> {
        while self.left.as_ref().is_none_or(|left| left.num_rows() == 0) {
            let Some(batch) = self.batches.next() else {
                return Ok(None);
            };
            self.left = Some(batch.map_err(|error| error.to_string())?);
        }
        let Some(left) = self.left.take() else {
            return Ok(None);
        };
        let rows = self.rows.min(left.num_rows());
        self.left = Some(left.slice(rows, left.num_rows() - rows));
        frame(name, &self.schema, &[left.slice(0, rows)]).map(Some)
    }
}

/// The cells of a column of this type; none of a type that has none.
fn cells(kind: &DataType, chunks: &[ArrayRef]) -> Result<Option<Cells>, ArrowError> {
    let per_second = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    };
    let value = match kind {
        DataType::Dictionary(_, value) => value,
        kind => kind,
    };
    let cells = match value {
        DataType::Null | DataType::Boolean => Cells::Numbers(numbers(chunks)?),
        kind if kind.is_numeric() => Cells::Numbers(numbers(chunks)?),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => text(chunks)?,
        DataType::Timestamp(unit, _) => {
            Cells::Times(ticks(chunks, &DataType::Int64, per_second(unit))?)
        }
        DataType::Date64 => Cells::Times(ticks(chunks, &DataType::Int64, 1e3)?),
        DataType::Date32 => Cells::Times(ticks(chunks, &DataType::Int32, 1.0 / 86_400.0)?),
        DataType::Time32(unit) => Cells::Times(ticks(chunks, &DataType::Int32, per_second(unit))?),
        DataType::Time64(unit) => Cells::Times(ticks(chunks, &DataType::Int64, per_second(unit))?),
        DataType::Duration(unit) => {
            Cells::Numbers(ticks(chunks, &DataType::Int64, per_second(unit))?)
        }
        _ => return Ok(None),
    };
    Ok(Some(cells))
}

/// Numbers and booleans; NaN where one is missing.
fn numbers(chunks: &[ArrayRef]) -> Result<Vec<f64>, ArrowError> {
    let mut numbers = vec![];
    for chunk in chunks {
        let chunk = cast(chunk, &DataType::Float64)?;
        let values = chunk.as_primitive::<Float64Type>().iter();
        numbers.extend(values.map(|value| value.unwrap_or(f64::NAN)));
    }
    Ok(numbers)
}

/// Times in seconds, of which a second has so many; the type `whole` has their integers.
fn ticks(chunks: &[ArrayRef], whole: &DataType, per_second: f64) -> Result<Vec<f64>, ArrowError> {
    let mut seconds = vec![];
    for chunk in chunks {
        let chunk = cast(&cast(chunk, whole)?, &DataType::Int64)?;
        let values = chunk.as_primitive::<Int64Type>().iter();
        seconds.extend(values.map(|value| match value {
            Some(ticks) => ticks as f64 / per_second,
            None => f64::NAN,
        }));
    }
    Ok(seconds)
}

fn text(chunks: &[ArrayRef]) -> Result<Cells, ArrowError> {
    let mut values: Vec<String> = vec![];
    let mut places: HashMap<String, u32> = HashMap::new();
    let mut codes = vec![];
    for chunk in chunks {
        let chunk = cast(chunk, &DataType::Utf8)?;
        for cell in chunk.as_string::<i32>() {
            let code = cell.map(|cell| match places.get(cell) {
                Some(&code) => code,
                None => {
                    let code = values.len() as u32;
                    values.push(cell.to_owned());
                    places.insert(cell.to_owned(), code);
                    code
                }
            });
            codes.push(code);
        }
    }
    Ok(Cells::Text { values, codes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::formats::Contents;
    use arrow_array::types::Int8Type;
    use arrow_array::{
        BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int32Array,
        ListArray, StringArray, TimestampMillisecondArray,
    };
    use std::sync::Arc;

    /// A table with a column of each kind.
    fn table() -> RecordBatch {
        let states: DictionaryArray<Int8Type> =
            vec![Some("on"), None, Some("off")].into_iter().collect();
        let lists = ListArray::from_iter_primitive::<arrow_array::types::Int32Type, _, _>(
            (0..3).map(|row| Some(vec![Some(row)])),
        );
        let decimals = Decimal128Array::from(vec![150, 250, -50]).with_precision_and_scale(9, 2);
        let columns: Vec<(&str, ArrayRef)> = vec![
            (
                "flow",
                Arc::new(Float64Array::from(vec![Some(1.5), None, Some(f64::NAN)])),
            ),
            ("count", Arc::new(Int32Array::from(vec![1, -2, 3]))),
            (
                "up",
                Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
            ),
            ("price", Arc::new(decimals.unwrap())),
            (
                "t",
                Arc::new(
                    TimestampMillisecondArray::from(vec![1500, 2500, 3500]).with_timezone("+01:00"),
                ),
            ),
            ("day", Arc::new(Date32Array::from(vec![1, 2, 3]))),
            ("name", Arc::new(StringArray::from(vec!["a", "b", "a"]))),
            ("state", Arc::new(states)),
            ("shape", Arc::new(lists)),
        ];
        RecordBatch::try_from_iter_with_nullable(
            columns
                .into_iter()
                .map(|(name, column)| (name, column, true)),
        )
        .unwrap()
    }

    fn parquet() -> Vec<u8> {
        let table = table();
        let mut bytes = vec![];
        let options = parquet::file::properties::WriterProperties::builder()
            .set_compression(parquet::basic::Compression::SNAPPY)
            .build();
        let mut writer =
            parquet::arrow::ArrowWriter::try_new(&mut bytes, table.schema(), Some(options))
                .unwrap();
        writer.write(&table).unwrap();
        writer.close().unwrap();
        bytes
    }

    fn arrow() -> Vec<u8> {
        let table = table();
        let mut bytes = vec![];
        let mut writer =
            arrow_ipc::writer::FileWriter::try_new(&mut bytes, &table.schema()).unwrap();
        writer.write(&table).unwrap();
        writer.finish().unwrap();
        drop(writer);
        bytes
    }

    #[test]
    fn columns_of_every_kind_are_read_from_both() {
        for bytes in [parquet(), arrow()] {
            let frame = super::super::read(Contents::of("pump", None, &bytes)).unwrap();
            let names = frame.names().unwrap();
            assert_eq!(
                names,
                ["flow", "count", "up", "price", "t", "day", "name", "state"]
            );
            // NaN is not equal to itself: what is there is compared as text.
            let cells: Vec<String> = frame
                .columns
                .iter()
                .map(|column| format!("{:?}", column.cells))
                .collect();
            assert_eq!(
                cells,
                [
                    "Numbers([1.5, NaN, NaN])",
                    "Numbers([1.0, -2.0, 3.0])",
                    "Numbers([1.0, 0.0, NaN])",
                    "Numbers([1.5, 2.5, -0.5])",
                    "Times([1.5, 2.5, 3.5])",
                    "Times([86400.0, 172800.0, 259200.0])",
                    "Text { values: [\"a\", \"b\"], codes: [Some(0), Some(1), Some(0)] }",
                    "Text { values: [\"on\", \"off\"], codes: [Some(0), None, Some(1)] }",
                ]
            );
            assert_eq!(frame.notes.len(), 1);
            assert!(
                frame.notes[0].starts_with("shape is of type List("),
                "{}",
                frame.notes[0]
            );
        }
    }

    #[test]
    fn damaged_files_are_refused() {
        for whole in [parquet(), arrow()] {
            let read = |bytes: &[u8]| {
                let frame = super::super::read(Contents::of("pump.pq", None, bytes));
                frame.map_err(|error| error.to_string())
            };
            let text = read(&whole[..whole.len() - 9]).unwrap_err();
            assert!(
                text.starts_with("bad ") && text.ends_with("save it again"),
                "{text}"
            );
            for at in (8..whole.len()).step_by(7) {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x81;
                let _ = read(&bytes);
                let _ = read(&whole[..at]);
            }
        }
    }
}
