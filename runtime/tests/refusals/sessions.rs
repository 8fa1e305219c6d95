//! Small workspaces, impossible readings, masks and buffers of the wrong length.

use crate::spec_with_hidden_layers;
use crate::support::{Dice, Temper, check, enrich, random_reading, random_spec, widen_inputs};
use elbow::estimator::Estimator;
use elbow::format::AlignedImage;
use elbow::image::{ImageSpec, LikelihoodSpec};
use elbow::internal::reseal;
use elbow::layer::{Packing, WeightBits};
use elbow::{
    LengthError, Mask, MaskError, Model, Nats, Probability, Question, ReadingError, SelfTestError,
    Session, WideSum, WorkspaceError,
};

/// The model of a description, and a session with it.
macro_rules! session_of {
    ($spec:ident, $model:ident, $session:ident) => {
        let image = $spec.write(&[]).unwrap();
        let $model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; $model.workspace_words()];
        let mut $session = Session::new(&$model, &mut workspace, 1).unwrap();
    };
}

/// Bytes of a workspace: what a latent needs, the operands of the widest layer, with room for some of its
/// weights where they are of four bits, and the outputs of the largest.
fn workspace_bytes(spec: &ImageSpec) -> usize {
    let latents = spec.latents();
    let of_inputs = if spec.input_ceiling > 127 { 2 } else { 1 };
    let (mut operands, mut activations) = (0, of_inputs * spec.inputs.len());
    // The decoder runs four latents at once, and takes twelve bytes for four numbers of each column.
    let halves = [
        (spec.inputs.len(), &spec.encoder, 2, 1),
        (latents + spec.conditions.len(), &spec.decoder, 12, 4),
    ];
    for (mut columns, hidden, bytes, lanes) in halves {
        let of_layer = |columns: usize, bits| {
            bytes * columns.next_multiple_of(4) + expanded_bytes(spec, columns, bits)
        };
        for layer in hidden {
            operands = operands.max(of_layer(columns, layer.dense.bits));
            columns = layer.dense.rows.len();
            let bytes = if layer.ceiling > 127 { 2 } else { 1 };
            activations = activations.max(lanes * columns * bytes);
        }
        let last = [&spec.heads, &spec.output][lanes / 4];
        operands = operands.max(of_layer(columns, last.bits));
    }
    24 * latents + 8 * spec.conditions.len() + operands + activations.next_multiple_of(2)
}

/// Four rows of eight bits a weight, eight of them in tiles.
fn expanded_bytes(spec: &ImageSpec, columns: usize, bits: WeightBits) -> usize {
    let bytes = match spec.packing {
        Packing::Rows => 4 * columns,
        Packing::Tiles => 8 * columns.next_multiple_of(4),
        Packing::PairedTiles => 4 * columns.next_multiple_of(4),
    };
    match bits {
        WeightBits::Eight => 0,
        WeightBits::Four => bytes.next_multiple_of(8),
    }
}

#[test]
fn a_workspace_of_the_stated_size_suffices_and_none_smaller() {
    check(21, 500, |dice| {
        let mut spec = random_spec(dice, Temper::Wild);
        if dice.once_in(3) {
            enrich(dice, &mut spec);
        }
        if dice.once_in(3) {
            widen_inputs(dice, &mut spec);
        }
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let words = model.workspace_words();
        assert_eq!(words, workspace_bytes(&spec).div_ceil(8));
        let mut workspace = vec![u64::MAX; words + 3];
        assert_eq!(model.self_test(&mut workspace[..words]), Ok(()));
        assert_eq!(model.self_test(&mut workspace), Ok(()));
        for have in [0, words / 2, words - 1] {
            let error = WorkspaceError {
                have: 8 * have,
                need: 8 * words,
            };
            let small = &mut workspace[..have];
            let refused = Session::new(&model, small, 0).map(|_| ());
            assert_eq!(refused, Err(error));
            assert_eq!(model.self_test(small), Err(SelfTestError::Workspace(error)));
        }
        assert!(Session::new(&model, &mut workspace[..words], 0).is_ok());
    });
    let error = WorkspaceError { have: 8, need: 640 };
    assert_eq!(
        error.to_string(),
        "the workspace holds 8 bytes, the model needs 640: use Workspace::<80>"
    );
}

