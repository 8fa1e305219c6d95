//! Whole files of every format, small ones, which damage starts from.

use crate::images;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Tables as loggers and people write them.
pub const TEXTS: [&str; 14] = [
    "flow,head,state\n1.5,20,on\n2.5,21,off\n3.25,19,on\n,22,off\n5,-999,on\n",
    "flow head\n1 2\n3 4\n5 6\n7 8\n",
    "1\t2.5\t-3\r\n4\t5\t6e1\r\n",
    "Logger 3\r\nZeit;Zustand;Flu\u{df};Druck;\r\n;;l/s;Pa;\r\n01.03.2026 06:00;AUS;1,5;101.325,5;\r\n\
     01.03.2026 06:10;EIN;;101.326,0;\r\nZeit;Zustand;Flu\u{df};Druck;\r\n01.03.2026 06:20;EIN;2,5;-;\r\n",
    "time,label,x\n2026-03-01 12:00:00,0,0.5\n2026-03-01 12:00:01,0,0.25\n2026-03-01 12:00:02,1,9\n",
    "03/31/2026 11:59 PM|1\n04/01/2026 12:01 AM|2\n04/02/2026 12:01 AM|3\n",
    "2026-03-01T12:00:00Z,1\n2026-03-01T13:00:00.5+01:00,2\n",
    "06.00.00;1,5\n06.00.01;2,5\n06.00.02;1.234,5\n",
    "id,\"head, m\",class\n1,0.1,a\n2,0.2,b\n3,0.3,a\n4,0.4,b\n5,0.5,a\n6,0.6,b\n7,0.7,a\n8,0.8,b\n9,0.9,a\n",
    "1,0.5,1.5\n1,0.25,1.25\n2,0.125,9.5\n1,0.5,1.75\n2,0.5,8.5\n1,0.5,1.5\n1,0.75,1.5\n2,0.5,8.25\n",
    "101325.1\n101325.2\n101325.3\n101325.2\n-9999\n101325.1\n-9999\n101325.3\n",
    "# time, flow\n\n1,2.5,-3\n   \n# end\n4,\"5\",6e1\n#",
    "1'234.5 97.5%\n2'345.5 12.25%\n",
    "\u{feff}a;b\n1,5;2\n3,5;4\n",
];

/// The whole files of every format.
#[derive(Debug)]
pub struct Seeds {
    /// Models for devices.
    pub images: Vec<Vec<u8>>,
    /// Tables of text.
    pub text: Vec<Vec<u8>>,
    /// The same in UTF-16.
    pub utf16: Vec<Vec<u8>>,
    /// Arrays of NumPy.
    pub npy: Vec<Vec<u8>>,
    /// Archives of these.
    pub npz: Vec<Vec<u8>>,
    /// Variables of MATLAB: the byte order, and the element.
    pub variables: Vec<(Order, Vec<u8>)>,
    /// Files of these.
    pub mat: Vec<Vec<u8>>,
    /// Sound.
    pub wav: Vec<Vec<u8>>,
    /// Images of bytes.
    pub idx: Vec<Vec<u8>>,
    /// Files that gzip packed.
    pub gz: Vec<Vec<u8>>,
    /// Files that Zstandard packed.
    pub zst: Vec<Vec<u8>>,
}

impl Default for Seeds {
    fn default() -> Self {
        let text: Vec<Vec<u8>> = TEXTS.map(|text| text.as_bytes().to_vec()).to_vec();
        let npy = arrays();
        let variables = variables();
        let mat = variables.iter().flat_map(|(order, variable)| {
            let both = [variable.clone(), variable.clone()].concat();
            [
                mat(*order, variable),
                mat(*order, &both),
                mat(*order, &compressed(*order, variable)),
            ]
        });
        Self {
            images: images::images(),
            utf16: TEXTS
                .iter()
                .enumerate()
                .map(|(at, text)| utf16(text, at % 2 == 0))
                .collect(),
            npz: vec![
                npz(&[("X.npy", &npy[0]), ("y.npy", &npy[4])]),
                npz(&[("a.npy", &npy[1])]),
                npz(&[("xl/workbook.xml", b"<a/>")]),
            ],
            gz: text.iter().chain(&npy).map(|file| gzip(file)).collect(),
            zst: zstandard_files(&text, &npy),
            mat: mat.collect(),
            wav: sounds(),
            idx: vec![
                [
                    &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3][..],
                    &[7; 12],
                ]
                .concat(),
                [&[0, 0, 8, 1, 0, 0, 0, 9][..], &[0, 1, 0, 1, 0, 1, 0, 1, 2]].concat(),
            ],
            text,
            npy,
            variables,
        }
    }
}

/// `text` in UTF-16 with its mark.
#[must_use]
pub fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    let bytes = |unit: u16| {
        if big_endian {
            unit.to_be_bytes()
        } else {
            unit.to_le_bytes()
        }
    };
    units.flat_map(bytes).collect()
}

/// An array of NumPy whose header says this.
#[must_use]
pub fn array(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header =
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn arrays() -> Vec<Vec<u8>> {
    let reals: Vec<u8> = [0.5f32, -1.5, 2.25, f32::NAN, 1e30, 7.0]
        .map(f32::to_le_bytes)
        .concat();
    let wide: Vec<u8> = [1e-300f64, 2.5, -3.5, 1e39].map(f64::to_be_bytes).concat();
    let mut later = array(
        "<i2",
        "False",
        "(2, 3)",
        &[1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0],
    );
    later[6] = 2;
    later.splice(10..10, [0, 0]);
    vec![
        array("<f4", "False", "(3, 2)", &reals),
        array(">f8", "True", "(2, 2)", &wide),
        array("|u1", "False", "(2, 2, 3)", &[9; 12]),
        later,
        array("|b1", "False", "(3,)", &[0, 1, 0]),
    ]
}

/// An archive with these files, every other one deflated.
#[must_use]
pub fn npz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    let mut writer = ZipWriter::new(&mut bytes);
    for (at, (name, contents)) in files.iter().enumerate() {
        let method = [CompressionMethod::Stored, CompressionMethod::Deflated][at % 2];
        let options = SimpleFileOptions::default().compression_method(method);
        // Two files of one name are refused by the writer: then the archive has the first.
        if writer.start_file(*name, options).is_ok() {
            writer
                .write_all(contents)
                .expect("memory takes what is written");
        }
    }
    writer.finish().expect("memory takes what is written");
    bytes.into_inner()
}

