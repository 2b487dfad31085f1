//! The bytes that follow a request: they come piece by piece and go into the spool so, however many there are.

use super::VerbError;
use crate::spool::{CHUNK, Content, Spool};
use std::future::Future;

/// Where the bytes come from.
pub trait Body: Send {
    /// The next piece, at most [`CHUNK`] bytes; None after the last, once. A body that breaks off is an error.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, VerbError>> + Send;
}

/// Brings a whole body into the spool: a short one as it is, a longer one as a body of the spool.
pub async fn keep(body: &mut impl Body, spool: &Spool) -> Result<Content, VerbError> {
    let mut head = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        head.extend_from_slice(&chunk);
        if head.len() > CHUNK {
            return keep_long(head, body, spool).await;
        }
    }
    Ok(Content::bytes(head))
}

async fn keep_long(mut begun: Vec<u8>, body: &mut impl Body, spool: &Spool) -> Result<Content, VerbError> {
    let id = spool.body_new().await?;
    let kept = async {
        let mut offset = 0;
        loop {
            // What has come may be up to two pieces; the spool takes one at a time.
            while !begun.is_empty() {
                let rest = begun.split_off(begun.len().min(CHUNK));
                let length = begun.len() as u64;
                spool.body_append(id, offset, begun).await?;
                offset += length;
                begun = rest;
            }
            match body.chunk().await? {
                Some(chunk) => begun = chunk,
                None => return Ok(spool.body_sync(id).await?),
            }
        }
    };
    match kept.await {
        Ok(()) => Ok(Content::body(id)),
        Err(error) => {
            // The sweep would find it too.
            let _ = spool.body_drop(id).await;
            Err(error)
        }
    }
}
