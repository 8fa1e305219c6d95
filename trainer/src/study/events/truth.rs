//! What happened in a stream, as its owners say.

use crate::data::{self, Cells, Frame};
use crate::error::Error;
use serde::Serialize;
use std::path::Path;

/// A stretch of samples in which something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// Its first sample, counted from 0.
    pub start: usize,
    /// Its last sample.
    pub end: usize,
    /// The channel that was disturbed, counted from 0, where somebody said.
    pub channel: Option<usize>,
}

/// The stretches of anomalous samples; none is of two recordings, which have these `lengths`.
pub fn of_labels(anomalous: &[bool], lengths: &[usize]) -> Vec<Interval> {
    let (mut intervals, mut first) = (vec![], 0);
    for &length in lengths {
        let mut at = first;
        for run in anomalous[first..first + length].chunk_by(bool::eq) {
            if run[0] {
                intervals.push(Interval {
                    start: at,
                    end: at + run.len() - 1,
                    channel: None,
                });
            }
            at += run.len();
        }
        first += length;
    }
    intervals
}

/// The intervals of a file for a stream of `samples` with these `channels`, in the order of time: a row for each with its
/// first and its last sample, counted from 0, and, where it is known, the disturbed channel, by its name or its number from 0.
///
/// # Errors
/// [`Error::Data`] where the file cannot be read, [`Error::Setting`] with the row where it makes no sense.
pub fn of_file(path: &Path, samples: usize, channels: &[String]) -> Result<Vec<Interval>, Error> {
    let frame = data::frame(path)?;
    let refuse = |fault: String| Error::Setting(format!("{}: {fault}", path.display()));
    if !(2..=3).contains(&frame.columns.len()) {
        return Err(refuse(format!(
            "{} columns: give the first and the last sample of each event, and where it is known its channel",
            frame.columns.len()
        )));
    }
    let interval = |row: usize| -> Result<Interval, String> {
        let (start, end) = (sample(&frame, 0, row)?, sample(&frame, 1, row)?);
        if start > end {
            return Err(format!(
                "event {} begins at sample {start} and ends at {end}: give the first sample before the last one",
                row + 1
            ));
        }
        if end >= samples {
            return Err(format!(
                "event {} ends at sample {end}, the stream has {samples} samples, counted from 0: give the events of this stream",
                row + 1
            ));
        }
        let channel = channel(&frame, row, channels)?;
        Ok(Interval {
            start,
            end,
            channel,
        })
    };
    let intervals: Result<Vec<Interval>, String> = (0..frame.rows()).map(interval).collect();
    let mut intervals = intervals.map_err(refuse)?;
    intervals.sort_by_key(|interval| interval.start);
    match intervals.windows(2).find(|two| two[1].start <= two[0].end) {
        None => Ok(intervals),
        Some(two) => Err(refuse(format!(
            "the events from sample {} to {} and from {} to {} overlap: join them",
            two[0].start, two[0].end, two[1].start, two[1].end
        ))),
    }
}

/// The number of a sample in a cell.
fn sample(frame: &Frame, column: usize, row: usize) -> Result<usize, String> {
    let cell = match &frame.columns[column].cells {
        Cells::Numbers(numbers) => numbers[row],
        Cells::Times(_) | Cells::Text { .. } => f64::NAN,
    };
    if cell >= 0.0 && cell.fract() == 0.0 && cell < 1e15 {
        return Ok(cell as usize);
    }
    Err(format!(
        "{} of event {} is no number of a sample: give whole numbers, counted from 0",
        frame.column_name(column),
        row + 1
    ))
}

/// The channel in the third column, where there is one.
fn channel(frame: &Frame, row: usize, channels: &[String]) -> Result<Option<usize>, String> {
    let Some(column) = frame.columns.get(2) else {
        return Ok(None);
    };
    let name = match &column.cells {
        Cells::Numbers(numbers) | Cells::Times(numbers) => {
            (!numbers[row].is_nan()).then(|| numbers[row].to_string())
        }
        Cells::Text { values, codes } => codes[row].map(|code| values[code as usize].clone()),
    };
    let Some(name) = name else { return Ok(None) };
    let named = channels
        .iter()
        .position(|channel| channel.trim().eq_ignore_ascii_case(name.trim()));
    let numbered = name.trim().parse().ok();
    let numbered = numbered.filter(|&number: &usize| number < channels.len());
    named.or(numbered).map(Some).ok_or_else(|| {
        format!(
            "event {} is of channel {name}, the channels are {}: give one of these, or its number, counted from 0",
            row + 1,
            channels.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(start: usize, end: usize, channel: Option<usize>) -> Interval {
        Interval {
            start,
            end,
            channel,
        }
    }

    #[test]
    fn labels_are_stretches_of_one_recording() {
        let labels = [0, 1, 1, 0, 1, 1, 1, 0].map(|label| label == 1);
        let of = |lengths: &[usize]| of_labels(&labels, lengths);
        assert_eq!(of(&[8]), [interval(1, 2, None), interval(4, 6, None)]);
        assert_eq!(
            of(&[5, 3]),
            [
                interval(1, 2, None),
                interval(4, 4, None),
                interval(5, 6, None)
            ]
        );
        assert_eq!(of_labels(&[false; 3], &[3]), []);
        assert_eq!(of_labels(&[], &[]), []);
    }

    #[test]
    fn files_have_intervals_with_channels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.csv");
        let channels = ["left".to_owned(), "right".to_owned()];
        let of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            of_file(&path, 100, &channels).map_err(|error| error.to_string())
        };
        let both = [interval(5, 9, Some(1)), interval(20, 20, None)];
        assert_eq!(of("start,end,channel\n20,20,\n5,9,Right\n").unwrap(), both);
        assert_eq!(of("5,9,1\n20,20,\n").unwrap(), both);
        assert_eq!(of("5 9\n20 99\n").unwrap()[1], interval(20, 99, None));
        for (text, words) in [
            (
                "start,end\n9,5\n1,2\n",
                "event 1 begins at sample 9 and ends at 5",
            ),
            (
                "start,end\n5,100\n1,2\n",
                "ends at sample 100, the stream has 100 samples",
            ),
            (
                "start,end\n1,8\n8,9\n",
                "from sample 1 to 8 and from 8 to 9 overlap",
            ),
            (
                "start,end\n1.5,8\n9,10\n",
                "start of event 1 is no number of a sample",
            ),
            ("start,end\n1,8\n9,ten\n", "end of event 1 is no number"),
            (
                "start,end,channel\n1,8,top\n9,10,left\n",
                "channel top, the channels are left, right",
            ),
            (
                "start,end,channel\n1,8,2\n9,10,0\n",
                "channel 2, the channels are",
            ),
            (
                "1,2,3,4\n5,6,7,8\n",
                "4 columns: give the first and the last",
            ),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
