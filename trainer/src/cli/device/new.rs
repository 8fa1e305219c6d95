//! `trainer new`.

use crate::cli::arguments::Source;
use crate::cli::arguments::stream::StreamInput;
use crate::cli::output::emit;
use crate::error::Error;
use crate::export::firmware::Facts;
use crate::export::firmware::project::board::{self, Board, Needs};
use crate::export::firmware::project::example::Example;
use crate::export::firmware::project::{Language, Project};
use crate::export::run;
use clap::Args;
use elbow::Model;
use std::path::{Path, PathBuf};

/// Where runs are that nobody named.
const RUNS: &str = "runs";

/// The crate of the runtime and the archives of `cargo xtask c`, from the folder of a checkout.
const CRATE: &str = "runtime";
const ARCHIVES: &str = "target/c";

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Folder to make; without it, the boards are listed
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Board that the program is for: `trainer new` lists them
    #[arg(long, value_name = "BOARD")]
    board: Option<String>,
    /// Language of the program
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// A model image, or the folder of a run [default: the only run in runs/]
    #[arg(long, value_name = "RUN")]
    run: Option<PathBuf>,
    /// Data whose first reading without a gap, or whose first window, the program scores [default: the test part of what the run was
    /// trained on; of a stream its beginning]
    #[arg(long, value_name = "DATA")]
    data: Option<String>,
    /// Rust: the folder of the crate elbow; C: the folder of libelbow.a and elbow.h [default: in the checkout that this program was
    /// built from, or without one the published crate]
    #[arg(long, value_name = "PATH")]
    elbow: Option<PathBuf>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let (folder, board) = match (&arguments.folder, &arguments.board) {
        (None, None) => return emit(None, &board::table()),
        (Some(folder), Some(board)) => (folder, Board::named(board)?),
        (Some(_), None) => {
            return Err(Error::Setting(format!(
                "--board is missing: choose {}",
                board::all()
            )));
        }
        (None, Some(board)) => {
            return Err(Error::Setting(format!(
                "the folder to make is missing: trainer new DIR --board {board}"
            )));
        }
    };
    check_new(folder)?;
    let path = match &arguments.run {
        Some(path) => path.clone(),
        None => only_run(Path::new(RUNS))?,
    };
    let image = run::read_image(&path)?;
    let model = run::parse(&path, &image)?;
    let example = example(&path, &model, arguments.data.as_deref())?;
    let own = arguments.lang.program_bytes();
    let needs = Needs::of(&model, board.core, example.values(), own)?;
    board.check(model.name(), needs)?;
    let elbow = elbow(arguments, board)?;
    let project = Project {
        facts: &Facts::new(&model, &image),
        board,
        example: &example,
        elbow: elbow.as_deref(),
    };
    let files = project.files(arguments.lang)?;
    write(folder, &files)?;
    tell(&project);
    emit(None, &next(folder, &project, arguments.lang, needs))
}

/// Makes sure that nothing is in `folder`.
fn check_new(folder: &Path) -> Result<(), Error> {
    let taken = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => folder.exists(),
    };
    match taken {
        false => Ok(()),
        true => Err(Error::Setting(format!(
            "{} exists and is no empty folder: name one that is to be made",
            folder.display()
        ))),
    }
}

/// The only run in `runs`.
fn only_run(runs: &Path) -> Result<PathBuf, Error> {
    let entries = std::fs::read_dir(runs).into_iter().flatten();
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<PathBuf> = folders
        .filter(|folder| folder.join(run::IMAGE_FILE).exists())
        .collect();
    found.sort();
    match found.as_slice() {
        [only] => {
            eprintln!(
                "{} is taken, the only run in {RUNS} (--run)",
                only.display()
            );
            Ok(only.clone())
        }
        [] => Err(Error::Setting(format!(
            "there is no run in {RUNS}: train one by `trainer fit`, or name one by --run"
        ))),
        many => Err(Error::Setting(format!(
            "there are {} runs in {RUNS}: name one, such as --run {}",
            many.len(),
            many[0].display()
        ))),
    }
}

/// What the program scores.
fn example(path: &Path, model: &Model<'_>, data: Option<&str>) -> Result<Example, Error> {
    match model.stream() {
        Some(stream) => window(path, model, stream.shape().samples, data),
        None => reading(path, model, data),
    }
}

