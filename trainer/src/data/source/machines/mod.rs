//! Logs of two machines that ship with the program: made up, by physics that their modules describe, always the same.

mod motor;
mod pump;

use crate::data::error::DataError;
use crate::data::formats::{self, Purpose};
use crate::data::frame::Frame;
use elbow::rng::Xoshiro128PlusPlus;
use rand_core::Rng;
use std::path::Path;

/// A machine whose log ships with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// A pump: a table of a reading a minute, with a mode, units, and faults by their names.
    Pump,
    /// A motor: a stream of vibration and current, with faults by their names.
    Motor,
}

impl Machine {
    /// Every machine.
    pub const ALL: [Self; 2] = [Self::Pump, Self::Motor];
    /// The column that names the fault of a row.
    pub const LABEL: &str = "fault";

    /// Its name, by which `trainer fit` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pump => "pump",
            Self::Motor => "motor",
        }
    }

    /// Its log as a logger would have written it: CSV, units in the header, the fault of each row in the last column.
    pub fn text(self) -> String {
        match self {
            Self::Pump => pump::log(),
            Self::Motor => motor::log(),
        }
    }

    /// Its log as the readers of files see it.
    ///
    /// # Errors
    /// Those of the reader of text, of which there are none.
    pub fn frame(self) -> Result<Frame, DataError> {
        let path = format!("{}.csv", self.name());
        let text = self.text();
        let mut frame = formats::read_bytes(Path::new(&path), text.as_bytes(), Purpose::Readings)?;
        let made = "made up by this program, always the same";
        frame.facts.push(match self {
            Self::Pump => format!("a log of a pump, {made}"),
            Self::Motor => {
                frame.rate = Some(motor::RATE);
                format!("{} samples a second of a motor, {made}", motor::RATE)
            }
        });
        Ok(frame)
    }
}

/// About N(0, 1): a sum of twelve uniform numbers.
fn normal(words: &mut Xoshiro128PlusPlus) -> f64 {
    let uniform = |_| f64::from(words.next_u32()) / 4_294_967_296.0;
    (0..12).map(uniform).sum::<f64>() - 6.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::frame::Cells;

    /// The faults of each log, and of how many rows, by their first appearance.
    fn faults(machine: Machine) -> Vec<(String, usize)> {
        let frame = machine.frame().unwrap();
        let Cells::Text { values, codes } = &frame.columns.last().unwrap().cells else {
            panic!("faults have names");
        };
        let count = |at: usize| {
            codes
                .iter()
                .filter(|&&code| code == Some(at as u32))
                .count()
        };
        let values = values.iter().enumerate();
        values.map(|(at, name)| (name.clone(), count(at))).collect()
    }

    #[test]
    fn logs_have_faults_by_their_names() {
        let named = |list: &[(&str, usize)]| {
            let list = list.iter().map(|&(name, count)| (name.to_owned(), count));
            list.collect::<Vec<_>>()
        };
        assert_eq!(
            faults(Machine::Pump),
            named(&[
                ("ok", 3860),
                ("bearing", 300),
                ("leak", 60),
                ("inlet", 60),
                ("meter", 40)
            ])
        );
        assert_eq!(
            faults(Machine::Motor),
            named(&[
                ("ok", 196_000),
                ("bearing", 8000),
                ("unbalance", 8000),
                ("rotor", 8000)
            ])
        );
    }

    #[test]
    fn logs_are_always_the_same() {
        for machine in Machine::ALL {
            let lines: Vec<String> = machine.text().lines().map(str::to_owned).collect();
            assert_eq!(lines, machine.text().lines().collect::<Vec<_>>());
            let expected = match machine {
                Machine::Pump => {
                    "time,mode,speed [1/min],flow [m3/h],head [m],power [kW],vibration [mm/s],temperature [°C],fault"
                }
                Machine::Motor => "vibration_x [m/s2],vibration_y [m/s2],current [A],fault",
            };
            assert_eq!(lines[0], expected);
        }
    }

    /// At every speed head, flow and power of the sound pump are those of its curves, within what the sensors scatter.
    #[test]
    fn the_pump_obeys_its_laws() {
        let text = Machine::Pump.text();
        for line in text.lines().skip(1).filter(|line| line.ends_with(",ok")) {
            let cells: Vec<&str> = line.split(',').collect();
            let number = |at: usize| cells[at].parse::<f64>().unwrap();
            let (speed, flow, head, power) = (number(2) / 2900.0, number(3), number(4), number(5));
            let curve = 32.0 * speed * speed - 0.005 * flow * flow;
            assert!((head - curve).abs() < 1.5, "{line}");
            let hydraulic = 9.81 * flow * head / 3600.0;
            assert!((0.4..0.9).contains(&(hydraulic / power)), "{line}");
        }
    }
}
