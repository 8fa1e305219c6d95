//! The host's answers to the commands of the firmware.

use crate::{SEED, Task, le_bytes, up_to};
use elbow::image::ImageSpec;
use elbow::monitor::{Martingale, MartingaleSettings};
use elbow::rng::Xoshiro128PlusPlus;
use elbow::telemetry::Packet;
use elbow::text::Picture;
use elbow::{
    Estimator, Mask, Model, Nats, PosteriorKind, Probability, Question, Score, Session, Side,
    WideSum,
};
use elbow_tests::measure::shapes::Kind;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Passes in groups of 4, 2 and 1, and every rest of them.
const ESTIMATORS: [&str; 12] = [
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
    "enumeration",
];

/// Readings and a mask for each: every reading whole, in parts, and by one input alone.
pub(crate) struct Cases {
    centres_of_conditions: Vec<i16>,
    readings: Vec<Vec<i16>>,
    masks: Vec<Vec<u8>>,
}

impl Cases {
    pub(crate) fn random(kind: Kind, spec: &ImageSpec, words: &mut Xoshiro128PlusPlus) -> Self {
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

    pub(crate) fn write(&self, directory: &Path) {
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
pub(crate) struct Host<'s> {
    session: Session<'s>,
    cases: &'s Cases,
    /// Sides, and whether it took more than a pass.
    pub(crate) decided: BTreeSet<(String, bool)>,
    pub(crate) p_values: BTreeSet<u32>,
    /// Whether martingales raised the alarm.
    pub(crate) bets: BTreeSet<bool>,
}

impl<'s> Host<'s> {
    pub(crate) fn new(session: Session<'s>, cases: &'s Cases) -> Self {
        Self {
            session,
            cases,
            decided: BTreeSet::new(),
            p_values: BTreeSet::new(),
            bets: BTreeSet::new(),
        }
    }

    /// Every command, and its answer.
    pub(crate) fn tasks(&mut self) -> Vec<Task> {
        let estimators = ESTIMATORS.iter().enumerate();
        let model = self.model();
        let has = |name: &str| model.passes(name.parse().unwrap()).is_ok();
        let estimators = estimators.filter(|(_, name)| has(name));
        let estimators: Vec<_> = estimators.collect();
        let scores = estimators.into_iter().flat_map(|(number, name)| {
            let mut tasks = Vec::from(self.scores(name));
            let slices = tasks.iter().map(|task| task.in_slices(number));
            let slices: Vec<Task> = slices.collect();
            tasks.extend(slices);
            tasks
        });
        let mut tasks: Vec<Task> = scores.collect();
        tasks.extend([self.impute(), self.encode(), self.dream()]);
        tasks.extend(self.decisions());
        let bets = [(0.3, 0.5, true), (0.01, 0.1, false)];
        tasks.extend(bets.map(|(chance, epsilon, restarts)| {
            self.bet(chance, Probability::new(epsilon), restarts)
        }));
        tasks.push(Task {
            line: "self-test".into(),
            answer: "random: every score is the workstation's\n".into(),
        });
        tasks
    }

    fn model(&self) -> &Model<'_> {
        self.session.model()
    }

    /// `score` with and without masks, and `explain`.
    fn scores(&mut self, name: &str) -> [Task; 3] {
        let estimator: Estimator = name.parse().unwrap();
        let (inputs, latents) = (self.model().inputs(), self.model().latents());
        let (mut terms, mut parts) = (vec![WideSum::ZERO; inputs], vec![Nats::ZERO; latents]);
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
                write!(explained, " {}", term.to_bits()).unwrap();
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
            let packet = if self.model().posterior() == PosteriorKind::Bernoulli {
                let bytes = &mut storage[..latents.div_ceil(8)];
                Packet::of_bits(index as u8, &means, bytes)
            } else {
                Packet::quantize(index as u8, &means, &mut storage)
            };
            let packet = packet.unwrap();
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

    /// A martingale on the p-values of readings.
    fn bet(&mut self, chance: f64, epsilon: Probability, restarts: bool) -> Task {
        let chance = Probability::new(chance);
        let mut martingale = Martingale::new(MartingaleSettings {
            epsilon,
            threshold: MartingaleSettings::threshold(chance),
            ceiling: Nats::MAX,
            restarts,
        })
        .unwrap();
        let mut answer = String::new();
        let estimator = self.model().estimator();
        for (index, reading, _) in self.cases.iter() {
            self.session.reseed(SEED, index.into());
            let score = self.session.score(reading, estimator).unwrap();
            let surprise = score.surprise();
            let alarm = martingale.update(surprise).is_alarm();
            let (surprise, log) = (surprise.to_bits(), martingale.log().to_bits());
            writeln!(answer, "{surprise} {log} {alarm}").unwrap();
            self.bets.insert(alarm);
        }
        Task {
            line: format!(
                "martingale readings=readings estimator={estimator} chance={} epsilon={} restarts={restarts} seed={SEED}",
                chance.to_bits(),
                epsilon.to_bits()
            ),
            answer,
        }
    }

    /// Questions around the bounds of the readings.
    fn decisions(&mut self) -> Vec<Task> {
        let estimator = self.model().estimator();
        let bounds: Vec<i32> = (self.cases.iter())
            .map(|(_, reading, _)| {
                let score = self.session.score(reading, estimator);
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
