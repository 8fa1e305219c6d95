//! `trainer tune`.

use crate::fixture::fixture;
use crate::support::program::{
    Folder, contents, fails_with, json, read, succeeds, summary, trainer,
};
use std::path::Path;

/// A tuned run is a run: its plan gives its image, its model is another, and where it came from stays.
#[test]
fn a_run_is_tuned_into_another() {
    let fixture = fixture();
    let before = contents(&fixture.digits);
    let folder = Folder::new();
    let out = &folder.path("tuned");
    let arguments = ["--epochs", "2", "--weights", "int4", "--out", out];
    let output = trainer(&[&["tune", &fixture.digits], &arguments[..]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.contains("epoch 2/2: elbo"),
        "{said}"
    );
    assert!(contents(&fixture.digits) == before);
    let config = String::from_utf8(read(out, "config.toml")).unwrap();
    assert!(
        config.contains("tuned_epochs = 2") && config.contains("weights = \"int4\""),
        "{config}"
    );
    let metrics = String::from_utf8(read(out, "metrics.jsonl")).unwrap();
    let epochs: Vec<_> = metrics
        .lines()
        .map(|line| json(line)["epoch"].clone())
        .collect();
    assert_eq!(epochs, [1, 2]);
    let again = folder.path("again.elbow");
    succeeds(&["quantize", out, "--out", &again]);
    assert_eq!(std::fs::read(&again).unwrap(), read(out, "model.elbow"));
    assert_eq!(
        json(&succeeds(&["eval", out, "--json"]))["device"],
        summary(out)["device"]
    );
    let twice = &folder.path("twice");
    succeeds(&["tune", out, "--epochs", "1", "--out", twice, "--quiet"]);
    let config = String::from_utf8(read(twice, "config.toml")).unwrap();
    assert!(config.contains("tuned_epochs = 3"), "{config}");
    // Epochs that make it worse leave it as it was.
    let [trained, same] = &["trained", "same"].map(|name| folder.path(name));
    succeeds(&["fit", "--epochs", "20", "--out", trained, "--quiet"]);
    let arguments = ["--epochs", "1", "--learning-rate", "0.5", "--out", same];
    succeeds(&[&["tune", trained], &arguments[..], &["--quiet"]].concat());
    let model = |run: &str| read(run, "model.safetensors");
    assert!(model(same) == model(trained));

    let none = folder.path("none");
    fails_with(
        &["tune", &fixture.digits, "--epochs", "0", "--out", &none],
        &["--epochs is 0", "trainer quantize"],
    );
    fails_with(
        &["tune", &none, "--out", out],
        &["config.toml", "float model"],
    );
    let rate = ["--learning-rate", "2", "--out", &none];
    fails_with(
        &[&["tune", &fixture.digits], &rate[..]].concat(),
        &["--learning-rate is 2"],
    );
    assert!(!Path::new(&none).exists());
}
