//! `cargo xtask interface`: the public items of the crates for devices, beside a list of them that is checked in, so that no break is
//! an accident.
//!
//! rustdoc writes the items as JSON, which only a nightly one does unless it is told that it is one; the crate `public-api` reads it.

use crate::build::workspace;
use crate::error::Error;
use crate::files;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

/// The crates: package, library, features, and the folder whose `API.txt` lists its items. Those of a processor are left out: they
/// add no item.
const CRATES: [(&str, &str, &str, &str); 2] = [
    ("elbow", "elbow", "adapt,defmt,image", "runtime"),
    ("elbow-agent", "elbow_agent", "", "runtime/agent"),
];

/// The version of rustdoc's JSON that `public-api` reads: that of Rust 1.95.
const FORMAT: u64 = 57;

/// Writes the lists anew.
///
/// # Errors
///
/// As [`check`], but that nothing is compared.
pub fn record() -> Result<(), Error> {
    for (package, library, features, folder) in CRATES {
        let (path, items) = (list(folder), items(package, library, features)?);
        files::write(&path, &items)?;
        println!("{}: {} public items", path.display(), items.lines().count());
    }
    Ok(())
}

/// Compares the public items with the lists, and prints what is new or gone; whether nothing is.
///
/// # Errors
///
/// A crate has no documentation, a list cannot be read, or this machine's Rust writes another version of the JSON.
pub fn check() -> Result<bool, Error> {
    let mut is_same = true;
    for (package, library, features, folder) in CRATES {
        let path = list(folder);
        let listed = std::fs::read_to_string(&path).map_err(Error::at(&path))?;
        let found = items(package, library, features)?;
        let lost = lines_without(&listed, &found);
        let added = lines_without(&found, &listed);
        for (sign, lines) in [("-", &lost), ("+", &added)] {
            lines.iter().for_each(|line| println!("{sign} {line}"));
        }
        println!(
            "{package}: {} public items, {} gone, {} new",
            found.lines().count(),
            lost.len(),
            added.len()
        );
        is_same &= lost.is_empty() && added.is_empty();
    }
    if !is_same {
        println!("if that is meant: cargo xtask interface --record, and a line in CHANGELOG.md");
    }
    Ok(is_same)
}

fn list(folder: &str) -> PathBuf {
    workspace().join(folder).join("API.txt")
}

/// The lines of `all` that `others` lacks.
fn lines_without<'a>(all: &'a str, others: &str) -> Vec<&'a str> {
    let others: BTreeSet<_> = others.lines().collect();
    all.lines().filter(|line| !others.contains(line)).collect()
}

/// The public items of a crate, one a line, sorted by their paths.
fn items(package: &str, library: &str, features: &str) -> Result<String, Error> {
    let target = workspace().join("target/interface");
    let mut command = Command::new("cargo");
    command
        .current_dir(workspace())
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["rustdoc", "--quiet", "--lib", "--package", package])
        .args(["--features", features, "--target-dir"])
        .arg(&target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .args(["--cap-lints", "allow"]);
    let program = format!("cargo rustdoc --package {package}");
    let status = command.status().map_err(|source| Error::Start {
        program: program.clone(),
        source,
    })?;
    let failed = |output: String| Error::Program {
        program: program.clone(),
        output,
    };
    if !status.success() {
        return Err(failed(String::new()));
    }
    let path = target.join("doc").join(library).with_extension("json");
    let json = std::fs::read_to_string(&path).map_err(Error::at(&path))?;
    let value: serde_json::Value =
        serde_json::from_str(&json).map_err(|error| failed(error.to_string()))?;
    let format = value["format_version"].as_u64();
    if format != Some(FORMAT) {
        return Err(Error::Absent {
            tool: "a Rust whose rustdoc writes items as they are read here",
            reason: format!(
                "this one writes version {} of its JSON, and {FORMAT} is read",
                format.unwrap_or_default()
            ),
            remedy: "rustup toolchain install 1.95 && cargo +1.95 xtask interface".to_owned(),
        });
    }
    let items = public_api::Builder::from_rustdoc_json(&path)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build();
    Ok(items
        .map_err(|error| failed(error.to_string()))?
        .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_and_what_is_new_is_told() {
        let (before, after) = ("pub fn a()\npub fn b()\n", "pub fn a()\npub fn b(u8)\n");
        assert_eq!(lines_without(before, after), ["pub fn b()"]);
        assert_eq!(lines_without(after, before), ["pub fn b(u8)"]);
    }
}
