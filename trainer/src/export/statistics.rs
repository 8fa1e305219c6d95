//! Statistics beside the bound, fitted to the readings that were learned from, and the curves of their surprise among
//! readings that were not. What they are, [`elbow::statistic`] says.

use crate::model::prepared::Prepared;
use crate::numeric::k_means::{best_centres, centres, closest};
use crate::numeric::random::{self, Purpose};
use crate::numeric::statistics::{auc, mean, quantile, root_mean_square};
use crate::numeric::tail::{PART, Tail};
use crate::readings::Readings;
use crate::readings::masks::Masks;
use elbow::Mask;
use elbow::image::{ColumnCurvesSpec, CurveSpec, ImageSpec, PrototypesSpec, StatisticsSpec};
use elbow::layer::WeightBits;
use elbow::requantize::Multiplier;
use elbow::statistic::Values;

/// Bytes of all prototypes, at most. On 22 public tables 2 KiB give a mean AUC of 0.887, 3 KiB 0.888, 4 KiB 0.889, 8 KiB
/// 0.891, all training readings 0.885.
const PROTOTYPE_BYTES: usize = 3072;
/// Where fewer prototypes of eight bits have room they are of four bits, twice as many: what rounding does to a distance
/// averages out over the columns of a wide reading. On ten classes of 64 columns the mean AUC of the distances rises from 0.970 to
/// 0.980, on tables of 36 to 100 columns by 0.00 to 0.03; with fewer columns it falls.
const MANY: usize = 96;
/// Prototypes, at least: fewer say nothing that the model does not.
const FEWEST: usize = 8;
/// What the root mean square of a centred number becomes in a prototype: 127 is then eight deviations.
const DEVIATION: f64 = 16.0;
/// And in one of four bits, where 8 steps of 16 are 3.5 deviations.
const NARROW_DEVIATION: f64 = 37.0;
/// Readings for each prototype that are looked at, at most.
const READINGS_EACH: usize = 100;
/// Tail probabilities of columns with knots.
const LEVELS: [f64; 6] = [0.5, 0.25, 0.1, 0.03, 0.01, 0.003];
/// Knots of a column: all levels on both sides but the median once, and one beyond on each side.
const KNOTS: usize = 2 * LEVELS.len() + 1;
/// A column surprises by as many nats more for each deviation beyond its readings, at least.
const NATS_PER_DEVIATION: f64 = 0.7;
/// Where a tail of p-values has knots: nats beyond the lowest score. 16 nats are one in nine million.
const TAIL_KNOTS: [f64; 4] = [0.0, 2.0, 6.0, 16.0];
/// Clusters that are left out one after another.
const CLUSTERS: usize = 6;
/// Readings that are clustered, at most.
const NOVELTY_READINGS: usize = 2500;
/// Ways to cluster them, of which the mean counts: by a single one the lead varies by 0.03.
const CLUSTERINGS: usize = 4;
/// Mean lead in AUC of distances over columns at which columns are left out. It is 0.21 to 0.28 on ten sets of pictures and on
/// five of 21 public tables, where columns cost up to 0.08 in AUC of the joined score and give nothing, and at
/// most 0.19 on the others.
const NOVELTY_LEAD: f64 = 0.2;
/// Parts of the held-out readings that are each judged by curves of the others.
const FOLDS: usize = 10;
/// Held-out readings without which no statistics are joined.
const ENOUGH: usize = 20;

/// Puts prototypes and curves of columns into `spec`, fitted to the readings `learned` from. They need inputs that are not given
/// under conditions: a rare condition is no anomaly.
pub fn fit(spec: &mut ImageSpec, learned: &Prepared) {
    if !spec.conditions.is_empty() || learned.readings.is_empty() {
        return;
    }
    spec.statistics.prototypes = prototypes(spec, learned);
    if columns_see_novelty(spec, learned) {
        spec.statistics.columns = Some(columns(&learned.readings, learned.observed.as_ref()));
    }
}

/// Statistics as large as [`fit`] can make them for `spec` and so many readings.
pub fn largest(spec: &ImageSpec, readings: usize) -> StatisticsSpec {
    let inputs = spec.inputs.len();
    if !spec.conditions.is_empty() {
        return StatisticsSpec::default();
    }
    let (bits, count) = room(inputs);
    let count = count.min(readings);
    let curve: Vec<(i32, f64)> = (0..9).map(|at| (at, f64::from(at))).collect();
    let curve = CurveSpec::through(&curve);
    let prototypes = (count >= FEWEST).then(|| PrototypesSpec {
        gain: spec.inputs[0].gain,
        bits,
        rows: vec![0; count * PrototypesSpec::row_bytes(bits, inputs)],
    });
    StatisticsSpec {
        distance: prototypes
            .as_ref()
            .map_or_else(CurveSpec::default, |_| curve.clone()),
        prototypes,
        columns: Some(ColumnCurvesSpec {
            knots: KNOTS as u8,
            values: vec![0; KNOTS * inputs],
            surprises: vec![0; KNOTS * inputs],
        }),
        bound: curve.clone(),
        reconstruction: curve.clone(),
        sum: curve,
    }
}

