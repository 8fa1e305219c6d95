//! Targets of libFuzzer: the same inputs and the same faults, and damage goes on from whatever reached new code.

use crate::check::{Fault, Verdict, check};
use crate::dice::Dice;
use crate::format::Format;
use crate::seeds::Seeds;
use std::sync::OnceLock;

/// One input of so many is made anew.
const ANEW: usize = 16;

/// Reads `input`, and aborts with the fault where there is one, so that libFuzzer keeps the input.
pub fn test(format: Format, input: &[u8]) {
    match check(format, input) {
        // Code that counts where it goes is slower; libFuzzer has a limit of its own.
        Verdict::Accepted | Verdict::Refused | Verdict::Faulty(Fault::Slow(_)) => {}
        Verdict::Faulty(fault) => {
            eprintln!("{} {fault}", format.name());
            std::process::abort();
        }
    }
}

/// Damages the first `size` bytes of `data`, a file of `format`, by what follows from `seed`, or makes it anew; the
/// bytes that there are then.
pub fn damage(format: Format, data: &mut [u8], size: usize, seed: u32) -> usize {
    static SEEDS: OnceLock<Seeds> = OnceLock::new();
    let seeds = SEEDS.get_or_init(Seeds::default);
    let mut dice = Dice::new(seed.into(), 0);
    let input = if size < 4 || dice.once_in(ANEW) {
        format.input(seeds, &mut dice)
    } else {
        format.damaged_further(data[..size].to_vec(), seeds, &mut dice)
    };
    let length = input.len().min(data.len());
    data[..length].copy_from_slice(&input[..length]);
    length
}

/// The entry points of libFuzzer for a format.
#[macro_export]
macro_rules! target {
    ($format:ident) => {
        #[global_allocator]
        static ALLOCATOR: $crate::memory::Counting = $crate::memory::Counting;

        $crate::libfuzzer_sys::fuzz_target!(|input: &[u8]| {
            $crate::guided::test($crate::Format::$format, input);
        });

        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8],
                                              size: usize,
                                              max_size: usize,
                                              seed: u32| {
            // Half of the damage is libFuzzer's own, which knows what was compared with what.
            if seed % 2 == 0 {
                $crate::libfuzzer_sys::fuzzer_mutate(data, size, max_size)
            } else {
                $crate::guided::damage($crate::Format::$format, &mut data[..max_size], size, seed)
            }
        });
    };
}
