//! A watched stream is its parts put together: windows, front end, scores, smoother, drift, blame.

mod support;

use elbow::estimator::Estimator;
use elbow::format::AlignedImage;
use elbow::image::{CalibrationSpec, CurveSpec, ImageSpec, StreamSpec};
use elbow::internal::reseal;
use elbow::monitor::{
    Blame, Drift, DriftSettings, Event, MonitorError, Reference, Smoother, SmootherSettings, Watch,
    WatchError, WatchSettings,
};
use elbow::signal::{Feature, FrontEnd, WindowShape, Windows, WindowsError};
use elbow::{
    ImageError, Mask, Model, Nats, Probability, ReadingError, Session, WideSum, WorkspaceError,
};
use std::task::Poll;
use support::{Dice, Temper, check, random_spec};

/// A front end that makes readings of `inputs` numbers of windows of some of three shapes.
fn front_end_for(dice: &mut Dice, inputs: usize) -> FrontEnd {
    let channels = (1..=inputs.min(5)).filter(|channels| inputs.is_multiple_of(*channels));
    let channels = dice.pick(&channels.collect::<Vec<_>>());
    let each = inputs / channels;
    let features = match each {
        1 => (
            dice.size(1, 9) as u16,
            vec![Feature::Mean { fraction_bits: 2 }],
        ),
        2 => {
            let rms = Feature::Rms { fraction_bits: 3 };
            (
                dice.size(1, 9) as u16,
                vec![rms, Feature::Mean { fraction_bits: 0 }],
            )
        }
        _ if dice.once_in(2) => {
            let bands = Feature::BandEnergies {
                bands: each as u8 - 1,
            };
            (128, vec![bands, Feature::Rms { fraction_bits: 1 }])
        }
        _ => (
            each as u16,
            vec![Feature::Samples {
                remove_mean: dice.once_in(2),
            }],
        ),
    };
    FrontEnd::new(channels as u8, features.0, &features.1).unwrap()
}

/// A model that watches a stream, with real readings and a table for sigma points.
fn random_watcher(dice: &mut Dice) -> (ImageSpec, CalibrationSpec) {
    loop {
        let mut spec = random_spec(dice, Temper::Trained);
        if matches!(
            spec.likelihood,
            elbow::image::LikelihoodSpec::Binomial { .. }
        ) {
            continue;
        }
        let front_end = front_end_for(dice, spec.inputs.len());
        // Columns of a stream are its channels.
        spec.columns.clear();
        spec.stream = Some(StreamSpec {
            hop: dice.size(1, front_end.samples().into()) as u16,
            rate_millihertz: 48_000_000,
            exponents: vec![-3; front_end.channels().into()],
            front_end,
        });
        spec.typical = spec.inputs.iter().map(|_| dice.real(-3.0, 1.0)).collect();
        let draft = spec.write(&[]).unwrap();
        let scores = quiet_scores(dice, &Model::parse(&draft).unwrap());
        // Scores beyond the range of nats would all be alike.
        if scores.iter().min() == scores.iter().max() {
            continue;
        }
        return (
            spec,
            CalibrationSpec::of_bounds(Estimator::SigmaPoints, &scores, 50, &CurveSpec::default()),
        );
    }
}

/// The loudest of quiet samples.
const QUIET: i64 = 30;

/// The scores of windows of quiet samples.
fn quiet_scores(dice: &mut Dice, model: &Model<'_>) -> Vec<i32> {
    let front_end = &model.stream().unwrap().front_end;
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(model, &mut workspace, 0).unwrap();
    let mut scratch = vec![0; front_end.scratch_len()];
    let mut reading = vec![0; front_end.features_len()];
    let mut score = |_| {
        let window: Vec<i16> = (0..front_end.window_len())
            .map(|_| dice.between(-QUIET, QUIET) as i16)
            .collect();
        front_end
            .apply(&window, &mut scratch, &mut reading)
            .unwrap();
        let score = session.score(&reading, Estimator::SigmaPoints).unwrap();
        score.elbo().to_bits()
    };
    (0..50).map(&mut score).collect()
}

fn settings(model: &Model<'_>, estimator: Estimator) -> WatchSettings {
    let rate = |rate| Some(Probability::new(rate));
    WatchSettings::from_rates(model, estimator, 1, rate(0.2), rate(0.5)).unwrap()
}

