//! A build refuses what it leaves out by name, and gives the same bits for all else. These tests run
//! with any set of features, on images that are written here byte by byte.

mod by_hand;

use by_hand::IMAGE;
use elbow::format::MAGIC;
use elbow::{Estimator, ImageError, Model, ReadingError, Session};

/// The start and the end of the header.
const HEADER: (usize, usize) = (20, 88);

#[repr(C, align(8))]
struct Image([u8; 256]);

/// CRC-32, bit by bit.
fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    let bit = |register: u32, _| (register >> 1) ^ (0xedb8_8320 * (register & 1));
    !bytes.fold(!0, |register, byte| {
        (0..8).fold(register ^ u32::from(byte), bit)
    })
}

/// The image by hand with another header, and without tensors.
fn image(header: &[u8]) -> Image {
    let length = HEADER.0 + header.len().next_multiple_of(8) + 4;
    let mut image = Image([0; 256]);
    let mut put = |at: usize, bytes: &[u8]| image.0[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &MAGIC);
    put(4, &IMAGE[4..8]);
    put(8, &(length as u32).to_le_bytes());
    put(16, &(header.len() as u32).to_le_bytes());
    put(20, header);
    let bytes = &image.0;
    let sum = crc32(bytes[..12].iter().chain(&bytes[16..length]).copied());
    image.0[12..16].copy_from_slice(&sum.to_le_bytes());
    image
}

/// The fields of the header by hand that other features change.
#[derive(Clone, Copy)]
struct Fields<'a> {
    conditions: u8,
    /// The ceiling of the inputs.
    inputs: &'a [u8],
    /// That of the image by hand where there is none.
    posterior: Option<&'a [u8]>,
    stream: &'a [u8],
    prior: &'a [u8],
    likelihood: &'a [u8],
    packing: u8,
    encoder: &'a [u8],
    /// Bits of the weights of the output.
    output: u8,
    /// How many there are.
    statistics: u8,
}

const COUNTS: &[u8] = &[0, 1];
const LAPLACE: &[u8] = &[1, 1, 0];

impl Fields<'_> {
    /// Fields that need nothing but a likelihood, one that was kept where there is one.
    const LEAST: Self = Self {
        conditions: 0,
        inputs: &[127],
        posterior: None,
        stream: &[0],
        prior: &[0],
        likelihood: if cfg!(feature = "counts") {
            COUNTS
        } else {
            LAPLACE
        },
        packing: 0,
        encoder: &[1, 0, 2, 0, 1],
        output: 0,
        statistics: 1,
    };

    /// The error of the image with this header; all have one, for want of tensors.
    fn refusal(self) -> ImageError {
        let hand = &IMAGE[HEADER.0..HEADER.1];
        let header = [
            &hand[..4],
            &[self.conditions],
            self.inputs,
            &hand[6..9],
            self.posterior.unwrap_or(&hand[9..14]),
            self.stream,
            self.prior,
            self.likelihood,
            &[self.packing],
            self.encoder,
            &hand[24..27],
            &[self.output],
            &hand[28..29],
            &[self.statistics],
            &hand[30..],
        ];
        let image = image(&header.concat());
        Model::parse(&image.0).map(|_| ()).unwrap_err()
    }
}

fn refused(kept: bool, feature: &'static str, fields: Fields<'_>) {
    let error = fields.refusal();
    if kept {
        let left_out = matches!(error, ImageError::LeftOut { .. });
        assert!(!left_out, "{feature}: {error}");
    } else {
        assert_eq!(error, ImageError::LeftOut { feature });
        let told =
            format!("the image needs elbow's feature \"{feature}\", which this build leaves out");
        assert!(error.to_string().starts_with(&told), "{error}");
    }
}

/// `refused` for a feature, by its name, and the fields that need it.
macro_rules! refused {
    ($feature:literal, { $($field:ident: $value:expr),+ }) => {
        let fields = Fields { $($field: $value,)+ ..Fields::LEAST };
        refused(cfg!(feature = $feature), $feature, fields);
    };
}

#[test]
fn an_image_that_needs_what_was_left_out_is_refused_by_name() {
    refused!("counts", { likelihood: COUNTS });
    refused!("locations", { likelihood: LAPLACE });
    if !cfg!(feature = "counts") && !cfg!(feature = "locations") {
        return;
    }
    refused!("statistics", { statistics: 2 });
    refused!("heterogeneous", { likelihood: &[2, 0] });
    refused!("conditions", { conditions: 1 });
    // One channel, windows of four samples, the samples as they are, hop 4, no rate.
    refused!("streams", { stream: &[1, 1, 4, 1, 0, 0, 4, 0] });
    refused!("mixture-prior", { prior: &[1, 2] });
    refused!("bits", { posterior: Some(&[1]) });
    // Of the packings of Cortex-M, one that no host reads fastest.
    refused!("foreign-packings", { packing: 2 });
    // A layer of two rows of eight-bit weights without a rectifier, zero point 0, ceiling 128; then the heads.
    refused!("wide-activations", { encoder: &[2, 0, 2, 0, 0, 0, 0, 0x80, 2, 0, 2, 0, 1] });
    refused!("wide-inputs", { inputs: &[0x80, 1] });
    refused!("four-bit-weights", { encoder: &[2, 0, 2, 1, 0, 0, 0, 0xfe, 1, 0, 2, 0, 1] });
    refused!("four-bit-weights", { output: 1 });
}

/// The numbers are those of `golden.rs`.
#[test]
fn what_is_left_gives_the_same_bits() {
    let mut image = Image([0; 256]);
    image.0[..IMAGE.len()].copy_from_slice(&IMAGE);
    let parsed = Model::parse(&image.0);
    if !cfg!(feature = "counts") {
        let feature = "counts";
        assert_eq!(parsed.unwrap_err(), ImageError::LeftOut { feature });
        return;
    }
    let model = parsed.unwrap();
    let mut workspace = [0; 10];
    model.self_test(&mut workspace).unwrap();
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let mut check = |kept, feature, estimator, elbo| {
        session.reseed(0, 0);
        match session.score(&[1, 0], estimator) {
            Ok(score) => assert_eq!((kept, score.elbo().to_bits()), (true, elbo)),
            Err(error) => {
                assert_eq!((kept, error), (false, ReadingError::LeftOut { feature }));
                assert!(error.to_string().contains(feature));
            }
        }
    };
    check(true, "", Estimator::PosteriorMean, -98_819);
    check(true, "", Estimator::SigmaPoints, -101_582);
    let feature = "sampling";
    let estimator = Estimator::MonteCarlo { samples: 3 };
    check(cfg!(feature = "sampling"), feature, estimator, -114_263);
    let feature = "importance-weighting";
    let estimator = Estimator::ImportanceWeighted { samples: 3 };
    check(
        cfg!(feature = "importance-weighting"),
        feature,
        estimator,
        -35_867,
    );
}
