//! Alarms on a stream against the events in it, counted as the owners of a machine count: false alarms in a day, events
//! found, and how soon.

pub mod alarms;
pub mod choose;
pub mod truth;

use crate::numeric::confidence::poisson_at_most;
use crate::numeric::statistics::median;
use alarms::{Alarm, Kind, Watched};
use serde::Serialize;
use truth::Interval;

/// Seconds of a day.
pub(super) const DAY: f64 = 86_400.0;
/// Windows that false alarms are counted in where nobody knows how long a sample takes.
const MANY_WINDOWS: f64 = 1000.0;

/// The time of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Clock {
    /// Samples from one window to the next.
    pub hop: usize,
    /// Samples a second, where they are known.
    pub rate: Option<f64>,
}

impl Clock {
    /// Windows in the unit that false alarms are counted in: a day, or 1000 windows.
    pub fn windows_in_unit(&self) -> f64 {
        self.rate
            .map_or(MANY_WINDOWS, |rate| DAY * rate / self.hop as f64)
    }

    /// That unit.
    pub fn unit(&self) -> &'static str {
        match self.rate {
            Some(_) => "day",
            None => "1000 windows",
        }
    }

    /// That unit behind a number of false alarms.
    pub fn per_unit(&self) -> &'static str {
        match self.rate {
            Some(_) => "a day",
            None => "in 1000 windows",
        }
    }

    /// So many samples as a time.
    pub fn time(&self, samples: f64) -> String {
        let Some(rate) = self.rate else {
            return format!("{samples:.0} samples");
        };
        let seconds = samples / rate;
        if seconds == 0.0 {
            return "0 s".into();
        }
        let (value, unit) = match seconds {
            s if s < 120.0 => (s, "s"),
            s if s < 7200.0 => (s / 60.0, "min"),
            s if s < 2.0 * DAY => (s / 3600.0, "h"),
            s => (s / DAY, "days"),
        };
        // Three digits.
        let digits = (2.0 - value.log10().floor()).clamp(0.0, 9.0) as usize;
        format!("{value:.digits$} {unit}")
    }
}

/// A rate of false alarms that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// False alarms.
    pub count: usize,
    /// Normal windows.
    pub windows: usize,
    /// False alarms in the unit, a day or 1000 windows; none without a normal window.
    pub per_unit: Option<f64>,
    /// The expected number in the unit, at most, with 95 % confidence, if false alarms come independently of each other:
    /// [`poisson_at_most`]; none without a normal window.
    pub at_most: Option<f64>,
}

impl Rate {
    /// That of `count` false alarms in so many normal `windows`.
    pub fn new(count: usize, windows: usize, clock: Clock) -> Self {
        let units = windows as f64 / clock.windows_in_unit();
        let any = windows > 0;
        Self {
            count,
            windows,
            per_unit: any.then(|| count as f64 / units),
            at_most: any.then(|| poisson_at_most(count) / units),
        }
    }
}

/// What one kind of alarm is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// The kind of alarm.
    pub alarm: Kind,
    /// Alarms that were raised outside of events and of the time after them that is tolerated.
    pub false_alarms: Rate,
    /// Events in which, or within the tolerance after which, an alarm was raised.
    pub found: usize,
    /// Events that were not found, but began while an earlier alarm lasted.
    pub during_an_alarm: usize,
    /// Samples from the start of an event to its first alarm, the median, the upper one of two, over the events found.
    pub median_delay: Option<f64>,
    /// The longest of these delays.
    pub worst_delay: Option<f64>,
    /// Events found whose disturbed channel is known.
    pub blamed: usize,
    /// Those of them whose first alarm blamed this channel.
    pub blamed_rightly: usize,
}

impl Judgement {
    /// Judges `alarms` of a kind on the `windows` of a stream, which are named by their last sample, against `events`, which do
    /// not overlap and are in the order of time. An alarm counts for an event where it is raised in it, or at most `tolerance`
    /// samples after it and before the next one.
    pub fn new(
        alarm: Kind,
        alarms: &[Alarm],
        windows: &[usize],
        (events, tolerance): (&[Interval], usize),
        clock: Clock,
    ) -> Self {
        let event_of = |sample: usize| {
            let begun = events.partition_point(|event| event.start <= sample);
            let event = begun.checked_sub(1)?;
            (sample <= events[event].end + tolerance).then_some(event)
        };
        let mut first: Vec<Option<&Alarm>> = vec![None; events.len()];
        let mut count = 0;
        for alarm in alarms {
            match event_of(alarm.raised) {
                Some(event) => first[event] = first[event].or(Some(alarm)),
                None => count += 1,
            }
        }
        let normal = windows.iter().filter(|&&sample| event_of(sample).is_none());
        let pairs = || events.iter().zip(&first);
        let delays =
            pairs().filter_map(|(event, alarm)| Some(((*alarm)?.raised - event.start) as f64));
        let delays: Vec<f64> = delays.collect();
        let lasts = |event: &Interval| {
            let mut alarms = alarms.iter();
            alarms.any(|alarm| alarm.raised < event.start && alarm.ended >= event.start)
        };
        let missed = pairs().filter(|(_, alarm)| alarm.is_none());
        let known = pairs().filter_map(|(event, alarm)| Some((event.channel?, (*alarm)?.channel)));
        let known: Vec<(usize, usize)> = known.collect();
        Self {
            alarm,
            false_alarms: Rate::new(count, normal.count(), clock),
            found: delays.len(),
            during_an_alarm: missed.filter(|(event, _)| lasts(event)).count(),
            worst_delay: delays.iter().copied().reduce(f64::max),
            median_delay: median(delays),
            blamed: known.len(),
            blamed_rightly: known.iter().filter(|(is, blamed)| is == blamed).count(),
        }
    }

