//! Tensors of the prior and of the likelihood.

use super::read_multipliers;
#[cfg(feature = "bits")]
use crate::distribution::Coins;
#[cfg(feature = "heterogeneous")]
use crate::distribution::Heterogeneous;
use crate::distribution::{Binomial, LARGEST_LOG_NORMALIZER, Likelihood, Location, Mixture, Prior};
#[cfg(feature = "image")]
use crate::format::TensorWriter;
use crate::format::{Defect, Header, LikelihoodHeader, PriorHeader, Tensors};

#[inline(never)]
pub(super) fn read_prior<'a>(
    tensors: &mut Tensors<'a>,
    header: PriorHeader,
    latents: usize,
) -> Prior<'a> {
    let components = match header {
        PriorHeader::Standard => return Prior::Standard,
        PriorHeader::Mixture { components } => components,
        #[cfg(feature = "bits")]
        PriorHeader::Bernoulli => {
            let coins = Coins {
                log_odds: tensors.next(latents),
            };
            tensors.require(coins.is_valid(), Defect::Prior);
            return Prior::Bernoulli(coins);
        }
    };
    if !cfg!(feature = "mixture-prior") {
        return Prior::Standard;
    }
    let components = usize::from(components);
    let mixture = Mixture {
        log_weights: tensors.next(components),
        means: tensors.next(components * latents),
        log_variances: tensors.next(components * latents),
        precisions: tensors.next(components * latents),
    };
    tensors.require(mixture.is_valid(), Defect::Prior);
    Prior::Mixture(mixture)
}

/// Writes what [`read_prior`] reads.
#[cfg(feature = "image")]
pub(super) fn write_prior(tensors: &mut TensorWriter, prior: &Prior<'_>) {
    if let Prior::Mixture(mixture) = prior {
        tensors.push(mixture.log_weights);
        tensors.push(mixture.means);
        tensors.push(mixture.log_variances);
        tensors.push(mixture.precisions);
    }
    #[cfg(feature = "bits")]
    if let Prior::Bernoulli(coins) = prior {
        tensors.push(coins.log_odds);
    }
}

#[inline(never)]
pub(super) fn read_likelihood<'a>(
    tensors: &mut Tensors<'a>,
    header: &Header<'_>,
    centers: &'a [i16],
) -> Likelihood<'a> {
    match header.likelihood {
        LikelihoodHeader::Binomial { trials } if cfg!(feature = "counts") => {
            let log_choose = tensors.next(usize::from(trials) + 1);
            let binomial = Binomial::new(trials, log_choose);
            tensors.require(binomial.is_some(), Defect::Binomial);
            Likelihood::Binomial(binomial.unwrap_or(Binomial::blank()))
        }
        LikelihoodHeader::Location {
            family,
            predicted_scale,
        } if cfg!(feature = "locations") => {
            let location = Location {
                family,
                predicted_scale,
                centers,
                standardize: read_multipliers(tensors, centers.len()),
                units: read_multipliers(tensors, centers.len()),
                log_normalizers: tensors.next(centers.len()),
            };
            let mut logs = location.log_normalizers.iter();
            let range = -LARGEST_LOG_NORMALIZER..=LARGEST_LOG_NORMALIZER;
            let within = logs.all(|log| range.contains(log));
            tensors.require(within, Defect::LogNormalizer);
            Likelihood::Location(location)
        }
        #[cfg(feature = "heterogeneous")]
        LikelihoodHeader::Heterogeneous { entries } => {
            let (kinds, words) = (tensors.next(centers.len()), tensors.next(centers.len()));
            let tables = tensors.next(entries.into());
            let heterogeneous = Heterogeneous::new(kinds, words, centers, tables);
            tensors.require(heterogeneous.is_some(), Defect::Kinds);
            heterogeneous.map_or(
                Likelihood::Binomial(Binomial::blank()),
                Likelihood::Heterogeneous,
            )
        }
        // The header was refused.
        _ => Likelihood::Binomial(Binomial::blank()),
    }
}

/// Writes what [`read_likelihood`] reads.
#[cfg(feature = "image")]
pub(super) fn write_likelihood(tensors: &mut TensorWriter, likelihood: &Likelihood<'_>) {
    match likelihood {
        Likelihood::Binomial(binomial) => tensors.push(binomial.log_choose()),
        Likelihood::Location(location) => {
            tensors.push(location.standardize);
            tensors.push(location.units);
            tensors.push(location.log_normalizers);
        }
        Likelihood::Heterogeneous(heterogeneous) => {
            tensors.push(heterogeneous.kinds);
            tensors.push(heterogeneous.words);
            tensors.push(heterogeneous.tables);
        }
    }
}
