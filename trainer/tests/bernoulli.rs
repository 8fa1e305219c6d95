//! Bernoulli latents, and training by other gradients, as a user runs them.

mod support;

use serde_json::Value;
use std::path::Path;
use support::program::{Folder, contents, fails_with, json, read, succeeds, trainer};

const SMALL: [&str; 6] = [
    "--encoder",
    "6",
    "--decoder",
    "6",
    "--quiet",
    "--keep-dead-latents",
];

fn fit(out: &str, arguments: &[&str]) {
    succeeds(&[&["fit", "--out", out, "--force"], &SMALL[..], arguments].concat());
}

fn summary(run: &str) -> Value {
    json(std::str::from_utf8(&read(run, "summary.json")).unwrap())
}

fn names(run: &str) -> Vec<String> {
    let paths = contents(run).into_keys();
    paths
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect()
}

const FLOATS: [&str; 4] = [
    "config.toml",
    "metrics.jsonl",
    "model.safetensors",
    "summary.json",
];

/// A short training with bits; the folder goes away with the first of the pair.
fn bits() -> (Folder, String) {
    let folder = Folder::new();
    let run = folder.path("run");
    fit(
        &run,
        &["--latent", "bernoulli", "--latents", "4", "--epochs", "3"],
    );
    (folder, run)
}

#[test]
fn a_run_with_bits_holds_what_floats_say_and_no_image() {
    let folder = Folder::new();
    let run = folder.path("run");
    // What an earlier run left must not be taken for an image of this one.
    fit(&run, &["--latents", "2", "--epochs", "1"]);
    assert!(names(&run).contains(&"model.elbow".to_owned()));
    let settings = ["--latent", "bernoulli", "--latents", "4", "--epochs", "3"];
    fit(&run, &settings);
    assert_eq!(names(&run), FLOATS);
    let summary = summary(&run);
    assert_eq!(
        (&summary["latent"], &summary["gradient"]),
        (&"bernoulli".into(), &"leave-one-out".into())
    );
    assert_eq!(summary["objective"], "ELBO");
    let number = |path: &str| summary.pointer(path).and_then(Value::as_f64).unwrap();
    let (elbo, weighted) = (number("/float/elbo"), number("/importance_weighted/mean"));
    assert!(elbo < weighted && weighted < 0.0, "{elbo} {weighted}");
    assert!((0.5..1.0).contains(&number("/float/auc")));
    let metrics = String::from_utf8(read(&run, "metrics.jsonl")).unwrap();
    let epochs: Vec<Value> = metrics.lines().map(json).collect();
    assert_eq!(epochs.len(), 3);
    for epoch in &epochs {
        let of = |name: &str| epoch[name].as_f64().unwrap();
        assert!((of("elbo") - of("reconstruction") + of("kl")).abs() < 1e-9);
        // 4 bits carry at most 4 ln 2.
        assert!((0.0..4.0 * 2f64.ln()).contains(&of("kl")) && epoch.get("objective").is_none());
    }
    // The settings reproduce the parameters bit for bit.
    let again = folder.path("again");
    succeeds(&[
        "fit",
        "--config",
        &format!("{run}/config.toml"),
        "--out",
        &again,
        "--quiet",
    ]);
    assert_eq!(
        read(&run, "model.safetensors"),
        read(&again, "model.safetensors")
    );
    assert_eq!(read(&run, "config.toml"), read(&again, "config.toml"));
}

#[test]
fn the_run_says_why_there_is_no_image() {
    let folder = Folder::new();
    let run = folder.path("run");
    let settings = ["--latent", "bernoulli", "--latents", "4", "--epochs", "1"];
    let output = trainer(&[&["fit", "--out", &run][..], &settings].concat());
    let results = String::from_utf8(output.stdout).unwrap();
    let why: Vec<&str> = results
        .lines()
        .filter(|line| line.contains("no image is written"))
        .collect();
    assert_eq!(why.len(), 1, "{results}");
    assert!(why[0].contains("devices run Gaussian latents"), "{results}");
}

#[test]
fn commands_that_take_an_image_say_that_there_is_none() {
    let (folder, run) = bits();
    let mask = folder.write("mask.csv", "1\n");
    let out = folder.path("out");
    let stream = folder.write("stream.csv", "a\n1\n2\n");
    for arguments in [
        &["score", &run, "digits"][..],
        &["eval", &run, "digits"],
        &["estimators", &run, "digits"],
        &["ladder", &run, "digits"],
        &["inspect", &run],
        &["sample", &run],
        &["impute", &run, "digits", "--mask", &mask],
        &["encode", &run, "digits", "--out", &out],
        &["decode", &run, &mask],
        &["readings", &run, "digits", "--out", &out],
        &["samples", &run, &stream, "--out", &out],
        &["watch", &run, &stream],
    ] {
        fails_with(
            arguments,
            &[
                "model.elbow",
                "--latent bernoulli",
                "devices run Gaussian latents",
            ],
        );
    }
    assert_eq!(names(&run), FLOATS);
}

#[test]
fn gradients_of_bits_are_compared_without_an_image() {
    let (_folder, run) = bits();
    let arguments = [
        "variance",
        &run,
        "digits",
        "--limit",
        "16",
        "--draws",
        "60",
        "--samples",
        "4",
        "--json",
    ];
    let report = json(&succeeds(&arguments));
    assert_eq!(report["latent"], "bernoulli");
    let rows = report["rows"].as_array().unwrap();
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["gradient"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "score",
            "moving-average",
            "leave-one-out",
            "learned",
            "vimco"
        ]
    );
    let variance = |at: usize| {
        rows[at]
            .pointer("/encoder/variance")
            .unwrap()
            .as_f64()
            .unwrap()
    };
    assert!((1..4).all(|at| 10.0 * variance(at) < variance(0)));
    let chosen = ["variance", &run, "digits", "--gradient", "reparameterized"];
    fails_with(
        &chosen,
        &[
            "reparameterized",
            "bits have no derivative",
            "leave-one-out",
        ],
    );
}

