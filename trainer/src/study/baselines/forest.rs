//! An isolation forest, written here: linfa has none.

use super::Matrix;
use crate::data::shuffle;
use crate::error::Error;
use crate::numeric::random::{self, Purpose};
use nalgebra::DMatrix;
use rand_core::Rng;
use serde::Serialize;

const TREES: usize = 100;
const SAMPLE: usize = 256;

/// Settings of a forest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::Args)]
pub struct Settings {
    /// Trees in the forest
    #[arg(long, value_name = "N", default_value_t = TREES)]
    pub trees: usize,
    /// Training readings that each tree is grown from
    #[arg(long, value_name = "N", default_value_t = SAMPLE)]
    pub sample: usize,
}

impl Default for Settings {
    /// The settings of the paper.
    fn default() -> Self {
        Self {
            trees: TREES,
            sample: SAMPLE,
        }
    }
}

/// Trees of random cuts, in which anomalous readings are alone after few (Liu, Ting and Zhou,
/// "Isolation forest", 2008). An input to cut is one of those that still differ among the readings of
/// a node, each as likely; the place is uniform between the least and the largest.
#[derive(Clone, Debug)]
pub struct Forest {
    trees: Vec<Vec<Node>>,
    /// [`average_path`] of the readings in a tree: what path lengths are measured by.
    scale: f64,
}

/// Node of a tree, which starts at 0.
#[derive(Clone, Copy, Debug)]
enum Node {
    /// Readings below `place` in `input` go on at the next node, others at `above`.
    Cut {
        input: usize,
        place: f64,
        above: usize,
    },
    /// How long the path is in the mean for readings that end here.
    Leaf { path: f64 },
}

impl Forest {
    /// Grows a forest on the rows of `data` (algorithms 1 and 2).
    ///
    /// # Errors
    /// [`Error::Setting`] where there is no tree, or fewer than 2 readings for one.
    pub fn fit(data: &Matrix, settings: Settings, seed: u64) -> Result<Self, Error> {
        let readings = data.values.nrows();
        if settings.trees == 0 {
            return Err(Error::Setting(
                "--trees is 0: give 1 or more; 100 is usual".into(),
            ));
        }
        let sample = settings.sample.min(readings);
        if sample < 2 {
            return Err(Error::Setting(format!(
                "--sample is {} and there are {readings} training readings: a tree needs 2 or more of them",
                settings.sample
            )));
        }
        let mut rng = random::stream(seed, Purpose::Baselines);
        let deepest = sample.next_power_of_two().ilog2() as usize;
        let mut rows: Vec<usize> = (0..readings).collect();
        let trees = (0..settings.trees).map(|_| {
            shuffle(&mut rows, &mut rng);
            let mut tree = vec![];
            grow(
                &mut tree,
                &data.values,
                &mut rows[..sample],
                0,
                deepest,
                &mut rng,
            );
            tree
        });
        Ok(Self {
            trees: trees.collect(),
            scale: average_path(sample),
        })
    }

    /// The anomaly score of each row, from 0 to 1, the higher the more anomalous (equation 2).
    pub fn scores(&self, data: &DMatrix<f64>) -> Vec<f64> {
        let score = |row| {
            let paths = self.trees.iter().map(|tree| path(tree, data, row));
            let mean = paths.sum::<f64>() / self.trees.len() as f64;
            (-mean / self.scale).exp2()
        };
        (0..data.nrows()).map(score).collect()
    }
}

/// How far `row` gets in a tree (algorithm 3).
fn path(tree: &[Node], data: &DMatrix<f64>, row: usize) -> f64 {
    let mut at = 0;
    loop {
        at = match tree[at] {
            Node::Leaf { path } => return path,
            Node::Cut {
                input,
                place,
                above,
            } => {
                if data[(row, input)] < place {
                    at + 1
                } else {
                    above
                }
            }
        };
    }
}

/// Adds the tree of `rows`, which lie `depth` cuts deep, to `tree`.
fn grow(
    tree: &mut Vec<Node>,
    data: &DMatrix<f64>,
    rows: &mut [usize],
    depth: usize,
    deepest: usize,
    rng: &mut impl Rng,
) {
    let cut = if depth < deepest && rows.len() > 1 {
        cut(data, rows, rng)
    } else {
        None
    };
    let Some((input, place)) = cut else {
        tree.push(Node::Leaf {
            path: depth as f64 + average_path(rows.len()),
        });
        return;
    };
    let mut below = 0;
    for at in 0..rows.len() {
        if data[(rows[at], input)] < place {
            rows.swap(at, below);
            below += 1;
        }
    }
    let (near, far) = rows.split_at_mut(below);
    let here = tree.len();
    tree.push(Node::Leaf { path: 0.0 });
    grow(tree, data, near, depth + 1, deepest, rng);
    let above = tree.len();
    grow(tree, data, far, depth + 1, deepest, rng);
    tree[here] = Node::Cut {
        input,
        place,
        above,
    };
}

