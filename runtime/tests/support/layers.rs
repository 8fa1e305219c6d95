//! Random layers.

use super::ONE;
use super::dice::{Dice, Temper};
use elbow::image::{DenseSpec, LayerSpec, Row};
use elbow::layer::WeightBits;
use elbow::layer::{Activation, LayerKind};
use elbow::requantize::Multiplier;

/// Largest accumulator that a model may have, exclusive.
pub(super) const BOUND: i64 = 1 << 30;

/// The output of a layer that is aimed at, in units of the output.
pub(super) struct Aim {
    center: f64,
    spread: f64,
}

/// The sizes of a model that its layers follow from.
pub(super) struct Sizes {
    pub(super) inputs: usize,
    pub(super) latents: usize,
    pub(super) latent_fraction_bits: usize,
    /// Rows of the output for each input.
    pub(super) rows: usize,
}

/// The layers of a model.
pub(super) struct Network {
    pub(super) encoder: Vec<LayerSpec>,
    pub(super) heads: DenseSpec,
    pub(super) decoder: Vec<LayerSpec>,
    pub(super) output: DenseSpec,
}

/// Layers, one in three of them with weights of four bits.
pub(super) fn random_network(dice: &mut Dice, temper: Temper, sizes: &Sizes) -> Network {
    let operand = Operand {
        count: sizes.inputs,
        usual: 60.0,
        largest: 127,
    };
    let (encoder, operand) = random_hidden(dice, temper, operand);
    let heads = random_heads(dice, temper, operand, sizes.latents);
    let operand = Operand {
        count: sizes.latents,
        usual: f64::from(1 << sizes.latent_fraction_bits),
        largest: 1 << 15,
    };
    let (decoder, operand) = random_hidden(dice, temper, operand);
    let aims = (0..sizes.rows * sizes.inputs).map(|row| Aim {
        center: 0.0,
        // The second row of an input is a log-deviation.
        spread: [1.5, 0.4][row % sizes.rows] * ONE,
    });
    let output = random_dense(dice, temper, operand, aims);
    let mut network = Network {
        encoder,
        heads,
        decoder,
        output,
    };
    let hidden = network.encoder.iter_mut().chain(&mut network.decoder);
    let layers = hidden.map(|layer| &mut layer.dense);
    layers
        .chain([&mut network.heads, &mut network.output])
        .filter(|_| dice.once_in(3))
        .for_each(halve);
    network
}

/// Makes the weights of a layer ones of four bits, about as large as they were; no row's magnitudes have a
/// larger sum than before.
pub(crate) fn halve(dense: &mut DenseSpec) {
    dense.bits = WeightBits::Four;
    let columns = dense.columns();
    for row in dense.weights.chunks_mut(columns) {
        let mut room = 0;
        for weight in row {
            let old = i32::from(*weight);
            room += old.abs();
            let steps = ((old.abs() + 8) / 16).min(room / 16).min(7);
            room -= 16 * steps;
            *weight = (old.signum() * 16 * steps) as i8;
        }
    }
}

/// Gives each row weights for `count` more numbers of at most `largest`, as far as its bound allows.
pub(super) fn widen(dice: &mut Dice, dense: &mut DenseSpec, count: usize, largest: i64) {
    let columns = dense.columns();
    let old = core::mem::take(&mut dense.weights);
    for (row, weights) in dense.rows.iter().zip(old.chunks(columns)) {
        let norm: i64 = weights.iter().map(|w| i64::from(w.unsigned_abs())).sum();
        let room = BOUND - 1 - largest * norm - i64::from(row.bias.unsigned_abs());
        let most = (room / (largest * count as i64)).min(127);
        dense.weights.extend(weights);
        let more = (0..count).map(|_| dice.between(-most, most) as i8);
        dense.weights.extend(more);
    }
    if dense.bits == WeightBits::Four {
        halve(dense);
    }
}

/// Any valid multiplier, those of about one more often.
pub(crate) fn random_multiplier(dice: &mut Dice) -> Multiplier {
    let mantissa = match dice.size(0, 3) {
        0 => dice.pick(&[0, 1, Multiplier::MAX_MANTISSA]),
        _ => dice.between(0, Multiplier::MAX_MANTISSA.into()) as u32,
    };
    let shift = match dice.size(0, 3) {
        0 => dice.between(0, Multiplier::MAX_SHIFT.into()) as u32,
        1 => dice.pick(&[0, 1, 16, 17, Multiplier::MAX_SHIFT]),
        _ => dice.between(8, 24) as u32,
    };
    Multiplier::from_word(mantissa | shift << 16).unwrap()
}

