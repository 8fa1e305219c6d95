//! The engine against candle's automatic differentiation and against finite differences.

mod bounds;

use super::*;
use crate::config::{Calibration, ColumnKind, ElboForm, HiddenLayer, LikelihoodKind, Scale};
use crate::data::Table;
use crate::model::Architecture;
use crate::model::objective::{Batch, Bound};
use crate::numeric::cubature::{self, Turn};
use crate::numeric::evidence::Evidence;
use crate::numeric::random::{self, Purpose};
use crate::quantize::{CalibrationSet, Plan, measure};
use crate::readings::masks::Masks;
use crate::readings::{Normalization, Readings, SMALLEST_DEVIATION};
use crate::study::bound::evidence::log_weights;
use candle_core::{Device, Var};
use elbow::distribution::Family;
use rand_core::Rng;

const NUMBERS: usize = 19;
const LATENTS: usize = 3;
/// Kinds of columns of 17 numbers.
pub(super) const COLUMNS: &str =
    "columns:normal*2,flag*2,state:4,count*2,laplace,student:4*2,state:2,count,student:1";
const ROWS: usize = 11;

/// What is trained, on what.
#[derive(Clone, Debug)]
struct Case {
    kind: LikelihoodKind,
    conditions: usize,
    hidden: Vec<HiddenLayer>,
    samples: usize,
    missing: f64,
    weighting: Weighting,
}

const PLAIN: Weighting = Weighting {
    form: ElboForm::Divergence,
    weight: 1.0,
    free_bits: 0.0,
};

fn cases() -> Vec<Case> {
    let base = Case {
        kind: LikelihoodKind::Binomial { trials: 1 },
        conditions: 0,
        hidden: vec![8.into(), 5.into()],
        samples: 1,
        missing: 0.0,
        weighting: PLAIN,
    };
    let mut cases = vec![base.clone()];
    let mut kinds = vec![LikelihoodKind::Binomial { trials: 16 }];
    for family in [Family::Normal, Family::Laplace] {
        for scale in [Scale::Shared, Scale::Input, Scale::Predicted] {
            kinds.push(LikelihoodKind::Location { family, scale });
        }
    }
    let passes = |kind: &dyn Fn(usize) -> LikelihoodKind| {
        [(1, 0.0, 0), (4, 0.0, 0), (3, 0.4, 0), (1, 0.3, 2)].map(
            |(samples, missing, conditions)| Case {
                kind: kind(conditions),
                samples,
                missing,
                conditions,
                ..base.clone()
            },
        )
    };
    for kind in kinds {
        cases.extend(passes(&|_| kind.clone()));
    }
    cases.extend(passes(&|conditions| {
        let last = if conditions == 0 { ",flag*2" } else { "" };
        format!("{COLUMNS}{last}").parse().unwrap()
    }));
    cases.push(Case {
        hidden: vec![],
        ..base.clone()
    });
    for form in [ElboForm::Divergence, ElboForm::Entropy] {
        let weighting = Weighting {
            form,
            weight: 2.5,
            free_bits: 0.0,
        };
        cases.push(Case {
            weighting,
            ..base.clone()
        });
    }
    for weight in [0.0, 0.3] {
        let weighting = Weighting { weight, ..PLAIN };
        cases.push(Case {
            weighting,
            samples: 4,
            ..base.clone()
        });
    }
    cases
}

/// Makes of numbers from 0 to 100 what columns of these kinds may have.
pub(super) fn make_whole(kinds: &[ColumnKind], row: &mut [f32]) {
    let mut next = 0;
    for kind in kinds {
        let own = &mut row[next..next + kind.numbers()];
        next += own.len();
        match kind {
            ColumnKind::Flag(_) => own[0] %= 2.0,
            ColumnKind::Count(_) => own[0] %= 7.0,
            ColumnKind::State(_) => {
                let state = own[0] as usize % kind.numbers();
                own.fill(0.0);
                own[state] = 1.0;
            }
            _ => {}
        }
    }
}

