//! Finds the model image and the linker script; every example is built by this program.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where `cargo trainer fit` leaves the image when nothing else is asked for, from the folder of an example.
const DEFAULT_IMAGE: &str = "../../runs/digits/model.elbow";

fn main() -> ExitCode {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    println!("cargo::rustc-check-cfg=cfg(armv6m)");
    if env::var("TARGET").is_ok_and(|target| target.starts_with("thumbv6m")) {
        println!("cargo::rustc-cfg=armv6m");
    }
    println!("cargo::rerun-if-env-changed=ELBOW_MEMORY");
    let memory = env::var_os("ELBOW_MEMORY").map_or(folder.clone(), PathBuf::from);
    let memory = folder.join(memory);
    println!(
        "cargo::rerun-if-changed={}",
        memory.join("memory.x").display()
    );
    println!("cargo::rustc-link-search={}", memory.display());
    // Without it the linker rounds sections up to pages, which flash has no use for.
    println!("cargo::rustc-link-arg-bins=--nmagic");
    // A HAL that knows the memory of its chip brings a script of its own.
    let script = if memory.join("memory.x").exists() {
        "link.x"
    } else {
        "linkall.x"
    };
    println!("cargo::rustc-link-arg-bins=-T{script}");

    // Some name more: the samples of a stream, another model.
    if find("ELBOW_IMAGE", "model image", Some(DEFAULT_IMAGE))
        && find("ELBOW_SAMPLES", "samples", None)
        && find("ELBOW_AUTOENCODER", "model image", None)
    {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Passes the absolute path of the file that the variable names on, as the variable and `_PATH`; whether it is there.
fn find(variable: &str, what: &str, default: Option<&str>) -> bool {
    println!("cargo::rerun-if-env-changed={variable}");
    let Some(named) = env::var_os(variable).or(default.map(Into::into)) else {
        return true;
    };
    let file = Path::new(&named);
    match file.canonicalize() {
        Ok(file) => {
            println!("cargo::rerun-if-changed={}", file.display());
            println!("cargo::rustc-env={variable}_PATH={}", file.display());
            true
        }
        Err(error) => {
            let advice = match env::var_os("ELBOW_SAMPLES") {
                None => "train one first: cargo trainer fit",
                Some(_) => "make both first, as README.md says: cargo trainer fit motor",
            };
            println!(
                "cargo::error=no {what} at {}: {error}; {advice}",
                file.display()
            );
            false
        }
    }
}
