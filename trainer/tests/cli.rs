//! The program itself, from its command line to its files: small trainings, and every bad input.

mod support;

use serde_json::Value;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use support::program::{
    Folder, Noise, contents, fails, fails_with, json, read, succeeds, text, trainer,
};

/// More epochs than any test has time for.
const ENDLESS: &str = "1000000";
/// A training as small as it gets, over whatever an earlier one of the test left.
const TINY: [&str; 11] = [
    "--force",
    "--epochs",
    "3",
    "--encoder",
    "6",
    "--decoder",
    "6",
    "--latents",
    "2",
    "--keep-dead-latents",
    "--quiet",
];

/// Readings of 4 correlated values; every seventh is abnormal.
fn readings(rows: usize) -> Vec<[f32; 4]> {
    let mut noise = Noise(7);
    let mut row = |index| {
        let (a, b) = (noise.next(), noise.next());
        let sign = if index % 7 == 6 { -1.0 } else { 1.0 };
        [
            a + 0.1 * noise.next(),
            10.0 * a + noise.next(),
            sign * b + 0.1 * noise.next(),
            2.0 * b + 0.1 * noise.next(),
        ]
    };
    (0..rows).map(&mut row).collect()
}

fn csv(rows: &[[f32; 4]]) -> String {
    let lines = rows
        .iter()
        .map(|row| row.map(|value| value.to_string()).join(",") + "\n");
    "a,b,c,d\n".to_owned() + &lines.collect::<String>()
}

/// A version 1 array of little-endian f32.
fn npy(rows: &[[f32; 4]]) -> Vec<u8> {
    let header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 4), }}",
        rows.len()
    );
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(rows.iter().flatten().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Files that many tests read and none writes.
struct Fixture {
    csv: String,
    npy: String,
    labels: String,
    /// Trained on `csv` with `labels`.
    run: String,
    /// Trained on the digits.
    digits: String,
}

const ROWS: usize = 140;

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-fixture");
        // What an earlier run of the tests left.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| text(&folder.join(name));
        let rows = readings(ROWS);
        let fixture = Fixture {
            csv: path("pump.csv"),
            npy: path("pump.npy"),
            labels: path("labels.csv"),
            run: path("run"),
            digits: path("digits"),
        };
        std::fs::write(&fixture.csv, csv(&rows)).unwrap();
        std::fs::write(&fixture.npy, npy(&rows)).unwrap();
        let labels: String = (0..ROWS)
            .map(|row| if row % 7 == 6 { "1\n" } else { "0\n" })
            .collect();
        std::fs::write(&fixture.labels, labels).unwrap();
        let Fixture {
            csv,
            labels,
            run,
            digits,
            ..
        } = &fixture;
        succeeds(&[&["fit", csv, "--labels", labels, "--out", run], &TINY[..]].concat());
        succeeds(&[&["fit", "--out", digits], &TINY[..]].concat());
        fixture
    })
}

/// `fit` on `data` with more `arguments` must be refused with `words`, and leave the run that is in
/// its folder as it is.
fn fit_is_refused(data: &str, arguments: &[&str], words: &[&str]) {
    let folder = Folder::new();
    let out = folder.path("run");
    std::fs::create_dir(&out).unwrap();
    for (path, bytes) in contents(&fixture().run) {
        std::fs::write(Path::new(&out).join(path.file_name().unwrap()), bytes).unwrap();
    }
    let before = contents(&out);
    let start = Instant::now();
    fails_with(
        &[
            &["fit", data, "--out", &out, "--force"][..],
            &["--epochs", ENDLESS, "--quiet"],
            arguments,
        ]
        .concat(),
        words,
    );
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{arguments:?} trained first"
    );
    assert_eq!(contents(&out), before);
}

// What is refused.

#[test]
fn damaged_images_are_refused_by_every_command() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    for name in ["config.toml", "model.safetensors"] {
        folder.write(name, read(run, name));
    }
    let good = read(run, "model.elbow");
    let with = |at: usize, byte: u8| {
        let mut image = good.clone();
        image[at] = byte;
        image
    };
    let images: [(&str, Vec<u8>, &str); 9] = [
        ("empty", vec![], "not an elbow image"),
        (
            "foreign",
            b"\x89PNG\r\n\x1a\n0123456789".to_vec(),
            "not an elbow image",
        ),
        ("text", csv.as_bytes().to_vec(), "not an elbow image"),
        ("cut in its prefix", good[..10].to_vec(), "truncated"),
        ("cut in its header", good[..30].to_vec(), "truncated"),
        (
            "cut at its end",
            good[..good.len() - 1].to_vec(),
            "truncated",
        ),
        (
            "of a newer format",
            with(4, good[4] + 1),
            "format version 8",
        ),
        (
            "of newer numerics",
            with(6, good[6] + 1),
            "numerics version",
        ),
        (
            "flipped",
            with(good.len() / 2, good[good.len() / 2] ^ 4),
            "damaged",
        ),
    ];
    let kept = folder.write("kept", "what was here before");
    for (what, bytes, word) in images {
        let image = folder.write("model.elbow", bytes);
        let commands: [&[&str]; 9] = [
            &["inspect", &image],
            &["eval", &image, csv],
            &["score", &image, csv],
            &["score", &image, csv, "--out", &kept],
            &["sample", &image],
            &["sample", &image, "--out", &kept],
            &["readings", &image, csv, "--out", &kept],
            &["impute", &image, csv, "--mask", csv, "--out", &kept],
            &["estimators", &image, csv],
        ];
        for command in commands {
            let line = fails(command);
            assert!(
                line.contains(word) && line.contains("model.elbow"),
                "{what}: {line}"
            );
        }
    }
    assert_eq!(std::fs::read(kept).unwrap(), b"what was here before");
}

#[test]
fn no_flipped_bit_is_overlooked() {
    let folder = Folder::new();
    let good = read(&fixture().run, "model.elbow");
    // The prefix, then all over the image.
    for byte in (0..20).chain((20..good.len()).step_by(good.len() / 20)) {
        let mut image = good.clone();
        image[byte] ^= 1 << (byte % 8);
        fails(&["inspect", &folder.write("model.elbow", image)]);
    }
}

#[test]
fn missing_images_are_named() {
    let Fixture { csv, .. } = fixture();
    let folder = Folder::new();
    fails_with(
        &["inspect", &folder.path("none.elbow")],
        &["cannot read", "none.elbow"],
    );
    fails_with(
        &["score", &folder.path(""), csv],
        &["cannot read", "model.elbow"],
    );
}

#[test]
fn bad_readings_are_refused_by_fit_score_and_eval() {
    let folder = Folder::new();
    let good = csv(&readings(40));
    let last = |line: &str| folder.write("bad.csv", good.clone() + line + "\n");
    let cases: [(&dyn Fn() -> String, &[&str]); 9] = [
        (&|| last("1,2,3"), &["ends in line 42", "3 cells of 4"]),
        (&|| last("1,2,3,4,5"), &["line 42 has 5 cells", "has 4"]),
        (
            &|| last("1,2,broken,4"),
            &["line 42, column 3 (c)", "broken"],
        ),
        (
            &|| last("1,2,3\n1,2,3,4"),
            &["line 42 has 3 cells", "has 4"],
        ),
        (&|| last("1,2,3,inf"), &["line 42, column 4 (d)", "inf"]),
        (&|| folder.write("bad.csv", ""), &["no row"]),
        (&|| folder.write("bad.csv", "a,b,c,d\n"), &["no row"]),
        (
            &|| folder.write("bad.csv", b"PK\x03\x04\x00\x00"),
            &["bad.csv"],
        ),
        (&|| folder.path("missing.csv"), &["no such file"]),
    ];
    for (make, words) in cases {
        let data = make();
        fit_is_refused(&data, &[], words);
        let kept = folder.write("kept", "before");
        fails_with(&["score", &fixture().run, &data, "--out", &kept], words);
        assert_eq!(std::fs::read(&kept).unwrap(), b"before");
        fails_with(&["eval", &fixture().run, &data], words);
    }
    let short = npy(&readings(9));
    let short = folder.write("short.npy", &short[..short.len() - 3]);
    fit_is_refused(&short, &[], &["short.npy", "truncated"]);
    // A folder is recordings, and the first of these is no file of readings.
    fit_is_refused(&folder.path(""), &[], &["bad.csv", "cannot be unpacked"]);
}

