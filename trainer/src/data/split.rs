//! Division of rows into training, validation and test, the same on every machine.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro128PlusPlus;

use super::error::SplitError;

/// The part of the normal rows that is left out between two parts in time: neighbours are alike.
const GAP: f64 = 0.01;

/// Recordings that are divided as groups, at least; of fewer, a part has too few to stand for all.
pub const FEWEST_GROUPS: usize = 7;

/// How rows are divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitOptions {
    /// The part of the normal rows that early stopping and calibration look at, and the part of the anomalous ones
    /// that calibration looks at, from 0 to below 1.
    pub validation_fraction: f64,
    /// The part of the normal rows that nothing but the final evaluation looks at, from 0 to below 1.
    pub test_fraction: f64,
    /// Which of all divisions; independent of the seed of a training run.
    pub seed: u64,
}

impl SplitOptions {
    /// Makes sure that the fractions leave something to train on.
    ///
    /// # Errors
    ///
    /// [`SplitError::Fraction`] and [`SplitError::FractionSum`].
    pub(crate) fn check(&self) -> Result<(), SplitError> {
        let (validation, test) = (self.validation_fraction, self.test_fraction);
        for (split, value) in [("validation", validation), ("test", test)] {
            if !(0.0..1.0).contains(&value) {
                return Err(SplitError::Fraction { split, value });
            }
        }
        if validation + test >= 1.0 {
            return Err(SplitError::FractionSum { validation, test });
        }
        Ok(())
    }
}

/// The indices of the rows of each part, ascending; every row is in one part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// Normal rows to learn from.
    pub train: Vec<usize>,
    /// Normal rows to choose by.
    pub validation: Vec<usize>,
    /// Anomalous rows to calibrate with.
    pub anomalous: Vec<usize>,
    /// Normal rows held out, and the other anomalous rows.
    pub test: Vec<usize>,
}

/// Divides rows, of which `is_anomalous` says one by one whether nothing may be learned from them.
///
/// The normal rows are shuffled; the first of them become the test part, the next the validation part, so that
/// another validation fraction leaves the test part as it was. The anomalous rows are shuffled too; the last of them
/// are calibrated with, the rest is tested on. Fractions are of the normal or of the anomalous rows, rounded to
/// the nearest count; of few anomalous rows all are tested on.
///
/// # Errors
///
/// [`SplitError::Fraction`] and [`SplitError::FractionSum`] if the fractions make no sense,
/// [`SplitError::Empty`] if there are too few normal rows for a part that was asked for.
pub fn split(is_anomalous: &[bool], options: &SplitOptions) -> Result<Split, SplitError> {
    let SplitOptions {
        validation_fraction,
        test_fraction,
        seed,
    } = *options;
    options.check()?;
    let mut train: Vec<usize> = (0..is_anomalous.len())
        .filter(|&row| !is_anomalous[row])
        .collect();
    let rows = train.len();
    let count = |part, fraction: f64| match (rows as f64 * fraction).round() as usize {
        0 if fraction > 0.0 => Err(SplitError::Empty {
            split: part,
            fraction,
            rows,
        }),
        count => Ok(count),
    };
    let tested = count("test", test_fraction)?;
    let validated = count("validation", validation_fraction)?;
    if tested + validated >= rows {
        let fraction = 1.0 - validation_fraction - test_fraction;
        return Err(SplitError::Empty {
            split: "train",
            fraction,
            rows,
        });
    }
    let mut rng = Xoshiro128PlusPlus::seed_from_u64(seed);
    shuffle(&mut train, &mut rng);
    let mut test: Vec<usize> = train.drain(..tested).collect();
    let mut validation: Vec<usize> = train.drain(..validated).collect();
    let mut anomalous: Vec<usize> = (0..is_anomalous.len())
        .filter(|&row| is_anomalous[row])
        .collect();
    shuffle(&mut anomalous, &mut rng);
    let calibrated = (anomalous.len() as f64 * validation_fraction).round() as usize;
    test.extend(anomalous.drain(..anomalous.len() - calibrated));
    for part in [&mut train, &mut validation, &mut anomalous, &mut test] {
        part.sort_unstable();
    }
    Ok(Split {
        train,
        validation,
        anomalous,
        test,
    })
}

