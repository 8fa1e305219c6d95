//! `trainer watch`.

use crate::cli::arguments::alarm::AlarmArguments;
use crate::cli::arguments::asked;
use crate::cli::arguments::live::Live;
use crate::cli::arguments::parse_estimator;
use crate::cli::arguments::stream::StreamInput;
use crate::cli::output::emit;
use crate::data::STANDARD;
use crate::error::Error;
use crate::export::run;
use crate::readings::Readings;
use crate::readings::masks::Masks;
use crate::study::events::Clock;
use crate::study::explain::places;
use crate::study::watcher::{Watcher, words};
use clap::Args;
use elbow::monitor::{Event, Transition, WatchSettings};
use elbow::{Estimator, Mask, Model};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    input: StreamInput,
    /// Estimator: sigma-points, posterior-mean, monte-carlo:K or importance-weighted:K [default: sigma-points]
    #[arg(long, value_parser = parse_estimator)]
    estimator: Option<Estimator>,
    #[command(flatten)]
    alarm: AlarmArguments,
    /// End with exit code 3 as soon as an alarm is raised
    #[arg(long)]
    exit_on_alarm: bool,
    /// Seed of the random draws, one stream of them for all windows
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// File to write the lines to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Where lines go: to standard output at once, or to a file at the end.
enum Sink {
    Out,
    Kept(String),
}

impl Sink {
    /// Takes a line; whether anybody still reads.
    fn line(&mut self, line: &str) -> Result<bool, Error> {
        let Self::Kept(text) = self else {
            let mut stdout = std::io::stdout().lock();
            let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
            return match written {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
                Err(error) => Err(Error::writing(Path::new("standard output"))(error)),
                Ok(()) => Ok(true),
            };
        };
        text.push_str(line);
        text.push('\n');
        Ok(true)
    }
}

/// A watch under way, and what it has seen.
struct Seen<'m> {
    model: &'m Model<'m>,
    watcher: Watcher<'m>,
    clock: Clock,
    sink: Sink,
    exit_on_alarm: bool,
    events: usize,
    alarms: usize,
    last: Option<Event>,
    /// The first event that drifted, and how many did.
    drifted: Option<(Event, usize)>,
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Go {
    On,
    Stop,
}

/// Runs the command; whether an alarm is to be told by the exit code.
pub(in crate::cli) fn run(arguments: &Arguments) -> Result<bool, Error> {
    let Arguments { input, out, .. } = arguments;
    let is_live = input.data() == STANDARD;
    if let Some(out) = out.as_ref().filter(|_| is_live) {
        return Err(Error::Setting(format!(
            "--out {} is written whole at the end, and standard input may have none: leave it out, and redirect the lines (> {})",
            out.display(),
            out.display()
        )));
    }
    crate::cli::output::prepare_out(out.as_deref())?;
    let image = run::read_image(&input.model)?;
    let model = run::parse(&input.model, &image)?;
    let estimator = asked(arguments.estimator, &model);
    // What is wrong with a file is said before what is wrong with the alarm.
    let rows = match is_live {
        true => None,
        false => Some(rows(input, &model)?),
    };
    let alarms = arguments
        .alarm
        .alarms(&input.model, &model, estimator, arguments.seed)?;
    let settings = &alarms.settings.watch;
    let mut workspace = vec![0; words(&model)];
    let mut seen = Seen {
        model: &model,
        watcher: Watcher::new(&model, &mut workspace, settings, arguments.seed)?,
        clock: alarms.clock,
        sink: out
            .as_ref()
            .map_or(Sink::Out, |_| Sink::Kept(String::new())),
        exit_on_alarm: arguments.exit_on_alarm,
        events: 0,
        alarms: 0,
        last: None,
        drifted: None,
    };
    match rows {
        Some((readings, masks)) => seen.follow(&readings, masks.as_ref())?,
        None => seen.listen(&mut Live::new(&input.model, &model, input.limit())?)?,
    }
    eprint!("{}{}", alarms.describe(), seen.summary(settings));
    if let (Sink::Kept(text), Some(out)) = (&seen.sink, out) {
        emit(Some(out), text)?;
    }
    Ok(seen.exit_on_alarm && seen.alarms > 0)
}

/// The rows of a file, samples of a stream or readings, and what of them was observed where not all was.
fn rows(input: &StreamInput, model: &Model<'_>) -> Result<(Readings, Option<Masks>), Error> {
    if model.stream().is_none() {
        let loaded = input.readings(model)?;
        return Ok((loaded.readings, loaded.masks));
    }
    Ok((input.load(model)?.with_windows()?.samples, None))
}

