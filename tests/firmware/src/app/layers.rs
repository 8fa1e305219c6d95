//! What single layers cost.

use super::Failure;
use super::files::Output;
use crate::arguments::Arguments;
use crate::counter::Counter;
use crate::image;
use elbow::layer::Packing;
use elbow_cases::layers::{Layer, LayerShape};

#[inline(never)]
pub(super) fn layers(rest: &str) -> Result<(), Failure<'_>> {
    let arguments = Arguments::parse(rest, &["shapes", "out"])?;
    let mut output = Output::open(&arguments)?;
    let counter = Counter::start().ok_or(Failure::Counter)?;
    let mut file = image::region();
    for text in arguments.require("shapes")?.split(',') {
        let shape: LayerShape = text.parse().map_err(|_| Failure::Layer(text))?;
        let mut layer = Layer::new(shape, file).ok_or(Failure::Layer(text))?;
        let instructions = counter.instructions_of(|| layer.run());
        output.line(format_args!("{shape} {instructions}"))?;
        file = file
            .get(shape.file_bytes(Packing::NATIVE)..)
            .unwrap_or_default();
    }
    output.finish()
}
