//! The energies of the bands of a spectrum, as logarithms.

use super::feature::BAND_FRACTION_BITS;
use super::fft::Complex;
use crate::fixed::saturate_i16;
use crate::transcendental::log2;

/// `log2(3 * 2^26)` in Q16.16: what the logarithm of a sum of powers lacks to that of an energy.
const ENERGY_OFFSET: i32 = (26 << 16) + 103_872;
/// The lowest energy in octaves.
const LOWEST_ENERGY: i32 = -16 << BAND_FRACTION_BITS;

/// One number for each band of a spectrum, of which there are as many as `numbers`.
///
/// Hann's window is applied to the spectrum, where it takes no product: `2 Y_k = X_k - (X_(k-1) +
/// X_(k+1)) / 2`, the second part of it rounded down. The mean is left out exactly by `X_0 = 0`.
pub(super) fn band_energies(spectrum: &[Complex], numbers: &mut [i16]) {
    let (bins, bands) = (spectrum.len(), numbers.len());
    let Some((&nyquist, inner)) = spectrum.split_first() else {
        return;
    };
    let last = inner.last().map_or([0, 0], |&[re, im]| [re, -im]);
    let mut numbers = numbers.iter_mut();
    let (mut before, mut here) = ([0, 0], inner.first().copied().unwrap_or([0, 0]));
    // Q28 of 4 |Y / N|^2; over a whole spectrum at most 4 times the mean square, 2^60.
    let mut sum = 0u64;
    let mut phase = 0;
    let followers = inner.iter().skip(1).copied().chain([nyquist, last]);
    for (k, after) in (1..).zip(followers) {
        let part = |before: i32, here: i32, after: i32| here - ((before + after) >> 1);
        let power =
            square(part(before[0], here[0], after[0])) + square(part(before[1], here[1], after[1]));
        sum += if k == bins { power >> 1 } else { power };
        (before, here) = (here, after);
        phase += bands;
        if phase >= bins {
            phase -= bins;
            if let Some(number) = numbers.next() {
                *number = octaves(sum);
            }
            sum = 0;
        }
    }
}

/// The number of an energy of `sum / (3 * 2^26)` raw^2.
fn octaves(sum: u64) -> i16 {
    // log2 takes 32 bits, as a number with 16 fraction bits.
    let excess = 32u32.saturating_sub(sum.leading_zeros());
    let logarithm = match (sum >> excess) as u32 {
        0 => return LOWEST_ENERGY as i16,
        leading => log2(leading) + ((16 + excess as i32) << 16),
    };
    let shift = 16 - u32::from(BAND_FRACTION_BITS);
    let number = (logarithm - ENERGY_OFFSET + (1 << (shift - 1))) >> shift;
    saturate_i16(number.max(LOWEST_ENERGY))
}

