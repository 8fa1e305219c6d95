//! Accuracy, order, symmetry, statistics and stability of `elbow::gaussian`.

use elbow::gaussian::standard_normal;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro128PlusPlus;

/// Units of Q16.16 in one.
const ONE: f64 = 65_536.0;

/// Upper tail of N(0, 1).
fn upper_tail(x: f64) -> f64 {
    0.5 * libm::erfc(x / core::f64::consts::SQRT_2)
}

/// The first and last word of everything that the function tells apart in the negative half,
/// rising: in each octave 18 bits below the leading one, of which it takes 3 for the piece and 15
/// for the position.
fn words() -> impl Iterator<Item = u32> {
    let octaves = (18..31).flat_map(|octave| {
        let width = 1_u32 << (octave - 18);
        (1_u32 << 18..1 << 19).flat_map(move |leading| {
            let first = leading * width;
            [first, first + (width - 1)]
        })
    });
    (0..1 << 18).chain(octaves)
}

/// The cumulative distribution falls on either side of the word's probability when the draw is
/// moved by the bound, which needs no inverse of it.
#[test]
fn draws_are_within_the_bound() {
    let beyond = upper_tail(4.2);
    for word in words() {
        let p = (f64::from(word) + 0.5) / libm::exp2(32.0);
        let magnitude = -f64::from(standard_normal(word));
        let bound = if p > beyond { 1.2 } else { 2.1 };
        assert!(
            upper_tail((magnitude + bound) / ONE) <= p,
            "{word}: {magnitude} is too small"
        );
        assert!(
            upper_tail((magnitude - bound) / ONE) >= p,
            "{word}: {magnitude} is too large"
        );
    }
}

#[test]
fn draws_never_fall_as_the_word_rises() {
    let mut previous = i32::MIN;
    for word in words() {
        let found = standard_normal(word);
        assert!(found >= previous, "{word}: {found} is below {previous}");
        previous = found;
    }
    assert!(previous <= 0, "the positive half mirrors the negative one");
}

#[test]
fn inverted_words_give_negated_draws() {
    for word in (0..=u32::MAX).step_by(1009).chain(words()) {
        assert_eq!(standard_normal(!word), -standard_normal(word), "{word}");
    }
}

/// Percentage points of N(0, 1) at 2^-33 and 3 2^-33: 6.337957754553784 and 6.166429517819736.
#[test]
fn the_largest_draws_are_the_documented_ones() {
    let largest = [u32::MAX, u32::MAX - 1].map(standard_normal);
    assert_eq!(largest, [415_363, 404_123]);
}

/// Sums over a million draws, enough for every statistic below.
struct Sample {
    sorted: Vec<f64>,
}

impl Sample {
    const DRAWS: usize = 1_000_000;

    fn new(seed: u64) -> Self {
        let mut words = Xoshiro128PlusPlus::seed_from_u64(seed);
        let draw = |_| f64::from(standard_normal(words.next_u32())) / ONE;
        let mut sorted: Vec<f64> = (0..Self::DRAWS).map(draw).collect();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    fn mean_of(&self, function: impl Fn(f64) -> f64) -> f64 {
        self.sorted.iter().map(|&z| function(z)).sum::<f64>() / Self::DRAWS as f64
    }

    /// Largest distance between the empirical and the exact cumulative distribution.
    fn kolmogorov_smirnov(&self) -> f64 {
        let n = Self::DRAWS as f64;
        let distance = |(index, &z): (usize, &f64)| {
            let below = upper_tail(-z);
            (below - index as f64 / n).max((index as f64 + 1.0) / n - below)
        };
        self.sorted
            .iter()
            .enumerate()
            .map(distance)
            .fold(0.0, f64::max)
    }
}

#[test]
fn a_million_draws_pass_kolmogorov_smirnov_at_one_per_cent() {
    let critical = 1.628 / libm::sqrt(Sample::DRAWS as f64);
    for seed in [1, 2, 3] {
        let distance = Sample::new(seed).kolmogorov_smirnov();
        assert!(distance < critical, "seed {seed}: {distance} of {critical}");
    }
}

/// Four standard errors of skewness are 0.0098, and of excess kurtosis 0.0196.
#[test]
fn the_moments_of_a_million_draws_are_those_of_a_standard_normal() {
    let sample = Sample::new(20_260_101);
    let mean = sample.mean_of(|z| z);
    let variance = sample.mean_of(|z| (z - mean) * (z - mean));
    let deviation = libm::sqrt(variance);
    let skewness = sample.mean_of(|z| libm::pow((z - mean) / deviation, 3.0));
    let excess_kurtosis = sample.mean_of(|z| libm::pow((z - mean) / deviation, 4.0)) - 3.0;
    assert!(mean.abs() < 0.005, "mean {mean}");
    assert!((variance - 1.0).abs() < 0.005, "variance {variance}");
    assert!(skewness.abs() < 0.02, "skewness {skewness}");
    assert!(
        excess_kurtosis.abs() < 0.02,
        "excess kurtosis {excess_kurtosis}"
    );
}

/// 2 Q(4) n = 63.34 of a million draws are expected beyond four. A Poisson count of that mean is
/// below 32 with probability 5.1e-6 and above 95 with probability 8.0e-5.
#[test]
fn draws_beyond_four_are_as_many_as_they_should_be() {
    let sample = Sample::new(4);
    let beyond = sample.sorted.iter().filter(|z| z.abs() > 4.0).count();
    assert!((32..=95).contains(&beyond), "{beyond}");
}

/// First draws of two seeds, pinned: they are part of the numeric contract, and a change of any of
/// them is a change of its version. They were compared with a bisection in Python at the words of a
/// second implementation of the generator: all are within a unit of its results.
#[test]
fn first_draws_are_stable() {
    let draws = |seed| {
        let mut words = Xoshiro128PlusPlus::seed_from_u64(seed);
        [(); 16].map(|()| standard_normal(words.next_u32()))
    };
    assert_eq!(
        draws(0),
        [
            -39230, -7996, 38083, 68342, -47044, -79777, 55040, -66308, 95746, 23020, -62965,
            -5804, -5653, -109_329, -54013, 74673
        ]
    );
    assert_eq!(
        draws(42),
        [
            19255, -14861, -20018, -28809, 49408, 96156, 176_321, 28737, 21222, 69005, 13491,
            -70482, -47488, -3706, -28165, 5881
        ]
    );
}
