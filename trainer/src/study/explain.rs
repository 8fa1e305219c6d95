//! Why readings are strange: how many nats each column lacks against what is usual for it, and what the model makes of the
//! reading. All numbers are the device's own: terms by [`Session::explain`], usual ones by [`Model::typical`],
//! reconstructions by [`Session::reconstruct`].

use crate::config::{Group, groups};
use crate::error::Error;
use crate::likelihood::LikelihoodKind;
use crate::readings::Readings;
use crate::readings::device::Units;
use crate::readings::masks::Masks;
use elbow::signal::Feature;
use elbow::{Estimator, Mask, Model, Nats, Probability, Score, Session, Stream, WideSum};
use serde::Serialize;
use std::cmp::Reverse;
use std::ops::Range;

/// A column of readings as people know it: one number, the numbers of its states, or a window of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name in the data, or its number.
    pub name: String,
    /// The unit of its values; empty where the data have none.
    pub unit: String,
    /// Its inputs.
    pub inputs: Range<usize>,
    /// The channel that it tells of, where the readings are windows of a stream.
    pub channel: Option<usize>,
    content: Content,
}

/// What the numbers of a column say.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    /// A value.
    Number,
    /// The state that its only 1 stands for.
    States(Vec<String>),
    /// Samples one after the other.
    Window,
}

impl Place {
    /// Whether it is a window of samples.
    pub fn is_window(&self) -> bool {
        self.content == Content::Window
    }

    /// `values`, those of a whole reading, as a cell of it; none of a window.
    fn cell(&self, values: &[f64]) -> Option<Cell> {
        let own = values.get(self.inputs.clone())?;
        match &self.content {
            Content::Number => Some(Cell::Number(*own.first()?)),
            Content::States(states) => {
                let most = (0..own.len()).max_by(|&a, &b| own[a].total_cmp(&own[b]))?;
                Some(Cell::State(states.get(most)?.clone()))
            }
            Content::Window => None,
        }
    }
}

/// The value of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number in the unit of the column.
    Number(f64),
    /// The name of a state; of a reconstruction the likeliest one.
    State(String),
}

impl Cell {
    /// The cell with so many digits.
    pub fn short(&self, digits: usize) -> String {
        match self {
            Self::State(name) => name.clone(),
            Self::Number(0.0) => "0".into(),
            Self::Number(value) => {
                let decimals = (digits as f64 - 1.0 - value.abs().log10().floor()).clamp(0.0, 9.0);
                format!("{value:.*}", decimals as usize)
            }
        }
    }

    /// The cell with all digits.
    pub fn full(&self) -> String {
        match self {
            Self::Number(value) => value.to_string(),
            Self::State(name) => name.clone(),
        }
    }
}

/// The name of column `index` of the data of `model`, or its number.
fn column_name(model: &Model<'_>, index: usize) -> String {
    let column = model.column(index);
    let name = column.map(|column| column.name().to_owned());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("column {}", index + 1))
}

/// The names of all numbers of a reading of `model`, conditions included.
pub fn names(model: &Model<'_>) -> Vec<String> {
    match model.stream() {
        None => (0..model.reading_length())
            .map(|input| column_name(model, input))
            .collect(),
        Some(stream) => {
            let groups = groups(&stream.front_end).into_iter();
            let of_group = |group: Group| {
                let channel = column_name(model, group.channel);
                let inputs = group.inputs.clone();
                let names = inputs.map(|input| group.input_name(input, &channel));
                names.collect::<Vec<_>>()
            };
            groups.flat_map(of_group).collect()
        }
    }
}

/// The columns of the readings of `model`, without conditions.
pub fn places(model: &Model<'_>) -> Vec<Place> {
    match model.stream() {
        None => of_readings(model),
        Some(stream) => of_stream(model, stream),
    }
}

