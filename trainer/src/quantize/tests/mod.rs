//! Integers against their definitions, and what calibration is for.

mod plans;

use super::*;
use crate::config::{Activations, Calibration, Weights};
use crate::model::prepared::Prepared;
use crate::model::{Architecture, Likelihood, Vae};
use crate::numeric::random::{self, Purpose};
use crate::readings::{Normalization, Readings};
use candle_core::Device;
use elbow::image::{ImageSpec, LayerSpec};
use elbow::layer::{Packing, WeightBits};
use rand_core::Rng;

/// A model with random weights and 96 readings of counts up to 16.
fn case() -> (Vae, Normalization, Prepared) {
    let architecture = Architecture {
        inputs: 12,
        encoder: vec![20.into(), 9.into()],
        latents: 3,
        decoder: vec![7.into(), 16.into()],
        ..Architecture::default()
    };
    let mut rng = random::stream(3, Purpose::Initialization);
    let likelihood = Likelihood::binomial(16, 12).unwrap();
    let vae = Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap();
    let values = (0..96 * 12).map(|_| (rng.next_u32() % 17) as i16).collect();
    let normalization = Normalization::counts(12, 16);
    let readings = Readings::new(12, values);
    let data = Prepared::new(readings, &normalization, &vae, &Device::Cpu).unwrap();
    (vae, normalization, data)
}

fn planned(calibration: Calibration) -> (Vae, Normalization, CalibrationSet, Plan) {
    planned_with(calibration, Weights::Int8)
}

fn planned_with(
    calibration: Calibration,
    weights: Weights,
) -> (Vae, Normalization, CalibrationSet, Plan) {
    let (vae, normalization, data) = case();
    let set = CalibrationSet::new(&vae, &normalization, &data, None, None).unwrap();
    let choices = Choices {
        calibration,
        weights,
        ..Choices::default()
    };
    let plan = choose(&vae, &normalization, &set, choices, &|_| Ok(true)).unwrap();
    (vae, normalization, set, plan)
}

#[test]
fn rows_are_what_their_definition_says() {
    let mut rng = random::stream(5, Purpose::Noise);
    let weight = random::normals(&mut rng, 6 * 5);
    let biases = [0.3f32, -2.0, 0.0, 5.0, -0.01];
    let input = Operand::rectified(Width::I8.finest(&[1.0, 3.0, 0.1, 2.5, 2.0, 40.0]), 127);
    let steps = [0.01, 0.002, 0.5, 1.0, 0.25];
    let mut rows = Rows::new(6 * 5, 5, WeightBits::Eight);
    rows.quantize(&weight, &biases, &input, &steps).unwrap();
    for r in 0..5 {
        let scale = rows.weight_scales[r];
        let multiplier = rows.rows[r].multiplier.to_f64();
        assert!((scale / (multiplier * steps[r]) - 1.0).abs() < 1e-12);
        let column = |c: usize| f64::from(weight[c * 5 + r]) * input.scales[c];
        let mut accumulator = f64::from(rows.rows[r].bias);
        let mut largest: f64 = 0.0;
        for c in 0..6 {
            let whole = f64::from(rows.weights[c * 5 + r]);
            assert!((whole * scale - column(c)).abs() <= 0.5000001 * scale);
            largest = largest.max(whole.abs());
            // All operands stand for 0.0.
            accumulator += f64::from(input.zero_point) * whole;
        }
        assert_eq!(largest, 127.0, "row {r} leaves levels unused");
        assert_eq!(accumulator, (f64::from(biases[r]) / scale).round());
    }
}

