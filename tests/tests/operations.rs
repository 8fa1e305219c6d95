//! Every operation on every board, bit for bit as on the host: models of every likelihood with random
//! weights, every kind of estimator at every number of lanes, whole readings and parts of them.

use elbow::calibration::Noise;
use elbow::distribution::Family;
use elbow::format::AlignedImage;
use elbow::image::{
    CalibrationSpec, ComponentSpec, ImageSpec, LikelihoodSpec, PriorSpec, StreamSpec,
};
use elbow::layer::{Packing, WeightBits};
use elbow::monitor::{Event, Watch, WatchSettings};
use elbow::requantize::Multiplier;
use elbow::rng::Xoshiro128PlusPlus;
use elbow::signal::{Feature, FrontEnd};
use elbow::telemetry::Packet;
use elbow::text::Picture;
use elbow::{Estimator, Mask, Model, Nats, Probability, Question, Score, Session, Side};
use elbow_tests::build::board::BOARDS;
use elbow_tests::emulator::{self, Invocation};
use elbow_tests::measure::shapes::{Kind, Shape, real_inputs};
use rand_core::Rng;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Passes in groups of 4, 2 and 1, and every rest of them.
const ESTIMATORS: [&str; 11] = [
    "posterior-mean",
    "sigma-points",
    "monte-carlo:1",
    "monte-carlo:2",
    "monte-carlo:3",
    "monte-carlo:5",
    "monte-carlo:8",
    "importance-weighted:1",
    "importance-weighted:3",
    "importance-weighted:4",
    "importance-weighted:7",
];

const SEED: u64 = 11;

/// A command, and what the board must answer.
struct Task {
    line: String,
    answer: String,
}

/// Runs all of `tasks` on every board, in one run each, on files in `directory`.
fn run_everywhere(directory: &Path, tasks: &[Task]) {
    let lines: String = tasks.iter().map(|task| task.line.clone() + "\n").collect();
    fs::write(directory.join("tasks.txt"), lines).unwrap();
    let arguments = ["script".to_owned(), "lines=tasks.txt".to_owned()];
    for board in &BOARDS {
        let invocation = Invocation {
            model: Some(&directory.join("model.elbow")),
            directory,
            arguments: &arguments,
            time_limit: Duration::from_secs(60),
            count_instructions: false,
        };
        let outcome = emulator::run(board, &invocation);
        let outcome = outcome.unwrap_or_else(|error| panic!("{}: {error}", board.name));
        let mut told = outcome.stdout.lines();
        for Task { line, answer } in tasks {
            for expected in answer.lines() {
                let told = told.next().unwrap_or(&outcome.stderr);
                assert_eq!(told, expected, "{}: {line}", board.name);
            }
        }
        assert_eq!((outcome.code, told.next()), (0, None), "{}", board.name);
    }
}

fn le_bytes(numbers: &[i16]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// A number from 0 to `most`.
fn up_to(words: &mut Xoshiro128PlusPlus, most: u32) -> u32 {
    words.next_u32() % (most + 1)
}

/// Readings and a mask for each: every reading whole, in parts, and by one input alone.
struct Cases {
    centres_of_conditions: Vec<i16>,
    readings: Vec<Vec<i16>>,
    masks: Vec<Vec<u8>>,
}

impl Cases {
    fn random(kind: Kind, spec: &ImageSpec, words: &mut Xoshiro128PlusPlus) -> Self {
        let conditions = &spec.inputs[spec.inputs.len() - spec.conditions.len()..];
        let mut cases = Self {
            centres_of_conditions: conditions.iter().map(|input| input.center).collect(),
            readings: Vec::new(),
            masks: Vec::new(),
        };
        let inputs = spec.inputs.len();
        for _ in 0..5 {
            let reading = kind.random_reading(&spec.inputs, words);
            // Conditions alone are nothing to score.
            let modelled = inputs - spec.conditions.len();
            let one = up_to(words, modelled as u32 - 1) as usize;
            let mut part = vec![0; inputs.div_ceil(8)];
            part[one / 8] |= 1 << (one % 8);
            let alone = part.clone();
            part.iter_mut()
                .for_each(|byte| *byte |= up_to(words, 255) as u8);
            for mask in [vec![255; inputs.div_ceil(8)], part, alone] {
                cases.readings.push(reading.clone());
                cases.masks.push(mask);
            }
        }
        cases
    }

    fn write(&self, directory: &Path) {
        fs::write(
            directory.join("readings"),
            le_bytes(&self.readings.concat()),
        )
        .unwrap();
        fs::write(directory.join("masks"), self.masks.concat()).unwrap();
    }

    /// Number, reading and mask.
    fn iter(&self) -> impl Iterator<Item = (u32, &[i16], Mask<'_>)> {
        let cases = self.readings.iter().zip(&self.masks);
        (0..).zip(cases).map(|(index, (reading, mask))| {
            let mask = Mask::new(mask, reading.len()).unwrap();
            (index, reading.as_slice(), mask)
        })
    }
}

/// The host's answers.
struct Host<'s> {
    session: Session<'s>,
    cases: &'s Cases,
    /// Sides, and whether it took more than a pass.
    decided: BTreeSet<(String, bool)>,
    p_values: BTreeSet<u32>,
}

