//! The variational autoencoder in floats: an amortized encoder q(z|x), a decoder p(x|z), and the
//! likelihood's own parameters, as candle variables in a fixed order.

pub mod activity;
pub(crate) mod layer;
mod likelihood;
pub mod objective;
pub mod posterior;
pub mod prepared;
mod prior;

pub use layer::{Dense, Depth, LayerId, Layers};
pub use likelihood::{Constants, Likelihood};

pub use posterior::{Gaussian, LOG_VARIANCES, Posterior};
pub use prior::{Components, Prior};

use crate::config::capability::{Feature, Features};
use crate::config::{HiddenLayer, Latent, PriorKind};
use crate::error::Error;
use candle_core::{D, DType, Device, Tensor, Var};
use posterior::Bernoulli;
use rand_core::Rng;
use safetensors::tensor::TensorView;
use std::collections::HashMap;

/// Sizes of the networks, and the prior between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Architecture {
    /// Numbers of a reading that the decoder models.
    pub inputs: usize,
    /// Numbers of a reading behind them that both networks take in: conditions.
    pub conditions: usize,
    /// Hidden layers of the encoder, from the reading to the latents.
    pub encoder: Vec<HiddenLayer>,
    /// Numbers in a latent vector.
    pub latents: usize,
    /// Hidden layers of the decoder, from the latents to the reading.
    pub decoder: Vec<HiddenLayer>,
    /// The kind of latents.
    pub latent: Latent,
    /// p(z).
    pub prior: PriorKind,
}

/// Encoder, decoder and likelihood. Hidden layers are rectified.
#[derive(Clone, Debug)]
pub struct Vae {
    /// Hidden layers of q(z|x).
    pub encoder: Vec<Dense>,
    /// Means, then log-variances of q(z|x); of bits their logits.
    pub heads: Dense,
    /// Hidden layers of p(x|z).
    pub decoder: Vec<Dense>,
    /// The parameters of p(x|z), one or two for each input.
    pub output: Dense,
    /// p(x|z) given them.
    pub likelihood: Likelihood,
    /// p(z).
    pub prior: Prior,
    latents: usize,
    conditions: usize,
    latent: Latent,
}

/// Readings that frequencies are of, at most: more say little more.
const COUNTED: usize = 8192;

impl Features for Vae {
    fn has(&self, feature: Feature) -> bool {
        match feature {
            Feature::Bits => self.latent == Latent::Bernoulli,
            Feature::LearnedPrior => !matches!(self.prior, Prior::Standard),
            _ => false,
        }
    }
}

