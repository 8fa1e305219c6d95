//! Inputs that are taken in at once do not change each other: any grouping into lanes gives the same
//! bits, in a layer and in a score.

mod support;

use elbow::estimator::Estimator;
use elbow::internal::{Activations, Bounds, Dense, LANES, Numbers, Operands, Row, layer_words};
use elbow::layer::{Packing, Quantization, WeightBits};
use elbow::{Mask, Model, Nats, Session, WideSum};
use support::reference::apply;
use support::{
    Dice, Temper, check, extreme_reading, halve, random_mask, random_multiplier, random_reading,
    random_spec,
};

/// A layer as it is meant.
struct Layer {
    columns: usize,
    weights: Vec<i8>,
    rows: Vec<Row>,
    quantization: Quantization,
}

/// The wide outputs and the activations for inputs that stand one after the other.
type Results = (Vec<i32>, Vec<i16>);

impl Layer {
    /// The outputs by the formula, in wide integers.
    fn by_definition(&self, x: &[i16]) -> Results {
        let rows = self.rows.iter().zip(self.weights.chunks(self.columns));
        let of_lane = |x: &[i16]| -> Vec<i128> {
            let rows = rows.clone().map(|(row, weights)| {
                let terms = weights.iter().zip(x);
                let terms = terms.map(|(&w, &x)| i128::from(w) * i128::from(x));
                apply(row.multiplier, i128::from(row.bias) + terms.sum::<i128>())
            });
            rows.collect()
        };
        let wide: Vec<i128> = x.chunks(self.columns).flat_map(of_lane).collect();
        let Quantization {
            zero_point,
            floor,
            ceiling,
        } = self.quantization;
        let activation = |o: &i128| {
            let q = o + i128::from(zero_point);
            q.max(floor.into()).min(ceiling.into()) as i16
        };
        let activations = wide.iter().map(activation).collect();
        (wide.into_iter().map(|o| o as i32).collect(), activations)
    }

    /// The outputs by the kernels, so many inputs at once.
    fn run(
        &self,
        (bits, packing): (WeightBits, Packing),
        x: &[i16],
        lanes: usize,
        narrow: bool,
        room: usize,
    ) -> Results {
        let weights = bits.pack(packing, self.columns, &self.weights);
        assert_eq!(
            Some(weights.len()),
            bits.bytes(packing, self.columns, self.rows.len())
        );
        let dense = Dense {
            columns: self.columns,
            packing,
            bits,
            weights: &weights,
            rows: &self.rows,
            bounds: Bounds::UNKNOWN,
        };
        let largest = if narrow { 127 } else { 1 << 15 };
        let bounds = dense.proves_bound(largest).unwrap();
        let dense = Dense { bounds, ..dense };
        let rows = self.rows.len();
        let (mut wide, mut activations) = (vec![], vec![]);
        for x in x.chunks(lanes * self.columns) {
            let lanes = x.len() / self.columns;
            let bytes: Vec<i8> = x.iter().map(|&x| x as i8).collect();
            let numbers = if narrow {
                Numbers::Narrow(&bytes)
            } else {
                Numbers::Wide(x)
            };
            // What the operands held before does not matter.
            let length = layer_words(bits, packing, self.columns, lanes) + room;
            let mut words = vec![0xdead_beef; length];
            let operands = Operands::prepare(packing, numbers, self.columns, lanes, &mut words);
            if self.quantization.ceiling > 127 {
                let mut out = vec![0; lanes * rows];
                dense.activate(operands, self.quantization, Activations::Wide(&mut out));
                activations.extend(out);
            } else {
                let mut out = vec![0; lanes * rows];
                dense.activate(operands, self.quantization, Activations::Narrow(&mut out));
                activations.extend(out.into_iter().map(i16::from));
            }
            let operands = Operands::prepare(packing, numbers, self.columns, lanes, &mut words);
            let mut all: Vec<[i32; LANES]> = vec![];
            let mut outputs = dense.outputs(operands);
            while let Some(band) = outputs.next() {
                all.extend(band);
            }
            assert_eq!(all.len(), rows);
            for lane in 0..lanes {
                wide.extend(all.iter().map(|row| row[lane]));
            }
        }
        (wide, activations)
    }
}

/// A random layer of `columns` columns, and whether four bits hold its weights.
fn random_layer(dice: &mut Dice, narrow: bool, columns: usize) -> (Layer, bool) {
    let rows = dice.size(1, 70);
    let extreme = dice.once_in(3);
    // Wide numbers and many columns: small weights keep the bound.
    let most = if narrow || columns <= 100 { 127 } else { 15 };
    let weights = (0..rows * columns).map(|_| match extreme {
        true => dice.pick(&[-most as i8, most as i8]),
        false => dice.between(-most, most) as i8,
    });
    let mut weights: Vec<i8> = weights.collect();
    let coarse = dice.once_in(2);
    if coarse {
        weights.iter_mut().for_each(|w| *w = *w / 16 * 16);
    }
    let rows = (0..rows).map(|_| {
        let any = dice.between(-(1 << 28), 1 << 28) as i32;
        let bias = dice.pick(&[any, 0, 1 << 28, -(1 << 28)]);
        let multiplier = random_multiplier(dice);
        Row { bias, multiplier }
    });
    let rows = rows.collect();
    let ceiling = dice.pick(&[127, 127, 128, 4095, 32_767]);
    let zero_point = dice.between((-ceiling).into(), ceiling.into()) as i16;
    let layer = Layer {
        columns,
        weights,
        rows,
        quantization: Quantization {
            zero_point,
            floor: dice.pick(&[-ceiling, zero_point]),
            ceiling,
        },
    };
    (layer, coarse)
}

