//! One thing for each layer of a model.

use super::{Depth, LayerId};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::ops::{Index, IndexMut};

/// A value for each layer of a model, found by its [`LayerId`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layers<T> {
    /// Hidden layers of the encoder.
    pub encoder: Vec<T>,
    /// The last layer of the encoder.
    pub heads: T,
    /// Hidden layers of the decoder.
    pub decoder: Vec<T>,
    /// The last layer of the decoder.
    pub output: T,
}

impl<T> Layers<T> {
    /// Makes the value of each layer, in the order of [`Depth::layers`].
    ///
    /// # Errors
    /// The first error of `make`.
    pub fn try_from_fn<E>(
        depth: Depth,
        mut make: impl FnMut(LayerId) -> Result<T, E>,
    ) -> Result<Self, E> {
        let encoder = (0..depth.encoder).map(|index| make(LayerId::Encoder(index)));
        let encoder = encoder.collect::<Result<_, _>>()?;
        let heads = make(LayerId::Heads)?;
        let decoder = (0..depth.decoder).map(|index| make(LayerId::Decoder(index)));
        Ok(Self {
            encoder,
            heads,
            decoder: decoder.collect::<Result<_, _>>()?,
            output: make(LayerId::Output)?,
        })
    }

    /// Makes the value of each layer, in the order of [`Depth::layers`].
    pub fn from_fn(depth: Depth, mut make: impl FnMut(LayerId) -> T) -> Self {
        let made = Self::try_from_fn(depth, |layer| Ok::<T, Infallible>(make(layer)));
        made.unwrap_or_else(|never| match never {})
    }

    /// The numbers of hidden layers.
    pub fn depth(&self) -> Depth {
        Depth {
            encoder: self.encoder.len(),
            decoder: self.decoder.len(),
        }
    }

    /// All layers with their values, in the order of [`Depth::layers`].
    pub fn iter(&self) -> impl Iterator<Item = (LayerId, &T)> {
        self.depth().layers().map(|layer| (layer, &self[layer]))
    }

    /// The values in that order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        let encoder = self.encoder.iter().chain([&self.heads]);
        encoder.chain(&self.decoder).chain([&self.output])
    }

    /// The values in that order, to change.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let encoder = self.encoder.iter_mut().chain([&mut self.heads]);
        encoder.chain(&mut self.decoder).chain([&mut self.output])
    }

    /// The values in that order.
    pub fn into_values(self) -> impl Iterator<Item = T> {
        let encoder = self.encoder.into_iter().chain([self.heads]);
        encoder.chain(self.decoder).chain([self.output])
    }
}

impl<T> Index<LayerId> for Layers<T> {
    type Output = T;

    fn index(&self, layer: LayerId) -> &T {
        match layer {
            LayerId::Encoder(index) => &self.encoder[index],
            LayerId::Heads => &self.heads,
            LayerId::Decoder(index) => &self.decoder[index],
            LayerId::Output => &self.output,
        }
    }
}

impl<T> IndexMut<LayerId> for Layers<T> {
    fn index_mut(&mut self, layer: LayerId) -> &mut T {
        match layer {
            LayerId::Encoder(index) => &mut self.encoder[index],
            LayerId::Heads => &mut self.heads,
            LayerId::Decoder(index) => &mut self.decoder[index],
            LayerId::Output => &mut self.output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_has_its_value() {
        let depth = Depth {
            encoder: 2,
            decoder: 1,
        };
        let mut layers = Layers::from_fn(depth, |layer| depth.position(layer));
        assert_eq!(layers.depth(), depth);
        assert!(
            layers
                .iter()
                .all(|(layer, &at)| at == depth.position(layer))
        );
        layers[LayerId::Decoder(0)] = 7;
        layers.values_mut().for_each(|value| *value += 1);
        let values: Vec<usize> = layers.values().copied().collect();
        assert_eq!(values, [1, 2, 3, 8, 5]);
        assert_eq!(layers.into_values().collect::<Vec<_>>(), values);
        let failed = Layers::<usize>::try_from_fn(depth, Err::<usize, _>);
        assert_eq!(failed, Err(LayerId::Encoder(0)));
    }
}
