//! Programs with a time limit, their output captured.

use crate::error::Error;
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

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
    let program = command.get_program().to_string_lossy().into_owned();
    let start = |source| Error::Start {
        program: program.clone(),
        source,
    };
    let mut stdout = tempfile::tempfile().map_err(start)?;
    let mut stderr = tempfile::tempfile().map_err(start)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().map_err(start)?)
        .stderr(stderr.try_clone().map_err(start)?)
        .spawn()
        .map_err(start)?;
    let began = Instant::now();
    let status = wait(&mut child, limit, notice).map_err(start)?;
    let duration = began.elapsed();
    let (stdout, stderr) = (
        text(&mut stdout).map_err(start)?,
        text(&mut stderr).map_err(start)?,
    );
    match status {
        Some(status) => Ok(Finished {
            status,
            stdout,
            stderr,
            duration,
        }),
        None => Err(Error::TimeLimit {
            program,
            limit,
            output: stdout + &stderr,
        }),
    }
}

/// The exit status, or `None` where the child had to be killed.
fn wait(child: &mut Child, limit: Duration, notice: &str) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    let mut told = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let elapsed = began.elapsed();
        if elapsed >= limit {
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
}

/// The whole of what a child wrote to `file`.
fn text(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
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
}