#[test]
fn events_are_those_of_the_parts() {
    let (mut events, mut alarms) = (0, 0);
    check(41, 60, |dice| {
        let (spec, table) = random_watcher(dice);
        let image = spec.write(&[table]).unwrap();
        let model = Model::parse(&image).unwrap();
        let estimator = dice.pick(&[
            Estimator::SigmaPoints,
            Estimator::PosteriorMean,
            Estimator::MonteCarlo { samples: 3 },
            Estimator::ImportanceWeighted { samples: 2 },
        ]);
        let settings = settings(&model, estimator);
        let mut workspace = vec![0; model.watch_words().unwrap()];
        let mut watch = Watch::new(&model, &mut workspace, &settings, 9).unwrap();
        let slice = dice.size(0, 20) as u16;
        let mut words = vec![0; model.watch_words().unwrap()];
        let mut sliced = Watch::new(&model, &mut words, &settings, 9).unwrap();

        let mut parts = Parts::new(&model, &settings);
        let mut own = vec![0; model.workspace_words()];
        let mut session = Session::new(&model, &mut own, 9).unwrap();
        let stream = model.stream().unwrap();
        let (channels, samples) = (stream.front_end.channels(), stream.front_end.samples());
        for time in 0..u32::from(samples) * 3 {
            let loud = if time > u32::from(samples) {
                100 * QUIET
            } else {
                QUIET
            };
            let sample: Vec<i16> = (0..channels)
                .map(|_| dice.between(-loud, loud) as i16)
                .collect();
            let event = watch.push(&sample).unwrap();
            assert_eq!(event, parts.push(&mut session, &sample, time));
            assert_eq!(event, push_in_slices(&mut sliced, &sample, slice));
            if event.is_some() {
                assert_eq!(Some(watch.blame()), parts.blame);
            }
            events += usize::from(event.is_some());
            alarms += usize::from(event.is_some_and(|event| event.transition.is_alarm()));
        }
    });
    assert!(
        events > 300 && alarms > 30 && alarms < events,
        "{events} {alarms}"
    );
}

/// [`Watch::push`] in slices.
fn push_in_slices(watch: &mut Watch<'_>, sample: &[i16], passes: u16) -> Option<Event> {
    let mut window = watch.start(sample).unwrap()?;
    for _ in 0..200 {
        if let Poll::Ready(event) = window.poll(passes) {
            // The alarm takes the window in once.
            assert_eq!(window.poll(passes), Poll::Ready(event));
            return Some(event.unwrap());
        }
    }
    panic!("a window without an end");
}

#[test]
fn a_window_that_is_dropped_leaves_the_alarm_as_it_was() {
    check(42, 30, |dice| {
        let (spec, table) = random_watcher(dice);
        let image = spec.write(&[table]).unwrap();
        let model = Model::parse(&image).unwrap();
        let settings = settings(&model, Estimator::SigmaPoints);
        let stream = model.stream().unwrap();
        let (channels, samples) = (stream.front_end.channels(), stream.front_end.samples());
        let (mut first, mut second) = (vec![0; 4096], vec![0; 4096]);
        let mut dropping = Watch::new(&model, &mut first, &settings, 9).unwrap();
        let mut whole = Watch::new(&model, &mut second, &settings, 9).unwrap();
        let mut seen = vec![];
        for time in 0..3 * samples {
            let sample: Vec<i16> = (0..channels).map(|_| dice.word() as i16).collect();
            let event = whole.push(&sample).unwrap();
            match dropping.start(&sample).unwrap() {
                // Each second window is left after two slices.
                Some(mut window) if event.unwrap().window % 2 == 1 => {
                    assert!(window.poll(1).is_pending() && window.poll(1).is_pending());
                }
                Some(mut window) => loop {
                    if let Poll::Ready(event) = window.poll(u16::MAX) {
                        seen.push((event.unwrap(), time));
                        break;
                    }
                },
                None => assert_eq!(event, None),
            }
        }
        let mut smoother = Smoother::new(settings.smoother).unwrap();
        for (number, (event, time)) in (0..).zip(seen) {
            assert_eq!((event.window, event.sample), (2 * number, time.into()));
            assert_eq!(event.transition, smoother.update(event.score.elbo()));
        }
    });
}

