//! Models that no image can hold.

use crate::spec_with_hidden_layers;
use crate::support::{Dice, check};
use elbow::distribution::LogVarianceRange;
use elbow::estimator::Estimator;
use elbow::format::{ImageError, MAX_CALIBRATIONS, MAX_LAYERS};
use elbow::image::{
    CalibrationSpec, ComponentSpec, CurveSpec, DenseSpec, GroupSpec, ImageSpec, LikelihoodSpec,
    LocationSpec, PriorSpec, Tail, WriteError,
};
use elbow::layer::WeightBits;
use elbow::posterior::PosteriorKind;
use elbow::requantize::Multiplier;

/// Something that breaks one rule of FORMAT.md or NUMERICS.md.
type Change = fn(&mut ImageSpec);

/// Refuses each change of a model with a likelihood of that kind, and with a mixture for a prior.
fn refuse(kind: usize, changes: &[(Change, &str)]) {
    let mut spec = spec_with_hidden_layers(&mut Dice::new(26), kind);
    if kind == 2 {
        spec.likelihood =
            LikelihoodSpec::Heterogeneous(vec![GroupSpec::Flag; spec.output.rows.len()]);
    }
    spec.prior = PriorSpec::Mixture(vec![ComponentSpec {
        log_weight: 0.0,
        mean: vec![0.0; spec.latents()],
        log_variance: vec![0.0; spec.latents()],
    }]);
    assert!(spec.write(&[]).is_ok());
    for (index, (change, what)) in changes.iter().enumerate() {
        let mut spec = spec.clone();
        change(&mut spec);
        let error = spec.write(&[]).unwrap_err();
        let expected = format!("the image is not valid: {what}");
        assert_eq!(error.to_string(), expected, "change {index}");
    }
}

fn gaussian(lowest: i32, highest: i32) -> PosteriorKind {
    PosteriorKind::Gaussian {
        log_variance_range: LogVarianceRange { lowest, highest },
    }
}

#[test]
fn numbers_out_of_range_are_not_encoded() {
    let deviation = "a deviation of its noise is negative";
    let range = "its range of log-variances is not within -32..=8";
    let inputs = "the ceiling of its inputs is not in 127..=32767";
    let bits = "the fraction bits of its latents are not in 6..=15";
    refuse(
        1,
        &[
            (|s| s.input_ceiling = 126, inputs),
            (|s| s.input_ceiling = 32_768, inputs),
            (|s| s.latent_fraction_bits = 5, bits),
            (|s| s.latent_fraction_bits = 16, bits),
            (|s| s.posterior = gaussian((-32 << 16) - 1, 0), range),
            (|s| s.posterior = gaussian(0, (8 << 16) + 1), range),
            (|s| s.posterior = gaussian(1, 0), range),
            (|s| s.noise.mean_deviation = -1, deviation),
            (|s| s.noise.pair_deviation = i32::MIN, deviation),
        ],
    );
}

#[test]
fn layers_that_break_a_rule_are_not_encoded() {
    let ceiling = "a zero point is beyond its layer's ceiling";
    let bound = "an accumulator could reach 2^30, or a weight is -128";
    let below: Change = |s| s.encoder[0].zero_point = -s.encoder[0].ceiling - 1;
    let above: Change = |s| s.decoder[0].zero_point = s.decoder[0].ceiling + 1;
    refuse(
        1,
        &[
            (below, ceiling),
            (above, ceiling),
            (|s| s.decoder[0].ceiling = 0, ceiling),
            (|s| s.encoder[0].ceiling = -127, ceiling),
            (|s| s.encoder[0].ceiling = i16::MIN, ceiling),
            (|s| s.encoder[0].dense.weights[0] = -128, bound),
            (|s| s.heads.weights[0] = -128, bound),
            (|s| s.heads.rows[0].bias = i32::MIN, bound),
            (|s| s.output.rows[0].bias = 1 << 30, bound),
            (|s| s.decoder[0].dense.rows[0].bias = i32::MAX, bound),
        ],
    );
}

#[test]
fn priors_that_break_a_rule_are_not_encoded() {
    let prior = "a number of its prior is out of range";
    let components = "its prior has not 1 to 256 components";
    let many: Change = |s| s.prior = PriorSpec::Mixture(vec![first_component(s).clone(); 257]);
    refuse(
        1,
        &[
            (|s| first_component(s).log_weight = 0.001, prior),
            (|s| first_component(s).log_weight = -64.001, prior),
            (|s| first_component(s).mean[0] = 128.001, prior),
            (|s| first_component(s).mean[0] = f64::NAN, prior),
            (|s| first_component(s).log_variance[0] = 8.001, prior),
            (|s| first_component(s).log_variance[0] = -16.001, prior),
            (|s| s.prior = PriorSpec::Mixture(vec![]), components),
            (many, components),
        ],
    );
}

