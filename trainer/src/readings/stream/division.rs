//! Division of the windows of a stream into training, validation and test, by time.

use crate::data::{self, DataError, FEWEST_GROUPS, Split, SplitError, SplitOptions};
use crate::error::Error;
use elbow::signal::WindowShape;
use std::ops::Range;

/// Divides windows, of which `anomalous` says one by one whether they may only be tested on; `recordings` says how many
/// of them each recording has, one behind the other.
///
/// The normal windows of a recording are taken in the order of time: the first are trained on, the next are the
/// validation part, the last ones the test part. Of [`FEWEST_GROUPS`] recordings and more, each is in one part as a
/// whole. The test part has all anomalous windows too. No sample is in two parts: what shares one with a window of
/// an earlier part is left out, and so is what training or validation would share with an anomalous window. Fractions
/// are of the normal windows before these gaps.
///
/// # Errors
/// [`Error::Data`] where the fractions make no sense, [`Error::Setting`] where a part that was
/// asked for has no window.
pub fn divide(
    anomalous: &[bool],
    recordings: &[usize],
    shape: WindowShape,
    options: &SplitOptions,
) -> Result<Split, Error> {
    options.check().map_err(DataError::from)?;
    // Windows this far apart, or nearer, share samples.
    let reach = shape.samples.saturating_sub(1) / shape.hop.max(1);
    let mut split = if are_groups(recordings) {
        by_recordings(anomalous, recordings, options).map_err(DataError::from)?
    } else {
        in_time(anomalous, recordings, reach, options)
    };
    let recordings = ranges(recordings);
    let is_clean = |&window: &usize| {
        let own = recordings.iter().find(|range| range.contains(&window));
        let own = own.cloned().unwrap_or_default();
        let first = window.saturating_sub(reach).max(own.start);
        let last = (window + reach + 1).min(own.end);
        !anomalous[first..last].contains(&true)
    };
    split.train.retain(is_clean);
    split.validation.retain(is_clean);
    let normal = anomalous.iter().filter(|&&is| !is).count();
    let learned = 1.0 - options.validation_fraction - options.test_fraction;
    for (part, windows, fraction) in [
        ("training", &split.train, learned),
        ("validation", &split.validation, options.validation_fraction),
        ("test", &split.test, options.test_fraction),
    ] {
        if windows.is_empty() && fraction > 0.0 {
            return Err(none_left(part, fraction, normal));
        }
    }
    split
        .test
        .extend((0..anomalous.len()).filter(|&window| anomalous[window]));
    split.test.sort_unstable();
    Ok(split)
}

/// Whether so many recordings with windows are divided as wholes.
pub fn are_groups(recordings: &[usize]) -> bool {
    recordings.iter().filter(|&&windows| windows > 0).count() >= FEWEST_GROUPS
}

/// How many of `windows`, which ascend, follow each other without a gap, stretch by stretch; none is of two `recordings`, which
/// have so many windows each.
pub fn stretches(windows: &[usize], recordings: &[usize]) -> Vec<usize> {
    let ends = ranges(recordings).into_iter().map(|range| range.end);
    let ends: Vec<usize> = ends.collect();
    let follow = |a: &usize, b: &usize| *b == a + 1 && !ends.contains(b);
    windows.chunk_by(follow).map(<[usize]>::len).collect()
}

/// The windows of each recording.
fn ranges(recordings: &[usize]) -> Vec<Range<usize>> {
    let mut end = 0;
    let range = |&windows: &usize| {
        let start = end;
        end += windows;
        start..end
    };
    recordings.iter().map(range).collect()
}

/// The normal windows of each part, a recording in one of them.
fn by_recordings(
    anomalous: &[bool],
    recordings: &[usize],
    options: &SplitOptions,
) -> Result<Split, SplitError> {
    let groups = (0..).zip(recordings);
    let groups = groups.flat_map(|(group, &windows)| std::iter::repeat_n(group, windows));
    let mut split = data::split_groups(anomalous, &groups.collect::<Vec<u32>>(), options)?;
    // Windows overlap, and a fault is one stretch of time: all of it is tested on.
    split.anomalous.clear();
    split.test.retain(|&window| !anomalous[window]);
    Ok(split)
}

/// The normal windows of each part, those of a recording in the order of time, with gaps.
fn in_time(
    anomalous: &[bool],
    recordings: &[usize],
    reach: usize,
    options: &SplitOptions,
) -> Split {
    let mut split = Split::default();
    for range in ranges(recordings) {
        let normal: Vec<usize> = range.filter(|&window| !anomalous[window]).collect();
        let count = |fraction: f64| (normal.len() as f64 * fraction).round() as usize;
        let (validated, tested) = (
            count(options.validation_fraction),
            count(options.test_fraction),
        );
        let trained = normal.len().saturating_sub(validated + tested);
        let (train, rest) = normal.split_at(trained);
        let (validation, test) = rest.split_at(validated.min(rest.len()));
        let after = |windows: &[usize]| windows.last().map_or(0, |&last| last + reach + 1);
        let from = |start: usize, windows: &[usize]| -> Vec<usize> {
            windows.iter().copied().filter(|&w| w >= start).collect()
        };
        let validation = from(after(train), validation);
        split
            .test
            .extend(from(after(train).max(after(&validation)), test));
        split.train.extend_from_slice(train);
        split.validation.extend(validation);
    }
    split
}