    /// Judges all alarms of `watched`.
    pub fn of(
        watched: &Watched,
        truth: (&[Interval], usize),
        clock: Clock,
        martingale: bool,
    ) -> Vec<Self> {
        let windows = &watched.windows;
        let smoothed = Self::new(Kind::Smoothed, &watched.smoothed, windows, truth, clock);
        let martingale = martingale
            .then(|| Self::new(Kind::Martingale, &watched.martingale, windows, truth, clock));
        [smoothed].into_iter().chain(martingale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(start: usize, end: usize, channel: Option<usize>) -> Interval {
        Interval {
            start,
            end,
            channel,
        }
    }

    fn alarm(raised: usize, ended: usize, channel: usize) -> Alarm {
        Alarm {
            raised,
            ended,
            channel,
        }
    }

    const CLOCK: Clock = Clock {
        hop: 10,
        rate: Some(2.0),
    };

    /// Windows of hop 10 end at 9, 19, ..., 999: 100 of them.
    #[test]
    fn alarms_are_counted_by_hand() {
        let windows: Vec<usize> = (0..100).map(|window| 10 * window + 9).collect();
        let events = [
            event(100, 149, Some(1)),
            event(300, 320, Some(0)),
            event(500, 520, None),
            event(700, 710, Some(2)),
        ];
        let alarms = [
            // False, and over before the first event.
            alarm(59, 69, 0),
            // Finds the first event after 9 samples, and again: that is no false alarm.
            alarm(109, 129, 1),
            alarm(149, 159, 0),
            // Within the tolerance of 20 after the second.
            alarm(339, 349, 2),
            // Just beyond that of the third: false; it lasts into the fourth.
            alarm(549, 719, 1),
        ];
        let judged = Judgement::new(Kind::Smoothed, &alarms, &windows, (&events, 20), CLOCK);
        // Windows that end in 100..=169, 300..=340, 500..=540 and 700..=730.
        let normal = 100 - 7 - 4 - 4 - 3;
        assert_eq!(judged.false_alarms.count, 2);
        assert_eq!(judged.false_alarms.windows, normal);
        // A window is 5 s: 17280 a day.
        let per_day = 2.0 * 17280.0 / normal as f64;
        assert!((judged.false_alarms.per_unit.unwrap() - per_day).abs() < 1e-9);
        let at_most = 6.2958 * 17280.0 / normal as f64;
        assert!((judged.false_alarms.at_most.unwrap() / at_most - 1.0).abs() < 1e-4);
        assert_eq!((judged.found, judged.during_an_alarm), (2, 1));
        assert_eq!(
            (judged.median_delay, judged.worst_delay),
            (Some(39.0), Some(39.0))
        );
        assert_eq!((judged.blamed, judged.blamed_rightly), (2, 1));
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        let judged = Judgement::new(Kind::Martingale, &[], &[], (&[], 0), CLOCK);
        assert_eq!(
            (judged.false_alarms.per_unit, judged.false_alarms.at_most),
            (None, None)
        );
        assert_eq!(
            (judged.found, judged.median_delay, judged.worst_delay),
            (0, None, None)
        );
        let all = Judgement::new(Kind::Smoothed, &[], &[5], (&[event(0, 9, None)], 0), CLOCK);
        assert_eq!(
            (all.false_alarms.windows, all.false_alarms.at_most),
            (0, None)
        );
    }

    #[test]
    fn clocks_know_days_or_windows() {
        assert_eq!((CLOCK.windows_in_unit(), CLOCK.unit()), (17280.0, "day"));
        let unknown = Clock {
            rate: None,
            ..CLOCK
        };
        assert_eq!(
            (unknown.windows_in_unit(), unknown.unit()),
            (1000.0, "1000 windows")
        );
        assert_eq!(unknown.time(64.0), "64 samples");
        for (samples, text) in [
            (1.0, "0.500 s"),
            (40.0, "20.0 s"),
            (1440.0, "12.0 min"),
            (72_000.0, "10.0 h"),
            (691_200.0, "4.00 days"),
            (0.0, "0 s"),
        ] {
            assert_eq!(CLOCK.time(samples), text);
        }
    }
}
