//! Ordinary machine data and ordinary mistakes, through the program: every such table ends in an image, and what may
//! mislead is said.

mod support;

use std::fmt::Write;
use std::path::Path;
use support::program::{Folder, Noise, json, read, succeeds, trainer};

/// Trains on `text`; what was said on the way, and the folder of the run.
fn fit(folder: &Folder, text: &str, arguments: &[&str]) -> (String, String) {
    let (data, out) = (folder.write("pump.csv", text), folder.path("run"));
    let start = ["fit", &data, "--out", &out, "--quiet"];
    let output = trainer(&[&start[..], arguments].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    (errors, out)
}

/// A sum of uniform numbers, about normal, with mean 0 and variance 1.
fn normal(noise: &mut Noise) -> f32 {
    (0..12).map(|_| noise.next()).sum::<f32>() - 6.0
}

/// A pump that runs four fifths of the time and idles for the rest: six clean columns.
fn two_modes(rows: usize) -> String {
    let mut noise = Noise(1);
    let mut text = "speed,temperature,pressure,current,vibration,flow\n".to_owned();
    for _ in 0..rows {
        let runs = noise.next() < 0.8;
        let load = normal(&mut noise);
        let mut of = |running: f32, idle: f32, deviation: f32| {
            let mean = if runs { running } else { idle };
            mean + deviation * normal(&mut noise)
        };
        let speed = of(1480.0 + 2.0 * load, 0.0, 0.1);
        let temperature = of(45.0, 40.0, 1.0);
        let pressure = of(3.2 + 0.05 * load, 0.0, 0.01);
        let current = of(12.0 + 0.4 * load, 0.0, 0.05);
        let (vibration, flow) = (of(0.8, 0.0, 0.05), of(30.0 + load, 0.0, 0.1));
        let _ = writeln!(
            text,
            "{speed:.0},{temperature:.1},{pressure:.2},{current:.2},{vibration:.2},{flow:.1}"
        );
    }
    text
}

/// Sixteen bits of input hold both modes; eight do not, which is said with the column and a remedy.
#[test]
fn a_machine_of_two_modes_keeps_its_nats() {
    let folder = Folder::new();
    let summary = |run: &str| json(&String::from_utf8(read(run, "summary.json")).unwrap());
    let (errors, run) = fit(&folder, &two_modes(2000), &["--epochs", "200"]);
    let told = |errors: &str| {
        let mut lines = errors.lines();
        let line = lines.find(|line| line.contains("differ from the trained model's by"));
        line.map(str::to_owned)
    };
    assert_eq!(told(&errors), None, "{errors}");
    let wide = summary(&run);
    let number = |summary: &serde_json::Value, name: &str| summary[name].as_f64().unwrap();
    assert!(number(&wide, "difference").abs() < 0.1, "{wide}");
    assert!(number(&wide, "spearman") > 0.99, "{wide}");

    let more = ["--epochs", "200", "--activations", "i8", "--force"];
    let (errors, run) = fit(&folder, &two_modes(2000), &more);
    let line = told(&errors).unwrap_or_else(|| panic!("{errors}"));
    let columns = ["speed", "pressure", "current", "flow"];
    assert!(
        columns.iter().any(|column| line.contains(column)) && line.contains("--activations auto"),
        "{line}"
    );
    let narrow = summary(&run);
    let warnings = narrow["warnings"].as_array().unwrap();
    let mut warnings = warnings.iter().map(|warning| warning.as_str().unwrap());
    assert!(warnings.any(|warning| line.ends_with(warning)));
    assert!(number(&narrow, "difference") < -0.3, "{narrow}");
}

#[test]
fn columns_of_few_values_train_at_the_floor_of_their_resolution() {
    let mut noise = Noise(3);
    let lines = (0..600).map(|_| {
        let analog = normal(&mut noise);
        // A grid of a quarter that follows the column before without any noise, and a flag that is rarely up.
        let grid = (analog * 4.0).round() / 4.0;
        let flag = u8::from(noise.next() < 0.02);
        format!("{analog},{grid},{flag}\n")
    });
    let text: String = lines.collect();
    let folder = Folder::new();
    let more = [
        "--epochs",
        "300",
        "--reading",
        "3",
        "--likelihood",
        "gaussian",
    ];
    let (_, run) = fit(&folder, &text, &more);
    let config = String::from_utf8(read(&run, "config.toml")).unwrap();
    let floors = config.lines().find(|line| line.starts_with("floors"));
    let floors: Vec<f64> = floors
        .and_then(|line| line.split(['[', ']']).nth(1))
        .unwrap()
        .split(',')
        .filter_map(|floor| floor.trim().parse().ok())
        .collect();
    // In raw units: a step of one over the square root of twelve, and as many for a quarter as there are in it.
    let step = 1.0 / 12f64.sqrt();
    assert!((floors[0] - step).abs() < 1e-9, "{floors:?}");
    assert!((floors[1] / step).log2().fract().abs() < 1e-9 && floors[1] > 100.0 * step);
    assert!(floors[2] > 100.0 * step, "{floors:?}");
}

#[test]
fn whole_numbers_with_a_small_deviation_train() {
    let mut noise = Noise(4);
    let lines = (0..300).map(|_| {
        let rare = u8::from(noise.next() < 0.03);
        format!("{},{rare}\n", (100.0 * noise.next()).round())
    });
    let folder = Folder::new();
    let (_, run) = fit(&folder, &lines.collect::<String>(), &["--epochs", "20"]);
    assert!(Path::new(&run).join("model.elbow").exists());
}

#[test]
fn a_constant_column_that_moves_is_the_most_anomalous_reading_of_all() {
    let mut noise = Noise(5);
    let mut line = |valve: &str| {
        let flow = normal(&mut noise);
        format!("{flow},{},{valve}\n", 2.0 * flow + 0.1 * normal(&mut noise))
    };
    let text: String = (0..600).map(|_| line("7.5")).collect();
    let folder = Folder::new();
    let (errors, run) = fit(&folder, &text, &["--epochs", "100"]);
    assert!(
        errors.contains("column 3 (7.5) never changed in training"),
        "{errors}"
    );
    let readings: Vec<String> = vec![line("7.5"), "9,-9,7.5\n".to_owned(), line("7.6"), line("0")];
    let data = folder.write("odd.csv", readings.concat());
    let scores = succeeds(&["score", &run, &data]);
    let elbo: Vec<f64> = scores
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).unwrap().parse().unwrap())
        .collect();
    // The residual of one input is counted up to 128 deviations, 8192 nats.
    assert!(elbo[0] > elbo[1], "{elbo:?}");
    assert!(elbo[2].max(elbo[3]) < elbo[0] - 8000.0, "{elbo:?}");
    assert!(elbo[2].max(elbo[3]) < elbo[1], "{elbo:?}");
    // From a whole one too.
    let text: String = (0..600).map(|_| line("7")).collect();
    let folder = Folder::new();
    let (_, run) = fit(&folder, &text, &["--epochs", "20", "--folds", "0"]);
    let data = folder.write("odd.csv", line("7") + &line("8"));
    let scores = succeeds(&["score", &run, &data, "--estimator", "posterior-mean"]);
    let p_values: Vec<&str> = scores
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(5).unwrap())
        .collect();
    // One in more than a hundred thousand, by the tail of 90 readings.
    assert!(p_values[1].starts_with("0.00000"), "{scores}");
}

