//! What each stage judges by.

use crate::machine::{ESTIMATOR, Machine, judged, learned, settings};
use crate::support::{Dice, check};
use elbow::adapt::{AdaptError, AdaptSettings, Adapter, Moments, Progress, Reference, Stage};
use elbow::{ImageError, Model, Probability, ReadingError, Session};

#[test]
fn each_stage_judges_by_what_it_says() {
    check(71, 12, |dice| {
        let machine = Machine::new(dice, 90);
        machine.with(settings(20, 30), |adapter, session| {
            let before = judged(adapter, session, &machine.normal[..5]);
            assert!(before.iter().all(|adapted| adapted.stage == Stage::Factory));
            for (adapted, reading) in before.iter().zip(&machine.normal) {
                let plain = session.score(reading, ESTIMATOR).unwrap();
                assert_eq!(adapted.score, plain);
                assert_eq!(adapted.p_value, plain.p_value());
            }
            adapter.commission();
            let all = judged(adapter, session, &machine.normal[..60]);
            let stages = |stage| all.iter().filter(|adapted| adapted.stage == stage).count();
            assert_eq!(
                [Stage::Learning, Stage::Calibrating, Stage::Ready].map(stages),
                [20, 30, 10]
            );
            let mut counted = vec![];
            for adapted in &all {
                // The conformal p-value among those that were counted before, by its definition.
                let score = adapted.score.elbo();
                let below = counted.iter().filter(|&&other| other <= score).count() as u64;
                let bits = ((below + 1) << 31).div_ceil(counted.len() as u64 + 1) as u32;
                let here = Probability::from_bits(bits).unwrap();
                let lowest = counted.iter().min().copied();
                match adapted.stage {
                    Stage::Factory | Stage::Learning => {
                        assert_eq!(adapted.p_value, adapted.score.p_value());
                    }
                    Stage::Calibrating => {
                        assert_eq!(adapted.p_value, here.max(adapted.score.p_value()));
                        assert_eq!(adapted.counted, Some(score));
                    }
                    // The table has no tail, so that its end is the end.
                    Stage::Ready if Some(score) < lowest => assert!(adapted.p_value <= here),
                    Stage::Ready => assert_eq!(adapted.p_value, here),
                }
                counted.extend(adapted.counted);
            }
            assert_eq!(adapter.progress(), Progress { done: 30, of: 0 });
        });
    });
}

#[test]
fn it_forgets_exactly() {
    check(72, 12, |dice| {
        let machine = Machine::new(dice, 60);
        machine.with(settings(20, 20), |adapter, session| {
            let before = judged(adapter, session, &machine.shifted);
            let state = learned(adapter);
            adapter.forget();
            adapter.commission();
            let during = judged(adapter, session, &machine.shifted);
            assert_eq!(adapter.stage(), Stage::Ready);
            assert_ne!(before, during);
            adapter.forget();
            assert_eq!(learned(adapter), state);
            assert_eq!(judged(adapter, session, &machine.shifted), before);
        });
    });
}

#[test]
fn without_a_reference_it_calibrates_alone() {
    let machine = Machine::new(&mut Dice::new(5), 30);
    let model = Model::parse(&machine.image).unwrap();
    let mut memory = vec![0; model.adapt_words()];
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let mut adapter =
        Adapter::new(&model, &machine.image, &mut memory, None, settings(9, 20)).unwrap();
    adapter.commission();
    assert_eq!(adapter.progress(), Progress { done: 0, of: 20 });
    let all = judged(&mut adapter, &mut session, &machine.shifted);
    for (adapted, reading) in all.iter().zip(&machine.shifted) {
        assert_eq!(adapted.score, session.score(reading, ESTIMATOR).unwrap());
    }
    assert_eq!(adapter.stage(), Stage::Ready);
    adapter.recalibrate();
    assert_eq!(adapter.progress(), Progress { done: 0, of: 20 });
}

