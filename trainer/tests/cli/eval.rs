//! `trainer eval` and `trainer baseline`.

use crate::fixture::{Fixture, fixture};
use crate::support::program::{Folder, fails_with, json, read, succeeds, summary};

#[test]
fn the_summary_nests_float_and_device() {
    let summary = summary(&fixture().run);
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
        let summary = summary(run);
        let eval: serde_json::Value =
            serde_json::from_str(&succeeds(&["eval", run, "--json"])).unwrap();
        for name in ["normal", "anomalous", "float", "device"] {
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

#[test]
fn eval_repeats_the_summary() {
    let digits = &fixture().digits;
    let evaluation = json(&succeeds(&["eval", digits, "digits", "--json"]));
    let summary = summary(digits);
    for key in ["float", "device", "normal", "abnormal", "difference"] {
        assert_eq!(evaluation[key], summary[key], "{key}");
    }
    let text = succeeds(&["eval", digits, "digits"]);
    assert!(text.contains("352 normal and 181 anomalous"), "{text}");
    let alarms = &evaluation["false_alarms"];
    assert_eq!(alarms["readings"], 352);
    let (count, at_most) = (
        alarms["count"].as_u64().unwrap(),
        alarms["at_most"].as_f64().unwrap(),
    );
    assert!(at_most > count as f64 / 352.0 && at_most < 1.0, "{alarms}");
    let line = format!(
        "alarms at p <= 0.01  {count} of 352 normal readings; of new ones at most {:.2} %",
        100.0 * at_most
    );
    assert!(text.contains(&line), "{text}");
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
