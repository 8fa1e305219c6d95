//! Columns with roles, and cells that are missing, through the program.

mod support;

use std::fmt::Write;
use support::program::{Folder, Noise, fails_with, json, read, succeeds, trainer};

/// A log with everything that a logger adds to two sensors: `gaps` of its cells are missing.
fn log(rows: usize, seed: u64, gaps: f32) -> String {
    let mut noise = Noise(seed);
    let mut text = "sep=;\n".to_owned();
    text += "id;Zeit;Zustand;Fluss;Druck;Charge\n;;;l/s;bar;\n";
    for row in 0..rows {
        let load = (0..12).map(|_| noise.next()).sum::<f32>() - 6.0;
        let wobble = noise.next();
        let state = if load > 0.0 { "EIN" } else { "AUS" };
        let mut cell = |value: f32| {
            let text = format!("{value:.2}").replace('.', ",");
            if noise.next() < gaps {
                "NA".to_owned()
            } else {
                text
            }
        };
        let (flow, pressure) = (cell(30.0 + load), cell(3.0 + 0.2 * load + 0.05 * wobble));
        let (hour, minute) = (row / 60 % 24, row % 60);
        let _ = writeln!(
            text,
            "P-{row:04};{:02}.03.2026 {hour:02}:{minute:02};{state};{flow};{pressure};{}",
            1 + row / 1440,
            row / 50
        );
    }
    text
}

const SMALL: [&str; 8] = [
    "--epochs",
    "30",
    "--encoder",
    "16",
    "--decoder",
    "16",
    "--latents",
    "2",
];

