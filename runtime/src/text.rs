//! Scores and readings as text. Everything is formatted in integers, so that host and device write
//! the same characters.

use crate::fixed::{Nats, Probability};
use crate::monitor::{Event, Transition};
use crate::score::Score;
use crate::statistic::Statistic;
use core::fmt;

impl Score {
    /// The columns of [`Score::csv`].
    pub const CSV_HEADER: &'static str = "reading,elbo,reconstruction,kl,standard_error,p_value,passes,elbo_q16,reconstruction_q16,kl_q16,p_value_q31,statistic";

    /// One line of comma-separated values, without a line break: the number of the reading, the
    /// score in nats (the standard error empty where there is none), the raw integers, and the statistic that
    /// the p-value is owed to.
    #[must_use]
    pub fn csv(&self, reading: u32) -> ScoreLine {
        ScoreLine {
            reading,
            elbo: self.elbo(),
            reconstruction: self.reconstruction(),
            kl: self.kl(),
            standard_error: self.standard_error(),
            p_value: self.p_value(),
            passes: self.passes(),
            statistic: self.statistic(),
        }
    }
}

/// What a line of [`Score::csv`] tells: displayed, it is that line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreLine {
    /// The number of the reading.
    pub reading: u32,
    /// See [`Score::elbo`].
    pub elbo: Nats,
    /// See [`Score::reconstruction`].
    pub reconstruction: Nats,
    /// See [`Score::kl`].
    pub kl: Nats,
    /// See [`Score::standard_error`].
    pub standard_error: Option<Nats>,
    /// See [`Score::p_value`].
    pub p_value: Probability,
    /// See [`Score::passes`].
    pub passes: u16,
    /// See [`Score::statistic`].
    pub statistic: Statistic,
}

impl fmt::Display for ScoreLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            reading,
            elbo,
            reconstruction,
            kl,
            standard_error,
            p_value,
            passes,
            statistic,
        } = self;
        write!(f, "{reading},{elbo},{reconstruction},{kl},")?;
        if let Some(error) = standard_error {
            write!(f, "{error}")?;
        }
        write!(
            f,
            ",{p_value},{passes},{},{},{},{},{statistic}",
            elbo.to_bits(),
            reconstruction.to_bits(),
            kl.to_bits(),
            p_value.to_bits()
        )
    }
}

impl Event {
    /// The columns of [`Event::csv`].
    pub const CSV_HEADER: &'static str = "window,sample,elbo,smoothed,p_value,alarm,channel,shortfall,drifted,elbo_q16,smoothed_q16,p_value_q31";

    /// One line of comma-separated values, without a line break: the window and the time of its
    /// last sample, its score and the smoothed one in nats, the p-value, what became of the alarm,
    /// while it lasts the channel to blame and how many nats it lacks, whether the scores have
    /// drifted, and the raw integers.
    #[must_use]
    pub fn csv(&self) -> impl fmt::Display {
        EventLine { event: *self }
    }
}

struct EventLine {
    event: Event,
}

impl fmt::Display for EventLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event {
            window,
            sample,
            score,
            smoothed,
            transition,
            drift,
            blame,
        } = &self.event;
        let p_value = score.p_value();
        let alarm = match transition {
            Transition::Quiet => "quiet",
            Transition::Raised => "raised",
            Transition::Alarm => "alarm",
            Transition::Cleared => "cleared",
        };
        write!(
            f,
            "{window},{sample},{},{smoothed},{p_value},{alarm},",
            score.elbo()
        )?;
        match blame {
            Some(blame) => write!(f, "{},{},", blame.channel, blame.shortfall)?,
            None => f.write_str(",,")?,
        }
        write!(
            f,
            "{},{},{},{}",
            u8::from(drift.drifted),
            score.elbo().to_bits(),
            smoothed.to_bits(),
            p_value.to_bits()
        )
    }
}

/// A reading, or the mean of one, as a picture of characters: ten shades from the lowest to the
/// highest of its values.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Row-major values in any unit.
    pub values: &'a [i32],
    /// Values in a row; 0 puts all in one row.
    pub width: usize,
}

impl fmt::Display for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHADES: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];
        let low = i64::from(self.values.iter().copied().min().unwrap_or(0));
        let high = i64::from(self.values.iter().copied().max().unwrap_or(0));
        for row in self.values.chunks(if self.width == 0 {
            usize::MAX
        } else {
            self.width
        }) {
            for &value in row {
                // In 32nds to fit 32 bits, so that no 64-bit division is needed.
                let (part, whole) = ((i64::from(value) - low) >> 5, ((high - low) >> 5).max(1));
                let shade = (part as u32 * 10 / whole as u32).min(9);
                let shade = SHADES.get(shade as usize).copied().unwrap_or(' ');
                // Characters are about twice as high as wide.
                write!(f, "{shade}{shade}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::score::Verdict;
    use crate::{Estimator, Nats, Probability};
    use std::string::ToString;

    #[test]
    fn a_line_by_hand() {
        let score = Score {
            estimator: Estimator::SigmaPoints,
            reconstruction: Nats::from_bits(-(90 << 16)),
            kl: Nats::from_bits(17 << 15),
            elbo: Nats::from_bits(-(98 << 16) - (1 << 15)),
            standard_error: None,
            verdict: Verdict {
                p_value: Probability::new(0.25),
                ..Verdict::NONE
            },
            passes: 16,
        };
        let line =
            "7,-98.50000,-90.00000,8.50000,,0.250000,16,-6455296,-5898240,557056,536870912,bound";
        assert_eq!(score.csv(7).to_string(), line);
        let with_error = Score {
            standard_error: Some(Nats::from_bits(1 << 14)),
            ..score
        };
        assert!(
            with_error
                .csv(7)
                .to_string()
                .contains(",8.50000,0.25000,0.250000,")
        );
        assert_eq!(
            line.split(',').count(),
            Score::CSV_HEADER.split(',').count()
        );
    }

    #[test]
    fn a_picture_by_hand() {
        let values = [0, 65536, 131_072, 16 << 16];
        assert_eq!(
            Picture {
                values: &values,
                width: 2
            }
            .to_string(),
            "    \n..@@\n"
        );
        assert_eq!(
            Picture {
                values: &[i32::MIN, i32::MAX],
                width: 0
            }
            .to_string(),
            "  @@\n"
        );
        assert_eq!(
            Picture {
                values: &[],
                width: 0
            }
            .to_string(),
            ""
        );
    }
}
