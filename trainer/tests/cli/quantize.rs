//! `trainer quantize`.

use crate::fixture::fixture;
use crate::support::program::{Folder, json, read, succeeds};
use serde_json::Value;

#[test]
fn a_run_is_quantized_again_to_the_same_image() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("again.elbow");
    let line = succeeds(&["quantize", &fixture.run, "--out", &image.to_string_lossy()]);
    assert!(
        line.contains("min-max") && line.contains("rank correlation"),
        "{line}"
    );
    assert_eq!(
        std::fs::read(&image).unwrap(),
        read(&fixture.run, "model.elbow")
    );
    let wide = succeeds(&["quantize", &fixture.run, "--calibration", "percentile:90"]);
    assert!(wide.contains("percentile:90"), "{wide}");
    let wide = [&fixture.run, "--activations", "i16", "--sensitivity"];
    let wide = succeeds(&[&["quantize"][..], &wide].concat());
    for layer in ["encoder 1: 16 bits", "decoder 1: 16 bits"] {
        assert!(wide.contains(layer), "{wide}");
    }
}

/// Half of the bytes of the weights, and each layer says so.
#[test]
fn weights_of_four_bits_take_half_of_the_flash() {
    let folder = Folder::new();
    let run = &folder.path("four");
    let settings = ["--epochs", "2", "--weights", "int4", "--quiet"];
    succeeds(&[&["fit", "digits", "--out", run], &settings[..]].concat());
    let description = json(&succeeds(&["inspect", run, "--json"]));
    let eight = json(&succeeds(&["inspect", &fixture().digits, "--json"]));
    let layers = |of: &Value| of["layers"].as_array().unwrap().clone();
    for (layer, eight) in layers(&description).iter().zip(layers(&eight)) {
        assert_eq!(
            (&layer["weight_bits"], &eight["weight_bits"]),
            (&4.into(), &8.into())
        );
        let number = |of: &Value, key: &str| of[key].as_u64().unwrap();
        let rows = 8 * number(layer, "rows");
        let weights = number(layer, "bytes") - rows;
        assert_eq!(
            weights,
            number(layer, "rows") * number(layer, "columns") / 2
        );
    }
    assert!(succeeds(&["inspect", run]).contains(" i4 "));
    // The plan of the run gives its image again; another number of bits gives another.
    let again = folder.path("again.elbow");
    succeeds(&["quantize", run, "--out", &again]);
    assert_eq!(std::fs::read(&again).unwrap(), read(run, "model.elbow"));
    let line = succeeds(&["quantize", run, "--weights", "auto:0.4"]);
    assert!(line.starts_with("min-max, auto:0.4 ("), "{line}");
}
