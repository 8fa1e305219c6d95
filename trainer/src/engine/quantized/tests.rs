//! Integers in training against those of the runtime, on random numbers: no number may be off by one.

use super::*;
use crate::config::{LikelihoodKind, Weights};
use crate::data::{Dataset, Table};
use crate::engine::network::Network;
use crate::engine::shard::{Shape, Shard};
use crate::engine::tests::{COLUMNS, make_whole};
use crate::model::prepared::Prepared;
use crate::model::{Architecture, Likelihood};
use crate::numeric::random::{self, Purpose, normals};
use crate::quantize::{CalibrationSet, Choices, Label, Operand, Width, choose, fold, quantize};
use crate::readings::Readings;
use candle_core::Device;
use elbow::image::WriteError;
use elbow::internal::{self as kernel, Activations, Numbers, Operands, operand_words};
use elbow::layer::{Packing, Quantization, WeightBits};
use elbow::{Estimator, Model, Session};
use rand_core::Rng;

/// Random inputs of each layer.
const INPUTS: usize = 10_000;

/// A kind of layer.
struct Kind {
    input: Operand,
    outputs: usize,
    /// Of the outputs; none where they are wide.
    q_max: Option<i16>,
    /// Of the weights.
    spread: f32,
    /// Whether sums are exact in floats.
    exact: bool,
}

fn kinds() -> Vec<(&'static str, Kind)> {
    let hidden = |inputs, width: Width| {
        Operand::rectified(width.finest(&vec![3.0; inputs]), width.largest())
    };
    let mut input = hidden(37, Width::I8);
    input.zero_point = 0;
    let kind = |input, outputs, q_max| Kind {
        input,
        outputs,
        q_max,
        spread: 0.3,
        exact: true,
    };
    let many = Kind {
        spread: 0.0,
        exact: false,
        ..kind(hidden(1100, Width::I8), 3, Some(127))
    };
    vec![
        ("inputs to i8", kind(input, 21, Some(127))),
        ("i8 to i8", kind(hidden(64, Width::I8), 33, Some(127))),
        ("i8 to i16", kind(hidden(50, Width::I8), 17, Some(4095))),
        ("i16 to i8", kind(hidden(50, Width::I16), 17, Some(127))),
        (
            "latents to i8",
            kind(Operand::latents(11, 12), 40, Some(127)),
        ),
        (
            "latents to i16",
            kind(Operand::latents(3, 9), 40, Some(4095)),
        ),
        ("i8 to wide outputs", kind(hidden(64, Width::I8), 12, None)),
        (
            "i16 to wide outputs",
            kind(hidden(64, Width::I16), 30, None),
        ),
        (
            "latents to wide outputs",
            kind(Operand::latents(8, 13), 9, None),
        ),
        ("columns beyond the floats", many),
    ]
}

/// The layer in both ways.
struct Case {
    layer: Layer,
    weights: Vec<u8>,
    rows: Vec<kernel::Row>,
}

impl Case {
    fn new(kind: &Kind, rng: &mut random::Xoshiro128PlusPlus) -> Self {
        let inputs = kind.input.scales.len();
        let mut weight = normals(rng, inputs * kind.outputs);
        // Without a spread, all weights of a row are as large as they get.
        weight.iter_mut().for_each(|w| {
            *w = if kind.spread == 0.0 {
                0.1 * w.signum()
            } else {
                *w * kind.spread
            };
        });
        let values = Values {
            weight,
            bias: normals(rng, kind.outputs),
        };
        let scale = |q_max| 4.0 / (2.0 * f64::from(q_max));
        let scheme = LayerScheme {
            input: kind.input.clone(),
            output_scales: vec![kind.q_max.map_or(1.0 / 65536.0, scale); kind.outputs],
            q_max: kind.q_max,
        };
        let dense = Dense::new(inputs, kind.outputs, rng, &Device::Cpu).unwrap();
        let mut layer = Layer::new(&dense, &LayerPlan::default(), scheme);
        layer.quantize(&values).unwrap();
        assert_eq!(layer.exact, kind.exact);
        let spec = layer.rows.to_spec();
        Self {
            weights: Packing::Rows.pack(inputs, &spec.weights),
            rows: spec.rows,
            layer,
        }
    }

    /// The integers that the runtime makes of `inputs`.
    fn expected(&self, kind: &Kind, inputs: &[i16]) -> Vec<i32> {
        let mut words = vec![0; operand_words(inputs.len(), 1)];
        let narrow: Vec<i8> = inputs.iter().map(|&x| x as i8).collect();
        let numbers = match kind.input.largest > 127.0 {
            true => Numbers::Wide(inputs),
            false => Numbers::Narrow(&narrow),
        };
        let operands = Operands::prepare(Packing::Rows, numbers, inputs.len(), 1, &mut words);
        let dense = self.kernel(inputs.len());
        match kind.q_max {
            None => wide(dense, operands),
            Some(q_max) => activations(dense, operands, q_max),
        }
    }