/// Trains on `text`; what was said.
fn fit(folder: &Folder, text: &str, out: &str, more: &[&str]) -> String {
    let (data, out) = (folder.write("pump.csv", text), folder.path(out));
    let start = ["fit", &data, "--out", &out];
    let output = trainer(&[&start[..], &SMALL, more].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    errors + &String::from_utf8(output.stdout).unwrap()
}

/// The ELBO of each line of scores.
fn elbos(scores: &str) -> Vec<f64> {
    let line = |line: &str| line.split(',').nth(1).unwrap().parse().unwrap();
    scores.lines().skip(1).map(line).collect()
}

#[test]
fn a_log_goes_in_as_it_is_and_every_assumption_is_a_line() {
    let folder = Folder::new();
    let said = fit(&folder, &log(600, 1, 0.02), "run", &["--group", "Charge"]);
    for line in [
        "pump: 1 line before the table is left out",
        "pump: id names its rows and is left out (--reading id)",
        "pump: Zeit is taken for the time of the rows (--time, --ignore)",
        "pump: Zustand is taken for a state, one of ",
        "values are missing: they are neither learned from nor scored",
        "pump: rows are divided by groups, none of which is in two parts (--group)",
    ] {
        assert!(said.contains(line), "{said} lacks {line:?}");
    }
    let run = folder.path("run");
    let summary = json(&String::from_utf8(read(&run, "summary.json")).unwrap());
    let likelihood = "columns:state:2,normal*2";
    assert_eq!(summary["likelihood"], likelihood, "{summary}");
    let new = folder.write("new.csv", log(50, 2, 0.1));
    let output = trainer(&["score", &run, &new]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "new: 1 line before the table is left out\n");
    let scores = String::from_utf8(output.stdout).unwrap();
    assert_eq!(elbos(&scores).len(), 50);
    assert!(elbos(&scores).iter().all(|elbo| elbo.is_finite()));
}

#[test]
fn columns_are_found_by_their_names() {
    let folder = Folder::new();
    fit(&folder, &log(300, 3, 0.0), "run", &["--ignore", "Charge"]);
    let run = folder.path("run");
    let scores = |text: &str| succeeds(&["score", &run, &folder.write("new.csv", text)]);
    let head = "Zustand,Fluss,Druck\nEIN,30.1,3.02\nAUS,29,2.8\n";
    let turned = "Druck,extra,zustand,fluss\n3.02,7,EIN,30.1\n2.8,7,AUS,29\n";
    let turned = folder.write("turned.csv", turned);
    let output = trainer(&["score", &run, &turned]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("turned: columns are put in the order of the training, by their names")
            && said.contains("turned: extra was not there in training and is left out"),
        "{said}"
    );
    assert_eq!(scores(head), String::from_utf8(output.stdout).unwrap());
    // Without names by their order, all columns or those that are read.
    let unnamed = scores("EIN;30.1;3.02\nAUS;29;2.8\n");
    assert_eq!(unnamed, scores(head));
    let missing = folder.write("missing.csv", "Fluss,Zustand\n30,EIN\n29,AUS\n");
    let words = ["missing", "no column \"Druck\"", "Fluss, Zustand"];
    fails_with(&["score", &run, &missing], &words);
    let text = folder.write("text.csv", "Fluss,Druck,Zustand\nhigh,3,EIN\nlow,3,AUS\n");
    fails_with(&["score", &run, &text], &["Fluss is text"]);
}

#[test]
fn an_empty_cell_is_scored_as_a_mask_of_it() {
    let folder = Folder::new();
    fit(
        &folder,
        &log(300, 4, 0.0),
        "run",
        &["--ignore", "Charge,Zustand"],
    );
    let run = folder.path("run");
    let whole = folder.write("whole.csv", "30.5,3.1\n29.1,9.0\n30,3\n");
    let gaps = folder.write("gaps.csv", "30.5,\n29.1,NaN\n?,3\n");
    let mask = folder.write("mask.csv", "1,0\n1,0\n0,1\n");
    let masked = succeeds(&["score", &run, &whole, "--mask", &mask]);
    assert_eq!(elbos(&succeeds(&["score", &run, &gaps])), elbos(&masked));
    assert_eq!(
        elbos(&succeeds(&["score", &run, &gaps, "--mask", &mask])),
        elbos(&masked)
    );
    assert_ne!(elbos(&succeeds(&["score", &run, &whole])), elbos(&masked));
    // What is missing is what is filled in.
    let filled = succeeds(&["impute", &run, &gaps]);
    assert_eq!(filled, succeeds(&["impute", &run, &gaps, "--mask", &mask]));
    fails_with(&["impute", &run, &whole], &["whole", "--mask"]);
}

#[test]
fn labels_are_a_column_of_numbers_or_text() {
    let folder = Folder::new();
    let table = |classes: [&str; 3]| {
        let mut noise = Noise(5);
        let mut text = "class,flow,pressure\n".to_owned();
        for row in 0..400 {
            let class = classes[[0, 0, 0, 0, 0, 0, 1, 0, 0, 2][row % 10]];
            let shift = if class == classes[0] { 0.0 } else { 4.0 };
            let _ = writeln!(text, "{class},{},{}", shift + noise.next(), noise.next());
        }
        text
    };
    for (classes, more, words) in [
        (
            ["1", "2", "3"],
            &[][..],
            "1, the most frequent label, is taken for that of normal rows",
        ),
        (
            ["ok", "worn", "broken"],
            &[],
            "ok is the label of normal rows",
        ),
        (
            ["1", "2", "3"],
            &["--label", "class", "--normal", "1"],
            "auc",
        ),
    ] {
        let said = fit(
            &folder,
            &table(classes),
            "run",
            &[more, &["--force"]].concat(),
        );
        assert!(
            said.to_lowercase().contains(words),
            "{said} lacks {words:?}"
        );
        let summary = read(&folder.path("run"), "summary.json");
        let summary = json(&String::from_utf8(summary).unwrap());
        assert!(
            summary["device"]["auc"].as_f64().unwrap() > 0.99,
            "{summary}"
        );
    }
}

#[test]
fn a_column_far_from_zero_has_an_offset_that_the_image_knows() {
    let mut noise = Noise(6);
    let mut text = "p;T\nPa;K\n".to_owned();
    for _ in 0..400 {
        let load = f64::from(noise.next()) - 0.5;
        let wobble = f64::from(noise.next());
        let (p, t) = (101_325.0 + 0.1 * load, 0.5 + load + 0.1 * wobble);
        let _ = writeln!(text, "{p:.4};{t:.3}");
    }
    let folder = Folder::new();
    let said = fit(&folder, &text, "run", &[]);
    let line = "pump: p moves little around 101325, which is subtracted from it on the device too";
    assert!(
        said.contains(line) && !said.contains("T moves little"),
        "{said}"
    );
    let run = folder.path("run");
    let image = read(&run, "model.elbow");
    let image = elbow::format::AlignedImage::new(&image);
    let model = elbow::Model::parse(&image).unwrap();
    let column = model.column(0).unwrap();
    assert_eq!((column.name(), column.unit()), ("p", "Pa"));
    assert_eq!(column.value(0.0), 101_325.0);
    assert_eq!(column.raw_of_count(101_325).value, 0);
    // 16 bits make more than 64 steps of the deviation, 0.029.
    assert!(column.value(1.0) - column.value(0.0) < 0.029 / 64.0);
    let other = model.column(1).unwrap();
    assert_eq!((other.name(), other.unit(), other.offset()), ("T", "K", 0));
    // An image alone reads the file as its run does, and values come back in its units.
    let data = folder.write("new.csv", "T,p\n0.6,101325.01\n0.4,101324.99\n");
    let alone = folder.write("alone.elbow", &image[..]);
    let scores = |model: &str| trainer(&["score", model, &data]).stdout;
    assert_eq!(scores(&run), scores(&alone));
    let gaps = folder.write("gaps.csv", "p,T\n,0.6\n101324.99,\n");
    let filled = succeeds(&["impute", &run, &gaps]);
    let of_p = |line: &str| line.split(',').next().unwrap().parse::<f64>().unwrap();
    let rows: Vec<f64> = filled.lines().skip(1).map(of_p).collect();
    assert!(
        (rows[0] - 101_325.01).abs() < 0.1 && (rows[1] - 101_324.99).abs() < 0.001,
        "{filled}"
    );
}

#[test]
fn look_shows_what_fit_would_find_and_the_run_keeps_it() {
    let folder = Folder::new();
    let text = log(300, 7, 0.02);
    let data = folder.write("pump.csv", &text);
    let shown = succeeds(&["look", &data, "--ignore", "Charge"]);
    for line in [
        "pump: 300 rows",
        "Zeit         time     time",
        "Fluss [l/s]  reading  real",
        "60 s",
        "rows are divided in time",
        "likelihood columns:state:2,normal*2",
    ] {
        assert!(shown.contains(line), "{shown} lacks {line:?}");
    }
    let found = json(&succeeds(&["look", &data, "--ignore", "Charge", "--json"]));
    assert_eq!(found["columns"][3]["unit"], "l/s", "{found}");
    assert_eq!(found["training_readings"], 204, "{found}");
    fit(&folder, &text, "run", &["--ignore", "Charge"]);
    let run = folder.path("run");
    let summary = json(&String::from_utf8(read(&run, "summary.json")).unwrap());
    assert_eq!(summary["data"]["columns"], found["columns"]);
    let report = String::from_utf8(read(&run, "report.html")).unwrap();
    assert!(report.contains("<h2>The data</h2>") && report.contains("<td>l/s</td>"));
    fails_with(
        &["look", &folder.path("none.csv")],
        &["none.csv", "no such file"],
    );
}

#[test]
fn a_recording_trains_without_a_word() {
    let folder = Folder::new();
    let (path, out) = (folder.path("hum.wav"), folder.path("run"));
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 8000,
        bits_per_sample: 24,
        sample_format: hound::SampleFormat::Int,
    };
    let mut noise = Noise(3);
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for sample in 0..20_000 {
        let hum = (sample as f32 * 0.1).sin();
        for gain in [1e6, 2e6] {
            let sample = gain * (hum + 0.2 * noise.next());
            writer.write_sample(sample as i32).unwrap();
        }
    }
    writer.finalize().unwrap();
    let output = trainer(&[&["fit", &path, "--out", &out][..], &SMALL].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    for line in [
        "8000 samples a second, 2 channels of 24 bits",
        "windows of 256 samples, a new one after 128, of which rms,bands:16 make a reading (--window, --hop, --features)",
    ] {
        assert!(errors.contains(line), "{errors}");
    }
    // The settings that were assumed are part of the run, which watches the recording and is made again by them.
    assert_eq!(trainer(&["watch", &out, &path]).status.code(), Some(0));
    let (config, again) = (format!("{out}/config.toml"), folder.path("again"));
    succeeds(&[
        "fit", &path, "--config", &config, "--out", &again, "--quiet",
    ]);
    assert_eq!(read(&out, "model.elbow"), read(&again, "model.elbow"));
    fails_with(
        &["fit", &path, "--strict", "--out", &folder.path("strict")],
        &["--strict assumes nothing, and here: the signals are cut"],
    );
}

/// Recordings of two channels in a folder, `count` of them; the pattern of their names.
fn recordings(folder: &Folder, count: usize, rows: usize) -> String {
    let mut noise = Noise(5);
    std::fs::create_dir(folder.path("runs")).unwrap();
    for recording in 0..count {
        let mut text = "t_s,flow,head\n".to_owned();
        for row in 0..rows {
            let load = noise.next() - 0.5;
            let head = 3.0 * load + 0.3 * noise.next();
            let _ = writeln!(text, "{:.1},{load:.4},{head:.4}", row as f32 * 0.1);
        }
        folder.write(&format!("runs/day-{recording}.csv"), text);
    }
    folder.path("runs/day-*.csv")
}

#[test]
fn files_of_a_folder_are_recordings() {
    for (count, line) in [
        (3, "each recording is divided in time"),
        (
            12,
            "files are divided as recordings, none of which is in two parts",
        ),
    ] {
        let folder = Folder::new();
        let (pattern, out) = (recordings(&folder, count, 120), folder.path("out"));
        for (data, more) in [
            (&pattern, &[][..]),
            (&folder.path("runs"), &["--force"]),
            (&pattern, &["--force", "--window", "8", "--hop", "4"]),
        ] {
            let start = ["fit", data, "--out", &out];
            let output = trainer(&[&start[..], &SMALL, more].concat());
            let errors = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(0), "{errors}");
            assert!(errors.contains(line), "{errors}");
            assert!(errors.contains("t_s is taken for the time"), "{errors}");
            assert!(errors.contains("runs: "), "{errors}");
        }
        // No window is of two files.
        let scores = succeeds(&["score", &out, &folder.path("runs")]);
        assert_eq!(scores.lines().count(), 1 + count * 29);
        fails_with(&["watch", &out, &pattern], &["several recordings"]);
    }
}

