//! `trainer completions` and `trainer man`.

use crate::cli::command;
use crate::cli::output::emit;
use crate::error::Error;
use crate::export::run;
use clap::{Args, Command};
use clap_complete::Shell;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct Completions {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Manual {
    /// The folder to write a page for each command to
    folder: PathBuf,
}

/// Prints what a shell reads.
pub(in crate::cli) fn completions(arguments: &Completions) -> Result<(), Error> {
    let shell = match arguments.shell.as_str() {
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut command = command();
    let name = command.get_name().to_owned();
    let mut bytes = vec![];
    clap_complete::generate(shell, &mut command, name, &mut bytes);
    emit(None, &String::from_utf8_lossy(&bytes))
}

/// Writes a page for the program and for each command.
pub(in crate::cli) fn manual(arguments: &Manual) -> Result<(), Error> {
    let folder = &arguments.folder;
    run::make_folder(folder)?;
    let mut program = command();
    program.build();
    page(&program, "trainer", folder)?;
    for own in program
        .get_subcommands()
        .filter(|own| own.get_name() != "help")
    {
        page(own, &format!("trainer-{}", own.get_name()), folder)?;
    }
    Ok(())
}

/// Writes the page of a command.
fn page(command: &Command, name: &str, folder: &Path) -> Result<(), Error> {
    let path = folder.join(format!("{name}.1"));
    let mut bytes = vec![];
    let rendered = clap_mangen::Man::new(command.clone().display_name(name))
        .title(name)
        .render(&mut bytes);
    rendered.map_err(Error::writing(&path))?;
    run::write(&path, &bytes)
}
