//! Writes tables as text, for implementations in other languages.

use super::Table;
use super::fit::Scale;
use super::source::quarter_of_a_sine;
use std::fmt::Write as _;

/// The scales and values of all tables, and the quarter of a sine: a line for each number.
pub(super) fn text<'a>(tables: impl Iterator<Item = &'a Table>) -> String {
    let mut text = String::from("name,index,value\n");
    let mut line = |name: &str, index: usize, value: i64| {
        writeln!(text, "{name},{index},{value}").expect("written to a string");
    };
    for table in tables {
        let name = table.name.to_lowercase();
        let Scale {
            fraction_bits,
            square_bits,
            rise_shift,
            output_shift,
            ..
        } = table.scale;
        for (field, value) in [
            ("fraction_bits", fraction_bits),
            ("square_bits", square_bits),
            ("rise_shift", rise_shift),
            ("output_shift", output_shift),
        ] {
            line(&format!("{name}.{field}"), 0, value.into());
        }
        for (index, piece) in table.pieces.iter().enumerate() {
            line(&format!("{name}.level"), index, piece.level.into());
            line(&format!("{name}.slope"), index, piece.slope.into());
            line(&format!("{name}.curve"), index, piece.curve.into());
        }
    }
    for (index, value) in quarter_of_a_sine().into_iter().enumerate() {
        line("sine", index, value.into());
    }
    text
}
