//! Builds firmware: the test image of a board, or any program for a device.

use crate::build::board::Board;
use crate::build::toolchain::Toolchain;
use crate::build::workspace;
use crate::error::Error;
use crate::process;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A first build with everything to download, on a slow machine.
const LIMIT: Duration = Duration::from_secs(1800);

/// A binary of a package for a device.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// The name of the binary.
    pub name: &'a str,
    /// The package's folder, from the workspace's.
    pub package: &'a str,
    /// The target triple.
    pub triple: &'static str,
    /// The processor for `-C target-cpu`, where the triple alone does not say enough.
    pub cpu: Option<&'static str>,
    /// The model image for packages that link one in, as `ELBOW_IMAGE`.
    pub image: Option<&'a Path>,
    /// Features of the package, separated by commas, in place of its default ones.
    pub features: Option<&'a str>,
}

/// Builds the firmware of `board`, unless this process has done so; the path of its ELF file.
///
/// # Errors
///
/// No toolchain serves the target, or the firmware does not build.
pub fn build(board: &Board) -> Result<PathBuf, Error> {
    let program = Program {
        name: board.name,
        package: "tests/firmware",
        triple: board.triple,
        cpu: board.cpu,
        image: None,
        features: None,
    };
    program.build()
}

impl Program<'_> {
    /// Builds the program, unless this process has done so; the path of its ELF file.
    ///
    /// # Errors
    ///
    /// No toolchain serves the target, or the program does not build.
    pub fn build(&self) -> Result<PathBuf, Error> {
        self.build_with(&[])
    }

    /// As [`Program::build`], with more files that the package links in, each by the variable that names it.
    ///
    /// # Errors
    ///
    /// As of [`Program::build`].
    pub fn build_with(&self, files: &[(&str, &Path)]) -> Result<PathBuf, Error> {
        type Key = (
            String,
            String,
            &'static str,
            Option<&'static str>,
            Option<PathBuf>,
            Option<String>,
            Vec<(String, PathBuf)>,
        );
        static BUILT: Mutex<Option<HashMap<Key, PathBuf>>> = Mutex::new(None);
        // Held while cargo works: two builds at once would only take turns on the same processors.
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        let built = built.get_or_insert_with(HashMap::new);
        let image = self.image.map(Path::to_owned);
        let (package, name) = (self.package.to_owned(), self.name.to_owned());
        let features = self.features.map(str::to_owned);
        let owned = files.iter();
        let owned = owned.map(|&(name, file)| (name.to_owned(), file.to_owned()));
        let key = (
            package,
            name,
            self.triple,
            self.cpu,
            image,
            features,
            owned.collect(),
        );
        if let Some(path) = built.get(&key) {
            return Ok(path.clone());
        }
        let path = self.compile(files)?;
        built.insert(key, path.clone());
        Ok(path)
    }

    fn compile(&self, files: &[(&str, &Path)]) -> Result<PathBuf, Error> {
        let Self {
            name,
            package,
            triple,
            cpu,
            image,
            features,
        } = *self;
        let toolchain = Toolchain::for_target(triple)?;
        // Paths in panic messages take room in flash: with this, as much in every checkout.
        let mut flags = vec![format!("--remap-path-prefix={}/=", workspace().display())];
        flags.extend(cpu.map(|cpu| format!("-Ctarget-cpu={cpu}")));
        // Programs with the same triple and flags share what cargo compiled.
        let directory = format!("target/firmware-{}", cpu.unwrap_or(triple));
        let directory = workspace().join(directory);
        let mut command = toolchain.cargo_build(triple, &flags);
        command
            .args(["--locked", "--bin", name])
            .arg("--target-dir")
            .arg(&directory)
            .arg("--manifest-path")
            .arg(workspace().join(package).join("Cargo.toml"));
        if let Some(image) = image {
            command.env("ELBOW_IMAGE", image);
        }
        command.envs(files.iter().copied());
        if let Some(features) = features {
            command.args(["--no-default-features", "--features", features]);
        }
        let notice = format!(
            "building the firmware for {name} with {}",
            toolchain.description()
        );
        let done = process::run(&mut command, LIMIT, &notice)?;
        if !done.status.success() {
            return Err(Error::Build {
                program: name.to_owned(),
                log: done.stderr,
            });
        }
        let path = directory.join(triple).join("release").join(name);
        let Some(features) = features else {
            return Ok(path);
        };
        // The next features go to the same file.
        let kept = path.with_file_name(format!("{name}-with-{}", features.replace(',', "-")));
        std::fs::copy(&path, &kept).map_err(Error::at(&path))?;
        Ok(kept)
    }
}
