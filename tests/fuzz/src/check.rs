//! Reads an input as the trainer does, or a device, and says what is wrong with that.

use crate::format::Format;
use crate::{images, memory};
use elbow_trainer::data::{self, DataError, Frame, Wanted};
use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::{Duration, Instant};

/// The longest that reading a small file may take.
pub const SLOWEST: Duration = Duration::from_secs(5);

/// What became of an input.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is a table, or a model.
    Accepted,
    /// It is none, and an error says so.
    Refused,
    /// The reader is at fault.
    Faulty(Fault),
}

/// What a reader must not do.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// It panics.
    Panic {
        /// The line of code.
        place: String,
        /// What it says.
        message: String,
    },
    /// It allocates too much.
    Memory {
        /// Bytes at a time.
        peak: usize,
        /// What it may have.
        bound: usize,
    },
    /// It takes too long.
    Slow(Duration),
    /// What it makes is no table, or no model.
    NoTable(String),
    /// An error or a note of several lines.
    Lines(String),
}

impl Fault {
    /// What faults of one cause have in common.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Panic { place, .. } => place.clone(),
            Self::Memory { .. } => "memory".into(),
            Self::Slow(_) => "slow".into(),
            Self::NoTable(what) => what.clone(),
            Self::Lines(_) => "lines".into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic { place, message } => write!(f, "panics at {place}: {message}"),
            Self::Memory { peak, bound } => {
                write!(f, "holds {peak} bytes at a time, {bound} are allowed")
            }
            Self::Slow(took) => write!(f, "takes {:.1} s", took.as_secs_f64()),
            Self::NoTable(what) => write!(f, "is accepted, but {what}"),
            Self::Lines(text) => write!(f, "says in several lines: {text:?}"),
        }
    }
}

thread_local! {
    /// The place and the message of the last panic of this thread.
    static PANIC: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// Makes panics of inputs silent and keeps what they say.
fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let payload = info.payload();
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            let message = text.unwrap_or_default().to_owned();
            PANIC.set(Some((place, message)));
        }));
    });
}

/// What `work` makes, or how it panics.
///
/// # Errors
///
/// [`Fault::Panic`].
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    keep_panics();
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        let (place, message) = PANIC.take().unwrap_or_default();
        Fault::Panic { place, message }
    })
}

/// Reads `input`, a file of `format`.
#[must_use]
pub fn check(format: Format, input: &[u8]) -> Verdict {
    let start = Instant::now();
    memory::begin();
    let read = caught(|| match format {
        Format::Image => images::score(input),
        _ => read(format, input),
    });
    let (peak, took) = (memory::peak(), start.elapsed());
    let bound = format.memory();
    match read {
        Err(fault) => Verdict::Faulty(fault),
        _ if peak > bound => Verdict::Faulty(Fault::Memory { peak, bound }),
        _ if took > SLOWEST => Verdict::Faulty(Fault::Slow(took)),
        Ok(verdict) => verdict,
    }
}

/// Reads `input`, and looks at what comes of it.
fn read(format: Format, input: &[u8]) -> Verdict {
    let name = format!("pump.{}", format.name());
    let frame = match data::frame_of_bytes(name, input) {
        Ok(frame) => frame,
        Err(error) => return refused(&error),
    };
    if let Some(what) = no_rectangle(&frame) {
        return Verdict::Faulty(Fault::NoTable(what.into()));
    }
    let interpreted = match data::interpret(&frame, &Wanted::default(), false) {
        Ok(interpreted) => interpreted,
        Err(error) => return refused(&error),
    };
    if interpreted.dataset.table.len() != frame.rows() {
        return Verdict::Faulty(Fault::NoTable("its readings have other rows".into()));
    }
    // A report has a line for each column; here it is only made.
    let _report = interpreted.report.map(|report| report.to_string());
    let notes = [interpreted.notes, interpreted.doubts, frame.facts].concat();
    match notes.into_iter().find(|note| note.contains('\n')) {
        Some(note) => Verdict::Faulty(Fault::Lines(note)),
        None => Verdict::Accepted,
    }
}

/// What becomes of an input that is refused with `error`.
fn refused(error: &DataError) -> Verdict {
    let text = error.to_string();
    if text.contains('\n') {
        Verdict::Faulty(Fault::Lines(text))
    } else {
        Verdict::Refused
    }
}

/// Why `frame` is no rectangle of cells; none of one.
fn no_rectangle(frame: &Frame) -> Option<&'static str> {
    let rows = frame.rows();
    let even = frame
        .columns
        .iter()
        .all(|column| column.cells.len() == rows);
    match (rows, even) {
        (0, _) => Some("it has no rows"),
        (_, false) => Some("its columns differ in length"),
        (_, true) => None,
    }
}
