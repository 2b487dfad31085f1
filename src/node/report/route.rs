//! `uugate route`: where mail for an address goes, and which rule says so.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Route {
    pub routed: Vec<Routed>,
}

/// One end of the way of one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Routed {
    /// As it was asked for.
    pub address: String,
    pub decision: Decision,
    /// The rules that led there, in order, each with its place if it stands in a file.
    pub why: String,
    /// Where the rule stands that decided.
    pub file: Option<String>,
    /// From 1.
    pub line: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    #[serde(rename_all = "kebab-case")]
    Deliver {
        /// As the queue knows it: `local`, `uux`, `smtp`.
        transport: String,
        /// User, system, next hop or command.
        site: String,
        /// The address as it is given there.
        given: String,
        /// The sender as it is told there, if one was asked about.
        sender: Option<String>,
        /// It is called for this mail, as far as hours and budgets allow.
        call: bool,
    },
    Refuse {
        /// RFC 3463.
        status: String,
        reason: String,
    },
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Routed { address, decision, why, .. } in &self.routed {
            match decision {
                Decision::Deliver { transport, site, given, sender, call } => {
                    write!(f, "{address}: {transport} to {site}, as {given}")?;
                    if let Some(sender) = sender {
                        write!(f, ", from {sender}")?;
                    }
                    if *call {
                        write!(f, ", and it is called")?;
                    }
                }
                Decision::Refuse { status, reason } => write!(f, "{address}: refused, {status} {reason}")?,
            }
            writeln!(f, "\n    {why}")?;
        }
        Ok(())
    }
}
