//! Inputs that are taken in at once do not change each other: any grouping into lanes gives the same
//! bits, in a layer and in a score.

mod support;

use elbow::estimator::Estimator;
use elbow::kernel::{Dense, Operand, Quantization};
use elbow::requantize::Multiplier;
use elbow::{Mask, Model, Nats, Session};
use support::reference::apply;
use support::{
    Dice, Temper, extreme_reading, random_mask, random_multiplier, random_reading, random_spec,
};

/// Four inputs of a layer, one after the other.
type Four<X> = [Vec<X>; 4];

/// The wide outputs and the activations for four inputs, `K` at a time.
fn run<X: Operand, const K: usize>(
    dense: Dense<'_>,
    x: &Four<X>,
    quantization: Quantization,
) -> (Four<i32>, Four<i8>) {
    let (mut wide, mut narrow) = (Four::<i32>::default(), Four::<i8>::default());
    for first in (0..4).step_by(K) {
        let lanes = |c: usize| core::array::from_fn(|lane| x[first + lane][c]);
        let x: Vec<[X; K]> = (0..dense.columns).map(lanes).collect();
        let mut out = vec![[0; K]; dense.rows.len()];
        dense.quantized(&x, quantization, &mut out);
        for (wide_row, narrow_row) in dense.wide(&x).zip(out) {
            for lane in 0..K {
                wide[first + lane].push(wide_row[lane]);
                narrow[first + lane].push(narrow_row[lane]);
            }
        }
    }
    (wide, narrow)
}

/// A layer by the formula, in wide integers.
fn by_definition<X: Operand>(
    dense: Dense<'_>,
    x: &[X],
    quantization: Quantization,
) -> (Vec<i32>, Vec<i8>) {
    let rows = dense.rows.iter().zip(dense.weights.chunks(dense.columns));
    let wide: Vec<i128> = rows
        .map(|(&[bias, word], weights)| {
            let terms = weights.iter().zip(x).map(|(&w, &x)| {
                let x: i32 = x.into();
                i128::from(w) * i128::from(x)
            });
            let multiplier = Multiplier::from_word(word as u32).unwrap();
            apply(multiplier, i128::from(bias) + terms.sum::<i128>())
        })
        .collect();
    let zero_point = i128::from(quantization.zero_point);
    let floor = i128::from(quantization.floor);
    let narrow = wide
        .iter()
        .map(|o| (o + zero_point).max(floor).min(127) as i8);
    (wide.iter().map(|&o| o as i32).collect(), narrow.collect())
}

/// Random layers for operands of type `X`, drawn by `operand` or at `ends`.
fn check_layers<X: Operand + Default>(
    dice: &mut Dice,
    ends: &[X],
    operand: impl Fn(&mut Dice) -> X,
) {
    for _ in 0..1500 {
        let (columns, rows) = (dice.size(1, 70), dice.size(1, 70));
        let extreme = dice.once_in(3);
        let mut weights = vec![];
        for _ in 0..rows * columns {
            let any = dice.between(-127, 127) as i8;
            weights.push(if extreme {
                dice.pick(&[-127, 127])
            } else {
                any
            });
        }
        let all_ends = dice.once_in(2);
        let x: Four<X> = core::array::from_fn(|_| {
            let one = dice.pick(ends);
            let column = |_| match dice.size(0, 3) {
                0 => dice.pick(ends),
                1 => one,
                _ if all_ends => one,
                _ => operand(dice),
            };
            (0..columns).map(column).collect()
        });
        let rows: Vec<[i32; 2]> = (0..rows)
            .map(|_| {
                let any = dice.between(-(1 << 29), 1 << 29) as i32;
                let bias = dice.pick(&[any, 0, 1 << 29, -(1 << 29)]);
                [bias, random_multiplier(dice).to_word() as i32]
            })
            .collect();
        let dense = Dense {
            columns,
            weights: &weights,
            rows: &rows,
        };
        assert_eq!(dense.proves_bound::<X>(), Ok(()));
        let zero_point = dice.between(-127, 127) as i8;
        let quantization = Quantization {
            zero_point,
            floor: dice.pick(&[-127, zero_point]),
        };
        let (wide, narrow) = run::<X, 1>(dense, &x, quantization);
        assert_eq!(
            run::<X, 2>(dense, &x, quantization),
            (wide.clone(), narrow.clone())
        );
        assert_eq!(
            run::<X, 4>(dense, &x, quantization),
            (wide.clone(), narrow.clone())
        );
        for ((x, wide), narrow) in x.iter().zip(wide).zip(narrow) {
            assert_eq!(by_definition(dense, x, quantization), (wide, narrow));
        }
    }
}

#[test]
fn layers_give_the_same_in_any_lanes() {
    let mut dice = Dice::new(61);
    check_layers::<i8>(&mut dice, &[-127, 127], |dice| {
        dice.between(-127, 127) as i8
    });
    check_layers::<i16>(&mut dice, &[i16::MIN, i16::MAX, -1, 1], |dice| {
        dice.word() as i16
    });
}

/// `explain` runs the decoder on one latent at a time, `score_observed` on four, two and one.
#[test]
fn scores_are_those_of_one_latent_at_a_time() {
    let mut dice = Dice::new(62);
    for round in 0..400 {
        let spec = random_spec(&mut dice, [Temper::Trained, Temper::Wild][round % 2]);
        let image = spec.encode(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 1).unwrap();
        let reading = match dice.once_in(2) {
            true => extreme_reading(&mut dice, &spec),
            false => random_reading(&mut dice, &spec),
        };
        let bits = random_mask(&mut dice, reading.len());
        let part = Mask::new(&bits, reading.len()).unwrap();
        let mut inputs = vec![0; reading.len()];
        let mut latents = vec![Nats::ZERO; model.latents()];
        let random = (1..=9).flat_map(|samples| {
            let monte_carlo = Estimator::MonteCarlo { samples };
            [monte_carlo, Estimator::ImportanceWeighted { samples }]
        });
        let fixed = [Estimator::PosteriorMean, Estimator::SigmaPoints];
        for estimator in random.chain(fixed) {
            for mask in [Mask::ALL, part] {
                session.reseed(7, 1);
                let score = session.score_observed(&reading, mask, estimator).unwrap();
                let next = session.sample().to_vec();
                session.reseed(7, 1);
                let explained = session
                    .explain(&reading, mask, estimator, &mut inputs, &mut latents)
                    .unwrap();
                assert_eq!(score, explained);
                // And the generator stands where it stood.
                assert_eq!(session.sample(), next);
            }
        }
    }
}
