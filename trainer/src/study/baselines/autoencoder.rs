//! A plain autoencoder: no noise, no prior, no likelihood.

use super::Matrix;
use crate::config::cosine;
use crate::data::shuffle;
use crate::engine::adam::Adam;
use crate::error::Error;
use crate::model::Dense;
use crate::numeric::random::{self, Purpose};
use candle_core::{Device, Tensor, Var};
use nalgebra::DMatrix;
use serde::Serialize;

/// Readings that are reconstructed at once.
const BATCH: usize = 1024;

/// The shape of an autoencoder and how it is trained.
#[derive(Clone, Debug, PartialEq, Serialize, clap::Args)]
pub struct Settings {
    /// Units of the encoder's hidden layers
    #[arg(
        long,
        value_name = "UNITS",
        value_delimiter = ',',
        default_value = "64"
    )]
    pub encoder: Vec<usize>,
    /// Numbers of the code between encoder and decoder
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub latents: usize,
    /// Units of the decoder's hidden layers
    #[arg(
        long,
        value_name = "UNITS",
        value_delimiter = ',',
        default_value = "64"
    )]
    pub decoder: Vec<usize>,
    /// Passes over the training readings
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub epochs: usize,
    /// Readings in a step
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub batch: usize,
    /// Adam's step size in the first epoch; it falls to zero along a cosine
    #[arg(long, value_name = "RATE", default_value_t = 0.002)]
    pub learning_rate: f64,
}

/// `x -> z -> x`, by the least mean square of what is lost, in network units (Hinton and
/// Salakhutdinov, "Reducing the dimensionality of data with neural networks", 2006).
#[derive(Clone, Debug)]
pub struct Autoencoder {
    layers: Vec<Dense>,
    /// The layer that makes the code: it and the last one have no rectifier.
    code: usize,
}

impl Autoencoder {
    /// Trains one on the rows of `data`.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Diverged`], [`Error::Tensor`].
    pub fn fit(data: &Matrix, settings: &Settings, seed: u64) -> Result<Self, Error> {
        settings.check()?;
        let device = &Device::Cpu;
        let inputs = data.values.ncols();
        let hidden = settings.encoder.iter().chain([&settings.latents]);
        let widths = hidden.chain(&settings.decoder).chain([&inputs]).copied();
        let mut rng = random::stream(seed, Purpose::Initialization);
        let mut width = inputs;
        let layers = widths.map(|outputs| {
            let layer = Dense::new(width, outputs, &mut rng, device);
            width = outputs;
            layer
        });
        let this = Self {
            layers: layers.collect::<Result<_, _>>()?,
            code: settings.encoder.len(),
        };
        this.train(&tensor(&data.values)?, settings, seed)?;
        Ok(this)
    }

    fn train(&self, readings: &Tensor, settings: &Settings, seed: u64) -> Result<(), Error> {
        let variables: Vec<&Var> = self
            .layers
            .iter()
            .flat_map(|layer| [&layer.weight, &layer.bias])
            .collect();
        let mut adam = Adam::new(&variables);
        let mut rng = random::stream(seed, Purpose::Shuffling);
        let mut order: Vec<u32> = (0..readings.dim(0)? as u32).collect();
        for epoch in 1..=settings.epochs {
            shuffle(&mut order, &mut rng);
            let rate = settings.learning_rate * cosine(epoch - 1, settings.epochs);
            for rows in order.chunks(settings.batch) {
                let rows = Tensor::new(rows, readings.device())?;
                let lost = self.lost(&readings.index_select(&rows, 0)?)?.mean_all()?;
                if !lost.to_scalar::<f32>()?.is_finite() {
                    return Err(Error::Diverged {
                        epoch,
                        place: "the squares of what is lost".into(),
                        remedy: "lower the learning rate",
                        kept: None,
                    });
                }
                adam.step(&variables, &lost.backward()?, rate)?;
            }
        }
        Ok(())
    }

    /// The mean square of what is lost of each row, in network units.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn errors(&self, data: &DMatrix<f64>) -> Result<Vec<f64>, Error> {
        let readings = tensor(data)?;
        let mut errors = vec![];
        for first in (0..data.nrows()).step_by(BATCH) {
            let part = readings.narrow(0, first, BATCH.min(data.nrows() - first))?;
            let lost = self.lost(&part)?.mean(1)?.to_vec1::<f32>()?;
            errors.extend(lost.into_iter().map(f64::from));
        }
        Ok(errors)
    }

    /// The square of what is lost of each number.
    fn lost(&self, readings: &Tensor) -> Result<Tensor, Error> {
        let mut x = readings.clone();
        for (at, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x)?;
            if at != self.code && at + 1 != self.layers.len() {
                x = x.relu()?;
            }
        }
        Ok((x - readings)?.sqr()?)
    }
}

