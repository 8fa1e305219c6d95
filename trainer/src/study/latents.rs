//! Where readings lie in the space of latents, and what each latent carries: the posterior's means and divergences on the device.

use crate::error::Error;
use crate::numeric::principal::PrincipalAxes;
use crate::readings::Readings;
use crate::readings::device::on_device;
use crate::readings::masks::Masks;
use elbow::{Estimator, Model, Nats, WideSum};
use nalgebra::{DMatrix, DVector};

/// Readings that are looked at, at most: every so many of them.
const MOST: usize = 2000;

/// Posteriors of some readings.
#[derive(Clone, Debug, PartialEq)]
pub struct Latents {
    /// The rows of these readings.
    pub rows: Vec<usize>,
    /// For each of them its means.
    pub means: Vec<Vec<f64>>,
    /// For each latent the mean of its part of the divergence over the readings that are normal, or of which nobody said, nats.
    pub divergence: Vec<f64>,
}

/// Means in two dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// The names of the two axes.
    pub axes: [&'static str; 2],
    /// For each reading its place.
    pub points: Vec<(f64, f64)>,
    /// The part of the variance of the means that lies in the plane.
    pub explained: f64,
}

impl Latents {
    /// The posteriors of at most 2000 of `readings`, of which only what `masks` observe is there.
    ///
    /// # Errors
    /// [`Error::Setting`] where a reading cannot be scored: one line that names it.
    pub fn new(
        model: &Model<'_>,
        (readings, masks): (&Readings, Option<&Masks>),
        anomalous: Option<&[bool]>,
    ) -> Result<Self, Error> {
        let every = readings.len().div_ceil(MOST).max(1);
        let rows: Vec<usize> = (0..readings.len()).step_by(every).collect();
        let masks = masks.map(|masks| masks.select(&rows));
        let few = readings.select(&rows);
        let of_each = on_device(model, &few, masks.as_ref(), 0, |session, reading, mask| {
            let mut inputs = vec![WideSum::ZERO; model.inputs()];
            let mut parts = vec![Nats::ZERO; model.latents()];
            let estimator = Estimator::PosteriorMean;
            session.explain(reading, mask, estimator, &mut inputs, &mut parts)?;
            let means = session.posterior().mean.iter();
            let means: Vec<f64> = means.map(|&bits| Nats::from_bits(bits).to_f64()).collect();
            let parts: Vec<f64> = parts.iter().map(|part| part.to_f64()).collect();
            Ok((means, parts))
        })?;
        let is_normal = |at: &usize| anomalous.is_none_or(|anomalous| !anomalous[rows[*at]]);
        let normal: Vec<usize> = (0..rows.len()).filter(is_normal).collect();
        let divergence = (0..model.latents()).map(|latent| {
            let parts = normal.iter().map(|&at| of_each[at].1[latent]);
            parts.sum::<f64>() / normal.len().max(1) as f64
        });
        Ok(Self {
            divergence: divergence.collect(),
            means: of_each.into_iter().map(|(means, _)| means).collect(),
            rows,
        })
    }

    /// The means themselves where there are two latents, their first two principal components where there are more; one latent
    /// over itself.
    pub fn plane(&self) -> Plane {
        let latents = self.divergence.len();
        if latents <= 2 {
            let point = |means: &Vec<f64>| (means[0], means[latents - 1]);
            return Plane {
                axes: match latents {
                    1 => ["latent 1", "latent 1"],
                    _ => ["latent 1", "latent 2"],
                },
                points: self.means.iter().map(point).collect(),
                explained: 1.0,
            };
        }
        let numbers = self.means.iter().flatten().copied();
        let means = DMatrix::from_row_iterator(self.means.len(), latents, numbers);
        let PrincipalAxes {
            mean,
            variances,
            axes,
        } = PrincipalAxes::of(&means);
        // The sign of a component is nobody's: its largest number is above 0.
        let axis = |place: usize| {
            let axis = axes.column(place).into_owned();
            let numbers = axis.iter().copied();
            let largest = numbers.max_by(|a, b| a.abs().total_cmp(&b.abs()));
            axis * largest.unwrap_or(1.0).signum()
        };
        let (first, second) = (axis(0), axis(1));
        let point = |means: &Vec<f64>| {
            let centred = DVector::from_column_slice(means) - &mean;
            (first.dot(&centred), second.dot(&centred))
        };
        let (within, total) = (variances[0] + variances[1], variances.iter().sum::<f64>());
        Plane {
            axes: ["first principal component of the means", "second component"],
            points: self.means.iter().map(point).collect(),
            explained: if total > 0.0 { within / total } else { 1.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on a line of three dimensions: all variance is in the plane, and the first component is the way along it.
    #[test]
    fn components_by_hand() {
        let means: Vec<Vec<f64>> = (-2..=2)
            .map(f64::from)
            .map(|at| vec![2.0 * at, -2.0 * at + 1.0, at])
            .collect();
        let latents = Latents {
            rows: (0..5).collect(),
            means,
            divergence: vec![0.0; 3],
        };
        let Plane {
            points, explained, ..
        } = latents.plane();
        assert!((explained - 1.0).abs() < 1e-12);
        for (at, (x, y)) in (-2..=2).map(f64::from).zip(points) {
            assert!(
                (x.abs() - 3.0 * f64::abs(at)).abs() < 1e-9 && y.abs() < 1e-9,
                "{x} {y}"
            );
        }
    }

    #[test]
    fn two_latents_are_their_own_plane() {
        let latents = Latents {
            rows: vec![0],
            means: vec![vec![1.0, 2.0]],
            divergence: vec![0.0; 2],
        };
        assert_eq!(latents.plane().points, [(1.0, 2.0)]);
    }
}
