//! `cargo xtask boards`: the examples for boards that QEMU does not emulate, built with their HALs. They run nowhere here.

use crate::build::elf::Elf;
use crate::build::firmware::Program;
use crate::build::trainer;
use crate::documents::sizes;
use crate::error::Error;
use crate::files;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A training of seconds, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(600);

/// An example for a board that one can hold.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The name of the binary, and of its folder in `firmware-examples/boards`.
    pub name: &'static str,
    triple: &'static str,
    cpu: Option<&'static str>,
}

/// All of them.
pub const EXAMPLES: [Example; 6] = [
    Example::new("rp2040", "thumbv6m-none-eabi", None),
    Example::new("rp2350", "thumbv8m.main-none-eabihf", Some("cortex-m33")),
    Example::new("nrf52840", "thumbv7em-none-eabihf", None),
    Example::new("stm32f405", "thumbv7em-none-eabihf", None),
    Example::new("stm32h743", "thumbv7em-none-eabihf", None),
    Example::new("esp32c3", "riscv32imc-unknown-none-elf", None),
];

impl Example {
    const fn new(name: &'static str, triple: &'static str, cpu: Option<&'static str>) -> Self {
        Self { name, triple, cpu }
    }

    /// Builds it around `image`, a model of a stream of three channels; what is wrong with its row in the page of examples.
    ///
    /// # Errors
    ///
    /// It does not build.
    pub fn check(&self, image: &Path) -> Result<Option<String>, Error> {
        let folder = format!("boards/{}", self.name);
        let program = Program {
            name: self.name,
            package: &format!("firmware-examples/{folder}"),
            triple: self.triple,
            cpu: self.cpu,
            image: Some(image),
            features: None,
        };
        sizes::stale(self.name, &folder, &Elf::read(&program.build()?)?)
    }
}

/// An image of the stream that ships with the trainer, in `folder`.
///
/// # Errors
///
/// The trainer does not build, or the training fails.
pub fn image(folder: &Path) -> Result<PathBuf, Error> {
    let run = folder.join("motor");
    let out = run.to_string_lossy();
    trainer::run(&["fit", "motor", "--out", &out, "--quiet"], LIMIT)?;
    Ok(run.join("model.elbow"))
}

/// Builds all, and prints what is wrong; whether nothing is.
///
/// # Errors
///
/// One does not build.
pub fn check() -> Result<bool, Error> {
    let folder = files::temporary_folder()?;
    let image = image(folder.path())?;
    let mut is_right = true;
    for example in EXAMPLES {
        match example.check(&image)? {
            None => println!("{} builds", example.name),
            Some(stale) => {
                println!("{stale}: firmware-examples/README.md has other sizes");
                is_right = false;
            }
        }
    }
    Ok(is_right)
}