/// The old contents of a workspace do not matter.
#[test]
fn results_do_not_depend_on_the_workspace() {
    check(22, 100, |dice| {
        let spec = random_spec(dice, Temper::Trained);
        let image = spec.write(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let reading = random_reading(dice, &spec);
        let results = [0, u64::MAX].map(|word| {
            let mut workspace = vec![word; model.workspace_words() + (word & 3) as usize];
            let mut session = Session::new(&model, &mut workspace, 1).unwrap();
            let prior = session.sample().to_vec();
            let score = session.score(&reading, Estimator::SigmaPoints).unwrap();
            (prior, score)
        });
        assert_eq!(results[0], results[1]);
    });
}

#[test]
fn readings_of_the_wrong_length_and_estimates_of_no_samples_are_refused() {
    check(23, 200, |dice| {
        let spec = random_spec(dice, Temper::Trained);
        session_of!(spec, model, session);
        let reading = random_reading(dice, &spec);
        let need = reading.len();
        for have in [0, need - 1, need + 1] {
            let error = ReadingError::Length { have, need };
            let wrong = vec![0; have];
            assert_eq!(session.encode(&wrong), Err(error));
            let refused = session.score(&wrong, Estimator::PosteriorMean);
            assert_eq!(refused, Err(error));
        }
        for estimator in [
            Estimator::MonteCarlo { samples: 0 },
            Estimator::ImportanceWeighted { samples: 0 },
        ] {
            let none = session.score(&reading, estimator);
            assert_eq!(none, Err(ReadingError::NoPasses));
        }
        let question = Question {
            threshold: Nats::ZERO,
            confidence: Probability::ONE,
            max_passes: 0,
        };
        let none = session.decide(&reading, &question);
        assert_eq!(none, Err(ReadingError::NoPasses));
    });
    let error = ReadingError::Length { have: 1, need: 2 };
    assert_eq!(
        error.to_string(),
        "the reading has 1 numbers, the model takes 2"
    );
}

#[test]
fn impossible_counts_are_refused() {
    check(23, 200, |dice| {
        let spec = random_spec(dice, Temper::Trained);
        session_of!(spec, model, session);
        let mut reading = random_reading(dice, &spec);
        let index = dice.size(0, reading.len() - 1);
        for value in [i16::MIN, -1, 256, i16::MAX] {
            reading[index] = value;
            let refused = session.score(&reading, Estimator::PosteriorMean);
            let LikelihoodSpec::Binomial { trials } = spec.likelihood else {
                assert!(refused.is_ok());
                continue;
            };
            let error = ReadingError::OutsideSupport {
                index,
                value,
                largest: trials,
            };
            assert_eq!(refused, Err(error));
            assert_eq!(session.encode(&reading), Err(error));
            reading[index] = i16::from(trials);
            assert!(session.encode(&reading).is_ok());
        }
    });
    let error = ReadingError::OutsideSupport {
        index: 3,
        value: -1,
        largest: 16,
    };
    assert_eq!(
        error.to_string(),
        "input 3 reads -1, the model counts from 0 to 16"
    );
}

#[test]
fn wrong_lengths_are_refused() {
    let mut dice = Dice::new(24);
    let spec = random_spec(&mut dice, Temper::Trained);
    session_of!(spec, model, session);
    let (inputs, latents) = (model.inputs(), model.latents());
    let error = |what, have, need| Err(LengthError { what, have, need });
    let mut decode = |z: usize, x: usize| session.decode(&vec![0; z], &mut vec![0; x]);
    for have in [0, latents - 1, latents + 1] {
        assert_eq!(decode(have, inputs), error("latents", have, latents));
    }
    for have in [0, inputs - 1, inputs + 1] {
        assert_eq!(decode(latents, have), error("mean", have, inputs));
    }
    assert_eq!(decode(latents, inputs), Ok(()));
    let refused = session.reconstruct(&mut vec![0; inputs + 1]);
    assert_eq!(refused, error("mean", inputs + 1, inputs));
    let refused = session.generate(&mut vec![0; inputs + 1]);
    assert_eq!(refused, error("mean", inputs + 1, inputs));
}

/// A reading brings its conditions along, behind its inputs; a mask of these alone is none.
#[test]
fn conditions_of_the_wrong_length_are_refused() {
    let mut tried = 0;
    check(32, 60, |dice| {
        let mut spec = random_spec(dice, Temper::Trained);
        enrich(dice, &mut spec);
        let conditions = spec.conditions.len();
        session_of!(spec, model, session);
        let (inputs, need) = (model.inputs(), model.reading_length());
        assert_eq!(
            (model.conditions(), need),
            (conditions, inputs + conditions)
        );
        for have in [0, conditions + 1] {
            let error = LengthError {
                what: "conditions",
                have,
                need: conditions,
            };
            let expected = if have == conditions {
                Ok(())
            } else {
                Err(error)
            };
            assert_eq!(session.condition(&vec![0; have]), expected);
        }
        if conditions == 0 {
            return;
        }
        tried += 1;
        let reading = random_reading(dice, &spec);
        let short = session.score(&reading[..inputs], Estimator::PosteriorMean);
        assert_eq!(short, Err(ReadingError::Length { have: inputs, need }));
        let mut bits = vec![0; need.div_ceil(8)];
        bits[inputs / 8] |= 1 << (inputs % 8);
        let mask = Mask::new(&bits, need).unwrap();
        let error = ReadingError::Mask(MaskError::NothingObserved);
        let alone = session.score_observed(&reading, mask, Estimator::PosteriorMean);
        assert_eq!(alone, Err(error));
    });
    assert!(tried > 20, "{tried}");
}

/// The one error that every operation on an observed part of a reading gives.
fn refused_mask(
    session: &mut Session<'_>,
    reading: &[i16],
    mask: Mask<'_>,
) -> Result<(), ReadingError> {
    let estimator = Estimator::PosteriorMean;
    let mut inputs = vec![WideSum::ZERO; session.model().inputs()];
    let mut latents = vec![Nats::ZERO; session.model().latents()];
    let explained = session.explain(reading, mask, estimator, &mut inputs, &mut latents);
    let errors = [
        explained.map(|_| ()),
        session.encode_observed(reading, mask).map(|_| ()),
        session.score_observed(reading, mask, estimator).map(|_| ()),
        session.impute(reading, mask, &mut vec![0; inputs.len()]),
    ];
    assert!(errors.iter().all(|error| *error == errors[0]));
    errors[0]
}

#[test]
fn masks_of_other_models_are_refused() {
    check(31, 100, |dice| {
        let spec = random_spec(dice, Temper::Trained);
        session_of!(spec, model, session);
        let reading = random_reading(dice, &spec);
        let inputs = model.inputs();
        let mut refused = |mask: Mask<'_>| refused_mask(&mut session, &reading, mask);
        assert_eq!(refused(Mask::ALL), Ok(()));
        let bits = [0xff; 8];
        for bytes in [1, inputs.div_ceil(8) - 1, inputs.div_ceil(8) + 1] {
            let need = inputs.div_ceil(8);
            if bytes != need && bytes > 0 {
                let mask = Mask::new(&bits[..bytes], 8 * bytes).unwrap();
                let error = MaskError::Length { have: bytes, need };
                assert_eq!(refused(mask), Err(ReadingError::Mask(error)));
            }
        }
        // A mask of a model with more inputs, of which this one has none that is observed.
        if !inputs.is_multiple_of(8) {
            let mut bits = vec![0; inputs.div_ceil(8)];
            bits[inputs / 8] = 0x80;
            let other = Mask::new(&bits, inputs.next_multiple_of(8)).unwrap();
            let error = ReadingError::Mask(MaskError::NothingObserved);
            assert_eq!(refused(other), Err(error));
        }
    });
}

#[test]
fn buffers_of_the_wrong_length_are_refused() {
    check(31, 100, |dice| {
        let spec = random_spec(dice, Temper::Trained);
        session_of!(spec, model, session);
        let reading = random_reading(dice, &spec);
        let (inputs, latents) = (model.inputs(), model.latents());
        let estimator = Estimator::PosteriorMean;
        let error = |what, have, need| {
            let error = LengthError { what, have, need };
            Err(ReadingError::Buffer(error))
        };
        for (x, z) in [(inputs + 1, latents), (0, latents), (inputs, latents - 1)] {
            let result = session.explain(
                &reading,
                Mask::ALL,
                estimator,
                &mut vec![WideSum::ZERO; x],
                &mut vec![Nats::ZERO; z],
            );
            let expected = match x == inputs {
                true => error("latents", z, latents),
                false => error("inputs", x, inputs),
            };
            assert_eq!(result.map(|_| ()), expected);
        }
        let filled = session.impute(&reading, Mask::ALL, &mut vec![0; inputs + 3]);
        assert_eq!(filled, error("filled", inputs + 3, inputs));
    });
}

/// An impossible count matters where it is observed.
#[test]
fn impossible_readings_may_be_masked() {
    let mut dice = Dice::new(32);
    let spec = spec_with_hidden_layers(&mut dice, 0);
    session_of!(spec, model, session);
    let inputs = model.inputs();
    let mut reading = random_reading(&mut dice, &spec);
    let mut bits = vec![0xff; inputs.div_ceil(8)];
    for index in 0..inputs {
        let before = core::mem::replace(&mut reading[index], -7);
        let mask = Mask::new(&bits, inputs).unwrap();
        let refused = session.score_observed(&reading, mask, Estimator::SigmaPoints);
        assert!(matches!(
            refused,
            Err(ReadingError::OutsideSupport { index: i, value: -7, .. }) if i == index
        ));
        bits[index / 8] ^= 1 << (index % 8);
        if let Ok(mask) = Mask::new(&bits, inputs) {
            let score = session.score_observed(&reading, mask, Estimator::SigmaPoints);
            assert!(score.is_ok());
        }
        bits[index / 8] ^= 1 << (index % 8);
        reading[index] = before;
    }
}

/// A score of the self-test that this machine does not compute.
#[test]
fn a_self_test_names_the_score_that_differs() {
    let mut dice = Dice::new(25);
    let spec = random_spec(&mut dice, Temper::Trained);
    let image = spec.write(&[]).unwrap();
    let header = u32::from_le_bytes(image[16..20].try_into().unwrap()) as usize;
    // The header's last field is the score of three importance weights.
    let mut other = image.to_vec();
    other[20 + header - 1] ^= 1;
    reseal(&mut other);
    let other = AlignedImage::new(&other);
    let model = Model::parse(&other).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let error = model.self_test(&mut workspace).unwrap_err();
    let SelfTestError::Score {
        estimator,
        expected,
        computed,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(estimator, Estimator::ImportanceWeighted { samples: 3 });
    assert_ne!(expected, computed);
}

/// Models without tables alarm nobody.
#[test]
fn a_model_without_calibration_is_certain_of_nothing_unusual() {
    let mut dice = Dice::new(30);
    let spec = random_spec(&mut dice, Temper::Trained);
    session_of!(spec, model, session);
    let reading = random_reading(&mut dice, &spec);
    let score = session.score(&reading, Estimator::SigmaPoints).unwrap();
    assert_eq!(score.p_value(), Probability::ONE);
    assert!(model.calibration(Estimator::SigmaPoints).is_none());
}
