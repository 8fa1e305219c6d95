//! What a sensor might deliver: images of 8x8 counts from 0 (paper) to 16 (ink).
//!
//! The digits are from Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
//! E. Alpaydin and C. Kaynak, 1998, licensed CC BY 4.0 (<https://doi.org/10.24432/C50P49>), from
//! the part that the trainer holds out for tests.

/// Counts of a reading.
pub const PIXELS: usize = 64;

/// One reading and what a person sees in it.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// What a person sees.
    pub name: &'static str,
    /// Row by row.
    pub counts: [i16; PIXELS],
}

/// Four digits of kinds that the default model has learned, one of the kind that it never saw, and
/// nothing that anybody wrote.
#[rustfmt::skip]
pub static READINGS: [Reading; 6] = [
    Reading {
        name: "a six",
        counts: [
             0,  0,  0, 10, 11,  0,  0,  0,
             0,  0,  3, 16, 10,  0,  0,  0,
             0,  0,  8, 16,  0,  0,  0,  0,
             0,  0, 12, 14,  0,  0,  0,  0,
             0,  0, 14, 16, 15,  6,  0,  0,
             0,  0, 12, 16, 12, 15,  6,  0,
             0,  0,  7, 16, 10, 13, 14,  0,
             0,  0,  0,  9, 13, 11,  6,  0,
        ],
    },
    Reading {
        name: "a one",
        counts: [
             0,  0,  0,  1, 11,  9,  0,  0,
             0,  0,  0,  7, 16, 13,  0,  0,
             0,  0,  4, 14, 16,  9,  0,  0,
             0, 10, 16, 11, 16,  8,  0,  0,
             0,  0,  0,  3, 16,  6,  0,  0,
             0,  0,  0,  3, 16,  8,  0,  0,
             0,  0,  0,  5, 16, 10,  0,  0,
             0,  0,  0,  2, 14,  6,  0,  0,
        ],
    },
    Reading {
        name: "a seven",
        counts: [
             0,  0,  3, 12, 16, 10,  0,  0,
             0,  2, 14, 12, 12, 12,  0,  0,
             0,  5, 10,  0, 10, 11,  0,  0,
             0,  0,  0,  1, 14,  9,  2,  0,
             0,  0,  8, 16, 16, 16, 10,  0,
             0,  0,  6, 16, 13,  7,  0,  0,
             0,  0,  0, 16,  5,  0,  0,  0,
             0,  0,  5, 13,  0,  0,  0,  0,
        ],
    },
    Reading {
        name: "a three",
        counts: [
             0,  0, 13, 16, 15,  4,  0,  0,
             0,  0,  9,  8, 13, 16,  3,  0,
             0,  0,  0,  0, 13, 16,  7,  0,
             0,  0,  0,  1, 16, 12,  0,  0,
             0,  0,  0,  0, 15, 10,  0,  0,
             0,  0,  0,  0,  8, 15,  0,  0,
             0,  0,  3,  6, 15, 16,  7,  0,
             0,  0, 15, 16, 16, 11,  1,  0,
        ],
    },
    Reading {
        name: "a four, never seen in training",
        counts: [
             0,  0,  0,  0, 11,  5,  0,  0,
             0,  0,  0,  8, 16,  2,  0,  0,
             0,  0,  4, 15, 16,  3,  0,  0,
             0,  0, 12,  6, 16,  3,  0,  0,
             0,  5, 15,  0, 15,  5,  3,  0,
             0,  6, 16, 16, 16, 11,  4,  0,
             0,  0,  0,  0, 14,  0,  0,  0,
             0,  0,  0,  0, 12,  2,  0,  0,
        ],
    },
    Reading {
        name: "a checkerboard",
        counts: [
             0, 16,  0, 16,  0, 16,  0, 16,
            16,  0, 16,  0, 16,  0, 16,  0,
             0, 16,  0, 16,  0, 16,  0, 16,
            16,  0, 16,  0, 16,  0, 16,  0,
             0, 16,  0, 16,  0, 16,  0, 16,
            16,  0, 16,  0, 16,  0, 16,  0,
             0, 16,  0, 16,  0, 16,  0, 16,
            16,  0, 16,  0, 16,  0, 16,  0,
        ],
    },
];
