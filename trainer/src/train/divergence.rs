//! The place where a training left the numbers that floats have.

use crate::error::Error;
use crate::model::objective::Batch;
use crate::model::{LayerId, Vae};
use candle_core::{D, Tensor};

/// What to try where a bound is not finite.
const REMEDY: &str = "lower --learning-rate, or limit gradients by --clip norm:1, or let steps grow by --rate-warm-up 5, or look for readings of absurd size";

/// The end of a training in an epoch, by the first place in the model where something is not finite.
pub(super) fn diverged(epoch: usize, place: String) -> Error {
    Error::Diverged {
        epoch,
        place,
        remedy: REMEDY,
        kept: None,
    }
}

/// Ends a training whose parameters are not finite.
///
/// # Errors
/// [`Error::Diverged`] in the epoch, [`Error::Tensor`].
pub(super) fn check(vae: &Vae, epoch: usize) -> Result<(), Error> {
    match of_parameters(vae)? {
        None => Ok(()),
        Some(place) => Err(diverged(epoch, place)),
    }
}

/// The first place of `vae` where something is not finite on its way to the bound of `batch` at the draws of `noise`
/// (samples, batch, latents), or back.
///
/// # Errors
/// [`Error::Tensor`].
pub(super) fn find(vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<String, Error> {
    if let Some(place) = of_parameters(vae)? {
        return Ok(place);
    }
    let place = match of_outputs(vae, batch, noise)? {
        None => of_gradients(vae, batch, noise)?,
        place => place,
    };
    Ok(place.unwrap_or_else(|| "the sum over the readings of a step".into()))
}

fn is_finite(tensor: &Tensor) -> Result<bool, Error> {
    let numbers = tensor.flatten_all()?.to_vec1::<f32>()?;
    Ok(numbers.iter().all(|number| number.is_finite()))
}

/// The first parameters, from the last layer back, that are not finite: those whose gradient was not.
fn of_parameters(vae: &Vae) -> Result<Option<String>, Error> {
    for (name, variable) in vae.parameters().into_iter().rev() {
        if !is_finite(variable)? {
            return Ok(Some(format!("the gradient of {name}")));
        }
    }
    Ok(None)
}

/// The first layer, from the reading on, whose outputs are not finite before they are rectified; then the terms of the bound.
fn of_outputs(vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Option<String>, Error> {
    let (encoder, decoder): (Vec<_>, Vec<_>) = vae
        .depth()
        .layers()
        .partition(|layer| layer.is_of_encoder());
    if let Some(place) = of_stack(vae, &encoder, &batch.inputs)? {
        return Ok(Some(place));
    }
    let posterior = vae.posterior(&batch.inputs)?;
    let latents = posterior.sample(noise)?;
    let divergence = vae.divergence(&posterior)?;
    if !is_finite(&latents)? || !is_finite(&divergence)? {
        return Ok(Some(
            "the divergence, computed from the outputs of heads".into(),
        ));
    }
    let (samples, rows, width) = latents.dims3()?;
    let mut taken_in = latents.reshape((samples * rows, width))?;
    if let Some(conditions) = vae.conditions_of(&batch.inputs)? {
        taken_in = Tensor::cat(&[taken_in, conditions.repeat((samples, 1))?], D::Minus1)?;
    }
    if let Some(place) = of_stack(vae, &decoder, &taken_in)? {
        return Ok(Some(place));
    }
    let is_likely = is_finite(&batch.log_likelihoods(vae, &latents)?)?;
    Ok((!is_likely).then(|| "log p(x|z), computed from the outputs of output".into()))
}

/// The first of the `layers`, one behind the other, whose outputs are not finite.
fn of_stack(vae: &Vae, layers: &[LayerId], inputs: &Tensor) -> Result<Option<String>, Error> {
    let mut x = inputs.clone();
    for &layer in layers {
        x = vae.layer(layer).forward(&x)?;
        if !is_finite(&x)? {
            return Ok(Some(format!("the outputs of {}", layer.name())));
        }
        x = x.relu()?;
    }
    Ok(None)
}

/// The first layer, from the bound back, whose gradient is not finite.
fn of_gradients(vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Option<String>, Error> {
    let posterior = vae.posterior(&batch.inputs)?;
    let likelihoods = batch.log_likelihoods(vae, &posterior.sample(noise)?)?;
    let bound = (likelihoods.mean(0)? - vae.divergence(&posterior)?)?;
    let gradients = bound.mean_all()?.backward()?;
    for (name, variable) in vae.parameters().into_iter().rev() {
        if let Some(gradient) = gradients.get(variable)
            && !is_finite(gradient)?
        {
            return Ok(Some(format!("the gradient of {name}")));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Latent, LikelihoodKind};
    use crate::model::{Architecture, Likelihood};
    use crate::numeric::random::{self, Purpose};
    use crate::readings::Normalization;
    use candle_core::Device;

    /// A model of two numbers with a hidden layer in each network.
    fn model() -> Vae {
        let architecture = Architecture {
            inputs: 2,
            encoder: vec![3.into()],
            latents: 1,
            decoder: vec![3.into()],
            latent: Latent::Gaussian,
            ..Architecture::default()
        };
        let kind: LikelihoodKind = "gaussian".parse().unwrap();
        let normalization = Normalization {
            exponents: vec![0; 2],
            centers: vec![0; 2],
            units: vec![1.0; 2],
            floors: vec![0.1; 2],
        };
        let likelihood = Likelihood::new(&kind, &normalization, &Device::Cpu).unwrap();
        let mut rng = random::stream(0, Purpose::Initialization);
        Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap()
    }

    /// The place that is found where a layer's biases are so large, for readings of such numbers.
    fn place(break_at: Option<(LayerId, f32)>, reading: f32) -> String {
        let vae = model();
        if let Some((layer, bias)) = break_at {
            let own = &vae.layer(layer).bias;
            own.set(
                &own.ones_like()
                    .unwrap()
                    .affine(f64::from(bias), 0.0)
                    .unwrap(),
            )
            .unwrap();
        }
        let inputs = Tensor::full(reading, (4, 2), &Device::Cpu).unwrap();
        let batch = Batch::whole(inputs.clone(), inputs);
        let noise = Tensor::ones((1, 4, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        find(&vae, &batch, &noise).unwrap()
    }

    #[test]
    fn the_first_layer_that_is_not_finite_is_named() {
        let none = "the sum over the readings of a step";
        assert_eq!(place(None, 0.5), none);
        let of = |layer, bias| place(Some((layer, bias)), 0.5);
        assert_eq!(
            of(LayerId::Decoder(0), f32::NAN),
            "the gradient of decoder.0.bias"
        );
        // Sums of the largest floats overflow in the layer behind them.
        assert_eq!(of(LayerId::Encoder(0), 3e38), "the outputs of heads");
        assert_eq!(
            of(LayerId::Output, 1e30),
            "log p(x|z), computed from the outputs of output"
        );
        assert_eq!(place(None, f32::INFINITY), "the outputs of encoder 1");
    }
}
