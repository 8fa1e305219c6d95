//! Models of any shape with random weights, for measurements that depend on the shape alone.

use elbow::decision::Noise;
use elbow::format::{
    Activation, DenseSpec, ImageSpec, InputSpec, LayerSpec, LikelihoodSpec, RowSpec,
};
use elbow::requantize::{FactorError, Multiplier};
use rand_core::Rng;

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

    /// A Bernoulli model of this shape; its weights follow from `seed`.
    ///
    /// # Errors
    ///
    /// A width is so large that a scale has no multiplier.
    pub fn random_model(&self, name: &str, seed: u64) -> Result<ImageSpec, FactorError> {
        let mut rng = elbow::rng::stream(seed, 0);
        let mut layer = |columns: usize, rows: usize, factor: f64| {
            let mut draw = |bound: i32| {
                let span = 2 * bound.unsigned_abs() + 1;
                (rng.next_u32() % span).cast_signed() - bound
            };
            // Accumulators of random signs grow with the root of their terms.
            let multiplier = Multiplier::nearest(factor / (columns as f64).sqrt())?;
            Ok(DenseSpec {
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
        let output = layer(columns, self.inputs, 20.0)?;
        let input = InputSpec {
            center: 0,
            exponent: 0,
            gain: Multiplier::nearest(127.0)?,
        };
        Ok(ImageSpec {
            name: name.to_owned(),
            picture_width: 0,
            inputs: vec![input; self.inputs],
            stream: None,
            typical: Vec::new(),
            likelihood: LikelihoodSpec::Binomial { trials: 1 },
            latent_fraction_bits: 12,
            log_variance_range: (-6 << 16, 2 << 16),
            encoder,
            heads,
            decoder,
            output,
            noise: Noise::UNKNOWN,
            self_test_reading: vec![0; self.inputs],
        })
    }
}
