//! Probabilistic principal component analysis, written here: linfa's has no density.

use super::{LN_2PI, check_components};
use crate::error::Error;
use crate::numeric::principal::PrincipalAxes;
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

/// `x = W z + mu + e` with `z ~ N(0, I)` and `e ~ N(0, s I)`: the linear-Gaussian decoder whose
/// maximum of the likelihood, posterior and log p(x) have closed forms (Tipping and Bishop,
/// "Probabilistic principal component analysis", 1999).
#[derive(Clone, Debug)]
pub struct PrincipalComponents {
    /// `mu`, (inputs).
    pub mean: DVector<f64>,
    /// `W`, (inputs, components).
    pub weights: DMatrix<f64>,
    /// `s`, a variance.
    pub noise: f64,
    /// Cholesky factor of `M = W'W + s I`, (components, components).
    factor: Cholesky<f64, Dyn>,
}

impl PrincipalComponents {
    /// The model with these parameters.
    ///
    /// # Errors
    /// [`Error::Setting`] where `noise` is not a variance above zero or a weight is not finite.
    pub fn new(mean: DVector<f64>, weights: DMatrix<f64>, noise: f64) -> Result<Self, Error> {
        let size = weights.ncols();
        let inner = weights.transpose() * &weights + DMatrix::identity(size, size) * noise;
        let factor = Some(inner)
            .filter(|_| noise > 0.0)
            .and_then(Cholesky::new)
            .ok_or_else(|| {
                Error::Setting(format!(
                    "a noise variance of {noise} makes no density: remove constant columns, or use fewer components"
                ))
            })?;
        Ok(Self {
            mean,
            weights,
            noise,
            factor,
        })
    }

    /// The maximum of the likelihood of `data`, (readings, inputs) (equations 7 and 8), with a noise
    /// variance of at least `floor`, above zero.
    ///
    /// # Errors
    /// [`Error::Setting`] where there are no more inputs than components, or no readings.
    pub fn fit(data: &DMatrix<f64>, components: usize, floor: f64) -> Result<Self, Error> {
        let inputs = data.ncols();
        check_components(
            components,
            inputs.saturating_sub(1).min(data.nrows()),
            "fewer than inputs and at most one for each training reading",
        )?;
        let PrincipalAxes {
            mean,
            variances,
            axes,
        } = PrincipalAxes::of(data);
        let sum: f64 = variances[components..].iter().sum();
        let noise = (sum / (inputs - components) as f64).max(floor);
        let columns: Vec<DVector<f64>> = (0..components)
            .map(|at| axes.column(at) * (variances[at] - noise).max(0.0).sqrt())
            .collect();
        Self::new(mean, DMatrix::from_columns(&columns), noise)
    }

    /// `log p(x)` of each reading (readings, inputs), nats: through the components' matrix `M`, with
    /// `|C| = s^(d-q) |M|` and `C^-1 = (I - W M^-1 W') / s` (section 3.1).
    pub fn log_densities(&self, data: &DMatrix<f64>) -> Vec<f64> {
        let (inputs, components) = self.weights.shape();
        let log_determinant = (inputs - components) as f64 * self.noise.ln() + self.log_inner();
        let one = |row: DVector<f64>| {
            let centered = row - &self.mean;
            let projected = self.weights.transpose() * &centered;
            let explained = projected.dot(&self.factor.solve(&projected));
            let square = (centered.norm_squared() - explained) / self.noise;
            -0.5 * (inputs as f64 * LN_2PI + log_determinant + square)
        };
        data.row_iter().map(|row| one(row.transpose())).collect()
    }

    /// Mean of the posterior of the latents of `reading`, `M^-1 W' (x - mu)`, and its covariance,
    /// `s M^-1`, the same for every reading (equation 6).
    pub fn posterior(&self, reading: &DVector<f64>) -> (DVector<f64>, DMatrix<f64>) {
        let projected = self.weights.transpose() * (reading - &self.mean);
        (
            self.factor.solve(&projected),
            self.factor.inverse() * self.noise,
        )
    }

    /// `ln |M|`.
    fn log_inner(&self) -> f64 {
        let diagonal = self.factor.l_dirty().diagonal();
        2.0 * diagonal.iter().map(|value| value.ln()).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{self, Purpose, normals};

    fn data(rows: usize, inputs: usize) -> DMatrix<f64> {
        let mut rng = random::stream(3, Purpose::Baselines);
        let mut draw = |rows, columns| {
            let values = normals(&mut rng, rows * columns).into_iter();
            DMatrix::from_iterator(rows, columns, values.map(f64::from))
        };
        let (latents, weights, noise) = (draw(rows, 2), draw(2, inputs), draw(rows, inputs));
        (latents * weights * 2.0 + noise * 0.3).add_scalar(1.5)
    }

    /// The same log density by the dense covariance.
    fn dense(model: &PrincipalComponents, data: &DMatrix<f64>) -> Vec<f64> {
        let inputs = data.ncols();
        let covariance = &model.weights * model.weights.transpose()
            + DMatrix::identity(inputs, inputs) * model.noise;
        let (inverse, determinant) = (
            covariance.clone().try_inverse().unwrap(),
            covariance.determinant(),
        );
        let one = |row: DVector<f64>| {
            let centered = row - &model.mean;
            let square = centered.dot(&(&inverse * &centered));
            -0.5 * (inputs as f64 * std::f64::consts::TAU.ln() + determinant.ln() + square)
        };
        data.row_iter().map(|row| one(row.transpose())).collect()
    }

    #[test]
    fn the_closed_form_is_the_dense_normal() {
        let data = data(40, 6);
        for components in 1..6 {
            let model = PrincipalComponents::fit(&data, components, 1e-9).unwrap();
            for (got, exact) in model.log_densities(&data).iter().zip(dense(&model, &data)) {
                assert!((got - exact).abs() < 1e-8, "{components}: {got} {exact}");
            }
        }
    }

    #[test]
    fn the_fit_is_a_maximum() {
        let data = data(200, 5);
        let total = |model: &PrincipalComponents| model.log_densities(&data).iter().sum::<f64>();
        let model = PrincipalComponents::fit(&data, 2, 1e-9).unwrap();
        let best = total(&model);
        for at in 0..10 {
            for step in [-0.02, 0.02] {
                let mut weights = model.weights.clone();
                weights[at] += step;
                let other = PrincipalComponents::new(model.mean.clone(), weights, model.noise);
                assert!(total(&other.unwrap()) < best);
            }
        }
        for factor in [0.97, 1.03] {
            let noise = model.noise * factor;
            let weights = model.weights.clone();
            let other = PrincipalComponents::new(model.mean.clone(), weights, noise);
            assert!(total(&other.unwrap()) < best);
        }
    }

    #[test]
    fn components_are_fewer_than_inputs() {
        for components in [0, 5, 9] {
            let error = PrincipalComponents::fit(&data(20, 5), components, 1e-9).unwrap_err();
            assert!(error.to_string().contains("from 1 to 4"), "{error}");
        }
    }
}