impl Host<'_> {
    fn model(&self) -> &Model<'_> {
        self.session.model()
    }

    /// `score` with and without masks, and `explain`.
    fn scores(&mut self, name: &str) -> [Task; 3] {
        let estimator: Estimator = name.parse().unwrap();
        let (inputs, latents) = (self.model().inputs(), self.model().latents());
        let (mut terms, mut parts) = (vec![0; inputs], vec![Nats::ZERO; latents]);
        let mut whole = format!("{}\n", Score::CSV_HEADER);
        let mut observed = whole.clone();
        let mut explained = String::new();
        for (index, reading, mask) in self.cases.iter() {
            self.session.reseed(SEED, index.into());
            let score = self.session.score(reading, estimator).unwrap();
            self.p_values.insert(score.p_value().to_bits());
            writeln!(whole, "{}", score.csv(index)).unwrap();
            self.session.reseed(SEED, index.into());
            let score = self.session.score_observed(reading, mask, estimator);
            writeln!(observed, "{}", score.unwrap().csv(index)).unwrap();
            self.session.reseed(SEED, index.into());
            let score = self
                .session
                .explain(reading, mask, estimator, &mut terms, &mut parts);
            write!(explained, "{}", score.unwrap().csv(index)).unwrap();
            for term in &terms {
                write!(explained, " {term}").unwrap();
            }
            for part in &parts {
                write!(explained, " {}", part.to_bits()).unwrap();
            }
            explained.push('\n');
        }
        let line = |command: &str, mask: &str| {
            format!("{command} readings=readings {mask} estimator={name} seed={SEED}")
        };
        [
            Task {
                line: line("score", ""),
                answer: whole,
            },
            Task {
                line: line("score", "mask=masks"),
                answer: observed,
            },
            Task {
                line: line("explain", "mask=masks"),
                answer: explained,
            },
        ]
    }

    fn impute(&mut self) -> Task {
        let mut filled = vec![0; self.model().inputs()];
        let mut answer = String::new();
        for (index, reading, mask) in self.cases.iter() {
            self.session.impute(reading, mask, &mut filled).unwrap();
            writeln!(answer, "{index}{}", spaced(&filled)).unwrap();
        }
        Task {
            line: "impute readings=readings mask=masks".into(),
            answer,
        }
    }

    fn encode(&mut self) -> Task {
        let (inputs, latents) = (self.model().inputs(), self.model().latents());
        let fraction_bits = self.model().latent_fraction_bits();
        let mut decoded = vec![0; inputs];
        let mut answer = String::new();
        for (index, reading, mask) in self.cases.iter() {
            self.session.reseed(SEED, index.into());
            let posterior = self.session.encode_observed(reading, mask).unwrap();
            let (means, variances) = (posterior.mean.to_vec(), posterior.log_variance);
            let line = format!("posterior{}{}", spaced(&means), spaced(variances));
            writeln!(answer, "{line}").unwrap();
            writeln!(answer, "sample{}", spaced(self.session.sample())).unwrap();
            let (mut storage, mut radio) = (vec![0; latents], vec![0; latents + 8]);
            let packet = Packet::quantize(index as u8, &means, &mut storage).unwrap();
            let sent = packet.to_slice(&mut radio).unwrap();
            writeln!(answer, "packet{}", spaced(sent)).unwrap();
            let mut received = vec![0; latents];
            packet.write_latents(fraction_bits, &mut received).unwrap();
            self.session.decode(&received, &mut decoded).unwrap();
            writeln!(answer, "decoded{}", spaced(&decoded)).unwrap();
        }
        Task {
            line: format!("encode readings=readings mask=masks seed={SEED}"),
            answer,
        }
    }

    fn decide(&mut self, question: &Question) -> Task {
        let mut answer = String::new();
        for (index, reading, _) in self.cases.iter() {
            self.session.reseed(SEED, index.into());
            let decision = self.session.decide(reading, question).unwrap();
            let side = match decision.side {
                Side::Above => "above",
                Side::Below => "below",
                Side::Unsure => "unsure",
            };
            let (bound, passes) = (decision.bound.to_bits(), decision.passes);
            writeln!(answer, "{side} {bound} {passes}").unwrap();
            self.decided.insert((side.to_owned(), passes > 1));
        }
        let Question {
            threshold,
            confidence,
            max_passes,
        } = question;
        Task {
            line: format!(
                "decide readings=readings threshold={} confidence={} passes={max_passes} seed={SEED}",
                threshold.to_bits(),
                confidence.to_bits()
            ),
            answer,
        }
    }

    /// Questions around the bounds of the readings.
    fn decisions(&mut self) -> Vec<Task> {
        let bounds: Vec<i32> = (self.cases.iter())
            .map(|(_, reading, _)| {
                let score = self.session.score(reading, Estimator::SigmaPoints);
                score.unwrap().elbo().to_bits()
            })
            .collect();
        let questions = [(0, 1, 0.99), (0, 9, 0.9), (3, 8, 0.95), (6, 33, 0.6)];
        let questions = questions.map(|(reading, max_passes, confidence)| Question {
            threshold: Nats::from_bits(bounds[reading] + (1 << 14)),
            confidence: Probability::new(confidence),
            max_passes,
        });
        questions
            .iter()
            .map(|question| self.decide(question))
            .collect()
    }

    fn dream(&mut self) -> Task {
        let mut values = vec![0; self.model().inputs()];
        let width = self.model().picture_width();
        let mut answer = String::new();
        // The board has met no reading yet, so its conditions are at their centres.
        let centres = &self.cases.centres_of_conditions;
        self.session.condition(centres).unwrap();
        for index in 0..2 {
            self.session.reseed(SEED, index);
            self.session.generate(&mut values).unwrap();
            let values = &values;
            writeln!(answer, "{}", Picture { values, width }).unwrap();
        }
        Task {
            line: format!("dream count=2 seed={SEED}"),
            answer,
        }
    }
}

