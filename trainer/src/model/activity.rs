//! Latents that carry nothing about readings.

use crate::config::capability::Feature;
use crate::error::Error;
use crate::model::Vae;
use candle_core::Tensor;

/// A latent is active where its posterior mean varies more than this over the readings (Burda, Grosse
/// and Salakhutdinov, "Importance weighted autoencoders", 2016, section 5.2).
pub const ACTIVE: f64 = 0.01;
/// Readings of one pass through the encoder: what bounds the memory.
const CHUNK: usize = 512;

/// For each latent the variance of its posterior mean, of the means (readings, latents).
///
/// # Errors
/// [`Error::Tensor`].
pub fn variances(means: &Tensor) -> Result<Vec<f64>, Error> {
    let columns = means.t()?.contiguous()?.to_vec2::<f32>()?;
    let variance = |column: Vec<f32>| {
        let readings = column.len() as f64;
        let mean = column.iter().map(|&m| f64::from(m)).sum::<f64>() / readings;
        let squares = column.iter().map(|&m| (f64::from(m) - mean).powi(2));
        squares.sum::<f64>() / readings
    };
    Ok(columns.into_iter().map(variance).collect())
}

/// Latents to leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dead {
    /// Their indices, in ascending order, counted from 0.
    pub latents: Vec<usize>,
    /// Whether all are dead: then one of them is not among these.
    pub collapsed: bool,
}

/// The latents that carry nothing about readings with the network inputs `inputs`, (readings, numbers):
/// their posterior is the prior whatever the reading. One is kept where all are dead; none is dead
/// where the prior is learned, since nothing says that a constant posterior is its, and none of bits, whose
/// mean is not 0.
///
/// # Errors
/// [`Error::Tensor`].
pub fn dead_latents(vae: &Vae, inputs: &Tensor) -> Result<Dead, Error> {
    if !Feature::Pruning.can(vae) {
        return Ok(Dead::default());
    }
    let mut means = Vec::new();
    for start in (0..inputs.dim(0)?).step_by(CHUNK) {
        let length = CHUNK.min(inputs.dim(0)? - start);
        // What it was computed from would stay in memory with it.
        let posterior = vae.posterior(&inputs.narrow(0, start, length)?)?;
        means.push(posterior.mean()?.detach());
    }
    let variances = variances(&Tensor::cat(&means, 0)?)?;
    let mut latents: Vec<usize> = (0..variances.len())
        .filter(|&latent| variances[latent] <= ACTIVE)
        .collect();
    let collapsed = latents.len() == variances.len();
    if collapsed {
        let most = (0..variances.len()).max_by(|&a, &b| variances[a].total_cmp(&variances[b]));
        latents.retain(|&latent| Some(latent) != most);
    }
    Ok(Dead { latents, collapsed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Architecture, Likelihood};
    use crate::numeric::random::{self, Purpose};
    use candle_core::Device;

    /// Latents whose rows of the heads are zero are dead; without them the same readings have the same
    /// bound, but for the divergence, which is zero for a latent at the prior.
    #[test]
    fn a_model_without_its_dead_latents_is_the_same() {
        let architecture = Architecture {
            inputs: 6,
            encoder: vec![5.into()],
            latents: 4,
            decoder: vec![5.into()],
            ..Architecture::default()
        };
        let mut rng = random::stream(0, Purpose::Initialization);
        let likelihood = Likelihood::binomial(1, 6).unwrap();
        let vae = Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap();
        let mut weights = vae.heads.weight.to_vec2::<f32>().unwrap();
        let mut biases = vae.heads.bias.to_vec1::<f32>().unwrap();
        let mut first = vae.decoder[0].weight.to_vec2::<f32>().unwrap();
        for dead in [0, 2] {
            for head in [dead, 4 + dead] {
                weights.iter_mut().for_each(|row| row[head] = 0.0);
                biases[head] = 0.0;
            }
            first[dead].fill(0.0);
        }
        vae.heads
            .weight
            .set(&Tensor::new(weights, &Device::Cpu).unwrap())
            .unwrap();
        vae.heads
            .bias
            .set(&Tensor::new(biases, &Device::Cpu).unwrap())
            .unwrap();
        vae.decoder[0]
            .weight
            .set(&Tensor::new(first, &Device::Cpu).unwrap())
            .unwrap();
        // Inputs of ten, so that the live ones vary enough.
        let inputs: Vec<f32> = random::normals(&mut rng, 60)
            .into_iter()
            .map(|x| 10.0 * x)
            .collect();
        let inputs = Tensor::from_vec(inputs, (10, 6), &Device::Cpu).unwrap();
        let dead = dead_latents(&vae, &inputs).unwrap();
        assert_eq!((dead.latents, dead.collapsed), (vec![0, 2], false));

        let pruned = vae.without(&[0, 2]).unwrap();
        let mean = vae.posterior(&inputs).unwrap().mean().unwrap();
        let fewer = pruned.posterior(&inputs).unwrap().mean().unwrap();
        assert_eq!((pruned.latents(), fewer.dims()), (2, &[10, 2][..]));
        let outputs = vae.decode(&mean, None).unwrap();
        let same = pruned.decode(&fewer, None).unwrap();
        let difference = (outputs - same).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 1e-5);
        let divergence = |vae: &Vae| {
            let posterior = vae.gaussian(&inputs).unwrap();
            vae.divergence_of(&posterior).unwrap()
        };
        let (all, rest) = (divergence(&vae), divergence(&pruned));
        let difference = (all - rest).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 1e-4);
    }

    #[test]
    fn one_latent_is_kept_of_a_model_that_has_collapsed() {
        let architecture = Architecture {
            inputs: 3,
            latents: 3,
            ..Architecture::default()
        };
        let mut rng = random::stream(1, Purpose::Initialization);
        let likelihood = Likelihood::binomial(1, 3).unwrap();
        let vae = Vae::new(&architecture, likelihood, &mut rng, &Device::Cpu).unwrap();
        let inputs = Tensor::zeros((4, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
        let dead = dead_latents(&vae, &inputs).unwrap();
        assert_eq!((dead.latents.len(), dead.collapsed), (2, true));
    }
}
