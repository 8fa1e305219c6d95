//! `cargo xtask package`: elbow as a library of Arduino and PlatformIO, a component of ESP-IDF, a module of Zephyr.
//!
//! What is written by hand lies in `runtime/c/packages`; archives, header and the models of the examples are added here.
//!
//! * [`check`]: links every archive as its framework would, compiles the examples, configures the CMake files.

pub mod check;

use crate::build::{trainer, workspace};
use crate::c::archive::Request;
use crate::c::header;
use crate::error::Error;
use crate::files;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A training of one of the logs that ship, on a slow machine.
const LIMIT: Duration = Duration::from_secs(600);

/// An archive of a package.
#[derive(Clone, Copy, Debug)]
pub struct Archive {
    /// Its folder in the package.
    pub folder: &'static str,
    /// The triple of Rust.
    pub target: &'static str,
    /// The processor, where the triple alone does not say enough.
    pub cpu: Option<&'static str>,
    /// What the framework tells GCC of the processor.
    pub flags: &'static [&'static str],
}

/// A package for a framework.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    /// What it is called, and the folder of `runtime/c/packages` that it starts from.
    pub name: &'static str,
    /// The archives.
    pub archives: &'static [Archive],
    /// The folder of the header.
    pub header: &'static str,
    /// Folders of examples, each with the log that ships whose model it has.
    pub examples: &'static [(&'static str, &'static str)],
    /// What is to do with the folder.
    pub next: &'static str,
}

const V6M: &str = "thumbv6m-none-eabi";
const V7M: &str = "thumbv7m-none-eabi";
const V7EM: &str = "thumbv7em-none-eabi";
const V7EM_HARD: &str = "thumbv7em-none-eabihf";
const V8M_HARD: &str = "thumbv8m.main-none-eabihf";
const IMC: &str = "riscv32imc-unknown-none-elf";
const IMAC: &str = "riscv32imac-unknown-none-elf";

const FLAGS_IMC: &[&str] = &["-march=rv32imc_zicsr", "-mabi=ilp32"];
const FLAGS_IMAC: &[&str] = &["-march=rv32imac_zicsr", "-mabi=ilp32"];

/// An archive whose target says enough.
const fn of(folder: &'static str, target: &'static str, flags: &'static [&'static str]) -> Archive {
    Archive {
        folder,
        target,
        cpu: None,
        flags,
    }
}

/// An archive for a processor.
const fn of_cpu(
    folder: &'static str,
    cpu: &'static str,
    flags: &'static [&'static str],
) -> Archive {
    Archive {
        folder,
        target: V8M_HARD,
        cpu: Some(cpu),
        flags,
    }
}

/// Arduino, "Library specification", revision 2.2: `src/{build.mcu}/{build.fpu}-{build.float-abi}`, or else `src/{build.mcu}`.
const ARDUINO: &[Archive] = &[
    of("src/cortex-m0", V6M, &["-mthumb", "-mcpu=cortex-m0"]),
    of(
        "src/cortex-m0plus",
        V6M,
        &["-mthumb", "-mcpu=cortex-m0plus"],
    ),
    of("src/cortex-m23", V6M, &["-mthumb", "-mcpu=cortex-m23"]),
    of("src/cortex-m3", V7M, &["-mthumb", "-mcpu=cortex-m3"]),
    of(
        "src/cortex-m4",
        V7EM,
        &[
            "-mthumb",
            "-mcpu=cortex-m4",
            "-mfpu=fpv4-sp-d16",
            "-mfloat-abi=softfp",
        ],
    ),
    of(
        "src/cortex-m4/fpv4-sp-d16-hard",
        V7EM_HARD,
        &[
            "-mthumb",
            "-mcpu=cortex-m4",
            "-mfpu=fpv4-sp-d16",
            "-mfloat-abi=hard",
        ],
    ),
    of(
        "src/cortex-m7",
        V7EM,
        &[
            "-mthumb",
            "-mcpu=cortex-m7",
            "-mfpu=fpv5-d16",
            "-mfloat-abi=softfp",
        ],
    ),
    of(
        "src/cortex-m7/fpv5-d16-hard",
        V7EM_HARD,
        &[
            "-mthumb",
            "-mcpu=cortex-m7",
            "-mfpu=fpv5-d16",
            "-mfloat-abi=hard",
        ],
    ),
    of(
        "src/cortex-m33",
        V7EM,
        &[
            "-mthumb",
            "-mcpu=cortex-m33",
            "-mfpu=fpv5-sp-d16",
            "-mfloat-abi=softfp",
        ],
    ),
    of_cpu(
        "src/cortex-m33/fpv5-sp-d16-hard",
        "cortex-m33",
        &[
            "-mthumb",
            "-mcpu=cortex-m33",
            "-mfpu=fpv5-sp-d16",
            "-mfloat-abi=hard",
        ],
    ),
    of("src/esp32c2", IMC, FLAGS_IMC),
    of("src/esp32c3", IMC, FLAGS_IMC),
    of("src/esp32c6", IMAC, FLAGS_IMAC),
    of("src/esp32h2", IMAC, FLAGS_IMAC),
];

/// The chips of `runtime/c/packages/esp-idf/CMakeLists.txt`.
const ESP_IDF: &[Archive] = &[
    of("lib/riscv32imc-unknown-none-elf", IMC, FLAGS_IMC),
    of("lib/riscv32imac-unknown-none-elf", IMAC, FLAGS_IMAC),
];

