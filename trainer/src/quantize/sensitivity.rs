//! The worth of 16 bits for the inputs and for the activations of each hidden layer.

use super::operand::Width;
use super::plan::{Place, Plan};
use super::search::{Affords, Search};
use crate::error::Error;
use elbow::Model;
use elbow::image::WriteError;
use serde::Serialize;

/// Nats of [`super::Loss::cost`] that 16 bits have to save to be chosen where they take memory.
const WORTH: f64 = 0.1;
/// Where they take none, because another layer needs as much: time in the layer that takes them in is left.
const WORTH_OF_TIME: f64 = 0.05;

/// Worth of 16 bits for the inputs or for a hidden layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensitivity {
    /// `input`, or such as `encoder 1`.
    pub layer: String,
    /// Width in the plan.
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
    /// Nats that 16 bits have to save.
    fn worth(&self) -> f64 {
        if self.bytes > 0 { WORTH } else { WORTH_OF_TIME }
    }
}

/// Worth of 16 bits for the inputs and in each hidden layer, the others as `plan` has them.
///
/// # Errors
/// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
pub(super) fn sensitivities(search: &Search<'_>, plan: &Plan) -> Result<Vec<Sensitivity>, Error> {
    // Weights and biases that fit the widths as they are fit no others.
    let plan = plan.to_nearest();
    let places = plan.places();
    places
        .map(|place| sensitivity(search, &plan, place))
        .collect()
}

/// The plan with 16 bits wherever they are worth it and can be afforded, one place after the other: what is coarse in one
/// place hides what is in others.
///
/// # Errors
/// [`Error::Encode`], [`Error::Tensor`], [`Error::Setting`].
pub(super) fn widened(
    search: &Search<'_>,
    mut plan: Plan,
    affords: &Affords<'_>,
) -> Result<Plan, Error> {
    while let Some(wider) = wider(search, &plan, affords)? {
        plan = wider;
    }
    Ok(plan)
}

/// The plan with 16 bits in one more place, where they are worth most; none where they are worth it nowhere, or cannot
/// be afforded.
fn wider(search: &Search<'_>, plan: &Plan, affords: &Affords<'_>) -> Result<Option<Plan>, Error> {
    let found = sensitivities(search, plan)?;
    let mut worth: Vec<_> = found.iter().zip(plan.places()).collect();
    worth.retain(|(found, _)| found.width == Width::I8 && found.nats > found.worth());
    worth.sort_by(|(a, _), (b, _)| b.nats.total_cmp(&a.nats));
    for (_, place) in worth {
        let wide = plan.changed(place, |activations| activations.width = Width::I16);
        if affords(&wide)? {
            return Ok(Some(wide));
        }
    }
    Ok(None)
}

fn sensitivity(search: &Search<'_>, plan: &Plan, place: Place) -> Result<Sensitivity, Error> {
    let with = |width| {
        let plan = plan.changed(place, |activations| activations.width = width);
        search.balance.apply(plan)
    };
    let (narrow, wide) = (with(Width::I8), with(Width::I16));
    let nats = search.loss(&narrow)?.cost() - search.loss(&wide)?.cost();
    let bytes = memory(search, &wide)?.saturating_sub(memory(search, &narrow)?);
    Ok(Sensitivity {
        layer: match place {
            Place::Inputs => "input".into(),
            Place::Outputs(layer) => layer.name(),
        },
        width: plan.at(place).map_or(Width::I8, |plan| plan.width),
        nats,
        bytes,
        nats_per_byte: (bytes > 0).then(|| nats / bytes as f64),
    })
}

/// Bytes of the workspace of an image by `plan`.
fn memory(search: &Search<'_>, plan: &Plan) -> Result<usize, Error> {
    let image = search.image(plan)?.write(&[])?;
    let model = Model::parse(&image).map_err(WriteError::Image)?;
    Ok(8 * model.workspace_words())
}
