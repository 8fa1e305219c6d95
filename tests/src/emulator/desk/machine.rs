//! An emulated board with an agent.

use super::line::Line;
use crate::build::firmware::Program;
use crate::emulator::program::ARM;
use crate::error::Error;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long QEMU takes to be there, on a slow machine.
const START: Duration = Duration::from_secs(30);

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// A board with an agent.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name, which is that of the machine in QEMU.
    pub name: &'static str,
    /// The target of the compiler.
    triple: &'static str,
}

/// The boards: Cortex-M0, M3 and M4.
pub const KINDS: [Kind; 3] = [
    Kind {
        name: "microbit",
        triple: "thumbv6m-none-eabi",
    },
    Kind {
        name: "lm3s6965evb",
        triple: "thumbv7m-none-eabi",
    },
    Kind {
        name: "netduinoplus2",
        triple: "thumbv7em-none-eabihf",
    },
];

impl Kind {
    /// Builds the agent of the board; the path of its ELF file.
    ///
    /// # Errors
    ///
    /// No toolchain serves the target, or the agent does not build.
    pub fn build(&self) -> Result<PathBuf, Error> {
        let program = Program {
            name: &format!("agent-{}", self.name),
            package: &format!("firmware-examples/agent/{}", self.name),
            triple: self.triple,
            cpu: None,
            image: None,
            features: None,
        };
        program.build()
    }
}

/// A board that runs in QEMU until it is dropped. Its flash, and RAM that nothing clears, outlive a reset and not the machine.
#[derive(Debug)]
pub struct Machine {
    child: Child,
    monitor: UnixStream,
    line: Line,
}

impl Machine {
    /// Starts a board, with sockets in `folder`.
    ///
    /// # Errors
    ///
    /// The agent does not build, or QEMU does not start.
    pub fn start(kind: &Kind, folder: &Path) -> Result<Self, Error> {
        let agent = kind.build()?;
        ARM.ensure()?;
        let mut command = Command::new(ARM.program);
        command.args([
            "-machine",
            kind.name,
            "-display",
            "none",
            "-parallel",
            "none",
        ]);
        let [serial, monitor] = ["serial", "monitor"].map(|name| folder.join(name));
        for (option, path) in [("-serial", &serial), ("-monitor", &monitor)] {
            let socket = format!("unix:{},server=on,wait=off", path.display());
            command.arg(option).arg(socket);
        }
        command.arg("-kernel").arg(agent);
        // It tells of timers that a board stops.
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = quiet
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| Error::Start {
                program: ARM.program.to_owned(),
                source,
            })?;
        let mut child = Killed(Some(child));
        let (serial, monitor) = (connect(&serial)?, connect(&monitor)?);
        let cutting = monitor.try_clone().map_err(Error::at(folder))?;
        let line = Line::new(&serial, cutting)?;
        match child.0.take() {
            Some(child) => Ok(Self {
                child,
                monitor,
                line,
            }),
            None => Err(Error::Start {
                program: ARM.program.to_owned(),
                source: std::io::ErrorKind::NotFound.into(),
            }),
        }
    }

    /// The path of the board's serial line.
    #[must_use]
    pub fn port(&self) -> &str {
        self.line.port()
    }

    /// The line to it.
    #[must_use]
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Cuts the board's power for a moment.
    ///
    /// # Errors
    ///
    /// QEMU is gone.
    pub fn reset(&mut self) -> Result<(), Error> {
        let written = self.monitor.write_all(b"system_reset\n");
        written.map_err(|source| Error::Start {
            program: ARM.program.to_owned(),
            source,
        })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A program that is ended where it is not handed on.
struct Killed(Option<Child>);

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// A socket of QEMU, as soon as it is there.
fn connect(path: &Path) -> Result<UnixStream, Error> {
    let began = Instant::now();
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => return Ok(stream),
            Err(error) if began.elapsed() > START => return Err(Error::at(path)(error)),
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}
