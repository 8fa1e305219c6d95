//! The examples under RTIC and embassy: each watches a motor in slices, while a controller of the same priority keeps its deadline. Every
//! line that they send is compared with what the workstation computes, but for the ticks, which are checked against each other.

use elbow::Estimator;
use elbow::Model;
use elbow::format::AlignedImage;
use elbow::monitor::{Watch, WatchSettings};
use elbow_examples_shared::motor::{self, Controller, Sample};
use elbow_tests::build::elf::Elf;
use elbow_tests::build::firmware::Program;
use elbow_tests::build::trainer;
use elbow_tests::documents::sizes;
use elbow_tests::emulator;
use elbow_tests::measure::bench;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Training on the motor, or watching it, on the slowest of machines.
const LIMIT: Duration = Duration::from_secs(600);

/// An example: its name, and its board in QEMU.
struct Example {
    name: &'static str,
    machine: &'static str,
    triple: &'static str,
    /// The core that the weights are packed for.
    core: &'static str,
    /// Each instruction takes `2^shift` ns, so that it takes 1.6 or 1.3 ticks, about as many as on the chip.
    shift: u8,
    /// Slices that a task may have to wait for: embassy runs the tasks that are ready last in, first out.
    waits: u32,
}

const EXAMPLES: [Example; 2] = [
    Example {
        name: "rtic",
        machine: "lm3s6965evb",
        triple: "thumbv7m-none-eabi",
        core: "m3",
        shift: 5,
        waits: 1,
    },
    Example {
        name: "embassy",
        machine: "netduinoplus2",
        triple: "thumbv7em-none-eabihf",
        core: "m4",
        shift: 3,
        waits: 2,
    },
];

/// The files that an example links in, in `folder`.
struct Files {
    image: PathBuf,
    samples: PathBuf,
}

impl Example {
    /// Trains on the motor, and converts its log.
    fn files(&self, folder: &Path) -> Files {
        let run = folder.join("run");
        let samples = folder.join("samples.i16");
        let [run_text, samples_text] = [&run, &samples].map(|path| path.to_str().unwrap());
        let fit = [
            "fit", "motor", "--core", self.core, "--out", run_text, "--quiet",
        ];
        trainer::run(&fit, LIMIT).unwrap();
        trainer::run(
            &["samples", run_text, "motor", "--out", samples_text],
            LIMIT,
        )
        .unwrap();
        Files {
            image: run.join("model.elbow"),
            samples,
        }
    }

    /// Builds it.
    fn build(&self, files: &Files) -> PathBuf {
        let program = Program {
            name: self.name,
            package: &format!("firmware-examples/{}", self.name),
            triple: self.triple,
            cpu: None,
            image: Some(&files.image),
            features: None,
        };
        let built = program.build_with(&[("ELBOW_SAMPLES", &files.samples)]);
        built.unwrap_or_else(|error| panic!("{error}"))
    }

    /// What it sends until it sleeps, line by line.
    fn told(&self, firmware: &Path) -> Vec<String> {
        let Self { machine, shift, .. } = *self;
        let text = emulator::listen_counting(machine, Some(shift), firmware, "asleep", LIMIT);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        text.lines().map(ToOwned::to_owned).collect()
    }
}

/// The story in the samples of the whole log, by a cut that is written again.
fn story(log: &[u8]) -> Vec<Sample> {
    let numbers = log.chunks_exact(2);
    let numbers: Vec<i16> = numbers
        .map(|two| i16::from_le_bytes([two[0], two[1]]))
        .collect();
    let samples = numbers.chunks_exact(3).map(|of| [of[0], of[1], of[2]]);
    let samples: Vec<Sample> = samples.collect();
    [158_000..162_000, 172_000..174_000]
        .map(|part| samples[part].to_vec())
        .concat()
}

/// The lines of the windows, by a watch that scores each in one go; how many of them have an alarm.
fn windows(image: &[u8], story: &[Sample]) -> (Vec<String>, usize) {
    let image = AlignedImage::new(image);
    let model = Model::parse(&image).unwrap();
    let settings =
        WatchSettings::from_rates(&model, Estimator::SigmaPoints, 2, None, None).unwrap();
    let mut workspace = vec![0; model.watch_words().unwrap()];
    let mut watch = Watch::new(&model, &mut workspace, &settings, 0).unwrap();
    let mut lines = vec![];
    for event in story
        .iter()
        .filter_map(|sample| watch.push(sample).unwrap())
    {
        let (elbo, smoothed) = (event.score.elbo(), event.smoothed);
        let mut line = format!("window {}: {elbo} nats, smoothed {smoothed}", event.window);
        if let Some(blame) = event.blame {
            let channel = ["vibration_x", "vibration_y", "current"][usize::from(blame.channel)];
            write!(line, ", ALARM by {channel}").unwrap();
        }
        lines.push(line);
    }
    let alarms = lines.iter().filter(|line| line.contains("ALARM")).count();
    (lines, alarms)
}

