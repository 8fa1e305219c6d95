//! Independent bits: each is one where its noise, uniform in [0, 1), is below its chance.

use crate::error::Error;
use crate::likelihood::softplus;
use candle_core::{D, DType, Tensor};
use std::f64::consts::LN_2;

/// Bits that are one with the chance `sigmoid(logits)`, for each reading of a batch.
#[derive(Clone, Debug)]
pub struct Bernoulli {
    /// (batch, latents).
    pub logits: Tensor,
}

impl Bernoulli {
    /// Numbers that a latent has among the heads.
    pub const HEADS: usize = 1;

    /// The chances, `sigmoid(l) = 1 / (1 + exp(-l))`, (batch, latents): an overflow of the exponential makes one zero.
    pub fn mean(&self) -> Result<Tensor, Error> {
        Ok((self.logits.neg()?.exp()? + 1.0)?.recip()?)
    }

    /// The most probable bits, (batch, latents).
    pub fn mode(&self) -> Result<Tensor, Error> {
        Ok(self.logits.gt(0.0)?.to_dtype(DType::F32)?)
    }

    /// The Fisher information that a draw has of each logit, the variance `p (1 - p)`, (batch, latents).
    pub fn information(&self) -> Result<Tensor, Error> {
        let chances = self.mean()?;
        Ok((&chances - chances.sqr()?)?)
    }

    /// Bits (samples, batch, latents) from noise of that shape; no gradient goes through them.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor, Error> {
        let chances = self.mean()?.detach();
        Ok(noise.broadcast_lt(&chances)?.to_dtype(DType::F32)?)
    }

    /// `log q(z|x)`, (samples, batch).
    pub fn log_density(&self, latents: &Tensor) -> Result<Tensor, Error> {
        let chosen = latents.broadcast_mul(&self.logits)?.sum(D::Minus1)?;
        Ok(chosen.broadcast_sub(&softplus(&self.logits)?.sum(D::Minus1)?)?)
    }

    /// `log p(z)` of fair coins, or of bits with `log_odds` (latents), (samples, batch).
    pub fn log_prior(latents: &Tensor, log_odds: Option<&Tensor>) -> Result<Tensor, Error> {
        if let Some(log_odds) = log_odds {
            let chosen = latents.broadcast_mul(log_odds)?.sum(D::Minus1)?;
            return Ok(chosen.broadcast_sub(&softplus(log_odds)?.sum_all()?)?);
        }
        let (samples, batch, size) = latents.dims3()?;
        let coins = -(size as f32) * std::f32::consts::LN_2;
        Ok(Tensor::full(coins, (samples, batch), latents.device())?)
    }

    /// `KL(q(z|x) || p(z))`, (batch). From fair coins it is `Z ln 2` less the entropies, `softplus(l) - l sigmoid(l)` each; from
    /// bits with `log_odds` m, (latents), it is `softplus(m) - m sigmoid(l)` less the entropy of each.
    pub fn divergence(&self, log_odds: Option<&Tensor>) -> Result<Tensor, Error> {
        let chances = self.mean()?;
        let entropies = (softplus(&self.logits)? - (&self.logits * &chances)?)?;
        if let Some(log_odds) = log_odds {
            let expected = chances.broadcast_mul(log_odds)?;
            let cross = expected.neg()?.broadcast_add(&softplus(log_odds)?)?;
            return Ok((cross - entropies)?.sum(D::Minus1)?);
        }
        let coins = LN_2 * self.logits.dim(1)? as f64;
        Ok((entropies.sum(D::Minus1)?.neg()? + coins)?)
    }
}
