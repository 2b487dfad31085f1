//! Bodies: the bytes of messages and files.

use serde::{Deserialize, Serialize};

/// The most bytes that one `body_read` gives, and that are held in memory of a body that is being written: 64 KiB.
pub const CHUNK: usize = 64 * 1024;

/// The most bytes that one `body_append` takes, and that a [`super::BodyReader`] gives at once: 256 KiB.
pub const MOST_AT_ONCE: usize = 4 * CHUNK;

/// A body in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BodyId(pub u64);

/// A body and how long it is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BodyRef {
    pub id: BodyId,
    pub size: u64,
}

/// What a verb that makes something is given as its bytes: `head`, followed by the body `rest` if there is
/// one. A finished body may be shared by many (one message, several jobs with each its own From_ line); it
/// lives as long as anything refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// At most [`CHUNK`] bytes.
    pub head: Vec<u8>,
    pub rest: Option<BodyId>,
}

impl Content {
    pub fn bytes(head: Vec<u8>) -> Content {
        Content { head, rest: None }
    }

    pub fn body(rest: BodyId) -> Content {
        Content { head: Vec::new(), rest: Some(rest) }
    }
}
