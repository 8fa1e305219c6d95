//! Scores of one machine, counted in a memory of fixed size.

use crate::fixed::{Nats, Probability, divide};
use core::num::NonZeroU64;

/// Knots of a [`Sketch`].
pub(super) const KNOTS: usize = 64;

/// The lowest knots, which are never merged.
const EXACT: usize = 32;

/// The most scores that are counted; later ones change nothing.
const MOST: u32 = 1 << 24;

/// Set in the count of a knot that stands for more than one value.
const MERGED: u32 = 1 << 31;

/// A score, and how many scores from it to below the next knot were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Knot {
    pub(super) score: i32,
    /// With [`MERGED`] where not all of them are equal to `score`.
    pub(super) count: u32,
}

impl Knot {
    fn scores(self) -> u32 {
        self.count & !MERGED
    }

    fn is_merged(self) -> bool {
        self.count & MERGED != 0
    }
}

/// The scores of `n` readings that were declared normal, as at most 64 knots.
///
/// # Guarantee
///
/// [`Sketch::p_value`] is at least the conformal p-value `(1 + #{i : s_i <= s}) / (n + 1)`. So if the readings that were
/// counted and the one that is judged are exchangeable, `P(p <= a) <= a` for every a (Vovk, Gammerman and Shafer,
/// "Algorithmic learning in a random world", 2005). No p-value is below `1 / (n + 1)`: a rate `a` can be served from
/// `n >= 1 / a - 1` on.
///
/// # Accuracy
///
/// Up to 64 distinct scores it is exact. Beyond, it stays exact for the lowest 32 distinct scores, so for p-values up to
/// `33 / (n + 1)`, and at every knot. Between knots higher up all scores of the lower knot are counted as if they were equal
/// to it, which errs on the side of no alarm. The two neighbours are merged whose scores together are the smallest
/// part of those below them, which makes the relative error even (as in Cormode et al., "Effective computation of biased
/// quantiles over data streams", 2005). For scores in random order the p-value is at most 1.35 times the conformal one
/// at `n` = 1000, and 1.7 times at 100,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sketch {
    knots: [Knot; KNOTS],
    used: usize,
    count: u32,
}

impl Default for Sketch {
    fn default() -> Self {
        Self::new()
    }
}

impl Sketch {
    /// A sketch of no scores.
    #[must_use]
    pub const fn new() -> Self {
        let none = Knot { score: 0, count: 0 };
        Self {
            knots: [none; KNOTS],
            used: 0,
            count: 0,
        }
    }

    /// The sketch of knots that were stored; none where they cannot be one.
    pub(super) fn restored(knots: impl Iterator<Item = Knot>) -> Option<Self> {
        let mut sketch = Self::new();
        for knot in knots {
            let above = sketch
                .knots()
                .last()
                .is_none_or(|last| last.score < knot.score);
            if !above || knot.scores() == 0 {
                return None;
            }
            *sketch.knots.get_mut(sketch.used)? = knot;
            sketch.used += 1;
            sketch.count = sketch.count.checked_add(knot.scores())?;
        }
        (sketch.count <= MOST).then_some(sketch)
    }

    /// Scores that were counted.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The knots, ascending.
    pub(super) fn knots(&self) -> &[Knot] {
        self.knots.get(..self.used).unwrap_or_default()
    }

    /// The lowest score that was counted.
    #[must_use]
    pub fn lowest(&self) -> Option<Nats> {
        let lowest = self.knots().first();
        lowest.map(|knot| Nats::from_bits(knot.score))
    }

    /// Counts a score. After 2^24 scores no more are counted.
    pub fn add(&mut self, score: Nats) {
        if self.count >= MOST {
            return;
        }
        self.count += 1;
        let score = score.to_bits();
        if self.joins(score) {
            return;
        }
        if self.used >= KNOTS {
            self.merge();
            if self.joins(score) {
                return;
            }
        }
        self.insert(Knot { score, count: 1 });
    }

    /// The p-value of `score`, rounded up; certainty where nothing was counted.
    #[must_use]
    pub fn p_value(&self, score: Nats) -> Probability {
        let knots = self.knots().iter();
        let below = knots.take_while(|knot| knot.score <= score.to_bits());
        self.share(below.map(|knot| knot.scores()).sum())
    }

