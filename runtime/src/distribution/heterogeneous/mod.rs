//! Columns of different kinds: a likelihood for each, their product for a reading (Nazabal et al., "Handling
//! incomplete heterogeneous data using VAEs", 2020).

mod count;
mod flag;
mod real;
mod state;

pub use count::{LARGEST_COUNT, LARGEST_FAILURES};
pub use state::Place;
pub(super) use state::States;

use super::LARGEST_LOGIT;
use super::location::{Family, mean_of};
use crate::kernel::{LANES, Outputs};
use crate::mask::Mask;
use crate::transcendental::sigmoid;
use count::LARGEST_ENTRY;
use state::{add, put_chances};

/// `log p` of what no training can have seen: a flag that is neither 0 nor 1, a state that is none of the known
/// ones, a negative count. Q16.16; that of a flag whose logit is at its limit.
pub const UNSEEN: i32 = -LARGEST_LOGIT;

/// The byte of a Student-t distribution without degrees of freedom.
const STUDENT: u8 = 7;

/// What an input is. The decoder has one row of outputs for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A real number around a location, of this shape.
    Location(Family),
    /// A real number with heavy tails, Student-t around a location: `log p = log_normalizer - (v + 1) / 2 ln(1 + t^2)`,
    /// where `t` is the distance in units of `sigma sqrt(v)`.
    Student {
        /// Degrees of freedom v, from 1 to 248.
        degrees: u8,
    },
    /// 0 or 1, Bernoulli: the output is its logit.
    Flag,
    /// 0, 1, 2 and so on, negative binomial: the output l is the logit of its trials, and
    /// `log p = ln C(x + r - 1, x) + x l - (x + r) softplus(l)`, whose mean is `r e^l`.
    Count,
    /// One of a few states, 1 at the state that it is and 0 at the others: the outputs are the logits of a softmax.
    State(Place),
}

impl Kind {
    /// Kind of a byte in an image; none of a byte that is of no kind.
    #[must_use]
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Location(Family::Normal),
            1 => Self::Location(Family::Laplace),
            2 => Self::Flag,
            3 => Self::Count,
            4 => Self::State(Place::First),
            5 => Self::State(Place::Inner),
            6 => Self::State(Place::Last),
            STUDENT => return None,
            byte => Self::Student {
                degrees: byte.wrapping_sub(STUDENT),
            },
        })
    }

    /// Its byte in an image.
    #[cfg(feature = "image")]
    pub(crate) fn to_byte(self) -> u8 {
        match self {
            Self::Location(Family::Normal) => 0,
            Self::Location(Family::Laplace) => 1,
            Self::Flag => 2,
            Self::Count => 3,
            Self::State(Place::First) => 4,
            Self::State(Place::Inner) => 5,
            Self::State(Place::Last) => 6,
            Self::Student { degrees } => STUDENT.checked_add(degrees).unwrap_or(STUDENT),
        }
    }
}

/// A kind for each input. Its words are, of a location or Student-t, the multipliers to standardized distances and
/// back to raw ones, as [`super::Location`] has them, and the constant of the density; of a count, where its table
/// `ln C(x + r - 1, x)` begins, the largest count of it, and r in Q16.16; of the others, zeros.
#[derive(Clone, Copy, Debug)]
pub struct Heterogeneous<'a> {
    pub(crate) kinds: &'a [u8],
    pub(crate) words: &'a [[u32; 3]],
    pub(crate) centers: &'a [i16],
    /// Of all counts, one behind the other, Q16.16.
    pub(crate) tables: &'a [i32],
}

/// The numbers that a density is taken of, without the decoder's.
#[derive(Clone, Copy, Debug)]
struct Input {
    kind: Kind,
    words: [u32; 3],
    center: i16,
}

impl<'a> Heterogeneous<'a> {
    /// None where a kind or a word is out of range, or states are not whole.
    pub(crate) fn new(
        kinds: &'a [u8],
        words: &'a [[u32; 3]],
        centers: &'a [i16],
        tables: &'a [i32],
    ) -> Option<Self> {
        let entries = -LARGEST_ENTRY..=LARGEST_ENTRY;
        if !tables.iter().all(|entry| entries.contains(entry)) {
            return None;
        }
        let mut inside = false;
        for (&kind, words) in kinds.iter().zip(words) {
            let kind = Kind::from_byte(kind)?;
            if inside != matches!(kind, Kind::State(Place::Inner | Place::Last)) {
                return None;
            }
            inside = matches!(kind, Kind::State(Place::First | Place::Inner));
            is_valid(kind, words, tables.len()).then_some(())?;
        }
        (!inside).then_some(Self {
            kinds,
            words,
            centers,
            tables,
        })
    }

    /// The kind of an input; none beyond the last.
    #[must_use]
    pub fn kind(&self, input: usize) -> Option<Kind> {
        Kind::from_byte(*self.kinds.get(input)?)
    }