/// The processors of `runtime/c/packages/zephyr/zephyr/CMakeLists.txt`.
const ZEPHYR: &[Archive] = &[
    of(
        "lib/thumbv6m-none-eabi",
        V6M,
        &["-mthumb", "-mcpu=cortex-m0plus"],
    ),
    of(
        "lib/thumbv7m-none-eabi",
        V7M,
        &["-mthumb", "-mcpu=cortex-m3"],
    ),
    of(
        "lib/thumbv7em-none-eabi",
        V7EM,
        &["-mthumb", "-mcpu=cortex-m4", "-mfloat-abi=soft"],
    ),
    of(
        "lib/thumbv7em-none-eabihf",
        V7EM_HARD,
        &[
            "-mthumb",
            "-mcpu=cortex-m4",
            "-mfpu=fpv4-sp-d16",
            "-mfloat-abi=hard",
        ],
    ),
    of_cpu(
        "lib/cortex-m33",
        "cortex-m33",
        &[
            "-mthumb",
            "-mcpu=cortex-m33",
            "-mfpu=fpv5-sp-d16",
            "-mfloat-abi=hard",
        ],
    ),
    of_cpu(
        "lib/cortex-m55",
        "cortex-m55",
        &["-mthumb", "-mcpu=cortex-m55", "-mfloat-abi=hard"],
    ),
    of("lib/riscv32imc-unknown-none-elf", IMC, FLAGS_IMC),
    of("lib/riscv32imac-unknown-none-elf", IMAC, FLAGS_IMAC),
];

/// The packages.
pub const PACKAGES: [Package; 3] = [
    Package {
        name: "arduino",
        archives: ARDUINO,
        header: "src",
        examples: &[("examples/Readings", "pump"), ("examples/Stream", "motor")],
        next: "copy it into the folder `libraries` of your sketches, or into `lib` of a project of PlatformIO",
    },
    Package {
        name: "esp-idf",
        archives: ESP_IDF,
        header: "include",
        examples: &[("examples/readings/main", "pump")],
        next: "copy it into the folder `components` of a project, or in examples/readings say idf.py set-target esp32c3 build",
    },
    Package {
        name: "zephyr",
        archives: ZEPHYR,
        header: "include",
        examples: &[("samples/motor/src", "motor")],
        next: "west build -b BOARD FOLDER/samples/motor, or name it in ZEPHYR_EXTRA_MODULES",
    },
];

impl Package {
    /// The package of this name.
    ///
    /// # Errors
    ///
    /// There is none, as a sentence.
    pub fn named(name: &str) -> Result<&'static Self, String> {
        let found = PACKAGES.iter().find(|package| package.name == name);
        let known = PACKAGES.map(|package| package.name).join(" ");
        found.ok_or_else(|| format!("choose one of {known}"))
    }

    /// Where it goes where nothing else is said. Frameworks take the name of a folder for that of what it holds.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let packages = workspace().join("target/packages");
        packages.join(self.name).join("elbow")
    }

    /// Writes the package into `folder`, which must be absent or empty.
    ///
    /// # Errors
    ///
    /// The folder has files, an archive does not build, or the trainer refuses.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::at(folder)(std::io::Error::new(
                std::io::ErrorKind::AlreadyExists,
                "the folder is not empty: remove it, or name another one",
            )));
        }
        self.write_sources(folder)?;
        for archive in self.archives {
            let request = Request {
                target: Some(archive.target),
                cpu: archive.cpu,
                features: None,
            };
            let place = folder.join(archive.folder);
            copy(
                &request.build()?.join("libelbow.a"),
                &place.join("libelbow.a"),
            )?;
        }
        Ok(())
    }

    /// All but the archives.
    ///
    /// # Errors
    ///
    /// As of [`Package::write`].
    pub fn write_sources(&self, folder: &Path) -> Result<(), Error> {
        let packages = workspace().join("runtime/c/packages");
        self.fill(&packages.join(self.name), folder)?;
        copy(&header::path(), &folder.join(self.header).join("elbow.h"))?;
        for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
            copy(&workspace().join(license), &folder.join(license))?;
        }
        for (place, log) in self.examples {
            let (run, out) = (trained(log)?, folder.join(place).join(log));
            let (run, out) = (run.to_string_lossy(), out.to_string_lossy());
            trainer::run(&["export", &run, "--c", "--out", &out], LIMIT)?;
        }
        Ok(())
    }

    /// Copies a folder with the places in its texts filled in.
    fn fill(&self, from: &Path, to: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(to).map_err(Error::at(to))?;
        for entry in std::fs::read_dir(from).map_err(Error::at(from))? {
            let path = entry.map_err(Error::at(from))?.path();
            let place = to.join(path.file_name().unwrap_or_default());
            if path.is_dir() {
                self.fill(&path, &place)?;
                continue;
            }
            let text = std::fs::read_to_string(&path).map_err(Error::at(&path))?;
            let folders: Vec<_> = self
                .archives
                .iter()
                .map(|one| format!("`{}`", one.folder))
                .collect();
            let text = text
                .replace("{{version}}", env!("CARGO_PKG_VERSION"))
                .replace("{{archives}}", &folders.join(", "));
            files::write(&place, text)?;
        }
        Ok(())
    }
}

/// The run of a log that ships, trained once by this process.
fn trained(log: &'static str) -> Result<PathBuf, Error> {
    static TRAINED: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let mut trained = TRAINED.lock().unwrap_or_else(PoisonError::into_inner);
    let run = workspace().join("target/packages/runs").join(log);
    if !trained.contains(log) {
        let out = run.to_string_lossy();
        trainer::run(&["fit", log, "--out", &out, "--force", "--quiet"], LIMIT)?;
        trained.insert(log);
    }
    Ok(run)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).map_err(Error::at(parent))?;
    }
    std::fs::copy(from, to).map_err(Error::at(from))?;
    Ok(())
}