/// The square of a number up to 2^31 in magnitude, from halves of 16 bits: a product of 64 would be
/// a call on cores without a long multiplication.
fn square(x: i32) -> u64 {
    let magnitude = x.unsigned_abs();
    let (high, low) = (magnitude >> 16, magnitude & 0xffff);
    (u64::from(high * high) << 32) + (u64::from(high * low) << 17) + u64::from(low * low)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::fft;
    use super::*;
    use crate::rng;
    use rand_core::Rng;
    use std::{println, vec, vec::Vec};

    /// Band energies in raw^2 by the definition: the window applied in time, each bin by its sum.
    fn exact_energies(window: &[i16], bands: usize) -> Vec<f64> {
        let n = window.len();
        let count = n as f64;
        let tau = core::f64::consts::TAU;
        let mean = window.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let hann = |at: usize| 0.5 - 0.5 * libm::cos(tau * at as f64 / count);
        let weighted = window.iter().enumerate();
        let weighted: Vec<f64> = weighted
            .map(|(at, &x)| hann(at) * (f64::from(x) - mean))
            .collect();
        let turns: Vec<(f64, f64)> = (0..n)
            .map(|turn| tau * turn as f64 / count)
            .map(|angle| (libm::cos(angle), libm::sin(angle)))
            .collect();
        let mut energies = vec![0.0; bands];
        for k in 1..=n / 2 {
            let terms = weighted.iter().enumerate();
            let (re, im) = terms.fold((0.0, 0.0), |(re, im), (at, &x)| {
                let (cosine, sine) = turns[k * at % n];
                (re + x * cosine, im - x * sine)
            });
            let both = if k == n / 2 { 1.0 } else { 2.0 };
            let power = 8.0 / 3.0 * both * (re * re + im * im) / (count * count);
            // Band b has the bins from ceil(b N/2 / B) + 1 to ceil((b + 1) N/2 / B).
            let band = (0..bands).find(|b| k <= ((b + 1) * n / 2).div_ceil(bands));
            energies[band.unwrap()] += power;
        }
        energies
    }

    fn energies(window: &[i16], bands: u8) -> Vec<i16> {
        let mut scratch = vec![i32::MIN; window.len()];
        let mut numbers = vec![0; bands.into()];
        band_energies(fft::spectrum(window, &mut scratch).unwrap(), &mut numbers);
        numbers
    }

    #[test]
    fn band_energies_match_floats() {
        let mut words = rng::stream(5, 0);
        let mut fullest: f64 = 0.0;
        for round in 0..600 {
            let bits = 3 + round % if round % 20 == 0 { 8 } else { 5 };
            let n = 1usize << bits;
            let bands = 1 + words.next_u32() as usize % (n / 2).min(255);
            let tone = |at: usize, frequency: f64| libm::sin(frequency * at as f64);
            let frequency = f64::from(words.next_u32()) / 4_294_967_296.0 * core::f64::consts::PI;
            let loud = 32000.0 * 0.5f64.powi((words.next_u32() % 15) as i32);
            let quiet = loud * 0.5f64.powi((words.next_u32() % 15) as i32);
            let window: Vec<i16> = (0..n)
                .map(|at| {
                    let hiss = f64::from(words.next_u32()) / 4_294_967_296.0 - 0.5;
                    (loud * tone(at, frequency) + quiet * hiss) as i16
                })
                .collect();
            let n = n as f64;
            let mean = window.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let variance = window
                .iter()
                .map(|&x| (f64::from(x) - mean).powi(2))
                .sum::<f64>()
                / n;
            let exact = exact_energies(&window, bands);
            let bound = variance.sqrt() * libm::exp2(-15.0) + n * libm::exp2(-17.0);
            for (&number, &energy) in energies(&window, bands as u8).iter().zip(&exact) {
                // In octaves of the root, half of those of the energy.
                let rounding = libm::exp2(0.6 / 2048.0);
                let found = libm::exp2(f64::from(number) / 2048.0);
                let root = energy.sqrt();
                let least = ((root - bound) / rounding).max(libm::exp2(-8.0));
                let most = ((root + bound) * rounding).max(libm::exp2(-8.0));
                assert!((least..=most).contains(&found), "{least} {found} {most}");
                let distance = (found - root.max(libm::exp2(-8.0))).abs();
                fullest = fullest.max((distance - root * (rounding - 1.0)) / bound);
            }
        }
        println!("of the bound: {fullest}");
    }

    #[test]
    fn energies_add_up_and_tones_are_in_their_band() {
        // A sine of amplitude 2^14 in the middle of a band: 2^27 raw^2; all else is far below.
        let n = 256;
        let sine = |at: usize| {
            let angle = core::f64::consts::TAU * (at * 40 % n) as f64 / n as f64;
            (16384.0 * libm::sin(angle) + 0.5).floor() as i16
        };
        let window: Vec<i16> = (0..n).map(sine).collect();
        let found = energies(&window, 8);
        assert!(found[2].abs_diff(27 << 10) <= 1, "{found:?}");
        assert!(
            found.iter().enumerate().all(|(b, &e)| b == 2 || e < 2048),
            "{found:?}"
        );
        // The highest frequency counts once: amplitude 1024 has the energy 2^20 with the factor
        // 8/3 * (1/4), and its leak into the bin below has 8/3 * 2/16: together 2^20.
        let highest: Vec<i16> = (0..n)
            .map(|at| if at % 2 == 0 { 1024 } else { -1024 })
            .collect();
        assert_eq!(energies(&highest, 1), [20 << 10]);
    }

    #[test]
    fn extremes_do_not_overflow() {
        for n in [8usize, 16, 64, 1024] {
            for period in 1..=n {
                if n == 1024 && period % 31 != 1 {
                    continue;
                }
                let edge = |at: usize| {
                    if 2 * (at % period) < period {
                        i16::MIN
                    } else {
                        i16::MAX
                    }
                };
                let window: Vec<i16> = (0..n).map(edge).collect();
                let most = (n / 2).min(255) as u8;
                for bands in [1, most] {
                    let found = energies(&window, bands);
                    assert!(found.iter().all(|&e| e >= -16384), "{found:?}");
                }
            }
        }
        // Most of the energy where Hann's window is largest.
        let centred: Vec<i16> = (0..1024)
            .map(|at| {
                if (256..768).contains(&at) {
                    i16::MAX
                } else {
                    i16::MIN
                }
            })
            .collect();
        let found = energies(&centred, 1);
        let exact = libm::log2(exact_energies(&centred, 1)[0]);
        assert!((f64::from(found[0]) / 1024.0 - exact).abs() < 0.001);
    }

    #[test]
    fn squares_are_exact() {
        for x in [
            0,
            1,
            -1,
            65535,
            65536,
            -65537,
            0x1234_5678,
            1 << 30,
            i32::MAX,
            i32::MIN,
        ] {
            assert_eq!(u128::from(square(x)), u128::from(x.unsigned_abs()).pow(2));
        }
    }
}
