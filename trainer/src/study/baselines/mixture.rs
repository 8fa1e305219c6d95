//! A mixture of Gaussians by expectation maximization.

use super::check_components;
use crate::error::Error;
use crate::numeric::log_sum_exp::log_sum_exp;
use crate::numeric::random::{self, Purpose};
use nalgebra::{DMatrix, DVector, RowDVector};
use rand_core::Rng;
use serde::Serialize;

const LN_2PI: f64 = 1.837_877_066_409_345_5;
/// Starts, of which the one that ends highest is kept.
const STARTS: u64 = 4;
/// Iterations of a start at most.
const ITERATIONS: usize = 500;
/// A start ends where an iteration gains less than this, nats a reading.
const TOLERANCE: f64 = 1e-6;
/// A component with less than this many readings keeps its place: they say nothing of it.
const SMALLEST_COUNT: f64 = 1e-6;

/// Which covariances components have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Covariance {
    /// A variance for each input.
    Diagonal,
    /// One for each pair of inputs: needs many more readings than inputs for each component.
    Full,
}

/// `p(x) = sum_k w_k N(x; mu_k, Sigma_k)`.
#[derive(Clone, Debug)]
pub struct Mixture {
    components: Vec<Component>,
}

/// How expectation maximization went.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// The mean log p(x) over the training readings before each iteration and after the last,
    /// nats a reading: it never falls.
    pub log_likelihoods: Vec<f64>,
}

/// One Gaussian, along its own axes.
#[derive(Clone, Debug)]
struct Component {
    log_weight: f64,
    mean: RowDVector<f64>,
    /// Columns are the axes; none where they are those of the inputs.
    axes: Option<DMatrix<f64>>,
    /// Along each axis.
    variances: DVector<f64>,
}

impl Component {
    /// `ln w + log N(x)` of each row.
    fn log_joint(&self, data: &DMatrix<f64>) -> Vec<f64> {
        let centered = self.along_axes(data);
        let log_determinant: f64 = self.variances.iter().map(|variance| variance.ln()).sum();
        let constant = data.ncols() as f64 * LN_2PI + log_determinant;
        let square = |row: usize| -> f64 {
            let terms = self.variances.iter().enumerate();
            terms
                .map(|(axis, variance)| centered[(row, axis)].powi(2) / variance)
                .sum()
        };
        (0..data.nrows())
            .map(|row| self.log_weight - 0.5 * (constant + square(row)))
            .collect()
    }

    fn along_axes(&self, data: &DMatrix<f64>) -> DMatrix<f64> {
        let centered = centered(data, &self.mean);
        match &self.axes {
            None => centered,
            Some(axes) => centered * axes,
        }
    }

    /// The maximum of the expected log likelihood, given how much of each row is this component's,
    /// over all variances of at least `floor`: for those below it, the floor itself, also along the
    /// axes of a full covariance. So the likelihood rises with the floor as without. None where
    /// next to nothing is its own.
    fn maximize(
        data: &DMatrix<f64>,
        shares: &[f64],
        covariance: Covariance,
        floor: f64,
    ) -> Option<Self> {
        let count: f64 = shares.iter().sum();
        if count < SMALLEST_COUNT {
            return None;
        }
        let shares = RowDVector::from_row_slice(shares);
        let mean = &shares * data / count;
        let mut centered = centered(data, &mean);
        for (mut row, share) in centered.row_iter_mut().zip(shares.iter()) {
            row *= share.sqrt();
        }
        let (axes, variances) = match covariance {
            Covariance::Diagonal => {
                let squares = centered.column_iter().map(|column| column.norm_squared());
                (None, DVector::from_iterator(data.ncols(), squares) / count)
            }
            Covariance::Full => {
                let eigen = (centered.transpose() * &centered / count).symmetric_eigen();
                (Some(eigen.eigenvectors), eigen.eigenvalues)
            }
        };
        Some(Self {
            log_weight: (count / data.nrows() as f64).ln(),
            mean,
            axes,
            variances: variances.map(|variance| variance.max(floor)),
        })
    }
}

impl Mixture {
    /// Expectation maximization (Dempster, Laird and Rubin, "Maximum likelihood from incomplete
    /// data via the EM algorithm", 1977) on `data`, (readings, inputs), with variances of at least
    /// `floor`, above zero. Starts from centres that are far apart (Arthur and Vassilvitskii,
    /// "k-means++: the advantages of careful seeding", 2007), several times, and keeps the best.
    ///
    /// # Errors
    /// [`Error::Setting`] where there are fewer readings than components.
    pub fn fit(
        data: &DMatrix<f64>,
        components: usize,
        covariance: Covariance,
        floor: f64,
        seed: u64,
    ) -> Result<(Self, Training), Error> {
        check_components(
            components,
            data.nrows(),
            "at most one for each training reading",
        )?;
        let starts = (0..STARTS).map(|start| {
            let mut rng = random::stream(seed.wrapping_add(start), Purpose::Baselines);
            Self::ascend(data, components, covariance, floor, &mut rng)
        });
        let last = |training: &Training| training.log_likelihoods.last().copied();
        let best = starts.reduce(|best, other| {
            if last(&other.1) > last(&best.1) {
                other
            } else {
                best
            }
        });
        best.ok_or_else(|| Error::Setting("a mixture needs a start".into()))
    }

