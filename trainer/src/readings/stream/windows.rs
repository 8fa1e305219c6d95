//! Windows of a stream, cut and made into readings by the code that the device runs.

use crate::data::Table;
use crate::error::Error;
use crate::readings::Readings;
use elbow::signal::{FrontEnd, WindowShape, Windows};

/// Windows that `samples` samples complete.
pub fn count(samples: usize, shape: WindowShape) -> usize {
    match samples.checked_sub(shape.samples) {
        Some(beyond) => beyond / shape.hop.max(1) + 1,
        None => 0,
    }
}

/// The first sample of each window, where the samples are recordings of these `lengths`, one behind the other: no
/// window is of two.
pub fn starts(lengths: &[usize], shape: WindowShape) -> Vec<usize> {
    let mut first = 0;
    let mut starts = vec![];
    for &length in lengths {
        let windows = 0..count(length, shape);
        starts.extend(windows.map(|window| first + window * shape.hop));
        first += length;
    }
    starts
}

/// For each window whether a sample of it is anomalous; recordings as in [`starts`].
pub fn anomalous(samples: &[bool], lengths: &[usize], shape: WindowShape) -> Vec<bool> {
    let starts = starts(lengths, shape).into_iter();
    starts
        .map(|start| samples[start..][..shape.samples].contains(&true))
        .collect()
}

/// The readings of all windows of `samples`, which has a column for each channel, as the device
/// makes them: by [`Windows`] and [`FrontEnd::apply`], from the start in each recording, as in [`starts`].
///
/// # Errors
/// [`Error::Setting`] where `samples` has not the channels of `front_end`, or for a hop that makes
/// no sense.
pub fn readings(
    samples: &Readings,
    lengths: &[usize],
    front_end: &FrontEnd,
    hop: usize,
) -> Result<Readings, Error> {
    let refused = |error: &dyn std::fmt::Display| Error::Setting(error.to_string());
    let shape = WindowShape {
        channels: front_end.channels().into(),
        samples: front_end.samples().into(),
        hop,
    };
    let mut scratch = vec![0; front_end.scratch_len()];
    let mut reading = vec![0; front_end.features_len()];
    let mut values = Vec::with_capacity(starts(lengths, shape).len() * reading.len());
    let mut samples = samples.iter();
    for &length in lengths {
        let windows = Windows::new(vec![0; shape.numbers()], shape);
        let mut windows = windows.map_err(|error| refused(&error))?;
        for sample in samples.by_ref().take(length) {
            if let Some(window) = windows.push(sample).map_err(|error| refused(&error))? {
                front_end
                    .apply(window, &mut scratch, &mut reading)
                    .map_err(|error| refused(&error))?;
                values.extend_from_slice(&reading);
            }
        }
    }
    Ok(Readings::new(front_end.features_len(), values))
}

/// `readings` in the units of the data, exactly: input i stands for `raw * 2^exponents[i]`.
///
/// # Errors
/// [`Error::Data`] for readings of no numbers.
pub fn in_units(readings: &Readings, exponents: &[i8]) -> Result<Table, Error> {
    let values = readings.iter().flat_map(|row| {
        let inputs = row.iter().zip(exponents);
        inputs.map(|(&raw, &exponent)| f32::from(raw) * 2f32.powi(exponent.into()))
    });
    Ok(Table::new(readings.width(), values.collect())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbow::signal::Feature;

    #[test]
    fn windows_are_counted_and_labelled() {
        let shape = |samples, hop| WindowShape {
            channels: 1,
            samples,
            hop,
        };
        for (samples, window, hop, windows) in [(9, 4, 2, 3), (10, 4, 2, 4), (4, 4, 1, 1)] {
            assert_eq!(count(samples, shape(window, hop)), windows);
        }
        assert_eq!(count(3, shape(4, 1)), 0);
        let mut samples = [false; 10];
        samples[5] = true;
        let anomalous = |lengths: &[usize]| anomalous(&samples, lengths, shape(4, 2));
        assert_eq!(anomalous(&[10]), [false, true, true, false]);
        // From 0 and 2 of the first recording, and from 7 of the last.
        assert_eq!(starts(&[6, 1, 3], shape(4, 2)), [0, 2]);
        assert_eq!(starts(&[5, 5], shape(4, 1)), [0, 1, 5, 6]);
        assert_eq!(anomalous(&[5, 5]), [false, true]);
    }

    #[test]
    fn readings_are_those_of_the_window_by_hand() {
        let samples: Vec<i16> = (0..14).map(|value| value * value).collect();
        let features = [Feature::Samples { remove_mean: false }];
        let front_end = FrontEnd::new(2, 3, &features).unwrap();
        let samples = Readings::new(2, samples);
        let of = |lengths: &[usize]| readings(&samples, lengths, &front_end, 2).unwrap();
        let readings = of(&[7]);
        let rows: Vec<&[i16]> = readings.iter().collect();
        assert_eq!(
            rows,
            [
                [0, 4, 16, 1, 9, 25],
                [16, 36, 64, 25, 49, 81],
                [64, 100, 144, 81, 121, 169]
            ]
        );
        // Two recordings: their windows begin at samples 0 and 3.
        assert_eq!(of(&[3, 4]).row(1), [36, 64, 100, 49, 81, 121]);
        let table = in_units(&readings, &[-2; 6]).unwrap();
        assert_eq!(table.row(0), [0.0, 1.0, 4.0, 0.25, 2.25, 6.25]);
    }
}
