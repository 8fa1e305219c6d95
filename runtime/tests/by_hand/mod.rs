//! The image of `golden.rs`, small enough to be written by hand.

#[rustfmt::skip]
pub(crate) const IMAGE: [u8; 208] = [
    b'E', b'L', b'B', b'W',
    8, 0, // format version
    2, 0, // numerics version
    208, 0, 0, 0, // length
    0xde, 0xab, 0x3a, 0x17, // CRC-32 of all other bytes
    68, 0, 0, 0, // length of the header
    // Header, from byte 20.
    1, b'g', // name
    0, // no text on columns
    2, // inputs
    0, // conditions
    127, // ceiling of inputs
    2, // picture width
    1, // latents
    12, // latent fraction bits
    0, // Gaussian posterior
    0xff, 0xff, 0x1f, // lowest log-variance: zigzag of -4 * 2^16 is 2^19 - 1
    0, // highest log-variance
    0, // no stream
    0, // standard prior
    0, 1, // binomial, one trial
    0, // weights row after row
    1, 0, 2, 0, 1, // one layer of the encoder: dense, two rows, eight-bit weights, wide
    1, 0, 2, 0, 1, // one layer of the decoder, the same
    1, 0, 0, // one statistic, the bound, without a curve
    1, 1, 1, 0, // one calibration table: sigma points, one knot, no tail
    0xff, 0xff, 0x07, // mean of its scores: zigzag of -2^16 is 2^17 - 1
    0, // their standard deviation
    0x80, 0x80, 0x08, // noise: mean excess 1.0, zigzag 2^17
    0x80, 0x80, 0x04, // mean deviation 0.5
    0x80, 0x80, 0x10, // pair deviation 2.0
    4, // expected scores
    0, 0x85, 0x88, 0x0c, // posterior mean: -98819, zigzag 197637 = 5 + 8 * 2^7 + 12 * 2^14
    1, 0x9b, 0xb3, 0x0c, // sigma points: -101582
    2, 3, 0xad, 0xf9, 0x0d, // three Monte Carlo samples: -114263
    3, 3, 0xb5, 0xb0, 0x04, // three importance weights: -35867

    0, 0, 0, 0, 0, 0, 0, 0, // centres 0 and 0
    0, 0, 0, 0, 0, 0, 0, 0, // exponents 0 and 0
    64, 0, 0, 0, 64, 0, 0, 0, // gains 64 and 64
    0, 0x80, 0xff, 0xff, 0, 0xc0, 0xff, 0xff, // typical terms -1/2 and -1/4 nat
    0, 0, 0, 0, 0, 0, 0, 0, // ln C(1, 0) and ln C(1, 1)
    0, 0, 0, 0, 0, 2, 0, 0, // mean: bias 0, multiplier 512
    0x40, 0xff, 0xff, 0xff, 0, 4, 0, 0, // log-variance: bias -192, multiplier 1024
    2, 0xff, 1, 1, 0, 0, 0, 0, // weights 2, -1 and 1, 1
    0, 0, 0, 0, 1, 0, 0, 0, // output 0: bias 0, multiplier 1
    0, 0, 0, 0, 1, 0, 0, 0, // output 1: bias 0, multiplier 1
    16, 0xe0, 0, 0, 0, 0, 0, 0, // weights 16 and -32
    0, 0, 0xff, 0xff, 0, 0, 0, 0, // calibration: a knot at -1 nat
    0, 0, 0, 0x40, 0, 0, 0, 0x80, // p-values 1/2 and 1
    1, 0, 0, 0, 0, 0, 0, 0, // reading of the self-test: 1 and 0
    0x72, 0x2f, 0x43, 0x09, // CRC-32 of the heads, 65536 and -131072 (1.0 and -2.0)
    0x72, 0x2f, 0x43, 0x09, // and of the outputs, which are the same two numbers
];
