//! Archives for programs in C, and what may be in one.

use crate::build::toolchain::Toolchain;
use crate::build::workspace;
use crate::c::header;
use crate::error::Error;
use crate::process;
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol, SymbolScope};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A first build with everything to download, on a slow machine.
const LIMIT: Duration = Duration::from_secs(1800);

/// The targets that there are archives for, by the triples of Rust.
pub const TARGETS: [&str; 7] = [
    "thumbv6m-none-eabi",
    "thumbv7m-none-eabi",
    "thumbv7em-none-eabi",
    "thumbv7em-none-eabihf",
    "thumbv8m.main-none-eabihf",
    "riscv32imc-unknown-none-elf",
    "riscv32imac-unknown-none-elf",
];

/// What an archive is for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// One of [`TARGETS`]; none for this machine, for tests of C programs.
    pub target: Option<&'static str>,
    /// The processor, where the triple alone does not say enough: cortex-m33, cortex-m55.
    pub cpu: Option<&'a str>,
    /// Features, separated by commas, in place of all.
    pub features: Option<&'a str>,
}

impl Request<'_> {
    /// Builds the archive, unless this process has done so, and puts it into a folder of `target/c`, with the header and a package for CMake beside it; the folder.
    ///
    /// # Errors
    ///
    /// No toolchain serves the target, or it does not build.
    pub fn build(&self) -> Result<PathBuf, Error> {
        static BUILT: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
        // Held while cargo works and files are copied: nobody links what is half written.
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        let built = built.get_or_insert_with(HashSet::new);
        let folder = self.folder();
        if !built.contains(&folder) {
            self.place(&folder)?;
            built.insert(folder.clone());
        }
        Ok(folder)
    }

    /// Where the archive goes.
    fn folder(&self) -> PathBuf {
        let mut name = self.cpu.or(self.target).unwrap_or("host").to_owned();
        if let Some(features) = self.features {
            name += &format!("-with-{}", features.replace(',', "-"));
        }
        workspace().join("target/c").join(name)
    }

    /// Builds the archive and copies it, and what belongs to it, to `folder`.
    fn place(&self, folder: &Path) -> Result<(), Error> {
        let built = self.compile()?;
        std::fs::create_dir_all(folder).map_err(Error::at(folder))?;
        let for_cmake = workspace().join("runtime/c/cmake/elbowConfig.cmake");
        for (from, name) in [
            (built, "libelbow.a"),
            (header::path(), "elbow.h"),
            (for_cmake, "elbowConfig.cmake"),
        ] {
            std::fs::copy(&from, folder.join(name)).map_err(Error::at(&from))?;
        }
        Ok(())
    }

    /// The archive where cargo leaves it.
    fn compile(&self) -> Result<PathBuf, Error> {
        let mut directory = workspace().join("target");
        let mut command = match self.target {
            None => {
                let mut command = Command::new("cargo");
                command.current_dir(workspace());
                command.args(["rustc", "--profile", "device"]);
                command
            }
            Some(triple) => {
                let mut flags = vec![format!("--remap-path-prefix={}/=", workspace().display())];
                flags.extend(self.cpu.map(|cpu| format!("-Ctarget-cpu={cpu}")));
                directory.push(format!("c-{}", self.cpu.unwrap_or(triple)));
                let toolchain = Toolchain::for_target(triple)?;
                toolchain.cargo(&["rustc", "--profile", "device"], triple, &flags)
            }
        };
        // An archive alone: beside a library for Rust, cargo would not optimize across crates.
        command.args(["--package", "elbow-c", "--lib", "--crate-type", "staticlib"]);
        command.arg("--target-dir").arg(&directory);
        if let Some(features) = self.features {
            command.args(["--no-default-features", "--features", features]);
        }
        let target = self.target.unwrap_or("this machine");
        let done = process::run(
            &mut command,
            LIMIT,
            &format!("building the archive for {target}"),
        )?;
        if !done.status.success() {
            return Err(Error::Build {
                program: format!("C on {target}"),
                log: done.stderr,
            });
        }
        let folder = directory.join(self.target.unwrap_or_default());
        Ok(folder.join("device/libelbow_c.a"))
    }
}

/// What an archive for a device must not have: functions that others could link to by mistake, which are none of `elbow.h`, and
/// paths to a panic. What the compiler's own library defines is hidden, and the linker takes it only where nothing else
/// defines it.
///
/// # Errors
///
/// The file cannot be read, or is no archive.
pub fn faults(archive: &Path) -> Result<Vec<String>, Error> {
    let bytes = std::fs::read(archive).map_err(Error::at(archive))?;
    let damaged = |error: object::Error| {
        Error::at(archive)(std::io::Error::new(std::io::ErrorKind::InvalidData, error))
    };
    let mut faults = Vec::new();
    let mut functions = 0;
    for member in ArchiveFile::parse(&*bytes).map_err(damaged)?.members() {
        let data = member
            .and_then(|member| member.data(&*bytes))
            .map_err(damaged)?;
        // Members that are no objects are the compiler's notes.
        let Ok(object) = object::File::parse(data) else {
            continue;
        };
        for symbol in object.symbols() {
            let name = symbol.name().map_err(damaged)?;
            if name.contains("9panicking") || name.contains("rust_begin_unwind") {
                faults.push(format!("{name} is a path to a panic"));
            }
            if !symbol.is_definition() || symbol.scope() != SymbolScope::Dynamic {
                continue;
            }
            functions += usize::from(name.starts_with("elbow_"));
            if !name.starts_with("elbow_") {
                faults.push(format!("{name} is visible to other objects"));
            }
        }
    }
    if functions == 0 {
        faults.push("there is no function of elbow.h".to_owned());
    }
    Ok(faults)
}