#[test]
fn readings_of_another_width_are_refused() {
    let Fixture {
        run, digits, csv, ..
    } = fixture();
    let folder = Folder::new();
    let wide = folder.write("wide.csv", "1,2,3,4,5\n6,7,8,9,10\n");
    let out = folder.path("readings");
    for command in [
        &["score", run, &wide][..],
        &["eval", run, &wide],
        &["readings", run, &wide, "--out", &out],
        &["impute", run, &wide, "--mask", &wide, "--out", &out],
        &["estimators", run, &wide],
    ] {
        fails_with(command, &["wide: has 5 columns", "had 4"]);
    }
    fails_with(
        &["score", run, "digits"],
        &["digits:test has 64 columns", "takes 4"],
    );
    fails_with(&["score", digits, csv], &["pump", "4 columns", "64"]);
    assert!(!Path::new(&out).exists());
}

#[test]
fn counts_that_cannot_be_are_refused() {
    let Fixture { digits, csv, .. } = fixture();
    let folder = Folder::new();
    for (value, shown) in [("17", "is 17"), ("-1", "is -1"), ("0.5", "is 0.5")] {
        let row = [&["0"; 63][..], &[value]].concat().join(",");
        let data = folder.write("counts.csv", row + "\n");
        fails_with(
            &["score", digits, &data],
            &["column 64 of reading 1 of counts", shown, "from 0 to 16"],
        );
    }
    fit_is_refused(
        csv,
        &["--likelihood", "bernoulli"],
        &["a of reading 1 of pump", "from 0 to 1"],
    );
    fit_is_refused(
        "digits",
        &["--likelihood", "binomial:15"],
        &["is 16", "from 0 to 15"],
    );
}

#[test]
fn bad_labels_are_refused() {
    let Fixture {
        csv, run, digits, ..
    } = fixture();
    let folder = Folder::new();
    let few = folder.write("few.csv", "0\n1\n0\n");
    let words = &["few.csv", "3 labels", "140 rows"];
    fit_is_refused(csv, &["--labels", &few], words);
    fails_with(&["eval", run, csv, "--labels", &few], words);
    let wide = folder.write("wide.csv", "0,1\n".repeat(ROWS));
    fit_is_refused(csv, &["--labels", &wide], &["wide.csv", "2 columns"]);
    let gap = folder.write("gap.csv", "0\n".repeat(ROWS - 1) + "NA\n");
    fit_is_refused(csv, &["--labels", &gap], &["gap", "row 140 is missing"]);
    let abnormal = folder.write("abnormal.csv", "1\n".repeat(ROWS));
    let zero = ["--labels", &abnormal, "--normal", "0"];
    fit_is_refused(csv, &zero, &["nowhere 0", "its labels are 1"]);
    fit_is_refused(
        csv,
        &["--labels", &folder.path("none")],
        &["none", "no such file"],
    );
    fit_is_refused("digits", &["--labels", &few], &["--labels is for a file"]);
    fails_with(
        &["eval", digits, "digits", "--labels", &few],
        &["--labels is for a file"],
    );
}

#[test]
fn bad_masks_are_refused() {
    let Fixture {
        csv, run, digits, ..
    } = fixture();
    let folder = Folder::new();
    let kept = folder.write("kept", "before");
    let good = "1,0,1,1\n".repeat(ROWS - 1);
    let cases: [(String, &[&str]); 6] = [
        (good.clone(), &["139 rows of 4 columns", "140 of 4"]),
        ("1,0,1\n".repeat(ROWS), &["140 rows of 3 columns"]),
        (good.clone() + "1,2,1,1\n", &["row 140, column 2", "is 2"]),
        (good.clone() + "1,0.5,1,1\n", &["row 140, column 2", "0.5"]),
        (good.clone() + "0,0,0,0\n", &["nothing of reading 140"]),
        (good + "1,nan,1,1\n", &["column 2 of row 140 is missing"]),
    ];
    for (text, words) in cases {
        let mask = folder.write("mask.csv", text);
        let words = [words, &["mask"]].concat();
        fails_with(
            &["score", run, csv, "--mask", &mask, "--out", &kept],
            &words,
        );
        fails_with(
            &["impute", run, csv, "--mask", &mask, "--out", &kept],
            &words,
        );
    }
    fails_with(
        &["impute", run, csv, "--mask", &folder.path("none")],
        &["none", "no such file"],
    );
    let mask = folder.write("mask.csv", "1,1,1,1\n");
    fails_with(
        &["impute", digits, "digits", "--mask", &mask],
        &["533 of 64"],
    );
    assert_eq!(std::fs::read(kept).unwrap(), b"before");
}

#[test]
fn settings_out_of_range_are_refused() {
    let csv = &fixture().csv;
    let out = &Folder::new().path("run");
    let cases: [(&[&str], &[&str]); 31] = [
        (
            &["--qat", "--prior", "mixture:3"],
            &["--qat", "--prior mixture:3", "--no-qat"],
        ),
        (
            &["--conditions", "4"],
            &["--conditions is 4", "has 4 columns", "leave at least 1"],
        ),
        (
            &["--conditions", "1", "--binarize", "static"],
            &["--conditions is 1", "--binarize"],
        ),
        (
            &["--conditions", "1", "--window", "8"],
            &["--conditions is 1", "--window"],
        ),
        (
            &["--prior", "mixture:3", "--free-bits", "0.1"],
            &["--free-bits is 0.1", "--prior mixture:3"],
        ),
        (
            &["--prior", "vamp:3", "--inference", "svi"],
            &["--prior vamp:3", "mixture:N"],
        ),
        (&["--beta=-1"], &["--beta is -1", "from 0"]),
        (&["--beta", "nan"], &["--beta is NaN"]),
        (&["--free-bits=-0.5"], &["--free-bits is -0.5", "from 0"]),
        (
            &["--kl-warm-up", "9", "--epochs", "9"],
            &["--kl-warm-up is 9 epochs", "there are 9"],
        ),
        (
            &["--rate-warm-up", "9", "--epochs", "9"],
            &["--rate-warm-up is 9 epochs", "there are 9"],
        ),
        (
            &["--rate-warm-up", "1", "--inference", "svi"],
            &["--rate-warm-up is 1", "--inference svi"],
        ),
        (
            &["--free-bits", "2", "--importance-samples", "3"],
            &["--importance-samples is 3", "leave one of them out"],
        ),
        (
            &["--free-bits", "1", "--inference", "svi"],
            &["--inference svi", "1 nats of each latent free"],
        ),
        (
            &["--importance-samples", "3", "--inference", "svi"],
            &["--inference svi", "importance-weighted bound of 3 samples"],
        ),
        (
            &["--missing", "1"],
            &["--missing is 1", "from 0 to below 1"],
        ),
        (&["--missing=-0.1"], &["--missing is -0.1"]),
        (&["--missing", "nan"], &["--missing is NaN"]),
        (
            &["--importance-samples", "0"],
            &["--importance-samples is 0", "from 1 to 1000"],
        ),
        (
            &["--importance-samples", "1001", "--missing", "0.5"],
            &["--importance-samples is 1001"],
        ),
        (&["--epochs", "0"], &["--epochs is 0", "from 1"]),
        (&["--batch", "0"], &["--batch is 0"]),
        (&["--latents", "0"], &["--latents is 0"]),
        (&["--latents", "1025"], &["--latents is 1025", "1024"]),
        (&["--encoder", "8,0"], &["--encoder is 0"]),
        (
            &["--decoder", "1,1,1,1,1,1,1,1,1"],
            &["--decoder has 9 hidden layers", "8"],
        ),
        (&["--learning-rate", "0"], &["--learning-rate is 0"]),
        (&["--learning-rate", "nan"], &["--learning-rate is NaN"]),
        (
            &["--validation-fraction", "1"],
            &["validation fraction is 1"],
        ),
        (&["--test-fraction=-0.1"], &["test fraction is -0.1"]),
        (
            &["--validation-fraction", "0.5", "--test-fraction", "0.5"],
            &["0.5 for validation and 0.5 for test"],
        ),
    ];
    for (arguments, words) in cases {
        fails_with(&[&["fit", csv, "--out", out], arguments].concat(), words);
    }
    assert!(!Path::new(out).exists());
    fails_with(
        &["score", &fixture().run, csv, "--limit", "0"],
        &["--limit is 0"],
    );
    fails_with(
        &["estimators", &fixture().run, csv, "--limit", "0"],
        &["--limit is 0"],
    );
    fails_with(
        &["fit", "digits", "--conditions", "1", "--out", out],
        &["--conditions is 1", "digits"],
    );
    fails_with(
        &["sample", &fixture().run, "--conditions", "1,2"],
        &["--conditions has 2 numbers", "0 conditions"],
    );
    fails_with(
        &["fit", "digits:nonsense", "--out", out],
        &["nonsense", "digits:train"],
    );
    fails_with(
        &["fit", "digits:train", "--out", out],
        &["train on `digits`"],
    );
    fails_with(
        &["score", &fixture().digits, "digits:nonsense"],
        &["nonsense", "digits:train"],
    );
}

