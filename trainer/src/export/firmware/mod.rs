//! A model as source for firmware: the image, and every number that a program has to know of it, so that nobody types one.
//!
//! * [`rust`]: a module that needs the crate `elbow`.
//! * [`c`]: a header and a source in C99 that need nothing.
//! * [`hex`]: the image as Intel HEX, for tools that write flash.
//! * [`project`]: a whole program around a model, in either language, for a board.

pub mod c;
pub mod hex;
pub mod project;
pub mod rust;

use elbow::{Model, Nats, Probability};

/// The usual false-alarm rates, each as one in so many normal readings.
const RATES: [u32; 5] = [10, 20, 100, 1000, 10_000];

/// What source says of a model.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What its identifiers begin with: lower-case letters, digits and underscores, a letter first.
    pub identifier: String,
    /// The model.
    pub model: &'a Model<'a>,
    /// Its image, no byte more.
    pub image: &'a [u8],
    /// The false-alarm rates that its calibration tells apart.
    pub levels: Vec<Level>,
}

/// A false-alarm rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// One in so many normal readings.
    pub one_in: u32,
    /// The rate as a p-value; none where an alarm below it would never fire.
    pub p_value: Option<Probability>,
    /// The bound below which so many normal readings score; none where the calibration of the bound alone cannot tell.
    pub bound: Option<Nats>,
}

impl<'a> Facts<'a> {
    /// What source says of `model`, which was parsed from the front of `image`.
    #[must_use]
    pub fn new(model: &'a Model<'a>, image: &'a [u8]) -> Self {
        Self {
            identifier: identifier(model.name()),
            model,
            image: image.get(..model.image_length()).unwrap_or(image),
            levels: levels(model),
        }
    }

    /// Numbers with their names in upper case and a sentence on each: what both languages have as constants.
    fn sizes(&self) -> Vec<(&'static str, usize, &'static str)> {
        let model = self.model;
        let mut sizes = vec![
            ("IMAGE_BYTES", self.image.len(), "Bytes of the image."),
            (
                "READING_LENGTH",
                model.reading_length(),
                "Numbers in a reading: inputs, then conditions.",
            ),
            (
                "INPUTS",
                model.inputs(),
                "Numbers of a reading that are scored.",
            ),
            (
                "CONDITIONS",
                model.conditions(),
                "Numbers of a reading under which the others are scored.",
            ),
            ("LATENTS", model.latents(), "Numbers in a latent vector."),
        ];
        if let Some(stream) = model.stream() {
            let shape = stream.shape();
            sizes.extend([
                ("CHANNELS", shape.channels, "Numbers in a sample."),
                ("WINDOW_SAMPLES", shape.samples, "Samples in a window."),
                (
                    "HOP_SAMPLES",
                    shape.hop,
                    "Samples from one window to the next.",
                ),
            ]);
        }
        sizes
    }
}

/// The rates that the calibration for the model's own estimator tells apart.
fn levels(model: &Model<'_>) -> Vec<Level> {
    let estimator = model.estimator();
    let (joined, bound) = (model.p_values(estimator), model.calibration(estimator));
    let level = |&one_in: &u32| {
        let rate = Probability::new(1.0 / f64::from(one_in));
        let p_value = joined.filter(|table| table.smallest_p_value() < rate);
        let bound = bound.filter(|table| table.knots() > 0);
        Level {
            one_in,
            p_value: p_value.map(|_| rate),
            bound: bound.and_then(|table| table.threshold(rate).ok()),
        }
    };
    RATES.iter().map(level).collect()
}

/// A name that every language takes for an identifier, of a name of any characters.
fn identifier(name: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9') => c,
        _ => '_',
    };
    let mut plain: String = name.chars().map(plain).collect();
    if !plain.starts_with(|c: char| c.is_ascii_lowercase()) {
        plain.insert_str(0, "model_");
    }
    plain
}

/// The line of a firmware's `Cargo.toml` that has what `model` asks of the runtime and no more.
#[must_use]
pub fn dependency(model: &Model<'_>) -> String {
    let version = format!("version = {:?}", env!("CARGO_PKG_VERSION"));
    dependency_of(&version, model.features())
}

/// The line for the runtime at `source`, a version or a path, with `features` alone.
fn dependency_of<'f>(source: &str, features: impl Iterator<Item = &'f str>) -> String {
    let quoted: Vec<String> = features.map(|name| format!("{name:?}")).collect();
    format!(
        "elbow = {{ {source}, default-features = false, features = [{}] }}",
        quoted.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_plain() {
        for (name, expected) in [
            ("pump", "pump"),
            ("Pumpe-3 Süd", "pumpe_3_s_d"),
            ("3rd", "model_3rd"),
            ("", "model_"),
            ("*/ int", "model____int"),
        ] {
            assert_eq!(identifier(name), expected);
        }
    }
}