/// Each number behind a space.
fn spaced<T: ToString>(numbers: &[T]) -> String {
    numbers
        .iter()
        .map(|number| " ".to_owned() + &number.to_string())
        .collect()
}

/// An image with tables of what random readings score, so that p-values vary.
fn calibrated(kind: Kind, spec: &ImageSpec, words: &mut Xoshiro128PlusPlus) -> AlignedImage {
    let draft = spec.encode(&[]).unwrap();
    let model = Model::parse(&draft).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, SEED).unwrap();
    let tables = ["sigma-points", "monte-carlo:5", "importance-weighted:4"].map(|name| {
        let estimator = name.parse().unwrap();
        let mut score = || {
            let reading = kind.random_reading(&spec.inputs, words);
            session.score(&reading, estimator).unwrap().elbo().to_bits()
        };
        let scores: Vec<i32> = (0..40).map(|_| score()).collect();
        CalibrationSpec::from_scores(estimator, &scores, 16)
    });
    spec.encode(&tables).unwrap()
}

fn shape(inputs: usize, encoder: &[usize], latents: usize, decoder: &[usize]) -> Shape {
    Shape {
        inputs,
        encoder: encoder.to_vec(),
        latents,
        decoder: decoder.to_vec(),
    }
}

/// Makes conditions of the last inputs and latents of a model.
fn condition(spec: &mut ImageSpec, conditions: usize) {
    let columns = spec.heads.weights.len() / spec.heads.rows.len();
    let rows = spec.heads.rows.len() - 2 * conditions;
    spec.heads.rows.truncate(rows);
    spec.heads.weights.truncate(rows * columns);
    let columns = spec.output.weights.len() / spec.output.rows.len();
    let modelled = spec.inputs.len() - conditions;
    let rows = spec.output.rows.len() / spec.inputs.len() * modelled;
    spec.output.rows.truncate(rows);
    spec.output.weights.truncate(rows * columns);
    if let LikelihoodSpec::Location(location) = &mut spec.likelihood {
        location.standardize.truncate(modelled);
        location.units.truncate(modelled);
        location.log_normalizers.truncate(modelled);
    }
    let gain =
        |input: &elbow::image::InputSpec| Multiplier::nearest(input.gain.to_f64() * 100.0).unwrap();
    spec.conditions = spec.inputs[modelled..].iter().map(gain).collect();
}

