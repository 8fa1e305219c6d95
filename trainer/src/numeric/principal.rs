//! Principal components of a sample.

use nalgebra::{DMatrix, DVector};

/// The directions in which a sample varies, those that vary most first.
#[derive(Clone, Debug)]
pub struct PrincipalAxes {
    /// The mean of the sample.
    pub mean: DVector<f64>,
    /// The variance along each axis.
    pub variances: Vec<f64>,
    /// The axes, a column each, of length 1 and of either sign.
    pub axes: DMatrix<f64>,
}

impl PrincipalAxes {
    /// The axes of `data`, (readings, inputs): eigenvectors of its covariance.
    pub fn of(data: &DMatrix<f64>) -> Self {
        let mean = data.row_mean().transpose();
        let mut centered = data.clone();
        for mut row in centered.row_iter_mut() {
            row -= mean.transpose();
        }
        let covariance = centered.transpose() * &centered / data.nrows().max(1) as f64;
        let eigen = covariance.symmetric_eigen();
        let mut order: Vec<usize> = (0..data.ncols()).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        Self {
            mean,
            variances: order.iter().map(|&at| eigen.eigenvalues[at]).collect(),
            axes: eigen.eigenvectors.select_columns(&order),
        }
    }
}
