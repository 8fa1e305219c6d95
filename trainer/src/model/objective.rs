//! The evidence lower bound in floats, and the importance-weighted one.

use crate::config::ElboForm;
use crate::error::Error;
use crate::model::{Gaussian, Prior, Vae};
use crate::numeric::log_sum_exp::log_mean_exp_over;
use candle_core::{D, Tensor};

/// A batch on its way through the networks.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Network inputs, (batch, numbers), conditions last; 0 where missing.
    pub inputs: Tensor,
    /// The numbers whose density is computed, (batch, inputs): counts, or the network inputs.
    pub target: Tensor,
    /// One where observed, zero where missing, (batch, numbers); none where all is observed.
    observed: Option<Tensor>,
}

impl Batch {
    /// A batch of which everything is observed.
    pub fn whole(inputs: Tensor, target: Tensor) -> Self {
        Self {
            inputs,
            target,
            observed: None,
        }
    }

    /// The batch without the numbers that `observed` has a zero for: they enter the encoder as 0, the
    /// centre of their input, as on the device, and have no part in the likelihood (Mattei and Frellsen, "MIWAE: deep generative modelling and imputation of
    /// incomplete data sets", ICML 2019, section 3.1).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn observe(&self, observed: Tensor) -> Result<Self, Error> {
        Ok(Self {
            inputs: (&self.inputs * &observed)?,
            target: self.target.clone(),
            observed: Some(observed),
        })
    }

    /// `log p(x|z)` over the observed inputs, without the likelihood's constant,
    /// (samples, batch), of latents (samples, batch, latents).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn log_likelihoods(&self, vae: &Vae, latents: &Tensor) -> Result<Tensor, Error> {
        let (samples, batch, size) = latents.dims3()?;
        // Copies rather than views: elementwise operations on these are several times as fast.
        let copies = |tensor: &Tensor| match samples {
            1 => Ok(tensor.clone()),
            _ => tensor.repeat((samples, 1)),
        };
        let conditions = vae.conditions_of(&self.inputs)?;
        let conditions = conditions.as_ref().map(copies).transpose()?;
        let latents = latents.reshape((samples * batch, size))?;
        let outputs = vae.decode(&latents, conditions.as_ref())?;
        let mut terms = vae.likelihood.terms(&copies(&self.target)?, &outputs)?;
        if let Some(observed) = &self.observed {
            let modelled = observed.narrow(1, 0, self.target.dim(1)?)?;
            let modelled = vae.likelihood.whole(&modelled)?;
            terms = (terms * copies(&modelled)?)?;
        }
        Ok(terms.sum(D::Minus1)?.reshape((samples, batch))?)
    }

    /// The ELBO of each reading at the draws that `noise` (samples, batch, latents) makes, nats, without the likelihood's
    /// constant; the divergence is that of [`Vae::divergence`].
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn elbos_at(&self, vae: &Vae, noise: &Tensor) -> Result<Vec<f64>, Error> {
        let posterior = vae.posterior(&self.inputs)?;
        let reconstruction = self
            .log_likelihoods(vae, &posterior.sample(noise)?)?
            .mean(0)?;
        let elbos = (reconstruction - vae.divergence(&posterior)?)?.to_vec1::<f32>()?;
        Ok(elbos.into_iter().map(f64::from).collect())
    }
}

/// The bound for each reading of a batch, in nats, by reparameterized samples of Gaussian latents.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The mean of `log p(x|z)` over the samples, without the likelihood's constant, (batch).
    pub reconstruction: Tensor,
    /// `KL(q(z|x) || p(z))`, (batch): see [`Vae::divergence`].
    pub kl: Tensor,
    posterior: Gaussian,
    /// The samples of the posterior, (samples, batch, latents).
    latents: Tensor,
    /// The importance weights of several samples; for one, the closed form is better.
    importance: Option<Importance>,
}

