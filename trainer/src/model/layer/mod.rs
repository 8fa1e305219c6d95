//! The layers of a model: which there are, and what one computes.

mod dense;
pub(crate) mod elementwise;
pub(crate) mod product;

pub use dense::Dense;
pub(crate) use dense::Values;
pub(crate) use product::Shape;

use std::fmt;

/// A layer of a model, in the order of an image. Displayed as its parameters are named: `encoder.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerId {
    /// A hidden layer of the encoder, counted from the reading.
    Encoder(usize),
    /// The last layer of the encoder, which gives the parameters of q(z|x).
    Heads,
    /// A hidden layer of the decoder, counted from the latents.
    Decoder(usize),
    /// The last layer of the decoder, which gives the parameters of p(x|z).
    Output,
}

impl LayerId {
    /// Whether the layer is of q(z|x), and not of p(x|z).
    pub fn is_of_encoder(self) -> bool {
        matches!(self, Self::Encoder(_) | Self::Heads)
    }

    /// Whether the layer is hidden, and not the last of its network.
    pub fn is_hidden(self) -> bool {
        matches!(self, Self::Encoder(_) | Self::Decoder(_))
    }
}

impl fmt::Display for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoder(index) => write!(f, "encoder.{index}"),
            Self::Heads => f.write_str("heads"),
            Self::Decoder(index) => write!(f, "decoder.{index}"),
            Self::Output => f.write_str("output"),
        }
    }
}

/// The numbers of hidden layers of the two networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Hidden layers of the encoder.
    pub encoder: usize,
    /// Hidden layers of the decoder.
    pub decoder: usize,
}

impl Depth {
    /// All layers, in the order of an image: the hidden layers of the encoder, the heads, the hidden layers of the decoder,
    /// the output.
    pub fn layers(self) -> impl Iterator<Item = LayerId> {
        let encoder = (0..self.encoder).map(LayerId::Encoder);
        let decoder = (0..self.decoder).map(LayerId::Decoder);
        let encoder = encoder.chain([LayerId::Heads]);
        encoder.chain(decoder).chain([LayerId::Output])
    }

    /// The place of a layer in [`Depth::layers`].
    pub fn position(self, layer: LayerId) -> usize {
        match layer {
            LayerId::Encoder(index) => index,
            LayerId::Heads => self.encoder,
            LayerId::Decoder(index) => self.encoder + 1 + index,
            LayerId::Output => self.encoder + 1 + self.decoder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_come_in_their_order() {
        for (encoder, decoder) in [(0, 0), (2, 1), (0, 3)] {
            let depth = Depth { encoder, decoder };
            let layers: Vec<LayerId> = depth.layers().collect();
            assert!(layers.is_sorted());
            for (at, &layer) in layers.iter().enumerate() {
                assert_eq!(depth.position(layer), at);
            }
        }
        let names = Depth {
            encoder: 2,
            decoder: 1,
        };
        let names: Vec<String> = names.layers().map(|layer| layer.to_string()).collect();
        let expected = ["encoder.0", "encoder.1", "heads", "decoder.0", "output"];
        assert_eq!(names, expected);
    }
}
