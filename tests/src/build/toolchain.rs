//! The way to build for a device on the machine at hand.
//!
//! In order: a `core` that rustup has or may download, the source of `core` in the toolchain, and Debian's own
//! compiler with its source of `core`, which apt-get installs where rustup's servers cannot be reached.

use crate::build::debian;
use crate::build::workspace;
use crate::error::Error;
use crate::process;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Restricts the search to one way: `rustup`, `rust-src` or `debian`.
pub const CHOICE_VARIABLE: &str = "ELBOW_TOOLCHAIN";

/// Debian's compiler as it is packaged for browsers, which keeps pace with Rust, and the source of `core`.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// How long rustup may take to download one target.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);

/// How long a failed download is remembered, across processes.
const RUSTUP_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// Programs that answer at once.
const QUERY_LIMIT: Duration = Duration::from_secs(60);

/// A compiler, and what it must be told to build for one target.
#[derive(Clone, Debug)]
pub struct Toolchain {
    way: Way,
    /// `None` for the linker that the target names.
    linker: Option<PathBuf>,
}

/// Where `core` and the compiler come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The active toolchain has a compiled `core`.
    Compiled,
    /// The active toolchain has the source of `core`.
    Source,
    /// Debian's compiler and source of `core`.
    Debian,
}

/// The active compiler.
struct Active {
    sysroot: PathBuf,
    host: String,
}

impl Toolchain {
    /// Finds, or installs, what builds for `triple`; the answer is remembered as long as this process runs.
    ///
    /// # Errors
    ///
    /// There is no way; the error says what was tried and what to type.
    pub fn for_target(triple: &'static str) -> Result<Self, Error> {
        static FOUND: Mutex<Option<HashMap<&str, Toolchain>>> = Mutex::new(None);
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        let found = found.get_or_insert_with(HashMap::new);
        if let Some(toolchain) = found.get(triple) {
            return Ok(toolchain.clone());
        }
        let toolchain = search(triple).map_err(|tried| Error::Toolchain { triple, tried })?;
        found.insert(triple, toolchain.clone());
        Ok(toolchain)
    }

    /// `cargo build --release` for `triple`, with `flags` for the compiler, in an environment that does not
    /// depend on who started this process.
    #[must_use]
    pub fn cargo_build(&self, triple: &str, flags: &[String]) -> Command {
        self.cargo(&["build", "--release"], triple, flags)
    }

    /// Cargo with these `words` for `triple`; otherwise as [`Toolchain::cargo_build`].
    #[must_use]
    pub fn cargo(&self, words: &[&str], triple: &str, flags: &[String]) -> Command {
        let mut command = clean(match self.way {
            Way::Debian => "/usr/bin/cargo",
            Way::Compiled | Way::Source => "cargo",
        });
        command.args(words).args(["--target", triple]);
        if self.way == Way::Debian {
            command
                .env("RUSTC", "/usr/bin/rustc")
                .env_remove("RUSTUP_TOOLCHAIN");
        }
        if self.way != Way::Compiled {
            command.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=core");
        }
        if let Some(linker) = &self.linker {
            let name = triple.to_uppercase().replace(['-', '.'], "_");
            command.env(format!("CARGO_TARGET_{name}_LINKER"), linker);
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        command
    }

    /// What this toolchain is, in a few words.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self.way {
            Way::Compiled => "the active toolchain",
            Way::Source => "the active toolchain, core from source",
            Way::Debian => "Debian's compiler, core from source",
        }
    }
}

/// Tries the ways in order; the error has one line for each.
fn search(triple: &str) -> Result<Toolchain, Vec<String>> {
    let chosen = std::env::var(CHOICE_VARIABLE).ok();
    let wanted = |way: &str| chosen.as_deref().is_none_or(|chosen| chosen == way);
    let active = Active::find();
    let mut tried = Vec::new();
    match &active {
        Err(reason) => tried.push(format!("rustc: {reason}")),
        Ok(active) => {
            if wanted("rustup") {
                match with_rustup(active, triple) {
                    Ok(toolchain) => return Ok(toolchain),
                    Err(reason) => tried.push(format!("rustup: {reason}")),
                }
            }
            if wanted("rust-src") {
                match with_source(active) {
                    Ok(toolchain) => return Ok(toolchain),
                    Err(reason) => tried.push(format!("rust-src: {reason}")),
                }
            }
        }
    }
    if wanted("debian") {
        match with_debian(active.as_ref().ok()) {
            Ok(toolchain) => return Ok(toolchain),
            Err(reason) => tried.push(format!(
                "Debian: {reason}; {}",
                debian::line_to_type(&DEBIAN_PACKAGES)
            )),
        }
    }
    if let Some(chosen) = chosen {
        tried.push(format!("{CHOICE_VARIABLE}={chosen} allows nothing else"));
    }
    Err(tried)
}

/// A `core` that is compiled already, or that rustup downloads.
fn with_rustup(active: &Active, triple: &str) -> Result<Toolchain, String> {
    if !active.has_core(triple) {
        add_target(triple)?;
        if !active.has_core(triple) {
            return Err(format!(
                "{} has no core for {triple} after all",
                active.sysroot.display()
            ));
        }
    }
    Ok(Toolchain {
        way: Way::Compiled,
        linker: None,
    })
}