/// The two parts of `log p(x|z) + log p(z) - log q(z|x)`.
#[derive(Clone, Debug)]
struct Importance {
    /// `log p(x|z)` without its constant, (samples, batch).
    log_likelihoods: Tensor,
    /// The rest, (samples, batch).
    log_ratios: Tensor,
}

impl Importance {
    /// The importance-weighted bound with the ratio of prior and posterior to the power of `weight`, (batch).
    fn bound(&self, weight: f64) -> Result<Tensor, Error> {
        let log_weights = (&self.log_likelihoods + (&self.log_ratios * weight)?)?;
        Ok(log_mean_exp_over(&log_weights, 0)?)
    }
}

/// The weight of the divergence in an objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighting {
    /// The form of its estimate.
    pub form: ElboForm,
    /// Its weight.
    pub weight: f64,
    /// Nats of each latent, in the mean over a batch, below which it does not fall.
    pub free_bits: f64,
}

impl Bound {
    /// The bound at `z = mu + sigma * noise` (Kingma and Welling, "Auto-encoding variational
    /// Bayes", 2014, equation 7) for noise (samples, batch, latents).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn sample(vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Self, Error> {
        let posterior = vae.gaussian(&batch.inputs)?;
        let latents = posterior.sample(noise)?;
        let log_likelihoods = batch.log_likelihoods(vae, &latents)?;
        let reconstruction = log_likelihoods.mean(0)?;
        let importance = if noise.dim(0)? > 1 {
            Some(Importance {
                log_ratios: log_ratio(vae, &latents, noise, &posterior.log_variance)?,
                log_likelihoods,
            })
        } else {
            None
        };
        Ok(Self {
            reconstruction,
            kl: vae.divergence_of(&posterior)?,
            posterior,
            latents,
            importance,
        })
    }

    /// The evidence lower bound, (batch).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn elbo(&self) -> Result<Tensor, Error> {
        Ok((&self.reconstruction - &self.kl)?)
    }

    /// The objective of the batch, a scalar, with the divergence weighted. Of one sample the mean over readings of the
    /// reconstruction, less `weight * sum_j max(free_bits, KL_j)` with `KL_j` the mean divergence of
    /// latent j; of more the importance-weighted bound with `p(z) / q(z|x)` to the power of the weight. A bound only
    /// with weight 1 and without free bits.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn weighted(&self, vae: &Vae, weighting: &Weighting) -> Result<Tensor, Error> {
        if let Some(importance) = &self.importance {
            return Ok(importance.bound(weighting.weight)?.mean_all()?);
        }
        let divergence = match (&vae.prior, weighting.form) {
            (Prior::Standard, form) => {
                let divergences = match form {
                    ElboForm::Divergence => self.posterior.divergences()?,
                    ElboForm::Entropy => self.posterior.divergences_at(&self.latents)?,
                };
                let mut divergences = divergences.mean(0)?;
                // Without free bits an estimate by samples may well be below zero.
                if weighting.free_bits > 0.0 {
                    divergences = divergences.maximum(weighting.free_bits)?;
                }
                divergences.sum_all()?
            }
            // The parts of latents are those of N(0, I) alone.
            (_, ElboForm::Divergence) => self.kl.mean_all()?,
            (_, ElboForm::Entropy) => {
                let log_prior = vae.log_prior(&self.latents)?.mean(0)?;
                (log_prior + self.posterior.entropy()?)?.neg()?.mean_all()?
            }
        };
        Ok((self.reconstruction.mean_all()? - (divergence * weighting.weight)?)?)
    }

    /// The objective of training by default, (batch): of one sample the ELBO; of more the importance-weighted
    /// bound `log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x)` (Burda, Grosse and Salakhutdinov,
    /// "Importance weighted autoencoders", 2016, equation 8; over the observed inputs it is that
    /// of Mattei and Frellsen, equation 4).
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn objective(&self) -> Result<Tensor, Error> {
        match &self.importance {
            None => self.elbo(),
            Some(importance) => importance.bound(1.0),
        }
    }
}