    /// The highest threshold with which a normal reading scores below it with a chance of at most `rate`; none while the
    /// count is too small for that rate.
    #[must_use]
    pub fn threshold(&self, rate: Probability) -> Option<Nats> {
        if self.share(0) > rate {
            return None;
        }
        let mut below = 0u32;
        for knot in self.knots() {
            below = below.saturating_add(knot.scores());
            if self.share(below) > rate {
                return Some(Nats::from_bits(knot.score));
            }
        }
        Some(Nats::MAX)
    }

    /// `(1 + below) / (n + 1)`, rounded up.
    fn share(&self, below: u32) -> Probability {
        let total = NonZeroU64::MIN.saturating_add(self.count.into());
        let counted = (u64::from(below) + 1) << 31;
        let bits = divide(counted + (total.get() - 1), total);
        Probability::from_bits(bits as u32).unwrap_or(Probability::ONE)
    }

    /// Counts `score` at the knot below it, where that keeps the counts at all knots exact; whether it does.
    fn joins(&mut self, score: i32) -> bool {
        let above = self.knots().partition_point(|knot| knot.score <= score);
        let knot = above.checked_sub(1).and_then(|at| self.knots.get_mut(at));
        match knot {
            Some(knot) if knot.is_merged() || knot.score == score => {
                knot.count += 1;
                true
            }
            _ => false,
        }
    }

    /// Puts `knot` in its place; there is room.
    fn insert(&mut self, knot: Knot) {
        let mut carried = knot;
        for (index, place) in self.knots.iter_mut().enumerate() {
            if index >= self.used {
                *place = carried;
                break;
            }
            if place.score > carried.score {
                core::mem::swap(place, &mut carried);
            }
        }
        self.used = (self.used + 1).min(KNOTS);
    }