    fn kernel(&self, columns: usize) -> kernel::Dense<'_> {
        kernel::Dense {
            columns,
            packing: Packing::Rows,
            bits: WeightBits::Eight,
            weights: &self.weights,
            rows: &self.rows,
            bounds: kernel::Bounds::UNKNOWN,
        }
    }
}

/// Numbers that a layer of this kind may take in, half of them near 0.0, where rectifiers bend.
fn draw(kind: &Kind, count: usize, rng: &mut random::Xoshiro128PlusPlus) -> Vec<i16> {
    let largest = (kind.input.largest as i32).min(i32::from(i16::MAX));
    let near = i32::from(kind.input.zero_point);
    let mut one = || {
        let wild = (rng.next_u32() % (2 * largest as u32 + 1)) as i32 - largest;
        let scale = rng.next_u32() % 2 * 40;
        (near + (wild - near) / (1 + scale as i32)).clamp(-largest, largest) as i16
    };
    (0..count).map(|_| one()).collect()
}

#[test]
fn every_kind_of_layer_gives_the_integers_of_the_runtime() {
    for (name, kind) in kinds() {
        let mut rng = random::stream(11, Purpose::Noise);
        let case = Case::new(&kind, &mut rng);
        let (columns, outputs) = (kind.input.scales.len(), kind.outputs);
        let q_max = kind.q_max.map(i32::from);
        let (mut saturated, mut inside) = (0, 0);
        for _ in 0..INPUTS / 100 {
            let inputs = draw(&kind, 100 * columns, &mut rng);
            let mut scratch = Scratch {
                integers: inputs.iter().map(|&x| f32::from(x)).collect(),
                ..Scratch::default()
            };
            let mut values = vec![0.0; 100 * outputs];
            case.layer.run(100, &mut scratch, &mut values);
            for (row, inputs) in inputs.chunks_exact(columns).enumerate() {
                let expected = case.expected(&kind, inputs);
                let of_row = row * outputs..(row + 1) * outputs;
                let got: Vec<i32> = match q_max {
                    None => scratch.outputs[of_row.clone()].to_vec(),
                    Some(_) => scratch.integers[of_row.clone()]
                        .iter()
                        .map(|&q| q as i32)
                        .collect(),
                };
                assert_eq!(got, expected, "{name}");
                let zero = -q_max.unwrap_or(0);
                let scales = &case.layer.scheme.output_scales;
                for ((value, q), scale) in values[of_row].iter().zip(got).zip(scales) {
                    let exact = f64::from(q - zero) * scale;
                    assert!((f64::from(*value) - exact).abs() <= 1e-6 * exact.abs());
                    saturated += usize::from(q_max == Some(q));
                    inside += usize::from(q != zero && q_max != Some(q));
                }
            }
        }
        assert!(inside > INPUTS, "{name}: {inside}");
        assert!(q_max.is_none() || saturated > 0, "{name}");
    }
}

fn wide(dense: kernel::Dense<'_>, operands: Operands<'_>) -> Vec<i32> {
    let mut outputs = dense.outputs(operands);
    let mut all = vec![];
    while let Some(band) = outputs.next() {
        all.extend(band.iter().map(|lanes| lanes[0]));
    }
    all
}

fn activations(dense: kernel::Dense<'_>, operands: Operands<'_>, ceiling: i16) -> Vec<i32> {
    let quantization = Quantization {
        zero_point: -ceiling,
        floor: -ceiling,
        ceiling,
    };
    let outputs = dense.rows.len();
    if ceiling == 127 {
        let mut out = vec![0i8; outputs];
        dense.activate(operands, quantization, Activations::Narrow(&mut out));
        out.into_iter().map(i32::from).collect()
    } else {
        let mut out = vec![0i16; outputs];
        dense.activate(operands, quantization, Activations::Wide(&mut out));
        out.into_iter().map(i32::from).collect()
    }
}

const NUMBERS: usize = 19;
const LATENTS: usize = 3;

/// A model with random weights, its data and the plan of its image.
fn model(kind: &str, conditions: usize, weights: Weights) -> (Vae, Normalization, Prepared, Plan) {
    let mut rng = random::stream(3, Purpose::Initialization);
    let values = |rng: &mut random::Xoshiro128PlusPlus| -> Vec<f32> {
        let count = INPUTS / 10 * NUMBERS;
        (0..count).map(|_| (rng.next_u32() % 17) as f32).collect()
    };
    let mut numbers = values(&mut rng);
    let kind: LikelihoodKind = kind.parse().unwrap();
    if let LikelihoodKind::Columns(kinds) = &kind {
        let rows = numbers.chunks_exact_mut(NUMBERS);
        rows.for_each(|row| make_whole(kinds, row));
    }
    let table = Table::new(NUMBERS, numbers).unwrap();
    let dataset = Dataset::new("random", table);
    let modelled = NUMBERS - conditions;
    let normalization = match kind {
        LikelihoodKind::Binomial { trials } => Normalization::counts(NUMBERS, trials),
        _ => Normalization::real(&dataset, &[]).unwrap(),
    };
    let first = normalization.first(modelled);
    let likelihood = Likelihood::new(&kind, &first, &Device::Cpu).unwrap();
    let architecture = Architecture {
        inputs: modelled,
        conditions,
        encoder: vec![24.into(), 9.into()],
        latents: LATENTS,
        decoder: vec![9.into(), 24.into()],
        ..Architecture::default()
    };
    let vae = Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap();
    let (readings, _) = Readings::from_table(&dataset.table, &normalization.exponents);
    let data = Prepared::new(readings, &normalization, &vae, &Device::Cpu).unwrap();
    let set = CalibrationSet::new(&vae, &normalization, &data, None, None).unwrap();
    let choices = Choices {
        weights,
        ..Choices::default()
    };
    let plan = choose(&vae, &normalization, &set, choices, &|_| Ok(true)).unwrap();
    (vae, normalization, data, plan)
}

