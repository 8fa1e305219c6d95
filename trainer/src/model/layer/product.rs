//! The matrix products of a dense layer, row-major, on one thread, by whatever vector instructions the
//! processor has (AVX-512 among them).
#![allow(unsafe_code)]

use gemm::Parallelism;

/// The shape of a product: x is (rows, inputs), W (inputs, outputs) and y (rows, outputs).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    pub(crate) rows: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

/// `f32` or `f64`.
pub(crate) trait Number: Copy + From<u8> + 'static {}
impl Number for f32 {}
impl Number for f64 {}

/// A matrix in a slice: rows and columns, and which way it is read.
#[derive(Clone, Copy)]
struct View<'a, T> {
    numbers: &'a [T],
    rows: usize,
    columns: usize,
    transposed: bool,
}

impl<T> View<'_, T> {
    /// (rows, columns, distance of columns, distance of rows) as it is read.
    fn shape(&self) -> (usize, usize, isize, isize) {
        let stride = self.columns as isize;
        if self.transposed {
            (self.columns, self.rows, stride, 1)
        } else {
            (self.rows, self.columns, 1, stride)
        }
    }
}

/// `y = x W` for x (rows, inputs), W (inputs, outputs), y (rows, outputs), of `f32` or `f64`.
///
/// # Panics
/// A slice is shorter than its shape.
pub(crate) fn forward<T: Number>(x: &[T], weight: &[T], y: &mut [T], shape: Shape) {
    let Shape {
        rows,
        inputs,
        outputs,
    } = shape;
    let x = view(x, rows, inputs, false);
    multiply(x, view(weight, inputs, outputs, false), y);
}

/// `dW = x^T dy`, (inputs, outputs), for x (rows, inputs) and dy (rows, outputs).
///
/// # Panics
/// A slice is shorter than its shape.
pub(crate) fn weight_gradient(x: &[f32], dy: &[f32], gradient: &mut [f32], shape: Shape) {
    let Shape {
        rows,
        inputs,
        outputs,
    } = shape;
    let x = view(x, rows, inputs, true);
    multiply(x, view(dy, rows, outputs, false), gradient);
}

/// `dx = dy W^T`, (rows, inputs), for dy (rows, outputs) and W (inputs, outputs).
///
/// # Panics
/// A slice is shorter than its shape.
pub(crate) fn input_gradient(dy: &[f32], weight: &[f32], gradient: &mut [f32], shape: Shape) {
    let Shape {
        rows,
        inputs,
        outputs,
    } = shape;
    let dy = view(dy, rows, outputs, false);
    multiply(dy, view(weight, inputs, outputs, true), gradient);
}

fn view<T>(numbers: &[T], rows: usize, columns: usize, transposed: bool) -> View<'_, T> {
    View {
        numbers: &numbers[..rows * columns],
        rows,
        columns,
        transposed,
    }
}

/// `out = a b`, row-major.
fn multiply<T: Number>(a: View<'_, T>, b: View<'_, T>, out: &mut [T]) {
    let (m, k, a_columns, a_rows) = a.shape();
    let (k_of_b, n, b_columns, b_rows) = b.shape();
    assert_eq!(k, k_of_b, "the product of ({m}, {k}) and ({k_of_b}, {n})");
    let out = &mut out[..m * n];
    // SAFETY: each pointer is to a slice of as many numbers as its shape has, `view` and the line
    // above have made sure of it, and the strides are those of a row-major matrix of that shape, so
    // that every element (row, column) lies inside its slice. `out` is borrowed exclusively.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.numbers.as_ptr(),
            a_columns,
            a_rows,
            b.numbers.as_ptr(),
            b_columns,
            b_rows,
            T::from(0),
            T::from(1),
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{self, Purpose, normals};

    fn close(got: &[f32], exact: impl Fn(usize) -> f64) {
        for (at, &got) in got.iter().enumerate() {
            let exact = exact(at);
            assert!((f64::from(got) - exact).abs() < 1e-4, "{at}: {got} {exact}");
        }
    }

    #[test]
    fn products_match_sums_in_f64() {
        let mut rng = random::stream(1, Purpose::Noise);
        for (rows, inputs, outputs) in [(1, 1, 1), (3, 5, 7), (50, 17, 33), (2, 100, 4)] {
            let shape = Shape {
                rows,
                inputs,
                outputs,
            };
            let mut draw = |count| normals(&mut rng, count);
            let (x, w, dy) = (
                draw(rows * inputs),
                draw(inputs * outputs),
                draw(rows * outputs),
            );
            let wide = |x: f32| f64::from(x);
            let mut y = vec![f32::NAN; rows * outputs];
            forward(&x, &w, &mut y, shape);
            close(&y, |at| {
                let (r, o) = (at / outputs, at % outputs);
                (0..inputs)
                    .map(|i| wide(x[r * inputs + i]) * wide(w[i * outputs + o]))
                    .sum()
            });
            let mut dw = vec![f32::NAN; inputs * outputs];
            weight_gradient(&x, &dy, &mut dw, shape);
            close(&dw, |at| {
                let (i, o) = (at / outputs, at % outputs);
                (0..rows)
                    .map(|r| wide(x[r * inputs + i]) * wide(dy[r * outputs + o]))
                    .sum()
            });
            let mut dx = vec![f32::NAN; rows * inputs];
            input_gradient(&dy, &w, &mut dx, shape);
            close(&dx, |at| {
                let (r, i) = (at / inputs, at % inputs);
                (0..outputs)
                    .map(|o| wide(dy[r * outputs + o]) * wide(w[i * outputs + o]))
                    .sum()
            });
        }
    }
}