fn none_left(part: &str, fraction: f64, windows: usize) -> Error {
    Error::Setting(format!(
        "a fraction {fraction} of {windows} normal windows leaves none for {part} that shares no sample with the other parts: give a longer stream, shorter windows, or another fraction"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRACTIONS: SplitOptions = fractions(0.2, 0.2);

    const fn fractions(validation_fraction: f64, test_fraction: f64) -> SplitOptions {
        SplitOptions {
            validation_fraction,
            test_fraction,
            seed: 0,
        }
    }

    fn shape(samples: usize, hop: usize) -> WindowShape {
        WindowShape {
            channels: 1,
            samples,
            hop,
        }
    }

    #[test]
    fn blocks_follow_each_other_with_gaps() {
        let split = divide(&[false; 20], &[20], shape(5, 2), &FRACTIONS).unwrap();
        assert_eq!(split.train, (0..12).collect::<Vec<_>>());
        // Window 11 ends with sample 26; windows from 13 at 26 on begin behind only from 14 on.
        assert_eq!((split.validation, split.test), (vec![14, 15], vec![18, 19]));
        let apart = divide(&[false; 20], &[20], shape(4, 4), &FRACTIONS).unwrap();
        assert_eq!(
            (apart.validation, apart.test),
            (vec![12, 13, 14, 15], vec![16, 17, 18, 19])
        );
    }

    #[test]
    fn no_sample_is_in_two_parts() {
        for (samples, hop) in [(1, 1), (4, 1), (5, 2), (7, 7), (8, 3)] {
            for stride in [23, 37, 1000] {
                let anomalous: Vec<bool> = (0..200).map(|w| w % stride == stride - 1).collect();
                let split = divide(&anomalous, &[200], shape(samples, hop), &FRACTIONS).unwrap();
                let mut owner = vec![None; 200 * hop + samples];
                for (part, windows) in [&split.train, &split.validation, &split.test]
                    .into_iter()
                    .enumerate()
                {
                    for &window in windows {
                        for sample in &mut owner[window * hop..][..samples] {
                            assert!(sample.is_none_or(|other| other == part));
                            *sample = Some(part);
                        }
                    }
                }
                let anomalies = anomalous.iter().filter(|&&is| is).count();
                let tested = split.test.iter().filter(|&&w| anomalous[w]).count();
                assert_eq!(tested, anomalies);
                assert!(split.train.iter().all(|&window| !anomalous[window]));
            }
        }
    }

    #[test]
    fn parts_without_windows_are_named() {
        let message = |count, samples, fractions| {
            let error = divide(&vec![false; count], &[count], shape(samples, 1), &fractions);
            error.unwrap_err().to_string()
        };
        let text = message(10, 5, FRACTIONS);
        assert!(text.contains("fraction 0.2 of 10") && text.contains("none for validation"));
        assert!(message(0, 1, FRACTIONS).contains("none for training"));
        let none = fractions(0.0, 0.0);
        assert_eq!(
            divide(&[false; 3], &[3], shape(2, 1), &none)
                .unwrap()
                .train
                .len(),
            3
        );
        let odd = fractions(1.5, 0.0);
        assert!(message(3, 1, odd).contains("validation fraction is 1.5"));
    }

    #[test]
    fn few_recordings_are_divided_in_time_each() {
        let split = divide(&[false; 40], &[20, 0, 20], shape(4, 4), &FRACTIONS).unwrap();
        let both = |first: Range<usize>| -> Vec<usize> {
            let second = first.start + 20..first.end + 20;
            first.chain(second).collect()
        };
        assert_eq!(split.train, both(0..12));
        assert_eq!((split.validation, split.test), (both(12..16), both(16..20)));
    }

    #[test]
    fn stretches_have_no_gap_and_one_recording() {
        assert_eq!(stretches(&[2, 3, 4, 7, 9, 10], &[12]), [3, 1, 2]);
        assert_eq!(stretches(&[2, 3, 4, 5], &[4, 0, 6]), [2, 2]);
        assert_eq!(stretches(&[], &[4]), [0; 0]);
    }

    #[test]
    fn many_recordings_are_in_one_part_each() {
        let mut anomalous = vec![false; 100];
        anomalous[35] = true;
        let split = divide(&anomalous, &[10; 10], shape(4, 2), &FRACTIONS).unwrap();
        let recordings = |windows: &[usize]| -> std::collections::BTreeSet<usize> {
            let normal = windows.iter().filter(|&&window| !anomalous[window]);
            normal.map(|window| window / 10).collect()
        };
        let parts = [&split.train, &split.validation, &split.test].map(|part| recordings(part));
        let [train, validation, test] = parts;
        assert_eq!(train.len() + validation.len() + test.len(), 10);
        assert!(train.is_disjoint(&validation) && train.is_disjoint(&test));
        assert!(split.test.contains(&35));
        // Neighbours of the anomalous window share samples with it.
        for neighbour in [34, 36] {
            assert!(!split.train.contains(&neighbour) && !split.validation.contains(&neighbour));
        }
    }
}