/// Five inputs of `columns` numbers, many of them at the ends of their range.
fn random_inputs(dice: &mut Dice, narrow: bool, columns: usize) -> Vec<i16> {
    let ends: &[i16] = if narrow {
        &[-127, 127]
    } else {
        &[i16::MIN, i16::MAX, -1, 1]
    };
    let all_ends = dice.once_in(2);
    let mut x = vec![];
    for _ in 0..5 {
        let one = dice.pick(ends);
        x.extend((0..columns).map(|_| match dice.size(0, 3) {
            0 => dice.pick(ends),
            1 => one,
            _ if all_ends => one,
            _ if narrow => dice.between(-127, 127) as i16,
            _ => dice.word() as i16,
        }));
    }
    x
}

/// A random layer, for activations or latents as inputs.
fn check_layer(dice: &mut Dice, narrow: bool, columns: (usize, usize)) {
    let columns = dice.size(columns.0, columns.1);
    let (layer, coarse) = random_layer(dice, narrow, columns);
    let x = random_inputs(dice, narrow, columns);
    let expected = layer.by_definition(&x);
    for packing in Packing::ALL {
        for lanes in 1..=LANES {
            let eight = (WeightBits::Eight, packing);
            assert_eq!(layer.run(eight, &x, lanes, narrow, 0), expected);
            if coarse {
                // More room than is needed goes to more rows at once.
                let room = dice.pick(&[0, 1, columns, 20 * columns]);
                let four = (WeightBits::Four, packing);
                assert_eq!(layer.run(four, &x, lanes, narrow, room), expected);
            }
        }
    }
}

#[test]
fn layers_give_the_same_in_any_lanes_packing_and_bits() {
    for narrow in [true, false] {
        check(61, 400, |dice| check_layer(dice, narrow, (1, 70)));
        check(61, 10, |dice| check_layer(dice, narrow, (300, 1100)));
    }
}

#[test]
fn a_packing_changes_no_score() {
    check(63, 100, |dice| {
        let mut spec = random_spec(dice, Temper::Trained);
        let reading = random_reading(dice, &spec);
        let results = Packing::ALL.map(|packing| {
            spec.packing = packing;
            let image = spec.write(&[]).unwrap();
            let model = Model::parse(&image).unwrap();
            assert_eq!(model.packing(), packing);
            let mut workspace = vec![0; model.workspace_words()];
            let mut session = Session::new(&model, &mut workspace, 1).unwrap();
            let estimator = Estimator::ImportanceWeighted { samples: 7 };
            let score = session.score(&reading, estimator).unwrap();
            let posterior = session.posterior();
            (
                score,
                posterior.mean.to_vec(),
                posterior.log_variance.to_vec(),
            )
        });
        assert_eq!(results[0], results[1]);
        assert_eq!(results[0], results[2]);
    });
}

/// A layer of four bits a weight is the layer of eight with the same weights.
#[test]
fn bits_of_weights_change_no_score() {
    check(64, 100, |dice| {
        let mut spec = random_spec(dice, Temper::Trained);
        let reading = random_reading(dice, &spec);
        let hidden = spec.encoder.iter_mut().chain(&mut spec.decoder);
        let layers = hidden.map(|layer| &mut layer.dense);
        layers
            .chain([&mut spec.heads, &mut spec.output])
            .for_each(halve);
        let results = WeightBits::ALL.map(|bits| {
            let hidden = spec.encoder.iter_mut().chain(&mut spec.decoder);
            let layers = hidden.map(|layer| &mut layer.dense);
            for dense in layers.chain([&mut spec.heads, &mut spec.output]) {
                dense.bits = bits;
            }
            let image = spec.write(&[]).unwrap();
            let model = Model::parse(&image).unwrap();
            assert!(model.layers().all(|layer| layer.bits == bits));
            let mut workspace = vec![0; model.workspace_words()];
            model.self_test(&mut workspace).unwrap();
            let mut session = Session::new(&model, &mut workspace, 1).unwrap();
            let estimator = Estimator::ImportanceWeighted { samples: 7 };
            session.score(&reading, estimator).unwrap()
        });
        assert_eq!(results[0], results[1]);
    });
}

/// `explain` runs the decoder on one latent at a time, `score_observed` on up to four.
#[test]
fn scores_are_those_of_one_latent_at_a_time() {
    check(62, 400, |dice| {
        let temper = dice.pick(&[Temper::Trained, Temper::Wild]);
        let spec = random_spec(dice, temper);
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 1).unwrap();
        let reading = match dice.once_in(2) {
            true => extreme_reading(dice, &spec),
            false => random_reading(dice, &spec),
        };
        let bits = random_mask(dice, reading.len(), 0);
        let part = Mask::new(&bits, reading.len()).unwrap();
        let mut inputs = vec![WideSum::ZERO; reading.len()];
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
    });
}
