//! Whether an image computes here what the workstation computed.

use crate::protocol::{Identity, Refusal};
use elbow::ModelPlace;

/// Checks an image before it runs: its checksum, its content, its workspace, its self-test.
pub(super) fn check(
    image: &[u8],
    identity: Identity,
    workspace: &mut [u64],
) -> Result<(), Refusal> {
    let have = Identity::of(image);
    if have != identity {
        return Err(Refusal::Checksum {
            need: identity.crc,
            have: have.crc,
        });
    }
    let mut place = ModelPlace::new();
    let model = place.parse(image);
    let model = model.map_err(|error| Refusal::Image { code: error.code() })?;
    if workspace.len() < model.workspace_words() {
        return Err(Refusal::Workspace {
            have: bytes(workspace.len()),
            need: bytes(model.workspace_words()),
        });
    }
    let tested = model.self_test(workspace);
    tested.map_err(|error| Refusal::SelfTest { code: error.code() })
}

/// Bytes of so many words of a workspace.
pub(super) fn bytes(words: usize) -> u32 {
    u32::try_from(words.saturating_mul(8)).unwrap_or(u32::MAX)
}
