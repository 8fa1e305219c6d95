//! p(x|z): families of distributions, a file each with all that is known of it, and which columns have which.
//!
//! To add a family, write its file and name it in [`ColumnKind`]'s list below.

mod binomial;
mod count;
pub mod family;
mod flag;
mod kind;
mod location;
mod row;
mod special;
mod state;

pub use binomial::Binomial;
pub use count::Count;
pub use family::{Family, Number, Support, Terms};
pub use flag::Flag;
pub use kind::{LikelihoodKind, Scale};
pub use location::{Laplace, Normal, Predicted, Student};
pub use row::{Parameters, Row, Scales};
pub(crate) use special::softplus;
pub use special::{Rng, fraction};
pub use state::State;

use elbow::image::GroupSpec;
use elbow::requantize::FactorError;
use std::fmt;
use std::ops::{Deref, Range};
use std::str::FromStr;

macro_rules! kinds {
    ($($family:ident),*) => {
        /// The kind of a column, and with it the likelihood of its numbers. Written as `normal`, `laplace`, `student:N`, `flag`,
        /// `count` or `state:N`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ColumnKind {
            $(#[doc = concat!("See [`struct@", stringify!($family), "`].")] $family($family)),*
        }

        impl Deref for ColumnKind {
            type Target = dyn Family;

            fn deref(&self) -> &Self::Target {
                match self {
                    $(Self::$family(family) => family),*
                }
            }
        }

        $(impl From<$family> for ColumnKind {
            fn from(family: $family) -> Self {
                Self::$family(family)
            }
        })*

        impl ColumnKind {
            /// [`Family::differentiate`] without a virtual call for every row.
            #[inline]
            fn differentiate(
                &self,
                row: Row<'_>,
                parameters: Parameters<'_>,
                of_parameters: &mut [f32],
            ) -> f32 {
                match self {
                    $(Self::$family(family) => {
                        family.differentiate(row, parameters, of_parameters)
                    }),*
                }
            }

            fn parse(name: &str, number: Option<&str>) -> Option<Self> {
                let none = None::<Self>;
                $(let none = none.or_else(|| Some(<$family as Family>::parse(name, number)?.into()));)*
                none
            }

            /// The kind of the columns of a group of an image.
            pub fn of_group(group: &GroupSpec) -> Option<Self> {
                let none = None::<Self>;
                $(let none = none.or_else(|| Some(<$family as Family>::of_group(group)?.into()));)*
                none
            }

            /// The kind that a column with these values obviously has; normal where it has no other.
            pub fn obvious(values: &[f64]) -> Self {
                let none = None::<Self>;
                $(let none = none.or_else(|| Some(<$family as Family>::obvious(values)?.into()));)*
                none.unwrap_or(Self::Normal(Normal))
            }
        }
    };
}

kinds!(
    Binomial, Normal, Laplace, Student, Flag, Count, State, Predicted
);

impl ColumnKind {
    /// Whether its numbers are whole.
    pub fn is_discrete(&self) -> bool {
        self.support() != Support::Real
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl FromStr for ColumnKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text, None),
        };
        Self::parse(name, number).ok_or_else(|| {
            format!(
                "no such kind of column: {text}; use normal, laplace, student or student:N (N degrees of freedom, from 1 to {}), flag, count or state",
                location::MOST_DEGREES
            )
        })
    }
}

/// Neighbouring numbers of one kind; those of one state alone.
#[derive(Clone, Debug)]
pub struct Run {
    /// Their kind.
    pub kind: ColumnKind,
    /// Their places in a reading.
    pub numbers: Range<usize>,
    /// The places of their outputs among the decoder's.
    pub outputs: Range<usize>,
    /// The places of their parameters among those beside the decoder's: one for each number, one for all, or none.
    pub parameters: Range<usize>,
}

/// The runs of columns of these kinds, with a parameter for each number, or none.
pub fn runs(kinds: &[ColumnKind], with_parameters: bool) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    let (mut next, mut next_output) = (0, 0);
    for &kind in kinds {
        let end = next + kind.numbers();
        let output_end = next_output + kind.numbers() * kind.outputs_per_number();
        let joined = runs.last_mut();
        match joined.filter(|last| last.kind == kind && kind.numbers() == 1) {
            Some(last) => (last.numbers.end, last.outputs.end) = (end, output_end),
            None => runs.push(Run {
                kind,
                numbers: next..end,
                outputs: next_output..output_end,
                parameters: 0..0,
            }),
        }
        (next, next_output) = (end, output_end);
    }
    for run in runs.iter_mut().filter(|_| with_parameters) {
        run.parameters = run.numbers.clone();
    }
    runs
}

