//! `trainer decode`.

use crate::cli::output::emit;
use crate::cli::output::table::{self, rounded};
use crate::error::Error;
use crate::export::run;
use crate::readings::telemetry::{Received, Receiver};
use clap::Args;
use elbow::Model;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// A model image, or the folder of a run
    model: PathBuf,
    /// Packets, one after the other, as `trainer encode` writes them
    packets: PathBuf,
    /// File to write the lines to, as CSV under the names of the columns [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments {
        model: path,
        packets,
        out,
    } = arguments;
    crate::cli::output::prepare_out(out.as_deref())?;
    let image = run::read_image(path)?;
    let model = run::parse(path, &image)?;
    crate::cli::arguments::refuse_conditions(&model)?;
    let bytes = crate::cli::output::read_in(packets)?;
    let bad = |error: &dyn std::fmt::Display| {
        Error::Setting(format!(
            "{}: {error}; name a file that `trainer encode` wrote with this model, whole",
            packets.display()
        ))
    };
    if bytes.is_empty() {
        return Err(bad(&"holds no packet at byte 0"));
    }
    let mut workspace = vec![0; model.workspace_words()];
    let mut receiver = Receiver::new(&model, &mut workspace, &bytes)?;
    let mut records = vec![head(&model)];
    while let Some(received) = receiver.next_packet().map_err(|error| bad(&error))? {
        records.push(record(&model, &received));
    }
    emit(out.as_deref(), &table::csv(records)?)
}

/// Sequence number, packets lost before it, the latents, the decoded mean of each input under its name.
fn head(model: &Model<'_>) -> Vec<String> {
    let first = ["sequence", "lost"].map(str::to_owned).into_iter();
    let latents = (0..model.latents()).map(|latent| format!("z{latent}"));
    let inputs = table::header(model).into_iter().take(model.inputs());
    first.chain(latents).chain(inputs).collect()
}

/// The numbers of a packet, those of the reading as fine as the device knows them.
fn record(model: &Model<'_>, received: &Received) -> Vec<String> {
    let Received {
        sequence,
        lost,
        latents,
        values,
    } = received;
    let first = [sequence.to_string(), lost.to_string()].into_iter();
    let latents = latents.iter().map(ToString::to_string);
    let values = values.iter().zip(model.exponents());
    let values = values.map(|(&value, &exponent)| rounded(value, exponent));
    first.chain(latents).chain(values).collect()
}
