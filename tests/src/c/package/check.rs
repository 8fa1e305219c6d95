//! Checks of packages, as far as they go without the frameworks: every archive is linked by the flags that the framework gives GCC, the
//! examples compile against declarations of what they call, CMake is configured for every processor, and the manifests are read by
//! PlatformIO, Kconfiglib and PyYAML.

use super::{Archive, Package};
use crate::build::{debian, workspace};
use crate::c::program;
use crate::error::Error;
use crate::files;
use crate::process;
use crate::python;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A compiler, or CMake, on a slow machine.
const LIMIT: Duration = Duration::from_secs(120);

/// What reads the manifests, from PyPI.
const READERS: [&str; 3] = ["platformio==6.2.0", "kconfiglib==14.1.0", "pyyaml==6.0.4"];

/// A program that calls most of the interface.
const PROGRAM: &str = r#"#include "elbow.h"
static elbow_model model;
static elbow_session session;
static elbow_watch watch;
extern const uint64_t image[64];
const uint64_t image[64] = {0};
int main(void) {
  static uint64_t workspace[64];
  static int16_t reading[8];
  elbow_score score;
  elbow_event event;
  bool done;
  elbow_watch_settings settings = {0};
  char text[ELBOW_CSV_BYTES];
  elbow_code code = elbow_model_parse(&model, image, sizeof image);
  code |= elbow_model_self_test(&model, workspace, sizeof workspace);
  code |= elbow_session_init(&session, &model, workspace, sizeof workspace, 0);
  reading[0] = elbow_raw_reading(0.5 * code, -3, 0).value;
  code |= elbow_session_score(&session, reading, 8, ELBOW_SIGMA_POINTS, &score);
  code |= elbow_score_csv(&score, 0, text, sizeof text);
  code |= elbow_watch_init(&watch, &model, workspace, sizeof workspace, &settings, 0);
  code |= elbow_watch_push(&watch, reading, 3, &event, &done);
  return elbow_describe(code)[0];
}
"#;

/// Checks the package that lies in `folder`; what was found goes to standard output.
///
/// # Errors
///
/// Something is refused, with the words of what refuses it; or a tool is absent and cannot be installed.
pub fn check(package: &Package, folder: &Path) -> Result<(), Error> {
    for archive in package.archives {
        link(archive, &folder.join(package.header), folder)?;
    }
    println!("{}: {} archives link", package.name, package.archives.len());
    examples(package, folder)?;
    for &configuration in configurations(package.name) {
        configure(package, folder, configuration)?;
    }
    manifests(package, folder)
}

/// Where declarations of what a framework has are.
fn declarations(package: &Package) -> PathBuf {
    let all = workspace().join("tests/src/c/package/declared");
    all.join(package.name)
}

/// Links a program with an archive by the flags of its framework.
fn link(archive: &Archive, header: &Path, folder: &Path) -> Result<(), Error> {
    let temporary = files::temporary_folder()?;
    let source = temporary.path().join("main.c");
    files::write(&source, PROGRAM)?;
    let compiler = match archive.target.starts_with("riscv") {
        true => ("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"),
        false => ("arm-none-eabi-gcc", "gcc-arm-none-eabi"),
    };
    ensure(compiler.0, compiler.1)?;
    let mut command = Command::new(compiler.0);
    command
        .args(archive.flags)
        .args(["-Os", "-ffreestanding", "-nostdlib", "-I"])
        .arg(header)
        .arg(&source)
        .arg("-L")
        .arg(folder.join(archive.folder))
        .args(["-lelbow", "-lgcc"])
        .arg("-Wl,--gc-sections,--fatal-warnings,--no-warn-rwx-segments,-z,noexecstack,-e,main")
        .arg("-o")
        .arg(temporary.path().join("program.elf"));
    finish(&mut command).map(|_| ())
}

