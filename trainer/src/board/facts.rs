//! What a board is, and what runs on it.

use super::error::BoardError;
use super::link::Link;
use elbow_agent::protocol::{Identity, Reply, Request, SlotState, Storage};
use serde::Serialize;
use std::fmt;
use std::io::{Read, Write};

/// A board.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// What it is called.
    pub board: String,
    /// Its chip.
    pub chip: String,
    /// The version of its agent.
    pub agent: String,
    /// Whether its images outlive power.
    pub keeps_images: bool,
    /// Bytes that a message to it may have.
    pub message_bytes: usize,
    /// Numbers that a reading may have.
    pub reading_numbers: usize,
    /// Bytes of workspace that an image may need.
    pub workspace_bytes: usize,
    /// Bytes that an image may have.
    pub image_bytes: usize,
    /// Its sensors.
    pub sensors: Vec<Sensor>,
    /// Its two slots.
    pub slots: [Slot; 2],
    /// What runs.
    pub running: Option<Running>,
}

/// A sensor: its values are `offset + scale * count`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensor {
    /// What it measures.
    pub name: String,
    /// The unit of its values.
    pub unit: String,
    /// The value of a count of 0.
    pub offset: f64,
    /// What a count is worth.
    pub scale: f64,
}

/// A slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// Its state in a word.
    pub state: &'static str,
    /// Bytes of its image; 0 where there is none.
    pub image_bytes: u32,
    /// The checksum of its image.
    pub crc: u32,
}

/// The image that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Running {
    /// The name of its model.
    pub name: String,
    /// Its slot.
    pub slot: u8,
    /// Whether it is on trial.
    pub on_trial: bool,
    /// Bytes of the image.
    pub image_bytes: u32,
    /// Its checksum.
    pub crc: u32,
    /// Bytes of workspace that it needs.
    pub workspace_bytes: u32,
    /// Numbers in its readings.
    pub reading_numbers: u32,
    /// Columns of its data.
    pub column_count: u16,
    /// These columns, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
}

/// A column of the data of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its unit; empty where it has none.
    pub unit: String,
}

impl Facts {
    /// Asks the board.
    ///
    /// # Errors
    /// As [`Link::ask`], and [`BoardError::Unexpected`].
    pub fn ask<P: Read + Write>(link: &mut Link<P>) -> Result<Self, BoardError> {
        let Reply::Hello(hello) = link.ask(&Request::Hello)? else {
            return Err(BoardError::Unexpected);
        };
        let count = hello.sensors;
        let mut facts = Self {
            board: hello.board.to_owned(),
            chip: hello.chip.to_owned(),
            agent: hello.agent.to_owned(),
            keeps_images: hello.storage == Storage::Flash,
            message_bytes: hello.message as usize,
            reading_numbers: hello.reading as usize,
            workspace_bytes: hello.workspace as usize,
            image_bytes: hello.image as usize,
            sensors: vec![],
            slots: hello.slots.map(|slot| Slot {
                state: state(slot.state),
                image_bytes: slot.image.length,
                crc: slot.image.crc,
            }),
            running: hello.running.map(|running| Running {
                name: running.name.to_owned(),
                slot: running.slot,
                on_trial: running.trial,
                image_bytes: running.image.length,
                crc: running.image.crc,
                workspace_bytes: running.workspace,
                reading_numbers: running.reading,
                column_count: running.columns,
                columns: vec![],
            }),
        };
        for index in 0..count {
            facts.sensors.push(Sensor::ask(link, index)?);
        }
        Ok(facts)
    }

    /// Asks the board for the columns of the image that runs, too.
    ///
    /// # Errors
    /// As [`Link::ask`], and [`BoardError::Unexpected`].
    pub fn with_columns<P: Read + Write>(mut self, link: &mut Link<P>) -> Result<Self, BoardError> {
        if let Some(running) = &mut self.running {
            let columns = (0..running.column_count).map(|index| Column::ask(link, index));
            running.columns = columns.collect::<Result<_, _>>()?;
        }
        Ok(self)
    }

