//! Tests of files of every format as they become readings and labels.

use super::*;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with one file in it.
fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// The message for a file, less its folder.
fn message<T>(name: &str, bytes: &[u8], load: impl Fn(&Path) -> Result<T, DataError>) -> String {
    let (folder, path) = file(name, bytes);
    let text = load(&path).err().expect("the file is bad").to_string();
    text.replace(
        &format!("{}{}", folder.path().display(), std::path::MAIN_SEPARATOR),
        "",
    )
}

fn npy(shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    [
        b"\x93NUMPY\x01\x00",
        &[header.len() as u8, 0][..],
        header.as_bytes(),
        data,
    ]
    .concat()
}

#[test]
fn files_are_told_apart_by_their_contents() {
    for name in ["pump.npy", "pump.NPY", "pump", "pump.csv"] {
        let (_folder, path) = file(name, &npy("(1, 2)", &[3, 4]));
        let dataset = load(&path).unwrap();
        assert_eq!(
            (dataset.name.as_str(), dataset.table.row(0)),
            ("pump", &[3.0, 4.0][..])
        );
    }
    for name in ["pump.csv", "pump", "pump.txt"] {
        let (_folder, path) = file(name, b"flow,head\n3,4\n");
        let dataset = load(&path).unwrap();
        assert_eq!(dataset.columns.unwrap(), ["flow", "head"]);
        assert_eq!(
            (dataset.table.row(0), dataset.labels),
            (&[3.0, 4.0][..], None)
        );
    }
    let text_as_npy = message("pump.npy", b"3,4\n", |path| load(path));
    assert!(
        text_as_npy.starts_with("pump.npy: bad .npy header: the file does not begin with"),
        "{text_as_npy}"
    );
}

#[test]
fn a_missing_file_and_a_folder_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("pump.csv");
    assert_eq!(
        load(&missing).unwrap_err().to_string(),
        format!(
            "{}: no such file; check the path, or say `digits` for the digits that ship with the trainer",
            missing.display()
        )
    );
    let text = load(folder.path()).unwrap_err().to_string();
    assert!(text.contains("no file of recordings"), "{text}");
}

#[test]
fn an_empty_file_has_no_rows_in_either_format() {
    for name in ["pump.csv", "pump.npy"] {
        let expected =
            format!("{name}: holds no row of numbers; one row for each reading is expected");
        assert_eq!(message(name, b"", |path| load(path)), expected);
    }
}

#[test]
fn labels_come_from_either_format_as_numbers_or_text() {
    let note = |text: &str| Some(text.to_owned());
    let zero = note("0 is the label of normal rows (--normal)");
    for (name, bytes, expected) in [
        ("l.csv", b"0\n1\n9\n".to_vec(), &zero),
        ("l.csv", b"class\r\n0\r\n1\r\n9\r\n".to_vec(), &zero),
        (
            "l.txt",
            b"0.000000e+00\n1.000000e+00\n9.000000e+00\n".to_vec(),
            &zero,
        ),
        ("l.npy", npy("(3,)", &[0, 1, 9]), &zero),
        (
            "l.csv",
            b"state\nok\nfault\nworn\n".to_vec(),
            &note("ok is the label of normal rows (--normal)"),
        ),
    ] {
        let (_folder, path) = file(name, &bytes);
        let (anomalous, note) = load_labels(&path, 3, &[]).unwrap();
        assert_eq!(
            (anomalous, &note),
            (vec![false, true, true], expected),
            "{name}"
        );
    }
    let (_folder, path) = file("l.csv", b"1\n2\n1\n5\n1\n");
    let (anomalous, note) = load_labels(&path, 5, &[]).unwrap();
    assert_eq!(anomalous, [false, true, false, true, false]);
    assert!(note.unwrap().starts_with("1, the most frequent label"));
    let two = ["2".to_owned(), "5.0".to_owned()];
    let (anomalous, note) = load_labels(&path, 5, &two).unwrap();
    assert_eq!(
        (anomalous, note),
        (vec![true, false, true, false, true], None)
    );
}