#[test]
fn numbers_that_stand_for_missing_are_learned_and_known_again() {
    let folder = Folder::new();
    let text = |seed: u64, every: usize| {
        let mut noise = Noise(seed);
        let mut text = "flow,head\n".to_owned();
        for row in 0..400 {
            let load = noise.next();
            let head = 3.0 + load + 0.2 * noise.next();
            let flow = if row % every == 3 { -200.0 } else { load };
            let _ = writeln!(text, "{flow:.3},{head:.3}");
        }
        text
    };
    let errors = fit(&folder, &text(1, 9), "run", &[]);
    let line = "-200 in flow is taken for missing, 45 cells (--sentinels none keeps it)";
    assert!(errors.contains(line), "{errors}");
    assert!(errors.contains("45 of 800 values are missing"), "{errors}");
    let config = String::from_utf8(read(&folder.path("run"), "config.toml")).unwrap();
    assert!(config.contains("sentinels = [-200.0]"), "{config}");
    // One alone would not be found, and is known from the training.
    let mut lines: Vec<String> = text(2, 1000).lines().map(str::to_owned).collect();
    let known = folder.write("today.csv", lines.join("\n"));
    let run = folder.path("run");
    let of = |path: &str| elbos(&succeeds(&["score", &run, path]));
    let plain = of(&known);
    lines[10] = lines[10].replacen(lines[10].split(',').next().unwrap(), "", 1);
    let empty = of(&folder.write("empty.csv", lines.join("\n")));
    lines[10] = format!("-200{}", lines[10]);
    let sentinel = of(&folder.write("sentinel.csv", lines.join("\n")));
    assert_eq!(empty, sentinel);
    assert_eq!(plain[20..], sentinel[20..]);
    for (list, said) in [("none", false), ("-200,-1", true)] {
        let more = ["--sentinels", list, "--force"];
        let errors = fit(&folder, &text(1, 9), "run", &more);
        assert!(!errors.contains("taken for missing"), "{errors}");
        assert_eq!(
            errors.contains("45 of 800 values are missing"),
            said,
            "{errors}"
        );
    }
}

