//! p(x|z) of a model: the families of its columns, and their learned parameters as a candle variable.

use crate::error::Error;
use crate::likelihood::family::LOGIT_STEP;
use crate::likelihood::{LikelihoodKind, Number, Run, Scale};
use crate::readings::{Normalization, Readings};
use candle_core::{DType, Device, Tensor, Var};
use elbow::image::{GroupSpec, LikelihoodSpec, LocationSpec};
use std::f64::consts::LN_2;

/// The likelihood of a reading given the decoder's outputs. Functions of tensors fail with [`Error::Tensor`].
#[derive(Clone, Debug)]
pub struct Likelihood {
    kind: LikelihoodKind,
    runs: Vec<Run>,
    learned: Option<Learned>,
    /// Stands for the parameters where there are none.
    none: Tensor,
    /// `ln u_i` for each number, where `u_i` is the network unit of a real number in the units of the data; 0 of others.
    log_units: Vec<f64>,
    /// See [`crate::likelihood::Family::largest`], of each number.
    largest: Vec<i16>,
}

/// The parameters beside the decoder's, in network units: of a real number `ln sigma`, of others what their family says.
#[derive(Clone, Debug)]
struct Learned {
    parameters: Var,
    lowest: Tensor,
    highest: Tensor,
}

fn number(normalization: &Normalization, at: usize) -> Number {
    Number {
        center: normalization.centers[at],
        unit: normalization.units[at],
        exponent: normalization.exponents[at],
        floor: normalization.floors[at],
    }
}

impl Likelihood {
    /// The likelihood of readings with that normalization, with scales of 1 in network units.
    ///
    /// # Errors
    /// [`Error::Setting`] where it was not settled from data, [`Error::Tensor`].
    pub fn new(
        kind: &LikelihoodKind,
        normalization: &Normalization,
        device: &Device,
    ) -> Result<Self, Error> {
        if *kind == LikelihoodKind::Auto {
            return Err(Error::Setting(
                "the likelihood `auto` was not settled from data".into(),
            ));
        }
        let runs = kind.runs(normalization.width());
        let (mut bounds, mut log_units, mut largest) = (vec![], vec![], vec![]);
        for run in &runs {
            for at in run.numbers.clone() {
                let number = number(normalization, at);
                bounds.push(run.kind.bounds(&number));
                largest.push(run.kind.largest(&number));
                let log_unit = f64::from(number.unit).ln() + f64::from(number.exponent) * LN_2;
                log_units.push(run.kind.log_unit().map_or(0.0, |_| log_unit));
            }
        }
        let parameters = runs.last().map_or(0, |run| run.parameters.end);
        if parameters < bounds.len() {
            // One for all numbers, or none.
            let tighter = |all: (f32, f32), own: (f32, f32)| (all.0.max(own.0), all.1.min(own.1));
            let all = bounds.into_iter().fold((f32::MIN, f32::MAX), tighter);
            bounds = vec![all; parameters];
        }
        let end = |of: fn(&(f32, f32)) -> f32| Tensor::from_iter(bounds.iter().map(of), device);
        Ok(Self {
            kind: kind.clone(),
            learned: match parameters {
                0 => None,
                count => Some(Learned {
                    parameters: Var::zeros(count, DType::F32, device)?,
                    lowest: end(|bounds| bounds.0)?,
                    highest: end(|bounds| bounds.1)?,
                }),
            },
            none: Tensor::zeros(1, DType::F32, device)?,
            log_units,
            largest,
            runs,
        })
    }

    /// Counts of up to `trials` in `inputs` numbers.
    pub fn binomial(trials: u8, inputs: usize) -> Result<Self, Error> {
        let normalization = Normalization::counts(inputs, trials);
        Self::new(
            &LikelihoodKind::Binomial { trials },
            &normalization,
            &Device::Cpu,
        )
    }

    /// The families of neighbouring numbers.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Numbers of a reading that the decoder models.
    pub fn inputs(&self) -> usize {
        self.log_units.len()
    }

    /// Outputs of the decoder.
    pub fn outputs(&self) -> usize {
        self.runs.last().map_or(0, |run| run.outputs.end)
    }

    /// The parameters beside the decoder's.
    pub fn log_deviation(&self) -> Option<&Var> {
        self.learned.as_ref().map(|learned| &learned.parameters)
    }

    /// The learned parameter of each number; none where the decoder gives all.
    pub fn log_deviations(&self) -> Result<Option<Vec<f32>>, Error> {
        let Some(var) = self.log_deviation() else {
            return Ok(None);
        };
        // One value may stand for all numbers.
        let values = var.to_vec1::<f32>()?.into_iter().cycle();
        Ok(Some(values.take(self.inputs()).collect()))
    }

    /// The lowest and the highest values of the parameters beside the decoder's, as many as those.
    pub fn bounds(&self) -> Result<Vec<(f32, f32)>, Error> {
        let Some(learned) = &self.learned else {
            return Ok(vec![]);
        };
        let lowest = learned.lowest.to_vec1::<f32>()?.into_iter();
        Ok(lowest.zip(learned.highest.to_vec1::<f32>()?).collect())
    }

