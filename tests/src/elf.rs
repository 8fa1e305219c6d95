//! What the linker made: sizes and symbols of a 32-bit little-endian ELF file.
//!
//! Field offsets are those of the System V ABI, "Object files", for `Elf32_Ehdr`, `Elf32_Shdr` and `Elf32_Sym`.

use crate::error::Error;
use std::io;
use std::path::{Path, PathBuf};

/// `sh_flags`: the section is in memory when the program runs.
const ALLOCATED: u32 = 2;
/// `sh_flags`: the program writes to it.
const WRITABLE: u32 = 1;
/// `sh_type`: the symbol table.
const SYMBOL_TABLE: u32 = 2;
/// `sh_type`: no bytes in the file.
const NO_BITS: u32 = 8;

/// A firmware file.
#[derive(Clone, Debug)]
pub struct Elf {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// The fields of a section header that matter here.
#[derive(Clone, Copy)]
struct Section {
    kind: u32,
    flags: u32,
    offset: usize,
    size: usize,
    link: usize,
}

impl Elf {
    /// Reads a firmware file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not a 32-bit little-endian ELF file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })?;
        let elf = Self {
            path: path.to_owned(),
            bytes,
        };
        if elf.bytes.starts_with(b"\x7fELF\x01\x01") {
            Ok(elf)
        } else {
            Err(elf.damaged())
        }
    }

    /// Bytes of flash: code, constants and initial values.
    ///
    /// # Errors
    ///
    /// The file is damaged.
    pub fn flash_bytes(&self) -> Result<usize, Error> {
        let sections = self.sections()?;
        let in_flash =
            |section: &&Section| section.flags & ALLOCATED != 0 && section.kind != NO_BITS;
        Ok(sections
            .iter()
            .filter(in_flash)
            .map(|section| section.size)
            .sum())
    }

    /// Bytes of RAM for statics; the stack comes on top.
    ///
    /// # Errors
    ///
    /// The file is damaged.
    pub fn static_bytes(&self) -> Result<usize, Error> {
        let both = ALLOCATED | WRITABLE;
        Ok(self
            .sections()?
            .iter()
            .filter(|section| section.flags & both == both)
            .map(|section| section.size)
            .sum())
    }

    /// The names of all symbols, as the compiler mangled them.
    ///
    /// # Errors
    ///
    /// The file is damaged.
    pub fn symbols(&self) -> Result<Vec<String>, Error> {
        let sections = self.sections()?;
        let mut names = Vec::new();
        for table in sections
            .iter()
            .filter(|section| section.kind == SYMBOL_TABLE)
        {
            let strings = sections.get(table.link).ok_or_else(|| self.damaged())?;
            for symbol in (table.offset..table.offset + table.size).step_by(16) {
                let start = strings.offset + self.word(symbol)? as usize;
                let rest = self.bytes.get(start..).ok_or_else(|| self.damaged())?;
                let name = rest.split(|&byte| byte == 0).next().unwrap_or_default();
                names.push(String::from_utf8_lossy(name).into_owned());
            }
        }
        Ok(names)
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

    fn sections(&self) -> Result<Vec<Section>, Error> {
        let start = self.word(32)? as usize;
        let (size, count) = (self.half(46)?, self.half(48)?);
        (0..count)
            .map(|index| self.section(start + index * size))
            .collect()
    }

    fn section(&self, at: usize) -> Result<Section, Error> {
        Ok(Section {
            kind: self.word(at + 4)?,
            flags: self.word(at + 8)?,
            offset: self.word(at + 16)? as usize,
            size: self.word(at + 20)? as usize,
            link: self.word(at + 24)? as usize,
        })
    }

    fn word(&self, at: usize) -> Result<u32, Error> {
        let bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        bytes
            .map(|bytes| u32::from_le_bytes(*bytes))
            .ok_or_else(|| self.damaged())
    }

    fn half(&self, at: usize) -> Result<usize, Error> {
        let bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        bytes
            .map(|bytes| u16::from_le_bytes(*bytes).into())
            .ok_or_else(|| self.damaged())
    }

    fn damaged(&self) -> Error {
        let source = io::Error::new(
            io::ErrorKind::InvalidData,
            "not a 32-bit little-endian ELF file, or cut short",
        );
        Error::File {
            path: self.path.clone(),
            source,
        }
    }
}
