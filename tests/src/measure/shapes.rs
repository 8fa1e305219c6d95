//! Models of any shape with random weights, for what depends on the shape alone.

use elbow::calibration::Noise;
use elbow::distribution::{Family, LogVarianceRange};
use elbow::image::{
    ColumnCurvesSpec, CurveSpec, DenseSpec, GroupSpec, ImageSpec, InputSpec, LayerSpec,
    LikelihoodSpec, LocationSpec, PriorSpec, PrototypesSpec, Row, StatisticsSpec, Tail,
};
use elbow::layer::{Activation, LayerKind};
use elbow::layer::{Packing, WeightBits};
use elbow::posterior::PosteriorKind;
use elbow::requantize::{FactorError, Multiplier};
use elbow::rng::Xoshiro128PlusPlus;
use rand_core::Rng;

/// What the readings of a model are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Counts from 0 to `trials`.
    Counts {
        /// At least one; one is Bernoulli.
        trials: u8,
    },
    /// Numbers around a location, each input in units of its own.
    Real {
        /// The shape of their density.
        family: Family,
        /// Whether the decoder gives the scale.
        predicted_scale: bool,
    },
    /// Columns of every kind, one after the other: see [`Column::ALL`].
    Columns,
    /// Columns of one kind alone.
    Column(Column),
}

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// A real number.
    Real(Tail),
    /// 0 or 1.
    Flag,
    /// 0, 1, 2 and so on.
    Count,
    /// One of four states.
    State,
}

/// Degrees of freedom of Student-t columns.
const DEGREES: u8 = 4;
/// Knots of the curve of an input.
const KNOTS: usize = 13;
/// States of a column.
const STATES: u16 = 4;

impl Column {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Real(Tail::Normal),
        Self::Flag,
        Self::State,
        Self::Count,
        Self::Real(Tail::Student { degrees: DEGREES }),
        Self::Real(Tail::Laplace),
    ];

    /// Numbers of a reading that it makes.
    #[must_use]
    pub fn inputs(self) -> usize {
        match self {
            Self::State => STATES.into(),
            _ => 1,
        }
    }

    /// A column with that unit, where it has one.
    fn group(self, unit: f64) -> Result<GroupSpec, FactorError> {
        Ok(match self {
            Self::Real(tail) => GroupSpec::Real {
                tail,
                standardize: Multiplier::nearest(8192.0 / unit)?,
                unit: Multiplier::nearest(unit)?,
                // About that of a normal.
                log_normalizer: -(unit * core::f64::consts::TAU.sqrt()).ln(),
            },
            Self::Flag => GroupSpec::Flag,
            Self::Count => GroupSpec::Count {
                failures: 1.5,
                largest: 40,
            },
            Self::State => GroupSpec::States { count: STATES },
        })
    }
}

/// Columns of so many inputs: of `kinds` in turn, flags where there are too few left for a state.
fn columns(kinds: &[Column], inputs: usize) -> Vec<Column> {
    let (mut columns, mut left) = (Vec::new(), inputs);
    for &column in kinds.iter().cycle() {
        if left == 0 {
            break;
        }
        let column = if column.inputs() <= left {
            column
        } else {
            Column::Flag
        };
        left -= column.inputs();
        columns.push(column);
    }
    columns
}

/// Widths of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Numbers in a reading.
    pub inputs: usize,
    /// Hidden widths of the encoder.
    pub encoder: Vec<usize>,
    /// Numbers in a latent vector.
    pub latents: usize,
    /// Hidden widths of the decoder.
    pub decoder: Vec<usize>,
}

impl Shape {
    /// The anomaly autoencoder of MLPerf Tiny (Banbury et al., 2021): 640-128-128-128-128-8 and back.
    #[must_use]
    pub fn anomaly_autoencoder() -> Self {
        Self {
            inputs: 640,
            encoder: vec![128; 4],
            latents: 8,
            decoder: vec![128; 4],
        }
    }