#[test]
fn wrong_usage_is_refused() {
    let Fixture { csv, run, .. } = fixture();
    let config = &text(&Path::new(run).join("config.toml"));
    let cases: [&[&str]; 15] = [
        &["fit", csv, "--missing", "much"],
        &["fit", "--config", config, "--missing", "0.1"],
        &["fit", "--config", config, "--importance-samples", "5"],
        &["impute", run, csv],
        &["estimators", run, csv, "--reference-samples", "1"],
        &[],
        &["nonsense"],
        &["score"],
        &["score", run, csv, "--estimator", "nonsense"],
        &["score", run, csv, "--estimator", "monte-carlo:0"],
        &["score", run, csv, "--limit", "-1"],
        &["fit", csv, "--likelihood", "binomial:256"],
        &["fit", csv, "--encoder", "eight"],
        &["fit", "--config", config, "--epochs", "3"],
        &["fit", csv, "--resume", run],
    ];
    for arguments in cases {
        let output = trainer(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(2), 0),
            "{arguments:?}: {errors}"
        );
        assert!(!errors.contains("panicked"), "{errors}");
        assert!(
            errors.starts_with("error: ") || arguments.is_empty(),
            "{arguments:?}: {errors}"
        );
    }
}

#[test]
fn unwritable_folders_are_found_before_data_are_loaded() {
    let folder = Folder::new();
    let file = folder.write("file", "a file");
    let below = folder.path("file/below");
    let taken = folder.path("taken");
    let data = &folder.path("missing.csv");
    let fit = |out: &str, words: &[&str]| {
        // The data do not exist either, which would be said next.
        fails_with(&["fit", data, "--out", out, "--epochs", ENDLESS], words);
        let start = Instant::now();
        fails_with(
            &["fit", &fixture().csv, "--out", out, "--epochs", ENDLESS],
            words,
        );
        assert!(start.elapsed() < Duration::from_secs(10));
    };
    fit(&file, &["is a file", "--out"]);
    fit(&below, &["is a file", "--out"]);
    for name in [
        "model.elbow",
        "model.safetensors",
        "config.toml",
        "metrics.jsonl",
        "summary.json",
        "plan.toml",
        "report.html",
    ] {
        let path = Path::new(&taken).join(name);
        std::fs::create_dir_all(&path).unwrap();
        fit(&taken, &[name, "is a folder where a file"]);
        std::fs::remove_dir(path).unwrap();
    }
    assert_eq!(std::fs::read(file).unwrap(), b"a file");
    // Bad data make no folder.
    let fresh = folder.path("fresh");
    fails_with(&["fit", data, "--out", &fresh], &["no such file"]);
    assert!(!Path::new(&fresh).exists());
}

#[test]
fn unwritable_files_are_found_before_models_are_read() {
    let folder = Folder::new();
    let model = &folder.path("missing.elbow");
    for out in [folder.path(""), folder.path("none/file")] {
        fails_with(&["score", model, "digits", "--out", &out], &[&out]);
        fails_with(&["sample", model, "--out", &out], &[&out]);
        fails_with(
            &["impute", model, "digits", "--mask", model, "--out", &out],
            &[&out],
        );
        fails_with(&["readings", model, "digits", "--out", &out], &[&out]);
    }
}

#[test]
fn eval_needs_the_float_model() {
    let Fixture {
        csv, run, digits, ..
    } = fixture();
    let folder = Folder::new();
    let image = &folder.write("model.elbow", read(run, "model.elbow"));
    let lonely = &["config.toml or model.safetensors", "float model"];
    fails_with(&["eval", image, csv], lonely);
    folder.write("config.toml", read(run, "config.toml"));
    fails_with(&["eval", image, csv], lonely);
    let parameters = read(run, "model.safetensors");
    folder.write("model.safetensors", &parameters[..parameters.len() / 2]);
    fails_with(
        &["eval", image, csv],
        &["model.safetensors", "restore the file"],
    );
    folder.write("model.safetensors", "nonsense");
    fails_with(
        &["eval", image, csv],
        &["model.safetensors", "restore the file"],
    );
    folder.write("model.safetensors", read(digits, "model.safetensors"));
    fails_with(
        &["eval", image, csv],
        &["model.safetensors", "another model"],
    );
    folder.write("model.safetensors", &parameters);
    succeeds(&["eval", image, csv]);
    folder.write("config.toml", read(digits, "config.toml"));
    fails_with(&["eval", image, csv], &["another model"]);
    folder.write("config.toml", "settings = 3\n");
    fails_with(&["eval", image, csv], &["config.toml", "line 1"]);
    // Scores need none of it.
    succeeds(&["score", image, csv]);
}

#[test]
fn bad_configs_are_refused() {
    let folder = Folder::new();
    let out = &folder.path("run");
    let good = String::from_utf8(read(&fixture().run, "config.toml")).unwrap();
    let cases = [
        ("nonsense".to_owned(), &["own.toml", "line 1"][..]),
        (
            "[trian]\nepochs = 3\n".to_owned(),
            &["own.toml", "trian", "train"],
        ),
        (
            good.replacen("epochs = 3", "epochs = 0", 1),
            &["own.toml", "--epochs is 0"],
        ),
        (
            good.replacen("epochs = 3", "epoch = 3", 1),
            &["own.toml", "epoch"],
        ),
        (
            good.replacen("\"gaussian\"", "\"cauchy\"", 1),
            &["own.toml", "cauchy"],
        ),
        (
            good.replacen("units = [", "units = [1.0, ", 1),
            &["own.toml", "5 units"],
        ),
    ];
    for (text, words) in cases {
        assert_ne!(text, good);
        fails_with(
            &[
                "fit",
                "--config",
                &folder.write("own.toml", text),
                "--out",
                out,
            ],
            words,
        );
    }
    fails_with(
        &["fit", "--config", &folder.path("none.toml"), "--out", out],
        &["cannot read", "none.toml"],
    );
    assert!(!Path::new(out).exists());
}

#[test]
fn a_training_that_diverges_leaves_the_old_run() {
    let folder = Folder::new();
    let mut noise = Noise(1);
    // Correlated well enough that the largest step size ends in NaN.
    let lines = (0..200)
        .map(|_| noise.next())
        .map(|a| format!("{a},{},{}\n", 2.0 * a, 3.0 * a));
    let data = folder.write("steep.csv", lines.collect::<String>());
    let arguments = ["--learning-rate", "1", "--batch", "1", "--latents", "2"];
    fit_is_refused(
        &data,
        &arguments,
        &["infinite or NaN", "lower --learning-rate"],
    );
}

// What works.

#[test]
fn a_run_has_all_its_files() {
    let run = &fixture().run;
    let names: Vec<String> = contents(run)
        .keys()
        .map(|path| text(Path::new(path.file_name().unwrap())))
        .collect();
    let expected = [
        "config.toml",
        "metrics.jsonl",
        "model.elbow",
        "model.safetensors",
        "plan.toml",
        "report.html",
        "summary.json",
    ];
    assert_eq!(names, expected);
    let metrics = String::from_utf8(read(run, "metrics.jsonl")).unwrap();
    let epochs: Vec<Value> = metrics.lines().map(json).collect();
    assert_eq!(epochs.len(), 3);
    for epoch in epochs {
        let of = |name: &str| epoch[name].as_f64().unwrap();
        assert!((of("elbo") - (of("reconstruction") - of("kl"))).abs() < 1e-9);
    }
}

