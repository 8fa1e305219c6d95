//! Ascent by the engine, in floats or in the device's integers.

use super::{SUMS, Step, Turn, counts, reported, variables, weighting};
use crate::config::{Config, ElboForm};
use crate::engine::{Divergence, Engine, Position, Settings};
use crate::error::Error;
use crate::model::Vae;
use crate::model::objective::Weighting;
use crate::model::prepared::Prepared;
use crate::quantize::Plan;
use crate::readings::Normalization;
use crate::train::{Epoch, State, divergence};

/// The plain bound.
const PLAIN: Weighting = Weighting {
    form: ElboForm::Divergence,
    weight: 1.0,
    free_bits: 0.0,
};

/// Names of the engine's streams.
const STREAMS: [&str; 3] = ["noise", "missing", "binarization"];

/// The passes that are written by hand, for models that [`supports`](crate::engine::supports) says.
pub(in crate::train) struct ByEngine<'a> {
    vae: &'a Vae,
    config: &'a Config,
    engine: Engine<'a>,
    /// The range of the likelihood's own parameters.
    bounds: Vec<(f32, f32)>,
}

impl<'a> ByEngine<'a> {
    pub(in crate::train) fn new(
        vae: &'a Vae,
        config: &'a Config,
        training: &'a Prepared,
    ) -> Result<Self, Error> {
        Ok(Self {
            vae,
            config,
            engine: Engine::new(vae, &Settings::new(config), training)?,
            bounds: vae.likelihood.bounds()?,
        })
    }

    /// Passes in the integers of `plan` from now on.
    pub(in crate::train) fn quantize(
        mut self,
        normalization: &Normalization,
        plan: &Plan,
    ) -> Result<Self, Error> {
        self.engine.quantize(self.vae, normalization, plan)?;
        Ok(self)
    }
}

impl Step for ByEngine<'_> {
    fn ascend(&mut self, readings: &[u32], turn: Turn) -> Result<(), Error> {
        let project = |values: &mut [f32]| {
            for (value, &(lowest, highest)) in values.iter_mut().zip(&self.bounds) {
                *value = value.max(lowest).min(highest);
            }
        };
        let weighting = weighting(self.config, turn.epoch).unwrap_or(PLAIN);
        let ended = self
            .engine
            .ascend(readings, weighting, turn.rate, &project)?;
        self.engine.write(self.vae)?;
        match ended {
            None => Ok(()),
            Some(Divergence { batch, noise }) => {
                let place = divergence::find(self.vae, &batch, &noise)?;
                Err(divergence::diverged(turn.epoch, place))
            }
        }
    }

    fn end(&mut self, readings: usize, turn: Turn) -> Result<Epoch, Error> {
        let means = Epoch::of_sums(turn.epoch, readings, &self.engine.end());
        Ok(reported(self.config, means))
    }

    fn state(&self) -> Result<State, Error> {
        let position = self.engine.position();
        let mut state = State::default();
        state.put_optimizer("adam", (position.moments, position.steps))?;
        for (name, stream) in STREAMS.into_iter().zip(&position.streams) {
            state.put_stream(name, stream);
        }
        state.put(SUMS, &position.sums)?;
        Ok(state)
    }

    fn resume(&mut self, state: &State) -> Result<(), Error> {
        let (moments, steps) = state.optimizer("adam", &counts(&variables(self.vae)))?;
        let [noise, missing, binarization] = STREAMS.map(|name| state.stream(name));
        self.engine.resume(Position {
            moments,
            steps,
            streams: [noise?, missing?, binarization?],
            sums: state.numbers(SUMS, self.engine.sums())?,
        });
        Ok(())
    }
}
