//! `uuname`: this system and its neighbours.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Names {
    /// Our own name.
    pub node: String,
    pub systems: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Name {
    pub name: String,
    pub aliases: Vec<String>,
}

impl fmt::Display for Names {
    /// The neighbours, one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.systems.iter().try_for_each(|system| writeln!(f, "{}", system.name))
    }
}