/// A sensor that was replaced by one in another unit: its numbers, and its header, are not what they were.
#[test]
fn another_unit_is_told_before_anything_is_scored() {
    let folder = Folder::new();
    let log = |seed: u64, factor: f32, unit: &str| {
        let mut noise = Noise(seed);
        let mut text = format!("flow [l/s],weight [{unit}]\n");
        for _ in 0..300 {
            let load = (0..12).map(|_| noise.next()).sum::<f32>() - 6.0;
            let _ = writeln!(
                text,
                "{:.2},{:.3}",
                30.0 + load,
                factor * (2.0 + 0.1 * load)
            );
        }
        text
    };
    fit(&folder, &log(1, 1.0, "kg"), "run", &[]);
    let run = folder.path("run");
    let said = |name: &str, text: &str, model: &str| {
        let data = folder.write(name, text);
        let output = trainer(&["score", model, &data]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{errors}");
        errors
    };
    assert_eq!(said("same.csv", &log(2, 1.0, "kg"), &run), "");
    let errors = said("grams.csv", &log(3, 1000.0, "g"), &run);
    for line in [
        "weight is in g, in training it was in kg",
        "the middle value of weight is ",
        "about 10^3 times as much: check the unit, which was kg in training",
    ] {
        assert!(errors.contains(line), "{errors} lacks {line:?}");
    }
    // An image alone knows what its encoder takes in.
    let image = folder.write("alone.elbow", read(&run, "model.elbow"));
    let errors = said("grams.csv", &log(3, 1000.0, "kg"), &image);
    assert!(
        errors.contains("the middle value of weight is "),
        "{errors}"
    );
    assert_eq!(said("same.csv", &log(2, 1.0, "kg"), &image), "");
}

/// Some rows of a file stand for all: what counts and what is a clock shows all the same.
#[test]
fn a_sample_of_the_rows_is_read_in_their_order() {
    let folder = Folder::new();
    let mut noise = Noise(5);
    let mut text = "n,seconds,flow,state\n".to_owned();
    for row in 0..9000 {
        let load = (0..12).map(|_| noise.next()).sum::<f32>() - 6.0;
        let state = if load > 0.0 { "on" } else { "off" };
        let _ = writeln!(text, "{row},{}.5,{:.2},{state}", 10 * row, 30.0 + load);
    }
    let data = folder.write("pump.csv", &text);
    let shown = succeeds(&["look", &data, "--sample", "3000"]);
    for line in [
        "n        ignored",
        "seconds  time",
        "flow     reading",
        " of 9000 rows are read, drawn at random and in their order (--sample)",
        "rows are divided in time",
        "likelihood columns:normal,state:2",
    ] {
        assert!(shown.contains(line), "{shown} lacks {line:?}");
    }
    let found = json(&succeeds(&["look", &data, "--sample", "3000", "--json"]));
    let rows = found["rows"].as_u64().unwrap();
    assert!((1500..=3000).contains(&rows), "{found}");
    let whole = json(&succeeds(&["look", &data, "--json"]));
    assert_eq!(whole["rows"], 9000, "{whole}");
    let labels = folder.write("labels.csv", "0\n".repeat(9000));
    for (more, said) in [
        (
            ["--window", "8"],
            "--window takes samples that follow each other",
        ),
        (["--labels", &labels], "--labels has one for each row"),
    ] {
        let start = ["fit", &data, "--sample", "3000", "--ignore", "state"];
        fails_with(&[&start[..], &more].concat(), &["--sample is 3000", said]);
    }
}
