//! Integers against their definitions, and what calibration is for.

use super::*;
use crate::config::{Activations, Calibration, Weights};
use crate::model::prepared::Prepared;
use crate::model::{Architecture, Likelihood};
use crate::numeric::random::{self, Purpose};
use crate::readings::Readings;
use candle_core::Device;
use elbow::layer::WeightBits;
use rand_core::Rng;

/// A model with random weights and 96 readings of counts up to 16.
fn case() -> (Vae, Normalization, Prepared) {
    let architecture = Architecture {
        inputs: 12,
        encoder: vec![20, 9],
        latents: 3,
        decoder: vec![7, 16],
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

fn planned(calibration: Calibration) -> (Vae, Normalization, Pool, Plan) {
    planned_with(calibration, Weights::Int8)
}

fn planned_with(calibration: Calibration, weights: Weights) -> (Vae, Normalization, Pool, Plan) {
    let (vae, normalization, data) = case();
    let pool = Pool::new(&vae, &normalization, &data, None, None).unwrap();
    let choices = Choices {
        calibration,
        weights,
        ..Choices::default()
    };
    let plan = choose(&vae, &normalization, &pool, choices, &|_| Ok(true)).unwrap();
    (vae, normalization, pool, plan)
}

#[test]
fn rows_are_what_their_definition_says() {
    let mut rng = random::stream(5, Purpose::Noise);
    let weight = random::normals(&mut rng, 6 * 5);
    let biases = [0.3, -2.0, 0.0, 5.0, -0.01];
    let input = Operand::rectified(
        Width::I8.finest(&[1.0, 3.0, 0.1, 2.5, 2.0, 40.0]),
        Width::I8,
    );
    let steps = [0.01, 0.002, 0.5, 1.0, 0.25];
    let mut rows = Rows::new(6, 5);
    rows.quantize(&weight, biases.into_iter(), &input, &steps)
        .unwrap();
    for r in 0..5 {
        let scale = rows.scales[r];
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
        assert_eq!(accumulator, (biases[r] / scale).round());
    }
}

/// What abnormal readings reach in the encoder is held too, with 1.4 times as much room, and nothing less than without
/// them.
#[test]
fn ranges_hold_abnormal_readings() {
    let (vae, normalization, data) = case();
    let abnormal = Readings::new(12, vec![16; 12]);
    let ranges = |abnormal| {
        let pool = Pool::new(&vae, &normalization, &data, None, abnormal).unwrap();
        measure(&vae, &pool, Calibration::MinMax).unwrap().encoder
    };
    let (without, with) = (ranges(None).concat(), ranges(Some(&abnormal)).concat());
    let abnormal = Prepared::new(abnormal, &normalization, &vae, &Device::Cpu).unwrap();
    let alone = Ranges::measure(&vae, &abnormal.batch, 1.0)
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
            let value = f64::from(q) * scheme.operands[0].scales[column];
            let exact = f64::from(count - 8) / f64::from(normalization.units[column]);
            assert!((value - exact).abs() < 1e-6, "{count}: {value} {exact}");
        }
    }
}

#[test]
fn ranges_hold_strange_readings_and_percentiles_hold_less() {
    let (vae, _, pool, plan) = planned(Calibration::MinMax);
    let of = |batch| Ranges::measure(&vae, batch, 1.0).unwrap();
    let (normal, strange) = (of(&pool.normal.batch), of(&pool.strange.batch));
    let mut held = normal.clone().hull(strange);
    assert_ne!(held, normal);
    for layer in held.encoder.iter_mut().chain(&mut held.decoder) {
        // No unit has less than a sixteenth of the loudest of its layer.
        let loudest = layer.iter().copied().fold(0.0, f64::max);
        let range = |reached: f64| 1.4 * reached.max(loudest / 16.0);
        layer
            .iter_mut()
            .for_each(|reached| *reached = range(*reached));
    }
    assert_eq!(plan.ranges, held);
    let (_, _, _, narrow) = planned(Calibration::Percentile(90.0));
    let sum = |plan: &Plan| -> f64 { plan.ranges.encoder.iter().flatten().sum() };
    assert!(sum(&narrow) < 0.9 * sum(&plan));
}

