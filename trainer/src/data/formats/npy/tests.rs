use super::*;

/// A file with this header, padded and written as NumPy does in version 1.0.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let padding = 63 - (10 + header.len()) % 64;
    let header = format!("{header}{}\n", " ".repeat(padding));
    let length = u16::try_from(header.len()).unwrap();
    [
        b"\x93NUMPY\x01\x00",
        &length.to_le_bytes()[..],
        header.as_bytes(),
        data,
    ]
    .concat()
}

fn array(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    file(
        &format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"),
        data,
    )
}

fn grid(bytes: &[u8]) -> Grid {
    read(bytes, Purpose::Readings).unwrap()
}

fn message(bytes: &[u8]) -> String {
    read(bytes, Purpose::Readings).unwrap_err().to_string()
}

fn bytes_of<const N: usize, const M: usize>(values: [[u8; N]; M]) -> Vec<u8> {
    values.concat()
}

#[test]
fn every_type_is_read_in_both_byte_orders() {
    /// Numbers of a type with more than a byte: its name, the numbers, and their bytes in both orders.
    macro_rules! both_orders {
        ($name:literal, $numbers:expr, $kind:ident) => {{
            let numbers: [$kind; 4] = $numbers;
            let expected = numbers.map(|number| number as f32);
            let big = bytes_of(numbers.map($kind::to_be_bytes));
            let little = bytes_of(numbers.map($kind::to_le_bytes));
            [
                (concat!(">", $name), big, expected),
                (concat!("<", $name), little, expected),
            ]
        }};
    }
    let cases = [
        both_orders!("u2", [0, 1, 200, 3], u16),
        both_orders!("i2", [0, 1, -100, 3], i16),
        both_orders!("u4", [0, 1, 200, 3], u32),
        both_orders!("i4", [0, 1, -100, 3], i32),
        both_orders!("u8", [0, 1, 200, 3], u64),
        both_orders!("i8", [0, 1, -100, 3], i64),
        both_orders!("f4", [0.0, 1.5, -2.25, 1.0e10], f32),
        both_orders!("f8", [0.0, 1.5, -2.25, 1.0e10], f64),
    ];
    let bytes = [
        ("|u1", vec![0, 1, 200, 3], [0.0, 1.0, 200.0, 3.0]),
        ("|b1", vec![0, 1, 1, 0], [0.0, 1.0, 1.0, 0.0]),
        ("|i1", vec![0, 1, 0x9c, 3], [0.0, 1.0, -100.0, 3.0]),
    ];
    for (descr, data, expected) in cases.into_iter().flatten().chain(bytes) {
        let grid = grid(&array(descr, "(2, 2)", &data));
        assert_eq!(
            (grid.width, &grid.values[..]),
            (2, &expected[..]),
            "{descr}"
        );
    }
}

#[test]
fn a_file_that_numpy_wrote_is_read() {
    // numpy.save of numpy.arange(6, dtype='<i2').reshape(2, 3), byte for byte.
    let mut bytes =
        b"\x93NUMPY\x01\x00v\x00{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }"
            .to_vec();
    bytes.extend([b' '; 58]);
    bytes.extend(b"\n\0\0\x01\0\x02\0\x03\0\x04\0\x05\0");
    assert_eq!(bytes.len(), 128 + 12);
    let grid = grid(&bytes);
    assert_eq!(
        (grid.width, grid.values),
        (3, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    );
}

#[test]
fn images_become_rows_in_either_order() {
    // Element (n, h, w) of shape (2, 3, 4) holds 100 n + 10 h + w.
    let mut c_order = Vec::new();
    let mut fortran_order = Vec::new();
    for n in 0..2u8 {
        for h in 0..3u8 {
            c_order.extend((0..4u8).map(|w| 100 * n + 10 * h + w));
        }
    }
    for w in 0..4u8 {
        for h in 0..3u8 {
            fortran_order.extend((0..2u8).map(|n| 100 * n + 10 * h + w));
        }
    }
    let row = [
        0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0, 20.0, 21.0, 22.0, 23.0,
    ];
    let expected = [row, row.map(|value| value + 100.0)].concat();
    let from_c = grid(&array("|u1", "(2, 3, 4)", &c_order));
    assert_eq!((from_c.width, &from_c.values), (12, &expected));
    let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }";
    let from_fortran = grid(&file(header, &fortran_order));
    assert_eq!((from_fortran.width, &from_fortran.values), (12, &expected));
}

#[test]
fn a_fortran_table_is_transposed() {
    let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }";
    assert_eq!(
        grid(&file(header, &[1, 4, 2, 5, 3, 6])).values,
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    );
}

#[test]
fn later_versions_and_other_writers_are_read() {
    for header in [
        "{'shape': (1L, 2L), 'fortran_order': False, 'descr': '|u1'}",
        "{\"descr\":\"|u1\",\"fortran_order\":False,\"shape\":(1,2)}",
    ] {
        for version in [2, 3] {
            let length = u32::try_from(header.len()).unwrap();
            let bytes = [
                MAGIC,
                &[version, 0],
                &length.to_le_bytes(),
                header.as_bytes(),
                &[7, 8],
            ]
            .concat();
            assert_eq!(grid(&bytes).values, [7.0, 8.0], "{header}");
        }
    }
}

#[test]
fn labels_are_one_column_of_whole_numbers() {
    let labels = |bytes: &[u8]| read(bytes, Purpose::Labels).map_err(|e| e.to_string());
    assert_eq!(
        labels(&array("|u1", "(3,)", &[0, 9, 1])).unwrap().values,
        [0.0, 9.0, 1.0]
    );
    assert_eq!(
        labels(&array("|u1", "(3, 1)", &[0, 9, 1])).unwrap().values,
        [0.0, 9.0, 1.0]
    );
    assert_eq!(
        labels(&array("|u1", "(1, 3)", &[0, 9, 1])).unwrap_err(),
        "the array has shape (1, 3), labels need (rows,); use array.reshape(-1) on one label a row"
    );
}