    fn ascend(
        data: &DMatrix<f64>,
        components: usize,
        covariance: Covariance,
        floor: f64,
        rng: &mut impl Rng,
    ) -> (Self, Training) {
        let mut shares = nearest(data, components, rng);
        let maximize = |shares: &[f64]| Component::maximize(data, shares, covariance, floor);
        // Where readings coincide there may be fewer places than components.
        let components = shares.iter().filter_map(|shares| maximize(shares));
        let mut mixture = Self {
            components: components.collect(),
        };
        let mut log_likelihoods = vec![];
        loop {
            let log_joints = mixture.log_joints(data);
            let log_densities = sums(&log_joints);
            let mean = log_densities.iter().sum::<f64>() / data.nrows() as f64;
            let gain = mean - log_likelihoods.last().copied().unwrap_or(f64::NEG_INFINITY);
            log_likelihoods.push(mean);
            if gain < TOLERANCE || log_likelihoods.len() > ITERATIONS {
                return (mixture, Training { log_likelihoods });
            }
            for (component, joint) in log_joints.iter().enumerate() {
                let pairs = joint.iter().zip(&log_densities);
                shares[component] = pairs.map(|(joint, sum)| (joint - sum).exp()).collect();
                if let Some(better) = maximize(&shares[component]) {
                    mixture.components[component] = better;
                } else {
                    // Its weight alone is worth changing; the others' are taken from their shares.
                    let count: f64 = shares[component].iter().sum();
                    mixture.components[component].log_weight = (count / data.nrows() as f64).ln();
                }
            }
        }
    }

    /// `log p(x)` of each reading (readings, inputs), nats.
    pub fn log_densities(&self, data: &DMatrix<f64>) -> Vec<f64> {
        sums(&self.log_joints(data))
    }

    /// `p(k|x)`: for each reading as many numbers as components, which sum to one.
    pub fn responsibilities(&self, data: &DMatrix<f64>) -> Vec<Vec<f64>> {
        let log_joints = self.log_joints(data);
        let rows = sums(&log_joints).into_iter().enumerate();
        rows.map(|(row, sum)| {
            let joints = log_joints.iter();
            joints.map(|joint| (joint[row] - sum).exp()).collect()
        })
        .collect()
    }

    /// The component that each reading most likely came from, counted from 0.
    pub fn clusters(&self, data: &DMatrix<f64>) -> Vec<usize> {
        let likeliest = |shares: Vec<f64>| {
            let shares = shares.iter().enumerate();
            shares
                .max_by(|a, b| a.1.total_cmp(b.1))
                .map_or(0, |(component, _)| component)
        };
        let responsibilities = self.responsibilities(data);
        responsibilities.into_iter().map(likeliest).collect()
    }

    /// The weight of each component; they sum to one.
    pub fn weights(&self) -> Vec<f64> {
        let components = self.components.iter();
        components
            .map(|component| component.log_weight.exp())
            .collect()
    }

    /// For each component `ln w_k + log N(x; k)` of each reading.
    fn log_joints(&self, data: &DMatrix<f64>) -> Vec<Vec<f64>> {
        let components = self.components.iter();
        components
            .map(|component| component.log_joint(data))
            .collect()
    }
}

/// The log densities of readings from those joint with each component.
fn sums(log_joints: &[Vec<f64>]) -> Vec<f64> {
    let readings = log_joints.first().map_or(0, Vec::len);
    let row = |row: usize| -> Vec<f64> { log_joints.iter().map(|joint| joint[row]).collect() };
    (0..readings).map(|at| log_sum_exp(&row(at))).collect()
}

fn centered(data: &DMatrix<f64>, mean: &RowDVector<f64>) -> DMatrix<f64> {
    let mut centered = data.clone();
    for mut row in centered.row_iter_mut() {
        row -= mean;
    }
    centered
}

