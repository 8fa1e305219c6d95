//! Statistics of samples, and of scores as detectors.

/// Mean of `values`, none of nothing, and its standard error, none below two.
pub fn mean_and_error(values: &[f64]) -> (Option<f64>, Option<f64>) {
    if values.is_empty() {
        return (None, None);
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>();
    let error = (squares / (count * (count - 1.0))).sqrt();
    (Some(mean), (values.len() > 1).then_some(error))
}

/// The area under the receiver operating characteristic: the chance that an abnormal reading scores
/// below a normal one, ties counted half (the Mann-Whitney statistic). None without both kinds.
pub fn auc(scores: &[f64], abnormal: &[bool]) -> Option<f64> {
    let positives = abnormal.iter().filter(|&&is| is).count();
    let negatives = abnormal.len() - positives;
    let ranks = ranks(scores);
    let of_abnormal = ranks.iter().zip(abnormal).filter(|(_, is)| **is);
    let rank_sum: f64 = of_abnormal.map(|(rank, _)| rank + 1.0).sum();
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
        let abnormal = [true, false, true, false, false];
        // Pairs (abnormal below normal): 3 of 3 for -5; for -3 a tie and two of two.
        assert_eq!(auc(&scores, &abnormal), Some((3.0 + 0.5 + 2.0) / 6.0));
        assert_eq!(auc(&scores, &[false; 5]), None);
        assert_eq!(auc(&[], &[]), None);
        let by_pairs = |scores: &[f64], abnormal: &[bool]| {
            let (mut sum, mut pairs) = (0.0, 0.0);
            let of = |kind| (0..scores.len()).filter(move |&i| abnormal[i] == kind);
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
        let abnormal: Vec<bool> = (0..300).map(|_| next() % 3 == 0).collect();
        let difference = auc(&scores, &abnormal).unwrap() - by_pairs(&scores, &abnormal);
        assert!(difference.abs() < 1e-12);
    }
}
