//! Statistics beside the bound, and what they are joined to, against the same written again from NUMERICS.md.

mod support;

use elbow::image::{CalibrationSpec, CurveSpec, ImageSpec, PrototypesSpec};
use elbow::layer::WeightBits;
use elbow::requantize::Multiplier;
use elbow::statistic::{Statistic, Values};
use elbow::{Estimator, Mask, Model, Probability, Score, Session};
use support::{
    Knots, Temper, check, modelled, random_mask, random_reading, random_spec, random_statistics,
};

const ESTIMATOR: Estimator = Estimator::PosteriorMean;

/// `curve(x)` of NUMERICS.md in i128.
fn at(knots: &Knots, x: i32) -> i32 {
    if knots.is_empty() {
        return 0;
    }
    let below = knots.iter().filter(|(value, _)| *value <= x).count();
    let j = below.min(knots.len() - 1).max(1);
    let bits = |surprise: f64| (surprise * 65_536.0) as i128;
    let ((x0, u0), (x1, u1)) = (knots[j - 1], knots[j]);
    let width = i128::from(x1) - i128::from(x0);
    let beyond = (i128::from(x) - i128::from(x0)).max(0);
    let rise = (beyond * (bits(u1) - bits(u0)) + width / 2).div_euclid(width);
    (bits(u0) + rise).min(1 << 26) as i32
}

/// `v` of a column in exact arithmetic.
fn column(values: &[i16], surprises: &[u8], r: i16) -> i64 {
    let last = values[values.len() - 1];
    let first_last = values.iter().position(|&value| value == last).unwrap();
    let below = values.iter().filter(|&&value| value <= r).count();
    let j = below.min(first_last).max(1);
    let (p0, p1) = (i64::from(values[j - 1]), i64::from(values[j]));
    let (q0, q1) = (i64::from(surprises[j - 1]), i64::from(surprises[j]));
    let (a, b) = (i64::from(r) - p0, 32 * (q1 - q0));
    let m = a.abs() * b.abs() / (p1 - p0).max(1);
    let v = if (a < 0) == (b < 0) { m } else { -m };
    (32 * q0 + v).clamp(0, 32 * 256)
}

/// `c_ki` of the prototype in the bytes `row`.
fn number(prototypes: &PrototypesSpec, row: &[i8], input: usize) -> i64 {
    match prototypes.bits {
        WeightBits::Eight => row[input].into(),
        WeightBits::Four => {
            let byte = i64::from(row[input / 2]).rem_euclid(256);
            let half = if input.is_multiple_of(2) {
                byte % 16
            } else {
                byte / 16
            };
            16 * if half < 8 { half } else { half - 16 } + 8
        }
    }
}

/// The statistics of a reading, from the description alone.
fn reference(spec: &ImageSpec, reading: &[i16], observed: Mask<'_>, score: &Score) -> Values {
    let there = |input: &usize| observed.observes(*input);
    let inputs: Vec<usize> = (0..modelled(spec)).filter(there).collect();
    let unit = |input: usize, gain: Multiplier| {
        let own = &spec.inputs[input];
        let taken = own
            .gain
            .apply(i32::from(reading[input]) - i32::from(own.center));
        let ceiling = i32::from(spec.input_ceiling);
        i64::from(gain.apply(taken.clamp(-ceiling, ceiling)).clamp(-127, 127))
    };
    let nearest = |prototypes: &PrototypesSpec| {
        let bytes = PrototypesSpec::row_bytes(prototypes.bits, modelled(spec));
        let rows = prototypes.rows.chunks(bytes);
        let distances = rows.map(|row| -> i64 {
            let terms = inputs.iter().map(|&input| {
                (unit(input, prototypes.gain) - number(prototypes, row, input)).pow(2)
            });
            terms.sum()
        });
        distances.min().unwrap()
    };
    let columns = spec.statistics.columns.as_ref().unwrap();
    let knots = usize::from(columns.knots);
    let squares = inputs.iter().map(|&input| {
        let own = input * knots..(input + 1) * knots;
        column(
            &columns.values[own.clone()],
            &columns.surprises[own],
            reading[input],
        )
        .pow(2)
    });
    Values {
        bound: score.elbo().to_bits().saturating_neg(),
        reconstruction: score.reconstruction().to_bits().saturating_neg(),
        prototypes: spec.statistics.prototypes.as_ref().map_or(0, nearest) as i32,
        columns: (squares.sum::<i64>() >> 10) as i32,
    }
}

