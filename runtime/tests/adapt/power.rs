//! Power fails, at each unit that is written and at each page that is erased, and the state is the old one or the new one.

use crate::flash::Flash;
use crate::machine::{Machine, learned, settings};
use crate::support::Dice;
use elbow::Session;
use elbow::adapt::{AdaptSettings, Adapter, MediumError, Nor, Stage, Store, StoreError};

/// Readings until the state is ready, with a journal that is full before that.
const SESSION: AdaptSettings = AdaptSettings {
    learn: 3,
    calibrate: 24,
    trust: u32::MAX,
    ..AdaptSettings::new(crate::machine::ESTIMATOR)
};

/// Two slots with room for a state and some entries.
fn capacity(machine: &Machine) -> usize {
    let channels = machine.normal[0].len();
    2 * (Store::<Nor<Flash<4>>>::bytes(channels, 0) / 2).next_multiple_of(256)
}

/// Commissions, and keeps what each reading changes until power fails; the flash, and what is stored behind each reading.
fn run<const UNIT: usize>(
    machine: &Machine,
    flash: Flash<UNIT>,
    adapter: &mut Adapter<'_>,
    session: &mut Session<'_>,
) -> (Flash<UNIT>, usize) {
    let mut store = Store::new(Nor(flash));
    let is_stored = store.load(adapter).unwrap();
    if !is_stored {
        adapter.commission();
    }
    let mut kept = 0;
    for reading in &machine.shifted {
        let adapted = adapter.score(session, reading).unwrap();
        if store.keep(adapter, &adapted).is_err() {
            break;
        }
        kept += 1;
    }
    (store.into_medium().0, kept)
}

/// What is stored in `flash`.
fn stored<const UNIT: usize>(flash: &Flash<UNIT>, adapter: &mut Adapter<'_>) -> String {
    let flash = Flash::<UNIT>::new(flash.bytes.clone(), None, 0);
    Store::new(Nor(flash)).load(adapter).unwrap();
    learned(adapter)
}

/// For each number of readings what is stored behind them, and the steps that all of them take.
fn uncut<const UNIT: usize>(machine: &Machine, bytes: &[u8]) -> (Vec<String>, usize) {
    let mut states = vec![];
    let mut steps = 0;
    for readings in 0..=machine.shifted.len() {
        let part = Machine {
            image: machine.image.clone(),
            reference: machine.reference.clone(),
            normal: machine.normal.clone(),
            shifted: machine.shifted[..readings].to_vec(),
        };
        machine.with(SESSION, |adapter, session| {
            let flash = Flash::<UNIT>::new(bytes.to_vec(), None, 0);
            let (flash, kept) = run(&part, flash, adapter, session);
            assert_eq!(kept, readings);
            steps = flash.steps;
            states.push(stored(&flash, adapter));
        });
    }
    (states, steps)
}

/// Cuts power at every step; what is then loaded is what was stored before that reading, or behind it.
fn cut_everywhere<const UNIT: usize>(machine: &Machine, bytes: &[u8]) -> usize {
    let (states, steps) = uncut::<UNIT>(machine, bytes);
    let mut new = 0;
    machine.with(SESSION, |adapter, session| {
        for step in 0..steps {
            adapter.forget();
            let flash = Flash::<UNIT>::new(bytes.to_vec(), Some(step), step as u64);
            let (flash, kept) = run(machine, flash, adapter, session);
            let found = stored(&flash, adapter);
            let (old, next) = (&states[kept], &states[kept + 1]);
            assert!(found == *old || found == *next, "step {step}: {found}");
            new += usize::from(found == *next && old != next);
            // Power is back: it goes on from there, and whatever was cut is no hindrance.
            let flash = Flash::<UNIT>::new(flash.bytes, None, 0);
            let (flash, _) = run(machine, flash, adapter, session);
            let state = learned(adapter);
            assert_eq!(adapter.stage(), Stage::Ready, "step {step}");
            assert_eq!(stored(&flash, adapter), state, "step {step}");
        }
    });
    assert!(new < steps);
    steps
}

#[test]
fn every_cut_leaves_the_old_state_or_the_new_one() {
    let machine = Machine::new(&mut Dice::new(11), 30);
    let blank = vec![0xff; capacity(&machine)];
    let mut steps = cut_everywhere::<4>(&machine, &blank);
    steps += cut_everywhere::<1>(&machine, &blank);
    steps += cut_everywhere::<32>(&machine, &blank);
    // Whatever lay there before.
    let mut dice = Dice::new(12);
    let litter: Vec<u8> = blank.iter().map(|_| dice.word() as u8).collect();
    steps += cut_everywhere::<8>(&machine, &litter);
    assert!(steps > 1000, "{steps}");
}