fn of_readings(model: &Model<'_>) -> Vec<Place> {
    let unit = |input: usize| model.column(input).map_or("", |column| column.unit());
    let number = |input: usize| Place {
        name: column_name(model, input),
        unit: unit(input).to_owned(),
        inputs: input..input + 1,
        channel: None,
        content: Content::Number,
    };
    let runs = LikelihoodKind::of(model).runs(model.inputs()).into_iter();
    let places = runs.flat_map(|run| match run.kind.numbers() {
        1 => run.numbers.map(number).collect(),
        _ => vec![of_states(model, run.numbers)],
    });
    places.collect()
}

/// A column of states, whose numbers are called `column=state`.
fn of_states(model: &Model<'_>, inputs: Range<usize>) -> Place {
    let names: Vec<String> = inputs
        .clone()
        .map(|input| column_name(model, input))
        .collect();
    let column = names
        .first()
        .and_then(|name| Some(name.split_once('=')?.0.to_owned()));
    let prefix = column
        .as_ref()
        .map_or_else(String::new, |column| format!("{column}="));
    let states = names
        .iter()
        .map(|name| name.strip_prefix(&prefix).unwrap_or(name).to_owned());
    Place {
        name: column.unwrap_or_else(|| format!("column {}", inputs.start + 1)),
        unit: String::new(),
        inputs,
        channel: None,
        content: Content::States(states.collect()),
    }
}

/// Each number of a feature, but the samples of a window together.
fn of_stream(model: &Model<'_>, stream: &Stream<'_>) -> Vec<Place> {
    let of_group = |group: Group| {
        let channel = column_name(model, group.channel);
        let unit = match (group.feature, model.column(group.channel)) {
            (Feature::BandEnergies { .. }, _) => "octaves",
            (_, column) => column.map_or("", |column| column.unit()),
        };
        let (content, inputs) = match group.feature {
            Feature::Samples { .. } => (Content::Window, vec![group.inputs.clone()]),
            _ => {
                let inputs = group.inputs.clone();
                (
                    Content::Number,
                    inputs.map(|input| input..input + 1).collect(),
                )
            }
        };
        let place = |inputs: Range<usize>| Place {
            name: match content {
                Content::Window => channel.clone(),
                _ => group.input_name(inputs.start, &channel),
            },
            unit: unit.to_owned(),
            channel: Some(group.channel),
            content: content.clone(),
            inputs,
        };
        inputs.into_iter().map(place).collect::<Vec<_>>()
    };
    groups(&stream.front_end)
        .into_iter()
        .flat_map(of_group)
        .collect()
}

/// A reading, explained.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Its number among the readings, from 0.
    pub row: usize,
    /// Its score.
    pub score: Score,
    /// For each input the mean of `log p(x|z)` over the passes, nats; 0 where it is missing.
    pub terms: Vec<f64>,
    /// For each input what is usual of that in held-out normal readings.
    pub usual: Vec<f64>,
    /// Whether each input is there.
    pub observed: Vec<bool>,
    /// For each latent its part of the divergence, nats.
    pub divergence: Vec<f64>,
    /// The reading in the units of the data.
    pub values: Vec<f64>,
    /// `E[x|z]` at the mean of the posterior, in the same units.
    pub reconstruction: Vec<f64>,
}

/// A column of a reading, explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The column.
    pub column: String,
    /// The unit of its values.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Nats that it lacks to what is usual of it: above 0 it makes the reading stranger, below 0 more ordinary.
    pub shortfall: f64,
    /// The mean of `log p(x|z)`, nats.
    pub term: f64,
    /// What is usual of that.
    pub usual: f64,
    /// The value; none where it is missing, and of a window.
    pub reading: Option<Cell>,
    /// What the model makes of it; none of a window.
    pub reconstruction: Option<Cell>,
}

impl Explained {
    /// Nats that `inputs` lack to what is usual of them.
    pub fn shortfall(&self, inputs: Range<usize>) -> f64 {
        let there = inputs.filter(|&input| self.observed[input]);
        there
            .map(|input| self.usual[input] - self.terms[input])
            .sum()
    }

