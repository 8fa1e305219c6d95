//! The spectrum of real samples in integers, for the energies of its bands.
//!
//! # Method
//!
//! N samples become N/2 complex numbers, whose transform is by decimation in time, radix 2 (J. W.
//! Cooley and J. W. Tukey, Mathematics of Computation 19, 1965), in bit-reversed order from the
//! start; one more pass splits it into the transform of the real samples (H. V. Sorensen et al.,
//! "Real-valued fast Fourier transform algorithms", IEEE Transactions on Acoustics, Speech, and
//! Signal Processing 35(6), 1987). Stages 1 and 2 are one pass without products. In the others a
//! factor serves the two butterflies that are a quarter of a turn apart.
//!
//! Scaling is fixed: numbers enter as Q14 of `x / N`, an exact shift to the left, and nothing is
//! scaled after that. No number can overflow: with the mean removed, the magnitudes of all N
//! numbers add up to less than 2^29, every intermediate result is a sum of some of them turned by
//! some angle, and the split pass adds two of those.
//!
//! Factors are Q15 from one quarter of a sine. A product of 30 bits by 16 is made of halves, so
//! that no core needs 64 bits: of a complex product the four products with the upper halves are
//! added up first, then the four with the lower halves, then both.

mod table;

use table::SINE;

/// The shortest and the longest window that has a spectrum; both are powers of two, and so is every
/// length between them that has one.
pub(crate) const SHORTEST: usize = 8;
pub(crate) const LONGEST: usize = 1024;

/// Fraction bits of a spectrum.
#[cfg(test)]
pub(crate) const SPECTRUM_BITS: u32 = 14;

/// Real and imaginary part.
pub(crate) type Complex = [i32; 2];

/// Whether a window of so many samples has a spectrum.
pub(crate) const fn is_supported(samples: usize) -> bool {
    samples.is_power_of_two() && samples >= SHORTEST && samples <= LONGEST
}

/// The discrete Fourier transform of N samples without their mean, in the first N numbers of
/// `scratch`: pair k is `X_k / N` for k from 1 to N/2 - 1, Q17.14 both parts; pair 0 is `X_(N/2) / N`
/// and 0. None where N is not supported or `scratch` is shorter.
///
/// ```text
/// X_k = sum_n (x_n - mean) exp(-2 pi i k n / N)
/// ```
///
/// # Accuracy
///
/// The distance of `X_k / N` from the exact complex number is at most 2^-12.4 of the mean magnitude
/// of `x_n - mean`, plus 2^-7 of a raw unit. It is that large for hardly any window: on noise and on
/// sines, the root of the sum of all N squared distances is below 2^-14.5 (-87 dB) of the samples'
/// standard deviation, plus `2^-16 N` raw units.
pub(crate) fn spectrum<'s>(samples: &[i16], scratch: &'s mut [i32]) -> Option<&'s [Complex]> {
    if !is_supported(samples.len()) {
        return None;
    }
    let (used, _) = scratch.split_at_mut_checked(samples.len())?;
    let (data, _) = used.as_chunks_mut::<2>();
    load(samples, data);
    stages_1_and_2(data);
    // Places in the table from one factor of a stage to the next.
    let (mut half, mut stride) = (4, LONGEST / 8);
    while half < data.len() {
        stage(data, half, stride);
        (half, stride) = (2 * half, stride / 2);
    }
    split(data, stride);
    Some(data)
}

/// Puts the samples without their mean, as Q14 of `x / N`, where decimation in time wants them.
fn load(samples: &[i16], data: &mut [Complex]) {
    let bits = samples.len().ilog2();
    let shift = 14u32.saturating_sub(bits);
    // At most 2^15 * 2^10 in magnitude, and at most 2^29 when shifted.
    let sum: i32 = samples.iter().map(|&x| i32::from(x)).sum();
    let mean = ((sum << shift) + ((1 << bits) >> 1)) >> bits;
    let (pairs, _) = samples.as_chunks::<2>();
    let unused = 33u32.saturating_sub(bits).min(31);
    for (n, &[even, odd]) in (0u32..).zip(pairs) {
        if let Some(place) = data.get_mut((n.reverse_bits() >> unused) as usize) {
            *place = [
                (i32::from(even) << shift) - mean,
                (i32::from(odd) << shift) - mean,
            ];
        }
    }
}

