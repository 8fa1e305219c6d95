//! Random statistics beside the bound.

use super::Dice;
use elbow::image::{ColumnCurvesSpec, CurveSpec, ImageSpec, PrototypesSpec, StatisticsSpec};
use elbow::layer::WeightBits;
use elbow::requantize::Multiplier;

/// Knots of a curve, exact.
pub(crate) type Knots = Vec<(i32, f64)>;

/// A curve of surprises that are whole numbers of 2^-16 nats.
pub(crate) fn random_curve(dice: &mut Dice, lowest: i32, highest: i32) -> (Knots, CurveSpec) {
    let count = 2 + dice.size(0, 5);
    let span = i64::from(highest) - i64::from(lowest);
    let mut values: Vec<i32> = (0..count)
        .map(|_| (i64::from(lowest) + (span as f64 * dice.real(0.0, 1.0)) as i64) as i32)
        .collect();
    values.sort_unstable();
    values.dedup();
    let mut surprise = 0;
    let knots = values.into_iter().map(|value| {
        surprise += dice.between(0, 3 << 16) as i32;
        (value, f64::from(surprise) / 65_536.0)
    });
    let knots: Knots = knots.collect();
    let curve = CurveSpec::through(&knots);
    (if knots.len() < 2 { vec![] } else { knots }, curve)
}

/// Inputs of `spec` that are no conditions.
pub(crate) fn modelled(spec: &ImageSpec) -> usize {
    spec.inputs.len() - spec.conditions.len()
}

/// Statistics with random numbers for models of `spec`, and the knots of their curves.
pub(crate) fn random_statistics(dice: &mut Dice, spec: &ImageSpec) -> (StatisticsSpec, [Knots; 4]) {
    let inputs = modelled(spec);
    let count = dice.size(0, 4);
    let bits = [WeightBits::Four, WeightBits::Eight][dice.size(0, 1)];
    let mut number = || dice.between(-127, 127) as i8;
    let bytes = count * PrototypesSpec::row_bytes(bits, inputs);
    let rows = (0..bytes).map(|_| number()).collect();
    let gain = Multiplier::nearest(0.05 + 3.0 * dice.real(0.0, 1.0)).unwrap();
    let knots = dice.between(2, 8) as u8;
    let values = (0..inputs).flat_map(|_| {
        let mut values: Vec<i16> = (0..knots)
            .map(|_| dice.between(-(1 << 15), (1 << 15) - 1) as i16)
            .collect();
        values.sort_unstable();
        if let Some(last) = values.len().checked_sub(2) {
            // A repetition now and then.
            if values[0] % 3 == 0 {
                values[last] = values[last + 1];
            }
        }
        values
    });
    let values: Vec<i16> = values.collect();
    let surprises = values.iter().map(|_| dice.between(0, 255) as u8).collect();
    let (bound_knots, bound) = random_curve(dice, -(10 << 16), 400 << 16);
    let (reconstruction_knots, reconstruction) = random_curve(dice, -(10 << 16), 400 << 16);
    let (distance_knots, distance) = random_curve(dice, 0, 64_516 * inputs as i32);
    let (sum_knots, sum) = random_curve(dice, 0, i32::MAX / 64);
    let statistics = StatisticsSpec {
        prototypes: (count > 0).then_some(PrototypesSpec { gain, bits, rows }),
        columns: Some(ColumnCurvesSpec {
            knots,
            values,
            surprises,
        }),
        bound,
        reconstruction,
        distance: if count > 0 {
            distance
        } else {
            CurveSpec::default()
        },
        sum,
    };
    let distance_knots = if count > 0 { distance_knots } else { vec![] };
    let knots = [bound_knots, reconstruction_knots, distance_knots, sum_knots];
    (statistics, knots)
}