/// The parts of a watch, put together anew.
struct Parts<'m> {
    model: &'m Model<'m>,
    windows: Windows<Vec<i16>>,
    smoother: Smoother,
    drift: Drift,
    estimator: Estimator,
    count: u32,
    /// In the last window.
    blame: Option<Blame>,
}

impl<'m> Parts<'m> {
    fn new(model: &'m Model<'m>, settings: &WatchSettings) -> Self {
        let stream = model.stream().unwrap();
        let table = model.calibration(settings.estimator).unwrap();
        let reference = Reference {
            mean: table.mean(),
            standard_deviation: table.standard_deviation(),
        };
        let shape = WindowShape {
            channels: stream.front_end.channels().into(),
            samples: stream.front_end.samples().into(),
            hop: stream.hop.into(),
        };
        Self {
            model,
            windows: Windows::new(vec![0; stream.front_end.window_len()], shape).unwrap(),
            smoother: Smoother::new(settings.smoother).unwrap(),
            drift: Drift::new(reference, settings.drift).unwrap(),
            estimator: settings.estimator,
            count: 0,
            blame: None,
        }
    }

    fn push(&mut self, session: &mut Session<'_>, sample: &[i16], time: u32) -> Option<Event> {
        let front_end = &self.model.stream().unwrap().front_end;
        let window = self.windows.push(sample).unwrap()?;
        let mut scratch = vec![0; front_end.scratch_len()];
        let mut reading = vec![0; front_end.features_len()];
        front_end.apply(window, &mut scratch, &mut reading).unwrap();
        let mut terms = vec![WideSum::ZERO; self.model.inputs()];
        let mut parts = vec![Nats::ZERO; self.model.latents()];
        let score = session.explain(&reading, Mask::ALL, self.estimator, &mut terms, &mut parts);
        let score = score.unwrap();
        let transition = self.smoother.update(score.elbo());
        let channels = usize::from(front_end.channels());
        let shortfalls: Vec<i64> = (0..channels)
            .map(|channel| {
                let each = reading.len() / channels;
                (channel * each..(channel + 1) * each)
                    .map(|input| i64::from(self.model.typical()[input]) - terms[input].to_bits())
                    .sum()
            })
            .collect();
        let most = *shortfalls.iter().max().unwrap();
        let blame = Blame {
            channel: shortfalls.iter().position(|s| *s == most).unwrap() as u16,
            shortfall: WideSum::from_bits(most).saturating_to_nats(),
        };
        self.blame = Some(blame);
        self.count += 1;
        Some(Event {
            window: self.count - 1,
            sample: time,
            score,
            smoothed: self.smoother.score().unwrap(),
            transition,
            drift: self.drift.update(score.elbo()),
            blame: transition.is_alarm().then_some(blame),
        })
    }
}

/// Settings by scores are those by rates at the scores of these rates.
#[test]
fn settings_by_scores_are_those_by_rates() {
    check(45, 20, |dice| {
        let (spec, table) = random_watcher(dice);
        let image = spec.write(&[table]).unwrap();
        let model = Model::parse(&image).unwrap();
        // Another estimator than that of the table, which serves it all the same.
        let estimator = Estimator::PosteriorMean;
        let by_rates = settings(&model, estimator);
        let table = model.calibration(estimator).unwrap();
        let [enter, leave] =
            [0.2, 0.5].map(|rate| table.threshold(Probability::new(rate)).unwrap());
        let by_scores = WatchSettings::from_thresholds(estimator, table, 1, enter, leave);
        assert_eq!(by_scores, by_rates);
    });
}

/// After windows of the mean score, a single wild one raises the alarm, floor or not.
#[test]
fn one_wild_window_raises_the_alarm() {
    check(42, 20, |dice| {
        let (spec, table) = random_watcher(dice);
        let image = spec.write(&[table]).unwrap();
        let model = Model::parse(&image).unwrap();
        let mean = model.calibrations()[0].mean();
        for time_constant in 0..8 {
            let rates = [0.05, 0.5].map(|rate| Some(Probability::new(rate)));
            let estimator = Estimator::SigmaPoints;
            let settings =
                WatchSettings::from_rates(&model, estimator, time_constant, rates[0], rates[1]);
            let settings = settings.unwrap().smoother;
            if settings.floor == Nats::MIN {
                // Nats do not reach that far down.
                continue;
            }
            let mut smoother = Smoother::new(settings).unwrap();
            assert!(
                !smoother
                    .update(mean.max(smoother.settings().enter))
                    .is_alarm()
            );
            assert!(
                smoother.update(Nats::MIN).is_alarm(),
                "{:?}",
                smoother.settings()
            );
        }
    });
}