/// A model with random variables, and readings.
struct Trial {
    case: Case,
    vae: Vae,
    normalization: Normalization,
    data: Prepared,
}

impl Trial {
    fn new(case: Case) -> Self {
        let mut rng = random::stream(3, Purpose::Initialization);
        let modelled = NUMBERS - case.conditions;
        let largest = match case.kind {
            LikelihoodKind::Binomial { trials } => f32::from(trials),
            _ => 100.0,
        };
        let mut number = || (rng.next_u32() % (largest as u32 + 1)) as f32;
        let mut numbers: Vec<f32> = (0..ROWS * NUMBERS).map(|_| number()).collect();
        if let LikelihoodKind::Columns(kinds) = &case.kind {
            for row in numbers.chunks_exact_mut(NUMBERS) {
                make_whole(kinds, row);
            }
        }
        let table = Table::new(NUMBERS, numbers).unwrap();
        let normalization = match case.kind {
            LikelihoodKind::Binomial { trials } => Normalization::counts(NUMBERS, trials),
            _ => Normalization {
                exponents: vec![0; NUMBERS],
                centers: vec![50; NUMBERS],
                units: vec![25.0; NUMBERS],
                floors: vec![SMALLEST_DEVIATION; NUMBERS],
            },
        };
        let first = normalization.first(modelled);
        let likelihood = crate::model::Likelihood::new(&case.kind, &first, &Device::Cpu).unwrap();
        let architecture = Architecture {
            inputs: modelled,
            conditions: case.conditions,
            encoder: case.hidden.clone(),
            latents: LATENTS,
            decoder: case.hidden.iter().rev().copied().collect(),
            ..Architecture::default()
        };
        let vae = Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap();
        let (readings, _) = Readings::from_table(&table, &normalization.exponents);
        let data = Prepared::new(readings, &normalization, &vae, &Device::Cpu).unwrap();
        Self {
            case,
            vae,
            normalization,
            data,
        }
    }