/// What anomalous readings reach in the encoder is held too, with 1.4 times as much room, and nothing less than without
/// them.
#[test]
fn ranges_hold_anomalous_readings() {
    let (vae, normalization, data) = case();
    let anomalous = Readings::new(12, vec![16; 12]);
    let ranges = |anomalous| {
        let set = CalibrationSet::new(&vae, &normalization, &data, None, anomalous).unwrap();
        measure(&vae, &set, Calibration::MinMax).unwrap().encoder
    };
    let (without, with) = (ranges(None).concat(), ranges(Some(&anomalous)).concat());
    let anomalous = Prepared::new(anomalous, &normalization, &vae, &Device::Cpu).unwrap();
    let alone = Ranges::measure(&vae, &anomalous.batch, 1.0)
        .unwrap()
        .encoder
        .concat();
    let alone: Vec<f64> = alone.iter().map(|reached| 1.4 * reached).collect();
    assert!(
        alone
            .iter()
            .zip(&without)
            .any(|(alone, without)| alone > without)
    );
    for (with, (without, alone)) in with.iter().zip(without.iter().zip(&alone)) {
        assert_eq!(*with, without.max(*alone));
    }
}

#[test]
fn counts_enter_without_loss() {
    let (vae, normalization, _, plan) = planned(Calibration::MinMax);
    let scheme = Scheme::new(&vae, &normalization, &plan).unwrap();
    for (column, input) in scheme.inputs.iter().enumerate() {
        for count in 0..=16 {
            let q = input.gain.apply(count - i32::from(input.center));
            assert!(q.abs() <= 127);
            let value = f64::from(q) * scheme.layers.encoder[0].input.scales[column];
            let exact = f64::from(count - 8) / f64::from(normalization.units[column]);
            assert!((value - exact).abs() < 1e-6, "{count}: {value} {exact}");
        }
    }
}

#[test]
fn ranges_hold_anomalous_readings_and_percentiles_hold_less() {
    let (vae, _, set, plan) = planned(Calibration::MinMax);
    let of = |batch| Ranges::measure(&vae, batch, 1.0).unwrap();
    let (normal, anomalous) = (of(&set.normal.batch), of(&set.anomalous.batch));
    let mut held = normal.clone().hull(anomalous);
    assert_ne!(held, normal);
    for layer in held.encoder.iter_mut().chain(&mut held.decoder) {
        // No unit has less than a sixteenth of the loudest of its layer.
        let loudest = layer.iter().copied().fold(0.0, f64::max);
        let range = |reached: f64| 1.4 * reached.max(loudest / 16.0);
        layer
            .iter_mut()
            .for_each(|reached| *reached = range(*reached));
    }
    assert_eq!(plan.inputs.ranges, held.inputs);
    assert_eq!(plan.latents.log_variance, held.log_variance);
    assert_eq!(plan.latents.largest, held.latent);
    assert_eq!(ranges(&plan.layers.encoder), held.encoder);
    assert_eq!(ranges(&plan.layers.decoder), held.decoder);
    let (_, _, _, narrow) = planned(Calibration::Percentile(90.0));
    let sum = |plan: &Plan| -> f64 { ranges(&plan.layers.encoder).concat().iter().sum() };
    assert!(sum(&narrow) < 0.9 * sum(&plan));
}

/// The ranges of hidden layers.
fn ranges(layers: &[LayerPlan]) -> Vec<Vec<f64>> {
    let layers = layers.iter().flat_map(|layer| &layer.activations);
    layers.map(|plan| plan.ranges.clone()).collect()
}

/// The widths of hidden layers.
fn widths(plan: &Plan) -> Vec<Width> {
    let layers = plan.layers.values();
    let hidden = layers.flat_map(|layer| &layer.activations);
    hidden.map(|activations| activations.width).collect()
}

fn four(plan: &Plan) -> usize {
    let layers = plan.layers.values();
    layers.filter(|plan| plan.bits == WeightBits::Four).count()
}

fn label(packing: Packing) -> Label {
    Label {
        name: String::new(),
        columns: vec![],
        picture_width: 0,
        packing,
    }
}

/// The image of a plan, and what it costs.
fn measured_image(
    (vae, normalization, set): (&Vae, &Normalization, &CalibrationSet),
    plan: &Plan,
) -> (ImageSpec, Loss) {
    let reading = set.normal.readings.row(0);
    let label = label(Packing::PairedTiles);
    let spec = quantize(vae, normalization, plan, &label, reading).unwrap();
    let judge = Judge::new(vae, &set.normal, &set.anomalous).unwrap();
    let loss = judge.loss(&spec).unwrap();
    (spec, loss)
}

