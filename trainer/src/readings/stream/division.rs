//! Division of the windows of a stream into training, validation and test, by time.

use crate::data::{DataError, Split};
use crate::error::Error;
use elbow::stream::WindowShape;

/// The parts of the normal windows that are held out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fractions {
    /// For early stopping and calibration, from 0 to below 1.
    pub validation: f64,
    /// For the evaluation alone, from 0 to below 1.
    pub test: f64,
}

/// Divides windows, of which `abnormal` says one by one whether they may only be tested on.
///
/// The normal windows are taken in the order of time: the first are trained on, the next are the
/// validation part, the last ones the test part, which has all abnormal windows too. No sample is
/// in two parts: what shares one with a window of an earlier part is left out, and so is what
/// training or validation would share with an abnormal window. Fractions are of the normal windows
/// before these gaps.
///
/// # Errors
/// [`Error::Data`] where the fractions make no sense, [`Error::Setting`] where a part that was
/// asked for has no window.
pub fn divide(abnormal: &[bool], shape: WindowShape, fractions: Fractions) -> Result<Split, Error> {
    check(fractions)?;
    let normal: Vec<usize> = (0..abnormal.len()).filter(|&w| !abnormal[w]).collect();
    let count = |fraction: f64| (normal.len() as f64 * fraction).round() as usize;
    let (validated, tested) = (count(fractions.validation), count(fractions.test));
    let trained = normal.len().saturating_sub(validated + tested);
    let (train, rest) = normal.split_at(trained);
    let (validation, test) = rest.split_at(validated.min(rest.len()));

    // Windows this far apart, or nearer, share samples.
    let reach = shape.samples.saturating_sub(1) / shape.hop.max(1);
    let is_clean = |&window: &usize| {
        let last = (window + reach).min(abnormal.len() - 1);
        !abnormal[window.saturating_sub(reach)..=last].contains(&true)
    };
    let from = |start: usize, windows: &[usize]| -> Vec<usize> {
        windows.iter().copied().filter(|&w| w >= start).collect()
    };
    let after = |windows: &[usize]| windows.last().map_or(0, |&last| last + reach + 1);
    let mut train = train.to_vec();
    train.retain(is_clean);
    let mut validation = from(after(&train), validation);
    validation.retain(is_clean);
    let mut test = from(after(&train).max(after(&validation)), test);
    let learned = 1.0 - fractions.validation - fractions.test;
    for (part, windows, fraction) in [
        ("training", &train, learned),
        ("validation", &validation, fractions.validation),
        ("test", &test, fractions.test),
    ] {
        if windows.is_empty() && fraction > 0.0 {
            return Err(none_left(part, fraction, normal.len()));
        }
    }
    test.extend((0..abnormal.len()).filter(|&window| abnormal[window]));
    test.sort_unstable();
    Ok(Split {
        train,
        validation,
        // Windows overlap, and a fault is one stretch of time: all of it is tested on.
        strange: vec![],
        test,
    })
}

fn none_left(part: &str, fraction: f64, windows: usize) -> Error {
    Error::Setting(format!(
        "a fraction {fraction} of {windows} normal windows leaves none for {part} that shares no sample with the other parts: give a longer stream, shorter windows, or another fraction"
    ))
}

fn check(Fractions { validation, test }: Fractions) -> Result<(), DataError> {
    for (part, value) in [("validation", validation), ("test", test)] {
        if !(0.0..1.0).contains(&value) {
            return Err(DataError::Fraction { part, value });
        }
    }
    if validation + test >= 1.0 {
        return Err(DataError::FractionSum { validation, test });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRACTIONS: Fractions = Fractions {
        validation: 0.2,
        test: 0.2,
    };

    fn shape(samples: usize, hop: usize) -> WindowShape {
        WindowShape {
            channels: 1,
            samples,
            hop,
        }
    }

    #[test]
    fn blocks_follow_each_other_with_gaps() {
        let split = divide(&[false; 20], shape(5, 2), FRACTIONS).unwrap();
        assert_eq!(split.train, (0..12).collect::<Vec<_>>());
        // Window 11 ends with sample 26; windows from 13 at 26 on begin behind only from 14 on.
        assert_eq!((split.validation, split.test), (vec![14, 15], vec![18, 19]));
        let apart = divide(&[false; 20], shape(4, 4), FRACTIONS).unwrap();
        assert_eq!(
            (apart.validation, apart.test),
            (vec![12, 13, 14, 15], vec![16, 17, 18, 19])
        );
    }

    #[test]
    fn no_sample_is_in_two_parts() {
        for (samples, hop) in [(1, 1), (4, 1), (5, 2), (7, 7), (8, 3)] {
            for stride in [23, 37, 1000] {
                let abnormal: Vec<bool> = (0..200).map(|w| w % stride == stride - 1).collect();
                let split = divide(&abnormal, shape(samples, hop), FRACTIONS).unwrap();
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
                let strange = abnormal.iter().filter(|&&is| is).count();
                let tested = split.test.iter().filter(|&&w| abnormal[w]).count();
                assert_eq!(tested, strange);
                assert!(split.train.iter().all(|&window| !abnormal[window]));
            }
        }
    }

    #[test]
    fn parts_without_windows_are_named() {
        let message = |count, samples, fractions| {
            let error = divide(&vec![false; count], shape(samples, 1), fractions);
            error.unwrap_err().to_string()
        };
        let text = message(10, 5, FRACTIONS);
        assert!(text.contains("fraction 0.2 of 10") && text.contains("none for validation"));
        assert!(message(0, 1, FRACTIONS).contains("none for training"));
        let none = Fractions {
            validation: 0.0,
            test: 0.0,
        };
        assert_eq!(
            divide(&[false; 3], shape(2, 1), none).unwrap().train.len(),
            3
        );
        let odd = Fractions {
            validation: 1.5,
            test: 0.0,
        };
        assert!(message(3, 1, odd).contains("validation fraction is 1.5"));
    }
}
