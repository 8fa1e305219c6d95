//! Random models that an image can hold.

use super::dice::{Dice, Temper};
use super::layers::{BOUND, Sizes, random_multiplier, random_network, widen};
use super::likelihoods::{group_of, random_group, random_likelihood, rows_per_input};
use super::readings::random_reading;
use elbow::calibration::Noise;
use elbow::distribution::LogVarianceRange;
use elbow::image::{
    ColumnSpec, ComponentSpec, GroupSpec, ImageSpec, InputSpec, LikelihoodSpec, PriorSpec,
    StatisticsSpec,
};
use elbow::layer::Packing;
use elbow::posterior::PosteriorKind;
use elbow::requantize::Multiplier;

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

/// The same with latents that are bits, under fair coins or others; of any likelihood, and with conditions or without.
pub(crate) fn random_bits(dice: &mut Dice, temper: Temper) -> ImageSpec {
    let kind = dice.size(0, 2);
    let mut spec = random_spec_of(dice, temper, kind);
    if dice.once_in(3) {
        enrich(dice, &mut spec);
    }
    let latents = spec.latents();
    let columns = spec.heads.columns();
    spec.heads.rows.truncate(latents);
    spec.heads.weights.truncate(latents * columns);
    spec.posterior = PosteriorKind::Bernoulli;
    spec.latent_fraction_bits = spec.latent_fraction_bits.min(14);
    spec.prior = match dice.once_in(2) {
        true => PriorSpec::Standard,
        false => {
            let largest = dice.pick(&[3.0, 16.0]);
            let odds = (0..latents).map(|_| dice.real(-largest, largest));
            PriorSpec::Bernoulli(odds.collect())
        }
    };
    spec
}

pub(super) fn random_spec_with(
    dice: &mut Dice,
    temper: Temper,
    likelihood: impl FnOnce(&mut Dice, Temper, usize) -> LikelihoodSpec,
) -> ImageSpec {
    let (inputs, latents) = (dice.size(1, 40), dice.size(1, 12));
    let wild = temper == Temper::Wild;
    let latent_fraction_bits = dice.size([10, 6][usize::from(wild)], [12, 15][usize::from(wild)]);
    let likelihood = likelihood(dice, temper, inputs);
    let network = random_network(
        dice,
        temper,
        &Sizes {
            inputs,
            latents,
            latent_fraction_bits,
            rows: rows_per_input(&likelihood),
        },
    );
    let mut spec = ImageSpec {
        name: format!("model-{}", dice.size(0, 99)),
        columns: random_columns(dice, inputs),
        picture_width: dice.size(0, inputs) as u16,
        inputs: (0..inputs)
            .map(|index| random_input(dice, temper, &likelihood, index))
            .collect(),
        input_ceiling: 127,
        conditions: vec![],
        prior: PriorSpec::Standard,
        likelihood,
        packing: dice.pick(&Packing::ALL),
        latent_fraction_bits: latent_fraction_bits as u8,
        posterior: PosteriorKind::Gaussian {
            log_variance_range: if wild {
                random_range(dice)
            } else {
                LogVarianceRange {
                    lowest: -10 << 16,
                    highest: 2 << 16,
                }
            },
        },
        encoder: network.encoder,
        heads: network.heads,
        decoder: network.decoder,
        output: network.output,
        stream: None,
        typical: vec![],
        statistics: StatisticsSpec::default(),
        noise: random_noise(dice, temper),
        self_test_reading: vec![],
    };
    spec.self_test_reading = random_reading(dice, &spec);
    spec
}

/// Columns with names, some with units, some with offsets; or none.
pub(super) fn random_columns(dice: &mut Dice, count: usize) -> Vec<ColumnSpec> {
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

/// Gives a model conditions, or a mixture for a prior, or both.
pub(crate) fn enrich(dice: &mut Dice, spec: &mut ImageSpec) {
    let latents = spec.latents();
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
    let columns = dense.columns();
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

pub(super) fn random_range(dice: &mut Dice) -> LogVarianceRange {
    let bound = |dice: &mut Dice| dice.between(-32 << 16, 8 << 16) as i32;
    let (lowest, highest) = match dice.size(0, 2) {
        0 => (-32 << 16, 8 << 16),
        1 => [bound(dice); 2].into(),
        _ => {
            let (a, b) = (bound(dice), bound(dice));
            (a.min(b), a.max(b))
        }
    };
    LogVarianceRange { lowest, highest }
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

pub(super) fn random_noise(dice: &mut Dice, temper: Temper) -> Noise {
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

pub(super) fn random_input(
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
