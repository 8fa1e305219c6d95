//! A column that takes the levels of all others is flagged, with its cause, its cost and a remedy.

mod support;

use support::program::{Folder, Noise, json, read, trainer};

/// Readings of four columns that hang together; `wild` replaces one number of `pressure` in a hundred and
/// fifty.
fn csv(wild: Option<f32>) -> String {
    let mut noise = Noise(5);
    let mut text = "flow,pressure,temperature,current\n".to_owned();
    for row in 0..700 {
        let (a, b) = (noise.next(), noise.next());
        let pressure = match wild {
            Some(wild) if row % 150 == 7 => wild,
            _ => a + b + 0.1 * noise.next(),
        };
        let (flow, current) = (a + 0.1 * noise.next(), a - b);
        text += &format!("{flow},{pressure},{b},{current}\n");
    }
    text
}

/// What `fit` says on standard error about these readings, and the `warnings` of its summary.
fn fit(data: &str, likelihood: &str) -> (String, Vec<String>) {
    let folder = Folder::new();
    let file = folder.write("pump.csv", data);
    let run = folder.path("run");
    let output = trainer(&[
        "fit",
        &file,
        "--out",
        &run,
        "--epochs",
        "40",
        "--encoder",
        "16",
        "--decoder",
        "16",
        "--latents",
        "2",
        "--likelihood",
        likelihood,
        "--quiet",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let summary = json(&String::from_utf8(read(&run, "summary.json")).unwrap());
    let page = String::from_utf8(read(&run, "report.html")).unwrap();
    let warnings = summary["warnings"].as_array().cloned().unwrap_or_default();
    let warnings: Vec<String> = warnings
        .iter()
        .map(|line| line.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(page.matches("<b>Warning:</b>").count(), warnings.len());
    (String::from_utf8(output.stderr).unwrap(), warnings)
}

#[test]
fn a_column_with_outliers_is_flagged_by_its_name() {
    for likelihood in ["gaussian", "laplace"] {
        let (errors, warnings) = fit(&csv(Some(1000.0)), likelihood);
        let line = errors
            .lines()
            .find(|line| line.contains("pressure reaches"))
            .unwrap();
        assert!(warnings.iter().any(|warning| line.ends_with(warning)));
        for word in [
            "warning: ",
            "standard deviations",
            "levels of 8 bits",
            "of 127 levels",
            "nats a reading",
            "clip it to",
        ] {
            assert!(line.contains(word), "{line:?} lacks {word:?}");
        }
    }
}

#[test]
fn sound_readings_are_not_flagged() {
    for likelihood in ["gaussian", "laplace"] {
        let (errors, warnings) = fit(&csv(None), likelihood);
        assert_eq!((errors.as_str(), warnings.len()), ("", 0));
    }
}
