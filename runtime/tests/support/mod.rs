//! Random models that an image can hold, and readings for them.
#![allow(dead_code, reason = "each test target uses a part of this")]

pub(crate) mod reference;

use elbow::calibration::Noise;
use elbow::distribution::Family;
use elbow::image::{
    ColumnSpec, ComponentSpec, DenseSpec, GroupSpec, ImageSpec, InputSpec, LayerSpec,
    LikelihoodSpec, LocationSpec, PriorSpec, Row, Tail,
};
use elbow::layer::Activation;
use elbow::layer::{Packing, WeightBits};
use elbow::requantize::Multiplier;
use elbow::rng::Xoshiro128PlusPlus;
use rand_core::{Rng, SeedableRng};

/// Units of Q16.16 in one.
pub(crate) const ONE: f64 = 65_536.0;

/// The source of every choice that a test makes.
#[derive(Clone)]
pub(crate) struct Dice(Xoshiro128PlusPlus);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xoshiro128PlusPlus::seed_from_u64(seed))
    }

    pub(crate) fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Uniform in `low..=high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let wide = u64::from(self.word()) << 32 | u64::from(self.word());
        let span = (high - low + 1) as u128;
        low + ((u128::from(wide) * span) >> 64) as i64
    }

    pub(crate) fn size(&mut self, low: usize, high: usize) -> usize {
        self.between(low as i64, high as i64) as usize
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn real(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * f64::from(self.word()) / 4_294_967_296.0
    }

    /// About standard normal.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.real(-0.5, 0.5)).sum()
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u32) -> bool {
        self.between(1, times.into()) == 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.size(0, from.len() - 1)]
    }
}

/// What the numbers of a model are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Temper {
    /// As a trainer would leave them: activations use their range, and little saturates.
    Trained,
    /// Whatever is valid: extreme biases, multipliers of any size.
    Wild,
}

/// Largest accumulator that a model may have, exclusive.
const BOUND: i64 = 1 << 30;

/// The output of a layer that is aimed at, in units of the output.
struct Aim {
    center: f64,
    spread: f64,
}

/// A random model with one likelihood for all inputs, any, and up to three hidden layers in each half.
pub(crate) fn random_spec(dice: &mut Dice, temper: Temper) -> ImageSpec {
    random_spec_with(dice, temper, random_likelihood)
}

/// The same with a kind for each input.
pub(crate) fn random_heterogeneous(dice: &mut Dice, temper: Temper) -> ImageSpec {
    random_spec_with(dice, temper, |dice, temper, inputs| {
        let mut groups: Vec<GroupSpec> = vec![];
        let mut left = inputs;
        while left > 0 {
            let group = random_group(dice, temper, left);
            left -= group.inputs();
            groups.push(group);
        }
        LikelihoodSpec::Heterogeneous(groups)
    })
}

fn random_spec_with(
    dice: &mut Dice,
    temper: Temper,
    likelihood: impl FnOnce(&mut Dice, Temper, usize) -> LikelihoodSpec,
) -> ImageSpec {
    // Of choices that leave the others as they are.
    let mut aside = Dice::new(dice.clone().word().into());
    let inputs = dice.size(1, 40);
    let latents = dice.size(1, 12);
    let likelihood = likelihood(dice, temper, inputs);
    let wild = temper == Temper::Wild;
    let latent_fraction_bits = if wild {
        dice.size(6, 15)
    } else {
        dice.size(10, 12)
    } as u8;
    let specs = (0..inputs)
        .map(|index| random_input(dice, temper, &likelihood, index))
        .collect();

    let (encoder, columns, operand, largest) =
        random_hidden(dice, &mut aside, temper, inputs, 60.0, 127);
    let aims = (0..2 * latents).map(|row| {
        if row < latents {
            Aim {
                center: 0.0,
                spread: ONE,
            }
        } else {
            Aim {
                center: -3.0 * ONE,
                spread: 0.7 * ONE,
            }
        }
    });
    let heads = random_dense(dice, temper, columns, operand, largest, aims);

    let operand = f64::from(1 << latent_fraction_bits);
    let (decoder, columns, operand, largest) =
        random_hidden(dice, &mut aside, temper, latents, operand, 1 << 15);
    let rows = rows_per_input(&likelihood);
    let aims = (0..rows * inputs).map(|row| Aim {
        center: 0.0,
        // The second row of an input is a log-deviation.
        spread: [1.5, 0.4][row % rows] * ONE,
    });
    let output = random_dense(dice, temper, columns, operand, largest, aims);

    let mut spec = ImageSpec {
        name: format!("model-{}", dice.size(0, 99)),
        columns: random_columns(&mut aside.clone(), inputs),
        picture_width: dice.size(0, inputs) as u16,
        inputs: specs,
        input_ceiling: 127,
        conditions: vec![],
        prior: PriorSpec::Standard,
        likelihood,
        packing: aside.pick(&Packing::ALL),
        latent_fraction_bits,
        log_variance_range: if wild {
            random_range(dice)
        } else {
            (-10 << 16, 2 << 16)
        },
        encoder,
        heads,
        decoder,
        output,
        stream: None,
        typical: vec![],
        noise: random_noise(dice, temper),
        self_test_reading: vec![],
    };
    let hidden = spec.encoder.iter_mut().chain(&mut spec.decoder);
    let layers = hidden.map(|layer| &mut layer.dense);
    for dense in layers.chain([&mut spec.heads, &mut spec.output]) {
        if aside.once_in(3) {
            halve(dense);
        }
    }
    spec.self_test_reading = random_reading(dice, &spec);
    spec
}

/// Columns with names, some with units, some with offsets; or none.
fn random_columns(dice: &mut Dice, count: usize) -> Vec<ColumnSpec> {
    let (named, moved) = (dice.once_in(2), dice.once_in(2));
    let column = |index: usize| ColumnSpec {
        name: if named {
            format!("Größe {index}")
        } else {
            String::new()
        },
        unit: if named && index.is_multiple_of(2) {
            "m/s²".into()
        } else {
            String::new()
        },
        offset: if moved {
            i64::from(dice.word()) << 20
        } else {
            0
        },
    };
    let columns: Vec<ColumnSpec> = (0..count).map(column).collect();
    if named || moved { columns } else { vec![] }
}

/// Makes the weights of a layer ones of four bits, about as large as they were; no row's magnitudes have a
/// larger sum than before.
pub(crate) fn halve(dense: &mut DenseSpec) {
    dense.bits = WeightBits::Four;
    let columns = dense.weights.len() / dense.rows.len();
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

/// Gives a model conditions, or a mixture for a prior, or both.
pub(crate) fn enrich(dice: &mut Dice, spec: &mut ImageSpec) {
    let latents = spec.heads.rows.len() / 2;
    let kind = dice.size(0, 2);
    if kind > 0 {
        let count = dice.size(1, 5);
        for _ in 0..count {
            spec.inputs.push(InputSpec {
                center: dice.between(-1000, 1000) as i16,
                exponent: 0,
                gain: Multiplier::nearest(dice.real(0.1, 3.0)).unwrap(),
            });
            if !spec.columns.is_empty() {
                spec.columns.push(ColumnSpec::default());
            }
            let latent = f64::from(1 << spec.latent_fraction_bits);
            let gain = Multiplier::nearest(latent * dice.real(0.01, 0.1)).unwrap();
            spec.conditions.push(gain);
        }
        let first = spec.encoder.first_mut().map(|layer| &mut layer.dense);
        widen(dice, first.unwrap_or(&mut spec.heads), count, 127);
        let first = spec.decoder.first_mut().map(|layer| &mut layer.dense);
        widen(dice, first.unwrap_or(&mut spec.output), count, 1 << 15);
    }
    if kind < 2 {
        let weights: Vec<f64> = (0..dice.size(1, 5)).map(|_| dice.real(0.01, 1.0)).collect();
        let sum: f64 = weights.iter().sum();
        let component = |weight: &f64| ComponentSpec {
            log_weight: (weight / sum).ln(),
            mean: (0..latents).map(|_| dice.real(-3.0, 3.0)).collect(),
            log_variance: (0..latents).map(|_| dice.real(-16.0, 8.0)).collect(),
        };
        spec.prior = PriorSpec::Mixture(weights.iter().map(component).collect());
    }
    let behind = spec.inputs.len() - spec.conditions.len();
    spec.self_test_reading.truncate(behind);
    for input in &spec.inputs[behind..] {
        spec.self_test_reading.push(input.center.saturating_add(7));
    }
}

/// Lets the encoder take in more than 8 bits, as far as its bound allows, and no reading further away.
pub(crate) fn widen_inputs(dice: &mut Dice, spec: &mut ImageSpec) {
    let first = spec.encoder.first_mut().map(|layer| &mut layer.dense);
    let dense = first.unwrap_or(&mut spec.heads);
    let columns = dense.weights.len() / dense.rows.len();
    let room = dense.rows.iter().zip(dense.weights.chunks(columns));
    let room = room.map(|(row, weights)| {
        let norm: i64 = weights.iter().map(|w| i64::from(w.unsigned_abs())).sum();
        (BOUND - 1 - i64::from(row.bias.unsigned_abs())) / norm.max(1)
    });
    let most = room.min().unwrap_or(127);
    let ceiling = dice
        .pick(&[127, 128, 4095, 32_767])
        .clamp(127, most.max(127));
    let factor = ceiling as f64 / f64::from(spec.input_ceiling);
    spec.input_ceiling = ceiling as u16;
    for input in &mut spec.inputs {
        let gain = (input.gain.to_f64() * factor).clamp(1e-9, 32_000.0);
        input.gain = Multiplier::nearest(gain).unwrap();
    }
    for row in &mut dense.rows {
        let multiplier = (row.multiplier.to_f64() / factor).clamp(1e-9, 32_000.0);
        row.multiplier = Multiplier::nearest(multiplier).unwrap();
    }
}

/// Gives each row weights for `count` more numbers of at most `largest`, as far as its bound allows.
fn widen(dice: &mut Dice, dense: &mut DenseSpec, count: usize, largest: i64) {
    let columns = dense.weights.len() / dense.rows.len();
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

fn random_range(dice: &mut Dice) -> (i32, i32) {
    let bound = |dice: &mut Dice| dice.between(-32 << 16, 8 << 16) as i32;
    match dice.size(0, 2) {
        0 => (-32 << 16, 8 << 16),
        1 => [bound(dice); 2].into(),
        _ => {
            let (a, b) = (bound(dice), bound(dice));
            (a.min(b), a.max(b))
        }
    }
}

fn random_likelihood(dice: &mut Dice, temper: Temper, inputs: usize) -> LikelihoodSpec {
    if dice.once_in(2) {
        let other = dice.size(1, 255) as u8;
        let trials = dice.pick(&[1, 1, 2, 16, 255, other]);
        return LikelihoodSpec::Binomial { trials };
    }
    let family = dice.pick(&[Family::Normal, Family::Laplace]);
    let units: Vec<f64> = (0..inputs).map(|_| dice.real(-1.0, 8.0).exp()).collect();
    let nearest = |factor: f64| Multiplier::nearest(factor).unwrap();
    let mut location = LocationSpec {
        family,
        predicted_scale: dice.once_in(2),
        standardize: units.iter().map(|u| nearest(8192.0 / u)).collect(),
        units: units.iter().map(|&u| nearest(u)).collect(),
        log_normalizers: units.iter().map(|&u| log_normalizer(family, u)).collect(),
    };
    if temper == Temper::Wild {
        location.standardize = (0..inputs).map(|_| random_multiplier(dice)).collect();
        location.units = (0..inputs).map(|_| random_multiplier(dice)).collect();
        location.log_normalizers = (0..inputs)
            .map(|_| {
                let any = dice.real(-4096.0, 4096.0);
                dice.pick(&[-4096.0, 4096.0, 0.0, any])
            })
            .collect();
    }
    LikelihoodSpec::Location(location)
}

/// Inputs of some kind, at most `left`.
fn random_group(dice: &mut Dice, temper: Temper, left: usize) -> GroupSpec {
    let kind = dice.size(0, if left > 1 { 5 } else { 4 });
    let student = Tail::Student {
        degrees: dice.pick(&[1, 2, 4, 10, 248]),
    };
    match kind {
        0..3 => {
            let tail = [Tail::Normal, Tail::Laplace, student][kind];
            let unit = dice.real(-1.0, 8.0).exp();
            let nearest = |factor: f64| Multiplier::nearest(factor).unwrap();
            let (mut standardize, mut units) = (nearest(8192.0 / unit), nearest(unit));
            let mut log_normalizer = tail_normalizer(tail, unit);
            if temper == Temper::Wild {
                (standardize, units) = (random_multiplier(dice), random_multiplier(dice));
                let any = dice.real(-4096.0, 4096.0);
                log_normalizer = dice.pick(&[-4096.0, 4096.0, 0.0, any]);
            }
            GroupSpec::Real {
                tail,
                standardize,
                unit: units,
                log_normalizer,
            }
        }
        3 => GroupSpec::Flag,
        4 => {
            let any = dice.real(-6.0, 2.0).exp();
            let failures = match temper {
                Temper::Trained => [any; 3],
                Temper::Wild => [1.0 / 65536.0, 1.0, 128.0],
            };
            GroupSpec::Count {
                failures: dice.pick(&failures),
                largest: dice.pick(&[1, 10, 255]),
            }
        }
        _ => GroupSpec::States {
            count: dice.size(2, left.min(12)) as u16,
        },
    }
}

/// Of a density whose unit is `unit`, where the distance is 0; of Student-t the unit is the scale times the root of the
/// degrees of freedom.
pub(crate) fn tail_normalizer(tail: Tail, unit: f64) -> f64 {
    match tail {
        Tail::Normal => log_normalizer(Family::Normal, unit),
        Tail::Laplace => log_normalizer(Family::Laplace, unit),
        Tail::Student { degrees } => {
            let v = f64::from(degrees);
            let gammas = libm::lgamma((v + 1.0) / 2.0) - libm::lgamma(v / 2.0);
            gammas - 0.5 * core::f64::consts::PI.ln() - unit.ln()
        }
    }
}

/// The group that input `input` belongs to, and its place in it.
pub(crate) fn group_of(groups: &[GroupSpec], mut input: usize) -> (&GroupSpec, usize) {
    for group in groups {
        if input < group.inputs() {
            return (group, input);
        }
        input -= group.inputs();
    }
    panic!("the groups end before the input")
}

/// Of a density with the scale `unit`, where the distance is 0.
pub(crate) fn log_normalizer(family: Family, unit: f64) -> f64 {
    match family {
        Family::Normal => -(unit * (2.0 * core::f64::consts::PI).sqrt()).ln(),
        Family::Laplace => -(2.0 * unit).ln(),
    }
}

/// A random model with a likelihood of that kind: 0 binomial, 1 location, 2 heterogeneous.
pub(crate) fn random_spec_of(dice: &mut Dice, temper: Temper, kind: usize) -> ImageSpec {
    if kind == 2 {
        return random_heterogeneous(dice, temper);
    }
    loop {
        let spec = random_spec(dice, temper);
        let is_location = matches!(spec.likelihood, LikelihoodSpec::Location(_));
        if usize::from(is_location) == kind {
            return spec;
        }
    }
}

/// Rows of the output layer for each input.
pub(crate) fn rows_per_input(likelihood: &LikelihoodSpec) -> usize {
    match likelihood {
        LikelihoodSpec::Location(location) if location.predicted_scale => 2,
        _ => 1,
    }
}

fn random_noise(dice: &mut Dice, temper: Temper) -> Noise {
    let excess = dice.between(-4 << 16, 4 << 16) as i32;
    let [mean, pair] = [(); 2].map(|()| dice.between(0, 4 << 16) as i32);
    match temper {
        Temper::Trained => Noise {
            mean_excess: excess,
            mean_deviation: mean,
            pair_deviation: pair,
        },
        Temper::Wild => Noise {
            mean_excess: dice.pick(&[i32::MIN, i32::MAX, 0, excess]),
            mean_deviation: dice.pick(&[0, 1, mean, i32::MAX - 1, i32::MAX]),
            pair_deviation: dice.pick(&[0, 1, pair, i32::MAX]),
        },
    }
}

fn random_input(
    dice: &mut Dice,
    temper: Temper,
    likelihood: &LikelihoodSpec,
    index: usize,
) -> InputSpec {
    let (center, range) = match likelihood {
        LikelihoodSpec::Binomial { trials } => {
            let trials = i64::from(*trials);
            (dice.between(0, trials), trials as f64)
        }
        LikelihoodSpec::Location(location) => {
            let unit = 8192.0 / location.standardize[index].to_f64().max(0.1);
            (dice.between(-20_000, 20_000), 3.0 * unit)
        }
        LikelihoodSpec::Heterogeneous(groups) => match group_of(groups, index).0 {
            GroupSpec::Real { standardize, .. } => {
                let unit = 8192.0 / standardize.to_f64().max(0.1);
                (dice.between(-20_000, 20_000), 3.0 * unit)
            }
            GroupSpec::Count { largest, .. } => (1, f64::from(*largest)),
            GroupSpec::Flag | GroupSpec::States { .. } => (0, 1.0),
        },
    };
    let exponent = dice.between(-128, 127) as i8;
    match temper {
        Temper::Trained => InputSpec {
            center: center as i16,
            exponent,
            gain: Multiplier::nearest(100.0 / range).unwrap(),
        },
        Temper::Wild => InputSpec {
            center: dice.pick(&[i16::MIN, -1, 0, i16::MAX]),
            exponent,
            gain: random_multiplier(dice),
        },
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

/// Hidden layers, the number of their outputs, and about how large these are and at most.
fn random_hidden(
    dice: &mut Dice,
    aside: &mut Dice,
    temper: Temper,
    inputs: usize,
    mut operand: f64,
    mut largest: i64,
) -> (Vec<LayerSpec>, usize, f64, i64) {
    let mut columns = inputs;
    let layers = (0..dice.size(0, 3)).map(|_| {
        let rows = dice.size(1, 40);
        let activation = dice.pick(&[Activation::Identity, Activation::Relu]);
        // Most activations are of 8 bits; wide ones of any width, as far as weights of 40 columns allow.
        let ceiling = if aside.once_in(3) {
            aside.between(128, 32_767)
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
        let mut dense = random_dense(dice, temper, columns, operand, largest, aims);
        if temper == Temper::Wild && dice.once_in(3) {
            // Thin out the weights.
            dense.weights.iter_mut().step_by(2).for_each(|w| *w = 0);
        }
        (columns, operand, largest) = (rows, 60.0 * scale, ceiling);
        LayerSpec {
            dense,
            activation,
            zero_point,
            ceiling: ceiling as i16,
        }
    });
    let layers = layers.collect();
    (layers, columns, operand, largest)
}

/// A layer of `columns` operands, about `operand` and at most `largest` in magnitude.
fn random_dense(
    dice: &mut Dice,
    temper: Temper,
    columns: usize,
    operand: f64,
    largest: i64,
    aims: impl Iterator<Item = Aim>,
) -> DenseSpec {
    let mut dense = DenseSpec {
        bits: WeightBits::Eight,
        weights: vec![],
        rows: vec![],
    };
    for aim in aims {
        let at = dense.weights.len();
        let extreme = temper == Temper::Wild && dice.once_in(4);
        dense.weights.extend((0..columns).map(|_| match extreme {
            true => dice.pick(&[-127i8, 127]),
            false => dice.between(-127, 127) as i8,
        }));
        let norm: i64 = dense.weights[at..]
            .iter()
            .map(|w| i64::from(w.unsigned_abs()))
            .sum();
        // Uniform weights have a standard deviation of 127 / sqrt(3).
        let spread = operand * 73.3 * (columns as f64).sqrt();
        let factor = (aim.spread / spread * dice.real(0.6, 1.2)).clamp(1e-13, 32767.0);
        let room = BOUND - 1 - largest * norm;
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

/// A reading such as the model might meet.
pub(crate) fn random_reading(dice: &mut Dice, spec: &ImageSpec) -> Vec<i16> {
    let (mut reading, mut state) = (vec![], 0);
    let modelled = spec.inputs.len() - spec.conditions.len();
    for (index, input) in spec.inputs.iter().enumerate() {
        reading.push(match &spec.likelihood {
            _ if index >= modelled => input.center.saturating_add(dice.between(-99, 99) as i16),
            LikelihoodSpec::Binomial { trials } => dice.between(0, i64::from(*trials)) as i16,
            LikelihoodSpec::Location(location) => {
                let unit = location.units[index].to_f64();
                let value = f64::from(input.center) + 2.0 * unit * dice.normal();
                value.round() as i16
            }
            LikelihoodSpec::Heterogeneous(groups) => match group_of(groups, index) {
                (GroupSpec::Real { unit, .. }, _) => {
                    let value = f64::from(input.center) + 2.0 * unit.to_f64() * dice.normal();
                    value.round() as i16
                }
                (GroupSpec::Flag, _) => dice.between(0, 1) as i16,
                (GroupSpec::Count { .. }, _) => dice.pick(&[0, 1, 2, 5, 12]),
                (GroupSpec::States { .. }, 0) => {
                    state = dice.size(0, 12);
                    i16::from(state == 0)
                }
                (GroupSpec::States { count }, place) => {
                    // A state that is beyond them is none of them.
                    i16::from(state % (usize::from(*count) + 1) == place)
                }
            },
        });
    }
    reading
}

/// A reading at the ends of what the likelihood allows.
pub(crate) fn extreme_reading(dice: &mut Dice, spec: &ImageSpec) -> Vec<i16> {
    let (low, high) = match spec.likelihood {
        LikelihoodSpec::Binomial { trials } => (0, trials.into()),
        LikelihoodSpec::Location(_) | LikelihoodSpec::Heterogeneous(_) => (i16::MIN, i16::MAX),
    };
    let both: &[i16] = &[low, high];
    let from = dice.pick(&[&both[..1], &both[1..], both]);
    spec.inputs.iter().map(|_| dice.pick(from)).collect()
}

/// The bits of a mask of a reading of `inputs` inputs and `conditions` conditions, that observes some
/// input: none missing, some missing, most missing, all but one missing; whatever stands behind them.
pub(crate) fn random_mask(dice: &mut Dice, inputs: usize, conditions: usize) -> Vec<u8> {
    let missing = dice.pick(&[0, 2, 10, u32::MAX]);
    let mut bits = vec![0u8; (inputs + conditions).div_ceil(8)];
    for input in 0..8 * bits.len() {
        let observed = match missing {
            0 => true,
            2 => !dice.once_in(2),
            missing => dice.once_in(missing),
        };
        bits[input / 8] |= u8::from(observed) << (input % 8);
    }
    let sure = dice.size(0, inputs - 1);
    bits[sure / 8] |= 1 << (sure % 8);
    bits
}
