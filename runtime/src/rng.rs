//! The random number generator: xoshiro128++, seeded by a seed and a stream number.
//!
//! One 32-bit word makes one standard normal draw ([`crate::gaussian::standard_normal`]), so a
//! generator's position after a score is known from the estimator alone. Any other
//! [`rand_core::Rng`] may take this one's place in a [`crate::Session`].

use rand_core::SeedableRng;
pub use rand_xoshiro::Xoshiro128PlusPlus;

/// The generator of stream `stream` of seed `seed`.
///
/// Streams of one seed, and equal streams of different seeds, start at unrelated states: the two
/// numbers are mixed by the finalizer of SplitMix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014), and the state of xoshiro128++ (Blackman and
/// Vigna, "Scrambled linear pseudorandom number generators", 2019) is filled from the result by
/// `seed_from_u64`. The mapping is part of the numeric contract.
#[must_use]
pub fn stream(seed: u64, stream: u64) -> Xoshiro128PlusPlus {
    Xoshiro128PlusPlus::seed_from_u64(mix(seed ^ mix(stream)))
}

/// The finalizer of SplitMix64 after one step of its Weyl sequence; a bijection of `u64`.
fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::Rng;

    #[test]
    fn mix_is_splitmix64() {
        // The first outputs of SplitMix64 from state 0, as its authors' reference code gives them.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn streams_differ_and_repeat() {
        let first = |seed, number| stream(seed, number).next_u32();
        assert_eq!(first(1, 2), first(1, 2));
        let all = [
            first(0, 0),
            first(0, 1),
            first(1, 0),
            first(1, 1),
            first(2, 1),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }
}
