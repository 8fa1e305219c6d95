//! Upper confidence bounds of chances and rates that were counted.

use statrs::function::{beta::beta_reg, gamma::gamma_lr};

/// The confidence of all bounds of this program.
pub const CONFIDENCE: f64 = 0.95;

/// Events per unit of time, at most, with [`CONFIDENCE`], where `count` were seen in one unit: the exact bound of a Poisson rate
/// (Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28, 1936). 3.0 where none was seen.
pub fn poisson_at_most(count: usize) -> f64 {
    let shape = count as f64 + 1.0;
    // Far above the quantile: ten deviations and ten.
    let most = shape + 10.0 * shape.sqrt() + 10.0;
    quantile(most, |rate| gamma_lr(shape, rate))
}

/// The chance of what was seen `count` times in `trials`, at most, with [`CONFIDENCE`]: the exact bound of a binomial chance
/// (Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934). 1 where nothing was tried.
pub fn binomial_at_most(count: usize, trials: usize) -> f64 {
    if count >= trials {
        return 1.0;
    }
    beta_at_most(count + 1, trials - count)
}

/// The chance that a new score is below the one of `rank`, counted from 1 for the lowest, of `scores` independent ones of the same
/// distribution: at most this, with [`CONFIDENCE`]. The chance has the distribution Beta(rank, scores + 1 - rank), whatever that of
/// the scores (Vovk, "Conditional validity of inductive conformal predictors", 2012). 1 where there is no such rank.
pub fn below_rank_at_most(rank: usize, scores: usize) -> f64 {
    if rank == 0 {
        return below_rank_at_most(1, scores);
    }
    if rank > scores {
        return 1.0;
    }
    beta_at_most(rank, scores + 1 - rank)
}

/// The quantile of Beta(a, b) at [`CONFIDENCE`].
fn beta_at_most(a: usize, b: usize) -> f64 {
    quantile(1.0, |chance| beta_reg(a as f64, b as f64, chance))
}

/// Where `distribution`, which rises from 0 at 0 to 1 about `most`, reaches [`CONFIDENCE`]: by bisection.
fn quantile(most: f64, distribution: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, most);
    // To the last bit, about.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        *(if distribution(middle) < CONFIDENCE {
            &mut low
        } else {
            &mut high
        }) = middle;
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random;
    use rand_core::Rng;

    /// Half of the quantiles of chi-squared at 0.95 with 2 (count + 1) degrees of freedom, from printed tables.
    #[test]
    fn poisson_bounds_are_those_of_tables() {
        for (count, chi_squared) in [
            (0, 5.991),
            (1, 9.488),
            (2, 12.592),
            (4, 18.307),
            (14, 43.773),
            (49, 124.342),
        ] {
            let bound = poisson_at_most(count);
            assert!((bound - chi_squared / 2.0).abs() < 6e-4, "{count}: {bound}");
        }
    }

    /// A Poisson count of at most `count` has the chance 0.05 at the bound: sums of its terms, no special function.
    #[test]
    fn poisson_bounds_solve_their_equation() {
        for count in [0usize, 3, 40, 300] {
            let rate = poisson_at_most(count);
            let mut term = -rate;
            let mut sum = 0.0;
            for k in 0..=count {
                if k > 0 {
                    term += (rate / k as f64).ln();
                }
                sum += term.exp();
            }
            assert!((sum - 0.05).abs() < 1e-9, "{count}: {sum}");
        }
    }

    /// The chance of at most `count` of `trials` is 0.05 at the bound.
    #[test]
    fn binomial_bounds_solve_their_equation() {
        for (count, trials) in [(0usize, 1usize), (0, 59), (2, 100), (7, 12), (30, 4000)] {
            let chance = binomial_at_most(count, trials);
            let mut term = (trials as f64) * (1.0 - chance).ln();
            let mut sum = term.exp();
            for k in 1..=count {
                term += ((trials + 1 - k) as f64 / k as f64 * chance / (1.0 - chance)).ln();
                sum += term.exp();
            }
            assert!((sum - 0.05).abs() < 1e-9, "{count} of {trials}: {sum}");
        }
        assert_eq!(binomial_at_most(0, 0), 1.0);
        assert_eq!(binomial_at_most(5, 5), 1.0);
        // The rule of three.
        assert!((binomial_at_most(0, 1000) - 0.002991).abs() < 1e-6);
    }

    /// Of 4000 sets of 99 uniform scores, the fifth lowest is above the bound in 5 %, within three standard errors of 0.34 %.
    #[test]
    fn rank_bounds_hold_as_often_as_they_say() {
        assert_eq!(below_rank_at_most(4, 99), binomial_at_most(3, 99));
        assert_eq!(below_rank_at_most(0, 9), below_rank_at_most(1, 9));
        assert_eq!(below_rank_at_most(10, 9), 1.0);
        let bound = below_rank_at_most(5, 99);
        let mut words = random::stream(1, random::Purpose::Evaluation);
        let sets = 4000;
        let above = (0..sets).filter(|_| {
            let mut scores: Vec<u32> = (0..99).map(|_| words.next_u32()).collect();
            scores.sort_unstable();
            f64::from(scores[4]) / 4_294_967_296.0 > bound
        });
        let part = above.count() as f64 / f64::from(sets);
        assert!((part - 0.05).abs() < 0.0103, "{part}");
    }
}