/// In equal steps, the other samples for a baseline are worth more than 3 nats, at 30 bits.
#[test]
fn a_baseline_is_worth_nats() {
    let folder = Folder::new();
    let elbo = |gradient: &str| {
        let run = folder.path(gradient);
        let of = [
            "--latent",
            "bernoulli",
            "--latents",
            "30",
            "--importance-samples",
            "5",
        ];
        let arguments = [
            "--epochs",
            "15",
            "--encoder",
            "64",
            "--decoder",
            "64",
            "--quiet",
        ];
        let which = ["--gradient", gradient, "--out", &run];
        succeeds(&[&["fit"][..], &of, &arguments, &which].concat());
        summary(&run)
            .pointer("/float/elbo")
            .unwrap()
            .as_f64()
            .unwrap()
    };
    let (plain, others, vimco) = (elbo("score"), elbo("leave-one-out"), elbo("vimco"));
    assert!(
        others > plain + 3.0 && vimco > plain + 3.0,
        "{plain} {others} {vimco}"
    );
}

/// Other gradients of Gaussian latents make images as ever, and say what they climbed.
#[test]
fn gaussian_latents_train_by_other_gradients() {
    let folder = Folder::new();
    for (gradient, samples, objective) in [
        ("sticking-the-landing", "1", "ELBO"),
        (
            "doubly-reparameterized",
            "3",
            "importance-weighted bound of 3 samples",
        ),
        ("leave-one-out", "3", "ELBO"),
    ] {
        let run = folder.path(gradient);
        let which = ["--gradient", gradient, "--importance-samples", samples];
        fit(
            &run,
            &[&which[..], &["--latents", "2", "--epochs", "8"]].concat(),
        );
        let summary = summary(&run);
        assert_eq!(summary["objective"], objective);
        let metrics = String::from_utf8(read(&run, "metrics.jsonl")).unwrap();
        let first = json(metrics.lines().next().unwrap());
        assert_eq!(first.get("objective").is_some(), objective != "ELBO");
        let elbo = |epoch: &str| json(epoch)["validation_elbo"].as_f64().unwrap();
        let epochs: Vec<&str> = metrics.lines().collect();
        assert!(elbo(epochs[7]) > elbo(epochs[0]) + 3.0, "{gradient}");
        let config = String::from_utf8(read(&run, "config.toml")).unwrap();
        assert!(
            config.contains(&format!("gradient = \"{gradient}\"")),
            "{config}"
        );
        assert!(Path::new(&run).join("model.elbow").exists());
        succeeds(&["score", &run, "digits", "--limit", "2"]);
    }
}

#[test]
fn settings_of_before_there_was_a_choice_still_load() {
    let folder = Folder::new();
    let (run, again) = (folder.path("run"), folder.path("again"));
    fit(&run, &["--latents", "2", "--epochs", "1"]);
    let config = String::from_utf8(read(&run, "config.toml")).unwrap();
    let old = config
        .lines()
        .filter(|line| !line.starts_with("latent =") && !line.starts_with("gradient ="));
    let old: String = old.map(|line| line.to_owned() + "\n").collect();
    assert_ne!(old, config);
    let old = folder.write("old.toml", old);
    succeeds(&["fit", "--config", &old, "--out", &again, "--quiet"]);
    assert_eq!(read(&run, "model.elbow"), read(&again, "model.elbow"));
    assert_eq!(read(&run, "config.toml"), read(&again, "config.toml"));
}

#[test]
fn settings_that_do_not_go_together_say_what_to_change() {
    let folder = Folder::new();
    let out = folder.path("run");
    let refused = |arguments: &[&str], words: &[&str]| {
        fails_with(
            &[&["fit", "--out", &out, "--quiet"], arguments].concat(),
            words,
        );
        assert!(!Path::new(&out).exists());
    };
    let bits = ["--latent", "bernoulli"];
    for gradient in [
        "reparameterized",
        "sticking-the-landing",
        "doubly-reparameterized",
    ] {
        let which = ["--gradient", gradient];
        refused(
            &[bits, which].concat(),
            &[gradient, "bits have no derivative", "use score"],
        );
    }
    for gradient in ["leave-one-out", "vimco"] {
        let one = ["--gradient", gradient, "--importance-samples", "1"];
        refused(&one, &[gradient, "there is 1", "take at least 2"]);
    }
    refused(
        &["--gradient", "score", "--importance-samples", "0"],
        &["--importance-samples is 0"],
    );
    refused(
        &["--gradient", "score", "--missing", "0.2"],
        &["--gradient score", "leave out --missing"],
    );
    refused(
        &["--gradient", "score", "--beta", "2"],
        &["--gradient score", "leave out --beta"],
    );
    refused(
        &["--gradient", "score", "--inference", "svi"],
        &["leave out --inference svi"],
    );
    let prior = ["--prior", "mixture:2"];
    refused(
        &[bits, prior].concat(),
        &[
            "--latent bernoulli",
            "standard prior",
            "leave out --prior mixture:2",
        ],
    );
}
