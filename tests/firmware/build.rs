//! Gives each binary the linker script of its board, `boards/<name>/memory.x`.

use std::env;
use std::fs;
use std::path::Path;

fn main() {
    let boards = Path::new(env!("CARGO_MANIFEST_DIR")).join("boards");
    println!("cargo:rerun-if-changed={}", boards.display());
    for entry in fs::read_dir(&boards).expect("the folder boards is beside build.rs") {
        let folder = entry.expect("the folder boards can be listed").path();
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .expect("boards have plain names");
        println!("cargo:rustc-link-arg-bin={name}=-L{}", folder.display());
    }
    // Two are linked and never run, and that of traps is for all RISC-V: any memory will do.
    let board = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("riscv32") => boards.join("rv32imc"),
        _ => boards.join("m3"),
    };
    for name in ["no-panic", "product", "traps"] {
        println!("cargo:rustc-link-arg-bin={name}=-L{}", board.display());
    }
    println!("cargo:rustc-link-arg-bins=--nmagic");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
}
