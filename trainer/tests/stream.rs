//! Streams from their file to alarms, telemetry and readings, and every bad input.

mod support;

use elbow::signal::{WindowShape, Windows};
use elbow::{Estimator, Model, Session};
use elbow_trainer::export::run;
use elbow_trainer::readings::Readings;
use elbow_trainer::readings::splits::Splits;
use std::fmt::Write;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use support::machine::{self, CHANNELS, FAULTY};
use support::program::{Folder, contents, fails_with, json, read, succeeds, text, trainer};

const SAMPLES: usize = 16_000;
const WINDOW: usize = 64;
const HOP: usize = 32;
/// When the fault of the fixture's faulty stream begins and ends.
const FAULT: std::ops::Range<usize> = 6000..8000;
/// A training as small as it gets.
const TINY: [&str; 10] = [
    "--epochs",
    "2",
    "--encoder",
    "6",
    "--decoder",
    "6",
    "--latents",
    "2",
    "--keep-dead-latents",
    "--quiet",
];

/// Files that many tests read and none writes.
struct Fixture {
    /// A normal stream of [`SAMPLES`] samples.
    normal: String,
    /// Another one, with a [`FAULT`].
    faulty: String,
    /// One for each sample of `faulty`.
    labels: String,
    /// Trained on `normal`.
    run: String,
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stream-fixture");
        // What an earlier run of the tests left.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| text(&folder.join(name));
        let fixture = Fixture {
            normal: path("machine.csv"),
            faulty: path("faulty.csv"),
            labels: path("labels.csv"),
            run: path("run"),
        };
        let normal = machine::samples(1, SAMPLES, None);
        let faulty = machine::samples(2, 10_000, Some(FAULT));
        let labels = (0..faulty.len()).map(|at| if FAULT.contains(&at) { "1\n" } else { "0\n" });
        std::fs::write(&fixture.normal, machine::csv(&normal)).unwrap();
        std::fs::write(&fixture.faulty, machine::csv(&faulty)).unwrap();
        std::fs::write(&fixture.labels, labels.collect::<String>()).unwrap();
        let Fixture { normal, run, .. } = &fixture;
        succeeds(&[
            "fit",
            normal,
            "--window",
            "64",
            "--hop",
            "32",
            "--features",
            "rms,bands:8",
            "--validation-fraction",
            "0.25",
            "--epochs",
            "150",
            "--latents",
            "3",
            "--encoder",
            "32",
            "--decoder",
            "32",
            "--out",
            run,
            "--quiet",
        ]);
        fixture
    })
}

/// The image of a run.
fn image(run: &str) -> elbow::format::AlignedImage {
    run::read_image(Path::new(run)).unwrap()
}

