//! Which layers have activations of 16 bits.

use super::operand::Width;
use super::plan::Plan;
use super::search::{Affords, Search};
use crate::config::Activations;
use crate::error::Error;
use elbow::Model;
use elbow::image::EncodeError;
use serde::Serialize;

/// Nats of [`super::Loss::cost`] that 16 bits have to save to be chosen where they take memory.
const WORTH: f64 = 0.1;
/// Where they take none, because another layer needs as much: time in the layer that takes them in is left.
const WORTH_OF_TIME: f64 = 0.05;

/// What the 16 bits of the inputs or of a hidden layer are worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensitivity {
    /// `input`, or such as `encoder 1`.
    pub layer: String,
    /// What the plan has.
    pub width: Width,
    /// [`super::Loss::cost`] with 8 bits less that with 16, nats a reading.
    pub nats: f64,
    /// RAM that 16 bits take more.
    pub bytes: usize,
    /// The one for the other; none where they take none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nats_per_byte: Option<f64>,
}

impl Sensitivity {
    /// What 16 bits have to save.
    fn worth(&self) -> f64 {
        if self.bytes > 0 { WORTH } else { WORTH_OF_TIME }
    }
}

impl Search<'_> {
    /// The plan with the widths that are asked for.
    pub(super) fn widen(
        &self,
        mut plan: Plan,
        activations: Activations,
        affords: &Affords<'_>,
    ) -> Result<Plan, Error> {
        let everywhere = match activations {
            Activations::I8 => Width::I8,
            Activations::I16 => Width::I16,
            Activations::Auto => {
                // One after the other: what is coarse in one place hides what is in others.
                while let Some(wide) = self.wider(&plan, affords)? {
                    plan = wide;
                }
                return Ok(plan);
            }
        };
        (0..plan.places()).for_each(|place| *plan.width_mut(place) = everywhere);
        Ok(plan)
    }

    /// The plan with 16 bits in one more place, where they are worth most; none where they are worth it nowhere, or cannot
    /// be afforded.
    fn wider(&self, plan: &Plan, affords: &Affords<'_>) -> Result<Option<Plan>, Error> {
        let found = self.sensitivities(plan)?;
        let mut worth: Vec<_> = found.iter().enumerate().collect();
        worth.retain(|(_, found)| found.width == Width::I8 && found.nats > found.worth());
        worth.sort_by(|(_, a), (_, b)| b.nats.total_cmp(&a.nats));
        for (place, _) in worth {
            let mut wide = plan.clone();
            *wide.width_mut(place) = Width::I16;
            if affords(&wide)? {
                return Ok(Some(wide));
            }
        }
        Ok(None)
    }

    /// What 16 bits are worth for the inputs and in each hidden layer, the others as `plan` has them.
    pub(super) fn sensitivities(&self, plan: &Plan) -> Result<Vec<Sensitivity>, Error> {
        // Weights and biases that fit the widths as they are fit no others.
        let plan = plan.to_nearest();
        let places = 0..plan.places();
        places.map(|place| self.sensitivity(&plan, place)).collect()
    }

    fn sensitivity(&self, plan: &Plan, place: usize) -> Result<Sensitivity, Error> {
        let with = |width| {
            let mut plan = plan.clone();
            *plan.width_mut(place) = width;
            self.balance.apply(plan)
        };
        let (narrow, wide) = (with(Width::I8), with(Width::I16));
        let nats = self.loss(&narrow)?.cost() - self.loss(&wide)?.cost();
        let bytes = self.memory(&wide)?.saturating_sub(self.memory(&narrow)?);
        let encoders = plan.encoder.len();
        Ok(Sensitivity {
            layer: match place.checked_sub(encoders + 1) {
                None if place == 0 => "input".into(),
                None => format!("encoder {place}"),
                Some(layer) => format!("decoder {}", layer + 1),
            },
            width: plan.width(place),
            nats,
            bytes,
            nats_per_byte: (bytes > 0).then(|| nats / bytes as f64),
        })
    }

    /// Bytes of the workspace.
    fn memory(&self, plan: &Plan) -> Result<usize, Error> {
        let image = self.image(plan)?.encode(&[])?;
        let model = Model::parse(&image).map_err(EncodeError::Image)?;
        Ok(8 * model.workspace_words())
    }
}

impl Plan {
    /// The inputs, and hidden layers.
    fn places(&self) -> usize {
        1 + self.encoder.len() + self.decoder.len()
    }

    /// Of the inputs at 0, or of a hidden layer behind them, those of the encoder first.
    fn width(&self, place: usize) -> Width {
        let hidden = self.encoder.iter().chain(&self.decoder);
        let all = [&self.inputs].into_iter().chain(hidden);
        all.copied().nth(place).unwrap_or_default()
    }

    fn width_mut(&mut self, place: usize) -> &mut Width {
        let encoders = self.encoder.len();
        match place {
            0 => &mut self.inputs,
            place if place <= encoders => &mut self.encoder[place - 1],
            place => &mut self.decoder[place - 1 - encoders],
        }
    }
}
