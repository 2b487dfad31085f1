//! What routing answers.

use super::{Hop, OnRelease, Place, Transport};
use crate::job::SystemName;
use crate::post::address::Address;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The word by which the queue knows a gateway: unlike a `pipe`, which works in the name of a user.
const GATEWAY: &str = "gateway";

/// What is done for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Into the mailbox of a user here.
    Local { user: String, mailbox: PathBuf },
    /// To a neighbour, with the address as it is to be given there.
    Neighbour { system: SystemName, transport: Transport, address: Address },
    /// By SMTP.
    Smtp { hop: Hop, address: Address },
    /// To a program that is a way out of here to another network, run in our own name.
    Gateway { command: String, address: Address },
    /// Kept until somebody releases it; then this is done.
    Held(Box<Decision>),
    /// Back to the sender.
    Refused(Refusal),
}

/// Why a recipient cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// RFC 3463, such as `5.1.1`.
    pub status: String,
    /// One sentence, printable.
    pub reason: String,
}

/// One recipient and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// As the sender gave it, before aliases: what a report names.
    pub recipient: Address,
    pub decision: Decision,
    /// The rules that led there, in order, for people.
    pub why: String,
    /// Where the rule that decided stands, if it stands in a file.
    pub place: Option<Place>,
}

/// A decision as the queue keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    pub transport: String,
    /// A user, a command line, a path, a system or a next hop, as the transport wants it.
    pub site: String,
    pub address: String,
}

impl Decision {
    /// What the queue is given; for a refusal there is nothing to give.
    pub fn handover(self) -> Result<Handover, Refusal> {
        let (transport, site, address) = match self {
            Decision::Local { user, .. } => (Transport::Local.in_queue(), user.clone(), user),
            Decision::Neighbour { system, transport, address } => {
                (transport.in_queue(), system.to_string(), address.to_string())
            }
            Decision::Smtp { hop, address } => {
                (Transport::Smtp.in_queue(), hop.to_string(), address.to_string())
            }
            Decision::Gateway { command, address } => (GATEWAY, command, address.to_string()),
            Decision::Held(later) => {
                let Handover { transport, site, address } = later.handover()?;
                let site = OnRelease { transport: &transport, site: &site }.to_string();
                (Transport::Queueonly.in_queue(), site, address)
            }
            Decision::Refused(refusal) => return Err(refusal),
        };
        Ok(Handover { transport: transport.to_owned(), site, address })
    }
}

pub(super) fn refused(status: &str, reason: String) -> Decision {
    Decision::Refused(Refusal { status: status.to_owned(), reason })
}
