//! `trainer fit` to a budget.

use crate::fixture::{csv, readings};
use crate::support::program::{Folder, json, read, trainer};
use serde_json::Value;
use std::path::Path;

/// The exit code of a short training on `file`, what it said, and its budget in the summary.
fn fit(file: &str, run: &str, arguments: &[&str]) -> (Option<i32>, String, Value) {
    let start = ["fit", file, "--out", run, "--force"];
    let epochs = ["--epochs", "2"];
    let epochs = match arguments.contains(&"--epochs") {
        true => &[][..],
        false => &epochs,
    };
    let output = trainer(&[&start[..], epochs, arguments].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    let summary = std::fs::read_to_string(Path::new(run).join("summary.json"));
    let budget = summary.map_or(Value::Null, |summary| json(&summary)["budget"].clone());
    (output.status.code(), errors, budget)
}

#[test]
fn budgets_are_kept_and_told() {
    let folder = Folder::new();
    let file = folder.write("pump.csv", csv(&readings(200)));
    let run = folder.path("run");
    let fit = |arguments: &[&str]| {
        let (code, errors, budget) = fit(&file, &run, arguments);
        assert_eq!(code, Some(0), "{errors}");
        (errors, budget)
    };
    let kept = |bytes: u64, arguments: &[&str]| {
        let kib = format!("{}K", bytes >> 10);
        let (errors, budget) = fit(&[&["--flash", &kib, "--core", "m3"], arguments].concat());
        assert!(errors.contains("sized to the budget: "), "{errors}");
        assert!(
            errors.contains(&format!("of {bytes} bytes of flash")),
            "{errors}"
        );
        let flash = budget["cost"]["flash_bytes"].as_u64().unwrap();
        let code = budget["cost"]["code_bytes"].as_u64().unwrap();
        let image = read(&run, "model.elbow").len() as u64;
        assert_eq!(flash, code + image);
        assert!(flash <= bytes, "{flash}");
        budget
    };
    let budget = kept(32 << 10, &[]);
    let features = "locations,wide-activations,statistics";
    assert_eq!(budget["cost"]["features"], features);
    let budget = kept(24 << 10, &["--judged-by", "bound"]);
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
}

/// What is chosen by nats after training keeps the budget: drafts of it have the statistics of all readings that were learned from.
#[test]
fn what_is_chosen_after_training_keeps_the_budget() {
    let folder = Folder::new();
    let run = folder.path("run");
    let (code, errors, budget) = fit(
        "digits",
        &run,
        &["--epochs", "10", "--flash", "33K", "--quiet"],
    );
    assert_eq!(code, Some(0), "{errors}");
    let flash = budget["cost"]["flash_bytes"].as_u64().unwrap();
    assert!(flash <= 33 << 10, "{flash}");
}

#[test]
fn budgets_that_cannot_be_kept_are_refused() {
    let folder = Folder::new();
    let file = folder.write("pump.csv", csv(&readings(200)));
    let run = folder.path("run");
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
            &["--instructions", "1M", "--latent", "bernoulli"],
            &["--latent gaussian", "--latent bernoulli"],
        ),
        (&["--flash", "lots"], &["64K"]),
    ] {
        let (code, errors, _) = fit(&file, &run, arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {errors}");
        for word in words {
            assert!(
                errors.contains(word),
                "{arguments:?}: {errors} lacks {word:?}"
            );
        }
    }
}
