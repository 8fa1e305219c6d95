//! Readings as the networks take them in.

use crate::data::Intensities;
use crate::error::Error;
use crate::model::objective::Batch;
use crate::model::{Constants, Vae};
use crate::readings::masks::Masks;
use crate::readings::{Normalization, Readings};
use candle_core::{Device, Tensor};
use rand_core::Rng;

/// Readings, raw and as tensors.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The raw readings.
    pub readings: Readings,
    /// All readings as tensors, all inputs observed.
    pub batch: Batch,
    /// Chances that the bits of the readings are drawn from anew in each epoch, where they are; `readings`
    /// and `batch` then hold one draw.
    pub intensities: Option<Intensities>,
    /// The observed numbers of the readings; none where all are.
    pub observed: Option<Masks>,
    /// The part of a reading's log density that no parameter touches.
    constants: Constants,
    /// Numbers of a reading that are no conditions.
    modelled: usize,
}

impl Prepared {
    /// Normalizes `readings` for the networks and the likelihood of `vae`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn new(
        readings: Readings,
        normalization: &Normalization,
        vae: &Vae,
        device: &Device,
    ) -> Result<Self, Error> {
        let shape = (readings.len(), readings.width());
        let numbers = normalization.apply(&readings);
        let modelled = shape.1.saturating_sub(vae.conditions());
        let target = vae
            .likelihood
            .targets_of(&readings, &numbers, normalization);
        let inputs = Tensor::from_vec(numbers, shape, device)?;
        let target = match target {
            Some(target) => Tensor::from_vec(target, (shape.0, modelled), device)?,
            None if vae.conditions() == 0 => inputs.clone(),
            None => inputs.narrow(1, 0, modelled)?.contiguous()?,
        };
        Ok(Self {
            readings,
            batch: Batch::whole(inputs, target),
            intensities: None,
            observed: None,
            constants: vae.likelihood.constants(),
            modelled,
        })
    }

    /// The readings of which only what `observed` says is there, one mask for each.
    #[must_use]
    pub fn with_gaps(self, observed: Option<Masks>) -> Self {
        Self { observed, ..self }
    }

    /// The observed numbers of all readings that are in `masks` too; none where that is everything.
    pub fn masks(&self, masks: Option<&Masks>) -> Option<Masks> {
        match (&self.observed, masks) {
            (None, masks) => masks.cloned(),
            (Some(observed), None) => Some(observed.clone()),
            (Some(observed), Some(masks)) => Some(observed.and(masks)),
        }
    }

    /// The observed numbers of the readings `rows` that are in `drawn` too, which are masks of these alone.
    pub fn masks_of(&self, rows: &[u32], drawn: Option<Masks>) -> Option<Masks> {
        let Some(observed) = &self.observed else {
            return drawn;
        };
        let rows: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
        let there = observed.select(&rows);
        Some(match drawn {
            None => there,
            Some(drawn) => there.and(&drawn),
        })
    }

    /// Leaves only the first `rows` in the tensors, copied, where bits are drawn anew: what is trained on is drawn from
    /// the intensities then, and the tensors are for what some readings suffice for.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn keep_first(&mut self, rows: usize) -> Result<(), Error> {
        if self.intensities.is_some() && self.readings.len() > rows {
            let first = self.batch.inputs.narrow(0, 0, rows)?;
            // A tensor's own copy is one of all that it is a part of.
            let numbers = first.flatten_all()?.to_vec1::<f32>()?;
            let inputs = Tensor::from_vec(numbers, first.shape(), first.device())?;
            self.batch = Batch::whole(inputs.clone(), inputs);
        }
        Ok(())
    }

    /// Copies the tensors to `device`.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn to_device(&self, device: &Device) -> Result<Self, Error> {
        let Batch { inputs, target, .. } = &self.batch;
        Ok(Self {
            batch: Batch::whole(inputs.to_device(device)?, target.to_device(device)?),
            ..self.clone()
        })
    }

    /// The rows `indices` as a batch; `rng` draws their bits where those are drawn anew.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn select(&self, indices: &[u32], rng: &mut impl Rng) -> Result<Batch, Error> {
        if let Some(intensities) = &self.intensities {
            let bits = intensities.draw(indices.iter().map(|&row| row as usize), rng);
            let shape = (indices.len(), self.readings.width());
            let bits = Tensor::from_vec(bits, shape, self.batch.inputs.device())?;
            return Ok(Batch::whole(bits.clone(), bits));
        }
        let index = Tensor::new(indices, self.batch.inputs.device())?;
        Ok(Batch::whole(
            self.batch.inputs.index_select(&index, 0)?,
            self.batch.target.index_select(&index, 0)?,
        ))
    }

    /// `length` rows from `start` as a batch, of which `masks` (for all rows) tells what is
    /// observed.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn narrow(
        &self,
        start: usize,
        length: usize,
        masks: Option<&Masks>,
    ) -> Result<Batch, Error> {
        let batch = Batch::whole(
            self.batch.inputs.narrow(0, start, length)?,
            self.batch.target.narrow(0, start, length)?,
        );
        match masks {
            None => Ok(batch),
            Some(masks) => {
                let rows: Vec<usize> = (start..start + length).collect();
                batch.observe(masks.select(&rows).to_tensor(batch.inputs.device())?)
            }
        }
    }

    /// The part of the log density of the observed inputs of reading `row` that depends on no parameter;
    /// `mask` is a row of masks.
    pub fn constant(&self, row: usize, mask: Option<(&Masks, usize)>) -> f64 {
        let observed = |input| mask.is_none_or(|(masks, at)| masks.observes(at, input));
        let modelled = &self.readings.row(row)[..self.modelled];
        self.constants.total(modelled, observed)
    }
}
