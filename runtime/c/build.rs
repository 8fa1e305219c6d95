//! Makes the sentences of `elbow_describe` of the table in `ERRORS.md`.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

/// Errors of the writer of images, which no device has.
const OF_HOSTS: std::ops::Range<u16> = 600..700;

fn main() {
    let table = Path::new("../ERRORS.md");
    println!("cargo::rerun-if-changed={}", table.display());
    let text = fs::read_to_string(table).expect("ERRORS.md is beside the runtime");
    let mut arms = String::from("match code {\n    0 => c\"no error\",\n");
    for row in text.lines().filter(|row| row.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (Ok(code), Some(meaning)) = (cells[1].parse::<u16>(), cells.get(3)) else {
            continue;
        };
        if !OF_HOSTS.contains(&code) {
            let meaning = meaning.replace('`', "");
            writeln!(arms, "    {code} => c{meaning:?},").expect("strings take any text");
        }
    }
    arms += "    _ => c\"no error has this code\",\n}\n";
    let out = env::var_os("OUT_DIR").expect("cargo says where");
    fs::write(Path::new(&out).join("meanings.rs"), arms).expect("the folder can be written to");
}