/// What the controller puts out at the end: a moving average of the current, in exact arithmetic.
fn controlled(story: &[Sample]) -> i64 {
    let mut output = 0i64;
    for [_, _, current] in story.iter().step_by(20) {
        output += (256 * i64::from(*current) - output).div_euclid(16);
    }
    output
}

/// The numbers in a line.
fn numbers(line: &str) -> Vec<i64> {
    let words = line.split([' ', ',', ';', ':']);
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Runs an example, and compares what it tells.
fn check(example: &Example) {
    let folder = tempfile::tempdir().unwrap();
    let files = example.files(folder.path());
    let log = std::fs::read(&files.samples).unwrap();
    let story = story(&log);
    assert_eq!(motor::story(&log)[..], story[..]);
    let (expected, alarms) = windows(&std::fs::read(&files.image).unwrap(), &story);
    // A second of 15 windows with the fault, and not much longer.
    assert!((15..30).contains(&alarms), "{alarms}");

    let told = example.told(&example.build(&files));
    let [scale, greeting, lines @ .., watch, control, last] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(
        greeting,
        "motor: this chip computes what the workstation did"
    );
    assert_eq!(lines, expected, "{}", example.name);
    assert_eq!(last, "asleep");

    let [delay, ticks] = numbers(scale)[..] else {
        panic!("{scale}");
    };
    let [windows, window, slice] = numbers(watch)[..] else {
        panic!("{watch}");
    };
    let [runs, latest, missed, output] = numbers(control)[..] else {
        panic!("{control}");
    };
    assert_eq!(
        (windows, output),
        (expected.len() as i64, controlled(&story))
    );
    // Each sample that releases the controller is 20 samples of 500 us after the last one.
    assert_eq!((runs, missed), (story.len() as i64 / 20, 0), "{control}");
    let period = i64::from(Controller::PERIOD) * ticks_of_sample(example);
    compare_with_page(
        example,
        [window, slice, latest, period].map(|of| of * delay / ticks),
    );
    // The controller waits for no more than these slices and a line of text; a whole window would be another matter.
    let line = 10_000 * ticks / delay;
    let most = i64::from(example.waits) * slice + line;
    assert!(latest <= most, "{latest} ticks, {most} at most");
    assert!(
        latest < period && window > period,
        "{latest} {period} {window}"
    );
}

/// The row of BENCHMARKS.md has these instructions, within 2 %; another compiler makes other code.
fn compare_with_page(example: &Example, measured: [i64; 4]) {
    let page = std::fs::read_to_string(bench::page()).unwrap();
    let start = format!("| `{}` |", example.name);
    let row = page.lines().find(|line| line.starts_with(&start)).unwrap();
    let recorded: Vec<i64> = numbers(&row.replace(',', ""));
    println!(
        "{}: measured {measured:?}, recorded {recorded:?}",
        example.name
    );
    if bench::rustc_version() == std::fs::read_to_string(bench::compiler()).unwrap() {
        assert_eq!(recorded.len(), measured.len(), "{row}");
        for (measured, recorded) in measured.into_iter().zip(recorded) {
            let apart = measured.abs_diff(recorded);
            assert!(50 * apart <= recorded.unsigned_abs(), "{measured}: {row}");
        }
    }
}

/// Ticks of the processor's clock from sample to sample, as both programs say.
fn ticks_of_sample(example: &Example) -> i64 {
    match example.name {
        "rtic" => 50_000_000 / 2000,
        _ => 16_000_000 / 2000,
    }
}

#[test]
fn rtic_watches_a_motor_and_misses_no_deadline() {
    check(&EXAMPLES[0]);
}

#[test]
fn embassy_watches_a_motor_and_misses_no_deadline() {
    check(&EXAMPLES[1]);
}

#[test]
fn the_readme_has_the_sizes() {
    let mut stale = vec![];
    for example in &EXAMPLES {
        let folder = tempfile::tempdir().unwrap();
        let elf = Elf::read(&example.build(&example.files(folder.path()))).unwrap();
        stale.extend(sizes::stale(example.name, example.name, &elf).unwrap());
    }
    assert!(stale.is_empty(), "measured: {stale:?}");
}
