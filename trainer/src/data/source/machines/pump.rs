//! Three days of a centrifugal pump, a reading a minute.
//!
//! * By day its speed wanders below the nominal one, by night it is low, and four times a day it flushes its pipe for 20 minutes at
//!   full speed, the valve wide open.
//! * Head follows from speed and flow by the affinity laws, `H = s^2 H0 - k Q^2` with `s` the speed in its nominal one; the
//!   plant takes `H = Hs + r Q^2`. Where both meet is the flow.
//! * Power is that of the water over an efficiency that is best at the nominal flow, and friction that grows with `s^3`.
//! * Vibration grows with `s^2` and away from the best flow.
//! * The bearing warms up and cools down over 40 minutes towards a temperature that follows from speed and air.
//!
//! On the third day there are four faults:
//!
//! * `bearing`: it wears over five hours, at first hardly, and then is loud and warm.
//! * `leak`: a part of the flow comes out before the meter.
//! * `inlet`: the suction is half blocked; the head falls, and bubbles shake the pump.
//! * `meter`: the flow meter stays where it is.

use super::normal;
use elbow::rng;
use std::fmt::Write;

/// Minutes of the log.
const MINUTES: u32 = 3 * DAY;
const DAY: u32 = 1440;
/// `pump` in ASCII.
const SEED: u64 = 0x7075_6d70;

/// Nominal speed, 1/min, and flow, m3/h.
const NOMINAL_SPEED: f64 = 2900.0;
const NOMINAL_FLOW: f64 = 40.0;
/// Head without flow at the nominal speed, m, and what it loses with the square of the flow.
const HEAD: f64 = 32.0;
const LOSS: f64 = 0.005;
/// Height of the plant, m, and its resistance with the valve where it mostly is.
const HEIGHT: f64 = 6.0;
const RESISTANCE: f64 = 0.01125;
/// Minutes in which the bearing comes near its temperature.
const WARMING: f64 = 40.0;

/// The fault of a minute, and how far it has come, from 0 to 1.
fn fault(minute: u32) -> (&'static str, f64) {
    let part = |from: u32, to: u32| f64::from(minute - from) / f64::from(to - from);
    match minute {
        3500..3800 => ("bearing", part(3500, 3800)),
        3900..3960 => ("leak", 1.0),
        4040..4100 => ("inlet", 1.0),
        4200..4240 => ("meter", 1.0),
        _ => ("ok", 0.0),
    }
}

/// The mode of a minute.
fn mode(minute: u32) -> &'static str {
    match minute % DAY {
        of_day if of_day % 360 < 20 => "flush",
        360..1320 => "day",
        _ => "night",
    }
}

/// The log, CSV.
pub(super) fn log() -> String {
    let mut words = rng::stream(SEED, 0);
    let mut text = "time,mode,speed [1/min],flow [m3/h],head [m],power [kW],vibration [mm/s],temperature [°C],fault\n".to_owned();
    let (mut wander, mut temperature, mut metered) = (0.0, 30.0, 0.0);
    for minute in 0..MINUTES {
        let ((fault, worn), mode) = (fault(minute), mode(minute));
        let of = |name: &str| if fault == name { worn } else { 0.0 };
        wander = (wander + 0.15 * normal(&mut words)).clamp(-1.0, 1.0);
        let (setpoint, valve) = match mode {
            "flush" => (1.0, 0.6),
            "day" => (0.9 + 0.06 * wander, 1.0),
            _ => (0.68 + 0.02 * wander, 1.0),
        };
        let speed = setpoint + 0.002 * normal(&mut words);
        let lift = speed * speed * HEAD * (1.0 - 0.18 * of("inlet"));
        let square = (lift - HEIGHT) / (LOSS + RESISTANCE * valve);
        let flow = square.max(0.0).sqrt();
        let head = lift - LOSS * flow * flow;
        let off = flow / (NOMINAL_FLOW * speed) - 1.0;
        let efficiency = 0.72 * (1.0 - off * off);
        let friction = (0.25 + 0.2 * of("bearing")) * speed.powi(3);
        let power = 9.81 * flow * head / 3600.0 / efficiency + friction;
        let shaking = 0.9 * of("bearing") + 0.5 * of("inlet") * (1.0 + 0.3 * normal(&mut words));
        let vibration = (0.9 + 1.5 * off * off + shaking) * speed * speed;
        let hours = f64::from(minute % DAY) / f64::from(DAY);
        let air = 20.0 - 3.0 * libm::cos(std::f64::consts::TAU * hours);
        let target = air + 22.0 * speed * speed;
        temperature += (target - temperature) / WARMING;
        if fault != "meter" {
            metered = flow * (1.0 - 0.12 * of("leak")) + 0.25 * normal(&mut words);
        }
        let mut noisy = |value: f64, deviation: f64| value + deviation * normal(&mut words);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "2026-03-{:02} {:02}:{:02}:00,{mode},{:.0},{metered:.2},{:.2},{:.3},{:.3},{:.2},{fault}",
            1 + minute / DAY,
            minute / 60 % 24,
            minute % 60,
            NOMINAL_SPEED * speed,
            noisy(head, 0.15),
            noisy(power, 0.03),
            noisy(vibration, 0.05),
            noisy(temperature + 16.0 * of("bearing"), 0.1),
        );
    }
    text
}
