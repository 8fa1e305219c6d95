//! The figures as tables of text.

use super::{CoreCounts, Counts, LAYERS, Measured};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The counts of layers for a terminal.
#[must_use]
pub fn layer_table(cores: &BTreeMap<&str, CoreCounts>) -> String {
    let heads: String = cores.keys().map(|core| format!("{core:>9}")).collect();
    let mut text = format!("{:<28}{heads}\n", "instructions a MAC");
    let mut line = |title: &str, cell: &dyn Fn(&CoreCounts) -> f64| {
        let cells: String = cores
            .values()
            .map(|counts| format!("{:>9.3}", cell(counts)))
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{title:<28}{cells}");
    };
    line("anomaly autoencoder", &|counts| {
        counts.anomaly_autoencoder_instructions_per_mac
    });
    line("the same, four-bit weights", &|counts| {
        counts.anomaly_autoencoder_four_bit_instructions_per_mac
    });
    for name in LAYERS {
        line(name, &|counts| {
            counts.dense.get(name).copied().unwrap_or(f64::NAN)
        });
    }
    line("an output of four columns", &|counts| {
        counts.requantize_instructions
    });
    let mut line = |title: &str, cell: &dyn Fn(&CoreCounts) -> usize| {
        let bytes: String = cores
            .values()
            .map(|counts| format!("{:>9}", cell(counts)))
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{title:<28}{bytes}");
    };
    line("flash of the least product", &|counts| counts.flash_bytes);
    line("  with default features", &|counts| {
        counts.flash_bytes_of_default_features
    });
    text
}

/// Instructions of a score by likelihood, for a terminal.
#[must_use]
pub fn likelihood_table(cores: &BTreeMap<&str, BTreeMap<&str, u64>>) -> String {
    let heads: String = cores.keys().map(|core| format!("{core:>12}")).collect();
    let mut text = format!("{:<24}{heads}\n", "score by likelihood");
    let names = cores.values().next().map(BTreeMap::keys);
    for name in names.into_iter().flatten() {
        let cells: String = cores
            .values()
            .map(|of_core| format!("{:>12}", of_core.get(name).copied().unwrap_or(0)))
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<24}{cells}");
    }
    text
}

/// The measurements for a terminal.
#[must_use]
pub fn table(name: &str, measured: &Measured) -> String {
    let Measured {
        workspace_bytes,
        encoder_macs,
        decoder_macs,
        cores,
    } = measured;
    let mut text = format!(
        "{name}: {encoder_macs} MACs to encode, {decoder_macs} for each decoder pass, {workspace_bytes} bytes of workspace\n"
    );
    let line = |title: &str, cell: &dyn Fn(&Counts) -> String| {
        let cells: String = cores
            .values()
            .map(|counts| format!("{:>12}", cell(counts)))
            .collect();
        format!("{title:<24}{cells}\n")
    };
    let heads: String = cores.keys().map(|core| format!("{core:>12}")).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:<24}{heads}", "instructions");
    text += &line("encode", &|counts| counts.encode_instructions.to_string());
    let estimators = cores
        .values()
        .next()
        .map(|counts| &counts.score_instructions);
    for estimator in estimators.into_iter().flat_map(BTreeMap::keys) {
        text += &line(estimator, &|counts| {
            let count = counts.score_instructions.get(estimator);
            count.map_or_else(|| "-".to_owned(), u64::to_string)
        });
    }
    let functions = cores.values().next().map(|counts| &counts.functions);
    for function in functions.into_iter().flat_map(BTreeMap::keys) {
        text += &line(function, &|counts| {
            let count = counts.functions.get(function);
            count.map_or_else(|| "-".to_owned(), |count| format!("{count:.1}"))
        });
    }
    text += &line("bytes of stack", &|counts| counts.stack_bytes.to_string());
    text += &line("2 latents / 2 x 1", &|counts| {
        format!("{:.3}", counts.two_latents_ratio)
    });
    text += &line("4 latents / 4 x 1", &|counts| {
        format!("{:.3}", counts.four_latents_ratio)
    });
    text
}