    /// A model of readings of that kind; its weights, and the centres and units of its inputs, follow
    /// from `seed`.
    ///
    /// # Errors
    ///
    /// A width is so large that a scale has no multiplier.
    pub fn random_model(
        &self,
        name: &str,
        kind: Kind,
        seed: u64,
    ) -> Result<ImageSpec, FactorError> {
        let mut draws = Draws(elbow::rng::stream(seed, 0));
        let (mut encoder, mut decoder) = (Vec::new(), Vec::new());
        let mut columns = self.inputs;
        for &rows in &self.encoder {
            encoder.push(draws.rectified(columns, rows, 0.02)?);
            columns = rows;
        }
        let heads = draws.layer(columns, 2 * self.latents, 10.0)?;
        columns = self.latents;
        for &rows in &self.decoder {
            let factor = if decoder.is_empty() { 0.0003 } else { 0.02 };
            decoder.push(draws.rectified(columns, rows, factor)?);
            columns = rows;
        }
        let output = draws.layer(
            columns,
            kind.rows_per_input() * self.inputs,
            kind.output_factor(),
        )?;
        let mut words = elbow::rng::stream(seed, 1);
        let (inputs, likelihood) = kind.random_inputs(self.inputs, &mut words)?;
        Ok(ImageSpec {
            name: name.to_owned(),
            columns: Vec::new(),
            picture_width: 0,
            self_test_reading: inputs.iter().map(|input| input.center).collect(),
            inputs,
            input_ceiling: 127,
            conditions: Vec::new(),
            prior: PriorSpec::Standard,
            stream: None,
            typical: Vec::new(),
            likelihood,
            packing: Packing::PairedTiles,
            latent_fraction_bits: 12,
            posterior: PosteriorKind::Gaussian {
                log_variance_range: LogVarianceRange {
                    lowest: -6 << 16,
                    highest: 2 << 16,
                },
            },
            encoder,
            heads,
            decoder,
            output,
            statistics: StatisticsSpec::default(),
            noise: Noise::UNKNOWN,
        })
    }

    /// Statistics beside the bound with random numbers: so many prototypes, and a curve for each input of
    /// as many knots as the trainer gives them, or none.
    ///
    /// # Errors
    ///
    /// None of one half has a multiplier.
    pub fn random_statistics(
        &self,
        (prototypes, bits): (usize, WeightBits),
        columns: bool,
    ) -> Result<StatisticsSpec, FactorError> {
        let mut draws = Draws(elbow::rng::stream(1, 2));
        let bytes = prototypes * PrototypesSpec::row_bytes(bits, self.inputs);
        let rows = (0..bytes).map(|_| draws.within(127) as i8);
        let prototypes = PrototypesSpec {
            gain: Multiplier::nearest(0.5)?,
            bits,
            rows: rows.collect(),
        };
        let curve: Vec<(i32, f64)> = (0..9).map(|at| (at << 16, f64::from(at))).collect();
        let curve = CurveSpec::through(&curve);
        let curve_if = |there| {
            if there {
                curve.clone()
            } else {
                CurveSpec::default()
            }
        };
        let curves = (0..self.inputs).map(|_| {
            let mut values = [0; KNOTS].map(|_| draws.within(8191) as i16);
            values.sort_unstable();
            values
        });
        let values: Vec<i16> = curves.flatten().collect();
        let surprises = values
            .iter()
            .map(|_| draws.within(127).unsigned_abs() as u8);
        let columns = columns.then(|| ColumnCurvesSpec {
            knots: KNOTS as u8,
            surprises: surprises.collect(),
            values: values.clone(),
        });
        Ok(StatisticsSpec {
            bound: curve.clone(),
            reconstruction: curve.clone(),
            distance: curve_if(!prototypes.rows.is_empty()),
            sum: curve_if(columns.is_some()),
            prototypes: Some(prototypes).filter(|prototypes| !prototypes.rows.is_empty()),
            columns,
        })
    }
}