    /// Merges the two neighbours above the lowest whose scores are the smallest part of those below them; the first ones of
    /// equal parts.
    fn merge(&mut self) {
        let mut best: Option<(usize, u64, u64)> = None;
        let mut below = 1u64;
        let pairs = self.knots().iter().zip(self.knots().iter().skip(1));
        for (index, (lower, upper)) in pairs.enumerate() {
            let together = u64::from(lower.scores()) + u64::from(upper.scores());
            let is_smaller = best.is_none_or(|(_, best, of)| together * of < best * below);
            if index >= EXACT && is_smaller {
                best = Some((index, together, below));
            }
            below += u64::from(lower.scores());
        }
        let Some((merged, together, _)) = best else {
            return;
        };
        if let Some(knot) = self.knots.get_mut(merged) {
            knot.count = together as u32 | MERGED;
        }
        // The knots behind the upper one move down.
        let mut next = Knot::default();
        for (index, place) in self.knots.iter_mut().enumerate().rev() {
            if index <= merged {
                break;
            }
            core::mem::swap(place, &mut next);
        }
        self.used -= 1;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::gaussian::standard_normal;
    use crate::rng;
    use rand_core::Rng;
    use std::vec::Vec;

    /// The conformal p-value in Q1.31 by its definition.
    fn conformal(scores: &[i32], score: i32) -> u64 {
        let below = scores.iter().filter(|&&other| other <= score).count() as u64;
        ((below + 1) << 31).div_ceil(scores.len() as u64 + 1)
    }

    fn p(sketch: &Sketch, score: i32) -> u64 {
        sketch.p_value(Nats::from_bits(score)).to_bits().into()
    }

    fn normal_scores(count: usize, seed: u64) -> Vec<i32> {
        let mut words = rng::stream(seed, 0);
        (0..count)
            .map(|_| standard_normal(words.next_u32()))
            .collect()
    }

    #[test]
    fn it_is_exact_up_to_its_capacity() {
        let mut sketch = Sketch::new();
        let scores = normal_scores(KNOTS, 1);
        assert_eq!(sketch.p_value(Nats::ZERO), Probability::ONE);
        for (index, &score) in scores.iter().enumerate() {
            sketch.add(Nats::from_bits(score));
            let seen = &scores[..=index];
            for &at in seen {
                for score in [at - 1, at, at + 1] {
                    assert_eq!(p(&sketch, score), conformal(seen, score));
                }
            }
        }
        assert_eq!(p(&sketch, i32::MIN), (1u64 << 31).div_ceil(65));
    }

    /// The lowest 32 are exact, nothing is understated, and nothing overstated by more than the documentation says.
    #[test]
    fn beyond_its_capacity_it_errs_as_documented() {
        for (count, most) in [(200, 1.35), (1000, 1.35), (10_000, 1.7), (100_000, 1.7)] {
            for seed in 0..8 {
                let mut sketch = Sketch::new();
                let mut scores = normal_scores(count, seed);
                scores
                    .iter()
                    .for_each(|&score| sketch.add(Nats::from_bits(score)));
                scores.sort_unstable();
                for rank in (0..40).chain((40..count).step_by(count / 100)) {
                    let (got, exact) = (p(&sketch, scores[rank]), conformal(&scores, scores[rank]));
                    assert!(got >= exact, "{count} {rank}: {got} {exact}");
                    assert!(rank >= EXACT || got == exact, "{count} {rank}");
                    let ratio = got as f64 / exact as f64;
                    assert!(ratio <= most, "{count} {rank}: {ratio}");
                }
            }
        }
    }

    #[test]
    fn no_order_makes_it_understate() {
        let ascending: Vec<i32> = (0..5000).collect();
        let descending: Vec<i32> = (0..5000).rev().collect();
        let equal: Vec<i32> = (0..5000).map(|index| index % 7).collect();
        let zigzag: Vec<i32> = (0..5000)
            .map(|index| (index * 2_147) % 5003 - index)
            .collect();
        for scores in [ascending, descending, equal, zigzag] {
            let mut sketch = Sketch::new();
            for &score in &scores {
                sketch.add(Nats::from_bits(score));
            }
            assert_eq!(sketch.count(), 5000);
            let total: u32 = sketch.knots().iter().map(|knot| knot.scores()).sum();
            assert_eq!(total, 5000);
            let ascends = sketch
                .knots()
                .windows(2)
                .all(|pair| pair[0].score < pair[1].score);
            assert!(ascends);
            for score in (-5001..5001).step_by(13) {
                assert!(p(&sketch, score) >= conformal(&scores, score));
            }
            for knot in sketch.knots().iter().skip(1) {
                // Just below a knot the counts are exact.
                let score = knot.score - 1;
                let below = scores.iter().filter(|&&other| other <= score).count();
                let counted = sketch.knots().iter().filter(|other| other.score <= score);
                assert_eq!(
                    counted.map(|knot| knot.scores() as usize).sum::<usize>(),
                    below
                );
            }
        }
    }

    /// `P(p <= a) <= a`, of 20,000 machines that count 200 readings each: within five standard errors.
    #[test]
    fn false_alarms_keep_the_rate() {
        for (count, rate) in [(100, 0.01), (200, 0.01), (200, 0.1)] {
            let mut words = rng::stream(7, count);
            let mut alarms = 0;
            for _ in 0..20_000 {
                let mut sketch = Sketch::new();
                let mut score = || Nats::from_bits(standard_normal(words.next_u32()));
                (0..count).for_each(|_| sketch.add(score()));
                alarms += u32::from(sketch.p_value(score()) <= Probability::new(rate));
            }
            let found = f64::from(alarms) / 20_000.0;
            let error = (rate * (1.0 - rate) / 20_000.0).sqrt();
            assert!(found <= rate + 5.0 * error, "{count}: {found}");
            assert!(found >= 0.8 * rate - 5.0 * error, "{count}: {found}");
        }
    }

    #[test]
    fn thresholds_are_where_p_values_exceed_the_rate() {
        let mut sketch = Sketch::new();
        for score in normal_scores(150, 3) {
            sketch.add(Nats::from_bits(score));
        }
        assert_eq!(sketch.threshold(Probability::new(0.006)), None);
        for rate in [0.0067, 0.01, 0.05, 0.3, 0.9] {
            let rate = Probability::new(rate);
            let threshold = sketch.threshold(rate).unwrap();
            let below = Nats::from_bits(threshold.to_bits() - 1);
            assert!(sketch.p_value(below) <= rate && sketch.p_value(threshold) > rate);
        }
        assert_eq!(sketch.threshold(Probability::ONE), Some(Nats::MAX));
    }

    #[test]
    fn knots_come_back_and_what_are_none_are_refused() {
        let mut sketch = Sketch::new();
        normal_scores(500, 9)
            .into_iter()
            .for_each(|score| sketch.add(Nats::from_bits(score)));
        let restored = Sketch::restored(sketch.knots().iter().copied());
        assert_eq!(restored, Some(sketch));
        let knot = |score, count| Knot { score, count };
        for bad in [
            &[knot(1, 1), knot(1, 1)][..],
            &[knot(2, 1), knot(1, 1)],
            &[knot(1, 0)],
            &[knot(1, MERGED)],
            &[knot(1, MOST), knot(2, 1)],
            &[knot(1, 1); KNOTS + 1],
        ] {
            assert_eq!(Sketch::restored(bad.iter().copied()), None);
        }
    }
}
