//! No setting silently does nothing: each changes the run, or is refused, beside each of many others.

use elbow_trainer::config::settings::{Key, Said, keys, refuse_idle};
use elbow_trainer::error::Error;
use elbow_trainer::export::pipeline::{Job, Observer, Outcome, Warning};
use elbow_trainer::readings::splits::Splits;
use std::cell::RefCell;
use std::fmt::Write;
use std::path::Path;
use tempfile::TempDir;

/// Little data and small networks, for so many epochs and steps that patience can end them.
const SMALL: &str = "
data.source = \"table.csv\"
model.encoder = [3]
model.decoder = [3]
model.latents = 2
train.epochs = 14
train.batch = 4
export.folds = 0
";

/// Settings that others are tried beside, over [`SMALL`], and the tables of those.
const BASES: [(&str, &str, &[&str]); 16] = [
    ("plateau", "train.schedule = \"plateau\"", &["train"]),
    ("constant", "train.schedule = \"constant\"", &["train"]),
    ("averaged", "train.schedule = \"averaged\"", &["train"]),
    (
        "cosine",
        "train.schedule = \"cosine\"",
        &["data", "model", "train", "export", "limits"],
    ),
    (
        "patience",
        "train.schedule = \"cosine\"\ntrain.patience = 3",
        &["train"],
    ),
    ("in floats", "train.qat = false", &["train", "export"]),
    ("gaps", "train.missing = 0.3", &["model", "train"]),
    (
        "weights",
        "train.objective.beta = 0.5\ntrain.objective.kl_warm_up = 2",
        &["train"],
    ),
    (
        "mixture",
        "model.prior = \"mixture:2\"",
        &["model", "train", "export"],
    ),
    ("vamp", "model.prior = \"vamp:2\"", &["train"]),
    (
        "own posteriors",
        "train.inference = \"svi\"",
        &["model", "train", "export"],
    ),
    (
        "bits",
        "model.latent = \"bernoulli\"",
        &["data", "model", "train", "export", "limits"],
    ),
    (
        "score function",
        "train.gradient = \"leave-one-out\"",
        &["model", "train", "export"],
    ),
    (
        "digits",
        "data.source = \"digits\"\ntrain.epochs = 2",
        &["data", "export"],
    ),
    (
        "stream",
        "data.source = \"stream.csv\"\ndata.stream.window = 4",
        &["data", "export"],
    ),
    (
        "machine",
        "data.source = \"pump\"\ntrain.epochs = 2",
        &["data"],
    ),
];

/// Values of each setting that differ from those of the bases.
const VALUES: &[(&str, &[&str])] = &[
    ("data.labels", &["\"labels.csv\""]),
    ("data.label", &["\"ok\""]),
    ("data.normal", &["[\"1\"]"]),
    ("data.time", &["[\"time\"]"]),
    ("data.group", &["\"place\""]),
    ("data.ignore", &["[\"b\"]"]),
    ("data.reading", &["[\"place\"]"]),
    ("data.condition", &["[\"b\"]"]),
    ("data.kind", &["[\"a=laplace\"]"]),
    ("data.sentinels", &["\"-77\""]),
    ("data.sample", &["2000"]),
    ("data.strict", &["true"]),
    ("data.anomaly_digit", &["7"]),
    ("data.binarize", &["\"dynamic\"", "\"static\""]),
    ("data.conditions", &["1"]),
    ("data.validation_fraction", &["0.25"]),
    ("data.test_fraction", &["0.25"]),
    ("data.stream.window", &["6"]),
    ("data.stream.hop", &["3"]),
    ("data.stream.features", &["\"samples\""]),
    ("model.likelihood", &["\"laplace\""]),
    (
        "model.prior",
        &["\"mixture:3\"", "\"vamp:3\"", "\"factorized\""],
    ),
    ("model.encoder", &["[4]"]),
    ("model.latents", &["3"]),
    ("model.latent", &["\"bernoulli\""]),
    ("model.decoder", &["[4]"]),
    ("train.epochs", &["12"]),
    ("train.batch", &["16"]),
    ("train.patience", &["1"]),
    ("train.least_gain", &["1000"]),
    ("train.rate_warm_up", &["3"]),
    ("train.clip", &["\"norm:0.1\""]),
    ("train.missing", &["0.2"]),
    ("train.inference", &["\"svi\""]),
    ("train.threads", &["3"]),
    ("train.device", &["\"cuda\""]),
    ("train.seed", &["1"]),
    (
        "train.schedule",
        &["\"averaged\"", "\"cosine\"", "\"plateau\"", "\"constant\""],
    ),
    ("train.learning_rate", &["0.01"]),
    ("train.importance_samples", &["3"]),
    (
        "train.gradient",
        &[
            "\"sticking-the-landing\"",
            "\"vimco\"",
            "\"learned\"",
            "\"disarm\"",
        ],
    ),
    ("train.qat", &["true", "false"]),
    ("train.objective.form", &["\"entropy\""]),
    ("train.objective.beta", &["2"]),
    ("train.objective.kl_warm_up", &["4"]),
    ("train.objective.free_bits", &["0.3"]),
    ("export.keep_dead_latents", &["true"]),
    ("export.core", &["\"m55\""]),
    ("export.calibration", &["\"percentile\""]),
    ("export.weights", &["\"int4\""]),
    ("export.activations", &["\"i16\""]),
    ("export.judged_by", &["\"bound\""]),
    ("export.folds", &["5"]),
    ("export.rate", &["0.5"]),
    ("limits.flash", &["\"1M\""]),
    ("limits.ram", &["\"64K\""]),
    ("limits.instructions", &["\"9M\""]),
];

