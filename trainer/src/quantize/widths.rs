//! Which layers have activations of 16 bits.

use super::operand::Width;
use super::plan::Plan;
use super::search::{Affords, Search};
use crate::config::Activations;
use crate::error::Error;
use elbow::Model;
use elbow::format::EncodeError;
use serde::Serialize;

/// Nats of [`super::Loss::cost`] that 16 bits have to save to be chosen where they take memory.
const WORTH: f64 = 0.1;
/// Where they take none, because another layer needs as much: time in the layer that takes them in is left.
const WORTH_OF_TIME: f64 = 0.05;

/// What a hidden layer's 16 bits are worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensitivity {
    /// Such as `encoder 1`.
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
                let found = self.sensitivities(&plan)?;
                let mut worth: Vec<_> = found.iter().enumerate().collect();
                worth.retain(|(_, found)| found.nats > found.worth());
                worth.sort_by(|(_, a), (_, b)| b.nats.total_cmp(&a.nats));
                for (layer, _) in worth {
                    let mut wide = plan.clone();
                    *wide.width_mut(layer) = Width::I16;
                    if affords(&wide)? {
                        plan = wide;
                    }
                }
                return Ok(plan);
            }
        };
        (0..plan.hidden()).for_each(|layer| *plan.width_mut(layer) = everywhere);
        Ok(plan)
    }

    /// What 16 bits are worth in each hidden layer, the others as `plan` has them.
    pub(super) fn sensitivities(&self, plan: &Plan) -> Result<Vec<Sensitivity>, Error> {
        // Weights and biases that fit the widths as they are fit no others.
        let plan = plan.to_nearest();
        let layers = 0..plan.hidden();
        layers.map(|layer| self.sensitivity(&plan, layer)).collect()
    }

    fn sensitivity(&self, plan: &Plan, layer: usize) -> Result<Sensitivity, Error> {
        let with = |width| {
            let mut plan = plan.clone();
            *plan.width_mut(layer) = width;
            self.balance.apply(plan)
        };
        let (narrow, wide) = (with(Width::I8), with(Width::I16));
        let nats = self.loss(&narrow)?.cost() - self.loss(&wide)?.cost();
        let bytes = self.memory(&wide)?.saturating_sub(self.memory(&narrow)?);
        let encoders = plan.encoder.len();
        Ok(Sensitivity {
            layer: match layer.checked_sub(encoders) {
                None => format!("encoder {}", layer + 1),
                Some(layer) => format!("decoder {}", layer + 1),
            },
            width: plan.width(layer),
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
    /// Hidden layers.
    fn hidden(&self) -> usize {
        self.encoder.len() + self.decoder.len()
    }

    /// Of a hidden layer, counted from the first of the encoder, as all below.
    fn width(&self, layer: usize) -> Width {
        self.encoder
            .iter()
            .chain(&self.decoder)
            .copied()
            .nth(layer)
            .unwrap_or_default()
    }

    fn width_mut(&mut self, layer: usize) -> &mut Width {
        let encoders = self.encoder.len();
        if layer < encoders {
            &mut self.encoder[layer]
        } else {
            &mut self.decoder[layer - encoders]
        }
    }
}
