//! Data that ship with the project: the digits, and generated tables whose anomalies have a known cause.

use crate::error::Error;
use crate::folder::choose;
use crate::measure::Subject;
use crate::set::Set;
use elbow::gaussian::standard_normal;
use elbow::rng::Xoshiro128PlusPlus;
use elbow_trainer::data::{Table, digits};
use rand_core::Rng;

/// Normal and anomalous rows of a table.
const ROWS: (usize, usize) = (4000, 400);

/// A generated table: its name, its columns, and how a row is made that is anomalous or not.
struct Mechanism {
    name: &'static str,
    columns: usize,
    row: fn(&mut Draws, bool) -> Vec<f32>,
}

/// What is generated.
const MECHANISMS: [Mechanism; 5] = [
    Mechanism {
        name: "broken-correlation",
        columns: 5,
        row: broken_correlation,
    },
    Mechanism {
        name: "rare-flag",
        columns: 6,
        row: rare_flag,
    },
    Mechanism {
        name: "between-modes",
        columns: 6,
        row: between_modes,
    },
    Mechanism {
        name: "one-of-60",
        columns: 60,
        row: one_of_60,
    },
    Mechanism {
        name: "too-ordinary",
        columns: 6,
        row: too_ordinary,
    },
];

/// The digits, each class left out of training in turn, and the generated tables: those called `wanted`, or all.
///
/// # Errors
///
/// [`Error::Unknown`].
pub fn subjects(wanted: &[String]) -> Result<Vec<Subject>, Error> {
    let tables = MECHANISMS
        .iter()
        .map(|mechanism| Ok(Subject::Set(mechanism.set()?)));
    let digits = (0..digits::CLASSES).map(|digit| Ok(Subject::Digit(digit)));
    let subjects: Vec<Subject> = digits.chain(tables).collect::<Result<_, Error>>()?;
    let names: Vec<String> = subjects.iter().map(Subject::name).collect();
    let chosen = choose(&names, wanted)?;
    Ok(chosen.iter().map(|&at| subjects[at].clone()).collect())
}

impl Mechanism {
    /// The normal rows, then the anomalous ones.
    fn set(&self) -> Result<Set, Error> {
        let (normal, anomalous) = ROWS;
        let labels: Vec<bool> = (0..normal + anomalous).map(|row| row >= normal).collect();
        let mut draws = Draws::new(1, 0);
        let rows = labels.iter();
        let values = rows.flat_map(|&anomalous| (self.row)(&mut draws, anomalous));
        let table = Table::new(self.columns, values.collect())?;
        Set::new(self.name, table, labels)
    }
}

/// Random numbers.
#[derive(Debug)]
pub struct Draws(Xoshiro128PlusPlus);

impl Draws {
    /// Those of stream `stream` of `seed`.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(elbow::rng::stream(seed, stream))
    }

    /// A standard normal.
    fn normal(&mut self) -> f32 {
        standard_normal(self.0.next_u32()) as f32 / 65536.0
    }

    /// A standard normal, in 64 bits.
    pub(crate) fn normal64(&mut self) -> f64 {
        self.normal().into()
    }

    /// Uniform from 0 to 1, in 64 bits.
    pub(crate) fn uniform64(&mut self) -> f64 {
        self.uniform().into()
    }

    /// Uniform from 0 to 1.
    fn uniform(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }
}

/// Two factors in five columns, each with noise of its own.
#[must_use]
pub fn correlated(draws: &mut Draws) -> Vec<f32> {
    let (a, b) = (draws.normal(), draws.normal());
    let exact = [a, b, a + b, a - b, 0.5 * a + b];
    exact.map(|mean| mean + 0.3 * draws.normal()).to_vec()
}

/// [`correlated`]; where it is anomalous each column is that of another row, so that no column alone is strange.
fn broken_correlation(draws: &mut Draws, anomalous: bool) -> Vec<f32> {
    let row = correlated(draws);
    if !anomalous {
        return row;
    }
    (0..row.len())
        .map(|column| correlated(draws)[column])
        .collect()
}

/// [`correlated`], and a flag that is up in one of 200 normal rows and in every anomalous one. It is no last column, which
/// the trainer would take for labels.
fn rare_flag(draws: &mut Draws, anomalous: bool) -> Vec<f32> {
    let up = anomalous || draws.uniform() < 0.005;
    let mut row = correlated(draws);
    row.insert(2, f32::from(u8::from(up)));
    row
}

/// A machine that runs or idles, three rows of four and one of four; where it is anomalous it is somewhere between.
fn between_modes(draws: &mut Draws, anomalous: bool) -> Vec<f32> {
    let runs = f32::from(u8::from(draws.uniform() < 0.75));
    let part = if anomalous {
        0.3 + 0.4 * draws.uniform()
    } else {
        runs
    };
    let load = draws.normal();
    let running = [10.0, 8.0, 12.0, 9.0, 10.0, 11.0];
    let own = |mean: f32| part * (mean + 0.5 * load) + 0.5 * draws.normal();
    running.map(own).to_vec()
}

/// Five factors in 60 columns; where it is anomalous one column lies four to six deviations of its own noise beside.
fn one_of_60(draws: &mut Draws, anomalous: bool) -> Vec<f32> {
    let factors: [f32; 5] = std::array::from_fn(|_| draws.normal());
    let column = |column: usize| {
        let (first, second) = (column % 5, (column / 5 + 1 + column) % 5);
        factors[first] + 0.5 * factors[second] + 0.5 * draws.normal()
    };
    let mut row: Vec<f32> = (0..60).map(column).collect();
    if anomalous {
        let strange = ((60.0 * draws.uniform()) as usize).min(59);
        let side = if draws.uniform() < 0.5 { -0.5 } else { 0.5 };
        row[strange] += side * (4.0 + 2.0 * draws.uniform());
    }
    row
}

/// One factor in six columns; where it is anomalous it hardly moves, as a sensor that is stuck at its mean.
fn too_ordinary(draws: &mut Draws, anomalous: bool) -> Vec<f32> {
    let spread = if anomalous { 0.1 } else { 1.0 };
    let factor = draws.normal();
    let own = |weight: f32| spread * (weight * factor + 0.6 * draws.normal());
    [1.0, -1.0, 0.8, 0.5, 1.2, -0.7].map(own).to_vec()
}