#[test]
fn a_run_is_quantized_again_to_the_same_image() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("again.elbow");
    let line = succeeds(&["quantize", &fixture.run, "--out", &image.to_string_lossy()]);
    assert!(
        line.contains("min-max") && line.contains("rank correlation"),
        "{line}"
    );
    assert_eq!(
        std::fs::read(&image).unwrap(),
        read(&fixture.run, "model.elbow")
    );
    let wide = succeeds(&["quantize", &fixture.run, "--calibration", "percentile:90"]);
    assert!(wide.contains("percentile:90"), "{wide}");
    let wide = [&fixture.run, "--activations", "i16", "--sensitivity"];
    let wide = succeeds(&[&["quantize"][..], &wide].concat());
    for layer in ["encoder 1: 16 bits", "decoder 1: 16 bits"] {
        assert!(wide.contains(layer), "{wide}");
    }
}

/// The remedy that such an image names is one: the run gives an image of this version.
#[test]
fn a_run_whose_image_is_of_another_version_is_quantized_again() {
    let folder = Folder::new();
    let run = &folder.path("old");
    std::fs::create_dir(run).unwrap();
    for (path, bytes) in contents(&fixture().run) {
        std::fs::write(Path::new(run).join(path.file_name().unwrap()), bytes).unwrap();
    }
    let image = &folder.path("old/model.elbow");
    let current = std::fs::read(image).unwrap();
    let mut old = current.clone();
    // The numerics version.
    old[6] = 0;
    std::fs::write(image, &old).unwrap();
    fails_with(
        &["inspect", run],
        &["numerics version 0", "trainer quantize"],
    );
    succeeds(&["quantize", run, "--out", image]);
    assert!(std::fs::read(image).unwrap() == current);
}

