//! Streams of samples, watched on every board as on the host.

use crate::{SEED, Task, le_bytes, run_everywhere, shape, up_to};
use elbow::distribution::Family;
use elbow::format::AlignedImage;
use elbow::image::{CalibrationSpec, CurveSpec, StreamSpec};
use elbow::monitor::{Event, Watch, WatchSettings};
use elbow::signal::{Feature, FrontEnd};
use elbow::{Estimator, Mask, Model, Nats, Probability, Session, WideSum};
use elbow_tests::measure::shapes::{Kind, real_inputs};
use std::fs;

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

    let draft = spec.write(&[]).unwrap();
    let model = Model::parse(&draft).unwrap();
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let (mut terms, mut parts) = (
        vec![WideSum::ZERO; inputs],
        vec![Nats::ZERO; model.latents()],
    );
    let mut sums = vec![0.0; inputs];
    let mut scores = Vec::new();
    let estimator = Estimator::SigmaPoints;
    for reading in &readings {
        let score = session.explain(reading, Mask::ALL, estimator, &mut terms, &mut parts);
        scores.push(score.unwrap().elbo().to_bits());
        for (sum, &term) in sums.iter_mut().zip(&terms) {
            *sum += term.to_f64() / count;
        }
    }
    spec.typical = sums;
    let table = CalibrationSpec::of_bounds(estimator, &scores, 64, &CurveSpec::default());
    spec.write(&[table]).unwrap()
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

        run_everywhere(folder.path(), &tasks(&image, &samples));
    }
}

/// What boards must answer that watch `samples` with each estimator.
fn tasks(image: &AlignedImage, samples: &[i16]) -> Vec<Task> {
    let model = Model::parse(image).unwrap();
    let channels = model.stream().unwrap().front_end.channels();
    let (enter, leave) = (Probability::new(0.02), Probability::new(0.3));
    let task = |name: &str| {
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
        Task {
            line: format!(
                "watch samples=samples estimator={name} seed={SEED} time-constant=1 enter={} leave={}",
                enter.to_bits(),
                leave.to_bits()
            ),
            answer: format!("{}\n{}", Event::CSV_HEADER, lines.collect::<String>()),
        }
    };
    let estimators = [
        "posterior-mean",
        "sigma-points",
        "monte-carlo:3",
        "importance-weighted:3",
    ];
    let tasks = estimators.map(task);
    let slices = tasks.iter().enumerate();
    let slices: Vec<Task> = slices
        .map(|(number, task)| task.in_slices(number))
        .collect();
    tasks.into_iter().chain(slices).collect()
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
