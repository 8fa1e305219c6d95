//! What several statistics together say of a reading.

use super::inputs;
use crate::estimator::Estimator;
use crate::fixed::Nats;
use crate::mask::Mask;
use crate::model::Model;
use crate::score::{Score, Verdict};
use crate::session::Session;
use crate::statistic::{Prototypes, Values, row_bytes};

/// Prototypes that a reading is compared with in a slice, for each decoder pass of a group: with their cheaper arithmetic about the work
/// of an output layer behind 64 units.
const PROTOTYPES_OF_A_PASS: usize = 16;

/// How far a reading, in slices, was compared with the prototypes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparison {
    /// Prototypes so far.
    compared: usize,
    /// The squared distance to the nearest of them.
    nearest: i32,
}

impl Comparison {
    /// With none so far.
    pub(super) const NONE: Self = Self {
        compared: 0,
        nearest: i32::MAX,
    };

    /// The distance to the nearest of all prototypes, 0 where the model has none; nothing while some are left.
    pub(super) fn nearest(self, model: &Model<'_>) -> Option<i32> {
        let count = if model.joins_statistics() {
            model.prototypes()
        } else {
            0
        };
        let nearest = if count == 0 { 0 } else { self.nearest };
        (self.compared >= count).then_some(nearest)
    }

    /// Compares a raw reading with the next prototypes. `activations` is memory, as long as for the encoder, which keeps the
    /// reading until the last of them.
    pub(super) fn go_on(
        &mut self,
        passes: u16,
        model: &Model<'_>,
        reading: &[i16],
        observed: Mask<'_>,
        activations: &mut [i16],
    ) {
        let reading = reading.get(..model.inputs()).unwrap_or_default();
        if self.compared == 0 {
            units(model, reading, observed, activations);
        }
        let units: &[i8] = bytemuck::cast_slice(activations);
        let units = units.get(..reading.len()).unwrap_or_default();
        let prototypes = model.statistics.prototypes;
        let next = usize::from(passes.max(1)) * PROTOTYPES_OF_A_PASS;
        let bytes = row_bytes(prototypes.bits, reading.len());
        let rows = prototypes.rows.get(self.compared * bytes..);
        let rows = rows.unwrap_or_default();
        let rows = rows.get(..next * bytes).unwrap_or(rows);
        let part = Prototypes { rows, ..prototypes };
        self.nearest = self.nearest.min(part.nearest(units, observed));
        self.compared += next;
    }
}

/// Puts a raw reading into `activations` in the units of the prototypes.
#[inline(always)]
fn units<'a>(
    model: &Model<'_>,
    reading: &[i16],
    observed: Mask<'_>,
    activations: &'a mut [i16],
) -> &'a [i8] {
    let prototypes = &model.statistics.prototypes;
    let units: &mut [i8] = bytemuck::cast_slice_mut(activations);
    let units = units.get_mut(..reading.len()).unwrap_or_default();
    let ceiling = i32::from(model.input_ceiling());
    if !prototypes.rows.is_empty() {
        let taken = inputs::quantized_inputs(model, reading, observed);
        for (unit, taken) in units.iter_mut().zip(taken) {
            // No `clamp`, which asserts an order.
            *unit = prototypes.unit(taken.max(-ceiling).min(ceiling));
        }
    }
    units
}

/// The values of all statistics of a raw reading with this bound and this reconstruction, and with the distance to the nearest
/// prototype where that is known. `activations` is memory, as long as for the encoder.
pub(super) fn values(
    model: &Model<'_>,
    reading: &[i16],
    observed: Mask<'_>,
    (bound, reconstruction): (Nats, Nats),
    nearest: Option<i32>,
    activations: &mut [i16],
) -> Values {
    let statistics = &model.statistics;
    let reading = reading.get(..model.inputs()).unwrap_or_default();
    let prototypes = nearest.unwrap_or_else(|| {
        let units = units(model, reading, observed, activations);
        statistics.prototypes.nearest(units, observed)
    });
    Values {
        bound: bound.to_bits().saturating_neg(),
        reconstruction: reconstruction.to_bits().saturating_neg(),
        prototypes,
        columns: statistics.columns.sum_of_squares(reading, observed),
    }
}

/// The verdict of the largest surprise; `nearest` and `activations` are as for [`values`].
pub(super) fn joined(
    model: &Model<'_>,
    reading: &[i16],
    observed: Mask<'_>,
    of_model: (Nats, Nats),
    nearest: Option<i32>,
    estimator: Estimator,
    activations: &mut [i16],
) -> Verdict {
    let values = values(model, reading, observed, of_model, nearest, activations);
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
        values(self.model, reading, observed, of_model, None, activations)
    }
}