#[test]
fn corrections_take_the_mean_error_of_outputs_away() {
    let (vae, normalization, pool, plan) = planned(Calibration::MinMax);
    let corrected = correction::corrections(&vae, &normalization, &plan, &pool).unwrap();
    let shifts = corrected.corrections.unwrap();
    let lengths: Vec<usize> = shifts.iter().map(Vec::len).collect();
    assert_eq!(lengths, [20, 9, 6, 7, 16, 12]);
    assert!(shifts.iter().flatten().any(|&shift| shift != 0.0));
    let label = Label {
        name: String::new(),
        columns: vec![],
        picture_width: 0,
        packing: Packing::Rows,
    };
    let reading = pool.normal.readings.row(0);
    let judge = Judge::new(&vae, &pool.normal, &pool.strange).unwrap();
    let difference = |corrections| {
        let plan = Plan {
            corrections,
            ..plan.clone()
        };
        let spec = quantize(&vae, &normalization, &plan, &label, reading).unwrap();
        judge.loss(&spec).unwrap().normal
    };
    let (corrected, plain) = (difference(Some(shifts)), difference(None));
    assert!(corrected < plain, "{corrected} {plain}");
}

#[test]
fn nats_cost_no_more_than_what_units_reach() {
    let cost = |calibration| {
        let (vae, normalization, pool, plan) = planned(calibration);
        let label = Label {
            name: String::new(),
            columns: vec![],
            picture_width: 0,
            packing: Packing::Rows,
        };
        let reading = pool.normal.readings.row(0);
        let spec = quantize(&vae, &normalization, &plan, &label, reading).unwrap();
        let judge = Judge::new(&vae, &pool.normal, &pool.strange).unwrap();
        judge.loss(&spec).unwrap().cost()
    };
    let (nats, reached) = (cost(Calibration::Nats), cost(Calibration::MinMax));
    assert!(nats <= reached, "{nats} {reached}");
    // A reading of 12 counts is worth about 30 nats; 8 bits everywhere cost a small part of one.
    assert!(reached < 0.2, "{reached}");
}

#[test]
fn plans_are_read_as_they_are_written() {
    let (_, _, _, plan) = planned(Calibration::MinMax);
    let text = toml::to_string(&plan).unwrap();
    assert_eq!(toml::from_str::<Plan>(&text).unwrap(), plan);
}

/// The mean distance of normal scores from those in floats, and the bytes of the image.
fn measured(vae: &Vae, normalization: &Normalization, pool: &Pool, plan: &Plan) -> (f64, usize) {
    let label = Label {
        name: String::new(),
        columns: vec![],
        picture_width: 0,
        packing: Packing::PairedTiles,
    };
    let reading = pool.normal.readings.row(0);
    let spec = quantize(vae, normalization, plan, &label, reading).unwrap();
    let bits: Vec<WeightBits> = (0..plan.layers()).map(|at| plan.weight_bits(at)).collect();
    let hidden = |layers: &[LayerSpec]| -> Vec<_> { layers.iter().map(|l| l.dense.bits).collect() };
    let written = [
        hidden(&spec.encoder),
        vec![spec.heads.bits],
        hidden(&spec.decoder),
        vec![spec.output.bits],
    ];
    assert_eq!(written.concat(), bits);
    let judge = Judge::new(vae, &pool.normal, &pool.strange).unwrap();
    let bytes = spec.encode(&[]).unwrap().len();
    (judge.loss(&spec).unwrap().normal, bytes)
}

#[test]
fn four_bits_are_the_best_of_their_clips() {
    let mut rng = random::stream(6, Purpose::Noise);
    let weight = random::normals(&mut rng, 40 * 3);
    let input = Operand::rectified(vec![0.004; 40], Width::I8);
    let mut rows = Rows::new(40, 3);
    rows.bits = WeightBits::Four;
    let biases = [0.5, 0.0, -1.0];
    rows.quantize(&weight, biases.into_iter(), &input, &[0.01, 0.5, 2.0])
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
            assert!((exact(c) / rows.scales[r] - whole).abs() <= 8.01 || whole.abs() == 112.0);
            sum += whole;
        }
        // A multiplier is as exact as 15 bits are.
        let least = error(16.0 * rows.scales[r]);
        for part in [1.0, 0.9, 0.8, 0.7, 0.6, 0.5] {
            assert!(
                least <= 1.001 * error(part * largest / 7.0),
                "row {r}: {part}"
            );
        }
        let bias = (biases[r] / rows.scales[r]).round() + 127.0 * sum;
        assert_eq!(f64::from(rows.rows[r].bias), bias);
    }
}