/// A prior of Gaussians is none of bits, nor the other way round; a bit fits in 16 bits with its sign.
#[test]
fn bits_that_break_a_rule_are_not_encoded() {
    let prior = "a number of its prior is out of range";
    let bits = "the fraction bits of its latents are not in 6..=15";
    let of_bits = |spec: &mut ImageSpec| {
        let latents = spec.latents();
        spec.heads.weights.truncate(latents * spec.heads.columns());
        spec.heads.rows.truncate(latents);
        spec.posterior = PosteriorKind::Bernoulli;
        spec.latent_fraction_bits = 14;
        spec.prior = PriorSpec::Bernoulli(vec![-16.0; latents]);
    };
    let coins = |spec: &mut ImageSpec, log_odds| {
        spec.prior = PriorSpec::Bernoulli(vec![log_odds; spec.latents()]);
    };
    let mut spec = spec_with_hidden_layers(&mut Dice::new(26), 1);
    of_bits(&mut spec);
    assert!(spec.write(&[]).is_ok());
    let refused = |change: &dyn Fn(&mut ImageSpec), what: &str| {
        let mut spec = spec.clone();
        change(&mut spec);
        let error = spec.write(&[]).unwrap_err();
        assert_eq!(error.to_string(), format!("the image is not valid: {what}"));
    };
    refused(&|s| coins(s, 16.001), prior);
    refused(&|s| coins(s, -16.001), prior);
    refused(&|s| coins(s, f64::NAN), prior);
    refused(&|s| s.latent_fraction_bits = 15, bits);
    let latents = spec.latents();
    let component = ComponentSpec {
        log_weight: 0.0,
        mean: vec![0.0; latents],
        log_variance: vec![0.0; latents],
    };
    let mixture = PriorSpec::Mixture(vec![component]);
    refused(&|s| s.prior = mixture.clone(), prior);
    refuse(
        1,
        &[(
            |s| s.prior = PriorSpec::Bernoulli(vec![0.0; s.latents()]),
            prior,
        )],
    );
    let mut short = spec.clone();
    short.prior = PriorSpec::Bernoulli(vec![0.0; latents + 1]);
    let error = short.write(&[]).unwrap_err();
    assert!(matches!(
        error,
        WriteError::Length {
            what: "log-odds of the prior",
            ..
        }
    ));
}

#[test]
fn likelihoods_that_break_a_rule_are_not_encoded() {
    let constant = "a constant of its density is beyond 4096 nats";
    let trials = "its binomial likelihood has no trials or a wrong table";
    let impossible = "the reading of its self-test is impossible under its likelihood";
    let unknown = "an input is of no known kind, or a parameter of its kind is out of range";
    let none: Change = |s| s.likelihood = LikelihoodSpec::Binomial { trials: 0 };
    refuse(
        0,
        &[
            (none, trials),
            (|s| s.self_test_reading[0] = -1, impossible),
            (|s| s.self_test_reading[0] = 256, impossible),
        ],
    );
    refuse(
        1,
        &[
            (|s| log_normalizer(s, 4096.0 + 1.0 / 65536.0), constant),
            (|s| log_normalizer(s, -4096.0 - 1.0 / 65536.0), constant),
            (|s| log_normalizer(s, f64::INFINITY), constant),
            (|s| log_normalizer(s, f64::NEG_INFINITY), constant),
            (|s| log_normalizer(s, f64::NAN), constant),
        ],
    );
    let one: Change = |s| *first_group(s) = GroupSpec::States { count: 1 };
    refuse(
        2,
        &[
            (|s| *first_group(s) = count(0.0, 5), unknown),
            (|s| *first_group(s) = count(128.001, 5), unknown),
            (|s| *first_group(s) = count(f64::NAN, 5), unknown),
            (|s| *first_group(s) = count(1.0, 0), unknown),
            (one, unknown),
            (|s| *first_group(s) = real(Tail::Normal, 4096.001), unknown),
            (|s| *first_group(s) = real(student(0), 0.0), unknown),
            (|s| *first_group(s) = real(student(249), 0.0), unknown),
            (|s| *first_group(s) = real(student(3), f64::NAN), unknown),
        ],
    );
}

fn first_component(spec: &mut ImageSpec) -> &mut ComponentSpec {
    match &mut spec.prior {
        PriorSpec::Mixture(components) => &mut components[0],
        _ => unreachable!("the prior is a mixture"),
    }
}

/// The first group of a likelihood with a kind for each input.
fn first_group(spec: &mut ImageSpec) -> &mut GroupSpec {
    match &mut spec.likelihood {
        LikelihoodSpec::Heterogeneous(groups) => &mut groups[0],
        _ => unreachable!("the inputs have kinds"),
    }
}

fn shorten<T>(list: &mut Vec<T>) {
    list.truncate(list.len() - 1);
}

fn student(degrees: u8) -> Tail {
    Tail::Student { degrees }
}

fn count(failures: f64, largest: u8) -> GroupSpec {
    GroupSpec::Count { failures, largest }
}

