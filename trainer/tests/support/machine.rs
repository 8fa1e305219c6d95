//! A simulated machine: the vibration of a bearing in two directions and the current of the motor.

use elbow::rng::{self, Xoshiro128PlusPlus};
use rand_core::Rng;
use std::ops::Range;

/// The names of the channels.
pub(crate) const CHANNELS: [&str; 3] = ["vibration_x", "vibration_y", "current"];
/// The channel that a fault shows in.
pub(crate) const FAULTY: usize = 1;
/// Samples from one blow of a damaged bearing to the next.
const BLOWS: usize = 37;

/// `count` samples of the machine. It turns once in about 21 samples, a little faster and slower,
/// under a load that rises and falls; during `fault`, if any, a damaged bearing rings at each blow.
pub(crate) fn samples(seed: u64, count: usize, fault: Option<Range<usize>>) -> Vec<[i16; 3]> {
    let mut rng = rng::stream(seed, 0);
    let mut phase = 0.0;
    let mut sample = |at: usize| {
        let time = at as f64;
        let load = 0.5 + 0.3 * (time / 283.0).sin() + 0.1 * (time / 97.0).sin();
        phase += 0.3 + 0.01 * (time / 151.0).sin();
        let x = 800.0 * (0.7 + load) * phase.sin() + 300.0 * (2.0 * phase + 0.4).sin();
        let y = 600.0 * (0.7 + load) * phase.cos() + 200.0 * (3.0 * phase).sin();
        let current = 1500.0 + 900.0 * load + 80.0 * (0.5 * phase).sin();
        let ringing = match &fault {
            Some(fault) if fault.contains(&at) => ringing((at - fault.start) % BLOWS),
            _ => 0.0,
        };
        [
            x + noise(&mut rng, 60.0),
            y + ringing + noise(&mut rng, 60.0),
            current + noise(&mut rng, 20.0),
        ]
        .map(|value| value.round() as i16)
    };
    (0..count).map(&mut sample).collect()
}

/// The bearing `after` samples after a blow.
fn ringing(after: usize) -> f64 {
    let time = after as f64;
    900.0 * (-time / 5.0).exp() * (1.9 * time).cos()
}

/// The sum of four uniform numbers, with this standard deviation.
fn noise(rng: &mut Xoshiro128PlusPlus, deviation: f64) -> f64 {
    let mut uniform = || f64::from(rng.next_u32()) / 4_294_967_296.0 - 0.5;
    let sum: f64 = [(); 4].map(|()| uniform()).iter().sum();
    deviation * 3f64.sqrt() * sum
}

/// The samples as a file, the first line with the names of the channels.
pub(crate) fn csv(samples: &[[i16; 3]]) -> String {
    let lines = samples
        .iter()
        .map(|sample| sample.map(|value| value.to_string()).join(",") + "\n");
    CHANNELS.join(",") + "\n" + &lines.collect::<String>()
}
