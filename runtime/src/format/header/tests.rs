use super::*;
use crate::distribution::LogVarianceRange;
use crate::estimator::Estimator;
use crate::layer::{Activation, LayerKind};
use crate::rng;
use crate::rng::Xoshiro128PlusPlus;
use rand_core::Rng;
use serde::Serialize;
use std::vec;
use std::vec::Vec;

/// The elements of a list, never freed.
fn list<'a, T: Serialize + crate::format::list::Element<'a>>(elements: &[T]) -> List<'a, T> {
    let bytes = elements
        .iter()
        .flat_map(|element| postcard::to_stdvec(element).unwrap());
    List::new(bytes.collect::<Vec<u8>>().leak())
}

/// One statistic, the bound.
fn bound<'a>(tables: &[CalibrationHeader]) -> List<'a, StatisticHeader<'a>> {
    list(&[StatisticHeader {
        kind: StatisticKind::Bound,
        knots: 0,
        calibrations: list(tables),
    }])
}

/// Statistics of every kind.
fn every_statistic<'a>(
    words: &mut Xoshiro128PlusPlus,
    tables: &[CalibrationHeader],
) -> List<'a, StatisticHeader<'a>> {
    let kinds = [
        StatisticKind::Bound,
        StatisticKind::Reconstruction,
        StatisticKind::Prototypes {
            count: short(words),
            gain: words.next_u32(),
            narrow: words.next_u32() & 1 == 0,
        },
        StatisticKind::Columns {
            knots: words.next_u32() as u8,
        },
        StatisticKind::Joined,
    ];
    list(&kinds.map(|kind| StatisticHeader {
        kind,
        knots: short(words),
        calibrations: list(tables),
    }))
}

fn read(bytes: &[u8]) -> Result<Header<'_>, Defect> {
    let mut header = Header::empty();
    header.read(bytes, &mut None).map(|()| header)
}

/// A header with a field of every width.
fn fixture() -> Header<'static> {
    let dense = |rows, bits, outputs| LayerHeader {
        kind: LayerKind::Dense,
        rows,
        bits,
        outputs,
    };
    let rectified = OutputsHeader::Quantized {
        activation: Activation::Relu,
        zero_point: -127,
        ceiling: 127,
    };
    Header {
        name: Text::new("ab"),
        columns: 300,
        inputs: 300,
        conditions: 1,
        input_ceiling: 127,
        picture_width: 0,
        latents: 2,
        latent_fraction_bits: 12,
        posterior: PosteriorKind::Gaussian {
            log_variance_range: LogVarianceRange {
                lowest: -1,
                highest: 64,
            },
        },
        stream: None,
        prior: PriorHeader::Mixture { components: 5 },
        likelihood: LikelihoodHeader::Binomial { trials: 16 },
        packing: Packing::PairedTiles,
        encoder: list(&[
            dense(4, WeightBits::Four, rectified),
            dense(4, WeightBits::Eight, OutputsHeader::Wide),
        ]),
        decoder: list(&[dense(300, WeightBits::Four, OutputsHeader::Wide)]),
        statistics: bound(&[CalibrationHeader {
            estimator: Estimator::MonteCarlo { samples: 8 },
            knots: 3,
            tail: 0,
            mean: -64,
            standard_deviation: 5,
        }]),
        noise: Noise {
            mean_excess: 1,
            mean_deviation: 2,
            pair_deviation: 3,
        },
        expected: list(&[
            ExpectedScore {
                estimator: Estimator::SigmaPoints,
                score: -2,
            },
            ExpectedScore {
                estimator: Estimator::ImportanceWeighted { samples: 3 },
                score: 64,
            },
        ]),
    }
}

#[test]
fn reads_and_writes_the_fixture() {
    let header = fixture();
    // Varints of the postcard wire format; signed ones are zigzag coded.
    let bytes = [
        2, b'a', b'b', 0xac, 0x02, 0xac, 0x02, 1, 127, 0, 2, 12, 0, 1, 0x80, 0x01, 0, 1, 5, 0, 16,
        2, 2, 0, 4, 1, 0, 1, 0xfd, 0x01, 0xfe, 0x01, 0, 4, 0, 1, 1, 0, 0xac, 0x02, 1, 1, 1, 0, 0,
        1, 2, 8, 3, 0, 127, 10, 2, 4, 6, 2, 1, 3, 3, 3, 0x80, 0x01,
    ];
    assert_eq!(postcard::to_stdvec(&header).unwrap(), bytes);
    assert_eq!(read(&bytes), Ok(header));
}

#[test]
fn reads_and_writes_likelihoods_and_estimators() {
    let location = |family, predicted_scale| LikelihoodHeader::Location {
        family,
        predicted_scale,
    };
    for (likelihood, bytes) in [
        (location(Family::Normal, false), [1, 0, 0]),
        (location(Family::Laplace, true), [1, 1, 1]),
        (
            LikelihoodHeader::Heterogeneous { entries: 300 },
            [2, 0xac, 0x02],
        ),
    ] {
        assert_eq!(postcard::to_stdvec(&likelihood).unwrap(), bytes);
        assert_eq!(
            read_likelihood(&mut Reader::new(&bytes), &mut None),
            likelihood
        );
    }
    let estimator = Estimator::ImportanceWeighted { samples: 300 };
    assert_eq!(postcard::to_stdvec(&estimator).unwrap(), [3, 0xac, 0x02]);
}

/// A number of any width.
fn number(words: &mut Xoshiro128PlusPlus) -> i32 {
    words.next_u32() as i32 >> (words.next_u32() % 32)
}

