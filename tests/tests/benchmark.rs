//! The example that measures a chip, on emulated boards: its instructions are those that are recorded of the firmware of the tests, which
//! counts them in another program.

use elbow_tests::build::board::COUNTED;
use elbow_tests::measure::{bench, chip};

/// One core for each clock, and without a long multiplication.
const CORES: [&str; 3] = ["m0", "m4", "rv32imc"];

/// What two programs may differ by, in parts of a count: as the recorded counts may grow.
const TOLERANCE: f64 = 0.02;

#[test]
fn the_benchmark_counts_what_is_recorded() {
    let recorded = std::fs::read_to_string(bench::baseline()).unwrap();
    let recorded: serde_json::Value = serde_json::from_str(&recorded).unwrap();
    for core in CORES {
        let board = COUNTED.iter().find(|board| board.core_name() == core);
        let table = chip::table(board.unwrap()).unwrap_or_else(|error| panic!("{error}"));
        println!("{table}");
        let rows: Vec<Vec<&str>> = table.lines().map(cells).collect();
        let [columns, _, digits, autoencoder] = &rows[..] else {
            panic!("{table}");
        };
        for (model, row) in [("digits", digits), ("anomaly_autoencoder", autoencoder)] {
            assert_eq!(row[1..3], [model, "instructions"], "{table}");
            let of = |name: &str| -> f64 {
                let column = columns.iter().position(|column| *column == name).unwrap();
                row[column].parse().unwrap()
            };
            let counts = &recorded[core][model];
            let encode = counts["encode_instructions"].as_f64().unwrap();
            let score = counts["score_instructions"]["sigma-points"]
                .as_f64()
                .unwrap();
            for (name, recorded) in [("encode", encode), ("sigma points", score)] {
                let apart = (of(name) - recorded).abs();
                assert!(
                    apart < TOLERANCE * recorded,
                    "{core} {model}: {name} {recorded}"
                );
            }
            // Sixteen passes in four groups, with the encoder, are the score.
            let parts = of("encode") + 4.0 * of("four passes");
            assert!(
                (parts - score).abs() < 0.03 * score,
                "{core}: {parts} {score}"
            );
            assert!(of("four passes") < 4.0 * of("one pass"), "{table}");
        }
    }
}

/// The cells of a row in Markdown.
fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}
