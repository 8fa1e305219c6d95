use super::*;

fn said(text: &str) -> Said {
    Said::of_text(text, "elbow.toml").unwrap()
}

/// The settings that a file of [`template`] has when every comment with a value is one no more.
fn uncommented(text: &str) -> String {
    let is_value = |line: &str| {
        let name = line.split(" = ").next().unwrap_or_default();
        keys().iter().any(|key| key.name() == name) && !line.contains(" = <")
    };
    let lines = text.lines().map(|line| match line.strip_prefix("# ") {
        Some(value) if is_value(value) => value,
        _ => line,
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// A file of all settings that says where the data are alone.
fn of_defaults() -> String {
    let said = Said::whole(&Default::default(), &Limits::default()).unwrap();
    let source = keys().iter().filter(|key| key.path() == Key::SOURCE);
    template("Settings", &said.only(source)).unwrap()
}

fn refused(text: &str) -> String {
    Said::of_text(text, "elbow.toml").unwrap_err().to_string()
}

#[test]
fn every_setting_has_a_key_and_every_key_an_option() {
    let whole = Said::whole(&Config::default(), &Limits::default()).unwrap();
    for (path, _) in whole.iter() {
        assert!(Key::find(path).is_some(), "{path}");
    }
    for key in keys() {
        assert!(
            key.path() == Key::SOURCE || key.option().is_some(),
            "{key:?}"
        );
        assert!(!key.help().is_empty(), "{key:?}");
    }
    assert_eq!(Key::find("train.qat").unwrap().names(), ["qat", "no_qat"]);
    assert!(Key::find("train.no_qat").is_none());
    let range = |path: &str| Key::find(path).unwrap().range();
    assert_eq!(range("train.epochs").as_deref(), Some("from 1 to 1000000"));
    assert_eq!(
        range("train.learning_rate").as_deref(),
        Some("above 0 and up to 1")
    );
    assert_eq!(range("model.encoder").as_deref(), Some("from 1 to 16384"));
    assert_eq!(range("model.latent"), None);
}

#[test]
fn a_file_may_hold_any_part_and_the_rest_follows() {
    let (config, limits) = said("").config().unwrap();
    assert_eq!(config, Config::default());
    assert!(limits.is_empty());
    let text =
        "[train]\nmissing = 0.25\n[model]\nencoder = [128,\n  64]\n[limits]\nflash = \"64K\"\n";
    let (config, limits) = said(text).config().unwrap();
    assert_eq!(config.train.importance_samples, 5);
    assert_eq!(config.model.encoder, [128.into(), 64.into()]);
    assert_eq!(limits.flash, Some(65_536));
    let (config, _) = said("model.latent = \"bernoulli\"").config().unwrap();
    assert!(!config.train.qat);
    assert_eq!(config.train.gradient, crate::config::Gradient::LeaveOneOut);
    let (config, _) = said("data.stream.window = 9").config().unwrap();
    let stream = config.data.stream.unwrap();
    assert_eq!(
        (stream.hop, stream.features.to_string().as_str()),
        (5, "centered")
    );
}

#[test]
fn all_settings_are_read_as_they_are_written() {
    let mut config = Config::default();
    config.train.seed = u64::MAX;
    config.data.labels = Some("a \"b\".csv".into());
    config.train.qat = false;
    let text = toml::to_string(&config).unwrap();
    assert_eq!(said(&text).config().unwrap().0, config);
    let written = Said::whole(&config, &Limits::default()).unwrap();
    assert_eq!(written.config().unwrap().0, config);
}

#[test]
fn later_settings_go_over_earlier_ones() {
    let file = said("[train]\nepochs = 3\nbatch = 8\n");
    let set = [
        "train.epochs=50",
        "model.likelihood=student",
        "limits.ram=8K",
        "data.label=5",
    ];
    let set = Said::of_assignments("--set", &set.map(str::to_owned)).unwrap();
    let (config, limits) = set.over(file).config().unwrap();
    assert_eq!((config.train.epochs, config.train.batch), (50, 8));
    assert_eq!(config.model.likelihood.to_string(), "columns:student:4");
    assert_eq!(
        (limits.ram, config.data.label.as_deref()),
        (Some(8192), Some("5"))
    );
}

#[test]
fn refusals_name_the_place_the_key_and_a_remedy() {
    for (text, words) in [
        (
            "[train]\n\nepoch = 3\n",
            &["elbow.toml: line 3", "train.epoch;", "train.epochs"][..],
        ),
        ("[trian]\nepochs = 3\n", &["line 1", "trian", "train"]),
        (
            "[train]\nepochs = \"many\"\n",
            &[
                "line 2",
                "train.epochs = \"many\"",
                "text",
                "a whole number",
            ],
        ),
        (
            "train.batch = 1.5",
            &["line 1", "number with decimals", "whole number"],
        ),
        (
            "train.batch = -1",
            &["line 1", "train.batch = -1", "from 0 on"],
        ),
        (
            "model.encoder = 64",
            &["model.encoder", "a list in brackets"],
        ),
        ("model.encoder = [64,\n  \"x\"]", &["line 1", "[64, \"x\"]"]),
        ("data.strict = 1", &["data.strict = 1", "true or false"]),
        (
            "model.latent = \"cauchy\"",
            &["model.latent", "cauchy", "gaussian"],
        ),
        (
            "model.likelihood = \"cauchy\"",
            &["model.likelihood", "cauchy", "bernoulli"],
        ),
        ("train = 3", &["train is a table"]),
        ("limits.flash = \"64KB\"", &["limits.flash", "64K or 1M"]),
        ("nonsense", &["elbow.toml: line 1", "KEY = VALUE"]),
        ("a = 1\na = 2\n", &["line 2", "duplicate key"]),
    ] {
        let refused = refused(text);
        assert_eq!(refused.lines().count(), 1, "{refused}");
        for word in words {
            assert!(refused.contains(word), "{text}: {refused} lacks {word}");
        }
    }
}

#[test]
fn assignments_are_refused_with_their_keys() {
    for (assignment, words) in [
        (
            "train.epochs",
            &["--set train.epochs has no value", "KEY=VALUE"][..],
        ),
        ("train.epoch=3", &["train.epoch;", "train.epochs"]),
        (
            "train.epochs=many",
            &["--set train.epochs", "a whole number"],
        ),
        ("train.epochs=[3]", &["a list", "a whole number"]),
    ] {
        let refused = Said::of_assignments("--set", &[assignment.to_owned()]);
        let refused = refused.unwrap_err().to_string();
        for word in words {
            assert!(
                refused.contains(word),
                "{assignment}: {refused} lacks {word}"
            );
        }
    }
}

#[test]
fn the_file_to_start_from_has_every_setting_with_its_default() {
    let text = of_defaults();
    let (config, _) = said(&text).config().unwrap();
    assert_eq!(config, Config::default());
    let written = uncommented(&text);
    assert_eq!(said(&written).config().unwrap().0, Config::default());
    for key in keys() {
        let line = |start: &str| format!("\n{start}{} = ", key.name());
        assert!(
            text.contains(&line("# ")) || text.contains(&line("")),
            "{key:?}"
        );
        let has_value = key.default().is_some();
        assert_eq!(
            written.contains(&line("")),
            has_value || key.path() == Key::SOURCE,
            "{key:?}"
        );
    }
}