impl Vae {
    /// Puts the variables where training starts: pseudo-inputs are readings, and counts are first decoded to what they are in the mean,
    /// which no gradient has to find.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn start_from(&self, inputs: &Tensor, target: &Tensor) -> Result<(), Error> {
        self.prior.start_from(inputs)?;
        let readings = target.dim(0)?.min(COUNTED);
        if readings == 0 {
            return Ok(());
        }
        let target = target.narrow(0, 0, readings)?.to_dtype(DType::F32)?;
        let Some(outputs) = self.likelihood.start_from(&target)? else {
            return Ok(());
        };
        let device = self.output.bias.device();
        let outputs = Tensor::from_iter(outputs, device)?;
        Ok(self.output.bias.set(&outputs)?)
    }

    /// A model with random weights.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn new(
        architecture: &Architecture,
        likelihood: Likelihood,
        rng: &mut impl Rng,
        device: &Device,
    ) -> Result<Self, Error> {
        let Architecture {
            inputs,
            conditions,
            encoder,
            latents,
            decoder,
            latent,
            prior,
        } = architecture;
        let (numbers, taken_in) = (inputs + conditions, latents + conditions);
        let mut stack = |mut inputs: usize, layers: &[HiddenLayer], outputs: usize| {
            let hidden = layers.iter().map(|&layer| {
                let layer = Dense::new(inputs, layer, rng, device)?;
                inputs = layer.outputs();
                Ok::<_, Error>(layer)
            });
            let hidden = hidden.collect::<Result<Vec<_>, _>>()?;
            Ok::<_, Error>((hidden, Dense::new(inputs, outputs, rng, device)?))
        };
        let (encoder, heads) = stack(numbers, encoder, latent.heads(*latents))?;
        let (decoder, output) = stack(taken_in, decoder, likelihood.outputs())?;
        Ok(Self {
            encoder,
            heads,
            decoder,
            output,
            likelihood,
            prior: Prior::new(*prior, (numbers, *latents), rng, device)?,
            latents: *latents,
            conditions: *conditions,
            latent: *latent,
        })
    }

    /// The numbers of hidden layers.
    pub fn depth(&self) -> Depth {
        Depth {
            encoder: self.encoder.len(),
            decoder: self.decoder.len(),
        }
    }

    /// The layer `layer`.
    ///
    /// # Panics
    /// The model has no such hidden layer.
    pub fn layer(&self, layer: LayerId) -> &Dense {
        match layer {
            LayerId::Encoder(index) => &self.encoder[index],
            LayerId::Heads => &self.heads,
            LayerId::Decoder(index) => &self.decoder[index],
            LayerId::Output => &self.output,
        }
    }

    /// All layers, in the order of [`Depth::layers`].
    pub fn layers(&self) -> impl Iterator<Item = &Dense> {
        self.depth().layers().map(|layer| self.layer(layer))
    }

    /// Numbers in a latent vector.
    pub fn latents(&self) -> usize {
        self.latents
    }

    /// Numbers at the end of a reading that are given, not modelled.
    pub fn conditions(&self) -> usize {
        self.conditions
    }

    /// The conditions at the end of network inputs (batch, numbers), (batch, conditions); none of a model
    /// without.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn conditions_of(&self, inputs: &Tensor) -> Result<Option<Tensor>, Error> {
        if self.conditions == 0 {
            return Ok(None);
        }
        let modelled = inputs.dim(1)? - self.conditions;
        Ok(Some(
            inputs.narrow(1, modelled, self.conditions)?.contiguous()?,
        ))
    }

    /// The kind of its latents.
    pub fn latent(&self) -> Latent {
        self.latent
    }

    /// Everything that determines q(z|x) from network inputs (batch, numbers): (batch, 2 * latents) of
    /// Gaussian latents, logits (batch, latents) of bits.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn encoder_outputs(&self, inputs: &Tensor) -> Result<Tensor, Error> {
        self.heads.forward(&rectified(&self.encoder, inputs)?)
    }

    /// q(z|x) of network inputs (batch, numbers).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn posterior(&self, inputs: &Tensor) -> Result<Posterior, Error> {
        Posterior::of_heads(self.latent, self.encoder_outputs(inputs)?)
    }

    /// q(z|x) of network inputs (batch, numbers), of a model with Gaussian latents.
    ///
    /// # Errors
    /// [`Error::Tensor`], or [`Error::Setting`] where it has others.
    pub fn gaussian(&self, inputs: &Tensor) -> Result<Gaussian, Error> {
        match self.posterior(inputs)? {
            Posterior::Gaussian(gaussian) => Ok(gaussian),
            _ => Err(Error::Setting(
                "the latents of the model are not Gaussian: train one with --latent gaussian"
                    .into(),
            )),
        }
    }

    /// The parameters of p(x|z), (batch, outputs), from latents (batch, latents), under conditions (batch,
    /// conditions) where the model has any.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn decode(&self, latents: &Tensor, conditions: Option<&Tensor>) -> Result<Tensor, Error> {
        let taken_in = match conditions {
            None => latents.clone(),
            Some(conditions) => Tensor::cat(&[latents, conditions], 1)?,
        };
        self.output.forward(&rectified(&self.decoder, &taken_in)?)
    }

    /// The components of the prior where it is a mixture.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn components(&self) -> Result<Option<Components>, Error> {
        self.prior.components(|inputs| self.gaussian(inputs))
    }

    /// `KL(q(z|x) || p(z))`, (batch): in closed form, or for a mixture the bound of [`Components::divergence`].
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn divergence(&self, q: &Posterior) -> Result<Tensor, Error> {
        match q {
            Posterior::Gaussian(gaussian) => self.divergence_of(gaussian),
            Posterior::Bernoulli(bernoulli) => bernoulli.divergence(self.prior.log_odds()),
        }
    }

    /// [`Vae::divergence`] of Gaussians.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn divergence_of(&self, q: &Gaussian) -> Result<Tensor, Error> {
        match self.components()? {
            None => Ok(q.divergences()?.sum(D::Minus1)?),
            Some(components) => components.divergence(&q.mean, &q.log_variance),
        }
    }

    /// `log p(z)` of latents (samples, batch, latents), (samples, batch); of Gaussian latents without `-Z/2 ln 2 pi`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn log_prior(&self, latents: &Tensor) -> Result<Tensor, Error> {
        match (self.latent, self.components()?) {
            (Latent::Bernoulli, _) => Bernoulli::log_prior(latents, self.prior.log_odds()),
            (_, None) => Ok((latents.sqr()?.sum(D::Minus1)? * -0.5)?),
            (_, Some(components)) => components.log_density(latents),
        }
    }

    /// Whether a variable of that name is of q(z|x), and not of p(x|z).
    pub fn is_of_encoder(name: &str) -> bool {
        name.starts_with("encoder.") || name.starts_with("heads.")
    }

    /// Every variable with its name, always in the same order.
    pub fn parameters(&self) -> Vec<(String, &Var)> {
        let mut parameters: Vec<(String, &Var)> = vec![];
        for id in self.depth().layers() {
            let named = self.layer(id).parameters().into_iter();
            parameters.extend(named.map(|(name, var)| (format!("{id}.{name}"), var)));
        }
        if let Some(log_deviation) = self.likelihood.log_deviation() {
            parameters.push(("likelihood.log_deviation".to_string(), log_deviation));
        }
        let of_prior = self.prior.parameters().into_iter();
        parameters.extend(of_prior.map(|(name, var)| (name.to_string(), var)));
        parameters
    }

    /// The model without the latents `dead`, in ascending order, of which one at least is left; of a
    /// prior N(0, I). The decoder sees them at their mean, 0.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn without(&self, dead: &[usize]) -> Result<Self, Error> {
        let device = self.heads.weight.device();
        let kept = |count: usize| (0..count).filter(|at| !dead.contains(&(at % self.latents)));
        let heads: Vec<u32> = kept(self.latent.heads(self.latents))
            .map(|at| at as u32)
            .collect();
        let latents = (0..self.latents).filter(|at| !dead.contains(at));
        let behind = self.latents..self.latents + self.conditions;
        let taken_in: Vec<u32> = latents.chain(behind).map(|at| at as u32).collect();
        let (heads, taken_in) = (Tensor::new(heads, device)?, Tensor::new(taken_in, device)?);
        let mut pruned = self.clone();
        pruned.latents -= dead.len();
        pruned.heads = self.heads.with_outputs(&heads)?;
        match pruned.decoder.first_mut() {
            Some(first) => *first = first.with_inputs(&taken_in)?,
            None => pruned.output = self.output.with_inputs(&taken_in)?,
        }
        Ok(pruned)
    }

    /// A copy of every variable's values, in the order of [`Vae::parameters`].
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn snapshot(&self) -> Result<Vec<Tensor>, Error> {
        self.parameters()
            .iter()
            .map(|(_, var)| Ok(var.as_tensor().copy()?))
            .collect()
    }

    /// Puts the values of a snapshot back.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn restore(&self, snapshot: &[Tensor]) -> Result<(), Error> {
        for ((_, var), values) in self.parameters().iter().zip(snapshot) {
            var.set(values)?;
        }
        Ok(())
    }

    /// The variables in the safetensors format, weights as (inputs, outputs).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn to_safetensors(&self) -> Result<Vec<u8>, Error> {
        let mut tensors = Vec::new();
        for (name, var) in self.parameters() {
            let values = var.as_tensor().flatten_all()?.to_vec1::<f32>()?;
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            tensors.push((name, var.dims().to_vec(), bytes));
        }
        let views = tensors.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
            view.map(|view| (name.as_str(), view))
        });
        let views: Vec<_> = views
            .collect::<Result<_, _>>()
            .map_err(candle_core::Error::wrap)?;
        Ok(safetensors::serialize(views, None).map_err(candle_core::Error::wrap)?)
    }

    /// Takes the variables from [`Vae::to_safetensors`]'s bytes.
    ///
    /// # Errors
    /// [`Error::Setting`] where one is missing or has another shape than this model's.
    pub fn load_safetensors(&self, bytes: &[u8]) -> Result<(), Error> {
        let device = self.heads.weight.device();
        let tensors: HashMap<String, Tensor> =
            candle_core::safetensors::load_buffer(bytes, device)?;
        for (name, var) in self.parameters() {
            let tensor = tensors.get(&name).ok_or_else(|| {
                Error::Setting(format!(
                    "the parameters lack {name}: they belong to another model"
                ))
            })?;
            if tensor.dims() != var.dims() {
                return Err(Error::Setting(format!(
                    "the parameters have {name} of shape {:?}, the model {:?}: they belong to another model",
                    tensor.dims(),
                    var.dims()
                )));
            }
            var.set(tensor)?;
        }
        Ok(())
    }
}