impl Settings {
    fn check(&self) -> Result<(), Error> {
        let layers = self.encoder.iter().chain(&self.decoder);
        let numbers = [
            ("--latents", self.latents),
            ("--epochs", self.epochs),
            ("--batch", self.batch),
        ];
        if let Some((name, _)) = numbers.iter().find(|(_, number)| *number == 0) {
            return Err(Error::Setting(format!("{name} is 0: give 1 or more")));
        }
        if layers.into_iter().any(|&units| units == 0) {
            return Err(Error::Setting(
                "--encoder or --decoder has a layer of 0 units: give each 1 or more".into(),
            ));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return Err(Error::Setting(format!(
                "--learning-rate is {}: give a number above 0 and at most 1",
                self.learning_rate
            )));
        }
        Ok(())
    }
}

/// Row after row.
fn tensor(data: &DMatrix<f64>) -> Result<Tensor, Error> {
    let values: Vec<f32> = data.transpose().iter().map(|&value| value as f32).collect();
    Ok(Tensor::from_vec(values, data.shape(), &Device::Cpu)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::normals;

    fn settings() -> Settings {
        Settings {
            encoder: vec![],
            latents: 2,
            decoder: vec![],
            epochs: 300,
            batch: 50,
            learning_rate: 0.01,
        }
    }

    fn data() -> Matrix {
        let mut rng = random::stream(3, Purpose::Evaluation);
        let mut draw = |rows, columns| {
            let values = normals(&mut rng, rows * columns).into_iter();
            DMatrix::from_iterator(rows, columns, values.map(f64::from))
        };
        let values = draw(300, 2) * draw(2, 6) + draw(300, 6) * 0.3;
        Matrix {
            values,
            log_units: 0.0,
            floor: 1e-9,
        }
    }

    /// The best linear autoencoder is the projection on the principal components (Baldi and Hornik,
    /// "Neural networks and principal component analysis", 1989): what it loses is the sum of the
    /// other eigenvalues of the covariance.
    #[test]
    fn without_hidden_layers_it_finds_the_principal_components() {
        let data = data();
        let autoencoder = Autoencoder::fit(&data, &settings(), 0).unwrap();
        let errors = autoencoder.errors(&data.values).unwrap();
        let found = errors.iter().sum::<f64>() / errors.len() as f64;
        let mut centered = data.values.clone();
        let mean = centered.row_mean();
        centered.row_iter_mut().for_each(|mut row| row -= &mean);
        let covariance = centered.transpose() * &centered / centered.nrows() as f64;
        let mut eigenvalues: Vec<f64> =
            covariance.symmetric_eigenvalues().iter().copied().collect();
        eigenvalues.sort_by(f64::total_cmp);
        let least = eigenvalues[..4].iter().sum::<f64>() / 6.0;
        assert!(
            found > least * (1.0 - 1e-5) && found < least * 1.01,
            "{found} {least}"
        );
    }

    #[test]
    fn one_seed_gives_one_autoencoder() {
        let data = data();
        let settings = Settings {
            encoder: vec![5],
            decoder: vec![4, 3],
            epochs: 3,
            ..settings()
        };
        let errors = |seed| {
            let autoencoder = Autoencoder::fit(&data, &settings, seed).unwrap();
            autoencoder.errors(&data.values).unwrap()
        };
        assert_eq!(errors(1), errors(1));
        assert_ne!(errors(1), errors(2));
    }

    #[test]
    fn settings_that_train_nothing_are_refused() {
        for (settings, words) in [
            (
                Settings {
                    latents: 0,
                    ..settings()
                },
                "--latents is 0",
            ),
            (
                Settings {
                    epochs: 0,
                    ..settings()
                },
                "--epochs is 0",
            ),
            (
                Settings {
                    batch: 0,
                    ..settings()
                },
                "--batch is 0",
            ),
            (
                Settings {
                    encoder: vec![4, 0],
                    ..settings()
                },
                "0 units",
            ),
            (
                Settings {
                    learning_rate: f64::NAN,
                    ..settings()
                },
                "--learning-rate is NaN",
            ),
        ] {
            let error = Autoencoder::fit(&data(), &settings, 0).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
