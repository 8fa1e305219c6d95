//! `trainer export`.

use crate::error::Error;
use crate::export::firmware::{Facts, c, hex, rust};
use crate::export::run;
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// A model image, or the folder of a run
    model: PathBuf,
    #[command(flatten)]
    form: Form,
    /// Address of the image in flash, for --hex: a multiple of 8, such as 0x08040000
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    address: Option<u32>,
    /// File to write; --c writes a .h and a .c of this name [default: the model's name, in this folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The form of the export: one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Form {
    /// Write a Rust module: the image, sizes, columns and thresholds
    #[arg(long)]
    rust: bool,
    /// Write a C99 header and source: the image, sizes, columns and thresholds
    #[arg(long)]
    c: bool,
    /// Write the bytes of the image
    #[arg(long)]
    bin: bool,
    /// Write the image as Intel HEX, at --address
    #[arg(long)]
    hex: bool,
}

fn parse_address(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
    let number = match digits {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "an address has 32 bits, such as 0x08040000".to_owned())
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments {
        form, address, out, ..
    } = arguments;
    if address.is_some() && !form.hex {
        return Err(Error::Setting(
            "--address is for --hex: the other forms have no address".into(),
        ));
    }
    let image = run::read_image(&arguments.model)?;
    let model = run::parse(&arguments.model, &image)?;
    let facts = Facts::new(&model, &image);
    let path = |extension: &str| {
        let default = || PathBuf::from(format!("{}.{extension}", facts.identifier));
        out.clone().unwrap_or_else(default)
    };
    if form.c {
        return write_c(&facts, &path("h"));
    }
    let (path, bytes) = match form {
        Form { rust: true, .. } => (path("rs"), rust::module(&facts).into_bytes()),
        Form { hex: true, .. } => {
            let address = address.ok_or_else(|| {
                Error::Setting(
                    "--hex needs --address: where the image lies in flash, such as 0x08040000"
                        .into(),
                )
            })?;
            (path("hex"), hex::text(facts.image, address)?.into_bytes())
        }
        _ => (path("bin"), facts.image.to_vec()),
    };
    run::prepare_file(&path)?;
    run::write(&path, &bytes)?;
    tell(&facts, &[&path]);
    Ok(())
}

/// Writes header and source, both or none.
fn write_c(facts: &Facts<'_>, path: &Path) -> Result<(), Error> {
    let beside = |extension| match path.extension().and_then(|kind| kind.to_str()) {
        Some("h" | "c") => path.with_extension(extension),
        _ => {
            let mut name = path.as_os_str().to_owned();
            name.push(".");
            name.push(extension);
            name.into()
        }
    };
    let (header, source) = (beside("h"), beside("c"));
    let name = header.file_name().unwrap_or_default().to_string_lossy();
    let files = c::files(facts, &name);
    for path in [&header, &source] {
        run::prepare_file(path)?;
    }
    let both = [
        (header.as_path(), files.header.as_bytes()),
        (&source, files.source.as_bytes()),
    ];
    run::write_together(both.into_iter())?;
    tell(facts, &[&header, &source]);
    Ok(())
}

/// Says on standard output what was written.
fn tell(facts: &Facts<'_>, paths: &[&Path]) {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    println!(
        "{}: {} bytes of image, {} bytes of workspace",
        paths.join(", "),
        facts.image.len(),
        8 * facts.model.workspace_words()
    );
}