/// Divides rows in time: the normal rows are trained on first, then comes the validation part, then the test part, with
/// a gap before each of the latter; so in each recording, where `recordings` says for each row which it is of.
/// Anomalous rows are calibrated with and tested on as by [`split()`].
///
/// # Errors
///
/// The errors of [`split()`].
pub fn split_in_time(
    is_anomalous: &[bool],
    recordings: Option<&[u32]>,
    options: &SplitOptions,
) -> Result<Split, SplitError> {
    // It checks the fractions, and divides the anomalous rows.
    let by_chance = split(is_anomalous, options)?;
    let normal: Vec<usize> = (0..is_anomalous.len())
        .filter(|&row| !is_anomalous[row])
        .collect();
    let of = |row: usize| recordings.and_then(|recordings| recordings.get(row));
    let (mut train, mut validation, mut test) = (vec![], vec![], vec![]);
    for rows in normal.chunk_by(|&a, &b| of(a) == of(b)) {
        let parts = in_time(rows, options);
        for (all, part) in [&mut train, &mut validation, &mut test]
            .into_iter()
            .zip(parts)
        {
            all.extend(part);
        }
    }
    with_anomalous([train, validation, test], by_chance, is_anomalous, options)
}

/// The rows of one recording that are trained on, validated with and tested on.
fn in_time<'a>(rows: &'a [usize], options: &SplitOptions) -> [&'a [usize]; 3] {
    let count = |fraction: f64| (rows.len() as f64 * fraction).round() as usize;
    let gap = (rows.len() as f64 * GAP).ceil() as usize;
    let before = |rows: usize, part: usize| rows.saturating_sub(if part > 0 { gap } else { 0 });
    let (tested, validated) = (
        count(options.test_fraction),
        count(options.validation_fraction),
    );
    let (rest, test) = rows.split_at(rows.len().saturating_sub(tested));
    let rest = &rest[..before(rest.len(), tested)];
    let (train, validation) = rest.split_at(rest.len().saturating_sub(validated));
    [&train[..before(train.len(), validated)], validation, test]
}

/// Divides rows by their `groups`, none of which is in two parts: whole groups in random order go to the test part until
/// it has its fraction, then to the validation part, the rest is trained on. Anomalous rows of groups that are
/// trained on or validated with are tested on too.
///
/// # Errors
///
/// The errors of [`split()`], also where there are fewer groups than splits.
pub fn split_groups(
    is_anomalous: &[bool],
    groups: &[u32],
    options: &SplitOptions,
) -> Result<Split, SplitError> {
    let by_chance = split(is_anomalous, options)?;
    let count = groups.iter().max().map_or(0, |&last| last as usize + 1);
    let mut rows: Vec<Vec<usize>> = vec![vec![]; count];
    for (row, &group) in groups
        .iter()
        .enumerate()
        .filter(|(row, _)| !is_anomalous[*row])
    {
        rows[group as usize].push(row);
    }
    rows.retain(|rows| !rows.is_empty());
    let mut rng = Xoshiro128PlusPlus::seed_from_u64(options.seed);
    shuffle(&mut rows, &mut rng);
    let mut left = rows.into_iter();
    let mut take = |wanted: usize| {
        let mut taken = vec![];
        while taken.len() < wanted
            && let Some(rows) = left.next()
        {
            taken.extend(rows);
        }
        taken
    };
    let tested = by_chance.test.iter().filter(|&&row| !is_anomalous[row]);
    let test = take(tested.count());
    let validation = take(by_chance.validation.len());
    let train = left.flatten().collect();
    with_anomalous([train, validation, test], by_chance, is_anomalous, options)
}