/// Makes 12 bits of what the encoder takes in.
fn widen_inputs(spec: &mut ImageSpec) {
    spec.input_ceiling = 127 * 16;
    for input in &mut spec.inputs {
        input.gain = Multiplier::nearest(16.0 * input.gain.to_f64()).unwrap();
    }
    let first = spec.encoder.first_mut().map(|layer| &mut layer.dense);
    for row in &mut first.unwrap_or(&mut spec.heads).rows {
        row.multiplier = Multiplier::nearest(row.multiplier.to_f64() / 16.0).unwrap();
        row.bias *= 16;
    }
}

/// Makes the weights of every other layer, from layer `first % 2` on, ones of four bits.
fn halve_weights(spec: &mut ImageSpec, first: usize) {
    let hidden = spec.encoder.iter_mut().chain(&mut spec.decoder);
    let layers = hidden.map(|layer| &mut layer.dense);
    let layers = layers.chain([&mut spec.heads, &mut spec.output]);
    for dense in layers.skip(first % 2).step_by(2) {
        dense.bits = WeightBits::Four;
        dense.weights.iter_mut().for_each(|w| *w = *w / 16 * 16);
    }
}

/// A prior of so many components.
fn mixture(latents: usize, components: usize, words: &mut Xoshiro128PlusPlus) -> PriorSpec {
    let mut draw =
        |low: f64, high: f64| low + (high - low) * f64::from(words.next_u32()) / 2f64.powi(32);
    let component = |_| ComponentSpec {
        log_weight: -(components as f64).ln(),
        mean: (0..latents).map(|_| draw(-2.0, 2.0)).collect(),
        log_variance: (0..latents).map(|_| draw(-3.0, 1.0)).collect(),
    };
    PriorSpec::Mixture((0..components).map(component).collect())
}

