//! What several statistics together say of a reading.

use super::inputs;
use crate::estimator::Estimator;
use crate::fixed::Nats;
use crate::mask::Mask;
use crate::model::Model;
use crate::score::{Score, Verdict};
use crate::session::Session;
use crate::statistic::Values;

/// The values of all statistics of a raw reading with this bound and this reconstruction. `activations` is
/// memory, as long as for the encoder.
pub(super) fn values(
    model: &Model<'_>,
    reading: &[i16],
    observed: Mask<'_>,
    (bound, reconstruction): (Nats, Nats),
    activations: &mut [i16],
) -> Values {
    let statistics = &model.statistics;
    let reading = reading.get(..model.inputs()).unwrap_or_default();
    let units: &mut [i8] = bytemuck::cast_slice_mut(activations);
    let units = units.get_mut(..reading.len()).unwrap_or_default();
    let ceiling = i32::from(model.input_ceiling());
    if !statistics.prototypes.rows.is_empty() {
        let taken = inputs::quantized_inputs(model, reading, observed);
        for (unit, taken) in units.iter_mut().zip(taken) {
            // No `clamp`, which asserts an order.
            *unit = statistics.prototypes.unit(taken.max(-ceiling).min(ceiling));
        }
    }
    Values {
        bound: bound.to_bits().saturating_neg(),
        reconstruction: reconstruction.to_bits().saturating_neg(),
        prototypes: statistics.prototypes.nearest(units, observed),
        columns: statistics.columns.sum_of_squares(reading, observed),
    }
}

/// The verdict of the largest surprise.
pub(super) fn joined(
    model: &Model<'_>,
    reading: &[i16],
    observed: Mask<'_>,
    of_model: (Nats, Nats),
    estimator: Estimator,
    activations: &mut [i16],
) -> Verdict {
    let values = values(model, reading, observed, of_model, activations);
    let (surprise, statistic) = model.statistics.curves.joined(&values);
    let score = Nats::from_bits(-surprise);
    Verdict::of(model.p_values(estimator), score, statistic)
}

impl<R: rand_core::Rng> Session<'_, R> {
    /// The values of all statistics of a raw reading whose score is `score`: for those who want to join them in another
    /// way.
    pub fn statistics(&mut self, reading: &[i16], observed: Mask<'_>, score: &Score) -> Values {
        let of_model = (score.elbo(), score.reconstruction());
        let activations = &mut *self.scratch.activations;
        values(self.model, reading, observed, of_model, activations)
    }
}