/// What the encoder takes in of each reading; of what is not there, 0.
fn taken_in(spec: &ImageSpec, readings: &Readings, learned: &Prepared) -> Vec<i32> {
    let ceiling = i32::from(spec.input_ceiling);
    let observed = learned.observed.as_ref();
    let rows = readings.iter().enumerate();
    let numbers = rows.flat_map(|(row, reading)| {
        let numbers = reading.iter().zip(&spec.inputs).enumerate();
        numbers.map(move |(index, (&x, input))| {
            if observed.is_some_and(|observed| !observed.observes(row, index)) {
                return 0;
            }
            let centred = i32::from(x) - i32::from(input.center);
            input.gain.apply(centred).clamp(-ceiling, ceiling)
        })
    });
    numbers.collect()
}

/// The bits of prototypes of so many numbers, and how many there is room for.
fn room(width: usize) -> (WeightBits, usize) {
    let count = |bits| PROTOTYPE_BYTES / PrototypesSpec::row_bytes(bits, width).max(1);
    let bits = match count(WeightBits::Eight) < MANY {
        true => WeightBits::Four,
        false => WeightBits::Eight,
    };
    (bits, count(bits))
}

fn prototypes(spec: &ImageSpec, learned: &Prepared) -> Option<PrototypesSpec> {
    let width = learned.readings.width();
    let (bits, count) = room(width);
    let readings = learned.readings.first(READINGS_EACH * count);
    if count.min(readings.len()) < FEWEST {
        return None;
    }
    let taken = taken_in(spec, &readings, learned);
    let numbers: Vec<f64> = taken.iter().map(|&taken| f64::from(taken)).collect();
    let deviation = root_mean_square(&numbers).filter(|&deviation| deviation > 0.0)?;
    let of_deviation = match bits {
        WeightBits::Eight => DEVIATION,
        WeightBits::Four => NARROW_DEVIATION,
    };
    let gain = Multiplier::nearest(of_deviation / deviation).ok()?;
    let units: Vec<f32> = taken
        .iter()
        .map(|&taken| gain.apply(taken).clamp(-127, 127) as f32)
        .collect();
    let mut rng = random::stream(0, Purpose::Prototypes);
    let centres = best_centres(&units, width, count, &mut rng);
    let rows = centres.chunks_exact(width);
    let rows = rows.flat_map(|centre| PrototypesSpec::row(bits, centre));
    Some(PrototypesSpec {
        gain,
        bits,
        rows: rows.collect(),
    })
}

/// Whether columns by themselves see what is new, as far as the readings can tell without any anomaly: of each cluster of
/// them that is left out, columns that were fitted to the others are to see almost as much as distances to the others do.
/// Where readings are of several modes, and what is new lies between them, columns see nothing, and a statistic that sees
/// nothing hides what others see.
fn columns_see_novelty(spec: &ImageSpec, learned: &Prepared) -> bool {
    let readings = learned.readings.first(NOVELTY_READINGS);
    let width = readings.width();
    let taken = taken_in(spec, &readings, learned);
    let points: Vec<f32> = taken.iter().map(|&taken| taken as f32).collect();
    let mut rng = random::stream(0, Purpose::Prototypes);
    let mut leads = vec![];
    for _ in 0..CLUSTERINGS {
        let centres = centres(&points, width, CLUSTERS, &mut rng);
        let rows = points.chunks_exact(width);
        let clusters: Vec<usize> = rows.map(|row| closest(&centres, row).0).collect();
        let of_clusters = (0..CLUSTERS).filter_map(|cluster| {
            let is_new: Vec<bool> = clusters.iter().map(|&own| own == cluster).collect();
            lead(&readings, &points, learned.observed.as_ref(), &is_new)
        });
        leads.extend(of_clusters);
    }
    mean(&leads).is_none_or(|lead| lead < NOVELTY_LEAD)
}

