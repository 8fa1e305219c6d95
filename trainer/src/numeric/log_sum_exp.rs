//! Sums of exponentials from the largest of them, so that nothing overflows: of slices in f64, and of tensors.

use candle_core::{Tensor, shape::Dim};

/// The largest of `x`, and `exp(x_k)` over the exponential of that; minus infinity and zeros of nothing but minus
/// infinities.
pub fn scaled(x: &[f64]) -> (f64, Vec<f64>) {
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return (largest, vec![0.0; x.len()]);
    }
    (largest, x.iter().map(|x| (x - largest).exp()).collect())
}

/// `ln sum_k exp(x_k)`; minus infinity of nothing.
pub fn log_sum_exp(x: &[f64]) -> f64 {
    let (largest, terms) = scaled(x);
    largest + terms.iter().sum::<f64>().ln()
}

/// `ln 1/K sum_k exp(x_k)`.
pub fn log_mean_exp(x: &[f64]) -> f64 {
    let (largest, terms) = scaled(x);
    largest + (terms.iter().sum::<f64>() / x.len() as f64).ln()
}

/// `exp(x_k) / sum_j exp(x_j)`.
pub fn softmax(x: &[f64]) -> Vec<f64> {
    let (_, terms) = scaled(x);
    let sum: f64 = terms.iter().sum();
    terms.into_iter().map(|term| term / sum).collect()
}

/// `ln sum_k exp(x_k)` over a dimension of a tensor.
///
/// # Errors
/// The errors of candle.
pub fn log_sum_exp_over(x: &Tensor, dimension: impl Dim + Copy) -> candle_core::Result<Tensor> {
    // The result does not depend on the reference, so neither does its gradient.
    let largest = x.max_keepdim(dimension)?.detach();
    let sum = x.broadcast_sub(&largest)?.exp()?.sum(dimension)?;
    sum.log()? + largest.squeeze(dimension)?
}

/// `ln 1/K sum_k exp(x_k)` over a dimension of a tensor.
///
/// # Errors
/// The errors of candle.
pub fn log_mean_exp_over(x: &Tensor, dimension: impl Dim + Copy) -> candle_core::Result<Tensor> {
    let largest = x.max_keepdim(dimension)?.detach();
    let mean = x.broadcast_sub(&largest)?.exp()?.mean(dimension)?;
    mean.log()? + largest.squeeze(dimension)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn tensor(values: Vec<f32>, shape: &[usize]) -> Tensor {
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    fn list(tensor: &Tensor) -> Vec<f64> {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.into_iter().map(f64::from).collect()
    }

    #[test]
    fn tensors_are_as_slices() {
        let numbers = [0.5f32, -3.0, 40.0, 2.0, 39.0, 7.0];
        let x = tensor(numbers.to_vec(), &[2, 3]);
        let got = list(&log_sum_exp_over(&x, candle_core::D::Minus1).unwrap());
        for (row, got) in numbers.chunks(3).zip(got) {
            let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
            assert!((log_sum_exp(&row) - got).abs() < 1e-5);
        }
    }

    #[test]
    fn nothing_overflows_or_vanishes() {
        for offset in [0.0, 900.0, -5000.0] {
            let x = [0.0, 1.0, -2.0].map(|x: f64| x + offset);
            let sum = 1.0 + 1f64.exp() + (-2f64).exp();
            assert!((log_sum_exp(&x) - offset - sum.ln()).abs() < 1e-11);
            assert!((log_mean_exp(&x) - offset - (sum / 3.0).ln()).abs() < 1e-11);
            let weights = softmax(&x);
            assert!((weights[1] - 1f64.exp() / sum).abs() < 1e-12);
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        }
        assert_eq!(log_sum_exp(&[]), f64::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[f64::NEG_INFINITY; 2]), f64::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[f64::NEG_INFINITY, 3.0]), 3.0);
    }

    #[test]
    fn extreme_weights_neither_overflow_nor_vanish() {
        let logs = tensor(vec![-5000.0, 3.0, -5001.0, 900.0], &[2, 2]);
        let got = list(&log_mean_exp_over(&logs, 0).unwrap());
        let exact = [-5000.0 + (1.0 + (-1f64).exp()).ln(), 900.0].map(|log| log - 2f64.ln());
        assert!((got[0] - exact[0]).abs() < 1e-3 && (got[1] - exact[1]).abs() < 1e-3);
    }

    #[test]
    fn gradients_of_the_objective_weigh_samples_by_their_weights() {
        let logs = candle_core::Var::from_tensor(&tensor(vec![0.0, 1.0, 2.0], &[3, 1])).unwrap();
        let gradients = log_mean_exp_over(&logs, 0).unwrap().backward().unwrap();
        let got = list(gradients.get(&logs).unwrap());
        let sum = 1.0 + 1f64.exp() + 2f64.exp();
        for (got, log) in got.into_iter().zip([0f64, 1.0, 2.0]) {
            assert!((got - log.exp() / sum).abs() < 1e-6);
        }
    }
}
