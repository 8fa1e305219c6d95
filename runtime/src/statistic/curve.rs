//! From the value of a statistic to its surprise.

use crate::fixed::mean;
use core::num::NonZeroU32;

/// The largest surprise, 1024 nats in Q16.16.
pub(crate) const LARGEST_SURPRISE: i32 = 1 << 26;

/// The surprise `-ln p` of a value among those of normal readings, where `p` is the chance of a value as high: straight lines
/// through knots. Below the first knot it is the first one's, beyond the last it goes on as between the last
/// two, up to [`LARGEST_SURPRISE`]. A curve without knots is zero everywhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve<'a> {
    /// Strictly ascending; none, or two and more.
    pub(crate) values: &'a [i32],
    /// Q16.16 nats, ascending, from 0 to [`LARGEST_SURPRISE`]; one for each value.
    pub(crate) surprises: &'a [i32],
}

impl Curve<'_> {
    /// Zero everywhere.
    pub(crate) const ZERO: Curve<'static> = Curve {
        values: &[],
        surprises: &[],
    };

    /// The surprise of `value`, Q16.16 nats, rounded half up.
    pub(crate) fn at(&self, value: i32) -> i32 {
        let above = self.values.partition_point(|&knot| knot <= value);
        let last = self.values.len().saturating_sub(1);
        let upper = above.min(last).max(1);
        let knot = |index: usize| {
            let value = self.values.get(index).copied();
            value.zip(self.surprises.get(index).copied())
        };
        let (Some((v0, u0)), Some((v1, u1))) = (knot(upper - 1), knot(upper)) else {
            return 0;
        };
        let width = NonZeroU32::new(v1.wrapping_sub(v0).cast_unsigned());
        let beyond = (i64::from(value) - i64::from(v0)).max(0);
        // Below 2^33 times at most 2^26.
        let rise = beyond * i64::from(u1.saturating_sub(u0));
        let rise = mean(rise, width.unwrap_or(NonZeroU32::MIN));
        (i64::from(u0) + rise).min(LARGEST_SURPRISE.into()) as i32
    }

    /// What a curve must satisfy to be read as one.
    pub(crate) fn is_valid(&self) -> bool {
        // By hand: the sorting checks of slices may panic as far as a linker can tell.
        let values = self.values.iter().zip(self.values.iter().skip(1));
        let surprises = self.surprises.iter().zip(self.surprises.iter().skip(1));
        let in_range = |&surprise: &i32| (0..=LARGEST_SURPRISE).contains(&surprise);
        values.into_iter().all(|(a, b)| a < b)
            && surprises.into_iter().all(|(a, b)| a <= b)
            && self.surprises.iter().all(in_range)
            && self.surprises.len() == self.values.len()
            && self.values.len() != 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_through_the_knots_and_on() {
        let curve = Curve {
            values: &[-10, 0, 30],
            surprises: &[1 << 16, 2 << 16, 5 << 16],
        };
        assert!(curve.is_valid());
        for (value, nats) in [
            (i32::MIN, 1.0),
            (-10, 1.0),
            (-5, 1.5),
            (0, 2.0),
            (10, 3.0),
            (30, 5.0),
            (60, 8.0),
            (i32::MAX, 1024.0),
        ] {
            assert_eq!(curve.at(value), (nats * 65536.0) as i32, "{value}");
        }
        assert_eq!(Curve::ZERO.at(7), 0);
        assert!(Curve::ZERO.is_valid());
    }

    #[test]
    fn the_widest_steps_do_not_overflow() {
        let curve = Curve {
            values: &[i32::MIN, i32::MAX],
            surprises: &[0, LARGEST_SURPRISE],
        };
        assert_eq!(curve.at(i32::MIN), 0);
        assert_eq!(curve.at(i32::MAX), LARGEST_SURPRISE);
        assert_eq!(curve.at(0), LARGEST_SURPRISE / 2);
        let steep = Curve {
            values: &[0, 1],
            surprises: &[0, LARGEST_SURPRISE],
        };
        assert_eq!(steep.at(i32::MAX), LARGEST_SURPRISE);
    }

    #[test]
    fn what_is_no_curve_is_refused() {
        let valid = |values: &[i32], surprises: &[i32]| Curve { values, surprises }.is_valid();
        assert!(!valid(&[1], &[1]));
        assert!(!valid(&[1, 1], &[1, 2]));
        assert!(!valid(&[1, 2], &[2, 1]));
        assert!(!valid(&[1, 2], &[-1, 1]));
        assert!(!valid(&[1, 2], &[0, LARGEST_SURPRISE + 1]));
        assert!(valid(&[1, 2], &[3, 3]));
    }
}
