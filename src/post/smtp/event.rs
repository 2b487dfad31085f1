//! What the server machine asks and tells.

use crate::observe::Secret;
use crate::post::address::Address;
use crate::post::mail::Sender;
use crate::post::mail::notice::{MessageNotice, RecipientNotice};

/// What came with MAIL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFrom {
    pub sender: Sender,
    /// What the client called itself; a stranger's text, printable ASCII.
    pub client: String,
    /// The client said EHLO, not HELO.
    pub extended: bool,
    /// It came over TLS.
    pub secured: bool,
    /// The size that the client announced, in bytes.
    pub size: Option<u64>,
    pub notice: MessageNotice,
}

/// What came with RCPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcptTo {
    pub recipient: Address,
    pub notice: RecipientNotice,
}

/// What happened. What says so must be answered before anything more happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A message is offered. Answer with [`accept`](super::Server::accept) or [`refuse`](super::Server::refuse).
    Sender(MailFrom),
    /// One of its recipients. Answer with [`accept`](super::Server::accept) or [`refuse`](super::Server::refuse).
    Recipient(RcptTo),
    /// The text comes next. Answer with [`accept`](super::Server::accept) or [`refuse`](super::Server::refuse).
    Begin,
    /// More of the text, with LF line ends, no longer than the bytes that were handed in. Not answered, but
    /// [`refuse`](super::Server::refuse) may be called if it cannot be kept.
    Data(Vec<u8>),
    /// The text is complete. Answer with [`kept`](super::Server::kept), once it is durable, or with [`refuse`](super::Server::refuse).
    End,
    /// The message that was offered will not come; forget it.
    Abandoned,
    /// Send what there is to send, come to terms over TLS, and answer with [`secured`](super::Server::secured); or the
    /// client has gone.
    StartTls,
    /// Who the client claims to be. Answer with [`accept`](super::Server::accept) or [`refuse`](super::Server::refuse):
    /// by 535 if the password is wrong.
    Login { name: String, password: Secret },
    /// The mail for this node is to be sent on its way (ETRN); a stranger's text, printable ASCII. Answer with
    /// [`turned`](super::Server::turned) or [`refuse`](super::Server::refuse).
    Turn(String),
}
