//! Columns of different kinds: a likelihood for each, their product for a reading (Nazabal et al., "Handling
//! incomplete heterogeneous data using VAEs", 2020).

use super::LARGEST_LOGIT;
use super::location::{Family, LARGEST_LOG_NORMALIZER, mean_of, standardized};
use crate::fixed::{FRACTION_BITS, ONE, multiply, saturate};
use crate::kernel::{LANES, Outputs};
use crate::mask::Mask;
use crate::requantize::Multiplier;
use crate::transcendental::{exp, ln_wide, sigmoid, softplus};

/// `log p` of what no training can have seen: a flag that is neither 0 nor 1, a state that is none of the known
/// ones, a negative count. Q16.16; that of a flag whose logit is at its limit.
pub const UNSEEN: i32 = -LARGEST_LOGIT;

/// The largest number of failures `r` of a count, 128 in Q16.16. A negative binomial with as many has a variance of
/// `m + m^2 / 128`: it is as good as Poisson for counts of a few.
pub const LARGEST_FAILURES: i32 = 128 << 16;

/// The largest count that a table reaches.
pub const LARGEST_COUNT: u32 = 255;

/// The bound of the entries of a table of counts, 256 nats in Q16.16.
const LARGEST_ENTRY: i32 = 256 << 16;

/// The byte of a Student-t distribution without degrees of freedom.
const STUDENT: u8 = 7;

/// Where an input stands among those of its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first of two or more.
    First,
    /// Between the first and the last.
    Inner,
    /// The last.
    Last,
}

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
    #[cfg(feature = "encode")]
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

/// The states on the way: what is known of them before their last number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct States {
    /// `ln sum e^l` in each lane, Q16.16.
    log_sum: [i32; LANES],
    /// The logit of the state that the reading has.
    chosen: [i32; LANES],
    /// The input of that state, of the first while there is none.
    input: usize,
    /// How many inputs are 1; two where one is neither 0 nor 1.
    ones: u32,
    observed: bool,
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
            words: [first, second, third],
            center,
        } = input;
        let third = third as i32;
        let lanes = outputs.iter().copied().zip(densities);
        match kind {
            Kind::Location(family) => {
                let x = standardized(x, center, first);
                for (output, density) in lanes {
                    *density = third - family.penalty(x.saturating_sub(output));
                }
            }
            Kind::Student { degrees } => {
                let x = standardized(x, center, first);
                for (output, density) in lanes {
                    *density = third - tail(degrees, x.saturating_sub(output));
                }
            }
            Kind::Flag | Kind::State(_) if x == 0 || x == 1 => {
                for (output, density) in lanes {
                    let logit = limited(output);
                    *density = i32::from(x) * logit - softplus(logit);
                }
            }
            Kind::Count if x >= 0 => {
                let count = i32::from(x).min(second as i32);
                let entry = self.tables.get(first as usize + count as usize);
                let entry = entry.copied().unwrap_or(0);
                let trials = (count << FRACTION_BITS) + third;
                for (output, density) in lanes {
                    // At most 255 * 64 and 383 * 65 in magnitude; they differ by 255 * 64 at most.
                    let logit = limited(output);
                    let of_trials = multiply(trials, softplus(logit));
                    *density = count * logit - of_trials + entry;
                }
            }
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
                let Input {
                    words: [_, second, third],
                    center,
                    ..
                } = of_input;
                let logit = limited(output);
                let value = match of_input.kind {
                    Kind::Location(_) | Kind::Student { .. } => mean_of(center, second, output),
                    Kind::Flag => sigmoid(logit),
                    Kind::Count => multiply(third as i32, exp(logit)),
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
                        let chances = mean.get_mut(first..=next).unwrap_or_default();
                        for chance in chances {
                            *chance = exp(*chance - log_sum).min(ONE);
                        }
                    }
                }
                next += 1;
            }
        }
    }
}

impl States {
    #[inline]
    fn take(&mut self, place: Place, (input, x, observed): (usize, i16, bool), outputs: &[i32]) {
        let is_first = place == Place::First;
        if is_first {
            (self.input, self.observed, self.ones) = (input, observed, 0);
        }
        self.observed &= observed;
        let is_chosen = x == 1;
        let lanes = self.log_sum.iter_mut().zip(&mut self.chosen);
        for ((log_sum, chosen), &output) in lanes.zip(outputs) {
            let logit = limited(output);
            *log_sum = if is_first {
                logit
            } else {
                add(*log_sum, logit)
            };
            if is_chosen {
                *chosen = logit;
            }
        }
        match x {
            0 => {}
            1 => {
                self.ones += 1;
                self.input = input;
            }
            _ => self.ones += 2,
        }
    }

    /// `log p` of the state that the reading has.
    fn density(&self, lane: usize) -> i32 {
        match (self.chosen.get(lane), self.log_sum.get(lane)) {
            (Some(chosen), Some(log_sum)) if self.ones == 1 => chosen - log_sum,
            _ => UNSEEN,
        }
    }
}

/// Whether the words of a kind are in range.
fn is_valid(kind: Kind, &[first, second, third]: &[u32; 3], entries: usize) -> bool {
    match kind {
        Kind::Location(_) | Kind::Student { .. } => {
            let constants = -LARGEST_LOG_NORMALIZER..=LARGEST_LOG_NORMALIZER;
            let mut multipliers = [first, second].into_iter();
            multipliers.all(|word| Multiplier::from_word(word).is_some())
                && constants.contains(&(third as i32))
        }
        Kind::Count => {
            let last = (first as usize).checked_add(second as usize);
            (1..=LARGEST_COUNT).contains(&second)
                && last.is_some_and(|last| last < entries)
                && (1..=LARGEST_FAILURES).contains(&(third as i32))
        }
        Kind::Flag | Kind::State(_) => [first, second, third] == [0; 3],
    }
}

/// A logit as densities are taken of it.
#[inline]
fn limited(logit: i32) -> i32 {
    logit.clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
}

/// `ln(e^a + e^b)`, Q16.16.
#[inline]
fn add(a: i32, b: i32) -> i32 {
    b + softplus(a - b)
}

/// `(v + 1) / 2 ln(1 + t^2)` of a Student-t distribution with v degrees of freedom, Q16.16.
fn tail(degrees: u8, distance: i32) -> i32 {
    let square = (i64::from(distance) * i64::from(distance)).unsigned_abs();
    let square = (square + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS;
    let logarithm = saturate(ln_wide(square + u64::from(ONE.unsigned_abs())));
    ((i32::from(degrees) + 1) * logarithm + 1) >> 1
}
