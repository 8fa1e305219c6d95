//! `trainer encode`.

use crate::cli::arguments::Input;
use crate::data::Dataset;
use crate::error::Error;
use crate::export::run;
use crate::readings::Readings;
use crate::readings::device::Units;
use crate::readings::raw::DeviceReadings;
use crate::readings::telemetry::{Receiver, packets, refused};
use clap::Args;
use elbow::Model;
use std::ops::Range;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// File to write the packets to, one after the other; reading i has the sequence number i modulo 256
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    crate::cli::output::prepare_out(Some(&arguments.out))?;
    let image = run::read_image(&arguments.input.source.model)?;
    let model = run::parse(&arguments.input.source.model, &image)?;
    crate::cli::arguments::refuse_conditions(&model)?;
    let DeviceReadings {
        readings, labelled, ..
    } = arguments.input.load(&model, None, None)?;
    let bytes = packets(&model, &readings)?;
    crate::cli::output::write_out(&arguments.out, &bytes)?;
    let text = summary(&model, &readings, &labelled.dataset, &bytes)?;
    if crate::cli::output::is_standard(&arguments.out) {
        eprint!("{text}");
        return Ok(());
    }
    crate::cli::output::emit(None, &text)
}

/// Size of the packets, and errors of what a receiver decodes.
fn summary(
    model: &Model<'_>,
    readings: &Readings,
    dataset: &Dataset,
    bytes: &[u8],
) -> Result<String, Error> {
    let count = readings.len() as f64;
    let mut text = format!(
        "{count} packets of {:.1} bytes a reading; raw readings take {}\n",
        bytes.len() as f64 / count,
        2 * readings.width()
    );
    let groups = groups(model, dataset);
    let errors = squared_errors(model, readings, bytes)?;
    let moments = crate::data::column_mean_std(&dataset.table, None);
    let root_mean = |squares: &[f64]| (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
    for (name, inputs) in groups {
        let deviations = &moments.standard_deviation[inputs.clone()];
        let squares: Vec<f64> = deviations
            .iter()
            .map(|deviation| deviation.powi(2))
            .collect();
        text += &format!(
            "{name}: RMSE {:.4} where the readings deviate by {:.4}\n",
            root_mean(&errors[inputs]),
            root_mean(&squares)
        );
    }
    Ok(text)
}

/// Wider readings are summed up in one line.
const MOST_GROUPS: usize = 16;

/// Inputs that belong together and what they are called: each one, all of many, or those that a
/// feature makes of a channel.
fn groups(model: &Model<'_>, dataset: &Dataset) -> Vec<(String, Range<usize>)> {
    let Some(stream) = model.stream() else {
        let inputs = 0..model.inputs();
        if inputs.len() > MOST_GROUPS {
            return vec![(format!("{} columns", inputs.len()), inputs)];
        }
        return inputs
            .map(|input| (dataset.column_name(input), input..input + 1))
            .collect();
    };
    let groups = crate::config::groups(&stream.front_end).into_iter();
    let named = groups.map(|group| {
        let name = format!(
            "channel {}, {}",
            group.channel,
            crate::config::name(group.feature)
        );
        (name, group.inputs)
    });
    named.collect()
}

/// Mean squared difference of each input between what a receiver decodes and the readings, in
/// the units of the data.
fn squared_errors(model: &Model<'_>, readings: &Readings, bytes: &[u8]) -> Result<Vec<f64>, Error> {
    let mut workspace = vec![0; model.workspace_words()];
    let mut receiver = Receiver::new(model, &mut workspace, bytes)?;
    let units = Units::of(model);
    let mut sums = vec![0.0; readings.width()];
    for reading in readings {
        let Some(received) = receiver.next_packet().map_err(|error| refused(&error))? else {
            break;
        };
        let sent = units.values(reading.iter().map(|&raw| raw.into()));
        let values = received.values.iter().zip(sent);
        for (sum, (value, sent)) in sums.iter_mut().zip(values) {
            *sum += (value - sent).powi(2);
        }
    }
    let count = readings.len() as f64;
    Ok(sums.into_iter().map(|sum| sum / count).collect())
}