fn refused(model: &Model<'_>, words: usize, settings: &WatchSettings) -> WatchError {
    let watch = Watch::new(model, &mut vec![0; words], settings, 0).map(|_| ());
    watch.unwrap_err()
}

#[test]
fn small_workspaces_and_impossible_settings_are_refused() {
    let (spec, table) = random_watcher(&mut Dice::new(43));
    let image = spec.write(&[table]).unwrap();
    let model = Model::parse(&image).unwrap();
    let good = settings(&model, Estimator::SigmaPoints);
    let words = model.watch_words().unwrap();

    assert!(Watch::new(&model, &mut vec![0; words], &good, 0).is_ok());
    let (have, need) = (8 * (words - 1), 8 * words);
    let short = WatchError::Workspace(WorkspaceError { have, need });
    assert_eq!(refused(&model, words - 1, &good), short);
    assert!(matches!(
        refused(&model, 0, &good),
        WatchError::Workspace(_)
    ));

    let mut bad = good;
    bad.smoother = SmootherSettings {
        leave: Nats::MIN,
        ..good.smoother
    };
    let hysteresis = refused(&model, words, &bad);
    assert!(matches!(
        hysteresis,
        WatchError::Monitor(MonitorError::Hysteresis { .. })
    ));
    bad = good;
    bad.drift = DriftSettings {
        clip: 0,
        ..good.drift
    };
    assert_eq!(
        refused(&model, words, &bad),
        WatchError::Monitor(MonitorError::Clip)
    );

    let mut workspace = vec![0; words];
    let mut watch = Watch::new(&model, &mut workspace, &good, 0).unwrap();
    let channels = usize::from(model.stream().unwrap().front_end.channels());
    let wide = watch.push(&vec![0; channels + 1]).unwrap_err();
    let (have, need) = (channels + 1, channels);
    assert_eq!(
        wide,
        WatchError::Windows(WindowsError::Channels { have, need })
    );
}

#[test]
fn models_without_calibration_or_stream_are_refused() {
    let (spec, table) = random_watcher(&mut Dice::new(43));
    let image = spec.write(&[table]).unwrap();
    let model = Model::parse(&image).unwrap();
    let good = settings(&model, Estimator::SigmaPoints);
    let words = model.watch_words().unwrap();
    let rare = Some(Probability::new(1e-6));
    let from_rates = |model: &Model<'_>, rate| {
        let estimator = Estimator::SigmaPoints;
        WatchSettings::from_rates(model, estimator, 0, rate, Some(Probability::ONE))
    };
    assert!(matches!(
        from_rates(&model, rare),
        Err(WatchError::Threshold(_))
    ));

    // Fifty scores tell no rate below 1/51 apart; that is the default.
    let smallest = model.calibrations()[0].p_value(Nats::MIN);
    let default = WatchSettings::from_rates(&model, Estimator::SigmaPoints, 0, None, None);
    let named = from_rates(&model, Some(smallest)).unwrap();
    assert_eq!(default.unwrap().smoother.enter, named.smoother.enter);

    let blind = spec.write(&[]).unwrap();
    let blind = Model::parse(&blind).unwrap();
    assert_eq!(from_rates(&blind, rare), Err(WatchError::NoCalibration));
    assert_eq!(refused(&blind, words, &good), WatchError::NoCalibration);

    let whole = ImageSpec {
        stream: None,
        ..spec.clone()
    }
    .write(&[])
    .unwrap();
    let whole = Model::parse(&whole).unwrap();
    assert_eq!(
        (whole.watch_words(), whole.stream().is_none()),
        (None, true)
    );
    assert_eq!(refused(&whole, words, &good), WatchError::NoStream);
}