/// By how much distances to known readings tell those that are new better than their columns do, in AUC. A quarter of what is known
/// is told from what is new, by what is fitted to the rest. None where these are too few.
fn lead(
    readings: &Readings,
    points: &[f32],
    observed: Option<&Masks>,
    is_new: &[bool],
) -> Option<f64> {
    let width = readings.width();
    let row = |row: usize| &points[row * width..][..width];
    let (new, known): (Vec<usize>, Vec<usize>) = (0..readings.len()).partition(|&at| is_new[at]);
    let (mut judged, fitted): (Vec<usize>, Vec<usize>) = known.iter().partition(|&&at| at % 4 == 0);
    if new.len() < FEWEST || judged.len() < FEWEST || fitted.len() < FEWEST {
        return None;
    }
    judged.extend(new);
    let labels: Vec<bool> = judged.iter().map(|&at| is_new[at]).collect();
    let others: Vec<f32> = fitted.iter().flat_map(|&at| row(at)).copied().collect();
    let distances = judged.iter().map(|&at| -closest(&others, row(at)).1);
    let of_distances = auc(&distances.collect::<Vec<f64>>(), &labels)?;
    let masks = observed.map(|masks| masks.select(&fitted));
    let fitted = columns(&readings.select(&fitted), masks.as_ref());
    let sums = judged.iter().map(|&at| {
        let mask = observed.and_then(|masks| masks.mask(at).ok());
        let sum = fitted.sum_of_squares(readings.row(at), mask.unwrap_or(Mask::ALL));
        -f64::from(sum)
    });
    let of_sums = auc(&sums.collect::<Vec<f64>>(), &labels)?;
    Some(of_distances - of_sums)
}

fn columns(readings: &Readings, observed: Option<&Masks>) -> ColumnCurvesSpec {
    let mut curves = ColumnCurvesSpec {
        knots: KNOTS as u8,
        values: vec![],
        surprises: vec![],
    };
    for input in 0..readings.width() {
        let rows = readings.iter().enumerate();
        let there =
            rows.filter(|&(row, _)| observed.is_none_or(|observed| observed.observes(row, input)));
        let knots = column(there.map(|(_, reading)| reading[input]).collect());
        let last = knots.last().copied().unwrap_or((0, 0));
        let padded = knots.into_iter().chain(std::iter::repeat(last));
        for (value, surprise) in padded.take(KNOTS) {
            curves.values.push(value);
            curves.surprises.push(surprise);
        }
    }
    curves
}

/// The knots of a column: raw numbers with their two-sided tail probabilities `2 min(P(X <= x), P(X >= x))` as surprises, in
/// eighths of a nat. At each value where these are few, else at quantiles; and one on each side
/// beyond all, by which the lines go on outwards.
fn column(mut values: Vec<i16>) -> Vec<(i16, u8)> {
    values.sort_unstable();
    let count = values.len() as f64;
    let mut at = values.clone();
    at.dedup();
    if at.len() + 2 > KNOTS {
        let last = values.len() - 1;
        let of_level = |level: &f64| {
            let rank = (level * last as f64).floor() as usize;
            // The median is on neither side.
            let other = if *level < 0.5 { last - rank } else { rank };
            [values[rank], values[other]]
        };
        let levels = LEVELS.iter().filter(|&&level| level * count >= 1.0);
        at = levels.flat_map(of_level).collect();
        at.sort_unstable();
        at.dedup();
    }
    let surprise = |x: i16| {
        let (below, above) = (
            values.partition_point(|&value| value <= x) as f64,
            count - values.partition_point(|&value| value < x) as f64,
        );
        -(2.0 * below.min(above) / count)
            .clamp(1.0 / (count + 1.0), 1.0)
            .ln()
    };
    let mut knots: Vec<(f64, f64)> = at.iter().map(|&x| (f64::from(x), surprise(x))).collect();
    let numbers: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
    let center = numbers.iter().sum::<f64>() / count;
    let around: Vec<f64> = numbers.iter().map(|number| number - center).collect();
    let deviation = root_mean_square(&around).unwrap_or(0.0).max(1.0);
    // The line from the second outermost knot through the outermost one, or a steeper one.
    let beyond = |outermost: (f64, f64), inner: Option<&(f64, f64)>, side: f64| {
        let (x, surprise) = outermost;
        let slope = inner.map_or((count + 1.0).ln() / deviation, |inner| {
            (surprise - inner.1) / (x - inner.0).abs()
        });
        let slope = slope.max(NATS_PER_DEVIATION / deviation);
        (x + side * deviation, surprise + slope * deviation)
    };
    if let (Some(&first), Some(&last)) = (knots.first(), knots.last()) {
        let (before, behind) = (
            beyond(first, knots.get(1), -1.0),
            beyond(last, knots.iter().rev().nth(1), 1.0),
        );
        knots.insert(0, before);
        knots.push(behind);
    }
    let integers = knots.iter().map(|&(x, surprise)| {
        let surprise = (8.0 * surprise).round().clamp(0.0, 255.0);
        (x.round() as i16, surprise as u8)
    });
    let mut integers: Vec<(i16, u8)> = integers.collect();
    integers.dedup_by_key(|knot| knot.0);
    integers
}