/// Transforms of four numbers, the factors of which are 1 and -i.
fn stages_1_and_2(data: &mut [Complex]) {
    let (blocks, _) = data.as_chunks_mut::<4>();
    for [a, b, c, d] in blocks {
        let (sum, difference) = (add(*a, *b), subtract(*a, *b));
        let (other_sum, other_difference) = (add(*c, *d), turn(subtract(*c, *d)));
        *a = add(sum, other_sum);
        *b = add(difference, other_difference);
        *c = subtract(sum, other_sum);
        *d = subtract(difference, other_difference);
    }
}

/// From transforms of `half` numbers to transforms of twice as many. The factor of place j is
/// `exp(-pi i j / half)`; that of place `j + half / 2` is the same turned by -i.
fn stage(data: &mut [Complex], half: usize, stride: usize) {
    let mut rest = data;
    while let Some((block, next)) = rest.split_at_mut_checked(2 * half) {
        rest = next;
        let Some([a, b, c, d]) = quarters(block, half / 2) else {
            return;
        };
        let places = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
        let mut at = 0;
        for ((a, b), (c, d)) in places {
            let (cosine, sine) = factor(at);
            at += stride;
            let first = rotate(*c, cosine, sine);
            let second = turn(rotate(*d, cosine, sine));
            (*a, *c) = (add(*a, first), subtract(*a, first));
            (*b, *d) = (add(*b, second), subtract(*b, second));
        }
    }
}

/// The first four parts of `block` of `length` each.
fn quarters(block: &mut [Complex], length: usize) -> Option<[&mut [Complex]; 4]> {
    let (a, rest) = block.split_at_mut_checked(length)?;
    let (b, rest) = rest.split_at_mut_checked(length)?;
    let (c, rest) = rest.split_at_mut_checked(length)?;
    let (d, _) = rest.split_at_mut_checked(length)?;
    Some([a, b, c, d])
}

/// From the transform Z of even samples plus i times odd samples to that of all samples: with
/// `E = (Z_k + conj Z_(M-k)) / 2` and `O = (Z_k - conj Z_(M-k)) / 2i`, `X_k = E + W O` and
/// `conj X_(M-k) = E - W O`, where `W = exp(-pi i k / M)`.
fn split(data: &mut [Complex], stride: usize) {
    let Some((first, rest)) = data.split_first_mut() else {
        return;
    };
    // X_0 is what rounding the mean left; X_M is real.
    *first = [first[0] - first[1], 0];
    // In the middle W = -i and E + W O = conj Z.
    let halves = rest.split_at_mut_checked(rest.len().div_ceil(2));
    if let Some((low, high)) = halves
        && let Some((middle, low)) = low.split_last_mut()
    {
        *middle = conjugate(*middle);
        let pairs = low.iter_mut().zip(high.iter_mut().rev());
        let mut at = 0;
        for (z, mirror) in pairs {
            at += stride;
            let (cosine, sine) = factor(at);
            let other = conjugate(*mirror);
            let even = add(*z, other);
            let odd = rotate(turn(subtract(*z, other)), cosine, sine);
            *z = halve(add(even, odd));
            *mirror = conjugate(halve(subtract(even, odd)));
        }
    }
}

/// Cosine and sine of `2 pi at / 1024`, Q15, in the first quadrant.
#[inline]
fn factor(at: usize) -> (u16, u16) {
    let value = |at: usize| SINE.get(at).copied().unwrap_or(0);
    (value((LONGEST / 4).wrapping_sub(at)), value(at))
}

fn add([a, b]: Complex, [c, d]: Complex) -> Complex {
    [a + c, b + d]
}

fn subtract([a, b]: Complex, [c, d]: Complex) -> Complex {
    [a - c, b - d]
}

/// `-i z`.
fn turn([re, im]: Complex) -> Complex {
    [im, -re]
}

fn conjugate([re, im]: Complex) -> Complex {
    [re, -im]
}

/// `z / 2`, rounded half up.
fn halve([re, im]: Complex) -> Complex {
    [(re + 1) >> 1, (im + 1) >> 1]
}