    fn engine(&self, threads: usize) -> Engine<'_> {
        let settings = Settings {
            batch: ROWS,
            samples: self.case.samples,
            missing: self.case.missing,
            seed: 5,
            threads,
        };
        Engine::new(&self.vae, &settings, &self.data).unwrap()
    }

    /// The batch and the noise that an engine draws first.
    fn drawn(&self) -> (Batch, Tensor) {
        let indices: Vec<u32> = (0..ROWS as u32).collect();
        let mut rng = random::stream(5, Purpose::Binarization);
        let mut batch = self.data.select(&indices, &mut rng).unwrap();
        if self.case.missing > 0.0 {
            let mut rng = random::stream(5, Purpose::Missing);
            let masks = Masks::draw(ROWS, NUMBERS, self.case.missing, &mut rng);
            batch = batch
                .observe(masks.to_tensor(&Device::Cpu).unwrap())
                .unwrap();
        }
        let shape = (self.case.samples, ROWS, LATENTS);
        let count = shape.0 * shape.1 * shape.2;
        let noise = random::normals(&mut random::stream(5, Purpose::Noise), count);
        (batch, Tensor::from_vec(noise, shape, &Device::Cpu).unwrap())
    }

    /// What candle makes of it: the mean of what is ascended, and the gradient of its negative.
    fn by_candle(&self) -> (f64, Vec<Vec<f32>>) {
        let (batch, noise) = self.drawn();
        let bound = Bound::sample(&self.vae, &batch, &noise).unwrap();
        let objective = bound.weighted(&self.vae, &self.case.weighting).unwrap();
        let gradients = objective.neg().unwrap().backward().unwrap();
        let of = |var: &Var| match gradients.get(var) {
            Some(gradient) => gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap(),
            None => vec![0.0; var.elem_count()],
        };
        let parameters = self.vae.parameters();
        let gradients = parameters.into_iter().map(|(_, var)| of(var)).collect();
        (f64::from(objective.to_scalar::<f32>().unwrap()), gradients)
    }

    /// The same by the engine, whose draws are the first.
    fn by_engine(&self) -> (f64, Vec<Vec<f32>>) {
        self.by(&self.engine(1))
    }

    /// The same by the engine in the device's integers.
    fn by_integers(&self) -> (f64, Vec<Vec<f32>>) {
        let mut engine = self.engine(1);
        self.quantize(&mut engine);
        self.by(&engine)
    }

    fn quantize(&self, engine: &mut Engine<'_>) {
        let set =
            CalibrationSet::new(&self.vae, &self.normalization, &self.data, None, None).unwrap();
        let ranges = measure(&self.vae, &set, Calibration::MinMax).unwrap();
        let plan = Plan::new(&self.vae, ranges);
        engine
            .quantize(&self.vae, &self.normalization, &plan)
            .unwrap();
    }

    fn by(&self, engine: &Engine<'_>) -> (f64, Vec<Vec<f32>>) {
        let order: Vec<u32> = (0..ROWS as u32).collect();
        engine.draw(0, &order);
        let ascended = Ascended {
            weighting: self.case.weighting,
            batch: ROWS,
        };
        let mut sums = Sums::default();
        with_numbers(&self.data.batch.inputs, |inputs| {
            with_numbers(&self.data.batch.target, |target| {
                let pass = Pass {
                    order: &order,
                    inputs,
                    target,
                    weighting: self.case.weighting,
                    learning_rate: 0.0,
                    barrier: Barrier::new(1),
                };
                for part in 0..engine.shards.len() {
                    let mut shard = lock(&engine.shards[part]);
                    engine.gather(part, &pass, &order, &mut shard);
                    let mut of_part = shard.forward(&engine.network, &ascended);
                    let gradients = &engine.optimizer.gradients[part];
                    shard.backward(&engine.network, gradients, &ascended, &mut of_part);
                    sums.add(of_part);
                }
            })
        })
        .unwrap()
        .unwrap();
        let mut gradients = vec![];
        for index in 0..engine.network.groups.len() {
            let [a, b] = [0, 1].map(|part| read(&engine.optimizer.gradients[part][index]).clone());
            let sum = |a: Vec<f32>, b: Vec<f32>| a.iter().zip(b).map(|(a, b)| a + b).collect();
            if !a.weight.is_empty() {
                gradients.push(sum(a.weight, b.weight));
            }
            gradients.push(sum(a.bias, b.bias));
        }
        (sums.objective / ROWS as f64, gradients)
    }
}

#[test]
fn gradients_are_those_of_automatic_differentiation() {
    for case in cases() {
        let trial = Trial::new(case);
        let ((objective, exact), (value, got)) = (trial.by_candle(), trial.by_engine());
        let case = &trial.case;
        assert!(
            (value - objective).abs() < 1e-5 * objective.abs(),
            "{case:?}: {value} {objective}"
        );
        assert_eq!(exact.len(), got.len());
        for (variable, (exact, got)) in exact.iter().zip(&got).enumerate() {
            assert_eq!(exact.len(), got.len());
            let largest = exact
                .iter()
                .fold(1e-3f32, |largest, x| largest.max(x.abs()));
            for (exact, got) in exact.iter().zip(got) {
                assert!(
                    (exact - got).abs() < 5e-5 * largest,
                    "{case:?}, variable {variable}: {got} {exact}"
                );
            }
        }
    }
}