/// `log p(x|z)` of one row of all numbers: see [`Family::differentiate`].
pub fn differentiate(runs: &[Run], row: Row<'_>, scales: &Scales, of_scales: &mut [f32]) -> f32 {
    // Most readings are one run: a slice of a short row costs as much as some of its terms.
    if let [run] = runs {
        let parameters = scales.part(run.parameters.clone());
        return run.kind.differentiate(row, parameters, of_scales);
    }
    let mut sum = 0.0;
    for run in runs {
        let numbers = || run.numbers.clone();
        let part = Row {
            target: &row.target[numbers()],
            observed: &row.observed[numbers()],
            outputs: &mut row.outputs[run.outputs.clone()],
            factor: row.factor,
        };
        let parameters = scales.part(run.parameters.clone());
        let of_parameters = &mut of_scales[run.parameters.clone()];
        sum += run.kind.differentiate(part, parameters, of_parameters);
    }
    sum
}

/// Network units of a step of each output where scales are learned, one for each input or one for all; `log_units` are
/// those of [`Family::log_unit`].
///
/// # Errors
/// [`FactorError`] where a scale has no multiplier.
pub fn output_steps(
    units: &[f32],
    log_deviations: &[f32],
    log_units: &[Option<f64>],
) -> Result<Vec<f64>, FactorError> {
    let scales = log_deviations.iter().cycle().zip(log_units);
    let step = |(&unit, (&log_deviation, log_unit)): (&f32, (&f32, &Option<f64>))| match log_unit {
        None => Ok(family::LOGIT_STEP),
        Some(log_unit) => location::step_of_scale(unit, f64::from(log_deviation) + log_unit),
    };
    units.iter().zip(scales).map(step).collect()
}

/// Writes kinds one after another, separated by commas; `*N` stands behind one that comes N times.
fn write_list(kinds: &[ColumnKind]) -> String {
    let runs = kinds.chunk_by(|a, b| a == b);
    let runs = runs.map(|run| match run.len() {
        1 => run[0].to_string(),
        times => format!("{}*{times}", run[0]),
    });
    runs.collect::<Vec<_>>().join(",")
}

