//! What is refused, and with which words and numbers: small workspaces, impossible readings, wrong
//! lengths, models that no image can hold, images that break a rule of FORMAT.md.

mod support;

use elbow::estimator::Estimator;
use elbow::format::{AlignedImage, ImageError, MAX_CALIBRATIONS, MAX_LAYERS};
use elbow::image::{
    CalibrationSpec, ComponentSpec, DenseSpec, EncodeError, GroupSpec, ImageSpec, LikelihoodSpec,
    PriorSpec, Tail,
};
use elbow::internal::reseal;
use elbow::layer::{Packing, WeightBits};
use elbow::requantize::Multiplier;
use elbow::{
    LengthError, Mask, MaskError, Model, Nats, Probability, Question, ReadingError, SelfTestError,
    Session, WorkspaceError,
};
use support::{Dice, Temper, enrich, random_reading, random_spec, random_spec_of, widen_inputs};

/// Bytes of a workspace: what a latent needs, the operands of the widest layer, with room for some of its
/// weights where they are of four bits, and the outputs of the largest.
fn workspace_bytes(spec: &ImageSpec) -> usize {
    let latents = spec.heads.rows.len() / 2;
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
    let mut dice = Dice::new(21);
    for _ in 0..500 {
        let mut spec = random_spec(&mut dice, Temper::Wild);
        if dice.once_in(3) {
            enrich(&mut dice, &mut spec);
        }
        if dice.once_in(3) {
            widen_inputs(&mut dice, &mut spec);
        }
        let image = spec.encode(&[]).unwrap();
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
    }
    let error = WorkspaceError { have: 8, need: 640 };
    assert_eq!(
        error.to_string(),
        "the workspace holds 8 bytes, the model needs 640: use Workspace::<80>"
    );
}

/// What a workspace held before does not matter.
#[test]
fn results_do_not_depend_on_the_workspace() {
    let mut dice = Dice::new(22);
    for _ in 0..100 {
        let spec = random_spec(&mut dice, Temper::Trained);
        let image = spec.encode(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let reading = random_reading(&mut dice, &spec);
        let results = [0, u64::MAX].map(|word| {
            let mut workspace = vec![word; model.workspace_words() + (word & 3) as usize];
            let mut session = Session::new(&model, &mut workspace, 1).unwrap();
            let prior = session.sample().to_vec();
            let score = session.score(&reading, Estimator::SigmaPoints).unwrap();
            (prior, score)
        });
        assert_eq!(results[0], results[1]);
    }
}

#[test]
fn impossible_readings_are_refused() {
    let mut dice = Dice::new(23);
    for _ in 0..200 {
        let spec = random_spec(&mut dice, Temper::Trained);
        let image = spec.encode(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 1).unwrap();
        let mut reading = random_reading(&mut dice, &spec);
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
            assert_eq!(none, Err(ReadingError::NoSamples));
        }
        let question = Question {
            threshold: Nats::ZERO,
            confidence: Probability::ONE,
            max_passes: 0,
        };
        let none = session.decide(&reading, &question);
        assert_eq!(none, Err(ReadingError::NoSamples));

        let index = dice.size(0, need - 1);
        let outside: &[i16] = &[i16::MIN, -1, 256, i16::MAX];
        for &value in outside {
            reading[index] = value;
            let refused = session.score(&reading, Estimator::PosteriorMean);
            match spec.likelihood {
                LikelihoodSpec::Binomial { trials } => {
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
                LikelihoodSpec::Location(_) | LikelihoodSpec::Heterogeneous(_) => {
                    assert!(refused.is_ok());
                }
            }
        }
    }
    let error = ReadingError::OutsideSupport {
        index: 3,
        value: -1,
        largest: 16,
    };
    assert_eq!(
        error.to_string(),
        "input 3 reads -1, the model counts from 0 to 16"
    );
    let error = ReadingError::Length { have: 1, need: 2 };
    assert_eq!(
        error.to_string(),
        "the reading has 1 numbers, the model takes 2"
    );
}

#[test]
fn wrong_lengths_are_refused() {
    let mut dice = Dice::new(24);
    let spec = random_spec(&mut dice, Temper::Trained);
    let image = spec.encode(&[]).unwrap();
    let model = Model::parse(&image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 1).unwrap();
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
    let refused = session.generate(&mut vec![0; inputs + 1]);
    assert_eq!(refused, error("mean", inputs + 1, inputs));
}

/// A reading brings its conditions along, behind its inputs; a mask of these alone is none.
#[test]
fn conditions_of_the_wrong_length_are_refused() {
    let mut dice = Dice::new(32);
    let mut tried = 0;
    for _ in 0..60 {
        let mut spec = random_spec(&mut dice, Temper::Trained);
        enrich(&mut dice, &mut spec);
        let conditions = spec.conditions.len();
        let image = spec.encode(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let (inputs, need) = (model.inputs(), model.reading_length());
        assert_eq!(
            (model.conditions(), need),
            (conditions, inputs + conditions)
        );
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 1).unwrap();
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
            continue;
        }
        tried += 1;
        let reading = random_reading(&mut dice, &spec);
        let short = session.score(&reading[..inputs], Estimator::PosteriorMean);
        assert_eq!(short, Err(ReadingError::Length { have: inputs, need }));
        let mut bits = vec![0; need.div_ceil(8)];
        bits[inputs / 8] |= 1 << (inputs % 8);
        let mask = Mask::new(&bits, need).unwrap();
        let error = ReadingError::Mask(MaskError::NothingObserved);
        let alone = session.score_observed(&reading, mask, Estimator::PosteriorMean);
        assert_eq!(alone, Err(error));
    }
    assert!(tried > 20, "{tried}");
}

