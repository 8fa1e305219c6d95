//! `trainer decode`.

use super::emit;
use super::telemetry::{Received, Receiver};
use crate::error::Error;
use crate::export::run;
use clap::Args;
use elbow::Model;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A model image, or the folder of a run
    model: PathBuf,
    /// Packets, one after the other, as `trainer encode` writes them
    packets: PathBuf,
    /// File to write the lines to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments {
        model: path,
        packets,
        out,
    } = arguments;
    super::prepare_out(out.as_deref())?;
    let image = run::read_image(path)?;
    let model = run::parse(path, &image)?;
    super::refuse_conditions(&model)?;
    let bytes = super::read_in(packets)?;
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
    let mut text = header(&model);
    while let Some(received) = receiver.next_packet().map_err(|error| bad(&error))? {
        text += &line(&received);
    }
    emit(out.as_deref(), &text)
}

/// Sequence number, packets lost before it, the latents, the decoded mean of each input.
fn header(model: &Model<'_>) -> String {
    let latents = (0..model.latents()).map(|latent| format!(",z{latent}"));
    let inputs = (0..model.inputs()).map(|input| format!(",x{input}"));
    let names: String = latents.chain(inputs).collect();
    format!("sequence,lost{names}\n")
}

fn line(received: &Received) -> String {
    let Received {
        sequence,
        lost,
        latents,
        values,
    } = received;
    let numbers = latents.iter().chain(values);
    let numbers: String = numbers.map(|number| format!(",{number}")).collect();
    format!("{sequence},{lost}{numbers}\n")
}
