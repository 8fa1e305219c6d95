//! The commands.
//!
//! | command | arguments | what it does |
//! |---|---|---|
//! | `score` | `readings= [out=] [estimator=sigma-points] [seed=0] [limit=]` | scores each reading of a file into lines of CSV |
//! | `dream` | `[out=] [count=1] [seed=0]` | draws readings from the prior as pictures |
//! | `count` | `readings= [out=]` | counts the instructions of encoding and scoring the first reading of a file |
//! | `self-test` | | recomputes the scores that the image carries |
//! | `echo` | `readings= out=` | shows what the board received |
//! | `fault` | | runs an undefined instruction |
//!
//! Readings are little-endian `i16`, as many to a reading as the model has inputs. Reading `n` is scored with
//! stream `n` of the seed, and dream `n` drawn from it: neither depends on those before it. Where `out=` is not
//! given, text goes to standard output.

use crate::arguments::{self, ArgumentError, Arguments};
use crate::counter::Counter;
use crate::host::{Console, File, HostError, Writer};
use crate::image;
use core::fmt::{self, Write};
use elbow::text::Picture;
use elbow::{
    Estimator, ImageError, LengthError, Model, ReadingError, Score, SelfTestError, Session,
    WorkspaceError,
};

/// The RAM that the board gives to the commands.
#[derive(Debug)]
pub struct Memory<'m> {
    /// For the model.
    pub workspace: &'m mut [u64],
    /// For one reading.
    pub values: &'m mut [i32],
}

/// Why a command ended early; its text goes to standard error.
#[derive(Clone, Copy, Debug)]
pub enum Failure<'a> {
    /// The command line does not name a command.
    Command(&'a str),
    /// An argument is wrong.
    Argument(ArgumentError<'a>),
    /// The host refused something that is not a file.
    Host(HostError),
    /// The host refused something about a file.
    File {
        /// The path, as the command line gave it.
        path: &'a str,
        /// What it refused.
        error: HostError,
    },
    /// A file of readings ends within one.
    Partial {
        /// The path, as the command line gave it.
        path: &'a str,
        /// Bytes of the last reading.
        have: usize,
        /// Bytes of a reading.
        need: usize,
    },
    /// The model image is refused.
    Image(ImageError),
    /// The board's workspace is too small for the model.
    Workspace(WorkspaceError),
    /// The model has more inputs than the board's buffer.
    Inputs {
        /// Inputs that the buffer holds.
        have: usize,
        /// Inputs of the model.
        need: usize,
    },
    /// A reading is refused.
    Reading {
        /// Its number in the file, from 0.
        index: u32,
        /// What is wrong with it.
        error: ReadingError,
    },
    /// A buffer has another length than the model says.
    Length(LengthError),
    /// This machine does not compute what the workstation computed.
    SelfTest(SelfTestError),
    /// The timer is taken.
    Counter,
    /// Standard output cannot be written.
    Output,
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(name) => write!(
                f,
                "there is no command {name}; choose score, dream, count, self-test, echo or fault"
            ),
            Self::Argument(error) => error.fmt(f),
            Self::Host(error) => error.fmt(f),
            Self::File { path, error } => write!(f, "{path} {error}"),
            Self::Partial { path, have, need } => {
                write!(
                    f,
                    "{path} ends within a reading: {have} of {need} bytes are there"
                )
            }
            Self::Image(error) => error.fmt(f),
            Self::Workspace(error) => error.fmt(f),
            Self::Inputs { have, need } => {
                write!(
                    f,
                    "the model has {need} inputs, this board has room for {have}"
                )
            }
            Self::Reading { index, error } => write!(f, "reading {index}: {error}"),
            Self::Length(error) => error.fmt(f),
            Self::SelfTest(error) => error.fmt(f),
            Self::Counter => f.write_str("the timer that counts instructions is taken"),
            Self::Output => f.write_str("standard output cannot be written"),
        }
    }
}

impl From<HostError> for Failure<'_> {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl<'a> From<ArgumentError<'a>> for Failure<'a> {
    fn from(error: ArgumentError<'a>) -> Self {
        Self::Argument(error)
    }
}