#[test]
fn every_board_does_every_operation_as_the_host_does() {
    let counts = |trials| Kind::Counts { trials };
    let real = |family, predicted_scale| Kind::Real {
        family,
        predicted_scale,
    };
    let (normal, laplace) = (Family::Normal, Family::Laplace);
    // Kind, shape, conditions, components of the prior where it is a mixture.
    let models = [
        (counts(1), shape(17, &[], 2, &[9, 11]), 0, 0),
        (counts(16), shape(24, &[12], 3, &[10]), 0, 0),
        (real(normal, false), shape(20, &[13], 5, &[]), 0, 0),
        (real(laplace, false), shape(12, &[8, 8], 1, &[8]), 0, 0),
        (real(normal, true), shape(15, &[10], 4, &[12]), 0, 0),
        (real(laplace, true), shape(9, &[7], 3, &[8, 8, 8]), 0, 0),
        (counts(1), shape(18, &[9], 4, &[]), 2, 0),
        (real(normal, false), shape(14, &[8], 3, &[9]), 1, 3),
        (real(laplace, true), shape(11, &[], 2, &[7]), 0, 5),
        (Kind::Columns, shape(23, &[9], 3, &[11]), 0, 0),
        (Kind::Columns, shape(29, &[], 4, &[9, 12]), 0, 2),
    ];
    let mut decided = BTreeSet::new();
    for (seed, (kind, shape, conditions, components)) in (1..).zip(models) {
        let folder = tempfile::tempdir().unwrap();
        let mut words = elbow::rng::stream(seed, 2);
        let mut spec = shape.random_model("random", kind, seed).unwrap();
        condition(&mut spec, conditions);
        if components > 0 {
            spec.prior = mixture(shape.latents - conditions, components, &mut words);
        }
        // Each packing on each core, and activations of 16 bits in every other model.
        spec.packing = Packing::ALL[seed as usize % Packing::ALL.len()];
        if let (Some(layer), 0) = (spec.decoder.last_mut(), seed % 2) {
            layer.ceiling = 4095;
        }
        if seed % 3 == 1 {
            widen_inputs(&mut spec);
        }
        halve_weights(&mut spec, seed as usize);
        spec.noise = Noise {
            mean_excess: 1 << 15,
            mean_deviation: 1 << 16,
            pair_deviation: 3 << 14,
        };
        let image = calibrated(kind, &spec, &mut words);
        fs::write(folder.path().join("model.elbow"), &*image).unwrap();
        let cases = Cases::random(kind, &spec, &mut words);
        cases.write(folder.path());

        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let mut host = Host {
            session: Session::new(&model, &mut workspace, SEED).unwrap(),
            cases: &cases,
            decided: BTreeSet::new(),
            p_values: BTreeSet::new(),
        };
        let mut tasks: Vec<Task> = ESTIMATORS
            .iter()
            .flat_map(|name| host.scores(name))
            .collect();
        tasks.extend([host.impute(), host.encode(), host.dream()]);
        tasks.extend(host.decisions());
        tasks.push(Task {
            line: "self-test".into(),
            answer: "random: every score is the workstation's\n".into(),
        });
        run_everywhere(folder.path(), &tasks);
        assert!(host.p_values.len() > 4, "{kind:?}: {:?}", host.p_values);
        decided.append(&mut host.decided);
    }
    // Nothing is compared that does not occur.
    for side in ["above", "below", "unsure"] {
        for several in [false, true] {
            assert!(decided.contains(&(side.to_owned(), several)), "{decided:?}");
        }
    }
}

/// A stream of vibrations, one of whose channels is five times as loud for a while.
struct Signal {
    channels: usize,
    /// The loud channel, and when it is loud.
    planted: Option<(usize, std::ops::Range<usize>)>,
}

impl Signal {
    fn samples(&self, count: usize, seed: u64) -> Vec<i16> {
        let mut words = elbow::rng::stream(seed, 3);
        let mut samples = Vec::new();
        for time in 0..count {
            for channel in 0..self.channels {
                let loud = self
                    .planted
                    .as_ref()
                    .is_some_and(|(planted, when)| *planted == channel && when.contains(&time));
                let period = 7.0 + 3.0 * channel as f64;
                let wave = (time as f64 * std::f64::consts::TAU / period).sin();
                let noise = f64::from(up_to(&mut words, 200)) - 100.0;
                let scale = if loud { 5.0 } else { 1.0 };
                samples.push((scale * (300.0 * wave + noise)) as i16 + 1000);
            }
        }
        samples
    }
}

/// The readings that `stream` makes of `samples`.
fn readings_of(stream: &StreamSpec, samples: &[i16]) -> Vec<Vec<i16>> {
    let front_end = &stream.front_end;
    let channels = usize::from(front_end.channels());
    let length = usize::from(front_end.samples());
    let starts = (0..).step_by(stream.hop.into());
    let whole = starts.take_while(|start| (start + length) * channels <= samples.len());
    let reading = |start: usize| {
        let window = (0..channels).flat_map(|channel| {
            (start..start + length).map(move |time| samples[time * channels + channel])
        });
        let window: Vec<i16> = window.collect();
        let mut scratch = vec![0; front_end.scratch_len()];
        let mut reading = vec![0; front_end.features_len()];
        front_end
            .apply(&window, &mut scratch, &mut reading)
            .unwrap();
        reading
    };
    whole.map(reading).collect()
}