#[test]
fn bad_labels_are_named() {
    let labels = |path: &Path| load_labels(path, 3, &[]);
    let count = |name| format!("{name}: holds 2 labels for 3 rows; give one label a row");
    assert_eq!(message("l.csv", b"0\n1\n", labels), count("l.csv"));
    assert_eq!(
        message("l.npy", &npy("(2,)", &[0, 1]), labels),
        count("l.npy")
    );
    assert_eq!(
        message("l.csv", b"0,1\n1,0\n1,1\n", labels),
        "l.csv: has 2 columns; labels are one column, of numbers or text"
    );
    assert_eq!(
        message("l.csv", b"class\n0\nnormal\n1\n", labels),
        "l: line 3, column 1 (class): \"normal\" is not a number; correct the cell, or leave it empty where the \
         value is missing"
    );
    assert_eq!(
        message("l.csv", b"0\nnan\n1\n", labels),
        "l: column 1 of row 2 is missing; give each row a label, or leave the row out"
    );
    let third = ["3".to_owned()];
    assert_eq!(
        message("l.csv", b"0\n2\n1\n", |path| load_labels(path, 3, &third)),
        "l: column 1 is nowhere 3, which --normal says; its labels are 0, 1, 2"
    );
}

/// `1,2\n3,4\n` as gzip packs it.
const PACKED: [u8; 28] = [
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0x33, 0xd4, 0x31, 0xe2, 0x32, 0xd6, 0x31, 0xe1, 2, 0, 0x47,
    0x93, 0x6c, 0xaf, 8, 0, 0, 0,
];

#[test]
fn packed_files_are_unpacked() {
    let (_folder, path) = file("pump.csv.gz", &PACKED);
    let table = load(&path).unwrap().table;
    assert_eq!(table.values(), [1.0, 2.0, 3.0, 4.0]);
    for cut in [2, 12, 20] {
        let text = message("pump.gz", &PACKED[..cut], |path| load(path));
        assert!(text.starts_with("pump.gz: cannot be unpacked: "), "{text}");
    }
}

#[test]
fn bytes_in_memory_are_read_as_a_file_that_holds_them() {
    for (name, bytes) in [
        ("pump.csv.gz", &PACKED[..]),
        ("pump.csv", b"flow;head\n1,5;2\n"),
        ("pump.npy", &npy("(1, 2)", &[3, 4])),
    ] {
        let (_folder, path) = file(name, bytes);
        let in_memory = frame_of_bytes(name, bytes).unwrap();
        assert_eq!(in_memory, frame(path).unwrap(), "{name}");
    }
    let error = frame_of_bytes("pump.npy", b"").unwrap_err().to_string();
    assert!(error.starts_with("pump.npy: holds no row"), "{error}");
}

#[test]
fn mnist_loads_as_it_comes() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/mnist");
    if !folder.exists() {
        eprintln!("skipped: needs the MNIST files in {}", folder.display());
        return;
    }
    let test = load(folder.join("t10k-images-idx3-ubyte.gz"))
        .unwrap()
        .table;
    assert_eq!((test.len(), test.width()), (10_000, 784));
    assert_eq!(range(&test), Some((0.0, 255.0)));
    let labels = folder.join("t10k-labels-idx1-ubyte.gz");
    let (anomalous, _) = load_labels(labels, 10_000, &[]).unwrap();
    // Labels 7, 2, 1, 0.
    assert_eq!(anomalous[..4], [true, true, true, false]);
}

#[test]
fn heart_beats_load_from_both_formats() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/ecg5000");
    if !folder.exists() {
        eprintln!("skipped: needs the ECG5000 files in {}", folder.display());
        return;
    }
    let text = load(folder.join("ECG5000_TRAIN.txt")).unwrap();
    assert_eq!(
        (text.table.len(), text.table.width(), text.columns),
        (500, 141, None)
    );
    assert_eq!(text.table.row(0)[..2], [1.0, -0.112_521_83]);
    let test = load(folder.join("test.npy")).unwrap();
    assert_eq!((test.table.len(), test.table.width()), (2665, 140));
    let labels = folder.join("test_labels.npy");
    let (anomalous, _) = load_labels(labels, 2665, &[]).unwrap();
    assert_eq!(anomalous.iter().filter(|&&is| is).count(), 2081);
}

