//! Images of models: what damage starts from, and what a device does with one.

use crate::check::{Fault, Verdict};
use elbow::distribution::Family;
use elbow::format::{AlignedImage, image_length};
use elbow::internal::reseal;
use elbow::{Estimator, Model, Session};
use elbow_tests::measure::shapes::{Kind, Shape};

/// The largest workspace that an accepted image may ask for here, in words.
const LARGEST: usize = 1 << 16;

/// Images of small models of every kind with random weights.
#[must_use]
pub fn images() -> Vec<Vec<u8>> {
    let real = |family, predicted_scale| Kind::Real {
        family,
        predicted_scale,
    };
    let kinds = [
        Kind::Counts { trials: 1 },
        Kind::Counts { trials: 16 },
        real(Family::Normal, false),
        real(Family::Laplace, true),
        Kind::Columns,
    ];
    let shapes = [(5, vec![6], 2, vec![7]), (9, vec![], 1, vec![4, 3])];
    let shapes = shapes.map(|(inputs, encoder, latents, decoder)| Shape {
        inputs,
        encoder,
        latents,
        decoder,
    });
    let of_shape = |(seed, shape): (u64, &Shape)| {
        let image = |kind| {
            let spec = shape.random_model("fuzz", kind, seed);
            let spec = spec.expect("these widths have multipliers");
            spec.write(&[]).expect("random models are models").to_vec()
        };
        kinds.map(image)
    };
    (1..).zip(&shapes).flat_map(of_shape).collect()
}

/// Makes the checksum of a damaged image the one of what it holds.
pub(crate) fn seal(image: &mut [u8]) {
    if image_length(image).is_ok_and(|length| length <= image.len() && length >= 16) {
        reseal(image);
    }
}

/// Parses `input` and scores readings by it, as a device does.
pub(crate) fn score(input: &[u8]) -> Verdict {
    let image = AlignedImage::new(input);
    let Ok(model) = Model::parse(&image) else {
        return Verdict::Refused;
    };
    let words = model.workspace_words();
    if words > LARGEST {
        return Verdict::Accepted;
    }
    let mut workspace = vec![0; words];
    // A self-test may fail: damage changes what it expects.
    let _ = model.self_test(&mut workspace);
    let Ok(mut session) = Session::new(&model, &mut workspace, 7) else {
        let what = "its workspace is too small by its own count";
        return Verdict::Faulty(Fault::NoTable(what.into()));
    };
    let inputs = model.reading_length();
    let readings = [vec![0; inputs], vec![i16::MIN; inputs], vec![1; inputs]];
    for reading in &readings {
        for estimator in [
            Estimator::PosteriorMean,
            Estimator::SigmaPoints,
            Estimator::MonteCarlo { samples: 3 },
            Estimator::ImportanceWeighted { samples: 2 },
        ] {
            // Counts that cannot be are refused.
            let _p_value = session
                .score(reading, estimator)
                .map(|score| score.p_value());
        }
    }
    Verdict::Accepted
}
