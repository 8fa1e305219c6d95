//! What a description must satisfy before it is written.

use super::{DenseSpec, GroupSpec, ImageSpec, LayerSpec, LikelihoodSpec, PriorSpec, WriteError};

impl ImageSpec {
    /// Numbers of a reading that are no conditions.
    pub(super) fn modelled(&self) -> usize {
        self.inputs.len().saturating_sub(self.conditions.len())
    }

    /// Every list has the length that the header will claim for it.
    pub(super) fn check_lengths(&self) -> Result<(), WriteError> {
        let (numbers, inputs) = (self.inputs.len(), self.modelled());
        if inputs == 0 {
            return Err(WriteError::Length {
                what: "numbers in a reading",
                have: numbers,
                need: self.conditions.len() + 1,
            });
        }
        let latents = self.latents();
        let of_half = |mut inputs: usize, hidden: &[LayerSpec], last: &DenseSpec| {
            for LayerSpec { kind, dense, .. } in hidden {
                let shape = kind.shape(inputs, dense.rows.len());
                dense.check(shape.columns)?;
                inputs = shape.outputs();
            }
            last.check(inputs)
        };
        let heads = self.posterior.heads() * latents;
        check_length("rows in the heads", self.heads.rows.len(), heads)?;
        let outputs = self.likelihood.rows_per_input() * inputs;
        check_length("rows in the output", self.output.rows.len(), outputs)?;
        of_half(numbers, &self.encoder, &self.heads)?;
        of_half(self.decoder_inputs(), &self.decoder, &self.output)?;
        if let PriorSpec::Mixture(components) = &self.prior {
            for component in components {
                check_length("means of a component", component.mean.len(), latents)?;
                let log_variances = component.log_variance.len();
                check_length("log-variances of a component", log_variances, latents)?;
            }
        }
        if let PriorSpec::Bernoulli(log_odds) = &self.prior {
            check_length("log-odds of the prior", log_odds.len(), latents)?;
        }
        if !self.typical.is_empty() {
            check_length("typical terms", self.typical.len(), inputs)?;
        }
        let mut columns = numbers;
        if let Some(stream) = &self.stream {
            columns = stream.front_end.channels().into();
            check_length("exponents of channels", stream.exponents.len(), columns)?;
        }
        if !self.columns.is_empty() {
            check_length("columns", self.columns.len(), columns)?;
        }
        if let LikelihoodSpec::Location(location) = &self.likelihood {
            let normalizers = location.log_normalizers.len();
            check_length("standardizing factors", location.standardize.len(), inputs)?;
            check_length("units", location.units.len(), inputs)?;
            check_length("normalizers", normalizers, inputs)?;
        }
        if let LikelihoodSpec::Heterogeneous(groups) = &self.likelihood {
            let have = groups.iter().map(GroupSpec::inputs).sum();
            check_length("inputs of the groups", have, inputs)?;
        }
        if let Some(prototypes) = &self.statistics.prototypes {
            let have = prototypes.rows.len();
            let need =
                have.next_multiple_of(super::PrototypesSpec::row_bytes(prototypes.bits, inputs));
            check_length("bytes of the prototypes", have, need)?;
        }
        if let Some(columns) = &self.statistics.columns {
            let need = inputs * usize::from(columns.knots);
            check_length("knots of the columns", columns.values.len(), need)?;
            check_length("surprises of the columns", columns.surprises.len(), need)?;
        }
        let reading = self.self_test_reading.len();
        check_length("numbers in the self-test's reading", reading, numbers)
    }
}

impl DenseSpec {
    /// Each row has a weight for each of `columns`, and each weight has the bits that the layer's have. That none is -128,
    /// parsing checks.
    fn check(&self, columns: usize) -> Result<(), WriteError> {
        let need = columns.saturating_mul(self.rows.len());
        check_length("weights in a layer", self.weights.len(), need)?;
        let mut weights = self.weights.iter().copied().enumerate();
        let other = weights.find(|&(_, weight)| weight != i8::MIN && !self.bits.holds(weight));
        other.map_or(Ok(()), |(index, weight)| {
            Err(WriteError::Weight { index, weight })
        })
    }
}

fn check_length(what: &'static str, have: usize, need: usize) -> Result<(), WriteError> {
    if have == need {
        Ok(())
    } else {
        Err(WriteError::Length { what, have, need })
    }
}
