//! Few points in the place of many. No library: those that train on stable Rust bring their own array types along.

use rand_core::Rng;

/// Passes over the points, at most; after these, centres of a few hundred points move little.
const PASSES: usize = 50;
/// Starts that the best is taken of, at most.
const STARTS: usize = 5;
/// Products of a pass of all starts, at most, but for the first: a second of them, or a few.
const PRODUCTS: usize = 40_000_000;

/// The best of several [`centres`], as many as are done soon: those with the least sum of squared distances from the points to the
/// closest of them.
pub fn best_centres(points: &[f32], width: usize, count: usize, rng: &mut impl Rng) -> Vec<f32> {
    let starts = PRODUCTS / points.len().saturating_mul(count).max(1);
    let distortion = |centres: &[f32]| -> f64 {
        let rows = points.chunks_exact(width.max(1));
        rows.map(|row| closest(centres, row).1).sum()
    };
    let found = (0..starts.clamp(1, STARTS)).map(|_| {
        let centres = centres(points, width, count, rng);
        (distortion(&centres), centres)
    });
    let best = found.min_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(vec![], |(_, centres)| centres)
}

/// Centres of `points`, rows of `width` numbers: `count` of them, or all points where there are no more. Seeded by k-means++
/// (Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", 2007), moved by Lloyd's iteration
/// ("Least squares quantization in PCM", 1982).
pub fn centres(points: &[f32], width: usize, count: usize, rng: &mut impl Rng) -> Vec<f32> {
    let rows: Vec<&[f32]> = points.chunks_exact(width.max(1)).collect();
    if rows.len() <= count {
        return points.to_vec();
    }
    let mut centres = seeds(&rows, count, rng);
    let mut nearest = vec![0; rows.len()];
    for _ in 0..PASSES {
        let mut moved = false;
        for (own, row) in nearest.iter_mut().zip(&rows) {
            let (found, _) = closest(&centres, row);
            moved |= *own != found;
            *own = found;
        }
        if !moved {
            break;
        }
        let mut sums = vec![0.0; centres.len()];
        let mut counts = vec![0.0f32; count];
        for (&own, row) in nearest.iter().zip(&rows) {
            counts[own] += 1.0;
            let sums = &mut sums[own * width..][..width];
            sums.iter_mut().zip(*row).for_each(|(sum, x)| *sum += x);
        }
        let all = centres.chunks_exact_mut(width).zip(sums.chunks(width));
        // A centre that lost all its points stays where it is.
        for ((centre, sums), count) in all.zip(&counts).filter(|(_, count)| **count > 0.0) {
            let pairs = centre.iter_mut().zip(sums);
            pairs.for_each(|(centre, sum)| *centre = sum / count);
        }
    }
    centres
}

/// Points far from those before them: each is drawn with a chance that is its squared distance from these.
fn seeds(rows: &[&[f32]], count: usize, rng: &mut impl Rng) -> Vec<f32> {
    let unit = |rng: &mut _| f64::from(Rng::next_u32(rng)) / 2f64.powi(32);
    let first = (unit(rng) * rows.len() as f64) as usize;
    let mut centres = rows[first].to_vec();
    let mut distances: Vec<f64> = rows.iter().map(|row| distance(rows[first], row)).collect();
    for _ in 1..count {
        let mut left = unit(rng) * distances.iter().sum::<f64>();
        let drawn = distances.iter().position(|distance| {
            left -= distance;
            left < 0.0
        });
        // Where all points are centres already, or by rounding, none is found.
        let drawn = rows[drawn.unwrap_or(0)];
        centres.extend(drawn);
        for (own, row) in distances.iter_mut().zip(rows) {
            *own = own.min(distance(drawn, row));
        }
    }
    centres
}

/// Which of `centres`, rows as long as `row`, is closest to it, and its squared distance.
pub fn closest(centres: &[f32], row: &[f32]) -> (usize, f64) {
    let distances = centres
        .chunks_exact(row.len())
        .map(|centre| distance(centre, row));
    let by_distance = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
    let closest = distances.enumerate().min_by(by_distance);
    closest.unwrap_or((0, f64::INFINITY))
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b) * (a - b))
        .sum::<f32>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{Purpose, normals, stream};

    #[test]
    fn clouds_have_a_centre_each() {
        let mut rng = stream(7, Purpose::Baselines);
        let clouds = [[0.0, 0.0], [50.0, 0.0], [0.0, 50.0], [50.0, 50.0]];
        let noise = normals(&mut rng, 2 * 400);
        let points: Vec<f32> = noise
            .chunks(2)
            .enumerate()
            .flat_map(|(at, noise)| {
                let cloud = clouds[at % 4];
                [cloud[0] + noise[0], cloud[1] + noise[1]]
            })
            .collect();
        let found = centres(&points, 2, 4, &mut rng);
        for cloud in clouds {
            let (_, far) = closest(&found, &cloud);
            // The mean of 100 normals is within 0.4 of theirs but for one in 10,000.
            assert!(far < 0.4 * 0.4 * 2.0, "{cloud:?} {far}");
        }
        assert_eq!(centres(&points[..6], 2, 4, &mut rng), points[..6]);
        let same = vec![1.0; 20];
        assert_eq!(centres(&same, 2, 3, &mut rng), vec![1.0; 6]);
    }
    /// Nine clouds and nine centres: a single start now and then puts two of these into one cloud, the best of five never did.
    #[test]
    fn the_best_of_several_starts_is_taken() {
        let mut rng = stream(8, Purpose::Baselines);
        let noise = normals(&mut rng, 2 * 900);
        let points = noise.chunks(2).enumerate().flat_map(|(at, noise)| {
            let (x, y) = ((at % 3) as f32, (at / 3 % 3) as f32);
            [10.0 * x + noise[0], 10.0 * y + noise[1]]
        });
        let points: Vec<f32> = points.collect();
        let distortion =
            |centres: &[f32]| -> f64 { points.chunks(2).map(|row| closest(centres, row).1).sum() };
        // 900 squared distances of two unit normals each: 1800, less what the centres take.
        let is_split = |centres: &[f32]| distortion(centres) > 4000.0;
        let single = (0..40).filter(|_| is_split(&centres(&points, 2, 9, &mut rng)));
        assert!(single.count() > 0);
        for _ in 0..40 {
            assert!(!is_split(&best_centres(&points, 2, 9, &mut rng)));
        }
    }
}