/// A tuned run is a run: its plan gives its image, its model is another, and where it came from stays.
#[test]
fn a_run_is_tuned_into_another() {
    let fixture = fixture();
    let before = contents(&fixture.digits);
    let folder = Folder::new();
    let out = &folder.path("tuned");
    let arguments = ["--epochs", "2", "--weights", "int4", "--out", out];
    let output = trainer(&[&["tune", &fixture.digits], &arguments[..]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.contains("epoch 2/2: elbo"),
        "{said}"
    );
    assert!(contents(&fixture.digits) == before);
    let config = String::from_utf8(read(out, "config.toml")).unwrap();
    assert!(
        config.contains("tuned_epochs = 2") && config.contains("weights = \"int4\""),
        "{config}"
    );
    let metrics = String::from_utf8(read(out, "metrics.jsonl")).unwrap();
    let epochs: Vec<_> = metrics
        .lines()
        .map(|line| json(line)["epoch"].clone())
        .collect();
    assert_eq!(epochs, [1, 2]);
    let again = folder.path("again.elbow");
    succeeds(&["quantize", out, "--out", &again]);
    assert_eq!(std::fs::read(&again).unwrap(), read(out, "model.elbow"));
    assert_eq!(
        json(&succeeds(&["eval", out, "--json"]))["device"],
        json(&String::from_utf8(read(out, "summary.json")).unwrap())["device"]
    );
    let twice = &folder.path("twice");
    succeeds(&["tune", out, "--epochs", "1", "--out", twice, "--quiet"]);
    let config = String::from_utf8(read(twice, "config.toml")).unwrap();
    assert!(config.contains("tuned_epochs = 3"), "{config}");
    // Epochs that make it worse leave it as it was.
    let [trained, same] = &["trained", "same"].map(|name| folder.path(name));
    succeeds(&["fit", "--epochs", "20", "--out", trained, "--quiet"]);
    let arguments = ["--epochs", "1", "--learning-rate", "0.5", "--out", same];
    succeeds(&[&["tune", trained], &arguments[..], &["--quiet"]].concat());
    let model = |run: &str| read(run, "model.safetensors");
    assert!(model(same) == model(trained));

    let none = folder.path("none");
    fails_with(
        &["tune", &fixture.digits, "--epochs", "0", "--out", &none],
        &["--epochs is 0", "trainer quantize"],
    );
    fails_with(
        &["tune", &none, "--out", out],
        &["config.toml", "float model"],
    );
    let rate = ["--learning-rate", "2", "--out", &none];
    fails_with(
        &[&["tune", &fixture.digits], &rate[..]].concat(),
        &["--learning-rate is 2"],
    );
    assert!(!Path::new(&none).exists());
}

/// Half of the bytes of the weights, and each layer says so.
#[test]
fn weights_of_four_bits_take_half_of_the_flash() {
    let folder = Folder::new();
    let run = &folder.path("four");
    let settings = ["--epochs", "2", "--weights", "int4", "--quiet"];
    succeeds(&[&["fit", "digits", "--out", run], &settings[..]].concat());
    let description = json(&succeeds(&["inspect", run, "--json"]));
    let eight = json(&succeeds(&["inspect", &fixture().digits, "--json"]));
    let layers = |of: &Value| of["layers"].as_array().unwrap().clone();
    for (layer, eight) in layers(&description).iter().zip(layers(&eight)) {
        assert_eq!(
            (&layer["weight_bits"], &eight["weight_bits"]),
            (&4.into(), &8.into())
        );
        let number = |of: &Value, key: &str| of[key].as_u64().unwrap();
        let rows = 8 * number(layer, "rows");
        let weights = number(layer, "bytes") - rows;
        assert_eq!(
            weights,
            number(layer, "rows") * number(layer, "columns") / 2
        );
    }
    assert!(succeeds(&["inspect", run]).contains(" i4 "));
    // The plan of the run gives its image again; another number of bits gives another.
    let again = folder.path("again.elbow");
    succeeds(&["quantize", run, "--out", &again]);
    assert_eq!(std::fs::read(&again).unwrap(), read(run, "model.elbow"));
    let line = succeeds(&["quantize", run, "--weights", "auto:0.4"]);
    assert!(line.starts_with("min-max, auto:0.4 ("), "{line}");
}

#[test]
fn the_summary_nests_float_and_device() {
    let summary = json(&String::from_utf8(read(&fixture().run, "summary.json")).unwrap());
    for side in ["float", "device"] {
        assert!(
            summary[side]["elbo"].as_f64().is_some_and(f64::is_finite),
            "{summary}"
        );
        assert!(
            summary[side]["auc"]
                .as_f64()
                .is_some_and(|auc| (0.0..=1.0).contains(&auc)),
            "{summary}"
        );
        assert!(
            summary[side]["standard_error"]
                .as_f64()
                .is_some_and(|error| error > 0.0),
            "{summary}"
        );
    }
    let of = |side: &str| summary[side]["elbo"].as_f64().unwrap();
    // Parsing JSON may cost the last bit.
    let difference = summary["difference"].as_f64().unwrap();
    assert!((difference - (of("device") - of("float"))).abs() < 1e-12);
    assert_eq!(summary["likelihood"], "gaussian");
    // 120 of 140 readings are normal; 3 of the others are calibrated with.
    assert_eq!(
        (
            &summary["training_readings"],
            &summary["validation_readings"]
        ),
        (&84.into(), &18.into())
    );
    assert_eq!(
        (&summary["normal"], &summary["abnormal"]),
        (&18.into(), &17.into())
    );
}

#[test]
fn one_seed_gives_one_artefact() {
    let Fixture {
        csv, labels, run, ..
    } = fixture();
    let folder = Folder::new();
    let (same, other) = (&folder.path("same"), &folder.path("other"));
    succeeds(&[&["fit", csv, "--labels", labels, "--out", same], &TINY[..]].concat());
    succeeds(
        &[
            &[
                "fit", csv, "--labels", labels, "--out", other, "--seed", "1",
            ],
            &TINY[..],
        ]
        .concat(),
    );
    for name in ["model.elbow", "model.safetensors"] {
        assert!(read(run, name) == read(same, name), "{name} differs");
        assert!(
            read(run, name) != read(other, name),
            "{name} does not depend on the seed"
        );
    }
}

#[test]
fn the_config_reproduces_the_run() {
    let folder = Folder::new();
    let (largest, again) = (&folder.path("largest"), &folder.path("again"));
    let seed = u64::MAX.to_string();
    succeeds(
        &[
            &["fit", &fixture().csv, "--out", largest, "--seed", &seed],
            &TINY[..],
        ]
        .concat(),
    );
    for run in [&fixture().run, &fixture().digits, largest] {
        // The folder will do as well as the file, whatever that is called.
        let config = folder.write("any-name.toml", read(run, "config.toml"));
        for config in [&config, run] {
            succeeds(&[
                "fit", "--config", config, "--out", again, "--force", "--quiet",
            ]);
            for name in [
                "model.elbow",
                "model.safetensors",
                "config.toml",
                "metrics.jsonl",
            ] {
                assert!(
                    read(run, name) == read(again, name),
                    "{run}: {name} differs"
                );
            }
        }
    }
}

#[test]
fn quiet_prints_nothing_and_otherwise_progress_is_shown() {
    let Fixture { csv, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("run");
    assert_eq!(
        succeeds(&[&["fit", csv, "--out", out], &TINY[..]].concat()),
        ""
    );
    let output = trainer(&[&["fit", csv, "--out", out], &TINY[..9]].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && output.stdout.is_empty());
    for part in [
        "epoch 3/3: elbo",
        "likelihood gaussian",
        "device (sigma points)",
        "wrote ",
    ] {
        assert!(errors.contains(part), "{errors}");
    }
}

#[test]
fn an_array_trains_like_the_text() {
    let Fixture {
        npy, labels, run, ..
    } = fixture();
    let out = &Folder::new();
    let out = &out.path("run");
    succeeds(&[&["fit", npy, "--labels", labels, "--out", out], &TINY[..]].concat());
    // The text has names, which its image knows too.
    let scores = |run: &str| succeeds(&["score", run, npy]);
    assert_eq!(scores(run), scores(out));
}

#[test]
fn zeros_and_ones_are_bernoulli() {
    let folder = Folder::new();
    let mut noise = Noise(3);
    let mut bit = || if noise.next() < 0.4 { "1" } else { "0" };
    let mut line = || [(); 6].map(|()| bit()).join(",") + "\n";
    let data = &folder.write("bits.csv", (0..100).map(|_| line()).collect::<String>());
    let out = &folder.path("run");
    succeeds(&[&["fit", data, "--out", out], &TINY[..]].concat());
    let summary = json(&String::from_utf8(read(out, "summary.json")).unwrap());
    assert_eq!(summary["likelihood"], "bernoulli");
    assert_eq!(summary["float"]["auc"], Value::Null);
    assert_eq!(
        json(&succeeds(&["inspect", out, "--json"]))["likelihood"],
        "binomial:1"
    );
    assert_eq!(succeeds(&["score", out, data]).lines().count(), 101);
}

#[test]
fn parts_without_readings_are_warned_of() {
    let folder = Folder::new();
    let fit = |out: &str, epochs: &str| {
        let nothing = ["--validation-fraction", "0", "--test-fraction", "0"];
        let output = trainer(
            &[
                &[
                    "fit",
                    &fixture().csv,
                    "--out",
                    out,
                    "--epochs",
                    epochs,
                    "--latents",
                    "2",
                    "--quiet",
                ],
                &nothing[..],
            ]
            .concat(),
        );
        let warnings = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{warnings}");
        assert!(
            warnings.lines().all(|line| line.starts_with("warning: ")),
            "{warnings}"
        );
        assert!(
            warnings.contains("no validation readings") && warnings.contains("no test readings"),
            "{warnings}"
        );
    };
    let (three, one) = (&folder.path("three"), &folder.path("one"));
    fit(three, "3");
    fit(one, "1");
    let summary = json(&String::from_utf8(read(three, "summary.json")).unwrap());
    assert_eq!(
        (&summary["float"]["elbo"], &summary["difference"]),
        (&Value::Null, &Value::Null)
    );
    // Both begin alike, and the last epoch counts, not the first.
    assert!(read(three, "model.safetensors") != read(one, "model.safetensors"));
}

#[test]
fn absurd_sizes_of_values_are_no_trouble() {
    let folder = Folder::new();
    for scale in [1e30, 1e-30] {
        let rows = readings(120).map_values(|value| f64::from(value) * scale);
        let data = &folder.write("scaled.csv", rows);
        let out = &folder.path("run");
        succeeds(&[&["fit", data, "--out", out], &TINY[..]].concat());
        let summary = json(&String::from_utf8(read(out, "summary.json")).unwrap());
        assert!(
            summary["difference"]
                .as_f64()
                .is_some_and(|nats| nats.abs() < 1.0),
            "{summary}"
        );
    }
}

/// Values turned into text by way of another.
trait MapValues {
    fn map_values(self, map: impl Fn(f32) -> f64) -> String;
}

impl MapValues for Vec<[f32; 4]> {
    fn map_values(self, map: impl Fn(f32) -> f64) -> String {
        let lines = self
            .iter()
            .map(|row| row.map(|value| format!("{:e}", map(value))).join(",") + "\n");
        lines.collect()
    }
}

#[test]
fn scores_come_one_a_line() {
    let Fixture { csv, npy, run, .. } = fixture();
    let all = succeeds(&["score", run, csv]);
    let mut lines = all.lines();
    assert_eq!(lines.next(), Some(elbow::Score::CSV_HEADER));
    let columns = elbow::Score::CSV_HEADER.split(',').count();
    for (index, line) in lines.clone().enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(
            (cells.len(), cells[0]),
            (columns, index.to_string().as_str())
        );
        let number = |cell: usize| cells[cell].parse::<f64>().unwrap();
        // elbo, reconstruction, kl and the p-value, as text and as raw integers.
        assert!((number(1) - (number(2) - number(3))).abs() < 3e-5, "{line}");
        assert!((number(1) - number(7) / 65536.0).abs() < 1e-5, "{line}");
        assert!((0.0..=1.0).contains(&number(5)), "{line}");
    }
    assert_eq!(lines.count(), ROWS);
    assert_eq!(succeeds(&["score", run, npy]), all);
    let five: String = all
        .lines()
        .take(6)
        .map(|line| line.to_owned() + "\n")
        .collect();
    assert_eq!(succeeds(&["score", run, csv, "--limit", "5"]), five);
    assert_eq!(succeeds(&["score", run, csv, "--limit", "100000"]), all);
    let out = &Folder::new();
    let out = &out.path("scores.csv");
    assert_eq!(succeeds(&["score", run, csv, "--out", out]), "");
    assert_eq!(std::fs::read_to_string(out).unwrap(), all);
}

/// A mask for [`readings`], and the readings with nonsense in its gaps.
fn gaps(folder: &Folder) -> (String, String) {
    let observed = |row: usize, column: usize| !(row + column).is_multiple_of(3);
    let mut rows = readings(ROWS);
    let mut mask = String::new();
    for (row, values) in rows.iter_mut().enumerate() {
        for (column, value) in values.iter_mut().enumerate() {
            if !observed(row, column) {
                *value = -1e9;
            }
            mask += if observed(row, column) { "1," } else { "0," };
        }
        mask.pop();
        mask += "\n";
    }
    (
        folder.write("mask.csv", mask),
        folder.write("gaps.csv", csv(&rows)),
    )
}

#[test]
fn what_stands_in_gaps_does_not_matter() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    let (mask, holes) = gaps(&folder);
    for estimator in ["sigma-points", "monte-carlo:3", "importance-weighted:3"] {
        let score = |data: &str, more: &[&str]| {
            let command = ["score", run, data, "--estimator", estimator];
            succeeds(&[&command[..], more].concat())
        };
        let observed = score(csv, &["--mask", &mask]);
        assert_eq!(score(&holes, &["--mask", &mask]), observed);
        assert_ne!(score(csv, &[]), observed);
        let ones = folder.write("ones.csv", "1,1,1,1\n".repeat(ROWS));
        assert_eq!(score(csv, &["--mask", &ones]), score(csv, &[]));
        let few = score(csv, &["--mask", &mask, "--limit", "3"]);
        assert!(observed.starts_with(&few) && few.lines().count() == 4);
    }
}

#[test]
fn gaps_are_filled_in() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    let (mask, holes) = gaps(&folder);
    let filled = succeeds(&["impute", run, &holes, "--mask", &mask]);
    let mut lines = filled.lines();
    assert_eq!(lines.next(), Some("a,b,c,d"));
    for (row, (line, truth)) in lines.by_ref().zip(readings(ROWS)).enumerate() {
        let cells: Vec<f32> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        for (column, (cell, truth)) in cells.iter().zip(truth).enumerate() {
            // Observed values are rounded to 16 bits; the rest are guesses of the same size.
            let tolerance = if (row + column).is_multiple_of(3) {
                12.0
            } else {
                1e-3
            };
            assert!(
                (cell - truth).abs() < tolerance,
                "{row} {column}: {cell} {truth}"
            );
        }
    }
    let out = &folder.path("filled.csv");
    assert_eq!(
        succeeds(&["impute", run, csv, "--mask", &mask, "--out", out]),
        ""
    );
    assert_eq!(std::fs::read_to_string(out).unwrap(), filled);
    // What was written can be read.
    assert_eq!(succeeds(&["score", run, out]).lines().count(), ROWS + 1);
    let few = succeeds(&["impute", run, csv, "--mask", &mask, "--limit", "2"]);
    assert!(filled.starts_with(&few) && few.lines().count() == 3);
}

