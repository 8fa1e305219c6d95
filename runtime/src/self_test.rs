//! Does this machine compute what the workstation computed?

use crate::crc::{Crc, crc32};
use crate::estimator::Estimator;
use crate::format::{ExpectedScore, MAX_LAYERS};
use crate::layer::LayerRole;
use crate::mask::Mask;
use crate::model::Model;
use crate::session::{Session, passes};
use crate::workspace::{Scratch, WorkspaceError};
use heapless::Vec;

/// Layers of both halves, heads and output included, at most.
pub(crate) const MAX_HASHES: usize = 2 * MAX_LAYERS + 2;

/// CRC-32 (ISO-HDLC) of what each layer gives for the reading of the self-test, in order: the one or two bytes of
/// each activation of hidden layers, means and log-variances as little-endian Q16.16, and the
/// decoder's wide outputs at the posterior mean likewise.
pub(crate) type Hashes = Vec<u32, MAX_HASHES>;

/// Why a self-test failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SelfTestError {
    /// The workspace is too small for the model.
    Workspace(WorkspaceError),
    /// The outputs of a layer differ from the workstation's; those of the layers before it do not.
    Layer {
        /// What the layer is.
        role: LayerRole,
        /// Which of all layers, from 0.
        index: usize,
    },
    /// All layers agree, but a bound, or what joins the statistics, differs from the workstation's.
    Score {
        /// The estimator whose score differs.
        estimator: Estimator,
        /// The score in the image, Q16.16 nats.
        expected: i32,
        /// The score computed here, Q16.16 nats.
        computed: i32,
    },
}

impl Model<'_> {
    /// Encodes, decodes and scores the reading that the image carries, and compares the outputs of
    /// each layer and the score of each kind of estimator with the workstation's, bit for bit; estimators
    /// that this build leaves out are passed over.
    /// Worth a call at every boot.
    ///
    /// # Errors
    /// [`SelfTestError`] names the first layer or score that differs, or the workspace's size.
    pub fn self_test(&self, workspace: &mut [u64]) -> Result<(), SelfTestError> {
        let hashes = self
            .layer_hashes(workspace)
            .map_err(SelfTestError::Workspace)?;
        let expected = self.self_test.hashes.iter();
        for (index, (expected, computed)) in expected.zip(&hashes).enumerate() {
            if expected != computed {
                let role = self.role(index);
                return Err(SelfTestError::Layer { role, index });
            }
        }
        let mut session = Session::new(self, workspace, 0).map_err(SelfTestError::Workspace)?;
        for ExpectedScore { estimator, score } in self.self_test.expected.iter() {
            if estimator.left_out().is_some() {
                continue;
            }
            let computed = self.self_test_score(&mut session, estimator);
            if computed != score {
                return Err(SelfTestError::Score {
                    estimator,
                    expected: score,
                    computed,
                });
            }
        }
        Ok(())
    }

    /// The score of the self-test's reading as this machine computes it, from the start of stream 0 of seed 0: its bound,
    /// and on top the largest surprise of its statistics, Q16.16 nats, wrapping.
    pub(crate) fn self_test_score(&self, session: &mut Session<'_>, estimator: Estimator) -> i32 {
        session.reseed(0, 0);
        // Parsing has checked that the reading can be scored.
        let score = session.score(self.self_test.reading, estimator);
        let bound = score.map_or(0, |score| score.elbo().to_bits());
        #[cfg(feature = "statistics")]
        if let Ok(score) = score {
            let values = session.statistics(self.self_test.reading, Mask::ALL, &score);
            return bound.wrapping_add(self.statistics.curves.joined(&values).0);
        }
        bound
    }

    /// The hashes of what each layer gives here.
    pub(crate) fn layer_hashes(&self, workspace: &mut [u64]) -> Result<Hashes, WorkspaceError> {
        let mut scratch = Scratch::new(self, workspace)?;
        let mut hashes = Hashes::new();
        let mut heads = Crc::new();
        let encoder_layers = self.encoder.hidden.len();
        let mut seen = 0;
        passes::encode(
            self,
            self.self_test.reading,
            Mask::ALL,
            &mut scratch,
            |bytes| {
                // The heads come in two parts, means and log-variances, and count as one layer.
                if seen < encoder_layers {
                    let _ = hashes.push(crc32(bytes));
                } else {
                    heads.update(bytes);
                }
                seen += 1;
            },
        );
        let _ = hashes.push(heads.finish());
        let place = passes::lane(self, scratch.latents, 0);
        scratch.posterior.at_mean(place);
        let mut output = Crc::new();
        let mut outputs = passes::decode(self, &mut scratch, 1, |bytes| {
            let _ = hashes.push(crc32(bytes));
        });
        while let Some(rows) = outputs.next() {
            for [value, ..] in rows {
                output.update(&value.to_le_bytes());
            }
        }
        let _ = hashes.push(output.finish());
        Ok(hashes)
    }

    fn role(&self, index: usize) -> LayerRole {
        let encoder = self.encoder.hidden.len();
        let decoder = self.decoder.hidden.len();
        match index {
            _ if index < encoder => LayerRole::Encoder,
            _ if index == encoder => LayerRole::Heads,
            _ if index <= encoder + decoder => LayerRole::Decoder,
            _ => LayerRole::Output,
        }
    }
}