impl From<fmt::Error> for Failure<'_> {
    fn from(_: fmt::Error) -> Self {
        Self::Output
    }
}

impl From<ImageError> for Failure<'_> {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

impl From<WorkspaceError> for Failure<'_> {
    fn from(error: WorkspaceError) -> Self {
        Self::Workspace(error)
    }
}

impl From<LengthError> for Failure<'_> {
    fn from(error: LengthError) -> Self {
        Self::Length(error)
    }
}

impl From<SelfTestError> for Failure<'_> {
    fn from(error: SelfTestError) -> Self {
        Self::SelfTest(error)
    }
}

/// Does what the command line asks for.
///
/// # Errors
///
/// The command line, a file or the model is not as it should be.
pub fn run<'a>(line: &'a str, memory: Memory<'_>) -> Result<(), Failure<'a>> {
    match arguments::command(line) {
        ("score", rest) => score(rest, memory),
        ("dream", rest) => dream(rest, memory),
        ("count", rest) => count(rest, memory),
        ("self-test", rest) => self_test(rest, memory),
        ("echo", rest) => echo(rest),
        ("fault", rest) => fault(rest),
        (name, _) => Err(Failure::Command(name)),
    }
}

fn score<'a>(rest: &'a str, memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &["readings", "out", "estimator", "seed", "limit"])?;
    let path = arguments.require("readings")?;
    let estimator = arguments.value("estimator", Estimator::SigmaPoints)?;
    let seed = arguments.value("seed", 0)?;
    let limit = arguments.value("limit", u32::MAX)?;
    let model = Model::parse(image::region())?;
    let mut session = Session::new(&model, memory.workspace, seed)?;
    let values = first(memory.values, &model)?;
    // A reading takes half of the room of a generated one.
    let reading: &mut [i16] = bytemuck::cast_slice_mut(values);
    let (reading, _) = reading
        .split_at_mut_checked(model.inputs())
        .unwrap_or_default();
    let mut output = Output::open(&arguments)?;
    let mut file = File::open(path).map_err(|error| Failure::File { path, error })?;
    output.line(format_args!("{}", Score::CSV_HEADER))?;
    for index in 0..limit {
        if !next_reading(&mut file, path, reading)? {
            break;
        }
        session.reseed(seed, index.into());
        let score = session
            .score(reading, estimator)
            .map_err(|error| Failure::Reading { index, error })?;
        output.line(format_args!("{}", score.csv(index)))?;
    }
    output.finish()
}

/// Fills `reading` from the file; false at its end.
fn next_reading<'a>(
    file: &mut File,
    path: &'a str,
    reading: &mut [i16],
) -> Result<bool, Failure<'a>> {
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(reading);
    let need = bytes.len();
    match file
        .read(bytes)
        .map_err(|error| Failure::File { path, error })?
    {
        0 => return Ok(false),
        have if have < need => return Err(Failure::Partial { path, have, need }),
        _ => {}
    }
    for value in reading {
        *value = i16::from_le(*value);
    }
    Ok(true)
}

/// The estimators whose instructions are counted.
const COUNTED: [Estimator; 6] = [
    Estimator::PosteriorMean,
    Estimator::SigmaPoints,
    Estimator::MonteCarlo { samples: 16 },
    Estimator::ImportanceWeighted { samples: 1 },
    Estimator::ImportanceWeighted { samples: 2 },
    Estimator::ImportanceWeighted { samples: 4 },
];

fn count<'a>(rest: &'a str, memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &["readings", "out"])?;
    let path = arguments.require("readings")?;
    let model = Model::parse(image::region())?;
    let mut session = Session::new(&model, memory.workspace, 0)?;
    let values = first(memory.values, &model)?;
    let reading: &mut [i16] = bytemuck::cast_slice_mut(values);
    let (reading, _) = reading
        .split_at_mut_checked(model.inputs())
        .unwrap_or_default();
    let mut file = File::open(path).map_err(|error| Failure::File { path, error })?;
    next_reading(&mut file, path, reading)?;
    let refused = |error| Failure::Reading { index: 0, error };
    let mut output = Output::open(&arguments)?;
    let counter = Counter::start().ok_or(Failure::Counter)?;
    // Each is run once before it is counted, so that an error is told and not counted.
    session.encode(reading).map_err(refused)?;
    let instructions = counter.instructions_of(|| {
        let _ = session.encode(reading);
    });
    output.line(format_args!("encode {instructions}"))?;
    for estimator in COUNTED {
        session.score(reading, estimator).map_err(refused)?;
        session.reseed(0, 0);
        let instructions = counter.instructions_of(|| {
            let _ = session.score(reading, estimator);
        });
        output.line(format_args!("{estimator} {instructions}"))?;
    }
    output.finish()
}

