//! Random readings and masks.

use super::dice::Dice;
use super::likelihoods::group_of;
use elbow::image::{GroupSpec, ImageSpec, LikelihoodSpec};

/// A reading such as the model might meet.
pub(crate) fn random_reading(dice: &mut Dice, spec: &ImageSpec) -> Vec<i16> {
    let (mut reading, mut state) = (vec![], 0);
    let modelled = spec.inputs.len() - spec.conditions.len();
    for (index, input) in spec.inputs.iter().enumerate() {
        reading.push(match &spec.likelihood {
            _ if index >= modelled => input.center.saturating_add(dice.between(-99, 99) as i16),
            LikelihoodSpec::Binomial { trials } => dice.between(0, i64::from(*trials)) as i16,
            LikelihoodSpec::Location(location) => {
                let unit = location.units[index].to_f64();
                let value = f64::from(input.center) + 2.0 * unit * dice.normal();
                value.round() as i16
            }
            LikelihoodSpec::Heterogeneous(groups) => match group_of(groups, index) {
                (GroupSpec::Real { unit, .. }, _) => {
                    let value = f64::from(input.center) + 2.0 * unit.to_f64() * dice.normal();
                    value.round() as i16
                }
                (GroupSpec::Flag, _) => dice.between(0, 1) as i16,
                (GroupSpec::Count { .. }, _) => dice.pick(&[0, 1, 2, 5, 12]),
                (GroupSpec::States { .. }, 0) => {
                    state = dice.size(0, 12);
                    i16::from(state == 0)
                }
                (GroupSpec::States { count }, place) => {
                    // A state that is beyond them is none of them.
                    i16::from(state % (usize::from(*count) + 1) == place)
                }
            },
        });
    }
    reading
}

/// A reading at the ends of what the likelihood allows.
pub(crate) fn extreme_reading(dice: &mut Dice, spec: &ImageSpec) -> Vec<i16> {
    let (low, high) = match spec.likelihood {
        LikelihoodSpec::Binomial { trials } => (0, trials.into()),
        LikelihoodSpec::Location(_) | LikelihoodSpec::Heterogeneous(_) => (i16::MIN, i16::MAX),
    };
    let both: &[i16] = &[low, high];
    let from = dice.pick(&[&both[..1], &both[1..], both]);
    spec.inputs.iter().map(|_| dice.pick(from)).collect()
}

/// The bits of a mask of a reading of `inputs` inputs and `conditions` conditions, that observes some
/// input: none missing, some missing, most missing, all but one missing; whatever stands behind them.
pub(crate) fn random_mask(dice: &mut Dice, inputs: usize, conditions: usize) -> Vec<u8> {
    let missing = dice.pick(&[0, 2, 10, u32::MAX]);
    let mut bits = vec![0u8; (inputs + conditions).div_ceil(8)];
    for input in 0..8 * bits.len() {
        let observed = match missing {
            0 => true,
            2 => !dice.once_in(2),
            missing => dice.once_in(missing),
        };
        bits[input / 8] |= u8::from(observed) << (input % 8);
    }
    let sure = dice.size(0, inputs - 1);
    bits[sure / 8] |= 1 << (sure % 8);
    bits
}
