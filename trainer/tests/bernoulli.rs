//! Bernoulli latents, and training by other gradients, as a user runs them.

mod support;

use serde_json::Value;
use std::path::Path;
use support::program::{Folder, fails_with, json, read, succeeds};

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

/// The number at `path` of a summary.
fn number(summary: &Value, path: &str) -> f64 {
    let value = summary.pointer(path).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("{path}: {summary}"))
}

#[test]
fn a_run_with_bits_has_an_image_that_scores_as_floats_do() {
    let (folder, run) = bits();
    let summary = summary(&run);
    assert_eq!(summary["estimator"], "enumeration");
    assert_eq!(summary["objective"], "ELBO");
    // All codes on both sides: what is left is rounding.
    assert!(number(&summary, "/difference").abs() < 0.05);
    assert!(number(&summary, "/spearman") > 0.999);
    assert!((0.5..1.0).contains(&number(&summary, "/device/auc")));
    assert!(number(&summary, "/usual_alarm_at_most") < 0.05);
    let metrics = String::from_utf8(read(&run, "metrics.jsonl")).unwrap();
    let epochs: Vec<Value> = metrics.lines().map(json).collect();
    assert_eq!(epochs.len(), 3);
    for epoch in &epochs {
        let of = |name: &str| epoch[name].as_f64().unwrap();
        assert!((of("elbo") - of("reconstruction") + of("kl")).abs() < 1e-9);
        // 4 bits carry at most 4 ln 2.
        assert!((0.0..4.0 * 2f64.ln()).contains(&of("kl")) && epoch.get("objective").is_none());
    }
    // The settings reproduce parameters and image bit for bit.
    let again = folder.path("again");
    let config = format!("{run}/config.toml");
    succeeds(&["fit", "--config", &config, "--out", &again, "--quiet"]);
    for file in ["model.safetensors", "model.elbow", "config.toml"] {
        assert_eq!(read(&run, file), read(&again, file), "{file}");
    }
}

/// Of more bits than are enumerated, floats draw what the device draws; under a prior that is learned.
#[test]
fn many_bits_are_drawn_alike_in_floats_and_on_the_device() {
    let folder = Folder::new();
    let run = folder.path("run");
    let settings = ["--latent", "bernoulli", "--latents", "14", "--epochs", "12"];
    fit(&run, &[&settings[..], &["--prior", "factorized"]].concat());
    let of_learned = summary(&run);
    assert_eq!(of_learned["estimator"], "monte-carlo:64");
    assert!(number(&of_learned, "/difference").abs() < 0.05);
    let told = succeeds(&["inspect", &run]);
    assert!(
        told.contains("prior factorized") && told.contains("latents bits"),
        "{told}"
    );
    assert!(told.contains("\"bits\""), "{told}");
    let log_odds = model_numbers(&run, "prior.log_odds");
    assert_eq!(log_odds.len(), 14);
    assert!(
        log_odds.iter().any(|odds| odds.abs() > 0.01),
        "{log_odds:?}"
    );
}

/// The numbers of a tensor of a run.
fn model_numbers(run: &str, name: &str) -> Vec<f32> {
    let tensors = candle_core::safetensors::load_buffer(
        &read(run, "model.safetensors"),
        &candle_core::Device::Cpu,
    );
    let tensors = tensors.unwrap();
    tensors[name].flatten_all().unwrap().to_vec1().unwrap()
}

/// Every command that takes an image takes one of bits; a packet has the code in place of numbers.
#[test]
fn commands_run_on_bits() {
    let (folder, run) = bits();
    let mask = folder.write("mask.csv", (["1"; 64].join(",") + "\n").repeat(533));
    let few = ["--limit", "3"];
    for arguments in [
        &["score", &run, "digits"][..],
        &[
            "score",
            &run,
            "digits",
            "--estimator",
            "importance-weighted:7",
        ],
        &["eval", &run, "digits"],
    ] {
        succeeds(&[arguments, &few].concat());
    }
    succeeds(&["impute", &run, "digits", "--mask", &mask, "--limit", "1"]);
    succeeds(&["explain", &run, "digits"]);
    succeeds(&["sample", &run]);
    succeeds(&["verify", &run]);
    let compared = succeeds(&["estimators", &run, "digits", "--limit", "20"]);
    assert!(compared.contains("enumeration"), "{compared}");
    let out = folder.path("packets");
    let told = succeeds(&["encode", &run, "digits", "--limit", "5", "--out", &out]);
    assert!(told.contains("5 packets of 4.0 bytes a reading"), "{told}");
    let decoded = succeeds(&["decode", &run, &out]);
    assert_eq!(decoded.lines().count(), 6, "{decoded}");
    fails_with(
        &["score", &run, "digits", "--estimator", "sigma-points"],
        &["no estimate by 0 passes"],
    );
    fails_with(
        &["eval", &run, "digits", "--breakdown"],
        &["means and log-variances", "--breakdown"],
    );
}

#[test]
fn gradients_of_bits_are_compared() {
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
            "vimco",
            "disarm"
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
            "prior of bits",
            "leave out --prior mixture:2",
        ],
    );
    refused(
        &["--prior", "factorized"],
        &[
            "--prior factorized",
            "--latent gaussian",
            "use --latent bernoulli",
        ],
    );
    let pairs = ["--gradient", "disarm", "--importance-samples", "5"];
    refused(
        &[&bits[..], &pairs].concat(),
        &["disarm", "in pairs", "--importance-samples 6"],
    );
    refused(
        &["--gradient", "disarm"],
        &["disarm", "these latents are not bits", "--latent bernoulli"],
    );
}
