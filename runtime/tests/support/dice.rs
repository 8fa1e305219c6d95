//! The choices of a random test case, and the cases of a test.

use elbow::rng::Xoshiro128PlusPlus;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use rand_core::{Rng, SeedableRng};
use std::cell::RefCell;

/// The kind of numbers that a model has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Temper {
    /// Numbers as a trainer would leave them: activations use their range, and little saturates.
    Trained,
    /// Whatever is valid: extreme biases, multipliers of any size.
    Wild,
}

/// Choices of a case that shrink: enough for the shape of a small model.
const TAPE: usize = 64;

/// The source of every choice that a test makes.
///
/// The shape of things (`size`, `pick`, `once_in`) is read from a tape, whose words proptest makes smaller
/// where a test fails; numbers, and what is behind the tape's end, come from a generator.
#[derive(Clone)]
pub(crate) struct Dice {
    tape: std::vec::IntoIter<u32>,
    words: Xoshiro128PlusPlus,
}

impl Dice {
    /// Choices without a tape.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_tape(vec![], seed)
    }

    fn with_tape(tape: Vec<u32>, seed: u64) -> Self {
        Self {
            tape: tape.into_iter(),
            words: Xoshiro128PlusPlus::seed_from_u64(seed),
        }
    }

    pub(crate) fn word(&mut self) -> u32 {
        self.words.next_u32()
    }

    /// Uniform in `low..=high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let wide = u64::from(self.word()) << 32 | u64::from(self.word());
        let span = (high - low + 1) as u128;
        low + ((u128::from(wide) * span) >> 64) as i64
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn real(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * f64::from(self.word()) / 4_294_967_296.0
    }

    /// About standard normal.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.real(-0.5, 0.5)).sum()
    }

    /// Uniform in `0..count`; shrinks to 0.
    fn choice(&mut self, count: usize) -> usize {
        let word = self.tape.next().unwrap_or_else(|| self.word());
        ((u64::from(word) * count as u64) >> 32) as usize
    }

    /// Uniform in `low..=high`; shrinks to `low`.
    pub(crate) fn size(&mut self, low: usize, high: usize) -> usize {
        low + self.choice(high - low + 1)
    }

    /// True once in `times`; shrinks to false.
    pub(crate) fn once_in(&mut self, times: u32) -> bool {
        self.choice(times as usize) + 1 == times as usize
    }

    /// Any of these; shrinks to the first.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.choice(from.len())]
    }
}

/// Runs a test on `cases` cases, always the same for a seed. Where one fails, smaller ones are tried, and
/// the smallest that fails is run last.
pub(crate) fn check(seed: u8, cases: u32, test: impl FnMut(&mut Dice)) {
    let config = Config {
        cases,
        max_shrink_iters: 4096,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let choices = (vec(any::<u32>(), TAPE), any::<u64>().no_shrink());
    let test = RefCell::new(test);
    let outcome = TestRunner::new_with_rng(config, random).run(&choices, |(tape, seed)| {
        test.borrow_mut()(&mut Dice::with_tape(tape, seed));
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, (tape, seed))) => {
            println!("smallest case: seed {seed}, tape {tape:?}: {why}");
            test.borrow_mut()(&mut Dice::with_tape(tape, seed));
            panic!("{why}, but not when it was repeated");
        }
        Err(other) => panic!("{other}"),
    }
}