#[test]
fn corrections_take_the_mean_error_of_outputs_away() {
    let (vae, normalization, set, plan) = planned(Calibration::MinMax);
    let corrected = correction::compensated(&vae, &normalization, &plan, &set).unwrap();
    let mut plain = corrected.clone();
    let (mut lengths, mut largest) = (vec![], 0f64);
    for layer in plain.layers.values_mut() {
        if let Rounding::Compensated { correction, .. } = &mut layer.rounding {
            lengths.push(correction.len());
            largest = correction
                .iter()
                .fold(largest, |most, by| most.max(by.abs()));
            correction.fill(0.0);
        }
    }
    assert_eq!(lengths, [20, 9, 6, 7, 16, 12]);
    assert!(largest > 0.0);
    let of = |plan| measured_image((&vae, &normalization, &set), plan).1.normal;
    let (corrected, plain) = (of(&corrected), of(&plain));
    assert!(corrected < plain, "{corrected} {plain}");
}

#[test]
fn nats_cost_no_more_than_what_units_reach() {
    let cost = |calibration| {
        let (vae, normalization, set, plan) = planned(calibration);
        measured_image((&vae, &normalization, &set), &plan).1.cost()
    };
    let (nats, reached) = (cost(Calibration::Nats), cost(Calibration::MinMax));
    assert!(nats <= reached, "{nats} {reached}");
    // A reading of 12 counts is worth about 30 nats; 8 bits everywhere cost a small part of one.
    assert!(reached < 0.2, "{reached}");
}

/// The mean distance of normal scores from those in floats, and the bytes of the image.
fn measured(
    vae: &Vae,
    normalization: &Normalization,
    set: &CalibrationSet,
    plan: &Plan,
) -> (f64, usize) {
    let (spec, loss) = measured_image((vae, normalization, set), plan);
    let bits: Vec<WeightBits> = plan.layers.values().map(|layer| layer.bits).collect();
    let hidden = |layers: &[LayerSpec]| -> Vec<_> { layers.iter().map(|l| l.dense.bits).collect() };
    let written = [
        hidden(&spec.encoder),
        vec![spec.heads.bits],
        hidden(&spec.decoder),
        vec![spec.output.bits],
    ];
    assert_eq!(written.concat(), bits);
    (loss.normal, spec.write(&[]).unwrap().len())
}

#[test]
fn four_bits_are_the_best_of_their_clips() {
    let mut rng = random::stream(6, Purpose::Noise);
    let weight = random::normals(&mut rng, 40 * 3);
    let input = Operand::rectified(vec![0.004; 40], 127);
    let mut rows = Rows::new(40 * 3, 3, WeightBits::Four);
    let biases = [0.5f32, 0.0, -1.0];
    rows.quantize(&weight, &biases, &input, &[0.01, 0.5, 2.0])
        .unwrap();
    for r in 0..3 {
        let exact = |c: usize| f64::from(weight[c * 3 + r]) * input.scales[c];
        let largest = (0..40).map(|c| exact(c).abs()).fold(0.0, f64::max);
        let error = |step: f64| -> f64 {
            let left = |c| exact(c) - (exact(c) / step).round().clamp(-7.0, 7.0) * step;
            (0..40).map(|c| left(c) * left(c)).sum()
        };
        let mut sum = 0.0;
        for c in 0..40 {
            let whole = f64::from(rows.weights[c * 3 + r]);
            assert!(whole % 16.0 == 0.0 && whole.abs() <= 112.0);
            assert!(
                (exact(c) / rows.weight_scales[r] - whole).abs() <= 8.01 || whole.abs() == 112.0
            );
            sum += whole;
        }
        // A multiplier is as exact as 15 bits are.
        let least = error(16.0 * rows.weight_scales[r]);
        for part in [1.0, 0.9, 0.8, 0.7, 0.6, 0.5] {
            assert!(
                least <= 1.001 * error(part * largest / 7.0),
                "row {r}: {part}"
            );
        }
        let bias = (f64::from(biases[r]) / rows.weight_scales[r]).round() + 127.0 * sum;
        assert_eq!(f64::from(rows.rows[r].bias), bias);
    }
}