/// Random layers.
struct Draws(Xoshiro128PlusPlus);

impl Draws {
    /// A whole number from -`bound` to `bound`.
    fn within(&mut self, bound: i32) -> i32 {
        let span = 2 * bound.unsigned_abs() + 1;
        (self.0.next_u32() % span).cast_signed() - bound
    }

    /// A layer whose outputs are about `factor` times its accumulators, which are of random signs and grow with the
    /// root of their terms.
    fn layer(
        &mut self,
        columns: usize,
        rows: usize,
        factor: f64,
    ) -> Result<DenseSpec, FactorError> {
        let multiplier = Multiplier::nearest(factor / (columns as f64).sqrt())?;
        Ok(DenseSpec {
            bits: WeightBits::Eight,
            weights: (0..columns * rows)
                .map(|_| self.within(127) as i8)
                .collect(),
            rows: (0..rows)
                .map(|_| Row {
                    bias: self.within(2000),
                    multiplier,
                })
                .collect(),
        })
    }

    fn rectified(
        &mut self,
        columns: usize,
        rows: usize,
        factor: f64,
    ) -> Result<LayerSpec, FactorError> {
        Ok(LayerSpec {
            kind: LayerKind::Dense,
            dense: self.layer(columns, rows, factor)?,
            activation: Activation::Relu,
            zero_point: -127,
            ceiling: 127,
        })
    }
}

impl Kind {
    fn rows_per_input(self) -> usize {
        match self {
            Self::Real {
                predicted_scale: true,
                ..
            } => 2,
            _ => 1,
        }
    }

    /// Logits may be larger than locations, which are in units of the reading's spread.
    fn output_factor(self) -> f64 {
        match self {
            Self::Counts { .. } | Self::Column(Column::Flag | Column::Count | Column::State) => {
                20.0
            }
            Self::Real { .. } | Self::Columns | Self::Column(Column::Real(_)) => 5.0,
        }
    }

    /// Normalization of `count` inputs, and the likelihood that goes with it.
    fn random_inputs(
        self,
        count: usize,
        words: &mut Xoshiro128PlusPlus,
    ) -> Result<(Vec<InputSpec>, LikelihoodSpec), FactorError> {
        match self {
            Self::Counts { trials } => {
                let input = InputSpec {
                    center: 0,
                    exponent: 0,
                    gain: Multiplier::nearest(127.0 / f64::from(trials))?,
                };
                let likelihood = LikelihoodSpec::Binomial { trials };
                Ok((vec![input; count], likelihood))
            }
            Self::Real {
                family,
                predicted_scale,
            } => {
                // Centres up to 4096 in magnitude, units from 1/2 to 256.
                let mut draw = || {
                    let center = (words.next_u32() % 8193) as i16 - 4096;
                    let octave = f64::from(words.next_u32() % 1024) / 1024.0 * 9.0 - 1.0;
                    (center, octave.exp2())
                };
                let scales: Vec<(i16, f64)> = (0..count).map(|_| draw()).collect();
                real_inputs(family, predicted_scale, &scales)
            }
            Self::Columns | Self::Column(_) => {
                let (mut inputs, mut groups) = (Vec::new(), Vec::new());
                for column in self.columns(count) {
                    let octave = f64::from(words.next_u32() % 1024) / 1024.0 * 9.0 - 1.0;
                    let (center, unit, gain) = match column {
                        Column::Real(_) => {
                            let center = (words.next_u32() % 8193) as i16 - 4096;
                            (center, octave.exp2(), 40.0 / octave.exp2())
                        }
                        Column::Count => (1, 1.0, 20.0),
                        Column::Flag | Column::State => (0, 1.0, 127.0),
                    };
                    let input = InputSpec {
                        center,
                        exponent: 0,
                        gain: Multiplier::nearest(gain)?,
                    };
                    inputs.extend(std::iter::repeat_n(input, column.inputs()));
                    groups.push(column.group(unit)?);
                }
                Ok((inputs, LikelihoodSpec::Heterogeneous(groups)))
            }
        }
    }

