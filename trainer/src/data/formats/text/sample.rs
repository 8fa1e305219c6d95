//! Some of the rows of a file that has more than fit in memory.

use crate::data::frame::FRONT;

/// Cells that are read of a large file where nobody says how many rows: eight bytes each here, and about as many again
/// in what is made of them.
const MOST_CELLS: usize = 20_000_000;

/// Which rows are kept of more than fit: each with the same chance, whatever order they are in. Whenever there are too many,
/// the chance is halved, and of those that were kept every other one goes, by a word that its number draws.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// Rows behind the front that may be kept.
    most: usize,
    /// Rows are kept whose words end in so many zeros.
    zeros: u32,
    /// Rows so far.
    rows: u64,
    /// The numbers of the rows that are kept.
    kept: Vec<u64>,
}

impl Sample {
    /// At most `rows` rows, or as many as there is memory for, of `width` cells.
    pub(super) fn new(rows: Option<usize>, width: usize) -> Self {
        Self {
            most: rows.unwrap_or(MOST_CELLS / width.max(1)).max(FRONT),
            zeros: 0,
            rows: 0,
            kept: vec![],
        }
    }

    /// Whether the next row is kept.
    pub(super) fn keeps_next(&mut self) -> bool {
        let row = self.rows;
        self.rows += 1;
        let keeps = self.keeps(row);
        if keeps {
            self.kept.push(row);
        }
        keeps
    }

    fn keeps(&self, row: u64) -> bool {
        row < FRONT as u64 || word(row).trailing_zeros() >= self.zeros
    }

    /// Where too many rows are kept, which of them are from now on.
    pub(super) fn thinned(&mut self) -> Option<Vec<bool>> {
        if self.kept.len() <= self.most {
            return None;
        }
        self.zeros += 1;
        let keeps: Vec<bool> = self.kept.iter().map(|&row| self.keeps(row)).collect();
        let mut of_row = keeps.iter();
        self.kept.retain(|_| of_row.next() == Some(&true));
        Some(keeps)
    }

    /// Rows that there were, where not all are kept.
    pub(super) fn of_rows(&self) -> Option<usize> {
        (self.zeros > 0).then_some(self.rows as usize)
    }
}

/// A word for a number (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014: SplitMix64).
fn word(number: u64) -> u64 {
    let z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Keeps those of `cells` that are to be.
pub(super) fn retain<T>(cells: &mut Vec<T>, keeps: &[bool]) {
    let mut keeps = keeps.iter();
    cells.retain(|_| keeps.next() == Some(&true));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_the_same_chance_and_order_stays() {
        let mut sample = Sample::new(Some(4000), 3);
        let mut rows: Vec<u64> = vec![];
        for row in 0..100_000 {
            if sample.keeps_next() {
                rows.push(row);
            }
            if let Some(keeps) = sample.thinned() {
                retain(&mut rows, &keeps);
            }
        }
        assert_eq!(sample.of_rows(), Some(100_000));
        assert!((2000..=4000).contains(&rows.len()), "{}", rows.len());
        assert!(rows.is_sorted() && rows[..FRONT].iter().copied().eq(0..FRONT as u64));
        // Behind the front, as many in each tenth: 300 in the mean, whose deviation is 17.
        for tenth in 1..10u64 {
            let within = rows.iter().filter(|&&row| row / 10_000 == tenth).count();
            let mean = (rows.len() - FRONT) as f64 / 9.9;
            assert!(
                (within as f64 - mean).abs() < 5.0 * mean.sqrt(),
                "{tenth}: {within} {mean}"
            );
        }
        // A period of the rows is none of the sample.
        let even = rows[FRONT..].iter().filter(|&&row| row % 64 < 32).count() as f64;
        let part = even / (rows.len() - FRONT) as f64;
        assert!((part - 0.5).abs() < 0.05, "{part}");
    }

    #[test]
    fn few_rows_are_all_kept() {
        let mut sample = Sample::new(None, 10);
        assert!((0..5000).all(|_| sample.keeps_next() && sample.thinned().is_none()));
        assert_eq!(sample.of_rows(), None);
    }
}