/// The network in the integers of `plan`.
fn network(vae: &Vae, normalization: &Normalization, plan: &Plan) -> Network {
    let mut network = Network::new(vae).unwrap();
    network.quantized = Some(Quantized::new(vae, normalization, plan).unwrap());
    network.requantize(0..network.groups.len());
    network.quantized.as_ref().unwrap().check().unwrap();
    network
}

/// A shard that has encoded `data` with the noise of the device.
fn encoded(network: &Network, vae: &Vae, data: &Prepared) -> Shard {
    let rows = data.readings.len();
    let shape = Shape {
        numbers: NUMBERS,
        conditions: vae.conditions(),
        latents: LATENTS,
        samples: 1,
        likelihood: vae.likelihood.runs().to_vec(),
    };
    let mut shard = Shard::new(network, &shape, rows);
    let list = |tensor: &candle_core::Tensor| -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    };
    shard.readings.rows = rows;
    shard.readings.inputs = list(&data.batch.inputs);
    shard.readings.target = list(&data.batch.target);
    let noise = |row: usize| normals(&mut elbow::rng::stream(0, row as u64), LATENTS);
    shard.readings.noise = (0..rows).flat_map(noise).collect();
    shard.encode(network);
    shard
}

/// Compares a network with the image of its plan, on every reading; `learning` folds the plan's weights back first.
fn compare_with_image(kind: &str, conditions: usize, weights: Weights, learning: bool) {
    let (vae, normalization, data, plan) = model(kind, conditions, weights);
    let plan = if learning {
        fold(&vae, &normalization, &plan).unwrap()
    } else {
        plan
    };
    let label = Label {
        name: String::new(),
        columns: vec![],
        picture_width: 0,
        packing: Packing::Tiles,
    };
    let reading = data.readings.row(0);
    let spec = quantize(&vae, &normalization, &plan, &label, reading).unwrap();
    let image = spec.write(&[]).unwrap();
    let model = Model::parse(&image).map_err(WriteError::Image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();

    let network = network(&vae, &normalization, &plan);
    let mut shard = encoded(&network, &vae, &data);
    let divergences: Vec<f64> = shard.divergences(&network).collect();
    let terms = shard.log_likelihoods(&network).to_vec();
    let unit = 0.5f32.powi(model.latent_fraction_bits() as i32);
    for row in 0..data.readings.len() {
        session.reseed(0, row as u64);
        let posterior = session.encode(data.readings.row(row)).unwrap();
        let heads = [posterior.mean, posterior.log_variance].concat();
        let got = &shard.encoder.scratch.outputs[row * 2 * LATENTS..][..2 * LATENTS];
        assert_eq!(got, heads, "{kind:?} {row}");
        let z: Vec<f32> = session
            .sample()
            .iter()
            .map(|&z| f32::from(z) * unit)
            .collect();
        let taken_in = LATENTS + conditions;
        assert_eq!(shard.latents[row * taken_in..][..LATENTS], z, "{row}");
        session.reseed(0, row as u64);
        let estimator = Estimator::MonteCarlo { samples: 1 };
        let score = session.score(data.readings.row(row), estimator).unwrap();
        let constant = data.constant(row, None);
        let elbo = f64::from(terms[row]) + constant - divergences[row];
        let (device, reconstruction) = (score.elbo().to_f64(), f64::from(terms[row]));
        let close = 1e-2 + 1e-4 * reconstruction.abs();
        assert!(
            (device - elbo).abs() < close,
            "{kind:?} {row}: {device} {elbo}"
        );
    }
}

#[test]
fn posteriors_latents_and_scores_are_those_of_the_image() {
    let (counts, learned, predicted) = ("binomial:16", "gaussian", "laplace:predicted");
    let (eight, four) = (Weights::Int8, Weights::Int4);
    for (kind, conditions, weights, learning) in [
        (counts, 0, eight, false),
        (counts, 2, eight, true),
        (learned, 3, eight, false),
        (predicted, 0, eight, false),
        (counts, 0, four, true),
        (learned, 3, four, false),
        (COLUMNS, 2, eight, false),
        (COLUMNS, 2, eight, true),
    ] {
        compare_with_image(kind, conditions, weights, learning);
    }
}