#[test]
fn shapes_that_are_no_readings_are_named() {
    let wanted =
        "readings need (rows, width) or (rows, height, width); use array.reshape(rows, -1)";
    for shape in ["()", "(4,)", "(1, 2, 2, 1)"] {
        assert_eq!(
            message(&array("|u1", shape, &[0; 4])),
            format!("the array has shape {shape}, {wanted}")
        );
    }
    for shape in ["(4, 0)", "(4, 0, 2)"] {
        assert_eq!(
            message(&array("|u1", shape, &[])),
            format!(
                "the array has shape {shape}, so its rows hold no values; a reading needs a width of at least 1"
            )
        );
    }
    assert_eq!(
        message(&array("|u1", "(1, 2, 40000)", &[0; 80_000])),
        "has 80000 columns, at most 65536 are read; give each reading a row of its own, with fewer values"
    );
    let no_rows = "holds no row of numbers; one row for each reading is expected";
    assert_eq!(message(&array("|u1", "(0, 4)", &[])), no_rows);
    assert_eq!(message(b""), no_rows);
}

#[test]
fn types_that_are_no_numbers_are_named() {
    for descr in ["<f2", "<c8", "<U5", "|O", "|f4", "<M8[ns]", "f4", ""] {
        assert_eq!(
            message(&array(descr, "(1, 2)", &[0; 16])),
            format!(
                "elements of type {descr:?} are not read; save a plain numeric array, \
                 for instance array.astype(numpy.float32)"
            )
        );
    }
    let structured = file(
        "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,), }",
        &[0; 8],
    );
    assert!(message(&structured).starts_with("elements of type \"[('x', '<f4')]"));
}

#[test]
fn lengths_that_disagree_are_both_named() {
    assert_eq!(
        message(&array("<f4", "(2, 3)", &[0; 20])),
        "is truncated: 20 bytes follow the header, which promises 24; copy or save it again"
    );
    assert_eq!(
        message(&array("<f4", "(2, 3)", &[0; 28])),
        "goes on after its array: 28 bytes follow the header, which promises 24; save one array a file"
    );
    let huge = "(18446744073709551615, 18446744073709551615, 18446744073709551615)";
    assert!(message(&array("<f8", huge, &[0; 8])).contains("is truncated: 8 bytes follow"));
}

#[test]
fn a_bad_header_says_what_is_bad() {
    for (bytes, reason) in [
        (b"1,2\n".to_vec(), "the file does not begin with \\x93NUMPY"),
        (MAGIC.to_vec(), "the file ends inside it"),
        (b"\x93NUMPY\x01\x00\x76".to_vec(), "the file ends inside it"),
        (
            b"\x93NUMPY\x07\x01\x00\x00".to_vec(),
            "version 7.1 is unknown",
        ),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}".to_vec(),
            "the file ends inside it (2 bytes of 4294967295)",
        ),
        (file("{}", &[]), "it lacks the key descr"),
        (
            file("{'descr': '<f4'}", &[]),
            "it lacks the key fortran_order",
        ),
        (
            file("{'descr': '<f4', 'fortran_order': 1}", &[]),
            "fortran_order is neither True nor False",
        ),
        (
            file("{'descr': '<f4', 'fortran_order': True}", &[]),
            "it lacks the key shape",
        ),
        (
            file(
                "{'descr': '<f4', 'fortran_order': True, 'shape': (2, -3)}",
                &[],
            ),
            "shape is not a tuple of lengths",
        ),
        (
            file(
                "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3",
                &[],
            ),
            "shape is not a tuple of lengths",
        ),
    ] {
        assert_eq!(
            message(&bytes),
            format!("bad .npy header: {reason}; save the array again with numpy.save")
        );
    }
}

#[test]
fn values_that_cannot_be_readings_are_placed() {
    let real = |values: [f64; 4]| array("<f8", "(2, 2)", &bytes_of(values.map(f64::to_le_bytes)));
    let labels = array(
        "<f8",
        "(2, 1)",
        &bytes_of([0.0, f64::NAN].map(f64::to_le_bytes)),
    );
    assert_eq!(
        read(&labels, Purpose::Labels).unwrap_err().to_string(),
        "row 2, column 1: \"NaN\" is not finite; remove the row or impute the value"
    );
    let gap = real([0.0, 1.0, 2.0, f64::NAN]);
    assert!(grid(&gap).values[3].is_nan());
    assert_eq!(
        message(&real([0.0, f64::NEG_INFINITY, 2.0, 3.0])),
        "row 1, column 2: \"-inf\" is not finite; remove the row or impute the value"
    );
    assert!(message(&real([0.0, 1.0, 1.0e300, 3.0])).contains("row 2, column 1"));
    assert!(
        message(&real([0.0, 1.0, 1.0e300, 3.0])).contains("does not fit 32-bit floating point")
    );
}

#[test]
fn no_prefix_and_no_changed_byte_of_a_file_panics() {
    let good = array("<f4", "(2, 3)", &[0; 24]);
    for end in 0..good.len() {
        assert!(read(&good[..end], Purpose::Readings).is_err(), "{end}");
    }
    for index in 0..good.len() {
        for value in [0, b'(', b')', b'\'', b'9', 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[index] = value;
            let _ = read(&bytes, Purpose::Readings);
        }
    }
}
