//! Models that were sized to a budget keep it, measured on the emulated boards: flash by what the linker made and
//! the image, RAM by the workspace and the depth of the stack, instructions by the counter.

use elbow::Model;
use elbow::format::AlignedImage;
use elbow_tests::build::board::{Board, COUNTED};
use elbow_tests::build::trainer;
use elbow_tests::measure::costs::{self, Cost};
use elbow_tests::measure::{bench, product};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// A training of a second, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(600);

/// Models of those that were measured which are measured again.
const AGAIN: usize = 8;

/// A count may grow by this part of itself.
const TOLERANCE: f64 = 0.02;

fn counted(core: &str) -> &'static Board {
    COUNTED
        .into_iter()
        .find(|board| board.core_name() == core)
        .unwrap()
}

/// Readings of twelve correlated real columns.
fn csv() -> String {
    let mut word = 7u64;
    let mut next = || {
        word = word
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (word >> 40) as f64 / (1u64 << 24) as f64
    };
    let mut text = String::new();
    for _ in 0..400 {
        let (a, b) = (next(), next());
        let mut row = (0..12).map(|at| a * f64::from(at) + b + 0.2 * next());
        let first = row.next().unwrap();
        // Writing to a string cannot fail.
        let _ = write!(text, "{first}");
        row.for_each(|value| {
            let _ = write!(text, ",{value}");
        });
        text.push('\n');
    }
    text
}

/// The most that a model may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    flash: u64,
    ram: u64,
    instructions: u64,
}

impl Limits {
    fn to_array(self) -> [u64; 3] {
        [self.flash, self.ram, self.instructions]
    }
}

/// Sizes a model of `data` to the limits for `core`, trains it a little, and holds what it takes on the core's
/// board against them.
fn check((data, features): (&str, &str), core: &str, limits: Limits, folder: &Path) {
    let run = folder.join(core);
    fit(data, core, limits, &run);
    let taken = taken((data, features), core, &run);
    println!("{data} on {core}: {taken:?} of {limits:?}");
    let (taken, limits) = (taken.to_array(), limits.to_array());
    for (taken, limit) in taken.into_iter().zip(limits) {
        assert!(taken <= limit, "{data} on {core}: {taken} of {limit}");
    }
    // One of the limits is all but used up.
    let used = taken.into_iter().zip(limits);
    let used = used.map(|(taken, limit)| taken as f64 / limit as f64);
    let most = used.fold(0.0, f64::max);
    assert!(most > 0.75, "{data} on {core}: {taken:?} of {limits:?}");
    let summary = std::fs::read_to_string(run.join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let budget = &summary["budget"];
    let told = budget["cost"]["instructions"].as_f64().unwrap();
    let error = budget["instructions_error"].as_f64().unwrap();
    // Models are told as with multipliers that shift by little, which cost more.
    let range = 0.8 * told..told * (1.0 + error);
    let [_, _, counted] = taken;
    assert!(
        range.contains(&(counted as f64)),
        "{data} on {core}: {told} told, {counted} counted"
    );
}

/// Trains a model of `data` within `limits` on `core`, a little.
fn fit(data: &str, core: &str, limits: Limits, run: &Path) {
    let run = run.to_str().unwrap();
    let [flash, ram, instructions] = limits.to_array().map(|limit| limit.to_string());
    let mut arguments = vec!["fit", data, "--out", run, "--force", "--keep-dead-latents"];
    arguments.extend([
        "--epochs", "3", "--quiet", "--core", core, "--flash", &flash,
    ]);
    arguments.extend(["--ram", &ram, "--instructions", &instructions]);
    trainer::run(&arguments, LIMIT).unwrap();
}

/// What the model of `run` takes on the board of `core`, with the program around it.
fn taken((data, features): (&str, &str), core: &str, run: &Path) -> Limits {
    let folder = run.parent().unwrap();
    let raw = folder.join("raw.i16");
    let (run, out) = (run.to_str().unwrap(), raw.to_str().unwrap());
    let arguments = ["readings", run, data, "--out", out, "--limit", "1"];
    trainer::run(&arguments, LIMIT).unwrap();
    let image = std::fs::read(Path::new(run).join("model.elbow")).unwrap();
    let aligned = AlignedImage::new(&image);
    let model = Model::parse(&aligned).unwrap();
    let board = counted(core);
    let readings = std::fs::read(raw).unwrap();
    let Cost { score, stack, .. } = costs::of_image(board, &image, &readings, folder).unwrap();
    let size = product::size(board, Some(features)).unwrap();
    let words = 8 * model.workspace_words() + 2 * model.reading_length();
    Limits {
        flash: (size.flash + image.len()) as u64,
        ram: stack + (size.statics + words) as u64,
        instructions: score,
    }
}

#[test]
fn models_keep_their_budgets_on_the_boards() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("real.csv");
    std::fs::write(&file, csv()).unwrap();
    let file = file.to_str().unwrap();
    let limits = |flash, ram, instructions| Limits {
        flash,
        ram,
        instructions,
    };
    // Each time another limit binds.
    let digits = ("digits", costs::FEATURES[3]);
    let real = (file, costs::FEATURES[4]);
    let folder = folder.path();
    check(digits, "m4", limits(40 << 10, 16 << 10, 2_000_000), folder);
    check(digits, "m0", limits(128 << 10, 16 << 10, 200_000), folder);
    check(real, "m4", limits(128 << 10, 5 << 10, 1_000_000), folder);
    check(real, "m0", limits(128 << 10, 16 << 10, 150_000), folder);
    check(
        real,
        "rv32imc",
        limits(128 << 10, 16 << 10, 150_000),
        folder,
    );
}