    /// Brings the parameters back into their range after a step of the optimizer.
    pub fn project(&self) -> Result<(), Error> {
        if let Some(learned) = &self.learned {
            let Learned {
                parameters,
                lowest,
                highest,
            } = learned;
            parameters.set(&parameters.maximum(lowest)?.minimum(highest)?)?;
        }
        Ok(())
    }

    /// Sets the parameters by the moments of `target` (readings, numbers) where these tell them, and gives the outputs of a
    /// decoder that knows no more; none where the outputs are locations.
    pub fn start_from(&self, target: &Tensor) -> Result<Option<Vec<f32>>, Error> {
        if let LikelihoodKind::Location { .. } = self.kind {
            return Ok(None);
        }
        let means = target.mean(0)?.to_vec1::<f32>()?;
        let squares = target.sqr()?.mean(0)?.to_vec1::<f32>()?;
        let mut parameters = self.log_deviations()?.unwrap_or_default();
        let mut outputs = vec![];
        for run in &self.runs {
            for at in run.numbers.clone() {
                let start = run.kind.start(means[at].into(), squares[at].into());
                outputs.push(start.output);
                if let Some(parameter) = start.parameter {
                    parameters[at] = parameter;
                }
            }
        }
        if let Some(var) = self.log_deviation() {
            var.set(&Tensor::from_iter(parameters, var.device())?)?;
        }
        Ok(Some(outputs))
    }

    /// See [`crate::likelihood::Family::log_unit`], of each number.
    pub fn log_units(&self) -> Vec<Option<f64>> {
        let runs = self.runs.iter();
        let units = runs.map(|run| std::iter::repeat_n(run.kind.log_unit(), run.numbers.len()));
        units.flatten().collect()
    }

    /// Whether any number has a location.
    pub fn has_locations(&self) -> bool {
        self.runs.iter().any(|run| run.kind.log_unit().is_some())
    }

    /// Whether the likelihood, and not the readings, says how far these reach.
    pub fn has_fixed_range(&self) -> bool {
        self.runs.iter().all(|run| run.kind.has_fixed_range())
    }

    /// Applies `work` to each run and its parameters; gives the results (batch, ...) side by side.
    fn of_runs(
        &self,
        work: impl Fn(&Run, &Tensor) -> Result<Tensor, Error>,
    ) -> Result<Tensor, Error> {
        let parameters = |run: &Run| match self.log_deviation() {
            None => Ok(self.none.clone()),
            Some(var) => var.narrow(0, run.parameters.start, run.parameters.len()),
        };
        let parts = self.runs.iter().map(|run| work(run, &parameters(run)?));
        let parts = parts.collect::<Result<Vec<Tensor>, Error>>()?;
        Ok(Tensor::cat(&parts, 1)?)
    }

    /// Masks of which a likelihood of some numbers together makes the same for these.
    pub fn whole(&self, observed: &Tensor) -> Result<Tensor, Error> {
        self.of_runs(|run, _| {
            let numbers = observed.narrow(1, run.numbers.start, run.numbers.len())?;
            run.kind.whole(numbers)
        })
    }

    /// `log p(x_i|z)` in nats without its constant, (batch, inputs), of the target (batch, inputs): counts, or network
    /// units.
    pub fn terms(&self, target: &Tensor, outputs: &Tensor) -> Result<Tensor, Error> {
        self.of_runs(|run, parameters| {
            let x = target.narrow(1, run.numbers.start, run.numbers.len())?;
            let outputs = outputs.narrow(1, run.outputs.start, run.outputs.len())?;
            run.kind.terms(&x, &outputs, parameters)
        })
    }

    /// The Fisher information that a reading has of each of `outputs` (batch, outputs): an error of the output costs
    /// half its square times as many nats.
    pub fn information(&self, outputs: &Tensor) -> Result<Tensor, Error> {
        self.of_runs(|run, parameters| {
            let outputs = outputs.narrow(1, run.outputs.start, run.outputs.len())?;
            run.kind.information(&outputs, parameters)
        })
    }

    /// `log p(x|z)` in nats of one reading without its constant, in double precision, from `parameters`, which are those of
    /// [`Likelihood::log_deviations`], targets and outputs.
    pub fn log_density(&self, parameters: &[f64], targets: &[f64], outputs: &[f64]) -> f64 {
        let terms = self.runs.iter().flat_map(|run| {
            let numbers = run.numbers.clone();
            let parameters = parameters.get(numbers.clone()).unwrap_or_default();
            let outputs = &outputs[run.outputs.clone()];
            run.kind
                .log_densities(&targets[numbers], outputs, parameters)
        });
        terms.sum()
    }

    /// The numbers whose density is computed of a raw reading: network units of real numbers, whole ones as they are.
    pub fn targets(&self, reading: &[i16], normalization: &Normalization) -> Vec<f64> {
        let numbers = self.log_units().into_iter().zip(reading).enumerate();
        let targets = numbers.map(|(at, (log_unit, &x))| {
            let number = number(normalization, at);
            match log_unit {
                None => f64::from(x.min(self.largest[at])),
                Some(_) => (f64::from(x) - f64::from(number.center)) / f64::from(number.unit),
            }
        });
        targets.collect()
    }

