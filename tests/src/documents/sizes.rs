//! The sizes of the examples, as their page has them.

use crate::build::elf::Elf;
use crate::build::workspace;
use crate::error::Error;

/// What is wrong with the row of the example `name` of a folder in the page of examples, whose last cells are bytes of flash and bytes of statics.
/// Another compiler makes other code: a tenth of the flash is left to it.
///
/// # Errors
///
/// The page cannot be read, has no such row, or the program is damaged.
pub fn stale(name: &str, folder: &str, elf: &Elf) -> Result<Option<String>, Error> {
    let readme = workspace().join("firmware-examples/README.md");
    let text = std::fs::read_to_string(&readme).map_err(Error::at(&readme))?;
    let start = format!("| [`{name}`]({folder}) |");
    let row = text.lines().find(|line| line.starts_with(&start));
    let (flash, statics) = (elf.flash_bytes()?, elf.static_bytes()?);
    let mut cells = row.unwrap_or_default().trim_end_matches('|').rsplit('|');
    let mut number = || cells.next()?.trim().replace(',', "").parse::<usize>().ok();
    let is_right = number().is_some_and(|told| statics.abs_diff(told) <= 64)
        && number().is_some_and(|told| flash.abs_diff(told) <= flash / 10);
    Ok((!is_right).then(|| format!("{name}: {flash} of flash, {statics} of statics")))
}