#[test]
fn a_reading_without_estimate_costs_its_window_alone() {
    let mut dice = Dice::new(44);
    let (spec, table) = random_watcher(&mut dice);
    let image = spec.write(&[table]).unwrap();
    let model = Model::parse(&image).unwrap();
    let mut settings = settings(&model, Estimator::SigmaPoints);
    settings.estimator = Estimator::MonteCarlo { samples: 0 };
    let mut workspace = vec![0; model.watch_words().unwrap()];
    let mut watch = Watch::new(&model, &mut workspace, &settings, 0).unwrap();
    let channels = usize::from(model.stream().unwrap().front_end.channels());
    let mut outcomes = (0..400).map(|_| watch.push(&vec![1; channels]));
    let refused = outcomes.find(Result::is_err).unwrap();
    assert_eq!(refused, Err(WatchError::Reading(ReadingError::NoPasses)));
    assert!(outcomes.any(|outcome| outcome.is_err()));
    // In slices, too: after the features of all channels.
    let refused = loop {
        if let Some(mut window) = watch.start(&vec![1; channels]).unwrap() {
            assert!((1..channels).all(|_| window.poll(4).is_pending()));
            break window.poll(4);
        }
    };
    assert_eq!(refused, Poll::Ready(Err(ReadingError::NoPasses)));
}

#[test]
fn streams_that_do_not_fit_the_model_are_refused() {
    let mut dice = Dice::new(45);
    let (spec, _) = random_watcher(&mut dice);
    let stream = spec.stream.clone().unwrap();
    let encode = |stream: StreamSpec| {
        let spec = ImageSpec {
            stream: Some(stream),
            ..spec.clone()
        };
        spec.write(&[]).map(|_| ()).unwrap_err().to_string()
    };
    let samples = stream.front_end.samples();
    for hop in [0, samples + 1] {
        let message = encode(StreamSpec {
            hop,
            rate_millihertz: 48_000_000,
            ..stream.clone()
        });
        assert!(message.contains("hop"), "{message}");
    }
    let features = [Feature::Samples { remove_mean: false }];
    let longer = FrontEnd::new(1, spec.inputs.len() as u16 + 1, &features).unwrap();
    let other = StreamSpec {
        front_end: longer,
        hop: 1,
        rate_millihertz: 48_000_000,
        exponents: vec![0],
    };
    let message = encode(other);
    assert!(message.contains("readings of another length"), "{message}");
    let message = encode(StreamSpec {
        exponents: vec![],
        ..stream
    });
    assert!(message.contains("exponents of channels"), "{message}");
}

/// The stream's part of a header is decoded like the rest: damage behind a good checksum is found.
#[test]
fn damaged_streams_do_not_panic() {
    let mut accepted = 0;
    check(46, 40, |dice| {
        let (spec, table) = random_watcher(dice);
        let image = spec.write(&[table]).unwrap();
        let header = u32::from_le_bytes(image[16..20].try_into().unwrap()) as usize;
        for _ in 0..100 {
            let mut bytes = image.to_vec();
            let at = dice.size(20, 20 + header - 1);
            bytes[at] = dice.between(0, 255) as u8;
            reseal(&mut bytes);
            let aligned = AlignedImage::new(&bytes);
            let model = match Model::parse(&aligned) {
                Ok(model) => model,
                Err(error) => {
                    assert!(matches!(error, ImageError::Invalid(_)), "{error}");
                    continue;
                }
            };
            accepted += 1;
            let (Some(words), Some(stream)) = (model.watch_words(), model.stream()) else {
                continue;
            };
            let settings = WatchSettings {
                estimator: Estimator::PosteriorMean,
                smoother: SmootherSettings {
                    time_constant: 0,
                    enter: Nats::MAX,
                    leave: Nats::MAX,
                    floor: Nats::MIN,
                },
                drift: DriftSettings::default(),
            };
            let mut workspace = vec![0; words];
            let Ok(mut watch) = Watch::new(&model, &mut workspace, &settings, 0) else {
                continue;
            };
            let sample = vec![i16::MIN; stream.front_end.channels().into()];
            for _ in 0..stream.front_end.samples().min(300) {
                let _ = watch.push(&sample);
            }
        }
    });
    assert!(accepted > 400, "{accepted}");
}