/// A model of random weights that has seen `samples`: it knows centre and spread of each input, the
/// scores, and the typical terms.
fn stream_model(stream: StreamSpec, samples: &[i16], seed: u64) -> AlignedImage {
    let readings = readings_of(&stream, samples);
    let count = readings.len() as f64;
    let scale = |input: usize| {
        let values = readings
            .iter()
            .map(move |reading| f64::from(reading[input]));
        let mean = values.clone().sum::<f64>() / count;
        let variance = values.map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        (mean.round() as i16, variance.sqrt().max(1.0))
    };
    let inputs = stream.front_end.features_len();
    let scales: Vec<(i16, f64)> = (0..inputs).map(scale).collect();
    let kind = Kind::Real {
        family: Family::Normal,
        predicted_scale: false,
    };
    let shape = shape(inputs, &[12], 3, &[10]);
    let mut spec = shape.random_model("stream", kind, seed).unwrap();
    (spec.inputs, spec.likelihood) = real_inputs(Family::Normal, false, &scales).unwrap();
    spec.self_test_reading = readings[0].clone();
    spec.stream = Some(stream);

    let draft = spec.encode(&[]).unwrap();
    let model = Model::parse(&draft).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let (mut terms, mut parts) = (vec![0; inputs], vec![Nats::ZERO; model.latents()]);
    let mut sums = vec![0.0; inputs];
    let mut scores = Vec::new();
    let estimator = Estimator::SigmaPoints;
    for reading in &readings {
        let score = session.explain(reading, Mask::ALL, estimator, &mut terms, &mut parts);
        scores.push(score.unwrap().elbo().to_bits());
        for (sum, &term) in sums.iter_mut().zip(&terms) {
            *sum += term as f64 / 65536.0 / count;
        }
    }
    spec.typical = sums;
    let table = CalibrationSpec::from_scores(estimator, &scores, 64);
    spec.encode(&[table]).unwrap()
}

#[test]
fn every_board_watches_a_stream_as_the_host_does() {
    let all = [
        Feature::Samples { remove_mean: true },
        Feature::Mean { fraction_bits: 2 },
        Feature::Rms { fraction_bits: 3 },
        Feature::BandEnergies { bands: 4 },
    ];
    let streams = [(3, 16, 8, &all[..]), (2, 10, 10, &all[1..3])];
    for (seed, (channels, samples, hop, features)) in (1..).zip(streams) {
        let stream = StreamSpec {
            front_end: FrontEnd::new(channels, samples, features).unwrap(),
            hop,
            rate_millihertz: 48_000_000,
            exponents: vec![0; channels.into()],
        };
        let mut signal = Signal {
            channels: channels.into(),
            planted: None,
        };
        let image = stream_model(stream, &signal.samples(800, seed), seed);
        signal.planted = Some((1, 200..300));
        let samples = signal.samples(500, seed + 100);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("model.elbow"), &*image).unwrap();
        fs::write(folder.path().join("samples"), le_bytes(&samples)).unwrap();

        let model = Model::parse(&image).unwrap();
        let (enter, leave) = (Probability::new(0.02), Probability::new(0.3));
        let mut tasks = Vec::new();
        for name in [
            "posterior-mean",
            "sigma-points",
            "monte-carlo:3",
            "importance-weighted:3",
        ] {
            let estimator = name.parse().unwrap();
            let settings =
                WatchSettings::from_rates(&model, estimator, 1, Some(enter), Some(leave)).unwrap();
            let mut workspace = vec![0; model.watch_words().unwrap()];
            let mut watch = Watch::new(&model, &mut workspace, &settings, SEED).unwrap();
            let samples = samples.chunks(channels.into());
            let events = samples.filter_map(|sample| watch.push(sample).unwrap());
            let events: Vec<Event> = events.collect();
            check_story(name, &events);
            let lines = events.iter().map(|event| format!("{}\n", event.csv()));
            tasks.push(Task {
                line: format!(
                    "watch samples=samples estimator={name} seed={SEED} time-constant=1 enter={} leave={}",
                    enter.to_bits(),
                    leave.to_bits()
                ),
                answer: format!("{}\n{}", Event::CSV_HEADER, lines.collect::<String>()),
            });
        }
        run_everywhere(folder.path(), &tasks);
    }
}

/// Channel 1 was loud from sample 200 to 299: the alarm was raised then, not before, blamed that
/// channel, and ended.
fn check_story(name: &str, events: &[Event]) {
    let alarms = events.iter().filter(|event| event.transition.is_alarm());
    let first = alarms.clone().next().unwrap();
    let last = alarms.clone().next_back().unwrap();
    assert!((200..=216).contains(&first.sample), "{name}: {first:?}");
    assert!((299..420).contains(&last.sample), "{name}: {last:?}");
    let blamed = first.blame.map(|blame| blame.channel);
    assert_eq!(blamed, Some(1), "{name}: {first:?}");
}
