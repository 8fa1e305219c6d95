//! Settings of a training: those refused, and those of files.

use crate::fixture::{Fixture, fit_is_refused, fixture};
use crate::support::program::{Folder, fails_with, read, succeeds, text, trainer};
use std::path::Path;

/// A `fit` with each of these arguments is refused with these words, and makes no folder.
fn refused(cases: &[(&[&str], &[&str])]) {
    let out = &Folder::new().path("run");
    for (arguments, words) in cases {
        let fit = ["fit", &fixture().csv, "--out", out];
        fails_with(&[&fit, *arguments].concat(), words);
    }
    assert!(!Path::new(out).exists());
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    refused(&[
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
            &["--conditions 1", "--binarize"],
        ),
        (
            &["--conditions", "1", "--window", "8"],
            &["--conditions 1", "--window"],
        ),
        (
            &["--prior", "mixture:3", "--free-bits", "0.1"],
            &["--free-bits 0.1", "--prior mixture:3"],
        ),
        (
            &["--prior", "vamp:3", "--inference", "svi"],
            &["--prior vamp:3", "mixture:N"],
        ),
    ]);
}

#[test]
fn objectives_out_of_range_are_refused() {
    refused(&[
        (&["--beta=-1"], &["--beta is -1", "from 0"]),
        (&["--beta", "nan"], &["--beta is NaN"]),
        (&["--free-bits=-0.5"], &["--free-bits is -0.5", "from 0"]),
        (
            &["--kl-warm-up", "9", "--epochs", "9"],
            &["--kl-warm-up is 9 epochs", "there are 9"],
        ),
        (
            &["--rate-warm-up", "1", "--inference", "svi"],
            &["--rate-warm-up 1", "--inference svi"],
        ),
        (
            &["--free-bits", "2", "--importance-samples", "3"],
            &["--importance-samples 3", "leave one of them out"],
        ),
        (
            &["--free-bits", "1", "--inference", "svi"],
            &["--inference svi", "--free-bits 1"],
        ),
        (
            &["--importance-samples", "3", "--inference", "svi"],
            &["--inference svi", "--importance-samples 3"],
        ),
    ]);
}

#[test]
fn settings_of_the_training_out_of_range_are_refused() {
    refused(&[
        (
            &["--rate-warm-up", "9", "--epochs", "9"],
            &["--rate-warm-up is 9 epochs", "there are 9"],
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
        (&["--learning-rate", "0"], &["--learning-rate is 0"]),
        (&["--learning-rate", "nan"], &["--learning-rate is NaN"]),
    ]);
}

#[test]
fn settings_without_an_effect_are_refused() {
    refused(&[
        (
            &["--schedule", "cosine", "--least-gain", "0.1"],
            &["--least-gain", "all epochs are trained", "--patience"],
        ),
        (
            &["--inference", "svi", "--patience", "9"],
            &["--patience", "--inference svi"],
        ),
        (
            &["--prior", "mixture:2", "--threads", "1"],
            &["--threads 1", "--prior mixture:2"],
        ),
        (
            &["--folds", "2"],
            &["--folds is 2", "from 3 on", "0 for none"],
        ),
        (&["--sample", "999"], &["--sample is 999", "from 1000 on"]),
    ]);
    let out = &Folder::new().path("run");
    fails_with(
        &["fit", "pump", "--sample", "2000", "--out", out],
        &["--sample", "DATA is pump"],
    );
}

/// On data that are too small for it to come true, and that have enough held out.
#[test]
fn wishes_that_data_do_not_meet_are_told() {
    let folder = Folder::new();
    let fit = |data: &str, more: &[&str]| {
        let out = folder.path("run");
        let start = ["fit", data, "--epochs", "1", "--force", "--out", &out];
        let output = trainer(&[&start[..], more].concat());
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let said = fit(&fixture().csv, &["--sample", "5000", "--sentinels=-77"]);
    assert!(
        said.contains("all 140 rows are read: --sample 5000"),
        "{said}"
    );
    assert!(said.contains("no cell is -77: --sentinels"), "{said}");
    let said = fit("digits", &["--folds", "5"]);
    let words = "--folds 5 trains no more models: 176 readings are held out";
    assert!(said.contains(words), "{said}");
}

#[test]
fn networks_and_parts_out_of_range_are_refused() {
    refused(&[
        (&["--latents", "0"], &["--latents is 0"]),
        (&["--latents", "1025"], &["--latents is 1025", "1024"]),
        (&["--encoder", "8,0"], &["--encoder is 0"]),
        (
            &["--decoder", "1,1,1,1,1,1,1,1,1"],
            &["--decoder has 9 hidden layers", "8"],
        ),
        (
            &["--validation-fraction", "1"],
            &["validation fraction is 1"],
        ),
        (&["--test-fraction=-0.1"], &["test fraction is -0.1"]),
        (
            &["--validation-fraction", "0.5", "--test-fraction", "0.5"],
            &["0.5 for validation and 0.5 for test"],
        ),
    ]);
}

#[test]
fn odd_numbers_and_parts_of_the_digits_are_refused() {
    let Fixture {
        run, csv, digits, ..
    } = fixture();
    let out = &Folder::new().path("run");
    let none = &["--limit is 0"];
    fails_with(&["score", run, csv, "--limit", "0"], none);
    fails_with(&["estimators", run, csv, "--limit", "0"], none);
    fails_with(
        &["fit", "digits", "--conditions", "1", "--out", out],
        &["--conditions is 1", "digits"],
    );
    fails_with(
        &["sample", run, "--conditions", "1,2"],
        &["--conditions has 2 numbers", "0 conditions"],
    );
    let unknown = &["nonsense", "digits:train"];
    fails_with(&["fit", "digits:nonsense", "--out", out], unknown);
    fails_with(&["score", digits, "digits:nonsense"], unknown);
    fails_with(
        &["fit", "digits:train", "--out", out],
        &["train on `digits`"],
    );
}

#[test]
fn wrong_usage_is_refused() {
    let Fixture { csv, run, .. } = fixture();
    let config = &text(&Path::new(run).join("config.toml"));
    let cases: [&[&str]; 14] = [
        &["fit", csv, "--missing", "much"],
        &["fit", "--config", config, "--missing", "1.5"],
        &["fit", "--config", config, "--set", "train.epochs"],
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
fn configs_from_before_gaps_still_train() {
    let folder = Folder::new();
    let config = String::from_utf8(read(&fixture().run, "config.toml")).unwrap();
    let old = config.replacen("missing = 0.0\nimportance_samples = 1\n", "", 1);
    assert_ne!(old, config);
    let (old, out) = (&folder.write("old.toml", old), &folder.path("run"));
    succeeds(&["fit", "--config", old, "--out", out, "--quiet"]);
    assert!(read(out, "model.elbow") == read(&fixture().run, "model.elbow"));
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
fn more_threads_than_cores_are_told() {
    let folder = Folder::new();
    let fit = ["fit", "--threads", "250", "--epochs", "1", "--quiet"];
    let output = trainer(&[&fit[..], &["--out", &folder.path("run")]].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    let words = "--threads is 250 and this machine has";
    assert!(errors.contains(words), "{errors}");
}