/// For each of `components` centres a one for the rows nearest to it. The first centre is any row,
/// each other one a row drawn with a chance that grows with its squared distance from those before.
fn nearest(data: &DMatrix<f64>, components: usize, rng: &mut impl Rng) -> Vec<Vec<f64>> {
    let mut distances = vec![f64::INFINITY; data.nrows()];
    let mut owners = vec![0; data.nrows()];
    let mut centre = draw(&vec![1.0; data.nrows()], rng);
    for component in 0..components {
        for (row, (distance, owner)) in distances.iter_mut().zip(&mut owners).enumerate() {
            let other = (data.row(row) - data.row(centre)).norm_squared();
            if other < *distance {
                (*distance, *owner) = (other, component);
            }
        }
        centre = draw(&distances, rng);
    }
    let share = |component| {
        let owners = owners.iter();
        owners
            .map(|&owner| f64::from(u8::from(owner == component)))
            .collect()
    };
    (0..components).map(share).collect()
}

/// An index with a chance in proportion to its weight; the last where all are zero.
fn draw(weights: &[f64], rng: &mut impl Rng) -> usize {
    let mut left = weights.iter().sum::<f64>() * f64::from(rng.next_u32()) / 4_294_967_296.0;
    let chosen = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    chosen.unwrap_or(weights.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::normals;

    const CENTRES: [[f64; 3]; 3] = [[0.0, 0.0, 0.0], [6.0, 0.0, 3.0], [0.0, 7.0, -4.0]];

    /// Three clouds, the second stretched along a diagonal, and which row is of which.
    fn planted(rows: usize) -> (DMatrix<f64>, Vec<usize>) {
        let mut rng = random::stream(11, Purpose::Baselines);
        let owners: Vec<usize> = (0..rows).map(|row| row % 3).collect();
        let values = owners.iter().flat_map(|&owner| {
            let noise: Vec<f64> = normals(&mut rng, 3).into_iter().map(f64::from).collect();
            let shear = if owner == 1 { 0.9 * noise[1] } else { 0.0 };
            [0, 1, 2].map(|at| CENTRES[owner][at] + noise[at] + if at == 0 { shear } else { 0.0 })
        });
        let values: Vec<f64> = values.collect();
        (DMatrix::from_row_slice(rows, 3, &values), owners)
    }

    #[test]
    fn the_likelihood_never_falls() {
        let (data, _) = planted(240);
        for covariance in [Covariance::Diagonal, Covariance::Full] {
            // A floor above the true variances binds, one far below does not.
            for floor in [1e-9, 2.0] {
                for components in [1, 2, 3, 8, 40] {
                    let (_, training) =
                        Mixture::fit(&data, components, covariance, floor, 0).unwrap();
                    for pair in training.log_likelihoods.windows(2) {
                        let (before, after) = (pair[0], pair[1]);
                        assert!(after >= before - 1e-10, "{components}: {before} {after}");
                    }
                }
            }
        }
    }

    #[test]
    fn planted_clusters_are_found() {
        let (data, owners) = planted(600);
        for covariance in [Covariance::Diagonal, Covariance::Full] {
            let (mixture, _) = Mixture::fit(&data, 3, covariance, 1e-6, 0).unwrap();
            let clusters = mixture.clusters(&data);
            // The name of each cluster is that of its first row.
            let names: Vec<usize> = (0..3).map(|owner| clusters[owner]).collect();
            let right = clusters.iter().zip(&owners);
            let right = right.filter(|(cluster, owner)| **cluster == names[**owner]);
            assert!(right.count() >= 594, "{covariance:?}");
            for weight in mixture.weights() {
                assert!((weight - 1.0 / 3.0).abs() < 0.02, "{weight}");
            }
            let responsibilities = mixture.responsibilities(&data);
            assert!(responsibilities.iter().all(|shares| {
                let sum: f64 = shares.iter().sum();
                (sum - 1.0).abs() < 1e-12
            }));
        }
    }

    #[test]
    fn one_full_component_is_the_normal_with_the_moments() {
        let (data, _) = planted(100);
        let (mixture, _) = Mixture::fit(&data, 1, Covariance::Full, 1e-9, 0).unwrap();
        let mean = data.row_mean();
        let centered = centered(&data, &mean);
        let covariance = centered.transpose() * &centered / 100.0;
        let inverse = covariance.clone().try_inverse().unwrap();
        for (row, got) in mixture.log_densities(&data).into_iter().enumerate() {
            let x = centered.row(row);
            let square = (x * &inverse * x.transpose())[0];
            let exact = -0.5 * (3.0 * LN_2PI + covariance.determinant().ln() + square);
            assert!((got - exact).abs() < 1e-9, "{got} {exact}");
        }
    }

    #[test]
    fn far_readings_have_finite_densities() {
        let (data, _) = planted(60);
        let (mixture, _) = Mixture::fit(&data, 3, Covariance::Diagonal, 1e-6, 0).unwrap();
        let far = DMatrix::from_element(1, 3, 1e6);
        let log_density = mixture.log_densities(&far)[0];
        assert!(log_density.is_finite() && log_density < -1e6);
        let shares: f64 = mixture.responsibilities(&far)[0].iter().sum();
        assert!((shares - 1.0).abs() < 1e-9);
    }
}