/// 784-200-200-z24: heads of 9,600 and a first layer of the decoder of 4,800 among 408,400 weights.
#[test]
fn small_layers_keep_eight_bits() {
    let bits = |latents| {
        let architecture = Architecture {
            inputs: 784,
            encoder: vec![200, 200],
            latents,
            decoder: vec![200, 200],
            ..Architecture::default()
        };
        let mut rng = random::stream(3, Purpose::Initialization);
        let likelihood = Likelihood::binomial(1, 784).unwrap();
        let vae = Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap();
        let eight = |bits| bits == WeightBits::Eight;
        four_bits(&vae).into_iter().map(eight).collect::<Vec<_>>()
    };
    assert_eq!(bits(24), [false, false, true, true, false, false]);
    assert_eq!(bits(50), [false, false, false, true, false, false]);
    assert_eq!(bits(200), [false; 6]);
}

#[test]
fn four_bits_cost_least_where_errors_are_made_good() {
    let (vae, normalization, pool, plan) = planned_with(Calibration::MinMax, Weights::Int4);
    let nearest = Plan {
        multiples: vec![],
        corrections: None,
        ..plan.clone()
    };
    let of = |plan: &Plan| measured(&vae, &normalization, &pool, plan);
    let ((cost, bytes), (plain, same)) = (of(&plan), of(&nearest));
    assert_eq!(bytes, same);
    assert!(cost < 0.8 * plain, "{cost} {plain}");
    let (_, _, _, eight) = planned(Calibration::MinMax);
    let (least, most) = of(&eight);
    assert!(
        least < cost && bytes < most,
        "{least} {cost}, {bytes} {most}"
    );
    let text = toml::to_string(&plan).unwrap();
    assert_eq!(toml::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn as_many_layers_have_four_bits_as_the_nats_allow() {
    let of = |nats| {
        let (vae, normalization, pool, plan) =
            planned_with(Calibration::MinMax, Weights::Auto(nats));
        let four = (0..plan.layers()).filter(|&at| plan.weight_bits(at) == WeightBits::Four);
        let (cost, _) = measured(&vae, &normalization, &pool, &plan);
        (four.count(), cost)
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
    let (vae, normalization, pool, plan) = planned(Calibration::MinMax);
    assert_eq!((plan.encoder.len(), plan.decoder.len()), (2, 2));
    let all = |activations| {
        let choices = Choices {
            activations,
            ..Choices::default()
        };
        let plan = choose(&vae, &normalization, &pool, choices, &|_| Ok(true)).unwrap();
        [vec![plan.inputs], plan.encoder, plan.decoder].concat()
    };
    assert_eq!(all(Activations::I16), [Width::I16; 5]);
    assert_eq!(all(Activations::I8), [Width::I8; 5]);
    // Here 8 bits cost less than a tenth of a nat everywhere.
    assert_eq!(all(Activations::Auto), [Width::I8; 5]);
    let found = sensitivities(&vae, &normalization, &pool, &plan).unwrap();
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
    let pool = Pool::new(&vae, &normalization, &data, None, None).unwrap();
    let of = |weights, affords: &Affords<'_>| {
        let choices = Choices {
            weights,
            ..Choices::default()
        };
        let plan = choose(&vae, &normalization, &pool, choices, affords).unwrap();
        let bits = (0..plan.layers()).map(|at| plan.weight_bits(at));
        let four = bits.filter(|&bits| bits == WeightBits::Four).count();
        let hidden = plan.encoder.iter().chain(&plan.decoder);
        (hidden.filter(|&&width| width == Width::I16).count(), four)
    };
    let (wide, none) = of(Weights::Int8, &|_| Ok(true));
    assert!(wide > 0 && none == 0, "{wide} {none}");
    assert_eq!(of(Weights::Int8, &|_| Ok(false)), (0, 0));
    let narrow = |plan: &Plan| !plan.decoder.contains(&Width::I16);
    let (fewer, _) = of(Weights::Int8, &|plan| Ok(narrow(plan)));
    assert!(fewer < wide, "{fewer} {wide}");
    let of_four_bits = |plan: &Plan| Ok(plan.weights == four_bits(&vae));
    assert_eq!(of(Weights::Int4, &of_four_bits).0, wide);
    let at_most_two = |plan: &Plan| {
        let four = plan
            .weights
            .iter()
            .filter(|&&bits| bits == WeightBits::Four);
        Ok(four.count() <= 2)
    };
    assert_eq!(of(Weights::Auto(1e6), &|_| Ok(true)).1, 6);
    assert_eq!(of(Weights::Auto(1e6), &at_most_two).1, 2);
}

/// With weights of four bits, steps by what they cost beat those that units just reach, whether errors are made good or
/// not.
#[test]
fn balanced_steps_cost_less() {
    let (vae, normalization, pool, plan) = planned_with(Calibration::MinMax, Weights::Int4);
    let of = |plan: &Plan| measured(&vae, &normalization, &pool, plan).0;
    let balanced = plan.to_nearest();
    let finest = Plan {
        steps: vec![],
        ..balanced.clone()
    };
    let made_good = correction::corrections(&vae, &normalization, &finest, &pool).unwrap();
    for (plan, finest) in [(&balanced, &finest), (&plan, &made_good)] {
        let (cost, before) = (of(plan), of(finest));
        assert!(cost < 0.9 * before, "{cost} {before}");
    }
}

/// The floats become what the integers stand for, and the integers stay.
#[test]
fn a_settled_model_has_the_same_integers() {
    let (vae, normalization, pool, plan) = planned_with(Calibration::MinMax, Weights::Int4);
    let label = Label {
        name: String::new(),
        columns: vec![],
        picture_width: 0,
        packing: Packing::Rows,
    };
    let reading = pool.normal.readings.row(0);
    let of = |plan: &Plan| quantize(&vae, &normalization, plan, &label, reading).unwrap();
    let before = of(&plan);
    let settled = settle(&vae, &normalization, &plan).unwrap();
    assert!(settled.multiples.is_empty());
    let after = of(&settled);
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
    let text = toml::to_string(&settled).unwrap();
    assert_eq!(toml::from_str::<Plan>(&text).unwrap(), settled);
}

/// A plan of another model, or one that was cut off, is refused with both numbers.
#[test]
fn plans_that_do_not_fit_are_refused() {
    let (vae, normalization, pool, plan) = planned(Calibration::MinMax);
    let label = Label {
        name: String::new(),
        columns: vec![],
        picture_width: 0,
        packing: Packing::Rows,
    };
    let refused = |plan: Plan| {
        let reading = pool.normal.readings.row(0);
        let error = quantize(&vae, &normalization, &plan, &label, reading).unwrap_err();
        error.to_string()
    };
    let mut short = plan.clone();
    short.multiples[1].0.pop();
    let needed = plan.multiples[1].0.len();
    let expected = format!("{} weights of layer 2, the model has {needed}", needed - 1);
    assert!(refused(short).contains(&expected));
    let mut short = plan.clone();
    short.scales[0].clear();
    assert!(refused(short).contains("0 scales of layer 1, the model has 20"));
    let mut short = plan.clone();
    short.corrections.as_mut().unwrap()[0].push(0.0);
    assert!(refused(short).contains("21 corrections of layer 1, the model has 20"));
    let mut short = plan.clone();
    short.ranges.decoder[0].pop();
    assert!(refused(short).contains("6 ranges of hidden layer 3, the model has 7"));
    let mut short = plan.clone();
    short.steps[3].pop();
    assert!(refused(short).contains("15 steps of hidden layer 4, the model has 16"));
    let mut short = plan.clone();
    short.ranges.inputs.clear();
    assert!(refused(short).contains("0 ranges of inputs, the model has 12"));
    let mut short = plan;
    short.encoder.push(Width::I8);
    let expected = "3 widths of hidden layers of the encoder, the model has 2";
    assert!(refused(short).contains(expected));
}