#[test]
fn what_is_too_strange_is_not_counted() {
    let machine = Machine::new(&mut Dice::new(6), 40);
    let trust = AdaptSettings {
        trust: 0,
        ..settings(0, 1000)
    };
    machine.with(trust, |adapter, session| {
        adapter.commission();
        let table = session.model().calibration(ESTIMATOR).unwrap();
        let all = judged(adapter, session, &machine.normal);
        let mut counts = [0, 0];
        for adapted in &all {
            let is_trusted = adapted.score.elbo() >= table.mean();
            assert_eq!(adapted.counted.is_some(), is_trusted);
            counts[usize::from(is_trusted)] += 1;
        }
        assert!(counts[0] > 3 && counts[1] > 3, "{counts:?}");
    });
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let [machine, other] = [7, 8].map(|seed| Machine::new(&mut Dice::new(seed), 1));
    let model = Model::parse(&machine.image).unwrap();
    let mut memory = vec![0; model.adapt_words()];
    let reference = Reference::parse(&machine.reference).unwrap();
    let foreign = Reference::parse(&other.reference).unwrap();
    let mut new = |image: &[u8], words: usize, reference, settings| {
        let adapter = Adapter::new(&model, image, &mut memory[..words], reference, settings);
        adapter.map(|_| ()).unwrap_err()
    };
    let (words, usual) = (model.adapt_words(), settings(1, 1));
    let identity = new(&machine.image, words, Some(foreign), usual);
    assert!(matches!(identity, AdaptError::Identity { .. }));
    assert_eq!(
        new(&machine.image, words, None, settings(1, 0)),
        AdaptError::Calibrate
    );
    assert_eq!(
        new(b"no image", words, None, usual),
        AdaptError::Image(ImageError::NotAnImage)
    );
    let small = new(&machine.image, words - 1, Some(reference), usual);
    assert!(matches!(small, AdaptError::Workspace(error) if error.need == 8 * words));
    let mut adapter =
        Adapter::new(&model, &machine.image, &mut memory, Some(reference), usual).unwrap();
    let of_other = Model::parse(&other.image).unwrap();
    let mut workspace = vec![0; of_other.workspace_words().max(model.workspace_words())];
    let mut session = Session::new(&of_other, &mut workspace, 0).unwrap();
    let refused = adapter.score(&mut session, &machine.normal[0]);
    assert_eq!(refused.unwrap_err(), AdaptError::Session);
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let refused = adapter.score(&mut session, &[]).unwrap_err();
    let need = model.reading_length();
    assert_eq!(
        refused,
        AdaptError::Reading(ReadingError::Length { have: 0, need })
    );
}

/// The numbers of `reading` as the numeric contract aligns them, in wide integers.
fn aligned(reading: &[i16], factory: &[Moments], here: &[Moments]) -> Vec<i16> {
    let channels = reading.iter().zip(factory.iter().zip(here));
    let one = |(&raw, (factory, here)): (&i16, (&Moments, &Moments))| {
        let (deviation, own) = (i128::from(factory.deviation), i128::from(here.deviation));
        let gain = ((deviation << 16) + own / 2).div_euclid(own);
        let distance = (i128::from(raw) << 16) - i128::from(here.location);
        let stretched = (distance * gain + (1 << 15)).div_euclid(1 << 16);
        let moved = i128::from(factory.location) + stretched + (1 << 15);
        moved.div_euclid(1 << 16).clamp(-32_768, 32_767) as i16
    };
    channels.map(one).collect()
}

#[test]
fn an_alignment_that_does_not_raise_the_bounds_is_undone() {
    let mut outcomes = [0, 0];
    check(73, 40, |dice| {
        let machine = Machine::new(dice, 40);
        // Three quarters of 40 readings estimate: those of one operating point, or those of the machine.
        let mut readings = machine.shifted.clone();
        if dice.once_in(2) {
            readings[..30].fill(machine.shifted[0].clone());
        }
        let reference = Reference::parse(&machine.reference).unwrap();
        let factory: Vec<Moments> = reference.moments().collect();
        machine.with(settings(40, 1000), |adapter, session| {
            adapter.commission();
            judged(adapter, session, &readings[..30]);
            let here: Vec<Moments> = adapter.alignment().moments().collect();
            let logarithm = |moments: &Moments| f64::from(moments.deviation).ln();
            let both = factory.iter().zip(&here);
            let volume: f64 = both.map(|(of, own)| logarithm(of) - logarithm(own)).sum();
            let mut raised = 0.0;
            for reading in &readings[30..] {
                let mut score =
                    |reading: &[i16]| session.score(reading, ESTIMATOR).unwrap().elbo().to_f64();
                let plain = score(reading);
                raised +=
                    (score(&aligned(reading, &factory, &here)) + volume - plain).clamp(-16.0, 16.0);
            }
            judged(adapter, session, &readings[30..]);
            assert_eq!(adapter.stage(), Stage::Calibrating);
            let last: Vec<Moments> = adapter.alignment().moments().collect();
            // The volume is rounded for each channel.
            if raised.abs() > 0.01 {
                assert_eq!(last, if raised > 0.0 { here } else { factory }, "{raised}");
                outcomes[usize::from(raised > 0.0)] += 1;
            }
        });
    });
    assert!(outcomes[0] > 3 && outcomes[1] > 3, "{outcomes:?}");
}