/// Reads what [`write_list`] wrote.
fn read_list(text: &str) -> Result<Vec<ColumnKind>, String> {
    /// Columns of a reading, at most.
    const MOST: usize = 16_384;
    let mut kinds = vec![];
    for part in text.split(',') {
        let (kind, times) = part.split_once('*').unwrap_or((part, "1"));
        let times = times.parse::<usize>().ok();
        let times = times.filter(|times| (1..=MOST).contains(times));
        let times =
            times.ok_or_else(|| format!("{part} is no kind a number of times, as normal*3"))?;
        let kind: ColumnKind = kind.parse()?;
        kinds.extend(std::iter::repeat_n(kind, times));
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};
    use elbow::distribution::Family;

    #[test]
    fn lists_are_read_as_they_are_written() {
        let kinds: [ColumnKind; 8] = [
            Normal.into(),
            Normal.into(),
            Flag.into(),
            State { states: 3 }.into(),
            State { states: 3 }.into(),
            Count.into(),
            Student { degrees: 4 }.into(),
            Laplace.into(),
        ];
        let text = write_list(&kinds);
        assert_eq!(text, "normal*2,flag,state:3*2,count,student:4,laplace");
        assert_eq!(read_list(&text).unwrap(), kinds);
        assert_eq!(
            "student".parse(),
            Ok(ColumnKind::Student(Student { degrees: 4 }))
        );
        for bad in [
            "",
            "normal*0",
            "state:1",
            "student:0",
            "student:249",
            "flag:2",
            "normal*",
            "x",
        ] {
            assert!(read_list(bad).is_err(), "{bad}");
        }
    }

    /// A family with its parameter, readings over all of its support or a fine grid of it, and outputs.
    struct Case {
        kind: ColumnKind,
        parameter: f32,
        readings: Vec<f32>,
        outputs: Vec<f32>,
    }

    fn cases() -> Vec<Case> {
        let case = |kind: ColumnKind, parameter, readings: &[f32], outputs: &[f32]| Case {
            kind,
            parameter,
            readings: readings.to_vec(),
            outputs: outputs.to_vec(),
        };
        let grid: Vec<f32> = (-20_000..=20_000).map(|at| at as f32 / 1000.0).collect();
        let counts: Vec<f32> = (0..200).map(|at| at as f32).collect();
        let predicted = |shape| Predicted { shape };
        let student = Student { degrees: 4 };
        vec![
            case(Binomial { trials: 3 }.into(), 0.0, &counts[..4], &[0.7]),
            case(Flag.into(), 0.0, &counts[..2], &[0.7]),
            case(Normal.into(), -0.5, &grid, &[0.3]),
            case(Laplace.into(), 0.2, &grid, &[0.3]),
            case(student.into(), -0.5, &grid, &[0.3]),
            case(Count.into(), -1.5, &counts, &[-0.7]),
            case(predicted(Family::Normal).into(), 0.0, &grid, &[0.3, 0.4]),
            case(predicted(Family::Laplace).into(), 0.0, &grid, &[0.3, -0.4]),
        ]
    }

    impl Case {
        /// `log p` of each reading up to a constant of all.
        fn log_chances(&self, outputs: &[f32]) -> Vec<f64> {
            let count = self.readings.len();
            let x = Tensor::from_slice(&self.readings, (count, 1), &Device::Cpu).unwrap();
            let outputs = Tensor::new(outputs, &Device::Cpu).unwrap();
            let outputs = outputs.broadcast_as((count, outputs.elem_count()));
            let outputs = outputs.unwrap().contiguous().unwrap();
            let parameters = Tensor::new(&[self.parameter], &Device::Cpu).unwrap();
            let terms = self.kind.terms(&x, &outputs, &parameters).unwrap();
            let terms = terms.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let constants = self.kind.constants();
            let terms = terms.into_iter().zip(&self.readings);
            let terms = terms.map(|(term, &x)| {
                let constant = constants.get(x as usize).unwrap_or(&0.0);
                f64::from(term) + constant
            });
            terms.collect()
        }

        fn information(&self) -> Vec<f32> {
            let outputs = self.outputs.len();
            let outputs = Tensor::from_slice(&self.outputs, (1, outputs), &Device::Cpu).unwrap();
            let parameters = Tensor::new(&[self.parameter], &Device::Cpu).unwrap();
            let information = self.kind.information(&outputs, &parameters).unwrap();
            information.flatten_all().unwrap().to_vec1().unwrap()
        }
    }

    /// An error d of an output costs `KL(p(x | output) || p(x | output + d))`: half of d^2 times the information.
    #[test]
    fn information_is_what_small_errors_cost() {
        for case in cases() {
            let before = case.log_chances(&case.outputs);
            let total: f64 = before.iter().map(|log| log.exp()).sum();
            let found = case.information();
            assert_eq!(found.len(), case.outputs.len());
            for (at, information) in found.into_iter().enumerate() {
                // Both ways, so that what is odd in the error goes away.
                let cost = |error: f32| -> f64 {
                    let mut other = case.outputs.clone();
                    other[at] += error;
                    let pairs = before.iter().zip(case.log_chances(&other));
                    pairs.map(|(p, q)| p.exp() * (p - q) / total).sum()
                };
                let d = 0.05f32;
                let exact = (cost(d) + cost(-d)) / f64::from(d * d);
                let ratio = f64::from(information) / exact;
                assert!(
                    (ratio - 1.0).abs() < 0.03,
                    "{}, output {at}: {ratio}",
                    case.kind
                );
            }
        }
    }

    /// The terms in double precision are those of tensors.
    #[test]
    fn terms_are_the_same_in_double_precision() {
        for case in cases() {
            let terms = case.log_chances(&case.outputs);
            let constants = case.kind.constants();
            for (&x, term) in case.readings.iter().zip(terms).step_by(37) {
                let outputs: Vec<f64> = case.outputs.iter().map(|&o| f64::from(o)).collect();
                let parameters = [f64::from(case.parameter)];
                let exact = case.kind.log_densities(&[x.into()], &outputs, &parameters);
                let exact = exact[0] + constants.get(x as usize).unwrap_or(&0.0);
                let tolerance = 1e-4 * (1.0 + exact.abs());
                assert!(
                    (term - exact).abs() < tolerance,
                    "{}: {term} {exact}",
                    case.kind
                );
            }
        }
    }
}