/// A short number of any width.
fn short(words: &mut Xoshiro128PlusPlus) -> u16 {
    words.next_u32() as u16 >> (words.next_u32() % 16)
}

fn random_layers<'a>(words: &mut Xoshiro128PlusPlus) -> List<'a, LayerHeader> {
    let count = 1 + words.next_u32() % 9;
    let layer = |_| LayerHeader {
        kind: LayerKind::Dense,
        rows: words.next_u32() as u16,
        bits: WeightBits::ALL[words.next_u32() as usize % 2],
        outputs: if words.next_u32().is_multiple_of(4) {
            OutputsHeader::Wide
        } else {
            let activations = [Activation::Identity, Activation::Relu];
            OutputsHeader::Quantized {
                activation: activations[words.next_u32() as usize % 2],
                zero_point: words.next_u32() as i16 >> (words.next_u32() % 16),
                ceiling: words.next_u32() as i16,
            }
        },
    };
    list(&(0..count).map(layer).collect::<Vec<_>>())
}

fn random_stream(words: &mut Xoshiro128PlusPlus, which: usize) -> StreamHeader {
    let features = [
        Feature::Samples { remove_mean: true },
        Feature::Mean { fraction_bits: 3 },
        Feature::Rms { fraction_bits: 8 },
        Feature::BandEnergies { bands: 4 },
    ];
    StreamHeader {
        front_end: FrontEnd::new(2, 16 << (which % 4), &features[which % 4..]).unwrap(),
        hop: short(words),
        rate_millihertz: words.next_u32(),
    }
}

fn random_estimator(words: &mut Xoshiro128PlusPlus) -> Estimator {
    let samples = short(words);
    [
        Estimator::PosteriorMean,
        Estimator::SigmaPoints,
        Estimator::MonteCarlo { samples },
        Estimator::ImportanceWeighted { samples },
    ][words.next_u32() as usize % 4]
}

/// A header with every kind of field in it, each at random within its type.
fn random<'a>(words: &mut Xoshiro128PlusPlus, name: &'a str) -> Header<'a> {
    let table = |words: &mut Xoshiro128PlusPlus| CalibrationHeader {
        estimator: random_estimator(words),
        knots: short(words),
        tail: words.next_u32() as u8,
        mean: number(words),
        standard_deviation: number(words),
    };
    let expected = |words: &mut Xoshiro128PlusPlus| ExpectedScore {
        estimator: random_estimator(words),
        score: number(words),
    };
    let which = words.next_u32() as usize;
    let stream = random_stream(words, which);
    let tables = (0..words.next_u32() % 9).map(|_| table(words));
    let tables: Vec<_> = tables.collect();
    let scores = (0..words.next_u32() % 9).map(|_| expected(words));
    let scores: Vec<_> = scores.collect();
    Header {
        name: Text::new(name),
        columns: words.next_u32() >> (which % 32),
        inputs: short(words),
        conditions: short(words),
        input_ceiling: short(words),
        picture_width: short(words),
        latents: short(words),
        latent_fraction_bits: words.next_u32() as u8,
        posterior: PosteriorKind::Gaussian {
            log_variance_range: LogVarianceRange {
                lowest: number(words),
                highest: number(words),
            },
        },
        stream: (which & 4 == 0).then_some(stream),
        prior: [
            PriorHeader::Standard,
            PriorHeader::Mixture {
                components: short(words),
            },
        ][which >> 3 & 1],
        likelihood: [
            LikelihoodHeader::Binomial {
                trials: which as u8,
            },
            LikelihoodHeader::Location {
                family: [Family::Normal, Family::Laplace][which >> 4 & 1],
                predicted_scale: which & 32 == 0,
            },
        ][which >> 6 & 1],
        packing: Packing::ALL[(which >> 7) % 3],
        encoder: random_layers(words),
        decoder: random_layers(words),
        statistics: match which >> 9 & 1 {
            0 => bound(&tables),
            _ => every_statistic(words, &tables),
        },
        noise: Noise {
            mean_excess: number(words),
            mean_deviation: number(words),
            pair_deviation: number(words),
        },
        expected: list(&scores),
    }
}

/// What is read by hand is what the postcard crate reads, of headers and of damaged ones: it is the
/// same, or it is refused.
#[test]
fn reads_as_the_derived_reader_does() {
    let mut words = rng::stream(2, 9);
    let mut accepted = 0;
    for round in 0..20_000 {
        let name = ["", "pump", "Pumpe \u{fc}ber \u{1f600}"][round % 3];
        let header = random(&mut words, name);
        let mut bytes = postcard::to_stdvec(&header).unwrap();
        assert_eq!(read(&bytes), Ok(header));
        for length in [bytes.len() - 1, words.next_u32() as usize % bytes.len()] {
            assert!(read(&bytes[..length]).is_err());
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(read(&longer).is_err());
        for _ in 0..=words.next_u32() % 3 {
            let at = words.next_u32() as usize % bytes.len();
            bytes[at] ^= 1 << (words.next_u32() % 8);
        }
        if let Ok(read) = read(&bytes) {
            assert_eq!(postcard::from_bytes(&bytes), Ok(read));
            accepted += 1;
        } else if let Ok(read) = postcard::from_bytes::<Header<'_>>(&bytes) {
            // It takes LEB128 longer than it need be.
            assert_ne!(postcard::to_stdvec(&read).unwrap(), bytes);
        }
    }
    assert!(accepted > 1000, "{accepted}");
    let mut noise = vec![0; 64];
    for _ in 0..20_000 {
        words.fill_bytes(&mut noise);
        assert!(read(&noise).is_err() || postcard::from_bytes::<Header<'_>>(&noise).is_ok());
    }
}
