//! Seeded streams of randomness. Nothing else in the trainer is random, so one seed gives one
//! artefact.

use elbow::gaussian::standard_normal;
pub use elbow::rng::Xoshiro128PlusPlus;
use rand_core::Rng;

/// The purpose of a stream. Each purpose has its own, so that a change in one leaves the others as
/// they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights.
    Initialization = 1,
    /// The order of readings in an epoch.
    Shuffling = 2,
    /// The noise of reparameterized samples in training.
    Noise = 3,
    /// The noise of evaluations, the same for every model that is compared.
    Evaluation = 4,
    /// The gaps of readings in training.
    Missing = 5,
    /// The gaps of validation readings and of those that ranges are measured on.
    EvaluationMissing = 6,
    /// The bits of training readings that are drawn anew in each epoch.
    Binarization = 7,
    /// Bits that are drawn once.
    EvaluationBinarization = 8,
    /// The noise of readings that quantization is calibrated with.
    Perturbation = 9,
    /// The seed of the epochs in integers.
    Integers = 10,
    /// The starts of mixtures, the cuts of forests.
    Baselines = 20,
    /// Posteriors of single readings, in training and after it.
    Inference = 21,
    /// The draws of the ladder of nats.
    Ladder = 22,
    /// The prototypes that the search for typical readings starts from.
    Prototypes = 23,
    /// The draws that baselines of gradient estimators start from.
    ControlVariate = 30,
    /// The draws by which gradient estimators are compared.
    Variance = 31,
    /// The draws of what they are compared with.
    Reference = 32,
}

/// The stream of `purpose` for `seed`.
pub fn stream(seed: u64, purpose: Purpose) -> Xoshiro128PlusPlus {
    // Small stream numbers belong to scored readings; these start far from them.
    elbow::rng::stream(seed, u64::MAX - purpose as u64)
}

/// Draws `count` standard normals, the device's own ones, as floats.
pub fn normals(rng: &mut impl Rng, count: usize) -> Vec<f32> {
    (0..count)
        .map(|_| standard_normal(rng.next_u32()) as f32 / 65536.0)
        .collect()
}

/// Fills `draws` as [`normals`] does.
pub fn normals_into(rng: &mut impl Rng, draws: &mut [f32]) {
    for draw in draws {
        *draw = standard_normal(rng.next_u32()) as f32 / 65536.0;
    }
}

/// Draws a float uniform in `[-bound, bound)`, with 24 bits.
pub fn uniform(rng: &mut impl Rng, bound: f32) -> f32 {
    ((rng.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0) * bound
}
