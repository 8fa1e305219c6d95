//! Accuracy, order and identities of `elbow::transcendental` against libm in `f64`.
//!
//! Bounds are those of the documentation. Every argument that is neither saturated nor linear is
//! tried.

use elbow::transcendental::{exp, exp2, ln, log2, sigmoid, softplus};

/// Units of Q16.16 in one.
const ONE: f64 = 65_536.0;

/// Arguments of every magnitude for what is saturated or linear: a stride coprime to 2^32, and the
/// ends.
fn strided() -> impl Iterator<Item = i32> {
    let ends = [i32::MIN, i32::MIN + 1, i32::MAX - 1, i32::MAX];
    (i32::MIN..=i32::MAX).step_by(99_991).chain(ends)
}

/// Holds results, in the order of their arguments, against exact values and each other.
struct Comparison {
    name: &'static str,
    previous: i32,
    largest: f64,
    fullest: f64,
}

impl Comparison {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            previous: i32::MIN,
            largest: 0.0,
            fullest: 0.0,
        }
    }

    /// Asserts that `found` is within `bound(exact)` units of `exact` and not below the result
    /// before it.
    fn observe(&mut self, x: i64, found: i32, exact: f64, bound: impl Fn(f64) -> f64) {
        let name = self.name;
        let previous = self.previous;
        assert!(
            found >= previous,
            "{name}({x}) = {found} is below {previous}"
        );
        self.previous = found;
        let exact = exact * ONE;
        let error = (f64::from(found) - exact).abs();
        let bound = bound(exact);
        assert!(
            error <= bound,
            "{name}({x}) = {found}, exactly {exact}, is off by {error} units of {bound}"
        );
        self.largest = self.largest.max(error);
        self.fullest = self.fullest.max(error / bound);
    }

    fn report(&self) {
        let Self {
            name,
            largest,
            fullest,
            ..
        } = self;
        println!("{name}: largest error {largest:.4} units, {fullest:.4} of its bound");
    }
}

/// Asserts accuracy and order at every argument of a range.
fn assert_accurate(
    name: &'static str,
    arguments: core::ops::Range<i32>,
    function: impl Fn(i32) -> i32,
    reference: impl Fn(f64) -> f64,
    bound: impl Fn(f64) -> f64,
) {
    let mut comparison = Comparison::new(name);
    for x in arguments {
        let exact = reference(f64::from(x) / ONE);
        comparison.observe(x.into(), function(x), exact, &bound);
    }
    comparison.report();
}

#[test]
fn softplus_is_within_its_bound() {
    let reference = |x: f64| x.max(0.0) + libm::log1p(libm::exp(-x.abs()));
    let everything = -(13 << 16)..13 << 16;
    assert_accurate("softplus", everything, softplus, reference, |_| 0.6);
    for x in strided().filter(|x| x.unsigned_abs() >= 12 << 16) {
        assert_eq!(softplus(x), x.max(0), "{x}");
    }
}

#[test]
fn softplus_of_a_logit_and_of_its_negative_differ_by_the_logit() {
    for x in (-(13 << 16)..=13 << 16).chain(strided().filter(|&x| x != i32::MIN)) {
        assert_eq!(softplus(x) - softplus(-x), x);
    }
}

#[test]
fn sigmoid_is_within_its_bound() {
    let reference = |x: f64| 1.0 / (1.0 + libm::exp(-x));
    let everything = -(13 << 16)..13 << 16;
    assert_accurate("sigmoid", everything, sigmoid, reference, |_| 0.6);
    for x in strided().filter(|x| x.unsigned_abs() >= 12 << 16) {
        assert_eq!(sigmoid(x), if x > 0 { 65_536 } else { 0 }, "{x}");
    }
}

#[test]
fn sigmoids_of_opposite_logits_add_up_to_one() {
    assert_eq!(sigmoid(0), 32_768);
    for x in (0..=13 << 16).chain(strided().filter(|&x| x != i32::MIN)) {
        assert_eq!(sigmoid(-x), 65_536 - sigmoid(x), "{x}");
    }
}

