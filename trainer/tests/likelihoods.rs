//! The trainer and the runtime state the same likelihoods.

use candle_core::{Device, Tensor};
use elbow::image::WriteError;
use elbow::{Estimator, Mask, Model, Nats, Session, WideSum};
use elbow_trainer::config::LikelihoodKind;
use elbow_trainer::data::{Dataset, Table};
use elbow_trainer::model::prepared::Prepared;
use elbow_trainer::model::{Architecture, Likelihood, Vae};
use elbow_trainer::numeric::random::{self, Purpose, normals, uniform};
use elbow_trainer::quantize::{Label, Plan, Ranges, quantize};
use elbow_trainer::readings::{Normalization, Readings};

const KINDS: [&str; 11] = [
    "bernoulli",
    "binomial:16",
    "gaussian",
    "gaussian:shared",
    "gaussian:predicted",
    "laplace",
    "laplace:shared",
    "laplace:predicted",
    "columns:normal,flag,count,state:3",
    "columns:student:4,flag,count,state:3",
    "columns:laplace,flag,count,state:3",
];
const INPUTS: usize = 6;
const ROWS: usize = 40;

/// A model with random parameters and readings in its support.
struct Case {
    kind: LikelihoodKind,
    vae: Vae,
    normalization: Normalization,
    data: Prepared,
}

/// Numbers that suit the likelihood, of quite different spreads.
fn values(kind: &LikelihoodKind) -> Vec<f32> {
    let mut rng = random::stream(1, Purpose::Evaluation);
    let draws = normals(&mut rng, ROWS * INPUTS).into_iter().enumerate();
    let value = |(at, draw): (usize, f32)| match kind {
        LikelihoodKind::Binomial { trials } => {
            let half = f32::from(*trials) / 2.0;
            (half + half * draw).round().clamp(0.0, f32::from(*trials))
        }
        LikelihoodKind::Columns(_) => match at % INPUTS {
            0 => draw * 40.0 + 3.5,
            1 => f32::from(u8::from(draw > 0.0)),
            2 => (draw.abs() * 3.0).round(),
            // One of three states by the row.
            state => f32::from(u8::from(at / INPUTS % 3 == state - 3)),
        },
        _ => draw * 10f32.powi((at % INPUTS) as i32 - 2) + 3.0,
    };
    draws.map(value).collect()
}

/// Which columns have whole numbers.
fn whole(kind: &LikelihoodKind) -> Vec<bool> {
    let LikelihoodKind::Columns(kinds) = kind else {
        return vec![];
    };
    let whole = kinds
        .iter()
        .map(|kind| std::iter::repeat_n(kind.is_discrete(), kind.numbers()));
    whole.flatten().collect()
}

impl Case {
    fn new(name: &str) -> Self {
        let kind: LikelihoodKind = name.parse().unwrap();
        let dataset = Dataset::new(name, Table::new(INPUTS, values(&kind)).unwrap());
        let normalization = match kind {
            LikelihoodKind::Binomial { trials } => Normalization::counts(INPUTS, trials),
            _ => Normalization::real(&dataset, &whole(&kind)).unwrap(),
        };
        let mut rng = random::stream(2, Purpose::Initialization);
        let likelihood = Likelihood::new(&kind, &normalization, &Device::Cpu).unwrap();
        if let Some(var) = likelihood.log_deviation() {
            let draws: Vec<f32> = (0..var.elem_count())
                .map(|_| uniform(&mut rng, 0.7))
                .collect();
            var.set(&Tensor::new(draws, &Device::Cpu).unwrap()).unwrap();
        }
        let architecture = Architecture {
            inputs: INPUTS,
            encoder: vec![8.into()],
            latents: 3,
            decoder: vec![8.into()],
            ..Architecture::default()
        };
        let vae = Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap();
        let (readings, _) = Readings::from_table(&dataset.table, &normalization.exponents);
        let data = Prepared::new(readings, &normalization, &vae, &Device::Cpu).unwrap();
        Self {
            kind,
            vae,
            normalization,
            data,
        }
    }

