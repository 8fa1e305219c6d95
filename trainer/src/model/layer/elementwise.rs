//! Operations on single numbers, in loops that the compiler turns into the widest vector instructions
//! the processor has.

use pulp::Arch;

/// `y = max(0, y + b)` for each row.
pub(crate) fn add_bias_rectify(y: &mut [f32], bias: &[f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for row in y.chunks_exact_mut(bias.len()) {
                for (y, b) in row.iter_mut().zip(bias) {
                    let sum = *y + b;
                    *y = if sum > 0.0 { sum } else { 0.0 };
                }
            }
        },
    );
}

/// `y = y + b` for each row.
pub(crate) fn add_bias(y: &mut [f32], bias: &[f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for row in y.chunks_exact_mut(bias.len()) {
                row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
            }
        },
    );
}

/// The sums of the columns of `rows`, into `sums`.
pub(crate) fn column_sums(rows: &[f32], sums: &mut [f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            sums.fill(0.0);
            for row in rows.chunks_exact(sums.len()) {
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
        },
    );
}

/// The gradient through a rectifier: `gradient` where its output `y` is above 0, into `y`.
pub(crate) fn rectified_gradient(y: &mut [f32], gradient: &[f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (y, gradient) in y.iter_mut().zip(gradient) {
                *y = if *y > 0.0 { *gradient } else { 0.0 };
            }
        },
    );
}

/// The gradient through a rectifier that saturates: `gradient` where its output is above 0 and below its limit.
pub(crate) fn saturating_gradient(y: &mut [f32], gradient: &[f32], limits: &[f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let rows = y.chunks_exact_mut(limits.len());
            for (y, gradient) in rows.zip(gradient.chunks_exact(limits.len())) {
                for ((y, gradient), limit) in y.iter_mut().zip(gradient).zip(limits) {
                    *y = if *y > 0.0 && *y < *limit {
                        *gradient
                    } else {
                        0.0
                    };
                }
            }
        },
    );
}

/// `sum += more`, number by number.
pub(crate) fn add(sum: &mut [f32], more: &[f32]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let pairs = sum.iter_mut().zip(more);
            pairs.for_each(|(sum, more)| *sum += more);
        },
    );
}