#[test]
fn what_cannot_be_kept_is_refused_with_both_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let arguments = [
        "fit",
        "--out",
        run.to_str().unwrap(),
        "--flash",
        "8K",
        "--ram",
        "1K",
        "--instructions",
        "900",
    ];
    let refusal = trainer::run(&arguments, LIMIT).unwrap_err().to_string();
    for word in [
        "--flash 8192 cannot be met",
        "--ram 1024 cannot be met",
        "--instructions 900 cannot be met",
        "more",
        "8-z2-8",
        "on m4",
    ] {
        assert!(refusal.contains(word), "{refusal} lacks {word:?}");
    }
    assert!(!run.exists());
}

/// What the trainer's budgets are made of is what is true now, or too much.
#[test]
fn no_cost_has_grown() {
    let recorded = std::fs::read_to_string(bench::compiler()).unwrap();
    let compiler = bench::rustc_version();
    if recorded != compiler {
        eprintln!("skipped: costs were recorded with {recorded}, this is {compiler}");
        return;
    }
    let boards = [counted("m0"), counted("m4")];
    let measured = serde_json::json!(costs::measure(&boards, AGAIN).unwrap());
    let recorded = std::fs::read_to_string(costs::home()).unwrap();
    let recorded: serde_json::Value = serde_json::from_str(&recorded).unwrap();
    let mut grown = Vec::new();
    let mut hold = |path: String| {
        let number = |value: &serde_json::Value| value.pointer(&path).unwrap().as_f64().unwrap();
        let (before, now) = (number(&recorded), number(&measured));
        if now > before * (1.0 + TOLERANCE) {
            grown.push(format!("{path}: {now}, recorded {before}"));
        }
    };
    for core in ["m0", "m4"] {
        for features in costs::FEATURES {
            hold(format!("/cores/{core}/flash_bytes/{features}"));
        }
        hold(format!("/cores/{core}/stack_bytes"));
        for model in 0..AGAIN {
            hold(format!("/models/{model}/cores/{core}/0"));
            hold(format!("/models/{model}/cores/{core}/1"));
        }
    }
    assert!(
        grown.is_empty(),
        "{}\n`cargo xtask costs` records what is measured now",
        grown.join("\n")
    );
}
