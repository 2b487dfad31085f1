//! What a server answered for one recipient.

use super::{Reply, Step};
use crate::fault::Retry;
use std::fmt;

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The server has answered for the message.
    Accepted(Reply),
    /// It said no to the recipient, or to all of the message, for now or for ever as the code says.
    Refused { step: Step, reply: Reply },
    /// The message is larger than what the server said that it takes; it was not offered.
    TooLarge { size: u64, limit: u64 },
}

impl Answer {
    pub(super) fn refused(step: Step, reply: &Reply) -> Answer {
        Answer::Refused { step, reply: reply.clone() }
    }

    /// Whether it can be offered again later; `None`: it was accepted.
    ///
    /// 552 in answer to RCPT is said by old servers for too many recipients: RFC 5321 section 4.5.3.1.10.
    pub fn retry(&self) -> Option<Retry> {
        match self {
            Answer::Accepted(_) => None,
            Answer::Refused { step: Step::Rcpt, reply } if reply.code == 552 => Some(Retry::Later),
            Answer::Refused { reply, .. } if reply.is_permanent() => Some(Retry::Never),
            Answer::Refused { .. } => Some(Retry::Later),
            Answer::TooLarge { .. } => Some(Retry::Never),
        }
    }

    /// True if the server only takes no more recipients with this message.
    pub fn is_one_too_many(&self) -> bool {
        matches!(self, Answer::Refused { step: Step::Rcpt, reply } if matches!(reply.code, 452 | 552))
    }

    /// The status code for a report on who is refused for ever; `None`: nothing better is known than that the address is bad.
    pub fn status(&self) -> Option<&str> {
        match self {
            Answer::Accepted(_) => None,
            Answer::Refused { reply, .. } if reply.status.is_some() => reply.status.as_deref(),
            Answer::Refused { step: Step::Rcpt, .. } => None,
            Answer::Refused { .. } => Some("5.0.0"),
            Answer::TooLarge { .. } => Some("5.3.4"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Accepted(reply) => write!(f, "{reply}"),
            Answer::Refused { step, reply } => write!(f, "{reply} (in answer to {step})"),
            Answer::TooLarge { size, limit } => {
                write!(f, "the message has {size} bytes, and the server takes {limit}")
            }
        }
    }
}
