//! How far out each number of a reading lies by itself.

use crate::mask::Mask;

/// For each input how surprising its raw number is by itself, whatever the others are, as straight lines through knots; the
/// statistic is the sum of the squares. Two-sided tail probabilities of single columns, joined over
/// columns, are the detector of Li et al. ("ECOD: unsupervised outlier detection using empirical cumulative distribution
/// functions", 2022), which adds the surprises instead of their squares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns<'a> {
    /// For each input its knots, raw numbers, not descending; the last is repeated where there are fewer.
    pub(crate) values: &'a [i16],
    /// Eighths of a nat, one for each value.
    pub(crate) surprises: &'a [u8],
    /// Knots of each input; at least two, but for no columns at all.
    pub(crate) knots: usize,
}

/// The largest surprise of a column, 32 nats in 1/256 nat.
const LARGEST: i32 = 32 << 8;

impl Columns<'_> {
    /// `sum_i u_i^2` over the observed inputs of a raw reading, in 1/64 nat^2; zero without knots.
    #[inline(never)]
    pub(crate) fn sum_of_squares(&self, reading: &[i16], observed: Mask<'_>) -> i32 {
        let knots = self.knots.max(1);
        let columns = self.values.chunks_exact(knots);
        let columns = columns.zip(self.surprises.chunks_exact(knots)).zip(reading);
        let mut sum = 0i64;
        for (input, ((values, surprises), &x)) in columns.enumerate() {
            if observed.observes(input) {
                let surprise = i64::from(surprise(values, surprises, x));
                sum += surprise * surprise;
            }
        }
        // At most 2^14 inputs of 2^26 each.
        (sum >> 10) as i32
    }

    /// What the knots must satisfy to be read.
    pub(crate) fn is_valid(&self) -> bool {
        let mut columns = self.values.chunks_exact(self.knots.max(1));
        self.values.is_empty()
            || self.knots >= 2
                && columns.all(|values| {
                    let mut pairs = values.iter().zip(values.iter().skip(1));
                    pairs.all(|(a, b)| a <= b)
                })
    }
}

/// The ascending `knots` up to `within`, counted without branches that a host could not foresee.
fn passed(knots: &[i16], within: i32) -> usize {
    // Below -2^15 there is none.
    let Ok(within) = i16::try_from(within) else {
        return 0;
    };
    let passed = knots.iter().map(|&knot| u16::from(knot <= within));
    passed.fold(0u16, u16::wrapping_add).into()
}

/// The surprise of `x`, in 1/256 nat: on the line through the two knots around it, or through the outermost two
/// beyond these; from 0 to [`LARGEST`].
fn surprise(values: &[i16], surprises: &[u8], x: i16) -> i32 {
    // Repetitions at the end are no knots. Of so few one after another costs least.
    let last = values.last().copied().map_or(0, i32::from);
    let x = i32::from(x);
    let within = x.min(last - 1);
    let inner = values.iter().skip(1);
    let upper = match cfg!(target_pointer_width = "64") {
        true => 1 + passed(values.get(1..).unwrap_or_default(), within),
        false => 1 + inner.take_while(|&&knot| i32::from(knot) <= within).count(),
    };
    let knot = |index: usize| {
        let value = values.get(index).map(|&value| i32::from(value));
        value.zip(
            surprises
                .get(index)
                .map(|&surprise| i32::from(surprise) << 5),
        )
    };
    let (Some((v0, u0)), Some((v1, u1))) = (knot(upper - 1), knot(upper)) else {
        return 0;
    };
    // From the knot with the smaller surprise outwards, so that nothing is divided that is negative inside.
    let width = v1.abs_diff(v0).max(1);
    let along = x - v0;
    let rise = u1 - u0;
    // Below 2^16 times below 2^13.
    let size = along.unsigned_abs() * rise.unsigned_abs() / width;
    let size = size.cast_signed();
    let change = if (along < 0) == (rise < 0) {
        size
    } else {
        -size
    };
    (u0 + change).clamp(0, LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One column: 3 nats at -100, 0 at 0, 1 at 50, repeated.
    const VALLEY: Columns<'_> = Columns {
        values: &[-100, 0, 50, 50],
        surprises: &[24, 0, 8, 8],
        knots: 4,
    };

    #[test]
    fn lines_go_through_the_knots_and_on() {
        for (x, nats) in [
            (-100, 3.0),
            (-200, 6.0),
            (-50, 1.5),
            (0, 0.0),
            (25, 0.5),
            (50, 1.0),
            (100, 2.0),
            (i16::MAX, 32.0),
            (i16::MIN, 32.0),
        ] {
            let found = surprise(VALLEY.values, VALLEY.surprises, x);
            assert_eq!(found, (nats * 256.0) as i32, "{x}");
        }
        assert!(VALLEY.is_valid());
        let falling = surprise(&[0, 10], &[80, 8], 100);
        assert_eq!(falling, 0);
        let constant = surprise(&[5, 5], &[0, 0], 9);
        assert_eq!(constant, 0);
    }

    #[test]
    fn squares_add_up_over_what_is_observed() {
        let columns = Columns {
            values: &[0, 100, 0, 100],
            surprises: &[0, 8, 0, 16],
            knots: 2,
        };
        let sum = |observed| columns.sum_of_squares(&[200, 300], observed);
        assert_eq!(sum(Mask::ALL), (4 + 36) * 64);
        assert_eq!(sum(Mask::new(&[0b10], 2).unwrap()), 36 * 64);
        assert!(
            !Columns {
                values: &[3, 2],
                ..columns
            }
            .is_valid()
        );
    }
}
