//! Sizes and symbols of what the linker made.

use crate::error::Error;
use object::read::elf::ElfFile32;
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, elf};
use std::io;
use std::path::{Path, PathBuf};

/// A firmware file.
#[derive(Clone, Debug)]
pub struct Elf {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Elf {
    /// Reads a firmware file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not a 32-bit ELF file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(Error::at(path))?;
        let elf = Self {
            path: path.to_owned(),
            bytes,
        };
        elf.parse()?;
        Ok(elf)
    }

    /// Bytes of flash: code, constants and initial values.
    ///
    /// # Errors
    ///
    /// The file is damaged.
    pub fn flash_bytes(&self) -> Result<usize, Error> {
        self.bytes_of(|_, flags, is_stored| is_stored && flags & elf::SHF_ALLOC.0 != 0)
    }

    /// Bytes of RAM for statics; the stack comes on top, though a linker script may make a section of it.
    ///
    /// # Errors
    ///
    /// The file is damaged.
    pub fn static_bytes(&self) -> Result<usize, Error> {
        let both = elf::SHF_ALLOC.0 | elf::SHF_WRITE.0;
        self.bytes_of(|name, flags, _| flags & both == both && name != ".stack")
    }

    /// Sizes of the sections that `counts` by their names, their flags and whether the file holds their bytes.
    fn bytes_of(&self, counts: impl Fn(&str, u64, bool) -> bool) -> Result<usize, Error> {
        let file = self.parse()?;
        let sections = file.sections().filter(|section| {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
                return false;
            };
            let name = section.name().unwrap_or_default();
            counts(name, sh_flags.0, section.file_range().is_some())
        });
        Ok(sections.map(|section| section.size() as usize).sum())
    }

    /// The names of all symbols, as the compiler mangled them.
    ///
    /// # Errors
    ///
    /// The file is damaged.
    pub fn symbols(&self) -> Result<Vec<String>, Error> {
        let file = self.parse()?;
        let name = |symbol: object::read::elf::ElfSymbol32<'_, '_>| match symbol.name() {
            Ok(name) => Ok(name.to_owned()),
            Err(error) => Err(self.damaged(error)),
        };
        file.symbols().map(name).collect()
    }

    /// The functions through which a panic would go; a program without any cannot panic.
    ///
    /// # Errors
    ///
    /// The file is damaged.
    pub fn panic_paths(&self) -> Result<Vec<String>, Error> {
        // Every panic of Rust ends in core::panicking, whichever scheme mangles it ("9panicking" in both).
        let mut names = self.symbols()?;
        names.retain(|name| name.contains("9panicking") || name.contains("index_fail"));
        Ok(names)
    }

    fn parse(&self) -> Result<ElfFile32<'_>, Error> {
        ElfFile32::parse(&*self.bytes).map_err(|error| self.damaged(error))
    }

    fn damaged(&self, error: object::Error) -> Error {
        Error::at(&self.path)(io::Error::new(io::ErrorKind::InvalidData, error))
    }
}