/// `rustup target add`, unless it failed lately.
fn add_target(triple: &str) -> Result<(), String> {
    let stamp = workspace().join("target/rustup-failed");
    if is_recent(&stamp) {
        return Err(format!(
            "it failed within the last day; to have it tried again, remove {}",
            stamp.display()
        ));
    }
    let mut command = clean("rustup");
    command.args(["target", "add", triple]);
    let failure = match process::run(
        &mut command,
        RUSTUP_LIMIT,
        &format!("rustup target add {triple}"),
    ) {
        Ok(done) if done.status.success() => return Ok(()),
        Ok(done) => last_line(&done.stderr),
        Err(Error::TimeLimit { limit, .. }) => format!("no answer within {} s", limit.as_secs()),
        Err(error) => return Err(error.to_string()),
    };
    // Without the stamp the next process waits again, nothing worse.
    let _ = std::fs::create_dir_all(workspace().join("target"))
        .and_then(|()| std::fs::write(&stamp, &failure));
    Err(failure)
}

/// Whether the file is there and younger than [`RUSTUP_PAUSE`].
fn is_recent(stamp: &Path) -> bool {
    let modified = std::fs::metadata(stamp).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|then| {
        SystemTime::now()
            .duration_since(then)
            .is_ok_and(|age| age < RUSTUP_PAUSE)
    })
}

/// The source of `core` in the active toolchain.
fn with_source(active: &Active) -> Result<Toolchain, String> {
    if !has_source(&active.sysroot) {
        return Err(format!(
            "{} has no source of core",
            active.sysroot.display()
        ));
    }
    Ok(Toolchain {
        way: Way::Source,
        linker: linker(Some(active))?,
    })
}

/// Debian's compiler, installed if need be.
fn with_debian(active: Option<&Active>) -> Result<Toolchain, String> {
    let is_there = || {
        let programs = ["/usr/bin/rustc", "/usr/bin/cargo"];
        programs.iter().all(|program| Path::new(program).exists()) && has_source(Path::new("/usr"))
    };
    if !is_there() {
        debian::install(&DEBIAN_PACKAGES)?;
        if !is_there() {
            return Err("the packages do not hold what they used to".to_owned());
        }
    }
    Ok(Toolchain {
        way: Way::Debian,
        linker: linker(active)?,
    })
}

/// The linker of the active toolchain, or Debian's, installed if need be.
fn linker(active: Option<&Active>) -> Result<Option<PathBuf>, String> {
    let bundled = active.map(Active::linker).filter(|linker| linker.exists());
    let packaged = PathBuf::from("/usr/bin/ld.lld");
    if bundled.is_none() && !packaged.exists() {
        debian::install(&["lld"])?;
    }
    Ok(Some(bundled.unwrap_or(packaged)))
}

/// Whether a toolchain holds the source that `-Zbuild-std` compiles.
fn has_source(sysroot: &Path) -> bool {
    sysroot
        .join("lib/rustlib/src/rust/library/core/src/lib.rs")
        .exists()
}

impl Active {
    /// Asks the `rustc` on the path.
    fn find() -> Result<Self, String> {
        let sysroot = rustc(&["--print", "sysroot"])?.trim().into();
        let version = rustc(&["-vV"])?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(Self {
            sysroot,
            host: host.ok_or("rustc -vV names no host")?.to_owned(),
        })
    }

    fn has_core(&self, triple: &str) -> bool {
        let folder = self.sysroot.join("lib/rustlib").join(triple).join("lib");
        let Ok(mut files) = std::fs::read_dir(folder) else {
            return false;
        };
        files.any(|file| {
            file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
        })
    }

    fn linker(&self) -> PathBuf {
        self.sysroot
            .join("lib/rustlib")
            .join(&self.host)
            .join("bin/rust-lld")
    }
}

/// What the active compiler answers.
fn rustc(arguments: &[&str]) -> Result<String, String> {
    let done = process::run(
        clean("rustc").args(arguments),
        QUERY_LIMIT,
        "waiting for rustc",
    );
    let done = done.map_err(|error| error.to_string())?;
    if done.status.success() {
        Ok(done.stdout)
    } else {
        Err(last_line(&done.stderr))
    }
}

/// The last line that says something.
fn last_line(text: &str) -> String {
    text.lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or("it failed and gave no reason")
        .trim()
        .to_owned()
}

/// A command in the workspace's folder, without what cargo and rustup leave in the environment of the programs
/// that they start: flags and wrappers meant for the host, and libraries of another toolchain.
fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let kept = [
            "CARGO_HOME",
            "CARGO_HTTP_",
            "CARGO_NET_",
            "CARGO_REGISTRIES_",
            "CARGO_REGISTRY_",
        ];
        let foreign = [
            "CARGO",
            "RUSTC",
            "RUSTDOC",
            "RUSTFLAGS",
            "LD_LIBRARY_PATH",
            "DYLD_",
        ];
        if foreign.iter().any(|prefix| text.starts_with(prefix))
            && !kept.iter().any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_gets_its_own_compiler_and_a_linker() {
        let toolchain = Toolchain {
            way: Way::Debian,
            linker: Some("/lld".into()),
        };
        let command = toolchain.cargo_build(
            "thumbv8m.main-none-eabihf",
            &["-C".into(), "target-cpu=x".into()],
        );
        let environment: HashMap<_, _> = command.get_envs().collect();
        let value = |name: &str| {
            environment[std::ffi::OsStr::new(name)]
                .unwrap()
                .to_str()
                .unwrap()
        };
        assert_eq!(command.get_program(), "/usr/bin/cargo");
        assert_eq!(value("RUSTC"), "/usr/bin/rustc");
        assert_eq!(
            value("CARGO_TARGET_THUMBV8M_MAIN_NONE_EABIHF_LINKER"),
            "/lld"
        );
        assert_eq!(value("CARGO_ENCODED_RUSTFLAGS"), "-C\x1ftarget-cpu=x");
        assert!(
            command
                .get_args()
                .any(|argument| argument == "-Zbuild-std=core")
        );
    }

    #[test]
    fn the_last_line_is_the_reason() {
        assert_eq!(
            last_line("info: x\nerror: no network\n\n"),
            "error: no network"
        );
    }
}
