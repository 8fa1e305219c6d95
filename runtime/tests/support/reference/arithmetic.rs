//! The rounding rule, roots, and layers.

use crate::support::ONE;
use elbow::image::{DenseSpec, LayerSpec};
use elbow::layer::Activation;
use elbow::requantize::Multiplier;
use elbow::transcendental::{exp, ln};

/// `v` in the range of a signed number of `bits` bits.
pub(crate) fn saturate(v: i128, bits: u32) -> i128 {
    v.clamp(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
}

/// The integer nearest to `v / 2^bits`, halves up.
pub(crate) fn round(v: i128, bits: u32) -> i128 {
    (2 * v + (1 << bits)).div_euclid(2 << bits)
}

/// The integer nearest to `sum / count`, by the rule of NUMERICS.md.
pub(crate) fn mean(sum: i128, count: i128) -> i128 {
    (sum + count / 2).div_euclid(count)
}

/// The floor of the root, by bisection.
pub(crate) fn root(n: i128) -> i128 {
    let (mut low, mut high) = (0, 1i128 << 62);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if middle * middle <= n {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// `cos a + sin a` of an angle in 2^-32 turns, Q16.16, by the rule of NUMERICS.md.
pub(super) fn offset(angle: i128) -> i128 {
    let (turn, quarter) = (1i128 << 32, 1i128 << 30);
    let turned = (angle + turn / 8).rem_euclid(turn);
    let folded = match turned / quarter {
        0 => turned,
        1 | 2 => turn / 2 - turned,
        _ => turned - turn,
    };
    let t = round(folded, 15);
    let square = round(t * t, 15);
    let inner = 1840 - round(99 * square, 15);
    let middle = 14_964 - round(square * inner, 15);
    let outer = 36_394 - round(square * middle, 15);
    4 * round(t * outer, 15)
}

pub(crate) fn apply(multiplier: Multiplier, a: i128) -> i128 {
    let word = multiplier.to_word();
    let (mantissa, shift) = (i128::from(word & 0xffff), word >> 16);
    saturate(round(a * mantissa, shift), 32)
}

/// The CRC-32 of zlib, bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 * (sum & 1));
        }
    }
    !sum
}

/// `M_r(a_r)` of each row.
pub(super) fn dense(layer: &DenseSpec, x: &[i128]) -> Vec<i128> {
    let mut outputs = vec![];
    for (r, row) in layer.rows.iter().enumerate() {
        let mut a = i128::from(row.bias);
        for (c, operand) in x.iter().enumerate() {
            a += i128::from(layer.weights[r * x.len() + c]) * operand;
        }
        assert!(a.abs() < 1 << 30, "accumulator {a}");
        outputs.push(apply(row.multiplier, a));
    }
    outputs
}

/// The outputs of each layer.
pub(super) fn network(hidden: &[LayerSpec], last: &DenseSpec, mut x: Vec<i128>) -> Vec<Vec<i128>> {
    let mut outputs = vec![];
    for layer in hidden {
        let zero_point = i128::from(layer.zero_point);
        let floor = match layer.activation {
            Activation::Identity => -i128::from(layer.ceiling),
            Activation::Relu => zero_point,
            other => panic!("no reference for {other:?}"),
        };
        x = dense(&layer.dense, &x);
        for q in &mut x {
            *q = (*q + zero_point).max(floor).min(layer.ceiling.into());
        }
        outputs.push(x.clone());
    }
    outputs.push(dense(last, &x));
    outputs
}

/// The number of an image for one in nats or in units of a latent.
pub(super) fn q16(x: f64) -> i128 {
    (x * ONE).round() as i128
}

/// The logarithm of the sum of weights.
pub(super) fn log_sum_exp(log_weights: Vec<i128>) -> i128 {
    let count = log_weights.len() as u32;
    log_mean_exp(log_weights.into_iter()).0 + i128::from(ln(count << 16))
}

/// The importance-weighted bound of these log weights, and its standard error.
pub(super) fn log_mean_exp(log_weights: impl Iterator<Item = i128>) -> (i128, Option<i128>) {
    let relative = |d: i128| i128::from(exp((saturate(d, 32) + 545_113) as i32));
    let square = |u: i128| ((u >> 12) * (u >> 12)) >> 16;
    let (mut highest, mut sum, mut squares, mut count) = (0, 0i128, 0i128, 0i128);
    for w in log_weights {
        if count == 0 {
            highest = w;
        } else if w > highest {
            let r = relative(highest - w);
            sum = ((sum >> 8) * r) >> 20;
            squares = (squares * square(r)) >> 16;
            highest = w;
        }
        let u = relative(w - highest);
        sum += u;
        squares += square(u);
        count += 1;
    }
    assert!(sum < 1 << 44 && squares < 1 << 33);
    let mut shift = 0;
    while sum >> shift >= 1 << 32 {
        shift += 1;
    }
    let log_sum = i128::from(ln((sum >> shift) as u32)) + shift * 45_426;
    let bound = highest + log_sum - 545_113 - i128::from(ln((count << 16) as u32));
    let total = (sum >> 12).pow(2) >> 16;
    let error = (count > 1).then(|| {
        let excess = (count * squares - total).max(0);
        saturate(root((((excess << 15) / total) << 17) / (count - 1)), 32)
    });
    (bound, error)
}
