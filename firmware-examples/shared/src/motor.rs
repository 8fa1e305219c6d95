//! A motor under watch: what its converter sees, and what is told of it.
//!
//! The samples are three seconds of the log that `cargo trainer fit motor` learns from, 2000 samples a second of two vibrations
//! and a current: one second before a bearing breaks, one second with it, and one after it was replaced.

use crate::deadline::Deadline;
use crate::said;
use core::fmt;
use elbow::monitor::{Event, Watch, WatchSettings};
use elbow::{Estimator, Model, ModelPlace};

/// Channels of a sample.
pub const CHANNELS: usize = 3;

/// A raw number of each channel.
pub type Sample = [i16; CHANNELS];

/// Samples a second.
pub const RATE: u32 = 2000;

/// The first samples of the seconds of the story in the log; the bearing is broken in the second one.
const SECONDS: [usize; 3] = [158_000, 160_000, 172_000];

/// Samples of the story.
pub const SAMPLES: usize = SECONDS.len() * RATE as usize;

/// The story, cut out of the raw samples of the whole log, as `trainer samples` writes them: little-endian, sample after sample.
///
/// # Panics
/// Where the log is shorter; a constant then does not compile.
#[must_use]
pub const fn story(log: &[u8]) -> [Sample; SAMPLES] {
    let mut samples = [[0; CHANNELS]; SAMPLES];
    let mut index = 0;
    while index < SAMPLES {
        let start = SECONDS[index / RATE as usize] + index % RATE as usize;
        let mut channel = 0;
        while channel < CHANNELS {
            let byte = 2 * (start * CHANNELS + channel);
            samples[index][channel] = i16::from_le_bytes([log[byte], log[byte + 1]]);
            channel += 1;
        }
        index += 1;
    }
    samples
}

/// The model in `image`, checked by its self-test, and a watch with it, whose alarm averages over four windows; nothing where an
/// error is on the terminal.
pub fn begin<'s, 'i: 's>(
    out: &mut impl fmt::Write,
    image: &'i [u8],
    place: &'s mut ModelPlace<'i>,
    workspace: &'s mut [u64],
) -> Option<(&'s Model<'s>, Watch<'s>)> {
    let model = said(out, place.parse(image))?;
    said(out, model.self_test(workspace))?;
    let settings = WatchSettings::from_rates(model, Estimator::SigmaPoints, 2, None, None);
    let settings = said(out, settings)?;
    let watch = said(out, Watch::new(model, workspace, &settings, 0))?;
    let name = model.name();
    writeln!(out, "{name}: this chip computes what the workstation did").ok()?;
    Some((model, watch))
}

/// The line that is told of a window.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    event: &'a Event,
    /// The name of the channel to blame.
    blamed: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// That of an event of a watch with `model`.
    #[must_use]
    pub fn new(model: &'a Model<'_>, event: &'a Event) -> Self {
        let blamed = event
            .blame
            .and_then(|blame| model.column(blame.channel.into()));
        let blamed = blamed.map(|column| column.name());
        Self { event, blamed }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event {
            window,
            score,
            smoothed,
            transition,
            ..
        } = self.event;
        write!(
            f,
            "window {window}: {} nats, smoothed {smoothed}",
            score.elbo()
        )?;
        if transition.is_alarm() {
            f.write_str(", ALARM")?;
        }
        match self.blamed {
            Some(name) => write!(f, " by {name}"),
            None => Ok(()),
        }
    }
}

/// A run of the controller.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// Of the run, from 0.
    pub number: u32,
    /// The tick of the release.
    pub tick: u32,
    /// What it works on.
    pub sample: Sample,
}

impl Release {
    /// That of the sample of this number, if it releases the controller.
    #[must_use]
    pub fn at(number: u32, tick: u32, sample: Sample) -> Option<Self> {
        number.is_multiple_of(Controller::PERIOD).then(|| Self {
            number: number / Controller::PERIOD,
            tick,
            sample,
        })
    }
}

/// A controller that follows the current of the motor: the second task, which must not wait for scores. Its deadline is its
/// next release.
///
/// Its output moves to the input by 1/16 of what is between them, rounded down.
#[derive(Clone, Copy, Debug, Default)]
pub struct Controller {
    output: i32,
    deadline: Deadline,
}

impl Controller {
    /// Samples from one run to the next one: 10 ms.
    pub const PERIOD: u32 = 20;

    /// Does a run; `now` tells ticks.
    pub fn run(&mut self, release: &Release, now: impl Fn() -> u32) {
        let [.., current] = release.sample;
        self.output += ((i32::from(current) << 8) - self.output) >> 4;
        let ticks = now().wrapping_sub(release.tick);
        self.deadline.add(release.number, ticks);
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, output {}", self.deadline, self.output)
    }
}
