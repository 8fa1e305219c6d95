//! `trainer ladder` and `trainer estimators`.

use crate::fixture::{Fixture, TINY, fixture};
use crate::support::program::{Folder, fails_with, json, succeeds, trainer};
use serde_json::Value;

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
