//! Programs with a time limit, their output captured.

use crate::error::Error;
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// After this long a program counts as slow, and what it does is said on standard error.
const SLOW: Duration = Duration::from_secs(1);

/// How a program ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// Its standard error; bytes that are not UTF-8 are replaced.
    pub stderr: String,
    /// How long it ran.
    pub duration: Duration,
}

/// Runs `command` to its end with nothing on its standard input, and kills it after `limit`.
///
/// If it takes longer than a second, `notice` is printed, so that nobody waits without knowing for what.
/// The output goes through temporary files: it may be of any length.
///
/// # Errors
///
/// The program does not start, or it does not end in time.
pub fn run(command: &mut Command, limit: Duration, notice: &str) -> Result<Finished, Error> {
    let mut running = Running::start(command)?;
    let began = Instant::now();
    let status = running.wait(limit, notice, |_| Ok(false))?;
    let duration = began.elapsed();
    let (stdout, stderr) = running.output()?;
    match status {
        Some(status) => Ok(Finished {
            status,
            stdout,
            stderr,
            duration,
        }),
        None => Err(Error::TimeLimit {
            program: running.program,
            limit,
            output: stdout + &stderr,
        }),
    }
}

/// Runs `command`, which need not end by itself, until its standard output ends with `end`, then kills it; what it
/// wrote until then. Otherwise as [`run`].
///
/// # Errors
///
/// The program does not start, ends without having written `end`, or does not write it in time.
pub fn run_until(
    command: &mut Command,
    end: &str,
    limit: Duration,
    notice: &str,
) -> Result<String, Error> {
    let mut running = Running::start(command)?;
    let status = running.wait(limit, notice, |stdout| Ok(text(stdout)?.ends_with(end)))?;
    let (stdout, stderr) = running.output()?;
    if stdout.ends_with(end) {
        return Ok(stdout);
    }
    let (program, output) = (running.program, stdout + &stderr);
    Err(match status {
        Some(_) => Error::Program { program, output },
        None => Error::TimeLimit {
            program,
            limit,
            output,
        },
    })
}

/// A program on its way, and where its output goes.
struct Running {
    program: String,
    child: Child,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut start = || {
            let (stdout, stderr) = (NamedTempFile::new()?, NamedTempFile::new()?);
            let child = command
                .stdin(Stdio::null())
                .stdout(stdout.reopen()?)
                .stderr(stderr.reopen()?)
                .spawn()?;
            Ok((child, stdout, stderr))
        };
        let (child, stdout, stderr) = start().map_err(|source| Error::Start {
            program: program.clone(),
            source,
        })?;
        Ok(Self {
            program,
            child,
            stdout,
            stderr,
        })
    }

    /// The exit status, or `None` where the child had to be killed: its time was up, or `is_done` with its standard
    /// output.
    fn wait(
        &mut self,
        limit: Duration,
        notice: &str,
        is_done: impl Fn(&NamedTempFile) -> io::Result<bool>,
    ) -> Result<Option<ExitStatus>, Error> {
        let Self { child, stdout, .. } = self;
        let mut wait = || {
            let began = Instant::now();
            let mut told = false;
            loop {
                if let Some(status) = child.try_wait()? {
                    return Ok(Some(status));
                }
                let elapsed = began.elapsed();
                if elapsed >= limit || is_done(stdout)? {
                    child.kill()?;
                    child.wait()?;
                    return Ok(None);
                }
                if elapsed >= SLOW && !told {
                    eprintln!("elbow: {notice}...");
                    told = true;
                }
                sleep((elapsed / 16).clamp(Duration::from_millis(1), Duration::from_millis(50)));
            }
        };
        wait().map_err(|source| self.failed(source))
    }

    /// All of its standard output and standard error.
    fn output(&mut self) -> Result<(String, String), Error> {
        let both = text(&self.stdout).and_then(|stdout| Ok((stdout, text(&self.stderr)?)));
        both.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Start {
            program: self.program.clone(),
            source,
        }
    }
}

/// All of what a child has written to `file`.
fn text(file: &NamedTempFile) -> io::Result<String> {
    let bytes = std::fs::read(file.path())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Finished, Error> {
        run(
            Command::new("sh").args(["-c", script]),
            limit,
            "running a shell",
        )
    }

    #[test]
    fn output_and_status_are_captured() {
        let done = shell("echo out; echo err >&2; exit 3", Duration::from_secs(10)).unwrap();
        assert_eq!(
            (
                done.status.code(),
                done.stdout.as_str(),
                done.stderr.as_str()
            ),
            (Some(3), "out\n", "err\n")
        );
    }

    #[test]
    fn a_program_that_never_ends_is_killed() {
        let error = shell("echo begun; exec sleep 60", Duration::from_millis(300)).unwrap_err();
        assert_eq!(error.to_string(), "sh ran longer than 0.3 s\nbegun\n");
    }

    #[test]
    fn a_program_is_killed_once_it_has_said_enough() {
        let until = |script| {
            run_until(
                Command::new("sh").args(["-c", script]),
                "end\n",
                Duration::from_millis(300),
                "running a shell",
            )
        };
        assert_eq!(
            until("echo begun; echo end; exec sleep 60").unwrap(),
            "begun\nend\n"
        );
        assert_eq!(until("echo end").unwrap(), "end\n");
        assert_eq!(until("echo x").unwrap_err().to_string(), "sh failed\nx");
        let error = until("echo begun; exec sleep 60").unwrap_err();
        assert_eq!(error.to_string(), "sh ran longer than 0.3 s\nbegun\n");
    }
}