/// All that a training says, and what it leaves.
#[derive(Default)]
struct Told(RefCell<String>);

impl Observer for Told {
    fn note(&self, line: &str) {
        let _ = writeln!(self.0.borrow_mut(), "{line}");
    }

    fn warn(&self, warning: &Warning) {
        let _ = writeln!(self.0.borrow_mut(), "{warning}");
    }
}

/// [`SMALL`] with `base` and `change` over it, if these are accepted together.
fn settings(folder: &Path, base: &str, change: &str) -> Result<Said, Error> {
    let path = |name: &str| folder.join(name).display().to_string();
    let said = |text: &str| {
        let names = ["table.csv", "stream.csv", "labels.csv"];
        let with_paths = |text: String, name: &&str| text.replace(*name, &path(name));
        Said::of_text(&names.iter().fold(text.to_owned(), with_paths), "settings")
    };
    let above = said(change)?.over(said(base)?);
    let keys: Vec<&Key> = above.keys().collect();
    let said = above.over(said(SMALL)?);
    let (config, _) = said.config()?;
    config.validate()?;
    refuse_idle(&config, keys.into_iter())?;
    Ok(said)
}

/// What a training by `said` leaves and says; its refusal where there is one.
fn outcome(said: &Said) -> String {
    let told = Told::default();
    let train = || -> Result<Outcome, Error> {
        let (config, limits) = said.config()?;
        let splits = Splits::load(&config)?;
        Job::new("job", config, limits, splits, &told)?.fit(None)
    };
    match train() {
        Err(error) => error.to_string(),
        Ok(outcome) => {
            let exported = &outcome.exported;
            let rate = exported.summary.rate;
            let image = format!("{:?}{rate:?}", &exported.image[..]);
            let parameters = outcome.vae.to_safetensors().unwrap();
            format!(
                "{}{image}{parameters:?}{:?}",
                told.0.borrow(),
                outcome.history
            )
        }
    }
}

/// A table with a time, a place, a flag, numbers that hang together, and a value that stands for none; and labels of its rows.
fn write_data(folder: &Path) {
    let mut table = "time,place,ok,a,b,c\n".to_owned();
    let mut labels = String::new();
    for row in 0..240 {
        let x = (f64::from(row) * 0.37).sin();
        let y = (f64::from(row) * 0.11).cos();
        let (hour, minute, place) = (row / 60, row % 60, ["north", "south"][row as usize / 7 % 2]);
        let bad = u8::from(row % 9 == 8);
        let a = if row % 50 == 3 { -999.0 } else { x + 0.1 * y };
        let time = format!("2026-01-31T{hour:02}:{minute:02}:00");
        let _ = writeln!(table, "{time},{place},{bad},{a:.3},{y:.3},{:.3}", x * y);
        let _ = writeln!(labels, "{bad}");
    }
    let stream: String = table
        .lines()
        .map(|line| format!("{}\n", line.splitn(5, ',').last().unwrap()))
        .collect();
    std::fs::write(folder.join("stream.csv"), stream).unwrap();
    std::fs::write(folder.join("table.csv"), table).unwrap();
    std::fs::write(folder.join("labels.csv"), labels).unwrap();
}

/// A setting that was tried beside a base.
#[derive(Clone, Debug)]
struct Tried {
    #[allow(dead_code, reason = "printed where it has no effect")]
    base: &'static str,
    path: &'static str,
    /// Whether the run, or what it says, is another.
    changes: bool,
}

/// Tries the settings of `tables` beside `base`, those that it refuses left out.
fn try_beside(folder: &Path, name: &'static str, base: &str, tables: &[&str]) -> Vec<Tried> {
    let before = settings(folder, base, "").unwrap();
    let own = before.config().unwrap();
    let without = outcome(&before);
    let is_tried = |path: &str| tables.contains(&path.split('.').next().unwrap());
    let values = VALUES.iter().filter(|(path, _)| is_tried(path));
    let all = values.flat_map(|&(path, values)| values.iter().map(move |value| (path, value)));
    let one = |(path, value)| {
        let after = settings(folder, base, &format!("{path} = {value}")).ok()?;
        let is_other = after.config().unwrap() != own;
        is_other.then(|| Tried {
            base: name,
            path,
            changes: outcome(&after) != without,
        })
    };
    all.filter_map(one).collect()
}

/// Settings that ask for what is done anyway: strictness where nothing is assumed, and latents that nothing leaves out.
const MET: [&str; 2] = ["data.strict", "export.keep_dead_latents"];

#[test]
fn every_setting_changes_the_run_or_is_refused() {
    let folder = TempDir::new().unwrap();
    write_data(folder.path());
    for key in keys() {
        let is_tried = VALUES.iter().any(|(path, _)| *path == key.path());
        assert!(
            is_tried || key.path() == Key::SOURCE,
            "{} is not tried",
            key.path()
        );
    }
    let tried = std::thread::scope(|scope| {
        let try_all = |(name, base, tables)| try_beside(folder.path(), name, base, tables);
        let halves = [0, 1].map(|first| BASES.iter().skip(first).step_by(2));
        let halves = halves.map(|bases| {
            scope.spawn(move || bases.copied().flat_map(try_all).collect::<Vec<Tried>>())
        });
        halves.map(|half| half.join().unwrap()).concat()
    });
    let is_idle = |tried: &&Tried| !tried.changes && !MET.contains(&tried.path);
    let idle: Vec<_> = tried.iter().filter(is_idle).collect();
    assert!(idle.is_empty(), "{idle:#?}");
    for (path, _) in VALUES {
        let changes = |tried: &Tried| tried.path == *path && tried.changes;
        assert!(tried.iter().any(changes), "{path} changes no run");
    }
}