#[test]
fn the_lowest_p_value_is_told_where_a_person_looks() {
    let mut noise = Noise(6);
    let mut table = |rows| -> String {
        let line = |_| format!("{},{}\n", normal(&mut noise), normal(&mut noise));
        (0..rows).map(line).collect()
    };
    let arguments = [
        "--epochs",
        "10",
        "--latents",
        "1",
        "--keep-dead-latents",
        "--folds",
        "0",
    ];
    let folder = Folder::new();
    let (errors, run) = fit(&folder, &table(200), &arguments);
    // 30 readings calibrate.
    let rare = "30 readings calibrate the p-values: below 0.0323 they are extrapolated";
    assert!(
        errors.contains(rare) && errors.contains("give 99 or more"),
        "{errors}"
    );
    let inspected = succeeds(&["inspect", &run]);
    assert!(
        inspected.contains("counted down to 0.03226, extrapolated below"),
        "{inspected}"
    );
    let tables = json(&succeeds(&["inspect", &run, "--json"]))["calibrations"].clone();
    let smallest = tables[0]["smallest_counted"].as_f64().unwrap();
    assert!((smallest - 1.0 / 31.0).abs() < 1e-6);
    let page = String::from_utf8(read(&run, "report.html")).unwrap();
    assert!(page.contains("down to 1/31, and extrapolated below"));
    let folder = Folder::new();
    let alone = [&arguments[..], &["--judged-by", "bound"]].concat();
    let (errors, run) = fit(&folder, &table(200), &alone);
    let never = "none is below 0.0323, and an alarm at p < 0.01 never fires";
    assert!(errors.contains(never), "{errors}");
    let inspected = succeeds(&["inspect", &run]);
    let end = "counted down to 0.03226, an alarm below it never fires";
    assert!(inspected.contains(end), "{inspected}");
    let page = String::from_utf8(read(&run, "report.html")).unwrap();
    assert!(page.contains("down to 1/31."));
    let folder = Folder::new();
    let (errors, run) = fit(&folder, &table(700), &arguments);
    assert!(!errors.contains("extrapolated"), "{errors}");
    let summary = json(&String::from_utf8(read(&run, "summary.json")).unwrap());
    let smallest = summary["smallest_counted"].as_f64().unwrap();
    assert!((smallest - 1.0 / 106.0).abs() < 1e-6, "{smallest}");
}