/// The joined surprise, and whose it is.
fn joined(
    values: &Values,
    [bound, reconstruction, distance, sum]: &[Knots; 4],
) -> (i32, Statistic) {
    let all = [
        (at(bound, values.bound), Statistic::Bound),
        (
            at(reconstruction, values.reconstruction),
            Statistic::Reconstruction,
        ),
        (at(distance, values.prototypes), Statistic::Prototypes),
        (at(sum, values.columns), Statistic::Columns),
    ];
    let highest = all.iter().map(|(surprise, _)| *surprise).max().unwrap();
    if highest == 0 {
        return (0, Statistic::Bound);
    }
    *all.iter()
        .find(|(surprise, _)| *surprise == highest)
        .unwrap()
}

#[test]
fn statistics_are_those_of_the_contract() {
    check(21, 150, |dice| {
        let mut spec = random_spec(dice, Temper::Trained);
        let (statistics, knots) = random_statistics(dice, &spec);
        spec.statistics = statistics;
        let scores: Vec<i32> = (0..30).map(|at| -(at << 14)).collect();
        let none = CurveSpec::default();
        let tables = [
            CalibrationSpec::of_bounds(ESTIMATOR, &[0], 9, &none),
            CalibrationSpec::of_joined(ESTIMATOR, &scores, 30, &none),
        ];
        let image = spec.write(&tables).unwrap();
        let model = Model::parse(&image).unwrap();
        assert!(model.joins_statistics());
        assert_eq!(ImageSpec::of(&model).statistics, spec.statistics);
        let mut workspace = vec![0; model.workspace_words()];
        model.self_test(&mut workspace).unwrap();
        let mut session = Session::new(&model, &mut workspace, 0).unwrap();
        for _ in 0..4 {
            let reading = random_reading(dice, &spec);
            let bits = random_mask(dice, modelled(&spec), spec.conditions.len());
            let masks = [Mask::ALL, Mask::new(&bits, spec.inputs.len()).unwrap()];
            for observed in masks {
                let score = session
                    .score_observed(&reading, observed, ESTIMATOR)
                    .unwrap();
                let expected = reference(&spec, &reading, observed, &score);
                let found = session.statistics(&reading, observed, &score);
                assert_eq!(found, expected);
                let (surprise, statistic) = joined(&expected, &knots);
                assert_eq!(spec.statistics.joined(&found), (surprise, statistic));
                let below = scores.iter().filter(|&&score| score <= -surprise).count() as u64;
                let p_value = ((below + 1) << 31).div_ceil(31) as u32;
                assert_eq!(Some(score.p_value()), Probability::from_bits(p_value));
                assert_eq!(score.statistic(), statistic);
            }
        }
    });
}

#[test]
fn a_bound_alone_is_judged_by_its_own_table() {
    check(22, 20, |dice| {
        let spec = random_spec(dice, Temper::Trained);
        let tables = [CalibrationSpec::of_bounds(
            ESTIMATOR,
            &[0],
            9,
            &CurveSpec::default(),
        )];
        let image = spec.write(&tables).unwrap();
        let model = Model::parse(&image).unwrap();
        assert!(!model.joins_statistics());
        let table = model.p_values(ESTIMATOR).unwrap();
        assert_eq!(table.p_value(elbow::Nats::MIN), Probability::new(0.5));
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 0).unwrap();
        let score = session
            .score(&random_reading(dice, &spec), ESTIMATOR)
            .unwrap();
        assert_eq!(score.statistic(), Statistic::Bound);
        assert_eq!(score.p_value(), table.p_value(score.elbo()));
    });
}
