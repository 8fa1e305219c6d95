//! Weights, multipliers and tables that break a rule of FORMAT.md.

use crate::spec_with_hidden_layers;
use crate::support::Dice;
use elbow::Model;
use elbow::estimator::Estimator;
use elbow::format::{AlignedImage, ImageError};
use elbow::image::{CalibrationSpec, CurveSpec, LikelihoodSpec};
use elbow::internal::reseal;
use elbow::layer::{Packing, WeightBits};
use elbow::requantize::Multiplier;

/// Each weight has the bits that the image says.
#[test]
fn weights_of_four_bits_are_multiples_of_sixteen() {
    let mut dice = Dice::new(33);
    for packing in Packing::ALL {
        let mut spec = spec_with_hidden_layers(&mut dice, 1);
        spec.packing = packing;
        spec.heads.bits = WeightBits::Four;
        spec.heads.weights.fill(-112);
        let good = spec.write(&[]).unwrap();
        let last = spec.heads.weights.len() - 1;
        for weight in [1, -1, 15, 127, -127] {
            spec.heads.weights[last] = weight;
            let error = spec.write(&[]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "weight {last} of a layer of four-bit weights is {weight}: use a multiple of 16, or eight bits"
                )
            );
        }
        // -112 with the lowest of its four bits gone is -128, which the image cannot be made to have.
        spec.heads.weights[last] = -128;
        let error = spec.write(&[]).unwrap_err().to_string();
        let expected = "an accumulator could reach 2^30, or a weight is -128";
        assert_eq!(error, format!("the image is not valid: {expected}"));
        // Other bits than the header says: the layer has half of the bytes, or twice as many.
        spec.heads.weights.fill(-112);
        spec.heads.bits = WeightBits::Eight;
        let eight = spec.write(&[]).unwrap();
        let header = u32::from_le_bytes(good[16..20].try_into().unwrap()) as usize;
        let differ = (20..20 + header).find(|&at| good[at] != eight[at]);
        let at = differ.expect("the header tells the bits");
        assert_eq!((good[at], eight[at]), (1, 0));
        for (image, bits) in [(&good, [0, 2, 4]), (&eight, [1, 2, 8])] {
            for bits in bits {
                let mut other = image.to_vec();
                other[at] = bits;
                reseal(&mut other);
                let error = Model::parse(&AlignedImage::new(&other)).unwrap_err();
                assert!(matches!(error, ImageError::Invalid(_)), "{error}");
            }
        }
    }
}

/// An image of counts of three, and where its tensors lie.
struct Laid {
    image: AlignedImage,
    gains: usize,
    log_choose: usize,
    scores: usize,
    p_values: usize,
    reading: usize,
}

impl Laid {
    fn new() -> Self {
        let mut spec = spec_with_hidden_layers(&mut Dice::new(29), 0);
        spec.likelihood = LikelihoodSpec::Binomial { trials: 3 };
        spec.self_test_reading.fill(0);
        // Behind the last tensor that is looked at.
        spec.columns.clear();
        let table =
            CalibrationSpec::of_bounds(Estimator::SigmaPoints, &[5, 6], 2, &CurveSpec::default());
        let image = spec.write(&[table]).unwrap();
        let inputs = spec.inputs.len();
        let aligned = |length: usize| length.next_multiple_of(8);
        let header = u32::from_le_bytes(image[16..20].try_into().unwrap()) as usize;
        let gains = aligned(20 + header) + aligned(2 * inputs) + aligned(inputs);
        let hashes = aligned(4 * (spec.encoder.len() + spec.decoder.len() + 2));
        let reading = image.len() - hashes - aligned(2 * inputs);
        Self {
            image,
            gains,
            // Gains, then typical terms.
            log_choose: gains + 2 * aligned(4 * inputs),
            scores: reading - 24,
            p_values: reading - 16,
            reading,
        }
    }

    fn read(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.image[at..at + 4].try_into().unwrap())
    }

    /// The image with another word.
    fn with(&self, at: usize, value: i32) -> AlignedImage {
        let mut other = self.image.to_vec();
        other[at..at + 4].copy_from_slice(&value.to_le_bytes());
        reseal(&mut other);
        AlignedImage::new(&other)
    }
}

/// Tables and multipliers that the writer cannot be made to write.
#[test]
fn tensors_that_break_a_rule_are_refused() {
    let laid = Laid::new();
    let Laid {
        gains,
        log_choose,
        scores,
        p_values,
        reading,
        ..
    } = laid;
    // ln 3 is 1.0986122886681098.
    let table = [0, 4, 8, 12].map(|step| laid.read(log_choose + step));
    assert_eq!(table, [0, 71_999, 71_999, 0]);
    assert_eq!([laid.read(scores), laid.read(scores + 4)], [5, 6]);

    let multiplier = "a multiplier is out of range";
    let table = "its binomial likelihood has no trials or a wrong table";
    let ascend = "a calibration table does not ascend, or has a negative deviation";
    let impossible = "the reading of its self-test is impossible under its likelihood";
    for (at, value, what) in [
        (gains, 0x8000, multiplier),
        (gains, 47 << 16, multiplier),
        (gains, -1, multiplier),
        (log_choose, -1, table),
        (log_choose + 12, 256 << 16, table),
        (scores, 6, ascend),
        (scores, 7, ascend),
        (p_values, i32::MAX, ascend),
        (p_values + 8, i32::MIN + 1, ascend),
        (reading, 4, impossible),
    ] {
        let error = Model::parse(&laid.with(at, value)).unwrap_err();
        let expected = format!("the image is not valid: {what}");
        assert_eq!(error.to_string(), expected, "{value} at {at}");
    }
    for (at, value) in [
        (gains, 0x7fff | 46 << 16),
        (log_choose, (256 << 16) - 1),
        (scores, i32::MIN),
        (p_values, 0),
        (p_values + 8, i32::MIN),
    ] {
        assert!(Model::parse(&laid.with(at, value)).is_ok(), "{value}");
    }
}

/// Every factor from 2^-46 on has a multiplier, and nothing else has.
#[test]
fn factors_have_limits() {
    let smallest = 0.5f64.powi(46);
    assert_eq!(Multiplier::nearest(smallest).unwrap().to_f64(), smallest);
    assert_eq!(Multiplier::at_least(smallest).unwrap().to_f64(), smallest);
    assert_eq!(Multiplier::nearest(32_767.0).unwrap().to_f64(), 32_767.0);
    for factor in [0.4 * smallest, 32_768.0, -1.0, f64::INFINITY, f64::NAN] {
        let error = Multiplier::nearest(factor).unwrap_err();
        assert_eq!(error.factor.to_bits(), factor.to_bits());
    }
}
