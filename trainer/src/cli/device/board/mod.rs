//! `trainer board`: a board on a serial line that runs an agent.

mod flash_image;
mod record;
mod roll_back;
mod score;
mod show;

use crate::board::error::BoardError;
use crate::board::link::{Link, Patience};
use crate::error::Error;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what the board is, what runs on it, what its two slots hold, and its sensors.
    Show(show::Arguments),
    /// Record samples of the board's sensors as a file that `fit` takes as it is.
    Record(record::Arguments),
    /// Let the board score readings, and compare every score with that of this machine, bit for bit.
    Score(Box<score::Arguments>),
    /// Send a new image, which is tested before and after a restart; the old one is kept until then.
    FlashImage(flash_image::Arguments),
    /// Go back to the image that ran before.
    RollBack(show::Arguments),
}

/// A serial line.
#[derive(Debug, Args)]
struct Port {
    /// The serial device of the board, such as /dev/ttyACM0 or COM3
    #[arg(long, value_name = "DEVICE")]
    port: String,
    /// Bits a second
    #[arg(long, value_name = "N", default_value_t = 115_200)]
    baud: u32,
    /// Seconds to wait for a reply, before the request is sent again
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = parse_seconds)]
    timeout: f64,
    /// Times that a request is sent
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    tries: u32,
}

/// A line to a board.
type Line = Link<Box<dyn serialport::SerialPort>>;

impl Port {
    fn open(&self) -> Result<Line, BoardError> {
        let patience = Patience {
            timeout: Duration::from_secs_f64(self.timeout),
            tries: self.tries,
        };
        Link::open(&self.port, self.baud, patience)
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok();
    let seconds = seconds.filter(|seconds| (1e-6..=3600.0).contains(seconds));
    seconds.ok_or_else(|| "give seconds from 0.000001 to 3600, such as 0.5".into())
}

/// A bar on a terminal, and nothing elsewhere.
fn bar(length: usize, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    let style =
        ProgressStyle::with_template(&format!("{{bar:24}} {{pos}}/{{len}} {unit}  {{eta}}"));
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// Says how often the line lost something.
fn tell_repeated(line: &Line) {
    match line.repeated() {
        0 => {}
        1 => eprintln!("note: 1 request was sent again, because no whole reply came"),
        count => eprintln!("note: {count} requests were sent again, because no whole reply came"),
    }
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    match &arguments.command {
        Command::Show(arguments) => show::run(arguments),
        Command::Record(arguments) => record::run(arguments),
        Command::Score(arguments) => score::run(arguments),
        Command::FlashImage(arguments) => flash_image::run(arguments),
        Command::RollBack(arguments) => roll_back::run(arguments),
    }
}
