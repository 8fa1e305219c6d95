//! Models of any shape with random weights, for what depends on the shape alone.

use elbow::calibration::Noise;
use elbow::distribution::Family;
use elbow::format::{
    Activation, DenseSpec, ImageSpec, InputSpec, LayerSpec, LikelihoodSpec, LocationSpec,
    PriorSpec, RowSpec,
};
use elbow::kernel::{Packing, WeightBits};
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
        let mut rng = elbow::rng::stream(seed, 0);
        let mut layer = |columns: usize, rows: usize, factor: f64| {
            let mut draw = |bound: i32| {
                let span = 2 * bound.unsigned_abs() + 1;
                (rng.next_u32() % span).cast_signed() - bound
            };
            // Accumulators of random signs grow with the root of their terms.
            let multiplier = Multiplier::nearest(factor / (columns as f64).sqrt())?;
            Ok(DenseSpec {
                bits: WeightBits::Eight,
                weights: (0..columns * rows).map(|_| draw(127) as i8).collect(),
                rows: (0..rows)
                    .map(|_| RowSpec {
                        bias: draw(2000),
                        multiplier,
                    })
                    .collect(),
            })
        };
        let rectified = |dense| LayerSpec {
            dense,
            activation: Activation::Relu,
            zero_point: -127,
            ceiling: 127,
        };
        let (mut encoder, mut decoder) = (Vec::new(), Vec::new());
        let mut columns = self.inputs;
        for &rows in &self.encoder {
            encoder.push(rectified(layer(columns, rows, 0.02)?));
            columns = rows;
        }
        let heads = layer(columns, 2 * self.latents, 10.0)?;
        columns = self.latents;
        for &rows in &self.decoder {
            let factor = if decoder.is_empty() { 0.0003 } else { 0.02 };
            decoder.push(rectified(layer(columns, rows, factor)?));
            columns = rows;
        }
        let output = layer(
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
            log_variance_range: (-6 << 16, 2 << 16),
            encoder,
            heads,
            decoder,
            output,
            noise: Noise::UNKNOWN,
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
            Self::Counts { .. } => 20.0,
            Self::Real { .. } => 5.0,
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
        }
    }

    /// A reading that the model may meet: mostly near the centres, sometimes as far away as can be.
    #[must_use]
    pub fn random_reading(self, inputs: &[InputSpec], words: &mut Xoshiro128PlusPlus) -> Vec<i16> {
        let mut draw = |input: &InputSpec| match self {
            Self::Counts { trials } => (words.next_u32() % (u32::from(trials) + 1)) as i16,
            Self::Real { .. } => match words.next_u32() % 512 {
                0 => i16::MIN,
                1 => i16::MAX,
                // The gain takes 40 to a unit; a sum of uniform numbers is about normal.
                _ => {
                    let sum: u32 = (0..4).map(|_| words.next_u32() % 129).sum();
                    let offset = (f64::from(sum) - 256.0) / input.gain.to_f64() * 0.75;
                    input.center.saturating_add(offset as i16)
                }
            },
        };
        inputs.iter().map(&mut draw).collect()
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
