//! What came of the demo, for people and as JSON.

use super::letters::{Arrived, Letter};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// The result of a run of the demo.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    pub to_leaf: Direction,
    pub to_feed: Direction,
    /// Connections that the exchange made.
    pub calls: u32,
    /// From CONNECT to hang-up, all calls together.
    pub connect_seconds: f64,
    /// Bytes that the modems carried, both ways.
    pub bytes_on_the_line: u64,
    /// Share of what the busier direction of the line could have carried in that time.
    pub line_efficiency: f64,
    /// What the line spoiled: inverted bits and lost bytes.
    pub spoiled: u64,
    pub folder: PathBuf,
    pub mailboxes: Vec<PathBuf>,
    pub configurations: Vec<PathBuf>,
}

/// The letters of one direction.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Direction {
    pub sent: usize,
    /// Arrived exactly once and as written.
    pub verified: usize,
    pub missing: Vec<String>,
    pub repeated: Vec<String>,
    pub damaged: Vec<String>,
    /// The bytes of the letters.
    pub bytes: u64,
}

impl Direction {
    pub fn new(letters: &[Letter], arrived: Arrived) -> Direction {
        let Arrived { intact, damaged, repeated, missing } = arrived;
        let bytes = letters.iter().map(|letter| letter.text().len() as u64).sum();
        Direction { sent: letters.len(), verified: intact, missing, repeated, damaged, bytes }
    }

    fn sound(&self) -> bool {
        self.verified == self.sent
    }
}

impl Summary {
    /// Every message arrived exactly once and intact.
    pub fn sound(&self) -> bool {
        self.to_leaf.sound() && self.to_feed.sound()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, direction) in
            [("polux -> barberouge", &self.to_leaf), ("barberouge -> polux", &self.to_feed)]
        {
            writeln!(
                f,
                "{name}   {} of {} messages verified, {} bytes",
                direction.verified, direction.sent, direction.bytes
            )?;
            for (what, marks) in [
                ("missing", &direction.missing),
                ("arrived twice", &direction.repeated),
                ("damaged", &direction.damaged),
            ] {
                if !marks.is_empty() {
                    writeln!(f, "                      {what}: {}", marks.join(", "))?;
                }
            }
        }
        writeln!(
            f,
            "the line              {} bytes in {:.1} s of connection over {} call{}, {:.0} % of what it can carry{}",
            self.bytes_on_the_line,
            self.connect_seconds,
            self.calls,
            if self.calls == 1 { "" } else { "s" },
            self.line_efficiency * 100.0,
            if self.spoiled > 0 { format!(", {} times spoiled", self.spoiled) } else { String::new() }
        )?;
        for mailbox in &self.mailboxes {
            writeln!(f, "mailbox               {}", mailbox.display())?;
        }
        for configuration in &self.configurations {
            writeln!(f, "configuration         {}", configuration.display())?;
        }
        let verdict = if self.sound() {
            "Every message arrived exactly once and as it was written."
        } else {
            "NOT every message arrived exactly once and as it was written."
        };
        write!(f, "{verdict}")
    }
}