impl Seen<'_> {
    fn header(&mut self) -> Result<Go, Error> {
        let header = Event::CSV_HEADER;
        let is_read = match self.clock.rate {
            None => self.sink.line(header)?,
            Some(_) => self.sink.line(&format!("{header},seconds"))?,
        };
        Ok(if is_read { Go::On } else { Go::Stop })
    }

    /// Takes rows in that are all there.
    fn follow(&mut self, readings: &Readings, masks: Option<&Masks>) -> Result<(), Error> {
        let mut go = self.header()?;
        let mut each = readings.iter().enumerate();
        while go == Go::On
            && let Some((at, row)) = each.next()
        {
            go = self.push(row, masks.map_or(Ok(Mask::ALL), |masks| masks.mask(at))?)?;
        }
        Ok(())
    }

    /// Takes rows in as they come.
    fn listen(&mut self, live: &mut Live<'_>) -> Result<(), Error> {
        match self.header()? {
            Go::Stop => Ok(()),
            Go::On => live.each(|row, mask| Ok(self.push(row, mask)? == Go::On)),
        }
    }

    /// Takes a row in, and tells what comes of it at once.
    fn push(&mut self, row: &[i16], observed: Mask<'_>) -> Result<Go, Error> {
        let Some(event) = self.watcher.push(row, observed)? else {
            return Ok(Go::On);
        };
        self.events += 1;
        self.last = Some(event);
        if event.drift.drifted {
            let (_, count) = self.drifted.get_or_insert((event, 0));
            *count += 1;
        }
        let line = match self.clock.rate {
            None => event.csv().to_string(),
            Some(rate) => format!("{},{:.3}", event.csv(), f64::from(event.sample) / rate),
        };
        let is_read = self.sink.line(&line)?;
        if let Some(words) = self.alarm(&event) {
            eprintln!("{words}");
        }
        let is_raised = event.transition == Transition::Raised;
        self.alarms += usize::from(is_raised);
        match is_read && !(is_raised && self.exit_on_alarm) {
            true => Ok(Go::On),
            false => Ok(Go::Stop),
        }
    }

    /// When an event was, in words.
    fn place(&self, event: &Event) -> String {
        let time = match self.clock.rate {
            None => String::new(),
            Some(rate) => format!("{:.3} s", f64::from(event.sample) / rate),
        };
        match (self.model.stream(), time.is_empty()) {
            (Some(_), true) => format!("sample {} (window {})", event.sample, event.window),
            (Some(_), false) => {
                format!("sample {} (window {}, {time})", event.sample, event.window)
            }
            (None, true) => format!("reading {}", event.window),
            (None, false) => format!("reading {} ({time})", event.window),
        }
    }

    /// What is to blame, in words.
    fn blamed(&self, channel: usize) -> String {
        if self.model.stream().is_none() {
            let places = places(self.model).into_iter();
            let mut own = places.filter(|place| place.inputs.contains(&channel));
            return own.next().map_or_else(String::new, |place| place.name);
        }
        let name = self
            .model
            .column(channel)
            .map_or("", |column| column.name());
        match name {
            "" => format!("channel {channel}"),
            name => format!("channel {channel} ({name})"),
        }
    }

    /// A line for an event that raises or ends the alarm.
    fn alarm(&self, event: &Event) -> Option<String> {
        let place = self.place(event);
        match (event.transition, event.blame) {
            (Transition::Raised, Some(blame)) => Some(format!(
                "alarm raised at {place}: {} lacks {} nats",
                self.blamed(blame.channel.into()),
                blame.shortfall
            )),
            (Transition::Cleared, _) => Some(format!("alarm cleared at {place}")),
            _ => None,
        }
    }

    /// What was seen, in plain words.
    fn summary(&self, settings: &WatchSettings) -> String {
        let (enter, leave) = (settings.smoother.enter, settings.smoother.leave);
        let things = match self.model.stream() {
            Some(_) => "windows",
            None => "readings",
        };
        let mut text = format!(
            "{} {things}; the alarm is raised below {enter} nats and ends above {leave}\n",
            self.events
        );
        if self.alarms == 0 {
            text += "no alarm\n";
        }
        if self.last.is_some_and(|event| event.transition.is_alarm()) {
            text += "the alarm lasts to the end\n";
        }
        let ratio = |value: f64| value / 65536.0;
        let Some((first, drifted)) = &self.drifted else {
            return text + "the scores did not drift\n";
        };
        text + &format!(
            "the scores drifted in {drifted} {things}, first at {}: mean {:+.1} standard errors, deviation {:.2} times that of the calibration\n",
            self.place(first),
            ratio(first.drift.z.into()),
            ratio(first.drift.ratio.into())
        )
    }
}
