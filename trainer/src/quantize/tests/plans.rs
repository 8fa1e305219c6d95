//! Plans as they are written, read, and held against a model.

use super::*;

/// Compensated weights are not written, and come back.
#[test]
fn plans_are_read_as_they_are_written() {
    for weights in [Weights::Int8, Weights::Int4] {
        let (vae, normalization, set, plan) = planned_with(Calibration::MinMax, weights);
        let text = toml::to_string(&plan).unwrap();
        assert!(
            text.contains("compensated") && !text.contains("weights"),
            "{text}"
        );
        let read: Plan = toml::from_str(&text).unwrap();
        assert_eq!(read.to_nearest(), plan.to_nearest());
        let read = restored(&vae, &normalization, read, &set).unwrap();
        assert_eq!(read, plan);
        let folded = fold(&vae, &normalization, &plan).unwrap();
        let text = toml::to_string(&folded).unwrap();
        let read: Plan = toml::from_str(&text).unwrap();
        assert_eq!(restored(&vae, &normalization, read, &set).unwrap(), folded);
    }
}

/// The lists of a compensated layer.
fn lists(layer: &mut LayerPlan) -> (&mut Vec<f64>, &mut Vec<i8>, &mut Vec<f64>) {
    match &mut layer.rounding {
        Rounding::Compensated {
            weight_scales,
            quantized_weights,
            correction,
        } => (weight_scales, quantized_weights, correction),
        other => panic!("{other:?}"),
    }
}

fn activations(layer: &mut LayerPlan) -> &mut ActivationPlan {
    layer.activations.as_mut().unwrap()
}

/// A change of a plan, and what the error says of it.
type Misfit = (fn(&mut Plan), &'static str);

const MISFITS: [Misfit; 8] = [
    (
        |plan| lists(&mut plan.layers.encoder[1]).1.truncate(179),
        "179 weights of encoder 2, the model has 180",
    ),
    (
        |plan| lists(&mut plan.layers.encoder[0]).0.clear(),
        "0 weight scales of encoder 1, the model has 20",
    ),
    (
        |plan| lists(&mut plan.layers.encoder[0]).2.push(0.0),
        "21 corrections of encoder 1, the model has 20",
    ),
    (
        |plan| activations(&mut plan.layers.decoder[0]).ranges.truncate(6),
        "6 ranges of decoder 1, the model has 7",
    ),
    (
        |plan| activations(&mut plan.layers.decoder[1]).output_scales = Some(vec![1.0; 15]),
        "15 output scales of decoder 2, the model has 16",
    ),
    (
        |plan| plan.inputs.ranges.clear(),
        "0 ranges of inputs, the model has 12",
    ),
    (
        |plan| plan.layers.encoder.push(LayerPlan::default()),
        "3 hidden layers of the encoder, the model has 2",
    ),
    (
        |plan| plan.layers.heads.activations = Some(plan.inputs.clone()),
        "1 lists of ranges of heads, the model has 0",
    ),
];

/// A plan of another model, or one that was cut off, is refused with both numbers.
#[test]
fn plans_that_do_not_fit_are_refused() {
    let (vae, normalization, set, plan) = planned(Calibration::MinMax);
    for (change, expected) in MISFITS {
        let mut plan = plan.clone();
        change(&mut plan);
        let reading = set.normal.readings.row(0);
        let label = label(Packing::Rows);
        let error = quantize(&vae, &normalization, &plan, &label, reading).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected), "{error} lacks {expected:?}");
    }
}