#[test]
fn training_with_gaps_says_what_it_saw() {
    let folder = Folder::new();
    let (out, again) = (&folder.path("run"), &folder.path("again"));
    let csv = &fixture().csv;
    succeeds(&[&["fit", csv, "--out", out, "--missing", "0.25"], &TINY[..]].concat());
    let config = String::from_utf8(read(out, "config.toml")).unwrap();
    assert!(
        config.contains("missing = 0.25\nimportance_samples = 5\n"),
        "{config}"
    );
    let metrics = String::from_utf8(read(out, "metrics.jsonl")).unwrap();
    for epoch in metrics.lines().map(json) {
        let of = |name: &str| epoch[name].as_f64().unwrap();
        assert!((of("elbo") - (of("reconstruction") - of("kl"))).abs() < 1e-9);
        // Jensen: the importance-weighted bound is tighter.
        assert!(of("objective") > of("elbo"), "{epoch}");
        assert!((of("observed_fraction") - 0.75).abs() < 0.1, "{epoch}");
        assert!(of("validation_elbo").is_finite() && of("validation_masked_elbo").is_finite());
    }
    succeeds(&["fit", "--config", out, "--out", again, "--quiet"]);
    for name in ["model.elbow", "metrics.jsonl"] {
        assert!(read(out, name) == read(again, name), "{name} differs");
    }
    let report = String::from_utf8(read(out, "report.html")).unwrap();
    assert!(report.contains("training, observed part"));
}

#[test]
fn importance_weighting_needs_no_gaps() {
    let folder = Folder::new();
    let (out, plain) = (&folder.path("run"), &fixture().run);
    let Fixture { csv, labels, .. } = fixture();
    let fit = [
        "fit",
        csv,
        "--labels",
        labels,
        "--out",
        out,
        "--importance-samples",
    ];
    succeeds(&[&fit[..], &["3"], &TINY[..]].concat());
    let metrics = String::from_utf8(read(out, "metrics.jsonl")).unwrap();
    for epoch in metrics.lines().map(json) {
        assert!(epoch["objective"].as_f64().unwrap() > epoch["elbo"].as_f64().unwrap());
        assert_eq!(epoch["observed_fraction"], Value::Null);
        assert_eq!(epoch["validation_masked_elbo"], Value::Null);
    }
    assert!(read(out, "model.elbow") != read(plain, "model.elbow"));
    // One sample is what there is without a word.
    succeeds(&[&fit[..], &["1"], &TINY[..]].concat());
    assert!(read(out, "model.elbow") == read(plain, "model.elbow"));
}

/// What is reported is the bound whatever was ascended, and what was ascended is named.
#[test]
fn weighted_objectives_are_labelled() {
    let folder = Folder::new();
    let out = &folder.path("run");
    let Fixture { csv, labels, .. } = fixture();
    let fit = ["fit", csv, "--labels", labels, "--out", out];
    let weighted = ["--beta", "3", "--kl-warm-up", "1", "--free-bits", "0.01"];
    succeeds(&[&fit[..], &weighted, &TINY[..]].concat());
    let summary = json(&String::from_utf8(read(out, "summary.json")).unwrap());
    let name = summary["objective"].as_str().unwrap();
    assert!(
        name.contains("weighted by 3") && name.contains("not a bound"),
        "{name}"
    );
    let metrics = String::from_utf8(read(out, "metrics.jsonl")).unwrap();
    for epoch in metrics.lines().map(json) {
        let term = |name: &str| epoch[name].as_f64().unwrap();
        let elbo = term("reconstruction") - term("kl");
        assert!((term("elbo") - elbo).abs() < 1e-9);
        // The weight of the first of two epochs is half of what it becomes.
        let weight = if epoch["epoch"] == 1 { 1.5 } else { 3.0 };
        let objective = term("reconstruction") - weight * term("kl");
        assert!((term("objective") - objective).abs() < 1e-3, "{epoch}");
    }
    // The other form of the bound is the bound: nothing else is named.
    succeeds(&[&fit[..], &["--elbo-form", "entropy"], &TINY[..]].concat());
    let summary = json(&String::from_utf8(read(out, "summary.json")).unwrap());
    assert_eq!(summary["objective"], "ELBO");
}

/// Latents that carry nothing are left out, of the floats and of the image, and what is read back is the
/// smaller model.
#[test]
fn dead_latents_are_left_out() {
    let folder = Folder::new();
    let Fixture { csv, labels, .. } = fixture();
    let (out, whole) = (&folder.path("pruned"), &folder.path("whole"));
    let fit = [
        "fit",
        csv,
        "--labels",
        labels,
        "--latents",
        "4",
        "--beta",
        "2",
        "--epochs",
        "120",
        "--quiet",
    ];
    succeeds(&[&fit[..], &["--out", out]].concat());
    succeeds(&[&fit[..], &["--out", whole, "--keep-dead-latents"]].concat());
    let number = |run: &str, name: &str| {
        let summary = json(&String::from_utf8(read(run, "summary.json")).unwrap());
        summary[name].as_u64().unwrap()
    };
    let dead = number(out, "pruned_latents");
    assert!((1..4).contains(&dead), "{dead}");
    assert_eq!(number(whole, "pruned_latents"), 0);
    assert!(number(out, "image_bytes") < number(whole, "image_bytes"));
    let latents = |run: &str| json(&succeeds(&["inspect", run, "--json"]))["latents"].clone();
    assert_eq!(latents(out), 4 - dead);
    assert_eq!(latents(whole), 4);
    succeeds(&["eval", out, csv]);
}

/// Rungs and gaps of models with every kind of prior, under conditions too.
#[test]
fn ladders_are_climbed_down_from_every_prior() {
    let folder = Folder::new();
    let Fixture { csv, .. } = fixture();
    for (prior, conditions) in [("standard", "1"), ("mixture:3", "0"), ("vamp:3", "0")] {
        let out = &folder.path(prior);
        let fit = [
            "fit",
            csv,
            "--out",
            out,
            "--prior",
            prior,
            "--conditions",
            conditions,
        ];
        succeeds(&[&fit[..], &TINY[..]].concat());
        let climb = [
            "ladder",
            out,
            csv,
            "--limit",
            "5",
            "--samples",
            "200",
            "--json",
        ];
        let ladder = json(&succeeds(&climb));
        let rung = |name: &str| {
            let rungs = ladder["rungs"].as_array().unwrap();
            let found = rungs
                .iter()
                .find(|rung| rung["name"].as_str().unwrap().starts_with(name));
            found.unwrap()["mean"].as_f64().unwrap()
        };
        let evidence = rung("log p(x)");
        assert!(evidence > rung("ELBO, SVI optimum") - 0.05, "{ladder}");
        assert!(
            rung("ELBO, SVI optimum") > rung("ELBO, amortized") - 0.05,
            "{ladder}"
        );
        assert!(
            (rung("ELBO, amortized") - rung("ELBO, device")).abs() < 1.0,
            "{ladder}"
        );
    }
    let out = &folder.path("standard");
    fails_with(&["ladder", out, csv, "--limit", "0"], &["--limit is 0"]);
    fails_with(&["ladder", &folder.path("none"), csv], &["none"]);
}

#[test]
fn baselines_are_refused_what_they_cannot_do() {
    let Fixture { csv, .. } = fixture();
    for (arguments, words) in [
        (&["ppca", csv, "--components", "0"][..], "components"),
        (&["ppca", csv, "--components", "4"], "components"),
        (&["mixture", csv, "--components", "0"], "components"),
        (&["forest", csv, "--trees", "0"], "--trees is 0"),
        (&["forest", csv, "--sample", "1"], "--sample is 1"),
        (&["autoencoder", csv, "--latents", "0"], "--latents is 0"),
        (&["autoencoder", csv, "--encoder", "4,0"], "0 units"),
    ] {
        fails_with(&[&["baseline"], arguments].concat(), &[words]);
    }
}