/// The `statistics` with the curves of all of them, by the `values` of readings that they have not learned from; none
/// where these are too few.
pub fn with_curves(statistics: &StatisticsSpec, values: &[&Values]) -> StatisticsSpec {
    if values.len() < ENOUGH {
        return StatisticsSpec::default();
    }
    let of = |value: fn(&Values) -> i32| curve(values.iter().map(|values| value(values)).collect());
    let mut statistics = statistics.clone();
    statistics.bound = of(|values| values.bound);
    statistics.reconstruction = of(|values| values.reconstruction);
    if statistics.prototypes.is_some() {
        statistics.distance = of(|values| values.prototypes);
    }
    if statistics.columns.is_some() {
        statistics.sum = of(|values| values.columns);
    }
    statistics
}

/// The joined scores of `judged`, one for each of `values`: each by curves that have not seen it, so that the largest of several
/// surprises is for the readings that calibrate it what it is for new ones.
pub fn joined_scores(
    statistics: &StatisticsSpec,
    values: &[Values],
    judged: &[Values],
) -> Vec<i32> {
    let mut scores = vec![0; judged.len()];
    for fold in 0..FOLDS {
        let others = values.iter().enumerate();
        let others = others.filter(|(row, _)| row % FOLDS != fold);
        let others: Vec<&Values> = others.map(|(_, values)| values).collect();
        let curves = with_curves(statistics, &others);
        for (row, values) in judged.iter().enumerate().skip(fold).step_by(FOLDS) {
            scores[row] = -curves.joined(values).0;
        }
    }
    scores
}

/// From a value to its surprise: through quantiles, and beyond the highest tenth on an exponential tail.
fn curve(values: Vec<i32>) -> CurveSpec {
    let values: Vec<f64> = values.into_iter().map(f64::from).collect();
    let at = |part: f64| quantile(&values, 1.0 - part);
    let mut knots: Vec<(f64, f64)> = [1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.15, PART]
        .map(|part| (at(part), -part.ln()))
        .to_vec();
    if let Some(tail) = Tail::fit(&values, PART) {
        let surprise = 1.0 - tail.rate.ln();
        let mean = tail.scale / (1.0 - tail.shape);
        knots.push((tail.threshold + mean, surprise));
    }
    through(&knots)
}

/// The curve from a negative score to its surprise below the lowest of `scores`.
pub fn tail(scores: &[i32]) -> CurveSpec {
    let negative: Vec<f64> = scores.iter().map(|&score| -f64::from(score)).collect();
    let Some(tail) = Tail::fit(&negative, PART) else {
        return CurveSpec::default();
    };
    let highest = negative.iter().copied().fold(f64::MIN, f64::max);
    let fitted = tail.surprise(highest);
    // No jump where counting ends, at 1/(n + 1): a tail that would begin beyond it begins there.
    let first = fitted.min((scores.len() as f64 + 1.0).ln());
    let knots = TAIL_KNOTS.iter();
    let knots: Vec<(f64, f64)> = knots
        .map(|nats| (tail.value(fitted + nats), first + nats))
        .collect();
    through(&knots)
}

