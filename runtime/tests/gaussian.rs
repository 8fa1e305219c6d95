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

/// The positive x whose upper tail is `p`, by bisection; the generator of the table uses Newton's method.
fn tail_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 8.0);
    for _ in 0..48 {
        let middle = 0.5 * (low + high);
        if upper_tail(middle) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// Words of the negative half, increasing: all of the tail below 2^14, then steps of 1/4096 octave from their
/// start to their end.
fn words() -> impl Iterator<Item = u32> {
    let octaves = (14..31).flat_map(|octave| {
        let width = 1_u32 << (octave - 12_i32).max(0);
        (1_u32 << octave..1 << (octave + 1))
            .step_by(width as usize)
            .flat_map(move |start| [start, start + (width - 1)])
    });
    (0..1 << 14).chain(octaves)
}

#[test]
fn draws_are_within_the_bound() {
    let mut largest = (0.0_f64, 0.0_f64);
    for word in words() {
        let exact = -tail_quantile((f64::from(word) + 0.5) / libm::exp2(32.0));
        let error = (f64::from(standard_normal(word)) - exact * ONE).abs();
        let bound = if exact > -4.2 { 1.2 } else { 2.8 };
        assert!(error <= bound, "{word}: {error} units at {exact}");
        if exact > -4.2 {
            largest.0 = largest.0.max(error);
        } else {
            largest.1 = largest.1.max(error);
        }
    }
    println!(
        "largest error {:.4} units below 4.2, {:.4} beyond",
        largest.0, largest.1
    );
}

#[test]
fn the_largest_draws_are_the_documented_ones() {
    let found = [0, 1, u32::MAX - 1, u32::MAX].map(standard_normal);
    println!("{found:?} {:?}", found.map(|z| f64::from(z) / ONE));
    println!(
        "{} {}",
        tail_quantile(libm::exp2(-33.0)),
        tail_quantile(3.0 * libm::exp2(-33.0))
    );
}

#[test]
fn draws_never_fall_as_the_word_rises() {
    // A position has 15 bits in the first octave, which are the leading 19 of the word; deeper octaves need fewer of each word.
    let mut previous = i32::MIN;
    for word in (0..=u32::MAX).step_by(1 << 8) {
        let found = standard_normal(word);
        assert!(found >= previous, "{word}");
        previous = found;
    }
}