/// The order of bytes in a file of MATLAB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The least byte first.
    Little,
    /// The least byte last.
    Big,
}

impl Order {
    fn bytes(self, word: u32) -> [u8; 4] {
        match self {
            Self::Little => word.to_le_bytes(),
            Self::Big => word.to_be_bytes(),
        }
    }

    /// An element of this type.
    fn element(self, kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [self.bytes(kind), self.bytes(data.len() as u32)].concat();
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }
}

/// A variable called X of this class and shape, with its numbers and their type.
#[must_use]
pub fn variable(order: Order, class: u32, shape: [u32; 2], (kind, data): (u32, &[u8])) -> Vec<u8> {
    let flags = [order.bytes(class), [0; 4]].concat();
    let lengths = shape.map(|length| order.bytes(length)).concat();
    // A small element: its length beside its type.
    let name = [order.bytes(1 << 16 | 1), *b"X\0\0\0"].concat();
    let parts = [
        order.element(6, &flags),
        order.element(5, &lengths),
        name,
        order.element(kind, data),
    ];
    order.element(14, &parts.concat())
}

fn variables() -> Vec<(Order, Vec<u8>)> {
    let variable = |order, class, shape, data| (order, variable(order, class, shape, data));
    let doubles = [1.0, 3.0, -5.0, 2.5, 4.0, f64::NAN];
    vec![
        variable(
            Order::Little,
            6,
            [3, 2],
            (9, &doubles.map(f64::to_le_bytes).concat()),
        ),
        variable(Order::Little, 9, [1, 4], (2, &[0, 1, 0, 1])),
        variable(Order::Big, 6, [2, 2], (3, &[0, 2, 0xff, 0xfd, 0, 4, 0, 5])),
        variable(
            Order::Big,
            7,
            [2, 1],
            (7, &[2f32, -3.0].map(f32::to_be_bytes).concat()),
        ),
        variable(Order::Little, 1, [1, 1], (9, &[])),
    ]
}

/// A file of MATLAB with these elements.
#[must_use]
pub fn mat(order: Order, elements: &[u8]) -> Vec<u8> {
    let mut bytes = b"MATLAB 5.0 MAT-file".to_vec();
    bytes.resize(124, b' ');
    bytes.extend(match order {
        Order::Little => b"\0\x01IM",
        Order::Big => b"\x01\0MI",
    });
    bytes.extend(elements);
    bytes
}

/// An element that is `variable` by zlib.
#[must_use]
pub fn compressed(order: Order, variable: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(vec![], Compression::fast());
    encoder
        .write_all(variable)
        .expect("memory takes what is written");
    let packed = encoder.finish().expect("memory takes what is written");
    [
        &order.bytes(15)[..],
        &order.bytes(packed.len() as u32),
        &packed,
    ]
    .concat()
}

/// Sound of this codec.
#[must_use]
pub fn sound(codec: u16, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
    bytes.extend(codec.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(16_000u32.to_le_bytes());
    bytes.extend((16_000 * u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(b"LIST\x04\0\0\0INFOdata");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    let length = bytes.len() as u32 - 8;
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes
}

fn sounds() -> Vec<Vec<u8>> {
    let mut extensible = sound(0xfffe, 2, 24, &[1; 24]);
    extensible[16] = 40;
    let guid = b"\x16\0\x18\0\x03\0\0\0\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
    extensible.splice(36..36, *guid);
    vec![
        sound(1, 1, 8, &[128, 0, 255, 7, 9, 1]),
        sound(1, 2, 16, &[1; 16]),
        sound(1, 3, 24, &[2; 27]),
        sound(
            3,
            2,
            32,
            &[0.5f32, -0.5, f32::NAN, 1e30]
                .map(f32::to_le_bytes)
                .concat(),
        ),
        extensible,
    ]
}

/// `file` by gzip.
#[must_use]
pub fn gzip(file: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder
        .write_all(file)
        .expect("memory takes what is written");
    encoder.finish().expect("memory takes what is written")
}

/// `file` by Zstandard.
#[must_use]
pub fn zstandard(file: &[u8]) -> Vec<u8> {
    compress_to_vec(file, CompressionLevel::Fastest)
}

fn zstandard_files(text: &[Vec<u8>], npy: &[Vec<u8>]) -> Vec<Vec<u8>> {
    // A frame that is skipped; `printf '1,2\n3,4\n' | zstd` with its checksum; and eight times the digit 1 (RFC 8878).
    let skipped = [0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
    let checked = [
        &[0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x41, 0, 0][..],
        b"1,2\n3,4\n",
        &[0xe, 0x73, 0xba, 0x36],
    ]
    .concat();
    let repeated = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 8, 0x43, 0, 0, b'1'];
    let long = zstandard(&text[0].repeat(40));
    let mut files = vec![
        [&skipped[..], &checked].concat(),
        checked,
        repeated.to_vec(),
        long,
    ];
    files.extend(text.iter().chain(npy).map(|file| zstandard(file)));
    files
}
