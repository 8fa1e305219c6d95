//! The host's side of the emulator: files, console, command line and exit, through semihosting.
//!
//! Arm's "Semihosting for AArch32 and AArch64", 2024Q3, defines the operations. Under a debugger on a real
//! chip they do the same. Beside this module unsafe code is in [`crate::image`], [`crate::stack`] and
//! `processor` alone.
#![allow(unsafe_code)]

use crate::processor::semihosting::{nr, syscall, syscall1};
use core::fmt;

/// Bytes of the longest command line, with its final NUL.
pub const COMMAND_LINE_LENGTH: usize = 384;

/// Bytes of the longest path, with its final NUL.
pub const PATH_LENGTH: usize = 128;

/// Bytes that a [`Writer`] gathers before it disturbs the host.
pub const WRITER_LENGTH: usize = 256;

/// `SYS_EXIT_EXTENDED`, which takes an exit code on 32-bit cores as well.
const EXIT_EXTENDED: usize = 0x20;

/// `ADP_Stopped_ApplicationExit`: the program ends by its own will.
const APPLICATION_EXIT: usize = 0x2_0026;

/// The path that means the standard streams: standard output when written, standard error when appended to.
const CONSOLE: &str = ":tt";

/// The answer of operations that failed.
const REFUSED: usize = usize::MAX;

/// Why the host did not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// The file cannot be opened; with the host's errno.
    Open(usize),
    /// The file cannot be read; with the host's errno.
    Read(usize),
    /// The file cannot be written; with the host's errno.
    Write(usize),
    /// The path has more than [`PATH_LENGTH`] - 1 bytes.
    PathTooLong(usize),
    /// The command line is longer than [`COMMAND_LINE_LENGTH`] - 1 bytes, or not UTF-8.
    CommandLine,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(errno) => write!(f, "cannot be opened (errno {errno})"),
            Self::Read(errno) => write!(f, "cannot be read (errno {errno})"),
            Self::Write(errno) => write!(f, "cannot be written (errno {errno})"),
            Self::PathTooLong(length) => {
                write!(
                    f,
                    "has a path of {length} bytes, {} are allowed",
                    PATH_LENGTH - 1
                )
            }
            Self::CommandLine => {
                write!(
                    f,
                    "the command line has more than {} bytes or is not UTF-8",
                    COMMAND_LINE_LENGTH - 1
                )
            }
        }
    }
}

/// The command line that the emulator was given.
///
/// # Errors
///
/// It does not fit `buffer`, or it is not UTF-8.
pub fn command_line(buffer: &mut [u8; COMMAND_LINE_LENGTH]) -> Result<&str, HostError> {
    let mut block = [buffer.as_mut_ptr().expose_provenance(), buffer.len()];
    let block_address = (&raw mut block).expose_provenance();
    // SAFETY: the block names a buffer that this function borrows alone, with its length; the host writes at most
    // that many bytes there and the length of the line into the block, which is passed as a mutable place.
    let answer = unsafe { syscall1(nr::GET_CMDLINE, block_address) };
    let length = block[1];
    match buffer.get(..length) {
        Some(line) if answer == 0 => core::str::from_utf8(line).map_err(|_| HostError::CommandLine),
        _ => Err(HostError::CommandLine),
    }
}

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// All is done.
    Success = 0,
    /// Something was refused, and standard error says what.
    Failure = 1,
    /// The program panicked.
    Panic = 101,
    /// The processor took a hard fault.
    HardFault = 102,
}

/// Ends the emulator, and its process on the host with `code`.
pub fn exit(code: ExitCode) -> ! {
    let block = [APPLICATION_EXIT, code as usize];
    loop {
        // SAFETY: the block has the two words that the operation reads. It does not return; under a debugger that
        // ignores it, it is simply asked again.
        unsafe { syscall(EXIT_EXTENDED, &block) };
    }
}

/// The error number of the host's last failure.
fn errno() -> usize {
    // SAFETY: the operation takes no argument.
    unsafe { syscall1(nr::ERRNO, 0) }
}

/// A file of the host, closed when dropped.
#[derive(Debug)]
pub struct File {
    handle: usize,
}

