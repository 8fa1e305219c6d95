//! What an image asks of the crate.

use super::Model;
use crate::distribution::{Likelihood, Prior};
use crate::format::NARROW_CEILING;
use crate::layer::{LayerView, WeightBits};
#[cfg(feature = "bits")]
use crate::posterior::PosteriorKind;

impl Model<'_> {
    /// The features of this crate without which it refuses the image, but for `foreign-packings`, which a core needs that
    /// the weights were not packed for.
    pub fn features(&self) -> impl Iterator<Item = &'static str> {
        let four_bits = |view: LayerView<'_>| view.bits == WeightBits::Four;
        let wide = |view: LayerView<'_>| {
            let ceiling = view.activation.map(|(_, limits)| limits.ceiling);
            ceiling.is_some_and(|ceiling| ceiling > NARROW_CEILING)
        };
        let likelihood = self.likelihood();
        #[cfg(feature = "bits")]
        let has_bits = self.posterior == PosteriorKind::Bernoulli;
        #[cfg(not(feature = "bits"))]
        let has_bits = false;
        let asked = [
            ("bits", has_bits),
            ("conditions", self.conditions() > 0),
            ("counts", matches!(likelihood, Likelihood::Binomial(_))),
            ("four-bit-weights", self.layers().any(four_bits)),
            (
                "heterogeneous",
                matches!(likelihood, Likelihood::Heterogeneous(_)),
            ),
            ("locations", matches!(likelihood, Likelihood::Location(_))),
            ("mixture-prior", matches!(self.prior(), Prior::Mixture(_))),
            ("statistics", self.judges_more_than_counted_bounds()),
            ("streams", self.stream().is_some()),
            ("wide-activations", self.layers().any(wide)),
            ("wide-inputs", self.has_wide_inputs()),
        ];
        asked
            .into_iter()
            .filter_map(|(name, is)| is.then_some(name))
    }

    /// Whether p-values are of more than the counted bounds: of several statistics, or with a tail.
    fn judges_more_than_counted_bounds(&self) -> bool {
        let mut tables = self.calibrations.iter();
        self.joins_statistics()
            || tables.any(|table| table.smallest_p_value() < table.smallest_counted())
    }
}
