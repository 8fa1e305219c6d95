//! Sums over the readings of an epoch, as they are kept where it is interrupted.

/// Sums over readings, nats, without the likelihood's constants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) reconstruction: f64,
    pub(super) kl: f64,
    /// The objective.
    pub(super) objective: f64,
}

impl Sums {
    /// Numbers of [`Sums::parts`].
    pub(super) const PARTS: usize = 3;

    /// All sums.
    pub(super) fn parts(&self) -> [f64; Self::PARTS] {
        [self.reconstruction, self.kl, self.objective]
    }

    /// The sums that have these [`Sums::parts`].
    pub(super) fn from_parts(parts: &[f64]) -> Self {
        let part = |at: usize| parts.get(at).copied().unwrap_or_default();
        Self {
            reconstruction: part(0),
            kl: part(1),
            objective: part(2),
        }
    }

    /// Whether all are finite.
    pub(super) fn are_finite(&self) -> bool {
        self.parts().iter().all(|sum| sum.is_finite())
    }

    pub(super) fn add(&mut self, other: Self) {
        self.reconstruction += other.reconstruction;
        self.kl += other.kl;
        self.objective += other.objective;
    }
}

/// The results of an epoch: sums over the readings, without the likelihood's constants but for `constant`.
#[derive(Clone, Copy, Debug, Default)]
pub struct EpochSums {
    /// `log p(x|z)`, the mean over samples.
    pub reconstruction: f64,
    /// The divergence in closed form.
    pub kl: f64,
    /// The objective of training.
    pub objective: f64,
    /// The likelihood's constants.
    pub constant: f64,
    /// The fraction that was observed.
    pub observed: f64,
}

impl EpochSums {
    /// Numbers of [`EpochSums::parts`].
    pub const PARTS: usize = 5;

    /// All sums.
    pub fn parts(&self) -> [f64; Self::PARTS] {
        let Self {
            reconstruction,
            kl,
            objective,
            constant,
            observed,
        } = *self;
        [reconstruction, kl, objective, constant, observed]
    }

    /// The sums that have these [`EpochSums::parts`].
    pub fn from_parts(parts: &[f64]) -> Self {
        let part = |at: usize| parts.get(at).copied().unwrap_or_default();
        Self {
            reconstruction: part(0),
            kl: part(1),
            objective: part(2),
            constant: part(3),
            observed: part(4),
        }
    }
}
