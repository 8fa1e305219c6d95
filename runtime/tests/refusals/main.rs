//! Refusals, with their words and numbers: small workspaces, impossible readings, wrong
//! lengths, models that no image can hold, images that break a rule of FORMAT.md.

mod sessions;
mod specs;
#[path = "../support/mod.rs"]
mod support;
mod tensors;

use elbow::image::ImageSpec;
use support::{Dice, Temper, random_spec_of};

/// One with a likelihood of that kind; see [`random_spec_of`].
fn spec_with_hidden_layers(dice: &mut Dice, of: usize) -> ImageSpec {
    loop {
        let spec = random_spec_of(dice, Temper::Trained, of);
        if !spec.encoder.is_empty() && !spec.decoder.is_empty() {
            return spec;
        }
    }
}
