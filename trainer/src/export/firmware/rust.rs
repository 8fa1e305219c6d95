//! A model as a Rust module.

use super::{Facts, dependency};
use std::fmt::Write;

/// Bytes of an image in a line of source.
const BYTES_A_LINE: usize = 24;

/// The text of the module. It names the crate `elbow` and nothing else.
#[must_use]
pub fn module(facts: &Facts<'_>) -> String {
    let model = facts.model;
    let mut text = format!(
        "//! The model {:?}, and what a program has to know of it. `trainer export --rust` wrote this file.\n//!\n//! In Cargo.toml:\n//!\n//! ```toml\n//! {}\n//! ```\n\n",
        model.name(),
        dependency(model)
    );
    let mut constant = |doc: &str, name: &str, kind: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "/// {doc}\npub const {name}: {kind} = {value};");
    };
    constant(
        "What the model is called.",
        "NAME",
        "&str",
        &format!("{:?}", model.name()),
    );
    let words = |words: usize| words.to_string();
    constant(
        "`Workspace::<WORKSPACE_WORDS>` is the RAM of a session, in words of 8 bytes.",
        "WORKSPACE_WORDS",
        "usize",
        &words(model.workspace_words()),
    );
    if let Some(watch_words) = model.watch_words() {
        constant(
            "`Workspace::<WATCH_WORDS>` is the RAM of a watch of a stream, in words of 8 bytes.",
            "WATCH_WORDS",
            "usize",
            &words(watch_words),
        );
    }
    for (name, value, doc) in facts.sizes() {
        constant(doc, name, "usize", &words(value));
    }
    for level in &facts.levels {
        let one_in = level.one_in;
        if level.p_value.is_some() {
            constant(
                &format!(
                    "One in {one_in} normal readings has a p-value of this or less, by its score with {}.",
                    model.estimator()
                ),
                &format!("P_1_IN_{one_in}"),
                "elbow::Probability",
                &format!("elbow::Probability::new(1.0 / {one_in}.0)"),
            );
        }
        if let Some(bound) = level.bound {
            constant(
                &format!("One in {one_in} normal readings has a bound below this, {bound} nats."),
                &format!("BOUND_1_IN_{one_in}"),
                "elbow::Nats",
                &format!("elbow::Nats::from_bits({})", bound.to_bits()),
            );
        }
    }
    let columns: String = (0..)
        .map_while(|index| model.column(index))
        .map(|column| {
            format!(
                "    elbow::Column::new({:?}, {:?}, {}, {}),\n",
                column.name(),
                column.unit(),
                column.exponent(),
                column.offset()
            )
        })
        .collect();
    let what = match model.stream() {
        Some(_) => "sample",
        None => "reading",
    };
    constant(
        &format!("What each number of a {what} stands for: name, unit, exponent, offset."),
        "COLUMNS",
        &format!("[elbow::Column<'static>; {}]", model.columns()),
        &format!("[\n{columns}]"),
    );
    text + &image(facts.image)
}

/// The image as an aligned static.
fn image(image: &[u8]) -> String {
    let lines: Vec<String> = image
        .chunks(BYTES_A_LINE)
        .map(|bytes| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect())
        .collect();
    format!(
        "/// The image: `elbow::Model::parse(IMAGE)`.\npub static IMAGE: &[u8] = &ALIGNED.0;\n\nstatic ALIGNED: elbow::Aligned<[u8; IMAGE_BYTES]> = elbow::Aligned(*b\"\\\n    {}\");\n",
        lines.join("\\\n    ")
    )
}