/// A part of the abnormal readings says what ranges must hold, and is not tested on.
#[test]
fn abnormal_readings_are_calibrated_with_or_tested_on() {
    let Fixture { csv, labels, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("run");
    for (fraction, calibrated) in [("0.15", 3), ("0.4", 8), ("0.02", 0)] {
        let divided = ["--validation-fraction", fraction, "--labels", labels];
        // All but --quiet.
        let command = [&["fit", csv, "--out", out], &TINY[..9], &divided].concat();
        let output = trainer(&command);
        let errors = String::from_utf8(output.stderr).unwrap();
        let said = format!("{calibrated} abnormal ones to calibrate with");
        assert_eq!(errors.contains(&said), calibrated > 0, "{errors}");
        let summary: serde_json::Value =
            serde_json::from_slice(&read(out, "summary.json")).unwrap();
        assert_eq!(summary["abnormal"], 20 - calibrated);
    }
}

/// Without DATA, the readings are those that the run itself was tested on.
#[test]
fn a_run_brings_its_test_readings() {
    let Fixture {
        run,
        digits,
        csv,
        labels,
        ..
    } = fixture();
    for run in [run, digits] {
        let summary: serde_json::Value =
            serde_json::from_slice(&read(run, "summary.json")).unwrap();
        let eval: serde_json::Value =
            serde_json::from_str(&succeeds(&["eval", run, "--json"])).unwrap();
        for name in ["normal", "abnormal", "float", "device"] {
            assert_eq!(eval[name], summary[name], "{name}");
        }
    }
    assert_eq!(
        succeeds(&["score", digits]),
        succeeds(&["score", digits, "digits"])
    );
    assert_ne!(succeeds(&["score", run]), succeeds(&["score", run, csv]));
    fails_with(&["eval", run, "--labels", labels], &["--labels", "DATA"]);
    let folder = Folder::new();
    let alone = &folder.write("alone.elbow", read(run, "model.elbow"));
    fails_with(&["score", alone], &["alone.elbow", "give DATA"]);
}

/// Beside a run they are those that `baseline` fits on the same division of the data.
#[test]
fn baselines_are_fitted_on_what_a_run_learned_from() {
    let Fixture {
        csv, labels, run, ..
    } = fixture();
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&succeeds(&[arguments, &["--json"]].concat())).unwrap()
    };
    let labelled = ["--labels", labels.as_str()];
    let eval = json(&[&["eval", run, csv, "--baselines"], &labelled[..]].concat());
    let beside = eval["baselines"].as_array().unwrap();
    let kinds = ["ppca", "mixture", "forest", "autoencoder"];
    assert_eq!(beside.len(), kinds.len());
    for (kind, beside) in kinds.into_iter().zip(beside) {
        assert_eq!(beside["model"], kind);
        let mut arguments = vec!["baseline", kind, csv];
        arguments.extend(labelled);
        let settings = beside.as_object().unwrap();
        let names = [
            "components",
            "encoder",
            "latents",
            "decoder",
            "epochs",
            "batch",
            "learning_rate",
        ];
        let options: Vec<String> = names
            .into_iter()
            .filter_map(|name| Some((name, settings.get(name)?)))
            .flat_map(|(name, value)| {
                let value = value.to_string().replace(['[', ']'], "");
                [format!("--{}", name.replace('_', "-")), value]
            })
            .collect();
        arguments.extend(options.iter().map(String::as_str));
        let alone = json(&arguments);
        assert_eq!(beside["training_mean"], alone["training_mean"], "{kind}");
        assert!(alone["training_mean"].is_number(), "{kind}");
        let auc = beside["auc"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&auc), "{kind} {auc}");
    }
}

#[test]
fn configs_from_before_gaps_still_train() {
    let folder = Folder::new();
    let config = String::from_utf8(read(&fixture().run, "config.toml")).unwrap();
    let old = config.replacen("missing = 0.0\nimportance_samples = 1\n", "", 1);
    assert_ne!(old, config);
    let (old, out) = (&folder.write("old.toml", old), &folder.path("run"));
    succeeds(&["fit", "--config", old, "--out", out, "--quiet"]);
    assert!(read(out, "model.elbow") == read(&fixture().run, "model.elbow"));
}