/// 784-200-200-z24: heads of 9,600 and a first layer of the decoder of 4,800 among 408,400 weights.
#[test]
fn small_layers_keep_eight_bits() {
    let bits = |latents| {
        let architecture = Architecture {
            inputs: 784,
            encoder: vec![200.into(); 2],
            latents,
            decoder: vec![200.into(); 2],
            ..Architecture::default()
        };
        let mut rng = random::stream(3, Purpose::Initialization);
        let likelihood = Likelihood::binomial(1, 784).unwrap();
        let vae = Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap();
        let eight = |bits| bits == WeightBits::Eight;
        four_bits(&vae).into_values().map(eight).collect::<Vec<_>>()
    };
    assert_eq!(bits(24), [false, false, true, true, false, false]);
    assert_eq!(bits(50), [false, false, false, true, false, false]);
    assert_eq!(bits(200), [false; 6]);
}

#[test]
fn four_bits_cost_least_where_errors_are_made_good() {
    let (vae, normalization, set, plan) = planned_with(Calibration::MinMax, Weights::Int4);
    let mut nearest = plan.clone();
    for layer in nearest.layers.values_mut() {
        let weight_scales = layer.rounding.weight_scales().unwrap().to_vec();
        layer.rounding = Rounding::FixedScale { weight_scales };
    }
    let of = |plan: &Plan| measured(&vae, &normalization, &set, plan);
    let ((cost, bytes), (plain, same)) = (of(&plan), of(&nearest));
    assert_eq!(bytes, same);
    assert!(cost < 0.8 * plain, "{cost} {plain}");
    let (_, _, _, eight) = planned(Calibration::MinMax);
    let (least, most) = of(&eight);
    assert!(
        least < cost && bytes < most,
        "{least} {cost}, {bytes} {most}"
    );
}

#[test]
fn as_many_layers_have_four_bits_as_the_nats_allow() {
    let of = |nats| {
        let (vae, normalization, set, plan) =
            planned_with(Calibration::MinMax, Weights::Auto(nats));
        let (cost, _) = measured(&vae, &normalization, &set, &plan);
        (four(&plan), cost)
    };
    let (none, least) = of(1e-6);
    let (all, most) = of(100.0);
    assert_eq!((none, all), (0, 6));
    let (some, cost) = of(0.5 * (least + most));
    assert!((1..6).contains(&some), "{some}");
    assert!(cost <= 0.5 * (least + most), "{cost}");
}

#[test]
fn wide_activations_cost_less_and_are_where_they_are_asked_for() {
    let (vae, normalization, set, plan) = planned(Calibration::MinMax);
    assert_eq!(widths(&plan).len(), 4);
    let all = |activations| {
        let choices = Choices {
            activations,
            ..Choices::default()
        };
        let plan = choose(&vae, &normalization, &set, choices, &|_| Ok(true)).unwrap();
        [vec![plan.inputs.width], widths(&plan)].concat()
    };
    assert_eq!(all(Activations::I16), [Width::I16; 5]);
    assert_eq!(all(Activations::I8), [Width::I8; 5]);
    // Here 8 bits cost less than a tenth of a nat everywhere.
    assert_eq!(all(Activations::Auto), [Width::I8; 5]);
    let found = sensitivities(&vae, &normalization, &set, &plan).unwrap();
    let names: Vec<&str> = found.iter().map(|one| one.layer.as_str()).collect();
    assert_eq!(
        names,
        ["input", "encoder 1", "encoder 2", "decoder 1", "decoder 2"]
    );
    let nats: f64 = found.iter().map(|one| one.nats).sum();
    assert!((0.0..0.4).contains(&nats), "{nats}");
    assert!(found.iter().all(|one| one.width == Width::I8));
}