#[test]
fn exp2_is_within_its_bound() {
    let bound = |exact: f64| 0.5 + exact * libm::exp2(-22.0);
    assert_accurate("exp2", -(18 << 16)..15 << 16, exp2, libm::exp2, bound);
    for x in strided().chain([15 << 16]).filter(|&x| x >= 15 << 16) {
        assert_eq!(exp2(x), i32::MAX, "{x}");
    }
    for x in strided().filter(|&x| x < -(17 << 16)) {
        assert_eq!(exp2(x), 0, "{x}");
    }
}

#[test]
fn exp2_of_whole_numbers_is_exact() {
    for whole in -16..15 {
        assert_eq!(exp2(whole << 16), 1 << (16 + whole), "{whole}");
    }
}

#[test]
fn exp_is_within_its_bound() {
    /// 15 ln 2 = 10.39720770839918 in units, rounded up: the power reaches 32768.
    const SATURATED: i32 = 681_392;
    /// -17 ln 2 = -11.78350206951907 in units, rounded down: half a unit is not reached.
    const VANISHED: i32 = -772_244;
    let bound = |exact: f64| 0.5 + exact * libm::exp2(-20.5);
    assert_accurate("exp", -(13 << 16)..SATURATED, exp, libm::exp, bound);
    for x in strided().chain([SATURATED]).filter(|&x| x >= SATURATED) {
        assert_eq!(exp(x), i32::MAX, "{x}");
    }
    for x in strided().chain([VANISHED]).filter(|&x| x <= VANISHED) {
        assert_eq!(exp(x), 0, "{x}");
    }
    assert_eq!(exp(0), 65_536);
}

/// Every argument below 2^20 units; above, the first and last of each step that the leading 21 bits
/// tell apart, in every octave.
fn logarithm_arguments() -> impl Iterator<Item = u32> {
    let steps = (20..32).flat_map(|octave| {
        let width = 1_u32 << (octave - 20);
        (1_u32 << 20..1 << 21).flat_map(move |leading| {
            let first = leading * width;
            [first, first + (width - 1)]
        })
    });
    (1..1 << 20).chain(steps)
}

/// Asserts accuracy and order of a logarithm; the bound is in units.
fn assert_logarithm(
    name: &'static str,
    function: impl Fn(u32) -> i32,
    reference: impl Fn(f64) -> f64,
    bound: f64,
) {
    let mut comparison = Comparison::new(name);
    for x in logarithm_arguments() {
        let exact = reference(f64::from(x) / ONE);
        comparison.observe(x.into(), function(x), exact, |_| bound);
    }
    comparison.report();
}

#[test]
fn log2_is_within_its_bound() {
    assert_logarithm("log2", log2, libm::log2, 0.6);
}

#[test]
fn log2_of_powers_of_two_is_exact() {
    for bit in 0..32 {
        assert_eq!(log2(1 << bit), (bit - 16) << 16, "{bit}");
    }
}

#[test]
fn ln_is_within_its_bound() {
    assert_logarithm("ln", ln, libm::log, 0.6);
    assert_eq!(ln(1 << 16), 0);
}

#[test]
fn logarithms_of_zero_are_the_least_number_and_no_other_is() {
    assert_eq!((log2(0), ln(0)), (i32::MIN, i32::MIN));
    // -16 and -16 ln 2 = -11.090354888959125, or -726,817.498 units.
    assert_eq!((log2(1), ln(1)), (-1_048_576, -726_817));
}

/// Rounding a power above 1 to a unit moves its logarithm by at most 0.73 unit; the bound of the
/// logarithm is added.
#[test]
fn logarithms_undo_powers() {
    for x in (0..15 << 16).step_by(7) {
        assert!(log2(exp2(x) as u32).abs_diff(x) <= 2, "{x}");
    }
    for x in (0..681_391).step_by(7) {
        assert!(ln(exp(x) as u32).abs_diff(x) <= 2, "{x}");
    }
}