#[test]
fn estimators_are_compared() {
    let Fixture {
        csv, labels, run, ..
    } = fixture();
    let command = ["estimators", run, csv, "--labels", labels];
    let few = ["--limit", "40", "--reference-samples", "128"];
    let text = succeeds(&[&command[..], &few].concat());
    for part in [
        "sigma-points",
        "= monte-carlo:128",
        "= importance-weighted:128",
        "decided by one pass",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let comparison = json(&succeeds(&[&command[..], &few, &["--json"]].concat()));
    assert_eq!(
        comparison["normal"].as_u64().unwrap() + comparison["abnormal"].as_u64().unwrap(),
        40
    );
    let rows = comparison["elbo"]["estimators"].as_array().unwrap();
    assert_eq!(rows.len(), 9);
    let reference = comparison["elbo"]["reference"]["mean"].as_f64().unwrap();
    for row in rows {
        let of = |name: &str| row[name].as_f64().unwrap();
        assert!(
            (of("bias") - (of("mean") - reference)).abs() < 1e-9,
            "{row}"
        );
        assert!(
            of("rmse") >= of("bias").abs() && (0.0..=1.0).contains(&of("auc")),
            "{row}"
        );
    }
    let passes = |row: usize| rows[row]["passes"].as_u64().unwrap();
    assert_eq!((passes(0), passes(1), passes(8)), (1, 4, 64));
    // Those with at least as many samples as the reference are left out.
    let weighted = comparison["log_evidence"]["estimators"].as_array().unwrap();
    assert_eq!(weighted.len(), 7);
    let decision = &comparison["decision"];
    let of = |name: &str| decision[name].as_f64().unwrap();
    assert!(of("normal_passes") >= 1.0 && of("abnormal_passes") <= 64.0);
    assert!(of("decided_by_one_pass") <= of("decided_by_three_passes"));
    assert!(of("decided_by_three_passes") + of("undecided") <= 1.0 + 1e-9);
    // The draws depend on the seed, the deterministic rows do not.
    let other = json(&succeeds(
        &[&command[..], &few, &["--json", "--seed", "9"]].concat(),
    ));
    let mean = |all: &Value, row: usize| all["elbo"]["estimators"][row]["mean"].as_f64().unwrap();
    assert_eq!(mean(&other, 1), mean(&comparison, 1));
    assert_ne!(mean(&other, 4), mean(&comparison, 4));
}

#[test]
fn without_a_calibration_there_are_no_decisions() {
    let folder = Folder::new();
    let out = &folder.path("run");
    let fit = [
        "fit",
        &fixture().csv,
        "--out",
        out,
        "--validation-fraction",
        "0",
    ];
    assert!(trainer(&[&fit[..], &TINY[..]].concat()).status.success());
    let few = ["--limit", "9", "--reference-samples", "2"];
    let text = succeeds(&[&["estimators", out, &fixture().csv], &few[..]].concat());
    assert!(text.contains("no calibration"), "{text}");
}

#[test]
fn seeds_move_random_estimates_only() {
    let Fixture { csv, run, .. } = fixture();
    let score =
        |estimator, seed| succeeds(&["score", run, csv, "--estimator", estimator, "--seed", seed]);
    for estimator in ["sigma-points", "posterior-mean"] {
        assert_eq!(score(estimator, "0"), score(estimator, "1"));
    }
    let random = score("monte-carlo:4", "0");
    assert_ne!(random, score("monte-carlo:4", "1"));
    assert_eq!(random, score("monte-carlo:4", "0"));
    // A reading has its own stream, whatever comes before or after it.
    let few = succeeds(&[
        "score",
        run,
        csv,
        "--estimator",
        "monte-carlo:4",
        "--limit",
        "3",
    ]);
    assert!(random.starts_with(&few) && few.lines().count() == 4);
}

#[test]
fn eval_repeats_the_summary() {
    let digits = &fixture().digits;
    let evaluation = json(&succeeds(&["eval", digits, "digits", "--json"]));
    let summary = json(&String::from_utf8(read(digits, "summary.json")).unwrap());
    for key in ["float", "device", "normal", "abnormal", "difference"] {
        assert_eq!(evaluation[key], summary[key], "{key}");
    }
    let text = succeeds(&["eval", digits, "digits"]);
    assert!(text.contains("352 normal and 181 abnormal"), "{text}");
}

#[test]
fn samples_are_pictures() {
    let Fixture { digits, run, .. } = fixture();
    let text = succeeds(&["sample", digits, "--count", "2"]);
    let rows: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(rows.len(), 16, "{text}");
    assert!(
        rows.iter()
            .all(|row| row.len() == 16 && row.chars().all(|c| " .:-=+*#%@".contains(c))),
        "{text}"
    );
    assert_eq!(
        text,
        succeeds(&["sample", digits, "--count", "2", "--seed", "0"])
    );
    assert_ne!(
        text,
        succeeds(&["sample", digits, "--count", "2", "--seed", "1"])
    );
    assert!(succeeds(&["sample", digits, "--count", "3"]).starts_with(&text));
    assert_eq!(
        succeeds(&["sample", run, "--count", "1"])
            .trim_end()
            .lines()
            .count(),
        1
    );
}

#[test]
fn inspect_adds_up() {
    let Fixture { digits, run, .. } = fixture();
    for run in [digits, run] {
        let description = json(&succeeds(&["inspect", run, "--json"]));
        let number = |value: &Value| value.as_u64().unwrap();
        let layers = description["layers"].as_array().unwrap();
        let macs: u64 = layers.iter().map(|layer| number(&layer["macs"])).sum();
        assert_eq!(
            macs,
            number(&description["encoder_macs"]) + number(&description["decoder_macs"])
        );
        let shapes: u64 = layers
            .iter()
            .map(|layer| number(&layer["rows"]) * number(&layer["columns"]))
            .sum();
        assert_eq!(macs, shapes);
        assert_eq!(
            number(&description["image_bytes"]),
            read(run, "model.elbow").len() as u64
        );
        assert_eq!(
            number(&description["workspace_bytes"]),
            8 * number(&description["workspace_words"])
        );
        let summary = json(&String::from_utf8(read(run, "summary.json")).unwrap());
        for key in [
            "encoder_macs",
            "decoder_macs",
            "image_bytes",
            "workspace_bytes",
            "format_version",
        ] {
            assert_eq!(description[key], summary[key], "{key}");
        }
        let text = succeeds(&["inspect", run]);
        assert!(
            text.contains(&format!("flash: {} bytes", description["image_bytes"])),
            "{text}"
        );
    }
}

#[test]
fn raw_readings_are_two_bytes_a_number() {
    let Fixture { digits, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("raw");
    succeeds(&["readings", digits, "digits", "--limit", "7", "--out", out]);
    let bytes = std::fs::read(out).unwrap();
    assert_eq!(bytes.len(), 7 * 64 * 2);
    assert!(bytes.chunks(2).all(|pair| pair[0] <= 16 && pair[1] == 0));
}

#[test]
fn the_report_stands_alone() {
    let Fixture { digits, run, .. } = fixture();
    let page = |run: &str| String::from_utf8(read(run, "report.html")).unwrap();
    for page in [page(digits), page(run)] {
        for resource in ["src=", "href=", "url(", "@import", "<script", "http"] {
            assert!(!page.contains(resource), "{resource}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf<"));
        for element in [
            "svg", "table", "div", "figure", "details", "p", "text", "span",
        ] {
            let opened = page.matches(&format!("<{element}>")).count()
                + page.matches(&format!("<{element} ")).count();
            assert_eq!(
                opened,
                page.matches(&format!("</{element}>")).count(),
                "{element}"
            );
        }
    }
    let page = page(digits);
    let sections = [
        "<h1>",
        ">Results<",
        ">Training<",
        ">Scores<",
        ">Quantization<",
        ">The strangest",
        ">Draws",
        "<details",
    ];
    let places: Vec<usize> = sections
        .iter()
        .map(|section| page.find(section).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(page.matches("class=\"picture\"").count(), 24);
    assert!(page.contains("p = 0.05") && page.contains("p = 0.01"));
}

#[cfg(not(any(feature = "cuda", feature = "metal")))]
#[test]
fn a_trainer_without_accelerators_says_so() {
    for device in ["cuda", "metal"] {
        let features = format!("--features {device}");
        fit_is_refused(
            "digits",
            &["--device", device],
            &["built without", &features, "leave --device out"],
        );
    }
}

#[test]
fn there_must_be_something_to_go_on_with() {
    let folder = Folder::new();
    let out = folder.path("run");
    std::fs::create_dir(&out).unwrap();
    let resume = ["fit", "--resume", &out];
    fails_with(
        &resume,
        &["no checkpoint.safetensors in", "leave --resume out"],
    );
    std::fs::write(Path::new(&out).join("checkpoint.safetensors"), "[a table]").unwrap();
    fails_with(
        &resume,
        &["checkpoint.safetensors", "train anew, without --resume"],
    );
}

#[test]
fn budgets_are_kept_told_or_refused() {
    let folder = Folder::new();
    let file = folder.write("pump.csv", csv(&readings(200)));
    let run = folder.path("run");
    let fit = |arguments: &[&str]| {
        let start = ["fit", &file, "--epochs", "2", "--out", &run, "--force"];
        let output = trainer(&[&start[..], arguments].concat());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{errors}");
        let summary = json(&String::from_utf8(read(&run, "summary.json")).unwrap());
        (errors, summary["budget"].clone())
    };
    let (errors, budget) = fit(&["--flash", "24K", "--core", "m3"]);
    assert!(errors.contains("sized to the budget: "), "{errors}");
    assert!(errors.contains("of 24576 bytes of flash"), "{errors}");
    let flash = budget["cost"]["flash_bytes"].as_u64().unwrap();
    let code = budget["cost"]["code_bytes"].as_u64().unwrap();
    let image = read(&run, "model.elbow").len() as u64;
    assert_eq!(flash, code + image);
    assert!(flash <= 24 << 10, "{flash}");
    assert_eq!(budget["core"], "m3");
    assert_eq!(budget["limits"]["flash"], 24 << 10);
    assert_eq!(budget["cost"]["features"], "locations,wide-activations");
    assert!(budget["cost"]["instructions"].as_u64().unwrap() > 1000);
    // The networks are in the config, and the config alone repeats them.
    let config = format!("{run}/config.toml");
    let again = folder.path("again");
    let repeated = ["fit", "--config", &config, "--out", &again, "--quiet"];
    assert_eq!(trainer(&repeated).status.code(), Some(0));
    assert_eq!(read(&again, "model.elbow"), read(&run, "model.elbow"));
    let (_, budget) = fit(&["--ram", "8K", "--weights", "int4"]);
    assert_eq!(budget["cost"].get("instructions"), None);
    assert!(budget["cost"]["ram_bytes"].as_u64().unwrap() <= 8 << 10);
    let none = fit(&[]).1;
    assert!(none.is_null());
    for (arguments, words) in [
        (
            &["--flash", "10K"][..],
            &["--flash 10240 cannot be met", "of them code", "more"][..],
        ),
        (
            &["--ram", "1000"],
            &["--ram 1000 cannot be met", "bytes of RAM are needed"],
        ),
        (
            &["--instructions", "1k"],
            &["--instructions 1000 cannot be met"],
        ),
        (
            &["--instructions", "1M", "--prior", "vamp:4"],
            &["--prior standard", "vamp:4"],
        ),
        (
            &["--instructions", "1M", "--weights", "int4"],
            &["--weights int8", "int4"],
        ),
        (
            &["--flash", "1M", "--latent", "bernoulli"],
            &["--latent is bernoulli"],
        ),
        (&["--flash", "lots"], &["64K"]),
    ] {
        let start = ["fit", &file, "--out", &run, "--force", "--quiet"];
        let output = trainer(&[&start[..], arguments].concat());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        for word in words {
            assert!(
                errors.contains(word),
                "{arguments:?}: {errors} lacks {word:?}"
            );
        }
    }
}

/// The configs that come with the trainer, on data of the command line's.
#[test]
fn configs_that_ship_can_be_run() {
    let folder = Folder::new();
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut found = 0;
    for entry in std::fs::read_dir(configs).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            found += 1;
            // Settings that parse and make sense end at the data.
            fails_with(
                &[
                    "fit",
                    &folder.path("none.npy"),
                    "--config",
                    path.to_str().unwrap(),
                ],
                &["none.npy"],
            );
        }
    }
    assert!(found >= 4, "{found}");
}