/// The first window of `data`, or of what the run was trained on.
fn window(
    path: &Path,
    model: &Model<'_>,
    samples: usize,
    data: Option<&str>,
) -> Result<Example, Error> {
    let data = match data {
        Some(data) => Some(data.to_owned()),
        None => run::config_beside(path)?.map(|run| run.settings.data.source),
    };
    let data = data.ok_or_else(|| {
        Error::Setting(format!(
            "{} lies in no folder of a run, whose data could be taken: name some by --data",
            path.display()
        ))
    })?;
    let loaded = StreamInput::new(path, &data, None).load_labelled(model, None)?;
    let loaded = loaded.with_windows()?;
    // The first recording that has a window.
    let lengths = loaded.lengths.iter();
    let before = lengths.take_while(|&&length| length < samples).sum();
    let rows = loaded.samples.iter().skip(before).take(samples);
    Example::new(model, rows, (0, data))
}

/// The first reading without a gap of `data`, or of the test part of the run.
fn reading(path: &Path, model: &Model<'_>, data: Option<&str>) -> Result<Example, Error> {
    let source = Source {
        model: path.to_path_buf(),
        data: data.map(str::to_owned),
    };
    let loaded = source.load(model, None, None, |rows| (0..rows).collect())?;
    let masks = loaded.masks.as_ref();
    let is_whole = |row: &usize| {
        let mut columns = 0..model.reading_length();
        masks.is_none_or(|masks| columns.all(|column| masks.observes(*row, column)))
    };
    let what = match data {
        Some(data) => data.to_owned(),
        None => format!("the test part of {}", path.display()),
    };
    let row = (0..loaded.readings.len()).find(is_whole).ok_or_else(|| {
        Error::Setting(format!(
            "{what} has no reading without a gap for the program to score: name data with one by --data"
        ))
    })?;
    let rows = loaded.readings.iter().skip(row).take(1);
    Example::new(model, rows, (row as u32, what))
}

/// Where the program finds elbow, said in a line where nobody named it.
fn elbow(arguments: &Arguments, board: &Board) -> Result<Option<PathBuf>, Error> {
    let language = arguments.lang;
    if let Some(path) = &arguments.elbow {
        if language == Language::Rust && !path.join("Cargo.toml").exists() {
            return Err(Error::Setting(format!(
                "--elbow {} has no Cargo.toml: name the folder of the crate elbow, which is {CRATE} in a checkout",
                path.display()
            )));
        }
        return std::path::absolute(path)
            .map(Some)
            .map_err(Error::reading(path));
    }
    let found = match (language, checkout()) {
        (Language::Rust, Some(root)) => Some(root.join(CRATE)),
        (Language::C, Some(root)) => Some(root.join(ARCHIVES).join(board.triple)),
        (_, None) => None,
    };
    match (&found, language) {
        (Some(path), _) => eprintln!("elbow is taken from {} (--elbow)", path.display()),
        (None, Language::Rust) => eprintln!(
            "elbow is taken by its version, {} (--elbow for a folder)",
            env!("CARGO_PKG_VERSION")
        ),
        (None, Language::C) => eprintln!(
            "the Makefile has to be told where libelbow.a is: make ELBOW=FOLDER (--elbow writes it there)"
        ),
    }
    Ok(found)
}

/// The checkout that this program was built from, where it is still there.
fn checkout() -> Option<&'static Path> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    root.join(CRATE).join("Cargo.toml").exists().then_some(root)
}

/// Writes all files, or none.
fn write(folder: &Path, files: &[(&str, String)]) -> Result<(), Error> {
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    for parent in paths.iter().filter_map(|path| path.parent()) {
        run::make_folder(parent)?;
    }
    let texts = files.iter().map(|(_, text)| text.as_bytes());
    run::write_together(paths.iter().map(PathBuf::as_path).zip(texts))
}

/// Says what was assumed.
fn tell(project: &Project<'_>) {
    let (example, board) = (project.example, project.board);
    let what = match project.facts.model.stream() {
        Some(_) => "window",
        None => "reading",
    };
    eprintln!(
        "the program scores {what} {} of {} (--data)",
        example.number, example.source
    );
    if project.is_foreign() {
        eprintln!(
            "the weights are packed for another core and are read more slowly: train by `trainer fit --core {}` for this board",
            board.core
        );
    }
}

/// What there is, and what to type.
fn next(folder: &Path, project: &Project<'_>, language: Language, needs: Needs) -> String {
    let (board, shown) = (project.board, folder.display());
    let first = format!(
        "{shown}: {} on the {}, about {} of {} KiB of flash and {} of {} KiB of RAM\nnext:\n",
        project.facts.model.name(),
        board.name,
        needs.flash_bytes.div_ceil(1024),
        board.flash_kib,
        needs.ram_bytes.div_ceil(1024),
        board.ram_kib
    );
    let triple = board.triple;
    first
        + &match language {
            Language::Rust => {
                format!("  rustup target add {triple}\n  cd {shown} && cargo run --release\n")
            }
            Language::C => format!("  cargo xtask c --target {triple}\n  make -C {shown} run\n"),
        }
}
