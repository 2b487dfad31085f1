//! `rsmtp`: a batch of messages with their envelopes inside.

use crate::job::SystemName;
use crate::post::queue::{Door, UnbatchError, Unbatched};
use crate::spool::BodyRef;
use jiff::Timestamp;

/// Prepares the messages of a batch, all or none.
pub(super) async fn prepare(
    door: &Door,
    peer: Option<&SystemName>,
    body: BodyRef,
    received: Timestamp,
) -> Result<Unbatched, UnbatchError> {
    let text = peer.map_or("rsmtp of a user here".to_owned(), |peer| format!("rsmtp from {peer}"));
    door.prepare_batch(body, peer, &text, received).await
}