/// The numbers that a layer takes in: how many, and about how large they are and at most.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    count: usize,
    usual: f64,
    largest: i64,
}

/// Means around zero, and log-variances around -3.
pub(super) fn random_heads(
    dice: &mut Dice,
    temper: Temper,
    operand: Operand,
    latents: usize,
) -> DenseSpec {
    let aims = (0..2 * latents).map(|row| {
        let (center, spread) = if row < latents {
            (0.0, ONE)
        } else {
            (-3.0 * ONE, 0.7 * ONE)
        };
        Aim { center, spread }
    });
    random_dense(dice, temper, operand, aims)
}

/// Hidden layers, and what they give.
pub(super) fn random_hidden(
    dice: &mut Dice,
    temper: Temper,
    mut operand: Operand,
) -> (Vec<LayerSpec>, Operand) {
    let layers = (0..dice.size(0, 3)).map(|_| {
        let rows = dice.size(1, 40);
        let activation = dice.pick(&[Activation::Identity, Activation::Relu]);
        // Most activations are of 8 bits; wide ones of any width, as far as weights of 40 columns allow.
        let ceiling = if dice.once_in(3) {
            dice.between(128, 32_767)
        } else {
            127
        };
        let zero_point = match temper {
            Temper::Trained if activation == Activation::Relu => {
                dice.between(-ceiling, -60 * ceiling / 127)
            }
            Temper::Trained => dice.between(-20 * ceiling / 127, 20 * ceiling / 127),
            Temper::Wild => dice.between(-ceiling, ceiling),
        } as i16;
        let scale = ceiling as f64 / 127.0;
        let aims = (0..rows).map(|_| Aim {
            center: 0.0,
            spread: 40.0 * scale,
        });
        let mut dense = random_dense(dice, temper, operand, aims);
        if temper == Temper::Wild && dice.once_in(3) {
            // Thin out the weights.
            dense.weights.iter_mut().step_by(2).for_each(|w| *w = 0);
        }
        operand = Operand {
            count: rows,
            usual: 60.0 * scale,
            largest: ceiling,
        };
        LayerSpec {
            kind: LayerKind::Dense,
            dense,
            activation,
            zero_point,
            ceiling: ceiling as i16,
        }
    });
    let layers = layers.collect();
    (layers, operand)
}

/// A layer of these operands.
pub(super) fn random_dense(
    dice: &mut Dice,
    temper: Temper,
    operand: Operand,
    aims: impl Iterator<Item = Aim>,
) -> DenseSpec {
    let columns = operand.count;
    let mut dense = DenseSpec {
        bits: WeightBits::Eight,
        weights: vec![],
        rows: vec![],
    };
    for aim in aims {
        let at = dense.weights.len();
        let extreme = temper == Temper::Wild && dice.once_in(4);
        dense.weights.extend((0..columns).map(|_| match extreme {
            true => (dice.word() as i8 | 1).signum() * 127,
            false => dice.between(-127, 127) as i8,
        }));
        let norm: i64 = dense.weights[at..]
            .iter()
            .map(|w| i64::from(w.unsigned_abs()))
            .sum();
        // Uniform weights have a standard deviation of 127 / sqrt(3).
        let spread = operand.usual * 73.3 * (columns as f64).sqrt();
        let factor = (aim.spread / spread * dice.real(0.6, 1.2)).clamp(1e-13, 32767.0);
        let room = BOUND - 1 - operand.largest * norm;
        let (multiplier, bias) = match temper {
            Temper::Trained => {
                let multiplier = Multiplier::nearest(factor).unwrap();
                let bias = aim.center / multiplier.to_f64() + dice.real(-0.3, 0.3) * spread;
                (multiplier, bias as i64)
            }
            Temper::Wild => {
                let any = dice.between(-room, room);
                let small = dice.between(-(1 << 16), 1 << 16);
                (
                    random_multiplier(dice),
                    dice.pick(&[-room, 0, small, any, room]),
                )
            }
        };
        let bias = bias.clamp(-room, room) as i32;
        dense.rows.push(Row { bias, multiplier });
    }
    dense
}
