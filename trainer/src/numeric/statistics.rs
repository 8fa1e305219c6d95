//! Statistics of samples, and of scores as detectors.

/// The mean of `values`, none of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The mean of `values` and the mean square of their distances from it; NaN of nothing.
pub fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, squares / count)
}

/// The mean of `values`, none of nothing, and its standard error, none below two.
pub fn mean_and_error(values: &[f64]) -> (Option<f64>, Option<f64>) {
    let Some(mean) = mean(values) else {
        return (None, None);
    };
    let count = values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let error = (squares / (count * (count - 1.0))).sqrt();
    (Some(mean), (values.len() > 1).then_some(error))
}

/// The standard error of the mean of independent numbers with these standard errors; NaN of nothing.
pub fn error_of_mean(errors: &[f64]) -> f64 {
    let squares: f64 = errors.iter().map(|error| error.powi(2)).sum();
    squares.sqrt() / errors.len() as f64
}

/// The root of the mean square of `values`, none of nothing.
pub fn root_mean_square(values: &[f64]) -> Option<f64> {
    let squares: Vec<f64> = values.iter().map(|value| value * value).collect();
    mean(&squares).map(f64::sqrt)
}

/// The value below which `part` of `values` lie, to the nearest of them; NaN of nothing.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (part * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// The median, the upper one of two; none of nothing.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The area under the receiver operating characteristic: the chance that an anomalous reading scores
/// below a normal one, ties counted half (the Mann-Whitney statistic). None without both kinds.
pub fn auc(scores: &[f64], anomalous: &[bool]) -> Option<f64> {
    let positives = anomalous.iter().filter(|&&is| is).count();
    let negatives = anomalous.len() - positives;
    let ranks = ranks(scores);
    let of_anomalous = ranks.iter().zip(anomalous).filter(|(_, is)| **is);
    let rank_sum: f64 = of_anomalous.map(|(rank, _)| rank + 1.0).sum();
    let (p, n) = (positives as f64, negatives as f64);
    let above = rank_sum - p * (p + 1.0) / 2.0;
    (positives > 0 && negatives > 0).then(|| 1.0 - above / (p * n))
}

/// Spearman's rank correlation: Pearson's of the ranks, ties sharing their middle one. None below two
/// values, or where one side has a single value only.
pub fn spearman(first: &[f64], second: &[f64]) -> Option<f64> {
    let (first, second) = (ranks(first), ranks(second));
    let center = (first.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| (a - center) * (b - center)).sum()
    };
    let spread = (product(&first, &first) * product(&second, &second)).sqrt();
    (spread > 0.0).then(|| product(&first, &second) / spread)
}

/// The rank of each value, from 0 for the lowest, the middle one for ties.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let (mut ranks, mut below) = (vec![0.0; values.len()], 0);
    for ties in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let middle = below as f64 + (ties.len() as f64 - 1.0) / 2.0;
        ties.iter().for_each(|&index| ranks[index] = middle);
        below += ties.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 1.0), 3.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn moments_by_hand() {
        let values = [1.0, 2.0, 6.0];
        assert_eq!(mean(&values), Some(3.0));
        assert_eq!(mean_and_variance(&values), (3.0, 14.0 / 3.0));
        let (mean, error) = mean_and_error(&values);
        assert_eq!(mean, Some(3.0));
        assert!((error.unwrap() - (7f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(mean_and_error(&[2.0]), (Some(2.0), None));
        assert_eq!(mean_and_error(&[]), (None, None));
        assert_eq!(root_mean_square(&[3.0, -4.0, 0.0, 0.0]), Some(2.5));
        assert_eq!(root_mean_square(&[]), None);
        assert_eq!(error_of_mean(&[3.0, 4.0]), 2.5);
        assert_eq!(median(vec![3.0, 1.0, 2.0, 9.0]), Some(3.0));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn rank_correlation_by_hand() {
        let scores = [3.0, 1.0, 4.0, 1.5, 9.0];
        let cubes = scores.map(|score: f64| score.powi(3));
        assert_eq!(spearman(&scores, &cubes), Some(1.0));
        assert_eq!(spearman(&scores, &scores.map(|score| -score)), Some(-1.0));
        // Ranks 0 1 2 3 against 0 2 1 3: 1 - 6 * 2 / (4 * 15).
        let swapped = spearman(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]);
        assert!((swapped.unwrap() - 0.8).abs() < 1e-12);
        // Ranks 0.5 0.5 2 against 0 1 2.
        let tied = spearman(&[1.0, 1.0, 2.0], &[1.0, 2.0, 3.0]);
        assert!((tied.unwrap() - 0.75f64.sqrt()).abs() < 1e-12);
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }

    #[test]
    fn auc_counts_pairs() {
        let scores = [-5.0, -3.0, -3.0, -1.0, 0.0];
        let anomalous = [true, false, true, false, false];
        // Pairs (anomalous below normal): 3 of 3 for -5; for -3 a tie and two of two.
        assert_eq!(auc(&scores, &anomalous), Some((3.0 + 0.5 + 2.0) / 6.0));
        assert_eq!(auc(&scores, &[false; 5]), None);
        assert_eq!(auc(&[], &[]), None);
        let by_pairs = |scores: &[f64], anomalous: &[bool]| {
            let (mut sum, mut pairs) = (0.0, 0.0);
            let of = |kind| (0..scores.len()).filter(move |&i| anomalous[i] == kind);
            for (a, b) in of(true).flat_map(|a| of(false).map(move |b| (scores[a], scores[b]))) {
                sum += if a < b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                };
                pairs += 1.0;
            }
            sum / pairs
        };
        let mut word = 3u32;
        let mut next = || {
            word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            word >> 20
        };
        let scores: Vec<f64> = (0..300).map(|_| f64::from(next() % 50)).collect();
        let anomalous: Vec<bool> = (0..300).map(|_| next() % 3 == 0).collect();
        let difference = auc(&scores, &anomalous).unwrap() - by_pairs(&scores, &anomalous);
        assert!(difference.abs() < 1e-12);
    }
}