/// `log p(z) - log q(z|x)` at `z = mu + sigma * noise`, (samples, batch): for the prior N(0, I)
/// `1/2 sum_j noise_j^2 + ln sigma_j^2 - z_j^2`.
///
/// # Errors
/// [`Error::Tensor`].
pub fn log_ratio(
    vae: &Vae,
    latents: &Tensor,
    noise: &Tensor,
    log_variance: &Tensor,
) -> Result<Tensor, Error> {
    if let Prior::Standard = vae.prior {
        let twice = (noise.sqr()? - latents.sqr()?)?.broadcast_add(log_variance)?;
        return Ok((twice.sum(D::Minus1)? * 0.5)?);
    }
    let of_posterior = (noise.sqr()?.broadcast_add(log_variance)?.sum(D::Minus1)? * 0.5)?;
    Ok((vae.log_prior(latents)? + of_posterior)?)
}

impl Gaussian {
    /// The bound without the likelihood's constant, (samples, batch), at each sample of the noise
    /// (samples, batch, latents); the divergence in closed form.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn bounds(&self, vae: &Vae, batch: &Batch, noise: &Tensor) -> Result<Tensor, Error> {
        let log_likelihoods = batch.log_likelihoods(vae, &self.sample(noise)?)?;
        Ok(log_likelihoods.broadcast_sub(&vae.divergence_of(self)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Architecture, Likelihood};
    use crate::numeric::random::{self, Purpose, normals};
    use candle_core::Device;

    const BATCH: usize = 3;
    const INPUTS: usize = 5;
    const LATENTS: usize = 2;

    fn tensor(values: Vec<f32>, shape: &[usize]) -> Tensor {
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    /// A model of bits with random weights, bits, and noise for `samples` samples.
    fn case(samples: usize) -> (Vae, Batch, Tensor) {
        let architecture = Architecture {
            inputs: INPUTS,
            encoder: vec![4.into()],
            latents: LATENTS,
            decoder: vec![4.into()],
            ..Architecture::default()
        };
        let mut rng = random::stream(0, Purpose::Initialization);
        let likelihood = Likelihood::binomial(1, INPUTS).unwrap();
        let vae = Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap();
        let bits = (0..BATCH * INPUTS).map(|at| f32::from(u8::from(at % 3 == 0)));
        let bits = tensor(bits.collect(), &[BATCH, INPUTS]);
        let noise = normals(&mut rng, samples * BATCH * LATENTS);
        let noise = tensor(noise, &[samples, BATCH, LATENTS]);
        (vae, Batch::whole(bits.clone(), bits), noise)
    }

    fn list(tensor: &Tensor) -> Vec<f64> {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.into_iter().map(f64::from).collect()
    }

    fn log_normal(x: f64, mean: f64, log_variance: f64) -> f64 {
        let square = (x - mean).powi(2) / log_variance.exp();
        -0.5 * (square + log_variance + (2.0 * std::f64::consts::PI).ln())
    }

    /// `log p(x_obs, z) - log q(z|x_obs)` of sample `sample` of reading `reading`, term by term.
    fn log_weight(
        vae: &Vae,
        batch: &Batch,
        noise: &Tensor,
        at: (usize, usize),
        observed: impl Fn(usize) -> bool,
    ) -> f64 {
        let (sample, reading) = at;
        let Gaussian { mean, log_variance } = vae.gaussian(&batch.inputs).unwrap();
        let (mean, log_variance) = (list(&mean.get(reading).unwrap()), {
            list(&log_variance.get(reading).unwrap())
        });
        let noise = list(&noise.get(sample).unwrap().get(reading).unwrap());
        let z: Vec<f64> = (0..LATENTS)
            .map(|j| mean[j] + (0.5 * log_variance[j]).exp() * noise[j])
            .collect();
        let ratio: f64 = (0..LATENTS)
            .map(|j| log_normal(z[j], 0.0, 0.0) - log_normal(z[j], mean[j], log_variance[j]))
            .sum();
        let latents = tensor(z.iter().map(|&z| z as f32).collect(), &[1, LATENTS]);
        let logits = list(&vae.decode(&latents, None).unwrap());
        let bits = list(&batch.target.get(reading).unwrap());
        let bit = |i: usize| bits[i] * logits[i] - (1.0 + logits[i].exp()).ln();
        ratio + (0..INPUTS).filter(|&i| observed(i)).map(bit).sum::<f64>()
    }

    fn check(samples: usize, observed: impl Fn(usize) -> bool + Copy) {
        let (vae, whole, noise) = case(samples);
        let mask: Vec<f32> = (0..BATCH * INPUTS)
            .map(|at| f32::from(u8::from(observed(at % INPUTS))))
            .collect();
        let batch = whole.observe(tensor(mask, &[BATCH, INPUTS])).unwrap();
        let bound = Bound::sample(&vae, &batch, &noise).unwrap();
        for (reading, got) in list(&bound.objective().unwrap()).into_iter().enumerate() {
            let weights = (0..samples)
                .map(|sample| log_weight(&vae, &batch, &noise, (sample, reading), observed).exp());
            let exact = (weights.sum::<f64>() / samples as f64).ln();
            assert!((got - exact).abs() < 1e-5, "{got} {exact}");
        }
    }

    #[test]
    fn the_objective_is_the_log_of_the_mean_weight() {
        for samples in [2, 5, 50] {
            check(samples, |_| true);
            check(samples, |input| input % 2 == 0);
            check(samples, |_| false);
        }
    }

    #[test]
    fn one_sample_ascends_the_elbo() {
        let (vae, batch, noise) = case(1);
        let bound = Bound::sample(&vae, &batch, &noise).unwrap();
        let (elbo, objective) = (bound.elbo().unwrap(), bound.objective().unwrap());
        assert_eq!(list(&elbo), list(&objective));
        // The sample's own log weight has the divergence at the sample instead of its mean.
        let (vae, batch, noise) = case(4000);
        let bound = Bound::sample(&vae, &batch, &noise).unwrap();
        for (reading, elbo) in list(&bound.elbo().unwrap()).into_iter().enumerate() {
            let weights = (0..4000)
                .map(|sample| log_weight(&vae, &batch, &noise, (sample, reading), |_| true));
            let mean = weights.sum::<f64>() / 4000.0;
            assert!((elbo - mean).abs() < 0.1, "{elbo} {mean}");
        }
    }

    const PLAIN: Weighting = Weighting {
        form: ElboForm::Divergence,
        weight: 1.0,
        free_bits: 0.0,
    };

    fn scalar(tensor: &Tensor) -> f64 {
        f64::from(tensor.to_scalar::<f32>().unwrap())
    }

    #[test]
    fn weights_count_the_divergence_of_each_latent() {
        let (vae, batch, noise) = case(1);
        let bound = Bound::sample(&vae, &batch, &noise).unwrap();
        let reconstruction = scalar(&bound.reconstruction.mean_all().unwrap());
        let Gaussian { mean, log_variance } = vae.gaussian(&batch.inputs).unwrap();
        let (mean, log_variance) = (list(&mean), list(&log_variance));
        let divergence = |latent: usize| {
            let of = (0..BATCH).map(|reading| {
                let (m, l) = (
                    mean[reading * LATENTS + latent],
                    log_variance[reading * LATENTS + latent],
                );
                0.5 * (m * m + l.exp() - l - 1.0)
            });
            of.sum::<f64>() / BATCH as f64
        };
        let between = 0.5 * (divergence(0) + divergence(1));
        for (weight, free_bits) in [
            (1.0, 0.0),
            (0.0, 0.0),
            (4.0, 0.0),
            (1.0, between),
            (2.5, between),
        ] {
            let weighting = Weighting {
                weight,
                free_bits,
                ..PLAIN
            };
            let got = scalar(&bound.weighted(&vae, &weighting).unwrap());
            let penalty: f64 = (0..LATENTS)
                .map(|latent| divergence(latent).max(free_bits))
                .sum();
            let exact = reconstruction - weight * penalty;
            assert!((got - exact).abs() < 1e-5, "{weighting:?}: {got} {exact}");
        }
    }

    /// The objective of several samples is its definition in f64, by the two parts of each weight.
    #[test]
    fn the_ratio_of_importance_weights_is_weighted() {
        let (vae, batch, noise) = case(4);
        let bound = Bound::sample(&vae, &batch, &noise).unwrap();
        let parts = bound.importance.as_ref().unwrap();
        let [likelihoods, ratios] = [&parts.log_likelihoods, &parts.log_ratios].map(list);
        for weight in [0.0, 0.4, 1.0, 3.0] {
            let weighting = Weighting { weight, ..PLAIN };
            let got = scalar(&bound.weighted(&vae, &weighting).unwrap());
            let of_reading = |reading: usize| {
                let samples = (0..4).map(|sample| {
                    let at = sample * BATCH + reading;
                    (likelihoods[at] + weight * ratios[at]).exp()
                });
                (samples.sum::<f64>() / 4.0).ln()
            };
            let exact = (0..BATCH).map(of_reading).sum::<f64>() / BATCH as f64;
            assert!((got - exact).abs() < 1e-5, "{weight}: {got} {exact}");
            if weight == 1.0 {
                let objective = scalar(&bound.objective().unwrap().mean_all().unwrap());
                assert!((got - objective).abs() < 1e-6, "{got} {objective}");
            }
        }
    }

    /// The divergence does not pull at a latent that has less than its free bits.
    #[test]
    fn free_bits_stop_the_pull_of_the_divergence() {
        let (vae, batch, noise) = case(1);
        let norm = |free_bits| {
            let bound = Bound::sample(&vae, &batch, &noise).unwrap();
            // The difference from the reconstruction alone is what the divergence pulls by.
            let weighting = Weighting { free_bits, ..PLAIN };
            let pull = (bound.weighted(&vae, &weighting).unwrap()
                - bound.reconstruction.mean_all().unwrap())
            .unwrap();
            let gradients = pull.backward().unwrap();
            let gradient = gradients.get(&vae.heads.bias);
            gradient.map_or(0.0, |g| list(&g.abs().unwrap()).into_iter().sum::<f64>())
        };
        assert!(norm(0.0) > 1e-3);
        assert_eq!(norm(100.0), 0.0);
    }

    /// Over 40,000 samples, the two forms differ by less than five standard errors.
    #[test]
    fn both_forms_are_the_same_in_expectation() {
        let (vae, batch, noise) = case(40_000);
        // Many samples of the ELBO's one.
        let bound = Bound {
            importance: None,
            ..Bound::sample(&vae, &batch, &noise).unwrap()
        };
        let divergence = scalar(&bound.weighted(&vae, &PLAIN).unwrap());
        let form = ElboForm::Entropy;
        let entropy = scalar(&bound.weighted(&vae, &Weighting { form, ..PLAIN }).unwrap());
        let Gaussian { log_variance, .. } = vae.gaussian(&batch.inputs).unwrap();
        // The variance of 1/2 z^2 for z ~ N(m, s^2) is s^4 / 2 + m^2 s^2: at most this with |m| < 2.
        let largest = list(&log_variance)
            .into_iter()
            .fold(f64::MIN, f64::max)
            .exp();
        let variance = LATENTS as f64 * (0.5 * largest * largest + 4.0 * largest);
        let error = (variance / (40_000.0 * BATCH as f64)).sqrt();
        assert!(
            (divergence - entropy).abs() < 5.0 * error,
            "{divergence} {entropy} {error}"
        );
        assert!(divergence != entropy);
    }
}