    /// A line on each of `places`, in their order.
    pub fn lines(&self, places: &[Place]) -> Vec<Line> {
        let line = |place: &Place| {
            let there = place.inputs.clone().filter(|&input| self.observed[input]);
            let sum = |terms: &[f64]| there.clone().map(|input| terms[input]).sum();
            let is_there = there.clone().next().is_some();
            Line {
                column: place.name.clone(),
                unit: place.unit.clone(),
                shortfall: self.shortfall(place.inputs.clone()),
                term: sum(&self.terms),
                usual: sum(&self.usual),
                reading: place.cell(&self.values).filter(|_| is_there),
                reconstruction: place.cell(&self.reconstruction),
            }
        };
        places.iter().map(line).collect()
    }
}

/// The p-value of `score` in words.
pub fn p_value(score: Score) -> String {
    match score.p_value().to_f64() {
        0.0 => format!("p < {:.0e}", Probability::LEAST.to_f64()),
        value if value < 0.001 => format!("p {value:.1e}"),
        value => format!("p {value:.4}"),
    }
}

/// `lines`, those that matter most first.
pub fn by_weight(lines: &[Line]) -> Vec<&Line> {
    let mut lines: Vec<&Line> = lines.iter().collect();
    lines.sort_by(|a, b| b.shortfall.abs().total_cmp(&a.shortfall.abs()));
    lines
}

/// The rows of the `count` strangest of the readings with these scores, the strangest first: by their p-values, and where these are
/// equal by their bounds.
pub fn strangest(scores: &[Score], count: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..scores.len()).collect();
    rows.sort_by_key(|&row| (Reverse(scores[row].surprise()), scores[row].elbo()));
    rows.truncate(count);
    rows
}

/// Explains `rows` of `readings`, of which only what `masks` observe is there. Reading `i` draws from stream `i` of `seed`.
///
/// # Errors
/// [`Error::Setting`] where a reading cannot be scored: one line that names it.
pub fn explained(
    model: &Model<'_>,
    (readings, masks): (&Readings, Option<&Masks>),
    rows: &[usize],
    (estimator, seed): (Estimator, u64),
) -> Result<Vec<Explained>, Error> {
    let mut workspace = vec![0; model.workspace_words()];
    let session = Session::new(model, &mut workspace, seed);
    let mut session = session.map_err(|error| Error::Setting(error.to_string()))?;
    let units = Units::of(model);
    let one = |&row: &usize| {
        session.reseed(seed, row as u64);
        let observed = masks.map_or(Ok(Mask::ALL), |masks| masks.mask(row))?;
        let reading = readings.row(row);
        let refused =
            |error: &dyn std::fmt::Display| Error::Setting(format!("reading {row}: {error}"));
        let mut terms = vec![WideSum::ZERO; model.inputs()];
        let mut parts = vec![Nats::ZERO; model.latents()];
        let score = session
            .explain(reading, observed, estimator, &mut terms, &mut parts)
            .map_err(|error| refused(&error))?;
        let mut mean = vec![0; model.inputs()];
        session
            .reconstruct(&mut mean)
            .map_err(|error| refused(&error))?;
        let usual = model.typical().iter().copied().chain(std::iter::repeat(0));
        let usual = usual.take(model.inputs());
        let is_there = |input| observed.observes(input);
        Ok(Explained {
            row,
            score,
            terms: terms.iter().map(|term| term.to_f64()).collect(),
            usual: usual.map(|bits| Nats::from_bits(bits).to_f64()).collect(),
            observed: (0..model.inputs()).map(is_there).collect(),
            divergence: parts.iter().map(|part| part.to_f64()).collect(),
            values: units.values(reading.iter().map(|&raw| raw.into())),
            reconstruction: units.values(mean.iter().map(|&raw| f64::from(raw) / 65536.0)),
        })
    };
    rows.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (101_328.0, "101328"),
            (40.925_293, "40.925"),
            (-0.002_612_3, "-0.0026123"),
            (9_999_999.0, "9999999"),
        ] {
            assert_eq!(Cell::Number(value).short(5), text);
        }
    }
}