    /// The columns of a model with so many inputs.
    fn columns(self, inputs: usize) -> Vec<Column> {
        match self {
            Self::Column(column) => columns(&[column], inputs),
            _ => columns(&Column::ALL, inputs),
        }
    }

    /// A reading that the model may meet: mostly near the centres, sometimes as far away as can be.
    #[must_use]
    pub fn random_reading(self, inputs: &[InputSpec], words: &mut Xoshiro128PlusPlus) -> Vec<i16> {
        match self {
            Self::Counts { trials } => {
                let most = u32::from(trials) + 1;
                let count = |_: &InputSpec| (words.next_u32() % most) as i16;
                inputs.iter().map(count).collect()
            }
            Self::Real { .. } => {
                let reading = inputs.iter();
                reading.map(|input| random_real(input, words)).collect()
            }
            Self::Columns | Self::Column(_) => {
                let mut reading = Vec::new();
                for column in self.columns(inputs.len()) {
                    let input = &inputs[reading.len()];
                    let any = words.next_u32();
                    match column {
                        Column::Real(_) => reading.push(random_real(input, words)),
                        // Seldom what cannot be.
                        Column::Flag => reading.push([0, 1, 0, 1, 0, 1, 2][any as usize % 7]),
                        Column::Count => reading.push([0, 1, 0, 2, 5, 50, -1][any as usize % 7]),
                        Column::State => {
                            let state = any % (u32::from(STATES) + 1);
                            reading.extend((0..u32::from(STATES)).map(|at| i16::from(at == state)));
                        }
                    }
                }
                reading
            }
        }
    }
}

/// A number that a model may meet.
fn random_real(input: &InputSpec, words: &mut Xoshiro128PlusPlus) -> i16 {
    match words.next_u32() % 512 {
        0 => i16::MIN,
        1 => i16::MAX,
        // The gain takes 40 to a unit; a sum of uniform numbers is about normal.
        _ => {
            let sum: u32 = (0..4).map(|_| words.next_u32() % 129).sum();
            let offset = (f64::from(sum) - 256.0) / input.gain.to_f64() * 0.75;
            input.center.saturating_add(offset as i16)
        }
    }
}

/// Normalization and likelihood of inputs with these centres and units.
///
/// # Errors
///
/// A unit has no multiplier.
pub fn real_inputs(
    family: Family,
    predicted_scale: bool,
    scales: &[(i16, f64)],
) -> Result<(Vec<InputSpec>, LikelihoodSpec), FactorError> {
    let input = |&(center, unit): &(i16, f64)| {
        Ok(InputSpec {
            center,
            exponent: 0,
            gain: Multiplier::nearest(40.0 / unit)?,
        })
    };
    let factors = |factor: &dyn Fn(f64) -> f64| {
        let units = scales.iter().map(|&(_, unit)| factor(unit));
        units
            .map(Multiplier::nearest)
            .collect::<Result<Vec<_>, _>>()
    };
    let normalizer = |unit: f64| match family {
        Family::Normal => -(unit * core::f64::consts::TAU.sqrt()).ln(),
        Family::Laplace => -(2.0 * unit).ln(),
    };
    let location = LocationSpec {
        family,
        predicted_scale,
        standardize: factors(&|unit| 8192.0 / unit)?,
        units: factors(&|unit| unit)?,
        log_normalizers: scales.iter().map(|&(_, unit)| normalizer(unit)).collect(),
    };
    let inputs = scales.iter().map(input).collect::<Result<_, _>>()?;
    Ok((inputs, LikelihoodSpec::Location(location)))
}