/// With few readings, p-values rest on all of them: those of new ones are as often low as they say, where 20 readings held out
/// could not tell.
#[test]
fn few_readings_calibrate_by_models_that_have_not_seen_them() {
    let mut noise = Noise(8);
    let mut table = |rows| -> String {
        let mut line = || {
            let (a, b) = (normal(&mut noise), normal(&mut noise));
            let mut own = || 0.5 * normal(&mut noise);
            format!(
                "{},{},{},{}\n",
                a + own(),
                b + own(),
                a + b + own(),
                a - b + own()
            )
        };
        (0..rows).map(|_| line()).collect()
    };
    let folder = Folder::new();
    let more = ["--epochs", "60", "--latents", "2"];
    let (errors, run) = fit(&folder, &table(130), &more);
    assert!(!errors.contains("extrapolated"), "{errors}");
    let summary = json(&String::from_utf8(read(&run, "summary.json")).unwrap());
    // All but the 20 of the test.
    let smallest = summary["smallest_counted"].as_f64().unwrap();
    assert!((smallest - 1.0 / 111.0).abs() < 1e-6, "{smallest}");
    // The same run, quantized again, has the same tables.
    let again = folder.path("again.elbow");
    succeeds(&["quantize", &run, "--out", &again]);
    assert_eq!(std::fs::read(&again).unwrap(), read(&run, "model.elbow"));
    let data = folder.write("new.csv", table(4000));
    let scores = succeeds(&["score", &run, &data]);
    let p_values: Vec<f64> = scores
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(5).unwrap().parse().unwrap())
        .collect();
    let below = |level: f64| {
        let low = p_values.iter().filter(|&&p| p <= level).count();
        low as f64 / p_values.len() as f64
    };
    // Of 110 readings a level is known to its root over 110, twice that either way.
    for (level, least, most) in [(0.05, 0.005, 0.1), (0.2, 0.1, 0.28)] {
        assert!(
            (least..most).contains(&below(level)),
            "{level}: {}",
            below(level)
        );
    }
}

#[test]
fn labels_indices_and_clocks_are_named() {
    let mut noise = Noise(8);
    let mut text = "n,time_s,flow,head,fault\n".to_owned();
    for row in 0..200 {
        let flow = normal(&mut noise);
        let head = flow * flow + 0.1 * normal(&mut noise);
        let (time, fault) = (0.1 * row as f32, u8::from(row % 20 == 0));
        let _ = writeln!(text, "{row},{time},{flow},{head},{fault}");
    }
    let folder = Folder::new();
    let data = folder.write("pump.csv", &text);
    let fit = |out: &str, more: &[&str]| {
        let start = ["fit", &data, "--epochs", "2", "--out", out];
        trainer(&[&start[..], more].concat())
    };
    let output = fit(&folder.path("run"), &[]);
    let errors = String::from_utf8(output.stderr).unwrap();
    for line in [
        "pump: n counts the rows and is left out (--reading n)",
        "pump: time_s is taken for the time of the rows (--time, --reading time_s)",
        "warning: fault is taken for the label",
        "pump: rows are divided in time",
    ] {
        assert!(errors.contains(line), "{errors} lacks {line:?}");
    }
    let config = String::from_utf8(read(&folder.path("run"), "config.toml")).unwrap();
    assert!(
        config.contains("name = \"flow\"\nrole = \"reading\""),
        "{config}"
    );
    for sensor in ["flow is taken", "flow counts", "head is taken"] {
        assert!(!errors.contains(sensor), "{errors}");
    }
    // What is said is not guessed, and with --strict nothing is.
    let said = ["--label", "fault", "--time", "time_s", "--ignore", "n,t*"];
    assert_eq!(fit(&folder.path("said"), &said).status.code(), Some(0));
    let strict = String::from_utf8(fit(&folder.path("strict"), &["--strict"]).stderr).unwrap();
    assert!(
        strict.contains("--strict") && strict.contains("n counts the rows"),
        "{strict}"
    );
}

#[test]
fn a_constant_column_that_is_anywhere_in_labelled_faults_leaves_the_others_their_levels() {
    let mut noise = Noise(9);
    let mut text = "flow,head,valve,label\n".to_owned();
    for row in 0..600 {
        let flow = normal(&mut noise);
        let fault = row % 10 == 0;
        // Not whole, so that the constant has the resolution of 16 bits, and faults lie far beyond these.
        let valve = if fault { 20.0 * noise.next() } else { -0.0614 };
        let head = 2.0 * flow + 0.1 * normal(&mut noise);
        let _ = writeln!(text, "{flow},{head},{valve},{}", u8::from(fault));
    }
    let folder = Folder::new();
    let (errors, run) = fit(&folder, &text, &["--epochs", "100"]);
    let summary = json(&String::from_utf8(read(&run, "summary.json")).unwrap());
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or(f64::NAN);
    assert!(number(&summary["difference"]).abs() < 0.2, "{summary}");
    assert!(number(&summary["device"]["auc"]) > 0.99, "{summary}");
    assert!(!errors.contains("largest weights"), "{errors}");
}
