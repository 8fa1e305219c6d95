//! What a command reads and writes: readings with their masks, and lines.

use super::{Failure, Memory};
use crate::arguments::Arguments;
use crate::host::{File, Writer};
use core::fmt::{self, Write};
use elbow::{Mask, Model};

/// A file that is read to its end.
pub(super) struct Input<'a> {
    pub(super) path: &'a str,
    file: File,
}

impl<'a> Input<'a> {
    pub(super) fn open(path: &'a str) -> Result<Self, Failure<'a>> {
        let file = File::open(path).map_err(|error| Failure::File { path, error })?;
        Ok(Self { path, file })
    }

    /// Reads until `bytes` is full or the file ends; how many it were.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Failure<'a>> {
        let path = self.path;
        let read = self.file.read(bytes);
        read.map_err(|error| Failure::File { path, error })
    }

    /// Fills `bytes`; false where the file ends instead.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) -> Result<bool, Failure<'a>> {
        match (self.read(bytes)?, bytes.len()) {
            (0, _) => Ok(false),
            (have, need) if have < need => Err(self.partial(have, need)),
            _ => Ok(true),
        }
    }

    /// Fills `numbers`, which the file has as little-endian bytes; false where it ends instead.
    pub(super) fn fill_numbers(&mut self, numbers: &mut [i16]) -> Result<bool, Failure<'a>> {
        let filled = self.fill(bytemuck::cast_slice_mut(numbers))?;
        for number in numbers {
            *number = i16::from_le(*number);
        }
        Ok(filled)
    }

    pub(super) fn partial(&self, have: usize, need: usize) -> Failure<'a> {
        let path = self.path;
        Failure::Partial { path, have, need }
    }
}

/// The readings that `readings=` names, with the masks that `mask=` names, up to `limit=` of them.
pub(super) struct Readings<'a, 'm> {
    file: Input<'a>,
    masks: Option<Input<'a>>,
    values: &'m mut [i16],
    bits: &'m mut [u8],
    next: u32,
    limit: u32,
}

/// One of them.
pub(super) struct Reading<'r> {
    pub(super) index: u32,
    pub(super) values: &'r [i16],
    pub(super) observed: Mask<'r>,
}

impl<'a, 'm> Readings<'a, 'm> {
    pub(super) fn open(
        arguments: &Arguments<'a>,
        memory: &mut Memory<'m>,
        model: &Model<'_>,
    ) -> Result<Self, Failure<'a>> {
        Ok(Self {
            file: Input::open(arguments.require("readings")?)?,
            masks: arguments.get("mask").map(Input::open).transpose()?,
            values: memory.take(model.reading_length())?,
            bits: memory.take(model.reading_length().div_ceil(8))?,
            next: 0,
            limit: arguments.value("limit", u32::MAX)?,
        })
    }

    /// The next reading, all of it observed where there are no masks; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Reading<'_>>, Failure<'a>> {
        let index = self.next;
        if index >= self.limit || !self.file.fill_numbers(self.values)? {
            return Ok(None);
        }
        self.next += 1;
        let observed = match &mut self.masks {
            None => Mask::ALL,
            Some(masks) => {
                if !masks.fill(self.bits)? {
                    return Err(masks.partial(0, self.bits.len()));
                }
                let mask = Mask::new(self.bits, self.values.len());
                mask.map_err(|error| Failure::Mask { index, error })?
            }
        };
        Ok(Some(Reading {
            index,
            values: self.values,
            observed,
        }))
    }
}

impl Reading<'_> {
    /// What to tell of this reading where it is refused.
    pub(super) fn refused<'a>(&self) -> impl Fn(elbow::ReadingError) -> Failure<'a> + use<'a> {
        let index = self.index;
        move |error| Failure::Reading { index, error }
    }
}

/// Text into the file that `out=` names, or onto standard output.
pub(super) struct Output<'a> {
    path: &'a str,
    writer: Writer,
}

impl<'a> Output<'a> {
    pub(super) fn open(arguments: &Arguments<'a>) -> Result<Self, Failure<'a>> {
        let (path, file) = match arguments.get("out") {
            Some(path) => (path, File::create(path)),
            None => ("standard output", File::standard_output()),
        };
        let file = file.map_err(|error| Failure::File { path, error })?;
        Ok(Self {
            path,
            writer: Writer::new(file),
        })
    }

    /// A part of a line.
    #[inline(never)]
    pub(super) fn text(&mut self, text: fmt::Arguments<'_>) -> Result<(), Failure<'a>> {
        let path = self.path;
        let written = self.writer.write_fmt(text);
        written.map_err(|_| match self.writer.state() {
            Err(error) => Failure::File { path, error },
            Ok(()) => Failure::Output,
        })
    }

    /// A line, or the end of one.
    #[inline(never)]
    pub(super) fn line(&mut self, text: fmt::Arguments<'_>) -> Result<(), Failure<'a>> {
        self.text(format_args!("{text}\n"))
    }

    /// Each number behind a space, then the end of the line.
    pub(super) fn numbers(
        &mut self,
        numbers: impl IntoIterator<Item = impl fmt::Display>,
    ) -> Result<(), Failure<'a>> {
        for number in numbers {
            self.text(format_args!(" {number}"))?;
        }
        self.line(format_args!(""))
    }

    pub(super) fn finish(self) -> Result<(), Failure<'a>> {
        let path = self.path;
        let finished = self.writer.finish();
        finished.map_err(|error| Failure::File { path, error })
    }
}