/// Rounding moves numbers by less than a hundredth and gradients go straight through it, so that the gradient has
/// nearly the direction of that in floats; of few readings and units, rectifiers near 0 turn it a little.
#[test]
fn gradients_in_integers_are_nearly_those_in_floats() {
    for case in cases() {
        let trial = Trial::new(case);
        let ((objective, exact), (value, got)) = (trial.by_engine(), trial.by_integers());
        let case = &trial.case;
        assert!(
            (value - objective).abs() < 0.02 * objective.abs(),
            "{case:?}: {value} {objective}"
        );
        let product = |a: &[Vec<f32>], b: &[Vec<f32>]| -> f64 {
            let pairs = a.iter().flatten().zip(b.iter().flatten());
            pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let cosine = product(&exact, &got) / (product(&exact, &exact) * product(&got, &got)).sqrt();
        assert!(cosine > 0.95, "{case:?}: {cosine}");
    }
}

#[test]
fn integers_do_not_depend_on_one_thread_or_two() {
    for case in cases() {
        let trained = |threads| {
            let trial = Trial::new(case.clone());
            let mut engine = trial.engine(threads);
            trial.quantize(&mut engine);
            let order: Vec<u32> = (0..ROWS as u32).collect();
            for _ in 0..5 {
                let weighting = case.weighting;
                engine.epoch(&order, weighting, 0.01, &|_| ()).unwrap();
            }
            engine.write(&trial.vae).unwrap();
            let values = trial.vae.snapshot().unwrap().into_iter();
            let values = values.map(|values| values.flatten_all().unwrap().to_vec1().unwrap());
            values.collect::<Vec<Vec<f32>>>()
        };
        assert_eq!(trained(1), trained(2), "{case:?}");
    }
}

/// Along the gradient, the objective rises as the gradient is long: central differences of steps of 1 / 250,
/// whose own error is of their square; rectifiers and Laplace's density have corners, which a step may
/// cross.
#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f32 = 0.004;
    for case in cases() {
        let trial = Trial::new(case);
        let (_, gradients) = trial.by_engine();
        let squares = gradients.iter().flatten().map(|g| f64::from(*g).powi(2));
        let norm = squares.sum::<f64>().sqrt();
        let variables: Vec<&Var> = trial
            .vae
            .parameters()
            .into_iter()
            .map(|(_, var)| var)
            .collect();
        let start: Vec<Tensor> = variables.iter().map(|var| var.copy().unwrap()).collect();
        let at = |distance: f32| {
            for ((var, start), gradient) in variables.iter().zip(&start).zip(&gradients) {
                let gradient = Tensor::from_slice(gradient, var.shape(), &Device::Cpu).unwrap();
                let moved = (gradient * (f64::from(-distance) / norm)).unwrap() + start;
                var.set(&moved.unwrap()).unwrap();
            }
            trial.by_engine().0
        };
        let slope = (at(STEP) - at(-STEP)) / (2.0 * f64::from(STEP));
        let laplace = matches!(
            trial.case.kind,
            LikelihoodKind::Location {
                family: Family::Laplace,
                ..
            }
        );
        let tolerance = if laplace { 0.03 } else { 0.01 };
        assert!(
            (slope / norm - 1.0).abs() < tolerance,
            "{:?}: {slope} {norm}",
            trial.case
        );
    }
}

/// One thread and two give the same bits, several steps long, the last batch a single reading.
#[test]
fn one_thread_and_two_give_the_same_bits() {
    for case in cases() {
        let run = |threads: usize| {
            let trial = Trial::new(case.clone());
            let settings = Settings {
                batch: 5,
                samples: trial.case.samples,
                missing: trial.case.missing,
                seed: 5,
                threads,
            };
            let mut engine = Engine::new(&trial.vae, &settings, &trial.data).unwrap();
            let order: Vec<u32> = (0..ROWS as u32).rev().collect();
            for _ in 0..3 {
                engine
                    .epoch(&order, trial.case.weighting, 0.01, &|_| {})
                    .unwrap();
            }
            engine.write(&trial.vae).unwrap();
            trial.vae.to_safetensors().unwrap()
        };
        assert!(run(1) == run(2), "{case:?}");
    }
}