/// The division of normal rows into these parts, with the anomalous rows as they are divided by chance.
fn with_anomalous(
    mut parts: [Vec<usize>; 3],
    by_chance: Split,
    is_anomalous: &[bool],
    options: &SplitOptions,
) -> Result<Split, SplitError> {
    let normal = is_anomalous.iter().filter(|&&is| !is).count();
    refuse_empty_parts(parts.each_ref().map(Vec::as_slice), normal, options)?;
    let tested = by_chance.test.iter().filter(|&&row| is_anomalous[row]);
    parts[2].extend(tested);
    parts.iter_mut().for_each(|part| part.sort_unstable());
    let [train, validation, test] = parts;
    Ok(Split {
        train,
        validation,
        anomalous: by_chance.anomalous,
        test,
    })
}

/// Makes sure that of `normal` rows some are trained on, validated with and tested on, wherever a fraction of them is to be.
fn refuse_empty_parts(
    [train, validation, test]: [&[usize]; 3],
    normal: usize,
    options: &SplitOptions,
) -> Result<(), SplitError> {
    let learned = 1.0 - options.validation_fraction - options.test_fraction;
    for (part, rows, fraction) in [
        ("train", train, learned),
        ("validation", validation, options.validation_fraction),
        ("test", test, options.test_fraction),
    ] {
        if rows.is_empty() && fraction > 0.0 {
            return Err(SplitError::Empty {
                split: part,
                fraction,
                rows: normal,
            });
        }
    }
    Ok(())
}

/// Puts `items` into a random order, every order equally likely.
///
/// Fisher and Yates' shuffle (Durstenfeld 1964), from the last item down.
pub fn shuffle<T>(items: &mut [T], rng: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(rng, last as u64 + 1) as usize);
    }
}

