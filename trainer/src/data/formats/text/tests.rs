use super::*;
use crate::data::frame::Cells;

fn frame(bytes: &[u8]) -> Frame {
    read(Contents::of("pump.csv", None, bytes)).unwrap()
}

fn message(bytes: &[u8]) -> String {
    read(Contents::of("pump.csv", None, bytes))
        .unwrap_err()
        .to_string()
}

fn numbers(frame: &Frame, column: usize) -> &[f64] {
    match &frame.columns[column].cells {
        Cells::Numbers(numbers) | Cells::Times(numbers) => numbers,
        Cells::Text { .. } => panic!("column {column} is text"),
    }
}

#[test]
fn every_delimiter_gives_the_same_rows() {
    for text in [
        "1,2.5,-3\n4,5,6e1\n",
        "1;2.5;-3\n4;5;6e1",
        "1;2,5;-3\n4;5;60",
        "1|2.5|-3\n4|5|6e1",
        "1\t2.5\t-3\r\n4\t5\t6e1\r\n",
        "  1   2.5\u{a0}-3  \n\n 4 5    6e1\n",
        "\u{feff}1, 2.5, -3\n4, 5, 6e1\n",
        "1,2.5,-3\r4,5,6e1\r",
        "# time, flow\n\n1,2.5,-3\n   \n# end\n4,\"5\",6e1\n#",
        "1,2.5,-3,,\n4,5,6e1,,\n",
    ] {
        let frame = frame(text.as_bytes());
        let columns: Vec<&[f64]> = (0..3).map(|column| numbers(&frame, column)).collect();
        assert_eq!(columns, [[1.0, 4.0], [2.5, 5.0], [-3.0, 60.0]], "{text:?}");
        assert_eq!((frame.columns.len(), frame.names()), (3, None), "{text:?}");
    }
}

#[test]
fn a_first_line_without_values_is_a_header() {
    for (text, names) in [
        ("flow,\"head, m\"\n1,2\n", ["flow", "head, m"]),
        ("flow;head\n1;2\n", ["flow", "head"]),
        ("flow head\n1 2\n3 4\n5 6\n7 8\n", ["flow", "head"]),
        (",head\n1,2\n", ["", "head"]),
    ] {
        let frame = frame(text.as_bytes());
        assert_eq!(frame.names().unwrap(), names, "{text:?}");
        assert_eq!(numbers(&frame, 1)[0], 2.0, "{text:?}");
    }
}

#[test]
fn names_and_states_stay_on_one_line() {
    let frame = frame(b"\"flow,\nraw\",state\n1,\"a\r\nb\"\nx,c\n2,c\n");
    assert_eq!(frame.names().unwrap(), ["flow, raw", "state"]);
    let Cells::Text { values, .. } = &frame.columns[1].cells else {
        panic!("{frame:?}");
    };
    assert_eq!(values[..], ["a  b", "c"]);
    let fault = frame.columns[0].fault.as_deref().unwrap();
    assert!(
        fault.starts_with("line 5, column 1 (flow, raw): \"x\""),
        "{fault}"
    );
}

#[test]
fn a_log_as_people_have_it() {
    let text = "\u{feff}Logger 3\r\nZeit;Zustand;Fluß;Druck;\r\n;;l/s;Pa;\r\n\
        01.03.2026 06:00;AUS;1,5;101.325,5;\r\n01.03.2026 06:10;EIN;;101.326,0;\r\n\
        Zeit;Zustand;Fluß;Druck;\r\n01.03.2026 06:20;EIN;2,5;-;\r\n";
    let frame = frame(text.as_bytes());
    assert_eq!(frame.names().unwrap(), ["Zeit", "Zustand", "Fluß", "Druck"]);
    let units: Vec<_> = frame
        .columns
        .iter()
        .map(|column| column.unit.as_deref())
        .collect();
    assert_eq!(units, [None, None, Some("l/s"), Some("Pa")]);
    let times = numbers(&frame, 0);
    assert_eq!((times[1] - times[0], times[2] - times[1]), (600.0, 600.0));
    let states = Cells::Text {
        values: vec!["AUS".into(), "EIN".into()],
        codes: vec![Some(0), Some(1), Some(1)],
    };
    assert_eq!(frame.columns[1].cells, states);
    assert!(numbers(&frame, 2)[1].is_nan() && numbers(&frame, 3)[2].is_nan());
    assert_eq!(
        (numbers(&frame, 2)[2], numbers(&frame, 3)[0]),
        (2.5, 101_325.5)
    );
    assert_eq!(
        frame.notes,
        [
            "1 line before the table is left out",
            "line 6 repeats the header and is left out"
        ]
    );
}

#[test]
fn a_cell_unlike_the_others_is_kept_as_a_fault_of_its_column() {
    let frame = frame(b"flow,head\n1,2\n2,3\n\n3,abc\n4,1e400\n");
    assert_eq!(frame.columns[0].fault, None);
    assert_eq!(
        frame.columns[1].fault.as_deref().unwrap(),
        "line 5, column 2 (head): \"abc\" is not a number; correct the cell, or leave it empty where the value is missing"
    );
    assert!(numbers(&frame, 1)[2].is_nan());
}

#[test]
fn ragged_and_truncated_files_are_told_apart() {
    let expected = "line 5 has 2 cells, line 2 has 3; \
                    give every line the same number of cells, with one delimiter throughout";
    assert_eq!(message(b"# c\na,b,c\n1,2,3\n\n4,5\n1,2,3\n"), expected);
    assert_eq!(
        message(b"a,b,c\n1,2,3\n4,5"),
        "ends in line 3, which has 2 cells of 3; remove the line, or copy the file again"
    );
    assert!(message(b"a,b\n1,2\n1,2\n4,5,6\n1,2\n").contains("line 4 has 3 cells, line 1 has 2"));
}

#[test]
fn a_table_that_is_too_wide_is_refused_before_it_is_taken_apart() {
    for cell in ["1,", "1;", "1 ", "\"\n\","] {
        let text = cell.repeat(70_000) + "1\n";
        let expected = "has 70001 columns, at most 65536 are read";
        let found = message(text.as_bytes());
        assert!(found.starts_with(expected), "{cell:?}: {found}");
    }
    let words = "1 2\n3 4\n".to_owned() + &"a ".repeat(70_000);
    assert!(message(words.as_bytes()).contains("has 70000 columns"));
    assert_eq!(frame("1,".repeat(60_000).as_bytes()).columns.len(), 60_000);
}

#[test]
fn a_file_without_rows_says_so() {
    for text in [
        "",
        "\n\n",
        "# only a comment\n",
        "\u{feff}",
        "\"",
        "   \n  ",
    ] {
        assert_eq!(
            message(text.as_bytes()),
            "holds no row of numbers; one row for each reading is expected",
            "{text:?}"
        );
    }
}

#[test]
fn other_formats_are_named() {
    assert_eq!(
        message(b"\x7fELF\0"),
        "looks like binary data, none of text, Parquet, Arrow, .mat, .npz, WAV, IDX, .npy; save it as CSV or with numpy.save"
    );
}

#[test]
fn units_in_brackets_are_no_part_of_a_name() {
    for (name, own, unit) in [
        ("Druck [Pa]", "Druck", Some("Pa")),
        ("v  [m/s] ", "v", Some("m/s")),
        ("x [0]", "x [0]", None),
        ("x[Pa]", "x[Pa]", None),
        ("[Pa]", "[Pa]", None),
        ("flow []", "flow []", None),
    ] {
        let found = without_unit(name.to_owned());
        assert_eq!(found, (own.to_owned(), unit.map(str::to_owned)), "{name}");
    }
}