/// Values are rounded up, so that no surprise is overstated.
fn through(knots: &[(f64, f64)]) -> CurveSpec {
    let knots = knots.iter();
    let knots: Vec<(i32, f64)> = knots.map(|&(x, nats)| (x.ceil() as i32, nats)).collect();
    CurveSpec::through(&knots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{normals, stream};

    #[test]
    fn a_rare_flag_is_surprising() {
        let flags: Vec<i16> = (0..1000).map(|row| i16::from(row % 100 == 0)).collect();
        // 2 P(X >= 1) is 0.02: 3.91 nats, 31 eighths; the line goes on as steep. Below 0 it rises by 0.7 nats.
        assert_eq!(column(flags), [(-1, 6), (0, 0), (1, 31), (2, 63)]);
        // What never changed is surprising as soon as it does: ln 1001 = 6.9 nats.
        assert_eq!(column(vec![7; 1000]), [(6, 55), (7, 0), (8, 55)]);
    }

    #[test]
    fn many_values_have_knots_at_quantiles() {
        let knots = column((0..1000).collect());
        assert_eq!(knots.len(), KNOTS);
        assert!(knots.is_sorted_by(|a, b| a.0 < b.0));
        // The quantile of 0.01 of 1000 numbers has 2 P(X <= x) = 0.02: 3.9 nats.
        assert!(knots.contains(&(9, 31)), "{knots:?}");
        assert!(knots.contains(&(990, 31)), "{knots:?}");
        let (lowest, highest) = (knots[0], knots[KNOTS - 1]);
        assert!(lowest.0 < -200 && lowest.1 > 40 && highest.0 > 1200 && highest.1 > 40);
    }

    /// Values of readings whose statistics are independent and normal, with deviations of a thousand units.
    fn readings(rng: &mut impl rand_core::Rng, count: usize) -> Vec<Values> {
        let numbers = normals(rng, 4 * count);
        let unit = |number: f32| (1000.0 * number) as i32;
        let values = numbers.chunks_exact(4).map(|own| Values {
            bound: unit(own[0]),
            reconstruction: unit(own[1]),
            prototypes: unit(own[2]),
            columns: unit(own[3]),
        });
        values.collect()
    }

    /// Statistics that [`with_curves`] makes four curves for.
    fn four() -> StatisticsSpec {
        StatisticsSpec {
            prototypes: Some(PrototypesSpec {
                gain: Multiplier::nearest(1.0).unwrap(),
                bits: WeightBits::Eight,
                rows: vec![0; 8],
            }),
            columns: Some(ColumnCurvesSpec {
                knots: 2,
                values: vec![0; 2],
                surprises: vec![0; 2],
            }),
            ..StatisticsSpec::default()
        }
    }

    /// The largest of four surprises is for new readings what it is for those that calibrate it.
    #[test]
    fn joined_scores_keep_the_false_alarm_rate() {
        let mut rng = stream(5, Purpose::Evaluation);
        let (mut below, mut all) = (0, 0);
        for _ in 0..60 {
            let known = readings(&mut rng, 199);
            let mut scores = joined_scores(&four(), &known, &known);
            scores.sort_unstable();
            let curves = with_curves(&four(), &known.iter().collect::<Vec<_>>());
            let new = readings(&mut rng, 2000);
            // Of 199 the tenth lowest has a p-value of 0.05.
            below += new
                .iter()
                .filter(|new| -curves.joined(new).0 < scores[9])
                .count();
            all += new.len();
        }
        let rate = below as f64 / all as f64;
        // The rate of one set has a deviation of 0.015, their mean one of 0.002.
        assert!((rate - 0.05).abs() < 0.008, "{rate}");
    }

    #[test]
    fn tails_go_on_by_a_nat_for_each_nat_of_an_exponential() {
        const SETS: usize = 20;
        let mut rng = stream(6, Purpose::Evaluation);
        let mut errors = [0.0; 2];
        // One in ten thousand, where five scores are counted; and one in a million, beyond all of them.
        let at = [9.21, 13.82];
        for _ in 0..SETS {
            let unit = |_| f64::from(rand_core::Rng::next_u32(&mut rng)) / 2f64.powi(32);
            let scores: Vec<i32> = (0..50_000)
                .map(unit)
                .map(|u| (65_536.0 * u.ln()) as i32)
                .collect();
            let spec = tail(&scores);
            let estimator = elbow::Estimator::SigmaPoints;
            let table = elbow::image::CalibrationSpec::of_joined(estimator, &scores, 48, &spec);
            for (error, nats) in errors.iter_mut().zip(at) {
                let score = elbow::Nats::from_bits((-nats * 65_536.0) as i32);
                let found = table.table().surprise(score).to_f64();
                *error += (found - nats) / SETS as f64;
            }
        }
        // Shapes are no less than 0 and tails begin no higher than counting ends, so that tails are too heavy: of 300 such
        // sets surprises at one in a million are 0.96 nats too small, with a deviation of 0.99. Those that are counted have one of
        // 0.45.
        let [counted, beyond] = errors;
        assert!(counted.abs() < 0.45, "{errors:?}");
        assert!((-1.85..-0.1).contains(&beyond), "{errors:?}");
    }

    #[test]
    fn few_readings_join_nothing() {
        let mut rng = stream(7, Purpose::Evaluation);
        let few = readings(&mut rng, ENOUGH - 1);
        let statistics = with_curves(&four(), &few.iter().collect::<Vec<_>>());
        assert_eq!(statistics, StatisticsSpec::default());
    }
}
