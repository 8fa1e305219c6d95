//! `trainer fit`: what a training depends on and what it says.

use crate::fixture::{Fixture, TINY, fixture};
use crate::support::program::{Folder, Noise, json, read, succeeds, summary, trainer};
use serde_json::Value;

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
    let results = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for part in [
        "epoch 3/3: elbo",
        "best held out",
        "likelihood gaussian",
        "wrote ",
    ] {
        assert!(errors.contains(part), "{errors}");
    }
    // What came of it is for whoever reads standard output.
    for part in ["device (sigma points)", "normal and 0 anomalous"] {
        assert!(
            results.contains(part) && !errors.contains(part),
            "{results}"
        );
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
    let summary = summary(out);
    assert_eq!(summary["likelihood"], "bernoulli");
    assert_eq!(summary["float"]["auc"], Value::Null);
    assert_eq!(
        json(&succeeds(&["inspect", out, "--json"]))["likelihood"],
        "binomial:1"
    );
    assert_eq!(succeeds(&["score", out, data]).lines().count(), 101);
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
    let first = summary(out);
    let name = first["objective"].as_str().unwrap();
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
    assert_eq!(summary(out)["objective"], "ELBO");
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
        let summary = summary(run);
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
