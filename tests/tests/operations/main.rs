//! Every operation on every board, bit for bit as on the host: models of every likelihood with random
//! weights, every kind of estimator at every number of lanes, whole readings and parts of them.

mod adaptation;
mod host;
mod models;
mod streams;

use elbow::rng::Xoshiro128PlusPlus;
use elbow::{Model, Session};
use elbow_tests::build::board::BOARDS;
use elbow_tests::emulator::{self, Invocation};
use elbow_tests::measure::shapes::Shape;
use host::{Cases, Host};
use models::{Recipe, calibrated};
use rand_core::Rng;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

const SEED: u64 = 11;

/// Passes of a slice.
const SLICES: [u16; 5] = [1, 4, 2, 3, 65_535];

/// A command, and what the board must answer.
struct Task {
    line: String,
    answer: String,
}

impl Task {
    /// The same in slices of some size: the answer is the same.
    fn in_slices(&self, number: usize) -> Self {
        let passes = SLICES[number % SLICES.len()];
        Self {
            line: format!("{} slice={passes}", self.line),
            answer: self.answer.clone(),
        }
    }
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

fn shape(inputs: usize, encoder: &[usize], latents: usize, decoder: &[usize]) -> Shape {
    Shape {
        inputs,
        encoder: encoder.to_vec(),
        latents,
        decoder: decoder.to_vec(),
    }
}

#[test]
fn every_board_does_every_operation_as_the_host_does() {
    let (mut decided, mut bets) = (BTreeSet::new(), BTreeSet::new());
    for (seed, recipe) in (1..).zip(Recipe::all()) {
        let folder = tempfile::tempdir().unwrap();
        let mut words = elbow::rng::stream(seed, 2);
        let spec = recipe.spec(seed, &mut words);
        let image = calibrated(recipe.kind, &spec, &mut words);
        fs::write(folder.path().join("model.elbow"), &*image).unwrap();
        let cases = Cases::random(recipe.kind, &spec, &mut words);
        cases.write(folder.path());

        let model = Model::parse(&image).unwrap();
        let mut workspace = vec![0; model.workspace_words()];
        let session = Session::new(&model, &mut workspace, SEED).unwrap();
        let mut host = Host::new(session, &cases);
        run_everywhere(folder.path(), &host.tasks());
        let p_values = &host.p_values;
        assert!(p_values.len() > 4, "{:?}: {p_values:?}", recipe.kind);
        decided.append(&mut host.decided);
        bets.append(&mut host.bets);
    }
    // Nothing is compared that does not occur.
    assert_eq!(bets, BTreeSet::from([false, true]));
    for side in ["above", "below", "unsure"] {
        for several in [false, true] {
            assert!(decided.contains(&(side.to_owned(), several)), "{decided:?}");
        }
    }
}