    /// The device's `log p(x_i|z)` at the posterior mean.
    fn device_terms(&self) -> Vec<Vec<f64>> {
        let label = Label {
            columns: vec![],
            name: self.kind.to_string(),
            picture_width: 0,
            packing: elbow::layer::Packing::Rows,
        };
        let ranges = Ranges::measure(&self.vae, &self.data.batch, 1.0).unwrap();
        let plan = Plan::new(&self.vae, ranges);
        let reading = self.data.readings.row(0);
        let spec = quantize(&self.vae, &self.normalization, &plan, &label, reading).unwrap();
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).map_err(WriteError::Image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 0).unwrap();
        let mut explain = |row: &[i16]| {
            let (mut inputs, mut latents) = ([WideSum::ZERO; INPUTS], [Nats::ZERO; 3]);
            let estimator = Estimator::PosteriorMean;
            session
                .explain(row, Mask::ALL, estimator, &mut inputs, &mut latents)
                .unwrap();
            inputs.map(WideSum::to_f64).to_vec()
        };
        self.data.readings.iter().map(&mut explain).collect()
    }

    /// The decoder's outputs at the posterior mean in floats, (rows, outputs).
    fn outputs(&self) -> Tensor {
        let mean = self.vae.gaussian(&self.data.batch.inputs).unwrap().mean;
        self.vae.decode(&mean, None).unwrap()
    }

    /// `log p(x_i|z)` in floats for `outputs`.
    fn terms(&self, outputs: &Tensor) -> Vec<Vec<f64>> {
        let likelihood = &self.vae.likelihood;
        let terms = likelihood.terms(&self.data.batch.target, outputs).unwrap();
        let constants = likelihood.constants();
        let rows = terms.to_vec2::<f32>().unwrap().into_iter();
        let rows = rows.zip(&self.data.readings);
        rows.map(|(terms, reading)| {
            let terms = terms.into_iter().enumerate();
            terms
                .map(|(input, term)| {
                    f64::from(term) + constants.total(reading, |other| other == input)
                })
                .collect()
        })
        .collect()
    }

    /// Terms for outputs on a grid within [`REACH`] of the float ones, where the decoder gives two
    /// for each input in both directions.
    fn nearby(&self) -> Vec<Vec<Vec<f64>>> {
        let outputs = self.outputs();
        let count = self.vae.likelihood.outputs() / INPUTS;
        let steps = || (-8..=8).map(|step| REACH * f64::from(step) / 8.0);
        let shifts = steps().flat_map(|first| steps().map(move |second| [first, second]));
        let at = |shift: [f64; 2]| {
            let shift: Vec<f32> = (0..INPUTS * count)
                .map(|output| shift[output % count] as f32)
                .collect();
            let shift = Tensor::new(shift, &Device::Cpu).unwrap();
            self.terms(&outputs.broadcast_add(&shift).unwrap())
        };
        shifts.map(at).collect()
    }

    /// Makes the decoder ignore its latents: its outputs are its biases, which quantization hardly
    /// touches, drawn anew.
    fn ignore_latents(&self) {
        let mut rng = random::stream(3, Purpose::Initialization);
        let output = &self.vae.output;
        output
            .weight
            .set(&output.weight.zeros_like().unwrap())
            .unwrap();
        let count = output.bias.elem_count();
        let biases: Vec<f32> = (0..count).map(|_| uniform(&mut rng, 2.0)).collect();
        output
            .bias
            .set(&Tensor::new(biases, &Device::Cpu).unwrap())
            .unwrap();
    }
}

/// Bits are lost only in the reading's 16, the multipliers' 15 and the nats' 16: the terms agree
/// within 2^-10 nats and as much of their size.
#[test]
fn the_formulas_are_the_same() {
    for name in KINDS {
        let case = Case::new(name);
        case.ignore_latents();
        let device = case.device_terms();
        let float = case.terms(&case.outputs());
        for (device, float) in device.iter().flatten().zip(float.iter().flatten()) {
            let tolerance = (1.0 + float.abs()) / 1024.0;
            assert!(
                (device - float).abs() < tolerance,
                "{name}: {device} {float}"
            );
        }
    }
}

/// How far quantization moves the decoder's outputs here: weights and activations of eight bits,
/// a dozen of them in a sum, of outputs of about one.
const REACH: f64 = 0.03;

/// Each term is what the float formula gives for outputs within [`REACH`] of the float ones.
#[test]
fn quantized_models_give_terms_of_outputs_nearby() {
    for name in KINDS {
        let case = Case::new(name);
        let device = case.device_terms();
        let nearby = case.nearby();
        for (row, terms) in device.iter().enumerate() {
            for (input, &device) in terms.iter().enumerate() {
                let float = nearby.iter().map(|terms| terms[row][input]);
                let lowest = float.clone().fold(f64::INFINITY, f64::min);
                let highest = float.fold(f64::NEG_INFINITY, f64::max);
                let slack = 0.002 * (1.0 + device.abs());
                assert!(
                    (lowest - slack..highest + slack).contains(&device),
                    "{name}: {device} in [{lowest}, {highest}]"
                );
            }
        }
    }
}
