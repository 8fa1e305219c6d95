//! Finds the linker script of an agent; each is built by this program.

use std::path::PathBuf;

fn main() {
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    println!(
        "cargo::rerun-if-changed={}",
        folder.join("memory.x").display()
    );
    println!("cargo::rustc-link-search={}", folder.display());
    // Without it the linker rounds sections up to pages, which flash has no use for.
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
}
