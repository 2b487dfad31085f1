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
    /// To a program that a name here stands for, in the name of a user of this machine.
    Program { command: String, user: String },
    /// Into a file that a name here stands for, in the name of a user of this machine.
    File { path: PathBuf, user: String },
    /// Kept until somebody releases it; then this is done.
    Held(Box<Decision>),
    /// Back to the sender.
    Refused(Refusal),
}

/// Why a recipient cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// RFC 3463, such as `5.1.1`. One that begins with 4 passes: the recipient cannot be routed now.
    pub status: String,
    /// One sentence, printable.
    pub reason: String,
}

impl Refusal {
    /// True if the recipient can be routed another time.
    pub fn is_passing(&self) -> bool {
        self.status.starts_with('4')
    }
}

/// One recipient and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// As the sender gave it, before aliases: what a report names. With an owner: as the list has it.
    pub recipient: Address,
    pub decision: Decision,
    /// Who is the envelope sender of this copy in place of the sender, if that is not null: the owner of a list, who hears
    /// alone of what fails.
    pub owner: Option<Address>,
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
            Decision::Program { command, user } => (Transport::Pipe.in_queue(), command, user),
            Decision::File { path, user } => {
                (Transport::File.in_queue(), path.to_string_lossy().into_owned(), user)
            }
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
