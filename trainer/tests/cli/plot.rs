//! `trainer plot`.

use crate::fixture::{Fixture, fixture};
use crate::support::program::{Folder, fails_with, succeeds};

const CHARTS: [&str; 7] = [
    "roc",
    "pr",
    "latents",
    "divergence",
    "thresholds",
    "scores",
    "training",
];

#[test]
fn charts_are_files_of_their_own() {
    let Fixture { digits, .. } = fixture();
    let folder = Folder::new();
    for chart in CHARTS {
        let out = &folder.path(&format!("{chart}.svg"));
        assert_eq!(
            succeeds(&["plot", digits, "--what", chart, "--out", out]),
            ""
        );
        let svg = std::fs::read_to_string(out).unwrap();
        assert!(svg.starts_with("<svg xmlns="), "{chart}");
        for part in [
            "</svg>",
            "<title>",
            "<desc>",
            "--paper",
            "class=\"heading\"",
        ] {
            assert!(svg.contains(part), "{chart} lacks {part}");
        }
        let marks = ["<polyline", "class=\"dots", "class=\"bar first\" x=\""];
        assert!(
            marks.iter().any(|mark| svg.contains(mark)),
            "{chart}: {svg}"
        );
        assert!(
            !svg.contains("NaN") && svg.matches("http").count() == 1,
            "{chart}"
        );
        assert_eq!(succeeds(&["plot", digits, "--what", chart]), svg, "{chart}");
    }
}

#[test]
fn the_format_is_that_of_the_name_or_said() {
    let Fixture { digits, .. } = fixture();
    let folder = Folder::new();
    let plot = ["plot", digits, "--what", "roc"];
    let svg = succeeds(&[&plot[..], &["--format", "svg"]].concat());
    assert!(svg.starts_with("<svg"));
    let out = &folder.path("roc.png");
    let png = [&plot[..], &["--out", out]].concat();
    if cfg!(feature = "png") {
        succeeds(&png);
        let bytes = std::fs::read(out).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 5000);
    } else {
        fails_with(&png, &["--format png", "--features png", "--format svg"]);
    }
}

#[test]
fn rates_count_false_alarms_in_days() {
    let Fixture { digits, .. } = fixture();
    let of = |more: &[&str]| succeeds(&[&["plot", digits, "--what", "thresholds"], more].concat());
    assert!(of(&[]).contains("false alarms in 1000 readings"));
    assert!(of(&["--rate", "0.1"]).contains("false alarms a day"));
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let Fixture {
        run, csv, digits, ..
    } = fixture();
    let folder = Folder::new();
    let pdf = &folder.path("roc.pdf");
    fails_with(
        &["plot", digits, "--what", "roc", "--out", pdf],
        &["roc.pdf", ".svg or .png"],
    );
    let svg = &folder.path("roc.svg");
    fails_with(
        &[
            "plot", digits, "--what", "roc", "--format", "png", "--out", svg,
        ],
        &["roc.svg", "--format"],
    );
    fails_with(
        &["plot", run, csv, "--what", "roc"],
        &["labels of both kinds", "--labels"],
    );
    fails_with(
        &["plot", digits, "--what", "thresholds", "--rate", "0"],
        &["--rate is 0", "above 0"],
    );
}