fn real(tail: Tail, log_normalizer: f64) -> GroupSpec {
    let one = Multiplier::nearest(1.0).unwrap();
    GroupSpec::Real {
        tail,
        standardize: one,
        unit: one,
        log_normalizer,
    }
}

fn location(spec: &mut ImageSpec) -> &mut LocationSpec {
    match &mut spec.likelihood {
        LikelihoodSpec::Location(location) => location,
        _ => unreachable!("the model has a location"),
    }
}

fn log_normalizer(spec: &mut ImageSpec, nats: f64) {
    *location(spec).log_normalizers.last_mut().unwrap() = nats;
}

/// The bound itself is refused, one below is not.
#[test]
fn the_accumulator_bound_is_exact() {
    type Layer = fn(&mut ImageSpec) -> &mut DenseSpec;
    type Largest = fn(&ImageSpec) -> i16;
    let layers: [(Layer, Largest); 4] = [
        (|s| &mut s.encoder[0].dense, |_| 127),
        (|s| &mut s.heads, |s| s.encoder.last().unwrap().ceiling),
        (|s| &mut s.decoder[0].dense, |_| i16::MIN),
        (|s| &mut s.output, |s| s.decoder.last().unwrap().ceiling),
    ];
    check(27, 100, |dice| {
        let mut spec = spec_with_hidden_layers(dice, 1);
        for (layer, largest) in layers {
            let largest = i32::from(largest(&spec)).abs();
            let dense = layer(&mut spec);
            let columns = dense.columns();
            let row = dice.size(0, dense.rows.len() - 1);
            let weights = &dense.weights[row * columns..][..columns];
            let norm: i32 = weights.iter().map(|w| i32::from(w.unsigned_abs())).sum();
            let sign = dice.pick(&[-1, 1]);
            let bias = sign * ((1 << 30) - 1 - largest * norm);
            let before = core::mem::replace(&mut dense.rows[row].bias, bias);
            assert!(spec.write(&[]).is_ok());
            layer(&mut spec).rows[row].bias = bias + sign;
            assert!(matches!(
                spec.write(&[]),
                Err(WriteError::Image(ImageError::Invalid(_)))
            ));
            layer(&mut spec).rows[row].bias = before;
        }
    });
}

#[test]
fn lists_of_the_wrong_length_are_not_encoded() {
    let changes: [(Change, &str); 9] = [
        (|s| shorten(&mut s.heads.rows), "rows in the heads"),
        (|s| shorten(&mut s.output.rows), "rows in the output"),
        (|s| s.output.weights.push(0), "weights in a layer"),
        (|s| s.encoder[0].dense.weights.push(0), "weights in a layer"),
        (
            |s| s.self_test_reading.push(0),
            "numbers in the self-test's reading",
        ),
        (
            |s| location(s).standardize.truncate(0),
            "standardizing factors",
        ),
        (|s| shorten(&mut location(s).units), "units"),
        (|s| location(s).log_normalizers.push(0.0), "normalizers"),
        (
            |s| location(s).predicted_scale ^= true,
            "rows in the output",
        ),
    ];
    let spec = spec_with_hidden_layers(&mut Dice::new(28), 1);
    for (change, expected) in changes {
        let mut spec = spec.clone();
        change(&mut spec);
        match spec.write(&[]).unwrap_err() {
            WriteError::Length { what, have, need } => {
                assert_eq!(what, expected);
                assert_ne!(have, need);
            }
            other => panic!("{expected}: {other}"),
        }
    }
}

#[test]
fn too_many_layers_or_tables_are_not_encoded() {
    let spec = spec_with_hidden_layers(&mut Dice::new(28), 1);
    let mut deep = spec.clone();
    // Layers of one row, of which all but the first have one column.
    let layer = |columns: usize| {
        let mut layer = spec.encoder[0].clone();
        layer.dense = DenseSpec {
            bits: WeightBits::Eight,
            weights: vec![1; columns],
            rows: vec![spec.heads.rows[0]],
        };
        layer
    };
    deep.heads.bits = WeightBits::Eight;
    deep.heads.weights = vec![1; deep.heads.rows.len()];
    deep.encoder = vec![layer(deep.inputs.len())];
    deep.encoder.resize(MAX_LAYERS, layer(1));
    assert!(deep.write(&[]).is_ok());
    deep.encoder.push(layer(1));
    let error = WriteError::TooMany {
        what: "hidden layers of the encoder",
        have: MAX_LAYERS + 1,
        most: MAX_LAYERS,
    };
    assert_eq!(deep.write(&[]).unwrap_err(), error);
    let table =
        CalibrationSpec::of_bounds(Estimator::SigmaPoints, &[1, 2], 2, &CurveSpec::default());
    let tables = vec![table; MAX_CALIBRATIONS + 1];
    assert!(spec.write(&tables[1..]).is_ok());
    assert!(matches!(
        spec.write(&tables),
        Err(WriteError::TooMany { .. })
    ));
}
