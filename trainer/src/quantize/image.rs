//! The image of a model by a plan.

use super::plan::{LayerPlan, Plan};
use super::prior::quantize_prior;
use super::rows::Rows;
use super::scheme::{LayerScheme, Scheme};
use crate::config::Latent;
use crate::error::Error;
use crate::model::{Dense, Layers, Vae};
use crate::readings::Normalization;
use elbow::PosteriorKind;
use elbow::calibration::Noise;
use elbow::image::{ColumnSpec, ImageSpec, LayerSpec, StatisticsSpec};
use elbow::layer::{Activation, Packing};

/// Entries of an image beside the model's numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Name of the model.
    pub name: String,
    /// The columns of the data; empty where nothing is known of them.
    pub columns: Vec<ColumnSpec>,
    /// Columns of a reading that is a picture; 0 otherwise.
    pub picture_width: u16,
    /// How the weights lie: the cores that are to be fastest.
    pub packing: Packing,
}

/// The image of `vae` by `plan`. The reading `self_test` becomes the self-test.
///
/// # Errors
/// [`Error::Encode`] where a scale has no multiplier, [`Error::Tensor`].
pub fn quantize(
    vae: &Vae,
    normalization: &Normalization,
    plan: &Plan,
    label: &Label,
    self_test: &[i16],
) -> Result<ImageSpec, Error> {
    let scheme = Scheme::new(vae, normalization, plan)?;
    let layers = Layers::try_from_fn(vae.depth(), |id| {
        let LayerPlan { bits, rounding, .. } = &plan.layers[id];
        Rows::of_layer(vae.layer(id), (*bits, rounding.clone()), &scheme.layers[id])
    });
    let layers = layers?;
    Ok(ImageSpec {
        name: label.name.clone(),
        columns: label.columns.clone(),
        picture_width: label.picture_width,
        encoder: hidden(&vae.encoder, &layers.encoder, &scheme.layers.encoder),
        heads: layers.heads.to_spec(),
        decoder: hidden(&vae.decoder, &layers.decoder, &scheme.layers.decoder),
        output: layers.output.to_spec(),
        inputs: scheme.inputs,
        input_ceiling: plan.inputs.width.largest_input(),
        conditions: scheme.conditions,
        prior: quantize_prior(vae)?,
        stream: None,
        typical: vec![],
        likelihood: scheme.likelihood,
        packing: label.packing,
        latent_fraction_bits: scheme.fraction_bits,
        posterior: match vae.latent() {
            Latent::Gaussian => PosteriorKind::Gaussian {
                log_variance_range: scheme.log_variance_range,
            },
            Latent::Bernoulli => PosteriorKind::Bernoulli,
        },
        statistics: StatisticsSpec::default(),
        noise: Noise::UNKNOWN,
        self_test_reading: self_test.to_vec(),
    })
}

/// Rectified layers as an image holds them.
fn hidden(layers: &[Dense], rows: &[Rows], schemes: &[LayerScheme]) -> Vec<LayerSpec> {
    let layers = layers.iter().zip(rows).zip(schemes);
    let layers = layers.map(|((layer, rows), scheme)| {
        let q_max = scheme.q_max.unwrap_or_default();
        LayerSpec {
            kind: layer.kind,
            dense: rows.to_spec(),
            activation: Activation::Relu,
            zero_point: -q_max,
            ceiling: q_max,
        }
    });
    layers.collect()
}
