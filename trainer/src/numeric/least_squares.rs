//! Non-negative least squares, of a few dozen coefficients.

/// Sweeps over all coefficients; fits of costs have converged long before.
const SWEEPS: usize = 20_000;
/// A sweep that moves no coefficient by this part of the largest one is the last.
const TOLERANCE: f64 = 1e-10;

/// The coefficients, none below zero, that minimize the sum of squared relative errors
/// `((row . c - target) / target)^2` over `rows` and their positive `targets`: coordinate descent on the
/// normal equations (Franc, Hlavac and Navara, "Sequential coordinate-wise algorithm for the non-negative
/// least squares problem", CAIP 2005). Coefficients that are `held`, one entry for each or none at all, stay as they are.
pub fn fit(rows: &[Vec<f64>], targets: &[f64], held: &[Option<f64>]) -> Vec<f64> {
    let count = rows.first().map_or(0, Vec::len);
    // Columns of about one, so that coefficients compare.
    let scales: Vec<f64> = (0..count)
        .map(|column| {
            let values = rows.iter().zip(targets);
            let square: f64 = values
                .map(|(row, target)| (row[column] / target).powi(2))
                .sum();
            if square > 0.0 { square.sqrt() } else { 1.0 }
        })
        .collect();
    let scaled: Vec<Vec<f64>> = rows
        .iter()
        .zip(targets)
        .map(|(row, target)| {
            let values = row.iter().zip(&scales);
            values
                .map(|(value, scale)| value / target / scale)
                .collect()
        })
        .collect();
    let held: Vec<Option<f64>> = (0..count)
        .map(|column| Some(held.get(column).copied().flatten()? * scales[column]))
        .collect();
    let coefficients = descend(&scaled, &held);
    let pairs = coefficients.into_iter().zip(scales);
    pairs
        .map(|(coefficient, scale)| coefficient / scale)
        .collect()
}

/// The coefficients that bring all products with `scaled` rows nearest to one.
fn descend(scaled: &[Vec<f64>], held: &[Option<f64>]) -> Vec<f64> {
    let count = held.len();
    let products = |a: usize, b: usize| scaled.iter().map(|row| row[a] * row[b]).sum::<f64>();
    let squares: Vec<Vec<f64>> = (0..count)
        .map(|a| (0..count).map(|b| products(a, b)).collect())
        .collect();
    let mut coefficients: Vec<f64> = held.iter().map(|held| held.unwrap_or(0.0)).collect();
    // Every target is one, relative to itself.
    let errors: Vec<f64> = scaled
        .iter()
        .map(|row| {
            let products = row.iter().zip(&coefficients).map(|(x, c)| x * c);
            products.sum::<f64>() - 1.0
        })
        .collect();
    let mut gradient: Vec<f64> = (0..count)
        .map(|column| {
            let rows = scaled.iter().zip(&errors);
            rows.map(|(row, error)| row[column] * error).sum()
        })
        .collect();
    for _ in 0..SWEEPS {
        let mut largest = 0.0f64;
        for at in 0..count {
            if squares[at][at] <= 0.0 || held[at].is_some() {
                continue;
            }
            let next = (coefficients[at] - gradient[at] / squares[at][at]).max(0.0);
            let moved = next - coefficients[at];
            coefficients[at] = next;
            for (slope, square) in gradient.iter_mut().zip(&squares[at]) {
                *slope += moved * square;
            }
            largest = largest.max(moved.abs());
        }
        let scale = coefficients.iter().copied().fold(0.0, f64::max);
        if largest <= TOLERANCE * scale {
            break;
        }
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_coefficients_are_found_and_none_is_negative() {
        let rows: Vec<Vec<f64>> = (1..30)
            .map(|at| {
                let x = f64::from(at);
                vec![1.0, x, (x * 0.7).sin() + 2.0, x * x]
            })
            .collect();
        let targets: Vec<f64> = rows
            .iter()
            .map(|row| 50.0 * row[0] + 3.0 * row[1] + 0.25 * row[3])
            .collect();
        let found = fit(&rows, &targets, &[]);
        for (found, exact) in found.iter().zip([50.0, 3.0, 0.0, 0.25]) {
            assert!((found - exact).abs() < 1e-3, "{found} {exact}");
        }
        let falling: Vec<f64> = (1..30).map(|at| 100.0 - f64::from(at)).collect();
        assert!(fit(&rows, &falling, &[]).iter().all(|&c| c >= 0.0));
        // Two that are held, one of them elsewhere, leave the others what fits best beside them.
        let held = [Some(50.0), None, Some(1.0), None];
        let found = fit(&rows, &targets, &held);
        assert_eq!((found[0], found[2]), (50.0, 1.0));
        assert!(
            (found[3] - 0.25).abs() < 0.02 && found[1] < 3.0,
            "{found:?}"
        );
    }
}