/// The outcome of `interpret` for a file: its first error, or the number of rows with the notes.
fn outcome(name: &str, bytes: &[u8]) -> String {
    let (folder, path) = file(name, bytes);
    let interpreted = frame(&path).and_then(|frame| interpret(&frame, &Wanted::default(), false));
    let text = match interpreted {
        Ok(interpreted) => {
            let rows = interpreted.dataset.table.len();
            format!("{rows} rows: {}", interpreted.notes.join("; "))
        }
        Err(error) => error.to_string(),
    };
    let folder = format!("{}{}", folder.path().display(), std::path::MAIN_SEPARATOR);
    text.replace(&folder, "")
}

/// A WAV file of 16 bits whose data are `bytes` long.
fn wav(codec: u8, channels: u8, bytes: u8) -> Vec<u8> {
    let block = 2 * channels;
    let start = [
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0",
        &[codec, 0, channels, 0][..],
    ]
    .concat();
    // 32 samples a second.
    let rate = [32, 0, 0, 0, 32 * block, 0, 0, 0, block, 0, 16, 0];
    let length = [b"data", &[bytes, 0, 0, 0][..]].concat();
    let mut file = [&start[..], &rate, &length, &vec![1; bytes.into()]].concat();
    file[4] = file.len() as u8 - 8;
    file
}

/// Faults of text: what they are, the text, and the beginning of what is said.
const TEXT_FAULTS: [(&str, &str, &str); 5] = [
    (
        "ragged rows",
        "flow,head\n1,2\n3,4,5\n6,7\n",
        "a.csv: line 3 has 3 cells, line 1 has 2; give every line the same number",
    ),
    (
        "a truncated last line",
        "flow,head\n1,2\n3,4\n5",
        "a.csv: ends in line 4, which has 1 cells of 2; remove the line",
    ),
    (
        "mixed types",
        "flow,head\n1,2\n3,broken\n5,6\n",
        "a: line 3, column 2 (head): \"broken\" is not a number; correct the cell",
    ),
    (
        "two headers",
        "flow,head\n1,2\nflow,head\n3,4\n",
        "2 rows: line 3 repeats the header and is left out",
    ),
    (
        "names and units",
        "flow,head\nl/s,m\n1,2\n3,4\n",
        "2 rows: ",
    ),
];

#[test]
fn usual_faults_are_said_with_a_remedy() {
    let python = |text: &str| npy(text, &[1, 2]);
    let objects = |bytes: Vec<u8>| {
        let at = bytes.windows(3).position(|word| word == b"|u1").unwrap();
        [&bytes[..at], b"|O ", &bytes[at + 3..]].concat()
    };
    let check = |what, name: &str, bytes: &[u8], expected: &str| {
        let text = outcome(name, bytes);
        assert!(text.starts_with(expected), "{what}: {text}");
    };
    for (what, text, expected) in TEXT_FAULTS {
        check(what, "a.csv", text.as_bytes(), expected);
    }
    for (what, name, bytes, expected) in [
        (
            "unequal channels",
            "a.wav",
            wav(1, 2, 6),
            "a.wav: bad WAV file: invalid data chunk length; convert it",
        ),
        (
            "an unreadable codec",
            "a.wav",
            wav(2, 1, 4),
            "a.wav: bad WAV file: its codec is Microsoft's ADPCM",
        ),
        (
            "objects",
            "a.npy",
            objects(python("(1, 2)")),
            "a.npy: elements of type \"|O \" are not read; save a plain numeric array",
        ),
        (
            "one dimension",
            "a.npy",
            python("(2,)"),
            "a.npy: the array has shape (2,), readings need (rows, width)",
        ),
    ] {
        check(what, name, &bytes, expected);
    }
}

#[test]
fn no_bytes_panic() {
    // Beginnings of every format, with what no file has behind them.
    let beginnings: [&[u8]; 12] = [
        b"\x93NUMPY\x01\0",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"\0\0\x08\x02",
        b"RIFF\0\0\0\0WAVE",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"PAR1",
        b"ARROW1\0\0",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"a,b\n\"",
    ];
    for beginning in beginnings {
        for byte in [0, 1, 0x28, 0x2c, 0x7f, 0xff] {
            for length in [0, 1, 7, 40, 600] {
                outcome("a", &[beginning, &vec![byte; length]].concat());
            }
        }
    }
}