/// Masks of another model, and buffers of the wrong length.
#[test]
fn masks_and_buffers_of_the_wrong_length_are_refused() {
    let mut dice = Dice::new(31);
    for _ in 0..100 {
        let spec = random_spec(&mut dice, Temper::Trained);
        let image = spec.encode(&[]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut workspace, 1).unwrap();
        let reading = random_reading(&mut dice, &spec);
        let (inputs, latents) = (model.inputs(), model.latents());
        let estimator = Estimator::PosteriorMean;
        let mut refused = |mask: Mask<'_>| {
            let mut latents = vec![Nats::ZERO; latents];
            let errors = [
                session.encode_observed(&reading, mask).map(|_| ()),
                session
                    .score_observed(&reading, mask, estimator)
                    .map(|_| ()),
                session.impute(&reading, mask, &mut vec![0; inputs]),
                session
                    .explain(
                        &reading,
                        mask,
                        estimator,
                        &mut vec![0; inputs],
                        &mut latents,
                    )
                    .map(|_| ()),
            ];
            assert!(errors.iter().all(|error| *error == errors[0]));
            errors[0]
        };
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
        if inputs % 8 != 0 {
            let mut bits = vec![0; inputs.div_ceil(8)];
            bits[inputs / 8] = 0x80;
            let other = Mask::new(&bits, inputs.next_multiple_of(8)).unwrap();
            let error = ReadingError::Mask(MaskError::NothingObserved);
            assert_eq!(refused(other), Err(error));
        }
        let error = |what, have, need| {
            let error = LengthError { what, have, need };
            Err(ReadingError::Buffer(error))
        };
        for (x, z) in [(inputs + 1, latents), (0, latents), (inputs, latents - 1)] {
            let result = session.explain(
                &reading,
                Mask::ALL,
                estimator,
                &mut vec![0; x],
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
    }
}

/// An impossible count matters where it is observed.
#[test]
fn impossible_readings_may_be_masked() {
    let mut dice = Dice::new(32);
    let spec = spec_with_hidden_layers(&mut dice, 0);
    let image = spec.encode(&[]).unwrap();
    let model = Model::parse(&image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 1).unwrap();
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
    let image = spec.encode(&[]).unwrap();
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

/// Each breaks one rule of FORMAT.md or NUMERICS.md.
#[test]
fn models_that_break_a_rule_are_not_encoded() {
    type Change = fn(&mut ImageSpec);
    let ceiling = "a zero point is beyond its layer's ceiling";
    let bound = "an accumulator could reach 2^30, or a weight is -128";
    let constant = "a constant of its density is beyond 4096 nats";
    let deviation = "a deviation of its noise is negative";
    let range = "its range of log-variances is not within -32..=8";
    let inputs = "the ceiling of its inputs is not in 127..=32767";
    let bits = "the fraction bits of its latents are not in 6..=15";
    let location: &[(Change, &str)] = &[
        (|s| s.input_ceiling = 126, inputs),
        (|s| s.input_ceiling = 32_768, inputs),
        (|s| s.latent_fraction_bits = 5, bits),
        (|s| s.latent_fraction_bits = 16, bits),
        (|s| s.log_variance_range.0 = (-32 << 16) - 1, range),
        (|s| s.log_variance_range.1 = (8 << 16) + 1, range),
        (|s| s.log_variance_range = (1, 0), range),
        (
            |s| s.encoder[0].zero_point = -s.encoder[0].ceiling - 1,
            ceiling,
        ),
        (
            |s| s.decoder[0].zero_point = s.decoder[0].ceiling + 1,
            ceiling,
        ),
        (|s| s.decoder[0].ceiling = 0, ceiling),
        (|s| s.encoder[0].ceiling = -127, ceiling),
        (|s| s.encoder[0].ceiling = i16::MIN, ceiling),
        (|s| s.encoder[0].dense.weights[0] = -128, bound),
        (|s| s.heads.weights[0] = -128, bound),
        (|s| s.heads.rows[0].bias = i32::MIN, bound),
        (|s| s.output.rows[0].bias = 1 << 30, bound),
        (|s| s.decoder[0].dense.rows[0].bias = i32::MAX, bound),
        (|s| s.noise.mean_deviation = -1, deviation),
        (|s| s.noise.pair_deviation = i32::MIN, deviation),
        (|s| log_normalizer(s, 4096.0 + 1.0 / 65536.0), constant),
        (|s| log_normalizer(s, -4096.0 - 1.0 / 65536.0), constant),
        (|s| log_normalizer(s, f64::INFINITY), constant),
        (|s| log_normalizer(s, f64::NEG_INFINITY), constant),
        (|s| log_normalizer(s, f64::NAN), constant),
    ];
    let prior = "a number of its prior is out of range";
    let components = "its prior has not 1 to 256 components";
    let mixtures: &[(Change, &str)] = &[
        (|s| first_component(s).log_weight = 0.001, prior),
        (|s| first_component(s).log_weight = -64.001, prior),
        (|s| first_component(s).mean[0] = 128.001, prior),
        (|s| first_component(s).mean[0] = f64::NAN, prior),
        (|s| first_component(s).log_variance[0] = 8.001, prior),
        (|s| first_component(s).log_variance[0] = -16.001, prior),
        (|s| s.prior = PriorSpec::Mixture(vec![]), components),
        (
            |s| s.prior = PriorSpec::Mixture(vec![first_component(s).clone(); 257]),
            components,
        ),
    ];
    let unknown = "an input is of no known kind, or a parameter of its kind is out of range";
    let trials = "its binomial likelihood has no trials or a wrong table";
    let impossible = "the reading of its self-test is impossible under its likelihood";
    let binomial: &[(Change, &str)] = &[
        (
            |s| s.likelihood = LikelihoodSpec::Binomial { trials: 0 },
            trials,
        ),
        (|s| s.self_test_reading[0] = -1, impossible),
        (|s| s.self_test_reading[0] = 256, impossible),
    ];
    let mut dice = Dice::new(26);
    let kinds: &[(Change, &str)] = &[
        (|s| *first_group(s) = count(0.0, 5), unknown),
        (|s| *first_group(s) = count(128.001, 5), unknown),
        (|s| *first_group(s) = count(f64::NAN, 5), unknown),
        (|s| *first_group(s) = count(1.0, 0), unknown),
        (
            |s| *first_group(s) = GroupSpec::States { count: 1 },
            unknown,
        ),
        (|s| *first_group(s) = real(Tail::Normal, 4096.001), unknown),
        (
            |s| *first_group(s) = real(Tail::Student { degrees: 0 }, 0.0),
            unknown,
        ),
        (
            |s| *first_group(s) = real(Tail::Student { degrees: 3 }, f64::NAN),
            unknown,
        ),
    ];
    for (of, changes) in [(1, location), (1, mixtures), (0, binomial), (2, kinds)] {
        let mut spec = spec_with_hidden_layers(&mut dice, of);
        if of == 2 {
            spec.likelihood =
                LikelihoodSpec::Heterogeneous(vec![GroupSpec::Flag; spec.output.rows.len()]);
        }
        spec.prior = PriorSpec::Mixture(vec![ComponentSpec {
            log_weight: 0.0,
            mean: vec![0.0; spec.heads.rows.len() / 2],
            log_variance: vec![0.0; spec.heads.rows.len() / 2],
        }]);
        assert!(spec.encode(&[]).is_ok());
        for (index, (change, what)) in changes.iter().enumerate() {
            let mut spec = spec.clone();
            change(&mut spec);
            let error = spec.encode(&[]).unwrap_err();
            let expected = format!("the image is not valid: {what}");
            assert_eq!(error.to_string(), expected, "change {index}");
        }
    }
}

fn first_component(spec: &mut ImageSpec) -> &mut ComponentSpec {
    match &mut spec.prior {
        PriorSpec::Mixture(components) => &mut components[0],
        PriorSpec::Standard => unreachable!("the prior is a mixture"),
    }
}

/// The first group of a likelihood with a kind for each input.
fn first_group(spec: &mut ImageSpec) -> &mut GroupSpec {
    match &mut spec.likelihood {
        LikelihoodSpec::Heterogeneous(groups) => &mut groups[0],
        _ => unreachable!("the inputs have kinds"),
    }
}

fn count(failures: f64, largest: u8) -> GroupSpec {
    GroupSpec::Count { failures, largest }
}

fn real(tail: Tail, log_normalizer: f64) -> GroupSpec {
    let one = Multiplier::nearest(1.0).unwrap();
    GroupSpec::Real {
        tail,
        standardize: one,
        unit: one,
        log_normalizer,
    }
}

fn log_normalizer(spec: &mut ImageSpec, nats: f64) {
    if let LikelihoodSpec::Location(location) = &mut spec.likelihood {
        *location.log_normalizers.last_mut().unwrap() = nats;
    }
}

/// One with a likelihood of that kind; see [`random_spec_of`].
fn spec_with_hidden_layers(dice: &mut Dice, of: usize) -> ImageSpec {
    loop {
        let spec = random_spec_of(dice, Temper::Trained, of);
        if !spec.encoder.is_empty() && !spec.decoder.is_empty() {
            return spec;
        }
    }
}

/// The bound itself is refused, one below is not.
#[test]
fn the_accumulator_bound_is_exact() {
    type Layer = fn(&mut ImageSpec) -> &mut DenseSpec;
    type Largest = fn(&ImageSpec) -> i16;
    let layers: [(Layer, Largest); 4] = [
        (|s| &mut s.encoder[0].dense, |_| 127),
        (|s| &mut s.heads, |s| s.encoder.last().unwrap().ceiling),
        (|s| &mut s.decoder[0].dense, |_| i16::MIN),
        (|s| &mut s.output, |s| s.decoder.last().unwrap().ceiling),
    ];
    let mut dice = Dice::new(27);
    for _ in 0..100 {
        let mut spec = spec_with_hidden_layers(&mut dice, 1);
        for (layer, largest) in layers {
            let largest = i32::from(largest(&spec)).abs();
            let dense = layer(&mut spec);
            let columns = dense.weights.len() / dense.rows.len();
            let row = dice.size(0, dense.rows.len() - 1);
            let weights = &dense.weights[row * columns..][..columns];
            let norm: i32 = weights.iter().map(|w| i32::from(w.unsigned_abs())).sum();
            let sign = dice.pick(&[-1, 1]);
            let bias = sign * ((1 << 30) - 1 - largest * norm);
            let before = core::mem::replace(&mut dense.rows[row].bias, bias);
            assert!(spec.encode(&[]).is_ok());
            layer(&mut spec).rows[row].bias = bias + sign;
            assert!(matches!(
                spec.encode(&[]),
                Err(EncodeError::Image(ImageError::Invalid(_)))
            ));
            layer(&mut spec).rows[row].bias = before;
        }
    }
}

#[test]
fn lists_of_the_wrong_length_are_not_encoded() {
    type Change = fn(&mut ImageSpec);
    let changes: &[(Change, &str)] = &[
        (
            |s| s.heads.rows.truncate(s.heads.rows.len() - 1),
            "rows in the heads",
        ),
        (
            |s| s.output.rows.truncate(s.output.rows.len() - 1),
            "rows in the output",
        ),
        (|s| s.output.weights.push(0), "weights in a layer"),
        (|s| s.encoder[0].dense.weights.push(0), "weights in a layer"),
        (
            |s| s.self_test_reading.push(0),
            "numbers in the self-test's reading",
        ),
        (
            |s| {
                if let LikelihoodSpec::Location(location) = &mut s.likelihood {
                    location.standardize.truncate(0);
                }
            },
            "standardizing factors",
        ),
        (
            |s| {
                if let LikelihoodSpec::Location(location) = &mut s.likelihood {
                    location.units.push(location.units[0]);
                }
            },
            "units",
        ),
        (
            |s| {
                if let LikelihoodSpec::Location(location) = &mut s.likelihood {
                    location.log_normalizers.push(0.0);
                }
            },
            "normalizers",
        ),
        (
            |s| {
                if let LikelihoodSpec::Location(location) = &mut s.likelihood {
                    location.predicted_scale ^= true;
                }
            },
            "rows in the output",
        ),
    ];
    let mut dice = Dice::new(28);
    let spec = spec_with_hidden_layers(&mut dice, 1);
    for (change, expected) in changes {
        let mut spec = spec.clone();
        change(&mut spec);
        match spec.encode(&[]).unwrap_err() {
            EncodeError::Length { what, have, need } => {
                assert_eq!(what, *expected);
                assert_ne!(have, need);
            }
            other => panic!("{expected}: {other}"),
        }
    }
    let mut deep = spec.clone();
    let square = elbow::image::LayerSpec {
        dense: DenseSpec {
            bits: WeightBits::Eight,
            weights: vec![1; deep.inputs.len()],
            rows: vec![deep.heads.rows[0]],
        },
        ..deep.encoder[0].clone()
    };
    let narrow = elbow::image::LayerSpec {
        dense: DenseSpec {
            bits: WeightBits::Eight,
            weights: vec![1],
            rows: vec![deep.heads.rows[0]],
        },
        ..square.clone()
    };
    deep.heads.bits = WeightBits::Eight;
    deep.heads.weights = vec![1; deep.heads.rows.len()];
    deep.encoder = vec![square];
    deep.encoder.resize(MAX_LAYERS, narrow.clone());
    assert!(deep.encode(&[]).is_ok());
    deep.encoder.push(narrow);
    let error = EncodeError::TooMany {
        what: "hidden layers of the encoder",
        have: MAX_LAYERS + 1,
        most: MAX_LAYERS,
    };
    assert_eq!(deep.encode(&[]).unwrap_err(), error);
    let table = CalibrationSpec::from_scores(Estimator::SigmaPoints, &[1, 2], 2);
    let tables = vec![table; MAX_CALIBRATIONS + 1];
    assert!(spec.encode(&tables[1..]).is_ok());
    assert!(matches!(
        spec.encode(&tables),
        Err(EncodeError::TooMany { .. })
    ));
}

/// Each weight has the bits that the image says.
#[test]
fn weights_of_four_bits_are_multiples_of_sixteen() {
    let mut dice = Dice::new(33);
    for packing in Packing::ALL {
        let mut spec = spec_with_hidden_layers(&mut dice, 1);
        spec.packing = packing;
        spec.heads.bits = WeightBits::Four;
        spec.heads.weights.fill(-112);
        let good = spec.encode(&[]).unwrap();
        let last = spec.heads.weights.len() - 1;
        for weight in [1, -1, 15, 127, -127] {
            spec.heads.weights[last] = weight;
            let error = spec.encode(&[]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "weight {last} of a layer of four-bit weights is {weight}: use a multiple of 16, or eight bits"
                )
            );
        }
        // -112 with the lowest of its four bits gone is -128, which the image cannot be made to have.
        spec.heads.weights[last] = -128;
        let error = spec.encode(&[]).unwrap_err().to_string();
        let expected = "an accumulator could reach 2^30, or a weight is -128";
        assert_eq!(error, format!("the image is not valid: {expected}"));
        // Other bits than the header says: the layer has half of the bytes, or twice as many.
        spec.heads.weights.fill(-112);
        spec.heads.bits = WeightBits::Eight;
        let eight = spec.encode(&[]).unwrap();
        let header = u32::from_le_bytes(good[16..20].try_into().unwrap()) as usize;
        let differ = (20..20 + header).find(|&at| good[at] != eight[at]);
        let at = differ.expect("the header tells the bits");
        assert_eq!((good[at], eight[at]), (1, 0));
        for (image, bits) in [(&good, [0, 2, 4]), (&eight, [1, 2, 8])] {
            for bits in bits {
                let mut other = image.to_vec();
                other[at] = bits;
                reseal(&mut other);
                let error = Model::parse(&AlignedImage::new(&other)).unwrap_err();
                assert!(matches!(error, ImageError::Invalid(_)), "{error}");
            }
        }
    }
}

/// Tables and multipliers that the writer cannot be made to write.
#[test]
fn tensors_that_break_a_rule_are_refused() {
    let mut dice = Dice::new(29);
    let mut spec = spec_with_hidden_layers(&mut dice, 0);
    spec.likelihood = LikelihoodSpec::Binomial { trials: 3 };
    spec.self_test_reading.fill(0);
    // Behind the last tensor that is looked at.
    spec.columns.clear();
    let table = CalibrationSpec::from_scores(Estimator::SigmaPoints, &[5, 6], 2);
    let image = spec.encode(&[table]).unwrap();
    let inputs = spec.inputs.len();
    let aligned = |length: usize| length.next_multiple_of(8);
    let header = u32::from_le_bytes(image[16..20].try_into().unwrap()) as usize;
    let gains = aligned(20 + header) + aligned(2 * inputs) + aligned(inputs);
    // Gains, then typical terms.
    let log_choose = gains + 2 * aligned(4 * inputs);
    let hashes = aligned(4 * (spec.encoder.len() + spec.decoder.len() + 2));
    let reading = image.len() - hashes - aligned(2 * inputs);
    let (p_values, scores) = (reading - 16, reading - 24);
    let read = |at: usize| i32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    // ln 3 is 1.0986122886681098.
    assert_eq!(
        [0, 4, 8, 12].map(|step| read(log_choose + step)),
        [0, 71_999, 71_999, 0]
    );
    assert_eq!([read(scores), read(scores + 4)], [5, 6]);

    let multiplier = "a multiplier is out of range";
    let table = "its binomial likelihood has no trials or a wrong table";
    let ascend = "a calibration table does not ascend, or has a negative deviation";
    for (at, value, what) in [
        (gains, 0x8000, multiplier),
        (gains, 47 << 16, multiplier),
        (gains, -1, multiplier),
        (log_choose, -1, table),
        (log_choose + 12, 256 << 16, table),
        (scores, 6, ascend),
        (scores, 7, ascend),
        (p_values, i32::MAX, ascend),
        (p_values + 8, i32::MIN + 1, ascend),
        (
            reading,
            4,
            "the reading of its self-test is impossible under its likelihood",
        ),
    ] {
        let mut other = image.to_vec();
        other[at..at + 4].copy_from_slice(&value.to_le_bytes());
        reseal(&mut other);
        let error = Model::parse(&AlignedImage::new(&other)).unwrap_err();
        let expected = format!("the image is not valid: {what}");
        assert_eq!(error.to_string(), expected, "{value} at {at}");
    }
    for (at, value) in [
        (gains, 0x7fff | 46 << 16),
        (log_choose, (256 << 16) - 1),
        (scores, i32::MIN),
        (p_values, 0),
        (p_values + 8, i32::MIN),
    ] {
        let mut other = image.to_vec();
        other[at..at + 4].copy_from_slice(&value.to_le_bytes());
        reseal(&mut other);
        assert!(Model::parse(&AlignedImage::new(&other)).is_ok(), "{value}");
    }
}

/// Every factor from 2^-46 on has a multiplier, and nothing else has.
#[test]
fn factors_have_limits() {
    let smallest = 0.5f64.powi(46);
    assert_eq!(Multiplier::nearest(smallest).unwrap().to_f64(), smallest);
    assert_eq!(Multiplier::at_least(smallest).unwrap().to_f64(), smallest);
    assert_eq!(Multiplier::nearest(32_767.0).unwrap().to_f64(), 32_767.0);
    for factor in [0.4 * smallest, 32_768.0, -1.0, f64::INFINITY, f64::NAN] {
        let error = Multiplier::nearest(factor).unwrap_err();
        assert_eq!(error.factor.to_bits(), factor.to_bits());
    }
}

/// Models without tables alarm nobody.
#[test]
fn a_model_without_calibration_is_certain_of_nothing_unusual() {
    let mut dice = Dice::new(30);
    let spec = random_spec(&mut dice, Temper::Trained);
    let image = spec.encode(&[]).unwrap();
    let model = Model::parse(&image).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 1).unwrap();
    let reading = random_reading(&mut dice, &spec);
    let score = session.score(&reading, Estimator::SigmaPoints).unwrap();
    assert_eq!(score.p_value(), Probability::ONE);
    assert!(model.calibration(Estimator::SigmaPoints).is_none());
}