    fn input(&self, input: usize) -> Option<Input> {
        Some(Input {
            kind: self.kind(input)?,
            words: *self.words.get(input)?,
            center: *self.centers.get(input)?,
        })
    }

    /// Hands `term` the log density of each observed input in each of `lanes` lanes, that of states at the input of
    /// the state that the reading has.
    // Apart: what it has on the stack, models of one likelihood do not.
    #[inline(never)]
    pub(super) fn visit(
        &self,
        x: &[i16],
        observed: Mask<'_>,
        lanes: usize,
        mut outputs: Outputs<'_>,
        mut term: impl FnMut(usize, usize, i32),
    ) {
        let mut x = x.iter().enumerate();
        let mut states = States::default();
        while let Some(rows) = outputs.next() {
            for (row, (input, &x)) in rows.iter().zip(&mut x) {
                let seen = observed.observes(input);
                let outputs = row.get(..lanes).unwrap_or_default();
                let mut densities = [0; LANES];
                let of = self.take(&mut states, (input, x, seen), outputs, &mut densities);
                if let Some(input) = of {
                    for (lane, &density) in densities.iter().enumerate().take(lanes) {
                        term(input, lane, density);
                    }
                }
            }
        }
    }

    /// Takes the outputs for one input in, one in each lane. Where a density is settled by them, gives the input at which it
    /// stands, and puts it into `densities`.
    // Not generic, so that all passes share it.
    #[inline(never)]
    pub(super) fn take(
        &self,
        states: &mut States,
        (input, x, observed): (usize, i16, bool),
        outputs: &[i32],
        densities: &mut [i32; LANES],
    ) -> Option<usize> {
        // There is one: parsing has made sure of it.
        let of_input = self.input(input)?;
        let Kind::State(place) = of_input.kind else {
            if observed {
                self.densities(of_input, x, outputs, densities);
            }
            return observed.then_some(input);
        };
        states.take(place, (input, x, observed), outputs);
        if place != Place::Last || !states.observed {
            return None;
        }
        for (lane, density) in densities.iter_mut().enumerate() {
            *density = states.density(lane);
        }
        Some(states.input)
    }

    /// `log p(x_i|z)` of an input that is no state in each lane, Q16.16.
    #[inline]
    fn densities(&self, input: Input, x: i16, outputs: &[i32], densities: &mut [i32; LANES]) {
        let Input {
            kind,
            words,
            center,
        } = input;
        let lanes = outputs.iter().copied().zip(densities);
        match kind {
            Kind::Location(family) => {
                let penalty = |distance| family.penalty(distance);
                real::densities(penalty, (x, center), words, lanes);
            }
            Kind::Student { degrees } => {
                let penalty = |distance| real::tail(degrees, distance);
                real::densities(penalty, (x, center), words, lanes);
            }
            Kind::Flag | Kind::State(_) if x == 0 || x == 1 => flag::densities(x, lanes),
            Kind::Count if x >= 0 => count::densities(x, words, self.tables, lanes),
            Kind::Flag | Kind::State(_) | Kind::Count => {
                lanes.for_each(|(_, density)| *density = UNSEEN);
            }
        }
    }

    /// `E[x|z]` of the first lane, in the units of raw readings, Q16.16, into `mean`.
    #[inline(never)]
    pub(super) fn mean(&self, mut outputs: Outputs<'_>, mean: &mut [i32]) {
        let (mut next, mut first, mut log_sum) = (0, 0, 0);
        while let Some(rows) = outputs.next() {
            for &[output, ..] in rows {
                let Some(of_input) = self.input(next) else {
                    return;
                };
                let Input { words, center, .. } = of_input;
                let logit = limited(output);
                let value = match of_input.kind {
                    Kind::Location(_) | Kind::Student { .. } => mean_of(center, words[1], output),
                    Kind::Flag => sigmoid(logit),
                    Kind::Count => count::mean(words, logit),
                    Kind::State(_) => logit,
                };
                if let Some(mean) = mean.get_mut(next) {
                    *mean = value;
                }
                if let Kind::State(place) = of_input.kind {
                    if place == Place::First {
                        (first, log_sum) = (next, logit);
                    } else {
                        log_sum = add(log_sum, logit);
                    }
                    if place == Place::Last {
                        put_chances(mean.get_mut(first..=next).unwrap_or_default(), log_sum);
                    }
                }
                next += 1;
            }
        }
    }
}

/// A logit as densities are taken of it.
#[inline]
fn limited(logit: i32) -> i32 {
    logit.clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
}

/// Whether the words of a kind are in range.
fn is_valid(kind: Kind, words: &[u32; 3], entries: usize) -> bool {
    match kind {
        Kind::Location(_) | Kind::Student { .. } => real::is_valid(words),
        Kind::Count => count::is_valid(words, entries),
        Kind::Flag | Kind::State(_) => *words == [0; 3],
    }
}