/// Outputs forty times as large make the last hidden layer worth 16 bits, and every nat allows four bits for all
/// weights: no more of either is taken than can be afforded.
#[test]
fn what_cannot_be_afforded_is_not_chosen() {
    let (vae, normalization, data) = case();
    let weight = (vae.output.weight.as_tensor() * 40.0).unwrap();
    vae.output.weight.set(&weight).unwrap();
    let set = CalibrationSet::new(&vae, &normalization, &data, None, None).unwrap();
    let of = |weights, affords: &Affords<'_>| {
        let choices = Choices {
            weights,
            ..Choices::default()
        };
        let plan = choose(&vae, &normalization, &set, choices, affords).unwrap();
        let widths = widths(&plan).into_iter();
        (
            widths.filter(|&width| width == Width::I16).count(),
            four(&plan),
        )
    };
    let (wide, none) = of(Weights::Int8, &|_| Ok(true));
    assert!(wide > 0 && none == 0, "{wide} {none}");
    assert_eq!(of(Weights::Int8, &|_| Ok(false)), (0, 0));
    let narrow = |plan: &Plan| !widths(plan)[2..].contains(&Width::I16);
    let (fewer, _) = of(Weights::Int8, &|plan| Ok(narrow(plan)));
    assert!(fewer < wide, "{fewer} {wide}");
    let of_four_bits = |plan: &Plan| {
        let bits = plan.layers.values().map(|layer| layer.bits);
        Ok(bits.eq(four_bits(&vae).into_values()))
    };
    assert_eq!(of(Weights::Int4, &of_four_bits).0, wide);
    let at_most_two = |plan: &Plan| Ok(four(plan) <= 2);
    assert_eq!(of(Weights::Auto(1e6), &|_| Ok(true)).1, 6);
    assert_eq!(of(Weights::Auto(1e6), &at_most_two).1, 2);
}

/// With weights of four bits, steps by what they cost beat those that units just reach, whether errors are made good or
/// not.
#[test]
fn balanced_steps_cost_less() {
    let (vae, normalization, set, plan) = planned_with(Calibration::MinMax, Weights::Int4);
    let of = |plan: &Plan| measured(&vae, &normalization, &set, plan).0;
    let balanced = plan.to_nearest();
    let mut finest = balanced.clone();
    let layers = finest.layers.values_mut();
    for activations in layers.flat_map(|layer| &mut layer.activations) {
        activations.output_scales = None;
    }
    let made_good = correction::compensated(&vae, &normalization, &finest, &set).unwrap();
    for (plan, finest) in [(&balanced, &finest), (&plan, &made_good)] {
        let (cost, before) = (of(plan), of(finest));
        assert!(cost < 0.9 * before, "{cost} {before}");
    }
}

/// The floats become what the integers stand for, and the integers stay.
#[test]
fn a_folded_model_has_the_same_integers() {
    let (vae, normalization, set, plan) = planned_with(Calibration::MinMax, Weights::Int4);
    let of = |plan: &Plan| measured_image((&vae, &normalization, &set), plan).0;
    let before = of(&plan);
    let folded = fold(&vae, &normalization, &plan).unwrap();
    let mut roundings = folded.layers.values().map(|layer| &layer.rounding);
    assert!(roundings.all(|rounding| matches!(rounding, Rounding::FixedScale { .. })));
    let after = of(&folded);
    let layers = |spec: &ImageSpec| {
        let hidden = spec.encoder.iter().chain(&spec.decoder);
        let hidden = hidden.map(|layer| layer.dense.clone());
        let all: Vec<_> = hidden
            .chain([spec.heads.clone(), spec.output.clone()])
            .collect();
        all
    };
    for (one, other) in layers(&before).iter().zip(&layers(&after)) {
        assert_eq!(one.weights, other.weights);
        for (one, other) in one.rows.iter().zip(&other.rows) {
            assert!(one.bias.abs_diff(other.bias) <= 1 + one.bias.unsigned_abs() / 10_000);
        }
    }
}
