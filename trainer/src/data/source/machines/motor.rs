//! 110 seconds of an induction motor on its test bench, 2000 samples a second: vibration across and along, and the current of a phase.
//!
//! * The load rises and falls; with it the slip, so that the shaft turns 24.3 to 25 times a second.
//! * Vibration has the turn of the shaft, by what is left of its unbalance, its double, by the coupling, and a ring of the housing at
//!   about 430 Hz that the flow of air keeps going (noise through a resonance of two poles).
//! * The current has the mains, 50 Hz, by the load, a fifth harmonic, and noise.
//!
//! In the last third there are three faults of four seconds each:
//!
//! * `bearing`: a pit in the outer race is hit 3.58 times a turn, and the housing rings at 620 Hz after each blow.
//! * `unbalance`: the turn of the shaft is twice as strong.
//! * `rotor`: a broken bar; the current swells and falls twice a slip.

use super::normal;
use elbow::rng;
use std::f64::consts::TAU;
use std::fmt::Write;

/// Samples a second.
pub(super) const RATE: f64 = 2000.0;
/// Samples of the log.
const SAMPLES: u32 = 220_000;
/// `motor` in ASCII.
const SEED: u64 = 0x6d_6f74_6f72;

/// The fault of a sample.
fn fault(sample: u32) -> &'static str {
    match sample {
        160_000..168_000 => "bearing",
        180_000..188_000 => "unbalance",
        200_000..208_000 => "rotor",
        _ => "ok",
    }
}

/// A resonance that noise keeps going: two poles at `frequency`, each `damping` from the unit circle.
#[derive(Clone, Copy, Debug, Default)]
struct Resonance {
    last: f64,
    before: f64,
}

impl Resonance {
    fn next(&mut self, frequency: f64, damping: f64, drive: f64) -> f64 {
        let radius = 1.0 - damping;
        let turn = 2.0 * radius * libm::cos(TAU * frequency / RATE);
        let next = turn * self.last - radius * radius * self.before + drive;
        (self.before, self.last) = (self.last, next);
        next
    }
}

/// The log, CSV.
pub(super) fn log() -> String {
    let mut words = rng::stream(SEED, 0);
    let mut text = "vibration_x [m/s2],vibration_y [m/s2],current [A],fault\n".to_owned();
    let (mut turn, mut swell, mut blow) = (0.0, 0.0, 0.0);
    let (mut housing, mut race) = ([Resonance::default(); 2], Resonance::default());
    for sample in 0..SAMPLES {
        let (time, fault) = (f64::from(sample) / RATE, fault(sample));
        let load = 0.55 + 0.25 * libm::sin(time / 3.1) + 0.15 * libm::sin(time / 0.83);
        let slip = 0.028 * load;
        let shaft = 25.0 * (1.0 - slip);
        turn += TAU * shaft / RATE;
        swell += TAU * 2.0 * slip * 50.0 / RATE;
        blow += 3.58 * shaft / RATE;
        let is_hit = blow >= 1.0;
        blow -= f64::from(u8::from(is_hit));
        let hit = if is_hit && fault == "bearing" {
            1.6
        } else {
            0.0
        };
        let ring = race.next(620.0, 0.06, hit);
        let unbalance = if fault == "unbalance" { 2.0 } else { 1.0 };
        let [across, along] = &mut housing;
        let x = 1.2 * unbalance * libm::sin(turn) + 0.35 * libm::sin(2.0 * turn + 0.4) + ring;
        let x = x + across.next(430.0, 0.04, 0.09 * (1.0 + load) * normal(&mut words));
        let y = 0.9 * unbalance * libm::cos(turn) + 0.25 * libm::sin(2.0 * turn + 1.1) + 0.6 * ring;
        let y = y + along.next(410.0, 0.05, 0.08 * (1.0 + load) * normal(&mut words));
        let beat = if fault == "rotor" {
            1.0 + 0.12 * libm::sin(swell)
        } else {
            1.0
        };
        let mains = TAU * 50.0 * time;
        let current = (2.0 + 3.0 * load) * beat * libm::sin(mains) + 0.12 * libm::sin(5.0 * mains);
        let mut noisy = |value: f64, deviation: f64| value + deviation * normal(&mut words);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:.3},{:.3},{:.3},{fault}",
            noisy(x, 0.05),
            noisy(y, 0.05),
            noisy(current, 0.04)
        );
    }
    text
}
