//! Finds the model image and the linker script; every example is built by this program.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where `cargo trainer fit` leaves the image when nothing else is asked for, from the folder of an example.
const DEFAULT_IMAGE: &str = "../../runs/digits/model.elbow";

fn main() -> ExitCode {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    println!(
        "cargo::rerun-if-changed={}",
        folder.join("memory.x").display()
    );
    println!("cargo::rustc-link-search={}", folder.display());
    // Without it the linker rounds sections up to pages, which flash has no use for.
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");

    println!("cargo::rerun-if-env-changed=ELBOW_IMAGE");
    let image = env::var_os("ELBOW_IMAGE").unwrap_or(DEFAULT_IMAGE.into());
    match Path::new(&image).canonicalize() {
        Ok(image) => {
            println!("cargo::rerun-if-changed={}", image.display());
            println!("cargo::rustc-env=ELBOW_IMAGE_PATH={}", image.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!(
                "cargo::error=no model image at {}: {error}; train one first: cargo trainer fit",
                Path::new(&image).display()
            );
            ExitCode::FAILURE
        }
    }
}