/// Runs hidden layers.
fn rectified(layers: &[Dense], inputs: &Tensor) -> Result<Tensor, Error> {
    layers.iter().try_fold(inputs.clone(), |features, layer| {
        Ok(layer.forward(&features)?.relu()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{self, Purpose};

    fn vae(likelihood: Likelihood) -> Vae {
        let architecture = Architecture {
            inputs: 3,
            encoder: vec![4.into()],
            latents: 2,
            decoder: vec![4.into()],
            ..Architecture::default()
        };
        let mut rng = random::stream(0, Purpose::Initialization);
        Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap()
    }

    /// Two readings of 4 trials: 2 of 8 succeed, none and all.
    #[test]
    fn counts_are_first_decoded_to_their_means() {
        let vae = vae(Likelihood::binomial(4, 3).unwrap());
        let counts = Tensor::new(&[[2.0f32, 0.0, 4.0], [0.0, 0.0, 4.0]], &Device::Cpu).unwrap();
        vae.start_from(&counts, &counts).unwrap();
        let biases = vae.output.bias.to_vec1::<f32>().unwrap();
        let sure = 999.0f32.ln();
        for (bias, exact) in biases.iter().zip([-(3.0f32.ln()), -sure, sure]) {
            assert!((bias - exact).abs() < 1e-5, "{biases:?}");
        }
        let none = Tensor::zeros((0, 3), DType::F32, &Device::Cpu).unwrap();
        vae.start_from(&none, &none).unwrap();
        assert_eq!(vae.output.bias.to_vec1::<f32>().unwrap(), biases);
    }
}