/// Both outputs of a command that must succeed.
fn both(arguments: &[&str]) -> (String, String) {
    let output = trainer(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    (String::from_utf8(output.stdout).unwrap(), errors)
}

/// A column of lines of comma-separated values, without the header.
fn column(lines: &str, name: &str) -> Vec<String> {
    let mut lines = lines.lines();
    let header = lines.next().unwrap();
    let at = header.split(',').position(|cell| cell == name).unwrap();
    lines
        .map(|line| line.split(',').nth(at).unwrap().to_owned())
        .collect()
}

/// The readings of all windows of `samples`, made by the runtime from the image alone.
fn by_the_runtime(model: &Model<'_>, samples: &[[i16; 3]]) -> Vec<Vec<i16>> {
    let front_end = &model.stream().unwrap().front_end;
    let shape = WindowShape {
        channels: 3,
        samples: WINDOW,
        hop: HOP,
    };
    let mut windows = Windows::new([0; 3 * WINDOW], shape).unwrap();
    let mut scratch = vec![0; front_end.scratch_len()];
    let mut readings = vec![];
    for sample in samples {
        if let Some(window) = windows.push(sample).unwrap() {
            let mut reading = vec![0; front_end.features_len()];
            front_end.apply(window, &mut scratch, &mut reading).unwrap();
            readings.push(reading);
        }
    }
    readings
}

fn bytes(values: impl IntoIterator<Item = i16>) -> Vec<u8> {
    values.into_iter().flat_map(i16::to_le_bytes).collect()
}

// What works.

#[test]
fn a_fault_raises_one_alarm_soon_and_blames_its_channel() {
    let Fixture { faulty, run, .. } = fixture();
    let (lines, words) = both(&["watch", run, faulty]);
    assert_eq!(
        lines.lines().next(),
        Some(elbow::monitor::Event::CSV_HEADER)
    );
    let alarms = column(&lines, "alarm");
    assert_eq!(alarms.len(), (10_000 - WINDOW) / HOP + 1);
    let times: Vec<usize> = column(&lines, "sample")
        .iter()
        .map(|time| time.parse().unwrap())
        .collect();
    let of = |kind: &str| -> Vec<usize> {
        let events = alarms.iter().zip(&times);
        events
            .filter(|(alarm, _)| *alarm == kind)
            .map(|(_, &time)| time)
            .collect()
    };
    let (raised, cleared) = (of("raised"), of("cleared"));
    println!("raised {raised:?}, cleared {cleared:?}\n{words}");
    assert_eq!((raised.len(), cleared.len()), (1, 1), "{words}");
    // Two windows after the fault's start, and it ends within 16 of its end.
    assert!((FAULT.start..FAULT.start + 2 * WINDOW).contains(&raised[0]));
    assert!((FAULT.end..FAULT.end + 16 * WINDOW).contains(&cleared[0]));
    let blamed = column(&lines, "channel");
    let during = blamed
        .iter()
        .zip(&times)
        .filter(|(_, time)| FAULT.contains(time));
    let named: Vec<&String> = during
        .map(|(blamed, _)| blamed)
        .filter(|b| !b.is_empty())
        .collect();
    assert!(named.len() > 50 && named.iter().all(|blamed| **blamed == FAULTY.to_string()));
    let line = format!(
        "alarm raised at sample {} (window {}): channel 1 (vibration_y) lacks ",
        raised[0],
        (raised[0] + 1 - WINDOW) / HOP
    );
    assert!(words.contains(&line), "{words}");
    assert!(
        words.contains(&format!("alarm cleared at sample {}", cleared[0])),
        "{words}"
    );
    assert!(words.contains("the scores drifted in "), "{words}");
}

#[test]
fn a_normal_stream_raises_no_alarm() {
    let folder = Folder::new();
    let data = folder.write("normal.csv", machine::csv(&machine::samples(3, 8000, None)));
    let (lines, words) = both(&["watch", &fixture().run, &data]);
    assert!(
        column(&lines, "alarm").iter().all(|alarm| alarm == "quiet"),
        "{words}"
    );
    assert!(
        words.contains("no alarm\n") && words.contains("did not drift"),
        "{words}"
    );
}

#[test]
fn watching_scores_like_scoring() {
    let Fixture { faulty, run, .. } = fixture();
    let (watched, _) = both(&["watch", run, faulty]);
    let scored = succeeds(&["score", run, faulty]);
    for name in ["elbo_q16", "p_value_q31"] {
        assert_eq!(column(&watched, name), column(&scored, name));
    }
    let out = &Folder::new();
    let out = &out.path("events.csv");
    assert_eq!(both(&["watch", run, faulty, "--out", out]).0, "");
    assert_eq!(std::fs::read_to_string(out).unwrap(), watched);
    let limited = both(&["watch", run, faulty, "--limit", "640"]).0;
    assert!(watched.starts_with(&limited) && limited.lines().count() == 20);
    let random = |seed| {
        let estimator = ["--estimator", "monte-carlo:4", "--seed", seed];
        both(&[&["watch", run, faulty, "--limit", "640"], &estimator[..]].concat()).0
    };
    assert_eq!(random("1"), random("1"));
    assert_ne!(random("1"), random("2"));
}

#[test]
fn readings_are_those_of_the_runtime() {
    let Fixture {
        faulty,
        normal,
        run,
        ..
    } = fixture();
    let image = image(run);
    let model = Model::parse(&image).unwrap();
    let folder = Folder::new();
    let out = &folder.path("raw");
    succeeds(&["readings", run, faulty, "--out", out]);
    let samples = machine::samples(2, 10_000, Some(FAULT));
    let expected = by_the_runtime(&model, &samples);
    assert_eq!(std::fs::read(out).unwrap(), bytes(expected.concat()));
    // Whole numbers are raw samples as they are.
    succeeds(&["samples", run, faulty, "--out", out]);
    assert_eq!(std::fs::read(out).unwrap(), bytes(samples.concat()));

    // What was trained on, chosen by and tested on are windows of the stream, in this order.
    let config = run::read_config(Path::new(run)).unwrap();
    assert_eq!(&config.settings.data.source, normal);
    let parts = Splits::load(&config.settings).unwrap();
    let all = by_the_runtime(&model, &machine::samples(1, SAMPLES, None));
    let mut windows = all.iter();
    let mut count = 0;
    for dataset in [&parts.train, &parts.validation, &parts.test.dataset] {
        let (readings, saturated) = Readings::from_table(&dataset.table, model.exponents());
        assert_eq!(saturated, 0);
        for reading in &readings {
            assert!(windows.any(|window| window == reading));
            count += 1;
        }
    }
    // One window is left out at each border, since half of it is in the one before.
    assert_eq!(count, all.len() - 2);
}

#[test]
fn typical_terms_sum_up_to_the_mean_reconstruction() {
    let image = image(&fixture().run);
    let model = Model::parse(&image).unwrap();
    let config = run::read_config(Path::new(&fixture().run)).unwrap();
    let validation = Splits::load(&config.settings).unwrap().validation;
    let (readings, _) = Readings::from_table(&validation.table, model.exponents());
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let mut score = |reading| session.score(reading, Estimator::SigmaPoints).unwrap();
    let sum: f64 = readings
        .iter()
        .map(|reading| score(reading).reconstruction().to_f64())
        .sum();
    let typical: f64 = model
        .typical()
        .iter()
        .map(|&term| f64::from(term) / 65536.0)
        .sum();
    assert!((typical - sum / readings.len() as f64).abs() < 1e-3);
    assert!(model.typical().iter().all(|&term| term != 0));
}

#[test]
fn a_stream_or_its_readings_are_scored() {
    let Fixture {
        faulty,
        run,
        labels,
        ..
    } = fixture();
    let image = image(run);
    let model = Model::parse(&image).unwrap();
    let folder = Folder::new();
    let samples = machine::samples(2, 10_000, Some(FAULT));
    let mut lines = String::new();
    for reading in by_the_runtime(&model, &samples) {
        let values = reading.iter().zip(model.exponents());
        let cells = values.map(|(&raw, &e)| (f64::from(raw) * 2f64.powi(e.into())).to_string());
        writeln!(lines, "{}", cells.collect::<Vec<_>>().join(",")).unwrap();
    }
    let readings = folder.write("readings.csv", lines);
    assert_eq!(
        succeeds(&["score", run, &readings]),
        succeeds(&["score", run, faulty])
    );
    let estimators = |data| {
        let few = ["--limit", "20", "--reference-samples", "8", "--json"];
        succeeds(&[&["estimators", run, data], &few[..]].concat())
    };
    assert_eq!(estimators(&readings), estimators(faulty));
    let text = succeeds(&["eval", run, faulty, "--labels", labels, "--json"]);
    let evaluation = json(&text);
    // Windows with a sample in the fault: from the one that ends at its start to the one that
    // begins at its end.
    let abnormal = (0..311).filter(|w| w * HOP < FAULT.end && w * HOP + WINDOW > FAULT.start);
    assert_eq!(evaluation["abnormal"], abnormal.count());
    assert!(
        evaluation["device"]["auc"].as_f64().unwrap() > 0.99,
        "{text}"
    );
    assert!(
        evaluation["difference"].as_f64().unwrap().abs() < 0.5,
        "{text}"
    );
}

#[test]
fn abnormal_windows_are_only_tested_on() {
    let Fixture { faulty, labels, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("run");
    let stream = [
        "--window", "64", "--hop", "32", "--labels", labels, "--out", out,
    ];
    succeeds(&[&["fit", faulty], &stream[..], &TINY[..]].concat());
    let summary = json(&String::from_utf8(read(out, "summary.json")).unwrap());
    // 311 windows, 64 of them abnormal; one at each side of the fault shares samples with it.
    assert_eq!(summary["abnormal"], 64);
    let count = |name: &str| summary[name].as_u64().unwrap();
    let used = count("training_readings") + count("validation_readings") + count("normal");
    assert!((240..=245).contains(&used), "{summary}");
}

#[test]
fn channels_of_fractions_get_exponents_and_features_their_units() {
    let folder = Folder::new();
    let samples = machine::samples(5, 2000, None);
    let line = |[x, y, current]: &[i16; 3]| {
        let (x, y) = (f64::from(*x) * 1e-3, f64::from(*y) * 1e-6);
        format!("{x},{y},{current}\n")
    };
    let data = &folder.write("g.csv", samples.iter().map(line).collect::<String>());
    let out = &folder.path("run");
    let features = ["--window", "32", "--features", "mean,rms,bands:2,centered"];
    succeeds(&[&["fit", data, "--out", out], &features[..], &TINY[..]].concat());
    let image = image(out);
    let model = Model::parse(&image).unwrap();
    let stream = model.stream().unwrap();
    // The largest are about 1.5, 1e-3 and 2500: four times that fits 2^15 steps.
    assert_eq!(stream.hop, 16);
    let derived = run::read_config(Path::new(out))
        .unwrap()
        .derived
        .stream
        .unwrap();
    assert_eq!(derived.exponents, stream.exponents);
    println!("{:?} {}", derived.exponents, derived.features);
    let of_channel = 4 + 32;
    for (channel, &exponent) in stream.exponents.iter().enumerate() {
        let inputs = &model.exponents()[channel * of_channel..][..of_channel];
        let bits = |feature: usize| stream.front_end.features()[feature].fraction_bits() as i8;
        assert_eq!(
            inputs[..4],
            [exponent - bits(0), exponent - bits(1), -10, -10]
        );
        assert!(inputs[4..].iter().all(|&of_sample| of_sample == exponent));
    }
    let description = json(&succeeds(&["inspect", out, "--json"]));
    let stream = &description["stream"];
    assert_eq!(
        (&stream["window"], &stream["hop"], &stream["channels"]),
        (&32.into(), &16.into(), &3.into())
    );
    assert_eq!(stream["watch_words"], model.watch_words().unwrap());
    assert_eq!(stream["features"][2]["name"], "bands:2");
    assert_eq!(stream["features"][3]["numbers"], 32);
    let text = succeeds(&["inspect", out]);
    for part in [
        "3 channels, windows of 32 samples every 16",
        "bands:2",
        "octaves",
        "2^-22",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_config_of_a_stream_reproduces_its_run() {
    let folder = Folder::new();
    let (first, again) = (&folder.path("first"), &folder.path("again"));
    let stream = [
        "--window",
        "16",
        "--hop",
        "7",
        "--features",
        "mean,rms:3",
        "--out",
        first,
    ];
    succeeds(&[&["fit", &fixture().faulty], &stream[..], &TINY[..]].concat());
    succeeds(&["fit", "--config", first, "--out", again, "--quiet"]);
    for name in [
        "model.elbow",
        "model.safetensors",
        "config.toml",
        "metrics.jsonl",
    ] {
        assert!(read(first, name) == read(again, name), "{name} differs");
    }
    let config = String::from_utf8(read(first, "config.toml")).unwrap();
    for line in [
        "[data.stream]",
        "window = 16",
        "hop = 7",
        "features = \"mean,rms:3\"",
    ] {
        assert!(config.contains(line), "{line}: {config}");
    }
}

#[test]
fn streams_have_gaps_in_their_readings() {
    let folder = Folder::new();
    let out = &folder.path("run");
    let gaps = [
        "--window",
        "64",
        "--features",
        "mean,rms",
        "--missing",
        "0.3",
    ];
    succeeds(
        &[
            &["fit", &fixture().normal, "--out", out],
            &gaps[..],
            &TINY[..],
        ]
        .concat(),
    );
    // Ten windows of 64 samples every 32, the last channel's features missing.
    let data = machine::csv(&machine::samples(4, 9 * HOP + WINDOW, None));
    let data = folder.write("gaps.csv", data);
    let mask = folder.write("mask.csv", "1,1,1,1,0,0\n".repeat(10));
    let whole = succeeds(&["score", out, &data]);
    let part = succeeds(&["score", out, &data, "--mask", &mask]);
    assert_eq!(part.lines().count(), 11);
    assert_ne!(whole, part);
    let filled = succeeds(&["impute", out, &data, "--mask", &mask]);
    assert!(
        filled.starts_with("mean:") && filled.contains("rms:"),
        "{filled}"
    );
    assert_eq!(filled.lines().count(), 11);
    let wrong = folder.write("wrong.csv", "1,1,1\n".repeat(9 * HOP + WINDOW));
    fails_with(&["score", out, &data, "--mask", &wrong], &["wrong"]);
}

#[test]
fn telemetry_comes_back() {
    let Fixture { normal, run, .. } = fixture();
    let folder = Folder::new();
    let packets = &folder.path("packets");
    let (nothing, words) = both(&["encode", run, normal, "--limit", "300", "--out", packets]);
    assert_eq!(nothing, "");
    // Three bytes of header and three latents.
    println!("{words}");
    assert!(words.starts_with("300 packets of 6.0 bytes a reading; raw readings take 54\n"));
    assert_eq!(words.lines().count(), 1 + 6, "{words}");
    let sent = std::fs::read(packets).unwrap();
    assert_eq!(sent.len(), 1800);
    let lines = succeeds(&["decode", run, packets]);
    let sequences = column(&lines, "sequence");
    assert!(
        sequences
            .iter()
            .enumerate()
            .all(|(at, s)| *s == (at % 256).to_string())
    );
    assert!(column(&lines, "lost").iter().all(|lost| lost == "0"));
    assert_eq!(lines.lines().next().unwrap().split(',').count(), 2 + 3 + 27);

    // The decoder's mean at the packet's latents, by hand.
    let image = image(run);
    let model = Model::parse(&image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let packet = &sent[7 * 6..][..6];
    let bits = model.latent_fraction_bits() - u32::from(packet[1]);
    let latents: Vec<i16> = packet[3..]
        .iter()
        .map(|&byte| i16::from(byte as i8) << bits)
        .collect();
    let mut mean = vec![0; 27];
    session.decode(&latents, &mut mean).unwrap();
    for (input, (mean, &exponent)) in mean.iter().zip(model.exponents()).enumerate() {
        let value: f64 = column(&lines, &format!("x{input}"))[7].parse().unwrap();
        assert_eq!(
            value,
            f64::from(*mean) * 2f64.powi(i32::from(exponent) - 16)
        );
    }

    // Packets 2 to 4 did not arrive.
    let some = [&sent[..12], &sent[30..]].concat();
    let lines = succeeds(&["decode", run, &folder.write("some", some)]);
    assert_eq!(column(&lines, "lost")[..4], ["0", "0", "3", "0"]);
    let out = &folder.path("decoded.csv");
    assert_eq!(succeeds(&["decode", run, packets, "--out", out]), "");
    assert_eq!(std::fs::read_to_string(out).unwrap().lines().count(), 301);
}

// What is refused.

#[test]
fn damaged_packets_are_named_by_their_byte() {
    let Fixture { normal, run, .. } = fixture();
    let folder = Folder::new();
    let packets = &folder.path("packets");
    both(&["encode", run, normal, "--limit", "5", "--out", packets]);
    let good = std::fs::read(packets).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let cases: [(Vec<u8>, &str); 6] = [
        (vec![], "byte 0"),
        (good[..29].to_vec(), "packet at byte 24: the bytes end"),
        (good[..25].to_vec(), "packet at byte 24: the bytes end"),
        (
            with(13, 16),
            "packet at byte 12: the packet's latents have 16 fraction bits",
        ),
        (
            with(14, 2),
            "packet at byte 12: it has 2 latents, the model has 3",
        ),
        (with(14, 200), "packet at byte 12: "),
    ];
    let kept = folder.write("kept", "before");
    for (bytes, words) in cases {
        let damaged = folder.write("damaged", bytes);
        fails_with(
            &["decode", run, &damaged, "--out", &kept],
            &["damaged: ", words],
        );
    }
    fails_with(
        &["decode", run, &folder.path("none")],
        &["cannot read", "none"],
    );
    assert_eq!(std::fs::read(kept).unwrap(), b"before");
}

/// `fit` on `data` must be refused with `words`, before it trains, and leave no folder.
fn fit_is_refused(data: &str, arguments: &[&str], words: &[&str]) {
    let folder = Folder::new();
    let out = folder.path("run");
    let start = Instant::now();
    let fit = ["fit", data, "--out", &out, "--epochs", "1000000", "--quiet"];
    fails_with(&[&fit[..], arguments].concat(), words);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{arguments:?} trained first"
    );
    assert!(!Path::new(&out).exists());
}

#[test]
fn streams_without_windows_are_refused() {
    let Fixture { normal, labels, .. } = fixture();
    let cases: [(&[&str], &[&str]); 12] = [
        (&["--window", "0"], &["--window is 0", "from 1 to 16384"]),
        (&["--window", "16385"], &["--window is 16385"]),
        (
            &["--window", "64", "--hop", "0"],
            &["--hop is 0", "from 1 to the 64"],
        ),
        (
            &["--window", "64", "--hop", "65"],
            &["--hop is 65", "from 1 to the 64"],
        ),
        (
            &["--window", "16001"],
            &["16000 samples", "asks for 16001", "shorter window"],
        ),
        (
            &["--window", "64", "--features", "mean,fft"],
            &["no such feature: \"fft\"", "bands:K"],
        ),
        (
            &["--window", "64", "--features", "bands:0"],
            &["0 bands", "1 to 32"],
        ),
        (
            &["--window", "100", "--features", "bands:4"],
            &["bands:4", "100 samples has no spectrum", "power of two"],
        ),
        (
            &["--window", "8000"],
            &["readings of 24000 numbers", "16384"],
        ),
        (
            &["--window", "64", "--likelihood", "binomial:16"],
            &["binomial:16", "gaussian"],
        ),
        (
            &["--window", "4000"],
            &["fraction 0.15 of 7 normal windows", "none for validation"],
        ),
        (
            &["--window", "64", "--labels", labels],
            &["10000 labels", "16000 rows"],
        ),
    ];
    for (arguments, words) in cases {
        fit_is_refused(normal, arguments, words);
    }
    fit_is_refused("digits", &["--window", "64"], &["--window is for a file"]);
    for arguments in [["--hop", "3"], ["--features", "mean"]] {
        let output = trainer(&["fit", normal, arguments[0], arguments[1]]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && errors.contains("--window"),
            "{errors}"
        );
    }
}

#[test]
fn channels_that_tell_nothing_are_refused() {
    let folder = Folder::new();
    let wide = (0..40).map(|row| vec![(row % 7).to_string(); 256].join(",") + "\n");
    let wide = folder.write("wide.csv", wide.collect::<String>());
    fit_is_refused(
        &wide,
        &["--window", "4"],
        &["wide has 256 columns", "255 channels"],
    );
    let lines = |line: &dyn Fn(usize) -> String| -> String {
        (0..400).map(|row| line(row) + "\n").collect()
    };
    let slow = lines(&|row| format!("{},{}", row * row % 17, u8::from(row / 8 % 16 == 0)));
    let slow = folder.write("slow.csv", slow);
    fit_is_refused(
        &slow,
        &["--window", "8", "--hop", "8", "--features", "mean:0"],
        &[
            "mean:0 of column 2 varies by",
            "resolves 1",
            "more fraction bits",
        ],
    );
    let absurd = folder.write(
        "absurd.csv",
        lines(&|row| format!("{}e-37", row * row % 17)),
    );
    fit_is_refused(
        &absurd,
        &["--window", "8"],
        &["column 1 of absurd", "scale the channel"],
    );
}

#[test]
fn data_that_do_not_fit_the_model_are_refused() {
    let Fixture { normal, run, .. } = fixture();
    let folder = Folder::new();
    let short = folder.write(
        "short.csv",
        machine::csv(&machine::samples(1, WINDOW - 1, None)),
    );
    let pairs = folder.write("pairs.csv", "1,2\n".repeat(100));
    let out = &folder.path("out");
    for command in [
        &["score", run, &short][..],
        &["eval", run, &short],
        &["readings", run, &short, "--out", out],
        &["encode", run, &short, "--out", out],
        &["watch", run, &short, "--out", out],
    ] {
        fails_with(command, &["63 samples", "takes 64", "longer stream"]);
    }
    fails_with(&["score", run, &pairs], &["pairs: has 2 columns", "had 3"]);
    for command in [
        &["watch", run, &pairs][..],
        &["samples", run, &pairs, "--out", out],
    ] {
        fails_with(command, &["pairs", "2 columns", "3"]);
    }
    fails_with(&["watch", run, normal, "--limit", "0"], &["--limit is 0"]);
    let whole = &folder.path("whole");
    succeeds(
        &[
            &["fit", &pairs_that_vary(&folder), "--out", whole],
            &TINY[..],
        ]
        .concat(),
    );
    let before = contents(whole);
    for command in [
        &["watch", whole, normal][..],
        &["samples", whole, normal, "--out", out],
    ] {
        fails_with(command, &["model.elbow", "whole readings", "--window"]);
    }
    assert_eq!(contents(whole), before);
    assert!(!Path::new(out).exists());
}

fn pairs_that_vary(folder: &Folder) -> String {
    let lines = (0..100).map(|row| format!("{},{}\n", row * row % 17, row % 5));
    folder.write("vary.csv", lines.collect::<String>())
}

#[test]
fn rates_that_the_calibration_does_not_tell_are_refused() {
    let Fixture { normal, run, .. } = fixture();
    let watch = |more: &[&str], words: &[&str]| {
        fails_with(&[&["watch", run, normal], more].concat(), words);
    };
    watch(
        &["--enter", "0.001"],
        &["rate of 0.001", "calibrate with more readings"],
    );
    watch(&["--enter", "0"], &["--enter is 0", "above 0"]);
    watch(&["--leave", "nan"], &["--leave is NaN"]);
    watch(&["--enter", "0.2", "--leave", "0.1"], &["cannot end above"]);
    watch(&["--time-constant", "17"], &["2^17", "2^16"]);
    let folder = Folder::new();
    let out = &folder.path("run");
    let none = [
        "--window",
        "64",
        "--validation-fraction",
        "0",
        "--test-fraction",
        "0",
    ];
    let output = trainer(&[&["fit", normal, "--out", out], &none[..], &TINY[..]].concat());
    assert!(output.status.success());
    fails_with(&["watch", out, normal], &["no calibration", "validation"]);
    // The alarm would be raised at other rates too.
    let (_, words) = both(&["watch", run, normal, "--enter", "0.05", "--leave", "0.5"]);
    assert!(
        words.contains("windows; the alarm is raised below"),
        "{words}"
    );
    assert_eq!(CHANNELS.len(), 3);
}