    /// The targets of `readings`, row-major, from their network inputs; none where they are these.
    pub fn targets_of(
        &self,
        readings: &Readings,
        inputs: &[f32],
        normalization: &Normalization,
    ) -> Option<Vec<f32>> {
        // Bits enter the networks as they are.
        let is_plain = |run: &Run, number: Number| {
            let unchanged = number.center == 0 && number.unit == 1.0;
            run.kind.log_unit().is_some() || run.kind.has_fixed_range() && unchanged
        };
        let mut runs = self.runs.iter();
        if runs.all(|run| {
            let mut numbers = run.numbers.clone();
            numbers.all(|at| is_plain(run, number(normalization, at)))
        }) {
            return None;
        }
        let log_units = self.log_units();
        let rows = readings.iter().zip(inputs.chunks_exact(readings.width()));
        let targets = rows.flat_map(|(reading, inputs)| {
            let whole = reading.iter().zip(&self.largest);
            let numbers = whole.zip(inputs).zip(&log_units);
            numbers.map(|(((&raw, &largest), &input), log_unit)| match log_unit {
                None => raw.min(largest).into(),
                Some(_) => input,
            })
        });
        Some(targets.collect())
    }

    /// The part of `log p(x|z)` that depends on no parameter.
    pub fn constants(&self) -> Constants {
        let mut constants = Constants {
            numbers: vec![],
            tables: vec![],
        };
        for run in &self.runs {
            let log_normalizer = run.kind.log_normalizer();
            let own = self.log_units[run.numbers.clone()].iter();
            let own = own.zip(&self.largest[run.numbers.clone()]);
            let own = own.map(|(log_unit, &largest)| Constant {
                of_number: -log_unit - log_normalizer,
                table: constants.tables.len(),
                largest,
            });
            constants.numbers.extend(own);
            constants.tables.push(run.kind.constants());
        }
        constants
    }

    /// The part of an image, and the network units that make one step of each wide output.
    ///
    /// # Errors
    /// [`Error::Encode`] where a scale has no multiplier, [`Error::Tensor`].
    pub fn quantize(
        &self,
        normalization: &Normalization,
    ) -> Result<(LikelihoodSpec, Vec<f64>), Error> {
        if let LikelihoodKind::Binomial { trials } = self.kind {
            let steps = vec![LOGIT_STEP; self.inputs()];
            return Ok((LikelihoodSpec::Binomial { trials }, steps));
        }
        let parameters = self.log_deviations()?.unwrap_or(vec![0.0; self.inputs()]);
        let (mut groups, mut steps) = (vec![], vec![]);
        for run in &self.runs {
            for at in run.numbers.clone().step_by(run.kind.numbers()) {
                let number = number(normalization, at);
                let parameter = parameters[at].into();
                let group = run.kind.group(&number, self.log_units[at], parameter)?;
                groups.push(group.spec);
                steps.extend(std::iter::repeat_n(group.step, run.kind.numbers()));
                // A log-deviation behind the location.
                steps.extend((1..run.kind.outputs_per_number()).map(|_| LOGIT_STEP));
            }
        }
        let LikelihoodKind::Location { family, scale } = self.kind else {
            return Ok((LikelihoodSpec::Heterogeneous(groups), steps));
        };
        let mut spec = LocationSpec {
            family,
            predicted_scale: scale == Scale::Predicted,
            standardize: vec![],
            units: vec![],
            log_normalizers: vec![],
        };
        for group in groups {
            if let GroupSpec::Real {
                standardize,
                unit,
                log_normalizer,
                ..
            } = group
            {
                spec.standardize.push(standardize);
                spec.units.push(unit);
                spec.log_normalizers.push(log_normalizer);
            }
        }
        Ok((LikelihoodSpec::Location(spec), steps))
    }
}

/// The part of `log p(x|z)` that depends on no parameter, as a sum over inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Constants {
    numbers: Vec<Constant>,
    /// Constants by the reading of a number, from 0 on; empty where there are none.
    tables: Vec<Vec<f64>>,
}

/// The constant of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Constant {
    of_number: f64,
    /// The table that the reading adds from.
    table: usize,
    /// See [`crate::likelihood::Family::largest`].
    largest: i16,
}

impl Constants {
    /// The sum over the inputs of a row of counts or raw readings that are `observed`.
    pub fn total(&self, row: &[i16], observed: impl Fn(usize) -> bool) -> f64 {
        let inputs = row.iter().zip(&self.numbers).enumerate();
        let inputs = inputs.filter(|&(input, _)| observed(input));
        let constants = inputs.map(|(_, (&x, constant))| {
            // A count that cannot be has no part; nothing gets here with one.
            let x = x.min(constant.largest).max(0);
            let of_reading = self.tables[constant.table].get(x as usize);
            constant.of_number + of_reading.unwrap_or(&0.0)
        });
        constants.sum()
    }
}