/// Compiles the examples against what their framework declares.
///
/// # Errors
///
/// The compiler refuses, or warns.
pub fn examples(package: &Package, folder: &Path) -> Result<(), Error> {
    for (place, _) in package.examples {
        let place = folder.join(place);
        for entry in std::fs::read_dir(&place).map_err(Error::at(&place))? {
            let path = entry.map_err(Error::at(&place))?.path();
            let extension = path.extension().and_then(|one| one.to_str());
            let language: &[&str] = match extension {
                Some("ino") => &["-x", "c++", "-std=gnu++17", "-include", "Arduino.h"],
                Some("c") => &["-x", "c", "-std=gnu11"],
                _ => continue,
            };
            let mut command = Command::new("gcc");
            command
                .args(["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I"])
                .arg(declarations(package))
                .arg("-I")
                .arg(folder.join(package.header))
                .args(language)
                .arg(&path);
            finish(&mut command)?;
            println!(
                "{}: {} compiles against declarations; {} is not here to build it",
                package.name,
                path.file_name().unwrap_or_default().to_string_lossy(),
                package.name
            );
        }
    }
    Ok(())
}

/// What a framework may tell the CMake files, and the archive that it gets; none where it is to be refused.
fn configurations(package: &str) -> &'static [(&'static [&'static str], Option<&'static str>)] {
    match package {
        "esp-idf" => &[
            (&["IDF_TARGET=esp32c3"], Some("riscv32imc-unknown-none-elf")),
            (
                &["IDF_TARGET=esp32c6"],
                Some("riscv32imac-unknown-none-elf"),
            ),
            (&["IDF_TARGET=esp32s3"], None),
        ],
        "zephyr" => &[
            (&["CONFIG_CPU_CORTEX_M0PLUS=y"], Some("thumbv6m-none-eabi")),
            (&["CONFIG_CPU_CORTEX_M23=y"], Some("thumbv6m-none-eabi")),
            (&["CONFIG_CPU_CORTEX_M3=y"], Some("thumbv7m-none-eabi")),
            (&["CONFIG_CPU_CORTEX_M4=y"], Some("thumbv7em-none-eabi")),
            (
                &["CONFIG_CPU_CORTEX_M4=y", "CONFIG_FP_HARDABI=y"],
                Some("thumbv7em-none-eabihf"),
            ),
            (
                &["CONFIG_CPU_CORTEX_M7=y", "CONFIG_FP_HARDABI=y"],
                Some("thumbv7em-none-eabihf"),
            ),
            (&["CONFIG_CPU_CORTEX_M33=y"], Some("thumbv7m-none-eabi")),
            (
                &["CONFIG_CPU_CORTEX_M33=y", "CONFIG_ARMV8_M_DSP=y"],
                Some("thumbv7em-none-eabi"),
            ),
            (
                &["CONFIG_CPU_CORTEX_M33=y", "CONFIG_FP_HARDABI=y"],
                Some("cortex-m33"),
            ),
            (
                &["CONFIG_CPU_CORTEX_M85=y", "CONFIG_FP_HARDABI=y"],
                Some("cortex-m55"),
            ),
            (&["CONFIG_RISCV=y"], Some("riscv32imc-unknown-none-elf")),
            (
                &["CONFIG_RISCV=y", "CONFIG_RISCV_ISA_EXT_A=y"],
                Some("riscv32imac-unknown-none-elf"),
            ),
            (&["CONFIG_CPU_CORTEX_M3=n", "CONFIG_ARCH=arc"], None),
        ],
        _ => &[],
    }
}

/// Configures CMake as the framework would.
fn configure(
    package: &Package,
    folder: &Path,
    (settings, expected): (&[&str], Option<&str>),
) -> Result<(), Error> {
    ensure("cmake", "cmake")?;
    let build = files::temporary_folder()?;
    let mut command = Command::new("cmake");
    command
        .arg("-S")
        .arg(declarations(package))
        .arg("-B")
        .arg(build.path());
    command
        .arg(format!("-DPACKAGE={}", folder.display()))
        .arg("-DCONFIG_ELBOW=y");
    command.args(settings.iter().map(|setting| format!("-D{setting}")));
    let wrong = |output: String| Error::Program {
        program: format!("cmake for {} with {}", package.name, settings.join(" ")),
        output,
    };
    let done = process::run(&mut command, LIMIT, "configuring by CMake")?;
    let Some(expected) = expected else {
        return match done.status.success() {
            true => Err(wrong(format!("it was not refused\n{}", done.stdout))),
            false if done.stderr.contains("elbow has no archive") => Ok(()),
            false => Err(wrong(done.stderr)),
        };
    };
    let chosen = done
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("-- archive "));
    let is_it = |path: &str| {
        let path = Path::new(path);
        path.exists()
            && path
                .parent()
                .is_some_and(|parent| parent.ends_with(expected))
    };
    match chosen {
        Some(path) if is_it(path) => Ok(()),
        other => Err(wrong(format!(
            "{other:?} is not that of {expected}\n{}",
            done.stderr
        ))),
    }
}

