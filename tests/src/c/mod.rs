//! `cargo xtask c`: the archive and the header for programs in C and C++.
//!
//! * [`header`]: `elbow.h` from the sources.
//! * [`archive`]: archives for targets, and what may be in one.
//! * [`program`]: C programs, built for this machine and for boards.
//! * [`package`]: libraries, components and modules of frameworks.
//! * [`example`]: what the examples of `runtime/c/examples` need beside them.

pub mod archive;
pub mod example;
pub mod header;
pub mod package;
pub mod program;

use crate::error::Error;
use crate::files;

/// Builds all archives and compiles the header and the examples; what was found goes to standard output. Whether all is
/// well.
///
/// # Errors
///
/// Something does not build.
pub fn check() -> Result<bool, Error> {
    let mut is_well = true;
    for target in archive::TARGETS {
        let request = archive::Request {
            target: Some(target),
            ..archive::Request::default()
        };
        let folder = request.build()?;
        let faults = archive::faults(&folder.join("libelbow.a"))?;
        println!("{target}: {} faults", faults.len());
        faults.iter().for_each(|fault| println!("  {fault}"));
        is_well &= faults.is_empty();
    }
    let folder = files::temporary_folder()?;
    let example = example::Example::random(folder.path())?;
    let archive = archive::Request::default().build()?;
    for compiler in program::COMPILERS {
        if !program::is_there(compiler.0) {
            println!("{}: not run, it is not on this machine", compiler.0);
            continue;
        }
        for name in example::NAMES {
            let files = example.files(name);
            let program = folder.path().join(name);
            example
                .sources(&files, &archive, &[])
                .build_here(compiler, &program)?;
        }
        println!("{} -std={}: no warning", compiler.0, compiler.2);
    }
    Ok(is_well)
}
