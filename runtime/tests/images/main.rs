//! Damaged, foreign and hostile images: none is accepted that is not whole, and none that is
//! accepted can make any operation panic. Tests run with overflow checks.

mod damaged;
mod limits;
mod mutated;
#[path = "../support/mod.rs"]
mod support;

use elbow::estimator::Estimator;
use elbow::image::{CalibrationSpec, CurveSpec};
use support::{Dice, Temper, enrich, random_curve, random_spec_of, random_statistics};

/// Offsets of the prefix that tests write to; see FORMAT.md.
const FORMAT_AT: usize = 4;

const NUMERICS_AT: usize = 6;

const LENGTH_AT: usize = 8;

const CRC_AT: usize = 12;

const HEADER_LENGTH_AT: usize = 16;

/// A whole image with calibration tables, of at most `most` bytes.
fn small_image(dice: &mut Dice, temper: Temper, of: usize, most: usize) -> Vec<u8> {
    loop {
        let mut spec = random_spec_of(dice, temper, of);
        if dice.once_in(2) {
            enrich(dice, &mut spec);
        }
        let scores =
            |dice: &mut Dice| -> Vec<i32> { (0..6).map(|_| dice.word() as i32 >> 6).collect() };
        let tables = [Estimator::SigmaPoints, Estimator::MonteCarlo { samples: 4 }]
            .map(|e| CalibrationSpec::of_bounds(e, &scores(dice), 5, &CurveSpec::default()));
        let mut tables = tables.to_vec();
        if dice.once_in(2) {
            spec.statistics = random_statistics(dice, &spec).0;
            let (_, tail) = random_curve(dice, -(100 << 16), 100 << 16);
            let scores = scores(dice);
            tables.push(CalibrationSpec::of_joined(
                Estimator::SigmaPoints,
                &scores,
                5,
                &tail,
            ));
        }
        let image = spec.write(&tables).unwrap();
        if image.len() <= most {
            return image.to_vec();
        }
    }
}

fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}