/// `z (cosine - i sine) / 2^15`, each part rounded half up once, for factors from 0 to 2^15 of an
/// angle in the first quadrant and `|z|` up to 2^30. With the parts as `2^16 high + low`:
///
/// ```text
/// re = (re cosine + im sine + 2^14) >> 15
///    = 2 (re.high cosine + im.high sine) + ((re.low cosine + im.low sine + 2^14) >> 15)
/// ```
///
/// The sum of the lower products is below 2^16 * 2^15.5 and fits 32 bits, unsigned; the difference
/// in the other part is below 2^31 in magnitude. The upper products are at most 2^29.5.
#[inline]
fn rotate([re, im]: Complex, cosine: u16, sine: u16) -> Complex {
    let (c, s) = (i32::from(cosine), i32::from(sine));
    let (re_high, im_high) = (re >> 16, im >> 16);
    let (re_low, im_low) = (re & 0xffff, im & 0xffff);
    let sum = (re_low * c) as u32 + (im_low * s) as u32 + (1 << 14);
    let difference = im_low * c - re_low * s;
    [
        ((re_high * c + im_high * s) << 1) + (sum >> 15) as i32,
        // The half is added after one bit is gone, since the difference may be 2^31 - 2^15.
        ((im_high * c - re_high * s) << 1) + (((difference >> 1) + (1 << 13)) >> 14),
    ]
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::rng;
    use rand_core::Rng;
    use std::{println, vec, vec::Vec};

    const LENGTHS: [usize; 8] = [8, 16, 32, 64, 128, 256, 512, 1024];

    /// `X_k / N` for k from 0 to N/2 by the definition, and the mean magnitude and the root mean
    /// square of what is transformed.
    struct Exact {
        bins: Vec<(f64, f64)>,
        magnitude: f64,
        deviation: f64,
    }

    fn exact(samples: &[i16]) -> Exact {
        let n = samples.len();
        let count = n as f64;
        let mean = samples.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let centred: Vec<f64> = samples.iter().map(|&x| f64::from(x) - mean).collect();
        let angle = |turn: usize| core::f64::consts::TAU * (turn % n) as f64 / count;
        let turns: Vec<(f64, f64)> = (0..n)
            .map(|turn| (libm::cos(angle(turn)), -libm::sin(angle(turn))))
            .collect();
        let bin = |k: usize| {
            let terms = centred.iter().enumerate().map(|(at, &x)| {
                let (cosine, sine) = turns[k * at % n];
                (x * cosine / count, x * sine / count)
            });
            terms.fold((0.0, 0.0), |sum, term| (sum.0 + term.0, sum.1 + term.1))
        };
        let squares = centred.iter().map(|x| x * x).sum::<f64>();
        Exact {
            bins: (0..=n / 2).map(bin).collect(),
            magnitude: centred.iter().map(|x| x.abs()).sum::<f64>() / count,
            deviation: (squares / count).sqrt(),
        }
    }

    /// Largest and root mean square distance of a spectrum from the exact one, in raw units.
    fn distances(samples: &[i16]) -> (f64, f64, Exact) {
        let mut scratch = vec![0x5a5a_5a5a; samples.len() + 3];
        let found = spectrum(samples, &mut scratch).unwrap();
        let exact = exact(samples);
        let unit = 0.5f64.powi(SPECTRUM_BITS as i32);
        let nyquist = samples.len() / 2;
        assert_eq!(found.len(), nyquist);
        let distance = |k: usize| {
            let [re, im] = found[k % nyquist];
            let (exact_re, exact_im) = exact.bins[k];
            (f64::from(re) * unit - exact_re).hypot(f64::from(im) * unit - exact_im)
        };
        let all: Vec<f64> = (1..=nyquist).map(distance).collect();
        let squares: f64 = all.iter().map(|d| d * d).sum();
        let largest = all.iter().copied().fold(0.0, f64::max);
        (largest, (squares / nyquist as f64).sqrt(), exact)
    }

    /// Windows at the edges of what there is, for the proof that nothing overflows and the bound.
    fn extremes(n: usize) -> Vec<Vec<i16>> {
        let wave = |period: usize| move |at: usize| 2 * (at % period) < period;
        let mut all = vec![
            vec![i16::MIN; n],
            vec![i16::MAX; n],
            vec![0; n],
            (0..n)
                .map(|at| if at == 0 { i16::MAX } else { i16::MIN })
                .collect(),
            (0..n)
                .map(|at| if at == n - 1 { i16::MIN } else { i16::MAX })
                .collect(),
        ];
        for period in 2..=n {
            let sign = wave(period);
            let square = (0..n).map(|at| if sign(at) { i16::MAX } else { i16::MIN });
            all.push(square.collect());
        }
        for k in 1..=n / 2 {
            // The signs of a cosine, which make one bin as large as it can be.
            let angle = |at: usize| core::f64::consts::TAU * ((k * at) % n) as f64 / n as f64 + 0.3;
            let signs = (0..n).map(|at| {
                if libm::cos(angle(at)) < 0.0 {
                    i16::MIN
                } else {
                    i16::MAX
                }
            });
            all.push(signs.collect());
        }
        all
    }

    #[test]
    fn spectra_are_within_their_bound() {
        let mut worst: (f64, f64) = (0.0, 0.0);
        let mut observe = |samples: &[i16]| {
            let (largest, root, exact) = distances(samples);
            let bound = exact.magnitude * libm::exp2(-12.4) + libm::exp2(-7.0);
            assert!(largest <= bound, "{largest} of {bound}");
            worst.0 = worst.0.max(largest / bound);
            (root, exact.deviation)
        };
        for n in LENGTHS {
            let mut windows = extremes(n);
            if n > 128 {
                windows = windows.into_iter().step_by(n / 64).collect();
            }
            for window in windows {
                observe(&window);
            }
            let mut words = rng::stream(n as u64, 0);
            for round in 0..64 {
                let shift = round % 16;
                let frequency = f64::from(words.next_u32()) / 4_294_967_296.0;
                let sine = |at: usize| libm::sin(core::f64::consts::PI * frequency * at as f64);
                let sample = |at: usize| match round % 2 {
                    0 => words.next_u32() as i16 >> shift,
                    _ => (32767.0 * sine(at)) as i16 >> shift,
                };
                let (root, deviation) = observe(&(0..n).map(sample).collect::<Vec<_>>());
                let all = root * (n as f64).sqrt();
                let bound = deviation * libm::exp2(-14.5) + libm::exp2(-16.0) * n as f64;
                worst.1 = worst.1.max(all / bound);
                assert!(all <= bound, "{n} >> {shift}: {all} of {bound}");
            }
        }
        println!("of the bounds: {worst:?}");
    }

    #[test]
    fn whole_waves_are_in_their_bin_alone() {
        for n in LENGTHS {
            // A square wave of the highest frequency, exactly.
            let nyquist: Vec<i16> = (0..n)
                .map(|at| if at % 2 == 0 { 1100 } else { 100 })
                .collect();
            let mut scratch = vec![0; n];
            let found = spectrum(&nyquist, &mut scratch).unwrap();
            assert_eq!(found[0], [500 << SPECTRUM_BITS, 0]);
            assert!(found[1..].iter().all(|&bin| bin == [0, 0]));
            // 400 cos at a quarter of the sampling rate, shifted by an eighth: exact as well.
            let quarter: Vec<i16> = (0..n).map(|at| [200, 200, -200, -200][at % 4]).collect();
            let found = spectrum(&quarter, &mut scratch).unwrap();
            let half = 100 << SPECTRUM_BITS;
            assert_eq!(found[n / 4], [half, -half]);
            assert_eq!(found.iter().filter(|&&bin| bin != [0, 0]).count(), 1);
        }
    }

    #[test]
    fn constants_have_no_spectrum() {
        for n in LENGTHS {
            for level in [i16::MIN, -1, 0, 7, i16::MAX] {
                let mut scratch = vec![1; n];
                let found = spectrum(&vec![level; n], &mut scratch).unwrap();
                assert!(found.iter().all(|&bin| bin == [0, 0]));
            }
        }
    }

    #[test]
    fn rotations_round_the_exact_product_once() {
        let mut words = rng::stream(0, 0);
        let check = |z: Complex, k: usize| {
            let (sine, cosine) = (SINE[k], SINE[256 - k]);
            let (c, s) = (i64::from(cosine), i64::from(sine));
            let [re, im] = z.map(i64::from);
            let exact = [re * c + im * s, im * c - re * s];
            let expected = exact.map(|part| ((part + (1 << 14)) >> 15) as i32);
            assert_eq!(rotate(z, cosine, sine), expected, "{z:?} {k}");
        };
        for k in 0..=256 {
            let edges = [
                -(1 << 30),
                -(1 << 30) + 1,
                -65536,
                -1,
                0,
                1,
                65535,
                (1 << 30) - 1,
                1 << 30,
            ];
            for re in edges {
                check([re, 0], k);
                check([0, re], k);
                check([re / 2, re.signum() * 0xffff], k);
                check([(re / 2) | 0xffff, (-re / 2) | 0xffff], k);
            }
        }
        for _ in 0..500_000 {
            let mut part = || words.next_u32() as i32 >> 2 >> (words.next_u32() % 30);
            check([part(), part()], (words.next_u32() % 257) as usize);
        }
    }

    #[test]
    fn other_lengths_have_none() {
        for n in [0, 1, 2, 4, 7, 9, 12, 1000, 2048] {
            assert!(!is_supported(n) && spectrum(&vec![0; n], &mut vec![0; n]).is_none());
        }
        assert!(spectrum(&[0; 16], &mut [0; 15]).is_none());
    }
}