fn dream<'a>(rest: &'a str, memory: Memory<'_>) -> Result<(), Failure<'a>> {
    let arguments = Arguments::parse(rest, &["out", "count", "seed"])?;
    let count = arguments.value("count", 1_u32)?;
    let seed = arguments.value("seed", 0)?;
    let model = Model::parse(image::region())?;
    let mut session = Session::new(&model, memory.workspace, seed)?;
    let values = first(memory.values, &model)?;
    let mut output = Output::open(&arguments)?;
    for index in 0..count {
        session.reseed(seed, index.into());
        session.generate(values)?;
        let width = model.picture_width();
        output.line(format_args!("{}", Picture { values, width }))?;
    }
    output.finish()
}

/// As many of the values as the model has inputs.
fn first<'m>(values: &'m mut [i32], model: &Model<'_>) -> Result<&'m mut [i32], Failure<'static>> {
    let (have, need) = (values.len(), model.inputs());
    values.get_mut(..need).ok_or(Failure::Inputs { have, need })
}

fn self_test<'a>(rest: &'a str, memory: Memory<'_>) -> Result<(), Failure<'a>> {
    Arguments::parse(rest, &[])?;
    let model = Model::parse(image::region())?;
    model.self_test(memory.workspace)?;
    writeln!(
        Console::Output,
        "{}: every score is the workstation's",
        model.name()
    )?;
    Ok(())
}

/// Text into the file that `out=` names, or onto standard output.
struct Output<'a> {
    path: &'a str,
    writer: Writer,
}

impl<'a> Output<'a> {
    fn open(arguments: &Arguments<'a>) -> Result<Self, Failure<'a>> {
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

    fn line(&mut self, text: fmt::Arguments<'_>) -> Result<(), Failure<'a>> {
        let path = self.path;
        let written = self
            .writer
            .write_fmt(text)
            .and_then(|()| self.writer.write_char('\n'));
        written.map_err(|_| match self.writer.state() {
            Err(error) => Failure::File { path, error },
            Ok(()) => Failure::Output,
        })
    }

    fn finish(self) -> Result<(), Failure<'a>> {
        let path = self.path;
        self.writer
            .finish()
            .map_err(|error| Failure::File { path, error })
    }
}

/// Prints the arguments and the first and last 16 bytes of the model's region, and copies the readings as decimal
/// lines.
fn echo(rest: &str) -> Result<(), Failure<'_>> {
    let arguments = Arguments::parse(rest, &["readings", "out"])?;
    writeln!(Console::Output, "arguments {rest}")?;
    let region = image::region();
    let last = region.len().saturating_sub(16);
    show("model begins", region.get(..16))?;
    show("model ends", region.get(last..))?;
    let path = arguments.require("readings")?;
    let mut file = File::open(path).map_err(|error| Failure::File { path, error })?;
    let mut output = Output::open(&arguments)?;
    let mut value = [0];
    while next_reading(&mut file, path, &mut value)? {
        let [value] = value;
        output.line(format_args!("{value}"))?;
    }
    output.finish()
}

/// A line of bytes in hexadecimal.
fn show(title: &str, bytes: Option<&[u8]>) -> fmt::Result {
    write!(Console::Output, "{title}")?;
    for byte in bytes.unwrap_or_default() {
        write!(Console::Output, " {byte:02x}")?;
    }
    writeln!(Console::Output)
}

/// Shows that a hard fault is told to the host.
fn fault(rest: &str) -> Result<(), Failure<'_>> {
    Arguments::parse(rest, &[])?;
    cortex_m::asm::udf()
}