/// A uniform number below `bound`; 0 if the bound is 0.
///
/// D. Lemire, "Fast random integer generation in an interval", 2019: the high half of a product is the number,
/// and the low half says when to draw again so that none of the numbers is favoured.
fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(bound);
        let (high, low) = ((product >> 64) as u64, product as u64);
        if low >= bound || low >= bound.wrapping_neg() % bound {
            return high;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(validation_fraction: f64, test_fraction: f64) -> SplitOptions {
        SplitOptions {
            validation_fraction,
            test_fraction,
            seed: 7,
        }
    }

    fn message(rows: usize, validation_fraction: f64, test_fraction: f64) -> String {
        split(
            &vec![false; rows],
            &options(validation_fraction, test_fraction),
        )
        .unwrap_err()
        .to_string()
    }

    #[test]
    fn shuffles_equal_those_of_an_independent_program() {
        // Written in Python from the published SplitMix64, xoshiro128++ and Lemire's method.
        for (seed, expected) in [
            (0, [5, 6, 9, 8, 2, 3, 1, 0, 7, 4]),
            (42, [8, 6, 3, 1, 0, 5, 9, 7, 2, 4]),
        ] {
            let mut items = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
            shuffle(&mut items, &mut Xoshiro128PlusPlus::seed_from_u64(seed));
            assert_eq!(items, expected, "seed {seed}");
        }
    }

    #[test]
    fn every_order_is_equally_likely() {
        let mut rng = Xoshiro128PlusPlus::seed_from_u64(1);
        let mut counts = [[0u32; 4]; 4];
        for _ in 0..40_000 {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut items, &mut rng);
            for (place, &item) in items.iter().enumerate() {
                counts[place][item] += 1;
            }
        }
        // Standard deviation sqrt(40000 * 3/16) = 87; five of them.
        for count in counts.into_iter().flatten() {
            assert!(count.abs_diff(10_000) < 433, "{counts:?}");
        }
    }

    #[test]
    fn a_bound_that_rejects_half_of_the_draws_is_uniform() {
        let bound = (1 << 63) + 1;
        let mut rng = Xoshiro128PlusPlus::seed_from_u64(2);
        let small = (0..10_000)
            .filter(|_| below(&mut rng, bound) < bound / 4)
            .count();
        assert!(small.abs_diff(2_500) < 217, "{small}");
        assert_eq!((below(&mut rng, 0), below(&mut rng, 1)), (0, 0));
    }

    #[test]
    fn parts_have_their_sizes_and_cover_every_row_once() {
        let split = split(&[false; 100], &options(0.1, 0.25)).unwrap();
        assert_eq!(
            (split.train.len(), split.validation.len(), split.test.len()),
            (65, 10, 25)
        );
        let mut all = [split.train, split.validation, split.test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn parts_are_those_of_an_independent_program() {
        // The shuffle of 8 rows by seed 7 is 5 1 6 7 3 4 2 0.
        let split = split(&[false; 8], &options(0.25, 0.25)).unwrap();
        assert_eq!(
            (split.test, split.validation, split.train),
            (vec![1, 5], vec![6, 7], vec![0, 2, 3, 4])
        );
    }

    #[test]
    fn another_validation_fraction_leaves_the_test_part() {
        let test = |fraction| split(&[false; 50], &options(fraction, 0.2)).unwrap().test;
        assert_eq!(test(0.0), test(0.3));
    }

    #[test]
    fn anomalous_rows_are_never_learned_from() {
        let is_anomalous: Vec<bool> = (0..60).map(|row| row % 3 == 0).collect();
        let parts = split(&is_anomalous, &options(0.1, 0.1)).unwrap();
        assert_eq!(
            (parts.train.len(), parts.validation.len(), parts.test.len()),
            (32, 4, 22)
        );
        assert_eq!(parts.anomalous.len(), 2);
        let others = [&parts.train[..], &parts.validation, &parts.test].concat();
        for row in &parts.anomalous {
            assert!(is_anomalous[*row] && !others.contains(row));
        }
        assert!(
            parts
                .train
                .iter()
                .chain(&parts.validation)
                .all(|&row| !is_anomalous[row])
        );
        assert_eq!(
            parts.test.iter().filter(|&&row| is_anomalous[row]).count(),
            18
        );
        let none_held_out = split(&is_anomalous, &options(0.0, 0.0)).unwrap();
        assert_eq!(
            (none_held_out.train.len(), none_held_out.test.len()),
            (40, 20)
        );
    }

    #[test]
    fn fractions_that_make_no_sense_are_named() {
        assert_eq!(
            message(10, -0.1, 0.0),
            "the validation fraction is -0.1; choose one from 0 to below 1"
        );
        assert_eq!(
            message(10, 0.0, 1.0),
            "the test fraction is 1; choose one from 0 to below 1"
        );
        assert_eq!(
            message(10, f64::NAN, 0.0),
            "the validation fraction is NaN; choose one from 0 to below 1"
        );
        assert_eq!(
            message(10, 0.5, 0.5),
            "the fractions 0.5 for validation and 0.5 for test leave no row to train on; let their sum stay below 1"
        );
    }

    #[test]
    fn too_few_rows_are_named() {
        let remedy = "give more rows or another fraction";
        assert_eq!(
            message(4, 0.1, 0.0),
            format!("a fraction 0.1 of 4 normal rows leaves none for validation; {remedy}")
        );
        assert_eq!(
            message(4, 0.0, 0.1),
            format!("a fraction 0.1 of 4 normal rows leaves none for test; {remedy}")
        );
        assert_eq!(
            message(2, 0.25, 0.5),
            format!("a fraction 0.25 of 2 normal rows leaves none for train; {remedy}")
        );
        assert_eq!(
            message(0, 0.0, 0.0),
            format!("a fraction 1 of 0 normal rows leaves none for train; {remedy}")
        );
    }
}
