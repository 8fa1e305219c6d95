//! The formats: how an input is made, and what reading it may cost.

use crate::dice::Dice;
use crate::images;
use crate::mutate::mutate;
use crate::seeds::{self, Seeds};
use crate::tables;

/// Bytes that the reader of a small plain file may hold at a time.
const PLAIN: usize = 64 << 20;
/// The same of a packed one, which may unpack to 64 MiB whatever its length.
const PACKED: usize = 1 << 30;

/// One packed file of so many unpacks to much more.
const RARELY: usize = 5000;

/// A format that a device or the trainer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Models for devices.
    Image,
    /// Tables of text: every delimiter, decimal commas, times, UTF-8 and Latin-1.
    Text,
    /// The same in UTF-16.
    Utf16,
    /// Arrays of NumPy.
    Npy,
    /// Archives of these.
    Npz,
    /// Files of MATLAB, version 5 to 7.
    Mat,
    /// Sound.
    Wav,
    /// Images of bytes, as MNIST has them.
    Idx,
    /// Any of these, packed by gzip.
    Gz,
    /// Any of these, packed by Zstandard.
    Zst,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Image,
        Self::Text,
        Self::Utf16,
        Self::Npy,
        Self::Npz,
        Self::Mat,
        Self::Wav,
        Self::Idx,
        Self::Gz,
        Self::Zst,
    ];

    /// What the command line calls it; also the extension of its inputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Text => "text",
            Self::Utf16 => "utf16",
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::Mat => "mat",
            Self::Wav => "wav",
            Self::Idx => "idx",
            Self::Gz => "gz",
            Self::Zst => "zst",
        }
    }

    /// The format of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Bytes that reading an input may take at a time.
    #[must_use]
    pub fn memory(self) -> usize {
        match self {
            Self::Image | Self::Text | Self::Utf16 | Self::Npy | Self::Wav | Self::Idx => PLAIN,
            Self::Npz | Self::Mat | Self::Gz | Self::Zst => PACKED,
        }
    }

    /// A damaged file, or a whole one with random contents. What is packed or encoded is damaged inside or outside:
    /// checksums hide the inside from damage outside.
    #[must_use]
    pub fn input(self, seeds: &Seeds, dice: &mut Dice) -> Vec<u8> {
        let inside = dice.once_in(2);
        match self {
            Self::Text if inside => tables::text(dice),
            Self::Npy if inside => tables::npy(dice),
            Self::Wav if inside => tables::wav(dice),
            Self::Idx if inside => tables::idx(dice),
            Self::Utf16 if inside => {
                let text = Self::Text.input(seeds, dice);
                seeds::utf16(&String::from_utf8_lossy(&text), dice.once_in(2))
            }
            Self::Npz if inside => archive(seeds, dice),
            Self::Mat if inside => variables(seeds, dice),
            Self::Gz if dice.once_in(RARELY) => seeds::gzip(&tables::long(dice)),
            Self::Zst if dice.once_in(RARELY) => tables::repeated(dice),
            Self::Gz if inside => seeds::gzip(&any(dice).input(seeds, dice)),
            Self::Zst if inside => seeds::zstandard(&any(dice).input(seeds, dice)),
            Self::Image => sealed(damaged(&seeds.images, dice)),
            Self::Text => damaged(&seeds.text, dice),
            Self::Utf16 => damaged(&seeds.utf16, dice),
            Self::Npy => damaged(&seeds.npy, dice),
            Self::Npz => damaged(&seeds.npz, dice),
            Self::Mat => damaged(&seeds.mat, dice),
            Self::Wav => damaged(&seeds.wav, dice),
            Self::Idx => damaged(&seeds.idx, dice),
            Self::Gz => damaged(&seeds.gz, dice),
            Self::Zst => damaged(&seeds.zst, dice),
        }
    }

    /// `input` with more damage; a packed one is made anew as often, since damage outside seldom gets inside.
    #[must_use]
    pub fn damaged_further(self, mut input: Vec<u8>, seeds: &Seeds, dice: &mut Dice) -> Vec<u8> {
        match self {
            Self::Npz | Self::Mat | Self::Gz | Self::Zst if dice.once_in(2) => {
                self.input(seeds, dice)
            }
            Self::Image => {
                let other = &seeds.images[dice.below(seeds.images.len())];
                mutate(dice, &mut input, other);
                sealed(input)
            }
            _ => {
                let other = self.input(seeds, dice);
                mutate(dice, &mut input, &other);
                input
            }
        }
    }
}

/// A damaged image whose checksum holds.
fn sealed(mut image: Vec<u8>) -> Vec<u8> {
    images::seal(&mut image);
    image
}

/// A format that is not packed itself, text more often than not.
fn any(dice: &mut Dice) -> Format {
    match dice.below(2) {
        0 => Format::Text,
        _ => Format::ALL[1 + dice.below(7)],
    }
}

/// One of `files`, damaged, with pieces of another.
fn damaged(files: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = files[dice.below(files.len())].clone();
    let other = &files[dice.below(files.len())];
    mutate(dice, &mut input, other);
    input
}

/// An archive of one to three arrays, of which some are damaged.
fn archive(seeds: &Seeds, dice: &mut Dice) -> Vec<u8> {
    let count = 1 + dice.below(3);
    let files: Vec<(&str, Vec<u8>)> = (0..count)
        .map(|_| {
            let name = dice.pick(&["X.npy", "y.npy", "arr_0.npy", "a/b.npy", ".npy", "X"]);
            (name, Format::Npy.input(seeds, dice))
        })
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, file)| (*name, &file[..]))
        .collect();
    seeds::npz(&files)
}

/// A file of MATLAB with one or two variables, some damaged before they are compressed.
fn variables(seeds: &Seeds, dice: &mut Dice) -> Vec<u8> {
    let (order, _) = seeds.variables[dice.below(seeds.variables.len())];
    let count = 1 + dice.below(2);
    let mut elements = vec![];
    for _ in 0..count {
        let mut variable = tables::variable(order, dice);
        if dice.once_in(2) {
            let (_, other) = &seeds.variables[dice.below(seeds.variables.len())];
            mutate(dice, &mut variable, other);
        }
        elements.extend(seeds::compressed(order, &variable));
    }
    seeds::mat(order, &elements)
}