    /// Whether the image of this identity runs, on trial or not.
    #[must_use]
    pub fn runs(&self, image: Identity) -> bool {
        let own = |running: &Running| (running.image_bytes, running.crc);
        self.running.as_ref().map(own) == Some((image.length, image.crc))
    }

    /// What runs, in words.
    #[must_use]
    pub fn describe_running(&self) -> String {
        match &self.running {
            None => "no image".into(),
            Some(running) => describe_image(&running.name, running.image_bytes, running.crc),
        }
    }
}

/// An image in words.
pub(crate) fn describe_image(name: &str, bytes: u32, crc: u32) -> String {
    format!("{name} ({bytes} bytes, CRC-32C {crc:08x})")
}

impl Sensor {
    fn ask<P: Read + Write>(link: &mut Link<P>, index: u16) -> Result<Self, BoardError> {
        match link.ask(&Request::Sensor { index })? {
            Reply::Sensor(sensor) => Ok(Self {
                name: sensor.name.to_owned(),
                unit: sensor.unit.to_owned(),
                offset: sensor.offset,
                scale: sensor.scale,
            }),
            _ => Err(BoardError::Unexpected),
        }
    }
}

/// Columns that are told by name.
const TOLD_COLUMNS: usize = 8;

impl Running {
    /// The first columns by name, and how many there are more.
    fn describe_columns(&self) -> String {
        let columns = self.columns.iter().zip(1..);
        let names = columns.map(|(column, number)| match column.name.as_str() {
            "" => format!("column {number}"),
            name => named(name, &column.unit),
        });
        let told: Vec<String> = names.take(TOLD_COLUMNS).collect();
        match self.columns.len() - told.len() {
            0 => told.join(", "),
            more => format!("{}, and {more} more", told.join(", ")),
        }
    }
}

impl Column {
    fn ask<P: Read + Write>(link: &mut Link<P>, index: u16) -> Result<Self, BoardError> {
        match link.ask(&Request::Column { index })? {
            Reply::Column(column) => Ok(Self {
                name: column.name.to_owned(),
                unit: column.unit.to_owned(),
            }),
            _ => Err(BoardError::Unexpected),
        }
    }
}

fn state(state: SlotState) -> &'static str {
    match state {
        SlotState::Empty => "empty",
        SlotState::New => "new",
        SlotState::Tried => "tried",
        SlotState::Good => "good",
        SlotState::Rejected => "rejected",
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}), agent {}", self.board, self.chip, self.agent)?;
        let trial = self
            .running
            .as_ref()
            .is_some_and(|running| running.on_trial);
        let on_trial = if trial { ", on trial" } else { "" };
        writeln!(f, "runs {}{on_trial}", self.describe_running())?;
        if let Some(running) = self.running.as_ref().filter(|own| !own.columns.is_empty()) {
            writeln!(f, "columns: {}", running.describe_columns())?;
        }
        for (index, slot) in self.slots.iter().enumerate() {
            let Slot {
                state,
                image_bytes,
                crc,
            } = slot;
            match image_bytes {
                0 => writeln!(f, "slot {index}: {state}")?,
                _ => writeln!(
                    f,
                    "slot {index}: {state}, {image_bytes} bytes, CRC-32C {crc:08x}"
                )?,
            }
        }
        let keeps = if self.keeps_images {
            "in flash"
        } else {
            "in RAM, lost without power"
        };
        writeln!(
            f,
            "room for images of {} bytes ({keeps}), {} bytes of workspace, readings of {} numbers",
            self.image_bytes, self.workspace_bytes, self.reading_numbers
        )?;
        let sensors = self
            .sensors
            .iter()
            .map(|sensor| named(&sensor.name, &sensor.unit));
        writeln!(f, "sensors: {}", sensors.collect::<Vec<_>>().join(", "))
    }
}

/// A name with its unit, as in the header of a log.
pub(crate) fn named(name: &str, unit: &str) -> String {
    match unit {
        "" => name.to_owned(),
        unit => format!("{name} [{unit}]"),
    }
}
