//! A model as a header and a source in C99, which C++ reads too.

use super::Facts;
use std::fmt::Write;

/// Bytes of an image in a line of source.
const BYTES_A_LINE: usize = 16;

/// The texts of a header and of the source that defines what it declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The header. It needs `<stdint.h>` alone.
    pub header: String,
    /// The source.
    pub source: String,
}

/// The texts of both; the source includes the header as `header_name`.
#[must_use]
pub fn files(facts: &Facts<'_>, header_name: &str) -> Files {
    Files {
        header: header(facts),
        source: source(facts, header_name),
    }
}

fn header(facts: &Facts<'_>) -> String {
    let (model, lower) = (facts.model, &facts.identifier);
    let upper = lower.to_uppercase();
    let mut text = format!(
        "/* A model, and what a program has to know of it. `trainer export --c` wrote this file. */\n#ifndef {upper}_MODEL_H\n#define {upper}_MODEL_H\n\n#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n"
    );
    let mut define = |doc: &str, name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "/* {doc} */\n#define {upper}_{name} {value}");
    };
    define(
        "What the model is called, in UTF-8.",
        "NAME",
        &literal(model.name()),
    );
    let features: Vec<&str> = model.features().collect();
    define(
        "The features of elbow that it needs: cargo xtask c --features",
        "FEATURES",
        &literal(&features.join(",")),
    );
    let bytes = |words: usize| (8 * words).to_string();
    define(
        "RAM of a session, aligned to 8 bytes.",
        "WORKSPACE_BYTES",
        &bytes(model.workspace_words()),
    );
    if let Some(words) = model.watch_words() {
        define(
            "RAM of a watch of a stream, aligned to 8 bytes.",
            "WATCH_BYTES",
            &bytes(words),
        );
    }
    for (name, value, doc) in facts.sizes() {
        define(doc, name, &value.to_string());
    }
    for level in &facts.levels {
        let one_in = level.one_in;
        if let Some(rate) = level.p_value {
            define(
                &format!(
                    "One in {one_in} normal readings has a p-value of this or less, by its score with {}; 2^31 is certainty.",
                    model.estimator()
                ),
                &format!("P_1_IN_{one_in}"),
                &format!("UINT32_C({})", rate.to_bits()),
            );
        }
        if let Some(bound) = level.bound {
            define(
                &format!(
                    "One in {one_in} normal readings has a bound below this, {bound} nats; 2^16 is a nat."
                ),
                &format!("BOUND_1_IN_{one_in}"),
                &narrow(bound.to_bits()),
            );
        }
    }
    let what = match model.stream() {
        Some(_) => "sample",
        None => "reading",
    };
    define(
        &format!("Numbers that a {what} brings, each a column of the data."),
        "COLUMNS",
        &model.columns().to_string(),
    );
    text + &format!(
        "
/* A raw integer stands for (raw + offset) * 2^exponent, in its unit. Names and units are UTF-8. */
typedef struct {lower}_column {{
  const char *name;
  const char *unit;
  int8_t exponent;
  int64_t offset;
}} {lower}_column;

/* What each number of a {what} stands for. */
extern const {lower}_column {lower}_columns[{upper}_COLUMNS];

/* The image, aligned to 8 bytes. */
typedef union {lower}_image_bytes {{
  uint8_t bytes[{upper}_IMAGE_BYTES];
  uint64_t alignment;
}} {lower}_image_bytes;

extern const {lower}_image_bytes {lower}_image;

#ifdef __cplusplus
}}
#endif

#endif
"
    )
}

fn source(facts: &Facts<'_>, header_name: &str) -> String {
    let lower = &facts.identifier;
    let upper = lower.to_uppercase();
    let columns: Vec<String> = (0..)
        .map_while(|index| facts.model.column(index))
        .map(|column| {
            format!(
                "  {{{}, {}, {}, {}}}",
                literal(column.name()),
                literal(column.unit()),
                column.exponent(),
                wide(column.offset())
            )
        })
        .collect();
    let lines: Vec<String> = facts
        .image
        .chunks(BYTES_A_LINE)
        .map(|bytes| {
            let bytes: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
            bytes.join(", ")
        })
        .collect();
    format!(
        "/* `trainer export --c` wrote this file. */\n#include {}\n\nconst {lower}_column {lower}_columns[{upper}_COLUMNS] = {{\n{}\n}};\n\nconst {lower}_image_bytes {lower}_image = {{{{\n  {}\n}}}};\n",
        literal(header_name),
        columns.join(",\n"),
        lines.join(",\n  ")
    )
}

/// A string literal of the bytes of `text`. What is beyond ASCII is octal, which ends after three digits.
fn literal(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        // A question mark could begin a trigraph.
        b'"' | b'\\' | b'?' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// A constant of 32 bits; the lowest number has no literal.
fn narrow(value: i32) -> String {
    match value {
        i32::MIN => "(-INT32_C(2147483647) - 1)".to_owned(),
        0.. => format!("INT32_C({value})"),
        _ => format!("(-INT32_C({}))", value.unsigned_abs()),
    }
}

/// A constant of 64 bits.
fn wide(value: i64) -> String {
    match value {
        i64::MIN => "(-INT64_C(9223372036854775807) - 1)".to_owned(),
        0.. => format!("INT64_C({value})"),
        _ => format!("-INT64_C({})", value.unsigned_abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_hold_any_text_and_number() {
        assert_eq!(
            literal("°C \"a\\b\"??/\n"),
            r#""\302\260C \"a\\b\"\?\?/\012""#
        );
        assert_eq!(narrow(-5), "(-INT32_C(5))");
        assert_eq!(narrow(i32::MIN), "(-INT32_C(2147483647) - 1)");
        assert_eq!(wide(1_660_108_800), "INT64_C(1660108800)");
        assert_eq!(wide(i64::MIN), "(-INT64_C(9223372036854775807) - 1)");
    }
}