/// Lets those programs read the manifests that a framework's own would read.
fn manifests(package: &Package, folder: &Path) -> Result<(), Error> {
    let environment = workspace().join("target/packages/python");
    python::environment(&environment, &READERS)?;
    let program = |name: &str| Command::new(environment.join("bin").join(name));
    let mut read = program("python");
    read.args(["-c", READ]).arg(package.name).arg(folder);
    print!("{}", finish(&mut read)?);
    Ok(())
}

/// Reads YAML and Kconfig, and asks `platformio.py` for the archive of each processor.
const READ: &str = r#"
import pathlib, runpy, sys
import kconfiglib, yaml
from platformio.package.manifest.parser import ManifestParserFactory
from platformio.package.manifest.schema import ManifestSchema

name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
for path in folder.rglob("*.yml"):
    assert isinstance(yaml.safe_load(path.read_text()), dict), path
for path in folder.rglob("*.yaml"):
    assert isinstance(yaml.safe_load(path.read_text()), dict), path
if name == "zephyr":
    kconfig = kconfiglib.Kconfig(str(folder / "zephyr" / "Kconfig"), warn_to_stderr=False)
    assert "ELBOW" in kconfig.syms and not [one for one in kconfig.warnings if "ELBOW" in one and "undefined" not in one]
    print("zephyr: Kconfig and YAML are read")
if name == "esp-idf":
    print("esp-idf: YAML is read")
if name == "arduino":
    of = runpy.run_path(str(folder / "platformio.py"))["folder"]
    soft, hard = ["-mfloat-abi=softfp"], ["-mfloat-abi=hard"]
    asked = [("", "cortex-m0plus", []), ("stm32f405rgt6", "cortex-m4", []), ("x", "cortex-m4", soft), ("x", "cortex-m4", hard)]
    asked += [("x", "cortex-m7", hard), ("x", "cortex-m33", hard), ("esp32c3", "", []), ("x", "", ["-mcpu=cortex-m3"])]
    for mcu, cpu, flags in asked:
        assert (folder / "src" / of(mcu, cpu, flags) / "libelbow.a").exists(), (mcu, cpu, flags)
    assert of("esp32s3", "", []) is None and of("x", "cortex-m85", hard) is None
    properties = dict(line.split("=", 1) for line in (folder / "library.properties").read_text().splitlines())
    needed = "name version author maintainer sentence paragraph category url architectures".split()
    assert all(properties.get(key) for key in needed), properties
    assert (folder / "src" / properties["includes"]).exists()
    manifest = ManifestParserFactory.new_from_file(str(folder / "library.json")).as_dict()
    # PlatformIO asks the network for the names of all licenses.
    assert manifest.pop("license") == "MIT"
    ManifestSchema().load_manifest(manifest)
    print("arduino: platformio.py finds archives, library.properties is whole, PlatformIO reads library.json")
"#;

/// Makes sure of a program by Debian's packages.
fn ensure(name: &'static str, packages: &str) -> Result<(), Error> {
    if program::is_there(name) {
        return Ok(());
    }
    let packages: Vec<_> = packages.split(' ').collect();
    debian::install(&packages).map_err(|reason| Error::Absent {
        tool: name,
        reason,
        remedy: debian::line_to_type(&packages),
    })
}

/// Runs a program that must succeed; its standard output.
fn finish(command: &mut Command) -> Result<String, Error> {
    let done = process::run(command, LIMIT, "checking a package")?;
    match done.status.success() {
        true => Ok(done.stdout),
        false => Err(Error::Program {
            program: format!("{command:?}"),
            output: done.stdout + &done.stderr,
        }),
    }
}