/// Over a state that is there: a second session on the same flash.
#[test]
fn every_cut_of_a_second_session_leaves_the_first_or_the_second() {
    let machine = Machine::new(&mut Dice::new(13), 30);
    machine.with(SESSION, |adapter, session| {
        let blank = Flash::<8>::new(vec![0xff; capacity(&machine)], None, 0);
        let (first, _) = run(&machine, blank, adapter, session);
        let old = stored(&first, adapter);
        let second = |fails_at, adapter: &mut Adapter<'_>, session: &mut Session<'_>| {
            let flash = Flash::<8>::new(first.bytes.clone(), fails_at, 3);
            let mut store = Store::new(Nor(flash));
            store.load(adapter).unwrap();
            adapter.recalibrate();
            for reading in &machine.normal {
                adapter.score(session, reading).unwrap();
            }
            let saved = store.save(adapter).is_ok();
            (store.into_medium().0, saved, learned(adapter))
        };
        let (whole, _, new) = second(None, adapter, session);
        assert_ne!(old, new);
        let mut counts = [0, 0];
        for step in 0..whole.steps {
            let (flash, saved, _) = second(Some(step), adapter, session);
            let found = stored(&flash, adapter);
            assert!(!saved && (found == old || found == new), "step {step}");
            counts[usize::from(found == new)] += 1;
        }
        assert_eq!(stored(&whole, adapter), new);
        // Only where nothing of the last unit was lost is it the new one already.
        assert!(counts[0] > 40 && counts[1] < 4, "{counts:?}");
    });
}

#[test]
fn no_flipped_bit_is_taken_for_a_state() {
    let machine = Machine::new(&mut Dice::new(14), 30);
    machine.with(settings(3, 30), |adapter, session| {
        let blank = Flash::<4>::new(vec![0xff; capacity(&machine)], None, 0);
        // Ends while it counts: a state and a journal.
        let (flash, _) = run(&machine, blank, adapter, session);
        let whole = stored(&flash, adapter);
        let mut shorter = 0;
        for bit in 0..8 * flash.bytes.len() {
            let mut bytes = flash.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let damaged = Flash::<4>::new(bytes, None, 0);
            let found = stored(&damaged, adapter);
            // A state that is older, or of fewer scores, is one that was stored; never one with another number in it.
            shorter += usize::from(found != whole);
            let stage = adapter.stage();
            assert!(
                matches!(stage, Stage::Factory | Stage::Calibrating),
                "{bit}"
            );
            let counted = adapter.sketch().count();
            assert!(counted <= 27, "{bit}");
        }
        assert!(shorter > 100);
    });
}

#[test]
fn a_state_of_another_image_is_left_alone() {
    let [machine, other] = [15, 16].map(|seed| Machine::new(&mut Dice::new(seed), 30));
    let bytes = machine.with(SESSION, |adapter, session| {
        let blank = Flash::<4>::new(vec![0xff; 4096], None, 0);
        run(&machine, blank, adapter, session).0.bytes
    });
    other.with(SESSION, |adapter, _| {
        let mut store = Store::new(Nor(Flash::<4>::new(bytes, None, 0)));
        assert_eq!(store.load(adapter), Ok(false));
        assert_eq!(adapter.stage(), Stage::Factory);
    });
}

#[test]
fn memory_that_cannot_keep_a_state_is_refused() {
    let machine = Machine::new(&mut Dice::new(17), 1);
    machine.with(SESSION, |adapter, _| {
        let mut store = Store::new(Nor(Flash::<4>::new(vec![0; 767], None, 0)));
        let error = store.load(adapter).unwrap_err();
        let channels = machine.normal[0].len();
        let need = Store::<Nor<Flash<4>>>::bytes(channels, 0) as u32 / 2;
        assert_eq!(
            error,
            StoreError::Unfit(MediumError::Small { have: 256, need })
        );
        let mut store = Store::new(Nor(Flash::<64>::new(vec![0; 4096], None, 0)));
        let error = store.save(adapter).unwrap_err();
        assert_eq!(
            error,
            StoreError::Unfit(MediumError::Unit { have: 64, most: 32 })
        );
    });
}