impl File {
    /// Opens the file at `path` to read it.
    ///
    /// # Errors
    ///
    /// The host refuses, or the path is too long.
    pub fn open(path: &str) -> Result<Self, HostError> {
        Self::with_mode(path, nr::open::R_BINARY)
    }

    /// Makes an empty file at `path`, in place of one that may be there.
    ///
    /// # Errors
    ///
    /// The host refuses, or the path is too long.
    pub fn create(path: &str) -> Result<Self, HostError> {
        Self::with_mode(path, nr::open::W_TRUNC_BINARY)
    }

    /// Standard output.
    ///
    /// # Errors
    ///
    /// The host refuses.
    pub fn standard_output() -> Result<Self, HostError> {
        Self::with_mode(CONSOLE, nr::open::W_TRUNC)
    }

    fn with_mode(path: &str, mode: usize) -> Result<Self, HostError> {
        let mut name = [0_u8; PATH_LENGTH];
        let room = name
            .get_mut(..path.len())
            .filter(|room| room.len() < PATH_LENGTH);
        room.ok_or(HostError::PathTooLong(path.len()))?
            .copy_from_slice(path.as_bytes());
        let block = [name.as_ptr().expose_provenance(), mode, path.len()];
        // SAFETY: the block names a NUL-terminated path, a mode and the path's length without the NUL; all outlive
        // the call.
        match unsafe { syscall(nr::OPEN, &block) } {
            REFUSED => Err(HostError::Open(errno())),
            handle => Ok(Self { handle }),
        }
    }

    /// Reads into `buffer` until it is full or the file ends; the number of bytes read.
    ///
    /// # Errors
    ///
    /// The host refuses.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, HostError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let wanted = rest.len();
            let block = [self.handle, rest.as_mut_ptr().expose_provenance(), wanted];
            // SAFETY: the block names an open handle and a buffer that this method borrows alone, with its length.
            let missing = unsafe { syscall(nr::READ, &block) };
            match wanted.checked_sub(missing) {
                None => return Err(HostError::Read(errno())),
                Some(0) => break,
                Some(read) => filled += read,
            }
        }
        Ok(filled)
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// The host refuses, for example because its disk is full.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        let block = [self.handle, bytes.as_ptr().expose_provenance(), bytes.len()];
        // SAFETY: the block names an open handle and a buffer with its length, which the host only reads.
        match unsafe { syscall(nr::WRITE, &block) } {
            0 => Ok(()),
            _ => Err(HostError::Write(errno())),
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let block = [self.handle];
        // SAFETY: the block has the handle, which nobody can use afterwards.
        unsafe { syscall(nr::CLOSE, &block) };
    }
}

/// Text into a file, gathered so that the host is disturbed once every [`WRITER_LENGTH`] bytes.
#[derive(Debug)]
pub struct Writer {
    file: File,
    buffer: [u8; WRITER_LENGTH],
    used: usize,
    state: Result<(), HostError>,
}

impl Writer {
    /// A writer to `file`.
    #[must_use]
    pub const fn new(file: File) -> Self {
        Self {
            file,
            buffer: [0; WRITER_LENGTH],
            used: 0,
            state: Ok(()),
        }
    }

    /// What the host refused so far.
    ///
    /// # Errors
    ///
    /// It refused a part.
    pub fn state(&self) -> Result<(), HostError> {
        self.state
    }

    /// Hands what was gathered to the host and closes the file.
    ///
    /// # Errors
    ///
    /// The host refused this or an earlier part.
    pub fn finish(mut self) -> Result<(), HostError> {
        self.flush();
        self.state
    }

    fn flush(&mut self) {
        if self.state.is_ok() {
            self.state = self
                .file
                .write_all(self.buffer.get(..self.used).unwrap_or_default());
        }
        self.used = 0;
    }
}

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if let Some(place) = self.buffer.get_mut(self.used) {
                *place = byte;
                self.used += 1;
            }
            if self.used == WRITER_LENGTH {
                self.flush();
            }
        }
        self.state.map_err(|_| fmt::Error)
    }
}

/// The host's standard streams, unbuffered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mode = match self {
            Self::Output => nr::open::W_TRUNC,
            Self::Error => nr::open::W_APPEND,
        };
        let written =
            File::with_mode(CONSOLE, mode).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|_| fmt::Error)
    }
}