/// An input and where to cut it, with readings on both sides; none where all readings are the same.
fn cut(data: &DMatrix<f64>, rows: &[usize], rng: &mut impl Rng) -> Option<(usize, f64)> {
    let range = |input: usize| {
        let values = rows.iter().map(|&row| data[(row, input)]);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let mut inputs: Vec<usize> = (0..data.ncols()).collect();
    // Inputs in random order up to the first that differs: each that does is as likely.
    for first in 0..inputs.len() {
        let rest = &mut inputs[first..];
        let chosen = (uniform(rng) * rest.len() as f64) as usize;
        rest.swap(0, chosen);
        let input = rest[0];
        let (low, high) = range(input);
        if low < high {
            // The largest reading is never below the place; the least is not above it.
            let place = low + (high - low) * (1.0 - uniform(rng));
            return Some((input, place));
        }
    }
    None
}

/// Draws from [0, 1).
fn uniform(rng: &mut impl Rng) -> f64 {
    f64::from(rng.next_u32()) / 4_294_967_296.0
}

/// The mean path to a leaf in a search tree of `count` random readings, `2 H(n - 1) - 2 (n - 1) / n`
/// (equation 1, with the harmonic numbers as they are).
fn average_path(count: usize) -> f64 {
    let harmonic: f64 = (1..count).map(|n| 1.0 / n as f64).sum();
    let count = count.max(1) as f64;
    2.0 * harmonic - 2.0 * (count - 1.0) / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::normals;

    fn matrix(values: DMatrix<f64>) -> Matrix {
        Matrix {
            values,
            log_units: 0.0,
            floor: 1e-9,
        }
    }

    fn settings(trees: usize, sample: usize) -> Settings {
        Settings { trees, sample }
    }

    /// A leaf of a random search tree of `n` leaves is one cut below the root, and then as deep as in
    /// the part it is in, which has 1 to n - 1 leaves, each number as likely.
    #[test]
    fn the_average_path_solves_its_recursion() {
        let mut depths = vec![0.0, 0.0];
        for n in 2..300_usize {
            let parts = (1..n).map(|part| {
                let share = part as f64 / n as f64;
                share * depths[part] + (1.0 - share) * depths[n - part]
            });
            let depth = 1.0 + parts.sum::<f64>() / (n - 1) as f64;
            depths.push(depth);
            assert!((average_path(n) - depth).abs() < 1e-9, "{n}");
        }
        assert_eq!(average_path(0), 0.0);
        assert_eq!(average_path(1), 0.0);
    }

    /// Two readings are parted by the first cut, whatever it is: both score 2^-1.
    #[test]
    fn two_readings_score_one_half() {
        let data = matrix(DMatrix::from_row_slice(2, 2, &[0.0, 1.0, 5.0, 1.0]));
        let forest = Forest::fit(&data, settings(20, 2), 0).unwrap();
        assert_eq!(forest.scores(&data.values), [0.5, 0.5]);
    }

    /// Nothing parts readings that are the same: each path is the average one.
    #[test]
    fn equal_readings_score_one_half() {
        let data = matrix(DMatrix::from_element(40, 3, 2.0));
        let forest = Forest::fit(&data, settings(5, 16), 0).unwrap();
        for score in forest.scores(&data.values) {
            assert!((score - 0.5).abs() < 1e-12, "{score}");
        }
    }

    /// Of four readings on a line, 0, 1, 2 and 100, the last is alone after one cut unless that falls
    /// below 2, in 2 of 100 cases; the mean path of each follows from the lengths of the gaps.
    #[test]
    fn a_far_reading_is_alone_soon() {
        let line = [0.0, 1.0, 2.0, 100.0];
        let data = matrix(DMatrix::from_row_slice(4, 1, &line));
        let trees = 20_000;
        let forest = Forest::fit(&data, settings(trees, 4), 1).unwrap();
        let exact = expected_path(&line, 3, 0);
        let score = forest.scores(&data.values)[3];
        let found = -score.log2() * average_path(4);
        // A path is 1 in 98 of 100 trees and 2 or 3 in others: its standard deviation is below 0.3.
        assert!(
            (found - exact).abs() < 5.0 * 0.3 / (trees as f64).sqrt(),
            "{found} {exact}"
        );
        let scores = forest.scores(&DMatrix::from_row_slice(3, 1, &[1.0, 100.0, 1e6]));
        assert!(
            scores[0] < scores[1] && scores[1] == scores[2],
            "{scores:?}"
        );
    }

    /// The definition: over all gaps that the first cut may fall into.
    fn expected_path(line: &[f64], of: usize, depth: usize) -> f64 {
        if line.len() == 1 || depth == 2 {
            return average_path(line.len());
        }
        let length = line[line.len() - 1] - line[0];
        let gaps = (1..line.len()).map(|gap| {
            let chance = (line[gap] - line[gap - 1]) / length;
            let rest = if of < gap {
                expected_path(&line[..gap], of, depth + 1)
            } else {
                expected_path(&line[gap..], of - gap, depth + 1)
            };
            chance * (1.0 + rest)
        });
        gaps.sum()
    }

    #[test]
    fn anomalous_readings_score_higher() {
        let mut rng = random::stream(5, Purpose::Evaluation);
        let values = normals(&mut rng, 400 * 3).into_iter().map(f64::from);
        let data = matrix(DMatrix::from_iterator(400, 3, values));
        let forest = Forest::fit(
            &data,
            Settings {
                trees: 100,
                sample: 128,
            },
            0,
        )
        .unwrap();
        let of = |x: f64| forest.scores(&DMatrix::from_element(1, 3, x))[0];
        assert!(of(0.0) < 0.5 && of(4.0) > 0.6, "{} {}", of(0.0), of(4.0));
    }

    #[test]
    fn forests_need_trees_and_trees_need_readings() {
        let one = matrix(DMatrix::from_element(1, 2, 0.0));
        for (settings, data, words) in [
            (settings(0, 8), DMatrix::zeros(9, 2), "--trees is 0"),
            (settings(9, 1), DMatrix::zeros(9, 2), "--sample is 1"),
            (settings(9, 8), one.values.clone(), "1 training readings"),
        ] {
            let error = Forest::fit(&matrix(data), settings, 0).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
