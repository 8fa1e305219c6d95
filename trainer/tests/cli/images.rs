//! Images that are damaged, missing or of another version.

use crate::fixture::{Fixture, copy_run, fixture};
use crate::support::program::{Folder, fails, fails_with, read, succeeds};

/// Images that are none: what was done to them, their bytes, and what is said of them.
fn damaged(good: &[u8]) -> [(&'static str, Vec<u8>, &'static str); 9] {
    let with = |at: usize, byte: u8| {
        let mut image = good.to_vec();
        image[at] = byte;
        image
    };
    [
        ("empty", vec![], "not an elbow image"),
        (
            "foreign",
            b"\x89PNG\r\n\x1a\n0123456789".to_vec(),
            "not an elbow image",
        ),
        ("text", b"a,b,c,d\n1,2,3,4\n".to_vec(), "not an elbow image"),
        ("cut in its prefix", good[..10].to_vec(), "truncated"),
        ("cut in its header", good[..30].to_vec(), "truncated"),
        (
            "cut at its end",
            good[..good.len() - 1].to_vec(),
            "truncated",
        ),
        (
            "of a newer format",
            with(4, good[4] + 1),
            "format version 9",
        ),
        (
            "of newer numerics",
            with(6, good[6] + 1),
            "numerics version",
        ),
        (
            "flipped",
            with(good.len() / 2, good[good.len() / 2] ^ 4),
            "damaged",
        ),
    ]
}

#[test]
fn damaged_images_are_refused_by_every_command() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    for name in ["config.toml", "model.safetensors"] {
        folder.write(name, read(run, name));
    }
    let kept = folder.write("kept", "what was here before");
    for (what, bytes, word) in damaged(&read(run, "model.elbow")) {
        let image = folder.write("model.elbow", bytes);
        let commands: [&[&str]; 9] = [
            &["inspect", &image],
            &["eval", &image, csv],
            &["score", &image, csv],
            &["score", &image, csv, "--out", &kept],
            &["sample", &image],
            &["sample", &image, "--out", &kept],
            &["readings", &image, csv, "--out", &kept],
            &["impute", &image, csv, "--mask", csv, "--out", &kept],
            &["estimators", &image, csv],
        ];
        for command in commands {
            let line = fails(command);
            assert!(
                line.contains(word) && line.contains("model.elbow"),
                "{what}: {line}"
            );
        }
    }
    assert_eq!(std::fs::read(kept).unwrap(), b"what was here before");
}

#[test]
fn no_flipped_bit_is_overlooked() {
    let folder = Folder::new();
    let good = read(&fixture().run, "model.elbow");
    // The prefix, then all over the image.
    for byte in (0..20).chain((20..good.len()).step_by(good.len() / 20)) {
        let mut image = good.clone();
        image[byte] ^= 1 << (byte % 8);
        fails(&["inspect", &folder.write("model.elbow", image)]);
    }
}

#[test]
fn missing_images_are_named() {
    let Fixture { csv, .. } = fixture();
    let folder = Folder::new();
    fails_with(
        &["inspect", &folder.path("none.elbow")],
        &["cannot read", "none.elbow"],
    );
    fails_with(
        &["score", &folder.path(""), csv],
        &["cannot read", "model.elbow"],
    );
}

#[test]
fn eval_needs_the_float_model() {
    let Fixture {
        csv, run, digits, ..
    } = fixture();
    let folder = Folder::new();
    let image = &folder.write("model.elbow", read(run, "model.elbow"));
    let lonely = &["config.toml or model.safetensors", "float model"];
    fails_with(&["eval", image, csv], lonely);
    folder.write("config.toml", read(run, "config.toml"));
    fails_with(&["eval", image, csv], lonely);
    let parameters = read(run, "model.safetensors");
    folder.write("model.safetensors", &parameters[..parameters.len() / 2]);
    fails_with(
        &["eval", image, csv],
        &["model.safetensors", "restore the file"],
    );
    folder.write("model.safetensors", "nonsense");
    fails_with(
        &["eval", image, csv],
        &["model.safetensors", "restore the file"],
    );
    folder.write("model.safetensors", read(digits, "model.safetensors"));
    fails_with(
        &["eval", image, csv],
        &["model.safetensors", "another model"],
    );
    folder.write("model.safetensors", &parameters);
    succeeds(&["eval", image, csv]);
    folder.write("config.toml", read(digits, "config.toml"));
    fails_with(&["eval", image, csv], &["another model"]);
    folder.write("config.toml", "settings = 3\n");
    fails_with(&["eval", image, csv], &["config.toml", "line 1"]);
    // Scores need none of it.
    succeeds(&["score", image, csv]);
}

/// The remedy that such an image names is one: the run gives an image of this version.
#[test]
fn a_run_whose_image_is_of_another_version_is_quantized_again() {
    let folder = Folder::new();
    let run = &folder.path("old");
    copy_run(run);
    let image = &folder.path("old/model.elbow");
    let current = std::fs::read(image).unwrap();
    let mut old = current.clone();
    // The numerics version.
    old[6] = 0;
    std::fs::write(image, &old).unwrap();
    fails_with(
        &["inspect", run],
        &["numerics version 0", "trainer quantize"],
    );
    succeeds(&["quantize", run, "--out", image]);
    assert!(std::fs::read(image).unwrap() == current);
}
