//! Samples of a board's sensors, as a log that can be trained on.

use super::error::BoardError;
use super::facts::{Sensor, named};
use super::link::Link;
use elbow_agent::protocol::{MISSING, Reply, Request, Samples};
use std::io::{Read, Write};
use std::time::Duration;

/// How much is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Time from sample to sample, a microsecond at least.
    pub period: Duration,
    /// Samples to take; without end where there is none.
    pub samples: Option<usize>,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    sensors: Vec<Sensor>,
    /// Microseconds since the first sample, and counts, sample by sample.
    rows: Vec<(u64, Vec<i16>)>,
    /// Samples that the board had no room for, because nobody fetched them in time.
    pub lost: u32,
}

/// What was recorded, and why no more.
#[derive(Debug)]
pub struct Recorded {
    /// The log so far.
    pub log: Log,
    /// Why it ended early.
    pub cut: Option<BoardError>,
}

/// Records by `plan`, until `goes_on` says no; it is told how many samples there are.
///
/// # Errors
/// As [`Link::ask`], where nothing was recorded yet.
pub fn record<P: Read + Write>(
    link: &mut Link<P>,
    sensors: &[Sensor],
    plan: Plan,
    mut goes_on: impl FnMut(usize) -> bool,
) -> Result<Recorded, BoardError> {
    let period = u32::try_from(plan.period.as_micros()).unwrap_or(u32::MAX);
    link.order(&Request::Record {
        period: period.max(1),
    })?;
    let mut log = Log {
        sensors: sensors.to_vec(),
        rows: vec![],
        lost: 0,
    };
    let wanted = plan.samples.unwrap_or(usize::MAX);
    // Twice in the time that the smallest ring takes to fill would be too late for many; often is cheap.
    let pause = (4 * plan.period).min(Duration::from_millis(50));
    while log.rows.len() < wanted && goes_on(log.rows.len()) {
        let fetched = match link.ask(&Request::Fetch) {
            Ok(Reply::Samples(samples)) => log.take(&samples),
            Ok(_) => Err(BoardError::Unexpected),
            Err(error) => Err(error),
        };
        match fetched {
            Ok(0) => std::thread::sleep(pause),
            Ok(_) => {}
            Err(error) => {
                let cut = Some(error);
                return Ok(Recorded { log, cut });
            }
        }
    }
    log.rows.truncate(wanted);
    let cut = link.order(&Request::Record { period: 0 }).err();
    Ok(Recorded { log, cut })
}

impl Log {
    /// Samples in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes samples in; how many.
    fn take(&mut self, samples: &Samples<'_>) -> Result<usize, BoardError> {
        let size = 4 + 2 * self.sensors.len();
        let rows = samples.bytes.chunks_exact(size);
        if !rows.remainder().is_empty() {
            return Err(BoardError::Unexpected);
        }
        let count = rows.len();
        for row in rows {
            let (time, counts) = row.split_at(4);
            let time = u32::from_le_bytes([time[0], time[1], time[2], time[3]]);
            let counts = counts.chunks_exact(2);
            let counts = counts.map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
            // Times wrap after 71 minutes.
            let last = self.rows.last().map_or(0, |(last, _)| *last);
            let time = last + u64::from(time.wrapping_sub(last as u32));
            self.rows.push((time, counts.collect()));
        }
        self.lost = samples.lost;
        Ok(count)
    }

    /// The log as CSV: seconds, then the values of the sensors in their units; a cell is empty where a sensor had no value.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let quoted = |cell: String| match cell.contains([',', '"', '\n']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell,
        };
        let names = self.sensors.iter();
        let names = names.map(|sensor| quoted(named(&sensor.name, &sensor.unit)));
        let header: Vec<String> = std::iter::once("time [s]".to_owned())
            .chain(names)
            .collect();
        let mut text = header.join(",") + "\n";
        for (time, counts) in &self.rows {
            text += &format!("{}.{:06}", time / 1_000_000, time % 1_000_000);
            for (sensor, &count) in self.sensors.iter().zip(counts) {
                text.push(',');
                text += &sensor.cell(count);
            }
            text.push('\n');
        }
        text
    }
}

impl Sensor {
    /// The value of a count, to a tenth of what a count is worth.
    fn cell(&self, count: i16) -> String {
        if count == MISSING {
            return String::new();
        }
        let decimals = match self.scale.abs() {
            scale if scale.fract() == 0.0 && self.offset.fract() == 0.0 => 0,
            scale => (1.0 - scale.log10()).ceil().clamp(0.0, 12.0) as usize,
        };
        format!("{:.decimals$}", self.offset + self.scale * f64::from(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        let sensor = |name: &str, unit: &str, offset, scale| Sensor {
            name: name.into(),
            unit: unit.into(),
            offset,
            scale,
        };
        Log {
            sensors: vec![
                sensor("temperature", "°C", 0.0, 0.25),
                sensor("noise", "", 0.0, 1.0),
                sensor("a, b", "V", 1.5, 0.001),
            ],
            rows: vec![],
            lost: 0,
        }
    }

    fn bytes(time: u32, counts: [i16; 3]) -> Vec<u8> {
        let counts = counts.iter().flat_map(|count| count.to_le_bytes());
        time.to_le_bytes().into_iter().chain(counts).collect()
    }

    #[test]
    fn samples_become_cells_in_units_and_times_go_on_beyond_32_bits() {
        let mut log = log();
        let first = [bytes(0, [85, 7, -1]), bytes(u32::MAX - 99, [-3, 0, 1000])].concat();
        let second = bytes(900, [MISSING, 255, 0]);
        for (first, bytes, lost) in [(0, &first, 0), (5, &second, 3)] {
            let samples = Samples { first, lost, bytes };
            assert_eq!(log.take(&samples).unwrap(), bytes.len() / 10);
        }
        assert_eq!(log.lost, 3);
        assert_eq!(
            log.to_csv(),
            "time [s],temperature [°C],noise,\"a, b [V]\"\n\
             0.000000,21.25,7,1.4990\n\
             4294.967196,-0.75,0,2.5000\n\
             4294.968196,,255,1.5000\n"
        );
        let half = Samples {
            first: 0,
            lost: 0,
            bytes: &second[..9],
        };
        assert!(matches!(log.take(&half), Err(BoardError::Unexpected)));
    }
}
