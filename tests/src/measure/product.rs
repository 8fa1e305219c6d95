//! What the least product takes: the program `product` of the firmware, which parses a model, scores readings by sigma
//! points and asks for p-values. No float, and one likelihood; features add to it.

use crate::build::board::Board;
use crate::build::elf::Elf;
use crate::build::firmware::Program;
use crate::error::Error;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The likelihood of the least product.
pub const LEAST: &str = "counts";

/// The likelihood that another product has instead.
pub const OTHER: &str = "locations";

/// What a product may have beside its likelihood, in the order of the table: features of the runtime, and what each
/// adds to the least product.
pub const FEATURES: [(&str, &str); 17] = [
    ("locations", "a second likelihood in the same program"),
    (
        "heterogeneous",
        "a likelihood for each column in the same program",
    ),
    ("conditions", "images may ask for it"),
    ("mixture-prior", "images may ask for it"),
    ("bits", "images may ask for it"),
    ("wide-activations", "images may ask for it"),
    ("wide-inputs", "images may ask for it"),
    ("four-bit-weights", "images may ask for it"),
    ("foreign-packings", "images may ask for it"),
    (
        "statistics",
        "images may ask for it: prototypes, columns, tails of p-values",
    ),
    (
        "streams",
        "images may ask for it; a window becomes a reading",
    ),
    ("sampling", "a score by Monte Carlo"),
    (
        "importance-weighting",
        "`sampling`, and a score by importance weighting",
    ),
    (
        "generation",
        "`sampling`, and a reading drawn from the prior",
    ),
    ("masks", "a score of a reading with gaps"),
    ("float", "a score as `f64`"),
    (
        "adapt",
        "a reading aligned, judged and learned from; the state in two copies",
    ),
];

/// Bytes of one build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Code, constants, interrupt vectors.
    pub flash: usize,
    /// Statics.
    pub statics: usize,
}

/// Links the least product for the processor of `board` with these features, separated by commas; with those of the
/// runtime's default, and no more called, where there are none.
///
/// # Errors
///
/// The program does not build.
pub fn size(board: &Board, features: Option<&str>) -> Result<Size, Error> {
    let program = Program {
        name: "product",
        package: "tests/firmware",
        triple: board.triple,
        cpu: board.cpu,
        image: None,
        features,
    };
    let elf = Elf::read(&program.build()?)?;
    Ok(Size {
        flash: elf.flash_bytes()?,
        statics: elf.static_bytes()?,
    })
}

/// The cores that features are measured on.
pub const CORES: [&str; 2] = ["m0", "m4"];

/// Core -> feature -> bytes of flash of the least product with it. `counts` is the least product, `locations only` one
/// with the other likelihood in place of it.
pub type Features = BTreeMap<&'static str, BTreeMap<String, usize>>;

/// Measures every feature on those of `boards` that are among [`CORES`].
///
/// # Errors
///
/// A program does not build.
pub fn features(boards: &[&'static Board]) -> Result<Features, Error> {
    let measured = boards
        .iter()
        .filter(|board| CORES.contains(&board.core_name()));
    let of_board = |board: &&'static Board| {
        let flash = |features: &str| Ok(size(board, Some(features))?.flash);
        let mut bytes = BTreeMap::from([
            (LEAST.to_owned(), flash(LEAST)?),
            (format!("{OTHER} only"), flash(OTHER)?),
        ]);
        for (feature, _) in FEATURES {
            bytes.insert(feature.to_owned(), flash(&format!("{LEAST},{feature}"))?);
        }
        Ok((board.core_name(), bytes))
    };
    measured.map(of_board).collect()
}

/// The table of features in Markdown: what each adds to the least product.
#[must_use]
pub fn table(measured: &Features) -> String {
    let cores: String = measured.keys().map(|core| format!(" {core} |")).collect();
    let rule = " ---: |".repeat(measured.len());
    let mut text = format!("| feature |{cores} what it adds |\n| --- |{rule} --- |\n");
    let mut line = |name: &str, what: &str, cell: &dyn Fn(&BTreeMap<String, usize>) -> String| {
        let cells: String = measured
            .values()
            .map(|bytes| format!(" {} |", cell(bytes)))
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} |{cells} {what} |");
    };
    let of = |bytes: &BTreeMap<String, usize>, name: &str| bytes.get(name).copied().unwrap_or(0);
    line(
        "the least product, `counts`",
        "parse, encode, sigma points, p-value",
        &|bytes| of(bytes, LEAST).to_string(),
    );
    line("`locations` in place of `counts`", "", &|bytes| {
        let (only, least) = (of(bytes, &format!("{OTHER} only")), of(bytes, LEAST));
        format!("{:+}", only.cast_signed() - least.cast_signed())
    });
    for (feature, what) in FEATURES {
        line(&format!("`{feature}`"), what, &|bytes| {
            let (with, least) = (of(bytes, feature), of(bytes, LEAST));
            format!("{:+}", with.cast_signed() - least.cast_signed())
        });
    }
    text
}
